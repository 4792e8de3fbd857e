"""Summary, store and contact sheet: each made from the same records."""

from __future__ import annotations

import csv
import re
from html.parser import HTMLParser

import batched
import h5py
import msgspec
import numpy as np
import pytest
from conftest import ROOT

from xps_prefit_hooks import PrefitError
from xps_stn_plugin.batch import run_batch
from xps_stn_plugin.batch.contact_sheet import write_sheet
from xps_stn_plugin.batch.entry import Entry
from xps_stn_plugin.batch.record import Record, RegionRecord
from xps_stn_plugin.batch.store import write_store
from xps_stn_plugin.batch.summary import COLUMNS, Row, rows_of, write_summary
from xps_stn_plugin.batch.tables import SpectraTable, Variable
from xps_stn_plugin.export.report import Report
from xps_stn_plugin.settings import settings_of


@pytest.fixture
def out(fake, tmp_path):
    batched.mixed_folder(tmp_path / "data")
    run_batch([tmp_path / "data"], tmp_path / "out", settings_of())
    return tmp_path / "out"


def _region(components=(), fit=None, shift=None):
    background = {"kind": "linear", "parameters": {}, "stderr": {}}
    defaults = {"success": True, "describes_data": True, "nfev": 9, "bic": 0.0, "message": "", "weighting": "poisson"}
    defaults |= {"redchi": None, "chi_square_probability": None, "durbin_watson": None, "runs_p": None}
    fit = fit and {**defaults, "correlations": [], "notes": [], **fit}
    return {"shift": shift, "background": background, "components": list(components), "notes": ["Note."], "fit": fit}


def _component(name, groups=()):
    keys = ("center", "center_measured", "fwhm", "area")
    stderr = dict.fromkeys(("center", "fwhm", "area"))
    values = dict.fromkeys(keys, 1.0)
    values |= {"at_bound": [], "atomic_percent": None, "prefix": "p1_", "fraction_of_region": None}
    return {"name": name, "groups": list(groups), **values, "stderr": stderr}


def _report(regions, status="ok", shift=1.0, groups=()):
    values = {
        "schema": "xps-stn/prefit/1",
        "source": "",
        "status": status,
        "reasons": ["Why\nnot."],
        "shift": {
            "value": shift,
            "stderr": None if shift is None else 0.1,
            "unit": "eV",
            "convention": "",
            "reference": 285.0,
            "applied": shift or 0.0,
        },
        "groups": [{"name": name, "probability": probability} for name, probability in groups],
        "regions": {name: {**region, "status": status} for name, region in regions.items()},
        "quantification": None,
        "model": {"name": "", "version": "", "sha256": ""},
        "verdicts": {"shift": status, "groups": status, "fits": {}},
    }
    return msgspec.convert(values, Report)


def test_a_survey_becomes_a_row_with_its_elements():
    element = {"symbol": "C", "probability": 1.0, "atomic_percent": 60.0, "stderr": 5.0, "lines": ["C 1s"]}
    oxygen = {**element, "symbol": "O", "atomic_percent": 40.0}
    survey = {"shift": 0.0, "photon_energy": 1486.6, "elements": [element, oxygen], "lines": [], "limits": {}}
    region = {"shift": None, "background": None, "components": [], "notes": [], "fit": None}
    report = _report({"Survey": {**region, "survey": {**survey, "notes": []}}})
    (row,) = rows_of(Entry("a", "a.csv", Record(report)), 285.0)
    assert row.survey_elements == "C 60.0 ± 5.0, O 40.0 ± 5.0"
    assert row.cells()[COLUMNS.index("survey_elements")] == "C 60.0 ± 5.0, O 40.0 ± 5.0"


