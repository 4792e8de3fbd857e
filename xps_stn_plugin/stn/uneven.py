"""Whether the lines of all regions are broadened or doubled alike, as they are where parts are charged differently.

Uneven charging draws the whole spectrum once for each part, in every region alike. The chemistry of a sample broadens
or doubles the lines of one region, rarely those of two at the same distances. The test looks at the curvature of each
region (its smoothed second derivative) and correlates it with itself at distances of 0.5 to 1.55 eV: behind a single
line lies its flank, which is curved the other way, so that the correlation is negative; behind one of two parts lies
the other. What counts is the least correlation of all regions at each distance, in the mean over distances.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.signal import savgol_filter

from .signal import line_to_noise

FloatArray = NDArray[np.float64]

#: Mean correlation above which lines count as broadened or doubled alike by the data alone. Measured polymers have
#: -0.30 at most. Lines as broad as those of a poor resolution cannot be told from it: of polymers broadened to 1.7 eV,
#: 27 % are above it.
ALIKE: Final = -0.20
#: Sum of the mean correlation and the spread of the network's distribution in eV above which parts count as charged
#: differently: lines of a poor resolution correlate, too, but leave the distribution narrow. Of 100 drawn samples each
#: (the cases of `benchmarks.traps`, seeds 101 and 202, of which the second was not used for the choice) with two parts
#: 1 eV apart 6 and 5 % are "ok" without being covered (4 and 2 % if either by itself is enough for a doubt); of even
#: ones 1 and 2 % are doubted for it (4 and 5 %), of inorganic samples 1 % (4 %).
PARTS: Final = 0.0
#: Standard deviation in eV that the shift gets in addition: twice as much covers parts that are 1.2 eV apart, of which
#: the smaller one holds 30 % or more.
PARTS_STDERR: Final = 0.4
#: Distances in eV; parts that are closer together make one line that is a little broader.
DISTANCES: Final = np.arange(0.5, 1.6, 0.05)
#: Width in eV over which the curvature is taken, and least height over noise of a region that takes part.
_WINDOW: Final = 1.1
_LEAST_SIGNAL: Final = 15.0
#: Largest spacing in eV at which the window holds enough channels.
_COARSEST: Final = 0.25


def likeness(
    axes: Sequence[FloatArray], counts: Sequence[FloatArray], signal_to_noise: NDArray[np.float64]
) -> FloatArray:
    """Tell how much the lines of all regions look broadened or doubled at the same distances.

    Parameters
    ----------
    axes : sequence of ndarray, shape (m,)
        Binding energies of each region in eV, ascending.
    counts : sequence of ndarray, shape (n, m)
        Intensities of each region.
    signal_to_noise : ndarray, shape (n, regions)
        Line height over channel noise.

    Returns
    -------
    ndarray, shape (n,)
        Mean of the least correlations; NaN where fewer than two regions show a line that is strong enough.
    """
    spacing = [float(np.median(np.diff(axis))) for axis in axes]
    pairs = zip(spacing, axes, strict=True)
    fine = np.array([step <= _COARSEST and axis.size * step > 2 * _WINDOW for step, axis in pairs], dtype=bool)
    strong = (signal_to_noise >= _LEAST_SIGNAL) & fine
    rows = np.flatnonzero(strong.sum(axis=1) >= 2)
    result = np.full(len(signal_to_noise), np.nan)
    if rows.size:
        least = np.ones((rows.size, DISTANCES.size))
        for column in np.flatnonzero(strong[rows].any(axis=0)).tolist():
            takes_part = strong[rows, column]
            correlation = _correlation(counts[column][rows[takes_part]], spacing[column])
            least[takes_part] = np.minimum(least[takes_part], correlation)
        result[rows] = least.mean(axis=1)
    return result


def parts_differ(alike: FloatArray, spread: FloatArray) -> NDArray[np.bool_]:
    """Whether parts of spectra are charged differently, by the data and the network together.

    Parameters
    ----------
    alike : ndarray, shape (n,)
        From `likeness`; where it is NaN the answer is no.
    spread : ndarray, shape (n,)
        Standard deviation in eV of the distribution over shifts about its highest bin.
    """
    return np.asarray(alike + spread > PARTS)


def is_alike(spectrum: xr.DataTree) -> bool:
    """Whether the lines of a single spectrum are broadened or doubled alike."""
    regions = [child.to_dataset() for child in spectrum.children.values() if child["counts"].ndim == 1]
    axes = [np.asarray(region["binding_energy"].values, dtype=float) for region in regions]
    counts = [np.asarray(region["counts"].values, dtype=float)[None] for region in regions]
    if not regions:
        return False
    signal = np.stack([line_to_noise(values) for values in counts], axis=1)
    return bool(likeness(axes, counts, signal)[0] > ALIKE)


def _correlation(counts: FloatArray, step: float) -> FloatArray:
    """Correlation of the curvature with itself at `DISTANCES`, shape (n, distances)."""
    points = counts.shape[-1]
    curvature = savgol_filter(counts, max(round(_WINDOW / step) | 1, 5), 3, deriv=2, axis=-1)
    curvature -= curvature.mean(axis=-1, keepdims=True)
    spectrum = np.fft.rfft(curvature, 2 * points, axis=-1)
    products = np.fft.irfft(np.abs(spectrum) ** 2, axis=-1)[:, :points]
    place = DISTANCES / step
    low = np.minimum(place.astype(int), points - 2)
    share = place - low
    values = products[:, low] * (1 - share) + products[:, low + 1] * share
    return np.asarray(values / products[:, :1])
