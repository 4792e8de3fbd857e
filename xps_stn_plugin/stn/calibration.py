"""Error bars and probabilities that mean what they say: fitted on simulated spectra after training."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]

#: Number of knots between spread and standard error.
KNOTS = 12
#: Share of samples that the network is made for which may be called foreign.
FALSE_ALARMS = 0.03
#: Intervals of a normal distribution with 68.3 % and 95 %, in standard deviations.
ONE_SIGMA, TWO_SIGMA = 0.6827, 0.95
TWO_SIGMA_WIDTH = 1.96


@dataclass(frozen=True)
class Calibration:
    """From what the network puts out to error bars and probabilities.

    Parameters
    ----------
    blur : float
        Standard deviation in eV of the target distribution in training, which the spread is freed from.
    spread, stderr : tuple of float
        Knots in eV, both ascending: spread of the network's distribution over shifts, and the standard error that goes
        with it; straight lines between them in the logarithms.
    group_scale, group_offset : float
        Log odds of a group = scale times the network's number + offset (Platt 1999).
    outside_limit : float
        Log odds above which a sample is called foreign.
    """

    blur: float
    spread: tuple[float, ...]
    stderr: tuple[float, ...]
    group_scale: float
    group_offset: float
    outside_limit: float

    def standard_error(self, spread: ArrayLike) -> FloatArray:
        """Turn spreads in eV, any shape, into standard errors; beyond the knots in proportion."""
        value = np.asarray(spread, dtype=float)
        inside = np.clip(value, self.spread[0], self.spread[-1])
        error = np.exp(np.interp(np.log(inside), np.log(self.spread), np.log(self.stderr)))
        return np.asarray(error * np.maximum(value / inside, 1.0), dtype=float)

    def probability(self, logits: ArrayLike) -> FloatArray:
        """Probability of groups from the network's log odds, any shape."""
        odds = self.group_scale * np.asarray(logits, dtype=float) + self.group_offset
        return np.asarray(1.0 / (1.0 + np.exp(-odds)), dtype=float)

    def foreign(self, outside_logit: ArrayLike) -> NDArray[np.bool_]:
        """Whether samples are to be called foreign, any shape; NaN is not."""
        return np.asarray(np.asarray(outside_logit) > self.outside_limit)


def spread_of(posterior: FloatArray, bins: FloatArray, shift: FloatArray, blur: float) -> FloatArray:
    """Root mean square distance of a distribution from the shift, less the blur that it was taught with.

    Parameters
    ----------
    posterior : ndarray, shape (n, bins)
        Sums to 1 along the last axis.
    bins : ndarray, shape (bins,)
        Shifts in eV.
    shift : ndarray, shape (n,)
        In eV.
    blur : float
        Standard deviation in eV of the target distribution in training.

    Returns
    -------
    ndarray, shape (n,)
        In eV, at least a tenth of the bin width.
    """
    square = (posterior * (bins - shift[:, None]) ** 2).sum(-1) - blur**2
    least = 0.1 * float(bins[1] - bins[0])
    spread: FloatArray = np.sqrt(np.maximum(square, least**2))
    return spread


def calibrate(
    blur: float,
    spread: FloatArray,
    error: FloatArray,
    group_logits: FloatArray,
    labels: NDArray[np.bool_],
    outside_logit: FloatArray,
    share: FloatArray | None = None,
) -> Calibration:
    """Fit a calibration.

    Parameters
    ----------
    blur : float
        Standard deviation in eV of the target distribution in training.
    spread : ndarray, shape (n,)
        From `spread_of` in eV; as all below, of samples that the network is made for.
    error : ndarray, shape (n,) or (n, parts)
        Predicted minus true shift in eV; of samples that are charged unevenly, minus the shift of each part.
    group_logits : ndarray, shape (n, groups)
        Of the network.
    labels : ndarray of bool, shape (n, groups)
        The truth.
    outside_logit : ndarray, shape (n,)
        Of the network.
    share : ndarray, shape (n, parts), optional
        What each part makes up of a sample; rows sum to 1. Without it every part counts alike.

    Notes
    -----
    Spectra are sorted by spread into as many equal parts as there are knots; the standard error of a part is the
    geometric mean of the half width that holds 68.27 % of its errors and 1/1.96 of the half width that holds 95 %, so
    that both intervals come out right as nearly as a normal distribution can; then it is made ascending. A sample in
    parts gives the errors of its parts, weighted by their shares, so that the standard error covers the charges that
    occur in it and not their mean alone.
    """
    errors = np.abs(error if error.ndim == 2 else error[:, None])
    shares = np.full(errors.shape, 1.0 / errors.shape[1]) if share is None else share
    order = np.argsort(spread)
    parts = np.array_split(order, KNOTS)
    knots = [float(np.median(spread[part])) for part in parts]
    widths = []
    for part in parts:
        one, two = _quantiles(errors[part].ravel(), shares[part].ravel(), (ONE_SIGMA, TWO_SIGMA))
        widths.append(float(np.sqrt(one * two / TWO_SIGMA_WIDTH)))
    scale, offset = _platt(group_logits.ravel(), labels.ravel())
    return Calibration(
        blur=blur,
        spread=tuple(np.maximum.accumulate(knots) + 1e-9 * np.arange(KNOTS)),
        stderr=tuple(float(width) for width in np.maximum.accumulate(widths)),
        group_scale=scale,
        group_offset=offset,
        outside_limit=float(np.quantile(outside_logit, 1 - FALSE_ALARMS)),
    )


def _quantiles(values: FloatArray, weights: FloatArray, levels: tuple[float, ...]) -> FloatArray:
    """Quantiles of weighted values: the least value that has the share `level` of all weight at or below it."""
    order = np.argsort(values)
    running = np.cumsum(weights[order])
    places = np.searchsorted(running, np.array(levels) * running[-1])
    quantiles: FloatArray = values[order][np.minimum(places, values.size - 1)]
    return quantiles


def _platt(logits: FloatArray, labels: NDArray[np.bool_]) -> tuple[float, float]:
    """Scale and offset of greatest likelihood."""
    from scipy.optimize import minimize

    sign = np.where(labels, 1.0, -1.0)

    def loss(values: FloatArray) -> tuple[float, FloatArray]:
        margin = sign * (values[0] * logits + values[1])
        slope = -sign / (1 + np.exp(margin)) / logits.size
        return float(np.logaddexp(0, -margin).mean()), np.array([(slope * logits).sum(), slope.sum()])

    found = minimize(loss, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=[(0.1, 10.0), (-5.0, 5.0)])
    return float(found.x[0]), float(found.x[1])
