from __future__ import annotations

import csv
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from xps_prefit_hooks import PrefitError
from xps_stn_plugin.chemistry.groups import functional_groups, group_names, groups

# Polymers per group among the paper's 104, from the supports in its printed test results
# (arXiv 2603.05350, public code).
PAPER_COUNTS = {
    "alkene": 5,
    "benzene ring": 24,
    "naphthalene": 1,
    "amine": 7,
    "alcohol (aromatic)": 1,
    "alcohol (aliphatic)": 4,
    "ether (aromatic)": 7,
    "ether (aliphatic)": 16,
    "alkyl halide (F)": 5,
    "alkyl halide (Cl)": 4,
    "ketone (aromatic)": 1,
    "ketone (aliphatic)": 3,
    "ester (aromatic)": 3,
    "ester (aliphatic)": 24,
    "carboxylic acid": 2,
    "amide": 8,
    "nitrate": 1,
    "nitrile": 2,
    "epoxide": 1,
    "imide": 2,
    "anhydride": 1,
    "nitro (aromatic)": 1,
    "sulfide": 2,
    "sulfone": 2,
    "sulfonate": 1,
    "chlorobenzene": 3,
    "bromobenzene": 1,
    "siloxane": 2,
    "phosphazene": 1,
    "phenoxy": 1,
    "pyridine": 2,
    "alkane": 81,
}
# Ours where it differs; the reasons stand in the notes of functional_groups.
OUR_COUNTS = {
    "amide": 9,
    "amine": 5,
    "ether (aromatic)": 6,
    "ether (aliphatic)": 14,
    "alcohol (aliphatic)": 5,
    "ketone (aliphatic)": 4,
    "alkane": 85,
}
NOT_IN_PAPER = (
    "Fomblin Y",
    "Viton A",
    "chlorinated poly(propylene)",
    "chlorinated poly(vinyl chloride)",
    "poly(alkyl carbonate)",
    "poly(ethylene-co-maleic anhydride)(1:1)",
    "poly(styrene-co-maleic anhydride)(1:1)",
)


def test_names_are_the_papers_forty_in_its_order() -> None:
    names = group_names()
    assert len(names) == len(set(names)) == 40
    assert names[:3] == ("alkene", "alkyne", "benzene ring")
    assert names[-3:] == ("phenoxy", "pyridine", "alkane")
    assert [n for n in names if n in PAPER_COUNTS] == list(PAPER_COUNTS)
    assert all(group.definition and group.smarts for group in groups())


