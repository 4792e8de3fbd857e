from __future__ import annotations

import sys
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xps_prefit_hooks import PrefitError
from xps_stn_plugin.chemistry import substances as module
from xps_stn_plugin.chemistry.groups import group_names
from xps_stn_plugin.chemistry.polymers import polymers
from xps_stn_plugin.chemistry.substances import derived_tables, find_substance, substances
from xps_stn_plugin.core.core_levels import core_levels

DATA = files("xps_stn_plugin.chemistry").joinpath("data")


@pytest.mark.parametrize(
    ("text", "abbreviation"),
    [
        ("PMMA", "PMMA"),
        ("pmma", "PMMA"),
        ("poly(methyl methacrylate)", "PMMA"),
        ("Polymethyl methacrylate", "PMMA"),
        ("polystyrene", "PS"),
        ("PET", "PET"),
        ("Teflon", "PTFE"),
        ("nylon 6", "N6"),
        ("Nylon-6,6", "N66"),
        ("PVC", "PVC"),
        ("PVDF", "PVdF"),
        ("PLA", "PL"),
        ("PE", "HDPE"),
        ("hydrocarbon", "hydrocarbon"),
        ("Kapton", "KAP"),
    ],
)
def test_names_in_use(text, abbreviation):
    assert find_substance(text).abbreviation == abbreviation


def test_a_substance_has_what_it_should():
    pmma = find_substance("PMMA")
    assert pmma.label == "poly(methyl methacrylate) (PMMA)"
    assert pmma.groups == {"alkane", "ester (aliphatic)"}
    carbon = {line.environment: line for line in pmma.lines if line.region == "C1s"}
    assert carbon["O-C=O"].energy == pytest.approx(289.0, abs=0.1)
    assert sum(line.atoms for line in carbon.values()) == 5
    assert find_substance("hydrocarbon").label == "saturated hydrocarbon, adventitious carbon (hydrocarbon)"
    assert find_substance("PVP").mistakable == "poly(N-vinylpyrrolidone), PNVP"


def test_every_abbreviation_and_name_finds_its_own():
    assert len({one.abbreviation for one in substances()}) == len(substances()) > len(polymers())
    for one in substances():
        assert find_substance(one.abbreviation) is one
        assert find_substance(one.name) is one
        assert one.groups <= set(group_names())
        assert one.lines
        assert {line.region for line in one.lines} <= set(core_levels())
        assert all(line.atoms > 0 for line in one.lines)


def test_further_names_belong_to_what_they_are_listed_under():
    table = module._table()
    for abbreviation, names in table["names"].items():
        for name in names:
            assert find_substance(name).abbreviation == abbreviation, name
    for abbreviation in table["mistakable"]:
        assert find_substance(abbreviation).mistakable


def test_the_kept_tables_are_what_the_rules_give():
    pytest.importorskip("rdkit")
    for name, text in derived_tables().items():
        assert DATA.joinpath(name).read_text(encoding="utf-8") == text, f"run python -m {module.__name__}"


def test_smiles():
    pytest.importorskip("rdkit")
    assert find_substance("*CC(*)(C)C(=O)OC").groups == find_substance("PMMA").groups
    ethanol = find_substance("CCO")
    assert ethanol.label == "CCO"
    assert ethanol.groups == {"alcohol (aliphatic)", "alkane"} or ethanol.groups == {"alcohol (aliphatic)"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("PMMAA", r"no substance 'PMMAA' is known; similar: poly\(methyl methacrylate\) \(PMMA\)"),
        ("PCC", "no substance 'PCC' is known"),
        ("**", "has no chain of atoms between its ends"),
        ("xyzzy", "give an abbreviation such as PMMA, a name or a SMILES"),
    ],
)
def test_unknown_substances_are_one_sentence(text, message):
    with pytest.raises(PrefitError, match=message):
        find_substance(text)


def test_bad_smiles_is_one_sentence():
    pytest.importorskip("rdkit")
    with pytest.raises(PrefitError, match="is not a SMILES that RDKit can read"):
        find_substance("*CC(*")


def test_names_need_no_rdkit_and_smiles_say_that_they_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "rdkit", None)
    assert find_substance("PMMA").groups
    with pytest.raises(PrefitError, match=r"rdkit: it is needed to read structures: install"):
        find_substance("*CCO*")


@given(st.text(max_size=12) | st.text("CNOcn*()=#1[]SF", max_size=8))
def test_any_text_is_a_substance_or_one_sentence(text):
    try:
        assert find_substance(text).groups <= set(group_names())
    except PrefitError as error:
        assert "\n" not in str(error)
