"""Reference chemistry: core levels, functional groups, and the way from a structure to its lines."""
