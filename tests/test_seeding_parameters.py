from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from seeded import X, counted, pmma, starts_inside, tree

from xps_stn_plugin.chemistry.group_lines import group_lines
from xps_stn_plugin.models import TOUGAARD
from xps_stn_plugin.models.shapes import stepped_pseudo_voigt
from xps_stn_plugin.seeding.areas import Areas, Doublet
from xps_stn_plugin.seeding.lines import SHIFT_ERRORS, Line, expected_lines, merge_lines
from xps_stn_plugin.seeding.parameters import assembled, base_of
from xps_stn_plugin.seeding.prior import expectations
from xps_stn_plugin.seeding.region import region_data

WIDTH = (1.1, 0.6, 2.2)
SINGLE = Doublet()
DOUBLET = Doublet(1.6, 0.5)
ESTER = {"alkane": 0.98, "ester (aliphatic)": 0.98}


def data(y=None, x=X, core="C1s"):
    return region_data(core, tree(counted(3000 * pmma() + 200, 1) if y is None else y, x, core)[core].to_dataset())


def areas(lines, sizes=None, background="linear", **more):
    sizes = np.full(len(lines), 1000.0) if sizes is None else np.asarray(sizes, dtype=float)
    start = Areas(tuple(lines), sizes, 1.1, 0.0, np.zeros(X.size), background=background)
    return replace(start, **more)


def made(groups=ESTER, *, stderr=0.05, ties="soft", doublet=SINGLE, sizes=None, limit=0.25, **more):
    lines, _ = merge_lines(expected_lines("C1s", groups, stderr, (280.0, 295.0))[0], limit)
    return assembled(data(), areas(lines, sizes, **more), doublet, WIDTH, ties)


def free(seed):
    return {name: p for name, p in seed.params.items() if p.vary and not p.expr}


def test_soft_ties_keep_the_ratio_within_its_bounds():
    params = made().params
    assert params["ester_alkoxy_amplitude"].expr == "ester_alkoxy_ratio*ester_amplitude"
    ratio = params["ester_alkoxy_ratio"]
    assert (ratio.min, ratio.max) == (0.65, 1.5)
    assert expectations(params)["ester_alkoxy_ratio"] == pytest.approx((1.0, 0.2125))
    params["ester_amplitude"].set(value=300.0)
    ratio.set(value=1.2)
    assert params["ester_alkoxy_amplitude"].value == pytest.approx(360.0)
    # Alkane is not a part of the ester: its area is its own.
    assert not params["alkyl_amplitude"].expr


def test_hard_ties_are_at_the_stoichiometric_ratio():
    params = made({"ketone (aliphatic)": 0.9}, ties="hard").params
    assert "ketone_beta_ratio" not in params
    params["ketone_amplitude"].set(value=300.0)
    assert params["ketone_beta_amplitude"].value == pytest.approx(600.0)


def test_free_areas_are_not_tied():
    params = made(ties="free").params
    assert not any(name.endswith("_ratio") for name in params)
    amplitudes = [p for name, p in params.items() if name.endswith("_amplitude")]
    assert len(amplitudes) == 4
    assert all(p.vary and not p.expr and p.min == 0.0 for p in amplitudes)


@pytest.mark.parametrize("ties", ["soft", "hard", "free"])
def test_a_tied_family_starts_with_its_own_area(ties):
    """Shared out by atoms for the lead, so that no line starts far from what the family has in all."""
    seed = made({"ester (aliphatic)": 0.98}, ties=ties, sizes=[100.0, 1300.0, 700.0])
    total = sum(seed.params[f"{key}_amplitude"].value for key in ("ester", "ester_alkoxy", "ester_beta"))
    assert total == pytest.approx(2100.0, rel=0.15)
    starts_inside(seed)


def test_a_satellite_is_tied_to_its_ring_whatever_the_ties():
    for ties in ("soft", "hard", "free"):
        params = made({"benzene ring": 0.9}, ties=ties, sizes=[2000.0, 60.0]).params
        assert params["shake_up_amplitude"].expr == "shake_up_ratio*ring_amplitude"
        assert params["shake_up_ratio"].value == pytest.approx(0.03)
        assert params["shake_up_sigma"].vary
        assert 2 * params["shake_up_sigma"].min > params["ring_sigma"].value


def test_a_satellite_of_a_merged_ring_follows_the_merged_line():
    seed = made({"benzene ring": 0.9, "alkane": 0.95}, limit=0.4, sizes=[2000.0, 60.0])
    [main, _] = seed.components
    assert seed.params["shake_up_amplitude"].expr == f"shake_up_ratio*{main.prefix}amplitude"


