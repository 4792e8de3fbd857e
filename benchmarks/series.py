"""Shift of simulated depth profiles, level by level and shared by the series.

    python -m benchmarks series

PMMA and PET (the simulator's lines, with its errors of positions, one draw for a profile) are sputtered away from an
oxide over 20 levels. The charging is constant, drifts by 0.05 eV a level, jumps by 0.7 eV once, or is constant with one
level that shows a stray second copy of the polymer. Error = shift less true shift; the same network readings with and
without sharing. Coverage = share of errors within 1 and within 1.96 standard errors (0.683 and 0.95 wanted).

`--shares` measures what of a standard error is the spectrum's own: samples of the simulator, each counted 12 times.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks import series_picture
from benchmarks.record import conditions, write_record
from benchmarks.series_design import CHARGING, JUMP_AT, POLYMERS, Profile, profiles
from xps_stn_plugin.simulate.config import SimulationConfig
from xps_stn_plugin.simulate.drawing import build_simulator
from xps_stn_plugin.stacks.shared_shift import SeriesShift, share_shift
from xps_stn_plugin.stn.predict import shipped
from xps_stn_plugin.stn.stack import predict_stack
from xps_stn_plugin.stn.stack_prediction import StackPrediction
from xps_stn_plugin.stn.weights import TrainedNetwork

FloatArray = NDArray[np.float64]
HEIGHTS = (1e3, 1e4)
NOTICED = ("drift_told", "jumps_told", "jump_right", "levels_carried", "alone_within", "shared_within")
#: Counts in the highest channel at which own shares are measured, and how often each sample is counted.
SHARE_COUNTS, REPEATS = (1e2, 3e2, 1e3, 1e4, 1e5), 12


@dataclass(frozen=True)
class Outcome:
    """A profile and what was made of it."""

    profile: Profile
    alone: StackPrediction
    shared: SeriesShift


def outcome(profile: Profile, trained: TrainedNetwork) -> Outcome:
    """Read a profile level by level, then as a series."""
    alone = predict_stack(trained, profile.regions, keep_posterior=True)
    return Outcome(profile, alone, share_shift(alone, trained, dimension="level"))


def figures(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Errors and coverage, of all levels and of those with and without a scale of their own, and what was noticed."""
    truth = np.array([one.profile.shift for one in outcomes])
    carried = np.array([one.shared.carried for one in outcomes])
    values = {
        "alone": (np.array([one.alone.shift for one in outcomes]), [one.alone.shift_stderr for one in outcomes]),
        "shared": (np.array([one.shared.shift for one in outcomes]), [one.shared.stderr for one in outcomes]),
    }
    result: dict[str, Any] = {
        "profiles": len(outcomes),
        "drift_told": float(np.mean([not one.shared.drift.constant for one in outcomes])),
        "jumps_told": float(np.mean([bool(one.shared.drift.jumps) for one in outcomes])),
        "jump_right": float(np.mean([one.shared.drift.jumps == (JUMP_AT,) for one in outcomes])),
        "levels_carried": float(carried.mean()),
    }
    for label, (shift, stderr) in values.items():
        error, bar = shift - truth, np.array(stderr)
        for part, chosen in (("all", carried | True), ("own", ~carried), ("carried", carried)):
            result[f"{label}_{part}"] = _summary(error[chosen], bar[chosen])
        # Around each profile's own mean: what is left when the common error is taken out.
        own = np.where(carried, np.nan, error)
        within = own - np.nanmean(own, axis=1, keepdims=True)
        result[f"{label}_within"] = float(np.sqrt(np.nanmean(within**2)))
    return result


def _summary(error: FloatArray, bar: FloatArray) -> dict[str, float]:
    there = np.isfinite(error)
    error, bar = error[there], bar[there]
    if not error.size:
        return {"levels": 0.0}
    return {
        "levels": float(error.size),
        "rms": float(np.sqrt(np.mean(error**2))),
        "p95": float(np.quantile(np.abs(error), 0.95)),
        "bias": float(error.mean()),
        "median_bar": float(np.median(bar)),
        "within_1": float(np.mean(np.abs(error) <= bar)),
        "within_2": float(np.mean(np.abs(error) <= 1.96 * bar)),
    }


