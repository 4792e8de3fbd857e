"""Chemical states of the lines of a region: which state of the element each line that the data ask for is of."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from xps_prefit_hooks import ALIPHATIC_C1S, Prediction, Settings
from xps_stn_plugin.chemistry.compounds import carbon_maximum
from xps_stn_plugin.chemistry.states import ChemicalState, states_of, states_with
from xps_stn_plugin.core.charge_references import named_reference

from .areas import Areas
from .lines import Line
from .state_satellites import Satellites, state_key
from .state_weights import METALLIC, elements_of, usual_share

FloatArray = NDArray[np.float64]

#: Maximum of adventitious carbon in eV on the scale of the states.
_STATES_SCALE: Final = 284.8

#: Error in eV of a measured axis that nothing corrects, and the largest error with which states are named.
_UNCALIBRATED, _LARGEST_ERROR = 0.4, 2.0

#: A state is farther than so many standard deviations from no line of it; the least and the largest standard
#: deviation in eV.
_MOST_DEVIATIONS, _LEAST_DEVIATION, _LARGEST_DEVIATION = 2.5, 0.1, 0.8

#: Score of a line that no state explains, on the scale of logarithms of probabilities.
_NOTHING: Final = -1.5

#: Part of the axis's error in eV that the common move of the lines leaves for each, at most.
_LINE_ERROR: Final = 0.3

#: By how much the score of a state falls whose satellite is not there.
_LACKING: Final = 8.0

#: Logarithm of the weight from which on a state is expected in a sample.
_RARE: Final = -1.0

#: Displacements of all lines together that are tried, over the error of the shift.
_DISPLACEMENTS: Final = np.linspace(-2.5, 2.5, 41)


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
    high_end : float
        Highest energy of the region in eV.
    """

    core: str
    states: tuple[ChemicalState, ...]
    error: float
    weights: FloatArray
    high_end: float = math.inf

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


def known_states(
    core: str,
    prediction: Prediction,
    settings: Settings,
    regions: Sequence[str],
    high_end: float = math.inf,
    *,
    empty: Sequence[str] = (),
    given_only: bool = False,
) -> KnownStates | None:
    """States of a core level on the scale of a calibrated (or, without a shift, of the measured) axis.

    Parameters
    ----------
    core : str
        Core level.
    prediction : Prediction
        Of which the shift's error counts.
    settings : Settings
        Of which the reference counts, and the states of the user's own.
    regions : sequence of str
        Core levels that the spectrum shows: compounds of these elements are more probable.
    high_end : float
        Highest energy of the region in eV, within which satellites can be seen.
    empty : sequence of str
        Core levels that were measured and show no line: without O 1s there are no oxides.
    given_only : bool
        Whether only states of the user's own count, because groups name the lines of this level.

    Returns
    -------
    KnownStates or None
        None where no states are known, or the axis is not known well enough to tell them apart.
    """
    calibrated = math.isfinite(prediction.shift)
    error = prediction.shift_stderr if calibrated else _UNCALIBRATED
    states = states_of(core, states_with(settings.states))
    if given_only:
        states = tuple(state for state in states if state.given)
    if not states or not error <= _LARGEST_ERROR:
        return None
    offset = carbon_maximum() - _STATES_SCALE + settings.first_member - ALIPHATIC_C1S if calibrated else 0.0
    if named_reference(settings.calibrate_on) is not None:
        # Conductors have the positions of the table on the scale of the Fermi level.
        offset = 0.0
    elements = elements_of(regions)
    absent = elements_of(empty) - elements
    weights = np.log([usual_share(state, elements, absent) * (state.values + 1.0) for state in states])
    moved = tuple(replace(state, energy=state.energy + offset) for state in states)
    return KnownStates(core, moved, error, np.asarray(weights, dtype=float), high_end)


