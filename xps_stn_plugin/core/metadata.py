"""Names, units and meaning of what is known of a measurement: the attributes of a region, the same from all readers.

What differs from spectrum to spectrum of a stack (the etch time of a depth profile, the places of a map) is a
coordinate of the same name, in the units of the file, which its attribute ``units`` has.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Term:
    """A quantity that a file may state of a region.

    Parameters
    ----------
    attribute : str
        Attribute of the region, or coordinate of a stack.
    meaning : str
        For people.
    units : str
        Units of the values; empty for texts and bare numbers.
    is_number : bool
    """

    attribute: str
    meaning: str
    units: str = ""
    is_number: bool = False


#: All of them, in the order in which they are shown.
TERMS: Final = (
    Term("sample", "name of the sample"),
    Term("title", "title of the measurement"),
    Term("technique", "XPS, UPS, ..."),
    Term("instrument", "spectrometer or analyser, as the file calls it"),
    Term("start_time", "date, or date and time, of the beginning (ISO 8601)"),
    Term("end_time", "date and time of the end (ISO 8601)"),
    Term("photon_energy", "energy of the photons", "eV", is_number=True),
    Term("radiation", "source of the photons, as the file calls it"),
    Term("pass_energy", "pass energy of the analyser, where it is the same for all energies", "eV", is_number=True),
    Term("energy_scan_mode", "fixed_analyzer_transmission or fixed_retardation_ratio"),
    Term("lens_mode", "mode of the analyser's lens, as the file calls it"),
    Term("collection_scheme", "scheme of the collection column (NXmpes)"),
    Term("dispersion_scheme", "scheme of the energy dispersion (NXmpes)"),
    Term("work_function", "work function of the analyser; not subtracted", "eV", is_number=True),
    Term("dwell_time", "time for each point and scan", "s", is_number=True),
    Term("scans", "number of scans that were added up or averaged", is_number=True),
    Term("etch_time", "time of sputtering before the spectrum", "s", is_number=True),
    Term("etch_level", "number of the level of a depth profile", is_number=True),
    Term("x", "place on the sample or of the stage", "mm", is_number=True),
    Term("y", "place on the sample or of the stage", "mm", is_number=True),
    Term("z", "height of the sample or of the stage", "mm", is_number=True),
    Term("intensity", "counts, counts per second, or arbitrary"),
)

#: By attribute.
TERM_OF: Final[Mapping[str, Term]] = {term.attribute: term for term in TERMS}


def is_number(attribute: str) -> bool:
    """Whether an attribute of the table is a number."""
    return attribute in TERM_OF and TERM_OF[attribute].is_number


#: Variable along the energies with the transmission of the analyser.
TRANSMISSION: Final = "transmission"


@dataclass(frozen=True)
class _Name:
    """What files call a quantity that varies, and factors from their units to ours."""

    attribute: str
    pattern: re.Pattern[str]
    factors: Mapping[str, float]


_SECONDS: Final = {"s": 1.0, "sec": 1.0, "min": 60.0, "h": 3600.0}
_MILLIMETRES: Final = {"mm": 1.0, "um": 1e-3, "µm": 1e-3, "μm": 1e-3, "micro m": 1e-3, "m": 1e3}
_PLACE: Final = r"(stage|sample|position|pos|coord|coordinate)?[\s_-]*{}[\s_-]*(position|pos|coord|coordinate|axis)?"

_NAMES: Final = (
    _Name("etch_time", re.compile(r"(etch|sputter)(ing)?[\s_-]*time", re.IGNORECASE), _SECONDS),
    _Name("etch_level", re.compile(r"(etch|sputter)(ing)?[\s_-]*level", re.IGNORECASE), {"": 1.0}),
    *(_Name(axis, re.compile(_PLACE.format(axis), re.IGNORECASE), _MILLIMETRES) for axis in "xyz"),
)


def standard_name(name: str) -> str:
    """Name of a quantity that varies ("Sputter Time", "positionx") as in `TERMS`, where it is one of them."""
    known = _known(name)
    return known.attribute if known else name


def standard_value(name: str, value: float, units: str) -> tuple[str, float] | None:
    """Attribute and value, in the units of `TERMS`, of a quantity that a file calls by a name of its own.

    Parameters
    ----------
    name : str
        Without units: "Sputter Time".
    value : float
    units : str

    Returns
    -------
    tuple or None
        None where it is not one of them, or its units are not known.
    """
    known = _known(name)
    factor = known.factors.get(units.strip()) if known else None
    if known is None or factor is None:
        return None
    # Ten digits behind the point are far beyond any stage or clock.
    return known.attribute, value if factor == 1.0 else round(value * factor, 10)


def _known(name: str) -> _Name | None:
    return next((known for known in _NAMES if known.pattern.fullmatch(name.strip())), None)
