"""Line rules against the library of Beamson & Briggs.

    python -m benchmarks line_rules --lines ../shared/notes/beamson_briggs_lines.csv [--json PATH] [--rules]

Lines of one polymer and core level are paired one to one, nearest pair first. Lines of the library that are vibrational
members of another line are left out (see `is_vibrational`). The numbers of the rules were set on this library, so the
deviations say how well general rules can describe it; they are not a forecast for other materials.
"""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from itertools import groupby
from pathlib import Path

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.record import conditions, write_record
from xps_prefit_hooks import ALIPHATIC_C1S, PrefitError
from xps_stn_plugin.chemistry.lines import CoreLine, core_lines
from xps_stn_plugin.chemistry.polymers import Polymer, polymers
from xps_stn_plugin.core.core_levels import core_levels

#: C-H stretch progression of aliphatic carbon, 285.00 + 0.39 n eV, as the library tabulates it, in eV.
VIBRATIONAL = (285.39, 285.78, 286.17)


@dataclass(frozen=True)
class Pair:
    """A line of the library and the line of the rules that it was matched with, in eV."""

    polymer: str
    region: str
    library: float
    rules: float
    environment: str

    @property
    def deviation(self) -> float:
        """Rules minus library in eV."""
        return self.rules - self.library


@dataclass(frozen=True)
class Leftover:
    """A line without a partner; `distance` to the nearest line of the other side in eV, None if there is none."""

    polymer: str
    region: str
    energy: float
    environment: str
    distance: float | None


@dataclass(frozen=True)
class Comparison:
    """Comparison of the rules with the library."""

    pairs: tuple[Pair, ...]
    library_left: tuple[Leftover, ...]
    rules_left: tuple[Leftover, ...]
    vibrational: int
    unknown_level: int


def is_vibrational(polymer: Polymer, region: str, energy: float) -> bool:
    """Whether a library line is a vibrational member: at `VIBRATIONAL` +-0.01 eV in a hydrocarbon or a laurate."""
    if region != "C1s" or all(abs(energy - member) > 0.0101 for member in VIBRATIONAL):
        return False
    hydrocarbon = {line.region for line in core_lines(polymer.smiles)} == {"C1s"}
    return hydrocarbon or "laur" in polymer.name


def read_library(path: Path) -> dict[str, dict[str, list[float]]]:
    """Energies in eV by polymer and core level, from the columns name, element, line, binding_energy_eV.

    Raises
    ------
    PrefitError
        If a column is missing.
    """
    library: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        missing = {"name", "element", "line", "binding_energy_eV"} - set(rows.fieldnames or ())
        if missing:
            raise PrefitError(str(path), f"the table lacks the columns {', '.join(sorted(missing))}: add them.")
        for row in rows:
            library[row["name"]][row["element"] + row["line"][:2]].append(float(row["binding_energy_eV"]))
    return library


def nearest_pairs(left: Sequence[float], right: Sequence[float]) -> list[tuple[int, int]]:
    """Pairs of indices, each index once, nearest pair first."""
    free_left, free_right = set(range(len(left))), set(range(len(right)))
    pairs: list[tuple[int, int]] = []
    for _, i, j in sorted((abs(a - b), i, j) for i, a in enumerate(left) for j, b in enumerate(right)):
        if i in free_left and j in free_right:
            pairs.append((i, j))
            free_left.remove(i)
            free_right.remove(j)
    return pairs


