from __future__ import annotations

import pytest

from benchmarks.expectation import cases, figures
from benchmarks.polymers import load


@pytest.mark.data
@pytest.mark.slow
def test_an_expected_polymer_settles_the_shift_and_a_wrong_one_is_noticed(shared):
    polymers = [polymer for polymer in load(shared / "measured") if polymer.name in ("PEG", "HDPE", "PMMA", "CTN")]
    none, right, wrong = (figures(rows) for rows in zip(*cases(polymers, 3.0, 3, 1), strict=True))
    assert right["p95"] < 0.25
    assert right["p95"] <= none["p95"]
    assert right["exact"] == 1.0
    assert right["contradicted"] == 0.0
    assert wrong["contradicted"] >= 0.7
