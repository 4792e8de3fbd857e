"""Writing of files: whole or not at all, and never over the user's own files.

A file that exists is replaced only if this package wrote it and nobody has changed it since (`marks`), or if the user
says so. A link is never written through: it is refused, or itself replaced where the user says so. A file that is an
input of the same run is never replaced.
"""

from __future__ import annotations

import csv
import filecmp
import os
import re
import shutil
import stat
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from xps_prefit_hooks import PrefitError

from .marks import CHECKSUM, MARK, marked_json, origin, seal

#: Whether files may be replaced that are not this package's: all, none, or these.
Overwrite = bool | Collection[Path]

#: Beginnings of text that spreadsheets take for a formula.
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")

#: Names under which `write_whole` and `write_all` write.
_TEMPORARY: Final = re.compile(r"\..*-[0-9a-f]{32}(\.[^.]*)?", re.DOTALL)
#: Characters of the stem and of the suffix that are in such a name: file systems take 255 bytes.
_STEM, _SUFFIX = 24, 16

_FORCE: Final = "choose another name, or let it be replaced (--force; in Python overwrite=True)."


def check_target(path: Path, *, overwrite: Overwrite = False, inputs: Iterable[Path] = ()) -> None:
    """Refuse to write where something of the user's would be lost; nothing is written.

    Parameters
    ----------
    path : Path
        The file to be made.
    overwrite : bool or collection of Path
        Whether the user wants a file or link to be replaced that is not this package's, or for which paths.
    inputs : iterable of Path
        Files of the same run that are never replaced.

    Raises
    ------
    PrefitError
        If there is one of `inputs` (under whatever name), a folder or a device, or, without `overwrite`, a link, or a
        file that another program wrote or that was changed since this package wrote it.
    """
    refuse_measured(path, inputs)
    mode = _mode(path)
    if mode is None:
        return
    replaceable = overwrite if isinstance(overwrite, bool) else path in overwrite
    if stat.S_ISLNK(mode):
        if not replaceable:
            raise PrefitError(str(path), f"this is a link, which is not written through; {_FORCE}")
        return
    if not stat.S_ISREG(mode):
        raise PrefitError(str(path), "this is a folder or a device; give the name of a file.")
    if replaceable:
        return
    try:
        source = origin(path)
    except OSError as error:
        msg = f"exists and cannot be read ({error.strerror or error}); {_FORCE}"
        raise PrefitError(str(path), msg) from error
    if source == "foreign":
        raise PrefitError(str(path), f"exists already and was not written by this program; {_FORCE}")
    if source == "changed":
        raise PrefitError(str(path), f"was changed after this program had written it; {_FORCE}")


def refuse_measured(path: Path, measured: Iterable[Path]) -> None:
    """Refuse to write over a measured file.

    Raises
    ------
    PrefitError
        If `path` is one of `measured`, under whatever name.
    """
    for source in measured:
        try:
            is_same = path.samefile(source)
        except (OSError, ValueError):
            # One of the two is not there.
            continue
        if is_same:
            raise PrefitError(str(path), "this is the measured file itself; choose another name.")


def write_whole(
    path: Path,
    write: Callable[[Path], None],
    *,
    overwrite: Overwrite = False,
    inputs: Iterable[Path] = (),
    durable: bool = True,
) -> None:
    """Write a file beside its place and move it there when it is complete.

    Parameters
    ----------
    path : Path
        The file to make or replace.
    write : callable
        ``write(temporary)`` writes the whole content to `temporary`, a new empty file in the same folder with the
        suffix of `path`. A blank `marks.MARK` in it is filled in.
    overwrite, inputs
        As for `check_target`.
    durable : bool
        Whether file and name are on the disk when this returns, so that a power cut does not take them.

    Raises
    ------
    PrefitError
        As `check_target`, or if the folder is missing or read-only, or the disk is full. The temporary file is removed
        and an older file at `path` stays as it was; this holds for any other error raised by `write`, too.
    """
    path = Path(path)
    inputs = tuple(inputs)
    check_target(path, overwrite=overwrite, inputs=inputs)
    _refuse_missing_folder(path)
    temporary = path.with_name(_temporary_name(path, path.suffix[:_SUFFIX]))
    try:
        temporary.touch(exist_ok=False)
        write(temporary)
        seal(temporary)
        _move_to_target(temporary, path, overwrite, inputs, durable)
    except OSError as error:
        raise PrefitError(str(path), f"cannot be written: {error.strerror or error}.") from error
    finally:
        temporary.unlink(missing_ok=True)


