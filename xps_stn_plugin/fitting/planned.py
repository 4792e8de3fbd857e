"""lmfit's least squares driven by a `FitPlan`, and the ModelResult that lmfit itself would have made.

`lmfit.Model.fit` spends its time on the ties: its interpreter evaluates them at every step, and once more for every
free parameter and tie when standard errors are carried over to tied parameters, twice. Here lmfit's
`Minimizer.least_squares` gets residual and Jacobian from the plan, ties are left out while it runs, and the standard
errors of tied parameters follow from the derivatives of the ties.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import lmfit
import numpy as np
from lmfit.minimizer import MinimizerResult
from lmfit.model import ModelResult
from numpy.typing import NDArray

from xps_stn_plugin.models.plan import FitPlan, Memory

FloatArray = NDArray[np.float64]


def fit_planned(
    plan: FitPlan,
    model: lmfit.Model,
    params: lmfit.Parameters,
    max_nfev: int,
    options: Mapping[str, Any],
    *,
    scale_covar: bool = True,
) -> ModelResult:
    """Fit a compiled plan by lmfit's ``least_squares``.

    Parameters
    ----------
    plan : FitPlan
        Of `model` and `params`.
    model : lmfit.Model
    params : lmfit.Parameters
        Start values, bounds and ties; not changed.
    max_nfev : int
        Most evaluations of the residual.
    options : mapping of str to object
        For `scipy.optimize.least_squares`.
    scale_covar : bool
        Whether the covariance is multiplied by the reduced chi-square, as lmfit does by default.

    Returns
    -------
    lmfit.model.ModelResult
        With the attributes that `lmfit.Model.fit` gives it.

    Raises
    ------
    ValueError
        If data or model are not finite at the start, as lmfit raises it.
    """
    x = {"x": plan.x}
    result = ModelResult(
        model,
        params,
        data=plan.data,
        weights=plan.weights,
        method="least_squares",
        fcn_args=(plan.data, plan.weights),
        fcn_kws=x,
        nan_policy=model.nan_policy,
        scale_covar=scale_covar,
        max_nfev=max_nfev,
        **options,
    )
    result.init_fit = plan.curve(plan.start)
    found = _least_squares(plan, result.init_params, max_nfev, options, scale_covar)
    _carry_over_ties(plan, found)
    model.post_fit(found)
    for name in dir(found):  # As lmfit does, methods of the minimizer's result too.
        if not name.startswith("_"):
            setattr(result, name, getattr(found, name))
    result.result = found
    result.init_values = model._make_all_args(result.init_params)
    result.best_values = model._make_all_args(found.params)
    result.best_fit = plan.curve(plan.vector(found.params))
    spread = float(np.sum((plan.data - plan.data.mean()) ** 2))
    result.rsquared = 1.0 - np.sum((plan.data - result.best_fit) ** 2) / max(spread, np.finfo(float).tiny)
    result.components = model.components
    return result


class _TiedByPlan(lmfit.Parameters):  # type: ignore[misc]  # lmfit has no type hints
    """Parameters while a plan is fitted: it evaluates their ties, and lmfit need not."""

    def update_constraints(self) -> None:
        """Leave ties as they are."""

    def create_uvars(self, covar: FloatArray | None = None) -> dict[str, Any]:
        """Leave the errors of tied parameters for later."""
        return {}


def _least_squares(
    plan: FitPlan, start: lmfit.Parameters, max_nfev: int, options: Mapping[str, Any], scale_covar: bool
) -> MinimizerResult:
    memory, units = Memory(plan), dict(zip(plan.names, plan.units.tolist(), strict=True))

    def residual(at: lmfit.Parameters) -> FloatArray:
        return memory.residual(plan.vector(at))

    def jacobian(at: lmfit.Parameters) -> FloatArray:
        return memory.jacobian(plan.vector(at))

    minimizer = lmfit.Minimizer(residual, start, scale_covar=scale_covar, max_nfev=max_nfev)
    before = {name: _State.of(parameter) for name, parameter in start.items()}
    start.__class__ = _TiedByPlan  # lmfit's copy of them, which it varies, becomes the same.
    try:
        for name, unit in units.items():
            before[name].over(unit).give(start[name])
        found = minimizer.least_squares(**_in_units(options, plan.units), jac=jacobian)
    finally:
        for name in units:
            before[name].give(start[name])
        start.__class__ = lmfit.Parameters
    _out_of_units(found, before, units)
    found.params.__class__ = lmfit.Parameters
    # What the solver was called with holds the plan, which does not pickle.
    found.call_kws = {**found.call_kws, "jac": "analytic"}
    return found


@dataclass(frozen=True)
class _State:
    """Value and bounds of a parameter."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, parameter: lmfit.Parameter) -> _State:
        return cls(float(parameter.value), float(parameter.min), float(parameter.max))

    def over(self, unit: float) -> _State:
        return _State(self.value / unit, self.low / unit, self.high / unit)

    def give(self, parameter: lmfit.Parameter) -> None:
        # Without bounds first, for lmfit cuts a value at those that it has.
        parameter.min, parameter.max = -np.inf, np.inf
        parameter.value = self.value
        parameter.min, parameter.max = self.low, self.high


