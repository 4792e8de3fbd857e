"""Calibration of the error bars of the shift and of the probabilities of the groups.

    python -m benchmarks calibration --data ../shared/measured

On simulation (default configuration, fixed seed) and on measured polymers, moved at random: how often the shift lies
within 1 and 1.96 standard errors (68 % and 95 % if they are Gaussian), the error by predicted standard error, and the
calibration error of the probabilities. Every spectrum is asked alone, through the same door as a user's.

Baselines: one standard error for all spectra, the RMS error of the simulated ones; and decisions taken for certainties.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import xarray as xr
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.cases import Array, columns, mixture, predict_or_none, tree, without_nan
from benchmarks.polymers import Polymer, load
from benchmarks.record import conditions, write_record
from benchmarks.reliability import (
    NOMINAL,
    PROBABILITY_BINS,
    STDERR_BINS,
    coverage,
    coverage_curve,
    coverage_error,
    expected_calibration_error,
    likelihood,
    mean_over_groups,
    reliability,
    stderr_bins,
)
from xps_prefit_hooks import PrefitError
from xps_stn_plugin.chemistry.groups import group_names
from xps_stn_plugin.simulate.config import SimulationConfig
from xps_stn_plugin.simulate.drawing import build_simulator
from xps_stn_plugin.stn.weights import TrainedNetwork, load_weights, shipped_weights

#: Decisions in a bin below which the picture leaves it out.
LEAST_DECISIONS = 20
#: Least share of a polymer in a mixture, as in the project's acceptance measure.
SMALLEST_SHARE = 0.15


@dataclass(frozen=True)
class Question:
    """A spectrum whose shift (eV) and groups are known.

    `source` is the sample, which several questions may share; `inside` is false for what the network should refuse.
    """

    source: str
    spectrum: xr.DataTree
    shift: float
    groups: frozenset[str]
    inside: bool = True


@dataclass(frozen=True)
class Answers:
    """Answers to the questions of one set.

    Parameters
    ----------
    label : str
        The set.
    source : tuple of str
        Samples, n of them; draws of one sample are not independent evidence.
    error, stderr : ndarray, shape (n,)
        Predicted minus true shift, and predicted standard error, in eV.
    probability : ndarray, shape (n, groups)
        In the order of `group_names`.
    true : ndarray of bool, shape (n, groups)
        Groups that are there.
    ok : ndarray of bool, shape (n,)
        Whether the status was "ok".
    status : dict
        Share of each status over all questions of the set that are inside, "no shift" among them.
    milliseconds : float
        Mean time of one prediction.
    """

    label: str
    source: tuple[str, ...]
    error: Array
    stderr: Array
    probability: Array
    true: NDArray[np.bool_]
    ok: NDArray[np.bool_]
    status: dict[str, float]
    milliseconds: float


def answers_to(label: str, questions: Sequence[Question], trained: TrainedNetwork, console: Console) -> Answers:
    """Ask what is inside, one spectrum at a time; those that get no shift count in `Answers.status` alone."""
    names = group_names()
    rows: list[tuple[str, float, float, bool, list[float], list[bool]]] = []
    status: dict[str, float] = {}
    inside = [question for question in questions if question.inside]
    start = time.perf_counter()
    for question in track(inside, label, console=console, transient=True):
        prediction = predict_or_none(trained, question.spectrum)
        has_shift = prediction is not None and bool(np.isfinite(prediction.shift))
        word = prediction.status if prediction is not None and has_shift else "no shift"
        status[word] = status.get(word, 0.0) + 1 / len(inside)
        if prediction is not None and has_shift:
            probability = [prediction.groups[name] for name in names]
            true = [name in question.groups for name in names]
            figures = (
                question.source,
                prediction.shift - question.shift,
                prediction.shift_stderr,
                prediction.status == "ok",
            )
            rows.append((*figures, probability, true))
    seconds = time.perf_counter() - start
    if not rows:
        raise PrefitError(label, f"none of its {len(inside)} spectra got a shift; there is nothing to calibrate.")
    source, error, stderr, ok, probabilities, truth = zip(*rows, strict=True)
    return Answers(
        label=label,
        source=source,
        error=np.array(error),
        stderr=np.array(stderr),
        probability=np.array(probabilities),
        true=np.array(truth),
        ok=np.array(ok),
        status=status,
        milliseconds=1e3 * seconds / len(inside),
    )


# --- the sets -------------------------------------------------------------------------------------


def simulated(number: int, seed: int, config: SimulationConfig, console: Console) -> Iterator[Question]:
    """Draw `number` spectra from the simulator; outsiders among them are marked."""
    with console.status("structures and their lines"):
        simulator = build_simulator(config)
    batch = simulator.draw(number, np.random.default_rng(seed))
    names, energies = group_names(), simulator.grid.energies
    for row in range(number):
        regions = {}
        for index, region in enumerate(simulator.grid.regions):
            measured = batch.measured[row, index]
            # No reader lets a region pass that is shorter or shows the same number everywhere.
            if measured.sum() >= 8 and np.ptp(batch.counts[row, index][measured]) > 0:
                regions[region] = columns(energies[index][measured], batch.counts[row, index][measured])
        if regions:
            groups = frozenset(name for name, present in zip(names, batch.labels[row], strict=True) if present)
            shift, inside = float(batch.shift[row]), not batch.outside[row]
            yield Question(f"spectrum {row}", tree("simulated", regions), shift, groups, inside)


def polymers_moved(
    polymers: Sequence[Polymer], span: float, draws: int, carbon_only: bool, seed: int
) -> Iterator[Question]:
    """Move each polymer `draws` times within `span` eV."""
    rng = np.random.default_rng(seed)
    for polymer in polymers:
        chosen = replace(polymer, regions={"C1s": polymer.regions["C1s"]}) if carbon_only else polymer
        for _ in range(draws):
            shift = float(rng.uniform(-span, span))
            yield Question(polymer.name, chosen.spectrum(shift), shift, polymer.groups)


def mixtures_moved(polymers: Sequence[Polymer], span: float, number: int, seed: int) -> Iterator[Question]:
    """Mix 2 or 3 polymers, each share at least `SMALLEST_SHARE`, and move them within `span` eV."""
    rng = np.random.default_rng(seed)
    for row in range(number):
        size = int(rng.integers(2, 4))
        chosen = [polymers[index] for index in rng.choice(len(polymers), size, replace=False)]
        raw = rng.uniform(size=size)
        shares = SMALLEST_SHARE + (1 - SMALLEST_SHARE * size) * raw / raw.sum()
        shift = float(rng.uniform(-span, span))
        groups = frozenset[str]().union(*(polymer.groups for polymer in chosen))
        polymer_mixture = Polymer(f"mixture {row}", mixture(chosen, list(shares)), groups)
        yield Question(polymer_mixture.name, polymer_mixture.spectrum(shift), shift, groups)


# --- figures --------------------------------------------------------------------------------------


def figures(answers: Answers, one_stderr: float) -> dict[str, Any]:
    """All figures of one set; `one_stderr` (eV) is the baseline's standard error for all."""
    error, stderr, probability, true = answers.error, answers.stderr, answers.probability, answers.true
    constant, certain = np.full_like(stderr, one_stderr), (probability > 0.5).astype(float)
    ok = answers.ok
    return {
        "set": answers.label,
        "spectra": int(error.size),
        "milliseconds": answers.milliseconds,
        "status": answers.status,
        "shift": {
            **coverage(error, stderr),
            "standard error of the share": coverage_error(error, stderr, answers.source),
            "ok alone": coverage(error[ok], stderr[ok]) if ok.any() else None,
            "one stderr for all": coverage(error, constant),
            "rms error": float(np.sqrt(np.mean(error**2))),
            "median stderr": float(np.median(stderr)),
            "negative log likelihood": likelihood(error, stderr),
            "one stderr for all, negative log likelihood": likelihood(error, constant),
            "by stderr": stderr_bins(error, stderr),
        },
        "groups": {
            "ece": expected_calibration_error(probability.ravel(), true.ravel()),
            "ece, mean over groups": mean_over_groups(probability, true),
            "decisions as certainties, ece": expected_calibration_error(certain.ravel(), true.ravel()),
            "brier": float(np.mean((probability - true) ** 2)),
            "decisions as certainties, brier": float(np.mean((certain - true) ** 2)),
            "reliability": reliability(probability.ravel(), true.ravel()),
        },
    }


