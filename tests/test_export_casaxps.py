from __future__ import annotations

import csv

import numpy as np
import pytest
from exported import SHIFT, conductor, result_of

from xps_prefit_hooks import PrefitError
from xps_stn_plugin.export import casaxps
from xps_stn_plugin.fitting import component_table, curves


def read(path):
    first, second, calibration, *rest = path.read_text(encoding="utf-8").splitlines()
    return (first, second), calibration, list(csv.DictReader(rest, delimiter="\t"))


def test_table_says_that_it_is_untested_and_how_to_calibrate(tmp_path):
    result = result_of("C1s", "O1s")
    result.save(tmp_path / "a.casaxps.txt")
    head, calibration, rows = read(tmp_path / "a.casaxps.txt")
    assert "untested in CasaXPS" in head[0] and "made.csv" in head[1]
    words = calibration.split()
    assert (words[:3], words[4:6], words[7:]) == (["Calib", "M", "="], ["A", "="], ["BE", "ADD"])
    assert float(words[3]) - float(words[6]) == pytest.approx(SHIFT)
    assert tuple(rows[0]) == casaxps.COLUMNS
    assert {row["Values"] for row in rows} == {"fitted values"}


def test_rows_are_the_fits_on_the_calibrated_axis(tmp_path):
    result = result_of("C1s", "O1s", "Cl2p")
    result.save(tmp_path / "a.casaxps.txt")
    _, _, rows = read(tmp_path / "a.casaxps.txt")
    for region, seed in result.seeds.items():
        params = result.fits[region].params
        here = [row for row in rows if row["Region"] == region]
        assert [row["Component"] for row in here] == [chr(ord("A") + number) for number in range(len(here))]
        for component in component_table(seed, result.fits[region]):
            first = next(row for row in here if row["Name"].endswith(f" {component.name.split(' ', 1)[1]}"))
            assert float(first["Position"]) == pytest.approx(component.center, abs=1e-4)
            assert float(first["FWHM"]) == pytest.approx(component.fwhm, abs=1e-4)
        areas = sum(float(row["Area"]) for row in here)
        assert areas == pytest.approx(sum(params[f"{c.prefix}amplitude"].value for c in seed.components), rel=1e-4)
    assert sum(float(row["% Conc."]) for row in rows) == pytest.approx(100, abs=0.1)
    factors = {row["Region"]: row["R.S.F."] for row in rows}
    assert factors == {"C1s": "1", "O1s": "2.93", "Cl2p": "2.285"}


def test_shape_is_the_sum_form_of_gaussian_and_lorentzian(tmp_path):
    result = result_of("O1s")
    result.save(tmp_path / "a.casaxps.txt")
    _, _, rows = read(tmp_path / "a.casaxps.txt")
    seed, params = result.seeds["O1s"], result.fits["O1s"].params
    x = result.calibrated["O1s"]["binding_energy"].values
    lines = curves(seed, params, x)
    for row, component in zip(rows, seed.components, strict=True):
        share = float(row["Line Shape"].removeprefix("SGL(").removesuffix(")")) / 100
        away = (x - float(row["Position"])) / float(row["FWHM"])
        shape = (1 - share) * np.exp(-4 * np.log(2) * away**2) + share / (1 + 4 * away**2)
        line = lines[component.name]
        assert np.abs(shape * line.max() - line).max() < 0.01 * line.max()


def test_fixed_ties_are_ties_and_others_ranges(tmp_path):
    result = result_of("C1s", "Cl2p")
    result.save(tmp_path / "a.casaxps.txt")
    _, _, rows = read(tmp_path / "a.casaxps.txt")
    low = next(row for row in rows if row["Name"].startswith("Cl2p1/2"))
    assert (low["Area Constr."], low["FWHM Constr."], low["Pos. Constr."]) == ("A * 0.5", "A * 1", "A + 1.6")
    tied = result.seeds["C1s"].components[1]
    row = next(row for row in rows if row["Name"] == tied.name)
    ends = [float(end) for end in row["Area Constr."].split(" , ")]
    assert ends[0] < float(row["Area"]) < ends[1]


def test_conductor_is_an_asymmetric_lorentzian(tmp_path):
    result = conductor()
    result.save(tmp_path / "a.casaxps.txt")
    _, calibration, rows = read(tmp_path / "a.casaxps.txt")
    assert "none" in calibration
    high, low, gauss = map(float, rows[0]["Line Shape"].removeprefix("LA(").removesuffix(")").split(","))
    assert high < low and gauss == 0
    x = result.spectrum["C1s"]["binding_energy"].values
    line = curves(result.seeds["C1s"], result.seeds["C1s"].params, x)["C1s graphitic"]
    away = x - float(rows[0]["Position"])
    base = 2 * float(rows[0]["FWHM"]) / sum(np.sqrt(2 ** (1 / power) - 1) for power in (high, low))
    shape = (1 + 4 * (away / base) ** 2) ** -np.where(away > 0, high, low)
    assert np.abs(shape * line.max() - line).max() < 0.06 * line.max()
    assert {row["Values"] for row in rows} == {"start values"}
    assert {row["% Conc."] for row in rows} == {""}


def test_nothing_to_export_is_said(tmp_path):
    with pytest.raises(PrefitError, match="no seeded model"):
        result_of("C1s", seeds=False).save(tmp_path / "a.casaxps.txt")
    assert not list(tmp_path.iterdir())


def test_twenty_seventh_component_has_two_letters():
    assert [casaxps._letter(number) for number in (0, 25, 26, 27, 52)] == ["A", "Z", "AA", "AB", "BA"]
