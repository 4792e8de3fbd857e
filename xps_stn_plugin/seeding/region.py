"""One region's numbers: energies, intensities, noise and end points."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xps_prefit_hooks import PrefitError
from xps_stn_plugin.core.single_channels import without_single_channels
from xps_stn_plugin.core.spectrum import MODEL_WIDTH
from xps_stn_plugin.models.noise import Noise, noise_of_counts

FloatArray = NDArray[np.float64]

#: Wider regions are surveys, in eV.
SURVEY_WIDTH: Final = MODEL_WIDTH

#: Fewest channels of a region whose channels are averaged.
_FEWEST_COARSE: Final = 40

#: Share of the points that makes an end, and the fewest.
_END_SHARE, _END_POINTS = 0.06, 3


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
