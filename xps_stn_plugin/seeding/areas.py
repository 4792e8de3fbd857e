"""Areas, positions and common width of a region's lines from the data, by non-negative least squares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.optimize import nnls
from scipy.signal import find_peaks

from xps_prefit_hooks import Background
from xps_stn_plugin.lineshapes import pseudo_voigt, pseudo_voigt_cdf, vibrational_weights
from xps_stn_plugin.models.shapes import VIBRATION_MEMBERS, VIBRATION_QUANTUM

from .lines import Line
from .region import RegionData

FloatArray = NDArray[np.float64]

#: Lorentzian share that fits start from.
FRACTION: Final = 0.3

#: Trial displacements in eV of all lines together, at least and at most this far, and of each line for itself.
_RIGID_STEP, _RIGID_LEAST, _RIGID_MOST = 0.1, 0.3, 1.5
_SINGLE = np.arange(-0.2, 0.21, 0.1)

#: Trial widths as shares of the start width.
_WIDTHS = np.array([0.7, 0.85, 1.0, 1.2, 1.45, 1.8])

#: Residuals that differ by less than this share of the peak height do not tell widths apart.
_AS_GOOD: Final = 0.004

_FINER_WIDTHS = np.array([0.83, 0.91, 1.0, 1.1])

#: Least height of a line that the data add, as share of the peak height: alone, and beside others, whose shapes are
#: not known better than that.
_LEAST_ALONE: Final = 0.02
_LEAST_BESIDE: Final = 0.02

#: A residual higher than this share of the peak height says that the line next to it is misplaced.
_MISPLACED: Final = 0.06

#: Fewest points in which a maximum can be looked for.
_FEWEST: Final = 3

#: Least distance in eV between a line and one added because it is misplaced.
_NEAREST: Final = 0.1


@dataclass(frozen=True)
class Doublet:
    """Spin-orbit splitting in eV (0 for s levels) and area of the lower-j line over the higher-j line."""

    splitting: float = 0.0
    ratio: float = 0.0


@dataclass(frozen=True)
class Areas:
    """Start values.

    Parameters
    ----------
    lines : tuple of Line
        With positions moved to where the data have them.
    areas : ndarray, shape (lines,)
        Areas in intensity times eV; of the higher-j line for doublets.
    fwhm : float
        Common width in eV.
    strength : float
        Of the background that the lines carry: Shirley's step per area in 1/eV, or Tougaard's B in eV2; 0 for none.
    fraction : float
        Common Lorentzian share.
    background : str
        Its kind; not "auto".
    sloping : bool
        Whether the background has a slope of its own beside what the lines carry.
    base : tuple of float or None
        Intercept and slope of the background without what the lines carry; None before a fit.
    envelope : ndarray, shape (n,)
        Lines and background.
    """

    lines: tuple[Line, ...]
    areas: FloatArray
    fwhm: float
    strength: float
    envelope: FloatArray
    fraction: float = FRACTION
    background: Background = "linear"
    sloping: bool = True
    base: tuple[float, float] | None = None


def estimate_areas(
    data: RegionData,
    lines: Sequence[Line],
    doublet: Doublet,
    fwhm: tuple[float, float, float],
    *,
    stepped: bool,
) -> Areas:
    """Start values for lines that are known to be there.

    A common displacement and the width are scanned, then each line may move for itself within its window.

    Parameters
    ----------
    data : RegionData
    lines : list of Line
        At least one.
    doublet : Doublet
        Of the core level.
    fwhm : tuple of float
        Start, lowest and highest width in eV.
    stepped : bool
        Whether the lines carry a background step.
    """
    step = _first_step(data) if stepped else 0.0
    positions = np.array([line.position for line in lines])
    low, high = (np.array([getattr(line, side) for line in lines]) for side in ("low", "high"))
    widths = np.clip(fwhm[0] * _WIDTHS, 1.05 * fwhm[1], 0.95 * fwhm[2])
    solve = partial(_solve, data, lines, doublet)

    # One after the other and once more, which finds what the scan of both together would at a third of its cost.
    width, moves = float(widths[len(widths) // 2]), [np.clip(positions + rigid, low, high) for rigid in _rigid(lines)]
    for _ in range(2):
        positions = min(moves, key=lambda trial: solve(trial[:, None], width, step)[2])
        width = min((float(w) for w in np.unique(widths)), key=lambda w: solve(positions[:, None], w, step)[2])
    candidates = np.clip(positions[:, None] + _SINGLE, low[:, None], high[:, None])
    finer = np.clip(width * _FINER_WIDTHS, widths[0], widths[-1])
    # Lines that may move can make up any broad line from narrow ones: the broadest width that does as well is taken.
    residuals = {float(w): _rms(data.counts - solve(candidates, float(w), step)[3]) for w in np.unique(finer)}
    enough = min(residuals.values()) + _AS_GOOD * data.height
    width = max(w for w, residual in residuals.items() if residual <= enough)
    areas, centers, _, envelope = solve(candidates, width, step)
    if stepped and areas.sum() > 0:
        step = max(data.step, 0.0) / (areas.sum() * (1 + doublet.ratio))
        areas, centers, _, envelope = solve(candidates, width, step)
    moved = tuple(replace(line, position=float(c)) for line, c in zip(lines, centers, strict=True))
    return Areas(moved, areas, width, step, envelope)


def _rigid(lines: Sequence[Line]) -> FloatArray:
    """Trial displacements of all lines together, as far as the widest window reaches beyond its line's own scatter."""
    reach = max((0.5 * (line.high - line.low) - line.scatter for line in lines if line.members), default=0.0)
    steps = round(float(np.clip(reach, _RIGID_LEAST, _RIGID_MOST)) / _RIGID_STEP)
    return np.asarray(_RIGID_STEP * np.arange(-steps, steps + 1), dtype=float)


