"""Areas, positions and common width of a region's lines from the data, by non-negative least squares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.optimize import nnls
from scipy.signal import find_peaks

from xps_prefit_hooks import Background
from xps_stn_plugin.models.lineshapes import pseudo_voigt, pseudo_voigt_cdf, vibrational_weights
from xps_stn_plugin.models.shapes import VIBRATION_MEMBERS, VIBRATION_QUANTUM

from .lines import Line
from .region import RegionData

FloatArray = NDArray[np.float64]

#: Lines of unit area, shape (lines, n), and their integrals, where they are needed.
Columns = tuple[FloatArray, FloatArray | None]

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

#: Least height of a line that the data add, as share of the peak height; and the same so many widths below the lowest
#: other line, where neither the shapes of lines nor energy losses and the background, known no better than that, are.
_LEAST_BESIDE: Final = 0.02
_APART: Final = 1.25
_LEAST_APART: Final = 0.01

#: A residual higher than this share of the peak height says that the line next to it is misplaced.
_MISPLACED: Final = 0.06

#: Fewest points in which a maximum can be looked for.
_FEWEST: Final = 3

#: Least distance in eV between a line and one added because it is misplaced.
_NEAREST: Final = 0.1


@dataclass(frozen=True)
class Doublet:
    """Spin-orbit doublet of a core level.

    Parameters
    ----------
    splitting : float
        Distance of the lower-j line above the higher-j line in eV; 0 for s levels.
    ratio : float
        Area of the lower-j line over that of the higher-j line; 0 for s levels.
    splitting_range, ratio_range : float
        By how much in eV, and by which share, they may differ from that; 0 holds both.
    broader, most_broader : float
        Width of the lower-j line over that of the higher-j line: usual, and largest.
    """

    splitting: float = 0.0
    ratio: float = 0.0
    splitting_range: float = 0.0
    ratio_range: float = 0.0
    broader: float = 1.0
    most_broader: float = 1.0


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
    widths : mapping of str to float
        Widths in eV of lines by key, at the optimum of a fit; empty before one.
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
    widths: Mapping[str, float] = field(default_factory=dict)


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
    widths = np.unique(np.clip(fwhm[0] * _WIDTHS, 1.05 * fwhm[1], 0.95 * fwhm[2]))
    trials = _Trials(data, tuple(line.vibration for line in lines), doublet)

    # One after the other and once more, which finds what the scan of both together would at a third of its cost.
    width = float(np.clip(fwhm[0] * _WIDTHS[_WIDTHS.size // 2], 1.05 * fwhm[1], 0.95 * fwhm[2]))
    moves = np.clip(positions + _rigid(lines)[:, None], low, high)
    for _ in range(2):
        before = width
        positions = moves[trials.best(moves, np.full(len(moves), width), step)]
        width = float(widths[trials.best(np.broadcast_to(positions, (widths.size, positions.size)), widths, step)])
        if width == before:
            break
    candidates = np.clip(positions[:, None] + _SINGLE, low[:, None], high[:, None])
    finer = np.unique(np.clip(width * _FINER_WIDTHS, widths[0], widths[-1]))
    drawn = [trials.drawn(candidates.ravel(), float(w), _SINGLE.size, stepped=step > 0) for w in finer]
    solved = [trials.solved(candidates, each, step) for each in drawn]
    # Lines that may move can make up any broad line from narrow ones: the broadest width that does as well is taken.
    residuals = [_rms(data.counts - envelope) for *_, envelope in solved]
    enough = min(residuals) + _AS_GOOD * data.height
    chosen = max(i for i, residual in enumerate(residuals) if residual <= enough)
    areas, centers, envelope = solved[chosen]
    if stepped and areas.sum() > 0:
        step = max(data.step, 0.0) / (areas.sum() * (1 + doublet.ratio))
        if drawn[chosen][1] is None and step > 0:
            drawn[chosen] = trials.drawn(candidates.ravel(), float(finer[chosen]), _SINGLE.size, stepped=True)
        areas, centers, envelope = trials.solved(candidates, drawn[chosen], step)
    moved = tuple(replace(line, position=float(c)) for line, c in zip(lines, centers, strict=True))
    return Areas(moved, areas, float(finer[chosen]), step, envelope)


def _rigid(lines: Sequence[Line]) -> FloatArray:
    """Trial displacements of all lines together, as far as the widest window reaches beyond its line's own scatter."""
    reach = max((0.5 * (line.high - line.low) - line.scatter for line in lines if line.members), default=0.0)
    steps = round(float(np.clip(reach, _RIGID_LEAST, _RIGID_MOST)) / _RIGID_STEP)
    return np.asarray(_RIGID_STEP * np.arange(-steps, steps + 1), dtype=float)


