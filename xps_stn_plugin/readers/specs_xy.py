"""Text export of SPECS Prodigy and SpecsLab2 (.xy): settings, then regions with a table per cycle, curve and scan.

Behind a table may stand others on axes of their own: external channels (a thermocouple) and results of operations (a
background). They are not spectra and are left out; the data keep their counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from xps_prefit_hooks import PrefitError, Settings

from .assembly import Axis, RawRegion, spectrum_of
from .text import file_lines, number, whole

if TYPE_CHECKING:
    import xarray as xr

_TABLE = re.compile(r"Cycle:\s*(\d{1,9}),\s*Curve:\s*(\d{1,9})(?:,\s*Scan:\s*(\d{1,9}))?")
# Comments that begin another table than one of counts.
_OTHER_TABLE = re.compile(r"External Channel Data|Operation:|Result Name:")
#: Scan modes in the words of NeXus.
SCAN_MODES: Final = {
    "FixedAnalyzerTransmission": "fixed_analyzer_transmission",
    "FixedRetardingRatio": "fixed_retardation_ratio",
}
#: Methods that measure no photoelectrons: ion scattering.
NO_PHOTOELECTRONS: Final = ("ISS", "LEIS")


@dataclass
class _Table:
    """Rows of numbers under one comment, and the names of their columns."""

    labels: list[str] = field(default_factory=list)
    rows: list[tuple[int, list[str]]] = field(default_factory=list)

    def values(self, path: Path) -> NDArray[np.float64]:
        """Numbers, shape (rows, columns); columns are those that every row has, two at least."""
        width = min((len(row) for _, row in self.rows), default=2)
        try:
            return np.array([row[:width] for _, row in self.rows], dtype=float).reshape(-1, width)
        except ValueError:
            i, row = next((i, row) for i, row in self.rows if None in map(number, row[:width]))
            message = f"row {i} holds '{' '.join(row)[:40]}' where energy and intensity should be."
            raise PrefitError(str(path), message) from None


@dataclass
class _Section:
    """A region: what its head says, and its tables by cycle and curve, one per scan."""

    line: int
    settings: dict[str, str] = field(default_factory=dict)
    tables: dict[tuple[int, int], list[_Table]] = field(default_factory=dict)


# A curve of one cycle: energies, intensities and transmission (None where there is none), each of shape (n,).
_Curve = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64] | None]


def read(path: Path, settings: Settings) -> xr.DataTree:
    """Read all regions; the scans of one cycle and curve are added up (counts) or averaged (counts per second).

    Cycles and curves on the same energies are one region with the dimensions ``cycle`` and ``curve``.

    Raises
    ------
    PrefitError
        If the export separates detector channels, a row does not fit, or there is no region.
    """
    general, sections = _sections(path)
    if general.get("Separate Channel Data") == "yes":
        raise PrefitError(str(path), "the export separates detector channels; export it with them added up.")
    return spectrum_of(path, list(_regions(path, general, sections)), settings)


def _sections(path: Path) -> tuple[dict[str, str], list[_Section]]:
    general: dict[str, str] = {}
    sections: list[_Section] = []
    table: _Table | None = None
    for i, raw in enumerate(file_lines(path), start=1):
        line = raw.strip()
        if not line:
            continue
        if line.startswith("#"):
            text = line.lstrip("# ")
            key, _, value = (part.strip() for part in text.partition(":"))
            if key == "Region":
                sections.append(_Section(i))
                table = None
            elif (match := _TABLE.match(text)) and sections:
                table = _Table()
                sections[-1].tables.setdefault((int(match[1]), int(match[2])), []).append(table)
            elif _OTHER_TABLE.match(text):
                table = _Table()
            elif key == "ColumnLabels" and table is not None:
                table.labels = value.split()
            if key and not key.startswith("Cycle"):
                (sections[-1].settings if sections else general).setdefault(key, value)
            continue
        fields = line.split()
        if len(fields) < 2 or number(fields[0]) is None or number(fields[1]) is None:
            raise PrefitError(str(path), f"row {i} holds '{line[:40]}' where energy and intensity should be.")
        if table is None:
            raise PrefitError(str(path), f"row {i} has numbers before any region begins; the export is damaged.")
        table.rows.append((i, fields))
    return general, sections


def _per_second(general: Mapping[str, str]) -> bool:
    """Whether intensities are rates; Prodigy and SpecsLab2 say it in different settings."""
    return "second" in general.get("Count Rate", "").lower() or general.get("Counts Per Second", "").lower() == "yes"


def _kinetic(where: str, general: Mapping[str, str]) -> bool:
    """Whether energies are kinetic; Prodigy and SpecsLab2 say it in different settings."""
    axis, is_kinetic = general.get("Energy Axis", "").lower(), general.get("Kinetic Energy Axis", "").lower()
    if "kinetic" in axis or is_kinetic == "yes":
        return True
    if "binding" in axis or is_kinetic == "no":
        return False
    raise PrefitError(where, "the settings do not say whether the energy axis is kinetic or binding.")


def _regions(path: Path, general: Mapping[str, str], sections: list[_Section]) -> Iterator[RawRegion | PrefitError]:
    for section in sections:
        where = f"{path}, region {section.settings.get('Region', '')} at line {section.line}"
        try:
            yield from _section_regions(path, where, general, section)
        except PrefitError as error:
            yield error


def _section_regions(
    path: Path, where: str, general: Mapping[str, str], section: _Section
) -> Iterator[RawRegion | PrefitError]:
    per_second, kinetic = _per_second(general), _kinetic(where, general)
    method = section.settings.get("Analysis Method", "")
    if method.upper() in NO_PHOTOELECTRONS:
        raise PrefitError(where, f"the analysis method is {method}, so this is not a photoelectron spectrum.")
    tables = [table for scans in section.tables.values() for table in scans]
    if not any(table.rows for table in tables):
        raise PrefitError(where, "the region has no rows.")
    if any(table.labels[:1] == ["index"] for table in tables):
        mode = section.settings.get("Scan Mode", "another mode")
        message = f"the rows are numbered by index and not by energy (scan mode {mode}), so this is not a spectrum."
        raise PrefitError(where, message)
    curves: dict[tuple[int, int], _Curve] = {}
    for place, scans in section.tables.items():
        if any(scan.rows for scan in scans):
            try:
                curves[place] = _curve(path, where, place[0], scans, per_second)
            except PrefitError as error:
                yield error
    scans_of = {place: len(scans) for place, scans in section.tables.items()}
    attrs = _attributes(general, section, per_second)
    for group in _on_same_energies(curves):
        energy, _, transmission = curves[group[0]]
        axes, counts = _stacked(group, curves)
        same = {name: places[0] for name, places in zip(("cycle", "curve"), zip(*group, strict=True), strict=True)
                if len(set(places)) == 1}  # fmt: skip
        yield RawRegion(
            where=where,
            energy=energy,
            counts=counts,
            kinetic=kinetic,
            labels=(section.settings.get("Region", ""),),
            photon_energy=number(section.settings.get("Excitation Energy", "")),
            variables={} if transmission is None else {"transmission": transmission},
            attrs={**attrs, "scans": max(scans_of[group[0]], attrs["scans"]), **same},
            axes=axes,
        )


def _attributes(general: Mapping[str, str], section: _Section, per_second: bool) -> dict[str, Any]:
    """Attributes that all curves of a region share; None where the file does not tell."""
    told = section.settings
    return {
        "intensity": "counts per second" if per_second else "counts",
        "dwell_time": number(told.get("Dwell Time", "")),
        "pass_energy": number(told.get("Pass Energy", "")),
        "work_function": number(told.get("Eff. Workfunction", "")),
        "scans": whole(told.get("Number of Scans", ""), 1),
        "sample": told.get("Group") or general.get("Group") or None,
        "technique": told.get("Analysis Method") or None,
        "radiation": told.get("Source") or None,
        "instrument": told.get("Analyzer") or None,
        "lens_mode": told.get("Analyzer Lens") or None,
        "energy_scan_mode": SCAN_MODES.get(told.get("Scan Mode", "")),
        "start_time": _start_time(told.get("Acquisition Date", "")),
    }


def _start_time(text: str) -> str | None:
    """Date and time as ISO 8601: "06/01/22 13:22:05 UTC"; None where they are written otherwise."""
    plain = text.removesuffix("UTC").strip()
    try:
        moment = datetime.strptime(plain, "%m/%d/%y %H:%M:%S")
    except ValueError:
        return None
    return moment.replace(tzinfo=timezone.utc if plain != text else None).isoformat()  # noqa: UP017


def _curve(path: Path, where: str, cycle: int, tables: list[_Table], per_second: bool) -> _Curve:
    scans = [table.values(path) for table in tables if table.rows]
    if any(len(scan) != len(scans[0]) or np.any(scan[:, 0] != scans[0][:, 0]) for scan in scans):
        raise PrefitError(where, f"the scans of cycle {cycle} have different energies.")
    counts = np.stack([scan[:, 1] for scan in scans])
    labels = tables[0].labels
    column = labels.index("transmission") if "transmission" in labels else 0
    transmission = scans[0][:, column] if 0 < column < scans[0].shape[1] else None
    return scans[0][:, 0], counts.mean(axis=0) if per_second else counts.sum(axis=0), transmission


def _on_same_energies(curves: Mapping[tuple[int, int], _Curve]) -> list[list[tuple[int, int]]]:
    """Cycles and curves that are measured on the same energies, in the order of the file."""
    groups: dict[bytes, list[tuple[int, int]]] = {}
    for place, (energy, _, _) in curves.items():
        groups.setdefault(energy.tobytes(), []).append(place)
    return list(groups.values())


def _stacked(
    group: list[tuple[int, int]], curves: Mapping[tuple[int, int], _Curve]
) -> tuple[tuple[Axis, ...], NDArray[np.float64]]:
    """Axes and intensities of curves on the same energies; an axis of one value is left out."""
    values = {place: curves[place][1] for place in group}
    labels = {"cycle": sorted({cycle for cycle, _ in group}), "curve": sorted({curve for _, curve in group})}
    missing = np.full_like(next(iter(values.values())), np.nan)
    counts = np.array([[values.get((cycle, curve), missing) for curve in labels["curve"]] for cycle in labels["cycle"]])
    axes = tuple(Axis(name, np.array(places)) for name, places in labels.items() if len(places) > 1)
    return axes, counts.reshape(*(len(places) for places in labels.values() if len(places) > 1), -1)
