"""Progress and report of a batch in a terminal, or as plain lines where there is none."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn
from rich.text import Text

from xps_prefit_hooks import shown

from .._util.progress import Progress as Tell
from .run import BatchReport

#: Seconds between plain lines.
_PAUSE: Final = 10.0


class _Bar(Progress):
    """Progress bar with its text in a line of its own, for narrow terminals."""

    def get_renderables(self) -> Iterable[RenderableType]:
        yield self.make_tasks_table(self.tasks)
        yield from (Text(shown(task.description)) for task in self.tasks)


@contextmanager
def show_progress(console: Console) -> Iterator[Tell]:
    """Show progress while the context lasts; gives the callable that is to be told of it."""
    if not console.is_terminal:
        yield _plain_lines(console)
        return
    with _Bar(BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console, transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total, text: bar.update(task, completed=done, total=total, description=text)


def show_report(report: BatchReport, console: Console) -> None:
    """Print what became of a batch and where it is."""
    console.print(Text(shown(report.text)), soft_wrap=True)
    console.print(Text(shown(f"written: {', '.join(map(str, report.files))}")), soft_wrap=True)


def _plain_lines(console: Console) -> Tell:
    """Lines from time to time; the last spectrum and every other stage always."""
    last = float("-inf")

    def tell(done: int, total: int, text: str) -> None:
        nonlocal last
        if text.endswith(" left") and done < total and time.monotonic() - last < _PAUSE:
            return
        last = time.monotonic()
        console.print(Text(shown(f"{done}/{total}: {text}")), soft_wrap=True)

    return tell
