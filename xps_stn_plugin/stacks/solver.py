"""Bounded least squares of many spectra with one model, side by side."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .model import RowsModel

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

#: Spectra that are evaluated together: enough that calls cost nothing, few enough that what they make stays in cache.
_BLOCK: Final = 32

#: A fit has converged when its step moves it by less than this many standard errors, in the norm of all parameters.
#: What is left then is smaller by the rate of convergence, of the order of 0.1.
_STEP_ERRORS: Final = 3e-3

#: Damping: first value, and bounds. Beyond the highest no step is left that gains anything.
_DAMPING, _LEAST_DAMPING, _MOST_DAMPING = 0.03, 1e-9, 1e10

#: Share of an area that a step leaves at least.
_KEPT: Final = 0.1

#: Share of the sum of the linear starts' areas that each keeps at least: one of 0 has no position.
_LEAST_SHARE: Final = 0.01


@dataclass(frozen=True, eq=False)
class Problem:
    """Spectra to fit.

    Parameters
    ----------
    model : RowsModel
    x, data, weights : ndarray, shape (k, m)
        Energies in eV, intensities, and one over their standard deviations.
    scale : ndarray, shape (k,)
        By how much intensities differ from those that the model was made for.
    low, high : ndarray, shape (k, free)
    known : ndarray, shape (k, free), optional
        One over the variance of what is known of parameters beside the data, which is that they are 0.
    """

    model: RowsModel
    x: FloatArray
    data: FloatArray
    weights: FloatArray
    scale: FloatArray
    low: FloatArray
    high: FloatArray
    known: FloatArray | None = None

    def of(self, rows: NDArray[np.intp]) -> Problem:
        """Take some of the spectra."""
        return replace(
            self,
            x=self.x[rows],
            data=self.data[rows],
            weights=self.weights[rows],
            scale=self.scale[rows],
            low=self.low[rows],
            high=self.high[rows],
            known=None if self.known is None else self.known[rows],
        )

    def normal(self, rows: NDArray[np.intp], v: FloatArray) -> Normal:
        """Chi-square and its expansion at `v`, shape (rows, free)."""
        parts = []
        for start in range(0, rows.size, _BLOCK):
            these = rows[start : start + _BLOCK]
            curve, slopes = self.model.evaluate(self.x[these], v[start : start + _BLOCK], self.scale[these])
            weights = self.weights[these]
            misfit = (self.data[these] - curve) * weights
            slopes *= weights[:, None, :]
            parts.append(
                (
                    np.einsum("km,km->k", misfit, misfit),
                    (slopes @ misfit[:, :, None])[:, :, 0],
                    slopes @ slopes.swapaxes(1, 2),
                )
            )
        found = Normal(*(np.concatenate(one) for one in zip(*parts, strict=True)))
        if self.known is not None:
            known = self.known[rows]
            found.chisqr[:] += np.einsum("ki,ki->k", known, v**2)
            found.descent[:] -= known * v
            found.square[:, range(v.shape[1]), range(v.shape[1])] += known
        return found


@dataclass(frozen=True, eq=False)
class Normal:
    """Chi-square (k,), minus half its gradient (k, p), and J^T J (k, p, p)."""

    chisqr: FloatArray
    descent: FloatArray
    square: FloatArray

    def put(self, rows: NDArray[np.intp] | BoolArray, other: Normal) -> None:
        """Take rows of another in place."""
        self.chisqr[rows], self.descent[rows], self.square[rows] = other.chisqr, other.descent, other.square

    def of(self, rows: NDArray[np.intp] | BoolArray) -> Normal:
        """Take some of the rows."""
        return Normal(self.chisqr[rows], self.descent[rows], self.square[rows])


@dataclass(frozen=True, eq=False)
class Solved:
    """Optima of k spectra: free parameters (k, p), expansion there, evaluations (k,), and whether they converged."""

    v: FloatArray
    normal: Normal
    nfev: NDArray[np.int64]
    converged: BoolArray


def solve(problem: Problem, start: FloatArray, max_nfev: int, *, from_start: bool = False) -> Solved:
    """Minimise the chi-square of each spectrum by Levenberg and Marquardt's method with an active set of bounds.

    Every row takes its own steps: K. Levenberg, Q. Appl. Math. 2 (1944) 164; D. W. Marquardt, J. SIAM 11 (1963) 431,
    damped in proportion to the diagonal of J^T J. Parameters at a bound that chi-square pushes outward stay there;
    those that a step would take beyond one stop at it, and the step of the others is computed again.

    Parameters
    ----------
    problem : Problem
    start : ndarray, shape (k, free)
        The linear ones among them are replaced by their optimum with the others as given.
    max_nfev : int
        Most evaluations for a row.
    from_start : bool
        Whether the linear ones are good as they are.
    """
    count, size = start.shape
    degrees = max(problem.data.shape[1] - size, 1)
    every = np.arange(count)
    v = np.clip(start, problem.low, problem.high)
    here = problem.normal(every, v)
    nfev = np.ones(count, dtype=np.int64)
    if not from_start:
        v = _linear_start(problem, v, here)
        here = problem.normal(every, v)
        nfev += 1
    damping = np.full(count, _DAMPING)
    converged = np.zeros(count, dtype=bool)
    areas = problem.model.linear & (problem.low == 0.0)
    active = every[np.isfinite(here.chisqr)]
    while active.size:
        now = here.of(active)
        low, high = problem.low[active], problem.high[active]
        # Areas come near 0 by and by, for at 0 nothing tells where else their lines might be needed.
        low = np.where(areas[active], _KEPT * v[active], low)
        step, gain = _step(now, v[active], damping[active], low, high)
        trial = np.clip(v[active] + step, low, high)
        there = problem.normal(active, trial)
        nfev[active] += 1
        with np.errstate(invalid="ignore", over="ignore"):
            fell = now.chisqr - there.chisqr
            better = fell >= 0
            moved = np.einsum("ki,kij,kj->k", step, now.square, step)
            short = moved <= _STEP_ERRORS**2 * now.chisqr / degrees
            # How much of what the expansion promises came true.
            true = np.where(gain > 0, fell / np.where(gain > 0, gain, 1.0), 1.0)
        taken = active[better]
        v[taken] = trial[better]
        here.put(taken, there.of(better))
        factor = np.where(better, np.where(true > 0.75, 0.03, np.where(true > 0.25, 1.0, 3.0)), 8.0)
        damping[active] = np.maximum(damping[active] * factor, _LEAST_DAMPING)
        # A short step that is strongly damped says nothing.
        done = short & (damping[active] < 1.0) | (damping[active] > _MOST_DAMPING)
        converged[active[done]] = True
        active = active[~done & (nfev[active] < max_nfev)]
    return Solved(v, here, nfev, converged)


def _linear_start(problem: Problem, v: FloatArray, normal: Normal) -> FloatArray:
    """Best areas and background for the positions and widths of the start."""
    linear = problem.model.linear
    if not linear.any():
        return v
    fixed = np.broadcast_to(~linear, v.shape)
    started = v + _solved(normal.square, normal.descent, fixed, np.zeros(len(v)))
    bounded = linear & (problem.low == 0.0)
    areas = np.where(bounded & np.isfinite(started), np.maximum(started, 0.0), 0.0)
    least = _LEAST_SHARE * areas.sum(axis=1, keepdims=True)
    started = np.where(bounded, np.maximum(started, least), started)
    return np.clip(np.where(np.isfinite(started), started, v), problem.low, problem.high)


def _step(
    normal: Normal, v: FloatArray, damping: FloatArray, low: FloatArray, high: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Damped step within the bounds, and by how much chi-square should fall."""
    fixed = ((v <= low) & (normal.descent < 0)) | ((v >= high) & (normal.descent > 0))
    step = np.zeros_like(v)
    for _ in range(3):
        rest = normal.descent - (normal.square @ step[:, :, None])[:, :, 0]
        whole = step + _solved(normal.square, rest, fixed, damping)
        beyond = ~fixed & ((v + whole < low) | (v + whole > high))
        if not beyond.any():
            break
        fixed = fixed | beyond
        step = np.where(fixed, np.clip(v + whole, low, high) - v, 0.0)
    step = np.clip(v + whole, low, high) - v
    along = np.einsum("ki,ki->k", step, normal.descent)
    return step, 2.0 * along - np.einsum("ki,kij,kj->k", step, normal.square, step)


def _solved(square: FloatArray, right: FloatArray, fixed: BoolArray, damping: FloatArray) -> FloatArray:
    """Solve the damped normal equations for the parameters that are not fixed; 0 for those that are."""
    size = right.shape[1]
    diagonal = np.einsum("kii->ki", square)
    norms = np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    loose = ~fixed & (diagonal > 0)
    both = loose[:, :, None] & loose[:, None, :]
    matrix = np.where(both, square / (norms[:, :, None] * norms[:, None, :]), 0.0)
    # With a trace of the diagonal, two parameters that do the same have a solution too.
    matrix[:, range(size), range(size)] = np.where(loose, 1.0 + damping[:, None] + 1e-12, 1.0)
    target = np.where(loose, right / norms, 0.0)
    found: FloatArray = np.linalg.solve(matrix, target[:, :, None])[:, :, 0] / norms
    return found
