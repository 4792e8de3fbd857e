"""Noise of counts, and fits with the weights of the fitted model.

Weights from the data are larger where noise makes an intensity small, so that fits lie about one count below the data
in every channel. Weights from the model, iterated, lead to the maximum of Poisson's likelihood (P. J. Green, J. R.
Stat. Soc. B 46 (1984) 149).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .solver import Normal, Problem, Solved, expansion, solve

FloatArray = NDArray[np.float64]

#: Fewest counts that a channel is expected to hold: one that counts nothing has no huge weight.
LEAST_COUNTS: Final = 0.25

#: Weights are good when those of the fit move it by less than this many standard errors, and most searches for them.
_WEIGHT_ERRORS, _MOST_WEIGHTS = 0.05, 12

#: Precision, in standard errors, of a fit with weights that are still to change.
_ROUGH_ERRORS: Final = 0.3

#: Damping of steps that begin near the minimum.
_NEAR: Final = 1e-4

#: Weights of neighbours in the expectation before a fit (binomial), and its fewest counts.
_BINOMIAL: Final = np.array([1.0, 4.0, 6.0, 4.0, 1.0])
_LEAST_BEFORE: Final = 1.0


def poisson_sigma(curve: FloatArray, count_size: ArrayLike) -> FloatArray:
    """Find the standard deviation of intensities whose expectation is `curve`.

    Parameters
    ----------
    curve : ndarray
        In the units of the intensities.
    count_size : array_like
        Intensity of one count.
    """
    size = np.asarray(count_size, dtype=float)
    return np.asarray(size * np.sqrt(np.maximum(curve / size, LEAST_COUNTS)))


def fitted_sigma(curve: FloatArray, count_size: FloatArray, sigma: FloatArray) -> FloatArray:
    """Find the standard deviations that the fitted `curve` leads to; `sigma` where `count_size` is NaN."""
    counted = np.isfinite(count_size)
    return np.where(counted, poisson_sigma(curve, np.where(counted, count_size, 1.0)), sigma)


def sigma_before_fit(counts: FloatArray, count_size: float) -> FloatArray:
    """Find the standard deviation of each intensity, shape (n,), from its neighbours' average where no model is known.

    The average depends on the noise of one channel less than the channel does.
    """
    padded = np.convolve(counts / count_size, _BINOMIAL, "same")
    mean = padded / np.convolve(np.ones(counts.size), _BINOMIAL, "same")
    return np.asarray(count_size * np.sqrt(np.maximum(mean, _LEAST_BEFORE)))


def solve_counts(
    problem: Problem, count_size: FloatArray, start: FloatArray, max_nfev: int, **options: Any
) -> tuple[Problem, Solved]:
    """Minimise the chi-square of spectra whose noise is that of counts, with the weights of the fitted model.

    Parameters
    ----------
    problem : Problem
        With weights to begin with.
    count_size : ndarray, shape (k, m)
        Intensity of one count; NaN for channels whose weights are to stay.
    start : ndarray, shape (k, free)
    max_nfev : int
        Most evaluations for a row.
    **options
        As for `solve`.

    Returns
    -------
    Problem
        With the weights of the fit.
    Solved
    """
    counted = np.isfinite(count_size).any(axis=1)
    if not counted.any():
        return problem, solve(problem, start, max_nfev, **options)
    # With weights that will change, it is enough to come near.
    rough = {**options, "step_errors": max(_ROUGH_ERRORS, options.get("step_errors", 0.0)), "confirm": False}
    solved = solve(problem, start, max_nfev, **rough)
    weights, nfev, converged = problem.weights.copy(), solved.nfev, solved.converged
    active = np.flatnonzero(converged & counted)
    for _ in range(_MOST_WEIGHTS):
        if not active.size:
            break
        part, normal = _reweighted(problem.of(active), solved.v[active], count_size[active])
        near: dict[str, Any] = {"from_start": True, "normal": normal, "damping": _NEAR}
        again = solve(part, solved.v[active], max_nfev, step_errors=_WEIGHT_ERRORS, confirm=False, **near)
        weights[active], solved.v[active] = part.weights, again.v
        solved.normal.put(active, again.normal)
        nfev[active] += 1 + again.nfev
        converged[active] = again.converged
        active = active[(again.nfev > 0) & again.converged]
    problem = replace(problem, weights=weights)
    rows = np.flatnonzero(converged)
    last = {**options, "from_start": True, "normal": solved.normal.of(rows), "damping": _NEAR}
    final = solve(problem.of(rows), solved.v[rows], max_nfev, **last)
    solved.v[rows], nfev[rows], converged[rows] = final.v, nfev[rows] + final.nfev, final.converged
    solved.normal.put(rows, final.normal)
    return problem, Solved(solved.v, solved.normal, nfev, converged)


def _reweighted(problem: Problem, v: FloatArray, count_size: FloatArray) -> tuple[Problem, Normal]:
    """Problem with the weights of the model at `v`, shape (k, free), and the expansion of its chi-square there."""
    block = problem.model.block(problem.x.shape[1])
    weights, parts = problem.weights.copy(), []
    for start in range(0, len(v), block):
        rows = slice(start, start + block)
        scale = None if problem.scale is None else problem.scale[rows]
        curve, slopes = problem.model.evaluate(problem.x[rows], v[rows], scale)
        weights[rows] = 1.0 / fitted_sigma(curve, count_size[rows], 1.0 / weights[rows])
        parts.append(expansion(problem.data[rows] - curve, slopes, weights[rows]))
    whole = Normal(*(np.concatenate(each) for each in zip(*parts, strict=True)))
    weighted = replace(problem, weights=weights)
    return weighted, weighted.with_known(whole, np.arange(len(v)), v)
