"""One input of a batch with what came of it, as the outputs take it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn

import msgspec

from ..core.samples import sample_word
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

    def parts(self) -> Iterator[Entry]:
        """Give an entry for each sample of a file with several, else this one; names of samples follow the file's."""
        if not self.record.samples:
            yield self
        names: set[str] = set()
        for number, (sample, record) in enumerate(self.record.samples.items(), start=1):
            name = f"{self.name}_{sample_word(sample)}"
            name = name if name not in names else f"{name}_{number}"
            names.add(name)
            yield Entry(name, f"{self.source}: {sample}", record)

    def report(self) -> Report | None:
        """Report of the prefit with the file's path; None where nothing came of the file."""
        report = self.record.report
        return None if report is None else msgspec.structs.replace(report, source=self.source)


def not_written(entry: Entry, output: str, error: Exception) -> NoReturn:
    """Raise what keeps the output of an entry from being written; a batch notes it instead and goes on."""
    raise error