def _in_units(options: Mapping[str, Any], units: FloatArray) -> dict[str, Any]:
    """Options of the solver, whose vectors are in the plan's units."""
    scale = options.get("x_scale")
    if scale is None or isinstance(scale, str):
        return dict(options)
    return {**options, "x_scale": np.asarray(scale, dtype=float) / units}


def _out_of_units(found: MinimizerResult, before: Mapping[str, _State], units: Mapping[str, float]) -> None:
    """Turn lmfit's result into what it would be without units."""
    names = list(found.var_names)
    factors = np.array([units[name] for name in names])
    for name, state in before.items():
        found.params[name].init_value = state.value
    for name, unit in units.items():
        parameter, state = found.params[name], before[name]
        value = min(max(float(parameter.value) * unit, state.low), state.high)
        _State(value, state.low, state.high).give(parameter)
        if parameter.stderr is not None:
            parameter.stderr *= unit
    found.init_values = {name: before[name].value for name in found.init_values}
    found.init_vals = [before[name].value for name in names]
    if found.covar is not None:
        found.covar = found.covar * np.outer(factors, factors)
    for name, factor in (("x", factors), ("jac", 1.0 / factors), ("grad", 1.0 / factors)):
        if hasattr(found, name):
            setattr(found, name, getattr(found, name) * factor)


def _carry_over_ties(plan: FitPlan, found: MinimizerResult) -> None:
    """Give tied parameters their values and standard errors, and all of them uncertain values."""
    params = found.params
    params.update_constraints()
    if found.covar is None:
        return
    values = plan.values(plan.vector(params))
    if any(tie.clipped(values) for tie in plan.ties.ties):
        # lmfit carries errors over a tie as if it had no bounds.
        uncertain = params.create_uvars(covar=found.covar)
    else:
        try:
            uncertain = _uncertain(plan, params, values, found.covar)
        except (np.linalg.LinAlgError, ValueError):  # No covariance matrix; lmfit has its own way with that.
            uncertain = params.create_uvars(covar=found.covar)
    if found.errorbars:
        found.uvars = uncertain


def _uncertain(
    plan: FitPlan, params: lmfit.Parameters, values: Mapping[str, float], covar: FloatArray
) -> dict[str, Any]:
    """Uncertain values of all parameters; tied ones get their standard error."""
    from uncertainties import correlated_values, ufloat  # type: ignore[import-untyped]

    free = dict(zip(plan.names, correlated_values(plan.vector(values), covar), strict=True))
    slopes = plan.ties.derivatives(values)
    errors = np.sqrt(np.einsum("ti,ij,tj->t", slopes, covar, slopes))
    row = {name: i for i, name in enumerate(values)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # That a fixed value is certain.
        uncertain = {name: free[name] if name in free else ufloat(value, 0.0) for name, value in values.items()}
    for tie in plan.ties.ties:
        params[tie.name].stderr = float(errors[row[tie.name]])
        slope = slopes[row[tie.name]]
        terms = [slope[i] * (free[plan.names[i]] - free[plan.names[i]].n) for i in np.flatnonzero(slope)]
        uncertain[tie.name] = sum(terms, start=uncertain[tie.name])
    return uncertain
