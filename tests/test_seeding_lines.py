from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xps_stn_plugin.chemistry.group_lines import group_lines
from xps_stn_plugin.seeding.lines import Line, expected_lines, merge_lines

C1S = (280.0, 300.0)


def line(key, position, **more):
    return Line(key, key, (f"group {key}",), position, position - 0.2, position + 0.2, members=(key,), **more)


def test_groups_below_one_half_bring_nothing():
    assert expected_lines("C1s", {"alkane": 0.49}, 0.05, C1S) == ([], [])
    assert [found.key for found in expected_lines("C1s", {"alkane": 0.51}, 0.05, C1S)[0]] == ["alkyl"]


def test_windows_follow_the_error_of_the_shift():
    sure, unsure = (expected_lines("C1s", {"alkane": 0.9}, error, C1S)[0][0] for error in (0.02, 0.4))
    assert unsure.high - unsure.low > sure.high - sure.low
    assert sure.high - sure.low == pytest.approx(2 * np.hypot(0.2, 0.04))


def test_another_reference_moves_the_lines():
    [found], _ = expected_lines("C1s", {"alkane": 0.9}, 0.05, C1S, offset=-0.2)
    assert found.position == pytest.approx(284.8)


def test_a_line_of_two_groups_carries_both():
    lines, _ = expected_lines("C1s", {"ether (aliphatic)": 0.9, "alcohol (aliphatic)": 0.7}, 0.05, C1S)
    [ether] = [found for found in lines if found.key == "ether"]
    assert set(ether.groups) == {"ether (aliphatic)", "alcohol (aliphatic)"}


def test_lines_outside_the_data_are_said_to_be_left_out():
    lines, notes = expected_lines("C1s", {"ester (aliphatic)": 0.9}, 0.05, (280.0, 288.0))
    assert "ester" not in {found.key for found in lines}
    assert "O-C=O" in notes[0]


def test_close_lines_merge_and_it_is_said():
    lines, notes = merge_lines([line("ring", 284.7), line("alkyl", 285.0), line("ether", 286.5)], 0.35)
    assert [found.name for found in lines] == ["ring + alkyl", "ether"]
    assert lines[0].groups == ("group ring", "group alkyl")
    assert (lines[0].low, lines[0].high) == (284.5, 285.2)
    assert lines[0].members == ("ring", "alkyl")
    assert len(notes) == 1
    assert "merged" in notes[0]


@given(
    positions=st.lists(st.floats(284, 292), min_size=0, max_size=15),
    limit=st.floats(0.1, 1.0),
)
def test_merged_lines_stand_apart_and_none_is_lost(positions, limit):
    lines = sorted((line(f"k{i}", p) for i, p in enumerate(positions)), key=lambda found: found.position)
    merged, _ = merge_lines(lines, limit)
    assert np.all(np.diff([found.position for found in merged]) >= limit)
    assert sorted(key for found in merged for key in found.members) == sorted(found.key for found in lines)
    assert all(found.low < found.position < found.high for found in merged)


def test_satellites_are_never_merged():
    lines, _ = expected_lines("C1s", {"benzene ring": 0.9, "alkyl halide (F)": 0.9}, 0.05, C1S)
    merged, _ = merge_lines(lines, 2.0)
    assert [found.key for found in merged if found.satellite] == ["shake_up"]


@pytest.mark.parametrize("group", sorted(group_lines()))
def test_every_group_can_be_seeded_in_each_of_its_regions(group):
    for region, row in group_lines()[group].items():
        lines, _ = expected_lines(region, {group: 0.99}, 0.1, (row[0].position - 12, row[0].position + 12))
        assert {found.key for found in lines} == {entry.key for entry in row}
