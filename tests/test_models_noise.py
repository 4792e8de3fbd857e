from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xps_stn_plugin.core.spectrum import region_dataset
from xps_stn_plugin.models.count_size import count_size, scatter_over
from xps_stn_plugin.models.noise import noise_of, noise_of_counts
from xps_stn_plugin.models.shapes import stepped_pseudo_voigt

X = np.linspace(280, 295, 151)


def dataset(counts, **attrs):
    return region_dataset("test", X, counts, region="C1s", **attrs)


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


def test_noise_of_counts_is_poisson():
    counts = np.random.default_rng(1).poisson(400, X.size).astype(float)
    for attrs in ({}, {"intensity": "counts"}):
        noise = noise_of(dataset(counts, **attrs))
        assert noise.source == "Poisson, from counts"
        np.testing.assert_allclose(noise.sigma, np.sqrt(counts))


def test_noise_of_count_rates_uses_the_dwell_time():
    noise = noise_of(dataset(np.full(X.size, 100.0) + X, intensity="counts per second", dwell_time=0.5, scans=8))
    np.testing.assert_allclose(noise.sigma, np.sqrt((100 + X) / 4.0))


@given(sigma=st.floats(1e-4, 0.05), seed=st.integers(0, 1000))
def test_noise_of_normalised_data_is_estimated_beside_a_peak(sigma, seed):
    y = stepped_pseudo_voigt(X, 1.2, 285.0, 0.5, 0.3) + np.random.default_rng(seed).normal(0, sigma, X.size)
    noise = noise_of(dataset(y))
    assert noise.source == "estimated from the scatter"
    assert 0.6 * sigma < noise.sigma[0] < 1.8 * sigma + 1e-3


def test_noise_of_smooth_data_is_positive():
    assert (noise_of_counts(np.sqrt(np.arange(50.0)) - 1.0, {}).sigma > 0).all()


def test_noise_of_hot_and_dead_channels_have_no_weight():
    energy = np.arange(280.0, 295.0, 0.1)
    line = np.exp(-4 * np.log(2) * ((energy - 286.0) / 1.2) ** 2)
    counts = np.random.default_rng(3).poisson(300 + 5000 * line).astype(float)
    faulty = counts.copy()
    faulty[100] = 60000
    faulty[62:65] = 0
    noise, clean = noise_of_counts(faulty, {}), noise_of_counts(counts, {})
    assert np.flatnonzero(noise.masked).tolist() == [62, 63, 64, 100]
    assert noise.source == clean.source
    kept = ~noise.masked
    np.testing.assert_array_equal(noise.sigma[kept], clean.sigma[kept])
    assert (noise.sigma[noise.masked] > 1e9).all()
