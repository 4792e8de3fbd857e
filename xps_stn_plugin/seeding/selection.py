"""Which components the data need: nonlinear fits of models that differ by some components, compared by BIC."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from .areas import Areas
from .background import CARRIED, Kind
from .conductor import suspicious, with_tail, without_idle_tail
from .drafted import DraftedSeed
from .foreign import Candidate, with_foreign
from .growth import NARROWER, Singles, grown, unexplained
from .lines import OPTIONAL
from .prior import DETERMINED
from .pruning import pruned
from .refuted import without_refuted
from .region import RegionData
from .trial import Trial, fitted
from .vibrations import with_vibrations

FloatArray = NDArray[np.float64]

#: Ratio of reduced chi-squares below which two models describe the data about as well.
_AS_WELL: Final = 1.5

#: When lines with the tail of a conductor are tried.
Tail = Literal["none", "suspected", "tried"]

#: Line shapes are known to this share of the local intensity at best: differences below it do not call for components.
#: Seeded fits of 37 measured polymers leave a root mean square residual of 0.5 % of the peak height.
_SHAPE_ERROR: Final = 0.005


#: How much better in BIC a background with a step must be than a straight one: "positive" evidence.
_STEP_EVIDENCE: Final = 2.0

#: A background without a slope or a step that is this many of its standard errors squared off zero is not tried: BIC
#: asks for about 5.
_PLAIN: Final = 60.0

#: A line with less than this share of the region's area counts as empty.
_EMPTY: Final = 0.01


def select(
    data: RegionData,
    found: Areas,
    build: Callable[[Areas], DraftedSeed],
    kinds: Sequence[Kind],
    most: int,
    clean: Callable[[Areas], tuple[Areas, list[str]]],
    *,
    tail: Tail = "none",
    foreign: Sequence[Candidate] = (),
    name: Callable[[Areas], Areas] | None = None,
    losses: Callable[[Areas], Areas] | None = None,
    singles: Singles = None,
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
    foreign : sequence of Candidate
        Lines of other elements that may lie in the region.
    name : callable, optional
        ``name(areas)`` names lines that no group explains after chemical states.
    losses : callable, optional
        The same at the end, when what is left may be energy losses.
    singles : callable, optional
        Satellites, and lines of other elements that are not known, see `grown`.

    Returns
    -------
    found : Areas
        The components left, at the optimum of their fit.
    held : tuple of str
        Parameters of which chemistry knows more than the data say.
    notes : list of str
        What went, with the reason.
    """
    # An average of channels has as much evidence as these.
    shape_error = _SHAPE_ERROR / math.sqrt(data.channels)
    weights = 1.0 / np.hypot(data.noise.sigma, shape_error * np.maximum(data.counts - data.chord(), 0.0))
    fit = partial(fitted, data, build, weights)
    first = _first(replace(found, **kinds[0]._asdict()), fit)
    grow = partial(grown, data, fit, most + unexplained(first.found), singles=singles)
    conductive = tail == "tried"
    best = grow(with_tail(first, fit) if conductive else first, conductive=conductive)
    # Before carbon is taken for graphitic: lines of other elements look like lines that no group explains.
    explain = partial(with_foreign, fit=fit, tried=foreign, ends=(float(data.energy[0]), float(data.energy[-1])))
    best = explain(_named(best, name, fit, grow))
    if tail == "suspected" and suspicious(first.found, best.found, best.best.scale):
        tailed = _background(grow(with_tail(first, fit), conductive=True), kinds, fit)
        best = tailed if best.worse_by(tailed) > 0 or _names_more(tailed, best) else best
    best, refuted = without_refuted(best, fit)
    best, gone = pruned(best)
    left, empty = clean(best.found)
    if gone or empty:
        best = grow(fit(left, best.best.scale), conductive=conductive)
    best = _background(without_idle_tail(best, fit), kinds, fit)
    explained = explain(best)
    if explained is not best:
        best, needless = pruned(explained)
        gone += needless
    best = _named(best, losses, fit, grow)
    # What the data say of the others where vibrations are as they are.
    held = [name for name, error in best.best.errors.items() if error > DETERMINED * best.expected[name][1]]
    best = with_vibrations(best, data, build, weights)
    notes = [f"Dropped, not needed by the data (BIC): {', '.join(gone)}."] if gone else []
    if refuted:
        notes.append(f"Dropped, refuted by the data: {', '.join(refuted)}.")
    if empty:
        notes.append(f"Dropped for lack of signal: {', '.join(empty)}.")
    if tails := [line.name for line in best.found.lines if line.conductive]:
        notes.append(f"With the tail of a conductor (Doniach and Sunjic): {', '.join(tails)}.")
    return best.found, tuple(held), notes


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
    other = fit(replace(found, lines=lines, areas=even, fwhm=NARROWER * found.fwhm), first.best.scale)
    return other if first.worse_by(other) > 0 else first


def _names_more(tailed: Trial, plain: Trial) -> bool:
    """Whether a group explains the largest line only if it has a tail, and describes the data about as well."""
    largest, other = (trial.found.lines[int(np.argmax(trial.found.areas))] for trial in (tailed, plain))
    return largest.assigned and not other.assigned and tailed.best.scale < _AS_WELL * plain.best.scale


def _named(
    best: Trial,
    name: Callable[[Areas], Areas] | None,
    fit: Callable[[Areas, float], Trial],
    grow: Callable[..., Trial],
) -> Trial:
    """Name lines after chemical states, within whose windows they lie then; what that leaves over may be lines, too."""
    if name is None:
        return best
    found = name(best.found)
    if found.lines == best.found.lines:
        return best
    named = fit(found, best.best.scale)
    richer = grow(named, conductive=False)
    return named if richer is named else fit(name(richer.found), richer.best.scale)


def _background(best: Trial, kinds: Sequence[Kind], fit: Callable[[Areas, float], Trial]) -> Trial:
    """Put the same lines on the best of all backgrounds."""
    others = [kind for kind in kinds if kind != (best.found.background, best.found.sloping)]
    others = [kind for kind in others if _lacking(best, kind) < _PLAIN]
    trials = [best, *(fit(replace(best.found, **kind._asdict(), base=None), best.best.scale) for kind in others)]
    for other in trials[1:]:
        if best.worse_by(other) > 0:
            best = other
    for plain in trials:
        # As many parameters as a step has: without some evidence for the step it is a straight line.
        if plain.found.background == "linear" and plain.worse_by(best) < _STEP_EVIDENCE:
            return plain
    return best


def _lacking(best: Trial, kind: Kind) -> float:
    """Square, in standard errors, of the one background parameter that another kind lacks; 0 if that is not all."""
    strength = CARRIED[best.found.background]
    if not best.found.sloping or strength is None:
        return 0.0
    if kind.background == "linear":
        missing = strength
    elif kind == (best.found.background, False):
        missing = "slope"
    else:
        return 0.0
    fit = best.best
    variances = np.diag(fit.covariance)
    squares = [
        fit.vector[i] ** 2 / variances[i]
        for i, name in enumerate(fit.names)
        if name.endswith(f"_{missing}") and variances[i] > 0
    ]
    return float(min(squares, default=0.0))
