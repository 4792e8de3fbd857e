"""Check values that were taken from handbooks against databases.

    python -m tools.reference_checks --nist nist_srd20.csv.gz [--reference core_levels_reference.csv]

Printed is every deviation of more than 0.3 eV or 10 %: of the splittings of narrow doublets, the distances of
satellites, the handbook's states and the differences of modified Auger parameters from the sum of their two energies.
``--reference`` also compares the splittings with another table of element, orbital and splitting. The database and that
table are not part of the project.
"""

from __future__ import annotations

import csv
import gzip
import io
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import click

from tools.chemical_states import handbook
from tools.nist import median_spread, read_records, splittings
from xps_stn_plugin.chemistry.satellites import ShakeUp, shake_ups
from xps_stn_plugin.chemistry.states import auger_parameters, chemical_states
from xps_stn_plugin.core.element_lines import auger_lines, doublet, level_lines, photo_lines

#: Deviations that are printed.
LARGE_DEVIATION, LARGE_RATIO = 0.3, 0.1
#: Doublets narrower than this (eV) have the handbook's splitting.
NARROW = 1.7
#: A satellite of the database this near (eV) to one of the table is compared with it.
SAME_SATELLITE = 3.0


def deviates(value: float, other: float) -> bool:
    """Whether a value is more than 0.3 eV or 10 % off."""
    return abs(value - other) > LARGE_DEVIATION or abs(value / other - 1.0) > LARGE_RATIO


def narrow_splittings(measured: Mapping[tuple[str, str], tuple[float, int]]) -> Iterator[str]:
    """Compare splittings of narrow doublets with those of pairs of the database by the same authors."""
    for (element, subshell), (gap, count) in sorted(measured.items()):
        pair = doublet(element + subshell)
        if pair and pair.compound_splitting < NARROW and deviates(pair.compound_splitting, gap):
            yield f"{element} {subshell}: {pair.compound_splitting:.2f} eV, SRD 20 {gap:.2f} eV ({count} pairs)"


def satellite_distances(path: Path) -> Mapping[str, list[float]]:
    """Find the distances in eV of the database's satellites from the lowest main line by the same authors."""
    with gzip.open(path, "rb") as file:
        rows = list(csv.DictReader(io.StringIO(file.read().decode("utf-8"))))
    mains: dict[tuple[str, ...], float] = {}
    for row in rows:
        key = (row["element"], row["line"], row["formula"], row["author"], row["journal"])
        mains[key] = min(float(row["be_eV"]), mains.get(key, math.inf))
    distances: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        line, is_satellite, _ = row["line"].partition(",")
        main = mains.get((row["element"], line, row["formula"], row["author"], row["journal"]))
        if is_satellite and main is not None:
            distances[row["element"] + line[:2]].append(float(row["be_eV"]) - main)
    return distances


def satellites(distances: Mapping[str, Iterable[float]]) -> Iterator[str]:
    """Compare satellites of the table with those of the database that lie near."""
    for level, of_level in shake_ups().items():
        for shake_up in of_level:
            near = [d for d in distances.get(level, ()) if abs(d - shake_up.distance) <= SAME_SATELLITE]
            if not near:
                yield f"{_satellite(level, shake_up)}: not in SRD 20"
                continue
            median, _, count = median_spread(near)
            if abs(median - shake_up.distance) > shake_up.reach or deviates(shake_up.distance, median):
                yield f"{_satellite(level, shake_up)}: SRD 20 {median:.1f} eV ({count} values)"


def _satellite(level: str, shake_up: ShakeUp) -> str:
    oxidation = ", ".join(map(str, shake_up.oxidation))
    return f"{level} {shake_up.name} ({oxidation}): {shake_up.distance:.1f} +- {shake_up.reach:.1f} eV"


def states() -> Iterator[str]:
    """Compare the handbook's states with medians of the database."""
    for (element, line), energies in handbook().items():
        values = {s.name: s for s in chemical_states().get(element + line[:2], ()) if s.values}
        for name, energy in energies.items():
            state = values.get(name)
            if state and abs(state.energy - energy) > LARGE_DEVIATION:
                yield f"{element} {line} {name}: {energy:.1f} eV, SRD 20 {state.energy:.2f} eV ({state.values} values)"


def parameters() -> Iterator[str]:
    """Compare modified Auger parameters of elements with the sum of the two energies."""
    sums = {
        (element, auger.line, line.line): auger.energy + line.energy
        for element, lines in photo_lines().items()
        for line in lines
        if line is level_lines(line.level)[0]
        for auger in auger_lines().get(element, ())
        if not auger.computed
    }
    for (element, state), parameter in auger_parameters().items():
        near = [total for (symbol, _, _), total in sums.items() if symbol == element]
        if element == state and near:
            total = min(near, key=lambda value: abs(value - parameter))
            if abs(total - parameter) > LARGE_DEVIATION:
                yield f"{element}: {parameter:.1f} eV, sum of the energies {total:.1f} eV"


def against(path: Path) -> Iterator[str]:
    """Compare splittings with those of another table."""
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        splitting = float(row["splitting_eV"] or 0.0)
        pair = doublet(row["element"] + row["orbital"]) if len(row["orbital"]) == 2 else None
        if pair and splitting > 0 and deviates(pair.splitting, splitting):
            yield f"{row['element']} {row['orbital']}: {pair.splitting:.2f} eV, other table {splitting:.2f} eV"


@click.command()
@click.option("--nist", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=True)
@click.option("--reference", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def main(nist: Path, reference: Path | None) -> None:
    """Print deviations of the handbook's values."""
    parts = {
        "Splittings of narrow doublets": narrow_splittings(splittings(read_records(nist))),
        "Satellites": satellites(satellite_distances(nist)),
        "States": states(),
        "Auger parameters": parameters(),
    }
    if reference:
        parts["Other table"] = against(reference)
    for title, lines in parts.items():
        click.echo(f"{title}:")
        for line in lines:
            click.echo(f"  {line}")


if __name__ == "__main__":
    main()
