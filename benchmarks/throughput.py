"""Spectra per second without fits: stacks through `predict_stack`, beside a plain loop over `prefit`.

``python -m benchmarks throughput [--sizes 100 --sizes 1000 ...] [--loops 200] [--json PATH]``

Every row is a run in fresh processes: one process with two threads of torch, or two processes with one thread each. A
process makes its part of the stack (C 1s of 161 and O 1s of 121 points, counts as 16 bit integers: polymer lines at
random shares, charged by -4 to 4 eV, 30 to 10 000 counts high, Poisson noise) and prefits single spectra of it in a
loop. Then all processes at once read the stack, from counts to shift, error, groups, status and reasons. The rate is
that of the slowest process; small stacks are read several times, and the median counts. Memory: peak of a process, and
by how much it grew while the stack was read. What the stack says is compared with what the loop says.
"""

from __future__ import annotations

import resource
import time
from dataclasses import asdict, dataclass
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from benchmarks.processes import in_processes
from benchmarks.record import conditions, write_record
from xps_stn_plugin.models.lineshapes import pseudo_voigt

AXES = {"C1s": np.linspace(279.0, 295.0, 161), "O1s": np.linspace(526.0, 538.0, 121)}
#: Binding energies in eV and areas of lines of organic polymers (Beamson & Briggs 1992, rounded), and how often each is
#: there. Aliphatic carbon is in all of them.
LINES = {
    "C1s": ((285.0, 1.0), (285.7, 0.5), (286.5, 0.7), (286.85, 0.5), (287.9, 0.3), (289.05, 0.5)),
    "O1s": ((532.2, 1.0), (532.7, 1.0), (533.75, 1.0)),
}
PRESENT = 0.6
CHARGE, LOWEST_COUNTS, HIGHEST_COUNTS, BACKGROUND = 4.0, 30.0, 1e4, 0.1
LAYOUTS = ((1, 2), (2, 1))
#: Spectra that are read at least, for small stacks by repetition.
REPEATED = 3000
#: Longest time in s that a process may take.
LONGEST = 1800
#: Spectra that are made at a time, so that making them is not what needs memory.
AT_A_TIME = 1000


@dataclass(frozen=True)
class Part:
    """Measurement of one process; times in s, memory in MiB."""

    spectra: int
    seconds: float
    loops: int
    loop_seconds: float
    memory_before: float
    memory_peak: float
    status: dict[str, int]
    shift_error: float
    loop_difference: float
    loop_statuses: int


@dataclass(frozen=True)
class Row:
    """One size, read in one way."""

    spectra: int
    processes: int
    threads: int
    rate: float
    loop_rate: float
    memory_peak: float
    memory_growth: float
    parts: list[Part]


def simulated(number: int, seed: int) -> tuple[dict[str, NDArray[np.uint16]], NDArray[np.float64]]:
    """Draw counts by region, and the true shifts in eV."""
    counts = {name: np.empty((number, axis.size), dtype=np.uint16) for name, axis in AXES.items()}
    shifts = np.empty(number)
    for start in range(0, number, AT_A_TIME):
        rng = np.random.default_rng([seed, start])
        size = min(AT_A_TIME, number - start)
        shift = rng.uniform(-CHARGE, CHARGE, (size, 1))
        shifts[start : start + size] = shift[:, 0]
        height = LOWEST_COUNTS * (HIGHEST_COUNTS / LOWEST_COUNTS) ** rng.random((size, 1))
        for name, axis in AXES.items():
            signal = np.full((size, axis.size), BACKGROUND)
            for position, (energy, area) in enumerate(LINES[name]):
                present = rng.random((size, 1)) < (1.0 if name == "C1s" and position == 0 else PRESENT)
                signal += area * rng.random((size, 1)) * present * pseudo_voigt(axis - shift, energy, 1.2, 0.2)
            counts[name][start : start + size] = np.minimum(rng.poisson(height * signal), 65535)
    return counts, shifts


