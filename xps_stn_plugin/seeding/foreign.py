"""Lines of other elements in a region: K 2p beside C 1s, Bi 4f beside S 2p."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xps_prefit_hooks import ALIPHATIC_C1S, MAXIMUM_ABOVE_FIRST_MEMBER
from xps_stn_plugin.chemistry.states import values_of
from xps_stn_plugin.core.core_levels import core_levels
from xps_stn_plugin.core.element_lines import (
    AL_K_ALPHA,
    PhotoLine,
    doublet,
    level_lines,
    lines_in_window,
    photo_lines,
    typical_fwhm,
)
from xps_stn_plugin.core.regions import SURVEY
from xps_stn_plugin.core.survey import LACKED, SHOWN
from xps_stn_plugin.stn.signal import NO_LINE, line_maximum, line_to_noise

from .areas import Areas
from .lines import ForeignLevel, Line
from .trial import EVIDENCE, Trial

FloatArray = NDArray[np.float64]

#: Scale with the first vibrational member of aliphatic C 1s at 285.00 eV, less that of the table, where the maximum of
#: hydrocarbon C 1s is at 284.8 eV; in eV.
ON_OUR_SCALE: Final = ALIPHATIC_C1S + MAXIMUM_ABOVE_FIRST_MEMBER - 284.8

#: Elements that laboratories do not have: noble gases and those without a stable or long-lived isotope.
_ABSENT: Final = frozenset(("He", "Ne", "Ar", "Kr", "Xe", "Rn", "Tc", "Pm", "Po", "At", "Fr", "Ra", "Ac", "Pa"))
#: Weakest line that is looked for where nothing else shows the element, by cross section over that of its strongest.
_WEAKEST: Final = 0.05
#: How far in eV beyond its chemical range a line may lie: the error of the shift, and what the table does not hold.
_BEYOND: Final = 0.5
#: Distance in eV from where the other line of a doublet should be, within which a component may be that line.
_PARTNER: Final = 1.0
#: BIC that a line costs which is not the element's usual one.
_UNUSUAL: Final = 4.0
#: Most lines of other elements that a sentence names, and regions that show lines of their own on every surface.
_MOST_NAMED: Final = 3
_EVERYWHERE: Final = ("C1s", "O1s")
#: Most candidates that are tried by a fit.
_MOST_TRIED: Final = 8
#: Half of the part of a survey in eV in which an element's usual line is looked for, and another line of it.
_SURVEY_PART, _LINE_PART = 12.0, 8.0
#: Maxima of a survey that are nearer (eV) than this are one line.
_SAME_MAXIMUM: Final = 2.0
#: Cross section over that of the usual line from which on another line has to be seen, too.
_STRONG: Final = 0.33
#: Values in the table of states of a commonly measured element; rarer ones need evidence in BIC, as their prior says.
_COMMON: Final = 80


@dataclass(frozen=True)
class Candidate:
    """A line or doublet of another element that may lie in a region.

    Parameters
    ----------
    level : ForeignLevel
        What it is.
    low, high : float
        Window in eV of the line of higher j, on the calibrated axis.
    usual : bool
        Whether it belongs to the element's usual core level.
    confirmed : bool
        Whether another region, or a survey, shows the element.
    usual_range : tuple of float
        Where the region's own level lies in its compounds, in eV.
    """

    level: ForeignLevel
    low: float
    high: float
    usual: bool
    confirmed: bool
    usual_range: tuple[float, float]


def candidates(
    core: str,
    energy: np.ndarray,
    photon_energy: float,
    evidence: Mapping[str, bool],
    offset: float,
    *,
    trusted: bool,
) -> tuple[Candidate, ...]:
    """Lines of other elements that can lie in a region, without elements that other regions rule out.

    Parameters
    ----------
    core : str
        Core level of the region.
    energy : ndarray, shape (n,)
        Calibrated axis in eV.
    photon_energy : float
        In eV.
    evidence : mapping of str to bool
        Whether another region shows the element; elements of which nothing is known are missing.
    offset : float
        What the reported scale has more than the 285.00 eV scale, in eV.
    trusted : bool
        Whether the energy scale can be trusted; else only elements that other regions show are candidates. So it is in
        regions that the network does not know, whose own lines have more shapes and satellites than are known here.
    """
    move = ON_OUR_SCALE + offset
    low, high = float(energy[0]), float(energy[-1])
    ours = level_lines(core)
    usual_range = (
        (min(line.low for line in ours) + move, max(line.high for line in ours) + move) if ours else (low, high)
    )
    found: dict[str, Candidate] = {}
    for window_line in lines_in_window(low - move, high - move, photon_energy):
        line = window_line.line
        known = evidence.get(line.element)
        if not isinstance(line, PhotoLine) or line.element in _ABSENT or core.startswith(line.element + core[-2:]):
            continue
        lines = level_lines(line.level)
        pair = doublet(line.level)
        weak = (lines[0].cross_section(photon_energy) or 0.0) < _WEAKEST * _strongest(line.element, photon_energy)
        if known is False or (not known and (weak or not pair or not trusted or core not in core_levels())):
            continue
        first, last = lines[0].low + move - _BEYOND, lines[0].high + move + _BEYOND
        # Of an element that is known to be there, the line of lower j alone may lie in the region.
        reach = pair.compound_splitting if known and pair else 0.0
        if first > high or last + reach < low:
            continue
        level = ForeignLevel(
            line.level,
            tuple(other.label for other in lines),
            pair.compound_splitting if pair else 0.0,
            pair.ratio if pair else 0.0,
            typical_fwhm(lines[0], metal=False),
        )
        found[line.level] = Candidate(level, first, last, lines[0].main, bool(known), usual_range)
    return tuple(found.values())


@lru_cache(maxsize=512)
def _strongest(element: str, photon_energy: float) -> float:
    """Cross section of an element's strongest line over that of C 1s."""
    return max(line.cross_section(photon_energy) or 0.0 for line in photo_lines()[element])


