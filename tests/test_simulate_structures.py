from __future__ import annotations

import re
from collections import Counter

import pytest
from rdkit import Chem

from xps_prefit_hooks import PrefitError
from xps_stn_plugin.chemistry.groups import functional_groups, group_names
from xps_stn_plugin.simulate.structures import (
    HEAVY_ATOMS,
    building_blocks,
    generate_structures,
    reference_structures,
)

NEVER_ACTIVE_IN_THE_PAPER = {
    "alkyne",
    "alkyl halide (Br)",
    "alkyl halide (I)",
    "thiol",
    "aldehyde",
    "nitrite",
    "acid chloride",
    "azide",
}
ACTIVE = [name for name in group_names() if name not in NEVER_ACTIVE_IN_THE_PAPER]


@pytest.fixture(scope="module")
def units() -> tuple[str, ...]:
    return generate_structures(3000, seed=7)


@pytest.fixture(scope="module")
def groups_of_units(units: tuple[str, ...]) -> list[frozenset[str]]:
    return [functional_groups(unit) for unit in units]


def test_seed_decides() -> None:
    first = generate_structures(200, seed=3)
    assert generate_structures(200, seed=3) == first
    assert generate_structures(150, seed=3) == first[:150]
    assert generate_structures(200, seed=4) != first


def test_units_are_different_and_canonical(units: tuple[str, ...]) -> None:
    assert len(units) == len(set(units)) == 3000
    for unit in units:
        assert Chem.MolToSmiles(Chem.MolFromSmiles(unit)) == unit


def test_units_have_two_ends_and_sensible_sizes(units: tuple[str, ...]) -> None:
    for unit in units:
        molecule = Chem.MolFromSmiles(unit)
        ends = [atom for atom in molecule.GetAtoms() if atom.GetAtomicNum() == 0]
        assert [end.GetDegree() for end in ends] == [1, 1], unit
        assert HEAVY_ATOMS[0] <= molecule.GetNumAtoms() - 2 <= HEAVY_ATOMS[1], unit


def test_elements_and_charges(units: tuple[str, ...]) -> None:
    for unit in units:
        molecule = Chem.MolFromSmiles(unit)
        symbols = {atom.GetSymbol() for atom in molecule.GetAtoms()}
        assert symbols <= {"*", "C", "O", "N", "F", "Cl", "S", "Si", "P", "Br", "Na"}, unit
        assert Chem.GetFormalCharge(molecule) == 0, unit


def test_groups_do_not_depend_on_how_much_of_the_chain_is_drawn(units: tuple[str, ...]) -> None:
    for unit in units[:300]:
        first, second = Chem.MolFromSmiles(unit), Chem.MolFromSmiles(unit)
        tail = [atom for atom in first.GetAtoms() if atom.GetAtomicNum() == 0][1]
        head = next(atom for atom in second.GetAtoms() if atom.GetAtomicNum() == 0)
        tail.SetAtomMapNum(1)
        head.SetAtomMapNum(1)
        double = Chem.MolToSmiles(Chem.molzip(first, second))
        assert functional_groups(double) == functional_groups(unit), unit


def test_no_unstable_bonds(units: tuple[str, ...]) -> None:
    # Peroxides, hydrazines, N- and S-halides, aminals with a free hydroxyl: signs of blocks wrongly joined.
    unwanted = [
        "[OX2][OX2]",
        "[NX3;!+][NX3;!+]",
        "[#7,#8,#16][Cl,Br,F]",
        "[OX2H][CX4][OX2H]",
        "[OX2H][CX4][NX3]",
        "[OX2][NX3;!+]",
    ]
    patterns = {smarts: Chem.MolFromSmarts(smarts) for smarts in unwanted}
    for unit in units:
        molecule = Chem.MolFromSmiles(unit)
        assert not [smarts for smarts, pattern in patterns.items() if molecule.HasSubstructMatch(pattern)], unit


@pytest.mark.parametrize("name", ACTIVE)
def test_every_group_occurs_often_and_beside_many_others(name: str, groups_of_units: list[frozenset[str]]) -> None:
    carriers = [groups for groups in groups_of_units if name in groups]
    assert len(carriers) / len(groups_of_units) >= 0.015
    partners = Counter(group for groups in carriers for group in groups if group != name)
    assert len(partners) >= 15
    if name != "alkane":
        assert 0.05 <= sum("alkane" not in groups for groups in carriers) / len(carriers) <= 0.6


def test_a_quarter_is_simple(groups_of_units: list[frozenset[str]]) -> None:
    simple = [groups for groups in groups_of_units if len(groups - {"alkane"}) <= 1]
    assert 0.25 <= len(simple) / len(groups_of_units) <= 0.5


def test_too_many_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    few = {name: building_blocks()[name] for name in ("unit", "spacer")} | {
        "unit": type(building_blocks()["unit"])(("*{spacer}*",), (1.0,))
    }
    monkeypatch.setattr("xps_stn_plugin.simulate.structures.building_blocks", lambda: few)
    with pytest.raises(PrefitError, match=r"gave only \d+ different units"):
        generate_structures(100, seed=1)


def test_rules_refer_to_rules() -> None:
    rules = building_blocks()
    named = {rule for block in rules.values() for option in block.options for rule in re.findall(r"\{(\w+)\}", option)}
    assert named == set(rules) - {"unit"}


def test_reference_structures_can_be_read() -> None:
    structures = reference_structures()
    assert len(structures) > 100
    assert all(functional_groups(smiles) for smiles in structures)


@pytest.mark.slow
def test_training_set_size() -> None:
    assert len(set(generate_structures(20000, seed=1))) == 20000
