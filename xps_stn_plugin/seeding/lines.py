"""Which lines the groups found bring into a region, those that cannot be told apart merged."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import numpy as np

from xps_stn_plugin.chemistry.group_lines import GroupLine, group_lines

#: A group counts as found from this probability on.
GROUP_THRESHOLD: Final = 0.5

#: Standard errors of the shift that widen a window: it then holds 99 of 100 lines, as far as the error is normal.
SHIFT_ERRORS: Final = 2.5

#: Probability of a line that most members of a found group lack.
OPTIONAL: Final = 0.05

#: Standard error of the centre of one of two equal lines d apart, both of the width w, from N counts in all: Cramer-Rao
#: bound (centres, areas, common width and Lorentzian share, background free), as
#: w * factor * (w / d)**power * sqrt(1000 / N); within 16 % for d from 0.3 w to 0.8 w.
_CENTER_ERROR_FACTOR: Final = 0.0251
_CENTER_ERROR_POWER: Final = 2.3

#: Least and largest distance in eV under which lines are merged: reference positions scatter by 0.1 eV, so that nearer
#: lines could come in either order; and what nobody would call one line any more.
_MERGE_LIMITS: Final = (0.25, 0.8)


#: Standard deviation of the mean number of quanta of a group's line: its carbon atom has the usual number of C-H bonds,
#: one more or one less, each as likely, at 0.2 quanta a bond.
_VIBRATION_DEVIATION: Final = 0.2 * math.sqrt(2.0 / 3.0)


@dataclass(frozen=True)
class ForeignLevel:
    """Core level of another element than the region's.

    Parameters
    ----------
    level : str
        ``K2p``.
    labels : tuple of str
        Names of its lines for people, higher j first: ``K 2p3/2``, ``K 2p1/2``; one for a line without partner.
    splitting : float
        Distance of the second line above the first in eV; 0 for one line.
    ratio : float
        Area of the second line over that of the first; 0 for one line.
    fwhm : float
        Usual full width at half maximum in eV.
    """

    level: str
    labels: tuple[str, ...]
    splitting: float
    ratio: float
    fwhm: float


@dataclass(frozen=True)
class Line:
    """A line to be seeded: prefix key, name, position and window in eV, and what it is made of.

    Parameters
    ----------
    key, name : str
        lmfit prefix without its underscore; name for people without the region.
    groups : tuple of str
        Groups that bring it; empty where the data alone ask for it.
    position, low, high : float
        Start and window in eV.
    expected : float
        Where chemistry says that it lies, in eV; NaN where the data alone ask for it.
    vibration : float
        Mean number of quanta of its C-H stretch progression; 0 for a line without.
    vibration_deviation : float
        Standard deviation of it; 0 where the number of C-H bonds is known.
    conductive : bool
        Whether it has the tail of a conductor (Doniach and Sunjic).
    probability : float
        That it is there, before the fit.
    weight : float
        Its say in the position where lines merge.
    satellite : GroupLine or None
        For satellites, the tie to the main line.
    members : tuple of str
        Keys of the table's lines that it stands for.
    scatter : float
        Half width in eV of the window without the shift's error: how far chemistry lets it lie from where it should.
    family : str
        Lines of one family come from the same atoms' neighbourhood in a known ratio; empty where none is known.
    atoms : float
        Its atoms in the family.
    slack : tuple of float
        By which factors its area may differ from what its atoms say.
    foreign : ForeignLevel or None
        For a line of another element, its core level.
    """

    key: str
    name: str
    groups: tuple[str, ...]
    position: float
    low: float
    high: float
    expected: float = math.nan
    vibration: float = 0.0
    vibration_deviation: float = 0.0
    conductive: bool = False
    probability: float = OPTIONAL
    weight: float = 1.0
    satellite: GroupLine | None = None
    members: tuple[str, ...] = ()
    scatter: float = 0.2
    family: str = ""
    atoms: float = 0.0
    slack: tuple[float, float] = (1.0, 1.0)
    foreign: ForeignLevel | None = None


def master_line(lines: Iterable[Line], areas: Mapping[str, float]) -> Line:
    """Line that carries width and shape for all: the largest one, of the region's own element where there is one."""
    mains = [line for line in lines if not line.satellite]
    return max([line for line in mains if not line.foreign] or mains, key=lambda line: areas[line.key])


