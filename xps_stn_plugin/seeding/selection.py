"""Which components the data need: nonlinear fits of models that differ by some components, compared by BIC."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from xps_prefit_hooks import PrefitError, Seed
from xps_stn_plugin.models.plan import FitPlan

from .areas import Areas, find_lines, free_line, free_window
from .background import CARRIED, Kind
from .lines import OPTIONAL, Line
from .parameters import base_of
from .prior import DETERMINED, Optimum, expectations, optimum
from .region import RegionData

FloatArray = NDArray[np.float64]

#: When lines with the tail of a conductor are tried.
Tail = Literal["none", "suspected", "tried"]

#: Line shapes are known to this share of the local intensity at best: differences below it do not call for components.
#: Seeded fits of 37 measured polymers leave a root mean square residual of 0.5 % of the peak height.
_SHAPE_ERROR: Final = 0.005

#: Evaluations after which a trial fit is judged as it is.
_TRIAL_NFEV: Final = 60

#: A component whose area exceeds this many standard errors is needed in any case: no fit without it is tried.
_SURE: Final = 8.0

#: No group is more probable than this before the fit.
_SUREST: Final = 0.99

#: How much better in BIC a model must be for a component at a maximum of the residual that no group explains: "strong"
#: evidence in the words of Kass and Raftery, J. Am. Stat. Assoc. 90 (1995) 773.
_EVIDENCE: Final = 6.0

#: How much better in BIC a background with a step must be than a straight one: "positive" evidence.
_STEP_EVIDENCE: Final = 2.0

#: By how much chi-square must fall for a region's only line, which no group explains, to become two: likelihood-ratio
#: test with 5 % false alarms (95th percentile of the chi-square distribution with two degrees of freedom, a position
#: and an area).
_SPLIT_CHI_SQUARE: Final = 6.0

#: Start area of an added line as a share of the region's, and width of the parts of a line that is split.
_SMALL: Final = 0.03
_NARROWER: Final = 0.85

#: A line with less than this share of the region's area counts as empty.
_EMPTY: Final = 0.01

#: A position within this share of its window from either end counts as at the edge.
_EDGE: Final = 0.02

#: So many further lines that no group explains raise the suspicion that carbon is graphitic.
_SUSPICIOUS: Final = 1

#: Line of rings, for which graphite is taken, and the reduced chi-square from which on it describes them poorly.
_RING: Final = "ring"
_POOR: Final = 3.0

#: Less asymmetry than this is none; graphite has 0.05 and more.
_LEAST_ASYMMETRY: Final = 0.02

#: Starts of a line that is split in two: places in widths from its centre, and shares of its area.
_SPLITS: Final = (((-0.35, 0.35), (0.5, 0.5)), ((-0.15, 0.6), (0.75, 0.25)), ((-0.6, 0.15), (0.25, 0.75)))


@dataclass(frozen=True)
class Trial:
    """A model of some lines, fitted: its plan, the optimum, and what BIC is made of.

    Positions and ratios within the bounds that chemistry sets are not counted among the free parameters: BIC's
    penalty is for parameters of which nothing is known before.
    """

    found: Areas
    plan: FitPlan
    expected: Mapping[str, tuple[float, float]]
    values: Mapping[str, float]
    best: Optimum
    free: int

    def worse_by(self, other: Trial) -> float:
        """BIC of this model less that of another."""
        return self.misfit_against(other) + (self.free - other.free) * math.log(self.plan.data.size)

    def misfit_against(self, other: Trial) -> float:
        """Chi-square of this model less that of another, in units of the better one's reduced chi-square, if above 1.

        Shapes that are known no better than the residual shows are no evidence for components.
        """
        better = min((self.best, other.best), key=lambda best: best.chisqr)
        scale = max(1.0, better.chisqr / max(self.plan.data.size - len(self.plan.names), 1))
        return (self.best.chisqr - other.best.chisqr) / scale + self.best.penalty - other.best.penalty


def select(
    data: RegionData,
    found: Areas,
    build: Callable[[Areas], Seed],
    kinds: Sequence[Kind],
    most: int,
    clean: Callable[[Areas], tuple[Areas, list[str]]],
    *,
    tail: Tail = "none",
) -> tuple[Areas, tuple[str, ...], list[str]]:
    """Keep the components that the data need, and add those that the residual asks for.

    Parameters
    ----------
    data : RegionData
    found : Areas
        Candidates with start values.
    build : callable
        ``build(areas)`` makes the seed of some lines.
    kinds : sequence of Kind
        Backgrounds to choose from, the one with most freedom first.
    most : int
        Components that may be added.
    clean : callable
        ``clean(areas)`` gives lines without those that are too small to mean anything, and the names of these.
    tail : {"none", "suspected", "tried"}
        Whether lines with the tail of a conductor are tried: never, where lines that no group explains look like one,
        or always.

    Returns
    -------
    found : Areas
        The components left, at the optimum of their fit.
    held : tuple of str
        Parameters of which chemistry knows more than the data say.
    notes : list of str
        What went, with the reason.
    """
    weights = 1.0 / np.hypot(data.noise.sigma, _SHAPE_ERROR * np.maximum(data.counts - data.chord(), 0.0))
    fit = partial(_fitted, data, build, weights)
    first = _first(replace(found, **kinds[0]._asdict()), fit)
    grow = partial(_grown, data, fit, most + _unexplained(first.found))
    conductive = tail == "tried"
    best = grow(_conductive(first, fit) if conductive else first, conductive=conductive)
    if tail == "suspected" and _suspicious(first.found, best.found, best.best.scale):
        tailed = _background(grow(_conductive(first, fit), conductive=True), kinds, fit)
        best = tailed if best.worse_by(tailed) > 0 else best
    best, gone = _less(best)
    left, empty = clean(best.found)
    if gone or empty:
        best = grow(fit(left, best.best.scale), conductive=conductive)
    best = _background(best, kinds, fit)
    held = [name for name, error in best.best.errors.items() if error > DETERMINED * best.expected[name][1]]
    notes = [f"Dropped, not needed by the data (BIC): {', '.join(gone)}."] if gone else []
    if empty:
        notes.append(f"Dropped, for want of signal: {', '.join(empty)}.")
    if tails := [line.name for line in best.found.lines if line.conductive]:
        notes.append(f"With the tail of a conductor (Doniach and Sunjic): {', '.join(tails)}.")
    return best.found, tuple(held), notes


def _unexplained(found: Areas) -> int:
    return sum(not line.groups for line in found.lines)


def _first(found: Areas, fit: Callable[..., Trial]) -> Trial:
    """Fit the candidates; from equal areas too where a line that should be there came out empty.

    One broad line between two of equal height is a minimum of its own, from which no fit finds the two.
    """
    first = fit(found)
    areas = first.found.areas
    empty = [line for line, area in zip(found.lines, areas, strict=True) if area < _EMPTY * areas.sum()]
    if not any(line.probability > OPTIONAL and not line.satellite for line in empty):
        return first
    mains = np.array([line.probability > OPTIONAL and not line.satellite for line in found.lines])
    even = np.where(mains, found.areas[mains].sum() / mains.sum(), found.areas)
    lines = tuple(replace(line, position=line.expected if line.groups else line.position) for line in found.lines)
    other = fit(replace(found, lines=lines, areas=even, fwhm=_NARROWER * found.fwhm), first.best.scale)
    return other if first.worse_by(other) > 0 else first


def _suspicious(first: Areas, grown: Areas, scale: float) -> bool:
    """Whether carbon may be graphitic: its tail looks like several lines that no group explains, or fits no ring."""
    highest = grown.lines[int(np.argmax(grown.areas))]
    foreign = not highest.groups and any(line.groups for line in grown.lines)
    if _RING in highest.members and scale > _POOR:
        return True
    return foreign or len(grown.lines) >= len(first.lines) + _SUSPICIOUS


def _grown(
    data: RegionData, fit: Callable[[Areas, float], Trial], most: int, best: Trial, *, conductive: bool
) -> Trial:
    """Add lines that no group explains, up to so many, as long as the data ask for them."""
    while _unexplained(best.found) < most:
        richer = _more(data, best, fit)
        if richer is None:
            break
        best = _conductive(richer, fit) if conductive else richer
    return best


def _fitted(
    data: RegionData, build: Callable[[Areas], Seed], weights: FloatArray, found: Areas, scale: float = 1.0
) -> Trial:
    seed = build(found)
    plan = FitPlan.compile(seed.model, seed.params, data.energy, data.counts, weights)
    if plan is None:
        raise PrefitError(f"region {data.name}", "its model is no sum of lines: seed it without choosing components.")
    return _trial(found, plan, expectations(seed.params), scale=scale)


def _trial(
    found: Areas,
    plan: FitPlan,
    expected: Mapping[str, tuple[float, float]],
    start: Mapping[str, float] | None = None,
    scale: float = 1.0,
) -> Trial:
    best = optimum(plan, expected, start=start, scale=scale, max_nfev=_TRIAL_NFEV)
    known = {f"{line.key}_{name}" for line in found.lines if line.groups for name in ("center", "gap", "ratio")}
    free = sum(name not in known for name in plan.names)
    return Trial(_moved(found, plan, best.vector), plan, expected, plan.values(best.vector), best, free)


def _moved(found: Areas, plan: FitPlan, vector: FloatArray) -> Areas:
    """Lines, areas, width and background at the optimum."""
    values = plan.values(vector)
    lines = tuple(_at(line, values[f"{line.key}_center"], found.fwhm) for line in found.lines)
    areas = np.array([values[f"{line.key}_amplitude"] for line in found.lines])
    master = max((line for line in lines if not line.satellite), key=lambda line: values[f"{line.key}_amplitude"])
    envelope = plan.curve(vector)
    strength = CARRIED.get(found.background)
    return replace(
        found,
        lines=lines,
        areas=areas,
        fwhm=2.0 * values[f"{master.key}_sigma"],
        fraction=values[f"{master.key}_fraction"],
        strength=values[f"{master.key}_{strength}"] if strength else 0.0,
        base=base_of(values),
        envelope=envelope,
        misfit=float(np.sqrt(np.mean((plan.data - envelope) ** 2))),
    )


def _at(line: Line, center: float, fwhm: float) -> Line:
    """Line moved to where the fit has it; the window of one that the data alone ask for follows."""
    if line.groups:
        return replace(line, position=center)
    half = free_window(fwhm)
    return replace(line, position=center, low=center - half, high=center + half)


def _background(best: Trial, kinds: Sequence[Kind], fit: Callable[[Areas, float], Trial]) -> Trial:
    """Put the same lines on the best of all backgrounds."""
    others = [kind for kind in kinds if kind != (best.found.background, best.found.sloping)]
    trials = [best, *(fit(replace(best.found, **kind._asdict(), base=None), best.best.scale) for kind in others)]
    for other in trials[1:]:
        if best.worse_by(other) > 0:
            best = other
    for plain in trials:
        # As many parameters as a step has: without some evidence for the step it is a straight line.
        if plain.found.background == "linear" and plain.worse_by(best) < _STEP_EVIDENCE:
            return plain
    return best


def _conductive(best: Trial, fit: Callable[[Areas, float], Trial]) -> Trial:
    """Give lines the tail of a conductor if the data ask for it: those that no group explains, or else the highest."""
    lines = best.found.lines
    highest = lines[int(np.argmax(best.found.areas))]
    metal = all(not line.groups for line in lines)
    tailed = tuple(replace(line, conductive=metal or line is highest) for line in lines)
    if tailed == lines:
        return best
    other = fit(replace(best.found, lines=tailed), best.best.scale)
    asymmetry = other.values[f"{highest.key}_asymmetry"]
    return other if asymmetry > _LEAST_ASYMMETRY and best.worse_by(other) > _EVIDENCE else best


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
            found = replace(best.found, lines=left, areas=best.found.areas[kept])
            fewer = _trial(found, plan, best.expected, best.values, best.best.scale)
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
    if _blind(best) and len(fewer.found.lines) == 1:
        return fewer.misfit_against(best) > _SPLIT_CHI_SQUARE
    return fewer.worse_by(best) + _prior(lines) > 0


def _blind(trial: Trial) -> bool:
    """Whether no group explains any line."""
    return not any(line.groups for line in trial.found.lines)


def _astray(best: Trial, lines: Sequence[Line]) -> bool:
    """Whether a line that most members of its group lack ended at the edge of its window: it is none."""
    line = lines[0]
    if line.probability > OPTIONAL or not line.groups:
        return False
    name = f"{line.key}_gap" if f"{line.key}_gap" in best.plan.names else f"{line.key}_center"
    if name not in best.plan.names:
        return False
    place = best.plan.names.index(name)
    low, high = float(best.plan.low[place]), float(best.plan.high[place])
    return min(best.values[name] - low, high - best.values[name]) < _EDGE * (high - low)


def _prior(lines: Sequence[Line]) -> float:
    """Twice the logarithm of the odds of the surest of some lines, as seen by the network: what BIC leaves out."""
    probability = min(max(line.probability for line in lines), _SUREST)
    return 2.0 * math.log(probability / (1.0 - probability))


def _beyond_doubt(best: Trial) -> set[str]:
    """Keys of lines whose area exceeds many standard errors."""
    plan, v = best.plan, best.plan.vector(best.values)
    jacobian = plan.jacobian(v)
    covariance = np.linalg.pinv(jacobian.T @ jacobian) * best.best.scale
    errors = dict(zip(plan.names, np.sqrt(np.maximum(np.diag(covariance), 0.0)), strict=True))
    return {
        line.key
        for line in best.found.lines
        if (error := errors.get(f"{line.key}_amplitude")) is not None
        and best.values[f"{line.key}_amplitude"] > _SURE * error > 0
    }


def _more(data: RegionData, best: Trial, fit: Callable[[Areas, float], Trial]) -> Trial | None:
    """Model with one more line that no group explains, or None where the data do not ask for one."""
    added = [fit(found, best.best.scale) for found in _at_residual(data, best.found)]
    gains = [(best.worse_by(trial) - _EVIDENCE, trial) for trial in added]
    if _blind(best) and len(best.found.lines) == 1:
        split = [fit(found, best.best.scale) for found in _splits(best.found)]
        gains += [(best.misfit_against(trial) - _SPLIT_CHI_SQUARE, trial) for trial in split]
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
            _with(replace(found, fwhm=_NARROWER * found.fwhm), (), found.areas[:0], two, area * np.array(shares))
        )
    return trials


def _with(found: Areas, lines: Sequence[Line], areas: FloatArray, new: Sequence[Line], sizes: Sequence[float]) -> Areas:
    both = sorted([*zip(lines, areas, strict=True), *zip(new, sizes, strict=True)], key=lambda pair: pair[0].position)
    return replace(found, lines=tuple(line for line, _ in both), areas=np.array([area for _, area in both]))


def _next_number(lines: Sequence[Line]) -> int:
    taken = {line.key for line in lines}
    return next(number for number in range(1, len(lines) + 2) if f"unassigned_{number}" not in taken)