@pytest.mark.parametrize("stderr", [0.0, 0.02, 0.1, 0.5])
def test_windows_follow_the_error_of_the_shift(stderr):
    center = made(stderr=stderr).params["alkyl_center"]
    half = np.hypot(0.2, SHIFT_ERRORS * stderr)
    assert (center.min, center.max) == pytest.approx((285.0 - half, 285.0 + half))
    assert expectations({"alkyl_center": center})["alkyl_center"] == pytest.approx((285.0, half / 2))


def test_the_error_of_the_shift_does_not_widen_distances():
    """It moves neighbours alike; windows that do not overlap are left alone."""
    for stderr in (0.2, 0.8):
        params = made(stderr=stderr).params
        gap = params["ester_beta_gap"]
        spread = np.hypot(0.2, 0.25)
        assert (gap.min, gap.max) == pytest.approx((max(0.6 - spread, 0.15), 0.6 + spread))
        assert params["ester_beta_center"].expr == "alkyl_center+ester_beta_gap"
    assert "ester_gap" not in made(stderr=0.02).params
    assert not made(stderr=0.02).params["ester_center"].expr


@given(
    groups=st.sets(st.sampled_from(sorted(group_lines())), min_size=1, max_size=6),
    stderr=st.floats(0, 1.5),
    limit=st.floats(0.25, 0.8),
    place=st.lists(st.floats(0, 1), min_size=1, max_size=40),
)
def test_whatever_the_free_parameters_chained_lines_ascend(groups, stderr, limit, place):
    lines, _ = merge_lines(expected_lines("C1s", dict.fromkeys(groups, 0.9), stderr, (280.0, 295.0))[0], limit)
    if not any(not line.satellite for line in lines):
        return
    seed = assembled(data(), areas(lines), SINGLE, WIDTH, "soft")
    starts_inside(seed)
    params = seed.params
    for i, (name, p) in enumerate(free(seed).items()):
        if name.endswith(("_center", "_gap")):
            p.set(value=p.min + place[i % len(place)] * (p.max - p.min))
    chained = {name.removesuffix("_gap"): params[name] for name in params if name.endswith("_gap")}
    centers = {name.removesuffix("_center"): p for name, p in params.items() if name.endswith("_center")}
    assert all(np.isfinite(p.value) for p in centers.values())
    for key, gap in chained.items():
        before = centers[key].expr.split("_center+")[0]
        assert gap.min > 0
        assert centers[key].value - centers[before].value == pytest.approx(gap.value)
        assert centers[key].value > centers[before].value


@given(
    groups=st.sets(st.sampled_from(sorted(group_lines())), min_size=1, max_size=6),
    stderr=st.sampled_from([0.02, 0.1, 0.2]),
)
def test_lines_stand_in_chemistry_s_order_at_all_corners(groups, stderr):
    """Whether chained or kept apart by their windows: the first lines as high as they may be, the next as low."""
    lines, _ = merge_lines(expected_lines("C1s", dict.fromkeys(groups, 0.9), stderr, (280.0, 295.0))[0], 0.25)
    mains = sorted((line for line in lines if not line.satellite), key=lambda line: line.expected)
    if not mains:
        return
    params = assembled(data(), areas(lines), SINGLE, WIDTH, "soft").params
    own = [params[f"{line.key}_gap" if f"{line.key}_gap" in params else f"{line.key}_center"] for line in mains]
    for p in own:
        p.set(value=p.min)
    for p, before, line in zip(own, mains, mains[1:], strict=False):
        p.set(value=p.max)
        assert params[f"{before.key}_center"].value <= params[f"{line.key}_center"].value


@given(
    step=st.sampled_from(["linear", "offset", "shirley", "tougaard-u2", "tougaard-u3"]),
    ties=st.sampled_from(["soft", "hard", "free"]),
    doublet=st.sampled_from([SINGLE, DOUBLET]),
    groups=st.sets(st.sampled_from(sorted(group_lines())), min_size=1, max_size=4),
    sizes=st.lists(st.floats(0, 1e6), min_size=1, max_size=30),
    fwhm=st.floats(0.3, 4.0),
    fraction=st.floats(0, 0.8),
    strength=st.floats(0, 1e3),
)
def test_all_start_inside_their_bounds(step, ties, doublet, groups, sizes, fwhm, fraction, strength):
    lines, _ = merge_lines(expected_lines("C1s", dict.fromkeys(groups, 0.9), 0.1, (280.0, 295.0))[0], 0.3)
    if not any(not line.satellite for line in lines):
        return
    # As the seeding hands them over: each line has some area.
    start = np.maximum(np.resize(sizes, len(lines)), 1.0)
    found = areas(lines, start, step, fwhm=fwhm, fraction=fraction, strength=strength)
    seed = assembled(data(), found, doublet, WIDTH, ties)
    starts_inside(seed)
    assert np.all(np.isfinite(seed.model.eval(seed.params, x=X)))
    for mean, deviation in expectations(seed.params).values():
        assert np.isfinite(mean)
        assert deviation > 0


