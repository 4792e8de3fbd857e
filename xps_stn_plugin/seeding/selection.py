"""Which components the data need: nonlinear fits of models that differ by some components, compared by BIC."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import OptimizeResult

from xps_prefit_hooks import Seed
from xps_stn_plugin.models.plan import FitPlan

from .areas import Areas, find_lines
from .lines import Line
from .region import RegionData

FloatArray = NDArray[np.float64]

#: Line shapes are known to this share of the local intensity at best: differences below it do not call for components.
#: Seeded fits of 37 measured polymers leave a root mean square residual of 0.5 % of the peak height.
_SHAPE_ERROR: Final = 0.005

#: Evaluations after which a trial fit is judged as it is.
_TRIAL_NFEV: Final = 60

#: A component whose area exceeds this many standard errors is needed in any case: no fit without it is tried.
_SURE: Final = 8.0

#: How much better in BIC a model must be for a component that no group explains: "very strong" evidence in the words of
#: Kass and Raftery, J. Am. Stat. Assoc. 90 (1995) 773.
_EVIDENCE: Final = 10.0

#: Starts of a line that is split in two: places in widths from its centre, and shares of its area.
_SPLITS: Final = (((-0.35, 0.35), (0.5, 0.5)), ((-0.15, 0.6), (0.75, 0.25)), ((-0.6, 0.15), (0.25, 0.75)))


@dataclass(frozen=True)
class Trial:
    """A model of some lines, fitted: its plan, the optimum, and what BIC is made of."""

    found: Areas
    plan: FitPlan
    values: Mapping[str, float]
    chisqr: float
    free: int

    def worse_by(self, other: Trial) -> float:
        """BIC of this model less that of another; chi-square in units of the better model's reduced one, if above 1.

        Shapes that are known no better than the residual shows are no evidence for components.
        """
        points = self.plan.data.size
        better = min((self, other), key=lambda trial: trial.chisqr)
        scale = max(1.0, better.chisqr / max(points - better.free, 1))
        return (self.chisqr - other.chisqr) / scale + (self.free - other.free) * math.log(points)


def select(data: RegionData, found: Areas, build: Callable[[Areas], Seed], most: int) -> tuple[Areas, list[str]]:
    """Keep the components that the data need, and add those that the residual asks for.

    Parameters
    ----------
    data : RegionData
    found : Areas
        Candidates with start values.
    build : callable
        ``build(areas)`` makes the seed of some lines.
    most : int
        Components that may be added.

    Returns
    -------
    found : Areas
        The components left, at the optimum of their fit.
    notes : list of str
        What went, with the reason.
    """
    weights = 1.0 / np.hypot(data.noise.sigma, _SHAPE_ERROR * np.maximum(data.counts - data.chord(), 0.0))
    best = _fitted(data, found, build, weights)
    if best is None:
        return found, []
    best, gone = _less(best)
    for _ in range(most):
        richer = _more(data, best, build, weights)
        if richer is None:
            break
        best = richer
    notes = [f"Dropped, not needed by the data (BIC): {', '.join(gone)}."] if gone else []
    return best.found, notes


def _fitted(data: RegionData, found: Areas, build: Callable[[Areas], Seed], weights: FloatArray) -> Trial | None:
    seed = build(found)
    plan = FitPlan.compile(seed.model, seed.params, data.energy, data.counts, weights)
    return None if plan is None else _trial(found, plan, plan.solve(max_nfev=_TRIAL_NFEV))


def _trial(found: Areas, plan: FitPlan, fit: OptimizeResult) -> Trial:
    return Trial(_moved(found, plan, fit), plan, plan.values(fit.x), fit.chisqr, len(plan.names))


def _moved(found: Areas, plan: FitPlan, fit: OptimizeResult) -> Areas:
    """Lines, areas and width at the optimum."""
    values = plan.values(fit.x)
    lines = tuple(replace(line, position=values[f"{line.key}_center"]) for line in found.lines)
    areas = np.array([values[f"{line.key}_amplitude"] for line in found.lines])
    master = max((line for line in lines if not line.satellite), key=lambda line: values[f"{line.key}_amplitude"])
    step = values.get(f"{master.key}_step", found.step)
    envelope = plan.curve(fit.x)
    misfit = float(np.sqrt(np.mean((plan.data - envelope) ** 2)))
    return replace(
        found,
        lines=lines,
        areas=areas,
        fwhm=2.0 * values[f"{master.key}_sigma"],
        fraction=values[f"{master.key}_fraction"],
        step=step,
        envelope=envelope,
        misfit=misfit,
    )


def _less(best: Trial) -> tuple[Trial, list[str]]:
    """Drop one component after another, or a family with its lead, while the model is no worse for it."""
    gone: list[str] = []
    while True:
        for lines in _optional(best):
            plan = best.plan.without([f"{line.key}_{low}" for line in lines for low in ("", "low_")])
            if not plan.names:
                continue
            left = tuple(line for line in best.found.lines if line not in lines)
            kept = np.array([line in left for line in best.found.lines])
            fit = plan.solve(max_nfev=_TRIAL_NFEV, start=best.values)
            fewer = _trial(replace(best.found, lines=left, areas=best.found.areas[kept]), plan, fit)
            if fewer.worse_by(best) <= 0:
                gone += [line.name for line in lines]
                best = fewer
                break
        else:
            return best, gone


def _optional(best: Trial) -> list[tuple[Line, ...]]:
    """Lines that may go together, smallest area first; without those of certain groups and those beyond doubt."""
    lines = best.found.lines
    certain = {line.family for line in lines if line.keep and line.family}
    sure = _beyond_doubt(best)
    choices = []
    for line, area in zip(lines, best.found.areas, strict=True):
        if line.keep or line.key in sure or (line.weight >= 1 and line.family in certain):
            continue
        leads = line.family and line.slack == (1.0, 1.0)
        along = [other for other in lines if other is not line and leads and other.family == line.family]
        along += [other for other in lines if other.satellite and other.satellite.relative_to in line.members]
        choices.append((float(area), (line, *along)))
    mains = {line.key for line in lines if not line.satellite}
    return [lines for _, lines in sorted(choices, key=lambda item: item[0]) if mains - {line.key for line in lines}]


def _beyond_doubt(best: Trial) -> set[str]:
    """Keys of lines whose area exceeds many standard errors."""
    plan, v = best.plan, best.plan.vector(best.values)
    jacobian = plan.jacobian(v)
    scale = max(1.0, best.chisqr / max(plan.data.size - best.free, 1))
    covariance = np.linalg.pinv(jacobian.T @ jacobian) * scale
    errors = dict(zip(plan.names, np.sqrt(np.maximum(np.diag(covariance), 0.0)), strict=True))
    return {
        line.key
        for line in best.found.lines
        if (error := errors.get(f"{line.key}_amplitude")) is not None
        and best.values[f"{line.key}_amplitude"] > _SURE * error > 0
    }


def _more(data: RegionData, best: Trial, build: Callable[[Areas], Seed], weights: FloatArray) -> Trial | None:
    """Model with one more line that no group explains, or None where the data do not ask for one."""
    candidates = [*_at_residual(data, best), *_split(best)]
    trials = [trial for found in candidates if (trial := _fitted(data, found, build, weights))]
    if not trials:
        return None
    richest = min(trials, key=lambda trial: trial.chisqr)
    return richest if best.worse_by(richest) > _EVIDENCE else None


def _at_residual(data: RegionData, best: Trial) -> list[Areas]:
    found = best.found
    centers = [line.position for line in found.lines]
    number = _next_number(found.lines)
    new = find_lines(data, data.counts - found.envelope, found.fwhm, centers, "unassigned", number)
    return [_with(found, found.lines, found.areas, new, [0.03 * float(found.areas.sum())])] if new else []


def _split(best: Trial) -> list[Areas]:
    """Lines that no group explains, each as two; they may be two that stand too close for a second maximum."""
    found = best.found
    trials = []
    for i, line in enumerate(found.lines):
        if line.groups:
            continue
        others = found.lines[:i] + found.lines[i + 1 :]
        areas = np.delete(found.areas, i)
        half = max(0.4, 0.5 * found.fwhm)
        number = _next_number(others)
        for places, shares in _SPLITS:
            two = []
            for place in places:
                at = line.position + place * found.fwhm
                two.append(Line(f"unassigned_{number}", f"unassigned {number}", (), at, at - half, at + half))
                number = _next_number((*others, *two))
            trials.append(
                replace(
                    _with(found, others, areas, two, [share * found.areas[i] for share in shares]),
                    fwhm=0.85 * found.fwhm,
                )
            )
            number = _next_number(others)
    return trials


def _with(found: Areas, lines: Sequence[Line], areas: FloatArray, new: Sequence[Line], sizes: Sequence[float]) -> Areas:
    both = [*zip(lines, areas, strict=True), *zip(new, sizes, strict=True)]
    both.sort(key=lambda pair: pair[0].position)
    return replace(found, lines=tuple(line for line, _ in both), areas=np.array([area for _, area in both]))


def _next_number(lines: Sequence[Line]) -> int:
    taken = {line.key for line in lines}
    return next(number for number in range(1, len(lines) + 2) if f"unassigned_{number}" not in taken)
