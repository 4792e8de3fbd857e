"""Levels on a slowly moving scale: a straight line, a random walk, jumps and outliers, told apart by their evidence.

Level i (of n, in order) reads y_i = x_i + e_i with known standard deviations of e_i; between jumps, x is constant, or
moves by a steady trend, by a random walk, or by both. Given the standard deviations and the step of the walk all is
Gaussian, so forward and backward messages (Kalman 1960; Rauch, Tung and Striebel 1965) give x, its error and the
evidence in one pass each. The trend is integrated out as a regression on the level (diffuse in x, normal in the trend).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
LOG_2PI = float(np.log(2 * np.pi))


@dataclass(frozen=True)
class Models:
    """What may have moved the levels, one entry per model.

    Parameters
    ----------
    step : ndarray, shape (models,)
        Standard deviation of the walk in eV per square root of a level.
    trend : ndarray, shape (models,)
        Standard deviation of the steady trend in eV per level, 0 for none.
    share : ndarray, shape (models,)
        Share of a reading's standard error that is its own.
    log_prior : ndarray, shape (models,)
        Log probability.
    """

    step: FloatArray
    trend: FloatArray
    share: FloatArray
    log_prior: FloatArray


@dataclass(frozen=True)
class Costs:
    """Log probability densities of what does not follow a model.

    Parameters
    ----------
    jump : float
        Of a new scale from one level to the next, per eV.
    outlier : float
        Of a reading that says nothing about the scale, per eV.
    """

    jump: float
    outlier: float


@dataclass(frozen=True)
class Path:
    """Where the scale lies, given all readings.

    Parameters
    ----------
    value, variance : ndarray, shape (models, n)
        In eV and eV**2, the variance without what is common.
    common : ndarray, shape (models, n)
        Common variance in eV**2 of the readings that the value is made of.
    weight : ndarray, shape (models,)
        Probability of each model.
    trend, trend_variance : ndarray, shape (models,)
        In eV per level.
    jumps : tuple of int
        Rows before which the scale jumps.
    used : ndarray of bool, shape (n,)
        Readings that were followed.
    """

    value: FloatArray
    variance: FloatArray
    common: FloatArray
    weight: FloatArray
    trend: FloatArray
    trend_variance: FloatArray
    jumps: tuple[int, ...]
    used: BoolArray


@dataclass(frozen=True)
class _Sums:
    """What the evidence needs of the innovations: log determinants, and products of readings and levels."""

    log_scale: FloatArray
    squares: FloatArray

    def __add__(self, other: _Sums) -> _Sums:
        return _Sums(self.log_scale + other.log_scale, self.squares + other.squares)

    def evidence(self, models: Models) -> FloatArray:
        """Log evidence of all models together, shape (...) of sums of shape (..., models)."""
        total: FloatArray = logsumexp(self.by_model(models) + models.log_prior, axis=-1)
        return total

    def by_model(self, models: Models) -> FloatArray:
        yy, yt, tt = self.squares[..., 0], self.squares[..., 1], self.squares[..., 2]
        variance = models.trend**2
        gain = variance * yt**2 / (1 + variance * tt) - np.log1p(variance * tt)
        evidence: FloatArray = self.log_scale + (gain - yy) / 2
        return evidence

    def trend(self, models: Models) -> tuple[FloatArray, FloatArray]:
        """Mean and variance of the trend in each model."""
        variance = models.trend**2
        gain = variance / (1 + variance * self.squares[..., 2])
        return gain * self.squares[..., 1], gain


@dataclass(frozen=True)
class _Messages:
    """From one end of the levels to each of them, before its own reading is taken into account.

    Precision, shape (n, models), is 0 where nothing was read yet; mean, shape (n, models, 3), of readings, levels and
    common variances. `before` and `after` are the sums without and with each level's own reading.
    """

    precision: FloatArray
    mean: FloatArray
    before: _Sums
    after: _Sums


def follow(
    reading: FloatArray, variance: FloatArray, common: FloatArray, used: BoolArray, models: Models, costs: Costs
) -> Path:
    """Find jumps and outliers, one after the other as long as the evidence grows, then the scale.

    Parameters
    ----------
    reading : ndarray, shape (n,)
        In eV; whatever where not used.
    variance : ndarray, shape (models, n)
        Of the readings' own errors in eV**2.
    common : ndarray, shape (n,)
        Of errors that do not average out, in eV**2.
    used : ndarray of bool, shape (n,)
        Which readings there are, at least one.
    models : Models
        What is possible.
    costs : Costs
        Of jumps and outliers.
    """
    used = used.copy()
    starts = np.zeros(len(used), dtype=bool)
    starts[0] = True
    level = np.arange(len(used)) - (len(used) - 1) / 2
    data = np.stack([reading, level, common], axis=1)
    # Each turn drops a reading or begins a piece, which can be done once for each reading.
    for turn in range(2 * len(used) + 1):
        forward, backward = _both(data, variance, used, starts, models)
        now = float(_last(forward.after).evidence(models))
        split = _split_evidence(forward, backward, used, starts, models) + costs.jump
        drop = _drop_evidence(forward, backward, used, starts, models) + costs.outlier
        if max(split.max(), drop.max()) <= now or turn == 2 * len(used):
            break
        if drop.max() >= split.max():
            used[drop.argmax()] = False
        else:
            starts[split.argmax()] = True
    return _path(data, variance, used, starts, models, forward, backward)


def _both(
    data: FloatArray, variance: FloatArray, used: BoolArray, starts: BoolArray, models: Models
) -> tuple[_Messages, _Messages]:
    forward = _messages(data, variance, used, starts, models)
    turned = np.concatenate([[True], starts[:0:-1]])
    back = _messages(data[::-1], variance[:, ::-1], used[::-1], turned, models)
    return forward, _Messages(back.precision[::-1], back.mean[::-1], _reversed(back.before), _reversed(back.after))


def _reversed(sums: _Sums) -> _Sums:
    return _Sums(sums.log_scale[::-1], sums.squares[::-1])


def _last(sums: _Sums) -> _Sums:
    return _Sums(sums.log_scale[-1], sums.squares[-1])


def _messages(data: FloatArray, variance: FloatArray, used: BoolArray, starts: BoolArray, models: Models) -> _Messages:
    size, number = len(data), models.step.size
    precisions, means = np.zeros((size, number)), np.zeros((size, number, 3))
    before = _Sums(np.zeros((size, number)), np.zeros((size, number, 3)))
    after = _Sums(np.zeros((size, number)), np.zeros((size, number, 3)))
    log_scale, squares = np.zeros(number), np.zeros((number, 3))
    precision, mean, known = np.zeros(number), np.zeros((number, 3)), False
    wander = models.step**2
    for i in range(size):
        if starts[i]:
            precision, mean, known = np.zeros(number), np.zeros((number, 3)), False
        precisions[i], means[i] = precision, mean
        before.log_scale[i], before.squares[i] = log_scale, squares
        if used[i]:
            weight = 1 / variance[:, i]
            if known:
                innovation = data[i] - mean
                scale = 1 / precision + variance[:, i]
                log_scale = log_scale - (np.log(scale) + LOG_2PI) / 2
                squares = squares + _products(innovation) / scale[:, None]
            mean = (precision[:, None] * mean + weight[:, None] * data[i]) / (precision + weight)[:, None]
            precision, known = precision + weight, True
        after.log_scale[i], after.squares[i] = log_scale, squares
        if known:
            precision = 1 / (1 / precision + wander)
    return _Messages(precisions, means, before, after)


def _products(difference: FloatArray) -> FloatArray:
    """Squares and product of readings and levels."""
    reading, level = difference[..., 0], difference[..., 1]
    return np.stack([reading**2, reading * level, level**2], axis=-1)


def _split_evidence(
    forward: _Messages, backward: _Messages, used: BoolArray, starts: BoolArray, models: Models
) -> FloatArray:
    """Log evidence of a new scale from each level on that has a reading, with readings before it on its old scale."""
    possible = used & ~starts & (forward.precision > 0).all(axis=1)
    return np.where(possible, (forward.before + backward.after).evidence(models), -np.inf)


def _drop_evidence(
    forward: _Messages, backward: _Messages, used: BoolArray, starts: BoolArray, models: Models
) -> FloatArray:
    """Log evidence without each reading; of two on one scale none can be told to be the wrong one."""
    one, other = forward.precision > 0, backward.precision > 0
    both = one & other
    scale = np.where(both, 1 / np.where(one, forward.precision, 1) + 1 / np.where(other, backward.precision, 1), 1.0)
    met = _Sums(
        np.where(both, -(np.log(scale) + LOG_2PI) / 2, 0.0),
        np.where(both[..., None], _products(forward.mean - backward.mean) / scale[..., None], 0.0),
    )
    scales = np.cumsum(starts) - 1
    possible = used & (np.bincount(scales, used)[scales] > 2)
    return np.where(possible, (forward.before + backward.before + met).evidence(models), -np.inf)


def _path(
    data: FloatArray,
    variance: FloatArray,
    used: BoolArray,
    starts: BoolArray,
    models: Models,
    forward: _Messages,
    backward: _Messages,
) -> Path:
    sums = _last(forward.after)
    data_precision = np.where(used, 1 / variance, 0.0).T
    precision = forward.precision + backward.precision + data_precision
    mean = (
        forward.precision[..., None] * forward.mean
        + backward.precision[..., None] * backward.mean
        + data_precision[..., None] * data[:, None]
    ) / precision[..., None]
    trend, trend_variance = sums.trend(models)
    # Where the level itself lies off the smoothed levels, the trend carries on.
    reach = data[:, 1, None] - mean[..., 1]
    log_weight = sums.by_model(models) + models.log_prior
    return Path(
        value=(mean[..., 0] + trend * reach).T,
        variance=(1 / precision + trend_variance * reach**2).T,
        common=mean[..., 2].T,
        weight=np.exp(log_weight - logsumexp(log_weight)),
        trend=trend,
        trend_variance=trend_variance,
        jumps=tuple(int(row) for row in np.flatnonzero(starts)[1:]),
        used=used,
    )
