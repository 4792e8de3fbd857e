"""Counts of finished spectra, and the time left."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from typing import Final

from .._util.progress import Progress

#: Status of a spectrum, from good to bad, in words for people.
STATUSES: Final = {"ok": "ok", "uncertain": "uncertain", "out_of_domain": "out of domain", "failed": "failed"}


def counts_text(counts: Mapping[str, int]) -> str:
    """Say counts by status."""
    return ", ".join(f"{counts[status]} {words}" for status, words in STATUSES.items())


class Tally:
    """Counts of finished spectra.

    Parameters
    ----------
    total : int
        Number of spectra.
    progress : callable
        ``progress(done, total, text)`` is told of every change.
    """

    def __init__(self, total: int, progress: Progress) -> None:
        self._total = total
        self._progress = progress
        self._started = time.monotonic()
        self.counts: Counter[str] = Counter()
        self.reused = 0

    @property
    def done(self) -> int:
        """Number of finished spectra."""
        return self.counts.total()

    def reuse(self, status: str) -> None:
        """Count a spectrum that an earlier run has finished; nobody is told."""
        self.counts[status] += 1
        self.reused += 1

    def start(self) -> None:
        """Take the time from here on."""
        self._started = time.monotonic()
        self.report("starting")

    def finish(self, counts: Mapping[str, int]) -> None:
        """Count spectra by status that were finished now."""
        self.counts.update(counts)
        finished = self.done - self.reused
        seconds = time.monotonic() - self._started
        seconds_left = round((self._total - self.done) * seconds / finished)
        minutes, rest = divmod(seconds_left, 60)
        self.report(f"{finished / max(seconds, 1e-9):.1f}/s, {minutes // 60}:{minutes % 60:02d}:{rest:02d} left")

    def report(self, stage: str) -> None:
        """Report the counts and the stage of the work."""
        self._progress(self.done, self._total, f"{counts_text(self.counts)}; {stage}")
