from __future__ import annotations

import pickle
from typing import get_args

import lmfit
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seeded import X, counted, fitted, pmma, prediction, prefixes, seeded, starts_inside, tree

from xps_prefit_hooks import Background, PrefitError, Settings, Ties
from xps_stn_plugin.chemistry.group_lines import group_lines
from xps_stn_plugin.models.shapes import hydrocarbon, stepped_pseudo_voigt
from xps_stn_plugin.seeding import seed_region
from xps_stn_plugin.seeding.areas import Areas
from xps_stn_plugin.seeding.lines import expected_lines
from xps_stn_plugin.seeding.seed import _without_empty


def test_pmma_gets_its_four_lines():
    spectrum = tree(pmma())
    seed = seed_region(spectrum, "C1s", prediction("alkane", "ester (aliphatic)"), Settings())
    assert [c.prefix for c in seed.components] == ["alkyl_", "ester_beta_", "ester_alkoxy_", "ester_"]
    assert seed.components[-1].name == "C1s O-C=O"
    assert seed.components[-1].groups == ("ester (aliphatic)",)
    params = fitted(seed, spectrum).params
    for prefix, center, area in [("alkyl_", 285.0, 2), ("ester_beta_", 285.72, 1), ("ester_alkoxy_", 286.79, 1)]:
        assert params[f"{prefix}center"].value == pytest.approx(center, abs=0.01)
        # Expected positions and ratios draw the vibrations a little.
        assert params[f"{prefix}amplitude"].value == pytest.approx(area, rel=0.03)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 3e3, 1e9])
def test_scale_does_not_matter(scale):
    spectrum = tree(pmma(scale=scale))
    seed = seed_region(spectrum, "C1s", prediction("alkane", "ester (aliphatic)"), Settings())
    params = fitted(seed, spectrum).params
    assert params["ester_amplitude"].value == pytest.approx(scale, rel=0.02)
    starts_inside(seed)


def test_width_and_shape_are_common():
    seed = seed_region(tree(pmma()), "C1s", prediction("alkane", "ester (aliphatic)"), Settings())
    free = [n for n, p in seed.params.items() if p.vary and not p.expr and n.endswith(("sigma", "fraction"))]
    assert free == ["alkyl_sigma", "alkyl_fraction"]


def test_model_takes_x_alone_and_travels():
    spectrum = tree(pmma(scale=1e4, step=0.02))
    seed = seed_region(spectrum, "C1s", prediction("alkane", "ester (aliphatic)"), Settings(background="shirley"))
    assert seed.model.independent_vars == ["x"]
    again = pickle.loads(pickle.dumps(seed))
    params = lmfit.Parameters().loads(seed.params.dumps())
    np.testing.assert_allclose(again.model.eval(params, x=X), seed.model.eval(seed.params, x=X))
    assert all(component.prefix.isidentifier() and component.prefix.endswith("_") for component in seed.components)


def test_peak_linked_shirley_comes_back():
    spectrum = tree(pmma(scale=1e4, step=0.03) + 500)
    seed = seed_region(spectrum, "C1s", prediction("alkane", "ester (aliphatic)"), Settings())
    assert seed.background == "shirley"
    params = fitted(seed, spectrum).params
    assert params["alkyl_step"].value == pytest.approx(0.03, rel=0.01)
    assert params["bg_intercept"].value == pytest.approx(500, rel=0.02)
    assert params["ester_amplitude"].value == pytest.approx(1e4, rel=0.01)


def test_descending_axis_gives_the_same_seed():
    up = tree(pmma(scale=1e4, step=0.02))
    down = tree(pmma(scale=1e4, step=0.02))
    down["C1s"] = down["C1s"].to_dataset().isel(binding_energy=slice(None, None, -1))
    asked = prediction("alkane", "ester (aliphatic)")
    assert seed_region(up, "C1s", asked, Settings()).params == seed_region(down, "C1s", asked, Settings()).params


@pytest.mark.parametrize("shift", [-0.3, -0.1, 0.1, 0.3])
def test_an_error_of_the_shift_is_found(shift):
    spectrum = tree(pmma(shift=shift))
    seed = seed_region(spectrum, "C1s", prediction("alkane", "ester (aliphatic)", stderr=0.15), Settings())
    params = fitted(seed, spectrum).params
    assert params["ester_center"].value == pytest.approx(289.03 + shift, abs=0.03)
    assert params["alkyl_center"].value == pytest.approx(285.0 + shift, abs=0.08)


