from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from stacked import LINES
from stacked import counts as counts_of

from xps_prefit_hooks import PrefitError
from xps_stn_plugin.core.grid import Grid, to_bins
from xps_stn_plugin.core.spectrum import region_dataset, spectrum_tree
from xps_stn_plugin.stn import stack as module
from xps_stn_plugin.stn import verdict
from xps_stn_plugin.stn.folded import folded
from xps_stn_plugin.stn.predict import predict_with
from xps_stn_plugin.stn.signal import channels_at_maximum, line_to_noise, plain_peak
from xps_stn_plugin.stn.stack import predict_stack, predicted_chunks
from xps_stn_plugin.stn.stack_prediction import StackPrediction
from xps_stn_plugin.stn.verdict import STATUSES, Reason
from xps_stn_plugin.stn.weights import shipped_weights

AXES = {"C1s": np.round(np.arange(278.0, 297.05, 0.1), 2), "O1s": np.round(np.arange(525.0, 542.05, 0.1), 2)}


@pytest.fixture(scope="module")
def trained():
    return shipped_weights()


def _simulated(kinds, shifts, heights, seed=0):
    """Counts of every kind of sample at its shift, by region."""
    return counts_of(kinds, shifts, heights, seed, AXES)


def _varied(number=60, seed=1):
    """Good spectra and bad ones: noise, saturated, charged beyond the range, one region not measured."""
    rng = np.random.default_rng(seed)
    kinds = list(rng.choice(list(LINES), number))
    shifts = rng.uniform(-4, 4, number)
    shifts[::11] = 8.3
    counts = _simulated(kinds, shifts, 10 ** rng.uniform(0.3, 3, number), seed)
    top = counts["C1s"][::7].max(axis=1, keepdims=True)
    counts["C1s"][::7] = np.minimum(counts["C1s"][::7], 0.7 * top)
    counts["O1s"][::5] = np.nan
    counts["C1s"][3::13, 40] = np.nan
    counts["O1s"][2::9] = 7.0
    return counts


def _regions(counts):
    return {name: (AXES[name], values) for name, values in counts.items()}


def _alone(trained, counts, row, shift=None):
    """Prediction of one spectrum by itself, without the regions that were not measured; None if that is all of them."""
    regions = {
        name: region_dataset("test", AXES[name], values[row], region=name)
        for name, values in counts.items()
        if np.isfinite(values[row]).all() and np.ptp(values[row]) > 0
    }
    return predict_with(trained, spectrum_tree("test", regions), shift) if regions else None


def _assert_alike(one, other):
    assert one.status == other.status
    assert one.shift == pytest.approx(other.shift, abs=1e-5, nan_ok=True)
    assert one.shift_stderr == pytest.approx(other.shift_stderr, abs=1e-5, nan_ok=True)
    assert one.groups == pytest.approx(other.groups, abs=1e-5, nan_ok=True)
    assert one.region_shifts.keys() == other.region_shifts.keys()
    for name, shift in one.region_shifts.items():
        assert shift.value == pytest.approx(other.region_shifts[name].value, abs=1e-5)
        assert shift.stderr == pytest.approx(other.region_shifts[name].stderr, abs=1e-5)
        assert shift.disagreement == pytest.approx(other.region_shifts[name].disagreement, abs=1e-5)


def test_stack_of_broadened_lines_is_called_uneven_as_each_alone(trained, monkeypatch):
    # So low that spectra of few counts pass for unevenly charged ones.
    monkeypatch.setattr(verdict, "UNEVEN_SPREAD", 0.12)
    counts = _varied(number=24)
    stack = predict_stack(trained, _regions(counts))
    uneven = np.flatnonzero(stack.verdict.reasons & np.uint32(Reason.UNEVEN))
    assert uneven.size >= 3
    for row in uneven:
        (sentence,) = [text for text in stack.sentences(row) if "charged unevenly by about" in text]
        assert sentence in _alone(trained, counts, row).reasons
        assert stack.verdict.status[row] != STATUSES.index("ok")


