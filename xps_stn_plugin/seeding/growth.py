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

#: By how much chi-square must fall for a region's only line, which no group explains, to become two: likelihood-ratio
#: test with 5 % false alarms (95th percentile of the chi-square distribution with two degrees of freedom, a position
#: and an area).
SPLIT_CHI_SQUARE: Final = 6.0

#: Start area of an added line as a share of the region's, and width of the parts of a line that is split.
_SMALL: Final = 0.03
NARROWER: Final = 0.85

#: Starts of a line that is split in two: places in widths from its centre, and shares of its area.
_SPLITS: Final = (((-0.35, 0.35), (0.5, 0.5)), ((-0.15, 0.6), (0.75, 0.25)), ((-0.6, 0.15), (0.25, 0.75)))


def grown(data: RegionData, fit: Callable[[Areas, float], Trial], most: int, best: Trial, *, conductive: bool) -> Trial:
    """Add lines that no group explains, up to so many, as long as the data ask for them."""
    while unexplained(best.found) < most:
        richer = _more(data, best, fit)
        if richer is None:
            break
        best = with_tail(richer, fit) if conductive else richer
    return best


def _more(data: RegionData, best: Trial, fit: Callable[[Areas, float], Trial]) -> Trial | None:
    """Model with one more line that no group explains, or None where the data do not ask for one."""
    added = [fit(found, best.best.scale) for found in _at_residual(data, best.found)]
    gains = [(best.worse_by(trial) - EVIDENCE, trial) for trial in added]
    if blind(best) and len(best.found.lines) == 1:
        split = [fit(found, best.best.scale) for found in _splits(best.found)]
        gains += [(best.misfit_against(trial) - SPLIT_CHI_SQUARE, trial) for trial in split]
    gain, richer = max(gains, key=lambda item: item[0], default=(0.0, best))
    return richer if gain > 0 else None


def _at_residual(data: RegionData, found: Areas) -> list[Areas]:
    centers = [line.position for line in found.lines]
    new = find_lines(data, data.counts - found.envelope, found.fwhm, centers, _next_number(found.lines))
    return [_with(found, found.lines, found.areas, new, [_SMALL * float(found.areas.sum())])] if new else []


def _splits(found: Areas) -> list[Areas]:
    """Two lines instead of one: they may stand too close for a second maximum."""
    (line,), (area,) = found.lines, found.areas
    trials = []
    for places, shares in _SPLITS:
        two = [free_line(i, line.position + place * found.fwhm, found.fwhm) for i, place in enumerate(places, start=1)]
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
    """Count the lines that neither a group nor another element explains."""
    return sum(not (line.groups or line.foreign) for line in found.lines)
