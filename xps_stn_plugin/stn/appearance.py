"""A description in words, from the maxima of its lines, of a sample that no functional group explains."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..chemistry.compounds import HYDROCARBON, carbon_maximum, compound_at
from ..core.core_levels import core_level

FloatArray = NDArray[np.float64]

_CARBON = "C1s"


def appearance(levels: Sequence[str], maxima: FloatArray) -> str:
    """Describe a sample by the maxima of its lines on the calibrated axis.

    Parameters
    ----------
    levels : sequence of str
        Core levels.
    maxima : ndarray, shape (levels,)
        Binding energies in eV, on the scale on which hydrocarbon is 285.00 eV; NaN where a level shows no line.

    Returns
    -------
    str
        Part of a sentence without capital and full stop: "adventitious carbon on an oxide (O 1s maximum at 530.2 eV)".
    """
    kinds: dict[str, None] = {}
    places: list[str] = []
    adventitious = False
    for level, energy in zip(levels, maxima, strict=True):
        compound = compound_at(level, float(energy))
        if level == _CARBON and np.isfinite(energy):
            adventitious = compound == HYDROCARBON
            compound = "" if adventitious else compound or "carbon at an unusual energy"
        if compound:
            kinds[compound] = None
            places.append(f"{core_level(level).label} maximum at {energy:.1f} eV")
    if not kinds:
        carbon = "adventitious carbon" if adventitious else "something"
        return f"{carbon} alone or on a material whose lines were not measured"
    *first, last = [_with_article(kind) for kind in kinds]
    listed = f"{', '.join(first)} and {last}" if first else last
    return f"{'adventitious carbon on ' if adventitious else ''}{listed} ({', '.join(places)})"


def at_carbon(levels: Sequence[str], maxima: FloatArray) -> FloatArray:
    """Move maxima so that C 1s has its own where adventitious carbon has it, in eV; as they are without C 1s."""
    if _CARBON not in levels or not np.isfinite(carbon := maxima[list(levels).index(_CARBON)]):
        return maxima
    moved: FloatArray = maxima - carbon + carbon_maximum()
    return moved


#: Kinds that go without an article.
_BARE = ("carbon", "silicon", "silica", "potassium", "ammonium")


def _with_article(kind: str) -> str:
    if kind.startswith(_BARE):
        return kind
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"