def test_doublets_are_tied_in_all_that_physics_ties():
    seed = made({"alkane": 0.9}, doublet=DOUBLET, background="shirley", strength=0.02)
    assert [c.prefix for c in seed.components] == ["alkyl_", "alkyl_low_"]
    params = seed.params
    params["alkyl_amplitude"].set(value=700.0)
    params["alkyl_center"].set(value=285.1)
    params["alkyl_sigma"].set(value=0.61)
    params["alkyl_fraction"].set(value=0.22)
    params["alkyl_step"].set(value=0.013)
    expected = {"amplitude": 350.0, "center": 286.7, "sigma": 0.61, "fraction": 0.22, "step": 0.013}
    for name, value in expected.items():
        assert params[f"alkyl_low_{name}"].value == pytest.approx(value)
        assert not params[f"alkyl_low_{name}"].vary


@pytest.mark.parametrize("kind", ["tougaard-u2", "tougaard-u3"])
def test_tougaard_s_loss_is_one_and_its_shape_is_the_table_s(kind):
    params = made(background=kind, strength=TOUGAARD[kind]["loss"]).params
    losses = {name: p for name, p in params.items() if name.endswith("_loss")}
    assert len(losses) == 4
    [(own, lead)] = [(name, p) for name, p in losses.items() if not p.expr]
    assert lead.vary
    assert lead.min == 0.0
    assert all(p.expr == own for name, p in losses.items() if name != own)
    for name, p in params.items():
        for part in ("loss_c", "loss_d"):
            if name.endswith(part):
                assert not p.vary
                assert p.value == TOUGAARD[kind][part]
    assert sum(name.endswith(("_loss_c", "_loss_d")) for name in params) == 8


def test_an_offset_is_one_free_level():
    seed = made(background="offset", sloping=False)
    assert seed.params["bg_c"].vary
    assert "bg_slope" not in seed.params
    assert base_of(seed.params.valuesdict()) == (seed.params["bg_c"].value, 0.0)
    again = made(background="offset", sloping=False, base=(123.0, 0.0))
    assert again.params["bg_c"].value == 123.0


@pytest.mark.parametrize(("background", "sloping"), [("linear", True), ("shirley", True), ("shirley", False)])
def test_a_straight_base_slopes_only_where_it_may(background, sloping):
    seed = made(background=background, sloping=sloping, strength=0.01)
    assert seed.params["bg_slope"].vary == sloping
    assert seed.params["bg_intercept"].vary
    if not sloping:
        assert seed.params["bg_slope"].value == 0.0


def test_lines_that_the_data_ask_for_have_no_expected_place():
    own = Line("unassigned_1", "unassigned 1", (), 290.0, 289.4, 290.6)
    lines = [*expected_lines("C1s", {"alkane": 0.9}, 0.05, (280.0, 295.0))[0], own]
    seed = assembled(data(), areas(lines), SINGLE, WIDTH, "soft")
    assert "unassigned_1_center" not in expectations(seed.params)
    assert "unassigned_1_gap" not in seed.params
    assert "alkyl_center" in expectations(seed.params)


def test_one_asymmetry_for_all_lines_of_a_conductor():
    lines = [
        Line(f"unassigned_{i}", f"unassigned {i}", (), c, c - 0.5, c + 0.5, conductive=True)
        for i, c in enumerate((284.4, 286.0), 1)
    ]
    params = assembled(data(), areas(lines), DOUBLET, WIDTH, "soft").params
    names = [name for name in params if name.endswith("asymmetry")]
    assert len(names) == 4
    assert [name for name in names if params[name].vary and not params[name].expr] == ["unassigned_1_asymmetry"]
    params["unassigned_1_asymmetry"].set(value=0.17)
    assert {params[name].value for name in names} == {0.17}


def test_the_seed_s_curve_is_the_sum_of_its_lines():
    """Known answer: one doublet on a level."""
    line = Line("chloride", "C-Cl", ("alkyl halide (Cl)",), 287.0, 286.7, 287.3, expected=287.0, members=("chloride",))
    found = areas([line], [500.0], "offset", sloping=False, base=(40.0, 0.0), fraction=0.3)
    seed = assembled(data(), found, DOUBLET, WIDTH, "soft")
    expected = 40 + sum(
        stepped_pseudo_voigt(X, area, center, 0.55, 0.3) for area, center in ((500.0, 287.0), (250.0, 288.6))
    )
    np.testing.assert_allclose(seed.model.eval(seed.params, x=X), expected, rtol=1e-9)
