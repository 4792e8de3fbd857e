"""Marks that identify files of this package, and whether they were changed.

A mark is the text `MARK` with the SHA-256 of the whole file in place of its zeros; the digest is that of the file with
the zeros. JSON has it as ``checksum``, CSV in the last column of the first row, HTML and SVG in their metadata, PDF
among its keywords. PNG gets a text chunk, a workbook the comment of its archive, HDF5 a line behind its
end, which HDF5 does not read.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import re
import zlib
from contextlib import closing
from pathlib import Path
from typing import Final, Literal

from .checksums import DIGITS, ZEROS, digest_with_blank

#: What a writer of text puts into its file, once; `seal` fills in the digest.
MARK: Final = f"xps-stn-plugin sha256:{ZEROS}"
#: Column of CSV files, and entry of JSON files, with the mark.
CHECKSUM: Final = "checksum"

_BLANK: Final = MARK.encode()
_MARK: Final = re.compile(rb"xps-stn-plugin sha256:([0-9a-f]{64})")
_PNG: Final = b"\x89PNG\r\n\x1a\n"
#: Of workbooks, which have the mark as the comment of their archive.
_ZIP: Final = b"PK\x03\x04"
_HDF5: Final = b"\x89HDF\r\n\x1a\n"
#: Length of a PNG's last chunk, which is empty, and of the number that checks a chunk.
_PNG_END, _PNG_CHECK = 12, 4
_PNG_KEYWORD: Final = b"Comment\x00"
#: Longest header of a safetensors file that is looked at, in bytes.
_LONGEST_HEADER: Final = 1 << 20
#: Largest file in bytes that is looked through for a mark; HDF5 may be larger, its mark is at the end.
_LARGEST: Final = 1 << 30
#: Where the schema of an HDF5 file with results stands, in bytes from its beginning.
_SCHEMA_WITHIN: Final = 1 << 20
_RESULTS: Final = re.compile(rb"xps-stn/(batch|stack|simulated)/")

Origin = Literal["foreign", "changed", "unchanged"]


def marked_json(text: str) -> str:
    """Add the entry ``checksum`` with a blank mark to the text of a JSON object that is not empty."""
    return f'{text.rstrip()[:-1].rstrip()},\n  "{CHECKSUM}": "{MARK}"\n}}\n'


def seal(path: Path) -> bool:
    """Fill in the mark of a file that was just written.

    Parameters
    ----------
    path : Path
        Text, SVG or PDF with a blank `MARK` in it, or any PNG or HDF5 file.

    Returns
    -------
    bool
        Whether the file has a mark now; other formats without a blank mark are left as they are.

    Raises
    ------
    OSError
        If the file cannot be read or written.
    """
    with path.open("r+b") as file:
        signature = file.read(len(_PNG))
        if signature == _PNG:
            file.seek(-_PNG_END, 2)
            end = file.read()
            text = _PNG_KEYWORD + _BLANK
            file.seek(-_PNG_END, 2)
            file.write(len(text).to_bytes(4, "big") + b"tEXt" + text + bytes(_PNG_CHECK) + end)
        elif signature == _HDF5:
            file.seek(0, 2)
            file.write(b"\n" + _BLANK)
        file.flush()
        if not file.seek(0, 2):
            return False
        with closing(mmap.mmap(file.fileno(), 0)) as content:
            offset = content.rfind(_BLANK) if signature in (_PNG, _HDF5) else content.find(_BLANK)
            if offset < 0:
                return False
            start = offset + len(_BLANK) - DIGITS
            content[start : start + DIGITS] = _digest(content, start).encode()
            if signature == _PNG:
                chunk = content[offset - len(_PNG_KEYWORD) - 4 : start + DIGITS]
                content[start + DIGITS : start + DIGITS + _PNG_CHECK] = zlib.crc32(chunk).to_bytes(4, "big")
            content.flush()
    return True


def origin(path: Path) -> Origin:
    """Tell whether this package wrote a file, and whether it is as it was written.

    An empty file, and a table of this package without any row, hold nothing that could be lost: they are unchanged.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    size = path.stat().st_size
    if not size:
        return "unchanged"
    with path.open("rb") as file:
        signature = file.read(len(_HDF5))
        if signature != _HDF5 and size > _LARGEST:
            return "foreign"
        with closing(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)) as content:
            if (
                signature != _HDF5
                and content.find(b"\n") == size - 1
                and content[:].endswith(f",{CHECKSUM}\n".encode())
            ):
                return "unchanged"
            state: Origin = "foreign"
            for start in _digest_offsets(content, signature == _HDF5):
                if content[start : start + DIGITS] == _digest(content, start).encode():
                    return "unchanged"
                state = "changed"
    if state == "foreign" and (_has_own_header(path) or _belongs_to_preset(path)):
        return "unchanged"
    return state


def holds_results(path: Path) -> bool:
    """Whether a picture, a page, a workbook or an HDF5 file has this package's mark and results in it, changed or not.

    A calibrated spectrum that this package wrote is a spectrum, not a result.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        signature = file.read(len(_HDF5))
        pictured = signature.lstrip().startswith((_PNG, b"%PDF", b"<?xml", b"<svg", b"<!DOCTY", _ZIP))
        if not size or size > _LARGEST or not (pictured or signature == _HDF5):
            return False
        with closing(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)) as content:
            if not any(True for _ in _digest_offsets(content, signature == _HDF5)):
                return False
            return pictured or _RESULTS.search(content[:_SCHEMA_WITHIN]) is not None


def _digest_offsets(content: mmap.mmap, at_end: bool) -> list[int]:
    """Find the offsets of the digests of marks."""
    if at_end:
        last = len(content) - len(_BLANK)
        return [last + len(_BLANK) - DIGITS] if last > 0 and _MARK.fullmatch(content[last:]) else []
    return [match.start(1) for match in _MARK.finditer(content)]


def _digest(content: mmap.mmap, start: int) -> str:
    """SHA-256 of a file with zeros for the digits that begin at `start`, and for the check of a PNG's chunk."""
    check = bytes(_PNG_CHECK) if content[: len(_PNG)] == _PNG else b""
    return digest_with_blank(content, start, ZEROS.encode() + check)


def _has_own_header(path: Path) -> bool:
    """Whether a file holds weights of this package; their own checksum is that of the tensors."""
    if path.suffix != ".safetensors":
        return False
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > _LONGEST_HEADER:
            return False
        try:
            return str(json.loads(file.read(length))["__metadata__"]["format"]).startswith("xps-stn/")
        except (ValueError, KeyError, TypeError):
            return False


def _belongs_to_preset(path: Path) -> bool:
    """Whether a table is the data of a preset of LG4X-V2 beside it, which holds the table's digest."""
    preset = path.with_suffix(".dat")
    if path.suffix != ".csv" or not preset.is_file() or origin(preset) != "unchanged":
        return False
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return digest.encode() in preset.read_bytes()
