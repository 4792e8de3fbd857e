"""Running a seed's fit."""

from __future__ import annotations

from typing import Any, Final, Literal

import lmfit
import numpy as np
import xarray as xr
from lmfit.model import ModelResult

from xps_prefit_hooks import PrefitError, Seed
from xps_stn_plugin.models.plan import EVALUATIONS_PER_PARAMETER, SOLVER, FitPlan
from xps_stn_plugin.seeding.region import noise_of

from .planned import fit_planned
from .standard_errors import complete_errors

#: Options of `lmfit.Model.fit` with which the fit can be planned; with any other it is left to lmfit.
_PLANNED_OPTIONS: Final = frozenset({"weights", "method", "fit_kws", "scale_covar"})


def fit_seed(
    seed: Seed,
    dataset: xr.Dataset,
    *,
    max_nfev: int | None = None,
    jacobian: Literal["analytic", "numeric"] = "analytic",
    **kws: Any,
) -> ModelResult:
    """Fit a seed to its region.

    Weights are 1/sigma: Poisson for counts, otherwise one value estimated from the scatter of the data (see
    `noise_of`). The result's attribute ``weighting`` says which. Standard errors that lmfit could not find are filled
    in where they can be had (`complete_errors`).

    A sum of components is fitted by lmfit's ``least_squares`` with an analytic Jacobian (see `FitPlan`), and its ties
    are evaluated outside lmfit's interpreter; that is what makes it some ten times faster than `lmfit.Model.fit`. The
    result is an ordinary one: standard errors, correlations, ``conf_interval()`` and saving are lmfit's. ``nfev``
    counts every evaluation of the residual and ``njev`` those of the Jacobian, which lmfit counts as evaluations where
    it is numeric. Products of models, other methods than ``least_squares`` and options of `lmfit.Model.fit` other than
    ``weights``, ``fit_kws`` and ``scale_covar`` are left to `lmfit.Model.fit`.

    Parameters
    ----------
    seed : Seed
    dataset : xarray.Dataset
        The region on the axis that the seed was made for: ``counts(binding_energy)``.
    max_nfev : int, optional
        Most function evaluations; 100 per free parameter by default.
    jacobian : {"analytic", "numeric"}
        "numeric" takes `lmfit.Model.fit` for everything.
    **kws
        Passed to `lmfit.Model.fit`, such as ``method`` (default ``least_squares``), ``weights``, ``params``.

    Returns
    -------
    lmfit.model.ModelResult
        ``success`` is False where the fit was given up at `max_nfev` or failed; ``message`` says why.

    Raises
    ------
    PrefitError
        If the dataset holds a stack of spectra.
    """
    counts = np.asarray(dataset["counts"].values, dtype=float)
    if counts.ndim != 1:
        raise PrefitError(
            f"region {seed.region}", f"holds a stack of shape {counts.shape}; fit one spectrum at a time."
        )
    energy = np.asarray(dataset["binding_energy"].values, dtype=float)
    params = kws.pop("params", seed.params)
    weighting = "given by the caller"
    if "weights" not in kws:
        noise = noise_of(dataset)
        kws["weights"], weighting = 1.0 / noise.sigma, noise.source
    own_solver = kws.setdefault("method", "least_squares") == "least_squares" and "fit_kws" not in kws
    if own_solver:
        kws["fit_kws"] = dict(SOLVER)
    if max_nfev is None:
        free = sum(p.vary and not p.expr for p in params.values())
        max_nfev = EVALUATIONS_PER_PARAMETER * (free + 1)
    plan = None
    try:
        # A variance that comes out negative becomes a standard error that is not a number, which the report leaves out.
        with np.errstate(invalid="ignore"):
            plan = _plan(seed, params, energy, counts, kws) if jacobian == "analytic" else None
            if plan is None:
                result = seed.model.fit(counts, params, x=energy, max_nfev=max_nfev, **kws)
            else:
                result = fit_planned(
                    plan, seed.model, params, max_nfev, kws["fit_kws"], scale_covar=kws.get("scale_covar", True)
                )
    except (ValueError, TypeError, ArithmeticError, np.linalg.LinAlgError) as error:
        # MINPACK raises TypeError where there are fewer points than parameters. In a planned fit it means that the
        # plan and lmfit do not go together, and that must not pass for data that cannot be fitted.
        if plan is not None and isinstance(error, TypeError):
            raise
        result = _failed(seed, params, counts, energy, kws["weights"], str(error))
    if not result.success and result.nfev >= max_nfev:
        result.message = f"Given up after {result.nfev} evaluations (max_nfev={max_nfev}); {result.message}"
    if own_solver:
        # lmfit's conf_interval hands them on to MINPACK, which has no such option.
        result.kws = {name: value for name, value in result.kws.items() if name != "x_scale"}
    result.weighting = weighting
    complete_errors(seed, result)
    return result


def _plan(
    seed: Seed, params: lmfit.Parameters, energy: np.ndarray, counts: np.ndarray, kws: dict[str, Any]
) -> FitPlan | None:
    options = set(kws) <= _PLANNED_OPTIONS and kws["method"] == "least_squares" and kws["weights"] is not None
    if not options or "jac" in kws["fit_kws"]:
        return None
    return FitPlan.compile(seed.model, params, energy, counts, kws["weights"])


def _failed(seed: Seed, params: lmfit.Parameters, counts: Any, energy: Any, weights: Any, why: str) -> ModelResult:
    """Make a result that holds the start values and says that nothing was fitted."""
    result = ModelResult(seed.model, params, data=counts, weights=weights, fcn_kws={"x": energy})
    result.userkws = {"x": energy}
    result.userargs = (counts, weights)
    result.success, result.aborted, result.errorbars, result.nfev = False, True, False, 0
    result.params = params.copy()
    result.init_fit = result.best_fit = seed.model.eval(params, x=energy)
    result.residual = (result.best_fit - counts) * weights
    result.ndata, result.nvarys = counts.size, sum(p.vary and not p.expr for p in params.values())
    result.nfree = max(result.ndata - result.nvarys, 1)
    result.chisqr = float(np.sum(result.residual**2))
    result.redchi = result.chisqr / result.nfree
    result.aic = result.bic = float("nan")
    result.message = f"The fit failed: {why}"
    return result
