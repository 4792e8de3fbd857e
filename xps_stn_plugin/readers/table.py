"""Long table with several regions: ``region,binding_energy_eV,intensity``, one row per point."""

from __future__ import annotations

import csv
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from xps_prefit_hooks import PrefitError, Settings

from .assembly import RawRegion, spectrum_of
from .roles import intensity_kind
from .text import file_lines, no_number, number

if TYPE_CHECKING:
    import xarray as xr

_ENERGY = re.compile(r"(binding|kinetic)[\s_]*energy([\s_]*\(?eV\)?)?", re.IGNORECASE)


def read(path: Path, settings: Settings) -> xr.DataTree:
    """Read a long table; regions may be interleaved, columns may stand in any order.

    Raises
    ------
    PrefitError
        If a column is missing or a row does not fit.
    """
    lines = [
        (i, line) for i, line in enumerate(file_lines(path), 1) if line.strip() and not line.lstrip().startswith("#")
    ]
    delimiter = next((mark for mark in "\t;," if mark in lines[0][1]), ",")
    names = [name.strip().lower() for name in next(csv.reader([lines[0][1]], delimiter=delimiter))]
    region_column, energy_column, intensity_column = _columns(path, names)
    points: dict[str, list[tuple[float, float]]] = {}
    for i, line in lines[1:]:
        fields = next(csv.reader([line], delimiter=delimiter))
        if len(fields) != len(names):
            message = f"row {i} has {len(fields)} fields, but the header names {len(names)}; correct or remove the row."
            raise PrefitError(str(path), message)
        label = fields[region_column].strip()
        if not label:
            raise PrefitError(str(path), f"row {i} names no region; give it one or remove the row.")
        points.setdefault(label, []).append(
            (_value(path, i, fields[energy_column], delimiter), _value(path, i, fields[intensity_column], delimiter))
        )
    raws = [
        RawRegion(
            where=str(path),
            energy=np.array(values)[:, 0],
            counts=np.array(values)[:, 1],
            kinetic="kinetic" in names[energy_column],
            labels=(label,),
            attrs={"axis_from": "header", "intensity": intensity_kind(names[intensity_column])},
        )
        for label, values in points.items()
    ]
    if not raws:
        raise PrefitError(str(path), "the table has a header but no rows.")
    return spectrum_of(path, raws, settings)


def _columns(path: Path, names: list[str]) -> tuple[int, int, int]:
    energies = [i for i, name in enumerate(names) if _ENERGY.fullmatch(name)]
    intensities = [i for i, name in enumerate(names) if re.match(r"intensit|counts?|cps", name)]
    if names.count("region") != 1 or len(energies) != 1 or len(intensities) != 1:
        message = f"the columns are {', '.join(names)}; needed are region, binding_energy_eV (or kinetic_energy_eV)"
        raise PrefitError(str(path), f"{message} and intensity.")
    return names.index("region"), energies[0], intensities[0]


def _value(path: Path, row: int, field: str, delimiter: str) -> float:
    value = number(field.strip() if delimiter == "," else field.strip().replace(",", "."))
    if value is None or not math.isfinite(value):
        raise no_number(path, row, field.strip())
    return value
