from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xps_prefit_hooks import PrefitError
from xps_stn_plugin.stacks.shared_shift import CARRIED_STEP, share_shift, shared_shift
from xps_stn_plugin.stn.stack import predict_stack
from xps_stn_plugin.stn.verdict import Reason
from xps_stn_plugin.stn.weights import shipped_weights

BINS = (np.arange(160) - 79.5) * 0.1
ENERGY = np.round(np.arange(278.0, 299.05, 0.1), 2)


@pytest.fixture(scope="module")
def trained():
    return shipped_weights()


@pytest.fixture(scope="module")
def calibration(trained):
    return trained.calibration


def _bell(shift, spread=0.1):
    bell = np.exp(-((BINS - np.asarray(shift)[..., None]) ** 2) / (2 * spread**2)) + 1e-12
    return bell / bell.sum(axis=-1, keepdims=True)


def _simulated(shifts, height=400, seed=0):
    """PMMA's C 1s with counting noise; nothing but background where the shift is NaN."""
    rng = np.random.default_rng(seed)
    lines = ((285.05, 4), (285.75, 2), (286.85, 2), (289.05, 2))
    rows = []
    for shift in shifts:
        signal = sum(a * np.exp(-4 * np.log(2) * ((ENERGY - e - np.nan_to_num(shift)) / 1.1) ** 2) for e, a in lines)
        rows.append(rng.poisson(height * (0.5 + signal * np.isfinite(shift))))
    return {"C1s": (ENERGY, np.array(rows))}


def _wandering(seed, size):
    rng = np.random.default_rng(seed)
    shift = rng.uniform(-2, 2) + np.cumsum(rng.choice([0.0, 0.03, 0.1]) * rng.normal(size=size))
    table = _bell(shift + 0.02 * rng.normal(size=size), rng.uniform(0.08, 0.3, size)[:, None])
    causes = [str(rng.choice(["", "no C 1s line"], p=[0.8, 0.2])) for _ in range(size)]
    return table, causes


def _assert_alike(one, other, moved=0.0):
    np.testing.assert_allclose(one.shift + moved, other.shift, atol=1e-6)
    np.testing.assert_allclose(one.stderr, other.stderr, atol=1e-6)
    np.testing.assert_array_equal(one.carried, other.carried)


@pytest.mark.parametrize("height", [20, 400])
@pytest.mark.parametrize("shift", [-6.3, 0.0, 1.27])
def test_one_spectrum_alone_says_what_it_says_unshared(trained, height, shift):
    alone = predict_stack(trained, _simulated([shift], height), keep_posterior=True)
    shared = share_shift(alone, trained)
    np.testing.assert_allclose(shared.shift, alone.shift, atol=1e-4)
    np.testing.assert_allclose(shared.stderr, alone.shift_stderr, rtol=1e-3)
    assert not shared.carried.any()


@given(seed=st.integers(0, 10**6), size=st.integers(1, 15), bins=st.integers(-25, 25))
def test_a_constant_on_all_shifts_moves_the_answer(calibration, seed, size, bins):
    table, causes = _wandering(seed, size)
    one = shared_shift(table, BINS, calibration, causes=causes)
    _assert_alike(one, shared_shift(table, BINS + 0.1 * bins, calibration, causes=causes), 0.1 * bins)
    moved = np.roll(table, bins, axis=1)
    _assert_alike(one, shared_shift(moved, BINS, calibration, causes=causes), 0.1 * bins)


@given(seed=st.integers(0, 10**6), size=st.integers(1, 15))
def test_a_series_read_backwards_has_the_same_shifts(calibration, seed, size):
    table, causes = _wandering(seed, size)
    one = shared_shift(table, BINS, calibration, causes=causes)
    back = shared_shift(table[::-1], BINS, calibration, causes=causes[::-1])
    np.testing.assert_allclose(back.shift[::-1], one.shift, atol=1e-6)
    np.testing.assert_allclose(back.stderr[::-1], one.stderr, atol=1e-6)
    assert back.drift.trend == pytest.approx(-one.drift.trend, abs=1e-8)


