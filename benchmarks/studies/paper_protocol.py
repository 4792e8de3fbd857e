"""The protocol of arXiv 2603.05350 on the measured polymers: its networks and ours on the same mixtures.

    python -m benchmarks paper_protocol --data ../shared/measured

This benchmark alone trains on measured spectra; the weights are thrown away. Three parts:

mixtures
    Mixtures of 2-3 polymers, split 80/20 by mixture as in the paper, so that every polymer is known from training.
polymers
    Five folds split by polymer: the test mixtures are made of polymers that training never saw.
shipped
    The weights that come with the package, which saw nothing measured, on the first test mixtures of the first part.

What differs from the paper: 37 polymers (those whose files are complete) instead of 104, already charge-corrected; the
validation set that steers learning rate, end and choice of weights is a part of the training mixtures, where the paper
looks at the test set; no warm start. Each finished run leaves a JSON file in --out and is not run again.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from numpy.typing import NDArray
from rich import box
from rich.console import Console
from rich.table import Table
from torch import Tensor

from benchmarks.mixtures import (
    FIRST,
    POINTS,
    STEP,
    Disturbance,
    Library,
    Mixtures,
    Task,
    disturb,
    folds,
    library,
    points_at,
    render,
    split_by_mixture,
    split_by_polymer,
)
from benchmarks.polymers import Polymer, load
from benchmarks.record import conditions, write_record
from benchmarks.studies.networks import PackageNetwork, PaperMlp, PaperStn, Reader
from benchmarks.studies.training import Answers, Batch, Recipe, Trained, answers, train
from xps_prefit_hooks import ALIPHATIC_C1S
from xps_stn_plugin.chemistry.groups import group_names
from xps_stn_plugin.core.core_levels import core_levels
from xps_stn_plugin.core.spectrum import region_dataset, spectrum_tree
from xps_stn_plugin.stn.inputs import network_input
from xps_stn_plugin.stn.metrics import shift_metrics
from xps_stn_plugin.stn.network_config import NetworkConfig
from xps_stn_plugin.stn.predict import predict_with
from xps_stn_plugin.stn.weights import TrainedNetwork, load_weights, shipped_weights

#: Points of our network's channels here: the lines of every polymer and 5 eV on both sides.
CHANNEL = 240
#: Exact match in percent on 20 000 test mixtures of 104 polymers, by largest shift in eV, as the paper's repository
#: prints it (Issa-Saddiq/GenXPS_public, final_results/shift_experiment_results.csv, commit b735884).
PUBLISHED = {"paper MLP": {3.0: 54.18, 5.0: 45.18}, "paper STN": {3.0: 81.52, 5.0: 67.33}}
#: The same source's micro F1 at +-3 eV, from the re-test of the saved network.
PUBLISHED_F1 = {"paper MLP": {3.0: 0.9085}, "paper STN": {3.0: 0.9713}}
NETWORKS = ("ours", "paper STN", "paper MLP")
FOLDS = 5
#: Test mixtures that given weights are asked about.
SHIPPED_NUMBER = 2000


@dataclass(frozen=True)
class Sizes:
    """Numbers of mixtures and of training steps.

    Parameters
    ----------
    mixtures : int
        All; a fifth is for testing, 5 % of the rest for validation.
    epochs : int
        At most, of the paper's networks.
    steps : int
        Of ours.
    """

    mixtures: int
    epochs: int
    steps: int


def windows(source: Library) -> NDArray[np.int64]:
    """Points of the paper's axis that make our channels, shape (regions, 240); no core level without any line."""
    has_signal = (source.spectra != 0).any(0).numpy()
    rows = []
    for level in core_levels().values():
        points = points_at(np.array([level.energy])) - CHANNEL // 2 + np.arange(CHANNEL)
        if points[0] >= 0 and points[-1] < POINTS and has_signal[points].any():
            rows.append(points)
    return np.array(rows)


def our_channels(spectra: Tensor, points: NDArray[np.int64]) -> Tensor:
    """Cut the channels of our network out of spectra on the paper's axis.

    The zeros around the lines count as measured: where the cut ends of the polymers' windows lie would tell the shift.
    """
    counts = spectra[:, torch.from_numpy(points)]
    return network_input(counts, (counts > 0).any(-1, keepdim=True).expand_as(counts))


@dataclass(frozen=True)
class Result:
    """A trained network, and its answers to the test mixtures and to the same at shifts between points.

    `offset` is the median of its shift minus the true one on validation mixtures, for axes that have no zero.
    """

    trained: Trained
    test: Answers
    between: Answers
    offset: float


