from __future__ import annotations

import pickle

import lmfit
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lmfit.lineshapes import pvoigt
from lmfit.models import LinearModel
from scipy.integrate import cumulative_trapezoid, quad
from scipy.special import gamma

from xps_stn_plugin import read
from xps_stn_plugin.models.lineshapes import pseudo_voigt, pseudo_voigt_cdf
from xps_stn_plugin.models.shapes import (
    VIBRATION_MEAN,
    VIBRATION_QUANTUM,
    GraphiticModel,
    HydrocarbonModel,
    RegionModel,
    SteppedPseudoVoigtModel,
    TougaardGraphiticModel,
    TougaardHydrocarbonModel,
    TougaardPseudoVoigtModel,
    graphitic,
    hydrocarbon,
    split,
    stepped_pseudo_voigt,
    tougaard_graphitic,
    tougaard_hydrocarbon,
    tougaard_pseudo_voigt,
)

MODELS = [
    SteppedPseudoVoigtModel,
    HydrocarbonModel,
    GraphiticModel,
    TougaardPseudoVoigtModel,
    TougaardHydrocarbonModel,
    TougaardGraphiticModel,
]


@pytest.mark.parametrize("shape", [stepped_pseudo_voigt, hydrocarbon, graphitic])
def test_step_is_the_shirley_integral_of_the_line(shape):
    # Shirley: background at E proportional to the area of the line below E in binding energy.
    x = np.linspace(260, 310, 50001)
    line = shape(x, 800.0, 285.0, 0.5, 0.2, step=0.0)
    stepped = shape(x, 800.0, 285.0, 0.5, 0.2, step=0.04)
    below_first = 0.04 * 800.0 * pseudo_voigt_cdf(x[:1], 285.0, 1.0, 0.2)[0]  # nearly the same for all shapes
    numeric = 0.04 * cumulative_trapezoid(line, x, initial=0) + below_first
    np.testing.assert_allclose(stepped - line, numeric, atol=0.02)
    assert np.all(np.diff(stepped - line) >= 0)


@pytest.mark.parametrize("shape", [stepped_pseudo_voigt, hydrocarbon, graphitic])
def test_direction_and_sampling_do_not_matter(shape):
    x = np.sort(np.random.default_rng(1).uniform(280, 292, 200))
    up = shape(x, 3.0, 285.0, 0.5, 0.3, step=0.05)
    np.testing.assert_allclose(shape(x[::-1], 3.0, 285.0, 0.5, 0.3, step=0.05)[::-1], up, rtol=1e-13)
    np.testing.assert_allclose(shape(x[::7], 3.0, 285.0, 0.5, 0.3, step=0.05), up[::7], rtol=1e-13)


SHAPES = [
    stepped_pseudo_voigt,
    hydrocarbon,
    graphitic,
    tougaard_pseudo_voigt,
    tougaard_hydrocarbon,
    tougaard_graphitic,
]


@pytest.mark.parametrize("shape", SHAPES)
def test_amplitude_is_the_whole_area(shape):
    x = np.linspace(185, 385, 20001)
    assert np.trapezoid(shape(x, 7.0, 285.0, 0.5, 0.0), x) == pytest.approx(7.0, rel=1e-6)


@pytest.mark.parametrize("shape", SHAPES)
def test_amplitude_is_the_whole_area_with_the_lorentzian_tails(shape):
    x = np.linspace(285 - 10000, 285 + 10000, 200001)
    assert np.trapezoid(shape(x, 7.0, 285.0, 0.5, 0.4), x) == pytest.approx(7.0, rel=1e-4)


def test_center_is_the_first_vibrational_member():
    # With lines much narrower than the quantum the members stand apart: the first, highest one is at `center`.
    x = np.linspace(284, 287, 30001)
    y = hydrocarbon(x, 1.0, 285.0, 0.02, 0.0)
    assert x[np.argmax(y)] == pytest.approx(285.0, abs=1e-3)
    second = (x > 285.2) & (x < 285.6)
    assert x[second][np.argmax(y[second])] == pytest.approx(285.0 + VIBRATION_QUANTUM, abs=1e-3)
    assert y[second].max() / y.max() == pytest.approx(VIBRATION_MEAN, rel=1e-3)  # Poisson: w1/w0 is the mean


def test_without_vibration_it_is_a_pseudo_voigt():
    x = np.linspace(280, 290, 101)
    np.testing.assert_allclose(hydrocarbon(x, 2.0, 285.0, 0.5, 0.3, vibration=0.0), pvoigt(x, 2.0, 285.0, 0.5, 0.3))


