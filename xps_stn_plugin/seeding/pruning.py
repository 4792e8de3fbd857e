"""Components that the data do not need."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from .growth import SPLIT_CHI_SQUARE
from .lines import OPTIONAL, Line
from .trial import Trial, blind, trial

#: What exceeds this many standard errors is needed in any case: no fit without it is tried.
SURE: Final = 8.0

#: No group is more probable than this before the fit.
_SUREST: Final = 0.99

#: A position within this share of its window from either end counts as at the edge.
_EDGE: Final = 0.02


def pruned(best: Trial) -> tuple[Trial, list[str]]:
    """Drop one component after another, or a family with its lead, while the model is no worse for it."""
    gone: list[str] = []
    while True:
        for lines in _optional(best):
            model = best.problem.model.without([f"{line.key}_{low}" for line in lines for low in ("", "low_")])
            if not model.free:
                continue
            left = tuple(line for line in best.found.lines if line not in lines)
            kept = np.array([line in left for line in best.found.lines])
            found = replace(best.found, lines=left, areas=best.found.areas[kept])
            problem = replace(best.problem, model=model, low=model.low[None], high=model.high[None])
            fewer = trial(found, problem, best.expected, best.values, best.best.scale)
            if _astray(best, lines) or not _needed(fewer, best, lines):
                gone += [line.name for line in lines]
                best = fewer
                break
        else:
            return best, gone


def _optional(best: Trial) -> list[tuple[Line, ...]]:
    """Lines that may go together, smallest area first; without those of certain groups and those beyond doubt."""
    lines = best.found.lines
    sure = _beyond_doubt(best)
    choices = []
    for line, area in zip(lines, best.found.areas, strict=True):
        if line.key in sure and not _astray(best, [line]):
            continue
        leads = line.family and line.slack == (1.0, 1.0)
        along = [other for other in lines if other is not line and leads and other.family == line.family]
        along += [other for other in lines if other.satellite and other.satellite.relative_to in line.members]
        choices.append((float(area), (line, *along)))
    mains = {line.key for line in lines if not line.satellite}
    return [lines for _, lines in sorted(choices, key=lambda item: item[0]) if mains - {line.key for line in lines}]


def _needed(fewer: Trial, best: Trial, lines: Sequence[Line]) -> bool:
    """Whether the model without some lines is worse."""
    if blind(best) and len(fewer.found.lines) == 1:
        return fewer.misfit_against(best) > SPLIT_CHI_SQUARE
    return fewer.worse_by(best) + _prior(lines) > 0


def _astray(best: Trial, lines: Sequence[Line]) -> bool:
    """Whether a line that most members of its group lack ended at the edge of its window: it is none."""
    line = lines[0]
    if line.probability > OPTIONAL or not line.groups:
        return False
    model = best.problem.model
    name = f"{line.key}_gap" if f"{line.key}_gap" in model.free else f"{line.key}_center"
    if name not in model.free:
        return False
    place = model.free.index(name)
    low, high = float(model.low[place]), float(model.high[place])
    return min(best.values[name] - low, high - best.values[name]) < _EDGE * (high - low)


def _prior(lines: Sequence[Line]) -> float:
    """Twice the logarithm of the odds of the surest of some lines, as seen by the network: what BIC leaves out."""
    probability = min(max(line.probability for line in lines), _SUREST)
    return 2.0 * math.log(probability / (1.0 - probability))


def _beyond_doubt(best: Trial) -> set[str]:
    """Keys of lines whose area, free or tied to another's, exceeds many standard errors."""
    ties = best.problem.model.ties
    slopes = dict(zip(ties.start, ties.derivatives(best.values), strict=True))
    sure = set()
    for line in best.found.lines:
        slope = slopes[f"{line.key}_amplitude"]
        error = float(np.sqrt(max(slope @ best.best.covariance @ slope, 0.0)))
        if best.values[f"{line.key}_amplitude"] > SURE * error > 0:
            sure.add(line.key)
    return sure
