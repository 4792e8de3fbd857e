"""Shift and groups on measured polymer spectra, against taking the highest C 1s channel for 285.0 eV.

    python -m benchmarks measured --data ../shared/measured

Each polymer's axis is moved rigidly by a random shift, the file is written and read again through the public contract,
error = predicted minus applied shift, a group counts as found above 0.5.
"""

from __future__ import annotations

import csv
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.polymers import Polymer, Regions, load
from benchmarks.record import conditions, write_record
from xps_prefit_hooks import ALIPHATIC_C1S
from xps_stn_plugin.api import read
from xps_stn_plugin.chemistry.groups import group_names
from xps_stn_plugin.stn.metrics import group_metrics, shift_metrics
from xps_stn_plugin.stn.predict import predict_with
from xps_stn_plugin.stn.weights import TrainedNetwork, load_weights, shipped_weights

#: Alkane and alkene taken as one: chemically a matter of one double bond per unit.
MERGED = {"alkene": "alkane"}


def write_table(path: Path, regions: Regions, shift: float) -> None:
    """Write the long table with the axis moved by `shift` eV."""
    with path.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(["region", "binding_energy_eV", "intensity"])
        for name, rows in regions.items():
            writer.writerows([name, f"{energy + shift:.4f}", f"{value:.6g}"] for energy, value in rows)


@dataclass(frozen=True)
class Case:
    """One draw: prediction for one polymer moved by one shift."""

    polymer: str
    shift: float
    error: float
    stderr: float
    status: str
    baseline_error: float
    found: frozenset[str]
    true: frozenset[str]


def cases(
    polymers: tuple[Polymer, ...], span: float, draws: int, carbon_only: bool, trained: TrainedNetwork, seed: int
) -> Iterator[Case]:
    """Move, write, read, predict."""
    rng = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "spectrum.csv"
        for polymer in polymers:
            regions = {"C1s": polymer.regions["C1s"]} if carbon_only else polymer.regions
            for _ in range(draws):
                shift = float(rng.uniform(-span, span))
                write_table(path, regions, shift)
                spectrum = read(path)
                prediction = predict_with(trained, spectrum)
                carbon = spectrum["C1s"].to_dataset()
                highest = float(carbon["binding_energy"].values[carbon["counts"].values.argmax()])
                yield Case(
                    polymer.name,
                    shift,
                    prediction.shift - shift,
                    prediction.shift_stderr,
                    prediction.status,
                    highest - ALIPHATIC_C1S - shift,
                    frozenset(name for name, probability in prediction.groups.items() if probability > 0.5),
                    polymer.groups,
                )


def figures(rows: list[Case]) -> dict[str, float | dict[str, float]]:
    """All figures of one set of cases."""
    error = np.array([row.error for row in rows])
    stderr = np.array([row.stderr for row in rows])
    names = group_names()
    merged = [name for name in names if name not in MERGED]

    def decisions(sets: list[frozenset[str]], columns: tuple[str, ...] | list[str]) -> NDArray[np.bool_]:
        return np.array([[name in groups for name in columns] for groups in sets])

    predicted, true = [row.found for row in rows], [row.true for row in rows]
    merged_predicted = [frozenset(MERGED.get(name, name) for name in group) for group in predicted]
    merged_true = [frozenset(MERGED.get(name, name) for name in group) for group in true]
    status = [row.status for row in rows]
    return {
        **asdict(shift_metrics(error)),
        **{f"baseline_{k}": v for k, v in asdict(shift_metrics(np.array([r.baseline_error for r in rows]))).items()},
        **asdict(group_metrics(decisions(predicted, names), decisions(true, names))),
        "exact_merged": group_metrics(decisions(merged_predicted, merged), decisions(merged_true, merged)).exact,
        "within_1_stderr": float((np.abs(error) <= stderr).mean()),
        "within_2_stderr": float((np.abs(error) <= 2 * stderr).mean()),
        "status": {name: status.count(name) / len(status) for name in sorted(set(status))},
    }


