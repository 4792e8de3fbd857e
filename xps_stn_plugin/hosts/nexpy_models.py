"""lmfit models for NeXpy's Fit panel (entry-point group ``nexpy.models``).

NeXpy offers every lmfit model class that it finds in this module, `HydrocarbonModel` as "Hydrocarbon",
`SteppedPseudoVoigtModel` as "SteppedPseudoVoigt", and so on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from lmfit import Model

from ..models.shapes import (
    FloatArray,
    GraphiticModel,
    HydrocarbonModel,
    SteppedPseudoVoigtModel,
    TougaardGraphiticModel,
    TougaardHydrocarbonModel,
    TougaardPseudoVoigtModel,
)

__all__ = [
    "FreeParameterModel",
    "GraphiticModel",
    "HydrocarbonModel",
    "SteppedPseudoVoigtModel",
    "TougaardGraphiticModel",
    "TougaardHydrocarbonModel",
    "TougaardPseudoVoigtModel",
]


def no_intensity(x: FloatArray, value: float = 1.0) -> FloatArray:
    """Return zeros, whatever `value` is."""
    return np.zeros_like(x, dtype=float)


class FreeParameterModel(Model):  # type: ignore[misc]  # lmfit has no type hints
    """A parameter for the expressions of others (such as a ratio of areas); adds nothing to the spectrum."""

    def __init__(
        self, independent_vars: Sequence[str] = ("x",), prefix: str = "", nan_policy: str = "raise", **kwargs: Any
    ) -> None:
        super().__init__(no_intensity, list(independent_vars), prefix=prefix, nan_policy=nan_policy, **kwargs)
