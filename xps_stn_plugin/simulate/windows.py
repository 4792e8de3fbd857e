"""Measured regions and their windows of binding energy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..core.core_levels import core_levels
from ..core.grid import Grid
from .config import SimulationConfig, log_uniform
from .line_list import LineList

#: Least width of a window in eV.
NARROWEST = 1.6


def measured_windows(
    lines: LineList, number: int, config: SimulationConfig, grid: Grid, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Windows around a region's lines, or anywhere for a region without lines; some regions are missing.

    Parameters
    ----------
    lines : LineList
        Of `number` spectra.
    number : int
        Spectra.
    config : SimulationConfig
        Margins, and how often regions are missing.
    grid : Grid
        Where the windows are wanted.
    rng : numpy.random.Generator
        Where chance comes from.

    Returns
    -------
    ndarray of bool, shape (number, regions, points)
        One run of points per region, or none.
    """
    regions = len(grid.regions)
    centres = np.array([level.energy for level in core_levels().values()])
    # Half of the windows reach over the shake-up, half were set by the main lines alone.
    covers_satellites = rng.random(number * regions) < 0.5
    main = ~lines.ghost & (~lines.satellite | covers_satellites[lines.row])
    position = (lines.energy - centres[lines.row % regions])[main]
    rows, first = np.unique(lines.row[main], return_index=True)
    low = np.zeros(number * regions)
    high = np.zeros(number * regions)
    if rows.size:
        low[rows] = np.minimum.reduceat(position, first)
        high[rows] = np.maximum.reduceat(position, first)
    lined: NDArray[np.bool_] = np.isin(np.arange(number * regions), rows).reshape(number, regions)
    empty_centre = rng.uniform(-4, 4, (number, regions))
    low = np.where(lined, low.reshape(number, regions), empty_centre)
    high = np.where(lined, high.reshape(number, regions), empty_centre)
    low = low - _margins(lined, config, rng)
    high = high + _margins(lined, config, rng)

    present = _present(lined, config, grid, rng)
    # No window is narrower than a line.
    narrow = np.clip(NARROWEST - (high - low), 0.0, None) / 2
    low, high = low - narrow, high + narrow
    inside = (grid.offsets >= low[..., None]) & (grid.offsets <= high[..., None])
    return inside & present[..., None]


def _margins(lined: NDArray[np.bool_], config: SimulationConfig, rng: np.random.Generator) -> NDArray[np.float64]:
    """Distance in eV from the outermost line to one end of each window; a part of the windows cut their lines."""
    margin = log_uniform(config.margin_range, lined.shape, rng)
    is_cut = lined & (rng.random(lined.shape) < config.cut_share)
    return np.where(is_cut, rng.uniform(*config.cut_margin, lined.shape), margin)


def _present(
    lined: NDArray[np.bool_], config: SimulationConfig, grid: Grid, rng: np.random.Generator
) -> NDArray[np.bool_]:
    number = lined.shape[0]
    drop_chance = np.array([config.drop_signal[name] for name in grid.regions])
    # Some look at every core level that may come, others only where they know of a line.
    scans_all = rng.random((number, 1)) < config.curious_share
    scanned_empty = scans_all & (rng.random(lined.shape) < config.empty_region_share)
    present: NDArray[np.bool_] = np.where(lined, rng.random(lined.shape) >= drop_chance, scanned_empty)
    carbon = grid.regions.index("C1s")
    chance = rng.random(number)
    carbon_only = (chance < config.carbon_only_share) & lined[:, carbon]
    present[carbon_only] = False
    present[carbon_only, carbon] = True
    for spectrum in np.flatnonzero((chance > 1 - config.single_region_share) & lined.any(axis=1)):
        present[spectrum] = False
        present[spectrum, rng.choice(np.flatnonzero(lined[spectrum]))] = True
    # A sample of which no line was measured teaches nothing; where there is no line at all, C 1s was looked at.
    without_lines = ~(present & lined).any(axis=1)
    present[without_lines] |= lined[without_lines]
    present[~present.any(axis=1), carbon] = True
    return present
