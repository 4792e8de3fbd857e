"""Make the tables of photoelectron and Auger lines of the elements Li to U, and check them.

    python -m tools.core_level_tables --nist nist_srd20.csv.gz [--reference core_levels_reference.csv] [--out FOLDER]

Needs the packages xraydb and xraylib, which the plugin itself does not need. The rules stand at the functions that
apply them, the sources of the columns in the headers of the tables. The database is not part of the project: medians
and ranges are written. The check prints every deviation of more than 0.3 eV or 10 %.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click
import numpy as np
import xraydb
import xraylib

from tools.nist import HYDROCARBON, Record, by_compound, distances, median_spread, read_records, splittings
from xps_stn_plugin._util.files import write_text

OUT = Path(__file__).parent.parent / "xps_stn_plugin" / "core" / "data"
HANDBOOK = Path(__file__).parent / "auger_energies.csv"
#: Atomic numbers of lithium and uranium.
FIRST, LAST = 3, 92
#: Photon energies in eV of the columns with cross sections: Mg K-alpha, Al K-alpha, Ag L-alpha.
PHOTON_ENERGIES = {"scofield_mg": 1253.6, "scofield_al": 1486.6, "scofield_ag": 2984.3}
#: Solids of these elements are measured as compounds (or, for noble gases, implanted): their positions are medians over
#: compounds, because Williams's edges are those of free molecules.
GASES = frozenset({"N", "O", "F", "Ne", "Cl", "Ar", "Br", "Kr", "Xe", "I"})
#: Elements without the sea of electrons that gives a metal's lines their tail.
NOT_METALLIC = GASES | {"B", "Si", "P", "S", "Ge", "As", "Se", "Te", "At", "Rn"}
#: Fewest values for a position and for a splitting.
FEWEST_VALUES, FEWEST_PAIRS, FEWEST_PAIRS_ELEMENT = 2, 3, 2
#: A distance from the main line that puts a line farther (eV) from its edge is that of another line: a slip.
LARGEST_STEP = 6.0
#: Splittings in eV of narrow doublets, which the database's values, rounded to 0.1 eV, do not resolve: Moulder,
#: Stickle, Sobol, Bomben, Handbook of X-ray Photoelectron Spectroscopy (1992).
SPLITTINGS = {
    "Al2p": 0.41, "Si2p": 0.61, "P2p": 0.85, "S2p": 1.18, "Cl2p": 1.60, "Ga3d": 0.46, "Ge3d": 0.58, "As3d": 0.69,
    "Se3d": 0.86, "Br3d": 1.05, "Mg2p": 0.28,
}  # fmt: skip
#: Chemical range in eV about the position where the database has fewer than FEWEST_COMPOUNDS compounds, and what is
#: added to the extreme compounds' medians elsewhere.
USUAL_RANGE, FEWEST_COMPOUNDS, MARGIN = (-1.5, 4.0), 6, 0.3
#: Chemical range in eV of Auger lines: their shifts are larger than those of photoelectrons, towards low kinetic energy
#: in compounds.
AUGER_RANGE = (-8.0, 4.0)
#: Deviations that the check prints.
LARGE_DEVIATION, LARGE_RATIO = 0.3, 0.1

_SHELLS = {
    "1s": "K", "2s": "L1", "2p1/2": "L2", "2p3/2": "L3", "3s": "M1", "3p1/2": "M2", "3p3/2": "M3", "3d3/2": "M4",
    "3d5/2": "M5", "4s": "N1", "4p1/2": "N2", "4p3/2": "N3", "4d3/2": "N4", "4d5/2": "N5", "4f5/2": "N6", "4f7/2": "N7",
    "5s": "O1", "5p1/2": "O2", "5p3/2": "O3", "5d3/2": "O4", "5d5/2": "O5", "6s": "P1", "6p1/2": "P2", "6p3/2": "P3",
}  # fmt: skip
_LOWER_J = {"2p": "2p1/2", "3p": "3p1/2", "4p": "4p1/2", "5p": "5p1/2", "6p": "6p1/2",
            "3d": "3d3/2", "4d": "4d3/2", "5d": "5d3/2", "4f": "4f5/2"}  # fmt: skip
_HIGHER_J = {"2p": "2p3/2", "3p": "3p3/2", "4p": "4p3/2", "5p": "5p3/2", "6p": "6p3/2",
             "3d": "3d5/2", "4d": "4d5/2", "5d": "5d5/2", "4f": "4f7/2"}  # fmt: skip

PHOTO_HEADER = """\
# Photoelectron lines of the elements in solids, Li to U, made by tools/core_level_tables.py, which states the rules.
#
# energy        eV, position in the element's usual solid state on the scale hydrocarbon C 1s = 284.8 eV, Fermi level 0
# origin        where it comes from: "element", "compounds": median over the element, or over its compounds, in the NIST
#               X-ray Photoelectron Spectroscopy Database, SRD 20 (version 4.1); "splitting": the higher-j line and the
#               median splitting of pairs by the same authors in SRD 20, of the element where there are two, else of all
#               compounds; for narrow doublets that of Moulder, Stickle, Sobol, Bomben, Handbook of X-ray Photoelectron
#               Spectroscopy (1992); "distance": the main line and the median distance from it of three compounds or
#               more by the same authors in SRD 20; "edge": edges after Williams, X-ray Data Booklet (LBNL), in the
#               table of Elam, Ravel, Sieber, Radiat. Phys. Chem. 63 (2002) 121, as XrayDB 4.5.8 holds it, moved with
#               the element's main line where that was measured
# low, high     eV, chemical range: extremes of the compounds' medians of the main line in SRD 20 without the outer 2 %,
#               0.3 eV more on either side; -1.5 and +4 eV where SRD 20 has fewer than six compounds
# width         eV, natural (Lorentzian) width: Campbell, Papp, At. Data Nucl. Data Tables 77 (2001) 1, as xraylib 4.3.0
#               holds it
# scofield_*    cross section of the line for Mg K-alpha (1253.6 eV), Al K-alpha (1486.6 eV) and Ag L-alpha (2984.3 eV)
#               over that of C 1s; Hartree-Slater: Scofield, J. Electron Spectrosc. Relat. Phenom. 8 (1976) 129 for the
#               first two (calculated as in Scofield, UCRL-51326 (1973)); from the partial cross sections of xraylib
#               4.3.0, which reproduce that table to 1 %, times the number of electrons
# splitting     eV, for a lower-j line: distance from the higher-j line in compounds, median of three pairs in SRD 20 or
#               more; empty where it is that of the energies
# main          1 for the lines of the subshell that is usually measured
# metallic      1 where the element is a metal, whose lines are asymmetric
"""
AUGER_HEADER = """\
# Auger lines of the elements in solids, Li to U, made by tools/core_level_tables.py, which states the rules.
#
# energy      eV, kinetic energy from the Fermi level in the element's usual solid state
# low, high   eV, chemical range
# origin      "handbook": tools/auger_energies.csv, with its sources; "computed": binding energies of the levels (the
#             table of photoelectron lines) less the repulsion of the two holes, which is interpolated over the atomic
#             number between the handbook's elements of the same transition; good to about 5 eV, beyond the first and
#             the last of those elements to about 10 eV
"""


@dataclass(frozen=True)
class Photo:
    """One row of the table of photoelectron lines."""

    element: str
    number: int
    subshell: str
    line: str
    energy: float
    origin: str
    low: float = 0.0
    high: float = 0.0
    width: float | None = None
    scofield: tuple[float | None, ...] = ()
    main: bool = False
    compound_splitting: float | None = None


def main_subshell(number: int) -> str:
    """Subshell of an element that is usually measured with Al K-alpha."""
    if number <= 12:
        return "1s"
    for last, subshell in ((31, "2p"), (56, "3d"), (60, "3d"), (71, "4d")):
        if number <= last:
            return subshell
    return "4f"


def edges(number: int) -> dict[str, float]:
    """Binding energies in eV of an element's lines after Williams."""
    table = xraydb.xray_edges(number)
    return {line: table[shell].energy for line, shell in _SHELLS.items() if shell in table and table[shell].energy > 0}


