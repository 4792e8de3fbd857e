"""Running the fit and reporting it."""

from __future__ import annotations

from .confidence import Confidence, Interval, add_confidence, confidence_intervals
from .curves import curves
from .fit import fit_seed
from .report import (
    BackgroundRow,
    ComponentRow,
    FitQuality,
    background_table,
    component_table,
    fit_quality,
)
from .standard_errors import complete_errors

__all__ = [
    "BackgroundRow",
    "ComponentRow",
    "Confidence",
    "FitQuality",
    "Interval",
    "add_confidence",
    "background_table",
    "complete_errors",
    "component_table",
    "confidence_intervals",
    "curves",
    "fit_quality",
    "fit_seed",
]
