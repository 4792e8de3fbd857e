"""Atomic percent from seeded fits of the measured polymers, beside the stoichiometry of their repeat units.

``python -m benchmarks composition --data ../shared/measured [--sensitivity scofield] [--transmission 0]
[--escape-depth 0] [--json PATH]``

Groups are those of ``groups.csv`` with probability 0.98 and the shift is exact: what is measured is the quantification,
not the network. Elements that were not measured (hydrogen, and regions that a file lacks) count on neither side. Beside
the fits stand percentages from plain integrals over each region above the line through its ends, with the factors
alone, which no assignment of lines can spoil: where those are off too, it is the data, their scale or the factors.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import numpy as np
import xarray as xr

from benchmarks.polymers import Polymer, load
from benchmarks.record import conditions, write_record
from benchmarks.seeded_fits import prediction
from xps_prefit_hooks import Settings
from xps_stn_plugin.chemistry.polymers import polymers
from xps_stn_plugin.chemistry.structure import read_structure
from xps_stn_plugin.fitting import fit_seed
from xps_stn_plugin.quantification import Quantification, quantify_fits, sensitivity_set
from xps_stn_plugin.seeding import seed_region

#: Polymers whose composition the library's repeat unit stands for only roughly: copolymers and ethers of cellulose.
_NO_FIXED_COMPOSITION = ("HPCEL", "PECMA")

#: Core level that the library shows of each element.
_LEVELS = {"C": "C1s", "O": "O1s", "N": "N1s", "F": "F1s", "Cl": "Cl2p"}


@dataclass(frozen=True)
class Row:
    """One element of one polymer, in atomic percent of what was measured."""

    polymer: str
    element: str
    expected: float
    fitted: float
    stderr: float | None
    integrated: float


@dataclass(frozen=True)
class Agreement:
    """One comparison of two regions' estimates of a group, for a polymer that has it."""

    polymer: str
    group: str
    disagreement_percent: float | None
    disagreement_sigma: float | None


def expected_percent(smiles: str, measured: set[str]) -> dict[str, float]:
    """Atomic percent of the measured elements in a repeat unit."""
    symbols = (atom.GetSymbol() for atom in read_structure(smiles).GetAtoms())
    atoms = Counter(symbol for symbol in symbols if symbol in measured)
    return {symbol: 100.0 * number / atoms.total() for symbol, number in atoms.items()}


def integrated_percent(spectrum: xr.DataTree, sensitivity: str) -> dict[str, float]:
    """Atomic percent from the integral of each region above the line through its ends, without any fit."""
    factors = sensitivity_set(sensitivity).factors
    amounts = {}
    for symbol, core in _LEVELS.items():
        if core in spectrum.children:
            counts, energy = spectrum[core]["counts"].values, spectrum[core]["binding_energy"].values
            ends = np.interp(energy, [energy[0], energy[-1]], [counts[:5].mean(), counts[-5:].mean()])
            amounts[symbol] = float(np.trapezoid(counts - ends, energy)) / factors[core].whole
    return {symbol: 100.0 * amount / sum(amounts.values()) for symbol, amount in amounts.items()}


def quantified(polymer: Polymer, sensitivity: str, transmission: float, escape_depth: float) -> Quantification:
    """Fit all regions of a polymer with its own groups and count."""
    spectrum = polymer.spectrum()
    seeds = {
        region: seed
        for region in spectrum.children
        if (seed := seed_region(spectrum, region, prediction(polymer.groups), Settings())) is not None
    }
    fits = {region: fit_seed(seed, spectrum[region].to_dataset()) for region, seed in seeds.items()}
    return quantify_fits(
        spectrum, seeds, fits, sensitivity=sensitivity, transmission=transmission, escape_depth=escape_depth
    )


