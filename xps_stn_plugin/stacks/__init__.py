"""Many spectra over one axis: maps, depth profiles and time series."""
