"""Single spectra that were measured alike, one after the other: a stack along the files that they come from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np
import xarray as xr

from xps_prefit_hooks import PrefitError

from ..core.spectrum import spectrum_tree
from ..readers.merge_blocks import OWN, Manner

#: Dimension of a stack of files.
FILE: Final = "file"


def manners_of(spectrum: xr.DataTree) -> dict[str, Manner]:
    """How each region of a spectrum was measured, by name.

    Parameters
    ----------
    spectrum : xarray.DataTree
        A single spectrum with ascending axes, from `xps_stn_plugin.api.checked_spectrum`.
    """
    return {
        name: Manner.of(
            np.asarray(region["binding_energy"].values, dtype=float),
            region.attrs.get("photon_energy"),
            (str(quantity) for quantity in region.data_vars if quantity != "counts"),
            region.attrs,
        )
        for name, region in spectrum.children.items()
    }


def apart(first: Mapping[str, Manner], other: Mapping[str, Manner]) -> str:
    """Why a spectrum is not of the same series as the first one ("in C1s their axes differ"); empty where it is."""
    missing, more = (", ".join(sorted(names)) for names in (first.keys() - other.keys(), other.keys() - first.keys()))
    if missing:
        return f"it has {more} instead of {missing}" if more else f"it has no {missing}"
    if more:
        return f"it has {more} besides"
    reasons = {name: manner.apart(other[name]) for name, manner in first.items()}
    return next((f"in {name} {reason}" for name, reason in reasons.items() if reason), "")


def joined(spectra: Iterable[tuple[str, xr.DataTree]], source: str) -> xr.DataTree:
    """Put single spectra that were measured alike together.

    Parameters
    ----------
    spectra : iterable of (str, xarray.DataTree)
        Label and spectrum, in the order of the series; from `xps_stn_plugin.api.checked_spectrum`.
    source : str
        What the stack is called in messages.

    Returns
    -------
    xarray.DataTree
        The regions of the first spectrum on its axes, with ``counts`` over ``file`` and ``binding_energy``. Attributes
        that all have alike stay; coordinates that differ, such as a time, lie along ``file``.

    Raises
    ------
    PrefitError
        If there is no spectrum, one is a stack itself, or one was measured in another manner than the first.
    """
    labels: list[str] = []
    regions: dict[str, list[xr.Dataset]] = {}
    first: dict[str, Manner] | None = None
    for label, spectrum in spectra:
        for name, region in spectrum.children.items():
            if region["counts"].ndim > 1:
                raise PrefitError(source, f"{label} is a stack by itself ({name}); join single spectra.")
        manners = manners_of(spectrum)
        first = manners if first is None else first
        if reason := apart(first, manners):
            raise PrefitError(source, f"{label} does not go together with {labels[0]}: {reason}.")
        labels.append(label)
        for name in first:
            regions.setdefault(name, []).append(spectrum[name].to_dataset())
    return spectrum_tree(source, {name: _along_files(labels, region) for name, region in regions.items()})


def _along_files(labels: list[str], region: list[xr.Dataset]) -> xr.Dataset:
    known = set[Any].intersection(*(set(data.coords) for data in region))
    stack = xr.concat(
        [data.drop_vars([name for name in data.coords if name not in known]) for data in region],
        xr.DataArray(labels, dims=FILE, name=FILE),
        data_vars="all",
        coords="different",
        compat="equals",
        # Axes differ by what rounding leaves: that of the first is the axis of all.
        join="override",
        combine_attrs="drop_conflicts",
    )
    stack.attrs.setdefault("label", stack.attrs["region"])
    for name in OWN:
        values = [data.attrs.get(name) for data in region]
        if name not in stack.attrs and None not in values:
            stack = stack.assign_coords({name: (FILE, values)})
    return stack
