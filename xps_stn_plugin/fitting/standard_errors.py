"""Standard errors of a fit, also where lmfit has none, and which parameters the data cannot tell apart."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import lmfit
import numpy as np
from numpy.typing import NDArray

from xps_prefit_hooks import Seed
from xps_stn_plugin.models.ties import TiedRows, Ties

from .parameter_names import at_bounds, free_names
from .row_errors import mended, plain_covariances, propagated

FloatArray = NDArray[np.float64]

#: Share of a parameter's range that a numerical derivative steps.
_STEP: Final = 1e-6


@dataclass(frozen=True)
class Uncertainty:
    """Standard errors of a fit, in the units of the parameters.

    Parameters
    ----------
    stderr : mapping of str to float
        Standard error of each parameter, tied ones too, that has one; finite and positive.
    correlations : tuple of (str, str, float)
        Pairs of free parameters with their correlation, the strongest first.
    held : mapping of str to str
        Free parameters that were held while the errors of the others were computed, and why: ``bound``, ``no effect``.
    inseparable : tuple of (str, str, float)
        Pairs of free parameters that the data cannot tell apart, and the sign of their correlation.
    undetermined : tuple of str
        Free parameters without an error that are not held: those that cannot be told apart, and all where the fit found
        no minimum.
    by_range : tuple of str
        Free parameters whose error is that of their range, since the data say less.
    spoiled : bool
        Whether the plain covariance is useless, so that all errors are new ones.
    """

    stderr: Mapping[str, float]
    correlations: tuple[tuple[str, str, float], ...] = ()
    held: Mapping[str, str] = field(default_factory=dict)
    inseparable: tuple[tuple[str, str, float], ...] = ()
    undetermined: tuple[str, ...] = ()
    by_range: tuple[str, ...] = ()
    spoiled: bool = False


def uncertainty(seed: Seed, fit: lmfit.model.ModelResult) -> Uncertainty:
    """Return lmfit's standard errors, or those of `row_errors` where lmfit has none or useless ones."""
    free = free_names(fit.params)
    given = {name: float(p.stderr) for name, p in fit.params.items() if _is_error(p.stderr)}
    missing = [name for name in free if name not in given]
    if not free or not fit.success or fit.ndata <= len(free):
        return Uncertainty(given, _given_correlations(fit.params, free), undetermined=tuple(missing))
    jacobian = _jacobian(fit, free)
    jacobian = np.where(np.isfinite(jacobian).all(axis=0), jacobian, 0.0)
    square = (jacobian.T @ jacobian)[None]
    scale = np.array([math.sqrt(float(fit.redchi)) if fit.scale_covar else 1.0])
    width = np.array([[float(fit.params[name].max - fit.params[name].min) for name in free]])
    plain = plain_covariances(square, scale, width)
    spoiled = bool(plain.spoiled[0])
    if not (missing or spoiled):
        return Uncertainty(given, _given_correlations(fit.params, free))
    bounds = at_bounds(seed, fit.params)
    sides = np.array([[{"lower": -1, "upper": 1}.get(bounds.get(name, ""), 0) for name in free]], dtype=np.int8)
    covariances = mended(plain, square, scale, width, sides)
    ties = Ties.compile(fit.params)
    values = np.array([[float(parameter.value) for parameter in fit.params.values()]])
    stderr = propagated(covariances, ties.slopes(TiedRows.of(tuple(ties.start), values)))[0]
    computed = {name: error for name, error in zip(fit.params, stderr.tolist(), strict=True) if _is_error(error)}
    lost, held = covariances.lost[0], covariances.held[0]
    known = [i for i in range(len(free)) if not lost[i] and not held[i]]
    return Uncertainty(
        {**computed, **({} if spoiled else given)},
        _correlations([free[i] for i in known], covariances.matrix[0][np.ix_(known, known)]),
        {name: "no effect" if covariances.idle[0, i] else "bound" for i, name in enumerate(free) if held[i]},
        tuple((free[i], free[j], sign) for i, j, sign in covariances.pairs[0]),
        tuple(name for i, name in enumerate(free) if lost[i]),
        tuple(name for i, name in enumerate(free) if covariances.by_range[0, i]),
        spoiled,
    )


