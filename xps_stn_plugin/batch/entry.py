"""One input of a batch with what came of it, as the outputs take it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

import msgspec

from ..export.report import Report
from .record import Record


@dataclass(frozen=True)
class Entry:
    """One file of a batch.

    Parameters
    ----------
    name : str
        Name in the store and of the JSON file: the file's stem, made different where two are alike.
    source : str
        Path of the file.
    record : Record
    """

    name: str
    source: str
    record: Record

    def report(self) -> Report | None:
        """Report of the prefit with the file's path; None where nothing came of the file."""
        report = self.record.report
        return None if report is None else msgspec.structs.replace(report, source=self.source)


def not_written(entry: Entry, output: str, error: Exception) -> NoReturn:
    """Raise what keeps the output of an entry from being written; a batch notes it instead and goes on."""
    raise error
