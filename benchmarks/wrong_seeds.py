"""Seeded fits whose shift is wrong by as much as its error bar says, against fixed windows.

    python -m benchmarks wrong_seeds --data ../shared/measured

Each measured polymer is moved rigidly by a random shift and prefit by the network, which gives groups and the standard
error of the shift. The reference is the fit of the model that is seeded with the exact shift. Then the model is seeded
with a wrong one: the exact shift plus a draw from Normal(0, standard error), one for each polymer and draw, or plus 1,
2 or 3 standard errors with a random sign; groups and standard error stay the network's. All regions are fitted.

A fit is a success when it converged, the root mean square residual is at most 2 % of the height of the fitted peaks,
and every component of the reference that is more than 0.4 eV from its others and has more than 1 % of the region's area
finds a component within 0.2 eV, one for one (moved back onto the exact axis; by least sum of min(distance, 0.4 eV)).
Components of 1 % of the area or less count on neither side. Figures are for all fits, and for those whose reference
itself converged within 2 %.

Baseline on the same spectra with the same wrong shift and groups: the model seeded without knowledge of the error bar
(standard error 0), every free centre within +-0.5 eV of its start, lmfit's ``leastsq`` with as many evaluations.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import lmfit
import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.polymers import load
from benchmarks.positions import APART, LEAST_SHARE, assigned
from benchmarks.prefits import Draw, drawn, evaluations, with_prediction
from benchmarks.record import conditions, write_record
from xps_stn_plugin.api import PrefitResult
from xps_stn_plugin.fitting import component_table, fit_quality

#: Highest residual over peak height of a success.
RESIDUAL = 0.02
#: A component that stands alone is found within this many eV.
MATCH_DISTANCE = 0.2
#: Half width in eV of the baseline's windows.
WINDOW = 0.5
#: Errors of the shift in standard errors; None draws from the normal distribution.
ERRORS = {"drawn": None, "1": 1.0, "2": 2.0, "3": 3.0}


@dataclass(frozen=True)
class FitSummary:
    """A fit: components of some area by centre (eV, exact axis), and whether it describes the data."""

    components: tuple[tuple[str, float], ...]
    converged: bool
    relative_rms: float
    evaluations: int

    @property
    def good(self) -> bool:
        """Whether it converged within the residual of a success."""
        return self.converged and self.relative_rms <= RESIDUAL


@dataclass(frozen=True)
class Row:
    """One region with one wrong shift: seeded with the error bar, or the baseline. Energies in eV."""

    method: str
    errors: str
    polymer: str
    draw: int
    region: str
    shift_error: float
    stderr: float
    status: str
    converged: bool
    relative_rms: float
    lost: tuple[str, ...]
    reference_good: bool
    evaluations: int

    @property
    def success(self) -> bool:
        """See the module's text."""
        return self.converged and self.relative_rms <= RESIDUAL and not self.lost


def fixed_windows(params: lmfit.Parameters) -> lmfit.Parameters:
    """Start values with every free centre within `WINDOW` eV of its start."""
    fixed = params.copy()
    for name, parameter in fixed.items():
        if name.endswith("center") and parameter.vary and not parameter.expr:
            parameter.set(min=parameter.value - WINDOW, max=parameter.value + WINDOW)
    return fixed


def fitted(result: PrefitResult, region: str, offset: float, **options: Any) -> FitSummary:
    """Fit a region whose axis is `offset` eV below the exact one."""
    seed = result.seeds[region]
    fit = result.fit(region, **options)
    rows = component_table(seed, fit)
    short = tuple(
        (result.short_name(region, row.name), row.center + offset)
        for row in rows
        if row.fraction_of_region > LEAST_SHARE
    )
    return FitSummary(short, bool(fit.success), fit_quality(seed, fit).relative_rms, evaluations(fit))


def missing_components(reference: FitSummary, fit: FitSummary) -> tuple[str, ...]:
    """Components of the reference that stand alone and that the other fit does not find, with both centres."""
    centers = [center for _, center in reference.components]
    isolated = [
        (name, center)
        for i, (name, center) in enumerate(reference.components)
        if all(abs(center - c) > APART for j, c in enumerate(centers) if j != i)
    ]
    partners = assigned([center for _, center in isolated], fit.components)
    return tuple(
        f"{name} {center:.2f}, found {f'{partner[1]:.2f} ({partner[0]})' if partner else 'nowhere'}"
        for (name, center), partner in zip(isolated, partners, strict=True)
        if partner is None or abs(partner[1] - center) > MATCH_DISTANCE
    )


