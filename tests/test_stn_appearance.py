"""Descriptions of samples from the maxima of their lines."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xps_stn_plugin.chemistry.compounds import HYDROCARBON, carbon_maximum, compound_at, compound_ranges
from xps_stn_plugin.core.core_levels import core_levels
from xps_stn_plugin.stn.appearance import appearance, at_carbon


@pytest.mark.parametrize(
    ("maxima", "description"),
    [
        ({"C1s": 285.1, "O1s": 530.2}, "adventitious carbon on an oxide (O 1s maximum at 530.2 eV)"),
        (
            {"C1s": 285.1, "O1s": 531.6},
            "adventitious carbon on a hydroxide, alumina or oxygen salt (O 1s maximum at 531.6 eV)",
        ),
        ({"C1s": 285.2, "O1s": 532.9}, "adventitious carbon alone or on a material whose lines were not measured"),
        ({"C1s": 285.1, "O1s": 533.1, "Si2p": 103.7}, "adventitious carbon on silica (Si 2p maximum at 103.7 eV)"),
        (
            {"C1s": 285.1, "O1s": 530.3, "S2p": 162.6},
            "adventitious carbon on an oxide and a sulfide (O 1s maximum at 530.3 eV, S 2p maximum at 162.6 eV)",
        ),
        ({"C1s": 282.0, "O1s": np.nan}, "a carbide (C 1s maximum at 282.0 eV)"),
        ({"C1s": 287.0}, "carbon at an unusual energy (C 1s maximum at 287.0 eV)"),
        (
            {"C1s": 293.2, "Br3d": 69.0},
            "potassium (K 2p) and a bromide (C 1s maximum at 293.2 eV, Br 3d maximum at 69.0 eV)",
        ),
        ({"C1s": np.nan, "N1s": 410.9}, "something alone or on a material whose lines were not measured"),
    ],
)
def test_appearance_names_compounds_with_their_lines(maxima, description):
    assert appearance(tuple(maxima), np.array(list(maxima.values()))) == description


@given(st.lists(st.one_of(st.just(np.nan), st.floats(50.0, 700.0)), min_size=9, max_size=9))
def test_appearance_is_part_of_one_sentence_for_any_maxima(maxima):
    text = appearance(tuple(core_levels()), np.array(maxima))
    assert text
    assert ". " not in text
    assert "nan" not in text


def test_ranges_are_ascending_disjoint_and_within_their_window():
    assert set(compound_ranges()) <= set(core_levels())
    for level, ranges in compound_ranges().items():
        low, high = core_levels()[level].window
        for entry in ranges:
            assert low < entry.low < entry.high < high
        for before, after in pairwise(ranges):
            assert before.high <= after.low


def test_the_scale_of_the_tables_is_moved_to_the_first_member():
    assert compound_at("C1s", carbon_maximum()) == HYDROCARBON
    # SRD 20's median of TiO2, 529.9 eV with carbon at 284.8 eV.
    assert compound_at("O1s", 529.9 + carbon_maximum() - 284.8) == "oxide"
    assert compound_at("N1s", 400.0) == compound_at("Xx", 1.0) == ""


def test_at_carbon_puts_the_highest_c1s_line_where_hydrocarbon_is():
    moved = at_carbon(("C1s", "O1s"), np.array([288.1, 533.2]))
    np.testing.assert_allclose(moved, [carbon_maximum(), carbon_maximum() + 245.1])
    without = np.array([533.2])
    assert at_carbon(("O1s",), without) is without
    lineless = np.array([np.nan, 533.2])
    assert at_carbon(("C1s", "O1s"), lineless) is lineless
