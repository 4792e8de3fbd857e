from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xps_prefit_hooks import PrefitError
from xps_stn_plugin.core.spectrum import region_dataset
from xps_stn_plugin.models.shapes import stepped_pseudo_voigt
from xps_stn_plugin.seeding.region import bad_channels, noise_of, noise_of_counts, region_data, scatter

X = np.linspace(280, 295, 151)


def dataset(counts, **attrs):
    return region_dataset("test", X, counts, region="C1s", **attrs)


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


def test_scatter_is_positive_for_smooth_data():
    assert scatter(np.arange(50.0)) > 0


def test_descending_axes_are_turned():
    up = dataset(X**2)
    down = up.isel(binding_energy=slice(None, None, -1))
    a, b = region_data("C1s", up), region_data("C1s", down)
    np.testing.assert_array_equal(a.counts, b.counts)
    assert a.low_end == b.low_end


def test_signal_to_noise_counts_the_counts():
    y = 5 + stepped_pseudo_voigt(X, 2000.0, 285.0, 0.5, 0.0)
    data = region_data("C1s", dataset(np.round(y)))
    assert data.peak_counts == pytest.approx(2000 / (X[1] - X[0]), rel=0.1)


def test_stacks_are_refused():
    with pytest.raises(PrefitError, match="stack"):
        region_data("C1s", dataset(np.stack([X, X])))


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
    data = region_data("C1s", region_dataset("test", energy, faulty, region="C1s"))
    assert data.counts.max() == counts.max()
    assert bad_channels(data) == ["Hot or dead channels have no weight in the fit: 286.20, 286.30, 286.40, 290.00 eV."]