def convolved(energy, asymmetry, cutoff, fwhm, fraction):
    """Pseudo-Voigt at 0 with Mahan's distribution of losses, by adaptive quadrature over loss**asymmetry."""

    def integrand(power):
        loss = power ** (1 / asymmetry)
        return np.exp(-loss / cutoff) * pseudo_voigt(energy - loss, 0.0, fwhm, fraction)

    near = [max(energy + d, 0.0) ** asymmetry for d in (-2 * fwhm, -fwhm / 2, 0.0, fwhm / 2, 2 * fwhm)]
    end = (12 * cutoff) ** asymmetry
    points = sorted({point for point in near if 0 < point < end}) or None
    whole, _ = quad(integrand, 0, end, points=points, limit=200, epsabs=1e-9)
    return whole / (asymmetry * gamma(asymmetry) * cutoff**asymmetry)


@pytest.mark.parametrize(
    ("asymmetry", "cutoff", "sigma", "fraction", "error"),
    [
        (0.1, 4.0, 0.4, 0.3, 1e-4),
        (0.1, 4.0, 0.4, 1.0, 2e-4),
        (0.1, 4.0, 0.3, 0.0, 5e-4),
        (0.02, 3.0, 0.5, 0.3, 5e-5),
        (0.3, 4.0, 0.4, 0.3, 1e-3),
        (0.3, 5.0, 0.3, 0.0, 3e-3),
    ],
)
def test_graphitic_line_is_the_convolution(asymmetry, cutoff, sigma, fraction, error):
    x = np.concatenate([np.linspace(-3, 6, 31), np.linspace(7, 20, 8)])
    direct = np.array([convolved(energy, asymmetry, cutoff, 2 * sigma, fraction) for energy in x])
    drawn = graphitic(x, 1.0, 0.0, sigma, fraction, asymmetry, cutoff)
    np.testing.assert_allclose(drawn, direct, atol=error * direct.max())


def test_graphitic_line_without_asymmetry_is_a_pseudo_voigt():
    x = np.linspace(280, 290, 101)
    symmetric = stepped_pseudo_voigt(x, 2.0, 285.0, 0.5, 0.3, 0.04)
    np.testing.assert_array_equal(graphitic(x, 2.0, 285.0, 0.5, 0.3, 0.0, 4.0, 0.04), symmetric)


def test_graphitic_tail_reaches_to_higher_binding_energy():
    x = np.array([284.4 - 3, 284.4 + 3])
    low, high = graphitic(x, 1.0, 284.4, 0.4, 0.1)
    assert high > 3 * low


def test_symmetric_line_reads_hydrocarbon_high():
    # Measured poly(ethylene), poly(ethylene glycol), PDMS: 0.06-0.13 eV above the first member.
    x = np.linspace(282, 290, 161)
    data = hydrocarbon(x, 1000.0, 285.0, 0.42, 0.2)
    model = lmfit.models.PseudoVoigtModel()
    fit = model.fit(data, model.guess(data, x=x), x=x)
    assert 0.06 < fit.params["center"].value - 285.0 < 0.16


@pytest.fixture
def region_model():
    return RegionModel([SteppedPseudoVoigtModel(prefix="a_"), HydrocarbonModel(prefix="b_"), LinearModel(prefix="bg_")])


def test_region_model_pickles(region_model):
    again = pickle.loads(pickle.dumps(region_model))
    assert again.param_names == region_model.param_names
    assert again.independent_vars == ["x"]
    params = region_model.make_params(a_center=289, b_center=285, b_step=0.02, bg_slope=0, bg_intercept=3)
    x = np.linspace(280, 295, 50)
    np.testing.assert_array_equal(again.eval(params, x=x), region_model.eval(params, x=x))


def test_split_adds_up(region_model):
    params = region_model.make_params(
        a_center=289, a_step=0.03, b_center=285, b_step=0.02, bg_slope=0.1, bg_intercept=3
    )
    x = np.linspace(280, 295, 50)
    parts = [split(model, params, x) for model in region_model.components]
    np.testing.assert_allclose(sum(line + step for line, step in parts), region_model.eval(params, x=x))
    line, step = parts[0]
    np.testing.assert_allclose(line, pvoigt(x, 1.0, 289.0, params["a_sigma"].value, params["a_fraction"].value))
    assert step[-1] > 0.9 * 0.03
    assert not parts[2][1].any()  # the straight line has no step


@pytest.mark.parametrize("model", MODELS)
def test_guess_finds_one_line(model):
    x = np.linspace(280, 290, 101)
    truth = model()
    data = truth.eval(truth.make_params(amplitude=50, center=285.2, sigma=0.6, fraction=0.2), x=x)
    fit = truth.fit(data, model().guess(data, x=x), x=x)
    assert fit.params["center"].value == pytest.approx(285.2, abs=1e-3)
    assert fit.params["amplitude"].value == pytest.approx(50, rel=1e-3)
    assert fit.params["fwhm"].value == pytest.approx(1.2, rel=1e-3)


