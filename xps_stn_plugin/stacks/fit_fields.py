"""What the fits of a stack say of every spectrum: variables of the result, by region."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from xps_stn_plugin.fitting.fit_rows import FITTED, NOT_FITTED
from xps_stn_plugin.fitting.noise_kind import NOISE_KINDS
from xps_stn_plugin.fitting.quality import describes

from .fields import Field, Labels, energy_attrs
from .fitted import BACKGROUNDS, NONE, StackFits
from .labels import FitLabels

#: One word for each of `FIT_STATUSES`.
_FIT_WORDS: Final = ("fitted", "given_up", "not_fitted")

_COMPONENT_ATTRS: Final = {
    "center": energy_attrs("binding energy of the component, on the corrected scale"),
    "maximum": energy_attrs("highest point of the component, above center for lines with a tail"),
    "fwhm": energy_attrs("full width at half maximum"),
    "area": {"units": "intensity eV", "long_name": "area without background"},
    "center_stderr": energy_attrs("standard error of the binding energy"),
    "fwhm_stderr": energy_attrs("standard error of the width"),
    "area_stderr": {"units": "intensity eV", "long_name": "standard error of the area"},
}
_PARAMETER_ATTRS: Final = {
    "parameter_value": {"long_name": "value of lmfit's parameter, on the corrected scale"},
    "parameter_stderr": {"long_name": "standard error of lmfit's parameter; NaN where there is none"},
}
_TEST_ATTRS: Final = {
    "durbin_watson": {"long_name": "Durbin-Watson statistic of the residual over the noise", "units": "1"},
    "runs_p": {"long_name": "probability of the residual's runs of one sign", "units": "1"},
}
_CURVE_MEANINGS: Final = {
    "background": "background with the steps of all components",
    "envelope": "model: components and background",
    "residual": "counts minus envelope",
    "component_curve": "component without background",
}


def fit_fields(region: str, labels: FitLabels) -> tuple[Field, ...]:
    """Fields that the fits of one region fill."""
    structures = {"long_name": "number of the model structure; -1: no model, -2: seeded singly"}
    statuses = {
        "long_name": "what became of the fit",
        "flag_values": np.arange(len(_FIT_WORDS), dtype=np.int8),
        "flag_meanings": " ".join(_FIT_WORDS),
    }
    success = {"long_name": "whether the fit found a minimum", "flag_values": np.arange(2, dtype=np.int8)}
    described = {
        "long_name": "whether the residual is at most ten times the noise",
        "flag_values": np.arange(2, dtype=np.int8),
    }
    noises = {
        "long_name": "noise of intensities that pass for counts",
        "flag_values": np.arange(len(NOISE_KINDS), dtype=np.int8),
        "flag_meanings": " ".join(NOISE_KINDS),
    }
    backgrounds = {
        "long_name": "kind of background in the model",
        "flag_values": np.arange(NONE, len(BACKGROUNDS), dtype=np.int8),
        "flag_meanings": " ".join(["none", *BACKGROUNDS]),
    }
    assigned = {
        "long_name": "whether a functional group, a chemical state or another element accounts for the component",
        "flag_values": np.arange(NONE, 2, dtype=np.int8),
        "flag_meanings": "no_such_component no yes",
    }
    counted = {
        "long_name": "whether the component counts for the region's element; satellites and other elements do not",
        "flag_values": np.arange(NONE, 2, dtype=np.int8),
        "flag_meanings": "no_such_component no yes",
    }
    components = {"component": labels.components}
    groups = {"component_groups": labels.groups, "component_level": labels.levels}
    parameters = {"parameter": tuple(labels.parameters)}
    meanings = {"parameter_meaning": tuple(labels.parameters.values())}
    return (
        Field("structure", region, "i2", attrs=structures, fill=-1),
        Field("fit_status", region, "i1", attrs=statuses, fill=NOT_FITTED),
        Field("success", region, "i1", attrs={**success, "flag_meanings": "no yes"}, fill=0),
        Field("describes_data", region, "i1", attrs={**described, "flag_meanings": "no yes"}, fill=0),
        Field("nfev", region, "i4", attrs={"long_name": "evaluations of the model"}, fill=0),
        Field("redchi", region, attrs={"long_name": "reduced chi-square of the fit", "units": "1"}),
        Field("noise_kind", region, "i1", attrs=noises, fill=0),
        Field("background_kind", region, "i1", attrs=backgrounds, fill=NONE),
        Field("assigned", region, "i1", labels=components, attrs=assigned, fill=NONE, texts=groups),
        Field("counted", region, "i1", labels=components, attrs=counted, fill=NONE, texts=groups),
        *(
            Field(name, region, labels=components, attrs=attrs, texts=groups)
            for name, attrs in _COMPONENT_ATTRS.items()
        ),
        *(
            Field(name, region, labels=parameters, attrs=attrs, texts=meanings, grows=True)
            for name, attrs in _PARAMETER_ATTRS.items()
        ),
    )


def curve_fields(region: str, labels: FitLabels, energy: NDArray[np.float64]) -> tuple[Field, ...]:
    """Fields of the curves of one region over the measured axis, and of the tests of the residual."""
    axis: Labels = {"binding_energy": energy}
    by_component: Labels = {"component": labels.components, "binding_energy": energy}
    curves = (
        Field(name, region, "f4", by_component if name == "component_curve" else axis, {"long_name": meaning})
        for name, meaning in _CURVE_MEANINGS.items()
    )
    tests = (Field(name, region, attrs=attrs) for name, attrs in _TEST_ATTRS.items())
    return (*curves, *tests)


def fit_values(fits: StackFits) -> dict[str, NDArray[Any]]:
    """Fits of k spectra by the names of `fit_fields`, and of `curve_fields` where they were drawn."""
    values = {
        "structure": fits.structure,
        "fit_status": fits.status,
        "success": np.equal(fits.status, FITTED),
        "describes_data": describes(fits.redchi),
        "nfev": fits.nfev,
        "redchi": fits.redchi,
        "noise_kind": fits.noise,
        "background_kind": fits.background,
        "assigned": fits.assigned,
        "counted": fits.counted,
        **{name: getattr(fits.components, name) for name in _COMPONENT_ATTRS},
        "parameter_value": fits.values,
        "parameter_stderr": fits.stderr,
    }
    if (curves := fits.curves) is not None:
        values |= {name: getattr(curves, name) for name in ("background", "envelope", "residual", *_TEST_ATTRS)}
        values["component_curve"] = curves.lines
    return values
