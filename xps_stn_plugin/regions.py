"""Recognising regions: from labels, or from the energy range where no label says which core level was measured."""

from __future__ import annotations

import re
from collections.abc import Iterable

from xps_prefit_hooks import PrefitError

from .chemistry.core_levels import CoreLevel, core_levels

#: Name of a region that neither label nor energies tell.
UNKNOWN = "Unknown"
#: Name of a wide scan, and the width in eV above which a range counts as one.
SURVEY = "Survey"
SURVEY_WIDTH = 100.0
#: Name of a valence band region.
VALENCE = "VB"

# Atomic numbers 3 to 92: what photoelectron spectroscopy sees and what is found in a sample.
_SYMBOLS = (
    "Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr Rb Sr Y Zr Nb Mo Tc Ru"
    " Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Hf Ta W Re Os Ir Pt Au Hg Tl Pb"
    " Bi Po At Rn Fr Ra Ac Th Pa U"
).split()
_ATOMIC_NUMBER = {symbol: number for number, symbol in enumerate(_SYMBOLS, start=3)}

# Lowest atomic number that has electrons in the subshell in the ground state (order of filling).
_FIRST_WITH = {
    "1s": 1, "2s": 3, "2p": 5, "3s": 11, "3p": 13, "4s": 19, "3d": 21, "4p": 31, "5s": 37, "4d": 39, "5p": 49, "6s": 55,
    "4f": 58, "5d": 57, "6p": 81, "5f": 91, "6d": 89,
}  # fmt: skip

_ELEMENT = r"(?<![A-Za-z])(?P<element>[A-Za-z]{1,2})"
# "C 1s", "C1s/5", "Sn3d5", "Cl 2p3/2"; not "InC1s" (which might be indium) and not "C 1scan".
_CORE_LEVEL = re.compile(_ELEMENT + r"[\s_-]{0,2}(?P<subshell>[1-6][spdf])(?![A-Za-z])", re.IGNORECASE)
# "O KLL", "Zn L3M45M45", and PHI's short forms "C KL1", "Cu LM2".
_AUGER = re.compile(
    _ELEMENT + r"[\s_-]{0,2}(?P<shells>[KLMNO]\d*[LMNOV][\d,]*(?:[LMNOV][\d,]*)?)(?![A-Za-z])", re.IGNORECASE
)
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
        ``C1s``, ``Sn3d``, ``OKLL``, ``Survey``, ``VB``; None where the label names nothing of the kind. Spin-orbit parts
        belong to one region (``Cl2p3/2`` is ``Cl2p``). Of several core levels the one wins that the network knows, then
        the first.
    """
    levels = [name for match in _CORE_LEVEL.finditer(label) if (name := _level(match))]
    known = [name for name in levels if name in core_levels()]
    if levels:
        return (known or levels)[0]
    if _SURVEY.search(label):
        return SURVEY
    if _VALENCE.search(label):
        return VALENCE
    for match in _AUGER.finditer(label):
        if (element := match["element"].capitalize()) in _ATOMIC_NUMBER:
            return element + match["shells"].upper()
    return None


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
    best = max(core_levels().values(), key=lambda level: _overlap(level, low, high))
    if _overlap(best, low, high) < 0.5 * (high - low) or any(name != best.name for name in inside):
        return None
    return best.name


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
        Name, and how it was found: ``label``, ``energy range``, or ``nothing`` for ``Unknown``.

    Raises
    ------
    PrefitError
        If the label names a known core level and the energies lie where it cannot be.
    """
    for label in labels:
        name = region_name(label)
        if name is None:
            continue
        level = core_levels().get(name)
        if level is not None and _overlap(level, low, high) <= 0:
            message = (
                f"region {label} covers {low:g} to {high:g} eV, but {level.label} is looked for between "
                f"{level.window[0]:g} and {level.window[1]:g} eV; check the label and the photon energy."
            )
            raise PrefitError(source, message)
        return name, "label"
    name = region_from_energy(low, high)
    return (name, "energy range") if name else (UNKNOWN, "nothing")


def _level(match: re.Match[str]) -> str | None:
    element, subshell = match["element"].capitalize(), match["subshell"].lower()
    first = _FIRST_WITH.get(subshell)
    if first is None or _ATOMIC_NUMBER.get(element, 0) < first:
        return None
    return element + subshell


def _overlap(level: CoreLevel, low: float, high: float) -> float:
    return min(level.window[1], high) - max(level.window[0], low)