def complete_errors(seed: Seed, fit: lmfit.model.ModelResult) -> None:
    """Fill in standard errors, correlations and covariance that a fit lacks; numbers that it has are left alone.

    Where lmfit's errors are useless (see `uncertainty`), all of them count as lacking. In a covariance that is filled
    in, held parameters have variance zero, and ``errorbars`` becomes True; there is none where a parameter has no error
    for another reason.
    """
    free = free_names(fit.params)
    known_errors = uncertainty(seed, fit)
    if not known_errors.spoiled and all(_is_error(fit.params[name].stderr) for name in free):
        return
    if known_errors.spoiled:
        for parameter in fit.params.values():
            parameter.stderr = parameter.correl = None
    for name, parameter in fit.params.items():
        if not _is_error(parameter.stderr):
            parameter.stderr = known_errors.stderr.get(name)
    for name in free:
        fit.params[name].correl = fit.params[name].correl or {}
    for first, second, value in known_errors.correlations:
        fit.params[first].correl.setdefault(second, value)
        fit.params[second].correl.setdefault(first, value)
    if known_errors.undetermined or not fit.success:
        return
    errors = np.array([0.0 if name in known_errors.held else known_errors.stderr.get(name, 0.0) for name in free])
    correlation = np.eye(len(free))
    for first, second, value in known_errors.correlations:
        i, j = free.index(first), free.index(second)
        correlation[i, j] = correlation[j, i] = value
    fit.covar = correlation * np.outer(errors, errors)
    fit.var_names, fit.errorbars = free, True


def _is_error(value: float | None) -> bool:
    # lmfit leaves zero for what it did not vary or could not propagate.
    return value is not None and math.isfinite(value) and value > 0


def _step(parameter: lmfit.Parameter) -> float:
    """Step of a numerical derivative."""
    width, value = float(parameter.max - parameter.min), abs(float(parameter.value))
    return _STEP * (max(width, 1e-3 * value) if math.isfinite(width) else value or 1.0)


def _jacobian(fit: lmfit.model.ModelResult, free: list[str]) -> FloatArray:
    """Differentiate the weighted residual: the solver's own Jacobian, shape (n, free), or a numerical one."""
    if fit.method == "least_squares" and list(getattr(fit, "var_names", ())) == free:
        solver_jacobian: FloatArray = np.asarray(getattr(fit, "jac", ()), dtype=float)
        if solver_jacobian.shape == (fit.ndata, len(free)):
            return solver_jacobian
    params = fit.params.copy()
    weights = 1.0 if fit.weights is None else np.asarray(fit.weights, dtype=float)
    columns = []
    for name in free:
        parameter, value = params[name], float(params[name].value)
        step = _step(parameter)
        # Values are cut at the bounds, so that the step next to one is half as long.
        ends = [min(max(value + sign * step, parameter.min), parameter.max) for sign in (-1, 1)]
        sides = []
        for end in ends:
            parameter.set(value=end)
            sides.append(np.asarray(fit.eval(params=params), dtype=float) * weights)
        parameter.set(value=value)
        columns.append((sides[1] - sides[0]) / (ends[1] - ends[0]))
    return np.stack(columns, axis=1)


def _given_correlations(params: lmfit.Parameters, free: list[str]) -> tuple[tuple[str, str, float], ...]:
    pairs = []
    for n, first in enumerate(free):
        for second in free[n + 1 :]:
            value = (params[first].correl or {}).get(second)
            if value is not None and math.isfinite(value):
                pairs.append((first, second, float(value)))
    return tuple(sorted(pairs, key=lambda pair: -abs(pair[2])))


def _correlations(names: list[str], covariance: FloatArray) -> tuple[tuple[str, str, float], ...]:
    errors = np.sqrt(np.diag(covariance))
    if not errors.all():
        # A perfect fit has no errors, and nothing correlates.
        return ()
    values = covariance / np.outer(errors, errors)
    pairs = [(a, b, float(values[i, j])) for i, a in enumerate(names) for j, b in enumerate(names) if i < j]
    return tuple(sorted(pairs, key=lambda pair: -abs(pair[2])))
