"""Components that the residual asks for and no group explains."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .areas import Areas, find_lines, free_line
from .conductor import with_tail
from .lines import Line
from .region import RegionData
from .trial import EVIDENCE, Trial, blind

FloatArray = NDArray[np.float64]

#: Line of another element, or a satellite, in place of a line of the level.
Singles = Callable[[Line], Line | None] | None

#: By how much chi-square must fall for a region's only line, which no group explains, to become two: likelihood-ratio
#: test with 5 % false alarms (95th percentile of the chi-square distribution with two degrees of freedom, a position
#: and an area).
SPLIT_CHI_SQUARE: Final = 6.0

#: Maxima of the residual at which a line is tried, the highest first.
_MAXIMA: Final = 2

#: Start area of an added line as a share of the region's, and width of the parts of a line that is split.
_SMALL: Final = 0.03
NARROWER: Final = 0.85

#: Starts of a line that is split in two: places in widths from its centre, and shares of its area, larger one first.
_SPLITS: Final = (((-0.35, 0.35), (0.5, 0.5)), ((-0.15, 0.6), (0.75, 0.25)), ((0.15, -0.6), (0.75, 0.25)))


def grown(
    data: RegionData,
    fit: Callable[..., Trial],
    most: int,
    best: Trial,
    *,
    conductive: bool,
    singles: Singles = None,
) -> Trial:
    """Add lines that no group explains, up to so many, as long as the data ask for them.

    `singles` makes of a line that of another element or a satellite, which has no spin-orbit partner and a width of its
    own, or None where there can be none.
    """
    while unexplained(best.found) < most:
        richer = _more(data, best, fit, singles=singles)
        if richer is None:
            break
        best = with_tail(richer, fit) if conductive else richer
    return _exchanged(best, fit)


def _exchanged(best: Trial, fit: Callable[..., Trial]) -> Trial:
    """Give a group's line the place of a larger line that nothing explains and that lies nearer to where it belongs."""
    lines, areas = best.found.lines, best.found.areas
    for i, line in enumerate(lines):
        for j, free in enumerate(lines):
            if free.assigned or not line.groups or areas[j] <= areas[i] or not line.low <= free.position <= line.high:
                continue
            if abs(free.position - line.expected) >= abs(line.position - line.expected):
                continue
            half = 0.5 * (free.high - free.low)
            moved = replace(free, position=line.position, low=line.position - half, high=line.position + half)
            both = list(lines)
            both[i], both[j] = moved, replace(line, position=free.position)
            trial = fit(replace(best.found, lines=tuple(both)), best.best.scale)
            if best.worse_by(trial) > -EVIDENCE:
                return trial
    return best


def _more(data: RegionData, best: Trial, fit: Callable[..., Trial], *, singles: Singles) -> Trial | None:
    """Model with one more line that no group explains, or None where the data do not ask for one."""
    gains: list[tuple[float, Trial]] = []
    # The highest maximum may be the misfit of a line's own shape.
    for rank in range(_MAXIMA):
        starts = _at_residual(data, best.found, rank, singles=singles)
        gains += [(best.worse_by(trial := fit(start, best.best.scale)) - EVIDENCE, trial) for start in starts]
        if not starts or any(gain > 0 for gain, _ in gains):
            break
    if blind(best) and len(best.found.lines) == 1:
        first, *others = _splits(best.found)
        split = fit(first, best.best.scale, others)
        gains.append((best.misfit_against(split) - SPLIT_CHI_SQUARE, split))
    gain, richer = max(gains, key=lambda item: item[0], default=(0.0, best))
    return richer if gain > 0 else None


def _at_residual(data: RegionData, found: Areas, rank: int, *, singles: Singles) -> list[Areas]:
    """Add a line at a maximum of the residual, by rank, or one as `singles` has it for one that lies there."""
    centers = [line.position for line in found.lines]
    new = find_lines(data, data.counts - found.envelope, found.fwhm, centers, _next_number(found.lines), rank)
    if all(line.conductive for line in found.lines):
        new = [replace(line, conductive=True) for line in new]
    trials = [new, [single for line in new if (single := singles(line))]] if singles else [new]
    size = [_SMALL * float(found.areas.sum())]
    return [_with(found, found.lines, found.areas, lines, size) for lines in trials if lines]


def _splits(found: Areas) -> list[Areas]:
    """Two lines instead of one: they may stand too close for a second maximum."""
    (line,), (area,) = found.lines, found.areas
    trials = []
    for places, shares in _SPLITS:
        two = [free_line(i, line.position + place * found.fwhm, found.fwhm) for i, place in enumerate(places, start=1)]
        two = [replace(part, conductive=line.conductive) for part in two]
        trials.append(
            _with(replace(found, fwhm=NARROWER * found.fwhm), (), found.areas[:0], two, area * np.array(shares))
        )
    return trials


def _with(found: Areas, lines: Sequence[Line], areas: FloatArray, new: Sequence[Line], sizes: Sequence[float]) -> Areas:
    both = sorted([*zip(lines, areas, strict=True), *zip(new, sizes, strict=True)], key=lambda pair: pair[0].position)
    return replace(found, lines=tuple(line for line, _ in both), areas=np.array([area for _, area in both]))


def _next_number(lines: Sequence[Line]) -> int:
    taken = {line.key for line in lines}
    return next(number for number in range(1, len(lines) + 2) if f"unassigned_{number}" not in taken)


def unexplained(found: Areas) -> int:
    """Count the lines that neither a group, nor a chemical state, nor another element explains."""
    return sum(not line.assigned for line in found.lines)
