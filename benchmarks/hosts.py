"""Cost of the plugin in NeXpy: start, time from a click to seeded components, longest pause of the window.

python -m benchmarks hosts --data ../shared/measured

Runs NeXpy without a screen, in processes of its own with a fresh home. The baseline of the start is NeXpy without the
plugin; that of the clicks is the same work done in the GUI thread.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.record import conditions, write_record

#: Targets of the project, in ms.
TARGETS = {"start": 50.0, "click": 300.0, "still": 100.0}


def session(task: str, *arguments: str, home: Path) -> dict[str, object]:
    """Report of `benchmarks.hosts_session` in a process of its own."""
    folders = {"HOME": home, "USERPROFILE": home, "IPYTHONDIR": home / "ipython", "MPLCONFIGDIR": home / "mpl"}
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", **{name: str(path) for name, path in folders.items()}}
    report = home / "report.json"
    command = [sys.executable, "-m", "benchmarks.hosts_session", task, str(report), *arguments]
    process = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
    if process.returncode:
        raise click.ClickException(f"{task}: {(process.stderr.strip().splitlines() or ['no message'])[-1]}")
    times: dict[str, object] = json.loads(report.read_text())
    return times


@click.command()
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--repeats", default=5, show_default=True, help="Starts of NeXpy.")
@click.option("--spectra", default=12, show_default=True, help="Spectra that are clicked, the first of the folder.")
@click.option(
    "--json", "json_path", type=click.Path(path_type=Path), default=Path("runs/hosts.json"), show_default=True
)
def main(data: Path, repeats: int, spectra: int, json_path: Path) -> None:
    """Measure NeXpy's start and clicks on the spectra in DATA."""
    console = Console()
    files = [str(path) for path in sorted(data.glob("*.csv"))[:spectra]]

    def run(task: str, *arguments: str) -> dict[str, object]:
        with tempfile.TemporaryDirectory() as folder:
            return session(task, *arguments, home=Path(folder))

    with console.status("starting NeXpy"):
        starts = [run("start") for _ in range(repeats)]
    with console.status("first clicks"):
        first = {delay: run("first", files[0], str(delay)) for delay in (0.0, 1.0, 4.0)}
    with console.status("clicks"):
        clicks = run("clicks", *files)

    table = Table("what", "median ms", "worst ms", "target ms")

    def row(label: str, values: object, target: float | None = None) -> None:
        numbers = np.atleast_1d(np.asarray(values, dtype=float))
        limit = "" if target is None else f"{target:.0f}"
        table.add_row(label, f"{np.median(numbers):.0f}", f"{numbers.max():.0f}", limit)

    row("start of NeXpy's modules without the plugin (baseline)", [start["host"] for start in starts])
    row("start: what the plugin adds", [start["plugin"] for start in starts], TARGETS["start"])
    for delay, report in first.items():
        row(f"first click {delay:.0f} s after the menu opened: to seeded picture", report["click"])
        row("    window stands still, from the opening of the menu on", report["still"], TARGETS["still"])
    row("click to seeded picture", clicks["click"], TARGETS["click"])
    row("    window stands still", clicks["still"], TARGETS["still"])
    row("    the same work in the GUI thread (baseline): stands still", clicks["blocking"])
    row("send seed: click to Fit panel (NeXpy's own windows)", clicks["sent"])
    row("    window stands still until the seeds are there", clicks["sent_still"], TARGETS["still"])
    console.print(table)
    console.print(f"torch imported by the start: {any(start['torch'] for start in starts)}")
    record = {**conditions(0), "files": [Path(file).name for file in files], "starts": starts, "clicks": clicks}
    write_record(json_path, {**record, "first": {str(delay): report for delay, report in first.items()}})
    console.print(f"written: {json_path}")
