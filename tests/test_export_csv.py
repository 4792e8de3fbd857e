from __future__ import annotations

import csv

import fakes
import pytest

import xps_stn_plugin as xps
from xps_stn_plugin.export.csv_export import COLUMNS


def _rows(result, path):
    result.save(path)
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_one_row_for_each_component(fake, tmp_path):
    result = xps.prefit(fakes.spectrum(source='a, "b".csv')).fitted()
    rows = _rows(result, tmp_path / "a.csv")
    assert tuple(rows[0]) == COLUMNS
    assert [(row["region"], row["component"]) for row in rows] == [
        ("C1s", "C1s line 1"),
        ("C1s", "C1s line 2"),
        ("O1s", "O1s line 1"),
    ]
    params = result.fits["C1s"].params
    first = rows[0]
    assert first["source"] == 'a, "b".csv'
    assert first["groups"] == "ester (aliphatic)"
    assert float(first["center_eV"]) == pytest.approx(params["p1_center"].value, abs=1e-4)
    assert float(first["center_measured_eV"]) == pytest.approx(params["p1_center"].value + fakes.SHIFT, abs=1e-4)
    assert float(first["area_intensity_eV"]) == pytest.approx(params["p1_amplitude"].value, rel=1e-5)
    assert float(first["area_percent"]) + float(rows[1]["area_percent"]) == pytest.approx(100, abs=0.02)
    assert (first["fitted"], first["reference_eV"], first["status"]) == ("yes", "285.00", "ok")


def test_start_values_have_no_errors_and_say_so(fake, tmp_path):
    rows = _rows(xps.prefit(fakes.spectrum()), tmp_path / "a.csv")
    assert {row["fitted"] for row in rows} == {"no"}
    assert {row["center_stderr_eV"] + row["area_stderr_intensity_eV"] for row in rows} == {""}
