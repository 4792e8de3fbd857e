"""Recognition of regions by their labels, or by their energy range where no label names the core level."""

from __future__ import annotations

import re
from collections.abc import Iterable

from xps_prefit_hooks import PrefitError

from .core_levels import CoreLevel, core_levels
from .element_lines import ABSENT, level_lines, photo_lines, subshells

#: Name of a region that neither label nor energies tell.
UNKNOWN = "Unknown"
#: Name of a wide scan, and the width in eV above which a range counts as one.
SURVEY = "Survey"
SURVEY_WIDTH = 100.0
#: Name of a valence band region.
VALENCE = "VB"

# How far from its line in eV a level may be looked for: samples charge by some eV, flood guns overcompensate as much.
_CHARGED = 15.0

# How far in eV from the ends of a range the lines of the level lie that it was measured for: a line with its flanks.
_MARGIN = 2.0
# Atomic numbers of the rare earths from Pr to Lu, and of the actinides, which few samples hold.
_RARE = frozenset((*range(59, 72), *range(89, 93)))

_ELEMENT = r"(?<![A-Za-z])(?P<element>[A-Za-z]{1,2})"
# "C 1s", "C1s/5", "Sn3d5", "Cl 2p3/2"; not "InC1s" (which might be indium) and not "C 1scan".
_CORE_LEVEL = re.compile(_ELEMENT + r"[\s_-]{0,2}(?P<subshell>[1-6][spdf])(?![A-Za-z])", re.IGNORECASE)
# "O KLL", "Zn L3M45M45", and PHI's short forms "C KL1", "Cu LM2".
_AUGER = re.compile(
    _ELEMENT + r"[\s_-]{0,2}(?P<shells>[KLMNO]\d*[LMNOV][\d,]*(?:[LMNOV][\d,]*)?)(?![A-Za-z])", re.IGNORECASE
)
# An element alone: "02-Pd".
_LONE_ELEMENT = re.compile(r"(?<![A-Za-z0-9])(?P<element>[A-Z][a-z]?)(?![A-Za-z0-9])")
# English words that are element symbols in lower case.
_WORDS = {"as", "at", "be", "i", "in"}
_SURVEY = re.compile(r"survey|overview|(?<![a-z])(su1s|wide|wide[\s_-]*scan|full[\s_-]*(scan|range))(?![a-z])", re.I)
_VALENCE = re.compile(r"valence|(?<![a-z])(vb|vbm|fermi([\s_-]*edge)?)(?![a-z])", re.IGNORECASE)


def region_name(label: str) -> str | None:
    """Region that a label names.

    Parameters
    ----------
    label : str
        As found in a file: ``C 1s``, ``02-C1s``, ``Sn3d5``, ``Su1s``, ``wide``, ``VB`` ...

    Returns
    -------
    str or None
        ``C1s``, ``Sn3d``, ``OKLL``, ``Survey``, ``VB``; None where the label names nothing of the kind.
        Spin-orbit parts belong to one region (``Cl2p3/2`` is ``Cl2p``). Of several core levels the one wins that the
        network knows, then the first.
    """
    levels = [name for match in _CORE_LEVEL.finditer(label) if (name := _level(match))]
    network_levels = [name for name in levels if name in core_levels()]
    if levels:
        return (network_levels or levels)[0]
    if _SURVEY.search(label):
        return SURVEY
    if _VALENCE.search(label):
        return VALENCE
    for match in _AUGER.finditer(label):
        if (element := match["element"].capitalize()) in subshells():
            return element + match["shells"].upper()
    return None


def has_core_level(region: str) -> bool:
    """Whether a region of this name may show the line of a core level: neither survey nor valence band nor Auger lines.

    Parameters
    ----------
    region : str
        As `region_name` gives it, a number behind it where the file has several: ``C1s``, ``VB``, ``Survey 2``.
    """
    return not (region.startswith((SURVEY, VALENCE)) or _AUGER.match(region))


