"""Running a seed's fit."""

from __future__ import annotations

from typing import Any, Final

import lmfit
import numpy as np
import xarray as xr

from xps_prefit_hooks import PrefitError, Seed
from xps_stn_plugin.seeding.region import noise_of

#: Function evaluations per free parameter (and one for the rest) after which a fit is given up. Seeded fits with tied
#: widths take 20-200 evaluations in all; a runaway took 26 000 and 8 s (lmfit 1.3.4, four pseudo-Voigts).
EVALUATIONS_PER_PARAMETER: Final = 100

#: Solver: a trust region that keeps to bounds as bounds. lmfit's default maps bounded parameters onto a sine, whose
#: slope vanishes at the bound: a component that the data do not want then keeps MINPACK walking until it is stopped.
#: At these tolerances chi-square came out within 0.01 % of that at 1e-8.
_SOLVER: Final = {"method": "least_squares", "fit_kws": {"x_scale": "jac", "ftol": 1e-6, "xtol": 1e-7}}


def fit_seed(seed: Seed, dataset: xr.Dataset, *, max_nfev: int | None = None, **kws: Any) -> lmfit.model.ModelResult:
    """Fit a seed to its region.

    Weights are 1/sigma: Poisson for counts, otherwise one value estimated from the scatter of the data (see
    `noise_of`). The result's attribute ``weighting`` says which.

    Parameters
    ----------
    seed : Seed
    dataset : xarray.Dataset
        The region on the axis that the seed was made for: ``counts(binding_energy)``.
    max_nfev : int, optional
        Most function evaluations; 100 per free parameter by default.
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
    if kws.setdefault("method", _SOLVER["method"]) == _SOLVER["method"]:
        kws.setdefault("fit_kws", _SOLVER["fit_kws"])
    if max_nfev is None:
        free = sum(p.vary and not p.expr for p in params.values())
        max_nfev = EVALUATIONS_PER_PARAMETER * (free + 1)
    try:
        # A variance that comes out negative becomes a standard error that is not a number, which the report leaves out.
        with np.errstate(invalid="ignore"):
            result = seed.model.fit(counts, params, x=energy, max_nfev=max_nfev, **kws)
    except (ValueError, TypeError, ArithmeticError, np.linalg.LinAlgError) as error:
        result = _failed(seed, params, counts, energy, kws["weights"], str(error))
    if not result.success and result.nfev >= max_nfev:
        result.message = f"Given up after {result.nfev} evaluations (max_nfev={max_nfev}); {result.message}"
    result.weighting = weighting
    return result


def _failed(
    seed: Seed, params: lmfit.Parameters, counts: Any, energy: Any, weights: Any, why: str
) -> lmfit.model.ModelResult:
    """Make a result that holds the start values and says that nothing was fitted."""
    result = lmfit.model.ModelResult(seed.model, params, data=counts, weights=weights, fcn_kws={"x": energy})
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
