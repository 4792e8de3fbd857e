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
from xps_stn_plugin.models.solver import UNSEEN
from xps_stn_plugin.models.ties import TiedRows, Ties
from xps_stn_plugin.seeding.prior import expectations

from .parameter_names import at_bounds, free_names, sources

FloatArray = NDArray[np.float64]

#: Share of a parameter's range that a numerical derivative steps.
_STEP: Final = 1e-6

#: A parameter does nothing if its whole range changes the weighted residual by less than this many standard deviations.
NO_EFFECT: Final = 1e-2

#: Share of an unseen direction from which on a parameter takes part in it.
TAKES_PART: Final = 1e-2


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
    """Return lmfit's standard errors, or better ones where lmfit has none or useless ones.

    The covariance is the inverse of J^T J, J being the Jacobian of the weighted residual, scaled by the reduced
    chi-square as lmfit does. It is useless where the data do not depend on a parameter (the position of a component
    without area), do not see a direction, or leave a parameter that has both bounds with an error wider than its range.
    Then parameters at a bound and those that change nothing are held. A range that is narrower than the error counts as
    what is known, with the variance of an even distribution over it. Parameters that take part in a direction that is
    still not seen have no error. Errors of tied parameters are propagated to first order.
    """
    free = free_names(fit.params)
    given = {name: float(p.stderr) for name, p in fit.params.items() if _is_error(p.stderr)}
    missing = [name for name in free if name not in given]
    if not fit.success or fit.ndata <= len(free):
        return Uncertainty(given, _given_correlations(fit.params, free), undetermined=tuple(missing))
    jacobian = dict(zip(free, _jacobian(fit, free).T, strict=True))
    scale = math.sqrt(float(fit.redchi)) if fit.scale_covar else 1.0
    held = {name: "no effect" for name in free if _is_idle(fit.params[name], jacobian[name], scale)}
    left = [name for name in free if name not in held]
    covariance, seen, pairs = _covariance(jacobian, left, {}, scale)
    spoiled = bool(held) or not seen.all() or bool(_vague(fit.params, left, covariance))
    if not (missing or spoiled):
        return Uncertainty(given, _given_correlations(fit.params, free))
    ranges: dict[str, float] = {}
    if spoiled:
        given = {}
        held = {**dict.fromkeys(at_bounds(seed, fit.params), "bound"), **held}
        left = [name for name in free if name not in held]
        for _ in left:
            covariance, seen, pairs = _covariance(jacobian, left, ranges, scale)
            worst = next((name for name in _vague(fit.params, left, covariance) if name not in ranges), None)
            if worst is None:
                break
            ranges[worst] = float(fit.params[worst].max - fit.params[worst].min) / math.sqrt(12.0)
    names = [name for name, here in zip(left, seen, strict=True) if here]
    covariance = covariance[np.ix_(seen, seen)]
    undetermined = tuple(name for name in left if name not in names)
    found = dict(zip(names, np.sqrt(np.diag(covariance)).tolist(), strict=True))
    found |= {
        name: error
        for name, error in _tied_errors(fit.params, names, covariance).items()
        if sources(fit.params, name).isdisjoint(undetermined)
    }
    return Uncertainty(
        {**found, **given}, _correlations(names, covariance), held, pairs, undetermined, tuple(ranges), spoiled
    )


def inherited_errors(params: lmfit.Parameters, values: FloatArray | None = None) -> FloatArray:
    """Find errors that parameters have because others are held at what is usual, which is not known exactly.

    Parameters
    ----------
    params : lmfit.Parameters
        Seeded ones; what is expected of a parameter stands in its ``user_data``.
    values : ndarray, shape (k, names), optional
        Values of all parameters in k fits; by default one fit with those of `params`.

    Returns
    -------
    ndarray, shape (k, names)
        For each parameter that depends on held ones, to first order, as if nothing else followed them; else 0.
    """
    rows = np.array([[float(parameter.value) for parameter in params.values()]]) if values is None else values
    held = {
        name: deviation
        for name, (_, deviation) in expectations(params).items()
        if not params[name].vary and not params[name].expr
    }
    if not held:
        return np.zeros(rows.shape)
    loose = params.copy()
    for name, parameter in loose.items():
        if not parameter.expr:
            parameter.vary = name in held
    ties = Ties.compile(loose)
    slopes = ties.slopes(TiedRows.of(tuple(ties.start), rows)) * [held[name] for name in ties.free]
    return np.asarray(np.sqrt(np.sum(slopes**2, axis=2)))


