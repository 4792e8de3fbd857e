"""Simulation: repeat units, their lines, and spectra as instruments would record them."""
