from __future__ import annotations

import lmfit
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lmfit.models import ConstantModel, GaussianModel, LinearModel, PseudoVoigtModel

from xps_stn_plugin.models.compiled import CompiledModel
from xps_stn_plugin.models.shapes import (
    GraphiticModel,
    HydrocarbonModel,
    RegionModel,
    SteppedPseudoVoigtModel,
    TougaardPseudoVoigtModel,
)
from xps_stn_plugin.models.solver import Problem, solve_one

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
COMPILED = CompiledModel.compile(MODEL, PARAMS)
PROBLEM = Problem.of_one(COMPILED, X, COUNTS, WEIGHTS)


def residual(problem, v):
    return problem.residual_and_jacobian(v)[0]


def jacobian(problem, v):
    return problem.residual_and_jacobian(v)[1]


def differences(problem, v):
    """Jacobian by Richardson's extrapolation of central differences, and the scale of its error."""
    columns = []
    for i in range(v.size):
        size = 0.1 if problem.model.free[i].endswith("center") else max(abs(v[i]), 0.1)
        step = 1e-3 * size * np.eye(v.size)[i]
        rough, fine = (
            (residual(problem, v + s * step) - residual(problem, v - s * step)) / (2 * s * step[i]) for s in (1.0, 0.5)
        )
        columns.append((4 * fine - rough) / 3)
    return np.transpose(columns)


def test_free_parameters_starts_and_bounds_are_lmfits():
    free = [name for name, p in PARAMS.items() if p.vary and not p.expr]
    assert list(COMPILED.free) == free
    assert list(COMPILED.names) == list(PARAMS)
    np.testing.assert_array_equal(COMPILED.start, [PARAMS[name].value for name in free])
    np.testing.assert_array_equal(COMPILED.low, [PARAMS[name].min for name in free])
    np.testing.assert_array_equal(COMPILED.high, [PARAMS[name].max for name in free])
    assert COMPILED.named(COMPILED.start) == pytest.approx({name: p.value for name, p in PARAMS.items()})


@settings(max_examples=25)
@given(st.integers(0, 10**6))
def test_residual_and_jacobian(number):
    random = np.random.default_rng(number)
    start = COMPILED.start
    v = np.clip(start * random.uniform(0.7, 1.3, start.size), COMPILED.low, COMPILED.high)
    for i, name in enumerate(COMPILED.free):
        if name.endswith("center"):
            v[i] = start[i] + random.normal(0, 0.3)
    params = PARAMS.copy()
    for name, value in zip(COMPILED.free, v, strict=True):
        params[name].value = value
    params.update_constraints()
    plain = (COUNTS - MODEL.eval(params, x=X)) * WEIGHTS
    np.testing.assert_allclose(residual(PROBLEM, v), plain, rtol=1e-9, atol=1e-9 * np.abs(plain).max())
    expected = differences(PROBLEM, v)
    error = np.abs(jacobian(PROBLEM, v) - expected).max(axis=0)
    # The user's Gaussian is differentiated numerically.
    allowed = [1e-5 if name.startswith("g_") else 1e-7 for name in COMPILED.free]
    assert np.all(error <= allowed * np.abs(expected).max(axis=0)), dict(zip(COMPILED.free, error, strict=True))


