"""Components of a found group that most of its members have, and that the data refute."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np

from .areas import Areas
from .lines import Line
from .trial import Trial

#: A position or a ratio within this share of its range from either end counts as at the end.
_END: Final = 0.02

#: How much better in BIC the model without the line must be. Shapes that are not quite right make 9 for lines that are
#: there (nylon 6, poly(acrylic acid), measured); a line that is not there 200 and more (polylactide, poly(glycolide)).
_EVIDENCE: Final = 30.0


def without_refuted(best: Trial, fit: Callable[[Areas, float], Trial]) -> tuple[Trial, list[str]]:
    """Drop lines that members of their group may lack, where the data push them to an end of their range.

    Areas within a family are tied, so that such a line cannot become small: poly(glycolide) has no carbon beside the
    carbonyl that is not bonded to oxygen. It goes where a model without it is plainly better by BIC.

    Parameters
    ----------
    best : Trial
    fit : callable
        ``fit(areas, scale)`` fits some lines.

    Returns
    -------
    best : Trial
    gone : list of str
        Names of the lines that went.
    """
    gone: list[str] = []
    while True:
        for line in best.found.lines:
            if line.weight < 1.0 and line.family and _at_end(best, line):
                fewer = fit(_without(best.found, line), best.best.scale)
                if best.worse_by(fewer) > _EVIDENCE:
                    best = fewer
                    gone.append(line.name)
                    break
        else:
            return best, gone


def _without(found: Areas, line: Line) -> Areas:
    """Lines less one, whose area the nearest takes; the others start where they are expected."""
    kept = [other for other in found.lines if other is not line]
    areas = np.array([area for other, area in zip(found.lines, found.areas, strict=True) if other is not line])
    nearest = int(np.argmin([abs(other.position - line.position) for other in kept]))
    areas[nearest] += found.areas[found.lines.index(line)]
    lines = tuple(replace(other, position=other.expected) if other.groups else other for other in kept)
    return replace(found, lines=lines, areas=areas, base=None)


def _at_end(best: Trial, line: Line) -> bool:
    """Whether the line's position, or a ratio of its family, ended at an end of its range."""
    model = best.problem.model
    family = [other.key for other in best.found.lines if other.family == line.family]
    names = [f"{line.key}_gap", f"{line.key}_center", *(f"{key}_ratio" for key in family)]
    for name in names:
        if name in model.free:
            place = model.free.index(name)
            low, high = float(model.low[place]), float(model.high[place])
            if min(best.values[name] - low, high - best.values[name]) < _END * (high - low):
                return True
    return False
