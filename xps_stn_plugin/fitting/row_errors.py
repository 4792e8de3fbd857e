"""Standard errors of k fits with one model, from J^T J; one fit is a row of one.

The covariance is the inverse of J^T J, J being the Jacobian of the weighted residual, times the reduced chi-square. It
is useless where the data do not depend on a parameter (the position of a component without area), do not see a
direction, or leave a parameter that has both bounds with an error wider than its range. Then parameters at a bound and
those that change nothing are held. A range that is narrower than the error counts as what is known, with the variance
of an even distribution over it. Parameters that take part in a direction that is still not seen have no error. Errors
of tied parameters are propagated to first order.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from xps_prefit_hooks import Seed
from xps_stn_plugin.models.solver import UNSEEN, Normal, Problem

from .parameter_names import bound_sides

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
SideArray = NDArray[np.int8]

#: A parameter does nothing if its whole range changes the weighted residual by less than this many standard deviations.
NO_EFFECT: Final = 1e-2

#: Share of an unseen direction from which on a parameter takes part in it.
TAKES_PART: Final = 1e-2

#: Two free parameters of a row that the data cannot tell apart, and the sign of their correlation.
Pairs = tuple[tuple[int, int, float], ...]


@dataclass(frozen=True, eq=False)
class Covariances:
    """Covariances of k fits.

    Parameters
    ----------
    matrix : ndarray, shape (k, free, free)
        0 for parameters that are held or have no error.
    idle : ndarray of bool, shape (k, free)
        Parameters that change nothing.
    spoiled : ndarray of bool, shape (k,)
        Whether the plain covariance is useless.
    blind : ndarray of bool, shape (k,)
        Whether there is a direction that the data do not see.
    held : ndarray of bool, shape (k, free)
        Parameters that are held for the errors of the others.
    lost : ndarray of bool, shape (k, free)
        Parameters without an error that are not held.
    by_range : ndarray of bool, shape (k, free)
        Parameters whose range says more than the data.
    pairs : tuple of tuple of (int, int, float)
        For each row the pairs of parameters that make up what is not seen.
    """

    matrix: FloatArray
    idle: BoolArray
    spoiled: BoolArray
    blind: BoolArray
    held: BoolArray
    lost: BoolArray
    by_range: BoolArray
    pairs: tuple[Pairs, ...]

    @property
    def errors(self) -> FloatArray:
        """Standard errors of the free parameters, shape (k, free)."""
        return np.asarray(np.sqrt(np.einsum("kii->ki", self.matrix)))


@dataclass(frozen=True, eq=False)
class Errors:
    """Standard errors of fits.

    Parameters
    ----------
    stderr : ndarray, shape (k, names)
        Of all parameters; NaN where there is none.
    sides : ndarray of int, shape (k, free)
        Free parameters that ended at a bound: -1 at the lower, 1 at the upper one, else 0.
    """

    stderr: FloatArray
    sides: SideArray


def row_errors(
    seed: Seed, problem: Problem, v: FloatArray, normal: Normal, degrees: int, unscaled: BoolArray | None = None
) -> Errors:
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
    unscaled : ndarray of bool, shape (k,), optional
        Fits whose errors are not to be scaled by chi-square.
    """
    model = problem.model
    fine = np.isfinite(normal.square).all(axis=(1, 2)) & np.isfinite(normal.chisqr)
    # A fit that went nowhere must not keep the others from their errors.
    square = np.where(fine[:, None, None], normal.square, np.eye(v.shape[1]))
    scale = np.sqrt(np.where(fine, normal.chisqr, 0.0) / degrees)
    if unscaled is not None:
        scale = np.where(unscaled, 1.0, scale)
    width = problem.high - problem.low
    plain = plain_covariances(square, scale, width)
    errors = np.where(plain.blind[:, None], 0.0, plain.errors)
    values = model.values(v, problem.scale)
    sides = bound_sides(seed, model.names, model.free, values, problem.low, problem.high, errors)
    covariances = mended(plain, square, scale, width, sides)
    return Errors(propagated(covariances, model.slopes(v, problem.scale)), sides)


