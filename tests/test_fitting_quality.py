from __future__ import annotations

import math

import numpy as np
import pytest

from xps_stn_plugin.fitting.quality import (
    chi_square_probability,
    describes,
    durbin_watson,
    examine_residual,
    fit_verdict,
    misfit_sentence,
    probability_text,
    runs_test,
)


def test_runs_of_a_known_sequence():
    # 13 of one sign, 9 of the other, 6 runs: expectation 1 + 2*13*9/22, variance 10.636 * 9.636 / 21.
    signs = [+1] * 4 + [-1] * 3 + [+1] * 3 + [-1] * 2 + [+1] * 6 + [-1] * 4
    z, p = runs_test(signs)
    assert z == pytest.approx(-2.5513, abs=1e-4)
    assert p == pytest.approx(0.01073, abs=1e-5)
    assert runs_test([*signs[:4], 0.0, *signs[4:]]) == (z, p)


def test_alternating_signs_are_too_many_runs():
    z, p = runs_test([1.0, -1.0] * 20)
    assert z > 5
    assert p < 1e-6


@pytest.mark.parametrize("residual", [[1.0, 2.0, 3.0], [0.0, 0.0], [1.0, -1.0], []])
def test_no_runs_to_test(residual):
    assert all(map(math.isnan, runs_test(residual)))


def test_durbin_watson_of_known_sequences():
    assert durbin_watson([1, -1, 1, -1]) == pytest.approx(3.0)
    assert durbin_watson([1, 1, 1, 1]) == 0.0
    assert math.isnan(durbin_watson([0, 0]))


def test_chi_square_probability_of_the_tables():
    # Upper 5 % points of chi-square: 3.841 with one degree of freedom, 124.342 with a hundred.
    assert chi_square_probability(3.841, 1) == pytest.approx(0.05, abs=1e-4)
    assert chi_square_probability(124.342, 100) == pytest.approx(0.05, abs=1e-4)
    assert math.isnan(chi_square_probability(math.nan, 10))


def test_white_noise_is_seldom_called_structured():
    random = np.random.default_rng(0)
    x = np.arange(150) * 0.1
    found = [examine_residual(x, random.normal(size=x.size), 1.0) for _ in range(2000)]
    assert sum(tests.structured for tests in found) < 10
    p = np.array([tests.runs_p for tests in found])
    assert np.mean(p < 0.05) == pytest.approx(0.05, abs=0.02)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_hidden_line_is_found_where_it_is(sign):
    random = np.random.default_rng(1)
    x = np.linspace(280, 295, 151)
    line = 3 * np.exp(-4 * np.log(2) * (x - 287.3) ** 2)
    order = random.permutation(x.size)  # the order of the channels does not matter
    tests = examine_residual(x[order], (random.normal(size=x.size) + sign * line)[order], 1.0)
    assert tests.structured
    assert tests.place == pytest.approx(287.3, abs=0.2)
    assert tests.above == (sign > 0)


def test_probabilities_in_words():
    assert [probability_text(p) for p in (0.0341, 0.00001, math.nan)] == ["p = 0.034", "p < 0.001", "p unknown"]


def test_misfit_sentence_says_how_far_off_the_model_is():
    assert describes([0.5, 100.0, 100.1, np.inf, np.nan]).tolist() == [True, True, False, False, False]
    text = misfit_sentence(2500.0, 0.12)
    assert text.startswith("The model does not describe the data: the residual, 12 % of the peaks' height, is 50 times")
    assert "reduced chi-square 2.5e+03" in text
    assert "height" not in misfit_sentence(2500.0, float("inf"))


@pytest.mark.parametrize(
    ("redchi", "relative_rms", "structured", "success", "verdict"),
    [
        (1.0, 0.004, False, True, "ok"),
        (1.0, 0.004, False, False, "failed"),
        (108.0, 0.02, False, True, "poor"),
        (9.0, 0.03, True, True, "uncertain"),
        (9.0, 0.005, True, True, "ok"),
        (9.0, 0.03, False, True, "ok"),
    ],
)
def test_fit_verdict_is_of_success_misfit_and_structure(redchi, relative_rms, structured, success, verdict):
    assert fit_verdict(redchi, relative_rms, structured=structured, success=success) == verdict
