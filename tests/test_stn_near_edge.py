import numpy as np
import pytest

from xps_stn_plugin.stn.stack import predict_stack
from xps_stn_plugin.stn.verdict import STATUSES
from xps_stn_plugin.stn.weights import shipped_weights


@pytest.fixture(scope="module")
def trained():
    return shipped_weights()


def _ester(shifts, seed=0):
    """Counts of an ester with hydrocarbon, charged; every spectrum on one axis."""
    rng = np.random.default_rng(seed)
    regions = {}
    for level, low, high, lines in (
        ("C1s", 272.0, 304.0, ((285.1, 3000.0), (285.8, 1000.0), (286.8, 1000.0), (289.1, 1000.0))),
        ("O1s", 519.0, 547.0, ((532.2, 2800.0), (533.7, 2800.0))),
    ):
        energy = np.arange(low, high, 0.1)
        rows = [
            100.0 + sum(height * np.exp(-2.3 * (energy - place - shift) ** 2) for place, height in lines)
            for shift in shifts
        ]
        regions[level] = (energy, rng.poisson(np.stack(rows)).astype(float))
    return regions


def test_shift_within_a_bin_of_the_range_is_ok_and_right(trained):
    shifts = np.array([-7.85, 0.0, 7.75, 7.85])
    stack = predict_stack(trained, _ester(shifts))
    assert (stack.verdict.status == STATUSES.index("ok")).all()
    np.testing.assert_allclose(stack.shift, shifts, atol=0.15)
    assert (stack.probabilities[:, stack.groups.index("ester (aliphatic)")] > 0.5).all()


@pytest.mark.parametrize("shift", [8.4, 10.0, 12.0, -9.0])
def test_shift_beyond_the_range_stays_out_of_domain(trained, shift):
    stack = predict_stack(trained, _ester([shift]))
    assert STATUSES[stack.verdict.status[0]] == "out_of_domain"


def test_distribution_of_a_spectrum_that_was_read_again_is_about_its_shift(trained):
    stack = predict_stack(trained, _ester([7.8, 1.0]), keep_posterior=True)
    bins = trained.network.shift_bins.double().numpy()
    np.testing.assert_allclose(bins[stack.distribution.argmax(axis=-1)], stack.shift, atol=0.15)
    np.testing.assert_allclose(stack.distribution.sum(axis=-1), 1.0, atol=1e-3)
