"""Surveys in reports, JSON, HTML and pictures."""

import jsonschema
import numpy as np
import pytest
import xarray as xr
from test_surveys import AL, counts_of

import xps_stn_plugin as xps
from xps_stn_plugin.export.html import fragment
from xps_stn_plugin.export.json_export import document, schema
from xps_stn_plugin.export.plot import figure
from xps_stn_plugin.export.survey_plot import chosen_lines, short_label, spread
from xps_stn_plugin.export.survey_report import SurveyElement, SurveyLine, SurveyReport
from xps_stn_plugin.surveys import survey_of, with_elements


def _line(label, energy, height, auger=False):
    return SurveyLine(label.split()[0], label, energy, height, auger)


def _report(*lines):
    symbols = dict.fromkeys(line.element for line in lines)
    elements = tuple(SurveyElement(symbol, 1.0, 50.0, 5.0, ()) for symbol in symbols)
    return SurveyReport(0.0, AL, elements, lines, {}, ())


@pytest.fixture(scope="module")
def spectrum():
    energy, counts = counts_of({"C": 30.0, "O": 50.0, "Cu": 20.0})
    data = xr.Dataset({"counts": ("binding_energy", counts)}, {"binding_energy": energy})
    return xr.DataTree.from_dict(
        {"/": xr.Dataset(attrs={"source": "a.vms"}), "/Survey": data.assign_attrs(region="Survey", photon_energy=AL)}
    )


def test_prefit_of_a_survey_reports_its_elements(fake, spectrum):
    result = xps.prefit(spectrum)
    assert set(result.survey.symbols) == {"C", "O", "Cu"}
    content = document(result)
    jsonschema.Draft202012Validator(schema()).validate(content)
    survey = content["regions"]["Survey"]["survey"]
    assert {element["symbol"] for element in survey["elements"]} == {"C", "O", "Cu"}
    assert "N" in survey["limits"]
    html = fragment(result)
    assert "<th>element</th>" in html
    assert "Cu 2p3/2" in html


def test_labels_in_the_picture_of_a_survey_do_not_overlap(fake, spectrum):
    drawing = figure(xps.prefit(spectrum))
    drawing.draw_without_rendering()
    axes = next(axes for axes in drawing.get_axes() if axes.get_title(loc="left").startswith("Survey"))
    boxes = [text.get_window_extent() for text in axes.texts]
    assert len(boxes) >= 4
    assert not any(first.overlaps(second) for n, first in enumerate(boxes) for second in boxes[n + 1 :])


def test_spread_moves_labels_apart_and_keeps_them_inside():
    places = spread(np.array([1.0, 1.1, 1.2, 50.0, 99.9, 100.0]), 5.0, 2.5, 97.5)
    assert (np.diff(places) >= 5.0 - 1e-9).all()
    assert places[0] >= 2.5
    assert places[-1] <= 97.5
    assert places[3] == 50.0


def test_labels_name_each_level_once_and_every_element_first():
    lines = [_line("Ti 2p1/2", 464.0, 50.0), _line("Ti 2p3/2", 458.0, 100.0), _line("Ti 3p3/2", 37.0, 20.0)]
    report = _report(*lines, _line("C 1s", 285.0, 5.0), _line("O KL23L23", 978.0, 9.0, auger=True))
    assert chosen_lines(report, 10) == [
        ("Ti 3p", 37.0), ("C 1s", 285.0), ("Ti 2p", 458.0), ("O KLL", 978.0),
    ]  # fmt: skip
    assert [label for label, _ in chosen_lines(report, 3)] == ["C 1s", "Ti 2p", "O KLL"]
    assert short_label(_line("Zn L3M45M45", 498.0, 1.0, auger=True)) == "Zn LMM"


def test_seeding_of_other_regions_is_told_what_the_survey_shows(spectrum):
    survey = survey_of(spectrum["Survey"].to_dataset(), region="Survey")
    told = with_elements(spectrum, {"Survey": survey})
    assert set(told["Survey"].attrs["survey_shows"].split()) == {"C", "O", "Cu"}
    assert "survey_shows" not in spectrum["Survey"].attrs