def test_samples_without_a_group_are_described_alike_in_a_stack_and_alone(trained):
    silent = replace(trained, calibration=replace(trained.calibration, group_offset=-200.0))
    counts = _varied(number=24)
    stack = predict_stack(silent, _regions(counts))
    described = np.flatnonzero(stack.verdict.reasons & np.uint32(Reason.NO_GROUP))
    assert described.size >= 5
    for row in described:
        (sentence,) = [text for text in stack.sentences(row) if "no functional group was found" in text]
        assert sentence in _alone(silent, counts, row).reasons
    plain = predict_stack(trained, _regions(counts))
    np.testing.assert_array_equal(stack.verdict.status, plain.verdict.status)


def test_shifts_and_groups_of_a_stack_are_right(trained):
    shifts = np.linspace(-5, 5, 21)
    stack = predict_stack(trained, _regions(_simulated(["ester"] * 21, shifts, [1000] * 21)))
    np.testing.assert_allclose(stack.shift, shifts, atol=0.2)
    assert (stack.verdict.status == STATUSES.index("ok")).all()
    assert (stack.probabilities[:, stack.groups.index("ester (aliphatic)")] > 0.5).all()
    np.testing.assert_array_equal(stack.region_shift[:, 0], stack.shift)
    np.testing.assert_array_equal(stack.evidence.disagreement[:, 0], 0.0)


@pytest.mark.parametrize("chunk", [1, 7, 64])
def test_it_does_not_matter_how_a_stack_is_cut(trained, chunk, monkeypatch):
    regions = _regions(_varied())
    whole = predict_stack(trained, regions)
    monkeypatch.setattr(module, "CHUNK", chunk)
    cut = predict_stack(trained, regions)
    np.testing.assert_array_equal(cut.verdict.status, whole.verdict.status)
    np.testing.assert_array_equal(cut.verdict.reasons, whole.verdict.reasons)
    np.testing.assert_allclose(cut.shift, whole.shift, atol=1e-5)
    np.testing.assert_allclose(cut.probabilities, whole.probabilities, atol=1e-5)
    # The cases are there: each status, and every rule that can be had without a foreign detector.
    assert set(whole.verdict.status) == set(range(len(STATUSES)))
    rare = {Reason.DISAGREEMENT, Reason.NO_GROUP, Reason.UNEVEN, Reason.GROUP_REFUTED, Reason.LEFT_OUT}
    rare |= {Reason.GROUP_OVERLAP, Reason.NO_RING, Reason.FOREIGN_PAIR}
    wanted = set(Reason) - rare - {Reason.BAD_CHANNELS, Reason.ALIKE, Reason.POTASSIUM, Reason.CARBON_FIRST}
    assert wanted <= set(Reason(int(np.bitwise_or.reduce(whole.verdict.reasons))))


@settings(max_examples=10)
@given(measured=arrays.arrays(bool, (9, 2)))
def test_a_region_that_was_not_measured_leaves_the_others_as_they_are(trained, measured):
    counts = _simulated(["ester"] * 9, np.linspace(-2, 2, 9), [500] * 9)
    full = {name: predict_stack(trained, {name: (AXES[name], counts[name])}) for name in AXES}
    both = predict_stack(trained, _regions(counts))
    gaps = {
        name: np.where(measured[:, column, None], values, np.nan)
        for column, (name, values) in enumerate(counts.items())
    }
    stack = predict_stack(trained, _regions(gaps))
    cases = {(True, True): both, (True, False): full["C1s"], (False, True): full["O1s"]}
    for row, present in enumerate(map(tuple, measured)):
        if any(present):
            _assert_alike(stack.prediction(row), cases[present].prediction(row))
        else:
            assert np.isnan(stack.shift[row])
            assert stack.verdict.reasons[row] == Reason.NO_SHIFT | Reason.NOT_MEASURED
            assert stack.sentences(row) == ("Not measured, or without any signal: C1s, O1s.",)


@pytest.mark.parametrize("kind", [np.uint16, np.float32, np.int64])
def test_counts_may_have_any_type(trained, kind):
    counts = _simulated(["ester", "ether"], [1.0, -1.0], [1000, 1000])
    typed = {name: values.astype(kind) for name, values in counts.items()}
    first, second = predict_stack(trained, _regions(counts)), predict_stack(trained, _regions(typed))
    np.testing.assert_array_equal(first.shift, second.shift)


class _Rows:
    """Spectra that lie elsewhere; remembers how many were asked for at once."""

    def __init__(self, values):
        self.values = values
        self.shape = values.shape
        self.asked = []

    def __getitem__(self, rows):
        self.asked.append(len(self.values[rows]))
        return self.values[rows].tolist()


