"""Medians and spreads of the lines of inorganic samples from NIST SRD 20, for the simulator.

    python -m benchmarks inorganic_lines --nist nist_srd20.csv.gz [--out PATH]

The table of the simulator is written anew unless `--out` names another file. The database itself is not part of the
project; what is written are medians, spreads and counts of each class. Records of one compound are reduced to their
median first, so that a compound that many have measured does not stand for its class.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np

from xps_prefit_hooks import PrefitError
from xps_stn_plugin._util.files import write_text

TARGET = Path(__file__).parent.parent / "xps_stn_plugin" / "simulate" / "data" / "inorganic_lines.csv"
#: References of the energy scale that count: hydrocarbon, which the database puts at 284.8 eV.
HYDROCARBON = frozenset({"Adventitious carbon", "Internal hydrocarbon"})
#: Also for what conducts and is cleaned before it is measured.
CONDUCTING = HYDROCARBON | {"Conductor", "Gold"}
#: Fewer records than these give no line.
FEWEST = 2

HEADER = """\
# Lines of inorganic samples: medians over compounds of the NIST X-ray Photoelectron Spectroscopy Database, SRD 20
# (version 4.1), made by benchmarks/inorganic_lines.py, which holds the choice of records for each line.
#
# energy     eV, median of the compounds' medians, on the database's scale: hydrocarbon C 1s = 284.8 eV
# spread     eV, standard deviation of the compounds' medians, from their quartiles
# compounds, records   how many of them
"""

_SALT = r"^[A-Z][a-z]?\d?"
_SILICATE = "SiO4|SiO3|Si2O[567]|Si3O|Si4O"
_CARBIDES = "SiC|TiC|WC|Cr3C2|Fe3C|ZrC|TaC|NbC|HfC|VC|Mo2C|W2C|Cr7C3|Mn7C3|Ni3C|ThC|UC|B4C"
_NITRIDES = "TiN|CrN|Cr2N|VN|ZrN|HfN|NbN|TaN|Mo2N|WN|AlN|GaN|InN|Fe4N|Fe2N|Mn4N|LaN|ScN"
_OXIDES = "Al2O3|MgO|Ga2O3|GeO2|BeO|Sb2O[35]|As2O[35]|TeO[23]|SeO2|CaO"
_FLUOROMETALLATES = "BF4|PF6|SiF6|TiF6|ZrF6|NbF7|TaF7|AlF6|AsF6|SbF6|AlF3|BeF2"
_TRANSITION = "Ti|V|Cr|Mn|Fe|Co|Ni|Cu|Zn|Zr|Nb|Mo|Hf|Ta|W|Re|In|Sn|Cd|Sc|Y|La|Ce|Pb|Bi|Ag"


@dataclass(frozen=True)
class Query:
    """Which records make a line: element, levels, formula (regular expression), range in eV, references."""

    element: str
    levels: tuple[str, ...]
    formula: str = ""
    low: float = 0.0
    high: float = 1500.0
    references: frozenset[str] = HYDROCARBON
    #: By how much the maximum of a doublet that was given as one line lies above its higher-j line.
    unresolved: float = 0.0


def _level(element: str, level: str, low: float = 0.0, high: float = 1500.0) -> Query:
    """Any compound, whatever its reference: foreign lines are broad classes."""
    return Query(element, (level,), "", low, high, CONDUCTING)


QUERIES: Mapping[str, Query] = {
    "carbonate C": Query("C", ("1s",), r"^(?!.*\(C)(?!.*C[H6]).*CO3", 287.5, 291.5),
    "carbonate O": Query("O", ("1s",), r"^(?!.*C[H6]).*CO3", 529.5, 533.5),
    "carbide C": Query("C", ("1s",), rf"^({_CARBIDES})", 280.5, 284.2, CONDUCTING),
    "transition oxide O": Query("O", ("1s",), rf"^({_TRANSITION})\d?O\d?$", 528.0, 532.0),
    "main-group oxide O": Query("O", ("1s",), rf"^({_OXIDES})$", 529.5, 533.5),
    "oxoanion O": Query("O", ("1s",), r"(MoO4|WO4|VO4|VO3|CrO4|Cr2O7|TiO3|NbO3|TaO3|AlO2|Al2O4|Fe2O4)$", 528.0, 533.0),
    "glass O": Query("O", ("1s",), r"^(B2O3|P2O5|P4O10)$", 531.0, 535.0),
    "hydroxide O": Query("O", ("1s",), r"^[A-Z][a-z]?\d?(\(OH\)\d|O\(OH\)|\(OH\)O|OOH)", 529.5, 533.5),
    "water O": Query("O", ("1s",), r"^H2O|\.\d*H2O$|H2O/", 532.4, 535.5, CONDUCTING),
    "silica Si": Query("Si", ("2p", "2p3/2"), r"^SiO2$", 102.5, 105.0, unresolved=0.2),
    "silica O": Query("O", ("1s",), r"^SiO2$", 531.5, 534.5),
    "silicate Si": Query("Si", ("2p", "2p3/2"), rf"({_SILICATE}|silicate)", 101.0, 104.0, unresolved=0.2),
    "silicate O": Query("O", ("1s",), rf"({_SILICATE}|AlSi)", 529.5, 534.0),
    "silicon Si": Query("Si", ("2p", "2p3/2"), r"^Si$", 98.5, 100.2, CONDUCTING, 0.2),
    "silicide Si": Query("Si", ("2p", "2p3/2"), r"^[A-Z][a-z]?\d?Si\d?$", 98.3, 100.4, CONDUCTING, 0.2),
    "silicon carbide Si": Query("Si", ("2p", "2p3/2"), r"^SiC$", 99.5, 102.0, CONDUCTING, 0.2),
    "silicon carbide C": Query("C", ("1s",), r"^SiC$", 281.5, 284.2, CONDUCTING),
    "silicon nitride Si": Query("Si", ("2p", "2p3/2"), r"^Si3N4$", 100.8, 103.2, unresolved=0.2),
    "silicon nitride N": Query("N", ("1s",), r"^Si3N4$", 396.5, 399.0),
    "nitride N": Query("N", ("1s",), rf"^({_NITRIDES})$", 395.5, 399.0, CONDUCTING),
    "boron nitride N": Query("N", ("1s",), r"^BN$", 397.0, 399.5),
    "boron nitride B": Query("B", ("1s",), r"^BN$", 189.0, 192.0),
    "ammonium N": Query("N", ("1s",), r"NH4|^NH4", 400.4, 403.3),
    "nitrite N": Query("N", ("1s",), r"NO2$|\(NO2\)", 402.5, 405.2),
    "nitrate N": Query("N", ("1s",), r"NO3", 405.5, 409.0),
    "nitrate O": Query("O", ("1s",), _SALT + r"\(?NO3", 531.0, 535.0),
    "fluoride F": Query("F", ("1s",), r"^[A-Z][a-z]?\d?F\d?(\.|$)", 682.5, 687.0),
    "fluorometallate F": Query("F", ("1s",), rf"({_FLUOROMETALLATES})", 684.0, 688.5),
    "hexafluorophosphate P": Query("P", ("2p", "2p3/2"), r"PF6", 135.0, 139.0, unresolved=0.28),
    "chloride Cl": Query("Cl", ("2p3/2", "2p"), r"^[A-Z][a-z]?\d?Cl\d?(\.|$)", 196.5, 201.0, unresolved=0.5),
    "chlorate Cl": Query("Cl", ("2p3/2", "2p"), r"ClO3", 205.0, 207.5, unresolved=0.5),
    "perchlorate Cl": Query("Cl", ("2p3/2", "2p"), r"ClO4", 207.0, 209.6, unresolved=0.5),
    "perchlorate O": Query("O", ("1s",), r"ClO[34]", 531.0, 534.5),
    "sulfide S": Query("S", ("2p3/2", "2p"), r"^[A-Z][a-z]?\d?S\d?$", 160.0, 163.0, CONDUCTING, 0.35),
    "elemental sulfur S": Query("S", ("2p3/2", "2p"), r"^S\d?$", 163.0, 165.0, CONDUCTING, 0.35),
    "sulfite S": Query("S", ("2p3/2", "2p"), r"SO3", 165.5, 167.6, unresolved=0.35),
    "sulfate S": Query("S", ("2p3/2", "2p"), r"SO4", 167.5, 170.3, unresolved=0.35),
    "sulfate O": Query("O", ("1s",), r"SO4", 530.8, 533.6),
    "phosphide P": Query("P", ("2p3/2", "2p"), r"^[A-Z][a-z]?\d?P\d?$", 127.8, 130.4, CONDUCTING, 0.28),
    "elemental phosphorus P": Query("P", ("2p3/2", "2p"), r"^P\d?$", 129.0, 131.0, CONDUCTING, 0.28),
    "phosphate P": Query("P", ("2p3/2", "2p"), r"PO4", 131.8, 135.0, unresolved=0.28),
    "phosphate O": Query("O", ("1s",), r"PO4", 529.8, 533.0),
    "metaphosphate P": Query("P", ("2p3/2", "2p"), r"PO3|P2O7|P3O10", 132.4, 135.6, unresolved=0.28),
    "metaphosphate O": Query("O", ("1s",), r"PO3|P2O7|P3O10", 530.2, 533.6),
    "bromide Br": Query("Br", ("3d5/2", "3d"), r"^[A-Z][a-z]?\d?Br\d?$|Br\d?\]|Br6|Br4", 67.3, 70.2, unresolved=0.4),
    "aluminium oxide Al": Query("Al", ("2p", "2p3/2"), r"^(Al2O3|Al\(OH\)3|AlO\(OH\)|AlOOH)$", 73.0, 76.0),
    "aluminium Al": Query("Al", ("2p", "2p3/2"), r"^Al$", 71.8, 73.6, CONDUCTING),
    "aluminium oxide Al 2s": Query("Al", ("2s",), r"Al2O3|AlO", 118.0, 121.0),
    "boron oxide B": Query("B", ("1s",), r"^B2O3$|B4O7|BO3", 191.0, 194.5),
    "potassium K": Query("K", ("2p3/2",), r".", 291.8, 294.6),
    "ruthenium Ru": Query("Ru", ("3d5/2",), r".", 279.5, 283.2, CONDUCTING),
    "strontium Sr": Query("Sr", ("3d5/2",), r".", 131.5, 135.0),
    "strontium Sr 3p1/2": _level("Sr", "3p1/2"),
    "molybdenum Mo": _level("Mo", "3p3/2", 393.0, 400.0),
    "cadmium Cd": _level("Cd", "3d5/2"),
    "scandium Sc": _level("Sc", "2p3/2", 398.0, 404.5),
    "lead Pb": _level("Pb", "4f7/2"),
    "yttrium Y": _level("Y", "3d5/2", 155.5, 160.5),
    "mercury Hg": _level("Hg", "4f7/2"),
    "antimony Sb": _level("Sb", "3d5/2", 527.5, 532.5),
    "vanadium V": _level("V", "2p3/2", 512.0, 518.5),
    "vanadium V 2p1/2": _level("V", "2p1/2", 522.5, 526.0),
    "palladium Pd": _level("Pd", "3p3/2"),
    "bismuth Bi": _level("Bi", "4f7/2", 156.5, 161.0),
    "selenium Se": _level("Se", "3p3/2", 159.0, 167.5),
    "arsenic As": _level("As", "3p3/2", 139.5, 146.5),
    "arsenic As 3s": _level("As", "3s"),
    "lanthanum La": _level("La", "4d5/2", 100.0, 105.5),
    "copper Cu": _level("Cu", "3p3/2", 74.0, 77.5),
    "nickel Ni": _level("Ni", "3p"),
    "nickel Ni 3s": _level("Ni", "3s", 109.0, 114.0),
    "platinum Pt": _level("Pt", "4f7/2"),
    "iridium Ir": _level("Ir", "4f7/2"),
    "caesium Cs": _level("Cs", "4d5/2", 74.0, 78.0),
    "niobium Nb": _level("Nb", "3d5/2", 201.5, 208.5),
    "gallium Ga": _level("Ga", "3p3/2", 103.0, 108.0),
    "gallium Ga 3s": _level("Ga", "3s"),
    "cobalt Co 3s": _level("Co", "3s"),
    "zinc Zn 3s": _level("Zn", "3s"),
    "chromium Cr 3s": _level("Cr", "3s"),
    "tantalum Ta": _level("Ta", "4p3/2"),
    "rubidium Rb": _level("Rb", "3d"),
    "sodium Na 2s": _level("Na", "2s"),
    "zirconium Zr": _level("Zr", "3d5/2", 178.0, 185.0),
    "gadolinium Gd": _level("Gd", "4d5/2", 140.0, 145.0),
    "holmium Ho": _level("Ho", "4d"),
    "erbium Er": _level("Er", "4d", 166.0, 172.0),
    "cerium Ce": _level("Ce", "4d"),
    "silver Ag 4s": _level("Ag", "4s"),
}  # fmt: skip


def chosen_medians(rows: Iterable[Mapping[str, str]], query: Query) -> tuple[list[float], int]:
    """Median of each compound that a query chooses, in eV, and the number of records behind them."""
    formula = re.compile(query.formula)
    compounds: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        if row["element"] != query.element or row["line"] not in query.levels:
            continue
        if row["charge_reference"] not in query.references or not formula.search(row["formula"]):
            continue
        is_unresolved = row["line"].isalnum() and row["line"][-1] in "pdf"
        energy = float(row["be_eV"]) - (query.unresolved if is_unresolved else 0.0)
        if query.low <= energy <= query.high:
            compounds[row["formula"]].append(energy)
    return [float(np.median(values)) for values in compounds.values()], sum(map(len, compounds.values()))


def _row(name: str, query: Query, rows: Iterable[Mapping[str, str]], source: str) -> tuple[str, ...]:
    medians, records = chosen_medians(rows, query)
    if records < FEWEST:
        raise PrefitError(source, f"{name}: {records} records are too few for a median; widen the query.")
    # One compound of many authors has a spread, too: that of the records.
    values = medians if len(medians) >= 4 else _records(rows, query)
    low, high = np.quantile(values, (0.25, 0.75))
    spread = max(0.7413 * float(high - low), 0.05)
    return (
        name,
        query.element + query.levels[0],
        f"{np.median(medians):.2f}",
        f"{spread:.2f}",
        str(len(medians)),
        str(records),
    )


def _records(rows: Iterable[Mapping[str, str]], query: Query) -> list[float]:
    """Every record by itself."""
    values: list[float] = []
    for row in rows:
        values += chosen_medians([row], query)[0]
    return values


@click.command()
@click.option("--nist", required=True, type=click.Path(path_type=Path), help="NIST SRD 20 as CSV, gzipped.")
@click.option("--out", default=TARGET, type=click.Path(path_type=Path), help="Table to write.")
def main(nist: Path, target: Path) -> None:
    """Write medians and spreads of the lines of inorganic samples."""
    with gzip.open(nist, "rt", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("line", "level", "energy", "spread", "compounds", "records"))
    for name, query in QUERIES.items():
        writer.writerow(_row(name, query, rows, str(nist)))
    write_text(target, HEADER + text.getvalue())
    click.echo(f"{len(QUERIES)} lines written to {target}.")
