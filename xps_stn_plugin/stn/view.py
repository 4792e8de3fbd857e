"""What the network looks at: the first region of each core level it knows, as rates that compare."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xps_prefit_hooks import PrefitError

from ..core.grid import Grid


@dataclass(frozen=True, eq=False)
class View:
    """Regions of spectra over the same axes that the network reads.

    Parameters
    ----------
    names : mapping of str to str
        Name of the region by core level, in the grid's order.
    energies : mapping of str to ndarray, shape (m,)
        Measured axis of every region in eV, by name; of those that are not read, too.
    durations : mapping of str to float
        By core level: time in s by which counts are divided so that regions compare.
    notes : tuple of str
        One sentence for each region that repeats a level or lies outside the window.
    """

    names: Mapping[str, str]
    energies: Mapping[str, NDArray[np.float64]]
    durations: Mapping[str, float]
    notes: tuple[str, ...]


def view_of(energies: Mapping[str, NDArray[np.float64]], attrs: Mapping[str, Mapping[str, Any]], grid: Grid) -> View:
    """Choose the first region of each core level that overlaps the grid; say which were passed over.

    Parameters
    ----------
    energies : mapping of str to ndarray, shape (m,)
        Measured axis of every region in eV, ascending, by name.
    attrs : mapping of str to mapping
        Attributes of every region; ``region`` is its core level.
    grid : Grid
        The network's.
    """
    windows = dict(zip(grid.regions, grid.energies, strict=True))
    chosen: dict[str, str] = {}
    notes = []
    for name, axis in energies.items():
        level = str(attrs[name].get("region", name))
        if level not in windows:
            continue
        if level in chosen:
            notes.append(f"{name} repeats {level}; the network read the first.")
        elif note := outside_window(name, axis, windows[level]):
            notes.append(note)
        else:
            chosen[level] = name
    if not chosen:
        notes.insert(0, nothing_known(energies, grid))
    names = {level: chosen[level] for level in grid.regions if level in chosen}
    return View(names, energies, durations({level: attrs[name] for level, name in names.items()}), tuple(notes))


def view_of_spectrum(spectrum: xr.DataTree, grid: Grid) -> View:
    """Choose the regions of a single spectrum; see `view_of`.

    Raises
    ------
    PrefitError
        If a region is a stack of spectra.
    """
    single = {name: child.to_dataset() for name, child in spectrum.children.items() if child["counts"].ndim == 1}
    axes = {name: np.asarray(data["binding_energy"].values, dtype=float) for name, data in single.items()}
    view = view_of(axes, {name: data.attrs for name, data in single.items()}, grid)
    for name, child in spectrum.children.items():
        if name not in single and (not view.names or child.attrs.get("region", name) in grid.regions):
            raise _one_spectrum_is_needed(spectrum, name)
    return view


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


def durations(attrs: Mapping[str, Mapping[str, Any]]) -> Mapping[str, float]:
    """Time in s by which counts are to be divided so that regions compare; 1 for all where one of them is not known."""
    times = {}
    for name, own in attrs.items():
        intensity = own.get("intensity")
        time = own.get("dwell_time", 0.0) * own.get("scans", 0.0) if intensity == "counts" else 1.0
        if intensity not in ("counts", "counts per second") or not time > 0:
            return dict.fromkeys(attrs, 1.0)
        times[name] = float(time)
    return times


def rates(spectrum: xr.DataTree, view: View) -> Mapping[str, xr.Dataset]:
    """Regions that the network reads, by core level, as rates that compare."""
    chosen = {level: spectrum[name].to_dataset() for level, name in view.names.items()}
    return {level: data.assign(counts=data["counts"] / view.durations[level]) for level, data in chosen.items()}