def test_counts_are_read_a_chunk_at_a_time(trained, monkeypatch):
    monkeypatch.setattr(module, "CHUNK", 8)
    counts = _simulated(["ester"] * 20, np.zeros(20), [300] * 20)
    rows = _Rows(counts["C1s"])
    parts = list(predicted_chunks(trained, {"C1s": (AXES["C1s"], rows)}))
    assert rows.asked == [8, 8, 4]
    assert [len(part) for part in parts] == [8, 8, 4]
    joined = StackPrediction.joined(parts)
    np.testing.assert_array_equal(joined.shift, np.concatenate([part.shift for part in parts]))
    assert joined.evidence.posterior.first.shape == (20,)
    assert joined.prediction(19) == parts[2].prediction(3)


def test_the_times_that_regions_took_are_divided_out(trained):
    counts = _simulated(["ester"] * 3, [0.0, 1.0, 2.0], [2000] * 3)
    even = predict_stack(trained, _regions(counts))
    uneven = predict_stack(trained, _regions({**counts, "O1s": 7 * counts["O1s"]}), durations={"C1s": 0.5, "O1s": 3.5})
    np.testing.assert_allclose(uneven.shift, even.shift, atol=1e-4)
    np.testing.assert_allclose(uneven.probabilities, even.probabilities, atol=1e-3)


def test_groups_are_read_at_known_shifts(trained):
    counts = _simulated(["ether"] * 3, [2.0] * 3, [2000] * 3)
    stack = predict_stack(trained, _regions(counts), shift=[2.0, 2.0, 3.5])
    np.testing.assert_array_equal(stack.shift, [2.0, 2.0, 3.5])
    for row, shift in enumerate((2.0, 2.0, 3.5)):
        _assert_alike(stack.prediction(row), _alone(trained, counts, row, shift))
    assert stack.probabilities[0, stack.groups.index("ether (aliphatic)")] > 0.5
    at_one = predict_stack(trained, _regions(counts), shift=2.0)
    np.testing.assert_allclose(at_one.probabilities[:2], stack.probabilities[:2], atol=1e-5)


def test_distributions_over_shifts_are_kept_where_they_are_asked_for(trained):
    counts = _simulated(["ester", "noise", "ether"], [1.0, 0.0, -2.3], [1000, 5, 1000])
    stack = predict_stack(trained, _regions(counts), keep_posterior=True)
    bins = trained.shift_bins
    assert stack.distribution.dtype == np.float32
    assert np.isnan(stack.distribution[1]).all()
    there = stack.distribution[[0, 2]]
    np.testing.assert_allclose(there.sum(axis=1), 1.0, atol=1e-5)
    np.testing.assert_array_equal(bins[there.argmax(axis=1)], stack.evidence.posterior.first[[0, 2]])
    assert predict_stack(trained, _regions(counts)).distribution is None
    nothing = predict_stack(trained, {name: (AXES[name], np.zeros((0, AXES[name].size))) for name in counts},
                            keep_posterior=True)  # fmt: skip
    assert nothing.distribution.shape == (0, bins.size)


def test_an_empty_stack_gives_an_empty_table(trained):
    stack = predict_stack(trained, {"C1s": (AXES["C1s"], np.zeros((0, AXES["C1s"].size)))})
    assert len(stack) == 0
    assert stack.probabilities.shape == (0, len(stack.groups))
    assert stack.verdict.status.shape == (0,)


def test_noise_alone_has_no_shift(trained):
    # Few counts, too: most channels of a map may be empty.
    rng = np.random.default_rng(0)
    levels = np.repeat([0.1, 0.3, 2.0, 300.0], 50)[:, None]
    stack = predict_stack(trained, {"C1s": (AXES["C1s"], rng.poisson(levels, (200, AXES["C1s"].size)))})
    quiet = (stack.verdict.reasons & np.uint32(Reason.NO_SHIFT)) != 0
    assert quiet.mean() > 0.98
    assert (stack.verdict.status[quiet] == STATUSES.index("out_of_domain")).all()
    for values in (stack.shift, stack.shift_stderr, stack.probabilities, stack.region_shift):
        assert np.isnan(values[quiet]).all()
    assert stack.sentences(int(np.flatnonzero(quiet)[0])) == ("No line stands above the noise in C1s.",)


