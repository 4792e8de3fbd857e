"""Many spectra over one axis: maps, depth profiles and time series."""

from typing import Literal

#: What the spectra of a series have in common.
Share = Literal["none", "shift", "components"]
