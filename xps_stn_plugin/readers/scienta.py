"""Text export of Scienta SES: INI-like sections ``[Region n]``, ``[Info n]`` and ``[Data n]``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from xps_prefit_hooks import PrefitError, Settings

from .assembly import RawRegion, spectrum_of
from .text import file_lines, number, whole

if TYPE_CHECKING:
    import xarray as xr

# Possessive, for else blanks and digits would be shared out between the parts in every way there is.
_SECTION = re.compile(r"\[(Info|Region|Run Mode Information|Data)\s*+(\d*+)[^\]]*+\]$")


def read(path: Path, settings: Settings) -> xr.DataTree:
    """Read all regions; several slices of the detector come as a stack ``counts(axis_0, binding_energy)``.

    The first dimension's name says whether energies are binding or kinetic.

    Raises
    ------
    PrefitError
        If a row does not fit or nothing is found.
    """
    told: dict[str, dict[str, str]] = {}
    data: dict[str, list[list[float]]] = {}
    kind = index = ""
    for i, raw in enumerate(file_lines(path), start=1):
        line = raw.strip()
        if match := _SECTION.match(line):
            kind, index = match[1], match[2]
        elif line and kind == "Data":
            values = [number(text) for text in line.split()]
            rows = data.setdefault(index, [])
            row = [value for value in values if value is not None]
            if len(row) != len(values) or len(row) < 2 or (rows and len(row) != len(rows[0])):
                raise PrefitError(str(path), f"row {i} in region {index} does not fit its data: '{line[:40]}'.")
            rows.append(row)
        elif "=" in line and index:
            key, _, value = line.partition("=")
            told.setdefault(index, {}).setdefault(key.strip(), value.strip())
    return spectrum_of(path, list(_regions(path, told, data)), settings)


def _regions(
    path: Path, told: dict[str, dict[str, str]], data: dict[str, list[list[float]]]
) -> Iterator[RawRegion | PrefitError]:
    for index, said in told.items():
        name = said.get("Region Name", "")
        where = f"{path}, region {index} ({name})"
        axis = said.get("Dimension 1 name", "").lower()
        if index not in data:
            yield PrefitError(where, "the region has no data; the file is cut off.")
            continue
        announced = number(said.get("Dimension 1 size", ""))
        table = np.array(data[index])
        if announced is not None and announced != len(table):
            yield PrefitError(
                where, f"the region announces {announced:g} points but has {len(table)}; the file is damaged."
            )
        elif not ("binding" in axis or "kinetic" in axis):
            yield PrefitError(where, f"the first dimension is '{axis}', neither binding nor kinetic energy.")
        else:
            yield RawRegion(
                where=where,
                energy=table[:, 0],
                counts=table[:, 1] if table.shape[1] == 2 else table[:, 1:].T,
                kinetic="kinetic" in axis,
                labels=(name,),
                photon_energy=number(said.get("Excitation Energy", "")),
                attrs={
                    "scans": whole(said.get("Number of Sweeps", ""), 1),
                    "pass_energy": number(said.get("Pass Energy", "")),
                    "sample": said.get("Sample") or None,
                },
            )
