"""Trial fits of models that differ by some components or by their background."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from xps_prefit_hooks import PrefitError
from xps_stn_plugin.models.solver import Problem, solve

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

#: Steps in standard errors that end a trial fit: chi-square is then within about a hundredth of its minimum, where a
#: decision needs 6.
_TRIAL_ERRORS: Final = 0.1
#: Evaluations with which alternative start values are compared, and steps in standard errors that end them.
_ROUGH_NFEV, _ROUGH_ERRORS = 8, 0.3

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
    data: RegionData,
    build: Callable[[Areas], DraftedSeed],
    weights: FloatArray,
    found: Areas,
    scale: float = 1.0,
    alternatives: Sequence[Areas] = (),
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
    alternatives : sequence of Areas
        Other start values of the same lines; the fit goes on from the best after a few steps side by side.

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
    expected = expectations(draft.params)
    if not alternatives:
        return trial(found, problem, expected, scale=scale)
    starts = [draft.params, *(build(other).draft.params for other in alternatives)]
    low, high, vectors = (
        np.array([[float(getattr(params[name], what)) for name in model.free] for params in starts])
        for what in ("min", "max", "value")
    )
    x, counts, row_weights = (np.repeat(part, len(starts), axis=0) for part in (problem.x, problem.data, weights[None]))
    means, deviations = np.array([expected.get(name, (0.0, np.inf)) for name in model.free]).T
    known = np.repeat(scale * deviations[None] ** -2.0, len(starts), axis=0)
    together = Problem(
        model, x, counts, row_weights, low, high, None, known, np.repeat(means[None], len(starts), axis=0)
    )
    rough = solve(together, vectors, _ROUGH_NFEV, from_start=True, step_errors=_ROUGH_ERRORS, confirm=False)
    best = int(np.argmin(rough.normal.chisqr))
    chosen = replace(problem, low=low[best : best + 1], high=high[best : best + 1])
    return trial((found, *alternatives)[best], chosen, expected, start=model.named(rough.v[best]), scale=scale)


def trial(
    found: Areas,
    problem: Problem,
    expected: Mapping[str, tuple[float, float]],
    start: Mapping[str, float] | None = None,
    scale: float = 1.0,
) -> Trial:
    """Fit a problem of some lines; `expected` and `scale` as for `optimum`."""
    best = optimum(problem, expected, start=start, scale=scale, max_nfev=_TRIAL_NFEV, step_errors=_TRIAL_ERRORS)
    known = {f"{line.key}_{name}" for line in found.lines if line.assigned for name in ("center", "gap", "ratio")}
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
        widths={line.key: 2.0 * values[f"{line.key}_sigma"] for line in lines},
    )


def _at(line: Line, center: float, fwhm: float) -> Line:
    """Line moved to where the fit has it; the window of one that the data alone ask for follows."""
    if line.assigned:
        return replace(line, position=center)
    half = free_window(fwhm)
    return replace(line, position=center, low=center - half, high=center + half)


def blind(trial: Trial) -> bool:
    """Whether no group explains any line."""
    return not any(line.assigned for line in trial.found.lines)