def measure(number: int, seed: int, threads: int, loops: int, barrier: Barrier, results: Queue[Part]) -> None:
    """Work of one process."""
    import torch

    import xps_stn_plugin as xps
    from xps_stn_plugin.core.spectrum import region_dataset, spectrum_tree
    from xps_stn_plugin.stn.predict import shipped
    from xps_stn_plugin.stn.stack import predict_stack
    from xps_stn_plugin.stn.verdict import STATUSES

    torch.set_num_threads(threads)
    counts, shifts = simulated(number, seed)
    regions = {name: (axis, counts[name]) for name, axis in AXES.items()}
    warm = {name: (axis, counts[name][:64]) for name, axis in AXES.items()}
    predict_stack(shipped(), warm)
    trees = [
        spectrum_tree(
            "simulated",
            {name: region_dataset("simulated", axis, counts[name][i], region=name) for name, axis in AXES.items()},
        )
        for i in range(min(loops, number))
    ]
    xps.prefit(trees[0])
    barrier.wait(LONGEST)
    start = time.perf_counter()
    single_results = [xps.prefit(tree) for tree in trees]
    loop_seconds = time.perf_counter() - start
    memory_before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    barrier.wait(LONGEST)
    times = []
    for _ in range(max(1, REPEATED // number)):
        start = time.perf_counter()
        stack = predict_stack(shipped(), regions)
        times.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    trusted = stack.verdict.status == STATUSES.index("ok")
    results.put(
        Part(
            spectra=number,
            seconds=float(np.median(times)),
            loops=len(trees),
            loop_seconds=loop_seconds,
            memory_before=memory_before,
            memory_peak=peak,
            status={name: int((stack.verdict.status == index).sum()) for index, name in enumerate(STATUSES)},
            shift_error=float(np.median(np.abs(stack.shift - shifts)[trusted])),
            loop_difference=float(
                np.nanmax(np.abs([single.shift for single in single_results] - stack.shift[: len(single_results)]))
            ),
            loop_statuses=sum(single.status != stack.prediction(i).status for i, single in enumerate(single_results)),
        )
    )


def run(number: int, processes: int, threads: int, loops: int, seed: int) -> Row:
    """Measure one size in one way, in processes of its own."""

    def arguments(size: int, process: int) -> tuple[int, ...]:
        return size, seed + process, threads, loops

    parts: list[Part] = in_processes(measure, number, processes, arguments, LONGEST)
    return Row(
        spectra=number,
        processes=processes,
        threads=threads,
        rate=number / max(part.seconds for part in parts),
        loop_rate=sum(part.loops for part in parts) / max(part.loop_seconds for part in parts),
        memory_peak=max(part.memory_peak for part in parts),
        memory_growth=max(part.memory_peak - part.memory_before for part in parts),
        parts=parts,
    )


@click.command()
@click.option("--sizes", multiple=True, type=int, default=(100, 1000, 10_000, 100_000), show_default=True)
@click.option("--loops", default=200, show_default=True, help="Spectra of the plain loop in each process.")
@click.option("--seed", default=1, show_default=True)
@click.option(
    "--json", "json_path", type=click.Path(path_type=Path), default=Path("runs/throughput.json"), show_default=True
)
def main(sizes: tuple[int, ...], loops: int, seed: int, json_path: Path) -> None:
    """Measure spectra per second without fits."""
    rows = [run(size, *layout, loops, seed) for size in sizes for layout in LAYOUTS]
    table = Table("spectra", "processes x threads", "spectra/s", "loop/s", "times loop", "peak MiB", "growth MiB")
    for row in rows:
        table.add_row(
            f"{row.spectra}",
            f"{row.processes} x {row.threads}",
            f"{row.rate:.0f}",
            f"{row.loop_rate:.0f}",
            f"{row.rate / row.loop_rate:.1f}",
            f"{row.memory_peak:.0f}",
            f"{row.memory_growth:.0f}",
        )
    console = Console()
    console.print(table)
    parts = [part for row in rows for part in row.parts]
    console.print(
        f"Largest difference between stack and loop: {max(part.loop_difference for part in parts):.1e} eV; "
        f"other status: {sum(part.loop_statuses for part in parts)} of {sum(part.loops for part in parts)}. "
        f"Median shift error of what was called ok: {np.median([part.shift_error for part in parts]):.3f} eV."
    )
    write_record(json_path, {**conditions(seed), "loops": loops, "rows": [asdict(row) for row in rows]})
    console.print(f"written: {json_path}")