def test_regions_that_cannot_be_used_are_named(trained):
    counts = _simulated(["ester"], [0.0], [1000])
    far = (np.arange(600.0, 610.0, 0.1), np.arange(100.0)[None])
    stack = predict_stack(trained, {**_regions(counts), "N1s": far})
    assert stack.regions == ("C1s", "O1s")
    assert "N1s was measured from 600.0" in stack.sentences(0)[-1]
    metal = predict_stack(trained, {"Fe2p": far})
    assert np.isnan(metal.shift).all()
    assert metal.prediction(0).status == "out_of_domain"
    assert "None of the regions (Fe2p)" in metal.sentences(0)[0]


@pytest.mark.parametrize(
    ("regions", "options", "said"),
    [
        ({}, {}, "no region"),
        ({"C1s": (AXES["C1s"], np.ones((2, 5)))}, {}, "shape"),
        ({"C1s": (AXES["C1s"], np.ones(AXES["C1s"].size))}, {}, "shape"),
        ({"C1s": (AXES["C1s"][::-1], np.ones((2, AXES["C1s"].size)))}, {}, "ascend"),
        ({"C1s": (AXES["C1s"][:5], np.ones((2, 5)))}, {}, "at least 8"),
        (
            {name: (axis, np.ones((size, axis.size))) for size, (name, axis) in enumerate(AXES.items())},
            {},
            "C1s: 0, O1s: 1",
        ),
        ({"C1s": (AXES["C1s"], np.ones((2, AXES["C1s"].size)))}, {"shift": [1.0, 2.0, 3.0]}, "known shifts"),
        ({"C1s": (AXES["C1s"], np.ones((2, AXES["C1s"].size)))}, {"shift": np.nan}, "known shifts"),
    ],
)
def test_what_is_no_stack_gets_one_sentence(trained, regions, options, said):
    with pytest.raises(PrefitError, match=said) as caught:
        predict_stack(trained, regions, source="map.nxs", **options)
    assert "map.nxs" in str(caught.value)


def test_folding_changes_nothing_but_the_rounding(trained):
    before = {key: value.clone() for key, value in trained.network.state_dict().items()}
    fast = folded(trained.network)
    channels = torch.rand(5, 27, Grid().points, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected, found = trained.network(channels), fast(channels)
        known = torch.linspace(-3, 3, 5)
        at_known, found_at_known = trained.network(channels, known), fast(channels, known)
    for name in vars(expected):
        torch.testing.assert_close(getattr(found, name), getattr(expected, name), atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(getattr(found_at_known, name), getattr(at_known, name), atol=1e-4, rtol=1e-4)
    for key, value in trained.network.state_dict().items():
        assert torch.equal(value, before[key])


COUNTS = arrays.arrays(float, st.tuples(st.integers(1, 5), st.integers(8, 40)), elements=st.integers(0, 1000))


@given(counts=COUNTS)
def test_signals_of_a_stack_are_those_of_its_spectra(counts):
    energy = 280 + 0.1 * np.arange(counts.shape[1])
    np.testing.assert_array_equal(line_to_noise(counts), [line_to_noise(row) for row in counts])
    np.testing.assert_array_equal(channels_at_maximum(counts), [channels_at_maximum(row) for row in counts])
    np.testing.assert_array_equal(plain_peak(energy, counts), [plain_peak(energy, row) for row in counts])


@given(counts=COUNTS)
def test_the_longest_run_of_the_maximum_is_counted(counts):
    for row, found in zip(counts, channels_at_maximum(counts), strict=True):
        longest = current = 0
        for value in row:
            current = current + 1 if value == row.max() else 0
            longest = max(longest, current)
        assert found == longest


@given(counts=COUNTS, step=st.floats(0.05, 0.4), start=st.floats(270, 300))
def test_bins_of_a_stack_are_those_of_its_spectra_and_linear_in_the_counts(counts, step, start):
    axis, energies = start + step * np.arange(counts.shape[1]), Grid().energies[0]
    binned, measured = to_bins(axis, counts, energies)
    np.testing.assert_array_equal(binned, [to_bins(axis, row, energies)[0] for row in counts])
    matrix, _ = to_bins(axis, np.eye(axis.size), energies)
    np.testing.assert_allclose(binned, counts @ matrix, atol=1e-6)
    assert not binned[:, ~measured].any()
