"""Fuzz harness: damaged and hostile variants of every file that the package reads. See ``docs/contributing.md``."""
