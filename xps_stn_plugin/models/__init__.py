"""lmfit models of XPS lines with the background that they carry."""

from __future__ import annotations

from .shapes import HydrocarbonModel, RegionModel, SteppedPseudoVoigtModel, split

__all__ = ["HydrocarbonModel", "RegionModel", "SteppedPseudoVoigtModel", "split"]
