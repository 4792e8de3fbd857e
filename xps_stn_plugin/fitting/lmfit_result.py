"""lmfit's ModelResult of a fit of a compiled model: what lmfit itself would have made.

`lmfit.Model.fit` spends its time on the ties: its interpreter evaluates them at every step, and once more for every
free parameter and tie when standard errors are carried over to tied parameters, twice. Here the fit is done before
lmfit is asked for anything, and the standard errors of tied parameters follow from the derivatives of the ties.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import lmfit
import numpy as np
import xarray as xr
from lmfit.minimizer import MinimizerResult
from lmfit.model import ModelResult
from numpy.typing import NDArray

from xps_prefit_hooks import Seed
from xps_stn_plugin.models.compiled import CompiledModel
from xps_stn_plugin.models.counts import fitted_sigma, solve_counts
from xps_stn_plugin.models.noise import noise_of
from xps_stn_plugin.models.solver import STEP_ERRORS, Problem, Solved

from .noise_kind import COUNTS, NOISE_KINDS, SMOOTHED, is_suspicious, noise_of_residual
from .standard_errors import complete_errors

FloatArray = NDArray[np.float64]

#: Options of `scipy.optimize.least_squares` that the solver here understands.
OPTIONS: Final = frozenset({"x_scale", "ftol", "xtol", "gtol"})

_MESSAGES: Final = ("No minimum was found.", "The last step moved the fit by less than {:.1g} standard errors.")


class DeferredResult(ModelResult):  # type: ignore[misc]  # lmfit has no type hints
    """ModelResult of a fit that is done, made when it is asked for something that lmfit knows.

    It becomes an ordinary `ModelResult` then; pickling and copying ask for it as well.

    Parameters
    ----------
    make : callable
        Makes the ModelResult.
    **known
        Attributes that can be had before.
    """

    def __init__(self, make: Callable[[], ModelResult], **known: Any) -> None:
        self.__dict__.update(known, _make=make)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.made(), name)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.made().__reduce_ex__(protocol)

    def made(self) -> ModelResult:
        """Make it now, in place."""
        with _MAKING:
            if type(self) is DeferredResult:
                attributes = vars(self.__dict__["_make"]())
                kept = {name: value for name, value in self.__dict__.items() if name != "_make"}
                self.__dict__.clear()
                self.__dict__.update(attributes, **kept)
                self.__class__ = ModelResult
        return self


#: Held while a result is made: two threads may ask for it at once.
_MAKING: Final = threading.RLock()


def solve_compiled(
    compiled: CompiledModel,
    x: FloatArray,
    data: FloatArray,
    weights: FloatArray,
    max_nfev: int,
    options: Mapping[str, Any],
    count_size: FloatArray | None = None,
) -> CompiledFit:
    """Fit a compiled model to one spectrum.

    Parameters
    ----------
    compiled : CompiledModel
    x, data, weights : ndarray, shape (m,)
        Energies in eV, intensities, and one over their standard deviations.
    max_nfev : int
        Most evaluations of the model.
    options : mapping of str to object
        Of `OPTIONS`. The search ends at a step that chi-square expects to fall by a smaller share for than the least of
        ``ftol``, ``xtol`` and ``gtol``; by default at one of less than 0.003 standard errors. ``x_scale`` is without
        effect, since steps do not depend on the units of the parameters.
    count_size : ndarray, shape (m,), optional
        Intensity of one count where weights are to be those of the fitted model; NaN where they are to stay.

    Raises
    ------
    ValueError
        If data or model are not finite at the start, as lmfit raises it.
    """
    problem = Problem.of_one(compiled, x, data, weights)
    tolerances = [float(options[name]) for name in ("ftol", "xtol", "gtol") if options.get(name) is not None]
    degrees = max(problem.data.size - len(compiled.free), 1)
    step_errors = float(np.sqrt(min(tolerances) * degrees)) if tolerances else STEP_ERRORS
    sizes = np.full((1, problem.data.size), np.nan) if count_size is None else count_size[None]
    problem, solved = solve_counts(
        problem, sizes, compiled.start[None], max_nfev, from_start=True, step_errors=step_errors
    )
    if not np.isfinite(solved.normal.chisqr[0]):
        raise ValueError("the model or the data are not finite")
    success, nfev = bool(solved.converged[0]), int(solved.nfev[0])
    message = _MESSAGES[int(success)].format(step_errors)
    if not success and nfev >= max_nfev:
        message = given_up(nfev, max_nfev, message)
    return CompiledFit(problem, solved, max_nfev, dict(options), message, sizes[0])


@dataclass(frozen=True, eq=False)
class CompiledFit:
    """A fit that is done.

    Parameters
    ----------
    problem : Problem
        Of one spectrum.
    solved : Solved
    max_nfev : int
        Most evaluations that were allowed.
    options : mapping of str to object
        Those that were asked for.
    message : str
        How the search ended.
    count_size : ndarray, shape (m,)
        Intensity of one count; NaN for channels whose weights are not those of counts.
    """

    problem: Problem
    solved: Solved
    max_nfev: int
    options: Mapping[str, Any]
    message: str
    count_size: FloatArray

    @cached_property
    def at_minimum(self) -> tuple[FloatArray, FloatArray]:
        """Residual and its Jacobian: see `Problem.residual_and_jacobian`."""
        return self.problem.residual_and_jacobian(self.solved.v[0])

    @property
    def noise(self) -> tuple[int, float]:
        """Kind of noise, and the local noise over Poisson's: see `noise_kind`."""
        redchi = self.solved.normal.chisqr / max(self.problem.data.size - len(self.problem.model.free), 1)
        if not np.isfinite(self.count_size).any() or not is_suspicious(redchi)[0]:
            return COUNTS, 1.0
        return noise_of_residual(self.problem.x[0], self.at_minimum[0], self.problem.weights[0], self.count_size)

    @property
    def known(self) -> dict[str, Any]:
        """Attributes of the ModelResult that need not be calculated."""
        success, nfev = bool(self.solved.converged[0]), int(self.solved.nfev[0])
        return {"success": success, "nfev": nfev, "message": self.message, "max_nfev": self.max_nfev}


