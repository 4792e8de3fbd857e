"""Property sets of OLE files: numbers and texts by their identifiers ([MS-OLEPS]); olefile reads no real numbers."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Final

#: What olefile raises for damaged containers, some of which claim sizes that nothing has.
OLE_ERRORS: Final = (OSError, ValueError, TypeError, IndexError, OverflowError, MemoryError, struct.error)
_MOST: Final = 10_000
_LONGEST: Final = 4096
_FORMATS: Final[Mapping[int, str]] = {2: "<h", 3: "<i", 4: "<f", 5: "<d", 19: "<I"}


def _text(wide: bool) -> Callable[[bytes, int], str]:
    def read(data: bytes, place: int) -> str:
        (length,) = struct.unpack_from("<I", data, place)
        raw = data[place + 4 : place + 4 + min(length, _LONGEST) * (2 if wide else 1)]
        return raw.decode("utf-16-le" if wide else "cp1252", errors="replace").partition("\0")[0].strip()

    return read


_TEXTS: Final[Mapping[int, Callable[[bytes, int], str]]] = {30: _text(False), 31: _text(True)}


def properties(data: bytes) -> dict[int, float | str]:
    """Read the numbers and texts of a stream's first property set; what is damaged or of another type is left out."""
    known: dict[int, float | str] = {}
    try:
        (begin,) = struct.unpack_from("<I", data, 44)
        _, count = struct.unpack_from("<II", data, begin)
        for i in range(min(count, _MOST)):
            identifier, offset = struct.unpack_from("<II", data, begin + 8 + 8 * i)
            (kind,) = struct.unpack_from("<I", data, begin + offset)
            if kind in _FORMATS:
                known[identifier] = struct.unpack_from(_FORMATS[kind], data, begin + offset + 4)[0]
            elif kind in _TEXTS:
                known[identifier] = _TEXTS[kind](data, begin + offset + 4)
    except struct.error:
        return known
    return known
