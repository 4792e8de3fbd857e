from __future__ import annotations

import copy
import pickle

import lmfit
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lmfit.models import LinearModel
from seeded import counted, pmma, seeded

from xps_stn_plugin.models.compiled import CompiledModel
from xps_stn_plugin.models.solver import Problem
from xps_stn_plugin.seeding.prior import expect, expectations, optimum

X = np.linspace(-1, 1, 41)


def straight(data, sigma, weights=None):
    model = LinearModel(prefix="bg_")
    params = model.make_params(slope=0.0, intercept=0.0)
    weights = np.full(X.size, 1 / sigma) if weights is None else weights
    return Problem.of_one(CompiledModel.compile(model, params), X, data, weights)


def posterior(data, sigma, expected):
    """Mean and covariance of slope and intercept by conjugacy: precisions add."""
    design = np.stack([X, np.ones_like(X)], axis=1)
    precision = design.T @ design / sigma**2
    target = design.T @ data / sigma**2
    for i, name in enumerate(("bg_slope", "bg_intercept")):
        if name in expected:
            mean, deviation = expected[name]
            precision[i, i] += deviation**-2
            target[i] += mean / deviation**2
    covariance = np.linalg.inv(precision)
    return covariance @ target, covariance


@given(
    seed=st.integers(0, 10**6),
    sigma=st.floats(0.3, 3.0),
    slope=st.tuples(st.floats(-5, 5), st.floats(0.1, 5.0)),
    intercept=st.tuples(st.floats(-5, 5), st.floats(0.1, 5.0)),
    names=st.sets(st.sampled_from(["bg_slope", "bg_intercept"])),
)
def test_a_straight_line_with_normal_expectations_has_its_posterior(seed, sigma, slope, intercept, names):
    # Data that scatter by less than their noise: the scale stays 1 unless an expectation is far off.
    data = 2.0 * X + 1.0 + np.random.default_rng(seed).normal(0, 0.5 * sigma, X.size)
    every = {"bg_slope": slope, "bg_intercept": intercept}
    expected = {name: every[name] for name in names}
    problem = straight(data, sigma)
    best = optimum(problem, expected, max_nfev=200)
    mean, covariance = posterior(data, sigma * np.sqrt(best.scale), expected)
    found = problem.model.named(best.vector)
    deviations = np.sqrt(np.diag(covariance))
    for i, name in enumerate(("bg_slope", "bg_intercept")):
        assert found[name] == pytest.approx(mean[i], abs=0.01 * deviations[i])
    order = {"bg_slope": 0, "bg_intercept": 1}
    assert set(best.errors) == names
    for name in names:
        assert best.errors[name] == pytest.approx(deviations[order[name]], rel=1e-3)
    deviates = [(found[name] - expected[name][0]) / expected[name][1] for name in names]
    assert best.penalty == pytest.approx(sum(d**2 for d in deviates), abs=1e-6)
    assert best.chisqr == pytest.approx(np.sum(((data - found["bg_slope"] * X - found["bg_intercept"]) / sigma) ** 2))


@pytest.mark.parametrize("worse", [1.0, 3.0, 10.0])
def test_data_say_less_where_they_are_described_worse_than_their_noise_allows(worse):
    """Weights that are too large by a factor: the result is that of the true noise, the scale the factor's square."""
    data = 2.0 * X + 1.0 + np.random.default_rng(2).normal(0, 1.0, X.size)
    expected = {"bg_slope": (0.0, 0.2)}
    problem = straight(data, 1.0 / worse)
    best = optimum(problem, expected, max_nfev=200)
    misfit = best.chisqr / (X.size - 2)
    # A fit whose scale is within 30 % is not repeated.
    assert misfit / 1.3 <= best.scale <= 1.3 * misfit
    mean, covariance = posterior(data, np.sqrt(best.scale) / worse, expected)
    assert problem.model.named(best.vector)["bg_slope"] == pytest.approx(mean[0], abs=0.01 * np.sqrt(covariance[0, 0]))
    assert best.errors["bg_slope"] == pytest.approx(np.sqrt(covariance[0, 0]), rel=1e-3)


def test_data_better_than_their_noise_are_not_believed_more():
    data = 2.0 * X + 1.0
    assert optimum(straight(data, 1.0), {}, max_nfev=200).scale == 1.0


def test_expectations_of_fixed_and_of_unknown_parameters_are_left_out():
    best = optimum(straight(2.0 * X, 1.0), {"elsewhere": (3.0, 1e-6)}, max_nfev=200)
    assert best.penalty == 0.0
    assert best.errors == {}


def test_a_start_beyond_the_bounds_is_set_to_them():
    model = LinearModel(prefix="bg_")
    params = model.make_params(slope={"value": 1.0, "min": 0.0, "max": 3.0}, intercept=0.0)
    problem = Problem.of_one(CompiledModel.compile(model, params), X, 2.0 * X)
    best = optimum(problem, {}, start={"bg_slope": 50.0, "bg_intercept": 0.0}, max_nfev=200)
    assert problem.model.named(best.vector)["bg_slope"] == pytest.approx(2.0, abs=1e-3)


@pytest.mark.parametrize(
    "travel",
    [
        copy.deepcopy,
        copy.copy,
        lambda params: pickle.loads(pickle.dumps(params)),
        lambda params: lmfit.Parameters().loads(params.dumps()),
    ],
    ids=["deepcopy", "copy", "pickle", "json"],
)
def test_expectations_travel_with_the_parameters(travel):
    seed = seeded(counted(3000 * pmma() + 200, 1), "alkane", "ester (aliphatic)")
    before = expectations(seed.params)
    assert {"alkyl_center", "ester_center", "ester_alkoxy_ratio", "alkyl_fraction"} <= set(before)
    after = expectations(travel(seed.params))
    assert set(after) == set(before)
    for name, (mean, deviation) in after.items():
        assert (mean, deviation) == pytest.approx(before[name])


def test_expectations_are_in_the_parameter_s_own_units_and_only_where_noted():
    params = lmfit.Parameters()
    params.add("a", value=1.0)
    params.add("b", value=1.0)
    expect(params["a"], np.float64(285.0), np.float64(0.1))
    assert expectations(params) == {"a": (285.0, 0.1)}
