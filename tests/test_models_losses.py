from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import gammainc

from xps_stn_plugin.models.losses import electron_hole_losses, no_losses, vibrational_losses


@given(st.floats(0.0, 0.3), st.floats(0.5, 8.0))
def test_electron_hole_weights_keep_area_and_mean(asymmetry, cutoff):
    losses = electron_hole_losses(asymmetry, cutoff)
    assert losses.weights.sum() == pytest.approx(1.0, abs=1e-12)
    for slope in losses.slopes.values():
        assert slope.sum() == pytest.approx(0.0, abs=1e-12)
    # The gamma distribution's mean, short of what lies beyond 30 eV.
    beyond = asymmetry * cutoff * (1 - gammainc(asymmetry + 1, 30 / cutoff))
    mean = asymmetry * cutoff - beyond
    assert losses.weights @ losses.energies == pytest.approx(mean, abs=3e-3 * asymmetry * cutoff + 1e-15)


def test_electron_hole_weights_follow_the_gamma_distribution():
    losses = electron_hole_losses(0.1, 4.0)
    edges = (losses.energies[1:] + losses.energies[:-1]) / 2
    far = edges > 0.3
    np.testing.assert_allclose(np.cumsum(losses.weights)[:-1][far], gammainc(0.1, edges[far] / 4.0), atol=1e-3)


def test_no_asymmetry_is_no_loss():
    losses = electron_hole_losses(0.0, 4.0)
    np.testing.assert_array_equal(losses.weights, no_losses().weights.tolist() + [0.0] * (losses.energies.size - 1))


@pytest.mark.parametrize("asymmetry", [0.0, 0.1])
def test_slopes_are_derivatives(asymmetry):
    slopes = electron_hole_losses(asymmetry, 4.0).slopes
    h = 1e-6
    above, below = (electron_hole_losses(0.1, 4.0 + d).weights for d in (h, -h))
    np.testing.assert_allclose(electron_hole_losses(0.1, 4.0).slopes["cutoff"], (above - below) / (2 * h), atol=1e-8)
    one, two = (electron_hole_losses(asymmetry + d, 4.0).weights for d in (h, 2 * h))
    here = electron_hole_losses(asymmetry, 4.0).weights
    np.testing.assert_allclose(slopes["asymmetry"], (4 * one - two - 3 * here) / (2 * h), atol=1e-6)


def test_vibrational_slopes_are_derivatives():
    above, below = (vibrational_losses(0.4 + d).weights for d in (1e-6, -1e-6))
    np.testing.assert_allclose(vibrational_losses(0.4).slopes["vibration"], (above - below) / 2e-6, atol=1e-9)
    assert vibrational_losses(0.0).slopes["vibration"].tolist() == [-1.0, 1.0, 0.0, 0.0]
