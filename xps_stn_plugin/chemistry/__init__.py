"""Reference chemistry: core levels, functional groups, and the lines of a structure."""
