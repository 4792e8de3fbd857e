import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.mixtures import (
    POINTS,
    STEP,
    Disturbance,
    folds,
    library,
    mix,
    points_at,
    render,
    split_by_mixture,
    split_by_polymer,
)
from benchmarks.polymers import Polymer


def polymer(name, energy, groups):
    axis = np.arange(energy - 5, energy + 5, STEP)
    carbon = np.exp(-(((axis - energy) / 0.7) ** 2))
    return Polymer(name, {"C1s": np.c_[axis, carbon]}, frozenset(groups))


@pytest.fixture(scope="module")
def source():
    centres = {"A": 285.0, "B": 286.5, "C": 289.0, "D": 287.9, "E": 285.0}
    groups = {"A": ["alkane"], "B": ["ether (aliphatic)"], "C": ["nitrate"], "D": ["amide"], "E": ["alkane", "amine"]}
    return library([polymer(name, centres[name], groups[name]) for name in centres])


def test_a_polymer_lies_on_the_axis_of_the_paper_with_area_1(source):
    assert source.spectra.shape == (5, POINTS)
    torch.testing.assert_close(source.spectra.sum(1), torch.ones(5))
    assert int(source.spectra[0].argmax()) == points_at(np.array([285.0]))[0] == 2450


def test_the_weighting_of_the_papers_code_is_that_of_a_running_sum_brought_to_area_1(source):
    seed, members = 4, np.arange(5)
    wrong, right = (mix(source, members, 200, seed, corrected) for corrected in (False, True))
    rng = np.random.default_rng(seed)
    count, pick, raw = rng.integers(2, 4, 200), rng.choice(members, (200, 3)), rng.uniform(size=(200, 3))
    for row in range(200):
        n = count[row]
        fractions = raw[row, :n] / raw[row, :n].sum()
        running = np.zeros(5)
        for index, fraction in zip(pick[row], fractions, strict=False):
            running[index] += fraction
            running /= running.sum()
        np.testing.assert_allclose(wrong.weights[row], running, atol=1e-6)
        np.testing.assert_allclose(right.weights[row], np.bincount(pick[row, :n], fractions, 5), atol=1e-6)


def test_labels_are_the_groups_of_all_components(source):
    mixtures = mix(source, np.array([0, 2]), 50, 1)
    both = (mixtures.weights[:, [0, 2]] > 0).all(1)
    assert 0 < both.sum() < 50
    np.testing.assert_array_equal(mixtures.labels.sum(1), np.where(both, 2, 1))
    assert not mixtures.weights[:, [1, 3, 4]].any()


@given(st.integers(-50, 50))
def test_a_shift_of_whole_points_moves_the_line_by_as_many(source, points):
    one = np.eye(5, dtype=np.float32)[[2]]
    spectrum = render(source, one, Disturbance(np.array([float(points)]), np.array([0.0])))
    assert int(spectrum.argmax()) == 2490 + points
    assert float(spectrum.sum()) == pytest.approx(1.0, abs=1e-4)


def test_a_shift_between_points_moves_the_centre_of_the_line(source):
    one = np.eye(5, dtype=np.float32)[[2]]
    spectrum = render(source, one, Disturbance(np.array([-3.3]), np.array([0.4])))[0].double()
    assert float(spectrum @ torch.arange(POINTS, dtype=torch.float64)) == pytest.approx(2490 - 3.3, abs=0.02)


def test_the_blur_widens_by_its_standard_deviation(source):
    one = np.repeat(np.eye(5, dtype=np.float32)[[0]], 2, axis=0)
    spectra = render(source, one, Disturbance(np.zeros(2), np.array([0.0, 1.5]))).double().numpy()
    offsets = np.arange(POINTS) - 2450.0
    sharp, blurred = spectra @ offsets**2
    assert blurred - sharp == pytest.approx(1.5**2, rel=0.02)


def test_a_split_by_mixture_is_reproducible_and_has_the_papers_sizes(source):
    first, again = (split_by_mixture(source, 1000, 3.0, 7, False) for _ in range(2))
    sizes = [len(part.weights) for part in (first.training, first.validation, first.test)]
    assert sizes == [760, 40, 200]
    np.testing.assert_array_equal(first.test.weights, again.test.weights)
    np.testing.assert_array_equal(first.disturbances["test"].shift, again.disturbances["test"].shift)
    assert np.abs(first.disturbances["training"].shift).max() == 30


def test_a_split_by_polymer_tests_on_polymers_that_training_never_saw(source):
    every = folds(5, 2, 1)
    np.testing.assert_array_equal(np.sort(np.concatenate(every)), np.arange(5))
    split = split_by_polymer(source, 500, every[0], 3.0, 1, False)
    for part in (split.training, split.validation):
        assert not part.weights[:, every[0]].any()
    assert not split.test.weights[:, every[1]].any()