@pytest.mark.parametrize("size", [2, 10, 300])
def test_the_common_error_does_not_average_out(calibration, size):
    alone = shared_shift(_bell([0.5]), BINS, calibration).stderr[0]
    many = shared_shift(_bell(np.full(size, 0.5)), BINS, calibration).stderr
    # The largest share of a spectrum's own error is 0.65; the rest stays.
    assert (many < alone).all()
    assert (many > np.sqrt(1 - 0.65**2) * alone).all()


def test_the_error_of_a_carried_scale_grows_with_the_distance_and_says_why(calibration):
    causes = [""] * 8 + ["no C 1s line"] * 6
    table = _bell(np.array([0.4] * 8 + [-5.0] * 6))
    found = shared_shift(table, BINS, calibration, causes=causes, dimension="etch level", labels=range(5, 19))
    np.testing.assert_allclose(found.shift, 0.4, atol=0.02)
    np.testing.assert_array_equal(found.carried, [bool(cause) for cause in causes])
    growth = found.stderr[8:] ** 2 - found.stderr[7] ** 2
    assert (np.diff(found.stderr[7:]) > 0).all()
    assert (growth >= CARRIED_STEP**2 * np.arange(1, 7) - 1e-9).all()
    assert found.reasons[0] == ()
    (told,) = found.reasons[13]
    assert told == (
        f"Etch level 18: no C 1s line; the scale is carried over from etch level 12 (standard error "
        f"{found.stderr[13]:.2f} eV)."
    )


def test_a_gap_is_bridged_from_both_sides(calibration):
    causes = ["", "", "", "gone", "gone", "gone", "", "", ""]
    found = shared_shift(_bell(np.full(9, 1.0)), BINS, calibration, causes=causes)
    assert found.stderr[4] > found.stderr[3] > found.stderr[2]
    assert found.stderr[3] == pytest.approx(found.stderr[5])
    assert "level 2 and level 6" in found.reasons[4][0]


def test_a_drift_is_followed_and_told(calibration):
    level = np.arange(15)
    found = shared_shift(_bell(0.06 * level - 0.5), BINS, calibration)
    np.testing.assert_allclose(found.shift, 0.06 * level - 0.5, atol=0.03)
    assert not found.drift.constant
    assert found.drift.trend == pytest.approx(0.06, abs=0.02)
    still = shared_shift(_bell(np.full(15, -0.5)), BINS, calibration)
    assert still.drift.constant
    assert abs(still.drift.trend) < 0.002


def test_a_step_of_zero_gives_one_shift_for_all(calibration):
    found = shared_shift(_bell(0.05 * np.arange(6)), BINS, calibration, step=0.0)
    np.testing.assert_allclose(found.shift, found.shift[0], atol=1e-9)
    assert found.drift.probability == 0
    walked = shared_shift(_bell(0.05 * np.arange(6)), BINS, calibration, step=0.2)
    assert np.ptp(walked.shift) > 0.2


def test_an_outlier_is_not_followed(calibration):
    shift = np.full(11, 1.0)
    shift[4] = 2.2
    found = shared_shift(_bell(shift), BINS, calibration)
    np.testing.assert_allclose(found.shift, 1.0, atol=0.02)
    np.testing.assert_array_equal(found.carried, np.arange(11) == 4)
    assert "its own shift, +2.20 eV, lies +1.20 eV from the series" in found.reasons[4][0]
    assert not found.drift.jumps


def test_a_jump_is_told_and_not_smeared(calibration):
    shift = np.where(np.arange(14) < 6, 0.3, 1.1)
    found = shared_shift(_bell(shift), BINS, calibration)
    np.testing.assert_allclose(found.shift, shift, atol=0.02)
    assert found.drift.jumps == (6,)
    assert "jumps by +0.80 eV between level 5 and level 6" in found.notes[0]
    assert found.drift.constant


def test_a_jump_in_a_gap_leaves_both_sides_possible(calibration):
    shift = np.where(np.arange(15) < 7, 0.0, 1.0)
    causes = ["gone" if 5 <= level <= 8 else "" for level in range(15)]
    found = shared_shift(_bell(shift), BINS, calibration, causes=causes)
    np.testing.assert_allclose(found.shift[5:9], 0.5, atol=0.05)
    assert (found.stderr[5:9] > 0.5).all()


