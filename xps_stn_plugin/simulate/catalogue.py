"""Phases and elements of inorganic samples and their lines, read from the data files."""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xps_prefit_hooks import PrefitError

from ..core.core_levels import core_levels

RULES = "inorganic.toml"
LINES = "inorganic_lines.csv"
_WIDTH = (1.0, 1.3)


@dataclass(frozen=True)
class InorganicLine:
    """One line or doublet of a phase or an element.

    Parameters
    ----------
    region : int
        Window that it falls into.
    energy, spread : float
        Position in eV, aliphatic C 1s = 285.00 eV, and its standard deviation.
    above : float or None
        Instead of a position: distance in eV to the first line of the phase.
    area : float
        In units of one carbon atom's C 1s.
    splitting, ratio : float
        Of a doublet, in eV, and area of its second line over the first; 0 for one line.
    width : tuple of float
        Least and largest FWHM over that of a C 1s line.
    asymmetry : tuple of float or None
        Least and largest index of the tail of a conductor.
    """

    region: int
    energy: float
    spread: float
    above: float | None
    area: float
    splitting: float
    ratio: float
    width: tuple[float, float]
    asymmetry: tuple[float, float] | None


@dataclass(frozen=True)
class Catalogue:
    """Phases, elements and settings of simulated inorganic samples.

    Parameters
    ----------
    phases, foreign : mapping of str to tuple of InorganicLine
        Lines of each phase and of each foreign element.
    phase_chance, foreign_chance : ndarray
        How often each is drawn, in the order of the mappings; sums to 1.
    scale, sample, adventitious : mapping
        The tables of ``simulate/data/inorganic.toml``, where they are explained.
    """

    phases: Mapping[str, tuple[InorganicLine, ...]]
    foreign: Mapping[str, tuple[InorganicLine, ...]]
    phase_chance: NDArray[np.float64]
    foreign_chance: NDArray[np.float64]
    scale: Mapping[str, Any]
    sample: Mapping[str, Any]
    adventitious: Mapping[str, Any]


@cache
def catalogue() -> Catalogue:
    """Read both data files.

    Raises
    ------
    PrefitError
        If a phase names a line that is not in the table, or says of a line neither position nor area.
    """
    folder = files(__package__) / "data"
    rules = tomllib.loads((folder / RULES).read_text(encoding="utf-8"))
    text = (folder / LINES).read_text(encoding="utf-8")
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    table = {row["line"]: (float(row["energy"]), float(row["spread"])) for row in rows}
    kinds = {
        kind: {
            name: tuple(_line(name, entry, table, rules["scale"]) for entry in entries["lines"])
            for name, entries in rules[kind].items()
        }
        for kind in ("phases", "foreign")
    }
    chances = {kind: np.array([entries["weight"] for entries in rules[kind].values()], dtype=float) for kind in kinds}
    return Catalogue(
        phases=MappingProxyType(kinds["phases"]),
        foreign=MappingProxyType(kinds["foreign"]),
        phase_chance=chances["phases"] / chances["phases"].sum(),
        foreign_chance=chances["foreign"] / chances["foreign"].sum(),
        scale=MappingProxyType(rules["scale"]),
        sample=MappingProxyType(rules["sample"]),
        adventitious=MappingProxyType(rules["adventitious"]),
    )


def _line(
    name: str, entry: Mapping[str, Any], table: Mapping[str, tuple[float, float]], scale: Mapping[str, float]
) -> InorganicLine:
    if "line" in entry and entry["line"] not in table:
        raise PrefitError(RULES, f"{name}: there is no line {entry['line']!r} in {LINES}; add it or correct the name.")
    if not {"line", "above", "energy"} & set(entry) or not {"atoms", "area"} & set(entry):
        raise PrefitError(RULES, f"{name}: a line needs one of line, above, energy, and one of atoms, area.")
    levels = core_levels()
    level = levels[entry["region"]]
    # Only a line of the level itself has the level's doublet.
    itself = "atoms" in entry
    energy, spread = table[entry["line"]] if "line" in entry else (entry.get("energy", 0.0), entry.get("spread", 0.0))
    return InorganicLine(
        region=list(levels).index(entry["region"]),
        energy=energy + scale["offset"],
        spread=max(spread, scale["least_spread"]),
        above=entry.get("above"),
        area=entry["atoms"] * level.sensitivity if itself else entry["area"],
        splitting=(level.splitting or 0.0) if itself else entry.get("splitting", 0.0),
        ratio=(level.ratio or 0.0) if itself else entry.get("ratio", 0.0),
        width=tuple(entry.get("width", _WIDTH)),
        asymmetry=tuple(entry["asymmetry"]) if "asymmetry" in entry else None,
    )
