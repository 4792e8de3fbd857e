from __future__ import annotations

import pytest

from benchmarks.expectation import Sample, cases, figures, mixtures
from benchmarks.polymers import load


@pytest.mark.data
@pytest.mark.slow
def test_an_expected_polymer_settles_the_shift_and_a_wrong_one_is_noticed(shared):
    polymers = [polymer for polymer in load(shared / "measured") if polymer.name in ("PEG", "HDPE", "PMMA", "CTN")]
    samples = [Sample((polymer.name,), polymer) for polymer in polymers]
    none, right, wrong = (figures(rows) for rows in zip(*cases(samples, 3.0, 3, 1), strict=True))
    assert right["p95"] < 0.25
    assert right["p95"] <= none["p95"]
    assert right["exact"] == 1.0
    assert right["contradicted"] == 0.0
    assert wrong["contradicted"] >= 0.7


@pytest.mark.data
def test_mixtures_hold_both(shared):
    polymers = [polymer for polymer in load(shared / "measured") if polymer.name in ("PMMA", "N6", "PEG")]
    (first, *_) = samples = mixtures(polymers, 5, 1)
    assert all(len(set(sample.holds)) == 2 for sample in samples)
    both = [polymer for polymer in polymers if polymer.name in first.holds]
    assert first.spectrum.groups == both[0].groups | both[1].groups
    assert set(first.spectrum.regions) == {*both[0].regions, *both[1].regions}
    total = sum(rows[:, 1].sum() for rows in first.spectrum.regions.values())
    assert total == pytest.approx(1.0, abs=0.02)
