"""A shift that is out of domain moves nothing, in any output, unless the user insists."""

from __future__ import annotations

import csv
import io
import json
from ast import literal_eval
from dataclasses import replace

import fakes
import numpy as np
import pytest
from rich.console import Console

import xps_stn_plugin as xps
from xps_prefit_hooks import MenuRequest, PrefitError, Settings, hookimpl
from xps_stn_plugin.batch.contact_sheet import write_sheet
from xps_stn_plugin.batch.entry import Entry
from xps_stn_plugin.batch.record import AXIS, MEASURED_AXIS
from xps_stn_plugin.batch.summary import rows_of
from xps_stn_plugin.batch.tasks import make_record
from xps_stn_plugin.core.energy_scale import NOT_APPLIED
from xps_stn_plugin.core.plugins import plugin_manager
from xps_stn_plugin.export import html
from xps_stn_plugin.export.plot import figure
from xps_stn_plugin.export.terminal import show
from xps_stn_plugin.menu import menu_actions

_WITHHELD = f"shift {fakes.SHIFT:+.2f} ± 0.06 eV, not applied"


class _Outside(fakes.FakePlugin):
    """Says `fakes.SHIFT` out of domain; the models of the package's own seeder."""

    @hookimpl
    def xps_prefit_predict(self, spectrum, settings):
        return replace(super().xps_prefit_predict(spectrum, settings), status="out_of_domain")

    @hookimpl
    def xps_prefit_seed(self):
        return None


@pytest.fixture
def outside():
    plugin_manager.cache_clear()
    assert plugin_manager().register(_Outside(), "outside").state == "active"
    yield
    plugin_manager.cache_clear()


@pytest.fixture
def result(outside):
    return xps.prefit(fakes.spectrum()).fitted()


@pytest.fixture
def applied(outside):
    return xps.prefit(fakes.spectrum(), apply_anyway=True)


def test_prefit_out_of_domain_leaves_the_axis_as_measured(result):
    assert result.shift == pytest.approx(fakes.SHIFT)
    assert result.applied_shift == 0.0
    assert result.shift_text == _WITHHELD
    assert NOT_APPLIED in result.reasons
    assert not result.evidence
    for region in result.spectrum.children:
        np.testing.assert_array_equal(result.axis[region]["binding_energy"], result.spectrum[region]["binding_energy"])
        assert result.seeds[region].shift == 0.0
    with pytest.raises(PrefitError, match="not applied, so nothing is calibrated"):
        _ = result.calibrated


def test_fit_out_of_domain_finds_the_lines_where_they_were_measured(result):
    (carbon, _) = (row.center_measured for row in result.report().regions["C1s"].components)
    assert carbon == pytest.approx(285.0 + fakes.SHIFT, abs=0.05)
    assert all(not row.groups for row in result.report().regions["C1s"].components)


def test_apply_anyway_moves_the_axis(applied):
    assert applied.applied_shift == applied.shift == pytest.approx(fakes.SHIFT)
    assert applied.status == "out_of_domain"
    assert NOT_APPLIED not in applied.reasons
    assert applied.calibrated["C1s"]["binding_energy"][0] == pytest.approx(
        float(applied.spectrum["C1s"]["binding_energy"][0]) - fakes.SHIFT
    )


def test_json_and_csv_out_of_domain_give_measured_positions(result, tmp_path):
    result.save(tmp_path / "a.json")
    said = json.loads((tmp_path / "a.json").read_text())
    assert (said["shift"]["value"], said["shift"]["applied"]) == (fakes.SHIFT, 0.0)
    assert {row["center"] for region in said["regions"].values() for row in region["components"]} == {None}
    result.save(tmp_path / "a.csv")
    for row in csv.DictReader(io.StringIO((tmp_path / "a.csv").read_text())):
        assert (row["center_eV"], row["applied_shift_eV"], row["status"]) == ("", "0.0000", "out_of_domain")