def run(task: Task, name: str, size: Sizes, report: Callable[[dict[str, float]], None]) -> Result:
    """Train one network and ask it about the test mixtures."""
    points = windows(task.source)
    is_ours = name == "ours"

    def batch(part: Mixtures, rows: slice | NDArray[np.int64], disturbance: Disturbance) -> Batch:
        spectra = render(task.source, part.weights[rows], disturbance)
        channels = our_channels(spectra, points) if is_ours else spectra.unsqueeze(1)
        shift = torch.from_numpy((disturbance.shift * STEP).astype(np.float32))
        return Batch(channels, shift, torch.from_numpy(part.labels[rows].astype(np.float32)))

    def batches(part: Mixtures, disturbance: Disturbance) -> Iterator[Batch]:
        for start in range(0, len(part.weights), 250):
            rows = slice(start, start + 250)
            yield batch(part, rows, disturbance.rows(rows))

    number = len(task.training.weights)
    recipe = our_recipe(size.steps) if is_ours else paper_recipe(number, size.epochs)
    per_epoch = number // recipe.batch_size
    fixed_disturbance = task.disturbances["training"]

    def draw(step: int) -> Batch:
        epoch, position = divmod(step, per_epoch)
        order = np.random.default_rng([task.seed, 1, epoch]).permutation(number)
        rows = order[position * recipe.batch_size : (position + 1) * recipe.batch_size]
        # Ours sees each mixture at another shift in every epoch; the paper draws it once for all.
        new_disturbance = disturb(len(rows), task.span, np.random.default_rng([task.seed, 2, step]))
        return batch(task.training, rows, new_disturbance if is_ours else fixed_disturbance.rows(rows))

    def validation() -> Iterator[Batch]:
        return batches(task.validation, task.disturbances["validation"])

    trained = train(build(name, len(points), task.span, task.seed), draw, recipe, task.seed, validation, report)
    network, drawn = trained.network, task.disturbances["test"]
    shifted_between = drawn.between_points(np.random.default_rng([task.seed, 3]))
    return Result(
        trained,
        answers(network, batches(task.test, drawn)),
        answers(network, batches(task.test, shifted_between)),
        0.0 if is_ours else answers(network, validation()).offset,
    )


def paper_recipe(mixtures: int, epochs: int) -> Recipe:
    """Recipe of the paper's loop: AdamW at 1e-4, batches of 64, rate by plateau, early end."""
    per_epoch = mixtures // 64
    return Recipe(
        steps=epochs * per_epoch,
        batch_size=64,
        learning_rate=1e-4,
        schedule="plateau",
        group_weight=1.0,
        average=0.0,
        precision="float32",
        check_every=per_epoch,
    )


def our_recipe(steps: int) -> Recipe:
    """Recipe of ours, chosen on validation mixtures."""
    return Recipe(steps=steps, batch_size=128, learning_rate=2e-3, warmup=200, check_every=500)


def build(name: str, regions: int, span: float, seed: int) -> Reader:
    """Make a network with its start values."""
    groups = len(group_names())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if name == "paper MLP":
            return PaperMlp(POINTS, groups)
        if name == "paper STN":
            return PaperStn(1, POINTS, groups, STEP, (ALIPHATIC_C1S - FIRST) / STEP)
        return PackageNetwork(
            NetworkConfig(
                regions=regions,
                points=CHANNEL,
                groups=groups,
                step=STEP,
                max_shift=span + 1,
                classifier_width=96,
                hidden=384,
            )
        )


def figures(result: Result, learnable: NDArray[np.bool_] | None = None) -> dict[str, Any]:
    """All figures of a run; with `learnable` columns also over those groups alone.

    The shift error of the paper's STN is at C 1s and less the median offset on validation, since its axis has no zero.
    """
    test = result.test.figures(result.offset)
    record: dict[str, Any] = {"offset": result.offset, **test}
    between_figures = result.between.figures(result.offset)
    record |= {
        f"between_{key}": between_figures[key]
        for key in ("exact", "micro_f1", "shift_median")
        if key in between_figures
    }
    if learnable is not None:
        part = result.test.figures(result.offset, learnable)
        record |= {f"learnable_{key}": part[key] for key in ("exact", "micro_f1")}
    trained = result.trained
    parameters = sum(value.numel() for value in trained.network.parameters())
    run = {"steps": trained.steps, "seconds": trained.seconds, "parameters": parameters}
    return record | run | {"history": list(trained.history)}


