"""Inorganic phases, foreign elements and adventitious carbon: lines without a functional group."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..core.core_levels import core_levels
from ..core.grid import Grid
from ..models.lineshapes import vibrational_weights
from .catalogue import Catalogue, InorganicLine, catalogue
from .config import SimulationConfig, log_uniform
from .line_list import VIBRATIONAL_MEMBERS, BoolArray, FloatArray, LineList, Sample

#: Tail of a conductor, drawn as lines this many eV apart that fall as the excitation energy to the power (index - 1):
#: Doniach & Sunjic 1970, J. Phys. C 3, 285.
TAIL_STEP, TAIL_LINES = 0.3, 16
#: Bonds of adventitious carbon to oxygen, by their names in inorganic.toml.
_SINGLE_BOND, _DOUBLE_BOND = "C-O", "C=O"


def inorganic_lines(
    sample: Sample, inorganic: BoolArray, config: SimulationConfig, grid: Grid, rng: np.random.Generator
) -> LineList:
    """Lines of inorganic phases, of foreign elements and of adventitious carbon.

    Parameters
    ----------
    sample : Sample
        Charging, widths, and structures: adventitious carbon covers all samples without any, some of the others.
    inorganic : ndarray of bool, shape (n,)
        Samples with inorganic phases.
    config : SimulationConfig
        Vibrations.
    grid : Grid
        Names the regions.
    rng : numpy.random.Generator
        Where chance comes from.
    """
    rules = catalogue().adventitious
    organic = sample.structures[:, 0] >= 0
    chance = np.where(organic, config.adventitious_share, 1 - rules["none"])
    covered = rng.random(organic.size) < chance
    covered &= organic | inorganic
    lines = InorganicBuilder(sample, grid, catalogue(), config)
    for spectrum in np.flatnonzero(covered | inorganic):
        lines.begin(int(spectrum), rng)
        bare = not (inorganic[spectrum] and lines.add_phases(bool(organic[spectrum]), rng))
        # What has no line in the windows shows at least its carbon.
        if covered[spectrum] or (bare and not organic[spectrum]):
            amount = float(log_uniform(rules["on_polymers"], (), rng)) if organic[spectrum] else 1.0
            lines.add_carbon(amount, rng)
    return lines.line_list()


@dataclass
class InorganicBuilder:
    """Builder of a line list, one spectrum after the other."""

    sample: Sample
    grid: Grid
    catalogue: Catalogue
    config: SimulationConfig
    spectrum: int = 0
    lorentzian: float = 0.0
    offset: float = 0.0
    #: row, energy, area, FWHM, Lorentzian share, whether windows are set regardless of it
    rows: list[tuple[float, float, float, float, float, bool]] = field(default_factory=list)

    def begin(self, spectrum: int, rng: np.random.Generator) -> None:
        """Start a spectrum."""
        self.spectrum = spectrum
        self.lorentzian = rng.uniform(*self.catalogue.sample["lorentzian"])
        self.offset = self._normal(self.catalogue.scale["scatter"], rng)

    def line_list(self) -> LineList:
        """All lines that were added."""
        columns = np.array(self.rows, dtype=float).reshape(-1, 6)
        satellite: NDArray[np.bool_] = columns[:, 5] > 0
        row = columns[:, 0].astype(np.int64)
        ghost = np.zeros(row.size, dtype=bool)
        return LineList(row, columns[:, 1], columns[:, 2], columns[:, 3], columns[:, 4], satellite, ghost)

    def add_carbon(self, amount: float, rng: np.random.Generator) -> None:
        """Add adventitious carbon whose C-C has the area `amount`."""
        rules = self.catalogue.adventitious
        carbon, oxygen = self.grid.regions.index("C1s"), self.grid.regions.index("O1s")
        width = rng.uniform(*rules["width"])
        quanta = rng.uniform(*self.config.huang_rhys_range) * 2 * rng.uniform(*rules["vibration"])
        energy = rules["energy"] + self._normal(rules["scatter"], rng)
        weights = vibrational_weights(np.array([quanta]), VIBRATIONAL_MEMBERS)[0]
        for member, weight in enumerate(weights):
            self._add(carbon, energy + member * self.config.vibration_energy, amount * float(weight), width)
        sensitivity = rules["oxygen_seen"] * core_levels()["O1s"].sensitivity
        bound = {_SINGLE_BOND: 0.0, _DOUBLE_BOND: 0.0}
        for name, limits in rules["shares"].items():
            share = rng.uniform(*limits)
            position = rules["energies"][name] + self._normal(rules["energy_scatter"], rng)
            self._add(carbon, position, amount * share, width)
            single = 0.5 if name == "O-C=O" else float(name == _SINGLE_BOND)
            atoms = share * rules["oxygen"][name]
            bound[_SINGLE_BOND] += single * atoms
            bound[_DOUBLE_BOND] += (1 - single) * atoms
        for name, atoms in bound.items():
            position = rules["oxygen_energies"][name] + self._normal(rules["oxygen_scatter"], rng)
            self._add(oxygen, position, amount * atoms * sensitivity, width * self.config.fwhm_factor["O1s"])

    def add_phases(self, organic: bool, rng: np.random.Generator) -> bool:
        """Add one or two phases, what covers them, and foreign elements; return whether they have a line."""
        rules, phases, elements = self.catalogue.sample, self.catalogue.phases, self.catalogue.foreign
        parts = [_drawn(phases, self.catalogue.phase_chance, rng)]
        if rng.random() < rules["second"]:
            parts.append(_drawn(phases, self.catalogue.phase_chance, rng))
        first_foreign = len(parts)
        while len(parts) < first_foreign + 2 and rng.random() < rules["foreign"]:
            parts.append(_drawn(elements, self.catalogue.foreign_chance, rng))
        foreign = range(first_foreign, len(parts))
        # The salt or filler of a polymer is not a surface, so nothing covers it.
        covers = {} if organic else rules["companions"]
        companions = {
            name: rng.uniform(lowest, highest)
            for name, (chance, lowest, highest) in covers.items()
            if rng.random() < chance
        }
        amounts = [1.0, *log_uniform(rules["further_amount"], (len(parts) - 1,), rng), *companions.values()]
        parts += [phases[name] for name in companions]
        total = float(log_uniform(rules["beside" if organic else "amount"], (), rng))
        scale = total / sum(amounts)
        for number, (part, amount) in enumerate(zip(parts, amounts, strict=True)):
            self._add_part(part, amount * scale, number in foreign, rng)
        return any(parts)

    def _add_part(
        self, lines: tuple[InorganicLine, ...], amount: float, foreign: bool, rng: np.random.Generator
    ) -> None:
        """Add the lines of one phase or element, `amount` in all."""
        if not lines:
            return
        rules = self.catalogue.scale
        areas = np.array([line.area for line in lines]) * np.exp(rules["partner_scatter"] * rng.normal(size=len(lines)))
        areas *= amount / areas.sum()
        first = 0.0
        for number, (line, area) in enumerate(zip(lines, areas, strict=True)):
            energy = line.energy + self._normal(line.spread, rng)
            if line.above is not None:
                energy = first + line.above + self._normal(rules["least_spread"], rng)
            if number == 0:
                first = energy
            width = rng.uniform(*line.width)
            # Windows are set after the element that was looked for, not after what else may lie there.
            satellite = foreign or line.above is not None
            self._add(line.region, energy + self.offset, float(area) / (1 + line.ratio), width, satellite)
            if line.splitting:
                part = float(area) * line.ratio / (1 + line.ratio)
                self._add(line.region, energy + self.offset + line.splitting, part, width, satellite)
            if line.asymmetry is not None:
                self._add_tail(line, energy + self.offset, float(area), width, rng)

    def _add_tail(
        self, line: InorganicLine, energy: float, area: float, width: float, rng: np.random.Generator
    ) -> None:
        index = rng.uniform(*line.asymmetry) if line.asymmetry else 0.0
        distances = TAIL_STEP * np.arange(1, TAIL_LINES + 1)
        tail_width = max(width, 2 * TAIL_STEP / float(self.sample.width[self.spectrum]))
        for distance, weight in zip(distances, index * distances ** (index - 1) * TAIL_STEP, strict=True):
            self._add(line.region, energy + float(distance), area * float(weight), tail_width, True)

    def _add(self, region: int, energy: float, area: float, width: float, satellite: bool = False) -> None:
        sample, spectrum = self.sample, self.spectrum
        measured_energy = (
            energy + sample.shift[spectrum] + sample.region_shift[spectrum, region] + sample.scale[spectrum, region]
        )
        row = spectrum * len(self.grid.regions) + region
        self.rows.append((row, measured_energy, area, width * sample.width[spectrum], self.lorentzian, satellite))

    def _normal(self, sigma: float, rng: np.random.Generator) -> float:
        limit = self.catalogue.scale["reach"]
        value: float = sigma * max(-limit, min(limit, float(rng.normal())))
        return value


def _drawn(
    choices: Mapping[str, tuple[InorganicLine, ...]], chance: FloatArray, rng: np.random.Generator
) -> tuple[InorganicLine, ...]:
    """Draw the lines of one phase or element."""
    return list(choices.values())[rng.choice(len(choices), p=chance)]
