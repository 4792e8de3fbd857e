"""Wrong answers with status ok, on spectra with a trap.

    python -m benchmarks traps [--weights PATH ...] [--fits]

Kinds and truths are those of `benchmarks.trap_cases`, 14 draws each, charged by -6 to +8 eV, 500 to 50 000 counts.
An answer is wrong if it says "ok" and its shift is more than 0.3 eV off (for two samples: for either), or it has a
functional group that is not there; with ``--fits`` also if a component of the seeded models is named after such a
group. Unevenly charged samples: "ok" whose error bar (2 standard errors) does not cover the mean charge, or does not
cover every domain (of a tail: its beginning and its mean).

Baseline in the same run: the shipped weights, and the same samples without any trap.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.answering import STATUSES, WEIGHTS_OPTION, Answer, answered, asked_with, models_of, networks
from benchmarks.cases import without_nan
from benchmarks.measured import write_table
from benchmarks.record import conditions, write_record
from benchmarks.trap_cases import KINDS, Trap, traps

#: Error in eV from which a shift that was called ok misleads.
WRONG_SHIFT = 0.3
#: The kind that stands beside the traps and is not counted.
CONTROL = "no trap"


@dataclass(frozen=True)
class Row:
    """One trap and its answer.

    Parameters
    ----------
    kind, name : str
        Of the trap.
    answer : Answer
        What was said.
    error : float
        Predicted minus true shift in eV: the largest over the samples of a file.
    furthest : float
        Distance in eV of the predicted shift from the domain furthest from it; NaN for an evenly charged sample.
    false : tuple of str
        Groups that were found, or after which components are named, and that are not there.
    """

    kind: str
    name: str
    answer: Answer
    error: float
    furthest: float
    false: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether it was called ok."""
        return self.answer.status == "ok"

    @property
    def wrong(self) -> bool:
        """Whether it was called ok and is not."""
        return self.ok and (abs(self.error) > WRONG_SHIFT or bool(self.false))

    @property
    def uneven(self) -> bool:
        """Whether the sample is charged unevenly."""
        return not np.isnan(self.furthest)

    @property
    def mean_outside(self) -> bool:
        """Whether the mean charge of an unevenly charged sample lies outside two standard errors of an "ok"."""
        return self.uneven and self.ok and abs(self.error) > 2 * self.answer.stderr

    @property
    def domain_outside(self) -> bool:
        """Whether one of its domains does."""
        return self.uneven and self.ok and self.furthest > 2 * self.answer.stderr


def rows(cases: Sequence[Trap], seeds: bool) -> Iterator[Row]:
    """Ask about every trap."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "spectrum.csv"
        for trap in cases:
            if trap.as_file:
                write_table(path, trap.regions, 0.0)
            answer = answered(path if trap.as_file else trap.spectrum(), seeds)
            errors = answer.shift - np.array(trap.charges)
            error = float(errors[np.argmax(np.abs(errors))]) if np.isfinite(answer.shift) else float("nan")
            domain_errors = np.abs(np.nan_to_num(answer.shift, nan=np.inf) - np.array(trap.domains))
            furthest = float(domain_errors.max()) if trap.domains else float("nan")
            named_groups = frozenset(answer.groups) | frozenset(answer.named)
            false = tuple(sorted(named_groups - trap.groups - trap.excused))
            yield Row(trap.kind, trap.name, answer, error, furthest, false)


def figures(members: Sequence[Row]) -> dict[str, float]:
    """All figures of some traps; shares of all of them, the coverage of the unevenly charged ones."""
    number = len(members)
    uneven = [row for row in members if row.uneven]
    return {
        "spectra": number,
        **{name: sum(row.answer.status == name for row in members) / number for name in STATUSES},
        "ok and wrong": sum(row.wrong for row in members) / number,
        "ok and shift off": sum(row.ok and abs(row.error) > WRONG_SHIFT for row in members) / number,
        "ok and false group": sum(row.ok and bool(row.false) for row in members) / number,
        "ok, mean outside": sum(row.mean_outside for row in uneven) / len(uneven) if uneven else float("nan"),
        "ok, a domain outside": sum(row.domain_outside for row in uneven) / len(uneven) if uneven else float("nan"),
    }


def by_kind(members: Sequence[Row]) -> dict[str, list[Row]]:
    """Rows by kind; "total" is all traps, without the samples that have none."""
    kinds = {kind: [row for row in members if row.kind == kind] for kind in KINDS}
    all_traps = [row for row in members if row.kind != CONTROL]
    return {**{kind: kind_rows for kind, kind_rows in kinds.items() if kind_rows}, "total": all_traps}


COLUMNS = (
    *STATUSES,
    "ok and wrong",
    "ok and shift off",
    "ok and false group",
    "ok, mean outside",
    "ok, a domain outside",
)


def cells(values: dict[str, float]) -> list[str]:
    """Figures of one line of a table."""
    texts = ["" if np.isnan(values[name]) else f"{values[name]:.0%}" for name in COLUMNS]
    return [f"{values['spectra']:.0f}", *texts]


def kind_table(members: Sequence[Row], title: str) -> Table:
    """Tabulate one network's figures by kind, with the groups that are not there."""
    table = Table("kind", "n", *COLUMNS, "false groups of ok", title=title)
    for kind, kind_rows in by_kind(members).items():
        false = [group for row in kind_rows if row.ok for group in row.false]
        false_groups = [] if kind == "total" else [f"{group} {false.count(group)}" for group in dict.fromkeys(false)]
        table.add_row(
            kind, *cells(figures(kind_rows)), ", ".join(false_groups), style="bold" if kind == "total" else ""
        )
    return table


def side_by_side(results: dict[str, list[Row]]) -> Table:
    """Tabulate the totals of all networks."""
    table = Table("weights", "n", *COLUMNS, title="All traps")
    for name, members in results.items():
        table.add_row(name, *cells(figures(by_kind(members)["total"])))
    return table


@click.command()
@WEIGHTS_OPTION
@click.option("--draws", default=14, show_default=True, help="Draws of each kind.")
@click.option("--fits", is_flag=True, help="Look at the names of components as well; takes longer.")
@click.option("--seed", default=20261201, show_default=True)
@click.option("--json", "json_path", type=click.Path(path_type=Path), default=Path("runs/traps.json"))
def main(paths: tuple[Path, ...], draws: int, fits: bool, seed: int, json_path: Path) -> None:
    """Measure wrong answers that are called ok on spectra with a trap in them."""
    console = Console(width=None if sys.stdout.isatty() else 170)
    cases = traps(draws, seed)
    trained = networks(paths)
    results: dict[str, list[Row]] = {}
    for name, network in trained.items():
        with asked_with(network):
            results[name] = list(track(rows(cases, fits), name, len(cases), console=console, transient=True))
        console.print(kind_table(results[name], name))
    console.print(side_by_side(results))
    record = {
        **conditions(seed),
        "draws": draws,
        "fits": fits,
        "models": models_of(trained),
        "figures": {
            name: {kind: figures(kind_rows) for kind, kind_rows in by_kind(members).items()}
            for name, members in results.items()
        },
        "answers": {
            name: [{**asdict(row), "wrong": row.wrong} for row in members] for name, members in results.items()
        },
    }
    write_record(json_path, without_nan(record))
    console.print(f"written: {json_path}")