def find_lines(data: RegionData, rest: FloatArray, fwhm: float, taken: Sequence[float], first: int) -> list[Line]:
    """Highest significant maximum of what is not explained yet, as a list of no or one line.

    Parameters
    ----------
    data : RegionData
    rest : ndarray, shape (n,)
        Intensities less what is explained.
    fwhm : float
        Width of the lines in eV; the data are smoothed with half of it.
    taken : sequence of float
        Centres in eV of lines that are there already; nearer than half the width none is added, unless the line there
        is plainly misplaced.
    first : int
        Number of the new line.
    """
    spacing = float(np.median(np.diff(data.energy)))
    grid = np.arange(data.energy[0], data.energy[-1] + spacing / 2, max(spacing, fwhm / 40))
    if grid.size < _FEWEST:
        return []
    width = max(0.5 * fwhm / 2.3548 / (grid[1] - grid[0]), 0.5)
    smooth = gaussian_filter1d(np.interp(grid, data.energy, rest), width, mode="nearest")
    sigma = np.interp(grid, data.energy, data.noise.sigma) / np.sqrt(2 * np.sqrt(np.pi) * width)
    limit = np.maximum(5 * sigma, (_LEAST_BESIDE if taken else _LEAST_ALONE) * data.height)
    tops, _ = find_peaks(smooth, height=limit, prominence=limit.min())
    # A small hump beside a line is the line's shape; a high one means that the line does not belong there.
    near = np.where(smooth > _MISPLACED * data.height, _NEAREST, 0.5 * fwhm)
    free = [top for top in tops if all(abs(grid[top] - center) > near[top] for center in taken)]
    if not free:
        return []
    return [free_line(first, float(grid[max(free, key=lambda top: smooth[top])]), fwhm)]


def free_line(number: int, position: float, fwhm: float) -> Line:
    """Line that no group explains."""
    half = free_window(fwhm)
    return Line(f"unassigned_{number}", f"unassigned {number}", (), position, position - half, position + half)


def free_window(fwhm: float) -> float:
    """Half width in eV of the window of a line that no group explains."""
    return max(0.4, 0.5 * fwhm)


def _rms(values: FloatArray) -> float:
    return float(np.sqrt(np.mean(values**2)))


def _first_step(data: RegionData) -> float:
    area = float(np.trapezoid(np.maximum(data.counts - data.chord(), 0.0), data.energy))
    return max(data.step, 0.0) / area if area > 0 else 0.0


def _solve(
    data: RegionData, lines: Sequence[Line], doublet: Doublet, candidates: FloatArray, fwhm: float, step: float
) -> tuple[FloatArray, FloatArray, float, FloatArray]:
    """Areas, mean centres, weighted sum of squares and envelope for candidate centres of shape (lines, trials)."""
    background = data.base() if step > 0 else data.chord()
    quanta = np.repeat([line.vibration for line in lines], candidates.shape[1])
    columns = _unit_lines(data.energy, candidates.ravel(), quanta, fwhm, step, doublet)
    weight = 1.0 / data.noise.sigma
    target = (data.counts - background) * weight
    scale = float(np.abs(target).max()) or 1.0
    matrix = columns * weight[:, None]
    norms = np.linalg.norm(matrix, axis=0)
    norms[norms == 0] = 1.0
    try:
        values, _ = nnls(matrix / norms, target / scale)
    except RuntimeError:  # no convergence: fall back on areas that all share the region
        values = np.maximum((matrix / norms).T @ (target / scale), 0.0) / norms.size
    shares = (values * scale / norms).reshape(candidates.shape)
    areas = shares.sum(axis=1)
    safe = np.where(areas > 0, areas, 1.0)
    centers = np.where(areas > 0, (shares * candidates).sum(axis=1) / safe, candidates.mean(axis=1))
    envelope = background + columns @ shares.ravel()
    misfit = float((((data.counts - envelope) * weight / scale) ** 2).sum())
    return areas, centers, misfit, envelope


def _unit_lines(
    x: FloatArray, centers: FloatArray, quanta: FloatArray, fwhm: float, step: float, doublet: Doublet
) -> FloatArray:
    """Lines of unit area, shape (n, lines); of unit area in the higher-j line for doublets."""
    vibrational = quanta > 0
    weights = vibrational_weights(quanta[vibrational], VIBRATION_MEMBERS)

    def drawn(at: FloatArray) -> FloatArray:
        shape = pseudo_voigt(x[:, None], at, fwhm, FRACTION)
        if step:
            shape = shape + step * pseudo_voigt_cdf(x[:, None], at, fwhm, FRACTION)
        return np.asarray(shape, dtype=float)

    def whole(at: FloatArray) -> FloatArray:
        shape = drawn(at)
        if vibrational.any():
            some = at[vibrational]
            shape[:, vibrational] *= weights[:, 0]
            for n in range(1, VIBRATION_MEMBERS):
                shape[:, vibrational] += weights[:, n] * drawn(some + n * VIBRATION_QUANTUM)
        return shape

    shape = whole(centers)
    return shape + doublet.ratio * whole(centers + doublet.splitting) if doublet.ratio else shape
