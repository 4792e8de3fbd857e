"""Basis of the package: spectra, regions, the grid of the network, results, plugins."""
