"""lmfit's least squares driven by a `FitPlan`, and the ModelResult that lmfit itself would have made.

`lmfit.Model.fit` spends its time on the ties: its interpreter evaluates them at every step, and once more for every
free parameter and tie when standard errors are carried over to tied parameters, twice. Here lmfit's
`Minimizer.least_squares` sees the free parameters alone, the plan gives residual and Jacobian, and the standard errors
of tied parameters follow from the derivatives of the ties.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
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
    result.init_fit = model.eval(result.init_params, **x)
    found = _least_squares(plan, params, max_nfev, options, scale_covar)
    found.params = _all_params(plan, result.init_params, found)
    model.post_fit(found)
    for name in dir(found):  # As lmfit does, methods of the minimizer's result too.
        if not name.startswith("_"):
            setattr(result, name, getattr(found, name))
    result.result = found
    result.init_values = model._make_all_args(result.init_params)
    result.best_values = model._make_all_args(found.params)
    result.best_fit = model.eval(found.params, **x)
    spread = np.sum((plan.data - plan.data.mean()) ** 2)
    result.rsquared = 1.0 - np.sum((plan.data - result.best_fit) ** 2) / max(float(spread), np.finfo(float).tiny)
    result.components = model.components
    return result


def _least_squares(
    plan: FitPlan, params: lmfit.Parameters, max_nfev: int, options: Mapping[str, Any], scale_covar: bool
) -> MinimizerResult:
    """Outcome of the fit in the free parameters alone."""
    free = lmfit.Parameters()
    for name in plan.names:
        free.add(name, value=params[name].value, min=params[name].min, max=params[name].max)
    memory = Memory(plan)

    def residual(at: lmfit.Parameters) -> FloatArray:
        return memory.residual(plan.vector(at))

    def jacobian(at: lmfit.Parameters) -> FloatArray:
        return memory.jacobian(plan.vector(at))

    minimizer = lmfit.Minimizer(residual, free, scale_covar=scale_covar, max_nfev=max_nfev)
    found = minimizer.least_squares(**options, jac=jacobian)
    # What the solver was called with holds the plan, which does not pickle.
    found.call_kws = {**found.call_kws, "jac": "analytic"}
    return found


def _all_params(plan: FitPlan, start: lmfit.Parameters, found: MinimizerResult) -> lmfit.Parameters:
    """Parameters of the whole model at the optimum; `found` gains the uncertain values of all of them."""
    params = start.copy()
    values = plan.values(plan.vector(found.params))
    for name, parameter in params.items():
        parameter.init_value = start[name].value
        parameter.stderr = parameter.correl = None
        if name in found.params:
            parameter.value = found.params[name].value
            parameter.stderr, parameter.correl = found.params[name].stderr, found.params[name].correl
            parameter.brute_step, parameter.user_data = start[name].brute_step, start[name].user_data
        elif found.covar is not None:
            parameter.stderr = 0
    params.update_constraints()
    if found.covar is None:
        return params
    if any(tie.clipped(values) for tie in plan.ties.ties) or not np.all(np.isfinite(found.covar)):
        # lmfit carries errors over a tie as if it had no bounds.
        uncertain = params.create_uvars(covar=found.covar)
    else:
        uncertain = _uncertain(plan, params, values, found)
    if found.errorbars:
        found.uvars = uncertain
    return params


def _uncertain(
    plan: FitPlan, params: lmfit.Parameters, values: Mapping[str, float], found: MinimizerResult
) -> dict[str, Any]:
    """Uncertain values of all parameters; tied ones get their standard error."""
    from uncertainties import ufloat  # type: ignore[import-untyped]

    free = found.params.create_uvars(covar=found.covar)
    slopes = plan.ties.derivatives(values)
    covariance = np.einsum("ti,ij,tj->t", slopes, found.covar, slopes)
    order = {name: i for i, name in enumerate(values)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # That a fixed value is certain.
        uncertain = {name: free[name] if name in free else ufloat(value, 0.0) for name, value in values.items()}
    for tie in plan.ties.ties:
        slope = slopes[order[tie.name]]
        params[tie.name].stderr = float(np.sqrt(covariance[order[tie.name]]))
        terms = [slope[i] * (free[plan.names[i]] - free[plan.names[i]].n) for i in np.flatnonzero(slope)]
        uncertain[tie.name] = sum(terms, start=uncertain[tie.name])
    return uncertain
