"""What a batch wrote last, so that a run that finds nothing new writes nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from .._util.files import write_whole
from .outputs import JSON_FOLDER, RECORDS

_NAME: Final = "written.json"


@dataclass(frozen=True)
class Written:
    """Outputs of a batch.

    Parameters
    ----------
    files : tuple of Path
        What was written; the folder of JSON files counts as one.
    failed : frozenset of str
        Names of the spectra of which an output could not be written.
    """

    files: tuple[Path, ...]
    failed: frozenset[str]


def digest_of(content: Any) -> str:
    """SHA-256 of plain values that decide what the outputs hold."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


def written_before(out: Path, digest: str) -> Written | None:
    """Find the outputs of an earlier run that hold the same; None where one failed then, or was changed since.

    Parameters
    ----------
    out : Path
        Folder of the results.
    digest : str
        From `digest_of`.
    """
    try:
        content: Mapping[str, Any] = json.loads((out / RECORDS / _NAME).read_bytes())
        files = tuple(out / name for name in content["files"])
        if content["digest"] != digest or content["stamps"] != _stamps(files):
            return None
        return Written(files, frozenset())
    except (OSError, ValueError, LookupError, TypeError):
        # Nothing was noted, or not by this version: all is written anew.
        return None


def note_written(out: Path, digest: str, written: Written) -> None:
    """Note what was written, where nothing failed."""
    note = {
        "digest": digest,
        "files": [path.name for path in written.files],
        "stamps": _stamps(written.files),
    }
    write_whole(out / RECORDS / _NAME, lambda temporary: _write(temporary, json.dumps(note)), overwrite=True)


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="ascii")


def _stamps(files: Iterable[Path]) -> dict[str, list[int]]:
    """Size in bytes and time of the last change in ns of every file, also of those in the folder of JSON files."""
    stamps = {}
    for path in files:
        for file in sorted(path.iterdir()) if path.name == JSON_FOLDER else [path]:
            stat = file.lstat()
            stamps[f"{path.name}/{file.name}"] = [stat.st_size, stat.st_mtime_ns, stat.st_ino]
    return stamps
