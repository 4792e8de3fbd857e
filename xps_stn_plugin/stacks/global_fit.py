"""One set of positions and widths for a whole series, with areas and a background for each spectrum.

Variable projection (G. H. Golub, V. Pereyra, Inverse Probl. 19 (2003) R1): for given positions and widths every
spectrum has its best areas and background; the shared parameters follow from the sum of all chi-squares, whose
expansion is what is left of each spectrum's normal equations when its own parameters are eliminated (Schur complement).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import lmfit
import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from xps_prefit_hooks import PrefitError, Seed, Settings
from xps_stn_plugin.fitting.fit_rows import FITTED, GIVEN_UP, FitRows
from xps_stn_plugin.fitting.held_errors import held_influence, norm
from xps_stn_plugin.fitting.noise_kind import SMOOTHED
from xps_stn_plugin.fitting.row_errors import row_errors
from xps_stn_plugin.models.compiled import CompiledModel
from xps_stn_plugin.models.counts import solve_counts
from xps_stn_plugin.models.solver import (
    EVALUATIONS_PER_PARAMETER,
    STEP_ERRORS,
    Normal,
    Problem,
    Solved,
    bounded_step,
    solve,
)

from .clusters import Gathering
from .fit import NoiseRows, compiled_model, fine_rows, noise_kinds, prepared, unfitted
from .model_selection import seeded_by_plugin

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

#: Spectra from which shared parameters are found: of longer series so many, evenly spaced.
SUBSAMPLE: Final = 512

#: Parameters of a spectrum's own, without prefix: areas, background, and what the background's step is to the areas.
_OWN: Final = ("amplitude", "slope", "intercept", "c", "step", "loss")

#: By how much a spectrum lies off its calibrated axis, where its shift is not known exactly.
DISPLACEMENT: Final = "displacement"

#: An area below this many standard errors (of it alone) that chi-square pushes down is none.
_NONE: Final = 0.05

#: Steps of the shared parameters, damping, and the share of a standard error below which a step ends the search.
_STEPS: Final = 60
_DAMPING: Final = 1e-3


@dataclass(frozen=True, eq=False)
class Shared:
    """Positions and widths of a series.

    Parameters
    ----------
    seed : Seed
        The model; shared parameters have their best values.
    names : tuple of str
        Shared parameters.
    values, stderr : ndarray, shape (s,)
        In eV, shares and ratios; an error is NaN where there is none.
    covariance : ndarray, shape (s, s)
    redchi : float
        Reduced chi-square of all spectra together.
    spectra : int
        How many the shared parameters are from.
    success : bool
        Whether a minimum was found.
    """

    seed: Seed
    names: tuple[str, ...]
    values: FloatArray
    stderr: FloatArray
    covariance: FloatArray
    redchi: float
    spectra: int
    success: bool
    _model: CompiledModel
    _square: FloatArray

    def fit(
        self,
        energy: ArrayLike,
        counts: ArrayLike,
        shifts: ArrayLike = 0.0,
        *,
        noise: NoiseRows | ArrayLike | None = None,
        shift_stderr: ArrayLike | None = None,
        max_nfev: int | None = None,
    ) -> FitRows:
        """Find areas and backgrounds of spectra with the shared positions and widths.

        Parameters as for `share`. Errors of areas include those of the shared parameters.
        """
        problem, count_size, fine, result = _problem(
            self._model, self.seed, energy, counts, shifts, noise, shift_stderr
        )
        good = np.flatnonzero(fine)
        if not good.size:
            return result
        problem = problem.of(good)
        local = _local(problem.model)
        start = np.broadcast_to(self._model.start, problem.low.shape).copy()
        start[:, ~local] = self.values
        held = _held(problem, start, local)
        weighted, solved = solve_counts(held, count_size[good], start, _most(self._model, max_nfev))
        problem = replace(problem, weights=weighted.weights)
        degrees = max(problem.data.shape[1] - int(local.sum()), 1)
        square = np.where(np.isfinite(solved.normal.square), solved.normal.square, 0.0)
        redchi = solved.normal.chisqr / degrees
        # The row knows of the shared parameters what the whole series does.
        local_square = square[:, local][:, :, local]
        across = square[:, ~local][:, :, local]
        shared = across @ _inverse(local_square) @ across.swapaxes(1, 2)
        shared += self._square * (redchi / self.redchi if self.redchi > 0 else np.ones_like(redchi))[:, None, None]
        square[np.ix_(np.arange(good.size), np.flatnonzero(~local), np.flatnonzero(~local))] = shared
        normal = Normal(solved.normal.chisqr, solved.normal.descent, square)
        kinds = noise_kinds(weighted, count_size[good], solved, degrees)
        errors = row_errors(self.seed, problem, solved.v, normal, degrees, kinds == SMOOTHED)
        stderr = np.where(solved.converged[:, None], errors.stderr, np.nan)
        status = np.where(solved.converged, FITTED, GIVEN_UP).astype(np.int8)
        values = problem.model.values(solved.v, problem.scale)
        chisqr = solved.normal.chisqr
        names, free = problem.model.names, problem.model.free
        at_bound, params = errors.sides != 0, self.seed.params
        held_stderr = norm(
            held_influence(self.seed.model, params, problem.x, problem.weights, values, at_bound, redchi)
        )
        rows = (values, stderr, held_stderr, errors.sides, status, solved.nfev, chisqr, redchi, kinds)
        result.put(good, FitRows(names, free, *rows))
        return result


def series_seed(
    gathering: Gathering, settings: Settings, others: Mapping[str, xr.Dataset] | None = None
) -> Seed | None:
    """Seed a series as one: from the mean of its spectra, with the lines of all groups that any common set shows.

    Areas within families of lines are not tied. `others` are mean spectra of the series' other regions.

    Returns
    -------
    Seed or None
        None where no plugin seeds the region.
    """
    mean = gathering.whole()
    free = replace(settings, ties="free")
    region, level = gathering.region, gathering.level
    return seeded_by_plugin(region, level, mean.energy, mean.counts, mean.attrs, mean.prediction, free, others or {})


def subsample(count: int) -> NDArray[np.intp]:
    """Spectra of a series of `count` that the shared parameters are found from: all, or `SUBSAMPLE` evenly spaced."""
    if count <= SUBSAMPLE:
        return np.arange(count)
    return np.unique(np.linspace(0, count - 1, SUBSAMPLE).round().astype(np.intp))


def share(
    seed: Seed,
    energy: ArrayLike,
    counts: ArrayLike,
    shifts: ArrayLike = 0.0,
    *,
    noise: NoiseRows | ArrayLike | None = None,
    shift_stderr: ArrayLike | None = None,
) -> Shared:
    """Find one set of positions and widths for a series of spectra.

    Areas, straight background and the strength of a background that the lines carry are each spectrum's own, so that
    areas within a family of lines are not tied; doublets and satellites stay tied. A component that a spectrum
    lacks has the area 0.

    Parameters
    ----------
    seed : Seed
        Model of the series, made for the calibrated axis.
    energy : array_like, shape (m,)
        Binding energy in eV on the measured axis.
    counts : array_like, shape (k, m)
    shifts : array_like, shape (k,) or ()
        By how much the measured axis lies above the calibrated one, in eV.
    noise : NoiseRows, or array_like, shape (k, m), (m,) or (), optional
        As for `fit_rows`.
    shift_stderr : array_like, shape (k,) or (), optional
        Standard error of each shift in eV. With it a spectrum may lie off its axis by the parameter ``displacement``,
        of which this is known; without it shifts are exact.

    Raises
    ------
    PrefitError
        If there is no spectrum to fit, or nothing to share.
    """
    own = _with_own_areas(seed, displaced=shift_stderr is not None)
    model = compiled_model(own)
    problem, _, fine, _ = _problem(model, own, energy, counts, shifts, noise, shift_stderr)
    where = f"region {seed.region}"
    if not fine.any():
        raise PrefitError(where, f"none of {fine.size} spectra holds anything that could be fitted.")
    problem = problem.of(np.flatnonzero(fine))
    local = _local(problem.model)
    if local.all():
        raise PrefitError(where, "its model has no free position or width to share; fit its spectra separately.")
    theta, state, success = _searched(problem, model.start, local)
    square, _ = _reduced(problem, state, local)
    count, points = problem.data.shape
    degrees = max(count * (points - int(local.sum())) - int((~local).sum()), 1)
    redchi = float(state.normal.chisqr.sum()) / degrees
    names = tuple(name for name, is_local in zip(model.free, local, strict=True) if not is_local)
    covariance = redchi * np.linalg.pinv(square, hermitian=True)
    free = np.diag(square) > 0
    stderr = np.where(free, np.sqrt(np.where(free, np.diag(covariance), 0.0)), np.nan)
    return Shared(_valued(own, names, theta), names, theta, stderr, covariance, redchi, count, success, model, square)


def _searched(problem: Problem, start: FloatArray, local: BoolArray) -> tuple[FloatArray, Solved, bool]:
    """Shared parameters by damped Gauss-Newton steps, each with every spectrum at its own optimum."""
    low, high = problem.low[0, ~local], problem.high[0, ~local]
    v = np.broadcast_to(start, problem.low.shape).copy()
    theta = np.clip(start[~local], low, high)
    v[:, ~local] = theta
    most = EVALUATIONS_PER_PARAMETER * (start.size + 1)
    best = solve(_held(problem, v, local), v, most)
    damping = _DAMPING
    degrees = max(problem.data.size - best.v.shape[0] * int(local.sum()), 1)
    for _ in range(_STEPS):
        total = float(best.normal.chisqr.sum())
        square, descent = _reduced(problem, best, local)
        whole = Normal(np.array([total]), descent[None], square[None])
        step = bounded_step(whole, theta[None], np.array([damping]), low[None], high[None])[0][0]
        short = float(step @ square @ step) <= STEP_ERRORS**2 * total / degrees
        trial = best.v.copy()
        trial[:, ~local] = theta + step
        tried = solve(_held(problem, trial, local), trial, most, from_start=True)
        if float(tried.normal.chisqr.sum()) <= total:
            theta, best, damping = theta + step, tried, max(0.1 * damping, 1e-9)
        else:
            damping *= 10.0
        if short and damping < 1.0:
            return theta, best, True
        if damping > 1e8:
            return theta, best, True
    return theta, best, False


def _reduced(problem: Problem, at: Solved, local: BoolArray) -> tuple[FloatArray, FloatArray]:
    """Eliminate each spectrum's own parameters from the normal equations of the shared ones."""
    square, descent = at.normal.square, at.normal.descent
    # What stays at its bound does not follow; areas come near 0 and never meet it.
    near = problem.low + np.where(problem.low == 0.0, _NONE / np.sqrt(np.maximum(_diagonal(square), 1e-300)), 0.0)
    fixed = ((at.v <= near) & (descent < 0)) | ((at.v >= problem.high) & (descent > 0))
    loose = (~fixed)[:, local]
    local_square = np.where(loose[:, :, None] & loose[:, None, :], square[:, local][:, :, local], 0.0)
    across = square[:, ~local][:, :, local] * loose[:, None, :]
    inverse = _inverse(local_square)
    reduced = square[:, ~local][:, :, ~local] - across @ inverse @ across.swapaxes(1, 2)
    rest = descent[:, ~local] - (across @ inverse @ (descent[:, local] * loose)[:, :, None])[:, :, 0]
    return np.asarray(reduced.sum(axis=0)), np.asarray(rest.sum(axis=0))


