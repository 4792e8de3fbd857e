import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xps_stn_plugin.core.single_channels import single_channels, without_single_channels

POINTS = 120


def _line(fwhm, step, place, fraction=0.0):
    distance = (np.arange(POINTS) - place) * step / fwhm
    gauss, lorentz = np.exp(-4 * np.log(2) * distance**2), 1 / (1 + 4 * distance**2)
    return (1 - fraction) * gauss + fraction * lorentz


@settings(max_examples=300)
@given(
    fwhm=st.floats(0.35, 3.0),
    step=st.sampled_from([0.02, 0.05, 0.1, 0.2, 0.25, 0.5]),
    place=st.floats(-3, POINTS + 3),
    fraction=st.floats(0, 1),
    apart=st.floats(0.3, 6.0),
    level=st.floats(0, 5),
    slope=st.floats(-0.01, 0.01),
    noise=st.sampled_from([0.0, 1e-4, 1e-2, 0.1]),
    seed=st.integers(0, 2**31),
)
def test_clean_lines_are_not_changed(fwhm, step, place, fraction, apart, level, slope, noise, seed):
    fwhm = max(fwhm, 2.0 * step)
    line = _line(fwhm, step, place, fraction) + 0.5 * _line(fwhm, step, place + apart / step, fraction)
    counts = 1000 * (line + level + slope * np.arange(POINTS))
    counts += 1000 * noise * np.random.default_rng(seed).normal(size=POINTS)
    np.testing.assert_array_equal(without_single_channels(counts), counts)


def test_single_channels_line_that_the_window_cuts_at_its_top_is_not_changed():
    counts = 1000 * (_line(0.4, 0.2, 0.75) + 0.5 * _line(0.4, 0.2, 3.25))
    assert not single_channels(counts).any()
    assert not single_channels(counts[::-1]).any()


def test_the_narrowest_true_line_survives_wherever_it_lies():
    for place in np.linspace(-2, POINTS + 2, 497):
        counts = 1e5 * _line(0.35, 0.1, place) + 100.0
        np.testing.assert_array_equal(without_single_channels(counts), counts)


@pytest.mark.parametrize("mean", [0.005, 0.02, 0.1, 0.5, 1, 3, 10, 100, 1e4, 1e6])
def test_poisson_noise_is_not_clipped(mean):
    counts = np.random.default_rng(1).poisson(mean, (3000, 150)).astype(float)
    touched = (without_single_channels(counts) != counts).any(-1)
    assert touched.mean() < 1e-3


def test_hot_and_dead_channels_get_the_mean_of_their_neighbours():
    rng = np.random.default_rng(2)
    counts = rng.poisson(1000 + 5000 * _line(1.2, 0.1, 60), (50, POINTS)).astype(float)
    faulty = counts.copy()
    faulty[:, 20] = 0
    faulty[:, 62] = 40000
    cleaned = without_single_channels(faulty)
    expected = (counts[:, [19, 61]] + counts[:, [21, 63]]) / 2
    np.testing.assert_allclose(cleaned[:, [20, 62]], expected)
    others = np.delete(np.arange(POINTS), [20, 62])
    np.testing.assert_array_equal(cleaned[:, others], counts[:, others])


def test_two_bad_channels_side_by_side_are_left_alone():
    counts = np.full(POINTS, 100.0) + np.random.default_rng(0).normal(size=POINTS)
    counts[50:52] = 5000
    np.testing.assert_array_equal(without_single_channels(counts), counts)


@given(first=st.integers(0, 40), size=st.integers(0, 70), factor=st.floats(1e-3, 1e3))
def test_only_the_measured_run_counts_and_the_unit_does_not_matter(first, size, factor):
    counts = np.random.default_rng(3).poisson(400, POINTS).astype(float)
    counts[first + size // 2] = 9000
    measured = np.zeros(POINTS, dtype=bool)
    measured[first : first + size] = True
    whole = without_single_channels(counts * factor, measured)
    np.testing.assert_array_equal(whole[~measured], counts[~measured] * factor)
    np.testing.assert_allclose(whole[measured], without_single_channels(counts[measured] * factor), rtol=1e-12, atol=0)


def test_the_argument_is_not_changed_and_short_regions_come_back():
    counts = np.array([1.0, 1.0, 90.0, 1.0, 1.0])
    np.testing.assert_array_equal(without_single_channels(counts), counts)
    long = np.concatenate([np.random.default_rng(0).poisson(100, 60).astype(float)])
    long[30] = 1e4
    before = long.copy()
    assert without_single_channels(long)[30] < 200
    np.testing.assert_array_equal(long, before)


@pytest.mark.parametrize("length", [1, 2, 3])
def test_single_channels_dead_run_on_a_line_is_found_and_bridged(length):
    rng = np.random.default_rng(4)
    counts = rng.poisson(200 + 5000 * _line(1.2, 0.1, 60), (20, POINTS)).astype(float)
    faulty = counts.copy()
    faulty[:, 55 : 55 + length] = 0
    assert (np.flatnonzero(single_channels(faulty)[3]) == np.arange(55, 55 + length)).all()
    assert single_channels(faulty).sum() == 20 * length
    np.testing.assert_allclose(
        without_single_channels(faulty)[:, 55 : 55 + length], counts[:, 55 : 55 + length], rtol=0.2
    )


def test_single_channels_four_dead_channels_in_a_row_are_left_alone():
    counts = np.random.default_rng(5).poisson(1000, POINTS).astype(float)
    counts[50:54] = 0
    assert not single_channels(counts).any()


def test_single_channels_zeros_of_few_counts_are_noise():
    counts = np.random.default_rng(6).poisson(2.0, (500, POINTS)).astype(float)
    assert not (single_channels(counts) & (counts == 0)).any()


def test_single_channels_zeros_where_a_background_was_subtracted_are_noise():
    line = 500 * _line(1.2, 0.1, 60)
    counts = np.maximum(line + np.random.default_rng(7).normal(0, 5, (50, POINTS)), 0.0)
    assert not single_channels(counts).any()