def cross_section(number: int, line: str, photon_energy: float) -> float | None:
    """Scofield's cross section of a line over that of C 1s; None where the table has none."""

    def barns(atomic_number: int, shell: str) -> float:
        index = getattr(xraylib, f"{shell}_SHELL")
        per_electron = xraylib.CSb_Photo_Partial(atomic_number, index, photon_energy / 1000)
        return float(per_electron * xraylib.ElectronConfig(atomic_number, index))

    try:
        return barns(number, _SHELLS[line]) / barns(6, "K")
    except ValueError:
        return None


def natural_width(number: int, line: str) -> float | None:
    """Lorentzian width of a line in eV; None where the table has none."""
    try:
        return 1000 * float(xraylib.AtomicLevelWidth(number, getattr(xraylib, f"{_SHELLS[line]}_SHELL")))
    except ValueError:
        return None


def positions(number: int, records: Sequence[Record]) -> list[Photo]:
    """Lines of one element with their positions.

    The median over the element in SRD 20 if two values or more are known, for gases and halogens the median over their
    compounds; a lower-j line from the higher-j line and a splitting: the handbook's, else that of two pairs of the
    element or more, else that of three pairs of any compound or more; else the main line and the median distance from
    it, where three compounds or more have both lines by the same authors; else the edge, moved as the main line is.
    """
    on_element = splittings([record for record in records if record.is_element])
    in_any, in_compounds = splittings(records), splittings([record for record in records if not record.is_element])
    element = xraylib.AtomicNumberToSymbol(number)
    compounds = by_compound(records)
    measured: dict[str, tuple[float, str]] = {}
    for line in (edge := edges(number)):
        of_line = [record for record in records if record.line == line]
        values = [record.energy for record in of_line if record.is_element]
        origin = "element"
        if element in GASES and element not in {"Ne", "Ar", "Kr", "Xe"}:
            values, origin = list(compounds.get((element, line), {}).values()), "compounds"
        if len(values) >= FEWEST_VALUES:
            measured[line] = median_spread(values)[0], origin
    main = _HIGHER_J.get(main_subshell(number), main_subshell(number))
    anchor = main if main in measured else next(iter(measured), None)
    moved = measured[anchor][0] - edge[anchor] if anchor else 0.0
    if main in measured:
        for line, (distance, count) in distances(records, main).items():
            slip = line in edge and abs(measured[main][0] + distance - edge[line] - moved) > LARGEST_STEP
            if line in edge and line not in measured and count >= FEWEST_PAIRS and not slip:
                measured[line] = measured[main][0] + distance, "distance"
    lines = []
    for line, energy in edge.items():
        subshell = line[:2]
        higher = _HIGHER_J.get(subshell, line)
        value, origin = measured.get(line, (energy + moved, "edge"))
        compound_splitting = None
        if line != higher:
            start, origin = measured.get(higher, (edge[higher] + moved, "edge"))
            value = start + max(energy - edge[higher], 0.0)
            few = (0.0, 0)
            gap, count = on_element.get((element, subshell), few)
            if count < FEWEST_PAIRS_ELEMENT:
                gap, count = in_any.get((element, subshell), few)
                count = count if count >= FEWEST_PAIRS else 0
            gap = SPLITTINGS.get(element + subshell, gap if count else 0.0)
            value, origin = (start + gap, "splitting") if gap > 0 else (value, "edge")
            of_compounds, count = in_compounds.get((element, subshell), few)
            if count >= FEWEST_PAIRS and element + subshell not in SPLITTINGS:
                compound_splitting = round(of_compounds, 2)
        if value > 0:
            lines.append(
                Photo(element, number, subshell, line, round(value, 2), origin, compound_splitting=compound_splitting)
            )
    return lines


