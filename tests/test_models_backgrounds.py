from __future__ import annotations

import lmfit
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lmfit.lineshapes import pvoigt
from lmfit.models import LinearModel
from scipy.integrate import quad

from xps_stn_plugin.models.backgrounds import (
    BACKGROUND_PARAMETERS,
    TOUGAARD,
    background_parameters,
    cross_section,
    split,
)
from xps_stn_plugin.models.shapes import (
    GraphiticModel,
    RegionModel,
    SteppedPseudoVoigtModel,
    TougaardGraphiticModel,
    TougaardHydrocarbonModel,
    TougaardPseudoVoigtModel,
    graphitic,
    hydrocarbon,
    stepped_pseudo_voigt,
    tougaard_graphitic,
    tougaard_hydrocarbon,
    tougaard_pseudo_voigt,
)

U2, U3 = TOUGAARD["tougaard-u2"], TOUGAARD["tougaard-u3"]
LINE = {"amplitude": 800.0, "center": 285.0, "sigma": 0.5, "fraction": 0.2}
SCATTERED = [
    (tougaard_pseudo_voigt, stepped_pseudo_voigt),
    (tougaard_hydrocarbon, hydrocarbon),
    (tougaard_graphitic, graphitic),
]


def test_two_parameter_cross_section():
    energy = np.linspace(0.0, 200.0, 401)
    expected = 2866.0 * energy / (1643.0 + energy**2) ** 2
    np.testing.assert_allclose(cross_section(energy, **U2), expected, rtol=1e-12)


def test_integral_over_all_losses():
    # U2 in closed form; U3 of polymers scatters once per mean free path, as the universal cross sections should.
    two, _ = quad(lambda t: cross_section(t, **U2), 0, np.inf)
    assert two == pytest.approx(U2["loss"] / (2 * U2["loss_c"]), rel=1e-6)
    three, _ = quad(lambda t: cross_section(t, **U3), 0, np.inf)
    assert three == pytest.approx(1.0, abs=0.005)


def test_no_energy_is_won():
    assert not cross_section(np.array([-5.0, -1e-9, 0.0]), **U3).any()


@pytest.mark.parametrize("kind", ["tougaard-u2", "tougaard-u3"])
def test_narrow_line_shows_the_cross_section(kind):
    x = np.linspace(280, 345, 300)
    whole = tougaard_pseudo_voigt(x, 800.0, 285.0, 0.1, 0.0, **TOUGAARD[kind])
    far = x > 287
    expected = 800 * cross_section(x - 285, **TOUGAARD[kind])
    np.testing.assert_allclose(whole[far], expected[far], atol=3e-4 * expected.max())
    np.testing.assert_allclose(whole[x < 284], 0.0, atol=1e-12)  # nothing below the line


@pytest.mark.parametrize(("whole", "line"), SCATTERED)
def test_tougaard_background_is_the_convolution(whole, line):
    x = np.linspace(278, 305, 28)
    fine = np.arange(240.0, 306.0, 0.01)
    bare = line(fine, **LINE)
    background = whole(x, **LINE, **U3) - line(x, **LINE)
    direct = [0.01 * (bare * cross_section(energy - fine, **U3)).sum() for energy in x]
    np.testing.assert_allclose(background, direct, atol=1e-3 * np.max(direct))


@pytest.mark.parametrize("shape", [stepped_pseudo_voigt, hydrocarbon, graphitic])
def test_step_far_above_the_line_is_step_times_area(shape):
    far = np.array([285.0 + 1e6])
    assert shape(far, **LINE, step=0.03)[0] == pytest.approx(0.03 * 800, rel=1e-4)


