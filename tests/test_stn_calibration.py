import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xps_stn_plugin.stn.calibration import Calibration, calibrate, spread_of

BINS = (np.arange(160) - 79.5) * 0.1
CALIBRATION = Calibration(0.06, (0.05, 0.1, 0.4), (0.04, 0.1, 0.3), 1.0, 0.0, 1.5)


def _drawn(number=40_000, inflated=2.0, seed=0):
    """Draw errors of a network whose spread is too wide by a factor and whose group odds are too bold by three."""
    rng = np.random.default_rng(seed)
    sigma = np.exp(rng.uniform(np.log(0.03), np.log(0.5), number))
    odds = rng.normal(-1, 2, (number, 3))
    labels = rng.random(odds.shape) < 1 / (1 + np.exp(-odds))
    return sigma * inflated, rng.normal(0, sigma), odds * 3, labels, rng.normal(-6, 2, number)


def test_intervals_and_probabilities_come_out_right():
    calibration = calibrate(0.06, *_drawn())
    spread, error, logits, labels, outside = _drawn(seed=1)
    stderr = calibration.standard_error(spread)
    assert (np.abs(error) <= stderr).mean() == pytest.approx(0.6827, abs=0.02)
    assert (np.abs(error) <= 1.96 * stderr).mean() == pytest.approx(0.95, abs=0.02)
    # and so in every part of the range, not only on the whole
    for part in np.array_split(np.argsort(spread), 5):
        assert (np.abs(error[part]) <= stderr[part]).mean() == pytest.approx(0.6827, abs=0.05)
    probability = calibration.probability(logits)
    for low in np.arange(0, 1, 0.2):
        here = (probability >= low) & (probability < low + 0.2)
        assert labels[here].mean() == pytest.approx(probability[here].mean(), abs=0.03)
    assert calibration.group_scale == pytest.approx(1 / 3, rel=0.05)
    assert np.mean([calibration.foreign(value) for value in outside]) == pytest.approx(0.03, abs=0.005)


def test_outliers_widen_the_error_bar():
    spread, error, *rest = _drawn()
    wild = np.where(np.arange(error.size) % 10 == 0, 20 * error, error)
    plain, robust = calibrate(0.06, spread, error, *rest), calibrate(0.06, spread, wild, *rest)
    assert (np.array(robust.stderr) > 1.2 * np.array(plain.stderr)).all()


@given(st.lists(st.floats(1e-3, 20.0), min_size=2, max_size=20))
def test_the_standard_error_rises_with_the_spread(spreads):
    errors = CALIBRATION.standard_error(np.sort(spreads))
    assert (errors > 0).all()
    assert (np.diff(errors) >= 0).all()


def test_beyond_the_knots_error_and_spread_grow_alike():
    assert CALIBRATION.standard_error(4.0) == pytest.approx(3.0)
    assert CALIBRATION.standard_error(0.001) == pytest.approx(0.04)


def test_the_spread_is_freed_from_the_blur_of_training():
    weight = np.exp(-0.5 * ((BINS - 1.0) / np.hypot(0.15, 0.06)) ** 2)
    spread = spread_of((weight / weight.sum())[None], BINS, np.array([1.0]), 0.06)
    assert spread[0] == pytest.approx(0.15, abs=0.002)
    far = 0.8 * weight / weight.sum()
    far[10] += 0.2
    assert spread_of(far[None], BINS, np.array([1.0]), 0.06)[0] > 2


def test_the_error_bar_of_a_sample_in_parts_covers_its_parts():
    spread, error, *rest = _drawn(number=20_000, inflated=1.0)
    rng = np.random.default_rng(4)
    # Every other sample has two parts, half of twice its spread to either side: the mean is known, the charge is not.
    sides = np.where(np.arange(error.size) % 2, spread, 0.0)[:, None] * np.array([-1.0, 1.0])
    known = np.where(np.arange(error.size) % 2, rng.normal(0, 0.01, error.size), error)
    parts = known[:, None] + sides
    share = np.full(parts.shape, 0.5)
    by_mean, by_parts = calibrate(0.06, spread, known, *rest), calibrate(0.06, spread, parts, *rest, share=share)
    uneven = np.arange(error.size) % 2 == 1
    within = np.abs(parts[uneven]).max(axis=1) <= 2 * by_parts.standard_error(spread[uneven])
    assert within.mean() > 0.95
    assert (by_parts.standard_error(spread) > by_mean.standard_error(spread)).all()


def test_parts_without_a_share_count_for_nothing():
    spread, error, *rest = _drawn(number=6_000)
    padded = np.column_stack([error, np.full(error.size, 9.0)])
    share = np.column_stack([np.ones(error.size), np.zeros(error.size)])
    assert calibrate(0.06, spread, padded, *rest, share=share) == calibrate(0.06, spread, error, *rest)