def _entry(source="a.csv", components=("C1s C-C",), redchi=1.0, status="ok", points=20, **options):
    fit = {"redchi": redchi, "durbin_watson": 2.0, "runs_p": 0.5, "notes": ["Doubt."]}
    report = _report({"C1s": _region([_component(name) for name in components], fit)}, status, **options)
    curves = np.arange((5 + len(components)) * points, dtype=float).reshape(-1, points)
    return Entry(source.split(".")[0], source, Record(report, regions={"C1s": RegionRecord({}, curves)}))


def test_columns_and_fields_are_one_to_one():
    row = Row("a.csv", "C1s")
    assert len(row.cells()) == len(COLUMNS) == len(set(COLUMNS))
    energies = ("shift", "stderr", "disagreement", "reference")
    for column in COLUMNS:
        assert column.endswith("_eV") == column.removesuffix("_eV").endswith(energies)


def test_every_column_is_documented():
    text = (ROOT / "docs" / "batch.md").read_text(encoding="utf-8")
    assert [column for column in COLUMNS if f"`{column}`" not in text] == []


def test_a_region_becomes_a_row():
    shift = {"value": 1.1, "stderr": 0.2, "disagreement": 0.1, "unit": "eV"}
    fit = {"redchi": 1.234567891, "durbin_watson": 1.5, "runs_p": 0.25, "notes": ["Doubt."]}
    regions = {"C1s": _region([_component("C1s C-C", ["alkane"]), _component("C1s 1")], fit, shift)}
    report = _report(regions, "uncertain", groups=[("ether", 0.5), ("alkane", 0.987)])
    (row,) = rows_of(Entry("a", "x/a.csv", Record(report)), 285.0)
    assert dict(zip(COLUMNS, row.cells(), strict=True)) == {
        "source": "x/a.csv",
        "region": "C1s",
        "status": "uncertain",
        "shift_eV": "1.0000",
        "shift_stderr_eV": "0.1000",
        "region_shift_eV": "1.1000",
        "region_disagreement_eV": "0.1000",
        "groups": "alkane 0.99",
        "fitted": "yes",
        "background": "linear",
        "components": "2",
        "unassigned": "1",
        "reduced_chi_square": "1.23457",
        "durbin_watson": "1.500",
        "runs_p": "0.25",
        "reference_eV": "285.00",
        "reasons": "Why not.; Note.; Doubt.",
        "place": "",
        "applied_shift_eV": "1.0000",
        "reference_at": "first-member",
        "calibrated_on": "",
        "survey_elements": "",
        "atomic_percent": "",
    }


def test_a_region_without_model_and_one_that_failed():
    bare = {"shift": None, "background": None, "components": [], "notes": [], "fit": None}
    report = _report({"Survey": bare, "O1s": bare, "C1s": _region(fit={"redchi": 1.0})}, shift=None)
    entry = Entry("a", "a", Record(report, failures={"O1s": "No luck."}))
    survey, oxygen, carbon = rows_of(entry, 285.0)
    assert (survey.status, survey.fitted, survey.components) == ("ok", "no model", None)
    assert (oxygen.status, oxygen.fitted, oxygen.reasons[0]) == ("failed", "failed", "No luck.")
    assert (carbon.fitted, carbon.components, np.isnan(carbon.shift)) == ("yes", 0, True)
    assert rows_of(entry, 285.0, fit=False)[0].fitted == "no"


def test_any_text_survives_the_table(tmp_path):
    row = Row('a,"b"\n.csv', reasons=("one; two", "ü,\r\n three"))
    write_summary(tmp_path / "s.csv", [row])
    with (tmp_path / "s.csv").open(encoding="utf-8", newline="") as file:
        (read,) = csv.DictReader(file)
    assert read["source"] == 'a,"b" .csv'
    assert read["reasons"] == "one; two; ü, three"
    assert (tmp_path / "s.csv").read_bytes().count(b"\n") == 2


