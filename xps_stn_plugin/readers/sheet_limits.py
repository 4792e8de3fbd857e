"""Limits of workbooks, looked at before a library reads them: sizes when unpacked, and how far cells lie apart.

calamine makes a rectangle of all cells from the first to the last, so that two cells in opposite corners of a sheet
would take hundreds of gigabytes.
"""

from __future__ import annotations

import re
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Final

from xps_prefit_hooks import PrefitError

from .ole_properties import OLE_ERRORS
from .text import refuse_large

#: Largest size of all parts of a workbook when they are unpacked, in bytes.
MOST_UNPACKED: Final = 200_000_000
#: Most cells of the rectangle that holds all cells of a sheet.
MOST_CELLS: Final = 5_000_000
_MOST_PARTS: Final = 2000
_CHUNK: Final = 1 << 20
_REFERENCE = re.compile(
    rb'<(?:\w+:)?(?:c|row|dimension)\s[^>]{0,200}?\br(?:ef)?="(?:[A-Z]{1,4}\d{0,8}:)?([A-Z]{0,4})(\d{1,8})"'
)
#: Records of BIFF that hold cells: row and column are their first two words.
_CELLS: Final = frozenset((0x0001, 0x0002, 0x0003, 0x0004, 0x0005, 0x0006, 0x00BD, 0x00BE, 0x00D6, 0x00FD,
                           0x0201, 0x0203, 0x0204, 0x0205, 0x0206, 0x027E, 0x0406))  # fmt: skip


def refuse_hostile(path: Path) -> None:
    """Refuse a workbook that would take more memory than any table of spectra.

    Raises
    ------
    PrefitError
        If it is larger than the limits or damaged.
    """
    refuse_large(path)
    if zipfile.is_zipfile(path):
        _refuse_large_parts(path)
    else:
        _refuse_far_records(path)


def _refuse_large_parts(path: Path) -> None:
    total = 0
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
            if len(parts) > _MOST_PARTS:
                raise PrefitError(str(path), f"the workbook has {len(parts)} parts, more than any has; save it again.")
            for part in parts:
                total += part.file_size
                if total > MOST_UNPACKED:
                    message = (
                        f"the workbook holds more than {MOST_UNPACKED // 10**6} MB when unpacked; export it as text."
                    )
                    raise PrefitError(str(path), message)
            for part in parts:
                _refuse_far_cells(path, archive, part)
    except (zipfile.BadZipFile, zlib.error, OSError, NotImplementedError, RuntimeError, EOFError, ValueError) as error:
        message = f"the workbook is damaged or protected ({str(error)[:80]}); save it again."
        raise PrefitError(str(path), message) from None


def _refuse_far_cells(path: Path, archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> None:
    """Read a part to its end, so that its true size and its checksum are known; look at the references of a sheet."""
    is_sheet = "sheet" in part.filename.lower() and part.filename.lower().endswith(".xml")
    rows = columns = 1
    rest = b""
    with archive.open(part) as file:
        while chunk := file.read(_CHUNK):
            if is_sheet:
                text = rest + chunk
                for match in _REFERENCE.finditer(text):
                    rows = max(rows, int(match[2]))
                    columns = max(columns, _column(match[1]))
                rest = text[-300:]
    if rows * columns > MOST_CELLS:
        raise _too_far(path, rows, columns)


def _column(letters: bytes) -> int:
    value = 0
    for letter in letters:
        value = 26 * value + letter - 64
    return value


def _too_far(path: Path, rows: int, columns: int) -> PrefitError:
    message = f"the cells of a sheet reach to row {rows} and column {columns}, more than {MOST_CELLS} cells"
    return PrefitError(str(path), f"{message}; delete what lies far from the table.")


def _refuse_far_records(path: Path) -> None:
    import olefile

    try:
        with olefile.OleFileIO(str(path)) as container:
            name = next((name for name in ("Workbook", "Book") if container.exists(name)), None)
            if name is None:
                raise PrefitError(str(path), "the OLE container is not a workbook; export it as VAMAS or text.")
            if container.get_size(name) > MOST_UNPACKED:
                raise PrefitError(str(path), "the workbook is too large; export it as text.")
            with container.openstream(name) as stream:
                data = stream.read()
    except OLE_ERRORS as error:
        raise PrefitError(str(path), f"the workbook is damaged ({str(error)[:80]}); save it again.") from None
    place, rows, columns = 0, 1, 1
    while place + 8 <= len(data):
        kind, length, row, column = struct.unpack_from("<4H", data, place)
        if kind in _CELLS:
            rows, columns = max(rows, row + 1), max(columns, column + 1)
        place += 4 + length
    if rows * columns > MOST_CELLS:
        raise _too_far(path, rows, columns)
