from __future__ import annotations

import lmfit
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lmfit.models import ConstantModel, GaussianModel, LinearModel, PseudoVoigtModel

from xps_stn_plugin.models.plan import FitPlan
from xps_stn_plugin.models.shapes import (
    GraphiticModel,
    HydrocarbonModel,
    RegionModel,
    SteppedPseudoVoigtModel,
    TougaardPseudoVoigtModel,
)

X = np.linspace(282, 294, 97)


def region(seed=1, counts=1e4):
    """Hydrocarbon, stepped line tied to it, lmfit's pseudo-Voigt, a user's Gaussian and a straight line."""
    model = RegionModel(
        [
            HydrocarbonModel(prefix="a_"),
            SteppedPseudoVoigtModel(prefix="b_"),
            PseudoVoigtModel(prefix="c_"),
            GaussianModel(prefix="g_"),
            LinearModel(prefix="bg_"),
        ]
    )
    params = model.make_params()
    starts = {"a_amplitude": 1.0, "a_center": 285.0, "a_sigma": 0.5, "a_fraction": 0.3, "a_vibration": 0.4}
    starts |= {"b_center": 286.6, "c_amplitude": 0.5, "c_center": 289.0, "c_fraction": 0.4}
    starts |= {"g_amplitude": 0.2, "g_center": 291.5, "g_sigma": 0.8, "bg_slope": 1e-3, "bg_intercept": -0.2}
    for name, value in starts.items():
        params[name].set(value=counts * value if name.endswith(("amplitude", "slope", "intercept")) else value)
    params["a_step"].set(value=0.02, vary=True)
    params.add("b_ratio", value=0.6, min=0.1, max=2)
    ties = {"b_amplitude": "b_ratio*a_amplitude", "b_sigma": "a_sigma", "b_fraction": "a_fraction", "b_step": "a_step"}
    for name, tie in {**ties, "c_sigma": "1.2*b_sigma"}.items():
        params[name].set(expr=tie)
    y = np.random.default_rng(seed).poisson(model.eval(params, x=X)).astype(float)
    return model, params, y, 1 / np.sqrt(np.maximum(y, 1))


MODEL, PARAMS, COUNTS, WEIGHTS = region()
PLAN = FitPlan.compile(MODEL, PARAMS, X, COUNTS, WEIGHTS)


def differences(plan, v):
    """Jacobian by Richardson's extrapolation of central differences, and the scale of its error."""
    columns = []
    for i in range(v.size):
        size = 0.1 if plan.names[i].endswith("center") else max(abs(v[i]), 0.1)
        step = 1e-3 * size * np.eye(v.size)[i]
        rough, fine = (
            (plan.residual(v + s * step) - plan.residual(v - s * step)) / (2 * s * step[i]) for s in (1.0, 0.5)
        )
        columns.append((4 * fine - rough) / 3)
    return np.transpose(columns)


def test_free_parameters_starts_and_bounds_are_lmfits():
    free = [name for name, p in PARAMS.items() if p.vary and not p.expr]
    assert list(PLAN.names) == free
    np.testing.assert_array_equal(PLAN.start, [PARAMS[name].value for name in free])
    np.testing.assert_array_equal(PLAN.bounds, [[getattr(PARAMS[n], side) for n in free] for side in ("min", "max")])
    assert PLAN.values(PLAN.start) == pytest.approx({name: p.value for name, p in PARAMS.items()})


@settings(max_examples=25)
@given(st.integers(0, 10**6))
def test_residual_and_jacobian(number):
    random = np.random.default_rng(number)
    v = np.clip(PLAN.start * random.uniform(0.7, 1.3, PLAN.start.size), *PLAN.bounds)
    for i, name in enumerate(PLAN.names):
        if name.endswith("center"):
            v[i] = PLAN.start[i] + random.normal(0, 0.3)
    params = PARAMS.copy()
    for name, value in zip(PLAN.names, v, strict=True):
        params[name].value = value
    params.update_constraints()
    plain = (COUNTS - MODEL.eval(params, x=X)) * WEIGHTS
    np.testing.assert_allclose(PLAN.residual(v), plain, rtol=1e-9, atol=1e-9 * np.abs(plain).max())
    expected = differences(PLAN, v)
    error = np.abs(PLAN.jacobian(v) - expected).max(axis=0)
    # The user's Gaussian is differentiated numerically.
    allowed = [1e-5 if name.startswith("g_") else 1e-7 for name in PLAN.names]
    assert np.all(error <= allowed * np.abs(expected).max(axis=0)), dict(zip(PLAN.names, error, strict=True))


