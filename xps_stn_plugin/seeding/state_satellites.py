"""Lines that a chemical state has beside its main line, and energy losses, among the lines of a region."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from xps_stn_plugin.chemistry.satellites import LOSSES, MOST_LOST, ShakeUp, shake_ups
from xps_stn_plugin.chemistry.states import ChemicalState
from xps_stn_plugin.core.element_lines import doublet

from .areas import Areas
from .lines import Line

#: Logarithm of how probable a satellite of a line is that is there, on the scale of the weights of states.
_WEIGHT: Final = 2.0
#: Least area of a satellite that every compound shows, over that of its line.
_LEAST: Final = 0.12
#: An energy loss is broader than its line by this factor: plasmons have a width of 3 eV and more.
_BROADER: Final = 1.4


@dataclass(frozen=True)
class Satellites:
    """Satellites of the states of a region.

    Parameters
    ----------
    core : str
        Core level.
    states : mapping of str to ChemicalState
        States by name.
    found : Areas
        Lines at the optimum of a fit.
    """

    core: str
    states: Mapping[str, ChemicalState]
    found: Areas

    def named(self, lines: Sequence[Line]) -> list[Line]:
        """Name lines that nothing explains after the satellites of states."""
        named = list(lines)
        for i, line in enumerate(lines):
            best = max(self._explanations(lines, i), default=None, key=lambda each: each[0])
            if not line.assigned and best is not None:
                named[i] = _renamed(line, best[1], best[2].name)
        return named

    def lossy(self, lines: Sequence[Line]) -> list[Line]:
        """Name broad lines above a state's line that nothing explains energy losses."""
        mains = [i for i, line in enumerate(lines) if line.state in self.states and not _is_beside(line)]
        if not mains:
            return list(lines)
        largest = max(mains, key=self._area)
        main, named = lines[largest], list(lines)
        for i, line in enumerate(lines):
            distance = min((d for d in self._distances(line, main) if LOSSES[0] <= d <= LOSSES[1]), default=math.nan)
            width, usual = self._width(i), self._width(largest)
            broad = width >= _BROADER * usual
            small = self._area(i) <= MOST_LOST * self._area(largest)
            if not line.assigned and math.isfinite(distance) and broad and small:
                named[i] = _renamed(line, main, "energy loss")
        return named

    def score(self, lines: Sequence[Line], i: int) -> float:
        """Score of the best satellite that explains a line, on the scale of states' scores."""
        return max((score for score, _, _ in self._explanations(lines, i)), default=-math.inf)

    def lacks(self, line: Line, state: ChemicalState, high_end: float) -> bool:
        """Whether a line lacks the satellite that a state always shows, within the region's energies."""
        for shake_up in shake_ups().get(self.core, ()):
            if not shake_up.always or state.oxidation not in shake_up.oxidation:
                continue
            if line.position + shake_up.distance + shake_up.reach > high_end:
                continue
            seen = any(
                other is not line
                and min(abs(d - shake_up.distance) for d in self._distances(other, line)) <= shake_up.reach
                and self._area(n) >= _LEAST * self._area(self.found.lines.index(line))
                for n, other in enumerate(self.found.lines)
            )
            if not seen:
                return True
        return False

    def _explanations(self, lines: Sequence[Line], i: int) -> Iterator[tuple[float, Line, ShakeUp]]:
        """Scores of the satellites of named lines that lie where a line does."""
        for n, main in enumerate(lines):
            state = self.states.get(main.state)
            if state is None or n == i or _is_beside(main):
                continue
            for shake_up in shake_ups().get(self.core, ()):
                away = min(abs(d - shake_up.distance) for d in self._distances(lines[i], main))
                if (
                    state.oxidation in shake_up.oxidation
                    and away <= shake_up.reach
                    and self._area(i) <= shake_up.most * self._area(n)
                ):
                    deviation = shake_up.reach / 2.0
                    yield _WEIGHT - math.log(deviation) - 0.5 * (away / deviation) ** 2, main, shake_up

    def _distances(self, line: Line, main: Line) -> tuple[float, ...]:
        """Distances in eV above a main line; a line without partner may be that of the line of lower j."""
        distance = line.position - main.position
        pair = doublet(self.core)
        return (distance, distance - pair.compound_splitting) if pair and not line.doublet else (distance,)

    def _width(self, i: int) -> float:
        return self.found.widths.get(self.found.lines[i].key, self.found.fwhm)

    def _area(self, i: int) -> float:
        """Area of a line, both lines of a doublet together."""
        pair = doublet(self.core)
        return float(self.found.areas[i]) * (1.0 + (pair.ratio if pair and self.found.lines[i].doublet else 0.0))


def state_key(name: str) -> str:
    """Key of a line that is named after a state."""
    return "state_" + re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def _is_beside(line: Line) -> bool:
    """Whether a line is a satellite of a state, or a loss."""
    return math.isnan(line.expected)


def _renamed(line: Line, main: Line, what: str) -> Line:
    name = f"{main.name} {what}"
    return replace(line, key=state_key(name), name=name, state=main.state, conductive=False, expected=math.nan)
