from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from xps_prefit_hooks import ModelInfo, Prediction, Settings
from xps_stn_plugin.chemistry.group_lines import group_lines
from xps_stn_plugin.core.grid import Grid
from xps_stn_plugin.core.spectrum import region_dataset, spectrum_tree
from xps_stn_plugin.models.lineshapes import pseudo_voigt
from xps_stn_plugin.stn.attribution import (
    LEAST_FALL,
    LINE_FWHM,
    MOST_INTERVALS,
    explain,
    explain_with,
    hills,
    line_trials,
    without,
)
from xps_stn_plugin.stn.calibration import Calibration
from xps_stn_plugin.stn.predict import predict_with
from xps_stn_plugin.stn.weights import shipped_weights

GRID = Grid()
INFO = ModelInfo("toy", "1", "")
CALIBRATION = Calibration(0.06, (0.05, 0.5), (0.05, 0.5), 1.0, 0.0, 0.0)


@dataclass(frozen=True)
class _Output:
    shift: torch.Tensor
    group_logits: torch.Tensor


@dataclass(frozen=True)
class _Toy:
    """Reads known grid points: log odds are 1 and sums of `gain` times the height there, relative to the region's."""

    readings: tuple[tuple[tuple[str, float, float], ...], ...]
    shift: float = 0.0

    def __call__(self, channels, shift=None):
        assert shift is None or torch.allclose(shift, torch.tensor(self.shift))
        odds = []
        for group in self.readings:
            total = torch.ones(len(channels))
            for region, energy, gain in group:
                row = GRID.regions.index(region)
                point = int(np.abs(GRID.energies[row] - energy - self.shift).argmin())
                total = total + gain * channels[:, len(GRID.regions) + row, point]
            odds.append(total)
        return _Output(torch.full((len(channels),), self.shift), torch.stack(odds, dim=1))


@dataclass(frozen=True)
class _Trained:
    """What the evidence needs of a `TrainedNetwork`."""

    network: _Toy
    grid: Grid
    groups: tuple[str, ...]
    calibration: Calibration
    info: ModelInfo


def _toy(*readings, shift=0.0, probability=0.9, status="ok"):
    names = tuple(f"group {number}" for number, _ in enumerate(readings))
    trained = _Trained(_Toy(readings, shift), GRID, names, CALIBRATION, INFO)
    prediction = Prediction(shift, 0.1, dict.fromkeys(names, probability), status, (), {}, INFO)
    return trained, prediction


def _tree(lines, shift=0.0, level=20.0, scale=1.0, noise=None):
    """Regions with lines of 1.1 eV full width, ``{region: [(energy, area), ...]}``, on a flat background."""
    regions = {}
    for region, places in lines.items():
        energies = [energy for energy, _ in places]
        axis = np.arange(round(10 * min(energies)) - 60, round(10 * max(energies)) + 60) / 10
        counts = level + sum(area * pseudo_voigt(axis, energy, 1.1, 0.2) for energy, area in places)
        counts = counts if noise is None else np.random.default_rng(noise).poisson(counts)
        regions[region] = region_dataset("made", axis + shift, scale * counts, region=region)
    return spectrum_tree("made", regions)


THREE = {"C1s": [(285.0, 4000), (289.0, 2000)], "N1s": [(399.6, 3000)]}


def test_the_place_that_a_network_reads_is_found():
    trained, prediction = _toy((("C1s", 289.05, 8.0),), (("N1s", 399.65, 5.0), ("C1s", 285.0, 20.0)))
    evidence = explain_with(trained, _tree(THREE), prediction, Settings())
    first, second = evidence["group 0"], evidence["group 1"]
    # Without the higher line at 285 the one at 289 is the highest of its region: 285 speaks against the group.
    speaking, against = first
    assert against.low < 285.0 < against.high
    assert against.weight == pytest.approx(-4.0, abs=0.4)
    assert speaking.low < 289.0 < speaking.high
    assert speaking.high - speaking.low < 2.0
    # Half the height of the highest line, nearly all of it taken away, times 8.
    assert 2.0 < speaking.weight < 4.1
    assert [part.region for part in second] == ["C1s", "N1s"]
    assert second[0].low < 285.0 < second[0].high
    assert second[1].low < 399.6 < second[1].high


