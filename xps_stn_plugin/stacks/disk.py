"""HDF5 files on a disk that may be full.

HDF5 keeps what it could not write and tries again whatever it closes; h5py tells each time, also where nobody can
catch it. So it is not told: what the disk does not take is kept in memory, and whoever writes asks now and then.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import h5py


class Disk(FileIO):
    """A file that takes everything, and says when it is asked that it could not.

    Parameters
    ----------
    path : Path
        It is written from the beginning.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, "w+b")
        self._error: BaseException | None = None
        self._kept: list[tuple[int, bytes]] = []

    def check(self) -> None:
        """Raise the first error, if there was one: an `OSError` of the disk, or `KeyboardInterrupt`."""
        if self._error is not None:
            raise self._error

    def write(self, data: Any, /) -> int:
        """Write all of some bytes, or keep them."""
        content, start = memoryview(data).cast("B"), self.tell()
        if self._error is None:
            try:
                done = 0
                while done < len(content):
                    done += super().write(content[done:]) or 0
            except BaseException as error:  # noqa: BLE001 (nothing gets through HDF5 unharmed, Ctrl-C neither)
                self._error = error
        if self._error is not None:
            self._kept.append((start, bytes(content)))
            self.seek(start + len(content))
        return len(content)

    def readinto(self, buffer: Any, /) -> int:
        """Read what was written or kept; zeros where nothing was."""
        content, start = memoryview(buffer).cast("B"), self.tell()
        done = 0
        while part := super().readinto(content[done:]):
            done += part
        content[done:] = bytes(len(content) - done)
        for place, kept in self._kept:
            low, high = max(place, start), min(place + len(kept), start + len(content))
            if low < high:
                content[low - start : high - start] = kept[low - place : high - place]
        self.seek(start + len(content))
        return len(content)

    def truncate(self, size: int | None = None, /) -> int:
        """Cut the file, or make it longer."""
        if self._error is None:
            try:
                return super().truncate(size)
            except BaseException as error:  # noqa: BLE001 (as above)
                self._error = error
        return self.tell() if size is None else size


@contextmanager
def new_file(path: Path) -> Iterator[tuple[h5py.File, Disk]]:
    """Open an HDF5 file to write it from the beginning.

    Yields
    ------
    file : h5py.File
    disk : Disk
        To be asked between what is written.

    Raises
    ------
    OSError
        When the context ends, if the disk did not take everything.
    """
    import h5py

    with Disk(path) as disk:
        with h5py.File(disk, "w") as file:
            yield file, disk
        disk.check()
