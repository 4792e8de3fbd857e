"""Whole samples, measured in any core levels: organic spectra as ever, and inorganic samples on the absolute axis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..chemistry.groups import group_names
from ..core.core_levels import core_levels
from ..core.element_lines import level_lines
from ..core.grid import Grid
from ..models.lineshapes import pseudo_voigt
from .catalogue import catalogue
from .compounds import material_names, sample_rules
from .config import SimulationConfig, log_uniform
from .counting import count
from .domains import Domains
from .inorganic import InorganicBuilder
from .level_windows import level_windows
from .line_list import BoolArray, FloatArray, IntArray, LineList, Sample, instrument_width, sample_lines, with_ghosts
from .sample_lines import ALUMINIUM, MAGNESIUM, AbsoluteLines, DrawnSample, draw_sample, thickness_of_carbon
from .spectra import SpectrumBatch, SpectrumSimulator
from .windows import NARROWEST

#: Distance in eV from a window's channels up to which lines reach into it.
_REACH = 8.0
_CARBON = "adventitious carbon"
#: Fields of a batch with an axis of regions.
_BY_REGION: Final = frozenset({"counts", "measured", "level", "region_shift", "lined"})


@dataclass(frozen=True)
class SampleBatch:
    """Simulated spectra of any regions, with what is taught of them.

    Parameters
    ----------
    counts : ndarray of float32, shape (n, regions, points)
        Counts, or counts less background; 0 where nothing was measured.
    measured : ndarray of bool, shape (n, regions, points)
        Where there are data.
    level : ndarray of int, shape (n, regions)
        Core level of each region, in the order of the grid; 0 where there is no further region.
    shift : ndarray, shape (n,)
        Measured minus true binding energy in eV, that of C 1s.
    domain_shift, domain_share : ndarray, shape (n, parts)
        As in `SpectrumBatch`.
    region_shift : ndarray, shape (n, regions)
        Differential charging of each region in eV.
    labels : ndarray of bool, shape (n, groups)
        Functional groups.
    materials : ndarray of bool, shape (n, materials)
        Classes of materials.
    has_materials : ndarray of bool, shape (n,)
        Whether materials are known and to be learnt.
    outside : ndarray of bool, shape (n,)
        Not a sample that the network is made for.
    lined : ndarray of bool, shape (n, regions)
        Measured regions with a line of their own core level.
    """

    counts: NDArray[np.float32]
    measured: BoolArray
    level: IntArray
    shift: FloatArray
    domain_shift: FloatArray
    domain_share: FloatArray
    region_shift: FloatArray
    labels: BoolArray
    materials: BoolArray
    has_materials: BoolArray
    outside: BoolArray
    lined: BoolArray

    @classmethod
    def of(cls, drawn: SpectrumBatch) -> SampleBatch:
        """Spectra of the nine core levels of organic samples, of which no materials are known."""
        number, regions, _ = drawn.counts.shape
        return cls(
            drawn.counts,
            drawn.measured,
            np.broadcast_to(np.arange(regions), (number, regions)),
            drawn.shift,
            drawn.domain_shift,
            drawn.domain_share,
            drawn.region_shift,
            drawn.labels,
            np.zeros((number, len(material_names())), dtype=bool),
            np.zeros(number, dtype=bool),
            drawn.outside,
            drawn.lined,
        )

    def rows(self, chosen: slice) -> SampleBatch:
        """Return some of the spectra."""
        return SampleBatch(**{name: getattr(self, name)[chosen] for name in self.__dataclass_fields__})

    @classmethod
    def joined(cls, first: SampleBatch, second: SampleBatch) -> SampleBatch:
        """One batch after the other; regions are filled up with unmeasured ones."""
        most = max(first.level.shape[1], second.level.shape[1])
        parts: dict[str, Any] = {}
        for name in cls.__dataclass_fields__:
            values = [getattr(batch, name) for batch in (first, second)]
            if name in _BY_REGION:
                values = [
                    np.pad(value, [(0, 0), (0, most - value.shape[1]), *[(0, 0)] * (value.ndim - 2)])
                    for value in values
                ]
            parts[name] = np.concatenate(values)
        return cls(**parts)


def sample_grid() -> Grid:
    """Grid of all core levels that samples are measured in."""
    return Grid(levels=tuple(level_windows().items()))


@dataclass(frozen=True)
class SampleSimulator:
    """Simulator of samples for a network of many core levels.

    Parameters
    ----------
    organic : SpectrumSimulator
        Draws spectra of the nine core levels.
    config : SimulationConfig
        Ranges to draw from; ``whole_share`` of the spectra are of whole samples.
    grid : Grid
        All core levels.
    """

    organic: SpectrumSimulator
    config: SimulationConfig
    grid: Grid

    @classmethod
    def of(cls, organic: SpectrumSimulator) -> SampleSimulator:
        """Make the simulator from that of organic samples; with whole samples its grid has many core levels."""
        config = organic.config
        grid = sample_grid() if config.whole_share else organic.grid
        return cls(organic, config, grid)

    def draw(self, number: int, rng: np.random.Generator) -> SampleBatch:
        """Draw `number` spectra; the same generator state gives the same spectra."""
        whole = round(number * self.config.whole_share)
        if not whole:
            return SampleBatch.of(self.organic.draw(number, rng))
        if whole == number:
            return self._whole_samples(number, rng)
        return SampleBatch.joined(
            SampleBatch.of(self.organic.draw(number - whole, rng)), self._whole_samples(whole, rng)
        )

    def _whole_samples(self, number: int, rng: np.random.Generator) -> SampleBatch:
        config, rules, library = self.config, sample_rules(), self.organic.library
        polymer = rng.random(number) < rules["sample"]["polymer"]
        filled = polymer & (rng.random(number) < rules["sample"]["polymer_filled"])
        # 2 in `source` is magnesium, 1 is aluminium, both without monochromator.
        magnesium = rng.random(number) < rules["windows"]["magnesium"]
        ghost = rng.random(number) < config.ghost_share
        source = np.where(magnesium, 2, np.where(ghost, 1, 0))
        width = instrument_width(source, config, rng)
        photon = np.where(magnesium, MAGNESIUM, ALUMINIUM)
        thickness = thickness_of_carbon(polymer, rng)
        structures, shares = self.organic.mixtures(number, rng)
        structures[~polymer], shares[~polymer] = -1, 0.0
        nine = len(core_levels())
        zeros = np.zeros((number, nine))
        sample = Sample(structures, shares, np.zeros(number), zeros, source, width, zeros)

        organic = sample_lines(sample, library, config, self.organic.grid, rng)
        inorganic, drawn = self._inorganic(polymer, filled, photon, width, thickness, rng)
        carbon = self._carbon(sample, thickness, rng)
        lines = LineList.joined(*(_absolute(part, nine) for part in (organic, carbon)), inorganic)
        shift = rng.uniform(*config.shift_range, number)
        domains = Domains.draw(number, np.zeros(number, dtype=bool), config, rng)
        lines = domains.split(lines.take(np.arange(lines.row.size), energy=shift[lines.row]), 1)
        lines = with_ghosts(lines, source, 1, config)

        organic_levels = self._organic_levels(organic, number)
        level, low, high, has_line = self._windows(organic_levels, drawn, thickness > 0, rng)
        region_shift = self._differential(level, rng)
        moved = region_shift + rng.normal(0, config.region_scale_sigma, level.shape)
        window = self._charged_windows(low, high, shift, rng) & (level >= 0)[..., None]
        signal = self._render(lines, level, moved)
        counts, measured = count(signal, window, config, self.grid, rng)
        labels = np.zeros((number, len(group_names())), dtype=bool)
        for column in structures.T:
            labels |= library.labels[column] & (column >= 0)[:, None]
        names = material_names()
        materials = np.array([[name in sample.materials for name in names] for sample in drawn])
        materials[:, names.index(_CARBON)] = thickness > 0
        return SampleBatch(
            counts,
            measured,
            np.maximum(level, 0),
            shift,
            shift[:, None] + domains.offset,
            domains.share,
            region_shift,
            labels,
            materials,
            np.ones(number, dtype=bool),
            np.zeros(number, dtype=bool),
            has_line & measured.any(-1),
        )

    def _inorganic(
        self,
        polymer: BoolArray,
        filled: BoolArray,
        photon: FloatArray,
        width: FloatArray,
        thickness: FloatArray,
        rng: np.random.Generator,
    ) -> tuple[LineList, list[DrawnSample]]:
        lines = AbsoluteLines(self.config)
        drawn = []
        for row in range(polymer.size):
            if polymer[row] and not filled[row]:
                drawn.append(DrawnSample(frozenset(), ()))
                continue
            lines.begin(row, float(photon[row]), float(width[row]), float(thickness[row]), rng)
            drawn.append(draw_sample(lines, bool(polymer[row]), rng))
        return lines.line_list(), drawn

    def _carbon(self, sample: Sample, thickness: FloatArray, rng: np.random.Generator) -> LineList:
        """Adventitious carbon, whose area grows with its thickness."""
        rules = sample_rules()["carbon"]
        builder = InorganicBuilder(sample, self.organic.grid, catalogue(), self.config)
        # Kinetic energy of C 1s with aluminium in keV.
        length = rules["attenuation"] * 1.2 ** rules["exponent"]
        for row in np.flatnonzero(thickness > 0):
            builder.begin(int(row), rng)
            builder.add_carbon(float(1 - np.exp(-thickness[row] / length)), rng)
        return builder.line_list()

    def _organic_levels(self, lines: LineList, number: int) -> list[set[str]]:
        nine = self.organic.grid.regions
        levels: list[set[str]] = [set() for _ in range(number)]
        for row in np.unique(lines.row).tolist():
            levels[row // len(nine)].add(nine[row % len(nine)])
        return levels

    def _windows(
        self, organic: list[set[str]], drawn: list[DrawnSample], covered: BoolArray, rng: np.random.Generator
    ) -> tuple[IntArray, FloatArray, FloatArray, BoolArray]:
        """Regions of each spectrum, -1 where there is no further one, their ends, and whether they have a line.

        Ends are in eV relative to the centre of the core level's channel.
        """
        config, rules = self.config, sample_rules()["windows"]
        names, centres = self.grid.regions, self.grid.centres
        places = {name: place for place, name in enumerate(names)}
        nine = self.organic.grid.regions
        shape = (len(drawn), rules["most"])
        level, low, high = np.full(shape, -1), np.zeros(shape), np.zeros(shape)
        has_line = np.zeros(shape, dtype=bool)
        for row, (of_polymer, sample) in enumerate(zip(organic, drawn, strict=True)):
            lined = of_polymer | {name for name in sample.levels if name in places}
            lined |= {"C1s", "O1s"} if covered[row] else set()
            wanted = []
            for name in sorted(lined, key=places.__getitem__):
                chance = {"C1s": rules["carbon"], "O1s": rules["oxygen"]}.get(name, rules["level"])
                if rng.random() < chance:
                    wanted.append(name)
            if not set(wanted) & lined:
                wanted.append(str(rng.choice(sorted(lined))))
            wanted += [name for name in nine if name not in lined and rng.random() < rules["empty"]]
            if rng.random() < rules["foreign"]:
                wanted.append(names[rng.integers(len(names))])
            wanted = list(dict.fromkeys(wanted))[: rules["most"]]
            for column, name in enumerate(wanted):
                begin, end = _main_lines(name, rng)
                margins = log_uniform(config.margin_range, (2,), rng)
                cut = (rng.random(2) < config.cut_share) & (name in lined)
                margins = np.where(cut, rng.uniform(*config.cut_margin, 2), margins)
                level[row, column] = places[name]
                has_line[row, column] = name in lined
                low[row, column] = begin - centres[places[name]] - margins[0]
                high[row, column] = end - centres[places[name]] + margins[1]
        narrow = np.clip(NARROWEST - (high - low), 0.0, None) / 2
        return level, low - narrow, high + narrow, has_line

    def _charged_windows(
        self, low: FloatArray, high: FloatArray, shift: FloatArray, rng: np.random.Generator
    ) -> BoolArray:
        """Windows that follow the charging, and, as often, wide ones that hold the uncharged position too."""
        offsets = self.grid.offsets
        wide = rng.random(shift.size) < 0.5
        begin = low + np.where(wide, np.minimum(shift, 0.0), shift)[:, None]
        end = high + np.where(wide, np.maximum(shift, 0.0), shift)[:, None]
        # Where a window leaves the grid altogether, what is left of it is its end.
        begin = np.minimum(begin, offsets[-1] - NARROWEST)
        end = np.maximum(end, offsets[0] + NARROWEST)
        window: BoolArray = (offsets >= begin[..., None]) & (offsets <= end[..., None])
        return window

    def _differential(self, level: IntArray, rng: np.random.Generator) -> FloatArray:
        config = self.config
        weak = rng.normal(0, config.region_shift_sigma, level.shape)
        strong = rng.uniform(-config.region_shift_strong, config.region_shift_strong, level.shape)
        number = len(level)
        region_shift = np.where(rng.random((number, 1)) < config.region_shift_strong_share, strong, weak)
        has_gain_error = rng.random((number, 1)) < config.gain_share
        gain = np.where(has_gain_error, rng.uniform(-config.gain_error, config.gain_error, (number, 1)), 0.0)
        carbon = self.grid.regions.index("C1s")
        region_shift += gain * (self.grid.centres[level] - self.grid.centres[carbon])
        region_shift[level == carbon] = 0.0
        return region_shift

    def _render(self, lines: LineList, level: IntArray, moved: FloatArray) -> FloatArray:
        """Draw every line into every window that it reaches, shape (n, regions, points)."""
        number, regions = level.shape
        offsets = self.grid.offsets
        starts = np.searchsorted(lines.row, np.arange(number + 1))
        spectrum, column = np.nonzero(level >= 0)
        lengths = starts[spectrum + 1] - starts[spectrum]
        region = np.repeat(np.arange(spectrum.size), lengths)
        first = np.repeat(np.cumsum(lengths) - lengths, lengths)
        line = starts[spectrum][region] + np.arange(lengths.sum()) - first
        centre = self.grid.centres[level[spectrum, column]] - moved[spectrum, column]
        position = lines.energy[line] - centre[region]
        near = np.abs(position) < offsets[-1] + _REACH
        line, region, position = line[near], region[near], position[near]
        curves = pseudo_voigt(
            offsets.astype(np.float32)[None, :],
            position.astype(np.float32)[:, None],
            lines.fwhm[line].astype(np.float32)[:, None],
            lines.lorentzian[line].astype(np.float32)[:, None],
        )
        curves *= lines.area[line].astype(np.float32)[:, None]
        signal = np.zeros((number, regions, offsets.size))
        rows, begin = np.unique(region, return_index=True)
        if rows.size:
            signal[spectrum[rows], column[rows]] = np.add.reduceat(curves, begin, axis=0)
        return signal


def _absolute(lines: LineList, regions: int) -> LineList:
    """Lines whose rows are samples and not regions of samples."""
    row = lines.row // regions
    return LineList(row, lines.energy, lines.area, lines.fwhm, lines.lorentzian, lines.satellite, lines.ghost)


def _main_lines(level: str, rng: np.random.Generator) -> tuple[float, float]:
    """Find the true energies in eV between which a core level's lines lie, with or without a doublet's second line."""
    if level in core_levels():
        known = core_levels()[level]
        middle = level_lines(level)[0]
        return middle.low, middle.high + (known.splitting or 0.0)
    lines = level_lines(level)
    whole = rng.random() < sample_rules()["windows"]["doublet"]
    return lines[0].low, max(lines[0].high, lines[-1].high if whole else 0.0)
