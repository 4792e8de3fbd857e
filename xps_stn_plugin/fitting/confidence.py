"""Confidence intervals of positions and areas, by profiling chi-square."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import lmfit
import numpy as np
from lmfit.confidence import ConfidenceInterval

from xps_prefit_hooks import Seed
from xps_stn_plugin.models.compiled import CompiledModel
from xps_stn_plugin.models.solver import Problem, solve_one

from .doubts import without_signal
from .parameter_names import at_bounds, doublets, sources, words
from .standard_errors import uncertainty

Quantity = Literal["center", "area"]

#: lmfit finds limits to 0.005 % of the parameter's value, which is 0.014 eV at 285 eV. So the parameter that it varies
#: is ``_ZERO`` at the optimum and counts standard errors from there.
_SCALED: Final = "confidence_scale"
_ZERO: Final = 10.0

#: Most steps of one standard error to a limit.
_MOST_STEPS: Final = 30


@dataclass(frozen=True)
class Interval:
    """Confidence interval of a component.

    Parameters
    ----------
    component : str
        Name for people.
    quantity : str
        ``center`` (eV) or ``area`` (intensity times eV, both lines of a doublet).
    sigma : float
        Number of standard deviations whose probability it has (1: 68.3 %, 2: 95.4 %); below 1 the probability itself.
    low, high : float
        NaN where no limit is found, for the data allow all values up to the parameter's bound.
    """

    component: str
    quantity: Quantity
    sigma: float
    low: float
    high: float


@dataclass(frozen=True)
class Confidence:
    """Confidence intervals of a fit, and sentences about those that could not be had."""

    intervals: tuple[Interval, ...]
    notes: tuple[str, ...]


def confidence_intervals(
    seed: Seed,
    fit: lmfit.model.ModelResult,
    sigmas: Sequence[float] = (1, 2),
    quantities: Sequence[Quantity] = ("center", "area"),
) -> Confidence:
    """Confidence intervals from the profile of chi-square with lmfit's ``conf_interval``.

    Each quantity is fixed at values about the optimum and the others are fitted anew; the F test that lmfit compares
    with (the errors are scaled by the reduced chi-square) tells the limits. Unlike standard errors they need not be
    symmetric. An area that a ratio of its own ties to another line is profiled with the ratio free.

    Parameters
    ----------
    seed : Seed
    fit : lmfit.model.ModelResult
        Of this seed; left as it is.
    sigmas : sequence of float
        As for `lmfit.conf_interval`.
    quantities : sequence of {"center", "area"}

    Returns
    -------
    Confidence
    """
    if not fit.success:
        return Confidence((), ("No confidence intervals: the fit found no minimum.",))
    errors = uncertainty(seed, fit).stderr
    empty = without_signal(seed, fit.params, at_bounds(seed, fit.params))
    intervals: list[Interval] = []
    notes = []
    for component, *partners in doublets(seed):
        for quantity in quantities:
            what = f"the {'area' if quantity == 'area' else 'position'} of {component.name}"
            name = f"{component.prefix}{'amplitude' if quantity == 'area' else 'center'}"
            if component.name in empty and quantity == "center":
                continue
            if not sources(fit.params, name):
                notes.append(f"No confidence interval of {what}: it is fixed.")
                continue
            try:
                profile = _profile(fit, name, errors, sigmas)
            except (ArithmeticError, ValueError, lmfit.minimizer.MinimizerException, np.linalg.LinAlgError) as error:
                notes.append(f"No confidence interval of {what}: {error}.")
                continue
            value = float(fit.params[name].value)
            whole = value + sum(float(fit.params[f"{line.prefix}amplitude"].value) for line in partners)
            factor = whole / value if quantity == "area" and value else 1.0
            for sigma, low, high in profile:
                intervals.append(Interval(component.name, quantity, sigma, float(factor * low), float(factor * high)))
            for side, ends in (("lower", [low for _, low, _ in profile]), ("upper", [high for *_, high in profile])):
                open_ended = [sigma for (sigma, *_), end in zip(profile, ends, strict=True) if not np.isfinite(end)]
                if open_ended:
                    notes.append(f"At {open_ended[0]:g} sigma, the {side} limit to {what} lies beyond its range.")
    return Confidence(tuple(intervals), tuple(notes))


def add_confidence(seed: Seed, fit: lmfit.model.ModelResult, sigmas: Sequence[float] = (1, 2)) -> None:
    """Keep the intervals as the fit's attribute ``confidence``, where JSON and summary look for them."""
    fit.confidence = confidence_intervals(seed, fit, sigmas)


