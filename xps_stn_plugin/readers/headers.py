"""What the lines above a table say of the measurement, in the words of each program that exports text."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Final

from ..core.regions import region_name
from .assembly import Condition
from .text import number, whole

_NUMBER = r"([-+]?\d+(?:[.,]\d+)?(?:[eE][-+]?\d+)?)"


@dataclass(frozen=True)
class Measurement:
    """What is told of a spectrum; None where it is not.

    Parameters
    ----------
    labels : tuple of str
        What names the region, best first.
    sample : str or None
        Name of the sample.
    photon_energy, pass_energy : float or None
        In eV.
    dwell_time : float or None
        In s.
    scans : int or None
        How many were added up.
    conditions : mapping of str to Condition
        Experimental variables that tell blocks of a series apart.
    """

    labels: tuple[str, ...] = ()
    sample: str | None = None
    photon_energy: float | None = None
    pass_energy: float | None = None
    dwell_time: float | None = None
    scans: int | None = None
    conditions: Mapping[str, Condition] = field(default_factory=dict)

    def completed(self, other: Measurement) -> Measurement:
        """Take from another what this one does not have."""
        return replace(
            self,
            labels=self.labels or other.labels,
            conditions=self.conditions or other.conditions,
            **{
                name: getattr(other, name)
                for name in ("sample", "photon_energy", "pass_energy", "dwell_time", "scans")
                if getattr(self, name) is None
            },
        )


def measurement_of(lines: Sequence[str]) -> Measurement:
    """Put together what the lines above a table say, each dialect's words before those that anybody may write."""
    known = Measurement()
    for dialect in _DIALECTS:
        known = known.completed(dialect(lines))
    return replace(known, labels=tuple(label for label in known.labels if label.strip()))


# "Cycle 0:sample:C 1s", and below it tab-separated pairs of a quantity and its value.
_CASAXPS = re.compile(r"Cycle \d{1,6}:(.*):([^:]+)$")


def _casaxps(lines: Sequence[str]) -> Measurement:
    """CasaXPS, *Save Tab ASCII*: the block's label and sample, photon energy and time for each point."""
    match = _first(_CASAXPS, lines)
    if match is None:
        return Measurement()
    return Measurement(
        labels=(match[2].strip(),),
        sample=match[1].strip() or None,
        photon_energy=_value(rf"Characteristic Energy eV\s+{_NUMBER}", lines),
        dwell_time=_value(rf"Acquisition Time s\s+{_NUMBER}", lines),
    )


def _auger_scan(lines: Sequence[str]) -> Measurement:
    """AugerScan and MultiPak: "Element C 1s; Region 1 of 2; Depth Cycle 1 of 1; Photon Energy 1253.6; XPS;"."""
    match = _first(re.compile(r"Element\s+([^;]{1,40});"), lines)
    if match is None:
        return Measurement()
    cycle = _first(re.compile(r"Depth Cycle\s+(\d{1,9})\s+of\s+(\d{1,9})"), lines)
    return Measurement(
        labels=(match[1].strip(),),
        photon_energy=_value(rf"Photon Energy\s+{_NUMBER}", lines),
        conditions={"cycle": Condition(float(cycle[1]))} if cycle and int(cycle[2]) > 1 else {},
    )


def _omicron_eis(lines: Sequence[str]) -> Measurement:
    """Omicron EIS: a row of names and a row of values for each region; its label is a note."""
    for names, values in pairwise(lines):
        if names.startswith("Region\tEnabled"):
            told = dict(zip(names.split("\t"), values.split("\t"), strict=False))
            return Measurement(
                labels=(told.get("Notes", ""),),
                pass_energy=number(told.get("CAE/CRR", "")) if told.get("Mode") == "CAE" else None,
                dwell_time=number(told.get("Dwell", "")),
                scans=whole(told.get("Sweeps", ""), 1),
            )
    return Measurement()


def _avantage(lines: Sequence[str]) -> Measurement:
    """Thermo Avantage: the path of the region's file, whose name is the region's."""
    match = _first(re.compile(r"\.VG[DP]\b", re.IGNORECASE), lines)
    if match is None:
        return Measurement()
    return Measurement(labels=(re.split(r"[\\/]", match.string[: match.start()])[-1].strip(),))


_REGION_LINE = re.compile(
    r"(?:region|core[\s_-]*level|spectrum|transition|block|label|name|title)\s*[:=]\s*(.+)", re.IGNORECASE
)
_SHORT_LABEL = re.compile(r"[A-Z][a-z]?\s?[1-6][spdf][^.=]{0,12}|(?i:survey|valence band|VB)")


def _anybody(lines: Sequence[str]) -> Measurement:
    """Words that need no program: "Region: C 1s", "Sample: A", "hv = 1486.6 eV", or a core level alone."""
    told = [match[1] for line in lines if (match := _REGION_LINE.match(line))]
    short = [line for line in lines if _SHORT_LABEL.fullmatch(line)]
    sample = _first(re.compile(r"sample(?:[\s_]*name)?\s*[:=]\s*(.+)", re.IGNORECASE), lines)
    photon_energy = rf"(?:photon|excitation|source|x-?ray)\s*energy[^0-9+-]{{0,20}}{_NUMBER}"
    return Measurement(
        labels=tuple(label for label in (*told, *short) if region_name(label)),
        sample=sample[1].strip() if sample else None,
        photon_energy=_value(photon_energy, lines) or _value(rf"(?<![a-z])h(?:v|nu|ν)\s*[=:]\s*{_NUMBER}", lines),
        pass_energy=_value(rf"pass[\s_]*energy[^0-9+-]{{0,12}}{_NUMBER}", lines),
        dwell_time=_value(rf"dwell[\s_]*time[^0-9+-]{{0,12}}{_NUMBER}", lines),
    )


_DIALECTS: Final[tuple[Callable[[Sequence[str]], Measurement], ...]] = (
    _casaxps,
    _auger_scan,
    _omicron_eis,
    _avantage,
    _anybody,
)


def _first(pattern: re.Pattern[str], lines: Sequence[str]) -> re.Match[str] | None:
    return next((match for line in lines if (match := pattern.search(line))), None)


def _value(pattern: str, lines: Sequence[str]) -> float | None:
    match = _first(re.compile(pattern, re.IGNORECASE), lines)
    return number(match[1].replace(",", ".")) if match else None
