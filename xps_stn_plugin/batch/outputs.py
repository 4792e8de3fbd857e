"""Names of the outputs of a batch, and how they are distinguished from measured files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from .._util.marks import holds_results

SUMMARY: Final = "summary.csv"
STORE: Final = "spectra.h5"
SHEET: Final = "contact_sheet.html"
JSON_FOLDER: Final = "json"
#: Folder of the finished spectra in the folder of results.
RECORDS: Final = ".xps_stn_batch"

#: What the text files of this package start with: JSON of prefits and seeds, the summary, the table of components.
_HEAD: Final = re.compile(rb'\{\s*"schema": "xps-stn/|source,region,(status|component,groups),')


def is_own_file(path: Path) -> bool:
    """Whether a file holds results of this package, whoever may have changed them since; its name does not matter.

    A calibrated spectrum that it wrote is a spectrum. A file that cannot be read is none of its own.
    """
    try:
        with path.open("rb") as file:
            return _HEAD.match(file.read(64)) is not None or holds_results(path)
    except OSError:
        return False
