"""What KherveFitting writes beside the data of a sheet: the header of the VAMAS block that it was made from."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from .assembly import RawRegion, known_or_none
from .text import number

_HEADING: Final = "Experimental Description"
_NOT_STATED: Final = {"", "n/a", "not specified"}
_MODES: Final = {"FAT": "fixed_analyzer_transmission", "FRR": "fixed_retardation_ratio"}


def noted(raw: RawRegion, rows: Sequence[Sequence[Any]]) -> RawRegion:
    """Complete a region by what the sheet tells of its measurement."""
    told = _pairs(rows)
    if not told:
        return raw
    attrs = {name: value for name, read in _ATTRIBUTES.items() if (value := read(told)) is not None}
    known = {name: value for name, value in raw.attrs.items() if value is not None}
    photon_energy = raw.photon_energy if raw.photon_energy is not None else _positive(told, "Source Energy")
    return replace(raw, photon_energy=photon_energy, attrs={**raw.attrs, **attrs, **known})


def _pairs(rows: Sequence[Sequence[Any]]) -> dict[str, str]:
    """Names and values that stand below the heading, in its column and the one behind it."""
    heading = list(rows[0]) if rows else []
    if _HEADING not in heading:
        return {}
    place = heading.index(_HEADING)
    pairs = (tuple(str(cell).strip() for cell in row[place : place + 2]) for row in rows[1:])
    return {pair[0]: pair[1] for pair in pairs if len(pair) == 2 and pair[0] and pair[1].lower() not in _NOT_STATED}


def _positive(told: Mapping[str, str], name: str) -> float | None:
    value = number(told.get(name, ""))
    known = None if value is None else known_or_none(value)
    return known if known is not None and known > 0 else None


def _scans(told: Mapping[str, str]) -> int | None:
    value = _positive(told, "Number of scans")
    return int(value) if value is not None and value.is_integer() else None


def _start_time(told: Mapping[str, str]) -> str | None:
    parts = re.findall(r"\d{1,4}", f"{told.get('Date', '')} {told.get('Time', '')}")
    try:
        return datetime(*map(int, parts)).isoformat() if len(parts) == 6 else None  # type: ignore[arg-type]
    except ValueError:
        return None


def _pass_energy(told: Mapping[str, str]) -> float | None:
    # Where the retardation ratio is fixed, it stands in the place of the pass energy.
    return None if told.get("Analyzer Mode") == "FRR" else _positive(told, "Pass Energy")


_ATTRIBUTES: Final[Mapping[str, Callable[[Mapping[str, str]], Any]]] = {
    "sample": lambda told: told.get("Sample ID"),
    "start_time": _start_time,
    "technique": lambda told: told.get("Technique"),
    "radiation": lambda told: told.get("Source Label"),
    "pass_energy": _pass_energy,
    "energy_scan_mode": lambda told: _MODES.get(told.get("Analyzer Mode", "")),
    "work_function": lambda told: _positive(told, "Work Function"),
    "dwell_time": lambda told: _positive(told, "Collection Time"),
    "scans": _scans,
}
