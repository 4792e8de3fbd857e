"""Accuracy on measured polymers under worse conditions, one at a time.

    python -m benchmarks degraded --data ../shared/measured

Every polymer is altered as the row says, moved by a random shift within 3 eV and asked. The first row alters nothing.
Baseline: the highest C 1s channel is taken for 285.0 eV.

The second table is about differential charging: how well ``region_shifts[...].disagreement`` recovers what was applied
to each region beside C 1s. "seen" is the median share of the applied charge by which the disagreement changes: 1 is all
of it. Baseline: saying 0.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.alterations import COUNTS, Condition, all_conditions
from benchmarks.cases import ascending, predict_or_none, shifted, tree, without_nan
from benchmarks.polymers import Polymer, load
from benchmarks.record import conditions, write_record
from xps_prefit_hooks import ALIPHATIC_C1S
from xps_stn_plugin.chemistry.groups import group_names
from xps_stn_plugin.stn.metrics import group_metrics, shift_metrics
from xps_stn_plugin.stn.weights import TrainedNetwork, load_weights, shipped_weights

SPAN = 3.0


@dataclass(frozen=True)
class Outcome:
    """Answer to one altered spectrum; energies in eV, NaN where no shift was given.

    `applied`, `disagreement` and `beside_carbon` are by region other than C 1s: the differential charge, what
    ``region_shifts`` says, and its own shift less that of C 1s alone.
    """

    polymer: str
    error: float
    stderr: float
    status: str
    baseline_error: float
    found: frozenset[str]
    true: frozenset[str]
    applied: Mapping[str, float] = field(default_factory=dict)
    disagreement: Mapping[str, float] = field(default_factory=dict)
    beside_carbon: Mapping[str, float] = field(default_factory=dict)


# --- asking ---------------------------------------------------------------------------------------


def outcomes(
    polymers: Sequence[Polymer], condition: Condition, trained: TrainedNetwork, draws: int, seed: int
) -> Iterator[Outcome]:
    """Alter, move and ask; shifts are the same in every condition. A polymer that loses all regions is passed over."""
    for number, polymer in enumerate(polymers):
        for draw in range(draws):
            shift = float(np.random.default_rng([seed, number, draw]).uniform(-SPAN, SPAN))
            rng = np.random.default_rng([seed, number, draw, *condition.name.encode()])
            regions = condition.change(ascending(polymer.regions), rng)
            if not regions:
                continue
            applied = {name: condition.differential * rng.choice([-1.0, 1.0]) for name in regions if name != "C1s"}
            charged = {
                name: shifted({name: rows}, shift + applied.get(name, 0.0))[name] for name, rows in regions.items()
            }
            highest = float("nan")
            if "C1s" in charged:
                carbon = charged["C1s"]
                highest = float(carbon[carbon[:, 1].argmax(), 0]) - ALIPHATIC_C1S - shift
            excused_groups = frozenset({condition.excused}) - polymer.groups
            nan = float("nan")
            prediction = predict_or_none(trained, tree(polymer.name, charged))
            if prediction is None:
                yield Outcome(polymer.name, nan, nan, "refused", highest, frozenset(), polymer.groups)
                continue
            region_shifts = prediction.region_shifts
            yield Outcome(
                polymer=polymer.name,
                error=prediction.shift - shift,
                stderr=prediction.shift_stderr,
                status=prediction.status,
                baseline_error=highest,
                found=frozenset(name for name, p in prediction.groups.items() if p > 0.5) - excused_groups,
                true=polymer.groups,
                applied={name: value for name, value in applied.items() if name in region_shifts},
                disagreement={name: region_shifts[name].disagreement for name in applied if name in region_shifts},
                beside_carbon={
                    name: region_shifts[name].value - region_shifts["C1s"].value
                    for name in applied
                    if {name, "C1s"} <= set(region_shifts)
                },
            )


# --- figures --------------------------------------------------------------------------------------


def figures(condition: Condition, rows: Sequence[Outcome]) -> dict[str, Any]:
    """All figures of one condition; errors over the spectra that got a shift."""
    names = group_names()
    error = np.array([row.error for row in rows])
    stderr = np.array([row.stderr for row in rows])
    has_shift = np.isfinite(error)
    baseline = np.array([row.baseline_error for row in rows])
    predicted, true = (np.array([[name in groups for name in names] for groups in sets]) for sets in _sets(rows))
    metrics = group_metrics(predicted, true)
    status = [row.status for row in rows]
    no_figures = {"median": float("nan"), "mean": float("nan"), "bias": float("nan"), "p95": float("nan")}
    with_baseline = baseline[np.isfinite(baseline)]
    return {
        "family": condition.family,
        "condition": condition.name,
        "spectra": len(rows),
        "no shift": float((~has_shift).mean()),
        **(asdict(shift_metrics(error[has_shift])) if has_shift.any() else no_figures),
        "exact": metrics.exact,
        "micro_f1": metrics.micro_f1,
        "within_1_stderr": float((np.abs(error) <= stderr)[has_shift].mean()) if has_shift.any() else float("nan"),
        "status": {name: status.count(name) / len(status) for name in sorted(set(status))},
        "baseline": asdict(shift_metrics(with_baseline)) if with_baseline.size else no_figures,
    }


def _sets(rows: Sequence[Outcome]) -> tuple[list[frozenset[str]], list[frozenset[str]]]:
    return [row.found for row in rows], [row.true for row in rows]


def recovery(condition: Condition, rows: Sequence[Outcome], unaltered: Sequence[Outcome]) -> list[dict[str, Any]]:
    """Recovery of the applied differential charge, by region and over all.

    Parameters
    ----------
    condition : Condition
        What was applied.
    rows, unaltered : sequence of Outcome
        The same polymers at the same shifts with and without it.
    """
    results = []
    regions = sorted({name for row in rows for name in row.disagreement})
    nan = float("nan")
    for region in (*regions, "all"):
        pairs = [
            (
                row.disagreement[name],
                row.beside_carbon.get(name, nan),
                reference.disagreement.get(name, nan),
                row.applied[name],
            )
            for row, reference in zip(rows, unaltered, strict=True)
            for name in row.disagreement
            if region in (name, "all")
        ]
        if not pairs:
            continue
        disagreement, beside_carbon, disagreement_without, applied = np.array(pairs).T
        error = disagreement - applied
        # Response to the charge alone: what the region disagreed by anyway is taken out.
        response = (
            float(np.nanmedian((disagreement - disagreement_without) / applied)) if condition.differential else nan
        )
        results.append(
            {
                "applied": condition.differential,
                "region": region,
                "regions asked": len(pairs),
                "bias": float(error.mean()),
                "rms": float(np.sqrt(np.mean(error**2))),
                "median error": float(np.median(np.abs(error))),
                "median error, less C 1s alone": float(np.nanmedian(np.abs(beside_carbon - applied))),
                "seen": response,
                "rms of saying 0": float(np.sqrt(np.mean(applied**2))),
            }
        )
    return results


def condition_table(results: Sequence[dict[str, Any]]) -> Table:
    """Tabulate all conditions."""
    columns = (
        "n",
        "median",
        "bias",
        "p95",
        "exact",
        "micro F1",
        "in 1 stderr",
        "ok",
        "unc.",
        "out",
        "base median",
        "p95",
    )
    table = Table("", "condition", *columns, title="Measured polymers, ±3 eV; shift errors in eV")
    for row in results:
        table.add_row(
            row["family"],
            row["condition"],
            str(row["spectra"]),
            *(f"{row[name]:+.3f}" if name == "bias" else f"{row[name]:.3f}" for name in ("median", "bias", "p95")),
            *(f"{row[name]:.3f}" for name in ("exact", "micro_f1")),
            f"{row['within_1_stderr']:.0%}",
            *(f"{row['status'].get(name, 0):.0%}" for name in ("ok", "uncertain", "out_of_domain")),
            f"{row['baseline']['median']:.3f}",
            f"{row['baseline']['p95']:.2f}",
        )
    return table


def recovery_table(results: Sequence[dict[str, Any]]) -> Table:
    """Tabulate what is seen of differential charging."""
    names = ("bias", "rms", "median error", "median error, less C 1s alone", "seen", "rms of saying 0")
    table = Table("applied", "region", "n", *names, title="Differential charge by region_shifts / eV")
    for row in results:
        values = (f"{row[name]:.3f}" for name in names)
        table.add_row(f"±{row['applied']:g}", row["region"], str(row["regions asked"]), *values)
    return table


@click.command()
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--weights", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Default: as shipped.")
@click.option("--draws", default=3, show_default=True, help="Draws of each polymer and condition.")
@click.option("--seed", default=20261122, show_default=True)
@click.option("--json", "json_path", type=click.Path(path_type=Path), default=Path("runs/degraded.json"))
def main(data: Path, weights: Path | None, draws: int, seed: int, json_path: Path) -> None:
    """Measure what each condition costs."""
    console = Console(width=None if sys.stdout.isatty() else 170)
    polymers = load(data)
    trained = load_weights(weights) if weights else shipped_weights()
    results: list[dict[str, Any]] = []
    recovered: list[dict[str, Any]] = []
    unaltered: list[Outcome] = []
    for condition in track(all_conditions(polymers), "conditions", console=console, transient=True):
        rows = list(outcomes(polymers, condition, trained, draws, seed))
        results.append(figures(condition, rows))
        unaltered = unaltered or rows
        if condition.differential or rows is unaltered:
            recovered += recovery(condition, rows, unaltered)
    console.print(condition_table(results))
    console.print(f"baseline: highest C 1s channel = 285.00 eV. Backgrounds and wide windows: {COUNTS:.0e} counts.")
    console.print(recovery_table(recovered))
    record = {
        **conditions(seed),
        "data": data.name,
        "draws": draws,
        "span": SPAN,
        "model": asdict(trained.info),
        "results": results,
        "differential": recovered,
    }
    write_record(json_path, without_nan(record))
    console.print(f"written: {json_path}")
