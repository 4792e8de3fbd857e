"""C-H stretch vibrations of the lines that groups bring, as the data and the usual number of C-H bonds have them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from xps_stn_plugin.models.solver import Problem

from .areas import Areas
from .drafted import DraftedSeed
from .prior import expectations, held_deviations
from .region import RegionData
from .trial import Trial, trial

#: Least mean number of quanta: a line without any would have another shape.
_LEAST: Final = 1e-3


def with_vibrations(
    best: Trial, data: RegionData, build: Callable[[Areas], DraftedSeed], weights: NDArray[np.float64]
) -> Trial:
    """Fit the vibrations of a model's lines together with all else, within what is expected of them.

    The lines carry the most probable number of quanta then. Lines of expected substances,
    whose C-H bonds are known, keep theirs.

    Parameters
    ----------
    best : Trial
    data : RegionData
    build : callable
        ``build(areas)`` makes the seed of some lines.
    weights : ndarray, shape (n,)
        One over the standard deviation of each intensity, noise and shape error together.
    """
    draft = build(best.found).draft
    names = [name for name in held_deviations(draft.params) if name.endswith("_vibration")]
    for name in names:
        draft.params[name].set(vary=True)
    model = draft.compiled() if names else None
    if model is None:
        return best
    problem = Problem.of_one(model, data.energy, data.counts, weights)
    loose = trial(best.found, problem, expectations(draft.params), scale=best.best.scale)
    lines = tuple(
        replace(line, vibration=max(loose.values[name], _LEAST)) if (name := f"{line.key}_vibration") in names else line
        for line in loose.found.lines
    )
    return replace(loose, found=replace(loose.found, lines=lines))
