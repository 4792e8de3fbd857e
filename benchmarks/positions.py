"""Positions of fitted components against the library of Beamson & Briggs, and evaluations against a guessed start.

    python -m benchmarks positions --data ../shared/measured --lines ../shared/notes/beamson_briggs_lines.csv

Each measured polymer is moved rigidly by a random shift, prefit (network, calibrated axis, seeded model) and fitted.
Five conditions: what the network says ("network"), and the same with the exact shift, the exact groups, or both told,
where the standard error of the shift, which sets the windows, is the network's; and a prefit that is told the
substance, as ``--expect`` does, and nothing else.

Main lines are those lines of the library, of the polymer with this abbreviation and of C 1s, O 1s and N 1s, that are
more than 0.4 eV from every other line of their region; vibrational members (`line_rules.is_vibrational`) are left out
first. Components (`component_table`: a hydrocarbon's position is that of its first member) with more than 1 % of the
region's area are assigned to the main lines one to one by least sum of min(distance, 0.4 eV); a line without a
component within 0.4 eV has none. It is a hit when fitted minus library is within 0.15 eV. Bias, median and 90th
percentile are over the lines that have a component.

Baseline, for the first draw of each polymer on the axis that the network calibrated: as many pseudo-Voigts as the
seeded model has components, and a straight line as background, with lmfit's defaults (``leastsq``, every centre, width,
area and fraction free) and the same weights. The part of the region above 5 % of the highest intensity is cut into
equal parts, and `PseudoVoigtModel.guess` starts one component from each. Once more with one width and one fraction for
all. A fit is right when it converged and all main lines of the region are hits.

Evaluations are those of the residual, with those that a numeric Jacobian takes; an analytic Jacobian counts as one. The
seeding fits models too, to choose between them, so that the fit itself starts close to its end: "with seeding" adds
what that took, two evaluations for each point (residual and Jacobian). Times are of seeding and fit, without network.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
import xarray as xr
from lmfit.models import LinearModel, PseudoVoigtModel
from rich.console import Console
from rich.progress import track
from rich.table import Table
from scipy.optimize import linear_sum_assignment

from benchmarks.line_rules import is_vibrational, read_library
from benchmarks.polymers import load
from benchmarks.prefits import Draw, counted, drawn, evaluations, with_prediction
from benchmarks.record import conditions, write_record
from xps_prefit_hooks import PrefitError
from xps_stn_plugin.api import PrefitResult, prefit
from xps_stn_plugin.chemistry.polymers import Polymer, polymers
from xps_stn_plugin.fitting import component_table, fit_quality
from xps_stn_plugin.models.noise import noise_of

REGIONS = ("C1s", "O1s", "N1s")
CONDITIONS = ("network", "shift told", "groups told", "both told", "substance expected")
#: What is told to find the cause of a miss.
_CAUSES = CONDITIONS[1:4]

#: A main line is farther than this from every other line, and has no component where none is within it, in eV.
APART = 0.4
#: A hit is within this many eV.
HIT = 0.15
#: Components with a smaller share of the region's area count for no line.
LEAST_SHARE = 0.01
#: Evaluations after which a guess-started fit is given up.
MOST_EVALUATIONS = 5000

Component = tuple[str, float]


@dataclass(frozen=True)
class LineRow:
    """A main line of the library under one condition; `fitted` is None where no component is near. Energies in eV."""

    condition: str
    polymer: str
    draw: int
    region: str
    library: float
    fitted: float | None
    component: str
    shift_error: float
    stderr: float
    status: str

    @property
    def error(self) -> float | None:
        """Fitted minus library in eV."""
        return None if self.fitted is None else self.fitted - self.library

    @property
    def hit(self) -> bool:
        """Whether the component is where the library has the line."""
        return self.error is not None and abs(self.error) <= HIT


@dataclass(frozen=True)
class FitRow:
    """A fit under one condition, or by a baseline."""

    condition: str
    polymer: str
    draw: int
    region: str
    components: int
    converged: bool
    right: bool
    nfev: int
    evaluations: int
    with_seeding: int
    ms: float
    relative_rms: float


def main_lines(polymer: Polymer, region: str, energies: Sequence[float]) -> list[float]:
    """Lines in eV that stand alone; see the module's text."""
    main_energies = sorted({energy for energy in energies if not is_vibrational(polymer, region, energy)})
    return [
        e for e in main_energies if all(abs(e - neighbour) > APART for neighbour in main_energies if neighbour != e)
    ]