def test_terminal_plot_and_html_out_of_domain_say_so(result):
    console = Console(file=io.StringIO(), width=200)
    show(result, console)
    assert f"made.csv  {_WITHHELD}\n  shift: out of domain" in console.file.getvalue()
    drawing = figure(result)
    assert _WITHHELD in drawing.get_suptitle()
    labels = {axes.get_xlabel() for axes in drawing.findobj(lambda artist: hasattr(artist, "get_xlabel"))}
    assert "measured binding energy / eV" in labels
    assert "binding energy / eV" not in labels
    assert f"The {_WITHHELD}, so nothing is calibrated: energies are as measured." in html.fragment(result)


def test_files_of_other_programs_out_of_domain_have_no_shift(result, tmp_path):
    result.save(tmp_path / "a.lg4x.dat")
    text = (tmp_path / "a.lg4x.dat").read_text()
    settings, *_ = literal_eval(text.splitlines()[0])
    assert settings[5] == 0.0
    assert settings[1] == result.spectrum["C1s"]["binding_energy"][-1]
    assert f"{_WITHHELD} (out of domain)" in text
    result.save(tmp_path / "a.kherve.json")
    library = json.loads((tmp_path / "a.kherve.json").read_text())
    assert library["BEcorrection"] == 0.0
    assert f"{_WITHHELD} (out of domain)" in library["Comment"]
    result.save(tmp_path / "a.casaxps.txt")
    assert f"Calib: none, {_WITHHELD}; positions are as measured" in (tmp_path / "a.casaxps.txt").read_text()
    result.save(tmp_path / "a.nxs")
    again = xps.read(tmp_path / "a.nxs")
    np.testing.assert_array_equal(again["C1s/binding_energy"], result.spectrum["C1s/binding_energy"])
    result.save(tmp_path / "a.seeds.json")
    seeds = json.loads((tmp_path / "a.seeds.json").read_text())
    assert (seeds["shift"], seeds["status"], seeds["regions"]["C1s"]["shift"]) == (None, "out_of_domain", 0.0)


def test_calibrated_copy_out_of_domain_is_refused(outside, tmp_path):
    (action,) = (action for action in menu_actions() if action.name == "calibrated_copy")
    request = MenuRequest(spectrum=fakes.spectrum(), out=tmp_path / "copy.nxs")
    with pytest.raises(PrefitError, match="not applied, so nothing is calibrated"):
        action.run(request)
    action.run(replace(request, settings=Settings(apply_anyway=True)))
    assert (tmp_path / "copy.nxs").exists()


def test_batch_out_of_domain_writes_measured_energies(outside, tmp_path):
    rows = [("region", "binding_energy_eV", "intensity")]
    for name, region in fakes.spectrum().children.items():
        pairs = zip(region["binding_energy"].values, region["counts"].values, strict=True)
        rows += [(name, f"{energy:.4f}", f"{counts:g}") for energy, counts in pairs]
    with (tmp_path / "a.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    entry = Entry("a", "a.csv", make_record([tmp_path / "a.csv"], Settings(), True))
    summary = rows_of(entry, 285.0)
    assert {(row.status, row.applied_shift) for row in summary} == {("out_of_domain", 0.0)}
    for region in entry.record.regions.values():
        np.testing.assert_array_equal(region.curves[AXIS], region.curves[MEASURED_AXIS])
    write_sheet(tmp_path / "sheet.html", [entry], summary)
    assert f"out of domain, {_WITHHELD}" in (tmp_path / "sheet.html").read_text()


def test_region_that_was_not_read_is_never_ok(fake):
    spectrum = fakes.spectrum()
    spectrum["Survey"] = spectrum["C1s"].to_dataset().assign_attrs(region="Survey")
    result = xps.prefit(spectrum)
    prediction = replace(result.prediction, regions_read=("C1s", "O1s"))
    report = replace(result, prediction=prediction).report()
    assert {name: region.status for name, region in report.regions.items()} == {
        "C1s": "ok",
        "O1s": "ok",
        "Survey": "uncertain",
    }
    assert "This region does not affect the shift and is moved with the others." in report.regions["Survey"].notes
