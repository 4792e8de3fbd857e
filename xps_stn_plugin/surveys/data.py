"""Survey spectrum as the recognition sees it: channels of 1 eV, their uncertainty, a basis of smooth backgrounds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import BSpline
from scipy.ndimage import gaussian_filter1d, maximum_filter1d

FloatArray = NDArray[np.float64]

#: Width of a channel in eV: lines of surveys are 1.5 to 4 eV wide.
CHANNEL: Final = 1.0
#: Binding energy in eV below which the valence band hides core levels.
LOWEST: Final = 13.0
#: Kinetic energy in eV below which secondary electrons hide lines.
LOWEST_KINETIC: Final = 40.0
#: Fewest channels of a survey.
FEWEST: Final = 60
#: Distance between knots of the smooth background in eV, at least, and in widths of a line.
_KNOTS: Final = (12.0, 4.0)
#: Half width in eV of a peak above the background, at most.
_PEAK: Final = 20
#: Standard deviations of what no table knows, as a share of the height of a peak (relative intensities, positions,
#: shapes), of peaks up to 12 and up to 30 eV below (satellites, losses), and of the whole intensity (background).
#: Chosen on simulated surveys and half of the public surveys of the benchmark ``surveys``.
_SHAPE: Final = 0.08
_LOSSES: Final = ((12, 0.05), (30, 0.02))
_SMOOTH: Final = 0.003
#: Binding energy in eV below which orbitals of the valence shell (O 2s, F 2s) have broad lines, and the standard
#: deviation of these as a share of the height.
_VALENCE: Final = (33.0, 0.4)


@dataclass(frozen=True)
class SurveyData:
    """One survey.

    Parameters
    ----------
    energy : ndarray, shape (n,)
        Centres of the channels in eV, measured binding energy, ascending.
    counts : ndarray, shape (n,)
        Mean intensity of each channel.
    sigma : ndarray, shape (n,)
        Its standard deviation: counting and what the model cannot describe.
    noise : ndarray, shape (n,)
        Its standard deviation by counting alone.
    peaks : ndarray, shape (n,)
        Intensity above a smooth background.
    background : ndarray, shape (n, m)
        Orthonormal basis of smooth backgrounds over `sigma`.
    photon_energy, channel, fwhm : float
        Photon energy, width of a channel and full width at half maximum of the sharpest peaks, in eV.
    """

    energy: FloatArray
    counts: FloatArray
    sigma: FloatArray
    noise: FloatArray
    peaks: FloatArray
    background: FloatArray
    photon_energy: float
    channel: float
    fwhm: float

    def with_sigma(self, sigma: FloatArray) -> SurveyData:
        """Return the same survey with another uncertainty."""
        distance = max(_KNOTS[0], _KNOTS[1] * self.fwhm)
        orthonormal, _ = np.linalg.qr(_splines(self.energy, distance) / sigma[:, None])
        return replace(self, sigma=sigma, background=np.asarray(orthonormal))

    def weighted(self, curves: FloatArray) -> FloatArray:
        """Curves, shape (n, ...), over the uncertainty and without their smooth part."""
        scaled = curves / (self.sigma[:, None] if curves.ndim == 2 else self.sigma)
        return np.asarray(scaled - self.background @ (self.background.T @ scaled))


def survey_data(energy: FloatArray, counts: FloatArray, photon_energy: float) -> SurveyData | None:
    """Prepare a survey.

    Parameters
    ----------
    energy : ndarray, shape (points,)
        Measured binding energy in eV, ascending.
    counts : ndarray, shape (points,)
        Intensities in any unit.
    photon_energy : float
        In eV.

    Returns
    -------
    SurveyData or None
        None where too few channels lie between the valence band and the secondary electrons, or nothing was counted.
    """
    inside = (energy >= LOWEST) & (energy <= photon_energy - LOWEST_KINETIC)
    if inside.sum() < FEWEST or counts[inside].max() <= 0.0:
        return None
    gain = _counting_gain(counts)
    energy, counts = energy[inside], counts[inside]
    channel = max(CHANNEL, round(float(np.median(np.diff(energy))), 3))
    centres = np.arange(energy[0] + 0.5 * channel, energy[-1] - 0.5 * channel, channel)
    if centres.size < FEWEST or not gain > 0.0:
        return None
    means = _channel_means(energy, counts, centres, channel)
    points = channel * energy.size / (energy[-1] - energy[0])
    level = np.maximum(gaussian_filter1d(means, 2.0), 1e-3 * np.abs(means).max())
    noise = np.sqrt(gain * level / points)
    peaks = np.maximum(means - _below_peaks(means) - 2.0 * noise, 0.0)
    variance = noise**2 + (_SHAPE * maximum_filter1d(peaks, 3)) ** 2 + (_SMOOTH * means) ** 2
    for reach, share in _LOSSES:
        # Losses lie at higher binding energy than their line.
        channels = round(reach / channel)
        variance += (share * maximum_filter1d(peaks, 2 * channels + 1, origin=channels)) ** 2
    variance += np.where(centres < _VALENCE[0], (_VALENCE[1] * maximum_filter1d(peaks, 7)) ** 2, 0.0)
    sigma = np.sqrt(variance)
    fwhm = _narrowest(centres, peaks, noise)
    empty = np.zeros((centres.size, 0))
    return SurveyData(centres, means, sigma, noise, peaks, empty, photon_energy, channel, fwhm).with_sigma(sigma)


def _channel_means(energy: FloatArray, counts: FloatArray, centres: FloatArray, channel: float) -> FloatArray:
    """Mean intensity of each channel, from the integral."""
    edges = np.append(centres - 0.5 * channel, centres[-1] + 0.5 * channel)
    integral = np.concatenate([[0.0], np.cumsum(0.5 * (counts[1:] + counts[:-1]) * np.diff(energy))])
    return np.asarray(np.diff(np.interp(edges, energy, integral)) / channel)


def _counting_gain(counts: FloatArray) -> float:
    """Variance over intensity, from second differences, which lines hardly change: 1 for single counts."""
    differences = (counts[:-2] - 2.0 * counts[1:-1] + counts[2:]) / np.sqrt(6.0)
    level = np.maximum(gaussian_filter1d(counts, 3.0)[1:-1], 1e-6 * np.abs(counts).max())
    # Median of chi-square with one degree of freedom: 0.455.
    return float(np.median(differences**2 / level) / 0.455)


def _below_peaks(counts: FloatArray) -> FloatArray:
    """Clip peaks off: the SNIP algorithm of Ryan et al., Nucl. Instrum. Methods B 34 (1988) 396."""
    level = gaussian_filter1d(counts, 1.0)
    for half in range(min(_PEAK, counts.size // 3), 0, -1):
        mean = level.copy()
        mean[half:-half] = 0.5 * (level[: -2 * half] + level[2 * half :])
        level = np.minimum(level, mean)
    return np.asarray(level)


def _splines(energy: FloatArray, distance: float) -> FloatArray:
    """Cubic B-splines over the energies with knots at a distance in eV, shape (n, m)."""
    first, last = float(energy[0]), float(energy[-1])
    inner = np.linspace(first, last, max(int((last - first) / distance), 2) + 1)
    knots = np.concatenate([[first] * 3, inner, [last] * 3])
    return np.asarray(BSpline.design_matrix(np.clip(energy, first, last - 1e-9), knots, 3).toarray())


def _narrowest(energy: FloatArray, peaks: FloatArray, noise: FloatArray) -> float:
    """Full width at half maximum in eV of the narrowest of the five strongest peaks."""
    rest, widths = peaks.copy(), []
    for _ in range(5):
        top = int(rest.argmax())
        if rest[top] < 8.0 * noise[top]:
            break
        half = 0.5 * peaks[top]
        low = high = top
        while low > 0 and peaks[low] > half:
            low -= 1
        while high < peaks.size - 1 and peaks[high] > half:
            high += 1
        left, right = energy[low], energy[high]
        if low < top:
            left = np.interp(half, peaks[low : low + 2], energy[low : low + 2])
        if high > top:
            right = np.interp(-half, -peaks[high - 1 : high + 1], energy[high - 1 : high + 1])
        widths.append(float(right - left))
        rest[max(low - 3, 0) : high + 4] = 0.0
    return float(np.clip(min(widths, default=2.0), 1.2, 4.5))
