"""What chemistry knows of parameters before the fit, and fits that take it into account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

import lmfit
import numpy as np
from numpy.typing import NDArray

from xps_stn_plugin.models.drafts import Parameter
from xps_stn_plugin.models.solver import Normal, Problem, inverse, solve_one

FloatArray = NDArray[np.float64]

#: A fit whose reduced chi-square is more than this off the one it was weighted with is repeated.
_OFF: Final = 1.3

#: Fits end where the next step would be of less than this many standard errors.
_STEP_ERRORS: Final = 0.01

#: Most fits of one model: each is weighted by the chi-square of the one before. Two or three do; the limit is for data
#: that no weight fits.
_MOST_FITS: Final = 12

#: A parameter counts as determined by the data where they leave less than this share of what is expected of it.
DETERMINED: Final = 0.5


def expect(parameter: lmfit.Parameter | Parameter, mean: float, deviation: float) -> None:
    """Note on a parameter what is expected of it, in its own units; it travels with the parameter as ``user_data``."""
    parameter.user_data = (float(mean), float(deviation))


def hold(parameter: lmfit.Parameter | Parameter) -> None:
    """Hold a parameter at its value because that is typical; an expectation says how well it is known.

    A parameter that a user fixes, or whose value a user changes, is not held in this sense: it counts as exact.
    """
    parameter.set(vary=False)
    if parameter.user_data is not None:
        parameter.user_data = (*parameter.user_data[:2], float(parameter.value))


def expectations(params: Mapping[str, Any]) -> dict[str, tuple[float, float]]:
    """Mean and standard deviation of the parameters of which something is expected; other ``user_data`` are ignored."""
    found = {}
    for name, parameter in params.items():
        match parameter.user_data:
            case [int() | float() as mean, int() | float() as deviation, *_] if deviation > 0:
                found[name] = float(mean), float(deviation)
    return found


def held_deviations(params: Mapping[str, Any]) -> dict[str, float]:
    """Find the standard deviations of the parameters that the seed holds: see `hold`."""
    found = {}
    for name, parameter in params.items():
        match parameter.user_data:
            case [int() | float(), int() | float() as deviation, int() | float() as value] if deviation > 0:
                if not parameter.vary and not parameter.expr and float(parameter.value) == float(value):
                    found[name] = float(deviation)
    return found


@dataclass(frozen=True, eq=False)
class Optimum:
    """Most probable values of a model's parameters.

    Parameters
    ----------
    vector : ndarray, shape (free,)
    chisqr : float
        Chi-square of the data, as weighted in the problem.
    penalty : float
        Sum of the squared deviations from what is expected, in standard deviations.
    scale : float
        Reduced chi-square that the data were believed to have; at least 1.
    square : ndarray, shape (free, free)
        J^T J of the data, as weighted in the problem.
    known : ndarray, shape (free,)
        One over the variance of what is expected of each parameter; 0 where nothing is.
    names : tuple of str
        Free parameters.
    """

    vector: FloatArray
    chisqr: float
    penalty: float
    scale: float
    square: FloatArray
    known: FloatArray
    names: tuple[str, ...]

    @cached_property
    def covariance(self) -> FloatArray:
        """Covariance from the data alone, believed as `scale` says, shape (free, free)."""
        return self.scale * inverse(self.square)

    @cached_property
    def errors(self) -> Mapping[str, float]:
        """Standard deviation of each parameter of which something is expected, data and expectation together."""
        variances = np.diag(inverse(self.square / self.scale + np.diag(self.known)))
        return {name: float(np.sqrt(max(variances[i], 0.0))) for i, name in enumerate(self.names) if self.known[i] > 0}


def optimum(
    problem: Problem,
    expected: Mapping[str, tuple[float, float]],
    *,
    start: Mapping[str, float] | None = None,
    scale: float = 1.0,
    max_nfev: int,
    step_errors: float = _STEP_ERRORS,
) -> Optimum:
    """Fit data and expectations together.

    Where the data are described worse than their noise allows, they say less by as much: their chi-square is divided by
    the reduced chi-square of the fit.

    Parameters
    ----------
    problem : Problem
        Of one spectrum.
    expected : mapping of str to tuple of float
        Mean and standard deviation by parameter; others than the model's free ones are left out.
    start : mapping of str to float, optional
        Values to start from.
    scale : float
        Reduced chi-square to begin with.
    max_nfev : int
        Most evaluations of one fit.
    step_errors : float
        A fit ends where the next step would be of less than this many standard errors.
    """
    model = problem.model
    pairs = np.array([expected.get(name, (0.0, np.inf)) for name in model.free])
    known, means = pairs[None, :, 1] ** -2.0, pairs[None, :, 0]
    v = model.start if start is None else model.vector(start)
    degrees = max(problem.data.size - len(model.free), 1)
    row = np.zeros(1, dtype=np.intp)
    normal = None
    for _ in range(_MOST_FITS):
        weighted = replace(problem, weights=problem.weights / np.sqrt(scale), known=known, means=means)
        fit = solve_one(weighted, v, max_nfev=max_nfev, normal=normal, step_errors=step_errors, confirm=False)
        v, pulls = fit.v[0], known * (fit.v - means)
        penalty = float(np.sum(pulls * (fit.v - means)))
        chisqr = (float(fit.normal.chisqr[0]) - penalty) * scale
        data = Normal(
            np.array([chisqr]), (fit.normal.descent + pulls) * scale, (fit.normal.square - np.diag(known[0])) * scale
        )
        better = max(1.0, chisqr / degrees)
        if 1 / _OFF < better / scale < _OFF:
            break
        scale = better
        normal = weighted.with_known(Normal(*(part / scale for part in data)), row, fit.v)
    return Optimum(v, chisqr, penalty, scale, data.square[0], known[0], model.free)
