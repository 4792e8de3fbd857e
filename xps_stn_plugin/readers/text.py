"""Text of files: decoding, lines, numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from xps_prefit_hooks import PrefitError

#: Largest file that is read as a whole, in bytes.
LARGEST_FILE: Final = 1_000_000_000
#: Largest number of scans that is believed.
_MOST: Final = 1e9


def file_lines(path: Path) -> list[str]:
    """Lines of a text file, whatever its encoding (UTF-8, UTF-16 with mark, else Windows-1252) and line ends.

    Raises
    ------
    PrefitError
        If the file cannot be opened.
    """
    # Not str.splitlines: it also breaks at form feeds and the like, and line numbers would no longer be an editor's.
    return file_text(path).split("\n")


def file_text(path: Path) -> str:
    """Text of a file with line feeds between its lines; encodings and errors as in `file_lines`."""
    return decoded(limited_bytes(path)).replace("\r\n", "\n").replace("\r", "\n")


def limited_bytes(path: Path) -> bytes:
    """Content of a file that may be held in memory.

    Raises
    ------
    PrefitError
        If the file cannot be opened, or is larger than any spectra are.
    """
    refuse_large(path)
    try:
        return path.read_bytes()
    except OSError as error:
        raise PrefitError(str(path), f"the file cannot be opened ({error.strerror or error}).") from error


def refuse_large(path: Path) -> None:
    """Refuse a file that is larger than any spectra are, before it is read.

    Raises
    ------
    PrefitError
        If it is, or cannot be opened.
    """
    try:
        size = path.stat().st_size
    except OSError as error:
        raise PrefitError(str(path), f"the file cannot be opened ({error.strerror or error}).") from error
    if size > LARGEST_FILE:
        message = f"the file has {size / 1e9:.1f} GB, more than the {LARGEST_FILE / 1e9:g} GB that are read at once."
        raise PrefitError(str(path), message)


def decoded(raw: bytes) -> str:
    """Text of bytes; NULs, with which some instruments pad labels, are dropped."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16", errors="replace")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("cp1252", errors="replace")
    return text.replace("\x00", "")


def number(text: str) -> float | None:
    """Return the number that a text is, or None."""
    try:
        # float() also takes 1_000, which no instrument writes.
        return None if "_" in text else float(text)
    except ValueError:
        return None


def whole(text: str, default: int) -> int:
    """Return the whole part of a number that a text is, or the default where it is none that can be counted to."""
    value = number(text)
    return int(value) if value is not None and 1.0 <= value <= _MOST else default


def no_number(path: Path | str, row: int, field: str) -> PrefitError:
    """Error that a row of a table holds something else than a finite number."""
    return PrefitError(
        str(path), f"row {row} holds '{field[:40]}' where a number should be; correct or remove the row."
    )
