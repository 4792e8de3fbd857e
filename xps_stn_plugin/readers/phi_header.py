"""Header of PHI files (SOFH to EOFH): lines of a key and its values, which all formats of MultiPak carry."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from .assembly import Axis
from .text import number, whole

Entries = Mapping[str, Sequence[str]]

_MOST_CYCLES: Final = 10_000
# Sputtering of a layer: total time, time for a cycle, number of cycles.
_LAYER: Final = re.compile(r"[A-Z]\w{0,4}\+ (\d{1,6}\.\d{1,4}) (\d{1,6}\.\d{1,4}) (\d{1,6})(?!\S)")


@dataclass(frozen=True)
class PhiRegion:
    """A spectral region of the header.

    Parameters
    ----------
    number : int
        By which the data name it.
    label : str
        ``C1s``, ``Su1s``.
    points : int
        Number of energies.
    step, start : float
        Of the binding energies, in eV.
    pass_energy, time : float or None
        In eV; time for each point in s, of all sweeps together.
    """

    number: int
    label: str
    points: int
    step: float
    start: float
    pass_energy: float | None
    time: float | None


def header_entries(lines: Iterable[str]) -> dict[str, list[str]]:
    """Collect the values of every key, in the order of the file."""
    entries: dict[str, list[str]] = {}
    for line in lines:
        key, colon, value = line.partition(":")
        if colon:
            entries.setdefault(key.strip(), []).append(value.strip())
    return entries


def first(entries: Entries, key: str) -> str:
    """Return the first value of a key; empty where there is none."""
    return next(iter(entries.get(key, ())), "")


def photon_energy(entries: Entries) -> float | None:
    """Photon energy in eV: of "Al 1486.6 mono", the first number."""
    return next((value for word in first(entries, "XraySource").split() if (value := number(word)) is not None), None)


def regions(entries: Entries) -> list[PhiRegion]:
    """Spectral regions: "1 1 C1s 6 201 -0.1000 298.0000 278.0000 297.0000 279.0000 0.600000 23.50 AREA"."""
    known = []
    for text in entries.get("SpectralRegDef", ()):
        words = text.split()
        numbers = [number(word) for word in words]
        if len(words) < 8 or None in (numbers[0], *numbers[4:7]) or not 1 <= (numbers[4] or 0) < 1e8:
            continue
        known.append(
            PhiRegion(
                number=whole(words[0], 0),
                label=words[2],
                points=whole(words[4], 0),
                step=numbers[5] or 0.0,
                start=numbers[6] or 0.0,
                time=numbers[10] if len(words) > 10 and numbers[10] else None,
                pass_energy=numbers[11] if len(words) > 11 else None,
            )
        )
    return known


def region_metadata(entries: Entries, place: int) -> dict[str, Any]:
    """Attributes of the region at a place of the header; None where it does not tell."""
    known = regions(entries)
    region = known[place] if 0 <= place < len(known) else None
    source = first(entries, "XraySource")
    return {
        "technique": first(entries, "Technique") or None,
        "radiation": source or None,
        "pass_energy": region.pass_energy if region else None,
        "dwell_time": region.time if region else None,
        "work_function": number(first(entries, "AnalyserWorkFcn").removesuffix("eV").strip()),
        "energy_scan_mode": "fixed_analyzer_transmission" if first(entries, "AnalyserMode") == "FAT" else None,
        "start_time": _date(first(entries, "AcqFileDate") or first(entries, "FileDate")),
        "instrument": first(entries, "InstrumentModel") or None,
        **(place_of_area(entries) if len(entries.get("SpatialAreaDef", ())) == 1 else {}),
    }


def level_axis(entries: Entries, levels: int) -> tuple[Axis, dict[str, Any]]:
    """Axis of a depth profile, and the labels that go along it: the etch time, or the level where it is not told."""
    numbers, times = np.arange(1, levels + 1), etch_times(entries, levels)
    if len(set(times)) < levels:
        return Axis("etch_level", numbers), {}
    return Axis("etch_time", np.array(times), "s"), {"etch_level": (("etch_time",), numbers, "")}


def place_of_area(entries: Entries, area: int = 0) -> dict[str, float]:
    """Place of an area on the stage in mm: of "1 Point7 1 (-23673.4 8299.0 23281.0 45.0 0.0)", in um and degrees."""
    areas = entries.get("SpatialAreaDef", ())
    words = areas[area].partition("(")[2].rstrip(" )").split() if area < len(areas) else []
    values = [value for word in words[:3] if (value := number(word)) is not None and abs(value) < 1e9]
    return {axis: round(value * 1e-3, 7) for axis, value in zip("xyz", values, strict=True)} if len(values) == 3 else {}


def etch_times(entries: Entries, levels: int) -> list[float]:
    """Etch time in s before each level of a depth profile; empty where the header does not tell.

    "2 Layer2 7 0.0000 0.0000 Ar+ 6.00 0.50 12 ..." are 12 times 0.50 min, 6.00 in all. The first level is measured
    before any sputtering. Profiles may end before all cycles are done.
    """
    minutes = [0.0]
    for text in entries.get("DepthCalDef", ()):
        match = _LAYER.search(text)
        total, each, cycles = (float(part) for part in match.groups()) if match else (0.0, 1.0, 1.0)
        if cycles > _MOST_CYCLES or abs(total - each * cycles) > 0.01 * total:
            return []
        minutes += [minutes[-1] + each * cycle for cycle in range(1, int(cycles) + 1)]
    return [round(time * 60.0, 6) for time in minutes[:levels]] if 1 < levels <= len(minutes) else []


def _date(text: str) -> str | None:
    """Date as ISO 8601: "2021 11 24"."""
    parts = [whole(word, 0) for word in text.split()]
    return "{:04d}-{:02d}-{:02d}".format(*parts) if len(parts) == 3 and all(parts) else None