def shift_table(results: Sequence[dict[str, Any]]) -> Table:
    """Tabulate coverage, beside the baseline."""
    columns = ("68 %", "95 %", "ok alone 68 %", "95 %", "one stderr 68 %", "95 %")
    further_columns = ("rms error", "median stderr", "-log L", "one stderr", "no shift")
    table = Table("set", "n", *columns, *further_columns, title="Shift: share within 1 and 1.96 standard errors")
    for row in results:
        shift = row["shift"]
        shares = [shift, shift["ok alone"] or {}, shift["one stderr for all"]]
        values = [f"{share[name]:.1%}" if share else "" for share in shares for name in NOMINAL]
        for column, name in enumerate(NOMINAL):
            values[column] += f" ± {100 * shift['standard error of the share'][name]:.1f}"
        table.add_row(
            row["set"],
            str(row["spectra"]),
            *values,
            f"{shift['rms error']:.3f}",
            f"{shift['median stderr']:.3f}",
            f"{shift['negative log likelihood']:.2f}",
            f"{shift['one stderr for all, negative log likelihood']:.2f}",
            f"{row['status'].get('no shift', 0):.1%}",
        )
    return table


def stderr_table(results: Sequence[dict[str, Any]]) -> Table:
    """Tabulate the error by predicted standard error."""
    table = Table(
        "set", *(f"fifth {n + 1}" for n in range(STDERR_BINS)), title="mean stderr: RMS error (68 %, 95 %) / eV"
    )
    for row in results:
        cells = [
            f"{b['mean stderr']:.3f}: {b['rms error']:.3f} ({b['68 %']:.0%}, {b['95 %']:.0%})"
            for b in row["shift"]["by stderr"]
        ]
        table.add_row(row["set"], *cells)
    return table