def test_signal_that_no_group_explains_is_unassigned():
    y = pmma() + stepped_pseudo_voigt(X, 1.0, 292.0, 0.5, 0.2)
    seed = seed_region(tree(y), "C1s", prediction("alkane", "ester (aliphatic)"), Settings())
    [extra] = [c for c in seed.components if not c.groups]
    assert extra.name == "C1s unassigned 1"
    assert seed.params[f"{extra.prefix}center"].value == pytest.approx(292.0, abs=0.1)
    assert any("unassigned" in note for note in seed.notes)


@pytest.mark.parametrize(("center", "added"), [(283.2, True), (284.4, False), (291.0, False)])
def test_a_small_line_is_added_only_where_no_shape_and_no_loss_of_another_explains_it(center, added):
    y = pmma() + stepped_pseudo_voigt(X, 0.05, center, 0.5, 0.2)
    seed = seed_region(tree(y), "C1s", prediction("alkane", "ester (aliphatic)"), Settings())
    assert any(not component.groups for component in seed.components) == added


def test_lines_without_signal_are_dropped_and_it_is_said():
    y = hydrocarbon(X, 1.0, 285.0, 0.5, 0.2)
    seed = seed_region(tree(y), "C1s", prediction("alkane", **{"ketone (aliphatic)": 0.6}), Settings())
    assert [c.prefix for c in seed.components] == ["alkyl_"]
    assert any("Dropped" in note and "C=O" in note for note in seed.notes)


def test_a_certain_group_without_signal_is_dropped_too():
    y = np.random.default_rng(5).poisson(2000 * hydrocarbon(X, 1.0, 285.0, 0.5, 0.2) + 50).astype(float)
    seed = seed_region(tree(y), "C1s", prediction("alkane", "ketone (aliphatic)"), Settings())
    assert [c.prefix for c in seed.components] == ["alkyl_"]
    assert any("Dropped" in note and "C=O" in note for note in seed.notes)


def test_shake_up_is_tied_to_the_ring():
    y = stepped_pseudo_voigt(X, 6.0, 284.7, 0.5, 0.2) + stepped_pseudo_voigt(X, 0.25, 291.4, 1.0, 0.2)
    spectrum = tree(1e3 * y)
    seed = seed_region(spectrum, "C1s", prediction("benzene ring"), Settings())
    assert [c.prefix for c in seed.components] == ["ring_", "shake_up_"]
    starts_inside(seed)
    params = fitted(seed, spectrum).params
    assert params["shake_up_amplitude"].value == pytest.approx(250, rel=0.1)
    assert params["shake_up_ratio"].value == pytest.approx(0.25 / 6, rel=0.1)
    narrow = tree(1e3 * y[X < 289], X[X < 289])
    assert [c.prefix for c in seed_region(narrow, "C1s", prediction("benzene ring"), Settings()).components] == [
        "ring_"
    ]


def test_doublets_are_tied_in_distance_and_ratio():
    x = np.linspace(196, 208, 121)
    y = stepped_pseudo_voigt(x, 900.0, 200.6, 0.5, 0.2) + stepped_pseudo_voigt(x, 450.0, 202.2, 0.5, 0.2)
    spectrum = tree(y, x, "Cl2p")
    seed = seed_region(spectrum, "Cl2p", prediction("alkyl halide (Cl)"), Settings())
    assert [c.prefix for c in seed.components] == ["chloride_", "chloride_low_"]
    params = fitted(seed, spectrum, "Cl2p").params
    assert params["chloride_amplitude"].value == pytest.approx(900, rel=1e-3)
    assert params["chloride_low_amplitude"].value == pytest.approx(450, rel=1e-3)
    assert params["chloride_low_center"].value - params["chloride_center"].value == pytest.approx(1.6)


