"""The shipped network on measured polymers; the full table is `benchmarks.measured`."""

from __future__ import annotations

import pytest

from benchmarks.measured import cases, figures
from benchmarks.polymers import load
from xps_stn_plugin.stn.weights import shipped_weights


@pytest.mark.data
@pytest.mark.slow
def test_shift_and_groups_of_measured_polymers(shared):
    polymers = load(shared / "measured")
    assert len(polymers) == 37
    found = figures(list(cases(polymers, 3.0, 4, False, shipped_weights(), seed=3)))
    assert found["median"] <= 0.10
    assert found["p95"] <= 0.35
    assert abs(found["bias"]) <= 0.05
    assert found["exact"] >= 0.85
    # and better by far than taking the highest carbon channel for hydrocarbon
    assert found["median"] < 0.5 * found["baseline_median"]
