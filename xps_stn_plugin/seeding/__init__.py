"""Groups and data -> lmfit model, start values, bounds, ties and background."""

from __future__ import annotations

from .region import Noise, noise_of
from .seed import seed_region
from .shapes import HydrocarbonModel, RegionModel, SteppedPseudoVoigtModel, split

__all__ = [
    "HydrocarbonModel",
    "Noise",
    "RegionModel",
    "SteppedPseudoVoigtModel",
    "noise_of",
    "seed_region",
    "split",
]
