"""Whether the measured regions bear out the functional groups that the network found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..chemistry.group_lines import group_lines
from ..core.core_levels import core_level, core_levels
from .signal import NO_LINE, channel_noise, line_area

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

#: Probability above which a functional group counts as found.
GROUP_FOUND: Final = 0.5

#: Detection limit in atomic percent below which an empty region speaks against a group. A group that the network finds
#: has more than that of its element: a third of poly(laurolactam), the polymer with the longest chain for each
#: nitrogen atom among those of the reference structures, has 2.4 at% N.
TELLING_LIMIT: Final = 2.0
#: Distance in eV that a line must have from the ends of a region for its absence to refute a group. Half of a line is
#: evidence for a group, so for that the position alone must lie inside.
MARGIN: Final = 1.0
#: Area of a line over its height times its FWHM: a pseudo-Voigt line, three tenths Lorentzian.
SHAPE: Final = 0.7 * 1.0645 + 0.3 * 1.5708

#: Probability that a group has at most where a region of it was not measured: of 85 such findings in spectra that were
#: drawn with and without foreign lines (`benchmarks.trap_cases`, regions left out at random), 91 % were right.
UNTESTED_MOST: Final = 0.9
#: And where none of its lines lies in a measured region: it is not found, whatever other groups make likely.
UNSEEN_MOST: Final = 0.4


@dataclass(frozen=True)
class Support:
    """What the regions say about the groups of n spectra.

    Parameters
    ----------
    groups : tuple of str
        Columns of the arrays.
    refuted : ndarray of int8, shape (n, groups)
        Column of the region that was measured and shows no line of a group that the network found; -1 where none is.
    untested : ndarray of int32, shape (n, groups)
        Regions that were not measured where a group that the network found has lines, while others were: one bit for
        each core level in the order of `core_levels`.
    unseen : ndarray of bool, shape (n, groups)
        Whether no region was measured where such a group has lines.
    limit : ndarray, shape (n, regions)
        Detection limit in atomic percent of the element of each region; NaN where it was not measured.
    """

    groups: tuple[str, ...]
    refuted: NDArray[np.int8]
    untested: NDArray[np.int32]
    unseen: BoolArray
    limit: FloatArray


class _LinesOfLevel(NamedTuple):
    """Lines of the groups that have any in a core level.

    Parameters
    ----------
    groups : tuple of str
    ends : ndarray, shape (groups, 2, 2)
        Lowest and highest binding energy in eV of the lines that every member of the group has, and of all of its own;
        NaN where there are none.
    """

    groups: tuple[str, ...]
    ends: FloatArray


@cache
def _lines_of_level(level: str) -> _LinesOfLevel:
    groups, ends = [], []
    for group, regions in group_lines().items():
        lines = [line for line in regions.get(level, ()) if not line.satellite]
        needed = [line.position for line in lines if not line.optional]
        own = [line.position for line in lines if not line.relative_to]
        if level in regions:
            groups.append(group)
            ends.append([(min(some), max(some)) if some else (np.nan, np.nan) for some in (needed, own)])
    return _LinesOfLevel(tuple(groups), np.array(ends, dtype=float).reshape(-1, 2, 2))


def detection_limits(
    levels: Sequence[str], axes: Sequence[FloatArray], counts: Sequence[FloatArray], durations: Sequence[float]
) -> FloatArray:
    """Atomic percent of each region's element that would just show as a line, shape (n, regions).

    Parameters
    ----------
    levels : sequence of str
        Core levels.
    axes, counts : sequence of ndarray, shape (m,) and (n, m)
        Energies in eV and intensities of each.
    durations : sequence of float
        Time in s by which intensities are divided so that regions compare.

    Notes
    -----
    A line of the level's usual width is seen from a height of five standard deviations of one channel on. Its area, and
    those above the straight lines between the ends of all regions, are divided by the sensitivity factors.
    """
    if not levels:
        return np.zeros((0, 0))
    known = [core_level(level) for level in levels]
    scale = np.array([level.sensitivity for level in known]) * np.array(durations)
    widths = np.array([level.fwhm[0] for level in known])
    least = np.stack([NO_LINE * channel_noise(values) for values in counts], axis=-1) * widths * SHAPE / scale
    areas = np.stack([line_area(axis, values) for axis, values in zip(axes, counts, strict=True)], axis=-1) / scale
    others = areas.sum(axis=-1, keepdims=True) - areas
    limit: FloatArray = 100.0 * np.divide(least, others + least, out=np.ones_like(least), where=others + least > 0)
    return limit


def supported(
    groups: Sequence[str],
    probabilities: FloatArray,
    levels: Sequence[str],
    axes: Sequence[FloatArray],
    shift: FloatArray,
    lined: BoolArray,
    measured: BoolArray,
    limit: FloatArray,
) -> tuple[FloatArray, Support]:
    """Hold the probabilities of groups against the regions that were measured.

    A group is not present if a region that would show one of its lines shows none. It is less certain if the region of
    one of its elements was not measured, and not found if none of its lines could be seen.

    Parameters
    ----------
    groups : sequence of str
        Columns of `probabilities`.
    probabilities : ndarray, shape (n, groups)
        What the network gives.
    levels : sequence of str
        Core levels that were looked at.
    axes : sequence of ndarray, shape (m,)
        Their measured energies in eV.
    shift : ndarray, shape (n,)
        Measured minus true binding energy in eV.
    lined, measured : ndarray of bool, shape (n, levels)
        Whether a region shows a line, and whether it was measured.
    limit : ndarray, shape (n, levels)
        Detection limits in atomic percent.

    Returns
    -------
    ndarray, shape (n, groups)
        The probabilities that remain.
    Support
        Why, for groups that the network found.
    """
    refuted = np.full(probabilities.shape, -1, dtype=np.int8)
    missing = np.zeros(probabilities.shape, dtype=np.int32)
    seen = np.zeros(probabilities.shape, dtype=bool)
    telling = measured & ~lined & (limit < TELLING_LIMIT)
    columns = {group: column for column, group in enumerate(groups)}
    for bit, level in enumerate(core_levels()):
        lines = _lines_of_level(level)
        of_groups = [columns[group] for group in lines.groups if group in columns]
        chosen = [group in columns for group in lines.groups]
        # Whether the region covers all needed lines (`safely`: with a margin), and any of the group's own.
        covered = np.zeros((len(shift), len(of_groups)), dtype=bool)
        if level in levels:
            region = levels.index(level)
            low, high = axes[region][0], axes[region][-1]
            place = lines.ends[chosen] + shift[:, None, None, None]
            inside = (place > low) & (place < high) & measured[:, region, None, None, None]
            covered, any_covered = inside[:, :, 0].all(axis=-1), inside[:, :, 1].any(axis=-1)
            needed_place = place[:, :, 0]
            safely = covered & ((needed_place > low + MARGIN) & (needed_place < high - MARGIN)).all(axis=-1)
            refuted[:, of_groups] = np.where(safely & telling[:, region, None], region, refuted[:, of_groups])
            seen[:, of_groups] |= any_covered
        is_needed = np.isfinite(lines.ends[chosen, 0, 0])
        missing[:, of_groups] |= np.where(is_needed & ~covered, 1 << bit, 0).astype(np.int32)
    kept = np.where(seen, probabilities, np.minimum(probabilities, UNSEEN_MOST))
    kept = np.where(missing > 0, np.minimum(kept, UNTESTED_MOST), kept)
    kept = np.where(refuted >= 0, np.minimum(kept, 0.0), kept)
    # Nothing is to be said of groups that the network did not find.
    found = probabilities > GROUP_FOUND
    refuted[~found] = -1
    told = found & (refuted < 0)
    return kept, Support(tuple(groups), refuted, np.where(told & seen, missing, 0), told & ~seen, limit)


def refuted_sentences(support: Support, levels: Sequence[str], row: int) -> tuple[str, ...]:
    """Say which groups are not present in one spectrum because a region shows no line."""
    names, regions = np.array(support.groups, dtype=object), support.refuted[row]
    return tuple(
        f"{levels[region]} shows no line, although {support.limit[row, region]:.1g} at% would be visible: "
        f"{', '.join(names[regions == region])} cannot be present."
        for region in np.unique(regions[regions >= 0])
    )


def untested_sentences(support: Support, row: int) -> tuple[str, ...]:
    """Say which groups of one spectrum some of the regions could not test, or none of them could see."""
    names, missing = np.array(support.groups, dtype=object), support.untested[row]
    told = []
    for place, level in enumerate(core_levels()):
        if len(groups := names[(missing >> place) % 2 == 1]):
            told.append(
                f"{level} was not measured where it could confirm {', '.join(groups)}, predicted from other regions."
            )
    if len(groups := names[support.unseen[row]]):
        told.append(f"No region was measured where {', '.join(groups)} would have lines: no evidence for them.")
    return tuple(told)
