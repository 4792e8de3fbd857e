"""Text export of SPECS Prodigy (.xy): settings, then regions, each with one table per cycle, curve and scan."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from xps_prefit_hooks import PrefitError, Settings

from .assembly import RawRegion, spectrum_of
from .text import file_lines, number, whole

if TYPE_CHECKING:
    import xarray as xr

_TABLE = re.compile(r"Cycle:\s*(\d{1,9}),\s*Curve:\s*(\d{1,9})(?:,\s*Scan:\s*(\d{1,9}))?")


@dataclass
class _Section:
    """A region: what its head says, and its tables by cycle and curve, one per scan."""

    line: int
    settings: dict[str, str] = field(default_factory=dict)
    tables: dict[tuple[int, int], list[list[tuple[float, float]]]] = field(default_factory=dict)


def read(path: Path, settings: Settings) -> xr.DataTree:
    """Read all regions; the scans of one cycle and curve are added up (counts) or averaged (counts per second).

    Raises
    ------
    PrefitError
        If the export separates detector channels, a row does not fit, or nothing is found.
    """
    general, sections = _sections(path)
    if general.get("Separate Channel Data") == "yes":
        raise PrefitError(str(path), "the export separates detector channels; export it with them added up.")
    return spectrum_of(path, list(_regions(path, general, sections)), settings)


def _sections(path: Path) -> tuple[dict[str, str], list[_Section]]:
    general: dict[str, str] = {}
    sections: list[_Section] = []
    table: list[tuple[float, float]] | None = None
    for i, raw in enumerate(file_lines(path), start=1):
        line = raw.strip()
        if not line:
            continue
        if line.startswith("#"):
            said = line.lstrip("# ")
            key, _, value = (part.strip() for part in said.partition(":"))
            if key == "Region":
                sections.append(_Section(i))
            if (match := _TABLE.match(said)) and sections:
                table = []
                place = (int(match[1]), int(match[2]))
                sections[-1].tables.setdefault(place, []).append(table)
            elif key and not key.startswith("Cycle"):
                (sections[-1].settings if sections else general).setdefault(key, value)
            continue
        values = [number(text) for text in line.split()]
        if len(values) < 2 or values[0] is None or values[1] is None:
            raise PrefitError(str(path), f"row {i} holds '{line[:40]}' where energy and intensity should be.")
        if table is None:
            raise PrefitError(str(path), f"row {i} has numbers before any region begins; the export is damaged.")
        table.append((values[0], values[1]))
    return general, sections


def _regions(path: Path, general: Mapping[str, str], sections: list[_Section]) -> Iterator[RawRegion | PrefitError]:
    per_second = "second" in general.get("Count Rate", "").lower()
    kinetic = "kinetic" in general.get("Energy Axis", "").lower()
    for section in sections:
        label = section.settings.get("Region", "")
        where = f"{path}, region {label} at line {section.line}"
        if not kinetic and "binding" not in general.get("Energy Axis", "").lower():
            yield PrefitError(where, "the settings do not say whether the energy axis is kinetic or binding.")
            continue
        if not section.tables:
            yield PrefitError(where, "the region has no rows.")
        for (cycle, curve), tables in section.tables.items():
            scans = [np.array(table).reshape(-1, 2) for table in tables]
            if any(scan.shape != scans[0].shape or np.any(scan[:, 0] != scans[0][:, 0]) for scan in scans):
                yield PrefitError(where, f"the scans of cycle {cycle} have different energies.")
                continue
            counts = np.stack([scan[:, 1] for scan in scans])
            yield RawRegion(
                where=where,
                energy=scans[0][:, 0],
                counts=counts.mean(axis=0) if per_second else counts.sum(axis=0),
                kinetic=kinetic,
                labels=(label,),
                photon_energy=number(section.settings.get("Excitation Energy", "")),
                attrs={
                    "intensity": "counts per second" if per_second else "counts",
                    "dwell_time": number(section.settings.get("Dwell Time", "")),
                    "pass_energy": number(section.settings.get("Pass Energy", "")),
                    "work_function": number(section.settings.get("Eff. Workfunction", "")),
                    "scans": max(len(scans), whole(section.settings.get("Number of Scans", ""), 1)),
                    "cycle": cycle,
                    "curve": curve,
                    "sample": section.settings.get("Group") or general.get("Group"),
                },
            )
