"""Groups and data -> lmfit model, start values, bounds, ties and background."""

from __future__ import annotations

from .region import Noise, noise_of
from .seed import seed_region

__all__ = ["Noise", "noise_of", "seed_region"]
