"""Core levels: energies, spin-orbit doublets, sensitivity factors and widths."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final

from .element_lines import AL_K_ALPHA, doublet, level_lines, typical_fwhm

#: Distance in eV by which a window reaches over the chemical range of a level's lines, and the narrowest and broadest
#: line relative to the usual one: as for the levels of ``core_levels.toml``, roughly.
_MARGIN: Final = 12.0
_NARROW, _BROAD = 0.6, 1.7


@dataclass(frozen=True)
class CoreLevel:
    """One core level.

    Parameters
    ----------
    name, label : str
        ``Cl2p`` in code and files, ``Cl 2p`` for people.
    energy : float
        Centre in eV of the window that the network looks at.
    window : tuple of float
        Lowest and highest measured binding energy in eV by which an unlabelled region is recognised.
    splitting : float or None
        Spin-orbit splitting in eV; None for s levels.
    ratio : float or None
        Area of the lower-j line over that of the higher-j line; None for s levels.
    sensitivity : float
        Scofield cross section for Al K-alpha, C 1s = 1, whole doublet.
    fwhm : tuple of float
        Start value, lower and upper bound of the full width at half maximum in eV.
    """

    name: str
    label: str
    energy: float
    window: tuple[float, float]
    splitting: float | None
    ratio: float | None
    sensitivity: float
    fwhm: tuple[float, float, float]


@cache
def core_levels() -> Mapping[str, CoreLevel]:
    """Core levels by name, in the order of the network's channels.

    Sources stand in ``core/data/core_levels.toml``.
    """
    text = files(__package__).joinpath("data", "core_levels.toml").read_text(encoding="utf-8")
    return MappingProxyType({name: _core_level(name, row) for name, row in tomllib.loads(text).items()})


@cache
def core_level(name: str) -> CoreLevel:
    """Core level of any element (``Ti2p``): as `core_levels` has it, or from the table of lines.

    Raises
    ------
    KeyError
        If there is no such level.
    """
    if name in core_levels():
        return core_levels()[name]
    lines = level_lines(name)
    if not lines:
        raise KeyError(name)
    pair, main = doublet(name), lines[0]
    width = typical_fwhm(main, metal=False)
    return CoreLevel(
        name=name,
        label=f"{main.element} {main.subshell}",
        energy=main.energy,
        window=(min(line.low for line in lines) - _MARGIN, max(line.high for line in lines) + _MARGIN),
        splitting=None if pair is None else pair.compound_splitting,
        ratio=None if pair is None else pair.ratio,
        sensitivity=sum(line.cross_section(AL_K_ALPHA) or 0.0 for line in lines),
        fwhm=(width, _NARROW * width, _BROAD * width),
    )


def _core_level(name: str, row: dict[str, Any]) -> CoreLevel:
    return CoreLevel(
        name=name,
        label=row["label"],
        energy=row["energy"],
        window=tuple(row["window"]),
        splitting=row.get("splitting"),
        ratio=row.get("ratio"),
        sensitivity=row["sensitivity"],
        fwhm=tuple(row["fwhm"]),
    )
