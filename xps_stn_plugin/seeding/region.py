"""One region's numbers: noise and end points."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xps_prefit_hooks import PrefitError

FloatArray = NDArray[np.float64]

#: Wider regions are surveys, in eV.
SURVEY_WIDTH: Final = 60.0

#: Share of the points that makes an end, and the fewest.
_END_SHARE, _END_POINTS = 0.06, 3


@dataclass(frozen=True)
class Noise:
    """Standard deviation of each intensity and how it is known.

    Parameters
    ----------
    sigma : ndarray, shape (n,)
        In the units of the intensities; positive everywhere.
    source : str
        ``Poisson, from counts``, ``Poisson, from counts per second and dwell time`` or ``estimated from the scatter``.
    """

    sigma: FloatArray
    source: str


#: Before the line: where less than this share of the peak height stands above the straight line between the ends, less
#: a distance in eV for the line's tail; and the fewest points that can show a slope there.
_FOOT_SHARE, _FOOT_DISTANCE, _FOOT_POINTS = 0.08, 1.5, 8

#: Slope of the line's Lorentzian tail there, in peak heights per eV.
_TAIL_SLOPE: Final = 0.003


@dataclass(frozen=True)
class RegionData:
    """Ascending energies (eV), intensities and noise of one region, each of shape (n,), and averages of its ends.

    `slope` is that of the intensities before the line, in intensity per eV, 0 where none can be seen; `slope_error` its
    standard error, infinite where there are too few points before the line.
    """

    name: str
    core: str
    energy: FloatArray
    counts: FloatArray
    noise: Noise
    low_end: float
    high_end: float
    end_error: float
    slope: float
    slope_error: float

    @property
    def step(self) -> float:
        """How much higher the high-binding-energy end lies than the slope before the line leads to."""
        return self.high_end - float(self.base()[-1])

    def base(self) -> FloatArray:
        """Straight line that goes on as the data before the line do, shape (n,)."""
        return np.asarray(self.low_end + self.slope * (self.energy - self.energy[0]), dtype=float)

    @property
    def height(self) -> float:
        """Largest intensity above the straight line between the ends; at least a trace of the range."""
        above = float(np.max(self.counts - self.chord()))
        return max(above, 1e-6 * float(np.ptp(self.counts)), np.finfo(float).tiny)

    @property
    def peak_counts(self) -> float:
        """Sum of the squared signal-to-noise ratios: about the counts in the peaks, whatever the intensities' units."""
        return float(np.sum(((self.counts - self.chord()) / self.noise.sigma) ** 2))

    def chord(self) -> FloatArray:
        """Straight line between the averaged ends, shape (n,)."""
        return np.interp(self.energy, self.energy[[0, -1]], [self.low_end, self.high_end])


def noise_of(dataset: xr.Dataset) -> Noise:
    """Noise of a region: `noise_of_counts` of its ``counts(binding_energy)`` and its attributes."""
    return noise_of_counts(np.asarray(dataset["counts"].values, dtype=float), dataset.attrs)


def noise_of_counts(counts: FloatArray, attrs: Mapping[Any, Any]) -> Noise:
    """Noise of intensities.

    Poisson where the region says that it holds counts, holds non-negative whole numbers, or counts per second with a
    dwell time; otherwise one value from the fourth differences of the data, whose median absolute value is robust
    against the peaks (four differences, because the curvature of a narrow peak survives two).

    Parameters
    ----------
    counts : ndarray, shape (n,)
        In the order of the energies.
    attrs : mapping
        Of the region; ``intensity``, ``dwell_time`` (s) and ``scans`` are used.
    """
    kind = attrs.get("intensity")
    time = float(attrs.get("dwell_time", 0) or 0) * float(attrs.get("scans", 1) or 1)
    if kind == "counts per second" and time > 0 and counts.min() >= 0:
        return Noise(np.sqrt(np.maximum(counts * time, 1.0)) / time, "Poisson, from counts per second and dwell time")
    whole = bool(np.all(counts == np.round(counts)) and counts.min() >= 0 and counts.max() >= 10)
    if counts.min() >= 0 and (kind == "counts" or (kind in (None, "arbitrary") and whole)):
        return Noise(np.sqrt(np.maximum(counts, 1.0)), "Poisson, from counts")
    sigma = scatter(counts)
    return Noise(np.full(counts.shape, sigma), "estimated from the scatter")


def scatter(values: FloatArray) -> float:
    """Robust standard deviation of white noise on smooth data; at least a millionth of the range."""
    order = 4 if values.size > 8 else 2
    # The k-th difference of unit white noise has variance C(2k, k): 70 for four, 6 for two.
    differences = np.abs(np.diff(values, order)) / np.sqrt(70.0 if order == 4 else 6.0)
    floor = max(1e-6 * float(np.ptp(values)), np.finfo(float).tiny)
    return max(float(np.median(differences)) / 0.6745, floor)


def region_data(region: str, dataset: xr.Dataset) -> RegionData:
    """Numbers of one region; stacks must have been cut into single spectra.

    Raises
    ------
    PrefitError
        If the region is a stack of spectra.
    """
    counts = np.asarray(dataset["counts"].values, dtype=float)
    if counts.ndim != 1:
        raise PrefitError(f"region {region}", f"holds a stack of shape {counts.shape}; seed one spectrum at a time.")
    energy = np.asarray(dataset["binding_energy"].values, dtype=float)
    noise = noise_of(dataset)
    order = np.argsort(energy, kind="stable")
    energy, counts, sigma = energy[order], counts[order], noise.sigma[order]
    points = max(_END_POINTS, round(_END_SHARE * counts.size))
    low, high = counts[:points], counts[-points:]
    slope, slope_error = _slope_before_the_line(energy, counts, sigma, float(low.mean()), float(high.mean()))
    return RegionData(
        name=region,
        core=str(dataset.attrs.get("region") or region),
        energy=energy,
        counts=counts,
        noise=Noise(sigma, noise.source),
        low_end=float(low.mean()),
        high_end=float(high.mean()),
        end_error=float(np.hypot(sigma[:points].mean(), sigma[-points:].mean()) / np.sqrt(points)),
        slope=slope,
        slope_error=slope_error,
    )


def _slope_before_the_line(
    energy: FloatArray, counts: FloatArray, sigma: FloatArray, low_end: float, high_end: float
) -> tuple[float, float]:
    """Slope by least squares, 0 where it is below four standard errors, and its error, with the line's tail in it."""
    above = counts - np.interp(energy, energy[[0, -1]], [low_end, high_end])
    smooth = np.convolve(above, np.ones(3) / 3, mode="same")
    rises = np.flatnonzero(smooth > _FOOT_SHARE * smooth.max())
    before = energy < energy[rises[0]] - _FOOT_DISTANCE if rises.size else np.zeros(energy.size, dtype=bool)
    if before.sum() < _FOOT_POINTS:
        return 0.0, math.inf
    x = energy[before] - energy[before].mean()
    spread = float(np.sum(x**2))
    slope = float(np.sum(x * counts[before])) / spread
    error = float(sigma[before].mean()) / np.sqrt(spread)
    return slope if abs(slope) > 4 * error else 0.0, math.hypot(error, _TAIL_SLOPE * float(above.max()))