def with_states(found: Areas, known: KnownStates, *, losses: bool = False) -> Areas:
    """Name the lines of a region that are those of chemical states, with their windows, and the satellites of these.

    All lines share the error of the axis, so that they are moved together to where their states explain them best. A
    state names one line, the largest that it explains; a smaller line that a satellite of a larger one explains is
    that. Lines without a state of oxides that always show a satellite, and do not, are of other states.

    Parameters
    ----------
    found : Areas
        At the optimum of a fit.
    known : KnownStates
    losses : bool
        Whether broad lines that nothing else explains are named energy losses.
    """
    mains = [i for i, line in enumerate(found.lines) if line.doublet and not (line.groups or line.foreign)]
    lines = list(found.lines)
    if not all(lines[i].assigned for i in mains):
        lines = _named(found, mains, known)
    beside = Satellites(known.core, {state.name: state for state in known.states}, found)
    lines = beside.named(lines)
    if losses:
        lines = beside.lossy(lines)
    return replace(found, lines=tuple(_unique(lines))) if lines != list(found.lines) else found


def _named(found: Areas, mains: Sequence[int], known: KnownStates) -> list[Line]:
    """Name lines after states, the largest first."""
    order = sorted(mains, key=lambda i: -found.areas[i])
    lines = list(found.lines)
    named = {state.name: state for state in known.states}
    names = list(named)
    beside = Satellites(known.core, named, found)
    lacking = [[beside.lacks(found.lines[i], state, known.high_end) for state in known.states] for i in order]
    penalties = _LACKING * np.array(lacking, dtype=float).reshape(len(order), len(names))
    of_best, displacement = _scores(found, order, known, penalties)
    taken = {names.index(line.state) for line in lines if line.state in names}
    for row, i in enumerate(order):
        free = np.where([n in taken for n in range(len(names))], -np.inf, of_best[row])
        chosen = int(np.argmax(free))
        if lines[i].assigned or beside.score(lines, i) > max(free[chosen], _NOTHING):
            continue
        if free[chosen] > _NOTHING:
            taken.add(chosen)
            lines[i] = _of_state(lines[i], known.states[chosen], known.error, displacement)
    metal = any(line.state in named and named[line.state].kind == "element" for line in lines)
    if metal:
        # Lines of the element are narrower than those of its compounds.
        kinds = {state.name: state.kind for state in known.states}
        lines = [replace(line, wide=line.wide or kinds.get(line.state, "element") not in METALLIC) for line in lines]
    return lines


def _scores(found: Areas, order: Sequence[int], known: KnownStates, penalties: FloatArray) -> tuple[FloatArray, float]:
    """Score of each state for some lines, shape (lines, states), moved together to where they fit best; and the move.

    `penalties` of the same shape say by how much scores fall for what a state lacks.
    """
    positions = np.array([found.lines[i].position for i in order])
    shares = np.array([found.areas[i] for i in order]) / max(float(found.areas.sum()), np.finfo(float).tiny)
    displacements = known.error * _DISPLACEMENTS
    # The axis's error is in the norm of each: a well known state is not the more probable where the axis is not known.
    away = (positions[None, :, None] - displacements[:, None, None] - known.energies) / known.deviations
    scores = np.where(
        np.abs(away) <= _MOST_DEVIATIONS,
        known.weights - np.log(np.hypot(known.deviations, known.error)) - 0.5 * away**2,
        -np.inf,
    )
    scores = scores - penalties
    best = np.maximum(scores.max(axis=2), _NOTHING)
    total = 2.0 * best @ shares - 0.5 * _DISPLACEMENTS**2
    best_move = int(np.argmax(total))
    return np.asarray(scores[best_move]), float(displacements[best_move])


def _of_state(line: Line, state: ChemicalState, error: float, displacement: float) -> Line:
    # What the axis is off moves all lines alike, so that a part of it is left for a single one.
    half = 2.0 * math.hypot(state.spread, _LEAST_DEVIATION, min(error, _LINE_ERROR))
    expected = state.energy + displacement
    name = state.label.split(" ", 2)[2]
    return replace(
        line,
        key=state_key(name),
        name=name,
        state=state.name,
        low=min(expected - half, line.position - _LEAST_DEVIATION),
        high=max(expected + half, line.position + _LEAST_DEVIATION),
        expected=expected,
        conductive=line.conductive and state.kind in METALLIC,
    )


def _unique(lines: Sequence[Line]) -> list[Line]:
    """Give lines of the same name numbers."""
    seen: dict[str, int] = {}
    unique = []
    for line in lines:
        count = seen[line.key] = seen.get(line.key, 0) + 1
        unique.append(replace(line, key=f"{line.key}_{count}", name=f"{line.name} {count}") if count > 1 else line)
    return unique
