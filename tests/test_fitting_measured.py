"""Seeded fits of measured polymers: the seeding is measured here, with groups and shift given."""

from __future__ import annotations

from collections import Counter

import pytest

from benchmarks.seeded_fits import run, summary


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize("shift_error", [0.0, 0.1])
def test_measured_polymers_converge_within_two_percent(shared, shift_error):
    rows = run(shared / "measured", shift_error=shift_error, wrong_groups=False, seed=1)
    assert Counter(row.region for row in rows)["C1s"] == 37
    c1s = summary(rows)["C1s"]
    assert c1s["converged within 2 %"] >= 35
    assert c1s["converged within 2 %"] > c1s["baseline within 2 %"]
    assert sum(row.success for row in rows) >= 0.98 * len(rows)


@pytest.mark.data
@pytest.mark.slow
def test_the_data_make_up_for_wrong_groups(shared):
    c1s = summary(run(shared / "measured", shift_error=0.1, wrong_groups=True, seed=1))["C1s"]
    assert c1s["converged within 2 %"] >= 30