def expected_lines(
    core: str, groups: Mapping[str, float], shift_stderr: float, extent: tuple[float, float], offset: float = 0.0
) -> tuple[list[Line], list[str]]:
    """Lines of the groups found that lie within the data.

    Parameters
    ----------
    core : str
        Core level, ``C1s``.
    groups : mapping of str to float
        Probability of each group.
    shift_stderr : float
        Standard error of the shift in eV; it widens each window, in quadrature.
    extent : tuple of float
        First and last binding energy in eV.
    offset : float
        Added to the table's positions in eV, for scales with another reference.

    Returns
    -------
    lines : list of Line
        Ascending in position, satellites included, not yet merged.
    notes : list of str
    """
    table = group_lines()
    found = {g: p for g, p in groups.items() if p >= GROUP_THRESHOLD and g in table}
    lines: dict[str, Line] = {}
    outside: list[str] = []
    for group, probability in sorted(found.items(), key=lambda item: -item[1]):
        for entry in table[group].get(core, ()):
            position = entry.position + offset
            if not extent[0] - 0.2 < position < extent[1] + 0.2:
                if not entry.optional and not entry.satellite:
                    outside.append(f"{entry.name} ({position:.1f} eV)")
                continue
            if entry.key in lines:
                old = lines[entry.key]
                lines[entry.key] = replace(old, groups=(*old.groups, group))
                continue
            half = float(np.hypot(entry.half_width, SHIFT_ERRORS * shift_stderr))
            family, atoms, slack = _family(entry)
            lines[entry.key] = Line(
                key=entry.key,
                name=entry.name,
                groups=(group,),
                position=position,
                low=position - half,
                high=position + half,
                expected=position,
                vibration=entry.vibration,
                vibration_deviation=_VIBRATION_DEVIATION if entry.vibration else 0.0,
                probability=OPTIONAL if entry.optional and not entry.relative_to else probability,
                weight=0.5 if entry.optional else 1.0,
                satellite=entry if entry.satellite else None,
                members=(entry.key,),
                scatter=entry.half_width,
                family=family,
                atoms=atoms,
                slack=slack,
            )
    notes = [f"Outside the measured range and left out: {', '.join(dict.fromkeys(outside))}."] if outside else []
    kept = [line for line in lines.values() if not line.satellite or line.satellite.relative_to in lines]
    return sorted(map(partial(_related, lines), kept), key=lambda line: line.position), notes


def _family(entry: GroupLine) -> tuple[str, float, tuple[float, float]]:
    if entry.satellite or not entry.relative_to:
        return entry.key, 1.0, (1.0, 1.0)
    return entry.relative_to, entry.share, (entry.ratio[0] / entry.share, entry.ratio[1] / entry.share)


def _related(lines: Mapping[str, Line], line: Line) -> Line:
    """Take the line out of its family if the lead is missing or another group brings one of the two as well."""
    lead = lines.get(line.family)
    return line if lead is not None and set(lead.groups) == set(line.groups) else replace(line, family="", atoms=0.0)


def merge_distance(fwhm: float, counts: float) -> float:
    """Distance in eV under which the data cannot tell lines apart: their centres' standard errors exceed half of it.

    Parameters
    ----------
    fwhm : float
        Width of the lines in eV.
    counts : float
        Counts in the region's peaks, or the sum of the squared signal-to-noise ratios of its channels, which is the
        same for Poisson noise without background.
    """
    error = _CENTER_ERROR_FACTOR * math.sqrt(1000.0 / max(counts, 1.0))
    return float(np.clip(fwhm * (2.0 * error) ** (1.0 / (1.0 + _CENTER_ERROR_POWER)), *_MERGE_LIMITS))


def merge_lines(lines: Iterable[Line], limit: float) -> tuple[list[Line], list[str]]:
    """Merge the closest pair until all are at least `limit` eV apart; satellites stay as they are.

    Returns
    -------
    lines : list of Line
        Ascending in position.
    notes : list of str
        One sentence for each merged line.
    """
    satellites = [line for line in lines if line.satellite]
    merged = [line for line in lines if not line.satellite]
    while len(merged) > 1:
        gaps = np.diff([line.position for line in merged])
        nearest = int(np.argmin(gaps))
        if gaps[nearest] >= limit:
            break
        merged[nearest : nearest + 2] = [_merged(merged[nearest], merged[nearest + 1])]
    notes = [
        f"{line.name}: lines closer than {limit:.2f} eV merged into one component."
        for line in merged
        if " + " in line.name
    ]
    return sorted([*merged, *satellites], key=lambda line: line.position), notes


def _merged(first: Line, second: Line) -> Line:
    # The line that the groups surely bring, else the first, gives its name to the prefix.
    lead = second if (second.weight, second.probability) > (first.weight, first.probability) else first
    weight = first.weight + second.weight
    position = (first.position * first.weight + second.position * second.weight) / weight
    names = dict.fromkeys([*first.name.split(" + "), *second.name.split(" + ")])
    return Line(
        key=lead.key,
        name=" + ".join(names),
        groups=tuple(dict.fromkeys([*first.groups, *second.groups])),
        position=position,
        low=min(first.low, second.low),
        high=max(first.high, second.high),
        expected=position,
        vibration=lead.vibration,
        vibration_deviation=lead.vibration_deviation,
        probability=max(first.probability, second.probability),
        weight=weight,
        members=(*first.members, *second.members),
        scatter=max(first.scatter, second.scatter),
        family=first.family if first.family == second.family else "",
        atoms=first.atoms + second.atoms,
        slack=(min(first.slack[0], second.slack[0]), max(first.slack[1], second.slack[1])),
    )