def test_metals_get_components_from_the_data():
    x = np.linspace(65, 85, 201)
    y = 100 + stepped_pseudo_voigt(x, 900.0, 71.0, 0.5, 0.2, step=0.01)
    y += stepped_pseudo_voigt(x, 675.0, 74.3, 0.5, 0.2, step=0.01)
    spectrum = tree(np.random.default_rng(1).poisson(20 * y).astype(float), x, "Pt4f")
    seed = seed_region(spectrum, "Pt4f", prediction("alkane"), Settings())
    centers = [seed.params[f"{c.prefix}center"].value for c in seed.components]
    np.testing.assert_allclose(centers, [71.0, 74.3], atol=0.15)
    assert all(c.groups == () for c in seed.components)


def test_a_region_without_signal_gets_one_component():
    noise = np.random.default_rng(3).poisson(100, X.size).astype(float)
    seed = seed_region(tree(noise), "C1s", prediction("alkane", "ester (aliphatic)", stderr=0.1), Settings())
    starts_inside(seed)
    silent = seed_region(tree(noise), "C1s", prediction(), Settings())
    [only] = silent.components
    assert any("No significant signal" in note for note in silent.notes)
    center = silent.params[f"{only.prefix}center"]
    assert (center.min, center.max) == (280, 295)
    assert fitted(silent, tree(noise)).success


def test_another_reference_moves_the_windows():
    spectrum = tree(pmma(shift=-0.2))
    seed = seed_region(spectrum, "C1s", prediction("alkane", "ester (aliphatic)"), Settings(reference=284.8))
    center = seed.params["alkyl_center"]
    assert (center.min + center.max) / 2 == pytest.approx(284.8)


@pytest.mark.parametrize(("region", "x"), [("Survey", np.linspace(0, 50, 101)), ("C1s", np.linspace(250, 320, 701))])
def test_surveys_are_not_seeded(region, x):
    assert seed_region(tree(np.sin(x) + 2, x, region), region, prediction("alkane"), Settings()) is None


@pytest.mark.parametrize("region", ["VB", "OKLL", "CuL3M45M45"])
def test_valence_bands_and_auger_lines_are_not_seeded(region):
    x = np.linspace(0, 30, 301)
    assert seed_region(tree(np.sin(x) + 2, x, region), region, prediction("alkane"), Settings()) is None


def test_a_missing_region_is_named():
    with pytest.raises(PrefitError, match=r"O1s.*C1s"):
        seed_region(tree(pmma()), "O1s", prediction("alkane"), Settings())


@pytest.mark.slow
@pytest.mark.filterwarnings("error::RuntimeWarning")
@settings(max_examples=60)
@given(
    seed=st.integers(0, 10**6),
    points=st.integers(8, 120),
    scale=st.sampled_from([1e-9, 1e-3, 1.0, 1e4, 1e12]),
    offset=st.sampled_from([-2.0, 0.0, 5.0]),
    groups=st.sets(st.sampled_from(sorted(group_lines())), max_size=6),
    region=st.sampled_from(["C1s", "O1s", "Cl2p", "Fe2p"]),
    background=st.sampled_from(get_args(Background)),
    ties=st.sampled_from(get_args(Ties)),
    stderr=st.floats(0, 1),
    status=st.sampled_from(["ok", "out_of_domain"]),
)
def test_any_data_give_a_seed_inside_its_bounds(
    seed, points, scale, offset, groups, region, background, ties, stderr, status
):
    random = np.random.default_rng(seed)
    start = {"C1s": 280, "O1s": 525, "Cl2p": 195, "Fe2p": 700}[region]
    x = np.cumsum(random.uniform(0.02, 0.4, points)) + start
    y = random.normal(0, 1, points) + offset
    for _ in range(random.integers(0, 4)):
        y += stepped_pseudo_voigt(x, random.exponential(10), random.choice(x), random.uniform(0.1, 1.5), 0.3)
    asked = Settings(background=background, ties=ties)
    found = seeded(scale * y, *groups, x=x, region=region, settings=asked, stderr=stderr, status=status)
    starts_inside(found)
    assert background in ("auto", found.background)
    assert any(p.vary and not p.expr for p in found.params.values())
    assert np.all(np.isfinite(found.model.eval(found.params, x=x)))
    assert {c.prefix for c in found.components} | {found.background_prefix} == {
        m.prefix for m in found.model.components
    }


