from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xps_stn_plugin.seeding.counting import count_size, scatter_over
from xps_stn_plugin.seeding.region import noise_of_counts


def drawn(mean: float = 400.0, points: int = 120) -> np.ndarray:
    return np.random.default_rng(3).poisson(mean, points).astype(float)


@pytest.mark.parametrize("scale", [1.0, 10.0, 0.2, 1 / 7, 1 / 3.3e-2, 1e-15, 1e15, 1e-100, 1e100])
@pytest.mark.parametrize("mean", [5.0, 400.0, 1e5])
def test_count_size_of_multiples_is_their_unit(scale, mean):
    assert count_size(scale * drawn(mean)) == pytest.approx(scale, rel=1e-9)


@given(exponent=st.floats(-100, 100), points=st.integers(8, 60), seed=st.integers(0, 99))
def test_count_size_scales_with_the_intensities(exponent, points, seed):
    counts = np.random.default_rng(seed).poisson(300.0, points).astype(float)
    size, scale = count_size(counts), 10.0**exponent
    assert size is not None
    assert count_size(scale * counts) == pytest.approx(scale * size, rel=1e-9)


@pytest.mark.parametrize("seed", range(20))
def test_count_size_of_other_numbers_is_none(seed):
    assert count_size(np.random.default_rng(seed).uniform(0.0, 1.0, 100)) is None


def test_count_size_of_fewer_than_ten_counts_is_none():
    assert count_size(np.array([0.0, 1.0, 3.0, 9.0])) is None
    assert count_size(np.zeros(9)) is None
    assert count_size(np.array([1.0, np.inf])) is None


def test_scatter_over_poisson_noise_is_one():
    counts = drawn(1000.0, 4000)
    typical, quiet = scatter_over(np.sqrt(counts), counts)
    assert typical == pytest.approx(1.0, abs=0.05)
    assert quiet == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("scale", [1e-15, 0.01, 1.0, 10.0, 1e15])
@pytest.mark.parametrize("attrs", [{}, {"intensity": "counts"}, {"intensity": "arbitrary"}])
def test_noise_of_counts_in_any_unit_is_poisson(scale, attrs):
    counts = drawn()
    noise = noise_of_counts(scale * counts, attrs)
    assert noise.source.startswith("Poisson, from counts")
    np.testing.assert_allclose(noise.sigma, scale * np.sqrt(counts))


def test_noise_of_decimals_that_scatter_less_is_estimated():
    smooth = np.round(0.5 + 0.4 * np.sin(np.linspace(0.0, 3.0, 120)), 3)
    assert noise_of_counts(smooth, {}).source == "estimated from the scatter"


@pytest.mark.parametrize("attrs", [{"intensity": "counts"}, {"intensity": "counts per second", "dwell_time": 1.0}])
def test_noise_that_the_data_refute_is_estimated(attrs):
    values = 4000.0 + 1000.0 * np.random.default_rng(1).uniform(size=120)
    noise = noise_of_counts(values, attrs)
    assert noise.source == "estimated from the scatter"
    assert noise.sigma[0] == pytest.approx(1000.0 / np.sqrt(12.0), rel=0.5)


@pytest.mark.parametrize("time", ["0.1", "a while", None, [], 10**400, float("nan")])
def test_noise_with_a_dwell_time_that_is_not_a_number_is_estimated(time):
    values = 400.0 + np.random.default_rng(1).normal(size=120)
    noise = noise_of_counts(values, {"intensity": "counts per second", "dwell_time": time})
    assert np.isfinite(noise.sigma).all()