def _inverse(square: FloatArray) -> FloatArray:
    """Pseudo-inverse of symmetric matrices, shape (k, p, p), that does not depend on the parameters' units."""
    diagonal = _diagonal(square)
    norms = np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    outer = norms[:, :, None] * norms[:, None, :]
    return np.asarray(np.linalg.pinv(square / outer, hermitian=True) / outer)


def _diagonal(square: FloatArray) -> FloatArray:
    return np.asarray(np.einsum("kii->ki", square))


def _held(problem: Problem, v: FloatArray, local: BoolArray) -> Problem:
    """Problem in which shared parameters stay where they are."""
    return replace(problem, low=np.where(local, problem.low, v), high=np.where(local, problem.high, v))


def _problem(
    model: CompiledModel,
    seed: Seed,
    energy: ArrayLike,
    counts: ArrayLike,
    shifts: ArrayLike,
    noise: NoiseRows | ArrayLike | None,
    shift_stderr: ArrayLike | None,
) -> tuple[Problem, FloatArray, BoolArray, FitRows]:
    axis, rows, moved, spread = prepared(seed, energy, counts, shifts, noise)
    fine = fine_rows(rows, moved, spread.sigma)
    known = None
    if DISPLACEMENT in model.free:
        error = np.broadcast_to(np.asarray(0.0 if shift_stderr is None else shift_stderr, dtype=float), len(rows))
        fine &= np.isfinite(error)
        known = np.zeros((len(rows), len(model.free)))
        known[:, model.free.index(DISPLACEMENT)] = 1.0 / np.maximum(np.where(fine, error, 1.0), 1e-6) ** 2
    shape = (len(rows), len(model.free))
    low, high = (np.broadcast_to(bound, shape) for bound in (model.low, model.high))
    safe = np.where(fine[:, None] & (spread.sigma > 0), spread.sigma, 1.0)
    x = axis - np.where(fine, moved, 0.0)[:, None]
    problem = Problem(model, x, rows, 1.0 / safe, low, high, known=known)
    return problem, spread.count_size, fine, unfitted(len(rows), model)