def complete_errors(seed: Seed, fit: lmfit.model.ModelResult) -> None:
    """Fill in standard errors, correlations and covariance that a fit lacks; numbers that it has are left alone.

    Where lmfit's errors are useless (see `uncertainty`), all of them count as lacking. In a covariance that is filled
    in, held parameters have variance zero, and ``errorbars`` becomes True; there is none where a parameter has no error
    for another reason.
    """
    free = free_names(fit.params)
    found = uncertainty(seed, fit)
    if not found.spoiled and all(_is_error(fit.params[name].stderr) for name in free):
        return
    if found.spoiled:
        for parameter in fit.params.values():
            parameter.stderr = parameter.correl = None
    for name, parameter in fit.params.items():
        if not _is_error(parameter.stderr):
            parameter.stderr = found.stderr.get(name)
    for name in free:
        fit.params[name].correl = fit.params[name].correl or {}
    for first, second, value in found.correlations:
        fit.params[first].correl.setdefault(second, value)
        fit.params[second].correl.setdefault(first, value)
    if found.undetermined or not fit.success:
        return
    errors = np.array([0.0 if name in found.held else found.stderr[name] for name in free])
    correlation = np.eye(len(free))
    for first, second, value in found.correlations:
        i, j = free.index(first), free.index(second)
        correlation[i, j] = correlation[j, i] = value
    fit.covar = correlation * np.outer(errors, errors)
    fit.var_names, fit.errorbars = free, True


def _vague(params: lmfit.Parameters, names: list[str], covariance: FloatArray) -> list[str]:
    """Parameters whose error is wider than the range that they have, the worst first."""
    widths = np.array([float(params[name].max - params[name].min) for name in names])
    ratios = np.sqrt(np.diag(covariance)) / widths
    return [names[i] for i in np.argsort(-ratios, kind="stable") if ratios[i] > 1.0]


def _is_idle(parameter: lmfit.Parameter, slope: FloatArray, scale: float) -> bool:
    """Whether a parameter, taken through its whole range, changes the residual by less than its noise `scale`."""
    size, width = float(np.linalg.norm(slope)), float(parameter.max - parameter.min)
    return not 0 < size < math.inf or size * width <= NO_EFFECT * scale


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
        own: FloatArray = np.asarray(getattr(fit, "jac", ()), dtype=float)
        if own.shape == (fit.ndata, len(free)):
            return own
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


def _covariance(
    jacobian: Mapping[str, FloatArray], names: list[str], ranges: Mapping[str, float], scale: float
) -> tuple[FloatArray, NDArray[np.bool_], tuple[tuple[str, str, float], ...]]:
    """Covariance, which parameters take part in no unseen direction, and the pairs that make those up.

    `ranges` are standard deviations of what is known beside the data.
    """
    if not names:
        return np.empty((0, 0)), np.empty(0, dtype=bool), ()
    columns = np.stack([jacobian[name] for name in names], axis=1)
    known = np.array([[scale / ranges[name] if name == other else 0.0 for other in names] for name in ranges])
    columns = np.vstack([columns, known.reshape(-1, len(names))])
    norms = np.linalg.norm(columns, axis=0)
    _, singular, directions = np.linalg.svd(columns / norms, full_matrices=False)
    unseen = singular < UNSEEN * singular[0]
    pairs = []
    for direction in directions[unseen]:
        i, j = np.argsort(-np.abs(direction))[:2]
        pairs.append((names[min(i, j)], names[max(i, j)], float(np.sign(direction[i] * direction[j]))))
    seen = np.all(np.abs(directions[unseen]) < TAKES_PART, axis=0)
    half = directions[~unseen].T / singular[~unseen]
    return scale**2 * half @ half.T / np.outer(norms, norms), seen, tuple(pairs)


def _tied_errors(params: lmfit.Parameters, names: list[str], covariance: FloatArray) -> dict[str, float]:
    """Errors of the parameters that follow from the free ones `names`."""
    tied = [name for name, parameter in params.items() if parameter.expr]
    moved = params.copy()
    gradients = np.zeros((len(tied), len(names)))
    errors = np.sqrt(np.diag(covariance))
    for column, (name, error) in enumerate(zip(names, errors, strict=True)):
        value = float(params[name].value)
        step = max(1e-3 * float(error), 1e-9 * abs(value)) or 1e-12
        ends = [min(max(value + sign * step, params[name].min), params[name].max) for sign in (-1, 1)]
        sides = []
        for end in ends:
            moved[name].set(value=end)
            sides.append(np.array([float(moved[other].value) for other in tied]))
        moved[name].set(value=value)
        gradients[:, column] = (sides[1] - sides[0]) / (ends[1] - ends[0])
    variances = np.einsum("ij,jk,ik->i", gradients, covariance, gradients)
    return {name: math.sqrt(v) for name, v in zip(tied, variances.tolist(), strict=True) if v > 0}


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