def test_store_holds_everything(out):
    with h5py.File(out / "spectra.h5") as file:
        assert file.attrs["schema"] == "xps-stn/batch/1"
        assert '"reference": 285.0' in file.attrs["settings"]
        spectra, carbon = file["spectra"], file["regions/C1s"]
        names = list(spectra["spectrum"].asstr())
        assert len(names) == 13
        ok = spectra["status"].asstr()[:] == "ok"
        assert list(spectra["shift"][ok]) == [1.25] * 6
        assert np.isnan(spectra["shift"][~ok]).all()
        place = list(carbon["spectrum"].asstr()).index("level1")
        raw = [line.split(",") for line in (out.parent / "data" / "level1.csv").read_text().splitlines()]
        measured = np.array([[float(text) for text in line[1:]] for line in raw if line[0] == "C1s"])
        points = len(measured)
        np.testing.assert_allclose(carbon["binding_energy_measured"][place, :points], measured[:, 0], atol=1e-9)
        np.testing.assert_allclose(carbon["binding_energy"][place, :points], measured[:, 0] - 1.25, atol=1e-9)
        np.testing.assert_array_equal(carbon["counts"][place, :points], measured[:, 1])
        envelope, background = carbon["envelope"][place], carbon["background"][place]
        lines = np.nansum(carbon["component_curve"][place], axis=0)
        np.testing.assert_allclose((background + lines)[:points], envelope[:points], rtol=1e-9)
        np.testing.assert_allclose((carbon["counts"][place] - envelope)[:points], carbon["residual"][place, :points])
        labels = list(carbon["component"].asstr())
        center = carbon["center"][place, labels.index("C1s line 2")]
        assert center == pytest.approx(289.0, abs=0.05)
        assert carbon["center_measured"][place, labels.index("C1s line 2")] == pytest.approx(center + 1.25)
        assert 0 < carbon["center_stderr"][place, labels.index("C1s line 2")] < 0.1
        parameters = list(carbon["parameter"].asstr())
        at = parameters.index("p2_center")
        assert carbon["parameter_value"][place, at] == center
        assert (carbon["parameter_min"][place, at], carbon["parameter_vary"][place, at]) == (288.5, 1.0)
        assert carbon["parameter_stderr"][place, at] > 0
        assert carbon["counts"].dims[1][0].name == "/regions/C1s/channel"
        assert len(file["summary/source"]) == len((out / "summary.csv").read_text().splitlines()) - 1
        np.testing.assert_array_equal(file["summary/shift_eV"][-1], 1.25)


@pytest.mark.parametrize("engine", ["h5netcdf", "netcdf4"])
def test_store_opens_as_a_datatree(out, engine):
    pytest.importorskip("netCDF4" if engine == "netcdf4" else engine)
    import xarray as xr

    with xr.open_datatree(out / "spectra.h5", engine=engine) as tree:
        carbon = tree["regions/C1s"].to_dataset()
        assert set(carbon.sizes) == {"spectrum", "channel", "component", "parameter"}
        area = carbon["area"].sel(spectrum="level1", component="C1s line 1")
        assert area == pytest.approx(800 * 1.2 * 1.0645, rel=0.1)
        assert tree["spectra"]["probability"].sel(spectrum="level1", group="ester (aliphatic)") == 0.98
        assert str(tree["spectra"]["status"].sel(spectrum="picture").values) == "failed"


def test_store_of_rubbish_alone(tmp_path):
    entries = [Entry("a", "a.png", Record(reason="A picture."))]
    write_store(tmp_path / "s.h5", entries, [Row("a.png", reasons=("A picture.",))], {})
    with h5py.File(tmp_path / "s.h5") as file:
        assert list(file["spectra/reasons"].asstr()) == ["A picture."]
        assert "regions" not in file


def test_store_that_cannot_be_written_is_one_sentence(tmp_path):
    with pytest.raises(PrefitError, match=r"the folder .* does not exist"):
        write_store(tmp_path / "none" / "s.h5", [], [], {})


