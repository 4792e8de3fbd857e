"""Inorganic compounds and metals from the table of chemical states: atoms of each element with its chemical shift."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..chemistry.satellites import shake_ups
from ..chemistry.states import ChemicalState, chemical_states, states_of
from ..core.element_lines import level_lines, photo_lines
from .catalogue import catalogue

FloatArray = NDArray[np.float64]

#: Levels of elements that are drawn as anions alone; silicon, phosphorus, boron and others are cations as well.
_ANIONS: Final = frozenset({"O1s", "C1s", "N1s", "F1s", "Cl2p", "Br3d", "I3d", "S2p"})


@cache
def sample_rules() -> Mapping[str, Any]:
    """Tables of ``simulate/data/samples.toml``, where they are explained."""
    text = files(__package__).joinpath("data", "samples.toml").read_text(encoding="utf-8")
    return MappingProxyType(tomllib.loads(text))


def material_names() -> tuple[str, ...]:
    """Classes of materials in the order of the network's outputs."""
    return tuple(sample_rules()["classes"])


@dataclass(frozen=True)
class Atoms:
    """Atoms of an element in one chemical state.

    Parameters
    ----------
    state : ChemicalState
        State that the energies are taken from.
    number : float
        Relative to the other atoms of the compound.
    metallic : bool
        Whether the lines have the tail of a conductor.
    """

    state: ChemicalState
    number: float
    metallic: bool


@dataclass(frozen=True)
class Phase:
    """A compound or a metal: its class of materials ("" for none) and its atoms, the numbers of which sum to 1."""

    material: str
    atoms: tuple[Atoms, ...]


@dataclass(frozen=True)
class _Choices:
    """States to draw cations from, by kind, with their chances."""

    kinds: tuple[str, ...]
    kind_chance: FloatArray
    states: Mapping[str, tuple[ChemicalState, ...]]
    chance: Mapping[str, FloatArray]
    metals: tuple[ChemicalState, ...]
    metal_chance: FloatArray


def draw_compound(rng: np.random.Generator) -> Phase:
    """Draw a compound: a kind, a cation with a state of that kind, and the anion that goes with it."""
    choices = _choices()
    kind = choices.kinds[rng.choice(len(choices.kinds), p=choices.kind_chance)]
    states = choices.states[kind]
    return compound_of(states[rng.choice(len(states), p=choices.chance[kind])], rng)


def draw_metals(number: int, rng: np.random.Generator) -> tuple[ChemicalState, ...]:
    """Draw elements in their metallic state."""
    choices = _choices()
    picked = rng.choice(len(choices.metals), number, replace=False, p=choices.metal_chance)
    return tuple(choices.metals[index] for index in picked)


def metal_of(states: tuple[ChemicalState, ...], rng: np.random.Generator) -> Phase:
    """Metal or alloy."""
    numbers = rng.uniform(0.15, 1.0, len(states))
    numbers /= numbers.sum()
    atoms = tuple(Atoms(state, float(number), True) for state, number in zip(states, numbers, strict=True))
    return Phase("metal", atoms)


def native_oxide(metal: ChemicalState, rng: np.random.Generator) -> Phase | None:
    """Draw an oxide of a metal; None where the table has none."""
    oxides = [state for state in states_of(metal.level) if state.kind == "oxide"]
    return compound_of(oxides[rng.integers(len(oxides))], rng) if oxides else None


def compound_of(state: ChemicalState, rng: np.random.Generator) -> Phase:
    """Compound of a cation in a state, with the anion of the state's kind."""
    rules = sample_rules()
    kind = rules["kinds"][state.kind]
    charge = float(state.oxidation or rules["sample"]["usual_charge"])
    atoms = [Atoms(state, 1.0, False)]
    for level, fallback, each in kind["partners"]:
        partner = _named(level, state.name) or _named(level, fallback)
        if partner is not None:
            number = charge * each * np.exp(rules["sample"]["stoichiometry"] * rng.normal())
            atoms.append(Atoms(partner, float(number), False))
    total = sum(each.number for each in atoms)
    return Phase(kind["material"], tuple(Atoms(each.state, each.number / total, False) for each in atoms))