@pytest.mark.parametrize("component", [PseudoVoigtModel(), LinearModel(), ConstantModel(), GaussianModel()])
def test_lmfits_own_models(component):
    params = component.make_params(
        amplitude=3.0, center=287.0, sigma=0.6, fraction=0.3, slope=2.0, intercept=1.0, c=4.0
    )
    plan = FitPlan.compile(component, params, X, np.ones(X.size))
    np.testing.assert_allclose(plan.curve(plan.start), component.eval(params, x=X), rtol=1e-12)
    expected = differences(plan, plan.start)
    np.testing.assert_allclose(plan.jacobian(plan.start), expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def test_a_subclass_of_a_known_model_is_taken_as_it_is():
    class Doubled(ConstantModel):
        def eval(self, params=None, **kwargs):
            return 2 * super().eval(params, **kwargs)

    component = Doubled()
    plan = FitPlan.compile(component, component.make_params(c=3.0), X, np.zeros(X.size))
    np.testing.assert_allclose(plan.curve(plan.start), 6.0)
    np.testing.assert_allclose(plan.jacobian(plan.start), -2.0, rtol=1e-6)


def test_solve_finds_what_lmfit_finds():
    plain = MODEL.fit(
        COUNTS,
        PARAMS,
        x=X,
        weights=WEIGHTS,
        method="least_squares",
        fit_kws={"x_scale": "jac", "ftol": 1e-10, "xtol": 1e-10},
    )
    fit = PLAN.solve()
    assert fit.success
    assert fit.chisqr == pytest.approx(plain.chisqr, rel=1e-6)
    assert fit.chisqr == pytest.approx(np.sum(PLAN.residual(fit.x) ** 2))
    for name, value in zip(PLAN.names, fit.x, strict=True):
        assert value == pytest.approx(plain.params[name].value, abs=0.02 * plain.params[name].stderr)
    again = PLAN.solve(start=PLAN.values(fit.x))
    assert again.nfev < fit.nfev
    assert again.chisqr <= fit.chisqr * (1 + 1e-9)


def test_solve_is_capped():
    fit = PLAN.solve(max_nfev=2)
    assert not fit.success
    assert fit.nfev == 2


def test_bounds_zero_amplitudes_and_singular_jacobians_are_survived():
    model, params, y, weights = region()
    params["c_amplitude"].set(value=0.0)  # its centre and shape move nothing
    params["g_sigma"].set(value=0.8, min=0.8)
    params["g_center"].set(value=300.0)  # outside
    params["bg_slope"].set(value=0.0)
    params.add("idle", value=1.0)
    plan = FitPlan.compile(model, params, X, y, weights)
    assert np.linalg.matrix_rank(plan.jacobian(plan.start)) < len(plan.names)
    fit = plan.solve()
    assert np.isfinite(fit.x).all()
    assert np.all((fit.x >= plan.low) & (fit.x <= plan.high))
    assert fit.chisqr < np.sum(plan.residual(plan.start) ** 2)


def test_a_start_beyond_the_bounds_is_moved_to_them():
    low = PLAN.names.index("b_ratio")
    v = PLAN.start.copy()
    v[low] = -3.0
    assert PLAN.solve(start=v).success


def test_without_a_component():
    plan = PLAN.without({"c_"})
    assert set(PLAN.names) - set(plan.names) == {"c_amplitude", "c_center", "c_fraction"}
    values = {**PLAN.values(PLAN.start), "c_amplitude": 0.0, "c_height": 0.0}
    assert plan.values(plan.start) == pytest.approx(values)
    np.testing.assert_allclose(
        plan.curve(plan.start), PLAN.curve(PLAN.start) - MODEL.components[2].eval(PARAMS, x=X), rtol=1e-9
    )
    assert plan.jacobian(plan.start).shape == (X.size, len(plan.names))
    assert plan.solve(start=PLAN.values(PLAN.start)).chisqr > PLAN.solve().chisqr


def test_without_the_component_that_others_are_tied_to():
    plan = PLAN.without({"a_"})
    # b goes with the amplitude that it is tied to; the width lives on in c.
    assert not {"a_amplitude", "a_center", "a_fraction", "a_step", "b_ratio", "b_center"} & set(plan.names)
    assert "a_sigma" in plan.names
    assert [part.prefix for part in plan.parts] == ["c_", "g_", "bg_"]


def test_without_a_tied_amplitude():
    plan = PLAN.without({"b_"})
    assert plan.values(plan.start)["b_amplitude"] == 0.0
    assert set(PLAN.names) - set(plan.names) == {"b_ratio", "b_center"}


def test_what_is_no_sum_is_not_planned():
    one, two = GaussianModel(prefix="g_"), ConstantModel(prefix="c_")
    params = (one * two).make_params(g_amplitude=1, g_center=285, g_sigma=1, c_c=1)
    for model in (one * two, one - two, one + one.__class__(prefix="h_") / two):
        assert FitPlan.compile(model, model.make_params(**dict.fromkeys(model.param_names, 1.0)), X, COUNTS) is None
    assert FitPlan.compile(one + two, params, X, COUNTS) is not None
    assert FitPlan.compile(one + two, params, X, COUNTS.astype(complex)) is None
    assert FitPlan.compile(GaussianModel(nan_policy="omit"), params, X, COUNTS) is None
    other = lmfit.Model(lambda energy, height: height * energy)
    assert FitPlan.compile(other, other.make_params(height=1.0), X, COUNTS) is None
    for parameter in params.values():
        parameter.vary = False
    assert FitPlan.compile(one + two, params, X, COUNTS) is None


def test_parameters_are_left_as_they_were():
    before = PARAMS.dumps()
    FitPlan.compile(MODEL, PARAMS, X, COUNTS, WEIGHTS).solve()
    assert PARAMS.dumps() == before


@pytest.mark.parametrize("step", [0.0, 0.03])
def test_lines_that_are_evaluated_together(step):
    lines = [HydrocarbonModel(prefix="a_"), GraphiticModel(prefix="b_"), SteppedPseudoVoigtModel(prefix="c_")]
    model = RegionModel([*lines, TougaardPseudoVoigtModel(prefix="d_")])
    params = model.make_params()
    for prefix, center in zip("abcd", (285.0, 284.3, 288.0, 290.0), strict=True):
        params[f"{prefix}_amplitude"].set(value=2.0)
        params[f"{prefix}_center"].set(value=center)
    for name in ("a_vibration", "b_asymmetry", "b_cutoff", "d_loss"):
        params[name].set(vary=True)
    params["d_loss"].set(value=5.0)
    for prefix in "abc":
        params[f"{prefix}_step"].set(value=step, vary=step > 0)
    plan = FitPlan.compile(model, params, X, np.zeros(X.size))
    np.testing.assert_allclose(plan.curve(plan.start), model.eval(params, x=X), rtol=1e-10)
    expected = differences(plan, plan.start)
    error = np.abs(plan.jacobian(plan.start) - expected).max(axis=0)
    assert np.all(error <= 1e-6 * np.abs(expected).max(axis=0)), dict(zip(plan.names, error, strict=True))


def test_components_without_prefix():
    model = lmfit.models.GaussianModel() + ConstantModel()
    params = model.make_params(amplitude=3.0, center=287.0, sigma=0.6, c=1.0)
    plan = FitPlan.compile(model, params, X, np.zeros(X.size))
    np.testing.assert_allclose(plan.curve(plan.start), model.eval(params, x=X))
    assert plan.names == ("amplitude", "center", "sigma", "c")
    np.testing.assert_allclose(plan.jacobian(plan.start)[:, 3], -1.0)
