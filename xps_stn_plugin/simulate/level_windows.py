"""Core levels that a network for whole samples reads, and where their windows lie."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from ..chemistry.states import chemical_states
from ..core.core_levels import core_levels
from ..core.element_lines import level_lines, photo_lines
from .compounds import sample_rules

#: Largest distance in eV of a doublet that lies in the middle of its window; of a wider one the main line does.
_WIDE_DOUBLET = 8.0
#: Satellites and the second line lie above the main line of a wide doublet, hence the centre by so many eV.
_ABOVE = 3.0


@cache
def level_windows() -> Mapping[str, float]:
    """Centres of windows in eV by core level: the nine of organic samples, then those with chemical states, by element.

    The centre is the middle of the range of the chemical states, moved by half of a narrow doublet's distance.
    """
    windows = {name: level.energy for name, level in core_levels().items()}
    numbers = {element: lines[0].number for element, lines in photo_lines().items()}
    for level in sorted(chemical_states(), key=lambda name: (numbers[name[:-2]], name)):
        if level in windows or level[:-2] in sample_rules()["never"] or not (lines := level_lines(level)):
            continue
        energies = [state.energy for state in chemical_states()[level]]
        middle = (min(energies) + max(energies)) / 2
        distance = abs(lines[-1].energy - lines[0].energy)
        windows[level] = round(middle + (distance / 2 if distance < _WIDE_DOUBLET else _ABOVE), 1)
    return MappingProxyType(windows)