def shown_elements(spectrum: xr.DataTree, region: str, offset: float) -> dict[str, bool]:
    """Elements that other regions, or a survey, of a spectrum show, or do not show although they were measured.

    Parameters
    ----------
    spectrum : xarray.DataTree
        On the calibrated axis.
    region : str
        The region in which lines of other elements are looked for.
    offset : float
        What the reported scale has more than the 285.00 eV scale, in eV.
    """
    shown: dict[str, bool] = {}
    surveys = []
    for name, child in spectrum.children.items():
        level = str(child.attrs.get("region", name))
        if name == region or child["counts"].ndim != 1:
            continue
        if level == SURVEY and SHOWN in child.attrs:
            shown = {
                **dict.fromkeys(str(child.attrs[LACKED]).split(), False),
                **dict.fromkeys(str(child.attrs[SHOWN]).split(), True),
                **shown,
            }
        elif level == SURVEY:
            surveys.append(child.to_dataset())
        elif level_lines(level):
            line = bool(line_to_noise(child.to_dataset()["counts"].values) >= NO_LINE)
            shown[level[:-2]] = shown.get(level[:-2], False) or line
    own = str(spectrum[region].attrs.get("region", region))
    known = {element for element, line in shown.items() if line} | ({own[:-2]} if level_lines(own) else set())
    for survey in surveys:
        shown = {**_on_survey(survey, ON_OUR_SCALE + offset, known), **shown}
    return shown


