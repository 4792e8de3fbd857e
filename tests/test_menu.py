from __future__ import annotations

import json

import batched
import fakes
import h5py
import numpy as np
import pytest
import xarray as xr

import xps_stn_plugin as xps
from xps_prefit_hooks import MenuRequest, PrefitError, Settings
from xps_stn_plugin.menu import menu_actions


@pytest.fixture
def run():
    actions = {action.name: action for action in menu_actions()}
    return lambda name, *arguments, **options: actions[name].run(MenuRequest(*arguments, **options))


def test_own_actions_come_through_the_hook():
    assert [action.name for action in xps.plugin_manager().menu()] == [
        "prefit",
        "send_seed",
        "calibrated_copy",
        "export",
        "batch",
        "about_model",
    ]


def test_prefit_tells_and_seeds(fake, run):
    outcome = run("prefit", fakes.spectrum())
    assert outcome.message == "made.csv: shift +1.25 ± 0.06 eV (ok). Groups: ester (aliphatic)."
    assert outcome.result.shift == fakes.SHIFT
    assert (outcome.files, outcome.regions, outcome.details) == ((), (), "")


def test_send_seed_names_regions_carbon_first(fake, run):
    spectrum = fakes.spectrum()
    swapped = xr.DataTree.from_dict({name: spectrum[name].to_dataset() for name in ("O1s", "C1s")})
    outcome = run("send_seed", swapped)
    assert outcome.regions == ("C1s", "O1s")
    assert set(outcome.result.seeds) == {"C1s", "O1s"}


def test_nothing_to_send_is_one_sentence(fake, run):
    survey = xr.DataTree.from_dict({"Survey": fakes.spectrum()["C1s"].to_dataset().assign_attrs(region="Survey")})
    with pytest.raises(PrefitError, match=r"no seeded model for any region\. Looks fine\."):
        run("send_seed", survey)


def test_a_prefit_that_the_host_has_is_not_made_again(fake, run, monkeypatch):
    result = run("prefit", fakes.spectrum()).result
    monkeypatch.setattr(fake, "xps_prefit_predict", None)
    assert run("send_seed", fakes.spectrum(), result=result).result is result


def test_settings_of_a_form_are_checked(fake, run):
    with pytest.raises(PrefitError, match="photon energy: -1 eV is not a photon energy"):
        run("prefit", fakes.spectrum(), Settings(photon_energy=-1.0))


def test_calibrated_copy_moves_the_axis_and_keeps_the_counts(fake, run, tmp_path):
    spectrum = fakes.spectrum()
    out = tmp_path / "a.nxs"
    run("calibrated_copy", spectrum, Settings(reference=284.8), out)
    with h5py.File(out) as file:
        entry = file["C1s"]
        assert entry.attrs["NX_class"] == "NXentry"
        data = entry["data"]
        np.testing.assert_array_equal(data["counts"], spectrum["C1s"]["counts"])
        np.testing.assert_array_equal(data["binding_energy_measured"], spectrum["C1s"]["binding_energy"])
        referencing = entry["energy_referencing"]
        offset = referencing["offset"][()]
        assert offset == pytest.approx(-(fakes.SHIFT + 0.2))
        assert referencing["binding_energy"][()] == 284.8
        assert referencing["offset"].attrs["units"] == "eV"
        np.testing.assert_allclose(data["binding_energy"][:] - data["binding_energy_measured"][:], offset, atol=1e-9)


def test_calibrated_copy_never_takes_the_measured_file(fake, run, tmp_path):
    path = tmp_path / "a.h5"
    path.write_bytes(b"raw")
    with pytest.raises(PrefitError, match="this is the measured file itself"):
        run("calibrated_copy", fakes.spectrum(source=str(path)), out=path)
    assert path.read_bytes() == b"raw"


def test_export_writes_fits_in_the_format_of_the_suffix(fake, run, tmp_path):
    outcome = run("export", fakes.spectrum(), out=tmp_path / "a.json")
    assert set(outcome.result.fits) == {"C1s", "O1s"}
    assert outcome.files == (tmp_path / "a.json",)
    assert json.loads((tmp_path / "a.json").read_text())["status"] == "ok"


def test_export_offers_the_formats_of_all_plugins():
    action = next(action for action in menu_actions() if action.name == "export")
    assert {".json", ".seeds.json", ".csv", ".png"} <= set(action.suffixes)
    assert set(action.suffixes) == {exporter.suffix for exporter in xps.plugin_manager().exporters()}


def test_exported_seeds_can_be_fitted_by_plain_lmfit(fake, run, tmp_path):
    outcome = run("export", fakes.spectrum(), out=tmp_path / "a.seeds.json")
    seed = xps.load_seeds(tmp_path / "a.seeds.json")["C1s"]
    assert seed.params == outcome.result.seeds["C1s"].params
    assert [component.prefix for component in seed.components] == ["p1_", "p2_"]
    data = outcome.result.calibrated["C1s"]
    fit = seed.model.fit(data["counts"].values, seed.params, x=data["binding_energy"].values)
    assert fit.params["p1_center"].value == pytest.approx(285.0, abs=0.03)


def test_batch_tells_its_counts_and_files(fake, run, tmp_path):
    batched.mixed_folder(tmp_path / "data")
    told = []
    out = tmp_path / "out"
    outcome = run("batch", folder=tmp_path / "data", out=out, progress=lambda *what: told.append(what))
    assert outcome.message.startswith("13 of 13 spectra: 6 ok, 0 uncertain, 0 out of domain, 7 failed (")
    assert outcome.files == (out / "summary.csv", out / "contact_sheet.html", out / "spectra.h5")
    assert told[-1][:2] == (13, 13)


def test_batch_can_be_cancelled_and_goes_on(fake, run, tmp_path):
    batched.mixed_folder(tmp_path / "data")
    folders = {"folder": tmp_path / "data", "out": tmp_path / "out"}
    assert "Interrupted" in run("batch", **folders, cancelled=lambda: len(fake.fits) >= 2).message
    assert run("batch", **folders).message.startswith("13 of 13 spectra")


def test_batch_without_folders_is_one_sentence(fake, run, tmp_path):
    with pytest.raises(PrefitError, match="no folder is given"):
        run("batch", out=tmp_path)
    with pytest.raises(PrefitError, match="no place to write to"):
        run("batch", folder=tmp_path)


def test_about_model_shows_the_card(run):
    outcome = run("about_model")
    assert outcome.message == f"xps-stn-plugin {xps.__version__}"
    assert outcome.details.startswith("#")


@pytest.mark.parametrize("name", ["prefit", "send_seed", "calibrated_copy", "export"])
def test_nothing_selected_is_one_sentence(run, name, tmp_path):
    with pytest.raises(PrefitError, match="nothing is selected"):
        run(name, out=tmp_path / "a")


@pytest.mark.parametrize("name", ["calibrated_copy", "export"])
def test_no_place_is_one_sentence(fake, run, name):
    with pytest.raises(PrefitError, match="name a file"):
        run(name, fakes.spectrum())
