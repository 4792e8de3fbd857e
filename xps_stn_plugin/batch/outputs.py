"""Names of what a batch writes, and how it is told from measured files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

SUMMARY: Final = "summary.csv"
STORE: Final = "spectra.h5"
SHEET: Final = "contact_sheet.html"
JSON_FOLDER: Final = "json"
#: Folder of the finished spectra in the folder of results.
RECORDS: Final = ".xps_stn_batch"

_OUTPUTS: Final = frozenset({SUMMARY, STORE, SHEET, JSON_FOLDER})
#: What the text files of this package start with: JSON of prefits and seeds, the summary, the table of components.
_HEAD: Final = re.compile(rb'\{\s*"schema": "xps-stn/|source,region,(status|component,groups),')


def is_own_output(folder: Path, name: str) -> bool:
    """Whether `name` is one of the outputs of a batch that wrote into `folder`."""
    return name in _OUTPUTS and (folder / RECORDS).is_dir()


def is_own_file(path: Path) -> bool:
    """Whether a text file was written by this package: its head says so. A file that cannot be read is not."""
    try:
        with path.open("rb") as file:
            return _HEAD.match(file.read(64)) is not None
    except OSError:
        return False