def test_neighbours_settle_which_of_two_modes_a_spectrum_means(calibration):
    table = _bell(np.full(7, 0.5))
    table[3] = 0.35 * _bell(0.5) + 0.65 * _bell(3.0)
    found = shared_shift(table, BINS, calibration)
    np.testing.assert_allclose(found.shift, 0.5, atol=0.02)
    assert not found.carried.any()
    assert "by itself it would have +3.0 eV" in found.reasons[3][0]
    assert "35%" in found.reasons[3][0]
    assert not found.notes


def test_a_doubt_that_all_spectra_share_stays(calibration):
    table = 0.7 * _bell(np.full(12, 0.5)) + 0.3 * _bell(np.full(12, 3.0))
    found = shared_shift(table, BINS, calibration)
    alone = shared_shift(table[:1], BINS, calibration)
    assert "With a probability of 30% the true shifts of the whole series lie +2.5 eV away" in found.notes[0]
    # Every spectrum has the same doubt for the same reason: twelve of them are not surer than one.
    assert found.stderr[0] > 0.7 * alone.stderr[0] > 0.3


def test_without_any_carbon_what_there_is_is_followed_and_said(calibration):
    found = shared_shift(_bell([1.0, 1.1]), BINS, calibration, causes=["no C 1s line"] * 2)
    assert np.isfinite(found.shift).all()
    assert "No spectrum of the series fixes the scale" in found.notes[0]


@pytest.mark.parametrize("size", [0, 3])
def test_without_any_shift_there_is_none(calibration, size):
    found = shared_shift(np.full((size, 160), np.nan), BINS, calibration)
    assert len(found) == size
    assert np.isnan(found.shift).all()
    assert found.carried.all()
    assert found.notes == ("No spectrum of the series has a shift.",)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"distribution": np.ones(160)}, "is needed"),
        ({"distribution": np.ones((2, 100))}, "is needed"),
        ({"causes": [""]}, "2 spectra have 1 causes"),
        ({"labels": [1, 2, 3]}, "3 labels"),
        ({"step": -0.1}, "-0.1 eV per level is not a step"),
        ({"step": float("nan")}, "nan eV per level is not a step"),
    ],
)
def test_what_does_not_fit_is_said(calibration, change, said):
    given_ = {"distribution": _bell([0.0, 0.1]), "bins": BINS, "calibration": calibration} | change
    with pytest.raises(PrefitError, match=said):
        shared_shift(**given_)


def test_readings_without_their_distributions_are_refused(trained):
    with pytest.raises(PrefitError, match="keep_posterior=True"):
        share_shift(predict_stack(trained, _simulated([0.0])), trained)


def test_levels_without_carbon_carry_the_scale_of_the_others(trained):
    shifts = np.array([1.3] * 6 + [np.nan] * 3)
    alone = predict_stack(trained, _simulated(shifts), keep_posterior=True)
    found = share_shift(alone, trained)
    assert (alone.verdict.reasons[6:] & Reason.NO_SHIFT).all()
    np.testing.assert_array_equal(found.carried, np.isnan(shifts))
    np.testing.assert_allclose(found.shift, 1.3, atol=0.15)
    assert "no line stands above the noise" in found.reasons[7][0]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["constant", "drift", "outlier", "jump"])
def test_depth_profiles_are_better_read_as_series(trained, kind):
    from benchmarks.series import figures, outcome
    from benchmarks.series_design import profiles

    every = [one for one in profiles([kind], [1e3, 1e4], 8, seed=3) if one.polymer == "PMMA"]
    found = figures([outcome(one, trained) for one in every])
    assert found["shared_all"]["rms"] < 0.2 * found["alone_all"]["rms"]
    assert found["shared_within"] < 0.6 * found["alone_within"]
    assert found["shared_all"]["rms"] < 0.12
    assert found["shared_all"]["within_2"] > 0.9
    assert (found["drift_told"] > 0.9) if kind == "drift" else (found["drift_told"] < 0.4)
    assert (found["jump_right"] > 0.9) if kind == "jump" else (found["jumps_told"] < 0.2)


def test_the_pages_example_runs_and_says_what_it_shows():
    page = (Path(__file__).parent.parent / "docs" / "series.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    names: dict[str, Any] = {}
    exec(block, names)
    series = names["series"]
    np.testing.assert_allclose(series.shift, 0.9, atol=0.2)
    assert series.carried[6:].all()
    assert series.reasons[7][0].startswith(
        "Etch level 7: no line stands above the noise; the scale is carried over from"
    )