def with_range(lines: Iterable[Photo], compounds: Mapping[str, float]) -> list[Photo]:
    """Lines with their chemical range, that of the main line's compounds."""
    lines = list(lines)
    main = main_subshell(lines[0].number)
    anchor = next(line for line in lines if line.line == _HIGHER_J.get(main, main))
    low, high = USUAL_RANGE
    if len(compounds) >= FEWEST_COMPOUNDS:
        extremes = np.percentile(list(compounds.values()), [2, 98]) - anchor.energy
        low, high = min(float(extremes[0]), 0) - MARGIN, max(float(extremes[1]), 0) + MARGIN
    return [
        replace(
            line,
            low=round(max(line.energy + low, 0.0), 1),
            high=round(line.energy + high, 1),
            width=natural_width(line.number, line.line),
            scofield=tuple(cross_section(line.number, line.line, energy) for energy in PHOTON_ENERGIES.values()),
            main=line.subshell == main,
        )
        for line in lines
    ]


def photo_lines(records: Sequence[Record]) -> list[Photo]:
    """Photoelectron lines of all elements."""
    rows = []
    for number in range(FIRST, LAST + 1):
        element = xraylib.AtomicNumberToSymbol(number)
        of_element = [record for record in records if record.element == element]
        main = _HIGHER_J.get(main_subshell(number), main_subshell(number))
        trusted = [record for record in of_element if record.reference in HYDROCARBON or record.is_element]
        rows += with_range(positions(number, of_element), by_compound(trusted).get((element, main), {}))
    return rows