def find_lines(
    data: RegionData, rest: FloatArray, fwhm: float, taken: Sequence[float], first: int, rank: int = 0
) -> list[Line]:
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
    rank : int
        How many higher maxima are passed over.
    """
    spacing = float(np.median(np.diff(data.energy)))
    grid = np.arange(data.energy[0], data.energy[-1] + spacing / 2, max(spacing, fwhm / 40))
    if grid.size < _FEWEST:
        return []
    width = max(0.5 * fwhm / 2.3548 / (grid[1] - grid[0]), 0.5)
    smooth = gaussian_filter1d(np.interp(grid, data.energy, rest), width, mode="nearest")
    sigma = np.interp(grid, data.energy, data.noise.sigma) / np.sqrt(2 * np.sqrt(np.pi) * width)
    apart = grid < min(taken) - _APART * fwhm if taken else False
    limit = np.maximum(5 * sigma, np.where(apart, _LEAST_APART, _LEAST_BESIDE) * data.height)
    tops, _ = find_peaks(smooth, height=limit, prominence=limit.min())
    # A small hump beside a line is the line's shape; a high one means that the line does not belong there.
    near = np.where(smooth > _MISPLACED * data.height, _NEAREST, 0.5 * fwhm)
    free = [top for top in tops if all(abs(grid[top] - center) > near[top] for center in taken)]
    if len(free) <= rank:
        return []
    return [free_line(first, float(grid[sorted(free, key=lambda top: -smooth[top])[rank]]), fwhm)]


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


@dataclass(frozen=True)
class _Trials:
    """Areas of lines of a region, for centres and widths that are tried.

    Parameters
    ----------
    data : RegionData
    quanta : tuple of float
        Mean number of vibrational quanta of each line.
    doublet : Doublet
    """

    data: RegionData
    quanta: tuple[float, ...]
    doublet: Doublet

    def best(self, centers: FloatArray, widths: FloatArray, step: float) -> int:
        """Trial that describes the data best, of centres (trials, lines) and widths (trials,)."""
        trials, lines = centers.shape
        columns = _unit_lines(
            self.data.energy,
            centers.ravel(),
            np.tile(self.quanta, trials),
            np.repeat(widths, lines),
            self.doublet,
            stepped=step > 0,
        )
        target, scale, _ = self._target(step)
        whole = _stepped(columns, step) * (1.0 / self.data.noise.sigma)
        misfits = [self._sized(matrix, target, scale)[1] for matrix in whole.reshape(trials, lines, -1)]
        return int(np.argmin(misfits))

    def drawn(self, centers: FloatArray, width: float, each: int, *, stepped: bool) -> Columns:
        """Lines of unit area at centres (lines * each,), and their integrals where the background has a step."""
        quanta, widths = np.repeat(self.quanta, each), np.full(centers.size, width)
        return _unit_lines(self.data.energy, centers, quanta, widths, self.doublet, stepped=stepped)

    def solved(
        self, candidates: FloatArray, columns: Columns, step: float
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Areas, mean centres and envelope for candidate centres of shape (lines, trials)."""
        target, scale, background = self._target(step)
        whole = _stepped(columns, step)
        values, _ = self._sized(whole * (1.0 / self.data.noise.sigma), target, scale)
        shares = values.reshape(candidates.shape)
        areas = shares.sum(axis=1)
        safe = np.where(areas > 0, areas, 1.0)
        centers = np.where(areas > 0, (shares * candidates).sum(axis=1) / safe, candidates.mean(axis=1))
        return areas, centers, background + values @ whole

    def _target(self, step: float) -> tuple[FloatArray, float, FloatArray]:
        """Weighted intensities above the background, their largest, and the background."""
        background = self.data.base() if step > 0 else self.data.chord()
        target = (self.data.counts - background) / self.data.noise.sigma
        return target, float(np.abs(target).max()) or 1.0, background

    @staticmethod
    def _sized(rows: FloatArray, target: FloatArray, scale: float) -> tuple[FloatArray, float]:
        """Areas of weighted lines of unit area, shape (lines, n), and the norm of what is left, over `scale`."""
        norms = np.sqrt(np.einsum("ln,ln->l", rows, rows))
        norms[norms == 0] = 1.0
        matrix = (rows / norms[:, None]).T
        try:
            values, left = nnls(matrix, target / scale)
        except RuntimeError:  # no convergence: fall back on areas that all share the region
            values = np.maximum(matrix.T @ (target / scale), 0.0) / norms.size
            left = float(np.linalg.norm(matrix @ values - target / scale))
        return values * scale / norms, float(left)


