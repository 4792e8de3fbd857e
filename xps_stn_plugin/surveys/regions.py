"""Surveys of a spectrum with several regions, and of stacks."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

import numpy as np
import xarray as xr

from xps_prefit_hooks import ALIPHATIC_C1S, MAXIMUM_ABOVE_FIRST_MEMBER, Prediction, Settings

from ..core.element_lines import AL_K_ALPHA
from ..core.result import shift_is_applied
from ..core.survey import LACKED, LIKELY, SHOWN, Survey, is_survey
from .recognise import survey_of, survey_of_arrays

#: Scale with the first vibrational member of aliphatic C 1s at 285.00 eV, on which shifts are predicted, less that of
#: the table of lines, where the maximum of hydrocarbon C 1s is at 284.8 eV; in eV.
SCALE: Final = ALIPHATIC_C1S + MAXIMUM_ABOVE_FIRST_MEMBER - 284.8
#: Atomic percentage that a survey must be able to show for an element to count as absent in other regions, whose
#: lines show ten times less.
_CERTAINLY_ABSENT: Final = 0.1


def surveys_in(
    spectrum: xr.DataTree,
    *,
    photon_energy: float | None = None,
    shift: float | None = None,
    transmission: float = 0.0,
) -> dict[str, Survey]:
    """Elements of each single survey spectrum by region; parameters as in `survey_of`."""
    surveys = {}
    for name, child in spectrum.children.items():
        dataset = child.to_dataset()
        if "counts" not in dataset or dataset["counts"].ndim != 1 or not is_survey(dataset, str(name)):
            continue
        survey = survey_of(
            dataset, region=str(name), photon_energy=photon_energy, shift=shift, transmission=transmission
        )
        if survey is not None:
            surveys[str(name)] = survey
    return surveys


def predicted_surveys(spectrum: xr.DataTree, prediction: Prediction, settings: Settings) -> dict[str, Survey]:
    """Surveys of a prefit: a shift that can be trusted is that of the surveys, too."""
    trusted = shift_is_applied(prediction, settings) and prediction.status == "ok"
    return surveys_in(
        spectrum,
        photon_energy=settings.photon_energy,
        shift=prediction.shift + SCALE if trusted else None,
        transmission=settings.transmission,
    )


def with_elements(spectrum: xr.DataTree, surveys: Mapping[str, Survey]) -> xr.DataTree:
    """Spectrum whose surveys carry the attributes `SHOWN` and `LACKED`, for the seeding of other regions."""
    children = {}
    for name, child in spectrum.children.items():
        dataset = child.to_dataset()
        if name in surveys:
            survey = surveys[str(name)]
            lacked = [symbol for symbol in survey.limits if survey.lacks(symbol, _CERTAINLY_ABSENT)]
            dataset = dataset.assign_attrs({SHOWN: " ".join(survey.symbols), LACKED: " ".join(lacked)})
        children[f"/{name}"] = dataset
    return xr.DataTree.from_dict({"/": spectrum.to_dataset(inherit=False), **children})


def stack_survey(
    dataset: xr.Dataset,
    *,
    photon_energy: float | None = None,
    shift: float | None = None,
    transmission: float = 0.0,
    elements: Collection[str] | None = None,
) -> xr.Dataset:
    """Elements of each spectrum of a stack of surveys.

    Parameters
    ----------
    dataset : xarray.Dataset
        ``counts(..., binding_energy)``.
    photon_energy, shift, transmission
        As in `survey_of`. Where no shift is given, that of the sum of all spectra is taken for each.
    elements : collection of str, optional
        Elements of the result; None takes all that one spectrum or more show.

    Returns
    -------
    xarray.Dataset
        ``probability``, ``atomic_percent`` and ``atomic_percent_stderr`` over the stack's dimensions and ``element``: 0
        where an element was not found, NaN where a spectrum is missing or cannot be used; ``shift`` in eV.
    """
    counts = dataset["counts"].transpose(..., "binding_energy")
    dims, shape = counts.dims[:-1], counts.shape[:-1]
    energy = np.asarray(dataset["binding_energy"].values, dtype=float)
    given = photon_energy if photon_energy is not None else dataset.attrs.get("photon_energy")
    photon = AL_K_ALPHA if given is None else float(given)
    rows = np.asarray(counts.values, dtype=float).reshape(-1, energy.size)
    complete = np.isfinite(rows).all(axis=1)
    if shift is None and complete.any():
        total = survey_of_arrays(energy, rows[complete].sum(axis=0), photon, transmission=transmission)
        shift = None if total is None else total.shift
    found = [
        survey_of_arrays(energy, row, photon, shift=shift, transmission=transmission) if usable else None
        for row, usable in zip(rows, complete, strict=True)
    ]
    symbols = sorted(
        {symbol for survey in found if survey for symbol in survey.symbols} if elements is None else elements
    )
    values = {name: np.full((len(found), len(symbols)), np.nan) for name in ("probability", "percent", "stderr")}
    shifts = np.full(len(found), np.nan)
    for number, survey in enumerate(found):
        if survey is None:
            continue
        shifts[number] = survey.shift
        by_symbol = {element.symbol: element for element in survey.elements}
        for column, symbol in enumerate(symbols):
            element = by_symbol.get(symbol)
            values["probability"][number, column] = element.probability if element else 0.0
            values["percent"][number, column] = element.atomic_percent if element else 0.0
            values["stderr"][number, column] = element.stderr if element else 0.0
    over = (*dims, "element")
    units = {"units": "at%"}
    return xr.Dataset(
        {
            "probability": (over, values["probability"].reshape(*shape, -1)),
            "atomic_percent": (over, values["percent"].reshape(*shape, -1), units),
            "atomic_percent_stderr": (over, values["stderr"].reshape(*shape, -1), units),
            "shift": (dims, shifts.reshape(shape), {"units": "eV"}),
        },
        coords={"element": symbols, **{name: dataset[name] for name in dims if name in dataset.coords}},
        attrs={"likely": LIKELY, "photon_energy": photon},
    )
