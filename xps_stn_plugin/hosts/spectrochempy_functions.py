"""Functions for SpectroChemPy: they run actions of the menu and return results as SpectroChemPy's objects."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from xps_prefit_hooks import PrefitError, Seed

from .spectrochempy_actions import run

if TYPE_CHECKING:
    from ..api import PrefitResult


def prefit(dataset: Any, *others: Any, **settings: Any) -> PrefitResult:
    """Find the shift and the functional groups of the regions of one sample, and seed models of them.

    Parameters
    ----------
    dataset, *others : NDDataset
        One region each (see `xps_stn_plugin.hosts.spectrochempy_datasets`); more regions make the answer surer.
    **settings
        Fields of `xps_prefit_hooks.Settings`; energies in eV or with their unit.

    Raises
    ------
    PrefitError
        If a dataset is not a spectrum, or a setting makes no sense.
    """
    result: PrefitResult = run("prefit", (dataset, *others), settings).result
    return result


def seed(dataset: Any, *others: Any, **settings: Any) -> Seed:
    """Seeded lmfit model of the first region over corrected energies in eV; arguments as for `prefit`.

    Raises
    ------
    PrefitError
        As `prefit`, or if there is no model for the region (a survey).
    """
    return _first_seed(run("send_seed", (dataset, *others), settings).result)


def calibrate(dataset: Any, *others: Any, **settings: Any) -> Any:
    """Copy of the first dataset on the corrected axis, in its own unit; arguments as for `prefit`.

    Raises
    ------
    PrefitError
        As `prefit`, or if no shift is applied.
    """
    from .spectrochempy_datasets import calibrated_dataset

    result = prefit(dataset, *others, **settings)
    _ = result.calibrated  # raises where no shift is applied
    return calibrated_dataset(dataset, result)


def fit(dataset: Any, *others: Any, **settings: Any) -> Any:
    """Fitted curves of the first region over its own coordinate, as measured, and in its own units.

    Parameters
    ----------
    dataset, *others, **settings
        As for `prefit`.

    Returns
    -------
    NDDataset
        Rows labelled ``background``, ``envelope`` and by the names of the components, which are without background.
        Its ``meta`` holds ``shift``, ``shift_stderr`` and ``applied_shift`` (eV), ``status``, ``redchi``, ``success``,
        and in ``components`` the position (eV, less ``applied_shift``), full width (eV) and area (intensity times eV)
        of each.

    Raises
    ------
    PrefitError
        As `seed`.
    """
    from ..fitting import component_table, curves
    from .spectrochempy_datasets import fitted_energies

    result: PrefitResult = run("send_seed", (dataset, *others), settings).result
    start = _first_seed(result)
    fitted = result.fit(start.region)
    table = {row.name: [row.center, row.fwhm, row.area] for row in component_table(start, fitted)}
    meta = {
        "shift": result.shift,
        "shift_stderr": result.shift_stderr,
        "applied_shift": result.applied_shift,
        "status": result.region_status(start.region),
        "components": table,
        "redchi": float(fitted.redchi),
        "success": bool(fitted.success),
    }
    history = f"Fit of {start.region}: {', '.join(table)}; {result.shift_text} ({result.status})"
    return _curves_dataset(dataset, curves(start, fitted.params, fitted_energies(dataset, result)), meta, history)


def read(path: str | os.PathLike[str], *, photon_energy: Any = None) -> list[Any]:
    """Read a file with the readers of all plugins: one dataset for each region, over binding energies in eV.

    Parameters
    ----------
    path : str or path-like
        The file.
    photon_energy : float or Quantity, optional
        For kinetic energies whose photon energy the file does not give, in eV or with its unit.

    Raises
    ------
    PrefitError
        If the file cannot be read.
    """
    from ..api import read as read_spectrum
    from .spectrochempy_datasets import datasets_of_spectrum, in_electronvolts

    return datasets_of_spectrum(read_spectrum(path, in_electronvolts("photon_energy", photon_energy)))


def _first_seed(result: PrefitResult) -> Seed:
    region = next(iter(result.spectrum.children))
    if region not in result.seeds:
        raise PrefitError(result.source, " ".join((f"there is no seeded model for region {region}.", *result.reasons)))
    return result.seeds[region]


def _curves_dataset(dataset: Any, curves: Mapping[str, Any], meta: Mapping[str, Any], history: str) -> Any:
    """Dataset with one labelled row for each curve, over the coordinate of `dataset` and in its units."""
    import spectrochempy as scp

    rows = scp.Coord(np.arange(float(len(curves))), labels=list(curves), title="curve")
    # SpectroChemPy calls a dataset that nobody gave a title "<untitled>".
    title = "intensity" if str(dataset.title).startswith("<") else dataset.title
    values = np.stack(list(curves.values()))
    axes = [rows, dataset.coord(-1).copy()]
    curve_dataset = scp.NDDataset(values, coordset=axes, name=f"{dataset.name}_fit", title=title, units=dataset.units)
    curve_dataset.meta.update(meta)
    curve_dataset.history = history
    return curve_dataset
