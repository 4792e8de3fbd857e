from __future__ import annotations

import numpy as np
import pytest

from xps_stn_plugin.core.white_noise import white_noise

ENERGY = np.arange(280.0, 295.0, 0.1)


@pytest.mark.parametrize("order", [2, 4])
def test_white_noise_on_slope_is_standard_deviation(order):
    counts = 50.0 * ENERGY + np.random.default_rng(1).normal(0.0, 3.0, (200, ENERGY.size))
    assert np.mean(white_noise(counts, order)) == pytest.approx(3.0, rel=0.03)


def test_white_noise_of_line_that_fills_window_takes_fourth_differences():
    line = 1000.0 * np.exp(-4 * np.log(2) * ((ENERGY - 287.5) / 3.0) ** 2)
    counts = line + np.random.default_rng(2).normal(0.0, 1.0, (200, ENERGY.size))
    assert np.mean(white_noise(counts)) == pytest.approx(1.0, rel=0.05)
    assert np.mean(white_noise(counts, 2)) > 1.2


def test_white_noise_of_few_channels_takes_second_differences():
    counts = np.random.default_rng(3).normal(0.0, 2.0, (2000, 8))
    np.testing.assert_array_equal(white_noise(counts), white_noise(counts, 2))
