"""Errors that fits have because the seed holds parameters at typical values, which are not known exactly.

What a fit says of the others changes with a held parameter: by its ties, and because the others follow. Both to first
order, from the Jacobian of the weighted residual with the held parameters in it. They vary together within what is
expected of them and what the data say of them.
"""

from __future__ import annotations

import lmfit
import numpy as np
from numpy.typing import NDArray

from xps_prefit_hooks import Seed
from xps_stn_plugin.models.compiled import CompiledModel
from xps_stn_plugin.models.solver import UNSEEN
from xps_stn_plugin.seeding.prior import held_deviations

from .parameter_names import at_bounds, free_names

FloatArray = NDArray[np.float64]


def held_influence(
    model: lmfit.Model,
    params: lmfit.Parameters,
    x: FloatArray,
    weights: FloatArray,
    values: FloatArray,
    at_bound: NDArray[np.bool_],
    redchi: FloatArray,
    scale: FloatArray | None = None,
) -> FloatArray:
    """Find the part of the errors of all parameters of k fits that comes from the held ones.

    Parameters
    ----------
    model : lmfit.Model
    params : lmfit.Parameters
        Those that were fitted; those that the seed holds are marked (`seeding.prior.hold`).
    x, weights : ndarray, shape (k, m)
        Energies in eV, and one over the standard deviations of the intensities.
    values : ndarray, shape (k, names)
        Of all parameters.
    at_bound : ndarray of bool, shape (k, free)
        Free parameters that stay where they are.
    redchi : ndarray, shape (k,)
        Variance of the weighted residual: the reduced chi-square.
    scale : ndarray, shape (k,), optional
        As for `CompiledModel.evaluate`.

    Returns
    -------
    ndarray, shape (k, names, held)
        Its product with its transpose is what the covariance of the parameters gains. Empty along the last axis where
        the seed holds nothing of which it knows the deviation.
    """
    deviations = held_deviations(params)
    count, names = values.shape
    if not deviations:
        return np.empty((count, names, 0))
    loose = params.copy()
    for name in deviations:
        loose[name].vary = True
    compiled = CompiledModel.to_draw(model, loose)
    held = np.array([name in deviations for name in compiled.free])
    v = values[:, [compiled.names.index(name) for name in compiled.free]]
    fine = np.isfinite(v).all(axis=1)
    expected = np.array([deviations[name] for name in compiled.free if name in deviations])
    influence = np.zeros((count, names, int(held.sum())))
    size = compiled.block(x.shape[1])
    good = np.flatnonzero(fine)
    for start in range(0, good.size, size):
        rows = good[start : start + size]
        part = None if scale is None else scale[rows]
        _, slopes = compiled.evaluate(x[rows], v[rows], part)
        slopes = slopes * weights[rows, None, :]
        square = slopes @ slopes.swapaxes(1, 2)
        loosed = np.where(at_bound[rows], 0.0, 1.0)
        free_square = square[:, ~held][:, :, ~held] * loosed[:, :, None] * loosed[:, None, :]
        across = square[:, ~held][:, :, held] * loosed[:, :, None]
        following = -_inverse(free_square) @ across
        # What the data say of the held parameters when all others follow.
        left = square[:, held][:, :, held] + across.swapaxes(1, 2) @ following
        data = np.where(np.isfinite(left), left, 0.0) / np.maximum(redchi[rows], 1e-200)[:, None, None]
        root = expected[:, None] * _inverse_root(data * np.outer(expected, expected))
        change = compiled.slopes(v[rows], part)
        each = change[:, :, held] + change[:, :, ~held] @ following
        influence[rows] = each @ root
    return influence


def influence_of(seed: Seed, fit: lmfit.model.ModelResult) -> FloatArray:
    """Find `held_influence` of one fit, shape (1, names, held); empty along the last axis without success."""
    params = fit.params
    values = np.array([[float(parameter.value) for parameter in params.values()]])
    if not fit.success or not held_deviations(params):
        return np.empty((*values.shape, 0))
    x = np.asarray(fit.userkws["x"], dtype=float)
    weights = np.ones(x.shape) if fit.weights is None else np.broadcast_to(np.asarray(fit.weights, float), x.shape)
    bounds = at_bounds(seed, params)
    at_bound = np.array([[name in bounds for name in free_names(params)]])
    redchi = np.array([float(fit.redchi) if fit.scale_covar else 1.0])
    return held_influence(seed.model, params, x[None], weights[None], values, at_bound, redchi)


def norm(influence: FloatArray) -> FloatArray:
    """Find the standard errors of an influence, the held parameters being independent; shape (k, names)."""
    return np.asarray(np.sqrt(np.sum(influence**2, axis=2)))


def _inverse_root(information: FloatArray) -> FloatArray:
    """Square roots of the inverses of 1 + `information`, shape (k, h, h), which rounding may have made negative."""
    eigenvalues, vectors = np.linalg.eigh(0.5 * (information + information.swapaxes(1, 2)))
    return np.asarray(vectors / np.sqrt(1.0 + eigenvalues.clip(min=0.0))[:, None, :])


def _inverse(square: FloatArray) -> FloatArray:
    """Pseudo-inverses of symmetric matrices, shape (k, p, p), that do not depend on the parameters' units."""
    diagonal = np.einsum("kii->ki", square)
    norms = np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    outer = norms[:, :, None] * norms[:, None, :]
    known = np.where(np.isfinite(square / outer), square / outer, 0.0)
    return np.asarray(np.linalg.pinv(known, rcond=UNSEEN**2, hermitian=True) / outer)
