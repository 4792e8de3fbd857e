"""Progress and report of a batch in a terminal, or as plain lines where there is none."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from .run import BatchReport
from .tally import Progress as Tell

#: Seconds between plain lines.
_PAUSE: Final = 10.0


@contextmanager
def show_progress(console: Console) -> Iterator[Tell]:
    """Show progress while the context lasts; gives the callable that is to be told of it."""
    if not console.is_terminal:
        yield _plain_lines(console)
        return
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total, text: bar.update(task, completed=done, total=total, description=text)


def show_report(report: BatchReport, console: Console) -> None:
    """Print what became of a batch and where it is."""
    console.print(Text(report.text), soft_wrap=True)
    console.print(Text(f"written: {', '.join(map(str, report.files))}"), soft_wrap=True)


def _plain_lines(console: Console) -> Tell:
    """Lines from time to time; the last spectrum and every other stage always."""
    last = float("-inf")

    def tell(done: int, total: int, text: str) -> None:
        nonlocal last
        if text.endswith(" left") and done < total and time.monotonic() - last < _PAUSE:
            return
        last = time.monotonic()
        console.print(Text(f"{done}/{total}: {text}"), soft_wrap=True)

    return tell
