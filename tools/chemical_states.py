"""Make the table of chemical states of the elements from NIST SRD 20, and check it against handbook values.

    python -m tools.chemical_states --nist nist_srd20.csv.gz [--out PATH]

The rules stand at the functions that apply them. The records of the database are not part of the project: medians,
spreads and counts are written. The check prints each state of tools/handbook_states.csv that the
database knows as well, with its deviation.
"""

from __future__ import annotations

import csv
import io
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import click
import numpy as np

from tools.formula import ALWAYS, Compound, compound
from tools.nist import CONDUCTOR, HYDROCARBON, Record, median_spread, read_records
from xps_stn_plugin._util.files import write_text
from xps_stn_plugin.chemistry.states import ChemicalState
from xps_stn_plugin.core.element_lines import doublet, photo_lines

OUT = Path(__file__).parent.parent / "xps_stn_plugin" / "chemistry" / "data" / "states.csv"
HANDBOOK = Path(__file__).parent / "handbook_states.csv"
#: Further lines that are often measured beside the main one.
ALSO = ("Mg2p", "Ga3d", "Ge2p", "Ce3d", "Gd4d", "Zn3p", "Al2s", "Si2s")
#: Compounds that conduct well enough for the Fermi level to be their reference; all others need hydrocarbon.
CONDUCTING = frozenset({"element", "alloy", "nitride", "carbide", "boride", "silicide", "arsenide", "antimonide",
                        "phosphide", "sulfide", "selenide", "telluride"})  # fmt: skip
#: Classes whose compounds are states of their own; of the others all compounds of one oxidation state are one state.
BY_FORMULA = frozenset({"element", "oxide", "hydroxide", "oxyhydroxide", "nitride", "carbide", "sulfide"})
#: Doublets narrower than this (eV) are often given as one line, whose maximum lies a third of the splitting above the
#: higher-j line.
UNRESOLVED = 1.7
#: Fewest values for a spread, and least spread in eV that is given: for these, for fewer, for one.
FEWEST, LEAST_SPREAD, FEW_SPREAD, SINGLE_SPREAD = 4, 0.1, 0.2, 0.3
#: A handbook value stands in for a state of fewer values than this, or that lies farther than this (eV) from it, as
#: those of samples do whose surface had oxidised (SnO, V2O3).
REPLACED, CONTRADICTED = 3, 0.8
#: Shift in eV of an alloy's line from the element's beyond which it is not the alloy's.
ALLOY_SHIFT = 1.5
#: From this number of carbon atoms on a binary compound is one of graphite, fullerene or a molecule.
FULLERIDE = 5
GOLD = frozenset({"Gold"})
_ROMAN = {0: "0", 1: "I", 2: "II", 3: "III", 4: "IV", 5: "V", 6: "VI", 7: "VII", 8: "VIII"}

HEADER = """\
# Chemical states of the elements, made by tools/chemical_states.py, which states the rules: medians of the records of
# the NIST X-ray Photoelectron Spectroscopy Database, SRD 20 (version 4.1).
#
# state      formula, or class of compounds with the element's oxidation state
# kind       class of the compound
# oxidation  oxidation state of the element; empty where the formula does not tell
# energy     eV, binding energy on the scale hydrocarbon C 1s = 284.8 eV
# spread     eV, standard deviation between authors (or, for a class, between compounds), from the quartiles
# values     number of values without outliers; 0 for a value of tools/handbook_states.csv, which stands in where SRD 20
#            has fewer than three values or contradicts it by more than 0.8 eV
"""


def measured_lines() -> dict[str, str]:
    """Line of higher j of each core level (``Ti2p``) that states are given for."""
    levels = {}
    for lines in photo_lines().values():
        for line in lines:
            if line.main or line.level in ALSO:
                levels[line.level] = max(levels.get(line.level, ""), line.line)
    return levels


