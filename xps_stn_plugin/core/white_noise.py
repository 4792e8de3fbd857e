"""Noise of one channel, estimated from the differences of neighbours."""

from __future__ import annotations

import math
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

#: Median of the absolute value of a standard normal variable.
MEDIAN_OF_NORMAL: Final = 0.6745


def difference_order(points: int) -> Literal[2, 4]:
    """Order of the differences that `points` channels suffice for."""
    return 4 if points > 8 else 2


def white_noise(counts: FloatArray, order: int | None = None) -> FloatArray:
    """Estimate the standard deviation of white noise on smooth data, in the units of the counts.

    Parameters
    ----------
    counts : ndarray, shape (..., points)
        In the order of the energies.
    order : int, optional
        Of the differences. Second differences take out a smooth background. Fourth differences, the default where there
        are enough channels, also take out the curvature of a narrow line that fills the window.

    Returns
    -------
    ndarray, shape (...,)
        From the median, which is robust against lines and spikes; 0 where most of the differences are 0.
    """
    order = difference_order(counts.shape[-1]) if order is None else order
    # The k-th difference of unit white noise has variance C(2k, k): 70 for four, 6 for two.
    deviation = math.sqrt(math.comb(2 * order, order))
    return np.asarray(np.median(np.abs(np.diff(counts, order, axis=-1)), axis=-1) / MEDIAN_OF_NORMAL / deviation)
