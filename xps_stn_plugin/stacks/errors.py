"""Standard errors of many fits with one model: what `fitting.standard_errors` finds for one, from J^T J alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xps_prefit_hooks import Seed
from xps_stn_plugin.fitting.parameter_names import alike_names, bound_margins
from xps_stn_plugin.fitting.standard_errors import NO_EFFECT, TAKES_PART
from xps_stn_plugin.models.solver import UNSEEN, Normal, Problem

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Errors:
    """Standard errors of fits.

    Parameters
    ----------
    stderr : ndarray, shape (k, names)
        Of all parameters; NaN where there is none.
    at_bound : ndarray of bool, shape (k, free)
        Free parameters that ended at a bound.
    """

    stderr: FloatArray
    at_bound: BoolArray


def row_errors(seed: Seed, problem: Problem, v: FloatArray, normal: Normal, degrees: int) -> Errors:
    """Find the standard errors of k fits, all of them at their minimum.

    Parameters
    ----------
    seed : Seed
    problem : Problem
    v : ndarray, shape (k, free)
    normal : Normal
        Expansion of chi-square at `v`.
    degrees : int
        Of freedom.
    """
    fine = np.isfinite(normal.square).all(axis=(1, 2)) & np.isfinite(normal.chisqr)
    # A fit that went nowhere must not keep the others from their errors.
    square = np.where(fine[:, None, None], normal.square, np.eye(v.shape[1]))
    scale = np.sqrt(np.where(fine, normal.chisqr, 0.0) / degrees)
    norms = np.sqrt(np.einsum("kii->ki", square))
    width = problem.high - problem.low
    with np.errstate(invalid="ignore"):
        idle = ~(np.isfinite(norms) & (norms > 0)) | (norms * width <= NO_EFFECT * scale[:, None])
    safe = np.where(norms > 0, norms, 1.0)
    unit = square / (safe[:, :, None] * safe[:, None, :])
    values, vectors = np.linalg.eigh(unit)
    unseen: BoolArray = values < UNSEEN**2 * values[:, -1:]
    inverse = np.where(unseen, 0.0, 1.0 / np.where(unseen, 1.0, values))
    covariance = (vectors * inverse[:, None, :]) @ vectors.swapaxes(1, 2)
    covariance *= (scale**2)[:, None, None] / (safe[:, :, None] * safe[:, None, :])
    plain = np.sqrt(np.einsum("kii->ki", covariance))
    spoiled = idle.any(axis=1) | unseen.any(axis=1) | (plain > width).any(axis=1)
    blind = np.any(unseen, axis=1, keepdims=True)
    at_bound = _at_bounds(seed, problem, v, np.where(blind, 0.0, plain))
    lost = np.zeros(v.shape, dtype=bool)
    for i in np.flatnonzero(spoiled):
        covariance[i], lost[i] = _mended(square[i], idle[i] | at_bound[i], width[i], float(scale[i]))
    slopes = problem.model.slopes(v, problem.scale)
    variances = np.einsum("knp,kpq,knq->kn", slopes, covariance, slopes)
    without = ((slopes != 0.0) & lost[:, None, :]).any(axis=2) | ~(variances > 0)
    return Errors(np.where(without, np.nan, np.sqrt(np.where(without, 1.0, variances))), at_bound)


def _mended(square: FloatArray, held: BoolArray, width: FloatArray, scale: float) -> tuple[FloatArray, BoolArray]:
    """Covariance of one fit whose plain one is useless, and which parameters have none: see `uncertainty`."""
    size = held.size
    left = np.flatnonzero(~held)
    covariance, lost = np.zeros((size, size)), np.zeros(size, dtype=bool)
    if not left.size:
        return covariance, lost
    part = square[np.ix_(left, left)]
    known = np.zeros(left.size)
    for _ in left:
        own, seen = _covariance(part + np.diag(known), scale)
        ratio = np.where(known > 0, 0.0, np.sqrt(np.diag(own)) / width[left])
        worst = int(np.argmax(ratio))
        if ratio[worst] <= 1.0:
            break
        # A range counts as what is known, with the variance of an even distribution over it.
        known[worst] = scale**2 * 12.0 / width[left[worst]] ** 2
    covariance[np.ix_(left, left)] = np.where(seen[:, None] & seen[None, :], own, 0.0)
    lost[left[~seen]] = True
    return covariance, lost


def _covariance(square: FloatArray, scale: float) -> tuple[FloatArray, BoolArray]:
    norms = np.sqrt(np.diag(square))
    values, vectors = np.linalg.eigh(square / np.outer(norms, norms))
    unseen = values < UNSEEN**2 * values[-1]
    seen = np.all(np.abs(vectors[:, unseen]) < TAKES_PART, axis=1)
    half = vectors[:, ~unseen] / np.sqrt(values[~unseen])
    return scale**2 * half @ half.T / np.outer(norms, norms), seen


def _at_bounds(seed: Seed, problem: Problem, v: FloatArray, errors: FloatArray) -> BoolArray:
    """Free parameters within a margin of a bound, shape (k, free): as `fitting.parameter_names.at_bounds`."""
    model = problem.model
    values = np.abs(model.values(v, problem.scale))
    largest = np.zeros(v.shape)
    for i, name in enumerate(model.free):
        if alike := [model.names.index(other) for other in alike_names(seed, model.names, name)]:
            largest[:, i] = values[:, alike].max(axis=1)
    margins = bound_margins(problem.low, problem.high, np.where(np.isfinite(errors), errors, 0.0), largest)
    return np.asarray((v - problem.low <= margins) | (problem.high - v <= margins))
