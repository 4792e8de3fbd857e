from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from test_models_counts import X, truth, two_lines

from xps_stn_plugin.core.spectrum import region_dataset
from xps_stn_plugin.fitting import fit_quality, fit_seed
from xps_stn_plugin.fitting.noise_kind import COUNTS, NOISE_KINDS, noise_kind, noise_sentence
from xps_stn_plugin.stacks.fit import fit_rows, noise_rows

MEAN = truth(2000.0, 50.0)
ATTRS = {"intensity": "counts"}


def smoothed(values, points):
    half = points // 2
    return np.convolve(np.pad(values, half, mode="edge"), np.ones(points) / points, "valid")


MAKE = {
    "counts": lambda random: random.poisson(MEAN).astype(float),
    "smoothed over 5": lambda random: np.round(smoothed(random.poisson(MEAN).astype(float), 5), 1),
    "smoothed over 3": lambda random: np.round(smoothed(random.poisson(MEAN).astype(float), 3), 2),
    "rates": lambda random: np.round(3.7 * random.poisson(MEAN)),
    "averages": lambda random: np.round(random.poisson(9 * MEAN) / 9),
}
KIND = {"counts": "counts", "smoothed over 5": "smoothed", "smoothed over 3": "smoothed", "rates": "scaled"}


def drawn(what, number):
    return np.array([MAKE[what](np.random.default_rng(seed)) for seed in range(number)])


@pytest.mark.parametrize("what", MAKE)
def test_kind_of_noise_is_recognised_and_errors_cover(what):
    counts = drawn(what, 40)
    rows = fit_rows(two_lines(), X, counts, noise=noise_rows(counts, ATTRS))
    kinds = Counter(NOISE_KINDS[kind] for kind in rows.noise)
    assert kinds == {KIND.get(what, "averaged"): 40}
    area = rows.column("b_amplitude")
    error = np.median(rows.stderr[:, rows.names.index("b_amplitude")])
    # The scatter of 40 draws is known to 11 %.
    assert area.std() == pytest.approx(error, rel=0.3)


def test_a_single_fit_says_what_its_rows_say():
    seed, counts = two_lines(), drawn("smoothed over 5", 1)[0]
    fit = fit_seed(seed, region_dataset("made", X, counts, region="C1s", intensity="counts"))
    quality = fit_quality(seed, fit)
    assert fit.noise_kind == "smoothed"
    assert quality.notes[0].startswith("The data are smoothed: neighbouring intensities are alike")
    assert not any("something is missing" in note for note in quality.notes)
    assert quality.chi_square_probability is None
    assert quality.verdict == "ok"
    noise = noise_rows(counts[None], ATTRS)
    error = fit_rows(seed, X, counts[None], noise=noise).stderr[0, list(fit.params).index("b_amplitude")]
    assert fit.params["b_amplitude"].stderr == pytest.approx(error, rel=1e-3)


def test_a_missing_line_is_not_called_noise():
    seed = two_lines()
    random = np.random.default_rng(1)
    counts = random.poisson(MEAN + truth(300.0, 0.0)[np.argsort(np.abs(X - 283.0))].max() * np.exp(-((X - 283.0) ** 2)))
    fit = fit_seed(seed, region_dataset("made", X, counts.astype(float), region="C1s", intensity="counts"))
    assert fit.redchi > 2.0
    assert fit.noise_kind == "counts"
    assert any("something is missing" in note for note in fit_quality(seed, fit).notes)


def test_too_few_channels_or_counts_tell_nothing():
    residual = 0.1 * np.random.default_rng(0).normal(size=39)
    assert noise_kind(residual, 100.0)[0] == COUNTS
    assert noise_kind(0.1 * np.random.default_rng(0).normal(size=200), 1.0)[0] == COUNTS
    assert noise_sentence(COUNTS, 1.0) == ""
