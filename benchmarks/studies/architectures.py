"""Architectures on the same simulated spectra and the same number of batches, several seeds each.

    python -m benchmarks architectures

All are trained on the same spectra (drawn once with the project's simulator, without the samples that the network must
say no to) for the same number of batches at the same rate, and asked about the same 4 000 others. Each finished run
leaves a JSON file in --out and is not run again; times of inference are in inference.json there, to be deleted and
taken again on a machine at rest. Figures are of simulated spectra alone: nothing measured has a say in the choice.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from numpy.typing import NDArray
from rich import box
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.record import conditions, write_record
from benchmarks.studies.networks import (
    AveragedModes,
    Distribution,
    PackageNetwork,
    PaperStn,
    Reader,
    Regression,
    Unaligned,
)
from benchmarks.studies.training import Batch, Recipe, answers, train
from xps_prefit_hooks import ALIPHATIC_C1S
from xps_stn_plugin.chemistry.groups import group_names
from xps_stn_plugin.core.grid import Grid
from xps_stn_plugin.simulate.config import SimulationConfig
from xps_stn_plugin.simulate.drawing import ahead, build_simulator
from xps_stn_plugin.simulate.spectra import SpectrumSimulator
from xps_stn_plugin.stn.inputs import network_input
from xps_stn_plugin.stn.network_config import CHANNELS_PER_REGION, NetworkConfig
from xps_stn_plugin.stn.transform import shift_axis

#: Spectra drawn at a time; chunk k is drawn from (seed, k).
CHUNK = 500
#: Threads and batch for the time of inference.
THREADS, INFERENCE_BATCH = 2, 256
PAPER, KNOWN_SHIFT, PLAIN = "paper STN", "told the shift", "distribution"
TITLE = "Simulated spectra, mean ± standard deviation over seeds"
AVERAGED = "distribution, two modes averaged"
#: The rate is that of the shipped network; of 1e-4 (the paper's own), 3e-4, 1e-3 and 2e-3 it gave the paper's network,
#: too, the most spectra with all groups right after so few batches.
RECIPE = Recipe(steps=800, batch_size=128, learning_rate=2e-3, average=0.99, check_every=400)


@dataclass(frozen=True)
class Spectra:
    """Simulated spectra in memory.

    Parameters
    ----------
    counts : ndarray of float16, shape (n, regions, points)
        Relative to the highest point of each spectrum.
    first, last : ndarray of int16, shape (n, regions)
        First measured point and one past the last.
    shift : ndarray, shape (n,)
        In eV.
    labels : ndarray of bool, shape (n, groups)
        Functional groups.
    """

    counts: NDArray[np.float16]
    first: NDArray[np.int16]
    last: NDArray[np.int16]
    shift: NDArray[np.float64]
    labels: NDArray[np.bool_]

    def batch(self, rows: slice | NDArray[np.int64]) -> Batch:
        """Make what a network is given."""
        position = torch.arange(self.counts.shape[-1])
        first = torch.from_numpy(self.first[rows]).unsqueeze(-1)
        last = torch.from_numpy(self.last[rows]).unsqueeze(-1)
        return Batch(
            network_input(torch.from_numpy(self.counts[rows]).float(), (position >= first) & (position < last)),
            torch.from_numpy(self.shift[rows].astype(np.float32)),
            torch.from_numpy(self.labels[rows].astype(np.float32)),
        )

    def batches(self, number: int) -> Iterator[Batch]:
        """Batches of the first `number` spectra."""
        number = min(number, len(self.shift))
        for start in range(0, number, INFERENCE_BATCH):
            yield self.batch(slice(start, min(start + INFERENCE_BATCH, number)))


def draw(simulator: SpectrumSimulator, number: int, seed: int, console: Console | None = None) -> Spectra:
    """Draw spectra; chunks of 500 depend on (seed, chunk) alone."""
    chunks = ahead(lambda k: simulator.draw(CHUNK, np.random.default_rng([seed, k])), range(-(-number // CHUNK)), 1)
    parts = []
    for drawn in track(chunks, "spectra", -(-number // CHUNK), console=console, transient=True):
        highest = np.abs(drawn.counts).max(axis=(1, 2), keepdims=True)
        first = drawn.measured.argmax(-1)
        parts.append(
            Spectra(
                (drawn.counts / np.where(highest > 0, highest, 1.0)).astype(np.float16),
                first.astype(np.int16),
                (first + drawn.measured.sum(-1)).astype(np.int16),
                drawn.shift,
                drawn.labels,
            )
        )
    columns = ("counts", "first", "last", "shift", "labels")
    return Spectra(*(np.concatenate([getattr(part, name) for part in parts])[:number] for name in columns))


def networks(config: NetworkConfig) -> Mapping[str, Callable[[], Reader]]:
    """All architectures, simplest first."""
    channels = CHANNELS_PER_REGION * config.regions
    grid = Grid(config.points, config.step)
    reference_point = (ALIPHATIC_C1S - grid.energies[grid.regions.index("C1s"), 0]) / config.step
    return {
        PAPER: lambda: PaperStn(channels, config.points, config.groups, config.step, reference_point),
        "no STN": lambda: Unaligned(config, channels),
        "one step, number": lambda: Regression(config, channels),
        "three steps, number": lambda: Regression(config, channels, rounds=3),
        PLAIN: lambda: Distribution(config, channels),
        "distribution, seen by classifier": lambda: Distribution(config, channels, seen=True),
        "ours as shipped": lambda: PackageNetwork(config),
        KNOWN_SHIFT: lambda: Unaligned(config, channels),
    }


def size_of_ours() -> NetworkConfig:
    """Size of the shipped network; the others have the same widths."""
    grid = Grid()
    return NetworkConfig(
        regions=len(grid.regions),
        points=grid.points,
        groups=len(group_names()),
        step=grid.step,
        max_shift=8.0,
        classifier_width=96,
        hidden=384,
    )


def inference_times(config: NetworkConfig) -> dict[str, float]:
    """Milliseconds per spectrum by network, on two threads: the least of five passes, since others use the machine."""
    channels = torch.randn(INFERENCE_BATCH, CHANNELS_PER_REGION * config.regions, config.points)
    readers = {name: make() for name, make in networks(config).items()}
    plain = readers[PLAIN]
    if isinstance(plain, Distribution):
        readers[AVERAGED] = AveragedModes(plain)
    threads = torch.get_num_threads()
    torch.set_num_threads(THREADS)
    times_by_network = {}
    try:
        for name, network in readers.items():
            times = []
            with torch.inference_mode():
                for _ in range(6):
                    start = time.perf_counter()
                    network.eval()(channels)
                    times.append(time.perf_counter() - start)
            times_by_network[name] = 1000 * min(times[1:]) / INFERENCE_BATCH
    finally:
        torch.set_num_threads(threads)
    return times_by_network


def run(name: str, spectra: Spectra, test: Spectra, config: NetworkConfig, recipe: Recipe, seed: int) -> dict[str, Any]:
    """Train one network on `spectra` and ask it about `test`; seeds differ in start values and order."""

    def aligned(batch: Batch) -> Batch:
        return (
            replace(batch, channels=shift_axis(batch.channels, batch.shift, config.step))
            if name == KNOWN_SHIFT
            else batch
        )

    size = recipe.batch_size
    per_epoch = len(spectra.shift) // size

    def draw_batch(step: int) -> Batch:
        epoch, position = divmod(step, per_epoch)
        order = np.random.default_rng([seed, epoch]).permutation(len(spectra.shift))
        return aligned(spectra.batch(order[position * size : (position + 1) * size]))

    def test_batches() -> Iterator[Batch]:
        return map(aligned, test.batches(len(test.shift)))

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = networks(config)[name]()
    trained = train(network, draw_batch, recipe, seed, test_batches)
    # The paper's axis has no zero: its constant offset is found on training spectra and taken off.
    offset = answers(trained.network, spectra.batches(2000)).offset if name == PAPER else 0.0
    record = {
        "network": name,
        "parameters": sum(value.numel() for value in network.parameters()),
        "steps": trained.steps,
        "seconds": trained.seconds,
        "offset": offset,
        **answers(trained.network, test_batches()).figures(offset),
        "history": list(trained.history),
    }
    if isinstance(trained.network, Distribution) and name == PLAIN:
        averaged = AveragedModes(trained.network)
        record["averaged"] = {"network": AVERAGED, **answers(averaged, test_batches()).figures()}
    return record


def table(records: list[dict[str, Any]], milliseconds: Mapping[str, float]) -> Table:
    """Tabulate means and standard deviations over seeds; `milliseconds` per spectrum by network."""
    columns = ("shift_median", "shift_bias", "shift_p95", "exact", "micro_f1")
    names = ("shift median", "bias", "p95 / eV", "exact", "micro f1")
    single = ("parameters", "seconds", "ms per spectrum")
    grid = Table("network", "seeds", *names, *single, title=TITLE, box=box.MARKDOWN)
    rows = [row for record in records for row in (record, {**record, **record.get("averaged", {})})]
    for name in dict.fromkeys(row["network"] for row in rows):
        network_rows = list({row["seed"]: row for row in rows if row["network"] == name}.values())
        cells = []
        for column in columns:
            values = np.array([row[column] for row in network_rows if column in row])
            cells.append(f"{values.mean():.3f} ± {values.std():.3f}" if values.size else "-")
        seconds = np.mean([row["seconds"] for row in network_rows])
        count = f"{network_rows[0]['parameters'] / 1e6:.2f} M"
        grid.add_row(name, str(len(network_rows)), *cells, count, f"{seconds:.0f}", f"{milliseconds[name]:.2f}")
    return grid


@click.command()
@click.option("--spectra", "number", default=100_000, show_default=True, help="To train on.")
@click.option("--test", "test_number", default=4000, show_default=True, help="To ask about.")
@click.option("--steps", default=RECIPE.steps, show_default=True, help="Batches of 128.")
@click.option("--seed", "seeds", type=int, multiple=True, default=(1, 2, 3), show_default=True)
@click.option("--network", "chosen", multiple=True, help="Names as in the table; default: all.")
@click.option("--data-seed", default=20261122, show_default=True)
@click.option("--structures", type=int, help="Generated structures of the simulator; default: as configured.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), default=Path("runs/architectures"))
def main(
    number: int,
    test_number: int,
    steps: int,
    seeds: tuple[int, ...],
    chosen: tuple[str, ...],
    data_seed: int,
    structures: int | None,
    out: Path,
) -> None:
    """Compare architectures on simulated spectra."""
    # Wide enough that no row of the tables, Markdown, is broken.
    console = Console(width=None if sys.stdout.isatty() else 250)
    config = size_of_ours()
    all_networks = tuple(networks(config))
    for name in chosen:
        if name not in all_networks:
            raise click.BadParameter(f"{name!r} is none of: {', '.join(all_networks)}.", param_hint="--network")
    settings = {
        "spectra": number,
        "test": test_number,
        "steps": steps,
        "data_seed": data_seed,
        "structures": structures,
    }
    runs = [(seed, name) for seed in seeds for name in chosen or all_networks]
    files = {(seed, name): out / f"{name.replace(',', '').replace(' ', '_')}-{seed}.json" for seed, name in runs}
    if any(not path.exists() for path in files.values()):
        simulation = replace(SimulationConfig.load(), outsider_share=0.0)
        if structures is not None:
            simulation = replace(simulation, generated_structures=structures)
        simulator = build_simulator(simulation)
        spectra = draw(simulator, number, data_seed, console)
        test = draw(simulator, test_number, data_seed + 1, console)
    for (seed, name), path in files.items():
        if path.exists():
            continue
        figures_of_run = run(name, spectra, test, config, replace(RECIPE, steps=steps), seed)
        circumstances = {"settings": settings, "simulation": simulation.as_dict(), "size": asdict(config)}
        write_record(path, {**conditions(seed), **circumstances, **figures_of_run})
        figures = ", ".join(
            f"{key} {figures_of_run[key]:.3f}" for key in ("shift_median", "exact", "seconds") if key in figures_of_run
        )
        console.print(f"{name}, seed {seed}: {figures}", highlight=False)
    records = [json.loads(path.read_text(encoding="utf-8")) for path in files.values()]
    for record in records:
        if record["settings"] != settings:
            msg = f"{out} holds runs made with {record['settings']}, not {settings}; name another folder with --out."
            raise click.ClickException(msg)
    timing = out / "inference.json"
    if not timing.exists():
        write_record(timing, {**conditions(0), "threads": THREADS, "milliseconds": inference_times(config)})
    console.print(table(records, json.loads(timing.read_text(encoding="utf-8"))["milliseconds"]))