def region_from_energy(low: float, high: float) -> str | None:
    """Region that an energy range shows, among the core levels that the network knows.

    Parameters
    ----------
    low, high : float
        Lowest and highest binding energy in eV.

    Returns
    -------
    str or None
        A core level if at least half of the range lies in its window and no other level's line lies in the range;
        ``Survey`` for ranges wider than 100 eV; None where that does not decide.
    """
    if high - low > SURVEY_WIDTH:
        return SURVEY
    inside = [level.name for level in core_levels().values() if low <= level.energy <= high]
    main_level = max(core_levels().values(), key=lambda level: _overlap(level, low, high))
    if _overlap(main_level, low, high) < 0.5 * (high - low) or any(name != main_level.name for name in inside):
        return None
    return main_level.name


def region_from_lines(low: float, high: float) -> str | None:
    """Region that an energy range shows, among the usual core levels of all elements.

    Parameters
    ----------
    low, high : float
        Lowest and highest binding energy in eV.

    Returns
    -------
    str or None
        A level if it is the only one whose lines all lie in the range, at least `_MARGIN` from its ends; levels of
        the rare earths from Pr on and of actinides count where there is no other.
    """
    levels = {
        line.level: line.number
        for element, lines in photo_lines().items()
        if element not in ABSENT
        for line in lines
        if line.main and low < line.energy < high
    }
    inside = [
        level for level in levels if all(low + _MARGIN <= line.energy <= high - _MARGIN for line in level_lines(level))
    ]
    frequent = [level for level in inside if levels[level] not in _RARE]
    choice = frequent or inside
    return choice[0] if len(choice) == 1 else None


def region_from_element(label: str, low: float, high: float) -> str | None:
    """Region of an element that a label names without a core level, by the lines that it has in an energy range.

    Parameters
    ----------
    label : str
        As found in a file: ``02-Pd``.
    low, high : float
        Lowest and highest binding energy in eV.

    Returns
    -------
    str or None
        ``Pd3d`` if just one subshell of the element has a line in the range; else None. The lines
        are those of :func:`.subshells`.
    """
    for match in _LONE_ELEMENT.finditer(label):
        levels = subshells().get(match["element"], {})
        inside = [name for name, energies in levels.items() if any(low <= energy <= high for energy in energies)]
        if len(inside) == 1:
            return match["element"] + inside[0]
    return None


def recognised(source: str, labels: Iterable[str], low: float, high: float) -> tuple[str, str]:
    """Region by label, else by energy range.

    Parameters
    ----------
    source : str
        File (and block) for error messages.
    labels : iterable of str
        What the file says about the region, best first.
    low, high : float
        Lowest and highest binding energy in eV.

    Returns
    -------
    region, region_from : str
        Name, and how it was found: ``label``, ``label and energy range`` (the label names an element only),
        ``energy range``, or ``nothing`` for ``Unknown``.

    Raises
    ------
    PrefitError
        If the label names a core level and the energies lie where it cannot be.
    """
    labels = tuple(labels)
    for label in labels:
        name = region_name(label)
        if name is None:
            continue
        level = core_levels().get(name)
        if level is not None and _overlap(level, low, high) <= 0:
            message = (
                f"region {label} covers {low:g} to {high:g} eV, but {level.label} is expected between "
                f"{level.window[0]:g} and {level.window[1]:g} eV; check the label and the photon energy."
            )
            raise PrefitError(source, message)
        lines = level_lines(name) if level is None and name not in (SURVEY, VALENCE) else ()
        if lines and not (low - _CHARGED <= max(line.energy for line in lines) and lines[0].energy <= high + _CHARGED):
            message = (
                f"region {label} covers {low:g} to {high:g} eV, but {name[:-2]} {name[-2:]} has its line at "
                f"{lines[0].energy:g} eV; check the label and the photon energy."
            )
            raise PrefitError(source, message)
        return name, "label"
    for label in labels:
        if high - low <= SURVEY_WIDTH and (name := region_from_element(label, low, high)):
            return name, "label and energy range"
    name = region_from_energy(low, high) or region_from_lines(low, high)
    return (name, "energy range") if name else (UNKNOWN, "nothing")


def _level(match: re.Match[str]) -> str | None:
    element, subshell = match["element"].capitalize(), match["subshell"].lower()
    if match["element"] in _WORDS and match[0] != match["element"] + match["subshell"]:
        return None  # "as 3d map" is not an arsenic
    return element + subshell if subshell in subshells().get(element, {}) else None


def _overlap(level: CoreLevel, low: float, high: float) -> float:
    return min(level.window[1], high) - max(level.window[0], low)