@given(steps=st.integers(-50, 50), scale=st.sampled_from([1e-3, 1.0, 250.0]), reference=st.sampled_from([284.8, 285.0]))
def test_charging_and_counting_time_leave_the_evidence(steps, scale, reference):
    reading = (("C1s", 289.05, 8.0), ("N1s", 399.65, 5.0))
    trained, prediction = _toy(reading)
    expected = explain_with(trained, _tree(THREE), prediction, Settings())["group 0"]
    shift = steps * GRID.step
    trained, prediction = _toy(reading, shift=shift)
    moved = _tree(THREE, shift=shift, scale=scale)
    found = explain_with(trained, moved, prediction, Settings(reference=reference))["group 0"]
    assert [part.region for part in found] == [part.region for part in expected]
    for one, other in zip(found, expected, strict=True):
        offset = reference - 285.0
        assert (one.low, one.high) == pytest.approx((other.low + offset, other.high + offset), abs=1e-6)
        assert one.weight == pytest.approx(other.weight, abs=0.01)


def test_only_groups_that_were_found_are_explained():
    trained, prediction = _toy((("C1s", 289.05, 8.0),), (("C1s", 285.0, 8.0),), (("C1s", 285.0, 0.1),))
    prediction = replace(prediction, groups={"group 0": 0.6, "group 1": 0.5, "group 2": 0.99})
    evidence = explain_with(trained, _tree(THREE), prediction, Settings())
    assert list(evidence) == ["group 2", "group 0"]
    # Whatever is taken away, its odds do not fall to half.
    assert evidence["group 2"] == ()


@pytest.mark.parametrize(("shift", "status"), [(math.nan, "out_of_domain"), (1.0, "out_of_domain")])
def test_no_evidence_where_there_is_no_shift(shift, status):
    trained, prediction = _toy((("C1s", 289.05, 8.0),))
    assert explain_with(trained, _tree(THREE), replace(prediction, shift=shift, status=status), Settings()) == {}


def test_another_predictors_groups_are_not_explained():
    _, prediction = _toy((("C1s", 289.05, 8.0),))
    assert explain(_tree(THREE), prediction, Settings()) is None


def test_region_goes_by_its_name_in_the_spectrum():
    spectrum = _tree({"C1s": THREE["C1s"]})
    named = spectrum_tree("made", {"scan 7": spectrum["C1s"].to_dataset().assign_attrs(region="C1s")})
    trained, prediction = _toy((("C1s", 289.05, 8.0),))
    assert explain_with(trained, named, prediction, Settings())["group 0"][0].region == "scan 7"


def test_intervals_end_with_the_data():
    spectrum = _tree({"C1s": THREE["C1s"]})
    cut = spectrum["C1s"].to_dataset().sel(binding_energy=slice(None, 289.25))
    trained, prediction = _toy((("C1s", 288.6, 8.0),))
    evidence = explain_with(trained, spectrum_tree("made", {"C1s": cut}), prediction, Settings())["group 0"]
    assert evidence
    for part in evidence:
        assert cut["binding_energy"].values[0] <= part.low < part.high <= cut["binding_energy"].values[-1] + 1e-9


@pytest.mark.parametrize("seed", range(5))
def test_what_is_taken_away_fits_under_the_data(seed):
    random = np.random.default_rng(seed)
    row = GRID.regions.index("O1s")
    energies = GRID.energies[row]
    lines = sum(
        area * pseudo_voigt(energies, center, 1.2, 0.2) for center, area in zip([531, 533.2], [3e3, 1e3], strict=True)
    )
    counts, measured = np.zeros(GRID.energies.shape), np.zeros(GRID.energies.shape, dtype=bool)
    measured[row] = np.abs(energies - 532) < 7
    counts[row] = np.where(measured[row], random.poisson(100 + lines), 0.0)
    trials = line_trials(counts, measured, GRID.step, 0.0)
    assert trials.point.size
    assert set(trials.region) == {row}
    near = np.abs(energies[trials.point] - 531).min()
    assert near <= 0.2
    # Smooth data, as the lines are fitted to; the noise stays in what is left.
    smooth = np.convolve(lines, np.ones(5) / 5, mode="same")
    everything = trials.joined([(0, trials.point.size)])
    assert everything.removed.max() > 0.8 * lines.max()
    for removed in (*trials.removed, *everything.removed):
        assert (removed >= 0).all()
        assert (removed <= smooth + 5 * math.sqrt(100 + lines.max())).all()
    left = without(counts, trials)
    assert left.shape == (trials.point.size, *counts.shape)
    np.testing.assert_allclose(left[:, row] + trials.removed, np.broadcast_to(counts[row], trials.removed.shape))


def test_nothing_is_tried_in_noise():
    counts = np.random.default_rng(0).normal(0.0, 5.0, GRID.energies.shape)
    measured = np.zeros(counts.shape, dtype=bool)
    measured[0, 50:200] = True
    few = line_trials(np.where(measured, counts, 0.0), measured, GRID.step, 0.0).point.size
    assert few <= 3