def shipped(task: Task, polymers: tuple[Polymer, ...], trained: TrainedNetwork, number: int) -> dict[str, Any]:
    """Figures of given weights on the first test mixtures, through the way that a file takes."""
    mixtures, drawn = task.test.part(slice(number)), task.disturbances["test"].rows(slice(number))
    shift, status, probability = [], [], []
    spectra = render(task.source, mixtures.weights, drawn).double().numpy()
    for spectrum, weights, points in zip(spectra, mixtures.weights, drawn.shift, strict=True):
        ends: dict[str, list[float]] = {}
        for index in np.flatnonzero(weights):
            for name, rows in polymers[index].regions.items():
                ends[name] = [*ends.get(name, []), rows[:, 0].min(), rows[:, 0].max()]
        regions = {}
        for name, energies in ends.items():
            first, last = points_at(np.array([min(energies), max(energies)])) + int(points)
            region_points = np.arange(first, last + 1)
            regions[name] = region_dataset(
                "mixture", FIRST + STEP * region_points, spectrum[region_points], region=name
            )
        prediction = predict_with(trained, spectrum_tree("mixture", regions))
        shift.append(prediction.shift)
        status.append(prediction.status)
        probability.append([prediction.groups.get(name, 0.0) for name in group_names()])
    groups = Answers(None, drawn.shift * STEP, np.array(probability), mixtures.labels).figures()
    error = np.array(shift) - drawn.shift * STEP
    has_shift = ~np.isnan(error)
    errors = {f"shift_{name}": value for name, value in asdict(shift_metrics(error[has_shift])).items()}
    shares = {name: status.count(name) / len(status) for name in sorted(set(status))}
    return {"number": len(status), "without_shift": int((~has_shift).sum()), **errors, **groups, "status": shares}


