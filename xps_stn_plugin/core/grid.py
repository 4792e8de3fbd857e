"""The grid on which the network sees a spectrum: all core levels as channels about fixed centres.

One rigid shift of the sample moves every channel by the same number of points.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from .core_levels import core_levels
from .single_channels import without_single_channels

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
    levels : tuple of (str, float)
        Core levels and the centres of their channels in eV, in the network's order; empty for those of
        `core_levels`.
    """

    points: int = 288
    step: float = 0.1
    levels: tuple[tuple[str, float], ...] = ()

    @property
    def regions(self) -> tuple[str, ...]:
        """Core levels in channel order."""
        return tuple(name for name, _ in self.levels) or tuple(core_levels())

    @property
    def centres(self) -> FloatArray:
        """Centres of the channels in eV, shape (regions,)."""
        energies = [energy for _, energy in self.levels] or [level.energy for level in core_levels().values()]
        return np.array(energies)

    @property
    def offsets(self) -> FloatArray:
        """Energies in eV relative to a channel's centre, shape (points,)."""
        return np.linspace(-0.5, 0.5, self.points) * (self.points - 1) * self.step

    @property
    def energies(self) -> FloatArray:
        """Binding energies in eV, shape (regions, points)."""
        energies: FloatArray = self.centres[:, None] + self.offsets[None, :]
        return energies


def to_grid(regions: Mapping[str, xr.Dataset], grid: Grid) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Average measured regions over the grid's bins, hot and dead channels replaced; see `to_bins`.

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
        if name in regions:
            data = regions[name]
            cleaned = without_single_channels(data["counts"].values)
            counts[row], measured[row] = to_bins(data["binding_energy"].values, cleaned, energies)
    return counts, measured


def to_bins(axis: FloatArray, counts: FloatArray, energies: FloatArray) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Average spectra of one region over bins.

    The running integral of the counts (trapezoids) is read at the bins' edges, so that fine steps are averaged, coarse
    ones interpolated, and areas kept.

    Parameters
    ----------
    axis : ndarray, shape (m,)
        Measured energies in eV, ascending.
    counts : ndarray, shape (..., m)
        Intensities.
    energies : ndarray, shape (points,)
        Centres of the bins in eV, equally spaced.

    Returns
    -------
    counts : ndarray, shape (..., points)
        Mean intensity in each bin, 0 where nothing was measured.
    measured : ndarray of bool, shape (points,)
        Where there are data.
    """
    binned = np.zeros((*counts.shape[:-1], energies.size))
    measured = (energies >= axis[0]) & (energies <= axis[-1])
    centres = energies[measured]
    if centres.size:
        half_bin = (energies[1] - energies[0]) / 2
        # The bins at the two ends of the data reach over them by less than half a step.
        edges = np.clip(np.append(centres - half_bin, centres[-1] + half_bin), axis[0], axis[-1])
        first = int(measured.argmax())
        binned[..., first : first + centres.size] = np.diff(_integral(axis, counts, edges)) / np.diff(edges)
    return binned, measured


def relative(rates: FloatArray) -> FloatArray:
    """Divide spectra on the grid, shape (..., regions, points), by the largest magnitude in any of their regions."""
    largest = np.abs(rates).max(axis=(-2, -1), keepdims=True, initial=0.0)
    scaled: FloatArray = np.divide(rates, largest, out=np.zeros(rates.shape), where=largest > 0)
    return scaled


def _integral(axis: FloatArray, counts: FloatArray, edges: FloatArray) -> FloatArray:
    """Exact integral of the piecewise linear curve from its start to `edges`, shape (..., at.size)."""
    step = np.diff(axis)
    running = np.zeros(counts.shape)
    np.cumsum(step * (counts[..., 1:] + counts[..., :-1]) / 2, axis=-1, out=running[..., 1:])
    slope = np.diff(counts) / step
    index = np.clip(np.searchsorted(axis, edges, side="right") - 1, 0, axis.size - 2)
    distance = edges - axis[index]
    # take is several times faster than an index on the last axis
    start, level, rise = (np.take(values, index, axis=-1) for values in (running, counts, slope))
    integral: FloatArray = start + distance * (level + rise * distance / 2)
    return integral