def by_differences(function, values, name, step=1e-3):
    """Fourth-order central difference of a curve by one of its parameters, each scaled to its size."""
    step *= abs(values[name]) if name not in ("center", "amplitude") else 1.0

    def at(steps):
        return function(**{**values, name: values[name] + steps * step})

    return (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * step)


@settings(deadline=None)
@given(
    model=st.sampled_from([model(prefix="a_") for model in MODELS]),
    amplitude=st.floats(0.5, 1e5),
    center=st.floats(275, 295),
    sigma=st.floats(0.25, 1.5),
    fraction=st.floats(0.01, 0.99),
    vibration=st.floats(0.01, 0.9),
    asymmetry=st.floats(0.01, 0.3),
    cutoff=st.floats(1.0, 8.0),
    step=st.floats(0.01, 0.2),
    loss=st.floats(10, 3000),
    loss_c=st.floats(300, 2000),
    loss_d=st.floats(100, 8000),
)
def test_partials_are_the_derivatives(model, **values):
    x = np.random.default_rng(3).permutation(np.linspace(280, 293, 90))
    values = {name: value for name, value in values.items() if f"a_{name}" in model.param_names}
    curve, partials = model.partials(x, **values)
    np.testing.assert_allclose(curve, model.func(x, **values), rtol=1e-9, atol=1e-12 * values["amplitude"])
    assert set(values) - set(partials) <= {"loss_c", "loss_d"}
    for name, derivative in partials.items():
        numeric = by_differences(lambda **these: model.func(x, **these), values, name)
        size = max(np.abs(numeric).max(), 1e-6 * np.abs(curve).max())
        np.testing.assert_allclose(derivative, numeric, atol=2e-6 * size, err_msg=name)


@pytest.mark.parametrize("model", MODELS)
def test_hints_hold_what_nobody_fits(model):
    params = model(prefix="a_").make_params()
    free = {name for name, parameter in params.items() if parameter.vary}
    assert free - {"a_asymmetry"} == {"a_amplitude", "a_center", "a_sigma", "a_fraction"}
    assert params["a_fwhm"].value == pytest.approx(2 * params["a_sigma"].value)
    assert all(parameter.min == 0 for name, parameter in params.items() if name.endswith(("step", "loss")))


@pytest.mark.parametrize("model", MODELS)
def test_models_pickle_and_are_strict_about_missing_counts(model):
    again = pickle.loads(pickle.dumps(model(prefix="a_")))
    assert again.param_names == model(prefix="a_").param_names
    x = np.linspace(280, 290, 30)
    data = np.where(x > 289.8, np.nan, pvoigt(x, 5.0, 285.0, 0.6, 0.3))
    with pytest.raises(ValueError, match="NaN"):
        again.fit(data, again.make_params(center=285.0), x=x)
    params = again.make_params(amplitude=4.0, center=285.1, sigma=0.7)
    if "a_asymmetry" in params:
        params["a_asymmetry"].set(0.0, vary=False)
    if "a_vibration" in params:
        params["a_vibration"].set(0.0)
    fit = model(prefix="a_", nan_policy="omit").fit(data, params, x=x)
    assert fit.params["a_amplitude"].value == pytest.approx(5.0, rel=1e-3)


@pytest.mark.data
def test_measured_platinum_has_the_asymmetry_of_the_literature(shared):
    # Pt 4f7/2 at 71.0-71.1 eV, singularity index 0.19 (S. Huefner, G. K. Wertheim, Phys. Rev. B 11 (1975) 678).
    region = read(shared / "real" / "Pt4f.vms")["Pt4f"].to_dataset()
    x, counts = (region[name].values.astype(float) for name in ("binding_energy", "counts"))
    fits = {}
    for kind in (SteppedPseudoVoigtModel, GraphiticModel):
        model = kind(prefix="a_") + kind(prefix="b_") + lmfit.models.ConstantModel(prefix="bg_")
        params = model.make_params(a_amplitude=counts.max(), a_center=71.2, a_sigma=0.5, bg_c=counts.min(), a_step=0.02)
        params["a_step"].set(vary=True)
        params["b_amplitude"].set(expr="0.75*a_amplitude")
        params["b_center"].set(expr="a_center+3.33")
        for name in {"sigma", "fraction", "step", "asymmetry"} & set(kind().param_names):
            params[f"b_{name}"].set(expr=f"a_{name}")
        fits[kind] = model.fit(counts, params, x=x, weights=1 / np.sqrt(counts))
    graphitic_fit = fits[GraphiticModel]
    assert graphitic_fit.redchi < fits[SteppedPseudoVoigtModel].redchi / 5
    assert 70.95 < graphitic_fit.params["a_center"].value < 71.15
    assert 0.15 < graphitic_fit.params["a_asymmetry"].value < 0.29
