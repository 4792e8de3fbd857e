"""Depth profiles and maps in a batch: a row for each spectrum, arrays on their own dimensions in the store."""

from __future__ import annotations

import csv
import json
import re
from itertools import pairwise

import h5py
import numpy as np
import pytest
import stacked
import xarray as xr
from click.testing import CliRunner
from test_readers_vamas import block, header, written

import xps_stn_plugin as xps
from xps_stn_plugin.batch import run_batch
from xps_stn_plugin.batch.outputs import is_own_file
from xps_stn_plugin.batch.record import Record, StackRecord, decode, encode
from xps_stn_plugin.cli import main
from xps_stn_plugin.settings import settings_of

LEVELS = 6
CHI = re.compile(r"χ² ([\d.e+-]+)")


def _block(region, values, at):
    species = {"C1s": ("C", "1s"), "O1s": ("O", "1s")}[region]
    axis = stacked.AXES[region]
    return block(*species, start=round(1486.6 - axis[-1], 3), step=0.2, counts=values[::-1].astype(int).tolist(), at=at)


def profile(path, levels=LEVELS, seed=0):
    """A depth profile of two regions, the last level without carbon."""
    kinds = ["ester"] * (levels - 1) + ["oxide"]
    values = stacked.counts(kinds, np.linspace(0.5, 1.5, levels), [400] * levels, seed)
    blocks = [_block(name, values[name][n], (30 * n,)) for n in range(levels) for name in stacked.AXES]
    return written(path, header(2 * levels, conditions=(("Etch Time", "s"),)), *blocks)


def area(path):
    values = stacked.counts(["ester"] * 6, np.linspace(-1, 1, 6), [400] * 6)["C1s"]
    places = [(x, y) for y in range(2) for x in range(3)]
    blocks = [_block("C1s", values[n], place) for n, place in enumerate(places)]
    return written(path, header(6, conditions=(("x", "mm"), ("y", "mm"))), *blocks)


