"""Status of spectra outside the network's scope, and rate of refusals of good spectra.

    python -m benchmarks out_of_domain --real ../shared/real --data ../shared/measured

The list of what it should refuse is ``out_of_domain.toml``: materials by their lines, featureless windows, measured
polymers in a wrong way, files of real instruments. Nothing in it comes from the network's own simulator. Every case is
drawn several times: charge within 6 eV, 300 to 100 000 counts, other widths, steps, windows and backgrounds.

Baseline: a C 1s region with a line five times as high as its noise is in order, anything else is out of domain.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import click
import numpy as np
import xarray as xr
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.cases import CHARGE, Array, Conditions, predict_or_none, without_nan
from benchmarks.foreign import Case, Verdict, real_cases, simulated_cases
from benchmarks.polymers import Polymer, load
from benchmarks.record import conditions as circumstances
from benchmarks.record import write_record
from xps_prefit_hooks import PrefitError
from xps_stn_plugin.core.white_noise import white_noise
from xps_stn_plugin.stn.weights import TrainedNetwork, load_weights, shipped_weights

#: Statuses in the order of the tables; the contract refuses some spectra with a sentence before the network sees them.
STATUSES = ("out_of_domain", "refused", "uncertain", "ok")

#: Error in eV from which a shift that was called ok misleads: handbook windows are missed.
HARM = 0.5


@dataclass(frozen=True)
class Answer:
    """Answer to one draw; `error` is predicted minus true shift in eV, NaN where there is none."""

    kind: str
    name: str
    verdict: Verdict
    charge: float
    counts: float
    status: str
    shift: float
    error: float
    baseline: str


# --- asking ---------------------------------------------------------------------------------------


def line_height(counts: Array) -> float:
    """Height of the highest channel above a straight line between the ends, over the noise of one channel."""
    ends = max(1, min(5, counts.size // 5))
    base = np.linspace(counts[:ends].mean(), counts[-ends:].mean(), counts.size)
    noise = float(white_noise(counts, 2))
    return float((counts - base).max() / noise) if noise > 0 else float("inf")


def baseline(spectrum: xr.DataTree) -> str:
    """Signal to noise alone: a C 1s line five times as high as the noise is in order, anything else is not."""
    carbon = [child for name, child in spectrum.children.items() if child.attrs.get("region", name) == "C1s"]
    return "ok" if carbon and line_height(carbon[0].to_dataset()["counts"].values) >= 5.0 else "out_of_domain"


def answers(cases: Iterable[Case], trained: TrainedNetwork, draws: int, seed: int) -> Iterator[Answer]:
    """Draw every case `draws` times and ask; a case's draws do not depend on the others of the list."""
    for case in cases:
        key = [seed, *f"{case.kind}: {case.name}".encode()]
        rng = np.random.default_rng(key)
        for _ in range(draws):
            conditions = Conditions.draw(rng)
            if case.charge is not None:
                conditions = replace(conditions, charge=case.charge)
            nan = float("nan")
            status, shift, simple = "refused", nan, "refused"
            try:
                spectrum = case.build(conditions, rng)
            except PrefitError:
                pass
            else:
                simple = baseline(spectrum)
                prediction = predict_or_none(trained, spectrum)
                if prediction is not None:
                    status, shift = prediction.status, prediction.shift
            error = shift - conditions.charge if case.scaled else nan
            circumstances_of_draw = (case.kind, case.name, case.verdict, conditions.charge, conditions.counts)
            yield Answer(*circumstances_of_draw, status, shift, error, simple)


def polymer_cases(polymers: Sequence[Polymer], span: float, carbon_only: bool) -> tuple[Case, ...]:
    """Measured polymers as they are, moved by a random shift within `span` eV."""
    kind = f"measured, {'C 1s alone' if carbon_only else 'all regions'}, ±{span:g} eV"
    polymer_draws = []
    for polymer in polymers:
        chosen = replace(polymer, regions={"C1s": polymer.regions["C1s"]}) if carbon_only else polymer
        polymer_draws.append(Case(kind, polymer.name, "inside", "An organic sample.", partial(_moved, chosen, span)))
    return tuple(polymer_draws)


def _moved(polymer: Polymer, span: float, conditions: Conditions, rng: np.random.Generator) -> xr.DataTree:
    return polymer.spectrum(conditions.charge * span / CHARGE)


# --- figures --------------------------------------------------------------------------------------


def shares(rows: Sequence[Answer], source: Literal["status", "baseline"] = "status") -> dict[str, float]:
    """Share of each status, and of the cases that are not ok."""
    statuses = [getattr(row, source) for row in rows]
    counted = {name: statuses.count(name) / len(statuses) for name in STATUSES}
    return {**counted, "not ok": 1 - counted["ok"]}


def rows_by(rows: Sequence[Answer], key: Literal["kind", "name", "verdict"]) -> dict[str, list[Answer]]:
    """Rows in groups, in order of appearance."""
    groups: dict[str, list[Answer]] = {}
    for row in rows:
        groups.setdefault(getattr(row, key), []).append(row)
    return groups


