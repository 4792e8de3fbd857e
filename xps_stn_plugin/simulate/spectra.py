"""Lines -> spectra: charging, instrument, mixtures, background, counting noise, missing regions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..chemistry.core_levels import core_levels
from ..grid import Grid
from ..lineshapes import pseudo_voigt, vibrational_weights
from .config import Range, SimulationConfig
from .library import LineLibrary

VIBRATIONAL_MEMBERS = 4
FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class SpectrumBatch:
    """Simulated spectra with what is known about them.

    Parameters
    ----------
    counts : ndarray of float32, shape (n, regions, points)
        Counts, or counts less background; 0 where nothing was measured.
    measured : ndarray of bool, shape (n, regions, points)
        Where there are data.
    shift : ndarray, shape (n,)
        Measured minus true binding energy in eV.
    region_shift : ndarray, shape (n, regions)
        Differential charging of each region on top of `shift`, in eV.
    labels : ndarray of bool, shape (n, groups)
        Functional groups of all components.
    structures : ndarray of int, shape (n, components)
        Index into the library, -1 where there is no further component.
    shares : ndarray, shape (n, components)
        Area shares.
    """

    counts: NDArray[np.float32]
    measured: NDArray[np.bool_]
    shift: FloatArray
    region_shift: FloatArray
    labels: NDArray[np.bool_]
    structures: IntArray
    shares: FloatArray


@dataclass(frozen=True)
class _Lines:
    """Lines to draw, sorted by spectrum and region: one entry per vibrational member, doublet line and satellite."""

    row: IntArray  # spectrum * regions + region
    energy: FloatArray
    area: FloatArray
    fwhm: FloatArray
    lorentzian: FloatArray
    satellite: NDArray[np.bool_]


@dataclass(frozen=True)
class SpectrumSimulator:
    """Draws spectra from a library of structures.

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
        structures, shares = self._mixtures(number, rng)
        low, high = self.config.shift_range
        shift = rng.uniform(low, high, number)
        region_shift = rng.normal(0, self.config.region_shift_sigma, (number, len(self.grid.regions)))
        lines = self._lines(structures, shares, shift, region_shift, rng)
        signal = self._render(lines, number)
        window = self._windows(lines, signal, rng)
        counts = self._count(signal, window, rng)
        labels = np.zeros((number, self.library.labels.shape[1]), dtype=bool)
        for column in structures.T:
            labels |= self.library.labels[column] & (column >= 0)[:, None]
        return SpectrumBatch(
            counts=counts,
            measured=window,
            shift=shift,
            region_shift=region_shift,
            labels=labels,
            structures=structures,
            shares=shares,
        )

    def _mixtures(self, number: int, rng: np.random.Generator) -> tuple[IntArray, FloatArray]:
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
        used = np.arange(config.mixture_size)[None, :] < size[:, None]
        raw = rng.uniform(size=shape) * used
        free = 1 - config.smallest_share * size
        shares = np.where(used, config.smallest_share + free[:, None] * raw / raw.sum(axis=1, keepdims=True), 0.0)
        return np.where(used, pick, -1), shares

    def _lines(
        self,
        structures: IntArray,
        shares: FloatArray,
        shift: FloatArray,
        region_shift: FloatArray,
        rng: np.random.Generator,
    ) -> _Lines:
        library, config = self.library, self.config
        regions = len(self.grid.regions)
        levels = tuple(core_levels().values())
        sensitivity = np.array([level.sensitivity for level in levels])

        spectrum, component = np.nonzero(structures >= 0)
        chosen = structures[spectrum, component]
        lengths = library.starts[chosen + 1] - library.starts[chosen]
        owner = np.repeat(np.arange(chosen.size), lengths)
        line = (
            library.starts[chosen][owner] + np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        )
        area = library.atoms[line] * sensitivity[library.region[line]]
        area *= (shares[spectrum, component] / np.bincount(owner, area, chosen.size))[owner]
        of = spectrum[owner]
        region = library.region[line]
        energy = library.energy[line]
        aromatic, aliphatic, hydrogens = library.aromatic[line], library.aliphatic[line], library.hydrogens[line]

        # Hydrocarbon on top of the sample: one more aliphatic line.
        number = shift.size
        dirty = np.flatnonzero(rng.random(number) < config.contamination_share)
        extra = rng.uniform(*config.contamination_range, dirty.size)
        carbon = self.grid.regions.index("C1s")
        of = np.concatenate([of, dirty])
        area = np.concatenate([area, extra])
        region = np.concatenate([region, np.full(dirty.size, carbon)])
        energy = np.concatenate([energy, np.full(dirty.size, 285.0)])
        hydrogens = np.concatenate([hydrogens, np.full(dirty.size, 2.0)])
        aromatic = np.concatenate([aromatic, np.zeros(dirty.size, dtype=bool)])
        aliphatic = np.concatenate([aliphatic, np.ones(dirty.size, dtype=bool)])

        # Saturated hydrocarbon is the zero of the scale, so the rules make no error there.
        zero = aliphatic & (np.abs(energy - 285.0) < 0.005)
        sigma = np.select([zero, aromatic], [config.aliphatic_sigma, config.aromatic_sigma], config.position_sigma)
        energy = energy + sigma * rng.normal(size=energy.size)
        scale = rng.normal(0, config.region_scale_sigma, (number, regions))
        scale[:, carbon] = 0.0
        energy = energy + (scale + region_shift + shift[:, None])[of, region]

        width = np.minimum(config.fwhm_floor + rng.exponential(config.fwhm_mean_excess, number), config.fwhm_top)
        factor = np.array([config.fwhm_factor[name] for name in self.grid.regions])
        fwhm = width[of] * factor[region] * np.exp(config.fwhm_scatter * rng.normal(size=of.size))
        lorentzian = rng.uniform(*config.lorentzian_range, number)[of]
        huang_rhys = rng.uniform(*config.huang_rhys_range, number)[of]
        return self._expand(
            of * regions + region, energy, area, fwhm, lorentzian, huang_rhys * hydrogens, aromatic, rng
        )

    def _expand(
        self,
        row: IntArray,
        energy: FloatArray,
        area: FloatArray,
        fwhm: FloatArray,
        lorentzian: FloatArray,
        quanta: FloatArray,
        aromatic: NDArray[np.bool_],
        rng: np.random.Generator,
    ) -> _Lines:
        """Add vibrational members, the second line of doublets and shake-up."""
        config = self.config
        region = row % len(self.grid.regions)
        levels = tuple(core_levels().values())
        splitting = np.array([level.splitting or 0.0 for level in levels])[region]
        ratio = np.array([level.ratio or 0.0 for level in levels])[region]

        plain = np.flatnonzero((quanta == 0) & (splitting == 0))
        vibrating = np.flatnonzero(quanta > 0)
        doublet = np.flatnonzero(splitting > 0)
        ring = np.flatnonzero(aromatic)

        weights = vibrational_weights(quanta[vibrating], VIBRATIONAL_MEMBERS)
        ladder = config.vibration_energy * np.arange(VIBRATIONAL_MEMBERS)
        shake_share = rng.uniform(*config.shake_up_share, row.size)[ring]
        shake_energy = rng.uniform(*config.shake_up_energy, row.size)[ring]
        shake_fwhm = rng.uniform(*config.shake_up_fwhm, row.size)[ring]

        repeated = np.repeat(vibrating, VIBRATIONAL_MEMBERS)
        index = np.concatenate([plain, repeated, doublet, doublet, ring])
        energies = np.concatenate(
            [
                energy[plain],
                (energy[vibrating][:, None] + ladder).ravel(),
                energy[doublet],
                energy[doublet] + splitting[doublet],
                energy[ring] + shake_energy,
            ]
        )
        areas = np.concatenate(
            [
                area[plain],
                (area[vibrating][:, None] * weights).ravel(),
                area[doublet] / (1 + ratio[doublet]),
                area[doublet] * ratio[doublet] / (1 + ratio[doublet]),
                area[ring] * shake_share,
            ]
        )
        widths = np.concatenate([fwhm[plain], fwhm[repeated], fwhm[doublet], fwhm[doublet], shake_fwhm])
        satellite = np.arange(index.size) >= index.size - ring.size
        order = np.argsort(row[index], kind="stable")
        return _Lines(
            row[index][order],
            energies[order],
            areas[order],
            widths[order],
            lorentzian[index][order],
            satellite[order],
        )

    def _render(self, lines: _Lines, number: int) -> FloatArray:
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
        signal[rows] = np.add.reduceat(curves, first, axis=0)
        return signal.reshape(number, regions, self.grid.points)

    def _windows(self, lines: _Lines, signal: FloatArray, rng: np.random.Generator) -> NDArray[np.bool_]:
        """Where each region was measured: around its lines, or anywhere for a region without lines."""
        config, grid = self.config, self.grid
        number, regions, _ = signal.shape
        centres = np.array([level.energy for level in core_levels().values()])
        # Half of the windows reach over the shake-up, half were set by the main lines alone.
        reach = rng.random(number * regions) < 0.5
        main = ~lines.satellite | reach[lines.row]
        position = (lines.energy - centres[lines.row % regions])[main]
        rows, first = np.unique(lines.row[main], return_index=True)
        low = np.zeros(number * regions)
        high = np.zeros(number * regions)
        low[rows] = np.minimum.reduceat(position, first)
        high[rows] = np.maximum.reduceat(position, first)
        lined = np.zeros(number * regions, dtype=bool)
        lined[rows] = True
        lined = lined.reshape(number, regions)
        empty_centre = rng.uniform(-4, 4, (number, regions))
        low = np.where(lined, low.reshape(number, regions), empty_centre)
        high = np.where(lined, high.reshape(number, regions), empty_centre)
        low = low - _log_uniform(config.margin_range, (number, regions), rng)
        high = high + _log_uniform(config.margin_range, (number, regions), rng)

        drop = np.array([config.drop_signal[name] for name in grid.regions])
        present = np.where(
            lined,
            rng.random((number, regions)) >= drop,
            rng.random((number, regions)) < config.empty_region_share,
        )
        carbon = grid.regions.index("C1s")
        fate = rng.random(number)
        alone = (fate < config.carbon_only_share) & lined[:, carbon]
        present[alone] = False
        present[alone, carbon] = True
        single = np.flatnonzero((fate > 1 - config.single_region_share) & lined.any(axis=1))
        for spectrum in single:
            present[spectrum] = False
            present[spectrum, rng.choice(np.flatnonzero(lined[spectrum]))] = True
        # A spectrum without any line teaches nothing.
        lost = ~(present & lined).any(axis=1)
        present[lost] |= lined[lost]
        inside = (grid.offsets >= low[..., None]) & (grid.offsets <= high[..., None])
        return inside & present[..., None]

    def _count(self, signal: FloatArray, window: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.float32]:
        """Scale to counts, add background and Poisson noise, subtract the background again in a part of the spectra."""
        config, grid = self.config, self.grid
        number, regions, _ = signal.shape
        shape = (number, regions, 1)
        wild = rng.random((number, 1)) < config.intensity_wild_share
        sigma = np.where(wild, config.intensity_wild_sigma, config.intensity_sigma)
        signal = signal * np.exp(sigma * rng.normal(size=(number, regions)))[..., None]
        seen = signal * window
        top = seen.max(axis=(1, 2), keepdims=True)
        signal = signal / np.where(top > 0, top, 1.0)
        peak = signal.max(axis=2, keepdims=True)
        # A region without lines has the background of its neighbours.
        base = np.where(peak > 0, peak, rng.uniform(0.05, 1.0, shape))
        level = base * _log_uniform(config.background_level, shape, rng)
        slope = config.background_slope * rng.normal(size=shape) / 10.0
        step = rng.uniform(*config.shirley_step, shape)
        background = level * np.clip(1 + slope * grid.offsets, 0.05, None)
        background = background + step * np.cumsum(signal, axis=2) * grid.step
        counts = _log_uniform(config.peak_counts, (number, 1, 1), rng)
        noisy = rng.poisson(np.where(window, (signal + background) * counts, 0.0)).astype(float)
        subtracted = rng.random((number, 1, 1)) < config.subtracted_share
        noisy -= np.where(subtracted, background * counts, 0.0)
        return np.where(window, noisy, 0.0).astype(np.float32)


def _log_uniform(limits: Range, shape: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
    low, high = np.log(limits)
    return np.exp(rng.uniform(low, high, shape))
