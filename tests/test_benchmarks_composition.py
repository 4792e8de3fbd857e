from __future__ import annotations

import numpy as np
import pytest

from benchmarks.composition import Agreement, Row, expected_percent, integrated_percent, measure, summary
from xps_stn_plugin.core.spectrum import region_dataset, spectrum_tree


def test_stoichiometry_of_a_repeat_unit():
    pytest.importorskip("rdkit")
    pmma = "*CC(*)(C)C(=O)OC"
    assert expected_percent(pmma, {"C", "O"}) == pytest.approx({"C": 500 / 7, "O": 200 / 7})
    assert expected_percent(pmma, {"C"}) == {"C": 100.0}


def test_integrals_by_hand():
    x = np.linspace(-10.0, 10.0, 401)
    line = np.exp(-(x**2))
    regions = {
        name: region_dataset("test", x + center, area * line + 0.5 + 0.01 * x, region=name)
        for name, center, area in [("C1s", 285.0, 5.0), ("O1s", 532.0, 2 * 2.93)]
    }
    found = integrated_percent(spectrum_tree("test", regions), "scofield")
    assert found == pytest.approx({"C": 500 / 7, "O": 200 / 7}, abs=0.01)


def test_summary_leaves_carbon_out():
    rows = [Row("A", "C", 50, 60, 1.0, 55), Row("A", "O", 50, 40, 1.0, 45), Row("B", "O", 20, 22, None, 20)]
    figures = summary(rows, [Agreement("A", "amide", 10.0, 2.0), Agreement("B", "amide", None, None)])
    assert figures["polymers"] == 2
    assert figures["median_error"] == pytest.approx(6)
    assert figures["bias"] == pytest.approx(-4)
    assert figures["median_ratio"] == pytest.approx(0.95)
    assert (figures["comparisons"], figures["median_disagreement_percent"]) == (1, 10)


@pytest.mark.data
@pytest.mark.slow
def test_measured_polymers_have_the_composition_of_their_repeat_units(shared):
    pytest.importorskip("rdkit")
    rows, agreements = measure(shared / "measured")
    figures = summary(rows, agreements)
    assert figures["polymers"] >= 30
    assert figures["median_error"] < 2.0
    assert figures["median_ratio"] == pytest.approx(0.95, abs=0.04)
    assert figures["median_disagreement_percent"] < 10
    # All but cellulose nitrate, which had lost nitrate groups, and weak elements within a sixth.
    off = {row.polymer for row in rows if row.expected > 10 and abs(row.fitted / row.expected - 1) > 1 / 6}
    assert off == {"CTN"}