def energies_of(level: str, line: str, records: Iterable[Record]) -> list[tuple[Record, float]]:
    """Find the records of a line with their energies in eV; those of a whole doublet are moved to the higher-j line."""
    element, subshell = level[:-2], level[-2:]
    pair = doublet(level)
    away = pair.splitting / 3 if pair and pair.splitting < UNRESOLVED else 0.0
    energies = []
    for record in records:
        if record.element == element and record.line in {line, subshell}:
            energies.append((record, record.energy - (away if record.line != line else 0.0)))
    return energies


def trusted(record: Record, kind: str) -> bool:
    """Whether the charge reference holds for a compound of this class."""
    return record.reference in HYDROCARBON or (kind in CONDUCTING and record.reference in CONDUCTOR)


def states_of(level: str, line: str, records: Sequence[Record]) -> list[ChemicalState]:
    """States of a core level.

    Of a compound without a value on the hydrocarbon scale those that were referred to the Fermi level or to gold count.
    """
    element = level[:-2]
    values: dict[str, list[float]] = defaultdict(list)
    others: dict[str, list[float]] = defaultdict(list)
    compounds: dict[str, Compound] = {}
    for record, energy in energies_of(level, line, records):
        substance = compound(record.formula)
        if substance is None or element not in substance.atoms:
            continue
        if "NH4" in record.formula and element == "N":
            if substance.atoms["N"] != record.formula.count("NH4") and "(NH4)2" not in record.formula:
                continue  # Nitrogen of the anion as well.
            substance = replace(substance, kind="ammonium")
        if element == "C" and substance.kind != "element" and substance.atoms["C"] >= FULLERIDE:
            continue
        name = element if substance.kind == "element" else substance.formula
        if trusted(record, substance.kind):
            values[name].append(energy)
        elif record.reference in CONDUCTOR | GOLD:
            others[name].append(energy)
        compounds[name] = substance
    for formula, energies in others.items():
        values[formula] = values[formula] or energies
    compounds = {formula: substance for formula, substance in compounds.items() if values[formula]}
    states = [*_by_formula(level, line, values, compounds), *_by_class(level, line, values, compounds)]
    numbered = {state.kind for state in states if state.oxidation is not None}
    states = [s for s in states if s.kind != "mixed oxide" or s.oxidation is not None or s.kind not in numbered]
    pure = next((state.energy for state in states if state.kind == "element"), None)
    # The lines of an alloy that lie far from those of the element are those of its oxide.
    return [s for s in states if s.kind != "alloy" or (pure is not None and abs(s.energy - pure) < ALLOY_SHIFT)]


def _by_formula(
    level: str, line: str, values: Mapping[str, list[float]], compounds: Mapping[str, Compound]
) -> list[ChemicalState]:
    element, states = level[:-2], []
    for formula, substance in compounds.items():
        if _is_state_of_its_own(substance):
            energy, spread, count = median_spread(values[formula])
            oxidation = substance.oxidation(element)
            states.append(
                ChemicalState(element, line, formula, substance.kind, oxidation, energy, _wide(spread, count), count)
            )
    return states


def _wide(spread: float, count: int) -> float:
    """Spread that a number of values can prove (eV)."""
    least = SINGLE_SPREAD if count == 1 else FEW_SPREAD if count < FEWEST else LEAST_SPREAD
    return max(spread, least)


def _is_state_of_its_own(substance: Compound) -> bool:
    return substance.kind in BY_FORMULA and substance.is_simple


