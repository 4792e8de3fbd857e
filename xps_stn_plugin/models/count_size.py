"""Whether intensities are counts: the size of one count, and how far the scatter is from Poisson's."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from xps_stn_plugin.core.white_noise import MEDIAN_OF_NORMAL, difference_order

FloatArray = NDArray[np.float64]

#: A region with fewer counts in its highest channel does not show that it holds counts.
FEWEST_COUNTS: Final = 10

#: Most counts in a channel for which the size of one is found, and steps of Euclid's algorithm. Rounding to double
#: precision grows with the square of the counts: at 1e7 it reaches a hundredth of one.
_MOST_COUNTS: Final = 1e7
_MOST_STEPS: Final = 64

#: Numbers that decide the size of a count; the others have to be multiples, too.
_SMALL: Final = 16

#: Relative error of intensities that are whole multiples of a count: double precision, and text with 12 digits.
_ROUNDING: Final = 1e-11

#: Squared coefficients of the second and fourth differences: variance of the difference of white noise.
_SQUARES: Final = {2: (1.0, 4.0, 1.0), 4: (1.0, 16.0, 36.0, 16.0, 1.0)}

#: The lowest three tenths of the absolute value of a standard normal variable end here.
_LOW: Final = 0.3853


def count_size(values: FloatArray) -> float | None:
    """Find the intensity that stands for one count: the largest number of which all intensities are whole multiples.

    It is 1 for counts, 10 for counts times ten, one over the dwell time for counts per second: by Euclid's algorithm,
    so that the unit of the intensities does not matter.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Not negative.

    Returns
    -------
    float or None
        None where there is no such number, or the highest channel holds fewer than ten counts or more than ten
        million.
    """
    top = float(values.max())
    if not 0.0 < top < np.inf:
        return None
    if top <= _MOST_COUNTS and bool((values == np.round(values)).all()):
        size = float(np.gcd.reduce(values.astype(np.int64)))
        return size if top >= FEWEST_COUNTS * size else None
    least = top / _MOST_COUNTS / 10.0
    # Small numbers have small quotients, which multiply rounding little: the distances of neighbouring intensities.
    ordered = np.unique(values)
    small = np.sort(np.concatenate([np.diff(ordered), ordered]))
    small = small[small > least][:_SMALL]
    size = float(small[0])
    for _ in range(_MOST_STEPS):
        rest = np.remainder(small, size)
        rest = np.minimum(rest, size - rest)
        rest = rest[rest > least]
        if not rest.size:
            break
        size = float(rest.min())
        if size * _MOST_COUNTS < top:
            return None
    counts = np.round(values / size)
    if counts.max() < FEWEST_COUNTS:
        return None
    # The best size for all of them; values / size would overflow its square at extreme units.
    size *= float(np.sum(values / size * counts) / np.sum(counts**2))
    return size if bool((np.abs(values - size * counts) <= _ROUNDING * top).all()) else None


def scatter_over(sigma: FloatArray, values: FloatArray) -> tuple[float, float]:
    """Scatter of the data over what a noise would make it: of the typical channels, and of the quietest.

    From fourth differences, which smooth data hardly have; the quietest are those that are not on a narrow line.

    Parameters
    ----------
    sigma, values : ndarray, shape (n,)
        Standard deviation, and intensity; in the order of the energies.
    """
    order = difference_order(values.size)
    expected = np.sqrt(np.convolve((sigma / sigma.max()) ** 2, _SQUARES[order], "valid")) * sigma.max()
    ratio = np.sort(np.abs(np.diff(values, order)) / expected)
    return float(ratio[ratio.size // 2]) / MEDIAN_OF_NORMAL, float(ratio[(3 * ratio.size) // 10]) / _LOW
