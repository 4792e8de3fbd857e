"""Shift and groups with the right substance expected, and with a wrong one.

    python -m benchmarks expectation --data ../shared/measured

Each polymer's axis is moved rigidly by a random shift within the span. Three prefits: nothing expected, the polymer
itself expected, and one of the other named substances (of another structure) at random. The same for mixtures of two,
both expected, and one of the two replaced by another. Error = reported minus applied shift. A contradiction is told
where a reason says that lines or groups do not fit what is expected.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.polymers import Polymer, Regions, load
from benchmarks.record import conditions, write_record
from xps_stn_plugin.api import PrefitResult, prefit
from xps_stn_plugin.chemistry.substances import find_substance, substances

#: What a reason says that contradicts the expectation.
CONTRADICTIONS = (
    "do not fit",
    "fit at several shifts",
    "but the network is certain",
    "No measured region shows a line",
    "shows a line, where",
    "shows no line, where",
    "No intensity of",
    "does not show it",
    "Not expected, but",
)


@dataclass(frozen=True)
class Case:
    """One draw of one polymer: the expected substance, the error and standard error in eV, and the answer."""

    polymer: str
    expected: str
    error: float
    stderr: float
    status: str
    exact: bool
    contradictions: tuple[str, ...]


@dataclass(frozen=True)
class Sample:
    """A measured spectrum and the abbreviations of what it holds."""

    holds: tuple[str, ...]
    spectrum: Polymer


def mixtures(polymers: Sequence[Polymer], number: int, seed: int) -> list[Sample]:
    """Draw pairs of polymers of different groups, each to area 1, the first with a share of 0.25 to 0.75."""
    rng = np.random.default_rng(seed)
    samples: list[Sample] = []
    while len(samples) < number:
        first, second = (polymers[int(i)] for i in rng.choice(len(polymers), 2, replace=False))
        if first.groups != second.groups:
            share = float(rng.uniform(0.25, 0.75))
            pair = Polymer(
                f"{first.name}+{second.name}",
                _summed(first.regions, second.regions, share),
                first.groups | second.groups,
            )
            samples.append(Sample((first.name, second.name), pair))
    return samples


def _summed(first: Regions, second: Regions, share: float) -> Regions:
    """Sum on an axis of 0.1 eV, zero where nothing was measured."""
    parts = [
        (regions, part / sum(float(rows[:, 1].sum()) for rows in regions.values()))
        for regions, part in ((first, share), (second, 1 - share))
    ]
    summed = {}
    for name in {**first, **second}:
        ends = [rows[name][:, 0] for rows, _ in parts if name in rows]
        axis = np.arange(min(map(np.min, ends)), max(map(np.max, ends)) + 0.05, 0.1)
        total = np.zeros_like(axis)
        for regions, scale in parts:
            if name in regions:
                rows = regions[name][np.argsort(regions[name][:, 0])]
                total += scale * np.interp(axis, rows[:, 0], rows[:, 1], left=0.0, right=0.0)
        summed[name] = np.column_stack([axis, total])
    return summed


def case(polymer: Polymer, expected: str, applied: float, result: PrefitResult) -> Case:
    """Figures of one prefit."""
    likely_groups = {name for name, probability in result.prediction.groups.items() if probability > 0.5}
    contradictions = tuple(part for part in CONTRADICTIONS if any(part in reason for reason in result.reasons))
    return Case(
        polymer.name,
        expected,
        result.shift - applied,
        result.shift_stderr,
        result.status,
        likely_groups == polymer.groups,
        contradictions,
    )


def cases(samples: Sequence[Sample], span: float, draws: int, seed: int) -> Iterator[tuple[Case, Case, Case]]:
    """Draw shifts; yield what comes of expecting nothing, the right and a wrong substance."""
    rng = np.random.default_rng(seed)
    for sample in samples:
        sample_lines = [find_substance(name).lines for name in sample.holds]
        other_substances = [substance for substance in substances() if substance.lines not in sample_lines]
        for _ in range(draws):
            applied = float(rng.uniform(-span, span))
            wrong_name = other_substances[int(rng.integers(len(other_substances)))].abbreviation
            spectrum = sample.spectrum.spectrum(applied)
            without_substance, with_substance, with_wrong_substance = (
                case(sample.spectrum, " + ".join(expect), applied, prefit(spectrum, expect=expect))
                for expect in ((), sample.holds, (*sample.holds[:-1], wrong_name))
            )
            yield without_substance, with_substance, with_wrong_substance


def figures(rows: Sequence[Case]) -> dict[str, Any]:
    """Shift errors, coverage of their bars, exact match, status and contradictions."""
    error = np.abs([row.error for row in rows])
    stderr = np.array([row.stderr for row in rows])
    ok = np.array([row.status == "ok" for row in rows])
    return {
        "median": float(np.median(error)),
        "p95": float(np.percentile(error, 95)),
        "bias": float(np.mean([row.error for row in rows])),
        "within_1_stderr": float(np.mean(error <= stderr)),
        "within_2_stderr": float(np.mean(error <= 2 * stderr)),
        "exact": float(np.mean([row.exact for row in rows])),
        "ok": float(ok.mean()),
        "ok_and_off": float(np.mean(ok & (error > 0.5))),
        "contradicted": float(np.mean([bool(row.contradictions) for row in rows])),
        "contradictions": {
            part: float(np.mean([part in row.contradictions for row in rows])) for part in CONTRADICTIONS
        },
        "unnoticed": sorted({f"{row.polymer} as {row.expected}" for row in rows if not row.contradictions}),
    }


def tabulated(results: Sequence[dict[str, Any]]) -> Table:
    """One row for each set of regions and each kind of expectation."""
    columns = (
        "median",
        "p95",
        "bias",
        "within_1_stderr",
        "within_2_stderr",
        "exact",
        "ok",
        "ok_and_off",
        "contradicted",
    )
    table = Table("regions", "expected", *(name.replace("_", " ") for name in columns), title="Shift error / eV")
    for row in results:
        table.add_row(row["regions"], row["expected"], *(f"{row[name]:.3f}" for name in columns))
    return table


@click.command()
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--span", default=3.0, show_default=True)
@click.option("--draws", default=4, show_default=True)
@click.option("--seed", default=20261122, show_default=True)
@click.option("--json", "json_path", type=click.Path(path_type=Path), default=Path("runs/expectation.json"))
def main(data: Path, span: float, draws: int, seed: int, json_path: Path) -> None:
    """Measure what expected substances do to shift, groups and reasons."""
    console = Console(width=None if sys.stdout.isatty() else 150)
    results: list[dict[str, Any]] = []
    polymers = load(data)
    carbon = [replace(polymer, regions={"C1s": polymer.regions["C1s"]}) for polymer in polymers]
    sets = {
        "C 1s alone": [Sample((polymer.name,), polymer) for polymer in carbon],
        "all": [Sample((polymer.name,), polymer) for polymer in polymers],
        "mixtures of two": mixtures(polymers, len(polymers), seed),
    }
    for label, samples in sets.items():
        total = len(samples) * draws
        rows = list(track(cases(samples, span, draws, seed), label, total, console=console, transient=True))
        for kind, chosen in zip(("nothing", "what is there", "another"), zip(*rows, strict=True), strict=True):
            results.append(
                {"regions": label, "expected": kind, **figures(chosen), "cases": [asdict(row) for row in chosen]}
            )
    console.print(tabulated(results))
    for row in results:
        if row["expected"] != "nothing":
            console.print(row["regions"], row["expected"], row["contradictions"])
    write_record(json_path, {**conditions(seed), "span": span, "draws": draws, "results": results})
    console.print(f"written: {json_path}")
