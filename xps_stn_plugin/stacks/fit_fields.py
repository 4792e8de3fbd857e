"""What the fits of a stack say of every spectrum: variables of the result, by region."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .fields import Field, energy_attrs
from .fit import FITTED, NOT_FITTED
from .structures import StackFits

#: One word for each of `FIT_STATUSES`.
_FIT_WORDS: Final = ("fitted", "given_up", "not_fitted")

_COMPONENT_ATTRS: Final = {
    "center": energy_attrs("binding energy of the component, on the corrected scale"),
    "fwhm": energy_attrs("full width at half maximum"),
    "area": {"units": "intensity eV", "long_name": "area without background"},
    "center_stderr": energy_attrs("standard error of the binding energy"),
    "fwhm_stderr": energy_attrs("standard error of the width"),
    "area_stderr": {"units": "intensity eV", "long_name": "standard error of the area"},
}


def fit_fields(region: str, components: Sequence[str]) -> tuple[Field, ...]:
    """Fields that the fits of one region fill, in the order of `fit_values`."""
    structures = {"long_name": "number of the model structure; -1: no model, -2: seeded singly"}
    statuses = {
        "long_name": "what became of the fit",
        "flag_values": np.arange(len(_FIT_WORDS), dtype=np.int8),
        "flag_meanings": " ".join(_FIT_WORDS),
    }
    success = {"long_name": "whether the fit found a minimum", "flag_values": np.arange(2, dtype=np.int8)}
    labels = {"component": components}
    return (
        Field("structure", region, "i2", attrs=structures, fill=-1),
        Field("fit_status", region, "i1", attrs=statuses, fill=NOT_FITTED),
        Field("success", region, "i1", attrs={**success, "flag_meanings": "no yes"}, fill=0),
        Field("nfev", region, "i4", attrs={"long_name": "evaluations of the model"}, fill=0),
        Field("redchi", region, attrs={"long_name": "reduced chi-square of the fit", "units": "1"}),
        *(Field(name, region, labels=labels, attrs=attrs) for name, attrs in _COMPONENT_ATTRS.items()),
    )


def fit_values(fits: StackFits) -> tuple[NDArray[Any], ...]:
    """Fits of k spectra, one array for each of `fit_fields`."""
    return (
        fits.structure,
        fits.status,
        np.equal(fits.status, FITTED),
        fits.nfev,
        fits.redchi,
        *(getattr(fits.components, name) for name in _COMPONENT_ATTRS),
    )
