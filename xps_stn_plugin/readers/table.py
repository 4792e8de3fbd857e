"""Long table with several regions: ``region,binding_energy_eV,intensity``, one row per point."""

from __future__ import annotations

import csv
import io
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from xps_prefit_hooks import PrefitError, Settings

from .assembly import RawRegion, spectrum_of
from .number_runs import exact_numbers
from .roles import intensity_kind
from .text import file_text, no_number, number

if TYPE_CHECKING:
    import xarray as xr

# Characters of text that are parsed at once.
_CHUNK: Final = 1 << 20
_ENERGY = re.compile(r"(binding|kinetic)[\s_]*energy([\s_]*\(?eV\)?)?", re.IGNORECASE)


def read(path: Path, settings: Settings) -> xr.DataTree:
    """Read a long table; regions may be interleaved, columns may stand in any order.

    Raises
    ------
    PrefitError
        If a column is missing or a row does not fit.
    """
    text = file_text(path)
    i, header, place = _header(text)
    delimiter = next((mark for mark in "\t;," if mark in header), ",")
    names = [name.strip().lower() for name in next(csv.reader([header], delimiter=delimiter))]
    columns = _columns(path, names)
    points: dict[str, list[NDArray[np.float64]]] = {}
    while place < len(text):
        end = text.find("\n", place + _CHUNK) + 1 or len(text)
        rows = text[place:end].removesuffix("\n")
        for label, values in _points(path, i + 1, rows, delimiter, len(names), columns):
            points.setdefault(label, []).append(values)
        place, i = end, i + rows.count("\n") + 1
    raws = [
        RawRegion(
            where=str(path),
            energy=values[:, 0],
            counts=values[:, 1],
            kinetic="kinetic" in names[columns[1]],
            labels=(label,),
            attrs={"axis_from": "header", "intensity": intensity_kind(names[columns[2]])},
        )
        for label, values in ((label, np.concatenate(parts)) for label, parts in points.items())
    ]
    if not raws:
        raise PrefitError(str(path), "the table has a header but no rows.")
    return spectrum_of(path, raws, settings)


def _header(text: str) -> tuple[int, str, int]:
    """Find the first line that is neither empty nor a comment: its number and text, and the place of the next."""
    i, place = 0, 0
    while True:
        end = text.find("\n", place) + 1 or len(text)
        i, line, place = i + 1, text[place:end], end
        if place == len(text) or _holds_data(line):
            return i, line.removesuffix("\n"), place


def _holds_data(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _points(
    path: Path, first: int, text: str, delimiter: str, count: int, columns: tuple[int, int, int]
) -> list[tuple[str, NDArray[np.float64]]]:
    """Labels of rows, and their energies and intensities, by label."""
    usual = _usual_points(text, text.count("\n") + 1, delimiter, count, columns)
    if usual is not None:
        return usual
    points: dict[str, list[tuple[float, float]]] = {}
    for i, line in enumerate(text.split("\n"), start=first):
        if not _holds_data(line):
            continue
        fields = next(csv.reader([line], delimiter=delimiter))
        if len(fields) != count:
            message = f"row {i} has {len(fields)} fields, but the header names {count}; correct or remove the row."
            raise PrefitError(str(path), message)
        label, energy, intensity = (fields[column].strip() for column in columns)
        if not label:
            raise PrefitError(str(path), f"row {i} names no region; give it one or remove the row.")
        values = _value(path, i, energy, delimiter), _value(path, i, intensity, delimiter)
        points.setdefault(label, []).append(values)
    return [(label, np.array(values)) for label, values in points.items()]


def _usual_points(
    text: str, rows: int, delimiter: str, count: int, columns: tuple[int, int, int]
) -> list[tuple[str, NDArray[np.float64]]] | None:
    """Read rows at once that hold a label and numbers without quotes; None where a row is another."""
    import pandas as pd

    # No row has more fields than the first, or pandas refuses them; so none has fewer either.
    if '"' in text or "#" in text or text.count(delimiter) != rows * (count - 1):
        return None
    label, energy, intensity = columns
    decimal_comma = delimiter != "," and "," in text.partition("\n")[0].split(delimiter)[energy]
    try:
        table = pd.read_csv(
            io.StringIO(text),
            sep=delimiter,
            decimal="," if decimal_comma else ".",
            header=None,
            usecols=list(columns),
            dtype={label: "category", energy: np.float64, intensity: np.float64},
            keep_default_na=False,
            na_values={energy: [""], intensity: [""]},
            skip_blank_lines=False,
            **exact_numbers(),
        )
    except (ValueError, OverflowError):
        return None
    values = table[[energy, intensity]].to_numpy()
    names = [str(name).strip() for name in table[label].cat.categories]
    codes = table[label].cat.codes.to_numpy()
    if len(table) != rows or not np.isfinite(values).all() or "" in names or (codes < 0).any():
        return None
    order = np.argsort(codes, kind="stable")
    begins = np.flatnonzero(np.diff(codes[order], prepend=-1))
    parts = zip(np.split(values[order], begins[1:]), order[begins].tolist(), strict=True)
    return [(names[codes[place]], part) for part, place in sorted(parts, key=lambda item: item[1])]


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