def own_shares(trained: TrainedNetwork, samples: int, seed: int) -> list[dict[str, float]]:
    """Measure what of a standard error is a spectrum's own: each of the simulator's samples is counted several times.

    Only spectra that the verdict calls "ok". Per number of counts: root mean square of the samples' mean errors (the
    common part; also robustly, 1.4826 times the median of their magnitudes), median standard deviation of the repeats,
    quantiles of its ratio to the standard error.
    """
    config = replace(
        SimulationConfig.load(),
        generated_structures=300,
        peak_counts=(1e7, 1e7),
        subtracted_share=0.0,
        outsider_share=0.0,
        coarse_share=0.0,
    )
    simulator = build_simulator(config)
    rng = np.random.default_rng(seed)
    batch = simulator.draw(samples, rng)
    grid = simulator.grid
    found: list[tuple[float, float, float, float]] = []
    for i in np.flatnonzero(batch.lined[:, grid.regions.index("C1s")]):
        for counts in SHARE_COUNTS:
            regions = {}
            for name, energy, rate, measured in zip(
                grid.regions, grid.energies, batch.counts[i], batch.measured[i], strict=True
            ):
                if measured.sum() > 12:
                    mean = rate[measured].astype(float) * counts / 1e7
                    regions[name] = (energy[measured], rng.poisson(mean, (REPEATS, mean.size)))
            said = predict_stack(trained, regions)
            if (said.verdict.status == 0).mean() > 0.5:
                error = said.shift - batch.shift[i]
                stderr = float(np.sqrt(np.nanmean(said.shift_stderr**2)))
                found.append((counts, float(np.nanmean(error)), float(np.nanstd(error, ddof=1)), stderr))
    table = np.array(found)
    rows = []
    for counts in SHARE_COUNTS:
        _, common, own, stderr = table[table[:, 0] == counts].T
        rows.append(
            {
                "counts": counts,
                "samples": float(own.size),
                "common_rms": float(np.sqrt(np.mean(common**2))),
                "common_robust": float(1.4826 * np.median(np.abs(common))),
                "own_median": float(np.median(own)),
                "stderr_median": float(np.median(stderr)),
                **{f"share_{q}": float(np.quantile(own / stderr, q / 100)) for q in (10, 25, 50, 75, 90)},
            }
        )
    return rows


def tabulated(results: Sequence[dict[str, Any]]) -> Table:
    """One row for each kind of charging, height and set of levels."""
    columns = ("rms", "p95", "median_bar", "within_1", "within_2")
    table = Table("polymer", "charging", "counts", "levels", *(f"alone {name}" for name in columns),
                  *(f"shared {name}" for name in columns), title="Shift error / eV")  # fmt: skip
    for row in results:
        for part in ("all", "own", "carried"):
            cells = [f"{row[f'{who}_{part}'].get(name, np.nan):.3f}" for who in ("alone", "shared") for name in columns]
            table.add_row(row["polymer"], row["charging"], f"{row['height']:.0e}", part, *cells)
    return table


@click.command()
@click.option("--draws", default=20, show_default=True, help="Profiles of each polymer, charging and number of counts.")
@click.option("--shares", "samples", default=0, show_default=True, help="Samples for the measurement of own shares.")
@click.option("--seed", default=20261122, show_default=True)
@click.option("--picture", type=click.Path(path_type=Path), help="PNG of one profile of each kind.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), default=Path("runs/series.json"))
def main(draws: int, samples: int, seed: int, picture: Path | None, json_path: Path) -> None:
    """Measure shared shifts of simulated depth profiles."""
    console = Console(width=None if sys.stdout.isatty() else 170)
    trained = shipped()
    every = profiles(CHARGING, HEIGHTS, draws, seed)
    outcomes = [outcome(one, trained) for one in track(every, "profiles", console=console, transient=True)]
    results = []
    for polymer, kind, height in product(POLYMERS, CHARGING, HEIGHTS):
        key = (polymer, kind, height)
        chosen = [one for one in outcomes if (one.profile.polymer, one.profile.charging, one.profile.height) == key]
        results.append({"polymer": polymer, "charging": kind, "height": height, **figures(chosen)})
    for height in HEIGHTS:
        chosen = [one for one in outcomes if one.profile.height == height]
        results.append({"polymer": "both", "charging": "all", "height": height, **figures(chosen)})
    console.print(tabulated(results))
    for row in results:
        noticed = {name: round(row[name], 3) for name in NOTICED}
        console.print(row["polymer"], row["charging"], f"{row['height']:.0e}", noticed)
    start = time.perf_counter()
    for one in outcomes:
        share_shift(one.alone, trained)
    seconds = (time.perf_counter() - start) / len(outcomes)
    console.print(f"{1e3 * seconds:.1f} ms to share the shift of a profile of 20 levels")
    shares = own_shares(trained, samples, seed) if samples else []
    for share in shares:
        console.print({name: round(value, 3) for name, value in share.items()})
    record = {"draws": draws, "results": results, "own_shares": shares, "seconds_per_profile": seconds}
    write_record(json_path, {**conditions(seed), **record})
    console.print(f"written: {json_path}")
    if picture is not None:
        firsts = [
            next(one for one in outcomes if (one.profile.charging, one.profile.height) == (kind, HEIGHTS[0]))
            for kind in CHARGING
        ]
        series_picture.draw([(one.profile, one.alone, one.shared) for one in firsts], picture)
        console.print(f"written: {picture}")