@dataclass
class _Best:
    """What lmfit's ``conf_interval`` reads of a result."""

    params: lmfit.Parameters
    chisqr: float
    nfree: int
    nvarys: int


@dataclass
class _Minimizer:
    """What lmfit's ``conf_interval`` asks of a minimizer, with the analytic Jacobian."""

    fit: lmfit.model.ModelResult
    params: lmfit.Parameters = field(default_factory=lmfit.Parameters)

    def prepare_fit(self, params: lmfit.Parameters) -> None:
        """Take the parameters of the next fit."""
        self.params = params

    def leastsq(self) -> Any:
        """Fit them."""
        fit = self.fit
        model = CompiledModel.compile(fit.model, self.params)
        if model is None:
            plain = lmfit.Minimizer(fit.userfcn, self.params, fcn_args=fit.userargs, fcn_kws=fit.userkws)
            return plain.leastsq()
        problem = Problem.of_one(model, fit.userkws["x"], fit.data, fit.weights)
        chisqr = float(solve_one(problem).normal.chisqr[0])
        free = len(model.free)
        return _Best(self.params, chisqr, fit.ndata - free, free)


def _profile(
    fit: lmfit.model.ModelResult, name: str, errors: Mapping[str, float], sigmas: Sequence[float]
) -> list[tuple[float, float, float]]:
    """Limits of a parameter, (sigma, low, high) in the order of `sigmas`; NaN where there is none."""
    params = fit.params.copy()
    profiled = _released(params, fit.model.param_names, name)
    parameter = params[profiled]
    value, error = float(parameter.value), errors.get(profiled, errors.get(name))
    if error is None:
        raise ValueError("it has no standard error to start from")
    low, high = float(parameter.min), float(parameter.max)
    params.add(_SCALED, _ZERO, min=_ZERO + (low - value) / error, max=_ZERO + (high - value) / error)
    params[_SCALED].stderr = 1.0
    parameter.set(expr=f"{value!r}+({_SCALED}-{_ZERO!r})*{error!r}", min=-np.inf, max=np.inf)
    best = _Best(params, float(fit.chisqr), int(fit.nfree), int(fit.nvarys))
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        # A bound that is reached gives an infinite limit, which says it.
        warnings.simplefilter("ignore")
        search = ConfidenceInterval(
            _Minimizer(fit), best, p_names=[_SCALED], sigmas=sorted(sigmas), maxiter=_MOST_STEPS
        )
        below, above = search.calc_ci(_SCALED, -1), search.calc_ci(_SCALED, 1)
    if len(below) < len(sigmas) or len(above) < len(sigmas):
        raise ValueError("its limits were not found")
    intervals = []
    for sigma, (_, down), (_, up) in zip(sorted(sigmas), below, above, strict=True):
        low, high = (_followed(fit.params, name, profiled, value + (end - _ZERO) * error) for end in (down, up))
        # A tie with a negative factor turns them round.
        intervals.append((float(sigma), high, low) if low > high else (float(sigma), low, high))
    return intervals


def _released(params: lmfit.Parameters, arguments: Sequence[str], name: str) -> str:
    """Make the parameter free, in place of a helper that only its tie uses; or name the one that decides it."""
    parameter = params[name]
    if not parameter.expr:
        return name
    used = {
        part: sum(part in words(other.expr) for other in params.values() if other.expr)
        for part in words(parameter.expr)
        if part in params and part not in arguments and params[part].vary and not params[part].expr
    }
    for helper, times in used.items():
        if times == 1:
            params[helper].set(vary=False)
            parameter.set(value=float(parameter.value), expr="", vary=True)
            return name
    deciding = sources(params, name)
    if len(deciding) != 1:
        raise ValueError("it is tied to several others")
    return deciding.pop()


def _followed(params: lmfit.Parameters, name: str, profiled: str, value: float) -> float:
    """Value of the parameter where the one that decides it has `value`; NaN where that has no limit."""
    if not np.isfinite(value):
        return float("nan")
    if name == profiled:
        return value
    moved = params.copy()
    moved[profiled].set(value=value)
    return float(moved[name].value)