def measure(
    data: Path, sensitivity: str = "scofield", transmission: float = 0.0, escape_depth: float = 0.0
) -> tuple[list[Row], list[Agreement]]:
    """Figures of every polymer with a fixed composition and at least two measured elements."""
    smiles: Mapping[str, str] = {polymer.abbreviation: polymer.smiles for polymer in polymers()}
    rows, agreements = [], []
    for polymer in load(data):
        measured = {symbol for symbol, core in _LEVELS.items() if core in polymer.regions}
        if polymer.name in _NO_FIXED_COMPOSITION or polymer.name not in smiles or len(measured) < 2:
            continue
        expected = expected_percent(smiles[polymer.name], measured)
        quantification = quantified(polymer, sensitivity, transmission, escape_depth)
        integrated = integrated_percent(polymer.spectrum(), sensitivity)
        rows += [
            Row(
                polymer=polymer.name,
                element=share.symbol,
                expected=expected.get(share.symbol, 0.0),
                fitted=share.atomic_percent,
                stderr=share.stderr,
                integrated=integrated[share.symbol],
            )
            for share in quantification.elements
        ]
        agreements += [
            Agreement(polymer.name, comparison.group, comparison.disagreement_percent, comparison.disagreement_sigma)
            for comparison in quantification.comparisons
            if comparison.group in polymer.groups
        ]
    return rows, agreements


def summary(rows: list[Row], agreements: list[Agreement]) -> dict[str, float]:
    """Medians over all rows, carbon left out: beside one other element it is that one's mirror image."""
    other_elements = [row for row in rows if row.element != "C"]
    ratios = [row.fitted / row.expected for row in other_elements if row.expected > 0]
    differences = [
        agreement.disagreement_percent for agreement in agreements if agreement.disagreement_percent is not None
    ]
    return {
        "polymers": float(len({row.polymer for row in rows})),
        "median_error": float(np.median([abs(row.fitted - row.expected) for row in other_elements])),
        "median_error_integrated": float(np.median([abs(row.integrated - row.expected) for row in other_elements])),
        "bias": float(np.median([row.fitted - row.expected for row in other_elements])),
        "median_ratio": float(np.median(ratios)),
        "quartile_ratio_low": float(np.percentile(ratios, 25)),
        "quartile_ratio_high": float(np.percentile(ratios, 75)),
        "comparisons": float(len(differences)),
        "median_disagreement_percent": float(np.median(differences)) if differences else float("nan"),
    }


@click.command()
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--sensitivity", default="scofield", show_default=True)
@click.option("--transmission", default=0.0, show_default=True)
@click.option("--escape-depth", default=0.0, show_default=True)
@click.option("--json", "json_path", type=click.Path(path_type=Path), default=Path("runs/composition.json"))
def main(data: Path, sensitivity: str, transmission: float, escape_depth: float, json_path: Path) -> None:
    """Compare atomic percent of seeded fits with the repeat units."""
    rows, agreements = measure(data, sensitivity, transmission, escape_depth)
    print("| polymer | element | repeat unit at% | fitted at% | stderr | integrated at% |\n|---|---|---|---|---|---|")
    for row in rows:
        error = "" if row.stderr is None else f"{row.stderr:.1f}"
        print(
            f"| {row.polymer} | {row.element} | {row.expected:.1f} | {row.fitted:.1f} | {error}"
            f" | {row.integrated:.1f} |"
        )
    print("\n| polymer | group | regions differ by % | in standard errors |\n|---|---|---|---|")
    for agreement in agreements:
        percent = "" if agreement.disagreement_percent is None else f"{agreement.disagreement_percent:.0f}"
        sigma = "" if agreement.disagreement_sigma is None else f"{agreement.disagreement_sigma:.1f}"
        print(f"| {agreement.polymer} | {agreement.group} | {percent} | {sigma} |")
    figures = summary(rows, agreements)
    print("\n| figure | value |\n|---|---|")
    for name, value in figures.items():
        print(f"| {name} | {value:.3g} |")
    record = {
        **conditions(0),
        "sensitivity": sensitivity,
        "transmission": transmission,
        "escape_depth": escape_depth,
        "summary": figures,
        "rows": [asdict(row) for row in rows],
        "agreements": [asdict(agreement) for agreement in agreements],
    }
    write_record(json_path, record)