def measured(draw: Draw, random: np.random.Generator) -> Iterator[Row]:
    """All fits of one draw."""
    stderr = draw.result.shift_stderr
    exact = with_prediction(draw.result, shift=draw.shift)
    sign = float(random.choice([-1.0, 1.0]))
    errors = {name: stderr * (float(random.normal()) if n is None else sign * n) for name, n in ERRORS.items()}
    references = {region: fitted(exact, region, 0.0) for region in exact.seeds}
    for name, error in errors.items():
        seeded = with_prediction(draw.result, shift=draw.shift + error)
        fixed = with_prediction(draw.result, shift=draw.shift + error, stderr=0.0)
        for region, reference in references.items():
            windows = fixed_windows(fixed.seeds[region].params)
            fits = {
                "seeded": fitted(seeded, region, error),
                "fixed windows": fitted(fixed, region, error, params=windows, method="leastsq"),
            }
            for method, fit in fits.items():
                yield Row(
                    method,
                    name,
                    draw.polymer.name,
                    draw.number,
                    region,
                    error,
                    stderr,
                    draw.result.status,
                    fit.converged,
                    fit.relative_rms,
                    missing_components(reference, fit),
                    reference.good,
                    fit.evaluations,
                )


def figures_of(rows: Sequence[Row]) -> dict[str, float]:
    """Shares of fits that meet each condition, and the median of evaluations."""
    fairly_compared = [row for row in rows if row.reference_good]
    return {
        "fits": len(rows),
        "success": float(np.mean([row.success for row in rows])),
        "success where reference good": float(np.mean([row.success for row in fairly_compared]))
        if fairly_compared
        else float("nan"),
        "converged": float(np.mean([row.converged for row in rows])),
        "within 2 %": float(np.mean([row.relative_rms <= RESIDUAL for row in rows])),
        "all found": float(np.mean([not row.lost for row in rows])),
        "median evaluations": float(np.median([row.evaluations for row in rows])),
    }


def summary(rows: Sequence[Row]) -> dict[str, dict[str, dict[str, float]]]:
    """Figures by method and size of the errors, of all spectra and of those with status "ok"."""
    return {
        method: {
            f"{errors}{label}": figures_of(chosen)
            for errors in ERRORS
            for label, statuses in (("", {row.status for row in rows}), (", ok", {"ok"}))
            if (chosen := [r for r in rows if (r.method, r.errors) == (method, errors) and r.status in statuses])
        }
        for method in dict.fromkeys(row.method for row in rows)
    }


def report(console: Console, figures: dict[str, dict[str, dict[str, float]]], rows: Sequence[Row]) -> None:
    """Print the figures and every failure of the seeded fits with a drawn error."""
    table = Table("method", "error / stderr", *next(iter(figures["seeded"].values())), title="Wrong shifts")
    for method, sizes in figures.items():
        for errors, row in sizes.items():
            shares = (f"{row[n]:.1%}" for n in row if n not in ("fits", "median evaluations"))
            table.add_row(method, errors, f"{row['fits']}", *shares, f"{row['median evaluations']:.0f}")
    console.print(table)
    table = Table("polymer", "region", "shift error", "stderr", "residual", "lost", title="Failures, drawn errors")
    for failed in rows:
        if failed.method == "seeded" and failed.errors == "drawn" and not failed.success:
            failure = "; ".join(failed.lost) + ("" if failed.converged else " NOT CONVERGED")
            table.add_row(
                failed.polymer,
                failed.region,
                f"{failed.shift_error:+.2f}",
                f"{failed.stderr:.2f}",
                f"{failed.relative_rms:.1%}{'' if failed.reference_good else ' (reference too)'}",
                failure,
            )
    console.print(table)


@click.command()
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--span", default=3.0, show_default=True, help="Shifts are drawn within this many eV.")
@click.option("--draws", default=3, show_default=True, help="Shifts for each polymer.")
@click.option("--seed", default=1, show_default=True)
@click.option("--json", "json_path", type=click.Path(path_type=Path), default=Path("runs/wrong_seeds.json"))
def main(data: Path, span: float, draws: int, seed: int, json_path: Path) -> None:
    """Fit with wrong shifts."""
    console = Console(width=None if sys.stdout.isatty() else 160)
    samples = load(data)
    random = np.random.default_rng([seed, 1])
    rows: list[Row] = []
    for draw in track(drawn(samples, span, draws, seed), "fits", len(samples) * draws, console=console, transient=True):
        rows += measured(draw, random)
    figures = summary(rows)
    report(console, figures, rows)
    record = {
        **conditions(seed),
        "data": data.name,
        "span": span,
        "draws": draws,
        "limits": {"residual": RESIDUAL, "found_eV": MATCH_DISTANCE, "apart_eV": APART, "baseline_window_eV": WINDOW},
        "summary": figures,
        "fits": [{**asdict(row), "success": row.success} for row in rows],
    }
    write_record(json_path, record)
    console.print(f"written: {json_path}")