def headline(rows: Sequence[Answer]) -> dict[str, Any]:
    """Shares over what is to be refused, pooled and as the mean over kinds; out_of_domain counts refusals in."""
    results: dict[str, Any] = {}
    for label, verdicts in (("outside", ("outside",)), ("outside and doubtful", ("outside", "doubtful"))):
        verdict_rows = [row for row in rows if row.verdict in verdicts]
        for source in ("status", "baseline"):
            kinds = [shares(kind_rows, source) for kind_rows in rows_by(verdict_rows, "kind").values()]
            pooled = shares(verdict_rows, source)
            harmful = [row for row in verdict_rows if row.status == "ok" and abs(row.error) > HARM]
            results[f"{label}, {'network' if source == 'status' else 'baseline'}"] = {
                "spectra": len(verdict_rows),
                "cases": len({(row.kind, row.name) for row in verdict_rows}),
                "not ok": pooled["not ok"],
                "out_of_domain": pooled["out_of_domain"] + pooled["refused"],
                "not ok, mean over kinds": float(np.mean([kind["not ok"] for kind in kinds])),
                "out_of_domain, mean over kinds": float(
                    np.mean([kind["out_of_domain"] + kind["refused"] for kind in kinds])
                ),
                **({f"ok and over {HARM:g} eV off": len(harmful) / len(verdict_rows)} if source == "status" else {}),
            }
    return results


def share_table(rows: Sequence[Answer], title: str) -> Table:
    """Tabulate the shares by kind."""
    columns = ("cases", "spectra", *STATUSES, "baseline ok", "ok: median error/eV")
    table = Table("kind", "should be", *columns, title=title)
    for kind, members in rows_by(rows, "kind").items():
        for verdict, verdict_rows in rows_by(members, "verdict").items():
            share = shares(verdict_rows)
            error = np.abs([row.error for row in verdict_rows if row.status == "ok" and np.isfinite(row.error)])
            table.add_row(
                kind,
                verdict,
                str(len({row.name for row in verdict_rows})),
                str(len(verdict_rows)),
                *(f"{share[name]:.0%}" for name in STATUSES),
                f"{shares(verdict_rows, 'baseline')['ok']:.0%}",
                f"{np.median(error):.2f}" if error.size else "",
            )
    return table


def wrongly_ok(rows: Sequence[Answer]) -> Table:
    """Tabulate the cases that should be refused and were called ok in any draw."""
    table = Table("kind", "case", "should be", "ok", "shifts/eV: true -> predicted", title="Wrongly called ok")
    for case_rows in rows_by([row for row in rows if row.verdict in ("outside", "doubtful")], "name").values():
        ok_rows = [row for row in case_rows if row.status == "ok"]
        if ok_rows:
            shift_texts = ", ".join(
                f"{row.charge:+.1f} -> {row.shift:+.1f}" if np.isfinite(row.error) else f"{row.shift:+.1f}"
                for row in ok_rows[:3]
            )
            table.add_row(
                case_rows[0].kind,
                case_rows[0].name,
                case_rows[0].verdict,
                f"{len(ok_rows)} of {len(case_rows)}",
                shift_texts,
            )
    return table


def flagged(rows: Sequence[Answer]) -> Table:
    """Tabulate the good spectra that were not called ok, by polymer."""
    table = Table("spectra", "out of domain", "uncertain", title="Good spectra not called ok (share of draws)")
    for kind, kind_rows in rows_by(rows, "kind").items():
        texts = []
        for status in ("out_of_domain", "uncertain"):
            share = {name: shares(draws)[status] for name, draws in rows_by(kind_rows, "name").items()}
            texts.append(", ".join(f"{name} {value:.0%}" for name, value in share.items() if value))
        table.add_row(kind, *texts)
    return table


@click.command()
@click.option("--real", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--weights", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Default: as shipped.")
@click.option("--draws", default=6, show_default=True, help="Draws of each case and polymer.")
@click.option("--seed", default=20261122, show_default=True)
@click.option("--json", "json_path", type=click.Path(path_type=Path), default=Path("runs/out_of_domain.json"))
def main(real: Path, data: Path, weights: Path | None, draws: int, seed: int, json_path: Path) -> None:
    """Measure refusals of what is out of domain, and false alarms on measured polymers."""
    console = Console(width=None if sys.stdout.isatty() else 150)
    polymers = load(data)
    trained = load_weights(weights) if weights else shipped_weights()

    def ask(cases: tuple[Case, ...], label: str) -> list[Answer]:
        answer_rows = answers(cases, trained, draws, seed)
        return list(track(answer_rows, label, len(cases) * draws, console=console, transient=True))

    outside = ask((*simulated_cases(polymers), *real_cases(real)), "out of domain")
    sets = [polymer_cases(polymers, span, carbon_only) for carbon_only in (False, True) for span in (3.0, 5.0)]
    inside = [row for cases in sets for row in ask(cases, cases[0].kind)]
    console.print(share_table(outside, "What should be refused"))
    console.print(share_table(inside, "What should not (measured polymers)"))
    console.print(wrongly_ok(outside))
    console.print(flagged(inside))
    summary = headline(outside)
    table = Table("over", *next(iter(summary.values())), title="Share of spectra; out_of_domain includes refusals")
    for label, values in summary.items():
        table.add_row(label, *(str(v) if isinstance(v, int) else f"{v:.1%}" for v in values.values()))
    console.print(table)
    console.print("baseline: a C 1s line five times as high as its noise is in order, anything else out of domain")
    record = {
        **circumstances(seed),
        "draws": draws,
        "model": asdict(trained.info),
        "headline": summary,
        "kinds": {
            f"{kind}, {verdict}": shares(rows)
            for kind, members in rows_by(outside, "kind").items()
            for verdict, rows in rows_by(members, "verdict").items()
        },
        "measured": {kind: shares(rows) for kind, rows in rows_by(inside, "kind").items()},
        "answers": [asdict(row) for row in (*outside, *inside)],
    }
    write_record(json_path, without_nan(record))
    console.print(f"written: {json_path}")
