"""Methods of attributing a group to parts of a spectrum, against known lines and the deletion test.

    python -m benchmarks explain

Simulated spectra whose shift and group the network reads right. "Right place": the place that a method calls the most
important lies at a line that the group brings (``group_lines.toml``, its window widened by 0.3 eV); by chance it does
so in proportion to the intensity there. "At lines": share of all that speaks for the group that lies there.
Deletion: what is taken away at the most important place lowers the group's log odds by more than the same done at how
many of the other places where it takes as much (0.6 to 1.6 times the area), for three ways to take away.
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import click
import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.record import conditions, write_record
from xps_stn_plugin.chemistry.group_lines import group_lines
from xps_stn_plugin.core.core_levels import core_levels
from xps_stn_plugin.core.grid import Grid
from xps_stn_plugin.simulate.config import SimulationConfig
from xps_stn_plugin.simulate.drawing import build_simulator
from xps_stn_plugin.stn.attribution import LINE_FWHM, Trials, line_trials, log_odds, without
from xps_stn_plugin.stn.inputs import network_input, remove_baseline
from xps_stn_plugin.stn.weights import TrainedNetwork, load_weights, shipped_weights

FloatArray = NDArray[np.float64]

#: Widening of a line's window in eV, and of its upper end for the vibrational tail.
MARGIN, TAIL = 0.3, 0.2
#: Largest error of the shift in eV of a spectrum that is used.
MOST_ERROR = 0.3
#: Points of the integral of the gradient.
STEPS = 12


@dataclass(frozen=True)
class Sample:
    """A spectrum on the grid: counts and where measured, shape (regions, points), and the shift that was read in eV."""

    counts: FloatArray
    measured: NDArray[np.bool_]
    shift: float

    def at_lines(self, group: str, grid: Grid) -> NDArray[np.bool_]:
        """Mask of the group's lines, shape (regions, points)."""
        at_line = np.zeros(self.counts.shape, dtype=bool)
        for row, (region, energies) in enumerate(zip(grid.regions, grid.energies - self.shift, strict=True)):
            upper_margin = (core_levels()[region].splitting or 0.0) + MARGIN
            for line in group_lines()[group].get(region, ()):
                low = line.position - line.half_width - MARGIN
                high = line.position + line.half_width + upper_margin + (TAIL if line.vibrational else 0.0)
                at_line[row] |= (energies >= low) & (energies <= high)
        return at_line & self.measured


def chord_trials(sample: Sample, grid: Grid, lines: Trials) -> Trials:
    """Everything above the straight line between the edges of a window of 0.9 eV."""
    point, half_window = np.arange(grid.points), round(LINE_FWHM / grid.step / 2)
    removed = []
    for row, centre in zip(lines.region, lines.point, strict=True):
        smooth = np.convolve(sample.counts[row], np.ones(3) / 3, mode="same")
        low, high = max(centre - half_window, 1), min(centre + half_window, grid.points - 2)
        chord = smooth[low] + (smooth[high] - smooth[low]) * (point - low) / (high - low)
        edges = sample.measured[row, low - 1] and sample.measured[row, high + 1]
        inside = edges & (point >= low) & (point <= high)
        removed.append(np.where(inside, sample.counts[row] - chord, 0.0).clip(min=0.0))
    return replace(lines, removed=np.array(removed))


def taper_trials(sample: Sample, grid: Grid, lines: Trials) -> Trials:
    """Take the signal in a window of 0.9 eV full width with cosine slopes, down to the baseline of the region."""
    signal = remove_baseline(torch.from_numpy(sample.counts[None]), torch.from_numpy(sample.measured[None]))[0].numpy()
    distance = np.abs(np.arange(grid.points) - lines.point[:, None]) * grid.step
    window = np.where(distance < LINE_FWHM, np.cos(np.pi * distance / 2 / LINE_FWHM) ** 2, 0.0)
    smooth = np.array([np.convolve(row, np.ones(5) / 5, mode="same") for row in signal]).clip(min=0.0)
    return replace(lines, removed=(smooth * sample.measured)[lines.region] * window)


def falls(trained: TrainedNetwork, sample: Sample, trials: Trials) -> FloatArray:
    """Fall of all log odds without each thing, shape (trials, groups)."""
    counts = np.concatenate([sample.counts[None], without(sample.counts, trials)])
    odds = log_odds(trained, counts, sample.measured, sample.shift)
    return odds[0] - odds[1:]


