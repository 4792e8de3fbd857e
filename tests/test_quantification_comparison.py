from __future__ import annotations

import numpy as np
import pytest
from quantified import ALKANE, ESTER, PMMA, sample

from xps_stn_plugin.chemistry.group_lines import group_lines
from xps_stn_plugin.quantification import quantify_fits
from xps_stn_plugin.quantification.comparison import group_atoms

FACTORS = {"C1s": 1.0, "O1s": 2.93, "N1s": 1.80}
ETHER, ALCOHOL, AMIDE = ("ether (aliphatic)",), ("alcohol (aliphatic)",), ("amide",)


def counted(regions, seed=0, counts=3000.0):
    return quantify_fits(*sample(regions, FACTORS, counts=counts, random=np.random.default_rng(seed)).arguments)


def test_ester_of_pmma_from_carbon_and_from_oxygen():
    [comparison] = counted(PMMA).comparisons
    assert comparison.group == "ester (aliphatic)"
    carbon, oxygen = comparison.estimates
    assert (carbon.region, oxygen.region) == ("C1s", "O1s")
    # One ester in seven atoms; the beta carbon is not counted.
    assert carbon.components == ("C1s C-O-C=O", "C1s O-C=O")
    assert carbon.amount == pytest.approx(100 / 7, abs=4 * carbon.stderr)
    assert oxygen.amount == pytest.approx(100 / 7, abs=4 * oxygen.stderr)
    assert comparison.agrees
    assert comparison.sentence.startswith("ester (aliphatic): 14.")
    assert " from C 1s and " in comparison.sentence


def test_a_disagreement_is_shown_and_noted():
    oxygen = [(name, groups, position, 0.6 * atoms) for name, groups, position, atoms in PMMA["O1s"]]
    found = counted({"C1s": PMMA["C1s"], "O1s": oxygen})
    [comparison] = found.comparisons
    assert comparison.agrees is False
    assert comparison.disagreement_percent == pytest.approx(50, abs=5)
    assert comparison.disagreement_sigma > 5
    assert comparison.sentence in found.notes
    assert "assigned wrongly in one of them" in comparison.sentence


def test_a_small_disagreement_is_put_down_to_the_factors():
    oxygen = [(name, groups, position, 0.95 * atoms) for name, groups, position, atoms in PMMA["O1s"]]
    [comparison] = counted({"C1s": PMMA["C1s"], "O1s": oxygen}, counts=1e6).comparisons
    assert comparison.agrees is False
    assert "which sensitivity factors and transmission can cause" in comparison.sentence


def test_three_regions_of_an_amide_and_the_worst_pair():
    regions = {
        "C1s": [("C-C", ALKANE, 285.0, 4.0), ("N-C=O", AMIDE, 288.0, 1.0)],
        "O1s": [("N-C=O", AMIDE, 531.4, 1.0)],
        "N1s": [("N-C=O", AMIDE, 399.9, 0.7)],
    }
    [comparison] = counted(regions).comparisons
    assert [estimate.region for estimate in comparison.estimates] == ["C1s", "O1s", "N1s"]
    assert "N 1s" in comparison.sentence
    assert comparison.disagreement_percent == pytest.approx(35, abs=6)


def test_a_shared_line_is_not_used():
    oxygen = [("O=C-O", ESTER, 532.21, 1.0), ("C-O-C=O", (*ESTER, *ETHER), 533.77, 2.0)]
    [comparison] = counted({"C1s": PMMA["C1s"], "O1s": oxygen}).comparisons
    assert comparison.estimates[1].components == ("O1s O=C-O",)
    assert comparison.agrees


def test_where_all_lines_are_shared_it_is_said():
    both = (*ESTER, *ETHER)
    oxygen = [("O=C-O", both, 532.21, 1.0), ("C-O-C=O", both, 533.77, 1.0)]
    found = counted({"C1s": PMMA["C1s"], "O1s": oxygen})
    assert found.comparisons == ()
    assert any(
        note.startswith("ester (aliphatic): regions not compared, since it shares lines") and "O1s O=C-O" in note
        for note in found.notes
    )


def test_lines_merged_within_the_group_count_together():
    oxygen = [("O=C-O + C-O-C=O", ESTER, 533.0, 2.0)]
    [comparison] = counted({"C1s": PMMA["C1s"], "O1s": oxygen}).comparisons
    assert comparison.estimates[1].amount == pytest.approx(100 / 7, rel=0.05)


def test_a_merged_beta_carbon_is_not_counted():
    carbon = [
        ("C-C", ALKANE, 285.0, 2.0),
        ("C-C(=O)O + C-O-C=O", ESTER, 286.3, 2.0),
        ("O-C=O", ESTER, 289.03, 1.0),
    ]
    [comparison] = counted({"C1s": carbon, "O1s": PMMA["O1s"]}).comparisons
    assert comparison.estimates[0].components == ("C1s O-C=O",)


def test_an_ether_has_two_carbons_unless_one_of_them_is_an_acetal():
    plain = {"C1s": [("C-O", ETHER, 286.5, 2.0)], "O1s": [("C-O-C", ETHER, 532.6, 1.0)]}
    [comparison] = counted(plain).comparisons
    assert comparison.estimates[0].amount == pytest.approx(comparison.estimates[1].amount, rel=0.1)
    acetal = {"C1s": [*plain["C1s"], ("O-C-O", ETHER, 287.9, 1.0)], "O1s": plain["O1s"]}
    found = counted(acetal)
    assert found.comparisons == ()
    assert any("number of its atoms is unknown beside C1s O-C-O" in note for note in found.notes)


def test_every_count_belongs_to_a_line_of_its_group():
    table = group_lines()
    for group, entry in group_atoms().items():
        assert entry.reason
        assert len(entry.atoms) >= 2
        for core, counts in entry.atoms.items():
            lines = {line.key: line for line in table[group][core]}
            assert counts.keys() <= lines.keys(), (group, core)
            assert not any(lines[key].satellite for key in counts)
        for name in entry.unless:
            core, key = name.split(".")
            assert key in {line.key for line in table[group][core]}


def test_names_of_lines_tell_them_apart():
    for core in ("C1s", "O1s", "N1s", "F1s", "Cl2p", "S2p", "Si2p", "P2p", "Br3d"):
        lines = {line.key: line.name for regions in group_lines().values() for line in regions.get(core, ())}
        assert len(set(lines.values())) == len(lines)
        assert not any(" + " in name for name in lines.values())
