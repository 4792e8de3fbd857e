"""The tail of a conductor's lines: when to suspect it, and whether the data ask for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np

from .areas import Areas
from .trial import EVIDENCE, Trial

#: So many further lines that no group explains raise the suspicion that carbon is graphitic.
_SUSPICIOUS: Final = 1

#: Lines at whose place that of graphite lies, for which it is taken, and the reduced chi-square from which on these
#: alone, or a line of carbon without groups, describe it poorly.
_HYDROCARBON: Final = frozenset(("ring", "alkyl"))
_POOR: Final = 3.0

#: Largest share of the area that graphite may have in lines of carbon bound to other elements.
_MOST_BOUND: Final = 0.3

#: Less asymmetry than this is none; graphite has 0.05 and more.
_LEAST_ASYMMETRY: Final = 0.02


def suspicious(first: Areas, grown: Areas, scale: float) -> bool:
    """Whether carbon may be graphitic: its tail looks like several lines that no group explains, or fits no ring.

    Where much of the carbon is bound to oxygen or halogens, it is not graphite.
    """
    highest = grown.lines[int(np.argmax(grown.areas))]
    bound = [bool(line.groups) and not line.satellite and not _HYDROCARBON & set(line.members) for line in grown.lines]
    share = float(grown.areas[bound].sum() / grown.areas.sum())
    if share > _MOST_BOUND:
        return False
    unexplained = not highest.assigned and any(line.groups for line in grown.lines)
    if not any(bound) and highest.assigned and scale > _POOR:
        return True
    ours = [line for line in grown.lines if not line.foreign]
    return unexplained or len(ours) >= len(first.lines) + _SUSPICIOUS


def with_tail(best: Trial, fit: Callable[[Areas, float], Trial]) -> Trial:
    """Give lines the tail of a conductor if the data ask for it: those that no group explains, or else the highest."""
    lines = best.found.lines
    highest = lines[int(np.argmax(best.found.areas))]
    metal = all(not line.groups for line in lines)
    tailed = tuple(replace(line, conductive=metal or line is highest) for line in lines)
    if tailed == lines:
        return best
    other = fit(replace(best.found, lines=tailed), best.best.scale)
    asymmetry = other.values[f"{highest.key}_asymmetry"]
    return other if asymmetry > _LEAST_ASYMMETRY and best.worse_by(other) > EVIDENCE else best


def without_idle_tail(best: Trial, fit: Callable[[Areas, float], Trial]) -> Trial:
    """Take away a tail that lines found later have left without asymmetry."""
    lines = best.found.lines
    if not any(line.conductive and best.values[f"{line.key}_asymmetry"] <= _LEAST_ASYMMETRY for line in lines):
        return best
    plain = tuple(replace(line, conductive=False) for line in lines)
    return fit(replace(best.found, lines=plain), best.best.scale)
