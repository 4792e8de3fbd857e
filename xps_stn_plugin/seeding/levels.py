"""What is known of the lines of a core level before a fit: its doublet and its widths."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from xps_stn_plugin.core.core_levels import core_levels
from xps_stn_plugin.core.element_lines import PhotoLine, level_lines, typical_fwhm
from xps_stn_plugin.core.element_lines import doublet as doublet_of

from .areas import Doublet
from .lines import Line
from .region import RegionData

#: Width (start, low, high) in eV where the region is not a core level; from metals to oxides' multiplets.
_GENERIC_FWHM: Final = (1.5, 0.5, 4.0)

#: Narrowest and broadest line in eV beside the natural width: a metal in the best instruments, multiplets of oxides.
_NARROWEST, _BROADEST = 0.25, 4.0

#: By so much (eV) charging may move lines that nothing calibrates.
_CHARGING: Final = 10.0

#: Lines so far (eV) outside the chemical range of a level's lines may be those of others.
_BESIDE: Final = 0.5

#: A doublet wider than this (eV) shows its own splitting and ratio. They may differ from the table by so much: the
#: splittings of SRD 20 scatter by 0.1 eV between compounds, and the background moves the ratio by 10 %.
_WIDE, _SPLITTING_RANGE, _RATIO_RANGE = 2.5, 0.4, 0.15

#: From this splitting (eV) on the table has values rounded to 0.1 eV, which lines of many counts show to be so.
_ROUNDED, _ROUNDING = 1.7, 0.12

#: The lower-j line may be broader than the higher-j line, by Coster-Kronig decay, where its natural width says so by
#: this much (eV): most by this factor.
_BROADER, _MOST_BROADER = 0.1, 2.0


@dataclass(frozen=True)
class LevelShape:
    """Doublet and widths of a core level in a region.

    Parameters
    ----------
    doublet : Doublet
        Of the core level; without splitting where the region shows one line.
    fwhm : tuple of float
        Start, lowest and highest width in eV.
    known : bool
        Whether the level is one of the network's.
    lines : tuple of PhotoLine
        Lines of the level, higher j first; empty where the region is not a core level.
    """

    doublet: Doublet
    fwhm: tuple[float, float, float]
    known: bool
    lines: tuple[PhotoLine, ...]

    def single(self, line: Line) -> Line | None:
        """Line of another element, or a satellite, in place of a line of the level; None where the level's own lie."""
        if any(own.low - _BESIDE < line.position < own.high + _BESIDE for own in self.lines):
            return None
        return replace(line, doublet=False, wide=True)


def level_shape(data: RegionData) -> LevelShape:
    """Doublet and widths of the core level that a region is of."""
    lines = level_lines(data.core)
    level = core_levels().get(data.core)
    if level is not None:
        return LevelShape(Doublet(level.splitting or 0.0, level.ratio or 0.0), level.fwhm, True, lines)
    if not lines:
        return LevelShape(Doublet(), _GENERIC_FWHM, False, lines)
    width = lines[0].width or 0.0
    fwhm = (typical_fwhm(lines[0], metal=False), _NARROWEST + width, _BROADEST + width)
    return LevelShape(_doublet(data, lines), fwhm, False, lines)


def _doublet(data: RegionData, lines: tuple[PhotoLine, ...]) -> Doublet:
    """Doublet of an element, or none where the region lies elsewhere or does not reach the lower-j line."""
    pair = doublet_of(data.core)
    if pair is None or pair.splitting <= 0:
        return Doublet()
    if lines[0].high + _CHARGING < data.energy[0] or lines[0].energy + pair.splitting > data.energy[-1]:
        return Doublet()
    if pair.compound_splitting < _WIDE:
        reach = _ROUNDING if pair.compound_splitting > _ROUNDED else 0.0
        return Doublet(pair.compound_splitting, pair.ratio, reach)
    broader, most_broader = 1.0, 1.0
    if (lines[1].width or 0.0) > (lines[0].width or 0.0) + _BROADER:
        most_broader = _MOST_BROADER
        broader = typical_fwhm(lines[1], metal=False) / typical_fwhm(lines[0], metal=False)
    return Doublet(pair.compound_splitting, pair.ratio, _SPLITTING_RANGE, _RATIO_RANGE, broader, most_broader)