def compare(library: Mapping[str, Mapping[str, Sequence[float]]]) -> Comparison:
    """Pair the lines of every polymer."""
    pairs: list[Pair] = []
    unmatched_library: list[Leftover] = []
    unmatched_rules: list[Leftover] = []
    vibrational = unknown_level = 0
    by_name = {polymer.name: polymer for polymer in polymers()}
    for name, levels in library.items():
        if name not in by_name:
            raise PrefitError(
                name, "the library has lines of a polymer that polymers.csv does not know: add its repeat unit."
            )
        lines: dict[str, list[CoreLine]] = {
            region: [next(equal_lines) for _, equal_lines in groupby(group, key=lambda line: line.energy)]
            for region, group in groupby(core_lines(by_name[name].smiles), key=lambda line: line.region)
        }
        for region in sorted({*levels, *lines}):
            if region not in core_levels():
                unknown_level += len(levels[region])
                continue
            listed = levels.get(region, [])
            library_energies = [energy for energy in listed if not is_vibrational(by_name[name], region, energy)]
            vibrational += len(listed) - len(library_energies)
            rule_lines = lines.get(region, [])
            energies = [line.energy for line in rule_lines]
            matches = nearest_pairs(library_energies, energies)
            pairs += [
                Pair(name, region, library_energies[i], energies[j], rule_lines[j].environment) for i, j in matches
            ]
            for i in set(range(len(library_energies))) - {i for i, _ in matches}:
                unmatched_library.append(
                    Leftover(name, region, library_energies[i], "", _distance(library_energies[i], energies))
                )
            for j in set(range(len(rule_lines))) - {j for _, j in matches}:
                unmatched_rules.append(
                    Leftover(name, region, energies[j], rule_lines[j].environment, _distance(energies[j], listed))
                )
    return Comparison(tuple(pairs), tuple(unmatched_library), tuple(unmatched_rules), vibrational, unknown_level)


def _distance(energy: float, energies: Sequence[float]) -> float | None:
    return min((abs(energy - candidate) for candidate in energies), default=None)


def summary(comparison: Comparison) -> dict[str, dict[str, float]]:
    """Figures by core level (eV), and for all levels but C 1s together as ``other``.

    ``shared_rms`` leaves out what cannot deviate: environments that one polymer alone has, and the carbon at 285.00 eV
    that defines the scale (``shared`` pairs are left, 0 eV where none is). ``baseline_rms`` takes the mean of the
    level's library lines for every line, for carbon 285.00 eV.
    """
    members = Counter((pair.region, pair.environment) for pair in comparison.pairs)
    result = {}
    for region in [*core_levels(), "other"]:
        region_levels = [region] if region != "other" else [name for name in core_levels() if name != "C1s"]
        pairs = [pair for pair in comparison.pairs if pair.region in region_levels]
        if not pairs:
            continue
        deviation = np.array([pair.deviation for pair in pairs])
        shared = [
            pair.deviation
            for pair in pairs
            if members[pair.region, pair.environment] > 1 and (pair.region, pair.library) != ("C1s", ALIPHATIC_C1S)
        ]
        spread = []
        for level in region_levels:
            energies = np.array([pair.library for pair in pairs if pair.region == level])
            if energies.size:
                spread.append(energies - (ALIPHATIC_C1S if level == "C1s" else energies.mean()))
        distances = [
            leftover.distance
            for leftover in comparison.rules_left
            if leftover.region in region_levels and leftover.distance is not None
        ]
        result[region] = {
            "rms": float(np.sqrt(np.mean(deviation**2))),
            "shared_rms": float(np.sqrt(np.mean(np.square(shared)))) if shared else 0.0,
            "shared": len(shared),
            "bias": float(deviation.mean()),
            "median_absolute": float(np.median(abs(deviation))),
            "worst": float(abs(deviation).max()),
            "baseline_rms": float(np.sqrt(np.mean(np.concatenate(spread) ** 2))),
            "matched": len(pairs),
            "library_unmatched": sum(leftover.region in region_levels for leftover in comparison.library_left),
            "rules_unmatched": sum(leftover.region in region_levels for leftover in comparison.rules_left),
            "rules_unmatched_rms_distance": float(np.sqrt(np.mean(np.square(distances)))) if distances else 0.0,
        }
    return result


def by_environment(pairs: Sequence[Pair]) -> list[tuple[str, str, int, float, float, float, float]]:
    """Per rule: core level, environment, n, mean and RMS deviation, lowest and highest library energy (eV)."""
    rows = []
    for (region, environment), group in groupby(
        sorted(pairs, key=lambda pair: (pair.region, pair.environment)),
        key=lambda pair: (pair.region, pair.environment),
    ):
        members = list(group)
        deviation = np.array([pair.deviation for pair in members])
        energies = [pair.library for pair in members]
        rms = float(np.sqrt(np.mean(deviation**2)))
        rows.append((region, environment, len(members), float(deviation.mean()), rms, min(energies), max(energies)))
    return rows


