from __future__ import annotations

import csv

import fakes
import pytest

import xps_stn_plugin as xps
from xps_stn_plugin.export.csv_export import COLUMNS
from xps_stn_plugin.fitting import fit_quality


def _rows(result, path):
    result.save(path)
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_one_row_for_each_component(fake, tmp_path):
    result = xps.prefit(fakes.spectrum(source='a, "b".csv')).fitted()
    rows = _rows(result, tmp_path / "a.csv")
    assert tuple(rows[0]) == (*COLUMNS, "checksum")
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
    shares = [float(row["atomic_percent"]) for row in rows]
    assert sum(shares) == pytest.approx(100, abs=0.02)
    quality = fit_quality(result.seeds["C1s"], result.fits["C1s"])
    assert float(first["reduced_chi_square"]) == pytest.approx(quality.redchi, rel=1e-5)
    assert float(first["durbin_watson"]) == pytest.approx(quality.durbin_watson, abs=1e-3)
    assert float(first["runs_p"]) == pytest.approx(quality.runs_p, rel=1e-5)
    assert (first["fitted"], first["reference_eV"], first["status"]) == ("yes", "285.00", "ok")
    assert (first["groups_status"], first["fit_status"]) == ("ok", "ok")


def test_start_values_have_no_errors_and_say_so(fake, tmp_path):
    rows = _rows(xps.prefit(fakes.spectrum()), tmp_path / "a.csv")
    assert {row["fitted"] for row in rows} == {"no"}
    assert {row["fit_status"] for row in rows} == {"not fitted"}
    assert {row["center_stderr_eV"] + row["area_stderr_intensity_eV"] for row in rows} == {""}
    assert {row["atomic_percent"] + row["reduced_chi_square"] + row["at_bound"] for row in rows} == {""}


def test_what_is_at_a_bound_is_said(fake, tmp_path):
    result = xps.prefit(fakes.spectrum())
    result.seeds["C1s"].params["p1_center"].set(value=284.7, min=284.5, max=284.8)
    rows = _rows(result.fitted(), tmp_path / "a.csv")
    assert [row["at_bound"] for row in rows] == ["position", "", ""]
