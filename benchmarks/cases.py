"""Spectra in other conditions than the network's own simulator draws them: lines by hand, folding, binning, counting.

Nothing of ``xps_stn_plugin.simulate`` is used here, so that a benchmark checks that simulator too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from benchmarks.polymers import Polymer, Regions
from xps_prefit_hooks import Prediction, PrefitError
from xps_stn_plugin.core.spectrum import region_dataset, spectrum_tree
from xps_stn_plugin.stn.predict import predict_with
from xps_stn_plugin.stn.weights import TrainedNetwork

Array = NDArray[np.float64]
#: Gaussian FWHM over its standard deviation.
FWHM_PER_SIGMA = 2.0 * math.sqrt(2.0 * math.log(2.0))
#: Largest charge in eV that is drawn.
CHARGE = 6.0
#: Step in eV of the axis on which lines are drawn and broadened.
FINE = 0.05
#: Share of the Lorentzian in a pseudo-Voigt line by hand.
LORENTZIAN = 0.2
#: A Doniach-Sunjic line has no area of its own: lines have the area that the table gives within this many eV.
REACH = 6.0


def columns(energy: ArrayLike, intensity: ArrayLike) -> Array:
    """Rows of energy/eV and intensity."""
    return np.column_stack([energy, intensity]).astype(float)


def ascending(regions: Regions) -> dict[str, Array]:
    """Rows in ascending energy."""
    return {name: rows[np.argsort(rows[:, 0])] for name, rows in regions.items()}


def extended(rows: Array, low: float, high: float, step: float) -> Array:
    """Rows on an even axis from `low` to `high` eV; 0 where nothing was measured."""
    axis = np.arange(np.round(low / step) * step, high + step / 2, step)
    return columns(axis, np.interp(axis, rows[:, 0], rows[:, 1], left=0.0, right=0.0))


def broadened(rows: Array, fwhm: float) -> Array:
    """Rows on an even axis folded with a Gaussian of `fwhm` eV; beyond the ends the intensity is 0."""
    sigma = fwhm / FWHM_PER_SIGMA / (rows[1, 0] - rows[0, 0])
    if sigma < 0.05:
        return rows
    half_width = int(np.ceil(5 * sigma))
    kernel = np.exp(-0.5 * (np.arange(-half_width, half_width + 1) / sigma) ** 2)
    return columns(rows[:, 0], np.convolve(rows[:, 1], kernel / kernel.sum(), mode="full")[half_width:-half_width])


def averaged(rows: Array, step: float, start: float = 0.0) -> Array:
    """Mean intensity over bins of `step` eV, first bin from `start` eV above the first row; fine steps interpolate."""
    edges = np.arange(rows[0, 0] + start, rows[-1, 0], step)
    # The integral of a piecewise linear curve, read between its points on a finer axis than theirs.
    fine = np.union1d(rows[:, 0], edges)
    values = np.interp(fine, rows[:, 0], rows[:, 1])
    running = np.concatenate([[0.0], np.cumsum(np.diff(fine) * (values[1:] + values[:-1]) / 2)])
    return columns((edges[:-1] + edges[1:]) / 2, np.diff(np.interp(edges, fine, running)) / step)


def shifted(regions: Regions, shift: float) -> dict[str, Array]:
    """Rows whose energies are `shift` eV higher."""
    return {name: columns(rows[:, 0] + shift, rows[:, 1]) for name, rows in regions.items()}


def mixture(polymers: Sequence[Polymer], shares: Sequence[float]) -> Regions:
    """Mix polymers, each at its own area 1 over all regions, on a common axis of 0.1 eV; highest point 1."""
    regions: dict[str, Array] = {}
    areas = [sum(rows[:, 1].clip(0).sum() for rows in polymer.regions.values()) for polymer in polymers]
    for region in sorted({name for polymer in polymers for name in polymer.regions}):
        parts = [
            (ascending(polymer.regions)[region], share / area)
            for polymer, share, area in zip(polymers, shares, areas, strict=True)
            if region in polymer.regions
        ]
        low = min(rows[0, 0] for rows, _ in parts)
        high = max(rows[-1, 0] for rows, _ in parts)
        axis = np.round(np.arange(low, high + 0.05, 0.1), 1)
        total = sum(weight * np.interp(axis, rows[:, 0], rows[:, 1], left=0, right=0) for rows, weight in parts)
        regions[region] = columns(axis, total)
    top = max(rows[:, 1].max() for rows in regions.values())
    return {region: columns(rows[:, 0], rows[:, 1] / top) for region, rows in regions.items()}


def tree(name: str, regions: Regions) -> xr.DataTree:
    """Spectrum as a reader would hand it over.

    Raises
    ------
    PrefitError
        For a region that no reader would let pass.
    """
    return spectrum_tree(
        name, {key: region_dataset(name, rows[:, 0], rows[:, 1], region=key) for key, rows in regions.items()}
    )


def predict_or_none(trained: TrainedNetwork, spectrum: xr.DataTree) -> Prediction | None:
    """Prediction, or None where the contract refuses the spectrum with a sentence."""
    try:
        return predict_with(trained, spectrum)
    except PrefitError:
        return None


def without_nan(value: Any) -> Any:
    """Return the same with None for numbers that are none: JSON has no NaN."""
    if isinstance(value, dict):
        return {key: without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def doniach_sunjic(energy: Array, position: float, fwhm: float, asymmetry: float) -> Array:
    """Line of a conductor, tail towards higher binding energy.

    Doniach and Sunjic, J. Phys. C 3 (1970) 285; `fwhm` in eV is that of the Lorentzian it becomes without asymmetry.
    """
    gamma = fwhm / 2
    distance = energy - position
    phase = np.pi * asymmetry / 2 - (1 - asymmetry) * np.arctan(distance / gamma)
    curve: Array = np.cos(phase) / (distance**2 + gamma**2) ** ((1 - asymmetry) / 2)
    return curve


def drawn(lines: Sequence[Sequence[float]]) -> Array:
    """Draw the lines of one region as the table gives them; 12 eV free on either side."""
    low, high = min(line[0] for line in lines), max(line[0] for line in lines)
    axis = np.arange(low - 12.0, high + 12.0, FINE)
    total = np.zeros_like(axis)
    for position, area, fwhm, asymmetry in lines:
        if asymmetry > 0:
            # Solids have Gaussian phonon widths as well: the table's width is shared by halves, then broadened.
            curve = doniach_sunjic(axis, position, fwhm / 2, asymmetry)
            curve = broadened(columns(axis, curve), fwhm / 2)[:, 1]
        else:
            square = ((axis - position) / fwhm) ** 2
            curve = (1 - LORENTZIAN) * np.exp(-4 * np.log(2) * square) + LORENTZIAN / (1 + 4 * square)
        inside = np.abs(axis - position) <= REACH
        total += area * curve / (curve[inside].sum() * FINE)
    return columns(axis, total)


@dataclass(frozen=True)
class Conditions:
    """Acquisition of a spectrum: energies in eV, background and steps in units of the highest line.

    Parameters
    ----------
    charge : float
        Rigid shift.
    counts : float
        Counts of the highest channel above background.
    width : float
        FWHM of the instrument's Gaussian.
    step, margin : float
        Channel width, and how far windows reach beyond the outermost lines.
    background, slope, inelastic : float
        Flat background in units of a region's highest channel, its relative change per eV, and the height of the
        inelastic step behind the lines in the same units.
    """

    charge: float
    counts: float
    width: float
    step: float
    margin: float
    background: float
    slope: float
    inelastic: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Conditions:
        """Draw what instruments and samples do: charge within `CHARGE`, 300 to 100 000 counts."""
        return cls(
            charge=float(rng.uniform(-CHARGE, CHARGE)),
            counts=float(np.exp(rng.uniform(np.log(300.0), np.log(1e5)))),
            width=float(rng.uniform(0.3, 1.6)),
            step=float(rng.choice([0.05, 0.1, 0.1, 0.2])),
            margin=float(rng.uniform(3.0, 8.0)),
            background=float(np.exp(rng.uniform(np.log(0.03), np.log(1.0)))),
            slope=float(0.01 * rng.normal()),
            inelastic=float(rng.uniform(0.0, 0.3)),
        )


def detected(regions: Regions, conditions: Conditions, rng: np.random.Generator) -> dict[str, Array]:
    """Take a spectrum of `regions` (true energies, intensities without background) under `conditions`.

    Windows reach `Conditions.margin` beyond where the intensity is 2 % of a region's highest.
    """
    curves = {}
    for name, rows in ascending(regions).items():
        line_energies = rows[rows[:, 1] > 0.02 * rows[:, 1].max(), 0]
        extended_rows = extended(
            rows, line_energies[0] - conditions.margin, line_energies[-1] + conditions.margin, FINE
        )
        curves[name] = averaged(broadened(extended_rows, conditions.width), conditions.step)
    scale = conditions.counts / max(rows[:, 1].max() for rows in curves.values())
    counts = {}
    for name, rows in curves.items():
        axis, signal = rows.T
        top = signal.max()
        slope = np.clip(1 + conditions.slope * (axis - axis.mean()), 0.05, None)
        step = np.cumsum(signal) / signal.sum()
        total = signal + top * (conditions.background * slope + conditions.inelastic * step)
        counts[name] = columns(axis + conditions.charge, rng.poisson(total.clip(0) * scale))
    return counts
