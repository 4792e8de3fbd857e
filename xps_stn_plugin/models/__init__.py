"""lmfit models of XPS lines with the background that they carry."""

from __future__ import annotations

from .backgrounds import BACKGROUND_PARAMETERS, TOUGAARD, background_parameters, split
from .shapes import (
    GraphiticModel,
    HydrocarbonModel,
    LineModel,
    RegionModel,
    SteppedPseudoVoigtModel,
    TougaardGraphiticModel,
    TougaardHydrocarbonModel,
    TougaardPseudoVoigtModel,
)

__all__ = [
    "BACKGROUND_PARAMETERS",
    "TOUGAARD",
    "GraphiticModel",
    "HydrocarbonModel",
    "LineModel",
    "RegionModel",
    "SteppedPseudoVoigtModel",
    "TougaardGraphiticModel",
    "TougaardHydrocarbonModel",
    "TougaardPseudoVoigtModel",
    "background_parameters",
    "split",
]