@pytest.mark.parametrize("number", [1, 63, 64, 65, 130])
def test_tables_are_written_in_blocks(tmp_path, number):
    values = np.random.default_rng(number).random((number, 3, 4))
    variables = [Variable("curve", ("label", "channel")), Variable("text", text=True), Variable("absent", ("nothing",))]
    with h5py.File(tmp_path / "t.h5", "w") as file:
        labels = {"label": ["a", "b", "c"], "channel": range(4), "nothing": []}
        table = SpectraTable(file.create_group("t"), [f"s{n}" for n in range(number)], labels, variables)
        for row, value in enumerate(values):
            # Every third spectrum lacks a label, and has its labels the other way round.
            places = [2, 0] if row % 3 == 0 else [2, 1, 0]
            table.add({"curve": ((places, slice(4)), value[places]), "text": ((), f"text {row}")})
        table.flush()
        read = file["t/curve"][:]
        assert list(file["t/text"].asstr()) == [f"text {row}" for row in range(number)]
        assert "absent" not in file["t"]
    lacking = np.arange(number) % 3 == 0
    assert np.isnan(read[lacking, 1]).all()
    np.testing.assert_array_equal(read[~lacking], values[~lacking])
    np.testing.assert_array_equal(read[lacking][:, [0, 2]], values[lacking][:, [0, 2]])


class _Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.classes, self.tags = set(), [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.tags.append(tag)
        self.ids.add(attributes.get("id"))
        if tag == "a":
            self.links.append(attributes["href"])
        if (attributes.get("class") or "").startswith("card"):
            self.classes.append(attributes["class"].split()[1])


def test_sheet_needs_nothing_else_and_links_to_rows(out):
    text = (out / "contact_sheet.html").read_text(encoding="utf-8")
    page = _Page(text)
    assert len(page.links) == len(page.classes) == 13
    assert all(link.startswith("#row") and link[1:] in page.ids for link in page.links)
    assert page.tags.count("svg") == 11
    assert not {"script", "img", "link", "iframe"} & set(page.tags)
    assert not re.search(r"(src|url|@import)\b", text)
    assert "13 files: 6 ok, 0 uncertain, 0 out of domain, 7 failed." in text


def test_sheet_shows_the_worst_first(tmp_path):
    entries = [
        _entry("fine.csv", redchi=1.0),
        _entry("poor.csv", redchi=20.0),
        _entry("odd.csv", redchi=1.0, status="out_of_domain"),
        Entry("bad", "bad.png", Record(reason="A picture <b>&</b> no more.")),
        _entry("vague.csv", status="uncertain"),
    ]
    rows = [row for entry in entries for row in rows_of(entry, 285.0)]
    write_sheet(tmp_path / "s.html", entries, rows)
    text = (tmp_path / "s.html").read_text(encoding="utf-8")
    page = _Page(text)
    assert page.classes == ["failed", "out_of_domain", "uncertain", "ok", "ok"]
    assert page.links == ["#row4", "#row3", "#row5", "#row2", "#row1"]
    assert "A picture &lt;b&gt;&amp;&lt;/b&gt; no more." in text


def test_sheet_of_too_many_says_how_many_are_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr("xps_stn_plugin.batch.contact_sheet.MOST", 2)
    entries = [_entry(f"{number}.csv", redchi=number) for number in range(1, 6)]
    rows = [row for entry in entries for row in rows_of(entry, 285.0)]
    write_sheet(tmp_path / "s.html", entries, rows)
    text = (tmp_path / "s.html").read_text(encoding="utf-8")
    assert _Page(text).links == ["#row5", "#row4"]
    assert "The 3 best ones are not drawn." in text
    assert 'id="row1"' in text


def test_picture_of_a_fit_that_is_no_numbers(tmp_path):
    entry = _entry()
    entry.record.regions["C1s"].curves[3:] = np.nan
    write_sheet(tmp_path / "s.html", [entry], rows_of(entry, 285.0))
    assert not re.search(r'(points|d)="[^"]*nan', (tmp_path / "s.html").read_text(encoding="utf-8"))
