"""What can be seen of a line without a network: its height over the noise, and whether it is one plain peak.

Functions of arrays take one spectrum, shape (points,), or a stack of them, shape (..., points).
"""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xps_stn_plugin.core.white_noise import white_noise

FloatArray = NDArray[np.float64]

#: Height over noise below which a region shows no line (Rose criterion: 5).
NO_LINE = 5.0
#: Points averaged at each end for the straight line below the peak, at most.
END_POINTS = 4
#: Distance from the maximum, in FWHM, from which on a peak has nothing but tails, which are alike on both sides.
PEAK_REACH = 1.3
#: Distance from the highest channel in eV within which channels belong to the top of a line.
TOP_REACH = 0.4
#: Share of the area by which the two sides may differ out there, and the standard deviations that make it a feature.
UNEVEN, FEATURE_SIGMA = 0.03, 4.0
#: Half width on the one side over that on the other, and FWHM in eV, above which a peak is not one line.
LOPSIDED, WIDEST = 1.5, 2.6


def signal_to_noise(data: xr.Dataset) -> float:
    """`line_to_noise` of one region."""
    return float(line_to_noise(data["counts"].values))


def saturated_channels(data: xr.Dataset) -> int:
    """`channels_at_maximum` of one region."""
    return int(channels_at_maximum(data["counts"].values))


def line_to_noise(counts: FloatArray) -> FloatArray:
    """Height of the line above a straight line between the ends, over the noise of one channel."""
    height = _smooth(_above_ends(counts)).max(axis=-1)
    noise = channel_noise(counts)
    ratio: FloatArray = np.divide(height, noise, out=np.full(noise.shape, np.inf), where=noise > 0)
    return ratio


def line_area(energy: FloatArray, counts: FloatArray) -> FloatArray:
    """Area above a straight line between the ends, in intensity times eV; 0 where it is negative.

    Parameters
    ----------
    energy : ndarray, shape (points,)
        In eV, ascending.
    counts : ndarray, shape (..., points)
        Intensities.

    Returns
    -------
    ndarray, shape (...,)
    """
    area = np.trapezoid(_above_ends(counts), energy, axis=-1)
    return np.asarray(np.maximum(area, 0.0))


def line_maximum(energy: FloatArray, counts: FloatArray) -> FloatArray:
    """Energy of the highest line in eV: the centre of its top, 0.4 eV on either side of the highest channel.

    Parameters
    ----------
    energy : ndarray, shape (points,)
        In eV, ascending.
    counts : ndarray, shape (..., points)
        Intensities.

    Returns
    -------
    ndarray, shape (...,)
    """
    smooth = _smooth(_above_ends(counts))
    highest = energy[smooth.argmax(axis=-1)][..., None]
    weight = np.where(np.abs(energy - highest) <= TOP_REACH, smooth.clip(min=0.0), 0.0)
    total = weight.sum(axis=-1)
    centre: FloatArray = np.divide((weight * energy).sum(axis=-1), total, out=highest[..., 0].copy(), where=total > 0)
    return centre


def plain_peak(energy: FloatArray, counts: FloatArray) -> NDArray[np.bool_]:
    """Whether a region shows one plain peak: no shoulder, no second line, no satellite above the noise.

    Parameters
    ----------
    energy : ndarray, shape (points,)
        In eV, ascending.
    counts : ndarray, shape (..., points)
        Intensities.

    Returns
    -------
    ndarray of bool, shape (...,)

    Notes
    -----
    A peak is plain if its half widths on both sides are alike, it is no wider than a line can be, and its two sides
    hold the same area further than 1.3 FWHM from the maximum (tails of a Lorentzian do, a second line does not).
    """
    signal = _above_ends(counts)
    smooth = _smooth(signal)
    place = np.arange(energy.size)
    top = smooth.argmax(axis=-1)[..., None]
    below = smooth < smooth.max(axis=-1, keepdims=True) / 2
    left = np.where(below & (place < top), place, -1).max(axis=-1)
    right = np.where(below & (place > top), place, energy.size).min(axis=-1)
    complete = (left >= 0) & (right < energy.size)
    centre = energy[top]
    low = centre[..., 0] - energy[left]
    high = energy[np.minimum(right, energy.size - 1)] - centre[..., 0]
    width = np.where(complete, low + high, 1.0)
    even = (width <= WIDEST) & (np.maximum(low, high) <= LOPSIDED * np.minimum(low, high))
    distance = (energy - centre) / width[..., None]
    above, beneath = distance > PEAK_REACH, distance < -PEAK_REACH
    # Means, for a window may end sooner on one side.
    excess = _mean_where(signal, above) - _mean_where(signal, beneath)
    channels = np.maximum(above.sum(axis=-1), 1)
    area = np.abs(excess) * channels
    feature = (area > FEATURE_SIGMA * channel_noise(counts) * np.sqrt(2 * channels)) & (
        area > UNEVEN * signal.sum(axis=-1)
    )
    plain: NDArray[np.bool_] = complete & even & ~feature
    return plain


def channels_at_maximum(counts: FloatArray) -> NDArray[np.int64]:
    """Channels in a row that all hold the region's maximum; a detector at its limit gives many, a peak one."""
    place = np.arange(counts.shape[-1])
    lower = counts < counts.max(axis=-1, keepdims=True)
    last_lower = np.maximum.accumulate(np.where(lower, place, -1), axis=-1)
    longest: NDArray[np.int64] = (place - last_lower).max(axis=-1)
    return longest


def channel_noise(counts: FloatArray) -> FloatArray:
    """Estimate the standard deviation of one channel's noise, in the units of the counts, as `white_noise` does.

    Where most channels count nothing, the median is 0, and the mean square of the differences takes its place.
    """
    noise = white_noise(counts, 2)
    if (silent := noise == 0).any():
        noise = np.where(silent, np.sqrt(np.mean(np.diff(counts, 2) ** 2, axis=-1) / 6.0), noise)
    return noise


def _above_ends(counts: FloatArray) -> FloatArray:
    size = counts.shape[-1]
    ends = max(1, min(END_POINTS, size // 4))
    left = counts[..., :ends].mean(axis=-1, keepdims=True)
    right = counts[..., -ends:].mean(axis=-1, keepdims=True)
    above: FloatArray = counts - left - (right - left) * np.linspace(0, 1, size)
    return above


def _smooth(signal: FloatArray) -> FloatArray:
    """Mean of a channel and its neighbours; beyond the ends there is nothing."""
    smooth = signal.copy()
    smooth[..., 1:] += signal[..., :-1]
    smooth[..., :-1] += signal[..., 1:]
    smooth /= 3
    return smooth


def _mean_where(values: FloatArray, chosen: NDArray[np.bool_]) -> FloatArray:
    mean: FloatArray = (values * chosen).sum(axis=-1) / np.maximum(chosen.sum(axis=-1), 1)
    return mean
