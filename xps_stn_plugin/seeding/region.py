"""One region's numbers: noise and end points."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xps_prefit_hooks import PrefitError
from xps_stn_plugin.core.single_channels import single_channels, without_single_channels
from xps_stn_plugin.core.spectrum import MODEL_WIDTH
from xps_stn_plugin.models.counts import sigma_before_fit

from .counting import count_size, scatter_over

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

#: Wider regions are surveys, in eV.
SURVEY_WIDTH: Final = MODEL_WIDTH

#: Attribute of a region that is a sum of spectra: intensity that stands for one count in them.
COUNT_SIZE: Final = "count_size"

#: Standard deviation of a hot or dead channel in units of the region's largest intensity: it has no weight in any fit.
_MASKED: Final = 1e6

#: Fewest channels of a region whose channels are averaged.
_FEWEST_COARSE: Final = 40

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
        ``Poisson, from counts`` (``of ... each`` where one is not 1), ``Poisson, from counts per second and dwell
        time`` or ``estimated from the scatter``.
    masked : ndarray of bool, shape (n,)
        Hot and dead channels: their `sigma` is so large that they have no weight.
    count_size : ndarray, shape (n,)
        Intensity of one count; NaN where the noise is not that of counts, and in masked channels.
    """

    sigma: FloatArray
    source: str
    masked: BoolArray
    count_size: FloatArray

    def before_fit(self, counts: FloatArray) -> FloatArray:
        """Find the standard deviations that weigh data for which there is no model yet: see `sigma_before_fit`."""
        counted = np.isfinite(self.count_size)
        sigma = self.sigma.copy()
        if counted.any():
            sigma[counted] = sigma_before_fit(counts[counted], float(self.count_size[counted][0]))
        return sigma


#: The quietest channels of data that scatter more than this many times Poisson's noise are not plain counts; the
#: estimate is good to 20 % in 100 channels. Less than this share of it comes from few decimals, not from counts.
_MOST_POISSON, _LEAST_POISSON = 2.5, 0.5

#: Scatter that counts as none, and mean of the root of the counts below which their scatter says nothing.
_NO_SCATTER, _SPARSE = 1e-9, 1.4

#: Before the line: where less than this share of the peak height stands above the straight line between the ends, less
#: a distance in eV for the line's tail; and the fewest points that can show a slope there.
_FOOT_SHARE, _FOOT_DISTANCE, _FOOT_POINTS = 0.08, 1.5, 8

#: Slope of the line's Lorentzian tail there, in peak heights per eV.
_TAIL_SLOPE: Final = 0.003


@dataclass(frozen=True)
class RegionData:
    """Ascending energies (eV), intensities and noise of one region, each of shape (n,), and averages of its ends.

    `slope` is that of the intensities before the line, in intensity per eV, 0 where none can be seen; `slope_error` its
    standard error, infinite where there are too few points before the line. `channels` is how many measured channels
    each is the average of.
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
    channels: int = 1

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


def noise_of_counts(counts: FloatArray, attrs: Mapping[Any, Any], masked: BoolArray | None = None) -> Noise:
    """Noise of intensities; hot and dead channels have no weight.

    Parameters
    ----------
    counts, attrs
        As for `noise_of_clean_counts`.
    masked : ndarray of bool, shape (n,), optional
        Hot and dead channels where they are known; by default those of `single_channels`.
    """
    masked = single_channels(counts) if masked is None else masked
    clean, source, size = noise_of_clean_counts(counts[~masked], attrs)
    sigma = np.full(counts.shape, _MASKED * max(float(np.abs(counts).max()), np.finfo(float).tiny))
    sigma[~masked] = clean
    return Noise(sigma, source, masked, np.where(masked, np.nan, size))


def noise_of_clean_counts(counts: FloatArray, attrs: Mapping[Any, Any]) -> tuple[FloatArray, str, float]:
    """Find the standard deviation of intensities, how it is known, and the intensity of one count, NaN for others.

    Poisson where the intensities are whole multiples of one count, whatever its size (see `count_size`), or the region
    says that it holds counts, or counts per second with a dwell time, and the data do not scatter much more than that;
    otherwise one value from the fourth differences of the data, whose median absolute value is robust against the peaks
    (four differences, because the curvature of a narrow peak survives two). Intensities in any unit get the same noise
    in that unit.

    Parameters
    ----------
    counts : ndarray, shape (n,)
        In the order of the energies.
    attrs : mapping
        Of the region; ``intensity``, ``dwell_time`` (s), ``scans`` and `COUNT_SIZE` are used.
    """
    if counts.min() >= 0 and counts.max() > 0:
        stated, source = _stated_count(attrs)
        size = count_size(counts)
        noises = []
        if size is not None:
            how = "Poisson, from counts" if size == 1.0 else f"Poisson, from counts of {size:.6g} each"
            # Few decimals make whole multiples, too, of data that scatter less; whole numbers are believed in any case.
            noises.append((_poisson(counts, size), how, size, 0.0 if size == 1.0 else _LEAST_POISSON))
        if stated is not None and counts.max() >= stated:
            noises.append((_poisson(counts, stated), source, stated, 0.0))
        ratios = [scatter_over(sigma, counts) for sigma, *_ in noises]
        fitting = [
            (round(abs(math.log(max(typical, _NO_SCATTER))), 6), -n)
            for n, ((typical, quiet), (sigma, *_, least)) in enumerate(zip(ratios, noises, strict=True))
            if quiet <= _MOST_POISSON and (typical >= least or np.mean(counts / sigma) < _SPARSE)
        ]
        if fitting:
            # What is said of the counts wins where both are as good.
            sigma, source, size, _ = noises[-min(fitting)[1]]
            return sigma, source, size
    return np.full(counts.shape, scatter(counts)), "estimated from the scatter", math.nan


def _stated_count(attrs: Mapping[Any, Any]) -> tuple[float | None, str]:
    """Intensity of one count by the region's attributes, and how it is known."""
    if (size := _number(attrs.get(COUNT_SIZE), 0.0)) > 0:
        return size, "Poisson, from counts"
    if attrs.get("intensity") == "counts":
        return 1.0, "Poisson, from counts"
    time = _number(attrs.get("dwell_time"), 0.0) * _number(attrs.get("scans"), 1.0)
    if attrs.get("intensity") == "counts per second" and 0 < time < math.inf:
        return 1.0 / time, "Poisson, from counts per second and dwell time"
    return None, ""


