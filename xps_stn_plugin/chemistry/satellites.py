"""Satellites of core levels: where the shake-up of an oxidation state lies."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType


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
        Largest area over that of the main line.
    """

    oxidation: tuple[int, ...]
    distance: float
    reach: float
    most: float


@cache
def shake_ups() -> Mapping[str, tuple[ShakeUp, ...]]:
    """Satellites by core level (``Cu2p``); sources stand in ``chemistry/data/satellites.toml``."""
    text = files(__package__).joinpath("data", "satellites.toml").read_text(encoding="utf-8")
    levels: dict[str, list[ShakeUp]] = {}
    for row in tomllib.loads(text)["satellite"]:
        satellite = ShakeUp(tuple(row["oxidation"]), row["distance"], row["reach"], row["most"])
        levels.setdefault(row["level"], []).append(satellite)
    return MappingProxyType({level: tuple(of_level) for level, of_level in levels.items()})