def assigned(lines: Sequence[float], components: Sequence[Component]) -> list[Component | None]:
    """Component of each line, or None; see the module's text."""
    matches: list[Component | None] = [None] * len(lines)
    if not lines or not components:
        return matches
    distance = np.abs(np.subtract.outer(np.asarray(lines), np.array([center for _, center in components])))
    for i, j in zip(*linear_sum_assignment(np.minimum(distance, APART)), strict=True):
        if distance[i, j] <= APART:
            matches[i] = components[j]
    return matches


def library_polymers() -> dict[str, Polymer]:
    """Polymers of the library by abbreviation, as the measured files are named."""
    return {polymer.abbreviation: polymer for polymer in polymers()}


def expected(library: Mapping[str, Mapping[str, Sequence[float]]], name: str) -> dict[str, list[float]]:
    """Look up the main lines by region of the measured polymer `name`.

    Raises
    ------
    PrefitError
        If the library lacks it.
    """
    polymer = library_polymers().get(name)
    if polymer is None or polymer.name not in library:
        raise PrefitError(name, "is not in the library of lines: check its abbreviation in polymers.csv.")
    return {region: main_lines(polymer, region, library[polymer.name].get(region, ())) for region in REGIONS}


def seeded_fit(
    condition: str, draw: Draw, result: PrefitResult, region: str, lines: Sequence[float]
) -> tuple[FitRow, list[LineRow]]:
    """Fit one region's seeded model and look for the lines in it."""
    start = time.perf_counter()
    with counted() as seeding:
        seed = result.seeds[region]
    fit = result.fit(region)
    ms = 1e3 * (time.perf_counter() - start)
    table = component_table(seed, fit)
    short = [(result.short_name(region, row.name), row.center) for row in table if row.fraction_of_region > LEAST_SHARE]
    rows = [
        LineRow(
            condition,
            draw.polymer.name,
            draw.number,
            region,
            line,
            component[1] if component else None,
            component[0] if component else "",
            result.shift - draw.shift,
            result.shift_stderr,
            result.status,
        )
        for line, component in zip(lines, assigned(lines, short), strict=True)
    ]
    converged = bool(fit.success)
    row = FitRow(
        condition,
        draw.polymer.name,
        draw.number,
        region,
        len(table),
        converged,
        converged and all(row.hit for row in rows),
        int(fit.nfev),
        evaluations(fit),
        seeding.evaluations + evaluations(fit),
        ms,
        fit_quality(seed, fit).relative_rms,
    )
    return row, rows


def guessed_fit(dataset: xr.Dataset, components: int, lines: Sequence[float], *, tied: bool) -> dict[str, Any]:
    """Fit pseudo-Voigts that start from lmfit's own guesses; figures for a `FitRow`."""
    energy, counts = dataset["binding_energy"].values, dataset["counts"].values
    start = time.perf_counter()
    signal = np.flatnonzero(counts - counts.min() > 0.05 * np.ptp(counts))
    parts = np.array_split(np.arange(signal[0], signal[-1] + 1), components)
    model = LinearModel(prefix="bg_")
    params = model.make_params(slope=0.0, intercept=float(counts.min()))
    for number, part in enumerate(parts, start=1):
        line = PseudoVoigtModel(prefix=f"p{number}_")
        model = model + line
        params.update(line.guess(counts[part], x=energy[part]))
        if tied and number > 1:
            params[f"p{number}_sigma"].set(expr="p1_sigma")
            params[f"p{number}_fraction"].set(expr="p1_fraction")
    fit = model.fit(counts, params, x=energy, weights=1 / noise_of(dataset).sigma, max_nfev=MOST_EVALUATIONS)
    ms = 1e3 * (time.perf_counter() - start)
    areas = [fit.params[f"p{number}_amplitude"].value for number in range(1, components + 1)]
    fitted_components = [
        (f"p{number}", fit.params[f"p{number}_center"].value)
        for number, area in enumerate(areas, start=1)
        if area > LEAST_SHARE * sum(areas)
    ]
    hits = [
        c is not None and abs(c[1] - line) <= HIT
        for line, c in zip(lines, assigned(lines, fitted_components), strict=True)
    ]
    height = float(np.max(fit.best_fit) - np.min(fit.best_fit))
    return {
        "components": components,
        "converged": bool(fit.success),
        "right": bool(fit.success) and all(hits),
        "nfev": int(fit.nfev),
        "evaluations": evaluations(fit),
        "with_seeding": evaluations(fit),
        "ms": ms,
        "relative_rms": float(np.sqrt(np.mean((counts - fit.best_fit) ** 2))) / max(height, 1e-12),
    }


