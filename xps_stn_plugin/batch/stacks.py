"""Files of a batch that hold a stack of spectra: one piece of work, a row for each spectrum, labelled arrays."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from xps_prefit_hooks import PrefitError, Settings

from ..stacks import Share
from .record import StackRecord

if TYPE_CHECKING:
    import h5py


def stack_record(spectrum: xr.DataTree, settings: Settings, fit: bool, share: Share) -> StackRecord:
    """Prefit a stack.

    Parameters
    ----------
    spectrum : xarray.DataTree
        Regions with the same further dimensions.
    settings : Settings
    fit : bool
    share : {"none", "shift", "components"}

    Raises
    ------
    PrefitError
        If regions do not go together, nothing was measured, or an option makes no sense for it.
    """
    from ..stacks.fields import NO_DATA, STACK_STATUSES
    from ..stacks.prefit import stack_bytes
    from ..stacks.stack import stack_of

    stack = stack_of(spectrum)
    # What is asked of components says nothing where there are none.
    data = stack_bytes(stack, settings, fit=fit, share="none" if share == "components" and not fit else share)
    with _opened(data) as file:
        statuses = file["status"][...].ravel()
    there = statuses[statuses != NO_DATA]
    if not there.size:
        raise PrefitError(stack.source, "none of the spectra of the stack holds a measurement.")
    status = STACK_STATUSES[int(np.bincount(there).argmax())]
    return StackRecord(status, {dim: stack.labels(dim) for dim in stack.dims}, tuple(stack.regions), data)


def places_of(record: StackRecord, fit: bool) -> Iterator[dict[str, Any]]:
    """Fields of the summary's rows, one for each spectrum and region of a stack."""
    from ..stacks.fields import NO_DATA, REASON_TEXTS, STACK_STATUSES

    with _opened(record.data) as file:
        groups = list(file["group"].asstr())
        whole = {name: _flat(file, name) for name in ("shift", "shift_stderr", "status", "reasons", "probability")}
        regions = {name: _of_region(file[name]) for name in record.regions}
    texts: dict[int, tuple[str, ...]] = {}
    for row, labels in enumerate(product(*record.labels.values())):
        place = ", ".join(f"{dim}={label}" for dim, label in zip(record.labels, labels, strict=True))
        bits, number = int(whole["reasons"][row]), int(whole["status"][row])
        if bits not in texts:
            texts[bits] = tuple(text for bit, text in REASON_TEXTS.items() if bits & bit)
        common = {
            "place": place,
            "shift": float(whole["shift"][row]),
            "shift_stderr": float(whole["shift_stderr"][row]),
            "groups": _groups(groups, whole["probability"][row]),
            "reasons": ("Nothing was measured.",) if number == NO_DATA else texts[bits],
        }
        for name, values in regions.items():
            fitted = "" if number == NO_DATA else _fitted(values, row) if fit else "no"
            yield {
                **common,
                "region": name,
                "status": "failed" if fitted == "failed" else STACK_STATUSES[number],
                "region_shift": float(values["region_shift"][row]) if "region_shift" in values else np.nan,
                "disagreement": float(values["disagreement"][row]) if "disagreement" in values else np.nan,
                "fitted": fitted,
                "components": int(np.isfinite(values["center"][row]).sum()) if fitted == "yes" else None,
                "redchi": float(values["redchi"][row]) if fitted == "yes" else np.nan,
            }


def write_stack_group(group: h5py.Group, record: StackRecord) -> None:
    """Write a stack into a group of the store, as `xps_stn_plugin.stacks.prefit.write_stack` writes a file."""
    from ..stacks.file import copy_tree

    with _opened(record.data) as file:
        copy_tree(file, group)


@contextmanager
def _opened(data: bytes) -> Iterator[h5py.File]:
    import h5py

    with h5py.File(BytesIO(data), "r") as file:
        yield file


def _flat(group: h5py.Group, name: str, further: int = 0) -> np.ndarray[Any, Any]:
    """Array with the dimensions of the stack as one."""
    values: np.ndarray[Any, Any] = group[name][...]
    further = 1 if name == "probability" else further
    return values.reshape((-1, *values.shape[values.ndim - further :]))


def shift_of(record: StackRecord) -> np.ndarray[Any, Any]:
    """Shift of every spectrum in eV, on the dimensions of the stack."""
    with _opened(record.data) as file:
        values: np.ndarray[Any, Any] = file["shift"][...]
    return values


def _of_region(group: h5py.Group) -> dict[str, np.ndarray[Any, Any]]:
    names = ("region_shift", "disagreement", "structure", "fit_status", "redchi")
    flat = {name: _flat(group, name) for name in names if name in group}
    return {**flat, "center": _flat(group, "center", 1)} if "center" in group else flat


def _fitted(values: dict[str, np.ndarray[Any, Any]], row: int) -> str:
    """Say what became of the fit; nothing where the region was not measured."""
    if "structure" not in values or values["structure"][row] == -1:
        return "no model"
    return ("yes", "failed", "")[int(values["fit_status"][row])]


def _groups(names: list[str], probabilities: np.ndarray[Any, Any]) -> tuple[tuple[str, float], ...]:
    """List groups above one half, the most probable one first."""
    from .summary import LEAST_PROBABILITY

    found = np.flatnonzero(probabilities > LEAST_PROBABILITY)
    order = sorted(found, key=lambda number: (-probabilities[number], number))
    return tuple((names[number], float(probabilities[number])) for number in order)
