"""Lines that the edge of a region's window cuts."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from xps_stn_plugin.core.white_noise import white_noise

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

#: Reach of an edge in widths of the level's lines, and the parts that it is divided into: a Gaussian whose maximum lies
#: within 1.4 widths of the edge changes there by more than `LEAST_CHANGE`.
REACH: Final = 0.5
PARTS: Final = 3
#: Change of the intensity at an edge that a line makes: share of the region's range of intensities, and in standard
#: errors. Backgrounds and losses change by less.
LEAST_CHANGE: Final = 0.03
LEAST_SIGMA: Final = 5.0
#: A line is cut if the edge is higher than this share of the highest point within its reach: then the line's maximum
#: lies outside, or nearer to the edge than half its width.
CUT_HEIGHT: Final = 0.5


def cut_edges(energy: FloatArray, counts: FloatArray, fwhm: float) -> BoolArray:
    """Whether the low and the high edge of a window cut a line.

    Parameters
    ----------
    energy : ndarray, shape (points,)
        In eV, ascending.
    counts : ndarray, shape (..., points)
        Intensities.
    fwhm : float
        Usual width of the level's lines in eV.

    Returns
    -------
    ndarray of bool, shape (..., 2)
        Of the low and of the high edge.
    """
    # A window that cuts a line may hold little else.
    noise = white_noise(counts, 4)
    smooth = counts.copy()
    smooth[..., 1:-1] = (counts[..., :-2] + counts[..., 1:-1] + counts[..., 2:]) / 3
    lowest, height = smooth.min(axis=-1), np.ptp(smooth, axis=-1)
    cut = []
    for distance in (energy - energy[0], energy[-1] - energy):
        part = np.floor(distance / (REACH * fwhm / PARTS)).astype(int)
        members = [part == number for number in range(PARTS)]
        if not all(each.any() for each in members):
            # Steps are too coarse to divide the edge: its outermost channels.
            order = np.argsort(distance, kind="stable")
            members = [np.isin(np.arange(energy.size), order[number]) for number in range(PARTS)]
        means = np.stack([counts[..., each].mean(axis=-1) for each in members], axis=-1)
        fewest = min(int(each.sum()) for each in members)
        change = np.ptp(means, axis=-1)
        line = (change > LEAST_CHANGE * height) & (change > LEAST_SIGMA * noise / np.sqrt(fewest))
        cut.append(line & (means[..., 0] - lowest > CUT_HEIGHT * (means.max(axis=-1) - lowest)))
    return np.stack(cut, axis=-1)
