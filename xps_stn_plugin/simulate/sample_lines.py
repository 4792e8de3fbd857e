"""Lines of inorganic samples on the absolute energy axis: phases under layers, every line of every element."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.element_lines import AL_K_ALPHA, auger_lines, level_lines
from .catalogue import catalogue
from .compounds import (
    Atoms,
    Phase,
    draw_compound,
    draw_metals,
    element_lines,
    metal_of,
    native_oxide,
    sample_rules,
    scattered,
    shake_up,
)
from .config import SimulationConfig, log_uniform
from .inorganic import TAIL_LINES, TAIL_STEP
from .line_list import FloatArray, LineList

#: Photon energies in eV of the two usual anodes.
ALUMINIUM, MAGNESIUM = AL_K_ALPHA, 1253.6
#: Weakest line that is drawn, relative to the strongest of its element.
_LEAST = 2e-3


@dataclass
class AbsoluteLines:
    """Builder of the lines of samples, one sample after the other; rows are samples."""

    config: SimulationConfig
    sample: int = 0
    photon_energy: float = ALUMINIUM
    width: float = 1.0
    lorentzian: float = 0.0
    transmission: float = 0.0
    overlayer: float = 0.0
    offset: float = 0.0
    rows: list[tuple[float, float, float, float, float]] = field(default_factory=list)

    def begin(
        self, sample: int, photon_energy: float, width: float, overlayer: float, rng: np.random.Generator
    ) -> None:
        """Start a sample.

        Parameters
        ----------
        sample : int
            Its row.
        photon_energy, width : float
            Of the instrument in eV.
        overlayer : float
            Thickness of adventitious carbon in nm.
        rng : numpy.random.Generator
        """
        rules = sample_rules()
        scale = catalogue().scale
        self.sample, self.photon_energy, self.width, self.overlayer = sample, photon_energy, width, overlayer
        self.lorentzian = float(rng.uniform(*rules["sample"]["lorentzian"]))
        self.transmission = float(rng.uniform(*rules["carbon"]["transmission"]))
        self.offset = float(scale["offset"]) + scattered(scale["scatter"], rng)

    def line_list(self) -> LineList:
        """All lines; measured is true energy here."""
        columns = np.array(self.rows, dtype=float).reshape(-1, 5)
        row = columns[:, 0].astype(np.int64)
        no_flags = np.zeros(row.size, dtype=bool)
        return LineList(row, columns[:, 1], columns[:, 2], columns[:, 3], columns[:, 4], no_flags, no_flags)

    def seen_through(self, energy: FloatArray | float, thickness: float) -> FloatArray:
        """Share of the electrons of a binding energy (eV) that a layer (nm) lets pass."""
        carbon = sample_rules()["carbon"]
        kinetic = np.maximum(self.photon_energy - np.asarray(energy), 20.0) / 1000.0
        return np.asarray(np.exp(-thickness / (carbon["attenuation"] * kinetic ** carbon["exponent"])))

    def add_phase(self, phase: Phase, amount: float, below: float, thickness: float, rng: np.random.Generator) -> None:
        """Add the lines of a phase.

        Parameters
        ----------
        phase : Phase
        amount : float
            Of atoms, relative to a whole sample.
        below : float
            Thickness in nm of what covers it beside adventitious carbon.
        thickness : float
            Of the phase in nm; infinite for a substrate.
        rng : numpy.random.Generator
        """
        rules = sample_rules()["sample"]
        widths = rules["metal_width"] if phase.material == "metal" else rules["width"]
        gaussian = self.width * float(rng.uniform(*widths))
        for atoms in phase.atoms:
            self._add_atoms(atoms, amount * atoms.number, below, thickness, gaussian, rng)

    def _add_atoms(
        self, atoms: Atoms, amount: float, below: float, thickness: float, gaussian: float, rng: np.random.Generator
    ) -> None:
        rules, scale = sample_rules()["sample"], catalogue().scale
        state = atoms.state
        lines = element_lines(state.element, (ALUMINIUM, MAGNESIUM))
        scatter = scattered(max(state.spread, scale["least_spread"]), rng)
        chemical = state.energy - level_lines(state.level)[0].energy + scatter
        energy = lines.energy + chemical + self.offset
        own = np.array([level == state.level for level in lines.levels])
        # Other levels follow to some tenths of an eV; both lines of a doublet move alike.
        follow = {level: scattered(rules["level_scatter"], rng) for level in set(lines.levels)}
        energy += np.where(own, 0.0, [follow[level] for level in lines.levels])
        kinetic = np.maximum(self.photon_energy - energy, 20.0) / 1000.0
        area = amount * lines.cross_section[self.photon_energy] * kinetic**self.transmission
        depth = self.seen_through(energy, below + self.overlayer)
        if np.isfinite(thickness):
            depth = depth * (1 - self.seen_through(energy, thickness))
        area = area * depth
        strongest = float(area.max(initial=0.0))
        fwhm = 0.5346 * lines.width + np.sqrt(0.2166 * lines.width**2 + gaussian**2)
        fraction = np.clip(self.lorentzian + lines.width / fwhm * 0.8, 0.0, 1.0)
        for index in np.flatnonzero(area > _LEAST * strongest):
            self._add(energy[index], area[index], fwhm[index], fraction[index])
            if atoms.metallic and own[index]:
                self._add_tail(energy[index], area[index], fwhm[index], rng)
        main = np.flatnonzero(own & (area > 0))
        for distance, share in shake_up(state, rng):
            width = float(rng.uniform(*rules["satellite_width"]))
            for index in main:
                self._add(energy[index] + distance, area[index] * share, width, self.lorentzian)
        self._add_augers(state.element, chemical, strongest, rng)

    def _add_augers(self, element: str, chemical: float, strongest: float, rng: np.random.Generator) -> None:
        rules: Any = sample_rules()["sample"]
        fall = chemical * float(rng.uniform(*rules["auger_follows"]))
        for line in auger_lines().get(element, ()):
            kinetic = float(np.clip(line.energy - fall, line.low, line.high)) - self.offset
            if 0 < kinetic < self.photon_energy:
                share = float(log_uniform(rules["auger_area"], (), rng))
                width = float(rng.uniform(*rules["auger_width"]))
                self._add(self.photon_energy - kinetic, strongest * share, width, self.lorentzian)

    def _add_tail(self, energy: float, area: float, width: float, rng: np.random.Generator) -> None:
        index = float(rng.uniform(*sample_rules()["sample"]["conductor_asymmetry"]))
        distances = TAIL_STEP * np.arange(1, TAIL_LINES + 1)
        weights = index * distances ** (index - 1) * TAIL_STEP
        for distance, weight in zip(distances, weights, strict=True):
            self._add(energy + float(distance), area * float(weight), max(width, 2 * TAIL_STEP), self.lorentzian)

    def add_surface(self, amount: float, energy: float, rng: np.random.Generator) -> None:
        """Add an O 1s line of the area `amount`, of water or hydroxide on the surface."""
        width = self.width * float(rng.uniform(*sample_rules()["sample"]["width"])) * 1.1
        self._add(
            energy + self.offset, amount * float(self.seen_through(energy, self.overlayer)), width, self.lorentzian
        )

    def oxygen_area(self) -> float:
        """Area of what lies in the O 1s window of this sample, or of its strongest line."""
        own = [row for row in self.rows if row[0] == self.sample]
        oxygen = sum(row[2] for row in own if 526.0 < row[1] < 536.0)
        return oxygen or max((row[2] for row in own), default=1.0)

    def _add(self, energy: float, area: float, fwhm: float, lorentzian: float) -> None:
        self.rows.append((float(self.sample), float(energy), float(area), float(fwhm), float(lorentzian)))


@dataclass(frozen=True)
class DrawnSample:
    """What a sample was put together of: its materials, and its core levels that are likely to be measured."""

    materials: frozenset[str]
    levels: tuple[str, ...]


def draw_sample(lines: AbsoluteLines, with_polymer: bool, rng: np.random.Generator) -> DrawnSample:
    """Add the lines of the inorganic parts of a sample that was begun."""
    rules = sample_rules()["sample"]
    layers: list[tuple[Phase, float, float, float]] = []
    if with_polymer:
        layers.append((draw_compound(rng), float(log_uniform(rules["filler_amount"], (), rng)), 0.0, np.inf))
    elif rng.random() < rules["metal"]:
        states = draw_metals(2 if rng.random() < rules["alloy"] else 1, rng)
        oxide = native_oxide(states[0], rng) if rng.random() < rules["native_oxide"] else None
        thickness = float(log_uniform(rules["oxide_thickness"], (), rng)) if oxide else 0.0
        layers.append((metal_of(states, rng), 1.0, thickness, np.inf))
        if oxide:
            layers.append((oxide, 1.0, 0.0, thickness))
    else:
        layers.append((draw_compound(rng), 1.0, 0.0, np.inf))
        if rng.random() < rules["second"]:
            layers.append((draw_compound(rng), float(log_uniform(rules["second_amount"], (), rng)), 0.0, np.inf))
    if rng.random() < rules["salt"]:
        layers.append((draw_compound(rng), float(log_uniform(rules["salt_amount"], (), rng)), 0.0, np.inf))
    levels: dict[str, None] = {}
    materials = set()
    for phase, amount, below, thickness in layers:
        lines.add_phase(phase, amount, below, thickness, rng)
        materials.add(phase.material)
        levels.update(dict.fromkeys(atoms.state.level for atoms in phase.atoms))
    if not with_polymer:
        for name, entry in sample_rules()["surface"].items():
            if rng.random() < entry["chance"]:
                share = float(rng.uniform(*entry["amount"]))
                lines.add_surface(share * lines.oxygen_area(), entry["energy"] + scattered(entry["spread"], rng), rng)
                levels["O1s"] = None
                if share >= entry["labelled"]:
                    materials.add(name)
    return DrawnSample(frozenset(materials - {""}), tuple(levels))


def thickness_of_carbon(polymer: NDArray[np.bool_], rng: np.random.Generator) -> FloatArray:
    """Thickness of adventitious carbon in nm, 0 where there is none, shape (n,)."""
    rules = sample_rules()["carbon"]
    covered = rng.random(polymer.size) < np.where(polymer, rules["on_polymers"], 1 - rules["bare"])
    thick = log_uniform(rules["thickness"], polymer.shape, rng)
    least, most = rules["polymer_thickness"]
    thin = rng.uniform(least, most, polymer.size)
    return np.where(covered, np.where(polymer, thin, thick), 0.0)
