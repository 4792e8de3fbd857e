"""The line lists of ``materials.toml`` as data: levels, inorganic materials and polymers, all on one scale.

Nothing of ``xps_stn_plugin.simulate`` is used, so that what is drawn from the lists checks that simulator too.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from xps_prefit_hooks import ALIPHATIC_C1S, PrefitError
from xps_stn_plugin.chemistry.groups import group_names

#: By how much the maximum of an aliphatic C 1s line lies above its first vibrational member in eV: members 0.41 eV
#: apart with Poisson weights of mean 0.42 (see `benchmarks.drawn_samples`) at a member's FWHM of 1.0 to 1.3 eV.
MAXIMUM_ABOVE_FIRST_MEMBER = 0.115
#: Where the cited tables put the maximum of adventitious carbon in eV.
HANDBOOK_CARBON = 284.8
#: The one conversion of scales: what is added to an energy of the cited tables, in eV. The truth of every benchmark
#: that uses the lists is the scale on which the first vibrational member of aliphatic hydrocarbon lies at 285.00 eV, so
#: the tables' 284.8 eV, a maximum, becomes 285.115 eV.
ON_OUR_SCALE = ALIPHATIC_C1S + MAXIMUM_ABOVE_FIRST_MEMBER - HANDBOOK_CARBON

_SOURCE = "materials.toml"


@dataclass(frozen=True)
class Level:
    """One core level or Auger transition.

    Parameters
    ----------
    window : str
        Region in which it is recorded.
    sensitivity : float
        Area for one atom, C 1s = 1, both lines of a doublet together.
    splitting : float
        Of the second line in eV; 0 for a single line.
    ratio : float
        Area of the second line over that of the first.
    wider : float
        FWHM of the second line over that of the first.
    """

    window: str
    sensitivity: float
    splitting: float = 0.0
    ratio: float = 0.0
    wider: float = 1.0


@dataclass(frozen=True)
class Line:
    """One line or doublet of a material: first line's binding energy and FWHM in eV, relative number of atoms."""

    level: Level
    energy: float
    atoms: float
    fwhm: float
    asymmetry: float = 0.0


@dataclass(frozen=True)
class ForeignLine:
    """A line of another element in the window of an organic region.

    Parameters
    ----------
    energy : tuple of float
        Range of the first line in eV, on the handbooks' scale.
    fwhm : float
        In eV.
    amount : tuple of float
        Range of its area over that of C 1s.
    partner : tuple of (str, float, float, float), optional
        Another line of the element: level, energy in eV, area over that of the foreign line, FWHM in eV.
    oxide : float
        O 1s of the element's oxide in eV; 0 where there is none.
    """

    energy: tuple[float, float]
    fwhm: float
    amount: tuple[float, float]
    partner: tuple[str, float, float, float] | None = None
    oxide: float = 0.0


@dataclass(frozen=True)
class Material:
    """A sample without adventitious carbon.

    Parameters
    ----------
    name, kind, source : str
        What it is, its class, and where its lines come from.
    lines : tuple of Line
        On the scale of the truth; of gold there are none.
    groups, excused : frozenset of str
        Functional groups that it has, and those that are neither right nor false.
    """

    name: str
    kind: str
    source: str
    lines: tuple[Line, ...]
    groups: frozenset[str]
    excused: frozenset[str]

    @property
    def windows(self) -> tuple[str, ...]:
        """Regions that a laboratory records: C 1s, O 1s, and those of the material's lines."""
        return tuple(dict.fromkeys(["C1s", "O1s", *(line.level.window for line in self.lines)]))


@cache
def levels() -> Mapping[str, Level]:
    """Core levels of the lists by name."""
    return {name: Level(**entry) for name, entry in _table()["levels"].items()}


@cache
def materials() -> tuple[Material, ...]:
    """Inorganic materials."""
    return tuple(_material(entry, entry["class"], ON_OUR_SCALE) for entry in _table()["material"])


@cache
def polymers() -> Mapping[str, Material]:
    """Polymers by name."""
    return {entry["name"]: _material(entry, "polymer", 0.0) for entry in _table()["polymer"]}


@cache
def foreign_lines() -> Mapping[str, ForeignLine]:
    """Foreign lines by level."""
    entries = _table()["foreign"].items()
    return {
        name: ForeignLine(**{key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()})
        for name, entry in entries
    }


def line(level: str, energy: float, atoms: float, fwhm: float, asymmetry: float = 0.0) -> Line:
    """One line of a list.

    Raises
    ------
    PrefitError
        If the list has no such level, or a number makes no sense.
    """
    if level not in levels():
        raise PrefitError(_SOURCE, f"the level {level} is not one of {', '.join(levels())}.")
    if not (atoms > 0 and fwhm > 0 and asymmetry >= 0):
        msg = f"the line of {level} at {energy:g} eV has {atoms:g} atoms, FWHM {fwhm:g} eV, asymmetry {asymmetry:g}"
        raise PrefitError(_SOURCE, f"{msg}; give positive numbers.")
    return Line(levels()[level], energy, atoms, fwhm, asymmetry)


def _material(entry: Mapping[str, Any], kind: str, offset: float) -> Material:
    groups, excused_groups = frozenset(entry.get("groups", ())), frozenset(entry.get("excused", ()))
    if unknown := sorted((groups | excused_groups) - set(group_names())):
        raise PrefitError(_SOURCE, f"{entry['name']} has groups that are not known: {', '.join(unknown)}.")
    lines = tuple(_moved(row, offset) for row in entry["lines"])
    return Material(entry["name"], kind, entry["source"], lines, groups, excused_groups)


def _moved(row: Sequence[Any], offset: float) -> Line:
    level, energy, *columns = row
    return line(level, energy + offset, *columns)


@cache
def _table() -> Mapping[str, Any]:
    return tomllib.loads(files("benchmarks").joinpath(_SOURCE).read_text(encoding="utf-8"))