def rows(out):
    with (out / "summary.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    profile(folder / "profile.vms")
    area(folder / "area.vms")
    return folder


@pytest.fixture(scope="module")
def out(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "results"
    report = run_batch([folder], out, settings_of())
    assert (report.total, report.failed) == (2, 0)
    return out


def test_each_spectrum_of_a_stack_is_a_row(folder, out):
    found = rows(out)
    assert len(found) == 6 + 2 * LEVELS
    levels = [row for row in found if row["source"].endswith("profile.vms")]
    assert [row["place"] for row in levels[::2]] == [f"etch_time={30 * n} s" for n in range(LEVELS)]
    assert {row["place"] for row in found if row["source"].endswith("area.vms")} == {
        f"y={y} mm, x={x} mm" for y in range(2) for x in range(3)
    }
    assert [row["region"] for row in levels[:2]] == ["C1s", "O1s"]
    stack = xps.prefit_many(xps.read(folder / "profile.vms"), fit=True)
    for row, shift, error in zip(levels[::2], stack["shift"].values, stack["shift_stderr"].values, strict=True):
        assert row["shift_eV"] == f"{shift:.4f}" and row["shift_stderr_eV"] == f"{error:.4f}"
    first = levels[0]
    assert (first["status"], first["fitted"], first["reference_eV"]) == ("ok", "yes", "285.00")
    assert "ester (aliphatic)" in first["groups"] and int(first["components"]) >= 3
    assert 0.5 < float(first["reduced_chi_square"]) < 2
    assert first["background"] in ("linear", "shirley")
    assert 0 <= int(first["unassigned"]) < int(first["components"])
    assert 1 < float(first["durbin_watson"]) < 3 and 0 < float(first["runs_p"]) <= 1
    last = levels[-2]
    assert last["status"] != "ok" and last["reasons"]


def test_the_store_has_stacks_as_labelled_arrays(folder, out):
    pytest.importorskip("h5netcdf")
    wanted = xps.prefit_many(xps.read(folder / "area.vms"), fit=True)
    measured = xps.read(folder / "area.vms")["C1s/counts"]
    with xr.open_datatree(out / "spectra.h5", engine="h5netcdf") as store:
        found = store["stacks/area"]
        assert found["shift"].dims == ("y", "x")
        np.testing.assert_array_equal(found["C1s/counts"], measured)
        assert found["x"].attrs["units"] == "mm"
        np.testing.assert_allclose(found["shift"], wanted["shift"], atol=1e-5)
        assert found["C1s/area"].dims == ("y", "x", "component")
        assert list(found["C1s"]["component"].values) == list(wanted["C1s"]["component"].values)
        for name in ("parameter_value", "parameter_stderr"):
            np.testing.assert_allclose(found[f"C1s/{name}"], wanted[f"C1s/{name}"], rtol=1e-6)
        carbon = found["C1s"].to_dataset()
        both = carbon["envelope"] + carbon["residual"]
        np.testing.assert_allclose(both, measured, rtol=1e-5, atol=1e-2)
        parts = carbon["background"] + carbon["component_curve"].sum("component")
        np.testing.assert_allclose(parts, carbon["envelope"], rtol=1e-5)
        axis = carbon["binding_energy_calibrated"]
        assert axis.dims == ("y", "x", "binding_energy") and "binding_energy_calibrated" in carbon["envelope"].coords
        moved = carbon["binding_energy"].values - found["shift"].values[..., None]
        np.testing.assert_array_equal(axis, moved)
        assert store["summary"].sizes["row"] == len(rows(out))
        assert store["stacks/profile/shift"].sizes == {"etch_time": LEVELS}
        assert list(store["spectra"]["spectrum"].values) == ["area", "profile"]


def test_the_contact_sheet_has_a_card_for_each_stack(out):
    text = (out / "contact_sheet.html").read_text(encoding="utf-8")
    assert text.count('<div class="card') == 2
    assert "6 spectra over etch_time" in text and "2 x 3 spectra over y, x" in text
    assert text.count("<circle") == LEVELS
    # Maps of the shift and of three areas: a path for each colour, a step to each of the six pixels.
    maps = re.findall(r'<figure class="map">.*?</figure>', text)
    assert [drawn.count("M") for drawn in maps] == [6] * 4
    assert "shift of y (down) and x: " in maps[0] and all("area of C1s " in drawn for drawn in maps[1:])
    assert "rows of stacks are in summary.csv only" in text
    # All fits of both; of the level without carbon there is the spectrum alone.
    fits = re.findall(r'<figure class="small (\w+)".*?<figcaption>(.*?)</figcaption></figure>', text)
    assert len(fits) == len(rows(out))
    of_profile = [(status, caption) for status, caption in fits if caption.startswith("etch_time")]
    order = [("failed", "out_of_domain", "uncertain", "ok").index(status) for status, _ in of_profile]
    assert order == sorted(order)
    chi = [float(found[1]) for status, caption in of_profile if status == "ok" and (found := CHI.search(caption))]
    assert len(chi) > LEVELS and all(a >= b or a == pytest.approx(b, rel=0.01) for a, b in pairwise(chi))
    assert re.search(r"etch_time=30 s<br>C1s: \d components?, χ² ", text)


def test_of_a_long_stack_the_worst_fits_are_drawn(out, folder, tmp_path, monkeypatch):
    monkeypatch.setattr("xps_stn_plugin.batch.stack_card.SHORT", 3)
    monkeypatch.setattr("xps_stn_plugin.batch.stack_card.WORST", 2)
    for path in out.glob(".xps_stn_batch/*.record"):
        (tmp_path / ".xps_stn_batch").mkdir(exist_ok=True)
        (tmp_path / ".xps_stn_batch" / path.name).write_bytes(path.read_bytes())
    assert run_batch([folder], tmp_path, settings_of()).reused == 2
    text = (tmp_path / "contact_sheet.html").read_text(encoding="utf-8")
    assert text.count('<figure class="small') == 4
    assert f"; the worst 2 of {2 * LEVELS} below" in text and "; the worst 2 of 6 below" in text
    assert len(text) < 200_000


def test_json_of_a_stack_holds_what_was_found(folder, out, caplog, monkeypatch):
    run_batch([folder], out, settings_of(), json=True)
    texts = {path.stem: path.read_text(encoding="utf-8") for path in (out / "json").glob("*.json")}
    assert set(texts) == {"area", "profile"}
    said = json.loads(texts["profile"], parse_constant=pytest.fail)
    assert said["schema"] == "xps-stn/stack/1" and said["source"].endswith("profile.vms")
    assert said["dims"] == ["etch_time"] and said["shape"] == [LEVELS]
    assert said["labels"]["etch_time"] == {
        "dims": ["etch_time"], "units": "s", "values": [30.0 * n for n in range(LEVELS)]
    }  # fmt: skip
    assert sum(said["statuses"].values()) == LEVELS and said["statuses"]["ok"] >= LEVELS - 1
    levels = [row for row in rows(out) if row["source"].endswith("profile.vms")]
    for row, shift in zip(levels[::2], said["variables"]["shift"]["values"], strict=True):
        assert row["shift_eV"] == ("" if shift is None else f"{shift:.4f}")
    status = said["variables"]["status"]
    assert [status["flags"][str(number)] for number in status["values"]] == [row["status"] for row in levels[::2]]
    assert said["variables"]["reasons"]["bits"]["8"] == "no_carbon"
    carbon = said["regions"]["C1s"]
    components, parameters = (carbon["labels"][dim]["values"] for dim in ("component", "parameter"))
    assert len(carbon["coordinates"]["component_groups"]["values"]) == len(components)
    assert len(carbon["coordinates"]["parameter_meaning"]["values"]) == len(parameters)
    assert not {"counts", "envelope", "binding_energy_calibrated"} & set(carbon["variables"])
    with h5py.File(out / "spectra.h5") as file:
        for name in ("area", "parameter_value", "parameter_stderr", "redchi"):
            stored = file["stacks/profile/C1s"][name][...]
            np.testing.assert_array_equal(np.array(carbon["variables"][name]["values"], dtype=float), stored)
        assert carbon["variables"]["area"]["dims"] == ["etch_time", "component"]
    assert np.shape(json.loads(texts["area"])["regions"]["C1s"]["variables"]["area"]["values"])[:2] == (2, 3)
    assert is_own_file(out / "json" / "area.json")
    # Too many are left out, and what an earlier run left of them goes.
    monkeypatch.setattr("xps_stn_plugin.batch.results.MOST", 5)
    monkeypatch.setattr("xps_stn_plugin.batch.stack_document.MOST", 5)
    # Nothing is new but the limit, which no run can change: the results are made anew where one is missing.
    (out / "summary.csv").unlink()
    run_batch([folder], out, settings_of(), json=True)
    assert not list((out / "json").glob("*.json"))
    assert "has more than 5 spectra, too many for JSON" in caplog.text


def test_a_stack_that_was_done_is_not_done_again_and_all_comes_out_the_same(folder, out, tmp_path):
    again = run_batch([folder], out, settings_of())
    assert again.reused == 2
    # One file, then the whole folder, by other processes' hands.
    half = tmp_path / "half"
    answers = iter([False, True])
    assert run_batch([folder], half, settings_of(), cancelled=lambda: next(answers)).interrupted
    assert run_batch([folder], half, settings_of()).reused == 1
    for name in ("summary.csv", "spectra.h5", "contact_sheet.html"):
        assert (half / name).read_bytes() == (out / name).read_bytes()


def test_a_shared_shift_is_another_work(folder, out, tmp_path):
    shared = tmp_path / "shared"
    (shared / "x").mkdir(parents=True)
    run_batch([folder / "profile.vms"], shared, settings_of(), fit=False)
    report = run_batch([folder / "profile.vms"], shared, settings_of(), fit=False, share="shift")
    assert report.reused == 0
    assert "carried over" in rows(shared)[-1]["reasons"]
    assert rows(shared)[0]["fitted"] == "no"


def test_a_stack_that_cannot_be_done_is_a_row_with_its_reason(folder, tmp_path):
    report = run_batch([folder / "area.vms"], tmp_path / "out", settings_of(), share="shift")
    assert report.failed == 1
    (row,) = rows(tmp_path / "out")
    assert row["reasons"].startswith("a shared shift is for a series along one dimension; this stack has y, x")


def test_records_of_stacks_come_back_as_they_were(tmp_path):
    record = Record(stack=StackRecord("ok", {"x": ["1 mm", "2 mm"]}, ["O1s", "C1s"], b"\x89HDF\n" + bytes(range(256))))
    back = decode(encode(record))
    assert back.status == "ok" and back.stack is not None
    for name in ("labels", "regions", "data"):
        assert getattr(back.stack, name) == getattr(record.stack, name)


def test_prefit_of_a_stack_says_what_to_use(folder):
    result = CliRunner().invoke(main, ["prefit", str(folder / "profile.vms")])
    assert result.exit_code != 0
    assert "region C1s is a stack of spectra (6 etch_time); use `xps-stn batch`" in " ".join(result.output.split())


def test_pixels_without_data_fail_nothing(tmp_path):
    path = tmp_path / "a.nxs"
    values = stacked.counts(["ester"] * 4, np.zeros(4), [300] * 4)["C1s"]
    values[2] = np.nan
    with h5py.File(path, "w") as file:
        group = file.create_group("sample__C1s")
        group.attrs["NX_class"] = "NXentry"
        group["definition"] = "NXxps"
        data = group.create_group("data")
        data.attrs.update({"NX_class": "NXdata", "signal": "data", "axes": ["x", "energy"]})
        data["data"], data["energy"], data["x"] = values, stacked.AXES["C1s"], np.arange(4.0)
        data["energy"].attrs.update({"units": "eV", "type": "binding"})
    report = run_batch([path], tmp_path / "out", settings_of(), fit=True)
    assert report.failed == 0
    found = rows(tmp_path / "out")
    assert [row["status"] for row in found] == ["ok", "ok", "no_data", "ok"]
    assert [row["fitted"] for row in found] == ["yes", "yes", "", "yes"]
    assert found[2]["reasons"] == "Nothing was measured." and found[2]["shift_eV"] == ""


def test_share_is_for_the_spectra_of_a_stack(folder, tmp_path):
    alone = stacked.counts(["ester"], np.zeros(1), [400])["C1s"][0]
    (tmp_path / "data").mkdir()
    pairs = zip(stacked.AXES["C1s"], alone, strict=True)
    (tmp_path / "data" / "one.csv").write_text("".join(f"{energy:.2f},{int(count)}\n" for energy, count in pairs))
    profile(tmp_path / "data" / "profile.vms")
    out = tmp_path / "out"
    done = CliRunner().invoke(
        main, ["batch", str(tmp_path / "data"), "--out", str(out), "--no-fit", "--share", "shift"]
    )
    assert done.exit_code == 0, done.output
    found = {name: [row for row in rows(out) if row["source"].endswith(name)] for name in ("one.csv", "profile.vms")}
    assert "cannot share its shift with others" in found["one.csv"][0]["reasons"]
    shared = xps.prefit_many(xps.read(tmp_path / "data" / "profile.vms"), share="shift")
    written = [float(row["shift_eV"]) for row in found["profile.vms"][::2]]
    np.testing.assert_allclose(written, shared["shift"].values, atol=1e-4)
    without = xps.prefit_many(xps.read(tmp_path / "data" / "profile.vms"))
    assert np.isnan(without["shift"].values[-1]) or abs(written[-1] - without["shift"].values[-1]) > 1e-3


def test_shared_components_need_a_fit(tmp_path):
    (tmp_path / "a.csv").write_text("1,2\n")
    command = ["batch", str(tmp_path / "a.csv"), "--out", str(tmp_path / "out"), "--no-fit", "--share", "components"]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 2
    assert "--share components needs a fit" in done.output
