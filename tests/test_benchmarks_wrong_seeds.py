from dataclasses import replace

import lmfit
import numpy as np
import pytest
from test_benchmarks_positions import moved_polymer

from benchmarks.wrong_seeds import ERRORS, FitSummary, Row, fixed_windows, measured, missing_components, summary

ROW = Row("seeded", "drawn", "PMMA", 0, "C1s", 0.1, 0.08, "ok", True, 0.01, (), True, 40)


def found(*centers):
    return FitSummary(tuple((f"c{number}", center) for number, center in enumerate(centers)), True, 0.01, 40)


def test_only_components_that_stand_alone_must_be_found_again():
    assert missing_components(found(285.0, 286.5), found(285.19, 286.31)) == ()
    assert len(missing_components(found(285.0, 286.5), found(285.0, 286.75))) == 1
    assert "nowhere" in missing_components(found(285.0, 286.5), found(285.0, 287.5))[0]
    # 285.0 and 285.35 are too near to each other to be asked for.
    assert missing_components(found(285.0, 285.35, 289.0), found(285.2, 289.0)) == ()


def test_a_success_meets_every_condition():
    assert ROW.success
    assert not replace(ROW, converged=False).success
    assert not replace(ROW, relative_rms=0.021).success
    assert not replace(ROW, lost=("C-O 286.45, found nowhere",)).success


def test_windows_of_the_baseline_are_about_the_start_of_free_centres():
    params = lmfit.Parameters()
    params.add("a_center", value=285.2, min=284.9, max=285.3)
    params.add("b_center", expr="a_center+1")
    params.add("a_sigma", value=0.5, min=0.3, max=0.8)
    fixed = fixed_windows(params)
    assert (fixed["a_center"].min, fixed["a_center"].max) == pytest.approx((284.7, 285.7))
    assert fixed["b_center"].expr == "a_center+1"
    assert (fixed["a_sigma"].min, params["a_center"].max) == (0.3, 285.3)


def test_lines_are_found_in_spite_of_wrong_shifts():
    rows = list(measured(moved_polymer(), np.random.default_rng(3)))
    assert {(row.method, row.errors) for row in rows} == {(m, e) for m in ("seeded", "fixed windows") for e in ERRORS}
    errors = {row.errors: row.shift_error for row in rows}
    assert abs(errors["2"]) == pytest.approx(2 * 0.08)
    assert errors["3"] == pytest.approx(3 * errors["1"])
    assert all(row.success for row in rows if row.method == "seeded" and row.errors in ("drawn", "1"))
    figures = summary(rows)
    assert figures["seeded"]["drawn"]["success"] == 1.0
    assert figures["fixed windows"]["3"]["fits"] == 1


def test_references_that_fail_are_told_apart():
    rows = [ROW, replace(ROW, relative_rms=0.05, reference_good=False), replace(ROW, status="uncertain")]
    figures = summary(rows)["seeded"]
    assert figures["drawn"]["success"] == pytest.approx(2 / 3)
    assert figures["drawn"]["success where reference good"] == 1.0
    assert figures["drawn, ok"]["fits"] == 2