def plain_covariances(square: FloatArray, scale: FloatArray, width: FloatArray) -> Covariances:
    """Invert J^T J, and find out where that is useless.

    Parameters
    ----------
    square : ndarray, shape (k, free, free)
        J^T J.
    scale : ndarray, shape (k,)
        Noise of the weighted residual: the root of the reduced chi-square.
    width : ndarray, shape (k, free)
        Ranges of the parameters.
    """
    norms = np.sqrt(np.einsum("kii->ki", square))
    with np.errstate(invalid="ignore"):
        idle = ~(np.isfinite(norms) & (norms > 0)) | (norms * width <= NO_EFFECT * scale[:, None])
    safe = np.where(norms > 0, norms, 1.0)
    unit = square / (safe[:, :, None] * safe[:, None, :])
    values, vectors = np.linalg.eigh(unit)
    unseen: BoolArray = values < UNSEEN**2 * values[:, -1:]
    inverse = np.where(unseen, 0.0, 1.0 / np.where(unseen, 1.0, values))
    matrix = (vectors * inverse[:, None, :]) @ vectors.swapaxes(1, 2)
    matrix *= (scale**2)[:, None, None] / (safe[:, :, None] * safe[:, None, :])
    vague = (np.sqrt(np.einsum("kii->ki", matrix)) > width).any(axis=1)
    blind = np.asarray(unseen.any(axis=1))
    none = np.zeros(idle.shape, dtype=bool)
    return Covariances(matrix, idle, idle.any(axis=1) | blind | vague, blind, none, none, none, ((),) * len(square))


def mended(
    plain: Covariances, square: FloatArray, scale: FloatArray, width: FloatArray, sides: SideArray
) -> Covariances:
    """Find the covariances of the fits whose plain ones are useless.

    Parameters
    ----------
    plain : Covariances
        From the same arguments.
    square, scale, width : ndarray
        As for `plain_covariances`.
    sides : ndarray of int, shape (k, free)
        Not 0 for parameters at a bound.
    """
    if not plain.spoiled.any():
        return plain
    matrix, pairs = plain.matrix.copy(), list(plain.pairs)
    held, lost, by_range = (np.zeros(sides.shape, dtype=bool) for _ in range(3))
    for i in np.flatnonzero(plain.spoiled):
        held[i] = plain.idle[i] | (sides[i] != 0)
        matrix[i], lost[i], by_range[i], pairs[i] = _mended_row(square[i], held[i], width[i], float(scale[i]))
    return replace(plain, matrix=matrix, held=held, lost=lost, by_range=by_range, pairs=tuple(pairs))


def propagated(covariances: Covariances, slopes: FloatArray) -> FloatArray:
    """Find the standard errors of all parameters, shape (k, names); NaN where there is none.

    Parameters
    ----------
    covariances : Covariances
    slopes : ndarray, shape (k, names, free)
        Derivatives of all parameters by the free ones.
    """
    variances = np.einsum("knp,kpq,knq->kn", slopes, covariances.matrix, slopes)
    without = ((slopes != 0.0) & covariances.lost[:, None, :]).any(axis=2) | ~(variances > 0)
    return np.where(without, np.nan, np.sqrt(np.where(without, 1.0, variances)))


def _mended_row(
    square: FloatArray, held: BoolArray, width: FloatArray, scale: float
) -> tuple[FloatArray, BoolArray, BoolArray, Pairs]:
    """Covariance of one fit, the parameters that have none and are not held, those by range, and pairs."""
    size = held.size
    left = np.flatnonzero(~held)
    covariance, lost, by_range = np.zeros((size, size)), np.zeros(size, dtype=bool), np.zeros(size, dtype=bool)
    if not left.size:
        return covariance, lost, by_range, ()
    part = square[np.ix_(left, left)]
    known = np.zeros(left.size)
    while True:
        inverse, directions = _inverse(part + np.diag(known), scale)
        ratio = np.where(known > 0, 0.0, np.sqrt(np.diag(inverse)) / width[left])
        worst = int(np.argmax(ratio))
        if ratio[worst] <= 1.0:
            break
        known[worst] = scale**2 * 12.0 / width[left[worst]] ** 2
    seen = np.all(np.abs(directions) < TAKES_PART, axis=1)
    covariance[np.ix_(left, left)] = np.where(seen[:, None] & seen[None, :], inverse, 0.0)
    lost[left[~seen]] = True
    by_range[left[known > 0]] = True
    return covariance, lost, by_range, tuple(_pair(direction, left) for direction in directions.T)


def _pair(direction: FloatArray, left: NDArray[np.intp]) -> tuple[int, int, float]:
    """Two parameters that take most part in a direction."""
    i, j = np.argsort(-np.abs(direction))[:2]
    return int(left[min(i, j)]), int(left[max(i, j)]), float(np.sign(direction[i] * direction[j]))


def _inverse(square: FloatArray, scale: float) -> tuple[FloatArray, FloatArray]:
    """Covariance, and the directions that are not seen as columns."""
    norms = np.sqrt(np.diag(square))
    values, vectors = np.linalg.eigh(square / np.outer(norms, norms))
    unseen = values < UNSEEN**2 * values[-1]
    half = vectors[:, ~unseen] / np.sqrt(values[~unseen])
    return scale**2 * half @ half.T / np.outer(norms, norms), vectors[:, unseen]