def report(console: Console, comparison: Comparison, figures: Mapping[str, Mapping[str, float]], rules: bool) -> None:
    """Print the figures, the worst pairs and every line left over on the library's side."""
    table = Table(title="Rules minus library (eV)")
    columns = (
        "level",
        "RMS",
        "RMS shared (n)",
        "baseline RMS",
        "bias",
        "median |d|",
        "worst",
        "matched",
        "library left",
        "rules left (RMS to nearest)",
    )
    for column in columns:
        table.add_column(column, justify="right")
    for region, row in figures.items():
        table.add_row(
            region,
            f"{row['rms']:.3f}",
            f"{row['shared_rms']:.3f} ({row['shared']:.0f})",
            f"{row['baseline_rms']:.3f}",
            f"{row['bias']:+.3f}",
            *(f"{row[name]:.3f}" for name in ("median_absolute", "worst")),
            *(f"{row[name]:.0f}" for name in ("matched", "library_unmatched")),
            f"{row['rules_unmatched']:.0f} ({row['rules_unmatched_rms_distance']:.2f})",
        )
    console.print(table)
    console.print(
        f"left out: {comparison.vibrational} vibrational members, "
        f"{comparison.unknown_level} lines of levels without rules"
    )
    console.print("worst ten pairs:")
    for pair in sorted(comparison.pairs, key=lambda pair: -abs(pair.deviation))[:10]:
        console.print(
            f"  {pair.region} {pair.library:.2f} against {pair.rules:.2f} ({pair.deviation:+.2f})  "
            f"{pair.polymer}: {pair.environment}"
        )
    console.print("lines of the library without a partner:")
    for leftover in comparison.library_left:
        console.print(
            f"  {leftover.region} {leftover.energy:.2f}  {leftover.polymer}, "
            f"nearest {_number(leftover.distance)} eV away"
        )
    if rules:
        console.print("lines of the rules without a partner, farther than 0.25 eV from any library line:")
        for leftover in comparison.rules_left:
            if leftover.distance is None or leftover.distance > 0.25:
                console.print(
                    f"  {leftover.region} {leftover.energy:.2f}  {leftover.polymer}: {leftover.environment}, "
                    f"{_number(leftover.distance)}"
                )
        for region, environment, count, bias, rms, low, high in by_environment(comparison.pairs):
            console.print(
                f"  {region} {environment}: n {count}, mean {bias:+.3f}, RMS {rms:.3f}, library {low:.2f}-{high:.2f}"
            )


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.2f}"


@click.command()
@click.option(
    "--lines", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=True, help="Library, CSV."
)
@click.option("--json", "target", type=click.Path(path_type=Path), help="Write figures and pairs here.")
@click.option("--rules", is_flag=True, help="Show every rule.")
def main(lines: Path, target: Path | None, rules: bool) -> None:
    """Compare the line rules with a library of lines."""
    try:
        comparison = compare(read_library(lines))
        figures = summary(comparison)
        report(Console(width=160, highlight=False), comparison, figures, rules)
        if target is not None:
            record = {
                "benchmark": "line_rules",
                "conditions": {
                    "lines": str(lines),
                    "matching": "per polymer and core level, one to one, nearest pair first",
                    "vibrational_members_left_out": comparison.vibrational,
                    "lines_of_levels_without_rules_left_out": comparison.unknown_level,
                    "rdkit": version("rdkit"),
                    **{name: value for name, value in conditions(0).items() if name != "seed"},
                },
                "figures_eV": figures,
                "pairs": [{**asdict(pair), "deviation": round(pair.deviation, 3)} for pair in comparison.pairs],
                "library_unmatched": [asdict(leftover) for leftover in comparison.library_left],
                "rules_unmatched": [asdict(leftover) for leftover in comparison.rules_left],
            }
            write_record(target, record)
    except PrefitError as error:
        raise SystemExit(str(error)) from None
