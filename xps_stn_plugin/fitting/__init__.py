"""Running the fit and reporting it."""

from __future__ import annotations

from .fit import fit_seed
from .report import ComponentRow, FitQuality, component_table, curves, fit_quality

__all__ = ["ComponentRow", "FitQuality", "component_table", "curves", "fit_quality", "fit_seed"]
