"""Figures of merit for error bars and probabilities, and the sets on which they are taken."""

from __future__ import annotations

import numpy as np
import pytest
from rich.console import Console

from benchmarks.calibration import Question, answers_to, figures, mixtures_moved, plot, polymers_moved
from benchmarks.cases import columns, drawn, mixture
from benchmarks.polymers import Polymer
from benchmarks.reliability import (
    coverage,
    coverage_curve,
    coverage_error,
    expected_calibration_error,
    likelihood,
    mean_over_groups,
    reliability,
    stderr_bins,
)
from xps_stn_plugin.stn.weights import shipped_weights

ESTER = Polymer(
    "ester",
    {
        "C1s": drawn([[285.0, 3.0, 1.0, 0.0], [286.7, 1.0, 1.0, 0.0], [289.0, 1.0, 1.0, 0.0]]),
        "O1s": drawn([[532.2, 2.9, 1.2, 0.0], [533.6, 2.9, 1.2, 0.0]]),
    },
    frozenset({"alkane", "ester (aliphatic)"}),
)
ALKANE = Polymer("alkane", {"C1s": drawn([[285.0, 1.0, 1.0, 0.0]])}, frozenset({"alkane"}))


def test_true_error_bars_cover_what_they_say():
    rng = np.random.default_rng(1)
    stderr = rng.uniform(0.02, 0.5, 20_000)
    error = stderr * rng.normal(size=stderr.size)
    assert coverage(error, stderr)["68 %"] == pytest.approx(0.6827, abs=0.01)
    assert coverage(error, stderr)["95 %"] == pytest.approx(0.95, abs=0.01)
    levels = np.array([0.1, 0.5, 0.9])
    np.testing.assert_allclose(coverage_curve(error, stderr, levels), levels, atol=0.012)
    assert coverage(error, stderr / 2)["68 %"] < 0.5
    # the truth has the best likelihood
    assert likelihood(error, stderr) < min(likelihood(error, 1.3 * stderr), likelihood(error, stderr / 1.3))
    rows = stderr_bins(error, stderr)
    assert [row["spectra"] for row in rows] == [4000] * 5
    assert all(row["rms error"] == pytest.approx(row["mean stderr"], rel=0.1) for row in rows)
    assert [row["mean stderr"] for row in rows] == sorted(row["mean stderr"] for row in rows)


def test_error_of_the_coverage_counts_samples_and_not_draws():
    error = np.array([0.5, 2.0] * 50)
    one = np.ones(100)
    alone = coverage_error(error, one, [f"s{i}" for i in range(100)])
    assert alone["68 %"] == pytest.approx(0.5 / np.sqrt(100))
    # ten draws of ten samples, all draws of a sample alike
    grouped = coverage_error(np.repeat([0.5, 2.0], 50), one, [f"s{i // 10}" for i in range(100)])
    assert grouped["68 %"] == pytest.approx(0.5 / np.sqrt(10))


def test_calibration_error_has_its_known_values():
    rng = np.random.default_rng(2)
    probability = rng.uniform(size=100_000)
    true = rng.uniform(size=probability.size) < probability
    assert expected_calibration_error(probability, true) < 0.01
    # sure of everything, right in three of four
    sure, right = np.ones(400), np.arange(400) % 4 > 0
    assert expected_calibration_error(sure, right) == pytest.approx(0.25)
    assert sum(row["decisions"] for row in reliability(probability, true)) == probability.size
    # groups that never occur do not count
    both = np.column_stack([sure, np.zeros(400)])
    assert mean_over_groups(both, np.column_stack([right, np.zeros(400, dtype=bool)])) == pytest.approx(0.25)


def test_mixtures_keep_shares_of_area():
    axis = np.round(np.arange(280.0, 290.05, 0.1), 1)
    left = Polymer("a", {"C1s": columns(axis, (abs(axis - 283) < 0.55) * 4.0)}, frozenset())
    right = Polymer("b", {"C1s": columns(axis[::-1], (abs(axis[::-1] - 287) < 0.55) * 1.0)}, frozenset())
    mixed = mixture([left, right], [0.75, 0.25])["C1s"]
    low = mixed[:, 0] < 285
    assert mixed[low, 1].sum() / mixed[~low, 1].sum() == pytest.approx(3.0, rel=1e-6)
    assert mixed[:, 1].max() == 1


def test_moved_sets_know_their_shift():
    questions = list(polymers_moved([ESTER], 5.0, 3, True, seed=1))
    assert len({question.shift for question in questions}) == 3
    for question in questions:
        assert list(question.spectrum.children) == ["C1s"]
        carbon = question.spectrum["C1s"].to_dataset()
        top = float(carbon["binding_energy"][int(carbon["counts"].values.argmax())])
        assert top - question.shift == pytest.approx(285.0, abs=0.06)


def test_drawn_mixtures_have_two_or_three_polymers_and_the_groups_of_all():
    third = Polymer("ether", {"C1s": drawn([[286.5, 1.0, 1.0, 0.0]])}, frozenset({"ether (aliphatic)"}))
    questions = list(mixtures_moved([ESTER, ALKANE, third], 3.0, 6, seed=2))
    assert len(questions) == 6
    assert all(abs(question.shift) <= 3 for question in questions)
    whole = ESTER.groups | third.groups
    assert whole in [question.groups for question in questions]
    assert {question.groups for question in questions} <= {whole, ESTER.groups, ALKANE.groups | third.groups}


def test_asking_leaves_out_what_is_outside_and_draws_the_picture(tmp_path):
    questions = list(polymers_moved([ESTER, ALKANE], 3.0, 3, False, seed=3))
    stranger = Question("stranger", questions[0].spectrum, 100.0, frozenset(), inside=False)
    said = answers_to("set", [*questions, stranger], shipped_weights(), Console(quiet=True))
    assert said.error.size == 6
    assert sum(said.status.values()) == pytest.approx(1.0)
    found = figures(said, 0.2)
    assert found["spectra"] == 6
    assert found["groups"]["decisions as certainties, ece"] >= 0
    plot(tmp_path / "deep" / "calibration.png", [said], [found])
    assert (tmp_path / "deep" / "calibration.png").read_bytes()[:4] == b"\x89PNG"
