"""What the network looks at: the first region of each core level it knows, as rates that compare."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xps_prefit_hooks import PrefitError

from ..core.grid import Grid


def seen_regions(spectrum: xr.DataTree, grid: Grid) -> tuple[Mapping[str, xr.Dataset], tuple[str, ...]]:
    """Choose the first region of each core level that overlaps the grid; say which were passed over.

    Parameters
    ----------
    spectrum : xarray.DataTree
        On the measured axis.
    grid : Grid
        The network's.

    Returns
    -------
    regions : mapping of str to xarray.Dataset
        By core level, in the grid's order.
    notes : tuple of str
        One sentence for each region that repeats a level or lies outside the window.

    Raises
    ------
    PrefitError
        If a region is a stack of spectra.
    """
    names, notes = seen_names(spectrum, grid)
    return {level: spectrum[name].to_dataset() for level, name in names.items()}, notes


def seen_names(spectrum: xr.DataTree, grid: Grid) -> tuple[Mapping[str, str], tuple[str, ...]]:
    """Names of the regions of `seen_regions` by core level, in the grid's order, and its notes."""
    windows = dict(zip(grid.regions, grid.energies, strict=True))
    chosen: dict[str, str] = {}
    notes = []
    stacks = [name for name, child in spectrum.children.items() if child["counts"].ndim != 1]
    for name, child in spectrum.children.items():
        level = child.attrs.get("region", name)
        if level not in windows:
            continue
        if name in stacks:
            raise _one_spectrum_is_needed(spectrum, name)
        if level in chosen:
            notes.append(f"{name} repeats {level}; the network read the first.")
            continue
        axis = child.to_dataset()["binding_energy"].values
        if note := outside_window(name, axis, windows[level]):
            notes.append(note)
            continue
        chosen[level] = name
    if stacks and not chosen:
        raise _one_spectrum_is_needed(spectrum, stacks[0])
    return {level: chosen[level] for level in grid.regions if level in chosen}, tuple(notes)


def _one_spectrum_is_needed(spectrum: xr.DataTree, name: str) -> PrefitError:
    sizes = spectrum[name]["counts"].sizes
    found = " x ".join(f"{size} {dim}" for dim, size in sizes.items() if dim != "binding_energy")
    msg = f"region {name} is a stack of spectra ({found}); use `xps-stn batch`, or prefit_many in Python."
    return PrefitError(str(spectrum.attrs.get("source", "spectrum")), msg)


def outside_window(name: str, axis: NDArray[np.float64], window: NDArray[np.float64]) -> str:
    """Sentence that says so where a region shares no energy with the window of its core level, both ascending in eV."""
    if axis[-1] >= window[0] and axis[0] <= window[-1]:
        return ""
    return (
        f"{name} was measured from {axis[0]:.1f} to {axis[-1]:.1f} eV, outside what the network looks at "
        f"({window[0]:.1f} to {window[-1]:.1f} eV)."
    )


def nothing_known(names: Iterable[str], grid: Grid) -> str:
    """Sentence for a spectrum without any region that the network knows."""
    return f"None of the regions ({', '.join(names)}) is one that the network knows ({', '.join(grid.regions)})."


def durations(regions: Mapping[str, xr.Dataset]) -> Mapping[str, float]:
    """Time in s by which counts are to be divided so that regions compare; 1 for all where one of them is not known."""
    times = {}
    for name, data in regions.items():
        intensity = data.attrs.get("intensity")
        time = data.attrs.get("dwell_time", 0.0) * data.attrs.get("scans", 0.0) if intensity == "counts" else 1.0
        if intensity not in ("counts", "counts per second") or not time > 0:
            return dict.fromkeys(regions, 1.0)
        times[name] = float(time)
    return times


def as_rates(regions: Mapping[str, xr.Dataset]) -> Mapping[str, xr.Dataset]:
    """Divide counts by the time they took, so that regions compare; as they are where a time is not known."""
    times = durations(regions)
    return {name: data.assign(counts=data["counts"] / times[name]) for name, data in regions.items()}
