"""Names of output files, made from those of measured files: valid on every file system, and each different."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Container, Iterable
from pathlib import Path
from typing import Final

#: Most bytes (UTF-8) of a name, which leaves room for endings: file systems take 255, encrypted ones 143.
_LONGEST: Final = 110
_DIGEST: Final = 8
#: What Windows or HDF5 do not take in a name, control characters, and bytes that are not UTF-8 (lone surrogates).
_FORBIDDEN: Final = re.compile(r'[\x00-\x1f\x7f-\x9f<>:"/\\|?*\u2028\u2029\ud800-\udfff]')
#: Names of devices on Windows, with whatever ending.
_RESERVED: Final = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)


def output_name(stem: str) -> str:
    """Make the name of a measured file's outputs.

    Characters that some file system does not take become ``_``, and so do dots at the beginning; dots and blanks at the
    end go; names of Windows's devices get a ``_`` before them. Of a name that is too long the beginning stays, with
    digits that tell it from others.

    Parameters
    ----------
    stem : str
        Name of the measured file without its suffix.

    Returns
    -------
    str
        Never empty.
    """
    name = _FORBIDDEN.sub("_", stem).rstrip(". ")
    name = re.sub(r"^\.+", "_", name) or "_"
    if _RESERVED.match(name):
        name = f"_{name}"
    if len(name.encode()) > _LONGEST:
        digest = hashlib.sha256(stem.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST]
        while len(name.encode()) > _LONGEST - _DIGEST - 1:
            name = name[:-1]
        name = f"{name.rstrip('. ')}-{digest}"
    return name


def name_key(name: str) -> str:
    """Key that is the same for names which some file system does not tell apart: by case, or by composed letters."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def distinct_name(name: str, keys: Container[str]) -> str:
    """Return a name, with ``_2``, ``_3``, ... behind it where its key is among those given."""
    number, distinct = 1, name
    while name_key(distinct) in keys:
        number += 1
        distinct = f"{name}_{number}"
    return distinct


def output_names(files: Iterable[Path]) -> dict[Path, str]:
    """Name of each file's outputs, different from all others."""
    names: dict[Path, str] = {}
    keys: set[str] = set()
    for file in files:
        if file not in names:
            names[file] = distinct_name(output_name(file.stem), keys)
            keys.add(name_key(names[file]))
    return names