def _number(value: Any, default: float) -> float:
    """Attribute as a number; the default where it is none, as text is."""
    try:
        return float(value or default)
    except (TypeError, ValueError, OverflowError):
        return default


def _poisson(counts: FloatArray, size: float) -> FloatArray:
    return np.asarray(size * np.sqrt(np.maximum(counts / size, 1.0)))


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
    order = np.argsort(energy, kind="stable")
    energy, counts = energy[order], counts[order]
    noise = noise_of_counts(counts, dataset.attrs)
    before = noise.before_fit(counts)
    # What is to be seeded must not rest on hot and dead channels; in the fit they have no weight.
    counts = without_single_channels(counts)
    sigma = np.interp(energy, energy[~noise.masked], before[~noise.masked])
    points = max(_END_POINTS, round(_END_SHARE * counts.size))
    low, high = counts[:points], counts[-points:]
    slope, slope_error = _slope_before_the_line(energy, counts, sigma, float(low.mean()), float(high.mean()))
    return RegionData(
        name=region,
        core=str(dataset.attrs.get("region") or region),
        energy=energy,
        counts=counts,
        noise=replace(noise, sigma=before),
        low_end=float(low.mean()),
        high_end=float(high.mean()),
        end_error=float(np.hypot(sigma[:points].mean(), sigma[-points:].mean()) / np.sqrt(points)),
        slope=slope,
        slope_error=slope_error,
    )


def coarser(data: RegionData, step: float) -> RegionData:
    """Region with neighbouring channels averaged, as many as lie within a step in eV, for trial fits.

    The averages of counts weigh as much as the channels do; ends and slope stay those of the whole region.
    """
    spacing = float(np.median(np.diff(data.energy)))
    together = int(step / spacing) if spacing > 0 else 1
    if together < 2 or data.energy.size < _FEWEST_COARSE * together:
        return data
    starts = np.arange(0, data.energy.size, together)
    sizes = np.diff(np.append(starts, data.energy.size))
    sigma = np.sqrt(np.add.reduceat(data.noise.sigma**2, starts)) / sizes
    masked = np.zeros(starts.size, dtype=bool)
    return replace(
        data,
        energy=np.add.reduceat(data.energy, starts) / sizes,
        counts=np.add.reduceat(data.counts, starts) / sizes,
        noise=Noise(sigma, data.noise.source, masked, np.full(starts.size, math.nan)),
        channels=together,
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


def bad_channels(data: RegionData) -> list[str]:
    """Say at which energies hot or dead channels are left out, as a list of no or one sentence."""
    places = ", ".join(f"{energy:.2f}" for energy in data.energy[data.noise.masked])
    return [f"Hot or dead channels have no weight in the fit: {places} eV."] if places else []