def given_up(nfev: int, max_nfev: int, message: str) -> str:
    """Say that a fit was given up; `message` is the solver's."""
    return f"Given up after {nfev} evaluations (max_nfev={max_nfev}); {message}"


def model_result(
    fit: CompiledFit, model: lmfit.Model, params: lmfit.Parameters, *, scale_covar: bool = True
) -> ModelResult:
    """Make the result of a fit that is done.

    Parameters
    ----------
    fit : CompiledFit
    model : lmfit.Model
    params : lmfit.Parameters
        Start values, bounds and ties; not changed.
    scale_covar : bool
        Whether the covariance is multiplied by the reduced chi-square, as lmfit does by default.

    Returns
    -------
    lmfit.model.ModelResult
        With the attributes that `lmfit.Model.fit` gives it.
    """
    problem, solved = fit.problem, fit.solved
    compiled, x, data, weights = problem.model, problem.x[0], problem.data[0], problem.weights[0]
    result = ModelResult(
        model,
        params,
        data=data,
        weights=weights,
        method="least_squares",
        fcn_args=(data, weights),
        fcn_kws={"x": x},
        nan_policy=model.nan_policy,
        scale_covar=scale_covar,
        max_nfev=fit.max_nfev,
        **fit.options,
    )
    result.init_fit = compiled.curve(x, compiled.start)
    fitted = result.prepare_fit(result.init_params)
    v = solved.v[0]
    residual, jacobian = fit.at_minimum
    _tell(fitted, problem, solved, residual, jacobian)
    fitted.message = fit.message
    fitted.call_kws = {**fit.options, "jac": "analytic", "max_nfev": fit.max_nfev}
    for name, value in zip(compiled.free, v.tolist(), strict=True):
        fitted.params[name].value = value
    fitted.params.update_constraints()
    _calculate_errors(compiled, fitted, v, scale_covar=scale_covar)
    model.post_fit(fitted)
    for name in dir(fitted):  # As lmfit does, methods of the minimizer's result too.
        if not name.startswith("_"):
            setattr(result, name, getattr(fitted, name))
    result.result = fitted
    result.init_values = model._make_all_args(result.init_params)
    result.best_values = model._make_all_args(fitted.params)
    result.best_fit = data - residual / weights if weights.all() else compiled.curve(x, v)
    spread = float(np.sum((data - data.mean()) ** 2))
    result.rsquared = 1.0 - np.sum((data - result.best_fit) ** 2) / max(spread, np.finfo(float).tiny)
    result.components = model.components
    return result


def fitted_result(
    fit: CompiledFit, model: lmfit.Model, params: lmfit.Parameters, *, scale_covar: bool = True
) -> ModelResult:
    """Make the result of a fit as `model_result` does, with the kind of its noise as attributes.

    Errors of smoothed data are not scaled by chi-square, which smoothing makes small and the errors not.
    """
    kind, local = fit.noise
    result = model_result(fit, model, params, scale_covar=scale_covar and kind != SMOOTHED)
    result.noise_kind, result.local_noise = NOISE_KINDS[kind], local
    return result