def test_names_need_no_rdkit() -> None:
    code = (
        "import sys; from xps_stn_plugin.chemistry.groups import group_names; "
        "group_names(); print('rdkit' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(
    ("smiles", "expected"),
    [
        # The ends see the next unit.
        ("*CCO*", "ether (aliphatic)"),
        ("*CO*", "ether (aliphatic)"),
        ("*CCS*", "sulfide"),
        ("*CCN*", "amine"),
        ("*O[Si](C)(C)*", "siloxane"),
        ("*C=C*", "alkene"),
        ("*NCCCCCC(=O)*", "amide; alkane"),
        ("*OCC(=O)*", "ester (aliphatic)"),
        ("*N=P(*)(Oc1ccccc1)Oc1ccccc1", "phosphazene; phenoxy"),
        ("*Oc1ccc(cc1)C(C)(C)c1ccc(cc1)OC(=O)*", "benzene ring; ester (aliphatic); alkane"),
        ("*Oc1c(C)cc(*)cc1C", "benzene ring; ether (aromatic); alkane"),
        # Relatives that must not be taken for one another.
        ("*CC(*)c1ccc(Cl)cc1", "chlorobenzene; alkane"),
        ("*CC(*)c1ccc(cc1)-c1ccc(Cl)cc1", "benzene ring; chlorobenzene; alkane"),
        ("*CC(*)c1ccc(Br)cc1", "bromobenzene; alkane"),
        ("*CC(*)c1ccc2ccccc2c1", "naphthalene; alkane"),
        ("*CC(*)c1ccncc1", "pyridine; alkane"),
        ("*CC(*)n1c2ccccc2c2ccccc12", "amine; benzene ring; alkane"),
        ("*CC(*)C[NH3+].[Cl-]", "amine; alkane"),
        ("*CC(*)C(=O)OCC1CO1", "ester (aliphatic); epoxide; alkane"),
        ("*CC(*)OC(=O)c1ccccc1", "ester (aromatic); benzene ring; alkane"),
        ("*CC(*)c1ccc(OC(C)=O)cc1", "ester (aliphatic); benzene ring; alkane"),
        ("*CC(*)C(=O)c1ccccc1", "ketone (aromatic); benzene ring; alkane"),
        ("*CCC1C(*)C(=O)OC1=O", "anhydride; alkane"),
        ("*CC1C(*)C(=O)N(C)C1=O", "imide; alkane"),
        ("*N1C(=O)c2cc3c(cc2C1=O)C(=O)N(C3=O)c1ccc(cc1)Oc1ccc(*)cc1", "imide; benzene ring; ether (aromatic)"),
        ("*NC(=O)OCCO*", "amide"),
        ("*CC(*)O[N+](=O)[O-]", "nitrate; alkane"),
        ("*CC(*)c1ccc([N+](=O)[O-])cc1", "nitro (aromatic); benzene ring; alkane"),
        ("*CC(*)c1ccc(cc1)S(=O)(=O)[O-].[Na+]", "sulfonate; benzene ring; alkane"),
        ("*CCCS(=O)(=O)*", "sulfone; alkane"),
        ("*CC(Cl)=CC*", "alkene; alkyl halide (Cl); alkane"),
        ("*CC(*)C(=O)Cl", "acid chloride; alkane"),
        ("*CC(*)C=O", "aldehyde; alkane"),
        ("*CC(*)CS", "thiol; alkane"),
        ("*CC(*)CN=[N+]=[N-]", "azide; alkane"),
        ("*CC(*)ON=O", "nitrite; alkane"),
        ("*CC(*)CBr", "alkyl halide (Br); alkane"),
        ("*CC(*)CI", "alkyl halide (I); alkane"),
        ("*CC(*)C#C", "alkyne; alkane"),
        ("*CC(*)c1ccc(O)cc1", "alcohol (aromatic); benzene ring; alkane"),
        ("*C(F)(F)C(F)(F)*", "alkyl halide (F)"),
        ("*CC(*)OC(=O)C(F)(F)F", "alkyl halide (F); ester (aliphatic); alkane"),
        ("c1ccccc1Nc1ccccc1", "amine; benzene ring"),
    ],
)
def test_group(smiles: str, expected: str) -> None:
    assert functional_groups(smiles) == frozenset(expected.split("; "))


@pytest.mark.parametrize("smiles", ["*CC(*)(*)C", "*CC", "*CC(", "C*C*"])
def test_wrong_structure_gets_one_sentence(smiles: str) -> None:
    with pytest.raises(PrefitError, match="repeat unit"):
        functional_groups(smiles)


def test_which_end_comes_first_does_not_matter() -> None:
    for forward, backward in [("*CCO*", "*OCC*"), ("*NCC(=O)*", "*C(=O)CN*"), ("*OC(C)C(=O)*", "*C(=O)C(C)O*")]:
        assert functional_groups(forward) == functional_groups(backward)


def test_polymers_per_group_agree_with_the_paper() -> None:
    from xps_stn_plugin.chemistry.polymers import polymers

    paper = [polymer for polymer in polymers() if polymer.name not in NOT_IN_PAPER]
    assert len(paper) == 104
    found = Counter(group for polymer in paper for group in functional_groups(polymer.smiles))
    assert dict(found) == PAPER_COUNTS | OUR_COUNTS


@pytest.mark.data
def test_groups_of_the_measured_polymers(shared: Path) -> None:
    with (shared / "measured" / "groups.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 37
    for row in rows:
        assert functional_groups(row["repeat_unit_smiles"]) == set(row["groups"].split("; ")), row["polymer"]
