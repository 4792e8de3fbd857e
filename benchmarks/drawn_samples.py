"""Samples drawn from line lists: peaks, adventitious carbon, an instrument, and the counts that it records.

Its own line shapes, Shirley background and counting: nothing of ``xps_stn_plugin.simulate`` is used.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.cases import Array, columns
from benchmarks.line_lists import MAXIMUM_ABOVE_FIRST_MEMBER, ON_OUR_SCALE, Line, Material, levels
from xps_prefit_hooks import ALIPHATIC_C1S

#: Vibrations of an aliphatic C 1s line: distance of the members in eV, and how many are drawn (G. Beamson, D. T. Clark,
#: J. Kendrick, D. Briggs, J. Electron Spectrosc. 57 (1991) 79).
QUANTUM, MEMBERS = 0.41, 4
#: Mean of the Poisson weights of the members, as it scatters between samples.
COUPLING = (0.35, 0.50)
#: Adventitious carbon by kind of carbon: distance from the hydrocarbon's maximum in eV, its scatter, and the amounts
#: relative to hydrocarbon (Biesinger, Appl. Surf. Sci. 597 (2022) 153681, with wider amounts).
OXIDISED = {"C-O": (1.5, 0.10, 0.08, 0.30), "C=O": (3.0, 0.10, 0.0, 0.10), "O-C=O": (4.0, 0.12, 0.03, 0.20)}
#: O 1s of adventitious carbon on the handbooks' scale in eV, oxygen bound twice and once (Biesinger 2022).
CARBONYL_O1S, HYDROXYL_O1S = 531.7, 532.9
#: Scatter of a material's lines together, and of each alone, in eV: differences between samples of one compound.
SCATTER, SCATTER_OF_LINE = 0.10, 0.05
#: Logarithmic scatter of the areas of the lines of one material, and of all lines of one region.
SCATTER_OF_AREA, SCATTER_OF_REGION = 0.15, 0.10
#: Carbon atoms of the adventitious layer over all atoms that are seen: log-uniform.
CARBON_SHARE = (0.12, 0.60)
#: Largest and smallest charge in eV.
CHARGES = (-6.0, 8.0)


@dataclass(frozen=True)
class Peak:
    """One line of a spectrum: true binding energy and FWHM in eV, area in any unit that all peaks share."""

    window: str
    energy: float
    area: float
    fwhm: float
    asymmetry: float = 0.0


@dataclass(frozen=True)
class Instrument:
    """How a spectrum is recorded.

    Parameters
    ----------
    widening : float
        Factor on all FWHM.
    lorentzian : float
        Lorentzian share of the pseudo-Voigt lines.
    step : float
        Channel width in eV.
    counts : float
        Counts of the highest channel above its background, over all regions.
    shirley : float
        Height of the Shirley step over the area in 1/eV.
    background : mapping of str to float
        Flat background of a region in units of its highest line.
    slope : float
        Its relative change per eV.
    margin : tuple of float
        How far windows reach below the lowest and above the highest line in eV.
    """

    widening: float
    lorentzian: float
    step: float
    counts: float
    shirley: float
    background: Mapping[str, float]
    slope: float
    margin: tuple[float, float]

    @classmethod
    def draw(cls, windows: Iterable[str], rng: np.random.Generator) -> Instrument:
        """Draw what laboratories use: 500 to 50 000 counts, steps of 0.05 to 0.2 eV."""
        return cls(
            widening=float(rng.uniform(0.95, 1.35)),
            lorentzian=float(rng.uniform(0.1, 0.4)),
            step=float(rng.choice([0.05, 0.1, 0.1, 0.1, 0.2])),
            counts=log_uniform(rng, 500.0, 5e4),
            shirley=float(rng.uniform(0.02, 0.12)),
            background={name: log_uniform(rng, 0.03, 1.0) for name in windows},
            slope=float(0.005 * rng.normal()),
            margin=(float(rng.uniform(4.0, 7.0)), float(rng.uniform(4.0, 7.0))),
        )


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """Draw a number whose logarithm is uniform."""
    return float(math.exp(rng.uniform(math.log(low), math.log(high))))


# --- what a sample consists of ------------------------------------------------------------------------------


def hydrocarbon(area: float, fwhm: float, rng: np.random.Generator, first: float = ALIPHATIC_C1S) -> list[Peak]:
    """Draw aliphatic C 1s: vibrational members from `first` on, or in half of the cases a line at their maximum."""
    if rng.random() < 0.5:
        return [Peak("C1s", first + MAXIMUM_ABOVE_FIRST_MEMBER, area, 1.05 * fwhm)]
    mean = float(rng.uniform(*COUPLING))
    weights = np.array([mean**member / math.factorial(member) for member in range(MEMBERS)])
    weights /= weights.sum()
    return [Peak("C1s", first + QUANTUM * n, area * float(w), 0.9 * fwhm) for n, w in enumerate(weights)]


def adventitious(carbon: float, rng: np.random.Generator) -> list[Peak]:
    """Draw adventitious carbon with `carbon` atoms, and its O 1s."""
    amounts = {name: float(rng.uniform(low, high)) for name, (_, _, low, high) in OXIDISED.items()}
    hydrocarbon_atoms = carbon / (1.0 + sum(amounts.values()))
    fwhm = float(rng.uniform(1.05, 1.35))
    peaks = hydrocarbon(hydrocarbon_atoms, fwhm, rng)
    top = ALIPHATIC_C1S + MAXIMUM_ABOVE_FIRST_MEMBER
    for name, (distance, scatter, _, _) in OXIDISED.items():
        peaks.append(Peak("C1s", top + rng.normal(distance, scatter), hydrocarbon_atoms * amounts[name], 1.05 * fwhm))
    oxygen = levels()["O1s"].sensitivity
    double_bonded, single_bonded = amounts["C=O"] + amounts["O-C=O"], amounts["C-O"] + amounts["O-C=O"]
    for energy, atoms in ((CARBONYL_O1S, double_bonded), (HYDROXYL_O1S, single_bonded)):
        peaks.append(
            Peak("O1s", energy + ON_OUR_SCALE + rng.normal(0.0, 0.15), hydrocarbon_atoms * atoms * oxygen, 1.3 * fwhm)
        )
    return peaks


def line_peaks(lines: Iterable[Line], atoms: float, rng: np.random.Generator) -> list[Peak]:
    """Draw the lines of one material with `atoms` atoms in all, positions and areas scattered."""
    lines = tuple(lines)
    common_offset = float(rng.normal(0.0, SCATTER))
    total = sum(line.atoms for line in lines)
    peaks = []
    for line in lines:
        level = line.level
        energy = line.energy + common_offset + float(rng.normal(0.0, SCATTER_OF_LINE))
        area = atoms * line.atoms / total * level.sensitivity * float(np.exp(rng.normal(0.0, SCATTER_OF_AREA)))
        first = area / (1.0 + level.ratio)
        peaks.append(Peak(level.window, energy, first, line.fwhm, line.asymmetry))
        if level.splitting:
            partner = Peak(level.window, energy + level.splitting, first * level.ratio, line.fwhm * level.wider)
            peaks.append(replace(partner, asymmetry=line.asymmetry))
    return peaks


def covered(material: Material, rng: np.random.Generator) -> list[Peak]:
    """Draw a material under adventitious carbon."""
    share = log_uniform(rng, *CARBON_SHARE)
    peaks = adventitious(share, rng)
    if material.lines:
        peaks += line_peaks(material.lines, 1.0 - share, rng)
    return scattered_regions(peaks, rng)


def polymer_peaks(polymer: Material, rng: np.random.Generator, scatter: float = 0.05) -> list[Peak]:
    """Draw a polymer; saturated carbon at 285.0 eV has its vibrations, and every line scatters by itself in eV."""
    total = sum(line.atoms for line in polymer.lines)
    peaks: list[Peak] = []
    for line in polymer.lines:
        area = line.atoms / total * line.level.sensitivity
        if line.level.window == "C1s" and line.energy == ALIPHATIC_C1S:
            peaks += hydrocarbon(area, line.fwhm / 0.9, rng)
        else:
            energy = line.energy + float(rng.normal(0.0, scatter))
            peaks.append(Peak(line.level.window, energy, area, line.fwhm, line.asymmetry))
    return scattered_regions(peaks, rng)


def scattered_regions(peaks: Sequence[Peak], rng: np.random.Generator) -> list[Peak]:
    """Scatter the areas of regions against each other: depth, transmission, time of recording."""
    windows = tuple(dict.fromkeys(peak.window for peak in peaks))
    factors = {name: float(np.exp(rng.normal(0.0, SCATTER_OF_REGION))) for name in windows}
    return [replace(peak, area=peak.area * factors[peak.window]) for peak in peaks]


def charged(peaks: Iterable[Peak], charge: float) -> list[Peak]:
    """Peaks of a sample, or of a part of one, that is charged by `charge` eV."""
    return [replace(peak, energy=peak.energy + charge) for peak in peaks]


def weighted(peaks: Iterable[Peak], weight: float) -> list[Peak]:
    """Peaks of a part that makes up `weight` of the area seen."""
    return [replace(peak, area=peak.area * weight) for peak in peaks]


# --- recording ----------------------------------------------------------------------------------------------


def pseudo_voigt(axis: Array, peak: Peak, widening: float, lorentzian: float) -> Array:
    """Line of the peak's area over `axis` in eV.

    Notes
    -----
    Asymmetric lines have a width that grows through the line (A. L. Stancik, E. B. Brauns, Vib. Spectrosc. 47 (2008)
    66), with the wide side towards higher binding energy. Their area is that of the symmetric line to a few percent.
    """
    distance = axis - peak.energy
    width = peak.fwhm * widening
    fwhm = width * (1.0 + peak.asymmetry * np.tanh(distance / width)) if peak.asymmetry else width
    square = (distance / fwhm) ** 2
    gauss = np.exp(-4.0 * math.log(2.0) * square) * 2.0 * math.sqrt(math.log(2.0) / math.pi)
    lorentz = (2.0 / math.pi) / (1.0 + 4.0 * square)
    curve: Array = peak.area / width * ((1.0 - lorentzian) * gauss + lorentzian * lorentz)
    return curve


def spans(peaks: Sequence[Peak], windows: Iterable[str], instrument: Instrument) -> dict[str, tuple[float, float]]:
    """Window of each region in eV: the instrument's margins about the lines that make up 1 % of its area at least.

    A region without a line is recorded 18 eV wide about where its level usually lies.
    """
    spans = {}
    low, high = instrument.margin
    for name in windows:
        members = [peak for peak in peaks if peak.window == name]
        total = sum(peak.area for peak in members)
        energies = [peak.energy for peak in members if peak.area > 0.01 * total] or [
            TYPICAL_ENERGIES[name] - 4,
            TYPICAL_ENERGIES[name] + 4,
        ]
        spans[name] = (min(energies) - low, max(energies) + high)
    return spans


#: Where the lines of a level usually lie in eV (Moulder et al. 1992), for regions that were recorded in vain.
TYPICAL_ENERGIES = {
    "C1s": 286.0,
    "O1s": 532.0,
    "N1s": 400.0,
    "F1s": 687.0,
    "Cl2p": 200.0,
    "S2p": 165.0,
    "Si2p": 102.0,
    "P2p": 133.0,
    "Br3d": 70.0,
}


def expected(
    peaks: Sequence[Peak], windows: Mapping[str, tuple[float, float]], instrument: Instrument, rng: np.random.Generator
) -> dict[str, Array]:
    """Mean counts of every channel: lines, Shirley steps and backgrounds; rows of energy/eV and counts.

    Parameters
    ----------
    peaks : sequence of Peak
        On the measured axis, charge included.
    windows : mapping of str to (float, float)
        Ends of the regions in eV on the measured axis.
    instrument : Instrument
        How it is recorded.
    rng : numpy.random.Generator
        For where the first channel lies.
    """
    signals: dict[str, tuple[Array, Array]] = {}
    for name, (low, high) in windows.items():
        axis = np.arange(low + rng.uniform(0.0, instrument.step), high, instrument.step)
        # The Shirley step counts the lines below the window as well.
        extended_axis = np.concatenate([np.arange(axis[0] - 20.0, axis[0] - 0.01, 0.1), axis])
        members = [peak for peak in peaks if peak.window == name]
        lines = np.zeros_like(extended_axis)
        for peak in members:
            lines += pseudo_voigt(extended_axis, peak, instrument.widening, instrument.lorentzian)
        running = np.concatenate([[0.0], np.cumsum(np.diff(extended_axis) * (lines[1:] + lines[:-1]) / 2)])
        signals[name] = axis, np.column_stack([lines, instrument.shirley * running])[-axis.size :]
    highest = max(float(signal[:, 0].max()) for _, signal in signals.values())
    regions = {}
    for name, (axis, signal) in signals.items():
        # Where there is no line the background is that of the sample's strongest region.
        top = max(float(signal[:, 0].max()), 0.05 * highest)
        flat = top * instrument.background.get(name, 0.1) * (1.0 + instrument.slope * (axis - axis.mean())).clip(0.05)
        regions[name] = columns(axis, (signal.sum(axis=1) + flat) * instrument.counts / highest)
    return regions


def counted(regions: Mapping[str, Array], rng: np.random.Generator) -> dict[str, Array]:
    """Poisson counts."""
    return {name: columns(rows[:, 0], rng.poisson(rows[:, 1])) for name, rows in regions.items()}


def recorded(
    peaks: Sequence[Peak], windows: Iterable[str], instrument: Instrument, rng: np.random.Generator
) -> dict[str, Array]:
    """Record a sample, whose peaks lie on the measured axis, in windows about its lines."""
    return counted(expected(peaks, spans(peaks, windows, instrument), instrument, rng), rng)
