"""Chemical states of the lines of a region: which state of the element each line that the data ask for is of."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from xps_prefit_hooks import ALIPHATIC_C1S, Prediction, Settings
from xps_stn_plugin.chemistry.compounds import carbon_maximum
from xps_stn_plugin.chemistry.satellites import shake_ups
from xps_stn_plugin.chemistry.states import ChemicalState, states_of
from xps_stn_plugin.core.charge_references import named_reference
from xps_stn_plugin.core.element_lines import doublet

from .areas import Areas
from .lines import Line

FloatArray = NDArray[np.float64]

#: Maximum of adventitious carbon in eV on the scale of the states.
_STATES_SCALE: Final = 284.8

#: Error in eV of a measured axis that nothing corrects, and the largest error with which states are named.
_UNCALIBRATED, _LARGEST_ERROR = 0.4, 1.0

#: A state is farther than so many standard deviations from no line of it; the least and the largest standard
#: deviation in eV.
_MOST_DEVIATIONS, _LEAST_DEVIATION, _LARGEST_DEVIATION = 2.5, 0.1, 0.8

#: Score of a line that no state explains, on the scale of logarithms of probabilities.
_NOTHING: Final = -1.5

#: Logarithm of the weight from which on a state is expected in a sample.
_RARE: Final = -1.0

#: Displacements of all lines together that are tried, over the error of the shift.
_DISPLACEMENTS: Final = np.linspace(-2.5, 2.5, 41)

#: How often a class of compounds is what a sample shows, over how often an element or an oxide is.
_USUAL: Final = {
    "element": 1.0, "oxide": 1.0, "hydroxide": 0.3, "oxyhydroxide": 0.2, "mixed oxide": 0.05, "sulfide": 0.2,
    "nitride": 0.2, "carbide": 0.2, "carbonate": 0.05, "sulfate": 0.05, "phosphate": 0.05, "silicate": 0.05,
    "alloy": 0.02,
}  # fmt: skip
_UNUSUAL: Final = 0.003
#: Classes of the element's that are metals or as good as, so that their lines have a tail.
METALLIC: Final = frozenset({"element", "alloy", "silicide", "boride", "carbide", "nitride"})
#: A region of this element in the spectrum makes the class of compounds so many times as probable.
_PARTNERS: Final = {
    "fluoride": "F", "chloride": "Cl", "bromide": "Br", "iodide": "I", "sulfide": "S", "sulfate": "S", "nitride": "N",
    "phosphate": "P", "phosphide": "P", "silicate": "Si", "silicide": "Si", "selenide": "Se", "telluride": "Te",
    "arsenide": "As", "boride": "B", "borate": "B",
}  # fmt: skip
_WITH_PARTNER: Final = 10.0
#: If more elements than so many were measured and this one was not, it is so many times as probable; if fewer were.
_FEW_ELEMENTS, _WITHOUT_PARTNER, _PARTNER_UNKNOWN = 2, 0.02, 0.2
#: Elements that are seldom seen bare, because they react with residual gas, and how often.
_BARE: Final = 0.05
_REACTIVE: Final = frozenset({
    "Li", "Mg", "Na", "K", "Rb", "Cs", "Ca", "Sr", "Ba", "La", "Ce", "Pr", "Nd", "Pm", "Sm", "Eu", "Gd", "Tb", "Dy",
    "Ho", "Er", "Tm", "Yb", "Lu", "F", "Cl", "Br", "I",
})  # fmt: skip


@dataclass(frozen=True)
class KnownStates:
    """States that the lines of a region can be of.

    Parameters
    ----------
    core : str
        Core level.
    states : tuple of ChemicalState
        With energies on the scale of the region's axis.
    error : float
        Standard error of that axis in eV.
    weights : ndarray, shape (states,)
        Logarithm of how probable each state is before a look at the region.
    """

    core: str
    states: tuple[ChemicalState, ...]
    error: float
    weights: FloatArray

    @property
    def energies(self) -> FloatArray:
        """Positions in eV, shape (states,)."""
        return np.array([state.energy for state in self.states])

    @property
    def deviations(self) -> FloatArray:
        """Standard deviation of each position in eV without the axis's, shape (states,)."""
        return np.minimum([math.hypot(state.spread, _LEAST_DEVIATION) for state in self.states], _LARGEST_DEVIATION)

    def may_be_metal(self, position: float) -> bool:
        """Whether a line at this energy (eV) can be that of the element or of a compound as good as a metal."""
        metals = np.array([state.kind in METALLIC for state in self.states], dtype=bool) & (self.weights > _RARE)
        away = np.abs(position - self.energies) / np.hypot(self.deviations, self.error)
        return bool((metals & (away < _MOST_DEVIATIONS)).any())


def known_states(core: str, prediction: Prediction, settings: Settings, regions: Sequence[str]) -> KnownStates | None:
    """States of a core level on the scale of a calibrated (or, without a shift, of the measured) axis.

    Parameters
    ----------
    core : str
        Core level.
    prediction : Prediction
        Of which the shift's error counts.
    settings : Settings
        Of which the reference counts.
    regions : sequence of str
        Core levels in the spectrum: compounds of elements that were measured are more probable.

    Returns
    -------
    KnownStates or None
        None where no states are known, or the axis is not known well enough to tell them apart.
    """
    calibrated = math.isfinite(prediction.shift)
    error = prediction.shift_stderr if calibrated else _UNCALIBRATED
    states = states_of(core)
    if not states or not error <= _LARGEST_ERROR:
        return None
    offset = carbon_maximum() - _STATES_SCALE + settings.first_member - ALIPHATIC_C1S if calibrated else 0.0
    if named_reference(settings.calibrate_on) is not None:
        # Conductors have the positions of the table on the scale of the Fermi level.
        offset = 0.0
    elements = {match[0] for name in regions if (match := re.match(r"[A-Z][a-z]?", name))}
    weights = np.log([_usual(state, elements) * (state.values + 1.0) for state in states])
    moved = tuple(replace(state, energy=state.energy + offset) for state in states)
    return KnownStates(core, moved, error, np.asarray(weights, dtype=float))


