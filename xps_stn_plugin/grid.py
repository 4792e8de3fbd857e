"""The grid on which the network sees a spectrum: all core levels as channels about fixed centres.

One rigid shift of the sample moves every channel by the same number of points.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from .chemistry.core_levels import core_levels

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Grid:
    """Channels of equal length around the centres of the core levels.

    Parameters
    ----------
    points : int
        Points per channel.
    step : float
        Distance of points in eV.
    """

    points: int = 288
    step: float = 0.1

    @property
    def regions(self) -> tuple[str, ...]:
        """Core levels in channel order."""
        return tuple(core_levels())

    @property
    def offsets(self) -> FloatArray:
        """Energies in eV relative to a channel's centre, shape (points,)."""
        return np.linspace(-0.5, 0.5, self.points) * (self.points - 1) * self.step

    @property
    def energies(self) -> FloatArray:
        """Binding energies in eV, shape (regions, points)."""
        centres: FloatArray = np.array([level.energy for level in core_levels().values()])
        energies: FloatArray = centres[:, None] + self.offsets[None, :]
        return energies


def to_grid(regions: Mapping[str, xr.Dataset], grid: Grid) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Average measured regions over the grid's bins.

    The running integral of the counts (trapezoids) is read at the bins' edges, so that fine steps are averaged, coarse
    ones interpolated, and areas kept.

    Parameters
    ----------
    regions : mapping of str to xarray.Dataset
        By core level, ``counts(binding_energy)`` ascending; core levels that are not in the grid are passed over.
    grid : Grid
        The network's grid.

    Returns
    -------
    counts : ndarray, shape (regions, points)
        Mean intensity in each bin, 0 where nothing was measured.
    measured : ndarray of bool, shape (regions, points)
        Where there are data.
    """
    counts = np.zeros((len(grid.regions), grid.points))
    measured = np.zeros(counts.shape, dtype=bool)
    for row, (name, energies) in enumerate(zip(grid.regions, grid.energies, strict=True)):
        if name not in regions:
            continue
        axis = regions[name]["binding_energy"].values
        values = regions[name]["counts"].values
        running = np.concatenate([[0.0], np.cumsum(np.diff(axis) * (values[1:] + values[:-1]) / 2)])
        inside = (energies >= axis[0]) & (energies <= axis[-1])
        # The bins at the two ends of the data reach over them by less than half a step.
        low = np.maximum(energies - grid.step / 2, axis[0])
        high = np.minimum(energies + grid.step / 2, axis[-1])
        width = np.where(inside, high - low, 1.0)
        area = _integral(axis, values, running, high) - _integral(axis, values, running, low)
        counts[row] = np.where(inside, area / width, 0.0)
        measured[row] = inside
    return counts, measured


def _integral(axis: FloatArray, values: FloatArray, running: FloatArray, at: FloatArray) -> FloatArray:
    """Exact integral of the piecewise linear curve from its start to `at`."""
    at = np.clip(at, axis[0], axis[-1])
    left = np.clip(np.searchsorted(axis, at, side="right") - 1, 0, axis.size - 2)
    distance = at - axis[left]
    slope = (values[left + 1] - values[left]) / (axis[left + 1] - axis[left])
    return running[left] + values[left] * distance + slope * distance**2 / 2