def write_all(
    path: Path, write: Callable[[Path], None], *, overwrite: Overwrite = False, inputs: Iterable[Path] = ()
) -> None:
    """Let somebody write a file, and others beside it, into a folder of their own, and move all to their place.

    Parameters
    ----------
    path : Path
        The file to make or replace.
    write : callable
        ``write(place)`` writes a file of the same name in another folder, and what else belongs to it beside it.
    overwrite, inputs
        As for `check_target`.

    Raises
    ------
    PrefitError
        As `write_whole`; then none of the files is written.
    """
    inputs = tuple(inputs)
    check_target(path, overwrite=overwrite, inputs=inputs)
    _refuse_missing_folder(path)
    folder = path.with_name(_temporary_name(path, ""))
    try:
        folder.mkdir()
        write(folder / path.name)
        written_files = [(file, path.with_name(file.name)) for file in sorted(folder.iterdir())]
        for file, target in written_files:
            if not _is_there(file, target):
                check_target(target, overwrite=overwrite, inputs=inputs)
            if file.is_file() and origin(file) != "unchanged":
                seal(file)
        # The file that was asked for comes last: where it is, the others are.
        for file, target in sorted(written_files, key=lambda pair: pair[1] == path):
            _move_to_target(file, target, overwrite, inputs, durable=True)
    except PrefitError as error:
        texts = [
            text.replace(str(folder / path.name), str(path)).replace(str(folder), str(path.parent))
            for text in (error.culprit, error.message)
        ]
        raise type(error)(*texts) from error.__cause__
    except OSError as error:
        raise PrefitError(str(path), f"cannot be written: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def make_folder(path: Path) -> Path:
    """Make a folder for outputs, and those that it is in, where they are missing.

    Raises
    ------
    PrefitError
        If it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise PrefitError(str(path), f"the folder cannot be made: {reason}.") from error
    return path


def half_written(folder: Path) -> Iterator[Path]:
    """Find what `write_whole` is writing in a folder now, or left there because its process was killed."""
    if folder.is_dir():
        yield from (path for path in folder.iterdir() if _TEMPORARY.fullmatch(path.name) and path.is_file())


def write_text(
    path: Path, text: str, *, overwrite: Overwrite = False, inputs: Iterable[Path] = (), durable: bool = True
) -> None:
    r"""Write a UTF-8 text file as `write_whole` does; bytes of file names that are not UTF-8 become ``\udcff``.

    Raises
    ------
    PrefitError
        As `write_whole`.
    """

    def write(temporary: Path) -> None:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")

    write_whole(path, write, overwrite=overwrite, inputs=inputs, durable=durable)


def write_json(
    path: Path, text: str, *, overwrite: Overwrite = False, inputs: Iterable[Path] = (), durable: bool = True
) -> None:
    """Write the text of a JSON object with the entry ``checksum``, as `write_text` does."""
    write_text(path, marked_json(text), overwrite=overwrite, inputs=inputs, durable=durable)


def write_csv(
    path: Path,
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    overwrite: Overwrite = False,
    inputs: Iterable[Path] = (),
) -> None:
    """Write a table with a header and the column ``checksum``, as `write_whole` does.

    Text that a spreadsheet would take for a formula gets an apostrophe before it.

    Raises
    ------
    PrefitError
        As `write_whole`.
    """

    def write(temporary: Path) -> None:
        with temporary.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow((*columns, CHECKSUM))
            for number, row in enumerate(rows):
                table.writerow((*map(plain_cell, row), "" if number else MARK))

    write_whole(path, write, overwrite=overwrite, inputs=inputs)


def plain_cell(text: str) -> str:
    """Text that no spreadsheet takes for a formula; numbers stay as they are."""
    if not text.startswith(FORMULA):
        return text
    try:
        float(text)
    except ValueError:
        return f"'{text}"
    return text


def refuse_special(path: Path) -> None:
    """Refuse to read a pipe, a device or a socket: it can be read once only, or keeps a reader waiting for ever.

    Raises
    ------
    PrefitError
        If `path` is one of them.
    """
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        # Whoever opens it says what is wrong.
        return
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        kind = "pipe" if stat.S_ISFIFO(mode) else "socket" if stat.S_ISSOCK(mode) else "device"
        raise PrefitError(str(path), f"this is a {kind}, not a file; write its content to a file and name that.")


def _mode(path: Path) -> int | None:
    """Mode of what is at a path, a link's own; None where there is nothing."""
    try:
        return path.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise PrefitError(str(path), f"cannot be written: {getattr(error, 'strerror', None) or error}.") from error


def _refuse_missing_folder(path: Path) -> None:
    if not path.parent.is_dir():
        raise PrefitError(str(path), f"the folder {path.parent.absolute()} does not exist; make it or choose another.")


def _temporary_name(path: Path, suffix: str) -> str:
    return f".{path.stem[:_STEM]}-{uuid.uuid4().hex}{suffix}"


def _move_to_target(temporary: Path, path: Path, overwrite: Overwrite, inputs: tuple[Path, ...], durable: bool) -> None:
    """Move a file that is complete to its place; where the same is there already, it stays."""
    if _is_there(temporary, path):
        return
    # Time has passed since the first look.
    check_target(path, overwrite=overwrite, inputs=inputs)
    mode = _mode(path)
    if mode is not None and stat.S_ISREG(mode):
        temporary.chmod(stat.S_IMODE(mode) & 0o777)
    if durable and temporary.is_file():
        _to_disk(temporary)
    temporary.replace(path)
    if durable:
        _to_disk(path.parent)


def _is_there(file: Path, path: Path) -> bool:
    """Whether there is a file, and no link to one, of the same content."""
    mode = _mode(path)
    return mode is not None and stat.S_ISREG(mode) and file.is_file() and filecmp.cmp(file, path, shallow=False)


def _to_disk(path: Path) -> None:
    """Have a file's content, or a folder's names, on the disk; Windows opens no folders, and needs not to."""
    if os.name == "nt":
        if path.is_file():
            with path.open("rb+") as file:
                os.fsync(file.fileno())
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
