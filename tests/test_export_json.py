from __future__ import annotations

import json
import math
from dataclasses import replace

import fakes
import jsonschema
import pytest
from conftest import ROOT

import xps_stn_plugin as xps
from xps_stn_plugin.export.json_export import document, schema
from xps_stn_plugin.fitting import add_confidence, fit_quality


@pytest.fixture
def validator():
    jsonschema.Draft202012Validator.check_schema(schema())
    return jsonschema.Draft202012Validator(schema())


def test_written_file_follows_the_schema(fake, validator, tmp_path):
    result = xps.prefit(fakes.spectrum()).fitted()
    result.save(tmp_path / "a.json")
    written = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"), parse_constant=pytest.fail)
    validator.validate(written)
    assert written["schema"] == "xps-stn/prefit/1"
    assert written["source"] == "made.csv"
    assert written["shift"] == {
        "value": fakes.SHIFT,
        "stderr": 0.06,
        "unit": "eV",
        "convention": "measured minus true; aliphatic C 1s = 285.00 eV (first vibrational member)",
        "reference": 285.0,
        "reference_at": "first-member",
        "applied": fakes.SHIFT,
    }
    assert [group["name"] for group in written["groups"]] == ["ester (aliphatic)", "alkane", "ketone"]
    assert written["groups"][0]["evidence"] == [
        {"region": "C1s", "low": 288.5, "high": 289.5, "weight": 4.5},
        {"region": "O1s", "low": 531.6, "high": 532.6, "weight": -1.5},
    ]
    assert set(written["groups"][1]) == {"name", "probability"}
    assert [parent["name"] for parent in written["parent_groups"]] == ["acid, ester or anhydride"]
    first_set = written["group_sets"][0]
    assert first_set["groups"] == [group["name"] for group in written["groups"] if group["probability"] > 0.5]
    assert len(written["group_sets"]) == 3
    assert written["materials"] == written["elements"] == []
    assert written["model"] == {"name": "fake", "version": "1", "sha256": "0" * 64}
    first, second = written["regions"]["C1s"]["components"]
    fit = result.fits["C1s"]
    assert first["center"] == fit.params["p1_center"].value
    assert first["center_measured"] == pytest.approx(first["center"] + fakes.SHIFT)
    assert second["stderr"]["area"] == fit.params["p2_amplitude"].stderr
    assert written["regions"]["C1s"]["background"]["kind"] == "linear"
    assert written["regions"]["C1s"]["background"]["parameters"]["slope"] == fit.params["bg_slope"].value
    assert written["regions"]["C1s"]["fit"]["nfev"] == fit.nfev
    background = written["regions"]["C1s"]["background"]
    assert background["stderr"]["intercept"] == fit.params["bg_intercept"].stderr
    quality = fit_quality(result.seeds["C1s"], fit)
    found = written["regions"]["C1s"]["fit"]
    assert found["durbin_watson"] == quality.durbin_watson
    assert found["runs_p"] == quality.runs_p
    assert found["weighting"] == "Poisson, from counts"
    assert found["chi_square_probability"] == quality.chi_square_probability
    assert found["message"] == fit.message
    shares = [part["atomic_percent"]["value"] for region in ("C1s", "O1s") for part in _components(written, region)]
    assert sum(shares) == pytest.approx(100)
    elements = {part["symbol"]: part["atomic_percent"] for part in written["quantification"]["elements"]}
    assert elements["O"] == pytest.approx(shares[-1])


def _components(document, region):
    return document["regions"][region]["components"]


def test_correlations_bounds_and_confidence_are_written(fake, validator):
    result = xps.prefit(fakes.spectrum())
    seed = result.seeds["C1s"]
    seed.params["p1_center"].set(value=284.7, min=284.5, max=284.8)
    result = result.fitted()
    fit = result.fits["C1s"]
    add_confidence(seed, fit, sigmas=(1,))
    fit.params["p1_amplitude"].correl["p2_amplitude"] = fit.params["p2_amplitude"].correl["p1_amplitude"] = -0.97
    written = json.loads(json.dumps(document(result), allow_nan=False))
    validator.validate(written)
    first, second = _components(written, "C1s")
    assert first["at_bound"] == ["position"]
    assert second["at_bound"] == []
    assert written["regions"]["C1s"]["fit"]["correlations"] == [
        {"between": ["area of C1s line 1", "area of C1s line 2"], "value": -0.97}
    ]
    notes = " ".join(written["regions"]["C1s"]["fit"]["notes"])
    assert "C1s line 1: position at the upper end of its range (284.80 eV)." in notes
    assert "areas correlate at -0.97" in notes
    area = {part["quantity"]: part for part in second["confidence"]}["area"]
    assert area["low"] < second["area"] < area["high"]
    # Without being asked, there are none.
    assert "confidence" not in _components(written, "O1s")[0]