def _most(model: CompiledModel, max_nfev: int | None) -> int:
    return EVALUATIONS_PER_PARAMETER * (len(model.free) + 1) if max_nfev is None else max_nfev


def _local(model: CompiledModel) -> BoolArray:
    """Free parameters that each spectrum has for itself."""
    return np.array([name == DISPLACEMENT or name.rpartition("_")[2] in _OWN for name in model.free])


def _with_own_areas(seed: Seed, *, displaced: bool) -> Seed:
    """Seed whose areas within families are free, whose slope may be any, and whose lines may move together."""
    params = seed.params.copy()
    satellites = _satellites(seed)
    for component in seed.components:
        area, ratio = f"{component.prefix}amplitude", f"{component.prefix}ratio"
        if params[area].expr and component.prefix not in satellites and ratio in params:
            params[area].set(value=params[area].value, expr="", min=0.0, vary=True)
            del params[ratio]
    slope = params.get(f"{seed.background_prefix}slope")
    if slope is not None and (slope.vary or slope.value):
        # Its bounds and its value are those of one intensity.
        slope.set(min=-np.inf, max=np.inf, vary=True)
    if displaced:
        _displace(params, [f"{component.prefix}center" for component in seed.components])
    return replace(seed, params=params)


def _satellites(seed: Seed) -> set[str]:
    """Prefixes of lines whose width is their own beside a tied area: satellites."""
    prefixes = set()
    for component in seed.components:
        area, sigma = seed.params[f"{component.prefix}amplitude"], seed.params[f"{component.prefix}sigma"]
        if area.expr and not sigma.expr:
            prefixes.add(component.prefix)
    return prefixes


def _displace(params: lmfit.Parameters, centers: Sequence[str]) -> None:
    params.add(DISPLACEMENT, value=0.0)
    for name in centers:
        if not params[name].expr:
            params.add(params[name].__class__(f"shared_{name}", **_settings(params[name])))
            params[name].set(expr=f"shared_{name}+{DISPLACEMENT}", min=-np.inf, max=np.inf)


def _settings(parameter: lmfit.Parameter) -> dict[str, object]:
    return {"value": parameter.value, "min": parameter.min, "max": parameter.max, "vary": parameter.vary}


def _valued(seed: Seed, names: Sequence[str], values: FloatArray) -> Seed:
    params = seed.params.copy()
    for name, value in zip(names, values.tolist(), strict=True):
        params[name].set(value=value)
    params.update_constraints()
    return replace(seed, params=params)
