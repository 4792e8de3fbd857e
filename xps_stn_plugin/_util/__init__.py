"""Helpers that know nothing of spectra: files, file names, TOML, progress."""