def test_hills_are_cut_at_half_their_height_and_at_gaps():
    falls = np.array([0.2, 3.0, 8.0, 5.0, 1.0, 0.9, -2.0, 4.0, 4.0])
    joined = np.ones(8, dtype=bool)
    assert hills(falls, joined) == [slice(2, 4), slice(7, 9), slice(6, 7)]
    joined[7] = False
    assert hills(falls, joined) == [slice(2, 4), slice(7, 8), slice(8, 9), slice(6, 7)]
    assert hills(np.full(4, LEAST_FALL / 2), np.ones(3, dtype=bool)) == []


@given(st.lists(st.floats(-20, 20), min_size=1, max_size=40), st.randoms(use_true_random=False))
def test_hills_are_apart_and_of_one_sign(falls, random):
    falls = np.array(falls)
    joined = np.array([random.random() < 0.8 for _ in range(falls.size - 1)], dtype=bool)
    found = hills(falls, joined)
    seen = np.zeros(falls.size, dtype=int)
    for run in found:
        seen[run] += 1
        assert joined[run.start : run.stop - 1].all()
        assert abs(np.sign(falls[run]).sum()) == run.stop - run.start
        assert np.abs(falls[run]).min() >= np.abs(falls[run]).max() / 2
    assert seen.max() <= 1
    if np.abs(falls).max() >= LEAST_FALL:
        assert np.abs(falls).argmax() in range(found[0].start, found[0].stop)


@pytest.fixture(scope="module")
def trained():
    return shipped_weights()


SAMPLES = {
    "ester (aliphatic)": {
        "C1s": [(285.05, 4000), (285.75, 2000), (286.85, 2000), (289.05, 2000)],
        "O1s": [(532.2, 5860), (533.65, 5860)],
    },
    "siloxane": {"C1s": [(284.36, 2000)], "O1s": [(532.0, 2900)], "Si2p": [(101.8, 540), (102.41, 270)]},
    "carboxylic acid": {
        "C1s": [(285.05, 2000), (285.55, 2000), (289.26, 2000)],
        "O1s": [(532.3, 5860), (533.65, 5860)],
    },
    "ether (aliphatic)": {"C1s": [(285.0, 1500), (286.45, 4000)], "O1s": [(532.65, 5860)]},
}


def _carries(group, part):
    """Whether the part holds a line that the group brings, by the tables of the seeded models."""
    lines = group_lines()[group].get(part.region, ())
    return any(part.low - line.half_width <= line.position <= part.high + line.half_width for line in lines)


@pytest.mark.parametrize("group", SAMPLES)
def test_the_network_reads_groups_at_their_lines(trained, group):
    spectrum = _tree(SAMPLES[group], shift=1.7, noise=1)
    prediction = predict_with(trained, spectrum)
    assert prediction.groups[group] > 0.5
    evidence = explain_with(trained, spectrum, prediction, Settings())
    assert list(evidence) == sorted(evidence, key=lambda name: -prediction.groups[name])
    weights = [part.weight for part in evidence[group]]
    assert weights == sorted(weights, reverse=True)
    assert len(weights) <= MOST_INTERVALS
    assert _carries(group, evidence[group][0])
    assert evidence[group][0].weight > LEAST_FALL
    assert all(LINE_FWHM / 2 < part.high - part.low < 4.0 for parts in evidence.values() for part in parts)


@pytest.mark.parametrize("shift", [-4.0, 0.1, 2.5])
def test_a_rigid_shift_leaves_the_strongest_part_where_it_was(trained, shift):
    def strongest(by):
        spectrum = _tree(SAMPLES["ester (aliphatic)"], shift=by, noise=1)
        evidence = explain_with(trained, spectrum, predict_with(trained, spectrum), Settings())
        return evidence["ester (aliphatic)"][0]

    still, moved = strongest(0.0), strongest(shift)
    assert moved.region == still.region
    # A line's two flanks weigh nearly alike, so that the interval's middle moves by up to two channels.
    assert (moved.low + moved.high) / 2 == pytest.approx((still.low + still.high) / 2, abs=0.25)


def test_scaled_counts_leave_the_evidence(trained):
    first, second = (
        explain_with(trained, tree, predict_with(trained, tree), Settings())
        for tree in (_tree(SAMPLES["siloxane"], noise=1), _tree(SAMPLES["siloxane"], noise=1, scale=1e-3))
    )
    assert list(first) == list(second)
    for group in first:
        assert [(p.region, p.low, p.high) for p in first[group]] == [
            (p.region, pytest.approx(p.low, abs=1e-3), pytest.approx(p.high, abs=1e-3)) for p in second[group]
        ]
        assert [p.weight for p in first[group]] == pytest.approx([p.weight for p in second[group]], abs=0.02)