def _by_class(
    level: str, line: str, values: Mapping[str, list[float]], compounds: Mapping[str, Compound]
) -> list[ChemicalState]:
    """Classes of compounds: the median of the compounds' medians, so that no compound stands for its class.

    For an element that is the anion all compounds count; for the others those that are not states of their own.
    """
    element = level[:-2]
    groups: dict[tuple[str, int | None], list[str]] = defaultdict(list)
    for formula, substance in compounds.items():
        if substance.kind == "element":
            continue
        if substance.is_anion(element):
            groups[substance.kind, None].append(formula)
        elif not _is_state_of_its_own(substance):
            groups[substance.kind, substance.oxidation(element)].append(formula)
    states = []
    for (kind, oxidation), formulas in groups.items():
        count = sum(len(values[formula]) for formula in formulas)
        if len(formulas) >= 3:
            energy, spread, _ = median_spread(float(np.median(values[formula])) for formula in formulas)
        else:
            energy, spread, count = median_spread(value for formula in formulas for value in values[formula])
        first = compounds[formulas[0]]
        numbered = oxidation is not None and element not in ALWAYS and not first.is_centre(element)
        name = f"{kind} ({_ROMAN[oxidation]})" if numbered and oxidation is not None else kind
        if len(formulas) == 1:
            if _is_state_of_its_own(first) or oxidation is None or not first.is_simple:
                continue
            name = first.formula
        elif kind == "oxide" and not first.is_anion(element):
            continue  # Oxides whose composition is not a whole one lie between those that are.
        states.append(ChemicalState(element, line, name, kind, oxidation, energy, _wide(spread, count), count))
    return states


def chemical_states(records: Sequence[Record]) -> list[ChemicalState]:
    """States of all elements."""
    states = []
    for level, line in measured_lines().items():
        of_element = [record for record in records if record.element == level[:-2]]
        of_level = {state.name: state for state in states_of(level, line, of_element)}
        for name, energy in handbook().get((level[:-2], line), {}).items():
            old = of_level.get(name)
            if old is None or old.values < REPLACED or abs(old.energy - energy) > CONTRADICTED:
                substance = compound(name)
                kind = substance.kind if substance else name
                oxidation = substance.oxidation(level[:-2]) if substance else None
                of_level[name] = ChemicalState(level[:-2], line, name, kind, oxidation, energy, FEW_SPREAD, 0)
        states += sorted(of_level.values(), key=lambda state: state.energy)
    return states


def handbook() -> dict[tuple[str, str], dict[str, float]]:
    """Energies in eV of the handbooks by element, line and state."""
    energies: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    with HANDBOOK.open(encoding="utf-8") as file:
        for row in csv.DictReader(line for line in file if not line.startswith("#")):
            energies[row["element"], row["line"]][row["state"]] = float(row["energy"])
    return energies


def table(states: Iterable[ChemicalState]) -> str:
    """Text of the table."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["element", "line", "state", "kind", "oxidation", "energy", "spread", "values"])
    for state in states:
        oxidation = "" if state.oxidation is None else state.oxidation
        writer.writerow(
            [state.element, state.line, state.name, state.kind, oxidation, f"{state.energy:.2f}", f"{state.spread:.2f}",
             state.values]
        )  # fmt: skip
    return HEADER + text.getvalue()


def check(states: Sequence[ChemicalState]) -> str:
    """Handbook values beside those of the table that come from the database."""
    lines = [
        "| Line | State | Table (eV) | Spread (eV) | Values | Handbook (eV) | Difference (eV) |",
        "|---|---|---|---|---|---|---|",
    ]
    energies = handbook()
    for state in states:
        energy = energies.get((state.element, state.line), {}).get(state.name)
        if energy is not None and state.values:
            lines.append(
                f"| {state.element} {state.line} | {state.name} | {state.energy:.2f} | {state.spread:.2f} "
                f"| {state.values} | {energy:.1f} | {state.energy - energy:+.1f} |"
            )
    return "\n".join(lines)


@click.command()
@click.option("--nist", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=True)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), default=OUT, show_default=True)
def main(nist: Path, out: Path) -> None:
    """Write the table and print the check."""
    states = chemical_states(read_records(nist))
    write_text(out, table(states), overwrite=True)
    counts = Counter(state.element for state in states)
    click.echo(f"{len(states)} states of {len(counts)} elements.\n")
    click.echo(check(states))


if __name__ == "__main__":
    main()