def _on_survey(survey: xr.Dataset, move: float, known: Collection[str]) -> dict[str, bool]:
    """Elements whose usual line is the highest point of its part of a survey; others may hide below the noise.

    The other strong lines have to be there too, no line of the elements that regions show may explain the maximum, and
    of the elements that it may be of, the one that is most commonly measured is shown.
    """
    photon_energy = float(survey.attrs.get("photon_energy") or AL_K_ALPHA)
    energy, counts = survey["binding_energy"].values, survey["counts"].values
    maxima: list[tuple[str, float]] = []
    for element, lines in photo_lines().items():
        # Of a doublet the line of higher j, which is the larger one.
        main = max((line for line in lines if line.main), key=lambda line: line.line, default=None)
        if main is None or element in _ABSENT:
            continue
        part = np.abs(energy - main.energy - move) <= _SURVEY_PART
        if part.sum() < 2 * _SURVEY_PART or line_to_noise(counts[part]) < NO_LINE:
            continue
        maximum = float(line_maximum(energy[part], counts[part])) - move
        inside = main.low - _BEYOND <= maximum <= main.high + _BEYOND
        reach = (maximum - _SAME_MAXIMUM, maximum + _SAME_MAXIMUM)
        if inside and element not in known and lines_in_window(*reach, photon_energy, elements=known):
            continue
        if inside and all(_seen(energy - move, counts, other, maximum - main.energy) for other in _strong(lines, main)):
            maxima.append((element, maximum))
    shown: dict[str, bool] = {}
    taken: list[float] = []
    for element, maximum in sorted(maxima, key=lambda item: -values_of(item[0])):
        if all(abs(maximum - other) > _SAME_MAXIMUM for other in taken):
            shown[element] = True
            taken.append(maximum)
    return shown


def _strong(lines: Sequence[PhotoLine], main: PhotoLine) -> list[PhotoLine]:
    """Other subshells' lines that are at least a third as strong as the usual one with Al K-alpha."""
    least = _STRONG * (main.cross_section(AL_K_ALPHA) or math.inf)
    return [line for line in lines if not line.main and (line.cross_section(AL_K_ALPHA) or 0.0) >= least]


def _seen(energy: FloatArray, counts: FloatArray, line: PhotoLine, chemical_shift: float) -> bool:
    """Whether a survey shows a line where it should be; true where the survey does not reach it."""
    part = np.abs(energy - line.energy - chemical_shift) <= _LINE_PART
    return bool(part.sum() < 2 * _LINE_PART or line_to_noise(counts[part]) >= NO_LINE)


@dataclass(frozen=True)
class _Placed:
    """A candidate at a component that no group explains.

    Parameters
    ----------
    candidate : Candidate
    line : Line
        The candidate's line of higher j, at its start.
    area : float
        Its start area.
    replaced : tuple of str
        Keys of the components that it takes the place of.
    seen, both : bool
        Whether the component lies where the region's own element has no line; whether both lines of a doublet are seen.
    """

    candidate: Candidate
    line: Line
    area: float
    replaced: tuple[str, ...]
    seen: bool
    both: bool

    @property
    def needed(self) -> float:
        """Evidence in BIC that is needed to name it."""
        candidate = self.candidate
        if candidate.confirmed:
            return 0.0
        rarity = 2.0 * math.log(_COMMON / max(values_of(candidate.level.level[:-2]), 1))
        return max(rarity, 0.0) + (0.0 if self.seen else EVIDENCE) + (0.0 if candidate.usual else _UNUSUAL)


def with_foreign(
    best: Trial, fit: Callable[[Areas, float], Trial], tried: Collection[Candidate], ends: tuple[float, float]
) -> Trial:
    """Replace components that no group explains by lines of other elements, as long as these describe the data as well.

    Where the region's own element has no line, or another region shows the other element, its line or doublet needs to
    be no worse by BIC than the components that it replaces. Elsewhere both lines of a doublet must be seen, and their
    splitting and ratio must describe the data better by strong evidence.

    Parameters
    ----------
    best : Trial
        Components of the groups and of the data.
    fit : callable
        ``fit(areas, scale)`` fits some lines.
    tried : collection of Candidate
    ends : tuple of float
        Lowest and highest energy of the region in eV.
    """
    while True:
        taken = {line.foreign.level for line in best.found.lines if line.foreign}
        gains = []
        for placed in _placed(best, [c for c in tried if c.level.level not in taken], ends):
            trial = fit(_replaced(best.found, placed), best.best.scale)
            gain = best.worse_by(trial) - placed.needed
            if trial.values[f"{placed.line.key}_amplitude"] > 0 and gain >= 0:
                # An element that another region shows comes before one of which nothing else is known.
                gains.append((placed.candidate.confirmed, gain, trial))
        if not gains:
            return best
        best = max(gains, key=lambda item: item[:2])[2]


