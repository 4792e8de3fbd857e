"""Lines that functional groups bring in each region, from ``chemistry/data/group_lines.toml``."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final

#: Bounds of the area of a tied line over its stoichiometric share, where the table gives none (see there).
_RATIO_BOUNDS: Final = (0.65, 1.5)


@dataclass(frozen=True)
class GroupLine:
    """One line of a functional group in one region.

    Parameters
    ----------
    key : str
        Identifier within the region; the lmfit prefix without its trailing underscore.
    name : str
        Name for people, without the region: ``O-C=O``.
    position : float
        Binding energy in eV with aliphatic C 1s at 285.00; of the higher-j line for doublets.
    half_width : float
        Half width in eV of the window in which the line is found.
    vibration : float
        Mean number of quanta of the line's C-H stretch progression; 0 for a line without.
    optional : bool
        Whether members of the group may lack it.
    source : str
        ``BB`` (Beamson & Briggs 1992 as held in NIST SRD 20) or ``analogy``.
    relative_to : str or None
        Key of the line that its area hangs on.
    share : float
        Atoms per atom of that line; 0 for a satellite.
    ratio : tuple of float
        Bounds of its area over that line's area.
    offset : float
        For a satellite: distance in eV from that line.
    """

    key: str
    name: str
    position: float
    half_width: float
    vibration: float = 0.0
    optional: bool = False
    source: str = "BB"
    relative_to: str | None = None
    share: float = 0.0
    ratio: tuple[float, float] = (0.0, 0.0)
    offset: float = 0.0

    @property
    def vibrational(self) -> bool:
        """Whether it has the C-H stretch progression."""
        return self.vibration > 0

    @property
    def satellite(self) -> bool:
        """Whether it is a satellite of the line that it hangs on."""
        return self.offset > 0


#: Group -> region -> lines, the group's own line first.
GroupLines = Mapping[str, Mapping[str, tuple[GroupLine, ...]]]


@cache
def group_lines() -> GroupLines:
    """Lines of each functional group of the vocabulary, by group and region.

    Sources stand in ``chemistry/data/group_lines.toml``.
    """
    text = files(__package__).joinpath("data", "group_lines.toml").read_text(encoding="utf-8")
    tables = tomllib.loads(text)
    lines = {
        region: {key: _group_line(key, row) for key, row in rows.items()} for region, rows in tables["lines"].items()
    }
    return MappingProxyType(
        {
            group: MappingProxyType({region: tuple(lines[region][key] for key in keys) for region, keys in row.items()})
            for group, row in tables["groups"].items()
        }
    )


def _group_line(key: str, row: dict[str, Any]) -> GroupLine:
    share = row.get("share", 0.0)
    bounds = row.get("ratio", [round(factor * share, 6) for factor in _RATIO_BOUNDS])
    return GroupLine(key=key, **{**row, "ratio": tuple(bounds)})
