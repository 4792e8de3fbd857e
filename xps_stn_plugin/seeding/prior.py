"""What chemistry knows of parameters before the fit, and fits that take it into account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import lmfit
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from xps_stn_plugin.models.plan import SOLVER, FitPlan, Memory

FloatArray = NDArray[np.float64]

#: A fit whose reduced chi-square is more than this off the one it was weighted with is repeated.
_OFF: Final = 1.3

#: Solver of trial fits, which decide between models: chi-square to 0.01 % is enough.
_SOLVER: Final = {**SOLVER, "ftol": 1e-4, "xtol": 1e-5}

#: Most fits of one model: each is weighted by the chi-square of the one before. Two or three do; the limit is for data
#: that no weight fits.
_MOST_FITS: Final = 12

#: A parameter counts as determined by the data where they leave less than this share of what is expected of it.
DETERMINED: Final = 0.5


def expect(parameter: lmfit.Parameter, mean: float, deviation: float) -> None:
    """Note on a parameter what is expected of it, in its own units; it travels with the parameter as ``user_data``."""
    parameter.user_data = (float(mean), float(deviation))


def expectations(params: lmfit.Parameters) -> dict[str, tuple[float, float]]:
    """Mean and standard deviation of the parameters of which something is expected; other ``user_data`` are ignored."""
    found = {}
    for name, parameter in params.items():
        match parameter.user_data:
            case [int() | float() as mean, int() | float() as deviation] if deviation > 0:
                found[name] = float(mean), float(deviation)
    return found


@dataclass(frozen=True)
class Optimum:
    """Most probable values of a plan's parameters.

    Parameters
    ----------
    vector : ndarray, shape (free,)
    chisqr : float
        Chi-square of the data, as weighted by the plan.
    penalty : float
        Sum of the squared deviations from what is expected, in standard deviations.
    scale : float
        Reduced chi-square that the data were believed to have; at least 1.
    errors : mapping of str to float
        Standard deviation of each parameter of which something is expected, data and expectation together.
    """

    vector: FloatArray
    chisqr: float
    penalty: float
    scale: float
    errors: Mapping[str, float]


def optimum(
    plan: FitPlan,
    expected: Mapping[str, tuple[float, float]],
    *,
    start: Mapping[str, float] | None = None,
    scale: float = 1.0,
    max_nfev: int,
) -> Optimum:
    """Fit data and expectations together.

    Where the data are described worse than their noise allows, they say less by as much: their chi-square is divided by
    the reduced chi-square of the fit.

    Parameters
    ----------
    plan : FitPlan
    expected : mapping of str to tuple of float
        Mean and standard deviation by parameter; others than the plan's free ones are left out.
    start : mapping of str to float, optional
        Values to start from.
    scale : float
        Reduced chi-square to begin with.
    max_nfev : int
        Most evaluations of one fit.
    """
    places = [i for i, name in enumerate(plan.names) if name in expected]
    means, deviations = (np.array([expected[plan.names[i]][k] for i in places]) for k in (0, 1))
    rows = np.zeros((len(places), len(plan.names)))
    rows[np.arange(len(places)), places] = 1.0 / deviations
    units = plan.units
    u = np.clip(plan.start if start is None else plan.vector(start), plan.low, plan.high) / units
    bounds = plan.low / units, plan.high / units
    degrees = max(plan.data.size - len(plan.names), 1)
    for _ in range(_MOST_FITS):
        memory = Memory(replace(plan, weights=plan.weights / np.sqrt(scale)))

        def residual(u: FloatArray, memory: Memory = memory) -> FloatArray:
            return np.concatenate([memory.residual(u), ((u * units)[places] - means) / deviations])

        def jacobian(u: FloatArray, memory: Memory = memory) -> FloatArray:
            return np.concatenate([memory.jacobian(u), rows * units])

        fit = least_squares(residual, np.clip(u, *bounds), jacobian, bounds=bounds, max_nfev=max_nfev, **_SOLVER)
        u, misfit = fit.x, fit.fun[: plan.data.size]
        chisqr = float(misfit @ misfit) * scale
        better = max(1.0, chisqr / degrees)
        if 1 / _OFF < better / scale < _OFF:
            break
        scale = better
    covariance = np.linalg.pinv(fit.jac.T @ fit.jac)
    errors = {plan.names[i]: float(np.sqrt(max(covariance[i, i], 0.0)) * units[i]) for i in places}
    vector = np.clip(u * units, plan.low, plan.high)
    return Optimum(vector, chisqr, float(np.sum(fit.fun[plan.data.size :] ** 2)), scale, errors)
