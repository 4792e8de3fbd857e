"""Bounded least squares of one model and k spectra, side by side; one spectrum is a stack of one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .compiled import CompiledModel

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

#: Function evaluations per free parameter (and one for the rest) after which a fit is given up. Seeded fits take 5-30
#: evaluations in all; a runaway of lmfit's default took 26 000 and 8 s (lmfit 1.3.4, four pseudo-Voigts).
EVALUATIONS_PER_PARAMETER: Final = 100

#: A fit has converged when its step moves it by less than this many standard errors, in the norm of all parameters.
#: What is left then is smaller by the rate of convergence, of the order of 0.1.
STEP_ERRORS: Final = 3e-3

#: A direction is not seen if its singular value, of the Jacobian with columns of length one, is less than this share of
#: the largest: 1/s is then the error in units of a lone parameter's, a million times as large.
UNSEEN: Final = 1e-6

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
    model : CompiledModel
    x, data, weights : ndarray, shape (k, m)
        Energies in eV, intensities, and one over their standard deviations.
    low, high : ndarray, shape (k, free)
    scale : ndarray, shape (k,), optional
        By how much intensities differ from those that the model was made for.
    known : ndarray, shape (k, free), optional
        One over the variance of what is known of parameters beside the data.
    means : ndarray, shape (k, free), optional
        Values that are known; 0 by default.
    """

    model: CompiledModel
    x: FloatArray
    data: FloatArray
    weights: FloatArray
    low: FloatArray
    high: FloatArray
    scale: FloatArray | None = None
    known: FloatArray | None = None
    means: FloatArray | float = 0.0

    @classmethod
    def of_one(cls, model: CompiledModel, x: ArrayLike, data: ArrayLike, weights: ArrayLike | None = None) -> Problem:
        """Make it of one spectrum: energies, intensities and weights (1 by default), each of shape (m,)."""
        counts = np.asarray(data, dtype=float)
        each = np.ones(counts.shape) if weights is None else np.broadcast_to(np.asarray(weights, float), counts.shape)
        axis = np.asarray(x, dtype=float)
        return cls(model, axis[None], counts[None], each[None], model.low[None], model.high[None])

    def of(self, rows: NDArray[np.intp]) -> Problem:
        """Take some of the spectra."""
        optional: dict[str, Any] = {}
        for name in ("scale", "known", "means"):
            value = getattr(self, name)
            optional[name] = value[rows] if isinstance(value, np.ndarray) else value
        return replace(
            self,
            x=self.x[rows],
            data=self.data[rows],
            weights=self.weights[rows],
            low=self.low[rows],
            high=self.high[rows],
            **optional,
        )

    def residual_and_jacobian(self, v: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Residual ``(data - curve) * weights``, lmfit's sign, and its derivatives, of the first spectrum.

        Parameters
        ----------
        v : ndarray, shape (free,)

        Returns
        -------
        residual : ndarray, shape (m,)
        jacobian : ndarray, shape (m, free)
        """
        scale = None if self.scale is None else self.scale[:1]
        curve, slopes = self.model.evaluate(self.x[:1], np.asarray(v, dtype=float)[None], scale)
        return (self.data[0] - curve[0]) * self.weights[0], -(slopes[0] * self.weights[0]).T

    def normal(self, rows: NDArray[np.intp], v: FloatArray) -> Normal:
        """Chi-square and its expansion at `v`, shape (rows, free)."""
        block = self.model.block(self.x.shape[1])
        parts = [self._normal(rows[i : i + block], v[i : i + block]) for i in range(0, rows.size, block)]
        whole = parts[0] if len(parts) == 1 else Normal(*(np.concatenate(each) for each in zip(*parts, strict=True)))
        return whole if self.known is None else self.with_known(whole, rows, v)

    def with_known(self, normal: Normal, rows: NDArray[np.intp], v: FloatArray) -> Normal:
        """Add what is known of parameters beside the data to an expansion at `v`, in place."""
        if self.known is not None:
            known = self.known[rows]
            off = v - (self.means[rows] if isinstance(self.means, np.ndarray) else self.means)
            normal.chisqr[:] += (known * off**2).sum(axis=1)
            normal.descent[:] -= known * off
            _diagonal(normal.square)[:] += known
        return normal

    def _normal(self, rows: NDArray[np.intp], v: FloatArray) -> Normal:
        curve, slopes = self.model.evaluate(self.x[rows], v, None if self.scale is None else self.scale[rows])
        return expansion(self.data[rows] - curve, slopes, self.weights[rows])


def expansion(misfit: FloatArray, slopes: FloatArray, weights: FloatArray) -> Normal:
    """Chi-square and its expansion of residuals (k, m) and derivatives of the curves (k, p, m)."""
    misfit = misfit * weights
    slopes = slopes * weights[:, None, :]
    chisqr = (misfit[:, None, :] @ misfit[:, :, None])[:, 0, 0]
    return Normal(chisqr, (slopes @ misfit[:, :, None])[:, :, 0], slopes @ slopes.swapaxes(1, 2))


class Normal(NamedTuple):
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


def solve(
    problem: Problem,
    start: FloatArray,
    max_nfev: int,
    *,
    from_start: bool = False,
    normal: Normal | None = None,
    step_errors: float = STEP_ERRORS,
    confirm: bool = True,
    damping: float = _DAMPING,
) -> Solved:
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
    normal : Normal, optional
        Expansion of chi-square at `start`, where it is known; it is changed in place.
    step_errors : float
        A row has converged when its step moves it by less than this many standard errors.
    confirm : bool
        Whether that step is still taken.
    damping : float
        To begin with; little where the start is near the minimum.
    """
    count, size = start.shape
    degrees = max(problem.data.shape[1] - size, 1)
    every = np.arange(count)
    low, high = (np.broadcast_to(bound, start.shape) for bound in (problem.low, problem.high))
    v = _bounded(start, low, high)
    expansion = problem.normal(every, v) if normal is None else normal
    nfev = np.full(count, int(normal is None), dtype=np.int64)
    if not from_start:
        v = _linear_start(problem, v, expansion)
        expansion = problem.normal(every, v)
        nfev += 1
    dampings = np.full(count, damping)
    converged = np.zeros(count, dtype=bool)
    areas = problem.model.linear & (low == 0.0)
    active = every[np.isfinite(expansion.chisqr)]
    while active.size:
        now, at = (expansion, v) if active.size == count else (expansion.of(active), v[active])
        # Areas come near 0 by and by, for at 0 nothing tells where else their lines might be needed.
        least = np.where(areas[active], _KEPT * at, low[active])
        step, gain = bounded_step(now, at, dampings[active], least, high[active])
        moved = _product(step, now.square, step)
        enough = step_errors**2 * now.chisqr / degrees
        if not confirm:
            done = (moved <= enough) & (dampings[active] < 1.0)
            converged[active[done]] = True
            if done.any():
                active = active[~done]
                continue
        trial = at + step
        trial_expansion = problem.normal(active, trial)
        nfev[active] += 1
        with np.errstate(invalid="ignore", over="ignore"):
            fell = now.chisqr - trial_expansion.chisqr
            better = fell >= 0
            short = moved <= enough
            # How much of what the expansion promises came true.
            true = np.where(gain > 0, fell / np.where(gain > 0, gain, 1.0), 1.0)
        taken = active[better]
        v[taken] = trial[better]
        expansion.put(taken, trial_expansion.of(better))
        factor = np.where(better, np.where(true > 0.75, 0.03, np.where(true > 0.25, 1.0, 3.0)), 8.0)
        damped = dampings[active] = np.maximum(dampings[active] * factor, _LEAST_DAMPING)
        # A short step that is strongly damped says nothing.
        done = short & (damped < 1.0) | (damped > _MOST_DAMPING)
        converged[active[done]] = True
        active = active[~done & (nfev[active] < max_nfev)]
    return Solved(v, expansion, nfev, converged)


def solve_one(
    problem: Problem,
    start: ArrayLike | None = None,
    *,
    max_nfev: int | None = None,
    from_start: bool = True,
    **options: Any,
) -> Solved:
    """Minimise the chi-square of one spectrum.

    Parameters
    ----------
    problem : Problem
        Of one spectrum.
    start : array_like, shape (free,), optional
        Where to start, values beyond the bounds set to them; by default the model's start values.
    max_nfev : int, optional
        Most evaluations; 100 per free parameter (and one for the rest) by default.
    from_start, **options
        As for `solve`.
    """
    v = problem.model.start if start is None else np.asarray(start, dtype=float)
    most = EVALUATIONS_PER_PARAMETER * (v.size + 1) if max_nfev is None else max_nfev
    return solve(problem, v[None], most, from_start=from_start, **options)


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
    return _bounded(np.where(np.isfinite(started), started, v), problem.low, problem.high)


def bounded_step(
    normal: Normal, v: FloatArray, damping: FloatArray, low: FloatArray, high: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Find a damped step within the bounds, and by how much chi-square should fall.

    Shapes as in `Normal`; `v`, `low` and `high` (k, p), `damping` (k,); returned (k, p) and (k,).
    """
    fixed = ((v <= low) & (normal.descent < 0)) | ((v >= high) & (normal.descent > 0))
    whole = _solved(normal.square, normal.descent, fixed, damping)
    for _ in range(2):
        moved = v + whole
        beyond = ~fixed & ((moved < low) | (moved > high))
        if not beyond.any():
            break
        fixed = fixed | beyond
        step = np.where(fixed, _bounded(moved, low, high) - v, 0.0)
        rest = normal.descent - (normal.square @ step[:, :, None])[:, :, 0]
        whole = step + _solved(normal.square, rest, fixed, damping)
    step = _bounded(v + whole, low, high) - v
    along = (step[:, None, :] @ normal.descent[:, :, None])[:, 0, 0]
    return step, 2.0 * along - _product(step, normal.square, step)


def _bounded(v: FloatArray, low: FloatArray, high: FloatArray) -> FloatArray:
    # As `numpy.clip`, which takes ten times as long for arrays as small as one spectrum's.
    return np.asarray(np.minimum(np.maximum(v, low), high))


def _product(left: FloatArray, square: FloatArray, right: FloatArray) -> FloatArray:
    """Row by row ``left @ square @ right``, shape (k,)."""
    return np.asarray((left[:, None, :] @ (square @ right[:, :, None]))[:, 0, 0])


def _diagonal(square: FloatArray) -> FloatArray:
    """View of the diagonals, shape (k, p), of matrices (k, p, p)."""
    return np.asarray(np.einsum("kii->ki", square))


def _solved(square: FloatArray, right: FloatArray, fixed: BoolArray, damping: FloatArray) -> FloatArray:
    """Solve the damped normal equations for the parameters that are not fixed; 0 for those that are."""
    diagonal = _diagonal(square)
    seen = diagonal > 0
    norms = np.sqrt(np.where(seen, diagonal, 1.0))
    loose = ~fixed & seen
    both = loose[:, :, None] & loose[:, None, :]
    matrix = np.where(both, square / (norms[:, :, None] * norms[:, None, :]), 0.0)
    # With a trace of the diagonal, two parameters that do the same have a solution too.
    _diagonal(matrix)[:] = np.where(loose, 1.0 + damping[:, None] + 1e-12, 1.0)
    target = np.where(loose, right / norms, 0.0)
    solution: FloatArray = np.linalg.solve(matrix, target[:, :, None])[:, :, 0] / norms
    return solution


def inverse(square: FloatArray) -> FloatArray:
    """Invert a matrix J^T J, shape (p, p); directions that are not seen count as known.

    Parameters are taken in units of their own standard errors, so that their size does not matter.
    """
    norms = np.sqrt(np.diag(square))
    norms = np.where(norms > 0, norms, 1.0)
    scale = np.outer(norms, norms)
    return np.asarray(np.linalg.pinv(square / scale, rcond=UNSEEN**2, hermitian=True) / scale)