@pytest.mark.parametrize("component", [PseudoVoigtModel(), LinearModel(), ConstantModel(), GaussianModel()])
def test_lmfits_own_models(component):
    params = component.make_params(
        amplitude=3.0, center=287.0, sigma=0.6, fraction=0.3, slope=2.0, intercept=1.0, c=4.0
    )
    model = CompiledModel.compile(component, params)
    problem = Problem.of_one(model, X, np.ones(X.size))
    np.testing.assert_allclose(model.curve(X, model.start), component.eval(params, x=X), rtol=1e-12)
    expected = differences(problem, model.start)
    np.testing.assert_allclose(jacobian(problem, model.start), expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def test_a_subclass_of_a_known_model_is_taken_as_it_is():
    class Doubled(ConstantModel):
        def eval(self, params=None, **kwargs):
            return 2 * super().eval(params, **kwargs)

    component = Doubled()
    model = CompiledModel.compile(component, component.make_params(c=3.0))
    np.testing.assert_allclose(model.curve(X, model.start), 6.0)
    np.testing.assert_allclose(model.evaluate(X[None], model.start[None])[1], 2.0, rtol=1e-6)


def test_solve_finds_what_lmfit_finds():
    plain = MODEL.fit(
        COUNTS,
        PARAMS,
        x=X,
        weights=WEIGHTS,
        method="least_squares",
        fit_kws={"x_scale": "jac", "ftol": 1e-10, "xtol": 1e-10},
    )
    fit = solve_one(PROBLEM)
    assert fit.converged.all()
    chisqr = float(fit.normal.chisqr[0])
    assert chisqr == pytest.approx(plain.chisqr, rel=1e-6)
    assert chisqr == pytest.approx(np.sum(residual(PROBLEM, fit.v[0]) ** 2))
    for name, value in zip(COMPILED.free, fit.v[0], strict=True):
        assert value == pytest.approx(plain.params[name].value, abs=0.02 * plain.params[name].stderr)
    again = solve_one(PROBLEM, fit.v[0])
    assert again.nfev < fit.nfev
    assert again.normal.chisqr <= chisqr * (1 + 1e-9)


def test_solve_is_capped():
    fit = solve_one(PROBLEM, max_nfev=2)
    assert not fit.converged.any()
    assert fit.nfev == 2


def test_bounds_zero_amplitudes_and_singular_jacobians_are_survived():
    model, params, y, weights = region()
    params["c_amplitude"].set(value=0.0)  # its centre and shape move nothing
    params["g_sigma"].set(value=0.8, min=0.8)
    params["g_center"].set(value=300.0)  # outside
    params["bg_slope"].set(value=0.0)
    params.add("idle", value=1.0)
    compiled = CompiledModel.compile(model, params)
    problem = Problem.of_one(compiled, X, y, weights)
    assert np.linalg.matrix_rank(jacobian(problem, compiled.start)) < len(compiled.free)
    fit = solve_one(problem)
    v = fit.v[0]
    assert np.isfinite(v).all()
    assert np.all((v >= compiled.low) & (v <= compiled.high))
    assert fit.normal.chisqr < np.sum(residual(problem, compiled.start) ** 2)


def test_a_start_beyond_the_bounds_is_moved_to_them():
    v = COMPILED.start.copy()
    v[COMPILED.free.index("b_ratio")] = -3.0
    assert solve_one(PROBLEM, v).converged.all()


def test_several_spectra_are_evaluated_as_each_by_itself():
    random = np.random.default_rng(7)
    v = np.clip(COMPILED.start * random.uniform(0.9, 1.1, (5, COMPILED.start.size)), COMPILED.low, COMPILED.high)
    x = X + random.normal(0, 0.1, (5, 1))
    curves, slopes = COMPILED.evaluate(x, v)
    for i in range(5):
        curve, slope = COMPILED.evaluate(x[i : i + 1], v[i : i + 1])
        np.testing.assert_allclose(curves[i], curve[0], rtol=1e-12)
        np.testing.assert_allclose(slopes[i], slope[0], rtol=1e-10, atol=1e-10 * np.abs(slope).max())
        np.testing.assert_allclose(COMPILED.values(v)[i], list(COMPILED.named(v[i]).values()), rtol=1e-12)
    np.testing.assert_allclose(COMPILED.slopes(v)[2], COMPILED.slopes(v[2:3])[0], rtol=1e-12)


def test_without_a_component():
    model = COMPILED.without({"c_"})
    problem = Problem.of_one(model, X, COUNTS, WEIGHTS)
    assert set(COMPILED.free) - set(model.free) == {"c_amplitude", "c_center", "c_fraction"}
    values = {**COMPILED.named(COMPILED.start), "c_amplitude": 0.0, "c_height": 0.0}
    assert model.named(model.start) == pytest.approx(values)
    np.testing.assert_allclose(
        model.curve(X, model.start),
        COMPILED.curve(X, COMPILED.start) - MODEL.components[2].eval(PARAMS, x=X),
        rtol=1e-9,
    )
    assert jacobian(problem, model.start).shape == (X.size, len(model.free))
    assert solve_one(problem).normal.chisqr > solve_one(PROBLEM).normal.chisqr


def test_without_the_component_that_others_are_tied_to():
    model = COMPILED.without({"a_"})
    # b goes with the amplitude that it is tied to; the width lives on in c.
    assert not {"a_amplitude", "a_center", "a_fraction", "a_step", "b_ratio", "b_center"} & set(model.free)
    assert "a_sigma" in model.free
    assert [component.prefix for component in model.components] == ["c_", "g_", "bg_"]


def test_without_a_tied_amplitude():
    model = COMPILED.without({"b_"})
    assert model.named(model.start)["b_amplitude"] == 0.0
    assert set(COMPILED.free) - set(model.free) == {"b_ratio", "b_center"}


def test_what_is_not_a_sum_is_not_compiled():
    one, two = GaussianModel(prefix="g_"), ConstantModel(prefix="c_")
    params = (one * two).make_params(g_amplitude=1, g_center=285, g_sigma=1, c_c=1)
    for model in (one * two, one - two, one + one.__class__(prefix="h_") / two):
        assert CompiledModel.compile(model, model.make_params(**dict.fromkeys(model.param_names, 1.0))) is None
    assert CompiledModel.compile(one + two, params) is not None
    assert CompiledModel.compile(GaussianModel(nan_policy="omit"), params) is None
    other = lmfit.Model(lambda energy, height: height * energy)
    assert CompiledModel.compile(other, other.make_params(height=1.0)) is None
    for parameter in params.values():
        parameter.vary = False
    assert CompiledModel.compile(one + two, params) is None


def test_parameters_are_left_as_they_were():
    before = PARAMS.dumps()
    solve_one(Problem.of_one(CompiledModel.compile(MODEL, PARAMS), X, COUNTS, WEIGHTS))
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
    compiled = CompiledModel.compile(model, params)
    problem, start = Problem.of_one(compiled, X, np.zeros(X.size)), compiled.start
    np.testing.assert_allclose(compiled.curve(X, start), model.eval(params, x=X), rtol=1e-10)
    expected = differences(problem, start)
    error = np.abs(jacobian(problem, start) - expected).max(axis=0)
    assert np.all(error <= 1e-6 * np.abs(expected).max(axis=0)), dict(zip(compiled.free, error, strict=True))


def test_components_without_prefix():
    model = lmfit.models.GaussianModel() + ConstantModel()
    params = model.make_params(amplitude=3.0, center=287.0, sigma=0.6, c=1.0)
    compiled = CompiledModel.compile(model, params)
    np.testing.assert_allclose(compiled.curve(X, compiled.start), model.eval(params, x=X))
    assert compiled.free == ("amplitude", "center", "sigma", "c")
    np.testing.assert_allclose(compiled.evaluate(X[None], compiled.start[None])[1][0, 3], 1.0)