def measured(
    draw: Draw, lines: Mapping[str, Sequence[float]], *, baseline: bool
) -> Iterator[tuple[FitRow, list[LineRow]]]:
    """All fits of one draw."""
    groups = draw.polymer.groups
    results = dict(
        zip(
            CONDITIONS,
            (
                draw.result,
                with_prediction(draw.result, shift=draw.shift),
                with_prediction(draw.result, groups=groups),
                with_prediction(draw.result, shift=draw.shift, groups=groups),
                prefit(draw.polymer.spectrum(draw.shift), expect=draw.polymer.name),
            ),
            strict=True,
        )
    )
    for region in REGIONS:
        if region not in draw.polymer.regions:
            continue
        for condition, result in results.items():
            row, line_rows = seeded_fit(condition, draw, result, region, lines[region])
            yield row, line_rows
            if baseline and condition == "network":
                for name, tied in (("guess", False), ("guess, widths tied", True)):
                    dataset = result.axis[region].to_dataset()
                    guess = guessed_fit(dataset, row.components, lines[region], tied=tied)
                    yield FitRow(name, row.polymer, row.draw, region, **guess), []


def line_figures(rows: Sequence[LineRow]) -> dict[str, float]:
    """Figures of the lines of one region and condition; errors in eV."""
    error = np.array([row.error for row in rows if row.error is not None])
    return {
        "lines": len(rows),
        "hits": float(np.mean([row.hit for row in rows])),
        "without component": int(sum(row.error is None for row in rows)),
        "median error": float(np.median(abs(error))) if error.size else float("inf"),
        "bias": float(error.mean()) if error.size else float("inf"),
        "p90": float(np.quantile(abs(error), 0.9)) if error.size else float("inf"),
    }


def fit_figures(rows: Sequence[FitRow]) -> dict[str, float]:
    """Figures of the fits of one condition."""
    return {
        "fits": len(rows),
        "converged": float(np.mean([row.converged for row in rows])),
        "right": float(np.mean([row.right for row in rows])),
        "within 2 %": float(np.mean([row.relative_rms <= 0.02 for row in rows])),
        "median components": float(np.median([row.components for row in rows])),
        "median nfev": float(np.median([row.nfev for row in rows])),
        "median evaluations": float(np.median([row.evaluations for row in rows])),
        "median with seeding": float(np.median([row.with_seeding for row in rows])),
        "median ms": float(np.median([row.ms for row in rows])),
    }


def summary(lines: Sequence[LineRow], fits: Sequence[FitRow]) -> dict[str, Any]:
    """Lines by condition and region, fits by condition, and the comparison with the guessed starts (first draws)."""
    by_region = {
        condition: {
            region: line_figures(chosen)
            for region in (*REGIONS, "all")
            if (chosen := [r for r in lines if r.condition == condition and region in (r.region, "all")])
        }
        for condition in CONDITIONS
    }
    first = [row for row in fits if row.draw == 0]
    guesses = dict.fromkeys(row.condition for row in first if row.condition.startswith("guess"))
    compared = {name: fit_figures([r for r in first if r.condition == name]) for name in ("network", *guesses)}
    medians = ("nfev", "evaluations", "with seeding", "ms")
    return {
        "lines": by_region,
        "fits": {name: fit_figures([r for r in fits if r.condition == name]) for name in CONDITIONS},
        "against guess": compared,
        "ratios of medians": {
            name: {m: compared["network"][f"median {m}"] / compared[name][f"median {m}"] for m in medians}
            for name in guesses
        },
    }


def misses(rows: Sequence[LineRow]) -> list[dict[str, Any]]:
    """Lines that the network's prefit misses, and under which conditions the same draw finds them."""
    key = {(row.condition, row.polymer, row.draw, row.region, row.library): row for row in rows}
    missed_lines = []
    for row in rows:
        if row.condition == "network" and not row.hit:
            hits_elsewhere = {name: key[name, row.polymer, row.draw, row.region, row.library].hit for name in _CAUSES}
            missed_lines.append({**asdict(row), "error": row.error, **hits_elsewhere, "cause": cause(hits_elsewhere)})
    return missed_lines


