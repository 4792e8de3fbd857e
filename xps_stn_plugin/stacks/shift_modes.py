"""Distributions over shifts of neighbouring spectra -> one reading of each: which mode it means, and how surely."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..stn.calibration import Calibration, spread_of

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

#: Half width in eV of the part of a distribution around its mode that makes the shift, as in the network.
MODE_REACH = 0.6
#: Probability that a spectrum says nothing about the scale, and that the scale jumps from one level to the next.
OUTLIER = 0.05
JUMP = 0.01
#: Least height of a mode that a spectrum's neighbours may choose, relative to its highest.
MODE_HEIGHT = 0.1
#: How far in eV the scale may move from one level to the next without a jump, when modes are chosen: one bin.
MOVE = 0.1
#: Least probability of a bin: what the network's logits cannot tell from none.
LEAST = 1e-12


@dataclass(frozen=True)
class Readings:
    """What each of n spectra says.

    Parameters
    ----------
    shift, stderr : ndarray, shape (n,)
        Of the chosen mode in eV; NaN where nothing was read.
    used : ndarray of bool, shape (n,)
        Where something was read.
    support : ndarray, shape (n,)
        Probability that the spectrum by itself gives to the chosen mode.
    own : ndarray, shape (n,)
        Where its own highest mode lies, in eV.
    doubt : float
        Variance in eV**2 by which other modes widen what all spectra say with one voice, and which none of them takes
        from another.
    second : tuple of float
        How far in eV the next likely common shift lies from this one, and the probability of all that lie away.
    """

    shift: FloatArray
    stderr: FloatArray
    used: BoolArray
    support: FloatArray
    own: FloatArray
    doubt: float
    second: tuple[float, float]


def read_modes(distribution: FloatArray, bins: FloatArray, used: BoolArray, calibration: Calibration) -> Readings:
    """Choose the mode of each spectrum that its neighbours and itself agree on.

    Parameters
    ----------
    distribution : ndarray, shape (n, bins)
        Of the network; each row sums to 1 where used.
    bins : ndarray, shape (bins,)
        Shifts in eV, evenly spaced.
    used : ndarray of bool, shape (n,)
        Spectra that are asked, at least one.
    calibration : Calibration
        From spreads to standard errors.
    """
    rows = np.flatnonzero(used)
    flat = np.full(distribution.shape, 1 / bins.size)
    flat[rows] = (1 - OUTLIER) * distribution[rows] + OUTLIER / bins.size
    others = _others(flat, bins)
    own = bins[distribution[rows].argmax(axis=1)]
    centre = bins[np.where(_modes(distribution[rows]), others[rows] * flat[rows], 0.0).argmax(axis=1)]
    near = _near(bins, centre)
    support = np.where(near, distribution[rows], 0.0).sum(axis=1)
    shift = _mean(distribution[rows], bins, near)
    # Its other modes count as far as its neighbours leave them possible.
    level = (others[rows] * np.where(near, distribution[rows], 0.0)).sum(axis=1) / support
    left = distribution[rows] * np.where(near, 1.0, np.minimum(others[rows] / np.maximum(level, LEAST)[:, None], 1.0))
    left /= left.sum(axis=1, keepdims=True)
    stderr = calibration.standard_error(spread_of(left, bins, shift, calibration.blur))
    doubt, second = _together(distribution[rows], bins, centre, stderr, calibration)

    def whole(values: FloatArray) -> FloatArray:
        result = np.full(used.shape, np.nan)
        result[rows] = values
        return result

    return Readings(whole(shift), whole(stderr), used, whole(support), whole(own), doubt, second)


def _modes(distribution: FloatArray) -> BoolArray:
    """Where the highest modes of distributions lie."""
    padded = np.pad(distribution, ((0, 0), (1, 1)))
    peak = (distribution >= padded[:, :-2]) & (distribution >= padded[:, 2:])
    high: BoolArray = distribution >= MODE_HEIGHT * distribution.max(axis=1, keepdims=True)
    return peak & high


def _near(bins: FloatArray, centre: FloatArray) -> BoolArray:
    near: BoolArray = np.abs(bins - centre[:, None]) <= MODE_REACH + 1e-6
    return near


def _mean(distribution: FloatArray, bins: FloatArray, near: BoolArray) -> FloatArray:
    weight = np.where(near, distribution, 0.0)
    mean: FloatArray = (weight @ bins) / weight.sum(axis=1)
    return mean


def _others(likelihood: FloatArray, bins: FloatArray) -> FloatArray:
    """Distribution over each spectrum's shift from all others: forward and backward messages of a Markov chain."""
    distance = bins[:, None] - bins[None, :]
    move = np.exp(-(distance**2) / (2 * MOVE**2))
    move /= move.sum(axis=1).max()
    move = (1 - JUMP) * move + JUMP / bins.size

    def passed(rows: FloatArray) -> FloatArray:
        messages = np.ones_like(rows)
        for i in range(1, len(rows)):
            # The kernel is symmetric, so both directions see the same chain.
            message = move @ (messages[i - 1] * rows[i - 1])
            messages[i] = message / message.sum()
        return messages

    others = passed(likelihood) * passed(likelihood[::-1])[::-1]
    result: FloatArray = others / others.sum(axis=1, keepdims=True)
    return result


def _together(
    distribution: FloatArray, bins: FloatArray, centre: FloatArray, stderr: FloatArray, calibration: Calibration
) -> tuple[float, tuple[float, float]]:
    """Pool the distributions about their modes as opinions on one sample, not as independent measurements.

    Logarithmic pool (Genest and Zidek 1986, Statistical Science 1, 114): geometric mean with weights that sum to 1,
    here in proportion to the information 1 / stderr**2. Equal distributions give the same distribution again.
    """
    size = bins.size
    weight = 1 / stderr**2
    weight /= weight.sum()
    # Every row moved by whole bins so that its chosen mode lies at 0.
    away = (bins[1] - bins[0]) * np.arange(1 - size, size)
    place = np.arange(1 - size, size) + np.abs(bins - centre[:, None]).argmin(axis=1)[:, None]
    moved = np.take_along_axis(distribution, np.clip(place, 0, size - 1), axis=1)
    pool = np.exp(weight @ np.log(np.maximum(np.where((place >= 0) & (place < size), moved, 0.0), LEAST)))
    pool /= pool.sum()
    near = _near(away, np.zeros(1))
    spread = spread_of(pool[None], away, _mean(pool[None], away, near), calibration.blur)
    doubt = float(calibration.standard_error(spread)[0] ** 2 - weight @ stderr**2)
    far = np.where(near[0], 0.0, pool)
    return max(doubt, 0.0), (float(away[far.argmax()]), float(far.sum()))
