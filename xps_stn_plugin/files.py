"""Files are written whole or not at all, and never over measured ones."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

from xps_prefit_hooks import PrefitError

#: Names under which `write_whole` writes.
_TEMPORARY: Final = re.compile(r"\..*-[0-9a-f]{32}(\.[^.]*)?")


def write_whole(path: Path, write: Callable[[Path], None]) -> None:
    """Write a file beside its place and move it there when it is complete.

    Parameters
    ----------
    path : Path
        The file to make or replace; a link is followed.
    write : callable
        ``write(temporary)`` writes the whole content to `temporary`, a new empty file in the same folder with the
        suffix of `path`.

    Raises
    ------
    PrefitError
        If the folder is missing or read-only, the disk is full, or `path` is no regular file. The temporary file is
        removed and an older file at `path` stays as it was; this holds for any other error raised by `write`, too.
    """
    target = Path(path).resolve()
    if target.exists() and not target.is_file():
        raise PrefitError(str(path), "this is a folder or a device; give the name of a file.")
    if not target.parent.is_dir():
        raise PrefitError(str(path), f"the folder {target.parent} does not exist; make it or choose another.")
    temporary = target.with_name(f".{target.stem}-{uuid.uuid4().hex}{target.suffix}")
    try:
        temporary.touch(exist_ok=False)
        write(temporary)
        if target.exists():
            temporary.chmod(target.stat().st_mode & 0o777)
        temporary.replace(target)
    except OSError as error:
        raise PrefitError(str(path), f"cannot be written: {error.strerror or error}.") from error
    finally:
        temporary.unlink(missing_ok=True)


def half_written(folder: Path) -> Iterator[Path]:
    """Find what `write_whole` is writing in a folder now, or left there because its process was killed."""
    if folder.is_dir():
        yield from (path for path in folder.iterdir() if _TEMPORARY.fullmatch(path.name))


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file as `write_whole` does.

    Raises
    ------
    PrefitError
        As `write_whole`.
    """

    def write(temporary: Path) -> None:
        temporary.write_text(text, encoding="utf-8")

    write_whole(path, write)


def refuse_measured(path: Path, measured: Iterable[Path]) -> None:
    """Refuse to write over a measured file.

    Raises
    ------
    PrefitError
        If `path` is one of `measured`, under whatever name.
    """
    if path.exists() and any(source.exists() and path.samefile(source) for source in measured):
        raise PrefitError(str(path), "this is the measured file itself; choose another name.")
