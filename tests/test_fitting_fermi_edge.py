"""Fits of the Fermi edge, with known answers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr

from xps_stn_plugin.fitting.fermi_edge import broadened_fermi, fermi_edge

_FWHM_OF_SIGMA = 2.3548


def _metal(position, fwhm, height, d_band=2.2, seed=0):
    """Flat states up to the edge and a d band eight times as high."""
    energy = np.arange(-5.0, 12.0, 0.05)
    sigma = fwhm / _FWHM_OF_SIGMA
    distance = energy - position
    states = broadened_fermi(distance, sigma) + 8.0 * ndtr((distance - d_band) / np.hypot(sigma, 0.2))
    counts = np.random.default_rng(seed).poisson(height * (0.05 + states)).astype(float)
    return energy, counts, np.sqrt(np.maximum(counts, 1.0))


@pytest.mark.parametrize("fwhm", [0.25, 0.5])
@pytest.mark.parametrize("position", [-1.3, 0.0, 2.1])
def test_fermi_edge_reads_position_and_broadening_within_its_error(fwhm, position):
    edges = [fermi_edge(*_metal(position, fwhm, 800.0, seed=seed)) for seed in range(4)]
    assert None not in edges
    away = np.array([edge.position - position for edge in edges])
    assert np.abs(away).max() < 3 * max(edge.stderr for edge in edges)
    assert np.mean(away) == pytest.approx(0.0, abs=0.02)
    assert np.mean([edge.fwhm for edge in edges]) == pytest.approx(fwhm, abs=0.08)


def test_fermi_edge_is_not_the_valence_band_maximum_of_an_insulator():
    energy = np.arange(-5.0, 12.0, 0.05)
    expected = 500.0 * (0.05 + np.clip(energy - 2.0, 0.0, None) ** 0.8)
    counts = np.random.default_rng(1).poisson(expected).astype(float)
    assert fermi_edge(energy, counts, np.sqrt(np.maximum(counts, 1.0))) is None


def test_fermi_edge_is_not_found_in_noise():
    energy = np.arange(-5.0, 12.0, 0.05)
    counts = np.random.default_rng(2).poisson(30.0, energy.size).astype(float)
    assert fermi_edge(energy, counts, np.sqrt(np.maximum(counts, 1.0))) is None


def test_broadened_fermi_is_half_at_the_edge_and_thermal_without_broadening():
    distance = np.array([-10.0, 0.0, 10.0])
    np.testing.assert_allclose(broadened_fermi(distance, 0.2), [0.0, 0.5, 1.0], atol=1e-9)
    # A tenth and nine tenths of the Fermi function lie 4.39 kT apart.
    fine = np.linspace(-0.5, 0.5, 20001)
    share = broadened_fermi(fine, 0.004)
    assert np.interp(0.9, share, fine) - np.interp(0.1, share, fine) == pytest.approx(4.39 * 0.02542, rel=0.05)
