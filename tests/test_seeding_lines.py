from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xps_stn_plugin.chemistry.group_lines import group_lines
from xps_stn_plugin.models import SteppedPseudoVoigtModel
from xps_stn_plugin.seeding.lines import SHIFT_ERRORS, Line, expected_lines, merge_distance, merge_lines

C1S = (280.0, 300.0)


def line(key, position, **more):
    return Line(key, key, (f"group {key}",), position, position - 0.2, position + 0.2, members=(key,), **more)


def test_groups_below_one_half_bring_nothing():
    assert expected_lines("C1s", {"alkane": 0.49}, 0.05, C1S) == ([], [])
    assert [found.key for found in expected_lines("C1s", {"alkane": 0.51}, 0.05, C1S)[0]] == ["alkyl"]


def test_windows_follow_the_error_of_the_shift():
    sure, unsure = (expected_lines("C1s", {"alkane": 0.9}, error, C1S)[0][0] for error in (0.02, 0.4))
    assert unsure.high - unsure.low > sure.high - sure.low
    assert sure.high - sure.low == pytest.approx(2 * np.hypot(0.2, 0.02 * SHIFT_ERRORS))


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


def cramer_rao(distance, fwhm, counts):
    """Least standard error in eV of the centre of one of two equal lines, from all counts under both.

    Fisher information of Poisson counts; free are the centres, areas, the common width and Lorentzian share (0.3), and
    a straight background of no height.
    """
    x = np.arange(-8 * fwhm, 8 * fwhm, fwhm / 20)
    area = 0.5 * counts * (x[1] - x[0])
    model = SteppedPseudoVoigtModel()
    curves, slopes = zip(
        *(
            model.partials(x, amplitude=area, center=center, sigma=fwhm / 2, fraction=0.3, step=0.0)
            for center in (-distance / 2, distance / 2)
        ),
        strict=True,
    )
    own = [slope[name] for slope in slopes for name in ("center", "amplitude")]
    common = [slopes[0][name] + slopes[1][name] for name in ("sigma", "fraction")]
    design = np.stack([*own, *common, np.ones_like(x), x], axis=1)
    design /= np.linalg.norm(design / np.sqrt(sum(curves))[:, None], axis=0)
    information = design.T @ (design / sum(curves)[:, None])
    # The columns were scaled to unit length: undo it for the first centre.
    length = np.linalg.norm(slopes[0]["center"] / np.sqrt(sum(curves)))
    return np.sqrt(np.linalg.inv(information)[0, 0]) / length


@pytest.mark.parametrize("fwhm", [0.8, 1.1, 1.4])
@pytest.mark.parametrize("share", [0.3, 0.4, 0.5, 0.6, 0.7])
def test_lines_merge_where_the_centre_s_error_is_half_their_distance(fwhm, share):
    """At the counts for which the Cramer-Rao bound is half the distance, the limit is that distance."""
    distance = share * fwhm
    counts = 1000.0 * (cramer_rao(distance, fwhm, 1000.0) / (distance / 2)) ** 2
    # An error that is 15 % off moves the distance by 15 % / 3.3.
    assert merge_distance(fwhm, counts) == pytest.approx(np.clip(distance, 0.25, 0.8), rel=0.05)


def test_merge_distance_has_its_limits():
    assert merge_distance(1.1, 0.0) == 0.8
    assert merge_distance(1.1, 1e12) == 0.25


@given(fwhm=st.floats(0.3, 4.0), counts=st.floats(0, 1e9), more=st.floats(1, 1e3))
def test_more_counts_never_merge_more(fwhm, counts, more):
    assert merge_distance(fwhm, counts * more) <= merge_distance(fwhm, counts)


def by_key(groups):
    return {found.key: found for found in expected_lines("C1s", dict.fromkeys(groups, 0.9), 0.05, C1S)[0]}


def test_lines_of_one_group_are_a_family_with_its_atoms():
    lines = by_key(["ketone (aliphatic)"])
    assert {found.family for found in lines.values()} == {"ketone"}
    assert lines["ketone"].atoms == 1
    assert lines["ketone"].slack == (1.0, 1.0)
    assert lines["ketone_beta"].atoms == 2
    assert lines["ketone_beta"].slack == pytest.approx((0.65, 1.5))


def test_a_line_that_another_group_brings_too_leaves_its_family():
    table = group_lines()
    shared = [
        (one, other, entry)
        for one in table
        for other in table
        for entry in table[one].get("C1s", ())
        if entry.relative_to
        and not entry.satellite
        and other != one
        and entry in table[other].get("C1s", ())
        and {each.key for each in table[one]["C1s"]} != {each.key for each in table[other]["C1s"]}
        and entry.relative_to not in {each.key for each in table[other]["C1s"]}
    ]
    for one, other, entry in shared:
        assert by_key([one])[entry.key].family == entry.relative_to
        assert by_key([one, other])[entry.key].family == ""


def test_a_line_whose_lead_lies_beyond_the_data_has_no_family():
    lines, _ = expected_lines("C1s", {"ester (aliphatic)": 0.9}, 0.05, (280.0, 288.0))
    assert {found.key: found.family for found in lines} == {"ester_beta": "", "ester_alkoxy": ""}


def test_satellites_need_their_line():
    assert expected_lines("C1s", {"benzene ring": 0.9}, 0.05, (288.0, 300.0))[0] == []


def test_merged_lines_keep_the_family_that_they_share():
    family = {"family": "PMMA", "slack": (0.65, 1.5)}
    lines = [
        line("a", 285.0, atoms=2.0, family="PMMA", slack=(1.0, 1.0)),
        line("b", 285.2, atoms=1.0, **family),
        line("c", 286.8, atoms=1.0, **family),
    ]
    merged, _ = merge_lines(lines, 0.4)
    assert [(found.family, found.atoms, found.slack) for found in merged] == [
        ("PMMA", 3.0, (0.65, 1.5)),
        ("PMMA", 1.0, (0.65, 1.5)),
    ]


def test_lines_of_two_families_merge_into_none():
    lines = [line("a", 285.0, family="a", atoms=1.0), line("b", 285.2, family="b", atoms=1.0)]
    [merged], _ = merge_lines(lines, 0.4)
    assert merged.family == ""
