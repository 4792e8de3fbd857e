"""Text of PHI's MultiPak Exporter: a header, then a table for each region with a column for each level of a profile."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from xps_prefit_hooks import PrefitError, Settings

from .assembly import RawRegion, spectrum_of
from .phi_header import header_entries, level_axis, photon_energy, region_metadata
from .roles import BINDING, KINETIC, intensity_kind
from .text import file_lines, number, whole

if TYPE_CHECKING:
    import xarray as xr

_TABLE = "//Area Comment,"


def read(path: Path, settings: Settings) -> xr.DataTree:
    """Read all regions; the cycles of a depth profile come as a stack over ``level``.

    Raises
    ------
    PrefitError
        If a row does not fit or there is no region.
    """
    lines = [line.strip() for line in file_lines(path)]
    starts = [i for i, line in enumerate(lines) if line.startswith(_TABLE)]
    entries = header_entries(lines[: starts[0]] if starts else lines)
    tables = [(start, lines[start].strip("/").split(",")) for start in starts]
    return spectrum_of(path, list(_regions(path, lines, tables, entries)), settings)


def _regions(
    path: Path, lines: list[str], tables: list[tuple[int, list[str]]], entries: dict[str, list[str]]
) -> Iterator[RawRegion | PrefitError]:
    for start, names in tables:
        told = dict(zip(names, lines[start + 1 :], strict=False))
        if "RegionNo" not in told:
            continue  # intensities over the depth
        label = told.get("AtomicName", "")
        where = f"{path}, region {label} at line {start + 1}"
        begin = start + 1 + len(names)
        count = whole(told.get("DataCount", ""), 0)
        rows = [re.split(r"[,\t]", line) for line in lines[begin : begin + count]]
        values = [[number(cell) for cell in row] for row in rows]
        if not count or len(rows) < count or any(len(row) != len(rows[0]) or None in row for row in values):
            yield PrefitError(where, f"{count} rows of numbers are announced but not there; the file is damaged.")
            continue
        table = np.array(values, dtype=float).reshape(count, -1)
        energy = told.get("XLabel", "")
        if table.shape[1] < 2 or not (BINDING.search(energy) or KINETIC.search(energy)):
            yield PrefitError(where, f"its axis is '{energy}', neither binding nor kinetic energy.")
            continue
        levels = table.shape[1] - 1
        axis, along = level_axis(entries, levels)
        yield RawRegion(
            where=where,
            energy=table[:, 0],
            counts=table[:, 1] if levels == 1 else table[:, 1:].T,
            kinetic=not BINDING.search(energy),
            labels=(label,),
            photon_energy=photon_energy(entries),
            attrs={
                **region_metadata(entries, whole(told["RegionNo"], 1) - 1),
                "sample": told.get("Area Comment") or None,
                "intensity": intensity_kind(told.get("YLabel", "")),
            },
            axes=(axis,) if levels > 1 else (),
            along=along if levels > 1 else {},
        )
