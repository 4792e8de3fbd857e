from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from seeded import X, counted, fitted, pmma, prediction, prefixes, seeded, tree

from xps_prefit_hooks import Settings
from xps_stn_plugin.chemistry.substances import find_substance, substances
from xps_stn_plugin.models.shapes import hydrocarbon, stepped_pseudo_voigt
from xps_stn_plugin.seeding import seed_region
from xps_stn_plugin.seeding.lines import SHIFT_ERRORS
from xps_stn_plugin.seeding.substance_lines import substance_lines

C1S = (280.0, 295.0)
PMMA_SMILES = "*CC(*)(C)C(=O)OC"


def lines_of(*names, core="C1s", stderr=0.05, extent=C1S, offset=0.0):
    return substance_lines(core, [find_substance(name) for name in names], stderr, extent, offset)


def test_pmma_has_its_four_kinds_of_carbon():
    """Two alkyl (CH2, CH3), one beta, one alkoxy, one ester carbon; positions of Beamson & Briggs 1992."""
    lines = lines_of("PMMA")
    assert [line.key for line in lines] == ["alkyl", "ester_beta", "ester_alkoxy", "ester"]
    assert [line.atoms for line in lines] == [2, 1, 1, 1]
    np.testing.assert_allclose([line.position for line in lines], [285.0, 285.72, 286.79, 289.03], atol=0.12)
    assert {line.family for line in lines} == {"poly(methyl methacrylate) (PMMA)"}
    assert all(line.expected == line.position for line in lines)
    assert all(0.9 < line.probability < 1 for line in lines)


def test_carbon_without_hydrogen_has_no_vibrations():
    alkyl, beta, alkoxy, ester = lines_of("PMMA")
    # CH2 and CH3 together: 2.5 C-H bonds on average; the beta carbon has none, OCH3 three.
    assert alkyl.vibration == pytest.approx(0.5)
    assert beta.vibration == 0.0
    assert alkoxy.vibration == pytest.approx(0.6)
    assert ester.vibration == 0.0


def test_the_lead_alone_has_no_slack():
    lines = lines_of("PMMA")
    assert [line.slack for line in lines] == [(1.0, 1.0), *[(0.65, 1.5)] * 3]


def test_what_lies_beyond_the_data_is_left_out_and_the_rest_keeps_its_lead():
    lines = lines_of("PMMA", extent=(286.0, 295.0))
    assert [line.key for line in lines] == ["ester_alkoxy", "ester"]
    assert sorted(line.slack for line in lines) == [(0.65, 1.5), (1.0, 1.0)]
    assert lines_of("PMMA", core="Cl2p", extent=(195.0, 205.0)) == []


def test_another_reference_moves_them():
    here, there = lines_of("PMMA"), lines_of("PMMA", offset=-0.2)
    np.testing.assert_allclose([b.position - a.position for a, b in zip(here, there, strict=True)], -0.2)


def test_windows_follow_the_error_of_the_shift():
    for stderr in (0.0, 0.1, 0.7):
        for line in lines_of("PMMA", stderr=stderr):
            assert line.high - line.low == pytest.approx(2 * np.hypot(0.2, SHIFT_ERRORS * stderr))


@given(
    names=st.lists(st.sampled_from([one.abbreviation for one in substances()]), max_size=4, unique=True),
    core=st.sampled_from(["C1s", "O1s", "N1s", "Cl2p", "S2p", "F1s"]),
)
def test_keys_and_names_are_unique_and_fit_for_prefixes(names, core):
    lines = lines_of(*names, core=core, extent=(0.0, 1000.0))
    assert len({line.key for line in lines}) == len(lines)
    assert len({line.name for line in lines}) == len(lines)
    assert all(line.key.isidentifier() for line in lines)
    assert all(line.members == (line.key,) and line.groups and line.atoms > 0 for line in lines)
    assert [line.position for line in lines] == sorted(line.position for line in lines)
    # One lead in each family, the most atoms.
    for family in {line.family for line in lines}:
        members = [line for line in lines if line.family == family]
        [lead] = [line for line in members if line.slack == (1.0, 1.0)]
        assert lead.atoms == max(line.atoms for line in members)