def cause(hits: Mapping[str, bool]) -> str:
    """Cause of a miss, from what heals it."""
    if hits["shift told"] and hits["groups told"]:
        return "shift or groups"
    if hits["shift told"]:
        return "shift"
    if hits["groups told"]:
        return "groups"
    return "shift and groups" if hits["both told"] else "seeding or data"


def report(console: Console, figures: Mapping[str, Any], missed: Sequence[Mapping[str, Any]]) -> None:
    """Print all tables."""
    table = Table("condition", "region", *figures["lines"]["network"]["all"], title="Main lines (eV)")
    for condition, regions in figures["lines"].items():
        for region, row in regions.items():
            numbers = [f"{row[name]:.3f}" for name in ("median error", "bias", "p90")]
            counts = (f"{row['lines']}", f"{row['hits']:.1%}", f"{row['without component']}")
            table.add_row(condition, region, *counts, *numbers)
    console.print(table)
    names = ("converged", "right", "within 2 %")
    medians = ("median components", "median nfev", "median evaluations", "median with seeding", "median ms")
    for title, rows in (("Fits", figures["fits"]), ("Fits of the first draws", figures["against guess"])):
        table = Table("start", "fits", *names, *medians, title=title)
        for name, row in rows.items():
            shares = (f"{row[n]:.1%}" for n in names)
            table.add_row(name, f"{row['fits']}", *shares, *(f"{row[n]:.4g}" for n in medians))
        console.print(table)
    for name, ratios in figures["ratios of medians"].items():
        console.print(f"network over {name}: " + ", ".join(f"{m} {ratio:.3f}" for m, ratio in ratios.items()))
    table = Table(
        "cause", "polymer", "region", "library", "draws", "fitted", "component", "shift error", title="Misses"
    )
    groups: dict[tuple[str, str, str, float], list[Mapping[str, Any]]] = {}
    for miss in sorted(missed, key=lambda m: (m["cause"], m["polymer"], m["region"], m["library"])):
        groups.setdefault((miss["cause"], miss["polymer"], miss["region"], miss["library"]), []).append(miss)
    for (miss_cause, polymer, region, library), rows in groups.items():
        fitted = " ".join("none" if m["fitted"] is None else f"{m['fitted']:.2f}" for m in rows)
        errors = " ".join(f"{m['shift_error']:+.2f}" for m in rows)
        components = ", ".join(dict.fromkeys(m["component"] for m in rows if m["component"]))
        table.add_row(miss_cause, polymer, region, f"{library:.2f}", f"{len(rows)}", fitted, components, errors)
    console.print(table)


@click.command()
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--lines", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=True)
@click.option("--span", default=3.0, show_default=True, help="Shifts are drawn within this many eV.")
@click.option("--draws", default=3, show_default=True, help="Shifts for each polymer.")
@click.option("--seed", default=1, show_default=True)
@click.option("--json", "json_path", type=click.Path(path_type=Path), default=Path("runs/positions.json"))
def main(data: Path, lines: Path, span: float, draws: int, seed: int, json_path: Path) -> None:
    """Measure positions of components and evaluations of fits."""
    console = Console(width=None if sys.stdout.isatty() else 160)
    samples, library = load(data), read_library(lines)
    line_rows: list[LineRow] = []
    fit_rows: list[FitRow] = []
    for draw in track(drawn(samples, span, draws, seed), "fits", len(samples) * draws, console=console, transient=True):
        for row, draw_line_rows in measured(draw, expected(library, draw.polymer.name), baseline=draw.number == 0):
            fit_rows.append(row)
            line_rows += draw_line_rows
    figures, missed = summary(line_rows, fit_rows), misses(line_rows)
    report(console, figures, missed)
    record = {
        **conditions(seed),
        "data": data.name,
        "lines": lines.name,
        "span": span,
        "draws": draws,
        "limits_eV": {"apart": APART, "hit": HIT},
        "summary": figures,
        "misses": missed,
        "fits": [asdict(row) for row in fit_rows],
    }
    write_record(json_path, record)
    console.print(f"written: {json_path}")
