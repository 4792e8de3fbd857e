"""Records of the NIST X-ray Photoelectron Spectroscopy Database, SRD 20, as the tables need them."""

from __future__ import annotations

import csv
import gzip
import io
import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

#: References that put hydrocarbon at the database's 284.8 eV, or the Fermi level at zero.
HYDROCARBON = frozenset({"Adventitious carbon", "Internal hydrocarbon"})
CONDUCTOR = frozenset({"Conductor"})
#: Beyond so many robust standard deviations from the median a value is an outlier. The deviation is not taken to be
#: less than LEAST_DEVIATION (eV), because many values are rounded to 0.1 eV.
OUTLIER, LEAST_DEVIATION = 3.0, 0.15
_LINE = re.compile(r"[1-6][spdf](?:[1357]/2)?$")


@dataclass(frozen=True)
class Record:
    """One value of the database.

    Parameters
    ----------
    element, line : str
        ``Ti`` and ``2p3/2``.
    energy : float
        Binding energy in eV.
    formula, name, author : str
        Compound and source; authors and journal together.
    reference : str
        Charge reference in the database's words.
    """

    element: str
    line: str
    energy: float
    formula: str
    name: str
    author: str
    reference: str

    @property
    def is_element(self) -> bool:
        """Whether the compound is the element itself."""
        return re.fullmatch(rf"{self.element}\d*", self.formula) is not None


def read_records(path: Path) -> list[Record]:
    """Read the records of photoelectron lines; satellites and values of gases are left out."""
    with gzip.open(path, "rb") as file:
        rows = csv.DictReader(io.StringIO(file.read().decode("utf-8")))
        return [
            Record(
                row["element"],
                row["line"],
                float(row["be_eV"]),
                row["formula"].strip(),
                row["name"].strip(),
                f"{row['author']} {row['journal']}",
                row["charge_reference"],
            )
            for row in rows
            if _LINE.fullmatch(row["line"]) and "gas" not in row["specimen"].lower().split()
        ]


def median_spread(values: Iterable[float]) -> tuple[float, float, int]:
    """Median, standard deviation from the quartiles (eV), and number of values without outliers."""
    kept = np.array(sorted(values))
    for _ in range(3):
        middle = float(np.median(kept))
        deviation = max(1.4826 * float(np.median(np.abs(kept - middle))), LEAST_DEVIATION)
        inside = kept[np.abs(kept - middle) <= OUTLIER * deviation]
        if inside.size == kept.size:
            break
        kept = inside
    low, high = np.percentile(kept, [25, 75])
    return float(np.median(kept)), float(high - low) / 1.349, int(kept.size)


def by_compound(records: Iterable[Record]) -> Mapping[tuple[str, str], Mapping[str, float]]:
    """Median energy (eV) of each compound, by element and line."""
    values: dict[tuple[str, str], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for record in records:
        values[record.element, record.line][record.formula].append(record.energy)
    return {
        key: {formula: float(np.median(energies)) for formula, energies in compounds.items()}
        for key, compounds in values.items()
    }


def splittings(records: Iterable[Record]) -> Mapping[tuple[str, str], tuple[float, int]]:
    """Median spin-orbit splitting (eV) and number of pairs by element and subshell.

    A pair is the two lines of one compound by the same authors.
    """
    lines: dict[tuple[str, str, str, str], dict[str, float]] = defaultdict(dict)
    for record in records:
        subshell, j = record.line[:2], record.line[2:]
        if j:
            lines[record.element, subshell, record.formula, record.author][j] = record.energy
    pairs: dict[tuple[str, str], list[float]] = defaultdict(list)
    for (element, subshell, _, _), energies in lines.items():
        if len(energies) == 2:
            low, high = sorted(energies)
            pairs[element, subshell].append(energies[low] - energies[high])
    return {key: (median_spread(values)[0], len(values)) for key, values in pairs.items() if not math.isnan(values[0])}


def distances(records: Iterable[Record], main: str) -> Mapping[str, tuple[float, int]]:
    """Median distance (eV) of an element's lines above its main line, and number of pairs, by line.

    A pair is the two lines of one compound by the same authors, so that the scale does not matter.
    """
    lines: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    for record in records:
        lines[record.formula, record.author].setdefault(record.line, record.energy)
    pairs: dict[str, list[float]] = defaultdict(list)
    for energies in lines.values():
        for line, energy in energies.items():
            if main in energies and line != main:
                pairs[line].append(energy - energies[main])
    return {line: (median_spread(values)[0], len(values)) for line, values in pairs.items()}
