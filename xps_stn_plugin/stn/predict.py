"""Spectrum -> prediction: shift with error bar, functional groups, per-region shifts, and a verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from xps_prefit_hooks import Prediction, Settings

from .carbon_first import carbon_first
from .stack import Rows, predict_stack
from .stack_prediction import StackPrediction
from .verdict import CARBON
from .view import View, view_of_spectrum
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
    view = view_of_spectrum(spectrum, trained.grid)
    counts = {name: spectrum.children[name].to_dataset()["counts"].values[None] for name in view.energies}
    source = str(spectrum.attrs.get("source", "spectrum"))
    prediction = predict_view(trained, view, counts, shift, source=source).prediction(0)
    return replace(prediction, regions_read=tuple(view.names.values()))


def predict_view(
    trained: TrainedNetwork,
    view: View,
    counts: Mapping[str, Rows],
    shift: ArrayLike | None = None,
    *,
    keep_posterior: bool = False,
    source: str = "stack",
) -> StackPrediction:
    """Ask a network about spectra over the same axes; a single spectrum is a stack of one.

    Parameters
    ----------
    trained : TrainedNetwork
    view : View
        What the network reads of them.
    counts : mapping of str to rows
        Intensities of every region by name, shape (n, m).
    shift, keep_posterior, source
        See `predict_stack`.

    Returns
    -------
    StackPrediction
        Shift NaN and status "out_of_domain" where no region is one that the network knows, or none shows a line.
    """
    regions = {level: (view.energies[name], counts[name]) for level, name in view.names.items()}
    prediction = predict_stack(
        trained,
        # Regions that the network does not know still say how many spectra there are.
        regions or {name: (view.energies[name], rows) for name, rows in counts.items()},
        durations=view.durations,
        shift=shift,
        keep_posterior=keep_posterior,
        source=source,
    )
    prediction = replace(prediction, notes=view.notes)
    if shift is not None or keep_posterior:
        return prediction

    def ask(rows: NDArray[np.intp], carbon_alone: bool, at: NDArray[np.float64] | None) -> StackPrediction:
        some = {
            level: (energy, np.concatenate([np.asarray(values[row : row + 1]) for row in rows.tolist()]))
            for level, (energy, values) in regions.items()
            if level == CARBON or not carbon_alone
        }
        times = {level: time for level, time in view.durations.items() if level in some}
        return predict_stack(trained, some, durations=times, shift=at, source=source)

    return carbon_first(prediction, ask)
