"""Chemical states of the elements: positions of their main lines, and states of the user's own."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from xps_prefit_hooks import PrefitError, UserState

from .._util.toml import check_entries, read_tables
from ..core.element_lines import level_lines

#: Entries of a state in a file of the user's own; those after the first four may be left out.
_ENTRIES: Final = ("element", "line", "name", "energy", "spread", "kind", "oxidation")
_NEEDED: Final = 4
#: Spread in eV of a state whose file does not give one: that of a state with a single value in the table.
_USUAL_SPREAD: Final = 0.3
#: A state farther than this (eV) from the element's line is a slip.
_FARTHEST: Final = 30.0
_EXAMPLE: Final = "docs/chemical_states.md"


@dataclass(frozen=True)
class ChemicalState:
    """One chemical state of an element.

    Parameters
    ----------
    element, line : str
        ``Ti`` and ``2p3/2``: the line that `energy` is of.
    name : str
        Formula (``TiO2``), or class of compounds (``mixed oxide (IV)``).
    kind : str
        ``element``, ``oxide``, ``sulfate``, ...
    oxidation : int or None
        Oxidation state of the element; None where it is not known.
    energy : float
        Binding energy in eV on the scale hydrocarbon C 1s = 284.8 eV.
    spread : float
        Standard deviation in eV between authors or compounds.
    values : int
        Number of values behind the energy; 0 for a handbook's or a user's.
    given : bool
        Whether the user gave it.
    """

    element: str
    line: str
    name: str
    kind: str
    oxidation: int | None
    energy: float
    spread: float
    values: int
    given: bool = False

    @property
    def level(self) -> str:
        """Core level as in names of regions: ``Ti2p``."""
        return self.element + self.line[:2]

    @property
    def label(self) -> str:
        """Name for people: ``Ti 2p3/2 TiO2``; an element in its own state is "metal", "element" or "graphite"."""
        name = self.name
        if self.kind == "element":
            lines = level_lines(self.level)
            name = "graphite" if self.element == "C" else "metal" if lines and lines[0].metallic else "element"
        return f"{self.element} {self.line} {name}"


@cache
def chemical_states() -> Mapping[str, tuple[ChemicalState, ...]]:
    """Chemical states by core level (``Ti2p``), by energy; sources stand in the files of ``chemistry/data``."""
    return _by_level(
        ChemicalState(
            element=row["element"],
            line=row["line"],
            name=row["state"],
            kind=row["kind"],
            oxidation=int(row["oxidation"]) if row["oxidation"] else None,
            energy=float(row["energy"]),
            spread=float(row["spread"]),
            values=int(row["values"]),
        )
        for row in (*_rows("states.csv"), *_rows("adventitious_carbon.csv"))
    )


@cache
def values_of(element: str) -> int:
    """Count the values behind all states of an element: how commonly it is measured."""
    return sum(state.values for states in chemical_states().values() for state in states if state.element == element)


def read_states(path: Path) -> tuple[UserState, ...]:
    """Read the states of a TOML file.

    Raises
    ------
    PrefitError
        If the file cannot be read or an entry is wrong.
    """
    tables = read_tables(path, "state")["state"]
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise PrefitError(str(path), f"the states have to stand in tables [[state]]; see {_EXAMPLE}.")
    states = [_read(str(path), number, row) for number, row in enumerate(tables, 1)]
    keys = [(state.element, state.line, state.name) for state in states]
    if repeated := [key for number, key in enumerate(keys) if key in keys[:number]]:
        raise PrefitError(str(path), f"the state {' '.join(repeated[0])} stands in it twice; drop one of the two.")
    return tuple(states)


@lru_cache(maxsize=8)
def states_with(own: tuple[UserState, ...]) -> Mapping[str, tuple[ChemicalState, ...]]:
    """Chemical states with some of the user's own added; a state of the same name is replaced, the last one counts."""
    if not own:
        return chemical_states()
    given = [
        ChemicalState(s.element, s.line, s.name, s.kind, s.oxidation, s.energy, s.spread, 0, given=True) for s in own
    ]
    added = {(state.level, state.name): state for state in given}
    unchanged = (
        state for states in chemical_states().values() for state in states if (state.level, state.name) not in added
    )
    return _by_level([*unchanged, *added.values()])


def states_of(level: str, states: Mapping[str, tuple[ChemicalState, ...]] | None = None) -> tuple[ChemicalState, ...]:
    """States of a core level (``Ti2p``, ``Ti3p``).

    The shifts of an element's core levels agree to some tenths of an eV, so that a level without states of its own
    takes those of the element's main level, moved by the distance of the two lines.
    """
    states = chemical_states() if states is None else states
    lines = level_lines(level)
    if level in states or not lines:
        return states.get(level, ())
    for other_level, of_level in states.items():
        main = level_lines(other_level)
        if other_level[:-2] == level[:-2] and main and main[0].main:
            distance = lines[0].energy - main[0].energy
            return tuple(
                replace(
                    state,
                    line=lines[0].line,
                    energy=state.energy + distance,
                    spread=math.hypot(state.spread, _USUAL_SPREAD),
                )
                for state in of_level
            )
    return ()


@cache
def auger_parameters() -> Mapping[tuple[str, str], float]:
    """Return modified Auger parameters in eV by element and state; sources stand in their data file."""
    return MappingProxyType(
        {(row["element"], row["state"]): float(row["parameter"]) for row in _rows("auger_parameters.csv")}
    )


def _read(source: str, number: int, row: Mapping[str, Any]) -> UserState:
    check_entries(
        source, f"[[state]] number {number}", row, {*row.keys() & set(_ENTRIES), *_ENTRIES[:_NEEDED]}, _EXAMPLE
    )
    element, line, name, energy = (row[entry] for entry in _ENTRIES[:_NEEDED])
    spread, kind, oxidation = row.get("spread", _USUAL_SPREAD), row.get("kind", ""), row.get("oxidation")

    def refuse(fault: str) -> PrefitError:
        return PrefitError(source, f"the [[state]] number {number} has {fault}; see {_EXAMPLE}.")

    if not all(isinstance(text, str) and text.isprintable() for text in (element, line, name, kind)) or not name:
        raise refuse("a text that is empty, not a text or not printable")
    lines = level_lines(element + line[:2])
    if not lines or line != lines[0].line:
        line_hint = f", whose line is {lines[0].line}" if lines else ""
        raise refuse(f"the line {element} {line}, which is not the line of highest j of a core level{line_hint}")
    if not _is_number(energy) or abs(energy - lines[0].energy) > _FARTHEST:
        raise refuse(
            f"the energy {energy!r}, which is not within {_FARTHEST:g} eV of the element's {lines[0].energy:g} eV"
        )
    if not _is_number(spread) or not 0 < spread <= _FARTHEST:
        raise refuse(f"the spread {spread!r}, which is not a positive number of eV")
    if oxidation is not None and (not isinstance(oxidation, int) or isinstance(oxidation, bool)):
        raise refuse(f"the oxidation state {oxidation!r}, which is not a whole number")
    return UserState(element, line, name, float(energy), float(spread), kind or name, oxidation)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _by_level(states: Iterable[ChemicalState]) -> Mapping[str, tuple[ChemicalState, ...]]:
    levels: dict[str, list[ChemicalState]] = {}
    for state in sorted(states, key=lambda state: state.energy):
        levels.setdefault(state.level, []).append(state)
    return MappingProxyType({level: tuple(of_level) for level, of_level in levels.items()})


def _rows(name: str) -> Iterator[dict[str, str]]:
    text = files(__package__).joinpath("data", name).read_text(encoding="utf-8")
    return csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
