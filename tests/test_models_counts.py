from __future__ import annotations

import numpy as np
import pytest
from lmfit.models import LinearModel

from xps_prefit_hooks import Seed, SeedComponent
from xps_stn_plugin.core.spectrum import region_dataset
from xps_stn_plugin.fitting import fit_seed
from xps_stn_plugin.models.compiled import CompiledModel
from xps_stn_plugin.models.counts import LEAST_COUNTS, poisson_sigma, sigma_before_fit, solve_counts
from xps_stn_plugin.models.shapes import RegionModel, SteppedPseudoVoigtModel, stepped_pseudo_voigt
from xps_stn_plugin.models.solver import Problem
from xps_stn_plugin.stacks.fit import fit_rows

X = np.arange(280.0, 295.0, 0.1)


def two_lines() -> Seed:
    """Two lines of one width on a straight background."""
    model = RegionModel([*(SteppedPseudoVoigtModel(prefix=p) for p in ("a_", "b_")), LinearModel(prefix="bg_")])
    params = model.make_params(bg_slope=0.0, bg_intercept=2.0)
    for letter, center in (("a", 285.0), ("b", 287.5)):
        params[f"{letter}_center"].set(center, min=center - 0.4, max=center + 0.4)
        params[f"{letter}_sigma"].set(0.6, min=0.3, max=1.0)
        params[f"{letter}_fraction"].set(0.2, vary=False)
        params[f"{letter}_amplitude"].set(50.0)
    params["b_sigma"].set(expr="a_sigma")
    return Seed("C1s", model, params, (SeedComponent("a_", "C1s a"), SeedComponent("b_", "C1s b")), "linear")


def truth(total, background):
    lines = ((0.7, 285.0), (0.3, 287.5))
    return sum(stepped_pseudo_voigt(X, share * total, center, 0.6, 0.2) for share, center in lines) + background


@pytest.mark.parametrize("total", [60.0, 180.0])
@pytest.mark.parametrize("background", [0.3, 2.0])
def test_areas_of_few_counts_are_unbiased(total, background):
    rows = np.random.default_rng(5).poisson(truth(total, background), (40, X.size)).astype(float)
    fits = fit_rows(two_lines(), X, rows)
    areas = fits.column("a_amplitude") + fits.column("b_amplitude")
    assert abs(areas.mean() - total) < 2.5 * areas.std() / np.sqrt(40)
    # With weights of the data they are 9 % and 3 % low.
    assert areas.mean() == pytest.approx(total, rel=0.02)


def test_one_spectrum_is_fitted_as_a_stack_of_one():
    counts = np.random.default_rng(2).poisson(truth(60.0, 2.0)).astype(float)
    seed = two_lines()
    single = fit_seed(seed, region_dataset("made", X, counts, region="C1s", intensity="counts"))
    rows = fit_rows(seed, X, counts[None])
    for name in ("a_amplitude", "b_center", "a_sigma"):
        assert rows.column(name)[0] == pytest.approx(single.params[name].value, rel=1e-3)


def test_weights_of_the_fit_lead_to_the_maximum_of_the_likelihood():
    seed = two_lines()
    model = CompiledModel.compile(seed.model, seed.params)
    counts = np.random.default_rng(1).poisson(truth(180.0, 3.0)).astype(float)
    problem = Problem.of_one(model, X, counts, 1.0 / sigma_before_fit(counts, 1.0))
    _, solved = solve_counts(problem, np.ones((1, X.size)), model.start[None], 2000)
    assert solved.converged[0]

    def likelihood(v):
        expected = np.maximum(model.curve(X, v), 1e-3)
        return float(np.sum(counts * np.log(expected) - expected))

    best, errors = solved.v[0], np.sqrt(np.diag(np.linalg.inv(solved.normal.square[0])))
    for i, error in enumerate(errors):
        step = np.zeros(errors.size)
        step[i] = 0.5 * error
        assert likelihood(best) > max(likelihood(best + step), likelihood(best - step)), model.free[i]


def test_count_sizes_scale_the_weights_alone():
    counts = np.random.default_rng(3).poisson(truth(180.0, 3.0)).astype(float)
    plain, tenfold = (fit_rows(two_lines(), X, size * counts[None]) for size in (1.0, 10.0))
    assert tenfold.column("a_amplitude") == pytest.approx(10.0 * plain.column("a_amplitude"), rel=1e-3)
    assert tenfold.redchi == pytest.approx(plain.redchi, rel=1e-3)


def test_no_channel_has_a_weight_beyond_all_others():
    assert poisson_sigma(np.array([-5.0, 0.0, 4.0]), 2.0).tolist() == [
        2 * LEAST_COUNTS**0.5,
        2 * LEAST_COUNTS**0.5,
        2 * 2**0.5,
    ]
    assert sigma_before_fit(np.zeros(9), 3.0).tolist() == [3.0] * 9
