"""The folder of finished files: one small file each, whole or not there."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from xps_prefit_hooks import PrefitError

from ..files import half_written, write_whole
from .outputs import JSON_FOLDER, RECORDS
from .record import DamagedRecordError, Record, decode

_SUFFIX: Final = ".record"
#: What an interrupted run left half written is cleared away when nobody has touched it for so long, in seconds.
_STALE: Final = 600.0


class Records:
    """Finished files by key.

    Parameters
    ----------
    out : Path
        Folder for the results; it is made where it is missing.

    Raises
    ------
    PrefitError
        If the folder cannot be made or written to.
    """

    def __init__(self, out: Path) -> None:
        self.folder = out / RECORDS
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._clear()
        except OSError as error:
            raise PrefitError(str(out), f"cannot hold the results: {error.strerror or error}.") from error
        if not os.access(self.folder, os.W_OK | os.X_OK):
            raise PrefitError(str(out), "cannot hold the results: the folder is read-only; choose another.")

    def put(self, key: str, data: bytes) -> None:
        """File a record's bytes; when this returns they are on the disk.

        Raises
        ------
        PrefitError
            If the disk is full or the folder cannot be written to any more.
        """

        def write(temporary: Path) -> None:
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())

        write_whole(self._path(key), write)

    def get(self, key: str) -> Record | None:
        """Record by its key; None where there is none, or where it is damaged, so that its work is done again."""
        try:
            return decode(self._path(key).read_bytes())
        except (FileNotFoundError, DamagedRecordError):
            return None
        except OSError as error:
            raise PrefitError(str(self._path(key)), f"cannot be read: {error.strerror or error}.") from error

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}{_SUFFIX}"

    def _clear(self) -> None:
        """Remove what a killed run left half written; another run that is writing now keeps its own."""
        out = self.folder.parent
        for folder in (self.folder, out, out / JSON_FOLDER):
            for path in half_written(folder):
                # Whoever writes it may be ready just now.
                with suppress(FileNotFoundError):
                    if time.time() - path.stat().st_mtime > _STALE:
                        path.unlink()
