"""The folder of finished files: one small file each, whole or not there."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import Final

from filelock import FileLock, Timeout

from xps_prefit_hooks import PrefitError

from .._util.files import half_written, write_whole
from .outputs import JSON_FOLDER, RECORDS, SHEET, STORE, SUMMARY
from .record import DamagedRecordError, Record, decode

_SUFFIX: Final = ".record"
#: Who holds this file's lock writes to the folder; the system lets go of it when a process ends, however it ends.
_LOCK: Final = ".lock"


class Records:
    """Finished files by key, for one batch at a time: a context.

    Parameters
    ----------
    out : Path
        Folder for the results; it is made where it is missing.
    """

    def __init__(self, out: Path) -> None:
        self.folder = out / RECORDS
        self._lock = FileLock(self.folder / _LOCK)

    def __enter__(self) -> Records:
        """Take the folder, and clear away what a killed batch left half written.

        Raises
        ------
        PrefitError
            If the folder cannot be made or written to, or another batch has it.
        """
        out = self.folder.parent
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if not os.access(self.folder, os.W_OK | os.X_OK):
                raise PrefitError(str(out), "cannot store the results: the folder is read-only; choose another.")
            self._lock.acquire(blocking=False)
            try:
                self._clear()
            except BaseException:
                # Without a context nobody else would.
                self._lock.release()
                raise
        except Timeout:
            msg = "another batch is writing its results there; wait for its end, or choose another folder."
            raise PrefitError(str(out), msg) from None
        except OSError as error:
            raise PrefitError(str(out), f"cannot store the results: {error.strerror or error}.") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Leave the folder to others."""
        self._lock.release()

    def put(self, key: str, data: bytes) -> None:
        """File a record's bytes; when this returns they are on the disk.

        Raises
        ------
        PrefitError
            If the disk is full or the folder cannot be written to any more.
        """

        def write(temporary: Path) -> None:
            temporary.write_bytes(data)

        # The folder is this package's own; a record that is there is one that did not count.
        write_whole(self._path(key), write, overwrite=True)

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
        out = self.folder.parent
        for folder in (self.folder, out / JSON_FOLDER):
            for path in half_written(folder):
                path.unlink()
        # Others may write into the folder of results, too.
        output_prefixes = tuple(f".{Path(name).stem}-" for name in (SUMMARY, STORE, SHEET))
        for path in half_written(out):
            if path.name.startswith(output_prefixes):
                path.unlink()