@dataclass(frozen=True)
class Auger:
    """One row of the table of Auger lines."""

    element: str
    number: int
    line: str
    energy: float
    origin: str


@dataclass(frozen=True)
class Transition:
    """A group of Auger lines: the level of the first hole, those of the two others, elements from and to."""

    line: str
    levels: tuple[str, str, str]
    first: int
    last: int
    #: The same transition from the other level of the doublet.
    partner: str = ""


TRANSITIONS = (
    Transition("KL23L23", ("1s", "2p3/2", "2p3/2"), 7, 17),
    Transition("KL1L23", ("1s", "2s", "2p3/2"), 8, 17),
    Transition("KL1L1", ("1s", "2s", "2s"), 8, 17),
    Transition("L23M23M23", ("2p3/2", "3p3/2", "3p3/2"), 17, 20),
    Transition("L3M23M23", ("2p3/2", "3p3/2", "3p3/2"), 21, 36, "L2M23M23"),
    Transition("L3M23M45", ("2p3/2", "3p3/2", "3d5/2"), 22, 36, "L2M23M45"),
    Transition("L3M45M45", ("2p3/2", "3d5/2", "3d5/2"), 22, 48, "L2M45M45"),
    Transition("M45N23V", ("3d5/2", "4p3/2", "4d5/2"), 39, 46),
    Transition("M5VV", ("3d5/2", "4d5/2", "4d5/2"), 42, 46, "M4VV"),
    Transition("M5N45N45", ("3d5/2", "4d5/2", "4d5/2"), 47, 71, "M4N45N45"),
    Transition("M5N67N67", ("3d5/2", "4f7/2", "4f7/2"), 71, 83, "M4N67N67"),
    Transition("N7O45O45", ("4f7/2", "5d5/2", "5d5/2"), 78, 92, "N6O45O45"),
)
_PARTNER_LEVELS = {"2p3/2": "2p1/2", "3d5/2": "3d3/2", "4f7/2": "4f5/2"}
#: Partners nearer than this (eV) are part of one line.
PARTNER_RESOLVED = 10.0


