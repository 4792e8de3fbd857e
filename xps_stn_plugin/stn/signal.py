"""What can be seen of a line without a network: its height over the noise, and whether it is one plain peak."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

#: Points averaged at each end for the straight line below the peak, at most.
END_POINTS = 4
#: Distance from the maximum, in FWHM, from which on a peak has nothing but tails, which are alike on both sides.
PEAK_REACH = 1.3
#: Share of the area by which the two sides may differ out there, and the standard deviations that make it a feature.
UNEVEN, FEATURE_SIGMA = 0.03, 4.0
#: Half width on the one side over that on the other, and FWHM in eV, above which a peak is not one line.
LOPSIDED, WIDEST = 1.5, 2.6


def signal_to_noise(data: xr.Dataset) -> float:
    """Height of the line above a straight line between the ends, over the noise of one channel."""
    signal = _above_ends(data["counts"].values)
    smooth = np.convolve(signal, np.ones(3) / 3, mode="same")
    noise = channel_noise(data["counts"].values)
    return float(smooth.max() / noise) if noise > 0 else float("inf")


def is_one_line(data: xr.Dataset) -> bool:
    """Whether a region shows one plain peak: no shoulder, no second line, no satellite above the noise.

    Parameters
    ----------
    data : xarray.Dataset
        ``counts(binding_energy)``, ascending.

    Notes
    -----
    A peak is plain if its half widths on both sides are alike, it is no wider than a line can be, and its two sides
    hold the same area further than 1.3 FWHM from the maximum (tails of a Lorentzian do, a second line does not).
    """
    energy, counts = data["binding_energy"].values, data["counts"].values
    signal = _above_ends(counts)
    smooth = np.convolve(signal, np.ones(3) / 3, mode="same")
    top = int(smooth.argmax())
    below = np.flatnonzero(smooth < smooth[top] / 2)
    left, right = below[below < top], below[below > top]
    if not (left.size and right.size):
        return False
    low, high = energy[top] - energy[left[-1]], energy[right[0]] - energy[top]
    width = low + high
    if width > WIDEST or max(low, high) > LOPSIDED * min(low, high):
        return False
    distance = (energy - energy[top]) / width
    above, below_peak = distance > PEAK_REACH, distance < -PEAK_REACH
    # Means, for a window may end sooner on one side.
    excess = (signal[above].mean() if above.any() else 0.0) - (signal[below_peak].mean() if below_peak.any() else 0.0)
    channels = max(int(above.sum()), 1)
    feature = abs(excess) * channels > FEATURE_SIGMA * channel_noise(counts) * np.sqrt(2 * channels)
    return not (feature and abs(excess) * channels > UNEVEN * float(signal.sum()))


def saturated_channels(data: xr.Dataset) -> int:
    """Channels in a row that all hold the region's maximum; a detector at its limit gives many, a peak one."""
    top = data["counts"].values == data["counts"].values.max()
    edges = np.flatnonzero(np.diff(np.concatenate([[0], top.astype(np.int8), [0]])))
    return int((edges[1::2] - edges[::2]).max())


def _above_ends(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    ends = max(1, min(END_POINTS, counts.size // 4))
    line: NDArray[np.float64] = np.linspace(counts[:ends].mean(), counts[-ends:].mean(), counts.size)
    return counts - line


def channel_noise(counts: NDArray[np.float64]) -> float:
    """Estimate the standard deviation of one channel's noise, in the units of the counts."""
    # Second differences take out everything smooth; variance 6 for white noise, median against outliers.
    return float(np.median(np.abs(np.diff(counts, 2))) / 0.6745 / np.sqrt(6))