def test_an_expected_substance_seeds_its_own_lines():
    """Without a word from the network: the expected substance is reason enough."""
    spectrum = tree(counted(3000 * pmma() + 200, 1))
    found = seeded(spectrum["C1s"]["counts"].values, settings=Settings(expect=("PMMA",)))
    assert prefixes(found) == ["alkyl_", "ester_beta_", "ester_alkoxy_", "ester_"]
    params = fitted(found, spectrum).params
    areas = [params[f"{prefix}amplitude"].value for prefix in prefixes(found)]
    np.testing.assert_allclose(areas, 3000 * np.array([2, 1, 1, 1]), rtol=0.25)
    centers = [params[f"{prefix}center"].value for prefix in prefixes(found)]
    np.testing.assert_allclose(centers, [285.0, 285.72, 286.79, 289.03], atol=0.12)
    assert params["ester_amplitude"].expr == "ester_ratio*alkyl_amplitude"


def test_hard_ties_of_a_substance_are_its_atoms():
    found = seeded(counted(3000 * pmma() + 200, 1), settings=Settings(expect=("PMMA",), ties="hard"))
    alkyl = found.params["alkyl_amplitude"].value
    for key in ("ester_beta", "ester_alkoxy", "ester"):
        assert found.params[f"{key}_amplitude"].value == pytest.approx(alkyl / 2)


@pytest.mark.parametrize("reference", [285.0, 284.8])
def test_the_reference_reaches_the_seed(reference):
    y = counted(3000 * pmma(shift=reference - 285.0) + 200, 1)
    found = seeded(y, settings=Settings(expect=("PMMA",), reference=reference))
    center = found.params["alkyl_center"]
    assert (center.min + center.max) / 2 == pytest.approx(reference)
    assert found.params["ester_center"].value == pytest.approx(289.03 + reference - 285.0, abs=0.1)


def test_a_smiles_has_the_lines_of_its_name():
    pytest.importorskip("rdkit", reason="a SMILES needs RDKit")
    named, drawn = lines_of("PMMA"), lines_of(PMMA_SMILES)
    assert [(a.key, a.atoms) for a in named] == [(b.key, b.atoms) for b in drawn]
    np.testing.assert_allclose([a.position for a in named], [b.position for b in drawn], atol=0.01)
    found = seeded(counted(3000 * pmma() + 200, 1), settings=Settings(expect=(PMMA_SMILES,)))
    assert prefixes(found) == ["alkyl_", "ester_beta_", "ester_alkoxy_", "ester_"]


def test_a_group_that_the_substance_lacks_stays_with_its_satellite():
    ring = stepped_pseudo_voigt(X, 9000, 284.7, 0.5, 0.2) + stepped_pseudo_voigt(X, 500, 291.4, 1.0, 0.2)
    y = counted(3000 * pmma() + ring + 200, 1)
    found = seeded(y, "benzene ring", "ester (aliphatic)", settings=Settings(expect=("PMMA",)))
    assert "shake_up_" in prefixes(found)
    [main] = [one for one in found.components if one.prefix != "shake_up_" and "benzene ring" in one.groups]
    assert found.params["shake_up_amplitude"].expr == f"shake_up_ratio*{main.prefix}amplitude"
    assert "ester_" in prefixes(found)


def test_groups_that_the_substance_has_bring_no_lines_of_their_own():
    y = counted(3000 * pmma() + 200, 1)
    alone = seeded(y, settings=Settings(expect=("PMMA",)))
    told = seeded(y, "alkane", "ester (aliphatic)", settings=Settings(expect=("PMMA",)))
    assert prefixes(alone) == prefixes(told)
    assert alone.params == told.params


def test_an_expected_substance_that_is_not_there_goes():
    y = counted(200 + hydrocarbon(X, 5000, 285.0, 0.5, 0.2), 1)
    found = seeded(y, "alkane", settings=Settings(expect=("PTFE",)))
    assert prefixes(found) == ["alkyl_"]
    assert any("CF2" in note for note in found.notes if note.startswith("Dropped"))


def test_a_contradicted_substance_brings_no_lines():
    y = counted(3000 * pmma() + 200, 1)
    settings, known = Settings(expect=("PET",)), prediction("alkane", "ester (aliphatic)")
    contradicted, plain = (seed_region(tree(y), "C1s", known, each) for each in (settings, Settings()))
    assert prefixes(contradicted) == prefixes(plain)


def test_two_substances_are_two_families():
    lines = lines_of("PMMA", "PVC")
    assert len({line.family for line in lines}) == 2
    assert sum(line.slack == (1.0, 1.0) for line in lines) == 2
