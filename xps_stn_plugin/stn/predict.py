"""Spectrum -> prediction: shift with error bar, functional groups, per-region shifts, and a verdict."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from types import MappingProxyType

import xarray as xr

from xps_prefit_hooks import Prediction, Settings

from .stack import predict_stack
from .view import durations, nothing_known, seen_names, seen_regions
from .weights import TrainedNetwork, shipped_weights


def predict(spectrum: xr.DataTree, settings: Settings, shift: float | None = None) -> Prediction:
    """Ask the shipped network.

    Parameters
    ----------
    spectrum : xarray.DataTree
        On the measured axis; of repeated core levels the first is used.
    settings : Settings
        Unused by the network.
    shift : float, optional
        Shift in eV at which the groups are read, where it is known.

    Returns
    -------
    Prediction
        Shift NaN and status "out_of_domain" where no region is one that the network knows, or none shows a line.
    """
    return predict_with(shipped(), spectrum, shift)


@cache
def shipped() -> TrainedNetwork:
    """Load the shipped weights, once."""
    return shipped_weights()


def predict_with(trained: TrainedNetwork, spectrum: xr.DataTree, shift: float | None = None) -> Prediction:
    """Ask a given network; see `predict`.

    Raises
    ------
    PrefitError
        If a region is a stack of spectra.
    """
    regions, notes = seen_regions(spectrum, trained.grid)
    if not regions:
        return _no_shift(trained, nothing_known(spectrum.children, trained.grid), *notes)
    stack = predict_stack(
        trained,
        {name: (data["binding_energy"].values, data["counts"].values[None]) for name, data in regions.items()},
        durations=durations(regions),
        shift=shift,
        source=str(spectrum.attrs.get("source", "spectrum")),
    )
    prediction = stack.prediction(0)
    names, _ = seen_names(spectrum, trained.grid)
    return replace(prediction, reasons=(*prediction.reasons, *notes), regions_read=tuple(names.values()))


def _no_shift(trained: TrainedNetwork, *reasons: str) -> Prediction:
    """Prediction that there is nothing to predict from: a number would be taken for a result."""
    nan = float("nan")
    return Prediction(
        shift=nan,
        shift_stderr=nan,
        groups=MappingProxyType(dict.fromkeys(trained.groups, nan)),
        status="out_of_domain",
        reasons=reasons,
        region_shifts=MappingProxyType({}),
        model=trained.info,
    )
