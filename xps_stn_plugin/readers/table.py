"""Long table with several regions: ``region,binding_energy_eV,intensity``, one row per point."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from xps_prefit_hooks import PrefitError, Settings

from ..core.metadata import TRANSMISSION
from .assembly import Axis, RawRegion
from .number_runs import exact_numbers
from .roles import intensity_kind
from .samples import spectra_of
from .text import file_text, no_number, number

if TYPE_CHECKING:
    import xarray as xr

# Characters of text that are parsed at once.
_CHUNK: Final = 1 << 20
_ENERGY = re.compile(r"(binding|kinetic)[\s_]*energy([\s_]*\(?eV\)?)?", re.IGNORECASE)


@dataclass(frozen=True)
class _Columns:
    """Places of the columns; those `further` hold numbers, or what is none."""

    label: int
    energy: int
    intensity: int
    sample: int | None
    further: tuple[int, ...]


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
    points: dict[tuple[str, str], list[NDArray[np.float64]]] = {}
    while place < len(text):
        end = text.find("\n", place + _CHUNK) + 1 or len(text)
        rows = text[place:end].removesuffix("\n")
        for key, values in _points(path, i + 1, rows, delimiter, len(names), columns):
            points.setdefault(key, []).append(values)
        place, i = end, i + rows.count("\n") + 1
    raws = []
    for (sample, label), parts in points.items():
        values = np.concatenate(parts)
        raw = RawRegion(
            where=str(path),
            energy=values[:, 0],
            counts=values[:, 1],
            kinetic="kinetic" in names[columns.energy],
            labels=(label,),
            attrs={
                "axis_from": "header",
                "intensity": intensity_kind(names[columns.intensity]),
                "sample": sample or None,
            },
        )
        further = {names[column]: values[:, 2 + place] for place, column in enumerate(columns.further)}
        raws.append(_completed(raw, further))
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
    path: Path, first: int, text: str, delimiter: str, count: int, columns: _Columns
) -> list[tuple[tuple[str, str], NDArray[np.float64]]]:
    """Group the numbers of rows by sample and label: energies, intensities and further ones."""
    usual = _usual_points(text, text.count("\n") + 1, delimiter, count, columns)
    if usual is not None:
        return usual
    points: dict[tuple[str, str], list[tuple[float, ...]]] = {}
    for i, line in enumerate(text.split("\n"), start=first):
        if not _holds_data(line):
            continue
        fields = next(csv.reader([line], delimiter=delimiter))
        if len(fields) != count:
            message = f"row {i} has {len(fields)} fields, but the header names {count}; correct or remove the row."
            raise PrefitError(str(path), message)
        label, energy, intensity = (
            fields[column].strip() for column in (columns.label, columns.energy, columns.intensity)
        )
        sample = "" if columns.sample is None else fields[columns.sample].strip()
        if not label:
            raise PrefitError(str(path), f"row {i} names no region; give it one or remove the row.")
        values = _value(path, i, energy, delimiter), _value(path, i, intensity, delimiter)
        more = (_number_or_nan(fields[column], delimiter) for column in columns.further)
        points.setdefault((sample, label), []).append((*values, *more))
    return [(key, np.array(values)) for key, values in points.items()]


def _usual_points(
    text: str, rows: int, delimiter: str, count: int, columns: _Columns
) -> list[tuple[tuple[str, str], NDArray[np.float64]]] | None:
    """Read rows at once that hold labels and numbers without quotes; None where a row is another."""
    import pandas as pd

    # No row has more fields than the first, or pandas refuses them; so none has fewer either.
    if '"' in text or "#" in text or text.count(delimiter) != rows * (count - 1):
        return None
    labels = [columns.label, *([] if columns.sample is None else [columns.sample])]
    numbers = [columns.energy, columns.intensity, *columns.further]
    decimal_comma = delimiter != "," and "," in text.partition("\n")[0].split(delimiter)[columns.energy]
    try:
        table = pd.read_csv(
            io.StringIO(text),
            sep=delimiter,
            decimal="," if decimal_comma else ".",
            header=None,
            usecols=[*labels, *numbers],
            dtype={**dict.fromkeys(labels, "category"), **dict.fromkeys(numbers, np.float64)},
            keep_default_na=False,
            na_values={column: [""] for column in numbers},
            skip_blank_lines=False,
            **exact_numbers(),
        )
    except (ValueError, OverflowError):
        return None
    values = table[numbers].to_numpy()
    names = [[str(name).strip() for name in table[column].cat.categories] for column in labels]
    each = [table[column].cat.codes.to_numpy().astype(np.int64) for column in labels]
    if len(table) != rows or not np.isfinite(values[:, :2]).all() or "" in names[0] or (np.array(each) < 0).any():
        return None
    codes = each[0] if columns.sample is None else each[0] * len(names[1]) + each[1]
    order = np.argsort(codes, kind="stable")
    begins = np.flatnonzero(np.diff(codes[order], prepend=-1))
    parts = zip(np.split(values[order], begins[1:]), order[begins].tolist(), strict=True)
    return [
        (("" if columns.sample is None else names[1][each[1][place]], names[0][each[0][place]]), part)
        for part, place in sorted(parts, key=lambda item: item[1])
    ]


def _columns(path: Path, names: list[str]) -> _Columns:
    energies = [i for i, name in enumerate(names) if _ENERGY.fullmatch(name)]
    intensities = [i for i, name in enumerate(names) if re.match(r"intensit|counts?|cps", name)]
    if names.count("region") != 1 or len(energies) != 1 or len(intensities) != 1:
        message = f"the columns are {', '.join(names)}; needed are region, binding_energy_eV (or kinetic_energy_eV)"
        raise PrefitError(str(path), f"{message} and intensity.")
    label, energy, intensity = names.index("region"), energies[0], intensities[0]
    sample = names.index("sample") if names.count("sample") == 1 else None
    # What stands between region and energies may tell the spectra of a stack apart; a transmission is kept.
    further = [place for place in range(label + 1, energy) if place not in (intensity, sample)]
    further += [energy + names[energy:].index(TRANSMISSION)] if TRANSMISSION in names[energy:] else []
    return _Columns(label, energy, intensity, sample, tuple(further))


def _number_or_nan(field: str, delimiter: str) -> float:
    value = number(field.strip() if delimiter == "," else field.strip().replace(",", "."))
    return math.nan if value is None else value


def _value(path: Path, row: int, field: str, delimiter: str) -> float:
    value = number(field.strip() if delimiter == "," else field.strip().replace(",", "."))
    if value is None or not math.isfinite(value):
        raise no_number(path, row, field.strip())
    return value
