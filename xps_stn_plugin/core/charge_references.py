"""Lines that a user can name as charge reference, with the binding energies that they are put at."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final

from xps_prefit_hooks import PrefitError, shown

from .element_lines import level_lines
from .regions import VALENCE

#: Name of the aliphatic component of C 1s, whose energy is that of the scale's reference.
CARBON: Final = "C-C"
#: Name of the onset of a conductor's valence band.
FERMI_EDGE: Final = "Fermi edge"

#: An energy farther than this (eV) from the element's line is a slip.
_FARTHEST: Final = 30.0
#: Maximum of adventitious carbon in eV where another line is the reference: 284.91 eV with a standard deviation of
#: 0.25 eV on conductors (M. C. Biesinger, Appl. Surf. Sci. 597 (2022) 153681); 284.8 eV is usual and within it.
EXPECTED_CARBON: Final = 284.8

_LINE: Final = re.compile(r"(?P<element>[A-Za-z]{1,2})[\s_-]?(?P<subshell>[1-6][spdf])\s?(?P<j>[1357]/2)?")


@dataclass(frozen=True)
class ChargeReference:
    """A line that gives the shift.

    Parameters
    ----------
    name : str
        ``C-C``, ``Au 4f7/2``, ``Fermi edge``.
    level : str
        Region that shows it: ``C1s``, ``Au4f``, ``VB``.
    energy : float or None
        Binding energy in eV that it is put at; None for ``C-C``, whose energy the scale's reference says.
    """

    name: str
    level: str
    energy: float | None

    @property
    def text(self) -> str:
        """As users write it: with the energy where that is not the one of the table."""
        known = self.energy is None or self.energy == charge_references().get(self.name)
        return self.name if known else f"{self.name}={self.energy:g}"

    @property
    def region_label(self) -> str:
        """Region for people: ``Au 4f``."""
        return self.level if self.level == VALENCE else f"{self.level[:-2]} {self.level[-2:]}"

    @property
    def label(self) -> str:
        """Name and energy for people: ``Au 4f7/2 = 83.96 eV``."""
        return self.name if self.energy is None else f"{self.name} = {self.energy:.2f} eV"


@cache
def charge_references() -> Mapping[str, float]:
    """Binding energies in eV of the references that need no energy; sources stand in the data file."""
    text = files(__package__).joinpath("data", "charge_references.toml").read_text(encoding="utf-8")
    return MappingProxyType(tomllib.loads(text))


def charge_reference(text: str) -> ChargeReference:
    """Return the reference that a user names: ``C-C``, ``Au 4f7/2``, ``Fermi edge``, ``Si 2p3/2=99.4``.

    Raises
    ------
    PrefitError
        If there is no such line, or its energy is missing or is not one of the line.
    """
    name, equals, number = (part.strip() for part in text.partition("="))
    energy = _energy(text, number) if equals else None
    if _key(name) in (_key(CARBON), "cc"):
        return ChargeReference(CARBON, "C1s", energy)
    if _key(name) in (_key(FERMI_EDGE), "fermi", "fermilevel", "ef"):
        if energy:
            raise _refused(text, "puts the Fermi edge elsewhere than at 0 eV; leave the energy out")
        return ChargeReference(FERMI_EDGE, VALENCE, 0.0)
    match = _LINE.fullmatch(name)
    lines = level_lines(match["element"].capitalize() + match["subshell"].lower()) if match else ()
    if match is None or not lines:
        known = ", ".join((CARBON, *charge_references()))
        raise _refused(text, f"names no line; take one of {known}, or a line with its energy as Si 2p3/2=99.4")
    line = lines[0]
    if match["j"] and match["j"] != line.line[2:]:
        raise _refused(text, f"is not the line of highest j; name {line.label}")
    if energy is None:
        energy = charge_references().get(line.label)
    if energy is None:
        raise _refused(text, f"has no reference energy of its own; give it, as {line.label}={line.energy:.1f}")
    if abs(energy - line.energy) > _FARTHEST:
        raise _refused(text, f"is farther than {_FARTHEST:g} eV from {line.label}, which lies at {line.energy:.1f} eV")
    if line.label == "C 1s":
        return ChargeReference(CARBON, "C1s", energy)
    return ChargeReference(line.label, line.level, energy)


def named_reference(text: str | None) -> ChargeReference | None:
    """Return the reference that fixes the scale by another line than carbon; None where carbon or nothing does."""
    reference = None if text is None else charge_reference(text)
    return None if reference is None or reference.name == CARBON else reference


def _energy(text: str, number: str) -> float:
    try:
        energy = float(number)
    except ValueError:
        energy = math.nan
    if not math.isfinite(energy):
        raise _refused(text, "has an energy that is not a number; write it as Si 2p3/2=99.4")
    return energy


def _key(name: str) -> str:
    return re.sub(r"[\s_-]", "", name).casefold()


def _refused(text: str, fault: str) -> PrefitError:
    return PrefitError("calibrate_on", f"{shown(repr(text), 60)} {fault}.")
