"""Noise of a region: of counts where the intensities are counts, otherwise estimated from their scatter."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xps_stn_plugin.core.single_channels import single_channels
from xps_stn_plugin.core.white_noise import white_noise

from .count_size import count_size, scatter_over
from .counts import sigma_before_fit

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

#: Attribute of a region that is a sum of spectra: intensity that stands for one count in them.
COUNT_SIZE: Final = "count_size"

#: Standard deviation of a hot or dead channel in units of the region's largest intensity: it has no weight in any fit.
_MASKED: Final = 1e6

#: The quietest channels of data that scatter more than this many times Poisson's noise are not plain counts; the
#: estimate is good to 20 % in 100 channels. Less than this share of it comes from few decimals, not from counts.
_MOST_POISSON, _LEAST_POISSON = 2.5, 0.5

#: Scatter that counts as none, and mean of the root of the counts below which their scatter says nothing.
_NO_SCATTER, _SPARSE = 1e-9, 1.4


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
    # At least a millionth of the range: smooth data have no scatter.
    floor = max(1e-6 * float(np.ptp(counts)), np.finfo(float).tiny)
    return np.full(counts.shape, max(float(white_noise(counts)), floor)), "estimated from the scatter", math.nan


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
