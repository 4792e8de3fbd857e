"""Whether intensities that pass for counts are counts: from chi-square and the correlation of the residual.

Local noise is the variance of the differences of neighbours in the residual over Poisson's noise, which a model that
misses something hardly changes: 1 for counts, less for averages, more for scaled counts. Smoothing leaves far less, and
neighbours that are alike (Durbin & Watson, Biometrika 37 (1950) 409).
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from xps_stn_plugin.core.white_noise import MEDIAN_OF_NORMAL

from .quality import durbin_watson

FloatArray = NDArray[np.float64]

#: Kinds of noise, by the number that stands for them; 0 also where nothing speaks against counts.
NOISE_KINDS: Final = ("counts", "smoothed", "averaged", "scaled")
COUNTS, SMOOTHED, AVERAGED, SCALED = range(4)

#: Reduced chi-squares between these are those of counts.
_AS_COUNTS: Final = (0.6, 1.4)

#: Smallest factor between the local noise and Poisson's that is seen, and in standard deviations of its logarithm,
#: which for white noise in n channels is the root of 3/n.
_LEAST_FACTOR, _SIGMAS = 1.5, 4.0

#: Durbin-Watson statistic below which neighbours are alike: an average of two neighbours has 1, of five 0.4.
_ALIKE: Final = 1.2

#: Fewest channels, and fewest counts in the mean channel, that can show what the noise is.
_FEWEST_CHANNELS, _FEWEST_COUNTS = 40, 2.0

#: Standard deviations beyond which a difference of neighbours is cut.
_CUT: Final = 4.0


def is_suspicious(redchi: FloatArray) -> NDArray[np.bool_]:
    """Whether a reduced chi-square leaves room for something else than counts."""
    with np.errstate(invalid="ignore"):
        return np.asarray((redchi < _AS_COUNTS[0]) | (redchi > _AS_COUNTS[1]))


def noise_kind(residual: FloatArray, mean_counts: float) -> tuple[int, float]:
    """Tell what the noise of one spectrum is.

    Parameters
    ----------
    residual : ndarray, shape (n,)
        Data minus fit over Poisson's noise, in the order of the energies, without masked channels.
    mean_counts : float
        Counts in the mean channel.

    Returns
    -------
    kind : int
        Place in `NOISE_KINDS`.
    local : float
        Local noise over Poisson's, as variances.
    """
    if residual.size < _FEWEST_CHANNELS or mean_counts < _FEWEST_COUNTS or not np.isfinite(residual).all():
        return COUNTS, 1.0
    steps = np.abs(np.diff(residual))
    typical = float(np.median(steps)) / MEDIAN_OF_NORMAL
    local = float(np.mean(np.minimum(steps, _CUT * typical) ** 2)) / 2.0
    if local <= 0.0 or abs(math.log(local)) < max(math.log(_LEAST_FACTOR), _SIGMAS * math.sqrt(3.0 / residual.size)):
        return COUNTS, local
    alike = durbin_watson(residual) < _ALIKE
    if local > 1.0:
        # A model that misses much makes neighbours differ, too, but makes them alike first.
        return (COUNTS if alike else SCALED), local
    return (SMOOTHED if alike else AVERAGED), local


def noise_of_residual(
    x: FloatArray, residual: FloatArray, weights: FloatArray, count_size: FloatArray
) -> tuple[int, float]:
    """Tell what the noise of one spectrum is from its weighted residual; all of shape (m,), as in `noise_kind`.

    Parameters
    ----------
    x : ndarray
        Energies in eV, in any order.
    residual : ndarray
        Data minus fit times the weights.
    weights : ndarray
        One over Poisson's noise of the fit.
    count_size : ndarray
        Intensity of one count; NaN in channels that are left out.
    """
    order = np.argsort(x, kind="stable")
    order = order[np.isfinite(count_size[order])]
    counts = (count_size[order] * weights[order]) ** -2.0
    return noise_kind(residual[order], float(counts.mean()) if order.size else 0.0)


def noise_sentence(kind: int, local: float) -> str:
    """Say what the intensities are if they are not counts; empty for counts."""
    ratio = math.sqrt(local)
    if kind == SMOOTHED:
        return (
            f"The data are smoothed: neighbouring intensities are alike and scatter {ratio:.2g} times as much as "
            "counts would. Chi-square does not test the fit; standard errors are those of the counts before smoothing."
        )
    if kind == AVERAGED:
        return (
            f"The intensities are not plain counts: they scatter {ratio:.2g} times as much, as averages of about "
            f"{1 / local:.2g} scans do. Standard errors follow the scatter."
        )
    if kind == SCALED:
        return (
            f"The intensities are not plain counts: they scatter {ratio:.2g} times as much, as rates or counts times "
            f"{local:.2g} do. Standard errors follow the scatter."
        )
    return ""
