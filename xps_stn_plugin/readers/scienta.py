"""Text export of Scienta SES: INI-like sections ``[Region n]``, ``[Info n]`` and ``[Data n]`` or ``[Data n:k]``."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from xps_prefit_hooks import PrefitError, Settings

from .assembly import Axis, RawRegion, spectrum_of
from .ses_metadata import ses_attributes
from .text import file_lines, number, whole

if TYPE_CHECKING:
    import xarray as xr

# Possessive, for else blanks and digits would be shared out between the parts in every way there is.
_SECTION = re.compile(r"\[(Info|Region|Run Mode Information|Data)\s*+(\d*+)(?::(\d++))?[^\]]*+\]$")
_MOST_DIMENSIONS = 4


def read(path: Path, settings: Settings) -> xr.DataTree:
    """Read all regions; slices of the detector and iterations ("Add Dimension") come as a stack.

    The first dimension's name says whether energies are binding or kinetic. The columns beside the energies run along
    the second dimension; numbered sections of data along the last one.

    Raises
    ------
    PrefitError
        If a row does not fit or there is no region.
    """
    told: dict[str, dict[str, str]] = {}
    data: dict[str, dict[str, list[list[float]]]] = {}
    kind = index = part = ""
    for i, raw in enumerate(file_lines(path), start=1):
        line = raw.strip()
        if match := _SECTION.match(line):
            kind, index, part = match[1], match[2], match[3] or ""
        elif line and kind == "Data":
            values = [number(text) for text in line.split()]
            rows = data.setdefault(index, {}).setdefault(part, [])
            row = [value for value in values if value is not None]
            if len(row) != len(values) or len(row) < 2 or (rows and len(row) != len(rows[0])):
                raise PrefitError(str(path), f"row {i} in region {index} does not fit its data: '{line[:40]}'.")
            rows.append(row)
        elif "=" in line and index:
            key, _, value = line.partition("=")
            told.setdefault(index, {}).setdefault(key.strip(), value.strip())
    return spectrum_of(path, list(_regions(path, told, data)), settings)


def _regions(
    path: Path, told: dict[str, dict[str, str]], data: dict[str, dict[str, list[list[float]]]]
) -> Iterator[RawRegion | PrefitError]:
    for index, settings in told.items():
        where = f"{path}, region {index} ({settings.get('Region Name', '')})"
        try:
            yield _region(where, settings, data.get(index, {}))
        except PrefitError as error:
            yield error


def _region(where: str, settings: Mapping[str, str], parts: Mapping[str, list[list[float]]]) -> RawRegion:
    axis = settings.get("Dimension 1 name", "").lower()
    if not parts:
        raise PrefitError(where, "the region has no data; the file is cut off.")
    tables = [np.array(rows) for rows in parts.values()]
    announced = number(settings.get("Dimension 1 size", ""))
    for table in tables:
        if announced is not None and announced != len(table):
            message = f"the region announces {announced:g} points but has {len(table)}; the file is damaged."
            raise PrefitError(where, message)
    if any(table.shape != tables[0].shape or np.any(table[:, 0] != tables[0][:, 0]) for table in tables):
        raise PrefitError(where, "its parts have different energies; export them one by one.")
    if not ("binding" in axis or "kinetic" in axis):
        raise PrefitError(where, f"the first dimension is '{axis}', neither binding nor kinetic energy.")
    axes, counts = _stack(settings, tables)
    return RawRegion(
        where=where,
        energy=tables[0][:, 0],
        counts=counts,
        kinetic="kinetic" in axis,
        labels=(settings.get("Region Name", ""),),
        photon_energy=number(settings.get("Excitation Energy", "")),
        attrs=ses_attributes(settings),
        axes=axes,
    )


def _stack(
    settings: Mapping[str, str], tables: list[NDArray[np.float64]]
) -> tuple[tuple[Axis, ...], NDArray[np.float64]]:
    """Axes and intensities, shape (..., points); axes are named and labelled where their sizes are those announced."""
    counts = np.stack([table[:, 1:].T for table in tables])
    dimensions = [_dimension(settings, place) for place in range(2, _MOST_DIMENSIONS + 1)]
    axes = [axis for axis, size in dimensions if axis is not None and size > 1]
    sizes = [size for axis, size in dimensions if axis is not None and size > 1]
    points = counts.shape[-1]
    # Columns run along the second dimension, sections along those behind it.
    if math.prod(sizes) == counts.size // points and axes:
        behind = axes[1:] if counts.shape[1] > 1 else axes
        ordered = (*behind, *axes[: len(axes) - len(behind)])
        shape = [len(np.atleast_1d(np.asarray(axis.values))) for axis in ordered]
        return ordered, counts.reshape(*shape, points)
    shape = [size for size in counts.shape[:-1] if size > 1]
    return (), counts.reshape(*shape, points)


def _dimension(settings: Mapping[str, str], place: int) -> tuple[Axis | None, int]:
    """Axis of a dimension beside the energy, and its size; None where there is none."""
    name = settings.get(f"Dimension {place} name", "")
    size = whole(settings.get(f"Dimension {place} size", ""), 0)
    if not name or not size:
        return None, 0
    text, _, units = name.partition("[")
    scale = [number(value) for value in settings.get(f"Dimension {place} scale", "").split()]
    labels = scale if len(scale) == size and None not in scale else list(range(1, size + 1))
    units = units.rstrip("] ")
    variable = re.sub(r"\W+", "_", text.lower()).strip("_") or f"axis_{place}"
    return Axis(variable, np.array(labels, dtype=float), "" if units == "a.u." else units), size
