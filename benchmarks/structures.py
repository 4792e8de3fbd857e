"""Known and unknown structures: the same simulator with reference polymers, trained structures, and ones never seen.

    python -m benchmarks structures

All measured polymers are among the reference structures of the training, so measured spectra say nothing about other
polymers. Here the structures alone differ: spectra are drawn with the same settings from the reference polymers, from
generated structures of the training, and from generated ones that are in neither. Figures of groups are of single
structures and of mixtures of two and three apart.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final

import click
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from benchmarks.record import conditions, write_record
from xps_stn_plugin.chemistry.groups import group_names
from xps_stn_plugin.core.grid import Grid, relative
from xps_stn_plugin.core.group_sets import group_sets, parent_groups, parents
from xps_stn_plugin.simulate.config import SimulationConfig
from xps_stn_plugin.simulate.library import LineLibrary
from xps_stn_plugin.simulate.spectra import SpectrumBatch, SpectrumSimulator
from xps_stn_plugin.simulate.structures import generate_structures, reference_structures
from xps_stn_plugin.stn.answers import Answers, ask
from xps_stn_plugin.stn.metrics import group_metrics, shift_metrics
from xps_stn_plugin.stn.weights import TrainedNetwork, load_weights, shipped_weights

CONFIGURATION: Final = Path(__file__).parents[1] / "weights" / "xps_stn_weights" / "prefit-2.1.toml"
#: Spectra drawn at a time.
_BATCH: Final = 256
_COLUMNS: Final = ("median", "p95", "exact", "micro_f1", "parents_exact", "among_three")


def libraries(config: SimulationConfig, number: int, seed: int) -> Mapping[str, LineLibrary]:
    """Libraries of at most `number` structures: references, generated ones of the training, and ones never seen."""
    references = reference_structures()
    trained = generate_structures(config.generated_structures, config.structure_seed)
    known = {*trained, *references}
    others = [unit for unit in generate_structures(number + number // 2, seed) if unit not in known]
    chosen = {
        "reference polymers": references,
        "generated, trained": trained[:number],
        "generated, never seen": tuple(others[:number]),
    }
    # As references all are drawn alike, with the scatter of positions of generated structures set below.
    return {name: LineLibrary.build(structures, ()) for name, structures in chosen.items()}


def drawn(library: LineLibrary, config: SimulationConfig, number: int, seed: int) -> Iterator[SpectrumBatch]:
    """Draw organic samples alone, `number` spectra in all."""
    # Every line scatters as those of structures to which the rules were not fitted.
    settings = replace(config, outsider_share=0.0, inorganic_share=0.0, position_sigma=config.generated_sigma)
    simulator = SpectrumSimulator(library, settings, Grid())
    for start in range(0, number, _BATCH):
        yield simulator.draw(min(_BATCH, number - start), np.random.default_rng([seed, start]))


def read_batch(trained: TrainedNetwork, batch: SpectrumBatch) -> Answers:
    """Ask the network about a batch."""
    rates = relative(batch.counts.astype(float)).astype(np.float32)
    return ask(trained, Grid().regions, rates, batch.measured)


def figures(
    error: NDArray[np.float64], probabilities: NDArray[np.float64], labels: NDArray[np.bool_]
) -> dict[str, float]:
    """Shift error in eV, and how many spectra have all groups right, all parents, and the true set among three."""
    names = group_names()
    rows = [dict(zip(names, map(float, row), strict=True)) for row in probabilities]
    true_sets = [frozenset(name for name, present in zip(names, row, strict=True) if present) for row in labels]
    members = [[names.index(name) for name in of_parent] for of_parent in parents().values()]
    free = np.setdiff1d(np.arange(len(names)), np.concatenate(members))
    told = np.array([list(parent_groups(row).values()) for row in rows]) > 0.5
    true_parents = np.stack([labels[:, columns].any(-1) for columns in members], axis=-1)
    others = (probabilities[:, free] > 0.5) == labels[:, free]
    metrics, shift = group_metrics(probabilities > 0.5, labels), shift_metrics(error)
    return {
        "median": shift.median,
        "p95": shift.p95,
        "exact": metrics.exact,
        "micro_f1": metrics.micro_f1,
        "parents_exact": float(((told == true_parents).all(-1) & others.all(-1)).mean()),
        "among_three": float(
            np.mean(
                [
                    true in {frozenset(one.groups) for one in group_sets(row)}
                    for row, true in zip(rows, true_sets, strict=True)
                ]
            )
        ),
    }


@click.command()
@click.option("--weights", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Default: as shipped.")
@click.option("--config", type=click.Path(exists=True, dir_okay=False, path_type=Path), default=CONFIGURATION)
@click.option("--structures", default=2000, show_default=True, help="Generated structures of each kind, at most.")
@click.option("--spectra", default=3000, show_default=True, help="Spectra of each kind.")
@click.option("--seed", default=20261201, show_default=True)
@click.option("--json", "json_path", type=click.Path(path_type=Path), default=Path("runs/structures.json"))
def main(weights: Path | None, config: Path, structures: int, spectra: int, seed: int, json_path: Path) -> None:
    """Compare structures of the training with ones never seen."""
    console = Console(width=None if sys.stdout.isatty() else 140)
    trained = load_weights(weights) if weights else shipped_weights()
    settings = SimulationConfig.load(config)
    titles = ("structures", "components", "spectra", *(name.replace("_", " ") for name in _COLUMNS))
    table = Table(*titles, title="Known and unknown structures (shift in eV)")
    results: list[dict[str, object]] = []
    for kind, library in libraries(settings, structures, seed).items():
        batches = list(drawn(library, settings, spectra, seed))
        answers = [read_batch(trained, batch) for batch in batches]
        error = np.concatenate([answer.shift for answer in answers]) - np.concatenate([b.shift for b in batches])
        probabilities = np.concatenate([answer.probabilities for answer in answers])
        labels = np.concatenate([batch.labels for batch in batches])
        components = np.concatenate([(batch.structures >= 0).sum(-1) for batch in batches])
        for title, rows in (("one", components == 1), ("two or three", components > 1)):
            row = figures(error[rows], probabilities[rows], labels[rows])
            results.append({"structures": kind, "components": title, "spectra": int(rows.sum()), **row})
            table.add_row(kind, title, str(int(rows.sum())), *(f"{row[name]:.3f}" for name in _COLUMNS))
    console.print(table)
    write_record(json_path, {**conditions(seed), "model": asdict(trained.info), "results": results})
    console.print(f"written: {json_path}")