def _placed(best: Trial, tried: Collection[Candidate], ends: tuple[float, float]) -> list[_Placed]:
    """Places of candidates at components that no group explains, those that are most alike first."""
    free = [
        (line, float(area))
        for line, area in zip(best.found.lines, best.found.areas, strict=True)
        if not line.assigned and area > 0
    ]
    ranked = []
    for candidate in tried:
        level = candidate.level
        for line, area in free:
            for number in range(len(level.labels)):
                # The component is the line of higher j, or that of lower j.
                first = line.position - number * level.splitting
                inside = candidate.low <= first <= candidate.high and (number == 0 or level.ratio > 0)
                # A doublet whose stronger line was not measured is no evidence for an element.
                whole = level.ratio > 0 and ends[0] < first and first + level.splitting < ends[1]
                if not inside or not (whole or candidate.confirmed):
                    continue
                seen = not candidate.usual_range[0] <= line.position <= candidate.usual_range[1]
                partner = first + (1 - number) * level.splitting
                pairs = [pair for pair in free if pair[0] is not line and abs(pair[0].position - partner) <= _PARTNER]
                ratio = level.ratio if number == 0 else 1 / max(level.ratio, 1e-9)
                start = area if number == 0 else area / level.ratio
                window = (first, candidate.low, candidate.high)
                key = f"foreign_{level.level.lower()}"
                new = Line(key, level.labels[0], (), *window, conductive=line.conductive, foreign=level)
                if pairs and whole:
                    other, size = max(pairs, key=lambda pair: pair[1])
                    misfit = abs(math.log(size / area / ratio))
                    ranked.append((misfit, _Placed(candidate, new, start, (line.key, other.key), seen, both=True)))
                if candidate.confirmed or (seen and (candidate.usual or number == 0)):
                    ranked.append((2.0, _Placed(candidate, new, start, (line.key,), seen, both=False)))
    ranked.sort(key=lambda item: item[0])
    return [placed for _, placed in ranked[:_MOST_TRIED]]


def _replaced(found: Areas, placed: _Placed) -> Areas:
    """Put a foreign line in the place of components that no group explains."""
    kept = [
        (line, float(area))
        for line, area in zip(found.lines, found.areas, strict=True)
        if line.key not in placed.replaced
    ]
    both = sorted([*kept, (placed.line, placed.area)], key=lambda pair: pair[0].position)
    return replace(found, lines=tuple(line for line, _ in both), areas=np.array([area for _, area in both]))


def foreign_notes(found: Areas, core: str, tried: Collection[Candidate] = ()) -> list[str]:
    """Say which lines of other elements were found, or could be where no group explains a line.

    Parameters
    ----------
    found : Areas
    core : str
        Core level of the region.
    tried : collection of Candidate
        Lines of other elements that may lie in the region; named outside C 1s and O 1s, which every surface shows.
    """
    names = [label for line in found.lines if line.foreign for label in line.foreign.labels]
    if names:
        return [f"Lines of other elements, not counted for {core[:-2]}: {', '.join(names)}."]
    places = [line.position for line in found.lines if not line.assigned]
    if core in _EVERYWHERE or not places:
        return []
    labels = [
        candidate.level.labels[0]
        for candidate in tried
        if any(candidate.low + _BEYOND <= place <= candidate.high - _BEYOND for place in places)
    ]
    if not labels:
        return []
    where = " and ".join(f"{place:.1f}" for place in places)
    return [
        f"Intensity at {where} eV that no group explains counts for {core[:-2]}, but may be "
        f"{_or(labels[:_MOST_NAMED])}; a survey would tell."
    ]


def _or(labels: list[str]) -> str:
    *first, last = labels
    return f"{', '.join(first)} or {last}" if first else last