def result_at(
    seed: Seed,
    dataset: xr.Dataset,
    values: Mapping[str, float],
    *,
    held: Collection[str] = (),
    success: bool,
    nfev: int,
) -> ModelResult:
    """Make the result of a fit that was done together with others, from the values that it found.

    Parameters
    ----------
    seed : Seed
    dataset : xarray.Dataset
        The region on the axis that the seed was made for: ``counts(binding_energy)``.
    values : mapping of str to float
        Of all parameters of the seed.
    held : collection of str
        Parameters that count as fixed: other spectra decided them as well.
    success : bool
        Whether a minimum was found.
    nfev : int
        Evaluations of the model.
    """
    noise = noise_of(dataset)
    message = _MESSAGES[int(success)].format(STEP_ERRORS)

    def make() -> ModelResult:
        params = seed.params.copy()
        for name, value in values.items():
            if not (parameter := params[name]).expr:
                parameter.set(value=value, min=min(parameter.min, value), max=max(parameter.max, value))
                parameter.vary = parameter.vary and name not in held
        compiled = CompiledModel.compile(seed.model, params)
        # A model that is not a sum of components is fitted alone.
        assert compiled is not None
        energy, counts = (np.asarray(dataset[name].values, dtype=float) for name in ("binding_energy", "counts"))
        v = np.array([[values[name] for name in compiled.free]])
        sigma = fitted_sigma(compiled.curve(energy, v[0]), noise.count_size, noise.sigma)
        problem = Problem.of_one(compiled, energy, counts, 1.0 / sigma)
        solved = Solved(v, problem.normal(np.array([0]), v), np.array([nfev]), np.array([success]))
        result = fitted_result(CompiledFit(problem, solved, nfev, {}, message, noise.count_size), seed.model, params)
        result.weighting = noise.source
        complete_errors(seed, result)
        return result

    return DeferredResult(make, success=success, nfev=nfev, message=message, weighting=noise.source)


def _tell(
    fitted: MinimizerResult, problem: Problem, solved: Solved, residual: FloatArray, jacobian: FloatArray
) -> None:
    """Write what `lmfit.Minimizer.least_squares` would: the numbers of the solver, and lmfit's statistics."""
    v = solved.v[0]
    low, high = problem.low[0], problem.high[0]
    fitted.method, fitted.nfev = "least_squares", int(solved.nfev[0])
    fitted.njev = fitted.least_squares_nfev = fitted.nfev
    fitted.success, fitted.status = bool(solved.converged[0]), 3 * int(solved.converged[0])
    fitted.residual, fitted.fun, fitted.jac, fitted.x = residual.copy(), residual, jacobian, v
    fitted.last_internal_values = v.copy()
    fitted.cost, fitted.grad = 0.5 * float(residual @ residual), jacobian.T @ residual
    fitted.active_mask = np.where(v <= low, -1, np.where(v >= high, 1, 0))
    inward = np.where((fitted.active_mask < 0) & (fitted.grad > 0) | (fitted.active_mask > 0) & (fitted.grad < 0), 0, 1)
    fitted.optimality = float(np.max(np.abs(fitted.grad * inward)))
    fitted._calculate_statistics()


def _calculate_errors(compiled: CompiledModel, fitted: MinimizerResult, v: FloatArray, *, scale_covar: bool) -> None:
    """Fill in standard errors and correlations as lmfit has them, over ties by their derivatives."""
    params, names = fitted.params, fitted.var_names
    norms = np.linalg.norm(fitted.jac, axis=0)
    if not (norms > 0).all():
        return
    unit = fitted.jac / norms
    try:
        covar = np.linalg.inv(unit.T @ unit) / np.outer(norms, norms)
    except np.linalg.LinAlgError:
        return
    if scale_covar:
        covar = covar * fitted.redchi
    fitted.covar = covar
    for parameter in params.values():
        parameter.stderr, parameter.correl = 0, None
    errors = np.sqrt(np.diag(covar))
    with np.errstate(divide="ignore"):
        correlations = covar / np.outer(errors, errors)
    for i, name in enumerate(names):
        params[name].stderr = float(errors[i])
        params[name].correl = {other: float(correlations[i, j]) for j, other in enumerate(names) if j != i}
    fitted.errorbars = bool((errors > 0.0).all())
    values = compiled.named(v)
    if any(tie.clipped(values) for tie in compiled.ties.ties):
        # lmfit carries errors over a tie as if it had no bounds.
        uncertain = params.create_uvars(covar=covar)
    else:
        try:
            uncertain = _uncertain(compiled, params, values, covar)
        except (np.linalg.LinAlgError, ValueError):  # No covariance matrix; lmfit has its own way with that.
            uncertain = params.create_uvars(covar=covar)
    if fitted.errorbars:
        fitted.uvars = uncertain


def _uncertain(
    compiled: CompiledModel, params: lmfit.Parameters, values: Mapping[str, float], covar: FloatArray
) -> dict[str, Any]:
    """Uncertain values of all parameters; tied ones get their standard error."""
    from uncertainties import correlated_values, ufloat  # type: ignore[import-untyped]

    names = compiled.free
    free = dict(zip(names, correlated_values(compiled.vector(values), covar), strict=True))
    slopes = compiled.ties.derivatives(values)
    errors = np.sqrt(np.einsum("ti,ij,tj->t", slopes, covar, slopes))
    row = {name: i for i, name in enumerate(values)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # That a fixed value is certain.
        uncertain = {name: free[name] if name in free else ufloat(value, 0.0) for name, value in values.items()}
    for tie in compiled.ties.ties:
        params[tie.name].stderr = float(errors[row[tie.name]])
        slope = slopes[row[tie.name]]
        terms = [slope[i] * (free[names[i]] - free[names[i]].n) for i in np.flatnonzero(slope)]
        uncertain[tie.name] = sum(terms, start=uncertain[tie.name])
    return uncertain