def test_backgrounds_and_ties_are_asked_for():
    y = counted(5000 * pmma(step=0.02) + 300, 1)
    asked = Settings(background={"C1s": "tougaard-u2", "O1s": "linear"}, ties="hard")
    found = seeded(y, "alkane", "ester (aliphatic)", settings=asked)
    assert found.background == "tougaard-u2"
    assert found.notes[0].startswith("Tougaard-u2 background")
    assert found.params["ester_beta_amplitude"].expr == "1*ester_amplitude"
    elsewhere = Settings(background={"O1s": "linear"})
    assert seeded(y, "alkane", "ester (aliphatic)", settings=elsewhere).background == "shirley"


@pytest.mark.parametrize("groups", [("benzene ring",), ("benzene ring", "ester (aliphatic)")])
def test_a_satellite_whose_line_is_outside_the_window_is_left_out(groups):
    x = np.arange(288, 300, 0.1)
    y = counted(20 + stepped_pseudo_voigt(x, 3000, 291.5, 1.0, 0.2) + stepped_pseudo_voigt(x, 2000, 289.0, 0.5, 0.2), 1)
    found = seeded(y, *groups, x=x)
    assert "shake_up_" not in prefixes(found)
    assert any(note.startswith("Outside the measured range") and "C=C ring" in note for note in found.notes)


@pytest.mark.parametrize("expect", [(), ("PMMA",)])
def test_without_a_shift_the_data_alone_seed(expect):
    y = counted(3000 * pmma() + 100, 1)
    found = seeded(y, "ester (aliphatic)", settings=Settings(expect=expect), stderr=float("nan"))
    assert all(component.groups == () for component in found.components)
    assert len(found.components) >= 3


@pytest.mark.parametrize(
    "y",
    [
        pytest.param(np.where(np.arange(X.size) == 50, 1000.0, 0.0), id="one spike"),
        pytest.param(np.where(np.arange(X.size) == 50, 1.0, 0.0), id="one count"),
        pytest.param(-pmma(), id="upside down"),
        pytest.param(pmma() - 10, id="negative"),
        pytest.param(X, id="ramp"),
        pytest.param(np.where(X > 287, 100.0, 0.0), id="step"),
        pytest.param(np.random.default_rng(1).poisson(0.05, X.size).astype(float), id="few counts"),
    ],
)
def test_strange_data_are_seeded_and_what_is_said_is_so(y):
    found = seeded(y, "alkane", "ester (aliphatic)")
    starts_inside(found)
    names = {component.name.removeprefix("C1s ") for component in found.components}
    held = [note for note in found.notes if note.startswith("Fixed at")]
    for note in held:
        said = note.removesuffix(".").split(": ")[1].split(", ")
        assert {word.split(" of ", 1)[1] for word in said if " of " in word} <= names | {"the background"}


@pytest.mark.parametrize("low", np.arange(281.0, 290.0, 1.0))
@pytest.mark.parametrize("width", [2.0, 4.0])
def test_windows_may_cut_lines(low, width):
    x = np.arange(low, low + width, 0.1)
    found = seeded(counted(3000 * pmma(x) + 20, 1), "alkane", "ester (aliphatic)", "benzene ring", x=x)
    starts_inside(found)
    assert np.all(np.isfinite(found.model.eval(found.params, x=x)))


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_lines_that_all_end_without_area_leave_one():
    """A free fit of noise about a negative level can leave nothing."""
    lines, _ = expected_lines("C1s", {"alkane": 0.9, "ester (aliphatic)": 0.9}, 0.05, (280.0, 295.0))
    empty = Areas(tuple(lines), np.zeros(len(lines)), 1.1, 0.0, np.zeros(X.size))
    left, gone = _without_empty(empty, "C1s")
    assert len(left.lines) == 1
    assert len(gone) == len(lines) - 1
    assert left.areas[0] > 0


@pytest.mark.parametrize(("sigma", "said"), [(0.5, False), (1.15, True)])
def test_lines_broader_than_organic_ones_are_said_to_be(sigma, said):
    spectrum = tree(counted(100 + stepped_pseudo_voigt(X, 8000, 285.0, sigma, 0.2), 1))
    notes = seed_region(spectrum, "C1s", prediction("benzene ring"), Settings()).notes
    assert any("eV wide" in note for note in notes) == said
