"""Satellites of core levels: lines that a state has beside its main line, and the energies that electrons lose."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final

#: Energy in eV that the electrons of solids lose to plasmons and interband transitions: bulk plasmons of the elements
#: have 4 to 33 eV, most oxides 15 to 30 eV (Egerton, Electron Energy-Loss Spectroscopy in the Electron Microscope, 3rd
#: ed. (2011), appendix C); below 8 eV satellites are at least as usual.
LOSSES: Final = (8.0, 35.0)
#: Largest area of an energy loss over that of its line, both lines of a doublet together.
MOST_LOST: Final = 0.7


@dataclass(frozen=True)
class ShakeUp:
    """A satellite of a core level.

    Parameters
    ----------
    oxidation : tuple of int
        Oxidation states of the element that show it.
    distance, reach : float
        Distance above the main line in eV, and by how much that differs between compounds.
    most : float
        Largest area over that of the main line, both lines of a doublet together.
    name : str
        ``satellite``, ``unscreened``, ``multiplet`` or ``plasmon``.
    always : bool
        Whether every compound of the oxidation state shows it.
    """

    oxidation: tuple[int, ...]
    distance: float
    reach: float
    most: float
    name: str
    always: bool


@cache
def shake_ups() -> Mapping[str, tuple[ShakeUp, ...]]:
    """Satellites by core level (``Cu2p``); sources stand in ``chemistry/data/satellites.toml``."""
    text = files(__package__).joinpath("data", "satellites.toml").read_text(encoding="utf-8")
    levels: dict[str, list[ShakeUp]] = {}
    for row in tomllib.loads(text)["satellite"]:
        satellite = ShakeUp(
            tuple(row["oxidation"]),
            row["distance"],
            row["reach"],
            row["most"],
            row.get("name", "satellite"),
            row.get("always", False),
        )
        levels.setdefault(row["level"], []).append(satellite)
    return MappingProxyType({level: tuple(of_level) for level, of_level in levels.items()})