def gradient_places(trained: TrainedNetwork, sample: Sample, lines: Trials, column: int) -> tuple[FloatArray, float]:
    """Integrated gradient (Sundararajan 2017) from no signal, averaged over 0.9 eV at each place; and its gap.

    The gap is by how much its sum misses the difference of the log odds, as share of the difference.
    """
    counts = torch.from_numpy(sample.counts[None].astype(np.float32))
    channels = network_input(counts, torch.from_numpy(sample.measured[None]))
    regions = len(trained.grid.regions)
    empty_input = channels.clone()
    empty_input[:, : 2 * regions] = 0.0
    path = (
        empty_input + (channels - empty_input) * ((torch.arange(STEPS) + 0.5) / STEPS)[:, None, None]
    ).requires_grad_()
    shifts = torch.full((STEPS,), sample.shift)
    (slope,) = torch.autograd.grad(trained.network(path, shifts).group_logits[:, column].sum(), path)
    shares = ((channels - empty_input) * slope.mean(0))[0].double().numpy()
    with torch.inference_mode():
        ends = trained.network(torch.cat([empty_input, channels]), shifts[:2]).group_logits[:, column].double().numpy()
    gap = abs(shares.sum() - (ends[1] - ends[0])) / abs(ends[1] - ends[0])
    region_shares = shares[:regions] + shares[regions : 2 * regions]
    width = round(LINE_FWHM / trained.grid.step)
    smooth = np.array([np.convolve(row, np.ones(width) / width, mode="same") for row in region_shares])
    return smooth[lines.region, lines.point], float(gap)


def region_places(trained: TrainedNetwork, sample: Sample, lines: Trials) -> FloatArray:
    """Fall of all log odds when the whole region of a place was not measured, shape (trials, groups)."""
    base = log_odds(trained, sample.counts[None], sample.measured, sample.shift)[0]
    falls_of = {}
    for row in np.unique(lines.region):
        other_regions = np.arange(len(sample.counts))[:, None] != row
        remaining_odds = log_odds(
            trained, (sample.counts * other_regions)[None], sample.measured & other_regions, sample.shift
        )
        falls_of[row] = base - remaining_odds[0]
    return np.array([falls_of[row] for row in lines.region])


def deletion(fall: FloatArray, trials: Trials, chosen: int) -> tuple[float, float, float]:
    """Share of other places with as much area whose fall is smaller, the fall, and their mean; NaN where none is."""
    area = trials.removed.sum(axis=1)
    distant = (trials.region != trials.region[chosen]) | (np.abs(trials.point - trials.point[chosen]) > 8)
    comparable_falls = fall[distant & (area > 0.6 * area[chosen]) & (area < 1.6 * area[chosen])]
    if not comparable_falls.size:
        return np.nan, np.nan, np.nan
    return float((comparable_falls < fall[chosen]).mean()), float(fall[chosen]), float(comparable_falls.mean())


