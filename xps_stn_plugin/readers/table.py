"""Long table with several regions: ``region,binding_energy_eV,intensity``, one row per point."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from xps_prefit_hooks import PrefitError, Settings

from ..core.metadata import TRANSMISSION
from .assembly import Axis, RawRegion
from .roles import intensity_kind
from .samples import spectra_of
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
    sample_column = names.index("sample") if names.count("sample") == 1 else None
    # What stands between region and energies may tell the spectra of a stack apart; a transmission is kept.
    further = [i for i in range(region_column + 1, energy_column) if i not in (intensity_column, sample_column)]
    further += [names.index(TRANSMISSION)] if TRANSMISSION in names[energy_column:] else []
    points: dict[tuple[str, str], list[tuple[float, ...]]] = {}
    for i, line in lines[1:]:
        fields = next(csv.reader([line], delimiter=delimiter))
        if len(fields) != len(names):
            message = f"row {i} has {len(fields)} fields, but the header names {len(names)}; correct or remove the row."
            raise PrefitError(str(path), message)
        label = fields[region_column].strip()
        if not label:
            raise PrefitError(str(path), f"row {i} names no region; give it one or remove the row.")
        sample = "" if sample_column is None else fields[sample_column].strip()
        points.setdefault((sample, label), []).append(
            (
                _value(path, i, fields[energy_column], delimiter),
                _value(path, i, fields[intensity_column], delimiter),
                *(_number_or_nan(fields[column], delimiter) for column in further),
            )
        )
    raws = []
    for (sample, label), rows in points.items():
        values = np.array(rows)
        raw = RawRegion(
            where=str(path),
            energy=values[:, 0],
            counts=values[:, 1],
            kinetic="kinetic" in names[energy_column],
            labels=(label,),
            attrs={
                "axis_from": "header",
                "intensity": intensity_kind(names[intensity_column]),
                "sample": sample or None,
            },
        )
        raws.append(_completed(raw, {names[column]: values[:, 2 + place] for place, column in enumerate(further)}))
    if not raws:
        raise PrefitError(str(path), "the table has a header but no rows.")
    return spectra_of(path, raws, settings)


def _completed(raw: RawRegion, further: Mapping[str, NDArray[np.float64]]) -> RawRegion:
    """Region with its transmission; a stack where energies come again for other values of further columns."""
    energy, counts = np.asarray(raw.energy, dtype=float), np.asarray(raw.counts, dtype=float)
    known = {name: values for name, values in further.items() if np.isfinite(values).all()}
    transmission = known.pop(TRANSMISSION, None)
    axis = np.unique(energy)
    if axis.size == energy.size or not known:
        return raw if transmission is None else replace(raw, variables={TRANSMISSION: transmission})
    places = [np.unique(values, return_inverse=True) for values in known.values()]
    where = (*(place for _, place in places), np.searchsorted(axis, energy))
    stack = np.full((*(labels.size for labels, _ in places), axis.size), np.nan)
    stack[where] = counts
    if np.isfinite(stack).sum() != energy.size:
        return raw  # A point occurs twice, which is refused later.
    variables = {}
    if transmission is not None:
        table = np.full_like(stack, np.nan)
        table[where] = transmission
        table = table.reshape(-1, axis.size)
        # The same for all spectra, of which some may be missing.
        variables[TRANSMISSION] = table[np.isfinite(table).all(axis=1).argmax()]
    axes: list[Axis] = []
    for name, (labels, _) in zip(known, places, strict=True):
        word, _, units = name.partition("[")
        variable = re.sub(r"\W+", "_", word.strip()).strip("_") or f"axis_{len(axes)}"
        axes.append(Axis(variable, labels, units.rstrip("] ")))
    return replace(raw, energy=axis, counts=stack, variables=variables, axes=tuple(axes))


def _columns(path: Path, names: list[str]) -> tuple[int, int, int]:
    energies = [i for i, name in enumerate(names) if _ENERGY.fullmatch(name)]
    intensities = [i for i, name in enumerate(names) if re.match(r"intensit|counts?|cps", name)]
    if names.count("region") != 1 or len(energies) != 1 or len(intensities) != 1:
        message = f"the columns are {', '.join(names)}; needed are region, binding_energy_eV (or kinetic_energy_eV)"
        raise PrefitError(str(path), f"{message} and intensity.")
    return names.index("region"), energies[0], intensities[0]


def _number_or_nan(field: str, delimiter: str) -> float:
    value = number(field.strip() if delimiter == "," else field.strip().replace(",", "."))
    return math.nan if value is None else value


def _value(path: Path, row: int, field: str, delimiter: str) -> float:
    value = number(field.strip() if delimiter == "," else field.strip().replace(",", "."))
    if value is None or not math.isfinite(value):
        raise no_number(path, row, field.strip())
    return value
