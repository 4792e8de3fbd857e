"""Inorganic compounds that the position of a line suggests; sources are in ``data/compound_ranges.toml``."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from xps_prefit_hooks import ALIPHATIC_C1S, MAXIMUM_ABOVE_FIRST_MEMBER

#: Name of the range in which adventitious carbon has its maximum.
HYDROCARBON = "hydrocarbon"


@dataclass(frozen=True)
class CompoundRange:
    """Lowest and highest binding energy of a kind of compound in eV, on the scale on which hydrocarbon is 285.00 eV."""

    low: float
    high: float
    compound: str


def compound_at(level: str, energy: float) -> str:
    """Name the kind of compound whose line of `level` has its maximum at `energy` eV; empty where there is none."""
    return next((entry.compound for entry in compound_ranges().get(level, ()) if entry.low <= energy < entry.high), "")


def carbon_maximum() -> float:
    """Maximum of adventitious carbon in eV, on the scale on which its first vibrational member is 285.00 eV."""
    return ALIPHATIC_C1S + MAXIMUM_ABOVE_FIRST_MEMBER


@cache
def compound_ranges() -> Mapping[str, tuple[CompoundRange, ...]]:
    """Ranges by core level."""
    offset = carbon_maximum() - float(_table()["scale"]["adventitious_carbon"])
    return MappingProxyType(
        {
            level: tuple(CompoundRange(low + offset, high + offset, name) for low, high, name in rows)
            for level, rows in _table()["ranges"].items()
        }
    )


@cache
def _table() -> Mapping[str, Any]:
    return tomllib.loads(files(__package__).joinpath("data", "compound_ranges.toml").read_text(encoding="utf-8"))
