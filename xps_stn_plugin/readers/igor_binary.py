"""Igor binary waves (.ibw) and packed experiments (.pxt) of Scienta SES.

Layout of a wave of version 5 by WaveMetrics' Technical Note 003: 64 bytes with the lengths of all parts, 320 bytes with
size, type, scale and name, then numbers, formula, note and units. A packed experiment is a row of records of 8 bytes
(kind, version, length) and their content; kind 3 is a wave. The note of SES says how the spectrum was measured.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from xps_prefit_hooks import PrefitError, Settings

from .assembly import Axis, RawRegion, in_electronvolts, spectrum_of
from .roles import BINDING, KINETIC
from .ses_metadata import ses_attributes
from .text import decoded, limited_bytes, number

if TYPE_CHECKING:
    import xarray as xr

_HEADER: Final = 384
_VERSION: Final = 5
_WAVE_RECORD: Final = 3
_TYPES: Final = {2: "<f4", 4: "<f8", 8: "<i1", 0x10: "<i2", 0x20: "<i4", 0x48: "<u1", 0x50: "<u2", 0x60: "<u4"}
_UNITS = re.compile(r"(.*)\[(.*)\]")


@dataclass(frozen=True)
class _Wave:
    """Numbers of a wave, first dimension first; names, first values and steps of its dimensions; its note."""

    name: str
    values: NDArray[np.float64]
    scales: tuple[tuple[str, float, float], ...]
    note: dict[str, str]


def read(path: Path, settings: Settings) -> xr.DataTree:
    """Read all waves whose first dimension is an energy; further dimensions make a stack.

    Raises
    ------
    PrefitError
        If there is no such wave, or the file is cut off or of another version.
    """
    raw = limited_bytes(path)
    return spectrum_of(path, list(_regions(path, raw)), settings)


def _regions(path: Path, raw: bytes) -> Iterator[RawRegion | PrefitError]:
    some = False
    for place, content in _records(path, raw):
        where = f"{path}, wave at byte {place}" if place else str(path)
        try:
            yield _region(str(path), _wave(where, content))
        except PrefitError as error:
            yield error
        some = True
    if not some:
        yield PrefitError(str(path), "the packed experiment holds no wave.")


def _records(path: Path, raw: bytes) -> Iterator[tuple[int, bytes]]:
    """Waves of a file, and where they begin."""
    if struct.unpack_from("<h", raw.ljust(2, b"\0"))[0] == _VERSION:
        yield 0, raw
        return
    place = 0
    while place + 8 <= len(raw):
        kind, _, length = struct.unpack_from("<HhI", raw, place)
        if place + 8 + length > len(raw):
            raise PrefitError(str(path), f"the record at byte {place} is cut off; the file is damaged.")
        if kind & 0x7FFF == _WAVE_RECORD:
            yield place + 8, raw[place + 8 : place + 8 + length]
        place += 8 + length


def _wave(where: str, raw: bytes) -> _Wave:
    if len(raw) < _HEADER:
        raise PrefitError(where, "its header is cut off.")
    version, _, _, formula, note, *units = struct.unpack_from("<hhiiiiiiii", raw)
    if version != _VERSION:
        raise PrefitError(where, f"it is of version {version}, and version 5 is read; save it with Igor 3 or newer.")
    points, kind = struct.unpack_from("<ih", raw, 76)
    dims = struct.unpack_from("<4i", raw, 132)
    steps, starts = struct.unpack_from("<4d", raw, 148), struct.unpack_from("<4d", raw, 180)
    shape = tuple(size for size in dims if size > 0)
    if kind not in _TYPES:
        raise PrefitError(where, f"its numbers are of type {kind}; real numbers are read.")
    size = points * np.dtype(_TYPES[kind]).itemsize
    if points < 1 or math.prod(shape) != points or _HEADER + size > len(raw) or min(formula, note, *units) < 0:
        raise PrefitError(where, f"{points} numbers are announced but not there; the file is cut off or damaged.")
    values = np.frombuffer(raw, _TYPES[kind], points, _HEADER).astype(float).reshape(shape[::-1])
    place = _HEADER + size + formula
    text = decoded(raw[place : place + note])
    told = {
        key.strip(): value.strip()
        for line in re.split(r"[\r\n]+", text)
        for key, equals, value in [line.partition("=")]
        if equals
    }
    place += note + units[0]
    names = []
    for length in units[1:]:
        names.append(decoded(raw[place : place + length]))
        place += length
    names = [
        name or decoded(raw[212 + 4 * i : 216 + 4 * i]).strip() for i, name in enumerate([*names, "", "", "", ""][:4])
    ]
    name = decoded(raw[92:124].partition(b"\0")[0])
    return _Wave(name, values, tuple(zip(names, starts, steps, strict=True))[: len(shape)], told)


def _region(source: str, wave: _Wave) -> RawRegion:
    where = f"{source}, wave {wave.name}"
    label, first, step = wave.scales[0]
    scale = f"{label} {wave.note.get('Energy Scale', '')}"
    if not (BINDING.search(scale) or KINETIC.search(scale)):
        raise PrefitError(where, f"its first dimension is '{label}', neither binding nor kinetic energy.")
    match = _UNITS.fullmatch(label)
    points = wave.values.shape[-1]
    with np.errstate(all="ignore"):
        energy = np.round(first + step * np.arange(points), 6)
    axes = tuple(_axis(*scale, size) for scale, size in zip(wave.scales[:0:-1], wave.values.shape[:-1], strict=True))
    note = wave.note
    return RawRegion(
        where=where,
        energy=in_electronvolts(where, energy, match[2] if match else "eV"),
        counts=wave.values,
        kinetic=not BINDING.search(scale),
        labels=(note.get("Region Name", ""), wave.name),
        photon_energy=number(note.get("Excitation Energy", "")),
        attrs=ses_attributes(note),
        axes=axes,
    )


def _axis(label: str, first: float, step: float, size: int) -> Axis:
    match = _UNITS.fullmatch(label)
    name, units = (match[1], match[2]) if match else (label, "")
    variable = re.sub(r"\W+", "_", name.lower()).strip("_") or "slice"
    return Axis(variable, first + step * np.arange(size), "" if units == "a.u." else units)