def group_table(results: Sequence[dict[str, Any]]) -> Table:
    """Tabulate the calibration of the groups, beside the baseline."""
    names = (
        "ece",
        "ece, mean over groups",
        "decisions as certainties, ece",
        "brier",
        "decisions as certainties, brier",
    )
    table = Table("set", *names, title=f"Groups: expected calibration error, {PROBABILITY_BINS} bins")
    for row in results:
        table.add_row(row["set"], *(f"{row['groups'][name]:.4f}" for name in names))
    return table


def reliability_table(results: Sequence[dict[str, Any]]) -> Table:
    """Tabulate the reliability of the groups."""
    sets = [row["set"] for row in results]
    table = Table("probability", *sets, title="Groups: share that is there (decisions)")
    for number in range(PROBABILITY_BINS):
        low = number / PROBABILITY_BINS
        cells = []
        for row in results:
            bins = [b for b in row["groups"]["reliability"] if abs(b["from"] - low) < 1e-9]
            cells.append(f"{bins[0]['there']:.3f} ({bins[0]['decisions']:.0f})" if bins else "")
        table.add_row(f"{low:.2f}-{low + 1 / PROBABILITY_BINS:.2f}", *cells)
    return table


def plot(path: Path, answers: Sequence[Answers], results: Sequence[dict[str, Any]]) -> None:
    """Draw coverage and reliability beside each other; bins of fewer than `FEW` decisions are left out."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 5.5))
    left, right = figure.subplots(1, 2)
    levels = np.linspace(0.02, 0.99, 98)
    for answer, row in zip(answers, results, strict=True):
        thick = 2.2 if answer is answers[0] else 1.2
        left.plot(
            levels,
            coverage_curve(answer.error, answer.stderr, levels),
            lw=thick,
            label=f"{answer.label}, n = {answer.error.size}",
        )
        bins = [b for b in row["groups"]["reliability"] if b["decisions"] >= LEAST_DECISIONS]
        right.plot(
            [b["mean probability"] for b in bins],
            [b["there"] for b in bins],
            "o-",
            ms=3 * thick / 1.2,
            lw=thick,
            label=f"{answer.label}, ECE {row['groups']['ece']:.3f}",
        )
    for axes, x, y in (
        (left, "nominal share of the interval", "share of shifts within"),
        (right, "predicted probability", "share of groups that are there"),
    ):
        axes.plot([0, 1], [0, 1], color="0.6", ls="--", lw=1, zorder=0)
        axes.set(xlim=(0, 1), ylim=(0, 1), xlabel=x, ylabel=y, aspect="equal")
        axes.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=2)
    left.set_title("Error bars of the shift")
    right.set_title("Probabilities of the groups")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150, bbox_inches="tight")


@click.command()
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--weights", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Default: as shipped.")
@click.option(
    "--config", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Simulation; default: own."
)
@click.option("--number", default=2000, show_default=True, help="Simulated spectra.")
@click.option("--draws", default=6, show_default=True, help="Draws of each polymer and set.")
@click.option("--mixtures", default=300, show_default=True)
@click.option("--seed", default=20261122, show_default=True)
@click.option("--json", "json_path", type=click.Path(path_type=Path), default=Path("runs/calibration.json"))
@click.option("--plot", "plot_path", type=click.Path(path_type=Path), help="PNG with both diagrams.")
def main(
    data: Path,
    weights: Path | None,
    config: Path | None,
    number: int,
    draws: int,
    mixtures: int,
    seed: int,
    json_path: Path,
    plot_path: Path | None,
) -> None:
    """Measure error bars and probabilities."""
    console = Console(width=None if sys.stdout.isatty() else 180)
    polymers = load(data)
    trained = load_weights(weights) if weights else shipped_weights()
    simulation = SimulationConfig.load(config)
    sets = {"simulation": list(simulated(number, seed, simulation, console))}
    for carbon_only in (False, True):
        for span in (3.0, 5.0):
            label = f"measured, {'C 1s' if carbon_only else 'all'}, ±{span:g}"
            sets[label] = list(polymers_moved(polymers, span, draws, carbon_only, seed))
    sets["mixtures, ±3"] = list(mixtures_moved(polymers, 3.0, mixtures, seed))
    answers = [answers_to(label, questions, trained, console) for label, questions in sets.items()]
    one_stderr = float(np.sqrt(np.mean(answers[0].error ** 2)))
    results = [figures(answer, one_stderr) for answer in answers]
    for table in (shift_table, stderr_table, group_table, reliability_table):
        console.print(table(results))
    console.print(
        f"baselines: one stderr of {one_stderr:.3f} eV for all (RMS error on simulation); decisions at 0.5 taken for "
        f"certain. {np.mean([answer.milliseconds for answer in answers]):.1f} ms per spectrum, one at a time"
    )
    record = {
        **conditions(seed),
        "data": data.name,
        "number": number,
        "draws": draws,
        "simulation": simulation.as_dict(),
        "model": asdict(trained.info),
        "one stderr": one_stderr,
        "results": results,
    }
    write_record(json_path, without_nan(record))
    console.print(f"written: {json_path}")
    if plot_path:
        plot(plot_path, answers, results)
        console.print(f"written: {plot_path}")