@dataclass(frozen=True)
class ElementLines:
    """Photoelectron lines of an element as arrays.

    Parameters
    ----------
    levels : tuple of str
        Core level of each line.
    energy, width : ndarray, shape (lines,)
        Binding energy of the reference state and natural width in eV.
    cross_section : Mapping of float to ndarray, shape (lines,)
        By photon energy in eV; 0 where it does not reach the line.
    """

    levels: tuple[str, ...]
    energy: FloatArray
    width: FloatArray
    cross_section: Mapping[float, FloatArray]


@cache
def element_lines(element: str, photon_energies: tuple[float, ...]) -> ElementLines:
    """Return the lines of an element, the main subshell first."""
    lines = sorted(photo_lines()[element], key=lambda line: not line.main)
    sections = {
        energy: np.array([line.cross_section(energy) or 0.0 for line in lines]) for energy in photon_energies
    }  # fmt: skip
    return ElementLines(
        tuple(line.level for line in lines),
        np.array([line.energy for line in lines]),
        np.array([line.width or 0.1 for line in lines]),
        MappingProxyType(sections),
    )


def shake_up(state: ChemicalState, rng: np.random.Generator) -> list[tuple[float, float]]:
    """Draw satellites of a state's main line: distance in eV and area relative to it."""
    return [
        (
            satellite.distance + satellite.reach * float(rng.uniform(-0.5, 0.5)),
            satellite.most * float(rng.uniform(0.1, 1.0)),
        )
        for satellite in shake_ups().get(state.level, ())
        if state.oxidation in satellite.oxidation
    ]  # fmt: skip


def scattered(sigma: float, rng: np.random.Generator) -> float:
    """Draw a deviation in eV whose normal distribution ends as those of the inorganic lines do."""
    reach = float(catalogue().scale["reach"])
    return sigma * max(-reach, min(reach, float(rng.normal())))


def _named(level: str, name: str) -> ChemicalState | None:
    return next((state for state in chemical_states().get(level, ()) if state.name == name), None)


@cache
def _choices() -> _Choices:
    rules = sample_rules()
    by_kind: dict[str, list[ChemicalState]] = {}
    for level, states in chemical_states().items():
        lines = level_lines(level)
        # Elements with states of two levels are drawn by their main one.
        if not lines or level[:-2] in rules["never"] or not lines[0].main:
            continue
        for state in states:
            if state.kind == "element" and level != "C1s" and (lines[0].metallic or state.element in ("Si", "Ge")):
                by_kind.setdefault("element", []).append(state)
            elif state.kind != "element" and level not in _ANIONS:
                by_kind.setdefault(state.kind, []).append(state)
    kinds = tuple(kind for kind, entry in rules["kinds"].items() if entry["weight"] > 0 and by_kind.get(kind))
    weights = np.array([rules["kinds"][kind]["weight"] for kind in kinds])
    metals = tuple(by_kind["element"])
    return _Choices(
        kinds,
        weights / weights.sum(),
        MappingProxyType({kind: tuple(by_kind[kind]) for kind in kinds}),
        MappingProxyType({kind: _chances(by_kind[kind]) for kind in kinds}),
        metals,
        _chances(list(metals)),
    )


def _chances(states: list[ChemicalState]) -> FloatArray:
    """Chances of states: every element alike within the common ones and within the others."""
    rules = sample_rules()
    counts: dict[str, int] = {}
    for state in states:
        counts[state.element] = counts.get(state.element, 0) + 1
    is_common = np.array([state.element in rules["common"] for state in states])
    each = np.array([1.0 / counts[state.element] for state in states])
    chance = np.zeros(len(states))
    for chosen, share in ((is_common, rules["common_share"]), (~is_common, 1 - rules["common_share"])):
        if chosen.any():
            chance[chosen] = share * each[chosen] / each[chosen].sum()
    total: FloatArray = chance / chance.sum()
    return total
