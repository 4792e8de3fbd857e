from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from lmfit.models import ConstantModel
from scipy.stats import t
from test_fitting_standard_errors import data, lines, seeded

from xps_stn_plugin.fitting import complete_errors, confidence_intervals, fit_seed


def by_sigma(found, component, quantity):
    return {
        interval.sigma: (interval.low, interval.high)
        for interval in found.intervals
        if (interval.component, interval.quantity) == (component, quantity)
    }


def test_area_of_a_linear_model_has_student_s_interval():
    seed = seeded(285.0)
    seed.params["a_center"].set(vary=False)
    seed.params["a_sigma"].set(vary=False)
    fit = fit_seed(seed, data(lines(285.0)))
    found = confidence_intervals(seed, fit)
    area, error = fit.params["a_amplitude"].value, fit.params["a_amplitude"].stderr
    for sigma, share in ((1, 0.682689), (2, 0.954500)):
        half = error * t.ppf(0.5 + share / 2, fit.nfree)
        assert by_sigma(found, "C1s A", "area")[sigma] == pytest.approx((area - half, area + half), abs=0.01 * error)
    assert found.notes == ("No confidence interval of the position of C1s A: it is fixed.",)


def test_agrees_with_lmfit_on_its_own_path():
    seed = seeded(285.0, 286.2)
    fit = fit_seed(seed, data(lines(285.0, 286.2, area=500.0)))
    before = {name: (p.value, p.stderr) for name, p in fit.params.items()}
    found = confidence_intervals(seed, fit)
    assert {name: (p.value, p.stderr) for name, p in fit.params.items()} == before
    plain = fit.conf_interval(p_names=["b_amplitude"], sigmas=[1, 2])["b_amplitude"]
    limits = [value for _, value in plain]
    error = fit.params["b_amplitude"].stderr
    ours = by_sigma(found, "C1s B", "area")
    np.testing.assert_allclose(
        [ours[2][0], ours[1][0], ours[1][1], ours[2][1]], np.delete(limits, 2), atol=0.02 * error
    )
    # lmfit alone finds positions to 0.014 eV only.
    center, error = fit.params["a_center"].value, fit.params["a_center"].stderr
    low, high = by_sigma(found, "C1s A", "center")[1]
    assert center - low == pytest.approx(error, rel=0.1)
    assert high - center == pytest.approx(error, rel=0.1)


def test_a_ratio_of_its_own_makes_way_and_a_hard_tie_follows():
    counts = data(lines(285.0, 288.0))
    free = seeded(285.0, 288.0)
    expected = by_sigma(confidence_intervals(free, fit_seed(free, counts)), "C1s B", "area")
    soft = seeded(285.0, 288.0)
    soft.params.add("b_ratio", value=0.9, min=0.5, max=1.5)
    soft.params["b_amplitude"].set(expr="b_ratio*a_amplitude")
    found = by_sigma(confidence_intervals(soft, fit_seed(soft, counts)), "C1s B", "area")
    width = expected[1][1] - expected[1][0]
    assert found[1] == pytest.approx(expected[1], abs=0.02 * width)
    hard = seeded(285.0, 288.0)
    hard.params["b_amplitude"].set(expr="1.0*a_amplitude")
    found = confidence_intervals(hard, fit_seed(hard, counts))
    assert by_sigma(found, "C1s B", "area")[1] == pytest.approx(by_sigma(found, "C1s A", "area")[1])
    assert by_sigma(found, "C1s B", "area")[1][1] - by_sigma(found, "C1s B", "area")[1][0] < 0.8 * width


def test_both_lines_of_a_doublet():
    seed = seeded(285.0, 286.2)
    seed.params["b_amplitude"].set(expr="0.5*a_amplitude")
    seed.params["b_center"].set(expr="a_center+1.2", min=-np.inf, max=np.inf)
    seed = replace(seed, components=tuple(replace(part, name="C1s A") for part in seed.components))
    fit = fit_seed(seed, data(lines(285.0) + 0.5 * (lines(286.2) - 100)))
    found = confidence_intervals(seed, fit, sigmas=(1,))
    ((low, high),) = by_sigma(found, "C1s A", "area").values()
    assert (low + high) / 2 == pytest.approx(1.5 * fit.params["a_amplitude"].value, rel=1e-2)
    assert len(found.intervals) == 2


def test_an_area_near_zero_has_no_lower_limit():
    seed = seeded(285.0, 289.0)
    seed.params["b_center"].set(vary=False)
    fit = fit_seed(seed, data(lines(285.0) + (lines(289.0, area=16.0) - 100), seed=1))
    complete_errors(seed, fit)
    found = confidence_intervals(seed, fit)
    low, high = by_sigma(found, "C1s B", "area")[2]
    assert np.isnan(low)
    assert high > fit.params["b_amplitude"].value
    assert "At 2 sigma, the lower limit to the area of C1s B lies beyond its range." in found.notes


def test_what_cannot_be_told_apart_is_a_sentence():
    seed = seeded(285.0, 285.0, 289.0)
    for letter in "ab":
        seed.params[f"{letter}_center"].set(value=285.0, vary=False)
    fit = fit_seed(seed, data(lines(285.0, 289.0)))
    for name in fit.params:
        fit.params[name].stderr = None
    found = confidence_intervals(seed, fit)
    assert "No confidence interval of the area of C1s A: it has no standard error to start from." in found.notes
    assert by_sigma(found, "C1s C", "center")


def test_without_success_there_are_none():
    seed = seeded(285.0, 286.4)
    found = confidence_intervals(seed, fit_seed(seed, data(lines(285.0, 286.5)), max_nfev=2))
    assert found.intervals == ()
    assert found.notes == ("No confidence intervals: the fit found no minimum.",)


def test_products_of_models_are_left_to_lmfit():
    seed = seeded(285.0)
    model = seed.model * ConstantModel(prefix="gain_")
    params = seed.params + model.right.make_params(gain_c=1.0)
    params["gain_c"].set(vary=False)
    whole = replace(seed, model=model, params=params)
    counts = data(lines(285.0))
    ours = confidence_intervals(seed, fit_seed(seed, counts), quantities=("area",))
    theirs = confidence_intervals(whole, fit_seed(whole, counts), quantities=("area",))
    assert by_sigma(theirs, "C1s A", "area")[1] == pytest.approx(by_sigma(ours, "C1s A", "area")[1], rel=1e-3)