def per_polymer(rows: list[Case]) -> list[dict[str, object]]:
    """Mean and spread of the error and the groups that were missed or added, by polymer."""
    table = []
    for name in dict.fromkeys(row.polymer for row in rows):
        polymer_rows = [row for row in rows if row.polymer == name]
        error = np.array([row.error for row in polymer_rows])
        wrong_groups = sorted(
            {f"-{g}" for row in polymer_rows for g in row.true - row.found}
            | {f"+{g}" for row in polymer_rows for g in row.found - row.true}
        )
        table.append(
            {
                "polymer": name,
                "bias": float(error.mean()),
                "median": float(np.median(np.abs(error))),
                "worst": float(np.abs(error).max()),
                "stderr": float(np.mean([row.stderr for row in polymer_rows])),
                "exact": float(np.mean([row.found == row.true for row in polymer_rows])),
                "wrong": wrong_groups,
            }
        )
    return table


def shift_table(results: list[dict[str, Any]]) -> Table:
    """Tabulate shift errors in eV of all runs, beside the baseline."""
    columns = ("median", "mean", "bias", "p95", "baseline_median", "baseline_p95", "within_1_stderr", "within_2_stderr")
    table = Table("regions", "span", *(name.replace("_", " ") for name in columns), title="Error of the shift / eV")
    for row in results:
        table.add_row(row["regions"], f"±{row['span']:g}", *(f"{row[name]:.3f}" for name in columns))
    return table


def group_table(results: list[dict[str, Any]]) -> Table:
    """Tabulate groups and status of all runs."""
    columns = ("exact", "exact_merged", "micro_f1", "macro_f1")
    table = Table("regions", "span", *(name.replace("_", " ") for name in columns), "status", title="Functional groups")
    for row in results:
        status = ", ".join(f"{name} {share:.0%}" for name, share in row["status"].items())
        table.add_row(row["regions"], f"±{row['span']:g}", *(f"{row[name]:.3f}" for name in columns), status)
    return table


def polymer_table(result: dict[str, Any]) -> Table:
    """Tabulate one run by polymer."""
    columns = ("bias", "median", "worst", "stderr", "exact")
    title = f"{result['regions']}, ±{result['span']:g} eV"
    table = Table("polymer", *columns, "missed (-) or added (+) in any draw", title=title)
    for row in result["polymers"]:
        table.add_row(row["polymer"], *(f"{row[name]:.3f}" for name in columns), ", ".join(row["wrong"]))
    return table


@click.command()
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--weights", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Default: as shipped.")
@click.option("--span", "spans", type=float, multiple=True, default=(0.0, 1.0, 3.0, 5.0), show_default=True)
@click.option("--draws", default=8, show_default=True)
@click.option("--seed", default=20261122, show_default=True)
@click.option("--json", "json_path", type=click.Path(path_type=Path), default=Path("runs/measured.json"))
def main(data: Path, weights: Path | None, spans: tuple[float, ...], draws: int, seed: int, json_path: Path) -> None:
    """Measure shift and groups on measured spectra."""
    console = Console(width=None if sys.stdout.isatty() else 140)
    polymers = load(data)
    trained = load_weights(weights) if weights else shipped_weights()
    results: list[dict[str, Any]] = []
    for carbon_only in (False, True):
        for span in spans:
            label = "C 1s alone" if carbon_only else "all"
            drawn = cases(polymers, span, draws, carbon_only, trained, seed)
            rows = list(track(drawn, f"{label}, ±{span:g} eV", len(polymers) * draws, console=console, transient=True))
            results.append({"regions": label, "span": span, **figures(rows), "polymers": per_polymer(rows)})
            console.print(polymer_table(results[-1]))
    console.print(shift_table(results))
    console.print("baseline: the highest C 1s channel is taken for 285.00 eV")
    console.print(group_table(results))
    record = {**conditions(seed), "data": data.name, "draws": draws, "model": asdict(trained.info), "results": results}
    write_record(json_path, record)
    console.print(f"written: {json_path}")