@dataclass(frozen=True)
class Bench:
    """Shared settings and data of the parts of the study."""

    polymers: tuple[Polymer, ...]
    source: Library
    size: Sizes
    seed: int
    corrected: bool
    out: Path
    console: Console

    def load_or_run(self, name: str, work: Callable[[], dict[str, Any]], size: Sizes) -> dict[str, Any]:
        """Do `work` and write its record, or read the record of an earlier run."""
        path = self.out / f"{name}.json"
        settings = {"sizes": asdict(size), "seed": self.seed, "corrected": self.corrected}
        if path.exists():
            record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            if record["settings"] != settings:
                msg = f"{path} was made with {record['settings']}, not {settings}; name another folder with --out."
                raise click.ClickException(msg)
            self.console.print(f"{name}: done before")
            return record
        record = {**conditions(self.seed), "settings": settings, "polymers": len(self.polymers), **work()}
        write_record(path, record)
        self.console.print(f"{name}: written to {path}")
        return record

    def report(self, name: str) -> Callable[[dict[str, float]], None]:
        """Print the figures of every check."""

        def line(values: dict[str, float]) -> None:
            figures_text = ", ".join(f"{key.replace('_', ' ')} {value:.4g}" for key, value in values.items())
            self.console.print(f"{name}: {figures_text}", highlight=False)

        return line

    def mixtures(self, name: str, span: float) -> dict[str, Any]:
        """One network, split by mixture."""
        label = f"mixtures, {name}, {span:g} eV"

        def work() -> dict[str, Any]:
            split = split_by_mixture(self.source, self.size.mixtures, span, self.seed, self.corrected)
            return {"network": name, "span": span, **figures(run(split, name, self.size, self.report(label)))}

        return self.load_or_run(f"mixtures-{name.replace(' ', '_')}-{span:g}", work, self.size)

    def fold(self, name: str, number: int, span: float) -> dict[str, Any]:
        """One network, one fold of polymers; three tenths of the mixtures and steps, three fifths of the epochs."""
        size = Sizes(self.size.mixtures * 3 // 10, self.size.epochs * 3 // 5, self.size.steps * 3 // 10)
        held_out = folds(len(self.polymers), FOLDS, self.seed)[number]
        label = f"polymers, {name}, fold {number}"

        def work() -> dict[str, Any]:
            split = split_by_polymer(self.source, size.mixtures, held_out, span, self.seed, self.corrected)
            learnable = np.asarray(split.training.labels.any(0))
            occurs = np.asarray(split.test.labels.any(0))
            untrained_groups = [group_names()[column] for column in np.flatnonzero(occurs & ~learnable)]
            result = figures(run(split, name, size, self.report(label)), learnable)
            names = [self.source.names[index] for index in held_out]
            return {"network": name, "span": span, "held": names, "never_trained": untrained_groups, **result}

        return self.load_or_run(f"polymers-{name.replace(' ', '_')}-fold{number}", work, size)

    def shipped(self, trained: TrainedNetwork, span: float) -> dict[str, Any]:
        """Given weights on test mixtures of the first part."""

        def work() -> dict[str, Any]:
            split = split_by_mixture(self.source, self.size.mixtures, span, self.seed, self.corrected)
            shipped_figures = shipped(split, self.polymers, trained, SHIPPED_NUMBER)
            return {"network": trained.info.name, "model": asdict(trained.info), "span": span, **shipped_figures}

        return self.load_or_run(f"shipped-{trained.info.sha256[:8]}-{span:g}", work, self.size)


def cell(record: Mapping[str, Any], key: str) -> str:
    """Figure with three digits, or a dash."""
    return f"{record[key]:.3f}" if key in record else "-"


def mixture_table(records: list[dict[str, Any]]) -> Table:
    """Tabulate networks that were trained on mixtures of all polymers."""
    columns = ("exact", "micro_f1", "shift_median", "shift_bias", "shift_p95", "between_exact", "between_shift_median")
    table = Table(
        "network",
        "span",
        *(name.replace("_", " ") for name in columns),
        "published exact",
        "published micro f1",
        "minutes",
        title="Split by mixture; shift error / eV",
        box=box.MARKDOWN,
    )
    for row in records:
        exact, f1 = PUBLISHED.get(row["network"], {}), PUBLISHED_F1.get(row["network"], {})
        cited = f"{exact[row['span']] / 100:.3f}" if row["span"] in exact else "-"
        cited_f1 = f"{f1[row['span']]:.3f}" if row["span"] in f1 else "-"
        values = (cell(row, name) for name in columns)
        table.add_row(row["network"], f"±{row['span']:g}", *values, cited, cited_f1, f"{row['seconds'] / 60:.1f}")
    return table


def fold_table(records: list[dict[str, Any]]) -> Table:
    """Tabulate means and standard deviations over folds of polymers."""
    columns = ("exact", "micro_f1", "learnable_exact", "learnable_micro_f1", "shift_median", "shift_bias", "shift_p95")
    title = "Split by polymer, mean ± standard deviation over folds; shift error / eV"
    table = Table("network", "folds", *(name.replace("_", " ") for name in columns), title=title, box=box.MARKDOWN)
    for name in dict.fromkeys(row["network"] for row in records):
        network_rows = [row for row in records if row["network"] == name]
        cells = []
        for column in columns:
            values = np.array([row[column] for row in network_rows if column in row])
            cells.append(f"{values.mean():.3f} ± {values.std():.3f}" if values.size else "-")
        table.add_row(name, str(len(network_rows)), *cells)
    return table


def shipped_table(records: list[dict[str, Any]]) -> Table:
    """Tabulate given weights."""
    columns = ("exact", "micro_f1", "shift_median", "shift_bias", "shift_p95")
    title = "Weights that saw nothing measured; shift error / eV"
    table = Table(
        "weights",
        "span",
        "mixtures",
        *(name.replace("_", " ") for name in columns),
        "status",
        title=title,
        box=box.MARKDOWN,
    )
    for row in records:
        status = ", ".join(f"{name} {share:.0%}" for name, share in row["status"].items())
        values = (cell(row, name) for name in columns)
        table.add_row(row["network"], f"±{row['span']:g}", str(row["number"]), *values, status)
    return table


@click.command()
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--part", type=click.Choice(["mixtures", "polymers", "shipped", "all"]), default="all", show_default=True)
@click.option(
    "--network", "networks", type=click.Choice(NETWORKS), multiple=True, default=NETWORKS[:2], show_default=True
)
@click.option("--span", "spans", type=float, multiple=True, default=(3.0, 5.0), show_default=True, help="eV")
@click.option("--mixtures", default=100_000, show_default=True, help="A fifth is for testing.")
@click.option("--epochs", default=25, show_default=True, help="Of the paper's networks, at most.")
@click.option("--steps", default=2000, show_default=True, help="Of ours, in batches of 128.")
@click.option("--corrected", is_flag=True, help="Mix by the drawn fractions; the paper's code weighs the first more.")
@click.option("--weights", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Default: as shipped.")
@click.option("--seed", default=20261122, show_default=True)
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), default=Path("runs/paper_protocol"))
def main(
    data: Path,
    part: str,
    networks: tuple[str, ...],
    spans: tuple[float, ...],
    mixtures: int,
    epochs: int,
    steps: int,
    corrected: bool,
    weights: Path | None,
    seed: int,
    out: Path,
) -> None:
    """Run the paper's protocol; --span of the folds is the first."""
    # Wide enough that no row of the tables, Markdown, is broken.
    console = Console(width=None if sys.stdout.isatty() else 250)
    polymers = load(data)
    bench = Bench(polymers, library(polymers), Sizes(mixtures, epochs, steps), seed, corrected, out, console)
    if part in ("mixtures", "all"):
        console.print(mixture_table([bench.mixtures(name, span) for span in spans for name in networks]))
    if part in ("polymers", "all"):
        rows = [bench.fold(name, number, spans[0]) for number in range(FOLDS) for name in networks if "MLP" not in name]
        console.print(fold_table(rows))
    if part in ("shipped", "all"):
        trained = load_weights(weights) if weights else shipped_weights()
        console.print(shipped_table([bench.shipped(trained, span) for span in spans]))
