"""What every part of the package builds on: spectra, regions, the grid of the network, results, plugins."""
