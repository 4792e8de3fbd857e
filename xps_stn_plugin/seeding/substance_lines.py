"""Lines that expected substances bring into a region: their own positions, in the ratio of their atoms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from xps_stn_plugin.chemistry.group_lines import GroupLine, group_lines
from xps_stn_plugin.chemistry.lines import CoreLine
from xps_stn_plugin.chemistry.substances import Substance

from .lines import SHIFT_ERRORS, Line

#: Half width in eV of a line's window without the shift's error: the rules for lines of a structure miss the library of
#: Beamson & Briggs by less than this for nine of ten lines (``benchmarks.line_rules``).
_SCATTER: Final = 0.2

#: Factors by which the area of a line may differ from what its atoms say (areas of measured polymers scatter by 0.15).
_SLACK: Final = (0.65, 1.5)

#: Probability of a line of a substance that the user expects.
_EXPECTED: Final = 0.99

#: A line of a substance bears the name of a line of its groups that is not farther in eV.
_NAMESAKE: Final = 1.0


def substance_lines(
    core: str, substances: Sequence[Substance], shift_stderr: float, extent: tuple[float, float], offset: float = 0.0
) -> list[Line]:
    """Lines of substances that lie within the data.

    Parameters
    ----------
    core : str
        Core level, ``C1s``.
    substances : sequence of Substance
    shift_stderr : float
        Standard error of the shift in eV; it widens each window, in quadrature.
    extent : tuple of float
        First and last binding energy in eV.
    offset : float
        Added to the positions in eV, for scales with another reference.

    Returns
    -------
    list of Line
        Ascending in position, not merged; those of one substance are a family.
    """
    found: list[Line] = []
    for substance in substances:
        own = [line for line in substance.lines if line.region == core]
        seen = [line for line in own if extent[0] - 0.2 < line.energy + offset < extent[1] + 0.2]
        lead = max(seen, key=lambda line: line.atoms, default=None)
        for line in seen:
            keys = {each.key for each in found}
            made = _line(line, substance, shift_stderr, offset, keys)
            # A substance of which a part lies beyond the data keeps the ratios of the rest.
            found.append(replace(made, slack=(1.0, 1.0)) if line is lead else made)
    return sorted(found, key=lambda line: line.position)


def _line(line: CoreLine, substance: Substance, shift_stderr: float, offset: float, taken: set[str]) -> Line:
    position = line.energy + offset
    half = float(np.hypot(_SCATTER, SHIFT_ERRORS * shift_stderr))
    namesake = _namesake(line, substance)
    key = namesake.key if namesake else "line"
    number = next(n for n in range(1, len(taken) + 2) if (key if n == 1 else f"{key}_{n}") not in taken)
    name = namesake.name if namesake else line.environment.replace(" + ", ", ")
    return Line(
        key=key if number == 1 else f"{key}_{number}",
        name=name if number == 1 else f"{name} {number}",
        groups=_groups_of(namesake, line, substance),
        position=position,
        low=position - half,
        high=position + half,
        expected=position,
        vibration=line.vibration,
        probability=_EXPECTED,
        members=(key if number == 1 else f"{key}_{number}",),
        scatter=_SCATTER,
        family=substance.label,
        atoms=line.atoms,
        slack=_SLACK,
    )


def _entries(line: CoreLine, substance: Substance) -> list[GroupLine]:
    """Lines of the substance's groups near this one."""
    table = group_lines()
    entries = [entry for group in sorted(substance.groups) for entry in table[group].get(line.region, ())]
    return [entry for entry in entries if not entry.satellite and abs(entry.position - line.energy) <= _NAMESAKE]


def _namesake(line: CoreLine, substance: Substance) -> GroupLine | None:
    return min(_entries(line, substance), key=lambda entry: abs(entry.position - line.energy), default=None)


def _groups_of(namesake: GroupLine | None, line: CoreLine, substance: Substance) -> tuple[str, ...]:
    if namesake is None:
        return tuple(sorted(substance.groups))
    table = group_lines()
    return tuple(group for group in sorted(substance.groups) if namesake in table[group].get(line.region, ()))