class Scores:
    """Scores of the methods, spectrum by spectrum."""

    def __init__(self, trained: TrainedNetwork) -> None:
        self.trained = trained
        self.right: dict[str, list[bool]] = defaultdict(list)
        self.mass: dict[str, list[float]] = defaultdict(list)
        self.deletion: dict[tuple[str, str], list[tuple[float, float, float]]] = defaultdict(list)
        self.seconds: dict[str, list[float]] = defaultdict(list)
        self.chance: list[float] = []
        self.places: list[int] = []
        self.gaps: list[float] = []

    def add(self, sample: Sample, line_masks: Mapping[int, NDArray[np.bool_]]) -> None:
        """Ask all methods about the groups in `line_masks`, whose lines lie where it says."""
        trained, grid = self.trained, self.trained.grid
        lines = line_trials(sample.counts, sample.measured, grid.step, sample.shift)
        if not lines.point.size:
            return
        trials = {
            "line": lines,
            "taper": taper_trials(sample, grid, lines),
            "chord": chord_trials(sample, grid, lines),
        }
        falls_by_trial = {}
        for name, removed in trials.items():
            start = time.process_time()
            falls_by_trial[name] = falls(trained, sample, removed)
            self.seconds[name].append(time.process_time() - start)
        start = time.process_time()
        regions = region_places(trained, sample, lines)
        self.seconds["region"].append(time.process_time() - start)
        signal = trials["taper"].removed.sum(axis=1)
        self.places.append(lines.point.size)
        for column, line_mask in line_masks.items():
            start = time.process_time()
            gradient, gap = gradient_places(trained, sample, lines, column)
            self.seconds["gradient"].append(time.process_time() - start)
            self.gaps.append(gap)
            inside = line_mask[lines.region, lines.point]
            self.chance.append(float(signal[inside].sum() / signal.sum()))
            scores = {name: values[:, column] for name, values in falls_by_trial.items()}
            for method, score in {**scores, "region": regions[:, column], "gradient": gradient}.items():
                # The places of a region are one: that with most signal stands for it.
                best_trial = int(np.lexsort((signal, score))[-1])
                self.right[method].append(bool(inside[best_trial]))
                positive_score = score.clip(min=0.0)
                self.mass[method].append(
                    float(positive_score[inside].sum() / positive_score.sum()) if positive_score.any() else 0.0
                )
                for name, removed in trials.items():
                    self.deletion[method, name].append(deletion(scores[name], removed, best_trial))

    def figures(self) -> dict[str, dict[str, float]]:
        """Means over all groups of all spectra, and the median CPU time of one answer (the gradient: of one group)."""
        return {
            method: {
                "right place": float(np.mean(self.right[method])),
                "at lines": float(np.mean(self.mass[method])),
                **{
                    f"deletion {name}": float(np.nanmean([share for share, _, _ in self.deletion[method, name]]))
                    for name in ("line", "taper", "chord")
                },
                "CPU ms": 1000 * float(np.median(self.seconds[method])),
            }
            for method in self.right
        }


@click.command()
@click.option("--number", default=300, show_default=True, help="Simulated spectra.")
@click.option("--structures", default=500, show_default=True, help="Generated structures beside the references.")
@click.option("--weights", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Default: as shipped.")
@click.option("--seed", default=20261122, show_default=True)
@click.option("--json", "json_path", type=click.Path(path_type=Path), default=Path("runs/explain.json"))
def main(number: int, structures: int, weights: Path | None, seed: int, json_path: Path) -> None:
    """Compare ways to explain the network."""
    console = Console(width=None if sys.stdout.isatty() else 120)
    trained = load_weights(weights) if weights else shipped_weights()
    config = replace(SimulationConfig.load(None), generated_structures=structures)
    batch = build_simulator(config).draw(number, np.random.default_rng(seed))
    scores = Scores(trained)
    for index in track(range(number), "spectra", console=console, transient=True):
        counts, measured = batch.counts[index].astype(float), batch.measured[index]
        with torch.inference_mode():
            channels = network_input(torch.from_numpy(batch.counts[index][None]), torch.from_numpy(measured[None]))
            read = trained.network(channels)
        sample = Sample(counts, measured, float(read.shift[0]))
        present_groups = np.flatnonzero(
            (read.group_logits[0].numpy() > 0) & batch.labels[index] & ~batch.outside[index]
        )
        line_masks = {
            c: line_mask
            for c in present_groups
            if (line_mask := sample.at_lines(trained.groups[c], trained.grid)).any()
        }
        if abs(sample.shift - batch.shift[index]) <= MOST_ERROR:
            scores.add(sample, line_masks)
    results = scores.figures()
    table = Table("method", *next(iter(results.values())), title="Which part speaks for a group")
    for method, row in results.items():
        table.add_row(method, *(f"{value:.0f}" if value > 1.5 else f"{value:.3f}" for value in row.values()))
    console.print(table)
    line_deletions = np.array(scores.deletion["line", "taper"])
    summary = {
        "cases": float(len(scores.chance)),
        "right place by chance": float(np.mean(scores.chance)),
        "places per spectrum": float(np.mean(scores.places)),
        "median fall by taper at the place of line": float(np.nanmedian(line_deletions[:, 1])),
        "median of the mean fall at places alike": float(np.nanmedian(line_deletions[:, 2])),
        "median gap of the gradient's sum": float(np.median(scores.gaps)),
    }
    for name, value in summary.items():
        console.print(f"{name}: {value:.3g}")
    record = {**conditions(seed), "model": asdict(trained.info), "number": number, **summary, "results": results}
    write_record(json_path, record)
    console.print(f"written: {json_path}")
