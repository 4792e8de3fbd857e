"""Files are written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from xps_prefit_hooks import PrefitError


def write_whole(path: Path, write: Callable[[Path], None]) -> None:
    """Write a file beside its place and move it there when it is complete.

    Parameters
    ----------
    path : Path
        The file to make or replace.
    write : callable
        ``write(temporary)`` writes the whole content to `temporary`, a new empty file in the same folder with the suffix
        of `path`.

    Raises
    ------
    PrefitError
        If the folder is missing or read-only, the disk is full, or `path` is a folder. The temporary file is removed and
        an older file at `path` stays as it was; this holds for any other error raised by `write`, too.
    """
    path = Path(path)
    if path.is_dir():
        raise PrefitError(str(path), "this is a folder; give the name of a file.")
    if not path.parent.is_dir():
        raise PrefitError(str(path), f"the folder {path.parent} does not exist; make it or choose another.")
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
    except OSError as error:
        raise PrefitError(str(path), f"cannot be written: {_reason(error)}.") from error
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        temporary.chmod(_mode(path))
        temporary.replace(path)
    except OSError as error:
        raise PrefitError(str(path), f"cannot be written: {_reason(error)}.") from error
    finally:
        temporary.unlink(missing_ok=True)


def _reason(error: OSError) -> str:
    return error.strerror or str(error) or type(error).__name__


def _mode(path: Path) -> int:
    """Permissions of the file that is replaced, or those that a new file would get (mkstemp gives 0600)."""
    if path.exists():
        return path.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