def handbook() -> dict[tuple[str, str], float]:
    """Kinetic energies in eV of the handbook by element and line."""
    lines = [line for line in HANDBOOK.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return {(row["element"], row["line"]): float(row["kinetic_energy"]) for row in csv.DictReader(lines)}


def auger_lines(photo: Sequence[Photo]) -> list[Auger]:
    """Auger lines of all elements: the handbook's, the others computed."""
    energies: dict[int, dict[str, float]] = {}
    for line in photo:
        energies.setdefault(line.number, {})[line.line] = line.energy
    numbers = {line.element: line.number for line in photo}
    known = handbook()
    rows = [Auger(element, numbers[element], line, energy, "handbook") for (element, line), energy in known.items()]
    for transition in TRANSITIONS:
        hole, second, third = transition.levels

        def without_repulsion(number: int, hole: str = hole, second: str = second, third: str = third) -> float:
            of_element = energies[number]
            return of_element[hole] - of_element.get(second, 0.0) - of_element.get(third, 0.0)

        anchors = sorted((numbers[el], energy) for (el, line), energy in known.items() if line == transition.line)
        repulsion = [without_repulsion(number) - energy for number, energy in anchors]
        for number in range(transition.first, transition.last + 1):
            element = next(el for el, value in numbers.items() if value == number)
            energy = known.get((element, transition.line))
            if energy is None:
                energy = without_repulsion(number) - float(np.interp(number, [n for n, _ in anchors], repulsion))
                rows.append(Auger(element, number, transition.line, round(energy, 0), "computed"))
            gap = energies[number].get(_PARTNER_LEVELS.get(hole, ""), 0.0) - energies[number][hole]
            if transition.partner and gap > PARTNER_RESOLVED and (element, transition.partner) not in known:
                rows.append(Auger(element, number, transition.partner, round(energy + gap, 0), "computed"))
    return sorted((row for row in rows if row.energy > 20), key=lambda row: (row.number, -row.energy))


def photo_table(rows: Iterable[Photo]) -> str:
    """Text of the table of photoelectron lines."""
    columns = [
        "element",
        "number",
        "line",
        "energy",
        "origin",
        "low",
        "high",
        "width",
        *PHOTON_ENERGIES,
        "splitting",
        "main",
    ]
    return _table(
        PHOTO_HEADER,
        [*columns, "metallic"],
        (
            [
                row.element, row.number, row.line, f"{row.energy:.2f}", row.origin, f"{row.low:.1f}", f"{row.high:.1f}",
                _short(row.width), *map(_as_published, row.scofield), _short(row.compound_splitting), int(row.main),
                int(row.element not in NOT_METALLIC),
            ]
            for row in rows
        ),
    )  # fmt: skip


def auger_table(rows: Iterable[Auger]) -> str:
    """Text of the table of Auger lines."""
    return _table(
        AUGER_HEADER,
        ["element", "number", "line", "energy", "low", "high", "origin"],
        (
            [row.element, row.number, row.line, row.energy, row.energy + AUGER_RANGE[0], row.energy + AUGER_RANGE[1],
             row.origin]
            for row in rows
        ),
    )  # fmt: skip


def _table(header: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return header + text.getvalue()


def _short(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _as_published(value: float | None) -> str:
    """Cross section with the digits of Scofield's table."""
    return "" if value is None else f"{value:.3g}" if value < 10 else f"{value:.2f}"


def deviations(rows: Sequence[Photo], reference: Path) -> list[str]:
    """Compare with a table of another program: positions of the main lines in eV, cross sections in per cent."""
    with reference.open(encoding="utf-8") as file:
        other = {(row["element"], row["orbital"]): row for row in csv.DictReader(file)}
    lines = []
    for row in rows:
        entry = other.get((row.element, row.line))
        if entry is None:
            continue
        difference = row.energy - float(entry["position_eV"])
        # That table gives whole eV.
        if row.main and abs(difference) > 0.5 + LARGE_DEVIATION:
            lines.append(f"{row.element} {row.line}: {row.energy:.2f} eV, reference {entry['position_eV']} eV")
        for (column, _), value in zip(PHOTON_ENERGIES.items(), row.scofield, strict=True):
            if (text := entry.get(column)) and value and abs(value / float(text) - 1) > LARGE_RATIO:
                lines.append(f"{row.element} {row.line}: {column} {value:.4g}, reference {text}")
    return lines


def deviations_from_edges(rows: Sequence[Photo]) -> list[str]:
    """List main lines that lie elsewhere than their edges after Williams."""
    lines = []
    for row in rows:
        edge = edges(row.number)[row.line]
        if row.main and abs(row.energy - edge) > LARGE_DEVIATION:
            lines.append(f"{row.element} {row.line}: {row.energy:.2f} eV ({row.origin}), edge {edge:g} eV")
    return lines


@click.command()
@click.option("--nist", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=True)
@click.option("--reference", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), default=OUT, show_default=True)
def main(nist: Path, reference: Path | None, out: Path) -> None:
    """Write the tables and print the check."""
    rows = photo_lines(read_records(nist))
    write_text(out / "photo_lines.csv", photo_table(rows), overwrite=True)
    write_text(out / "auger_lines.csv", auger_table(auger_lines(rows)), overwrite=True)
    click.echo("Main lines against Williams's edges:")
    click.echo("\n".join(deviations_from_edges(rows)))
    if reference is not None:
        click.echo("\nAgainst the reference:")
        click.echo("\n".join(deviations(rows, reference)))


if __name__ == "__main__":
    main()
