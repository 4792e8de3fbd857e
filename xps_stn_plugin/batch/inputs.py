"""Input files of a batch."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from xps_prefit_hooks import PrefitError

from .outputs import is_own_file

_WILDCARDS: Final = frozenset("*?[")


def find_inputs(paths: Iterable[str | os.PathLike[str]], out: Path | None = None) -> list[Path]:
    """Find the files to work on.

    A file that is named is taken as it is, whatever it holds. Of a folder, and of the folders in it, every regular file
    is taken, but hidden ones and what this package has written.

    Parameters
    ----------
    paths : iterable of path
        Files, folders, and patterns such as ``data/*.vms`` or ``data/**/*.vms``.
    out : Path, optional
        Folder for the results, which is left out where it lies in one of the folders.

    Returns
    -------
    list of Path
        Each file once, in natural order (``level2`` before ``level10``).

    Raises
    ------
    PrefitError
        If a path does not exist, a pattern fits nothing, or there is no file at all: a slip is better told at once
        than after a night's work.
    """
    named = [Path(path) for path in paths]
    files: dict[Path, Path] = {}
    for path in named:
        for file in _files(path, out):
            files.setdefault(file.resolve(), file)
    if not files:
        raise PrefitError(", ".join(map(str, named)) or "batch", "there is no file to process; name files or a folder.")
    return sorted(files.values(), key=_natural)


def _files(path: Path, out: Path | None) -> Iterator[Path]:
    if path.is_dir():
        yield from _in_folder(path, out)
    elif path.is_file():
        yield path
    elif path.exists():
        raise PrefitError(str(path), "this is a device or a pipe; name a file or a folder.")
    elif _WILDCARDS & set(str(path)):
        matches = list(_matches(path))
        if not matches:
            raise PrefitError(str(path), "no file fits this pattern.")
        for match in matches:
            if match.is_dir():
                yield from _in_folder(match, out)
            elif match.is_file() and not is_own_file(match):
                yield match
    else:
        raise PrefitError(str(path), "there is no such file or folder.")


def _matches(pattern: Path) -> Iterator[Path]:
    parts = pattern.parts
    first = next(number for number, part in enumerate(parts) if _WILDCARDS & set(part))
    return Path(*parts[:first]).glob(str(Path(*parts[first:])))


def _in_folder(folder: Path, out: Path | None) -> Iterator[Path]:
    excluded = None if out is None else out.resolve()

    def complain(error: OSError) -> None:
        raise PrefitError(str(error.filename), f"the folder cannot be read ({error.strerror or error}).") from error

    for directory, folders, files in os.walk(folder, onerror=complain):
        parent = Path(directory)
        folders[:] = [name for name in folders if not name.startswith(".") and (parent / name).resolve() != excluded]
        for name in files:
            path = parent / name
            # A pipe would wait for a writer for ever.
            if not name.startswith(".") and path.is_file() and not is_own_file(path):
                yield path


def _natural(path: Path) -> tuple[list[tuple[int, int, str]], str]:
    """Order of text with numbers in it by their values; the text itself where they are alike (``01`` and ``1``)."""
    parts = re.split(r"([0-9]+)", path.as_posix())
    return [(1, int(part), "") if part.isdecimal() else (0, 0, part) for part in parts if part], path.as_posix()