def test_every_comparison_follows_the_schema(validator):
    """The network reads an ester in both regions of the example, so that both count it."""
    written = document(xps.prefit(str(ROOT / "examples" / "pmma_charged.csv")).fitted())
    validator.validate(json.loads(json.dumps(written, allow_nan=False)))
    (comparison,) = written["quantification"]["comparisons"]
    assert {estimate["region"] for estimate in comparison["estimates"]} == {"C1s", "O1s"}


def test_start_values_without_a_fit(fake, validator):
    result = xps.prefit(fakes.spectrum(), reference=284.8)
    written = document(result)
    validator.validate(written)
    assert written["shift"]["convention"].endswith("284.80 eV (maximum of the line)")
    region = written["regions"]["O1s"]
    assert region["fit"] is None
    assert region["components"][0]["stderr"] == {"center": None, "fwhm": None, "area": None}
    # 0.1 eV beside the line at 532.1 - 0.315 eV; the measured axis does not know of references.
    assert region["components"][0]["center"] == pytest.approx(531.885)
    assert region["components"][0]["center_measured"] == pytest.approx(532.2 + fakes.SHIFT)


def test_region_without_a_seed_and_numbers_that_are_none(fake, validator):
    spectrum = fakes.spectrum()
    spectrum["Survey"] = spectrum["C1s"].copy(deep=True)
    spectrum["Survey"].attrs["region"] = "Survey"
    result = xps.prefit(spectrum).fitted()
    result.fits["C1s"].bic = math.nan
    result.fits["C1s"].params["p1_center"].stderr = math.inf
    result.fits["C1s"].success = False
    written = json.loads(json.dumps(document(result), allow_nan=False))
    validator.validate(written)
    assert written["regions"]["Survey"]["components"] == []
    assert written["regions"]["Survey"]["background"] is None
    assert written["regions"]["C1s"]["fit"]["bic"] is None
    assert written["regions"]["C1s"]["components"][0]["stderr"]["center"] is None


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("status",), "fine"),
        (("shift", "unit"), "V"),
        (("shift", "value"), "1.2"),
        (("groups", 0, "probability"), 1.2),
        (("groups", 0, "evidence", 0, "weight"), "much"),
        (("groups", 0, "evidence", 0, "surprise"), 1),
        (("parent_groups", 0, "probability"), "likely"),
        (("group_sets", 0, "probability"), None),
        (("materials",), {"oxide": 1.0}),
        (("regions", "C1s", "components", 0, "stderr"), {}),
        (("regions", "C1s", "components", 0, "at_bound"), ["height"]),
        (("regions", "C1s", "fit", "runs_p"), 1.5),
        (("regions", "C1s", "fit", "correlations"), [{"between": ["area of A"], "value": 0.96}]),
        (("quantification", "components", 0, "assigned"), "yes"),
        (("surprise",), 1),
    ],
)
def test_schema_refuses_what_is_wrong(fake, validator, path, value):
    written = document(xps.prefit(fakes.spectrum()).fitted())
    part = written
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value
    with pytest.raises(jsonschema.ValidationError):
        validator.validate(written)


def test_materials_and_elements_of_a_predictor_that_tells_them_are_written(fake, validator):
    result = xps.prefit(fakes.spectrum())
    prediction = replace(result.prediction, materials={"metal": 0.1, "oxide": 0.9}, elements={"Ti": 0.8, "C": math.nan})
    result = replace(result, prediction=prediction)
    written = json.loads(json.dumps(document(result), allow_nan=False))
    validator.validate(written)
    assert written["materials"] == [{"name": "oxide", "probability": 0.9}, {"name": "metal", "probability": 0.1}]
    assert written["elements"] == [{"symbol": "Ti", "probability": 0.8}, {"symbol": "C", "probability": None}]
    assert "Materials: oxide 0.90." in result._repr_html_()