@settings(deadline=None)
@given(
    model=st.sampled_from(
        [GraphiticModel(), TougaardPseudoVoigtModel(), TougaardHydrocarbonModel(), TougaardGraphiticModel()]
    ),
    seed=st.integers(0, 100),
    center=st.floats(270, 300),
)
def test_order_of_the_energies_only_orders_the_result(model, seed, center):
    draw = np.random.default_rng(seed)
    x = np.sort(draw.uniform(278, 296, 150))
    values = {**LINE, "center": center, "asymmetry": 0.15, "cutoff": 3.0, "vibration": 0.4, "step": 0.04, **U3}
    values = {name: values[name] for name in model.param_names}
    curve, partials = model.partials(x, **values)
    for order in (np.arange(150)[::-1], draw.permutation(150)):
        other, moved = model.partials(x[order], **values)
        np.testing.assert_allclose(other, curve[order], rtol=1e-13, atol=1e-12)
        for name, derivative in partials.items():
            size = np.abs(derivative).max()
            np.testing.assert_allclose(moved[name], derivative[order], rtol=1e-12, atol=1e-13 * size)


def test_sampling_does_not_matter():
    x = np.sort(np.random.default_rng(1).uniform(280, 300, 200))
    whole = tougaard_pseudo_voigt(x, **LINE, **U3)
    part = tougaard_pseudo_voigt(x[20:180:7], **LINE, **U3)
    np.testing.assert_allclose(part, whole[20:180:7], atol=2e-6 * whole.max())


def test_one_energy_is_a_window_too():
    x = np.array([295.0])
    many = np.array([280.0, 295.0, 300.0])
    one = tougaard_pseudo_voigt(x, **LINE, **U3)
    assert one[0] == pytest.approx(tougaard_pseudo_voigt(many, **LINE, **U3)[1], rel=1e-3)  # less of the tail


@pytest.fixture
def region():
    models = [
        SteppedPseudoVoigtModel(prefix="a_"),
        GraphiticModel(prefix="b_"),
        TougaardPseudoVoigtModel(prefix="c_"),
        TougaardHydrocarbonModel(prefix="d_"),
        TougaardGraphiticModel(prefix="e_"),
        LinearModel(prefix="bg_"),
    ]
    model = RegionModel(models)
    params = model.make_params(bg_slope=0.1, bg_intercept=3)
    for number, prefix in enumerate("abcde"):
        params[f"{prefix}_center"].set(284 + number)
        for name, value in {"step": 0.03, **U3}.items():
            if f"{prefix}_{name}" in params:
                params[f"{prefix}_{name}"].set(value)
    return model, params


def test_split_adds_up_and_leaves_the_area(region):
    model, params = region
    x = np.linspace(280, 295, 50)
    parts = [split(component, params, x) for component in model.components]
    np.testing.assert_allclose(sum(line + under for line, under in parts), model.eval(params, x=x))
    assert all(under[-1] > 0.005 for _, under in parts[:-1])
    for place, center in ((0, 284.0), (2, 286.0)):
        np.testing.assert_allclose(parts[place][0], pvoigt(x, 1.0, center, 0.6, 0.3))
    assert not parts[-1][1].any()  # the straight line has none


def test_background_parameters_are_named(region):
    model, _ = region
    named = [background_parameters(component) for component in model.components]
    assert named[:3] == [("a_step",), ("b_step",), ("c_loss", "c_loss_c", "c_loss_d")]
    assert named[-1] == ()
    assert {name.split("_", 1)[1] for names in named for name in names} == set(BACKGROUND_PARAMETERS)


def test_background_follows_the_peak_in_a_fit():
    x = np.linspace(278, 305, 271)
    model = TougaardPseudoVoigtModel(prefix="a_") + lmfit.models.ConstantModel(prefix="bg_")
    truth = model.make_params(a_amplitude=4e4, a_center=285, a_sigma=0.5, a_loss=600, bg_c=500)
    data = np.random.default_rng(4).poisson(model.eval(truth, x=x))
    start = model.make_params(a_amplitude=3e4, a_center=285.2, a_sigma=0.6, a_loss=300, bg_c=data.min())
    start["a_loss"].set(vary=True)
    fit = model.fit(data, start, x=x, weights=1 / np.sqrt(data))
    for name, true in (("a_loss", 600.0), ("a_center", 285.0), ("a_amplitude", 4e4), ("bg_c", 500.0)):
        assert abs(fit.params[name].value - true) < 4 * fit.params[name].stderr, name
    assert fit.params["a_loss"].stderr < 60
