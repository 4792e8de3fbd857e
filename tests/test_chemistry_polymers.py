from __future__ import annotations

import csv
from pathlib import Path

import pytest

from xps_stn_plugin.chemistry.polymers import polymers


def test_there_are_111_polymers_with_unique_names_and_abbreviations():
    assert len(polymers()) == 111
    assert len({polymer.name for polymer in polymers()}) == 111
    assert len({polymer.abbreviation for polymer in polymers()}) == 111


@pytest.mark.parametrize("polymer", polymers(), ids=lambda polymer: polymer.abbreviation)
def test_a_repeat_unit_has_two_ends_and_an_oligomer_none(polymer):
    Chem = pytest.importorskip("rdkit.Chem")
    unit = Chem.MolFromSmiles(polymer.smiles)
    assert unit is not None
    degrees = [atom.GetDegree() for atom in unit.GetAtoms() if atom.GetAtomicNum() == 0]
    assert degrees in ([], [1, 1])
    assert Chem.GetFormalCharge(unit) == 0


def test_no_two_polymers_share_a_repeat_unit():
    Chem = pytest.importorskip("rdkit.Chem")
    assert len({Chem.CanonSmiles(polymer.smiles) for polymer in polymers()}) == 111


@pytest.mark.parametrize(
    ("name", "formula"),
    [
        ("poly(methyl methacrylate)", {"C": 5, "H": 8, "O": 2}),
        ("poly(ethylene terephthalate)", {"C": 10, "H": 8, "O": 4}),
        ("poly(ether imide) (Kapton HN)", {"C": 22, "H": 10, "N": 2, "O": 5}),
        ("poly(ether imide) (Ultem 1000)", {"C": 37, "H": 24, "N": 2, "O": 6}),
        ("poly(ether ether ketone)", {"C": 19, "H": 12, "O": 3}),
        ("poly(bisphenol A carbonate)", {"C": 16, "H": 14, "O": 3}),
        ("Cellulose triacetate", {"C": 12, "H": 16, "O": 8}),
        ("cellulose trinitrate", {"C": 6, "H": 7, "N": 3, "O": 11}),
        ("nylon 6,6 (N66)", {"C": 12, "H": 22, "N": 2, "O": 2}),
        ("poly(sodium 4-styrenesulphonate)", {"C": 8, "H": 7, "Na": 1, "O": 3, "S": 1}),
        ("poly(phenoxyphosphazine)", {"C": 12, "H": 10, "N": 1, "O": 2, "P": 1}),
    ],
)
def test_formula_of_the_repeat_unit(name, formula):
    Chem = pytest.importorskip("rdkit.Chem")
    smiles = {polymer.name: polymer.smiles for polymer in polymers()}[name]
    counts: dict[str, int] = {}
    for atom in Chem.AddHs(Chem.MolFromSmiles(smiles)).GetAtoms():
        if atom.GetAtomicNum():
            counts[atom.GetSymbol()] = counts.get(atom.GetSymbol(), 0) + 1
    assert counts == formula


@pytest.mark.data
def test_names_and_elements_are_those_of_the_library(shared: Path):
    Chem = pytest.importorskip("rdkit.Chem")
    library: dict[str, set[str]] = {}
    with (shared / "notes" / "beamson_briggs_lines.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            library.setdefault(row["name"], set()).add(row["element"])
    assert {polymer.name for polymer in polymers()} == set(library)
    for polymer in polymers():
        symbols = {atom.GetSymbol() for atom in Chem.MolFromSmiles(polymer.smiles).GetAtoms()} - {"*"}
        assert symbols == library[polymer.name], polymer
