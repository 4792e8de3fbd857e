from __future__ import annotations

import numpy as np
import pytest

from xps_prefit_hooks import PrefitError
from xps_stn_plugin.core.spectrum import region_dataset
from xps_stn_plugin.models.shapes import stepped_pseudo_voigt
from xps_stn_plugin.seeding.region import bad_channels, region_data

X = np.linspace(280, 295, 151)


def dataset(counts, **attrs):
    return region_dataset("test", X, counts, region="C1s", **attrs)


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


def test_hot_and_dead_channels_are_named_and_replaced():
    line = np.exp(-4 * np.log(2) * ((X - 286.0) / 1.2) ** 2)
    counts = np.random.default_rng(3).poisson(300 + 5000 * line).astype(float)
    faulty = counts.copy()
    faulty[100] = 60000
    faulty[62:65] = 0
    data = region_data("C1s", dataset(faulty))
    assert data.counts.max() == counts.max()
    assert bad_channels(data) == ["Hot or dead channels have no weight in the fit: 286.20, 286.30, 286.40, 290.00 eV."]