def _usual(state: ChemicalState, elements: Collection[str]) -> float:
    """How often samples show a state, over how often they show an oxide; more often if its other elements are there."""
    usual = _USUAL.get(state.kind, _UNUSUAL)
    if state.kind == "element" and state.element in _REACTIVE:
        return _BARE
    others = set(re.findall(r"[A-Z][a-z]?", state.name)) - {state.element, "O", "H"}
    partner = _PARTNERS.get(state.kind)
    if partner == state.element:
        # Of an anion's compounds the class is named, unless the metal is there.
        return usual * _WITHOUT_PARTNER if others - set(elements) else usual
    if partner in elements:
        return usual * _WITH_PARTNER
    if partner:
        return usual * (_WITHOUT_PARTNER if len(elements) > _FEW_ELEMENTS else _PARTNER_UNKNOWN)
    return usual


def with_states(found: Areas, known: KnownStates) -> Areas:
    """Name the lines of a region that are those of chemical states, with their windows, and the satellites of these.

    All lines share the error of the axis, so that they are moved together to where their states explain them best. A
    state names one line, the largest that it explains.
    """
    mains = [i for i, line in enumerate(found.lines) if line.doublet and not (line.groups or line.foreign)]
    if all(found.lines[i].assigned for i in mains):
        return found
    order = sorted(mains, key=lambda i: -found.areas[i])
    of_best = _scores(found, order, known)
    lines = list(found.lines)
    names = [state.name for state in known.states]
    taken = {names.index(line.state) for line in lines if line.state in names}
    for row, i in enumerate(order):
        free = np.where([n in taken for n in range(len(names))], -np.inf, of_best[row])
        chosen = int(np.argmax(free))
        if free[chosen] > _NOTHING and not lines[i].assigned:
            taken.add(chosen)
            lines[i] = _of_state(lines[i], known.states[chosen], known)
    kinds = {state.name: state.kind for state in known.states}
    metal = any(kinds.get(line.state) == "element" for line in lines)
    if metal:
        # Lines of the element are narrower than those of its compounds.
        lines = [replace(line, wide=line.wide or kinds.get(line.state, "element") not in METALLIC) for line in lines]
    lines = _with_satellites(lines, found.areas, known)
    return replace(found, lines=tuple(_unique(lines)))


def _scores(found: Areas, order: Sequence[int], known: KnownStates) -> FloatArray:
    """Score of each state for some lines, moved together to where they fit best; shape (lines, states)."""
    positions = np.array([found.lines[i].position for i in order])
    shares = np.array([found.areas[i] for i in order]) / max(float(found.areas.sum()), np.finfo(float).tiny)
    displacements = known.error * _DISPLACEMENTS
    away = (positions[None, :, None] - displacements[:, None, None] - known.energies) / known.deviations
    scores = np.where(
        np.abs(away) <= _MOST_DEVIATIONS, known.weights - np.log(known.deviations) - 0.5 * away**2, -np.inf
    )
    best = np.maximum(scores.max(axis=2), _NOTHING)
    total = 2.0 * best @ shares - 0.5 * _DISPLACEMENTS**2
    return np.asarray(scores[int(np.argmax(total))])


def _of_state(line: Line, state: ChemicalState, known: KnownStates) -> Line:
    half = 2.0 * math.hypot(state.spread, _LEAST_DEVIATION, known.error)
    name = state.label.split(" ", 2)[2]
    return replace(
        line,
        key=_key(name),
        name=name,
        state=state.name,
        low=min(state.energy - half, line.position - _LEAST_DEVIATION),
        high=max(state.energy + half, line.position + _LEAST_DEVIATION),
        expected=state.energy,
        conductive=line.conductive and state.kind in METALLIC,
    )


def _with_satellites(lines: list[Line], areas: FloatArray, known: KnownStates) -> list[Line]:
    named = {state.name: state for state in known.states}
    pair = doublet(known.core)
    splitting = pair.compound_splitting if pair else math.inf
    for i, main in enumerate(list(lines)):
        state = named.get(main.state)
        for shake_up in shake_ups().get(known.core, ()):
            if state is None or state.oxidation not in shake_up.oxidation:
                continue
            for n, line in enumerate(lines):
                away = line.position - main.position - shake_up.distance
                # A satellite without partner may be that of the line of lower j.
                near = min(abs(away), math.inf if line.doublet else abs(away - splitting)) <= shake_up.reach
                if near and not line.assigned and areas[n] <= shake_up.most * areas[i]:
                    name = f"{main.name} satellite"
                    lines[n] = replace(line, key=_key(name), name=name, state=main.state, conductive=False)
    return lines


def _unique(lines: Sequence[Line]) -> list[Line]:
    """Give lines of the same name numbers."""
    seen: dict[str, int] = {}
    unique = []
    for line in lines:
        count = seen[line.key] = seen.get(line.key, 0) + 1
        unique.append(replace(line, key=f"{line.key}_{count}", name=f"{line.name} {count}") if count > 1 else line)
    return unique


def _key(name: str) -> str:
    return "state_" + re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
