"""Many spectra with one model structure, fitted together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xps_prefit_hooks import PrefitError, Seed
from xps_stn_plugin.core.single_channels import single_channels
from xps_stn_plugin.core.spectrum import in_range
from xps_stn_plugin.fitting.fit_rows import FITTED, GIVEN_UP, NOT_FITTED, FitRows
from xps_stn_plugin.fitting.held_errors import held_influence, norm
from xps_stn_plugin.fitting.noise_kind import COUNTS, SMOOTHED, is_suspicious, noise_of_residual
from xps_stn_plugin.fitting.row_errors import row_errors
from xps_stn_plugin.models.compiled import CompiledModel
from xps_stn_plugin.models.counts import fitted_sigma, solve_counts
from xps_stn_plugin.models.noise import noise_of_counts
from xps_stn_plugin.models.solver import EVALUATIONS_PER_PARAMETER, Problem, Solved

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

#: Spectra that are worked on at a time: what is not kept is never larger than this many.
CHUNK: Final = 256


class NoiseRows(NamedTuple):
    """Noise of k spectra.

    Parameters
    ----------
    sigma : ndarray, shape (k, m)
        Standard deviation of each intensity, for weights before a fit.
    count_size : ndarray, shape (k, m)
        Intensity of one count; NaN where the noise is not that of counts, and in masked channels.
    """

    sigma: FloatArray
    count_size: FloatArray

    def fitted(self, curves: FloatArray) -> FloatArray:
        """Find the standard deviations of intensities whose expectation is `curves`, shape (k, m)."""
        return fitted_sigma(curves, self.count_size, self.sigma)

    def of(self, rows: NDArray[np.intp]) -> NoiseRows:
        """Take some of the spectra."""
        return NoiseRows(self.sigma[rows], self.count_size[rows])


def noise_rows(counts: ArrayLike, attrs: Mapping[str, Any] | None = None) -> NoiseRows:
    """Find the noise of k spectra, each as `noise_of` does.

    Parameters
    ----------
    counts : array_like, shape (k, m)
    attrs : mapping, optional
        Attributes of their region: ``intensity``, ``dwell_time`` (s) and ``scans`` are used.
    """
    rows = np.asarray(counts, dtype=float)
    masked = single_channels(rows)
    noises = [noise_of_counts(row, attrs or {}, bad) for row, bad in zip(rows, masked, strict=True)]
    sigma = np.array([noise.before_fit(row) for noise, row in zip(noises, rows, strict=True)])
    sizes = np.array([noise.count_size for noise in noises])
    return NoiseRows(sigma.reshape(rows.shape), sizes.reshape(rows.shape))


def fit_rows(
    seed: Seed,
    energy: ArrayLike,
    counts: ArrayLike,
    shifts: ArrayLike = 0.0,
    *,
    noise: NoiseRows | ArrayLike | None = None,
    rescale: bool = False,
    max_nfev: int | None = None,
) -> FitRows:
    """Fit a seed's model to many spectra.

    Parameters
    ----------
    seed : Seed
        Made for the calibrated axis.
    energy : array_like, shape (m,)
        Binding energy in eV on the measured axis.
    counts : array_like, shape (k, m)
    shifts : array_like, shape (k,) or ()
        By how much the measured axis lies above the calibrated one, in eV: row i is fitted over ``energy - shifts[i]``.
    noise : NoiseRows, or array_like, shape (k, m), (m,) or (), optional
        Noise, or standard deviations that weigh the fits as they are; by default that of `noise_rows` without
        attributes.
    rescale : bool
        Whether the seed was made for other intensities, those of a mean spectrum: what it says of the background's
        slope then follows each spectrum's mean intensity. Areas always do.
    max_nfev : int, optional
        Most evaluations for one spectrum; 100 per free parameter by default.

    Returns
    -------
    FitRows

    Raises
    ------
    PrefitError
        If shapes do not fit, or the model is not a sum of components.
    """
    axis, rows, moved, spread = prepared(seed, energy, counts, shifts, noise)
    model = compiled_model(seed)
    most = EVALUATIONS_PER_PARAMETER * (len(model.free) + 1) if max_nfev is None else max_nfev
    result = unfitted(len(rows), model)
    good = np.flatnonzero(fine_rows(rows, moved, spread.sigma))
    for start in range(0, good.size, CHUNK):
        these = good[start : start + CHUNK]
        place = axis - moved[these, None]
        first = np.broadcast_to(model.start, (these.size, len(model.free)))
        scale = _scale(model, place, rows[these], first) if rescale else np.ones(these.size)
        low, high = (np.where(model.linear, scale[:, None], 1.0) * bound for bound in (model.low, model.high))
        problem = Problem(model, place, rows[these], 1.0 / spread.sigma[these], low, high, scale)
        result.put(these, _fitted(seed, problem, spread.count_size[these], first, most))
    return result


def prepared(
    seed: Seed, energy: ArrayLike, counts: ArrayLike, shifts: ArrayLike, noise: NoiseRows | ArrayLike | None
) -> tuple[FloatArray, FloatArray, FloatArray, NoiseRows]:
    """Energies (m,), intensities (k, m), shifts (k,) and their noise, checked; see `fit_rows`."""
    axis, rows = np.asarray(energy, dtype=float), np.asarray(counts, dtype=float)
    where = f"region {seed.region}"
    if axis.ndim != 1 or rows.ndim != 2 or rows.shape[1] != axis.size:
        msg = f"energies of shape {axis.shape} and intensities of shape {rows.shape}; (m,) and (k, m) are needed."
        raise PrefitError(where, msg)
    moved = np.asarray(shifts, dtype=float)
    if moved.shape not in ((), (len(rows),)):
        raise PrefitError(where, f"shifts of shape {moved.shape} for {len(rows)} spectra; one, or one each is needed.")
    moved = np.broadcast_to(moved, len(rows))
    if noise is None:
        noise = noise_rows(rows)
    elif not isinstance(noise, NoiseRows):
        sigma = np.broadcast_to(np.asarray(noise, dtype=float), rows.shape)
        noise = NoiseRows(sigma, np.full(rows.shape, np.nan))
    return axis, rows, moved, noise


def fine_rows(rows: FloatArray, moved: FloatArray, spread: FloatArray) -> BoolArray:
    """Whether each spectrum can be fitted, shape (k,)."""
    known = np.isfinite(rows).all(axis=1) & in_range(rows) & np.isfinite(moved) & np.isfinite(spread).all(axis=1)
    return np.asarray(known & (spread > 0).all(axis=1) & (rows.max(axis=1) > rows.min(axis=1)))


def compiled_model(seed: Seed) -> CompiledModel:
    """Compile a seed's model.

    Raises
    ------
    PrefitError
        If the model is not a sum of components.
    """
    model = CompiledModel.compile(seed.model, seed.params)
    if model is None:
        raise PrefitError(f"region {seed.region}", "its model is not a sum: fit its spectra one at a time.")
    return model


def unfitted(count: int, model: CompiledModel) -> FitRows:
    """Make room for the fits of `count` spectra."""
    values, stderr, held_stderr = np.full((3, count, len(model.names)), np.nan)
    sides = np.zeros((count, len(model.free)), dtype=np.int8)
    status, nfev = np.full(count, NOT_FITTED, dtype=np.int8), np.zeros(count, dtype=np.int64)
    chisqr, redchi = np.full((2, count), np.nan)
    noise = np.full(count, COUNTS, dtype=np.int8)
    return FitRows(model.names, model.free, values, stderr, held_stderr, sides, status, nfev, chisqr, redchi, noise)


def _scale(model: CompiledModel, x: FloatArray, data: FloatArray, start: FloatArray) -> FloatArray:
    """Mean intensity of each row over that of the model as seeded; 1 where one of them is not positive."""
    mean, seeded = data.mean(axis=1), model.curves(x, start).mean(axis=1)
    fine = (mean > 0) & (seeded > 0)
    return np.where(fine, mean / np.where(fine, seeded, 1.0), 1.0)


def _fitted(seed: Seed, problem: Problem, count_size: FloatArray, start: FloatArray, most: int) -> FitRows:
    model = problem.model
    free = len(model.free)
    points = problem.data.shape[1]
    degrees = max(points - free, 1)
    problem, solved = solve_counts(problem, count_size, start, most)
    noise = noise_kinds(problem, count_size, solved, degrees)
    errors = row_errors(seed, problem, solved.v, solved.normal, degrees, noise == SMOOTHED)
    stderr = np.where(solved.converged[:, None] & (points > free), errors.stderr, np.nan)
    status = np.where(solved.converged, FITTED, GIVEN_UP).astype(np.int8)
    chisqr, values = solved.normal.chisqr, model.values(solved.v, problem.scale)
    redchi = np.where(noise == SMOOTHED, 1.0, chisqr / degrees)
    influence = held_influence(
        seed.model, seed.params, problem.x, problem.weights, values, errors.sides != 0, redchi, problem.scale
    )
    held = norm(influence)
    rows = (values, stderr, held, errors.sides, status, solved.nfev, chisqr, chisqr / degrees, noise)
    return FitRows(model.names, model.free, *rows)


def noise_kinds(problem: Problem, count_size: FloatArray, solved: Solved, degrees: int) -> NDArray[np.int8]:
    """Kind of noise of each spectrum, shape (k,): see `fitting.noise_kind`."""
    kinds = np.full(len(count_size), COUNTS, dtype=np.int8)
    counted = np.isfinite(count_size).any(axis=1)
    for i in np.flatnonzero(counted & solved.converged & is_suspicious(solved.normal.chisqr / degrees)):
        residual, _ = problem.of(np.array([i])).residual_and_jacobian(solved.v[i])
        kinds[i], _ = noise_of_residual(problem.x[i], residual, problem.weights[i], count_size[i])
    return kinds
