"""Structures -> lines to draw: mixing, charging, errors of the rules, widths, vibrations, doublets, satellites."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..core.core_levels import core_levels
from ..core.grid import Grid
from ..models.lineshapes import vibrational_weights
from .config import SimulationConfig, log_uniform
from .library import LineLibrary

VIBRATIONAL_MEMBERS = 4
FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class LineList:
    """Lines as they are drawn: one entry per vibrational member, doublet line and satellite.

    Parameters
    ----------
    row : ndarray of int, shape (lines,)
        ``spectrum * regions + region``, ascending.
    energy, area, fwhm, lorentzian : ndarray, shape (lines,)
        Measured binding energy and width in eV, area, share of the Lorentzian.
    satellite : ndarray of bool, shape (lines,)
        Shake-up, which half of the windows leave out.
    ghost : ndarray of bool, shape (lines,)
        Line of the X-ray source's satellites, after which no window is set.
    """

    row: IntArray
    energy: FloatArray
    area: FloatArray
    fwhm: FloatArray
    lorentzian: FloatArray
    satellite: BoolArray
    ghost: BoolArray

    @classmethod
    def joined(cls, *parts: LineList) -> LineList:
        """All lines of several lists, in order of their rows."""
        row = np.concatenate([part.row for part in parts])
        order = np.argsort(row, kind="stable")
        return cls(
            row[order],
            np.concatenate([part.energy for part in parts])[order],
            np.concatenate([part.area for part in parts])[order],
            np.concatenate([part.fwhm for part in parts])[order],
            np.concatenate([part.lorentzian for part in parts])[order],
            np.concatenate([part.satellite for part in parts])[order],
            np.concatenate([part.ghost for part in parts])[order],
        )

    def take(self, index: IntArray | BoolArray, *, energy: FloatArray | float = 0.0, area: FloatArray | float = 1.0,
             ghost: bool = False) -> LineList:  # fmt: skip
        """Chosen lines, moved by `energy` eV and scaled by `area`."""
        return LineList(
            self.row[index],
            self.energy[index] + energy,
            self.area[index] * area,
            self.fwhm[index],
            self.lorentzian[index],
            self.satellite[index],
            self.ghost[index] | ghost,
        )


@dataclass(frozen=True)
class Sample:
    """Samples of a batch: structures, charge shifts and instrument widths.

    Parameters
    ----------
    structures : ndarray of int, shape (n, components)
        Rows of the library, -1 where there is no further component.
    shares : ndarray, shape (n, components)
        Area shares.
    shift : ndarray, shape (n,)
        Charging in eV.
    region_shift : ndarray, shape (n, regions)
        Differential charging on top, in eV.
    source : ndarray of int, shape (n,)
        X-ray source of each spectrum: 0 monochromated, then as `SimulationConfig.ghost_lines` lists them.
    width : ndarray, shape (n,)
        FWHM in eV of a C 1s line without its vibrational tail.
    scale : ndarray, shape (n, regions)
        Error of published scales in eV, common to the lines of one region.
    """

    structures: IntArray
    shares: FloatArray
    shift: FloatArray
    region_shift: FloatArray
    source: IntArray
    width: FloatArray
    scale: FloatArray


def instrument_width(source: IntArray, config: SimulationConfig, rng: np.random.Generator) -> FloatArray:
    """FWHM in eV of a C 1s line without its vibrational tail, one per spectrum."""
    number = source.size
    fine = config.fwhm_floor + rng.exponential(config.fwhm_mean_excess, number)
    broad = rng.uniform(*config.fwhm_broad, number)
    width = np.where((source > 0) | (rng.random(number) < config.fwhm_broad_share), broad, fine)
    return np.minimum(width, config.fwhm_broad[1])


def sample_lines(
    sample: Sample, library: LineLibrary, config: SimulationConfig, grid: Grid, rng: np.random.Generator
) -> LineList:
    """Lines of a batch of organic samples.

    Parameters
    ----------
    sample : Sample
        Structures, charging, source.
    library : LineLibrary
        Lines of each structure.
    config : SimulationConfig
        Ranges to draw from.
    grid : Grid
        Names the regions.
    rng : numpy.random.Generator
        Where the scatter comes from.
    """
    regions, number = len(grid.regions), sample.shift.size
    carbon, oxygen = grid.regions.index("C1s"), grid.regions.index("O1s")
    sensitivity = np.array([level.sensitivity for level in core_levels().values()])

    spectrum, component = np.nonzero(sample.structures >= 0)
    chosen = sample.structures[spectrum, component]
    lengths = library.starts[chosen + 1] - library.starts[chosen]
    owner = np.repeat(np.arange(chosen.size), lengths)
    line = library.starts[chosen][owner] + np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    area = library.atoms[line] * sensitivity[library.region[line]]
    # Less oxygen is seen than there is: hydrocarbon on top, and electrons that are slower than those of carbon.
    oxygen_factor = config.oxygen_seen * np.exp(config.oxygen_sigma * rng.normal(size=number))
    area *= np.where(library.region[line] == oxygen, oxygen_factor[spectrum[owner]], 1.0)
    area *= (sample.shares[spectrum, component] / np.bincount(owner, area, chosen.size))[owner]

    # Hydrocarbon on top of the sample: one more aliphatic line. Oxide below it: one more O 1s line.
    organic = sample.structures[:, 0] >= 0
    contaminated = np.flatnonzero(organic & (rng.random(number) < config.contamination_share))
    oxide = np.flatnonzero(organic & (rng.random(number) < config.substrate_share))
    extra = rng.uniform(*config.contamination_range, contaminated.size)
    below = log_uniform(config.substrate_range, (oxide.size,), rng)
    zeros = np.zeros(oxide.size)
    line_spectrum = np.concatenate([spectrum[owner], contaminated, oxide])
    area = np.concatenate([area, extra, below])
    region = np.concatenate([library.region[line], np.full(contaminated.size, carbon), np.full(oxide.size, oxygen)])
    energy = np.concatenate(
        [library.energy[line], np.full(contaminated.size, 285.0), rng.uniform(*config.substrate_energy, oxide.size)]
    )
    hydrogens = np.concatenate([library.hydrogens[line], np.full(contaminated.size, 2.0), zeros])
    aromatic = np.concatenate([library.aromatic[line], np.zeros(contaminated.size, dtype=bool), zeros > 0])
    aliphatic = np.concatenate([library.aliphatic[line], np.ones(contaminated.size, dtype=bool), zeros > 0])

    # Saturated hydrocarbon is the zero of the scale, so the rules make no error there.
    zero = aliphatic & (np.abs(energy - 285.0) < 0.005)
    generated = np.zeros(line_spectrum.size, dtype=bool)
    generated[: owner.size] = chosen[owner] >= library.references
    rule_sigma = np.where(generated, config.generated_sigma, config.position_sigma)
    sigma = np.select([zero, aromatic], [config.aliphatic_sigma, config.aromatic_sigma], rule_sigma)
    energy = energy + sigma * rng.normal(size=energy.size)
    energy = energy + (sample.scale + sample.region_shift + sample.shift[:, None])[line_spectrum, region]

    factor = np.array([config.fwhm_factor[name] for name in grid.regions])
    fwhm = (
        sample.width[line_spectrum] * factor[region] * np.exp(config.fwhm_scatter * rng.normal(size=line_spectrum.size))
    )
    lorentzian = rng.uniform(*config.lorentzian_range, number)[line_spectrum]
    quanta = rng.uniform(*config.huang_rhys_range, number)[line_spectrum] * hydrogens
    false = np.zeros(line_spectrum.size, dtype=bool)
    plain = LineList(line_spectrum * regions + region, energy, area, fwhm, lorentzian, false, false)
    return _expanded(plain, region, quanta, aromatic, config, rng)


def with_ghosts(lines: LineList, source: IntArray, regions: int, config: SimulationConfig) -> LineList:
    """Add the lines that the satellites of an unmonochromated source draw, at lower binding energy."""
    parts = [lines]
    for number, ghosts in enumerate(config.ghost_lines.values(), start=1):
        source_lines = np.flatnonzero(source[lines.row // regions] == number)
        parts += [lines.take(source_lines, energy=-below, area=share, ghost=True) for below, share in ghosts]
    return LineList.joined(*parts)


def _expanded(
    lines: LineList,
    region: IntArray,
    quanta: FloatArray,
    aromatic: BoolArray,
    config: SimulationConfig,
    rng: np.random.Generator,
) -> LineList:
    """Add vibrational members, the second line of doublets and shake-up."""
    levels = tuple(core_levels().values())
    splitting = np.array([level.splitting or 0.0 for level in levels])[region]
    ratio = np.array([level.ratio or 0.0 for level in levels])[region]

    plain = np.flatnonzero((quanta == 0) & (splitting == 0))
    vibrating = np.flatnonzero(quanta > 0)
    doublet = np.flatnonzero(splitting > 0)
    ring = np.flatnonzero(aromatic)

    weights = vibrational_weights(quanta[vibrating], VIBRATIONAL_MEMBERS)
    ladder = config.vibration_energy * np.arange(VIBRATIONAL_MEMBERS)
    high = 1 / (1 + ratio[doublet])
    shake_up = LineList(
        lines.row[ring],
        lines.energy[ring] + rng.uniform(*config.shake_up_energy, ring.size),
        lines.area[ring] * rng.uniform(*config.shake_up_share, ring.size),
        rng.uniform(*config.shake_up_fwhm, ring.size),
        lines.lorentzian[ring],
        np.ones(ring.size, dtype=bool),
        lines.ghost[ring],
    )
    return LineList.joined(
        lines.take(plain),
        lines.take(
            np.repeat(vibrating, VIBRATIONAL_MEMBERS), energy=np.tile(ladder, vibrating.size), area=weights.ravel()
        ),
        lines.take(doublet, area=high),
        lines.take(doublet, energy=splitting[doublet], area=1 - high),
        shake_up,
    )
