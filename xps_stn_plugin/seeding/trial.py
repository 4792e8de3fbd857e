"""Trial fits of models that differ by some components or by their background."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from xps_prefit_hooks import PrefitError
from xps_stn_plugin.models.solver import Problem

from .areas import Areas, free_window
from .background import CARRIED
from .drafted import DraftedSeed
from .lines import Line, master_line
from .parameters import base_of
from .prior import Optimum, expectations, optimum
from .region import RegionData

FloatArray = NDArray[np.float64]

#: Evaluations after which a trial fit is judged as it is.
_TRIAL_NFEV: Final = 60


#: How much better in BIC a model must be for a component at a maximum of the residual that no group explains: "strong"
#: evidence in the words of Kass and Raftery, J. Am. Stat. Assoc. 90 (1995) 773.
EVIDENCE: Final = 6.0


@dataclass(frozen=True)
class Trial:
    """A model of some lines, fitted: the problem, its optimum, and what BIC is made of.

    Positions and ratios within the bounds that chemistry sets are not counted among the free parameters: BIC's
    penalty is for parameters of which nothing is known before.

    Parameters
    ----------
    found : Areas
        Lines and background at the optimum.
    problem : Problem
    expected : mapping of str to tuple of float
        What is expected of parameters, see `prior`.
    values : mapping of str to float
        All parameters at the optimum.
    best : Optimum
    free : int
        Parameters that BIC counts.
    """

    found: Areas
    problem: Problem
    expected: Mapping[str, tuple[float, float]]
    values: Mapping[str, float]
    best: Optimum
    free: int

    def worse_by(self, other: Trial) -> float:
        """BIC of this model less that of another."""
        return self.misfit_against(other) + (self.free - other.free) * math.log(self.problem.data.size)

    def misfit_against(self, other: Trial) -> float:
        """Chi-square of this model less that of another, in units of the better one's reduced chi-square, if above 1.

        Shapes that are known no better than the residual shows are not evidence for components.
        """
        better = min((self.best, other.best), key=lambda best: best.chisqr)
        scale = max(1.0, better.chisqr / max(self.problem.data.size - len(self.problem.model.free), 1))
        return (self.best.chisqr - other.best.chisqr) / scale + self.best.penalty - other.best.penalty


def fitted(
    data: RegionData, build: Callable[[Areas], DraftedSeed], weights: FloatArray, found: Areas, scale: float = 1.0
) -> Trial:
    """Fit some lines.

    Parameters
    ----------
    data : RegionData
    build : callable
        ``build(areas)`` makes their seed.
    weights : ndarray, shape (n,)
        One over the standard deviation of each intensity, noise and shape error together.
    found : Areas
        The lines and their start values.
    scale : float
        Reduced chi-square that is expected.

    Raises
    ------
    PrefitError
        If nothing of the seed's model is free.
    """
    draft = build(found).draft
    model = draft.compiled()
    if model is None:
        raise PrefitError(f"region {data.name}", "its model has no free parameter.")
    problem = Problem.of_one(model, data.energy, data.counts, weights)
    return trial(found, problem, expectations(draft.params), scale=scale)


def trial(
    found: Areas,
    problem: Problem,
    expected: Mapping[str, tuple[float, float]],
    start: Mapping[str, float] | None = None,
    scale: float = 1.0,
) -> Trial:
    """Fit a problem of some lines; `expected` and `scale` as for `optimum`."""
    best = optimum(problem, expected, start=start, scale=scale, max_nfev=_TRIAL_NFEV)
    known = {f"{line.key}_{name}" for line in found.lines if line.groups for name in ("center", "gap", "ratio")}
    known |= {f"{line.key}_splitting" for line in found.lines if line.foreign}
    free = sum(name not in known for name in problem.model.free)
    values = problem.model.named(best.vector)
    return Trial(_moved(found, problem, best.vector, values), problem, expected, values, best, free)


def _moved(found: Areas, problem: Problem, vector: FloatArray, values: Mapping[str, float]) -> Areas:
    """Lines, areas, width and background at the optimum."""
    lines = tuple(_at(line, values[f"{line.key}_center"], found.fwhm) for line in found.lines)
    areas = np.array([values[f"{line.key}_amplitude"] for line in found.lines])
    master = master_line(lines, {line.key: values[f"{line.key}_amplitude"] for line in lines})
    strength = CARRIED[found.background]
    return replace(
        found,
        lines=lines,
        areas=areas,
        fwhm=2.0 * values[f"{master.key}_sigma"],
        fraction=values[f"{master.key}_fraction"],
        strength=values[f"{master.key}_{strength}"] if strength else 0.0,
        base=base_of(values),
        envelope=problem.model.curve(problem.x[0], vector),
    )


def _at(line: Line, center: float, fwhm: float) -> Line:
    """Line moved to where the fit has it; the window of one that the data alone ask for follows."""
    if line.groups or line.foreign:
        return replace(line, position=center)
    half = free_window(fwhm)
    return replace(line, position=center, low=center - half, high=center + half)


def blind(trial: Trial) -> bool:
    """Whether no group explains any line."""
    return not any(line.groups for line in trial.found.lines)
