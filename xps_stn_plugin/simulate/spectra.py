"""Simulated spectra from lines, batch by batch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xps_prefit_hooks import ALIPHATIC_C1S

from ..core.core_levels import core_levels
from ..core.grid import Grid
from ..models.lineshapes import pseudo_voigt
from .config import SimulationConfig
from .counting import count
from .domains import Domains
from .inorganic import inorganic_lines
from .library import LineLibrary
from .line_list import FloatArray, IntArray, LineList, Sample, instrument_width, sample_lines, with_ghosts
from .outsiders import ORGANIC_KINDS, beyond_range, disturbed, draw_kinds, outsider_lines
from .windows import measured_windows


@dataclass(frozen=True)
class SpectrumBatch:
    """Simulated spectra with their true shifts, groups and structures.

    Parameters
    ----------
    counts : ndarray of float32, shape (n, regions, points)
        Counts, or counts less background; 0 where nothing was measured.
    measured : ndarray of bool, shape (n, regions, points)
        Where there are data.
    shift : ndarray, shape (n,)
        Measured minus true binding energy in eV: the charging of C 1s, the mean where the sample is charged unevenly.
    domain_shift, domain_share : ndarray, shape (n, parts)
        Charging of each part of an unevenly charged sample in eV, and its share of the area; share 0 where there is no
        further part.
    region_shift : ndarray, shape (n, regions)
        Differential charging of each region on top of `shift`, in eV; 0 for C 1s, which carries the scale.
    labels : ndarray of bool, shape (n, groups)
        Functional groups of all components.
    structures : ndarray of int, shape (n, components)
        Index into the library, -1 where there is no further component.
    shares : ndarray, shape (n, components)
        Area shares.
    outside : ndarray of bool, shape (n,)
        Not a sample that the network is made for; then `shift` and `labels` are not to be learnt.
    lined : ndarray of bool, shape (n, regions)
        Regions that were measured and have a line.
    """

    counts: NDArray[np.float32]
    measured: NDArray[np.bool_]
    shift: FloatArray
    domain_shift: FloatArray
    domain_share: FloatArray
    region_shift: FloatArray
    labels: NDArray[np.bool_]
    structures: IntArray
    shares: FloatArray
    outside: NDArray[np.bool_]
    lined: NDArray[np.bool_]


@dataclass(frozen=True)
class SpectrumSimulator:
    """Simulator of spectra from a library of structures.

    Parameters
    ----------
    library : LineLibrary
        Structures and their lines.
    config : SimulationConfig
        Ranges to draw from.
    grid : Grid
        Where to draw.
    """

    library: LineLibrary
    config: SimulationConfig
    grid: Grid

    def draw(self, number: int, rng: np.random.Generator) -> SpectrumBatch:
        """Draw `number` spectra; the same generator state gives the same spectra."""
        config, grid = self.config, self.grid
        kinds = draw_kinds(number, config.outsider_share, rng)
        structures, shares = self.mixtures(number, rng)
        foreign = (kinds != "") & ~np.isin(kinds, ORGANIC_KINDS)
        inorganic = (kinds == "") & (rng.random(number) < config.inorganic_share)
        inorganic_only = inorganic & (rng.random(number) < config.inorganic_alone)
        structures[foreign | inorganic_only] = -1
        shares[foreign | inorganic_only] = 0.0
        shift = rng.uniform(*config.shift_range, number)
        shift = np.where(kinds == "beyond", beyond_range(number, rng), shift)
        domains = Domains.draw(number, kinds != "", config, rng)
        source = np.where(
            rng.random(number) < config.ghost_share, rng.integers(1, len(config.ghost_lines) + 1, number), 0
        )
        sample = Sample(
            structures,
            shares,
            shift,
            self._differential(number, rng),
            source,
            instrument_width(source, config, rng),
            # The zero of published scales scatters, too, hence no exception for C 1s.
            rng.normal(0, config.region_scale_sigma, (number, len(grid.regions))),
        )
        lines = LineList.joined(
            sample_lines(sample, self.library, config, grid, rng), inorganic_lines(sample, inorganic, config, grid, rng)
        )
        lines = disturbed(domains.split(lines, len(grid.regions)), kinds, grid, rng)
        lines = LineList.joined(lines, outsider_lines(kinds, shift, grid, rng))
        lines = with_ghosts(lines, source, len(grid.regions), config)
        window = measured_windows(lines, number, config, grid, rng)
        counts, measured = count(self._render(lines, number), window, config, grid, rng)
        labels = np.zeros((number, self.library.labels.shape[1]), dtype=bool)
        for column in structures.T:
            labels |= self.library.labels[column] & (column >= 0)[:, None]
        return SpectrumBatch(
            counts=counts,
            measured=measured,
            shift=shift,
            domain_shift=shift[:, None] + domains.offset,
            domain_share=domains.share,
            region_shift=sample.region_shift,
            labels=labels,
            structures=structures,
            shares=shares,
            outside=kinds != "",
            lined=np.isin(np.arange(number * len(grid.regions)), lines.row).reshape(number, -1) & measured.any(-1),
        )

    def _differential(self, number: int, rng: np.random.Generator) -> FloatArray:
        """Small everywhere, larger in a part of the spectra; where the gain is wrong, in proportion to the energy."""
        config = self.config
        shape = (number, len(self.grid.regions))
        weak = rng.normal(0, config.region_shift_sigma, shape)
        strong = rng.uniform(-config.region_shift_strong, config.region_shift_strong, shape)
        region_shift = np.where(rng.random((number, 1)) < config.region_shift_strong_share, strong, weak)
        has_gain_error = rng.random((number, 1)) < config.gain_share
        gain = np.where(has_gain_error, rng.uniform(-config.gain_error, config.gain_error, (number, 1)), 0.0)
        centres = np.array([level.energy for level in core_levels().values()])
        region_shift += gain * (centres - ALIPHATIC_C1S)
        region_shift[:, self.grid.regions.index("C1s")] = 0.0
        return region_shift

    def mixtures(self, number: int, rng: np.random.Generator) -> tuple[IntArray, FloatArray]:
        """Draw structures of the library and their area shares, both of shape (number, components)."""
        config = self.config
        size = np.where(rng.random(number) < config.mixture_share, rng.integers(2, config.mixture_size + 1, number), 1)
        shape = (number, config.mixture_size)
        references = self.library.references
        generated = len(self.library.structures) - references
        from_references = (rng.random(shape) < config.reference_share) | (generated == 0)
        pick = np.where(
            from_references,
            rng.integers(0, references, shape),
            references + rng.integers(0, max(generated, 1), shape),
        )
        in_mixture = np.arange(config.mixture_size)[None, :] < size[:, None]
        raw = rng.uniform(size=shape) * in_mixture
        free = 1 - config.smallest_share * size
        shares = np.where(in_mixture, config.smallest_share + free[:, None] * raw / raw.sum(axis=1, keepdims=True), 0.0)
        return np.where(in_mixture, pick, -1), shares

    def _render(self, lines: LineList, number: int) -> FloatArray:
        regions = len(self.grid.regions)
        offsets = self.grid.offsets.astype(np.float32)
        centres = np.array([level.energy for level in core_levels().values()])
        position = (lines.energy - centres[lines.row % regions]).astype(np.float32)
        curves = pseudo_voigt(
            offsets[None, :],
            position[:, None],
            lines.fwhm.astype(np.float32)[:, None],
            lines.lorentzian.astype(np.float32)[:, None],
        )
        curves *= lines.area.astype(np.float32)[:, None]
        signal = np.zeros((number * regions, self.grid.points))
        rows, first = np.unique(lines.row, return_index=True)
        if rows.size:
            signal[rows] = np.add.reduceat(curves, first, axis=0)
        return signal.reshape(number, regions, self.grid.points)