def _stepped(columns: Columns, step: float) -> FloatArray:
    lines, integrals = columns
    return lines if integrals is None or not step else lines + step * integrals


def _unit_lines(
    x: FloatArray, centers: FloatArray, quanta: FloatArray, fwhm: FloatArray, doublet: Doublet, *, stepped: bool
) -> Columns:
    """Lines of unit area, shape (lines, n), and their integrals; of unit area in the higher-j line for doublets."""
    weights = np.ones((centers.size, 1))
    offsets: FloatArray = np.zeros(1)
    if quanta.any():
        weights = np.zeros((centers.size, VIBRATION_MEMBERS))
        weights[:, 0] = 1.0
        weights[quanta > 0] = vibrational_weights(quanta[quanta > 0], VIBRATION_MEMBERS)
        offsets = VIBRATION_QUANTUM * np.arange(VIBRATION_MEMBERS, dtype=float)
    if doublet.ratio:
        weights = np.concatenate([weights, doublet.ratio * weights], axis=1)
        offsets = np.concatenate([offsets, offsets + doublet.splitting])
    line, member = np.nonzero(weights)
    share, width = weights[line, member], fwhm[line]
    place = (x - (centers[line] + offsets[member])[:, None]) / width[:, None]
    first = np.flatnonzero(np.diff(line, prepend=-1))
    knots, shape, integral = _table()
    if not stepped:
        lines = np.interp(place, knots, shape)
        lines *= (share / width)[:, None]
        return np.add.reduceat(lines, first, axis=0), None
    # As one complex function: the places are looked up once.
    both = np.interp(place, knots, shape + 1j * integral)
    lines = both.real * (share / width)[:, None]
    integrals = both.imag * share[:, None]
    return np.add.reduceat(lines, first, axis=0), np.add.reduceat(integrals, first, axis=0)


@lru_cache(maxsize=1)
def _table() -> tuple[FloatArray, FloatArray, FloatArray]:
    """Places in widths, the pseudo-Voigt of width 1 there and its integral: interpolated to 2e-5 of the height."""
    knots = 0.3 * np.sinh(np.arange(-9.0, 9.005, 0.01))
    shape = np.asarray(pseudo_voigt(knots, 0.0, 1.0, FRACTION), dtype=np.float64)
    integral = np.asarray(pseudo_voigt_cdf(knots, 0.0, 1.0, FRACTION), dtype=np.float64)
    for table in (knots, shape, integral):
        table.setflags(write=False)
    return knots, shape, integral
