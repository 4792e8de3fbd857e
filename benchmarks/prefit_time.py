"""Time of a prefit: from the shell, in a running process, and of its parts, against the bare start of torch.

python -m benchmarks prefit_time examples/pmma_charged.csv
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.record import conditions, write_record


def median_seconds(work: Callable[[], object], repeats: int) -> tuple[float, float]:
    """Median and worst wall time in seconds; one unmeasured call before."""
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return float(np.median(times)), max(times)


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--repeats", default=20, show_default=True)
@click.option(
    "--json", "json_path", type=click.Path(path_type=Path), default=Path("runs/prefit_time.json"), show_default=True
)
def main(file: Path, repeats: int, json_path: Path) -> None:
    """Measure the time of a prefit of FILE."""
    import xps_stn_plugin as xps

    def shell(*arguments: str) -> None:
        subprocess.run([sys.executable, *arguments], check=True, capture_output=True)

    def seeds() -> None:
        result = xps.prefit(file)
        for region in result.seeds:
            result.seeds[region]

    command = ("-m", "xps_stn_plugin", "prefit", str(file))
    spectrum = xps.read(file)
    few_repeats = max(3, repeats // 6)
    rows = {
        "shell: python -c 'import torch' (baseline)": median_seconds(lambda: shell("-c", "import torch"), few_repeats),
        "shell: xps-stn --help": median_seconds(lambda: shell("-m", "xps_stn_plugin", "--help"), few_repeats),
        "shell: xps-stn prefit, no fit": median_seconds(lambda: shell(*command, "--no-fit"), few_repeats),
        "shell: xps-stn prefit with fit": median_seconds(lambda: shell(*command), few_repeats),
        "process: read": median_seconds(lambda: xps.read(file), repeats),
        "process: prefit of a read spectrum": median_seconds(lambda: xps.prefit(spectrum), repeats),
        "process: read and prefit": median_seconds(lambda: xps.prefit(file), repeats),
        "process: read, prefit and all seeds": median_seconds(seeds, repeats),
        "process: read, prefit, seeds and fits": median_seconds(lambda: xps.prefit(file).fitted(), few_repeats),
    }
    table = Table("what", "median ms", "worst ms")
    for name, (middle, worst) in rows.items():
        table.add_row(name, f"{1000 * middle:.1f}", f"{1000 * worst:.1f}")
    console = Console()
    console.print(table)
    record = {**conditions(0), "file": file.name, "repeats": repeats, "seconds": rows}
    write_record(json_path, record)
    console.print(f"written: {json_path}")
