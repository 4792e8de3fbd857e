"""PHI MultiPak files (.spe, .pro): a header of text, then a table of contents and numbers in binary.

Behind the line EOFH stand, in little-endian words of 4 bytes: four words (the second is the number of data sets, the
third the length of the table of contents in bytes, the fourth that of these words), then 24 words for each data set. Of
these count the first (number of the region), the sixth to eighth (points, cycles or areas, and a third dimension), the
ninth, eleventh and thirteenth (names of the dimensions), the fifteenth (unit: "c/s"), the nineteenth (type: "f4"), the
twentieth and twenty-first (length of the data in bytes, and where they begin behind EOFH). That was found by comparing
files with VAMAS exports of the same measurements, which hold the same numbers.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from xps_prefit_hooks import PrefitError, Settings

from .assembly import Axis, RawRegion, spectrum_of
from .phi_header import (
    Entries,
    PhiRegion,
    first,
    header_entries,
    level_axis,
    photon_energy,
    place_of_area,
    region_metadata,
    regions,
)
from .text import decoded, limited_bytes

if TYPE_CHECKING:
    import xarray as xr

_END: Final = b"EOFH"
_WORDS: Final = 24
_DATA_SETS: Final = 10_000
_TYPES: Final = {b"f4": "<f4", b"f8": "<f8", b"i4": "<i4", b"i2": "<i2"}


@dataclass(frozen=True)
class _DataSet:
    """An entry of the table of contents."""

    region: int
    shape: tuple[int, ...]
    names: tuple[bytes, ...]
    unit: str
    values: NDArray[np.float64]


def read(path: Path, settings: Settings) -> xr.DataTree:
    """Read all regions; the levels of a depth profile and several areas come as a stack.

    Raises
    ------
    PrefitError
        If the file is cut off, damaged, or not of photoelectrons.
    """
    raw = limited_bytes(path)
    end = raw.find(_END)
    if end < 0:
        raise PrefitError(str(path), "the header has no end (EOFH); the file is cut off.")
    entries = header_entries(decoded(raw[:end]).splitlines())
    technique = first(entries, "Technique")
    if technique not in ("", "XPS", "UPS"):
        raise PrefitError(str(path), f"the technique is {technique[:20]}, so this is not a photoelectron spectrum.")
    known = regions(entries)
    if not known:
        raise PrefitError(str(path), "the header defines no spectral region.")
    begin = raw.find(b"\n", end) + 1
    if begin == 0:
        raise PrefitError(str(path), "nothing follows the header; the file is cut off.")
    data_sets = _data_sets(path, memoryview(raw)[begin:])
    return spectrum_of(path, list(_regions(path, entries, known, data_sets)), settings)


def _data_sets(path: Path, data: memoryview) -> dict[int, _DataSet]:
    """Find the data sets by the number of their region, without intensities over the depth behind them."""
    try:
        _, count, length, start = struct.unpack_from("<4I", data)
        if not 1 <= count <= _DATA_SETS or length < count * 4 * _WORDS:
            raise PrefitError(str(path), f"the table of contents announces {count} data sets in {length} bytes.")
        heads = [data[start + i * 4 * _WORDS :][: 4 * _WORDS] for i in range(count)]
        data_sets: dict[int, _DataSet] = {}
        for head in heads:
            entry = _data_set(path, data, bytes(head))
            if entry is not None:
                data_sets.setdefault(entry.region, entry)
    except struct.error:
        raise PrefitError(str(path), "the table of contents behind the header is cut off.") from None
    return data_sets


def _data_set(path: Path, data: memoryview, head: bytes) -> _DataSet | None:
    words = struct.unpack(f"<{_WORDS}I", head)
    names = tuple(head[4 * place : 4 * place + 4].rstrip(b"\0") for place in (8, 10, 12))
    if names[0] != b"pnt":
        return None
    kind = head[72:74]
    length, offset = words[19], words[20]
    where = f"{path}, region {words[0]}"
    if kind not in _TYPES:
        raise PrefitError(where, f"its numbers are of the type {kind!r}, which is not known.")
    if offset + length > len(data):
        raise PrefitError(where, f"{length} bytes at {offset} are announced but not there; the file is cut off.")
    width = np.dtype(_TYPES[kind]).itemsize
    values = np.frombuffer(data[offset : offset + length // width * width], dtype=_TYPES[kind]).astype(float)
    shape = tuple(words[5:8])
    if shape[0] * shape[1] * shape[2] != values.size or not values.size:
        message = f"{values.size} numbers are there for {' x '.join(map(str, shape))} points; the file is damaged."
        raise PrefitError(where, message)
    unit = head[56:60].rstrip(b"\0").decode("latin-1")
    return _DataSet(words[0], shape, names, unit, values)


def _regions(
    path: Path, entries: Entries, known: list[PhiRegion], data_sets: dict[int, _DataSet]
) -> Iterator[RawRegion | PrefitError]:
    for place, region in enumerate(known):
        where = f"{path}, region {region.label}"
        data_set = data_sets.get(region.number)
        if data_set is None:
            yield PrefitError(where, "the header names the region but the file has no data of it.")
            continue
        points, *others = data_set.shape
        if points != region.points:
            message = f"the header says {region.points} points but the data have {points}; the file is damaged."
            yield PrefitError(where, message)
            continue
        sizes = [(size, name) for size, name in zip(reversed(others), reversed(data_set.names[1:]), strict=True)]
        axes, along = _axes(entries, sizes)
        yield RawRegion(
            where=where,
            energy=np.round(region.start + region.step * np.arange(points), 6),
            counts=data_set.values.reshape(*(size for size, _ in sizes if size > 1), points),
            kinetic=False,
            labels=(region.label,),
            photon_energy=photon_energy(entries),
            attrs={
                **region_metadata(entries, place),
                "sample": first(entries, "SpatialAreaDesc").partition(" ")[2] or first(entries, "FileDesc") or None,
                "intensity": "counts per second" if data_set.unit == "c/s" else "arbitrary",
            },
            axes=axes,
            along=along,
        )


def _axes(entries: Entries, sizes: list[tuple[int, bytes]]) -> tuple[tuple[Axis, ...], dict[str, Any]]:
    """Dimensions of a stack, and the labels along them: etch times of levels, places of areas."""
    axes: list[Axis] = []
    along: dict[str, Any] = {}
    for i, (size, name) in enumerate(sizes):
        if size == 1:
            continue
        if name == b"cyc":
            axis, labels = level_axis(entries, size)
            along.update(labels)
        elif name == b"sar":
            axis = Axis("area", np.arange(1, size + 1))
            places = [place_of_area(entries, area) for area in range(size)]
            if all(places):
                along.update({xyz: (("area",), np.array([place[xyz] for place in places]), "mm") for xyz in "xyz"})
        else:
            axis = Axis(f"axis_{i}", np.arange(1, size + 1))
        axes.append(axis)
    return tuple(axes), along
