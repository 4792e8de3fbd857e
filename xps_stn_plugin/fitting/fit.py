"""Running a seed's fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, Literal

import lmfit
import numpy as np
import xarray as xr
from lmfit.model import ModelResult

from xps_prefit_hooks import PrefitError, Seed
from xps_stn_plugin.models.compiled import CompiledModel
from xps_stn_plugin.models.counts import fitted_sigma
from xps_stn_plugin.models.noise import noise_of
from xps_stn_plugin.models.solver import EVALUATIONS_PER_PARAMETER
from xps_stn_plugin.seeding.drafted import DraftedSeed, compiled_seed

from .lmfit_result import OPTIONS, CompiledFit, DeferredResult, fitted_result, given_up, solve_compiled
from .standard_errors import complete_errors

#: Options of `lmfit.Model.fit` with which the model is compiled; with any other the fit is left to lmfit.
_COMPILED_OPTIONS: Final = frozenset({"weights", "method", "fit_kws", "scale_covar"})

#: Options of scipy's solver where lmfit is asked for the fit: a trust region that keeps to bounds as bounds, scaled by
#: the Jacobian.
SOLVER: Final[Mapping[str, Any]] = {"x_scale": "jac", "ftol": 1e-6, "xtol": 1e-7}


def fit_seed(
    seed: Seed,
    dataset: xr.Dataset,
    *,
    max_nfev: int | None = None,
    jacobian: Literal["analytic", "numeric"] = "analytic",
    **kws: Any,
) -> ModelResult:
    """Fit a seed to its region.

    Weights are 1/sigma: Poisson's for counts, those of the fitted model (see `models.counts`), otherwise one value
    estimated from the scatter of the data (see `noise_of`). The result's attribute ``weighting`` says which. Standard
    errors that lmfit could not find are filled in where they can be had (`complete_errors`).

    A sum of components is compiled (see `CompiledModel`) and fitted outside lmfit, with analytic derivatives (see
    `models.solver`), which is some ten times faster than `lmfit.Model.fit`. The result is an ordinary one: standard
    errors, correlations, ``conf_interval()`` and saving are lmfit's. It is made when it is first asked for more than
    ``success``, ``nfev`` and ``message``. ``nfev`` counts every evaluation of the residual and ``njev`` those of the
    Jacobian, which lmfit counts as evaluations where it is numeric. Products of models, other methods than
    ``least_squares``, options of `lmfit.Model.fit` other than ``weights``, ``fit_kws`` and ``scale_covar``, and of its
    solver other than tolerances, are left to `lmfit.Model.fit`.

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
    given: lmfit.Parameters | None = kws.pop("params", None)
    weighting, count_size = "given by the caller", np.full(counts.shape, np.nan)
    if "weights" not in kws:
        noise = noise_of(dataset)
        weighting, count_size = noise.source, noise.count_size
        kws["weights"] = 1.0 / noise.before_fit(counts)
    kws.setdefault("method", "least_squares")
    compiles = jacobian == "analytic" and _is_known(counts, kws)
    compiled = None
    try:
        # A variance that comes out negative becomes a standard error that is not a number, which the report leaves out.
        with np.errstate(invalid="ignore"):
            # Nothing but its draft is needed of a seed where nobody has asked for lmfit's parameters.
            draft = seed.draft if given is None and isinstance(seed, DraftedSeed) and seed.untouched else None
            if compiles:
                compiled = compiled_seed(seed) if given is None else CompiledModel.compile(seed.model, given)
            if compiled is None:
                fitted = _by_lmfit(seed, given, energy, counts, max_nfev, kws)
                if np.isfinite(count_size).any() and fitted.success:
                    drawn = np.asarray(fitted.best_fit, dtype=float)
                    kws["weights"] = 1.0 / fitted_sigma(drawn, count_size, 1.0 / kws["weights"])
                    fitted = _by_lmfit(seed, given, energy, counts, max_nfev, kws)
                return _completed(seed, fitted, weighting)
            most = EVALUATIONS_PER_PARAMETER * (len(compiled.free) + 1) if max_nfev is None else max_nfev
            weights = np.broadcast_to(np.asarray(kws["weights"], dtype=float), counts.shape)
            fit = solve_compiled(compiled, energy, counts, weights, most, kws.get("fit_kws", {}), count_size)
            scale_covar = kws.get("scale_covar", True)
            if draft is None:
                params = seed.params if given is None else given
                return _result(seed, lambda: params, fit, weighting, scale_covar=scale_covar)
            # Made of the draft, whatever becomes of the seed's parameters before.
            make = partial(_result, seed, draft.lmfit_params, fit, weighting, scale_covar=scale_covar)
            return DeferredResult(make, **fit.known, weighting=weighting)
    except (ValueError, TypeError, ArithmeticError, np.linalg.LinAlgError) as error:
        # MINPACK raises TypeError where there are fewer points than parameters. In a compiled fit it means that this
        # program and lmfit do not go together, and that must not pass for data that cannot be fitted.
        if compiled is not None and isinstance(error, TypeError):
            raise
        params = seed.params if given is None else given
        return _completed(seed, _failed(seed, params, counts, energy, kws["weights"], str(error)), weighting)


def _is_known(counts: np.ndarray, kws: Mapping[str, Any]) -> bool:
    """Whether a compiled model can be fitted with these options."""
    known = set(kws) <= _COMPILED_OPTIONS and kws["method"] == "least_squares" and kws["weights"] is not None
    return known and set(kws.get("fit_kws", {})) <= OPTIONS and not np.iscomplexobj(counts)


def _result(
    seed: Seed, params: Callable[[], lmfit.Parameters], fit: CompiledFit, weighting: str, *, scale_covar: bool
) -> ModelResult:
    with np.errstate(invalid="ignore"):
        return _completed(seed, fitted_result(fit, seed.model, params(), scale_covar=scale_covar), weighting)


def _by_lmfit(
    seed: Seed,
    given: lmfit.Parameters | None,
    energy: np.ndarray,
    counts: np.ndarray,
    max_nfev: int | None,
    kws: dict[str, Any],
) -> ModelResult:
    """Leave the fit to lmfit."""
    params = seed.params if given is None else given
    own_solver = kws["method"] == "least_squares" and "fit_kws" not in kws
    if own_solver:
        kws["fit_kws"] = dict(SOLVER)
    most = max_nfev
    if most is None:
        most = EVALUATIONS_PER_PARAMETER * (sum(p.vary and not p.expr for p in params.values()) + 1)
    result = seed.model.fit(counts, params, x=energy, max_nfev=most, **kws)
    if not result.success and result.nfev >= most:
        result.message = given_up(result.nfev, most, result.message)
    if own_solver:
        # lmfit's conf_interval hands them on to MINPACK, which has no such option.
        result.kws = {name: value for name, value in result.kws.items() if name != "x_scale"}
    return result


def _completed(seed: Seed, result: ModelResult, weighting: str) -> ModelResult:
    result.weighting = weighting
    complete_errors(seed, result)
    return result


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
