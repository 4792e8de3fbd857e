"""A folder of one-level files is a series: one stack in the batch, with a row for each file."""

from __future__ import annotations

import csv
import math
from collections import Counter
from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np
import pytest
import stacked
import xarray as xr
from click.testing import CliRunner
from test_batch_stacks import profile
from test_readers_vamas import block, header, written

import xps_stn_plugin as xps
from xps_stn_plugin.batch import run as run_module
from xps_stn_plugin.batch import run_batch
from xps_stn_plugin.batch.grouping import labels_of, pieces_of, read_series, statuses_of, with_reason
from xps_stn_plugin.batch.inputs import find_inputs
from xps_stn_plugin.batch.record import Record
from xps_stn_plugin.batch.tasks import make_record
from xps_stn_plugin.cli import main
from xps_stn_plugin.export.report import SCHEMA, Model, Report, Shift, Verdicts
from xps_stn_plugin.settings import settings_of

LEVELS = 12
#: Carbon is sputtered away: the last levels show an oxide only.
KINDS = ["ester"] * 9 + ["oxide"] * 3
SHIFTS = np.linspace(0.8, 1.2, LEVELS)
VALUES = stacked.counts(KINDS, SHIFTS, [300] * LEVELS)


def write(path, counts, axes=stacked.AXES, moved=0.0):
    """A spectrum as a long table, one row per point."""
    lines = ["region,binding_energy_eV,counts"]
    for name, values in counts.items():
        lines += [f"{name},{e + moved:.3f},{c:.0f}" for e, c in zip(axes[name], values, strict=True)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def level(number, regions=("C1s", "O1s")):
    return {name: VALUES[name][number] for name in regions}


def levels(folder, number=LEVELS, **options):
    return [write(folder / f"level{n}.csv", level(n, **options)) for n in range(number)]


def rows(out):
    with (out / "summary.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def run(paths, out, **options):
    options = {"fit": False, "share": "shift", **options}
    return run_batch(paths if isinstance(paths, list) else [paths], out, settings_of(), **options)


def outputs(out):
    return {name: (out / name).read_bytes() for name in ("summary.csv", "spectra.h5", "contact_sheet.html")}


def records(out):
    return {path.name for path in (out / ".xps_stn_batch").glob("*.record")}


def pieces(folder):
    return pieces_of(find_inputs([folder]), settings_of(), "shift")


# Which files go together.


def test_files_of_a_folder_are_a_series_in_natural_order(tmp_path):
    levels(tmp_path / "profile")
    (piece,) = pieces(tmp_path)
    assert [path.name for path in piece.paths] == [f"level{n}.csv" for n in range(LEVELS)]
    assert (piece.source, piece.stem, piece.alone) == (str(tmp_path / "profile"), "profile", "")
    assert labels_of(piece.paths) == [f"level{n}" for n in range(LEVELS)]


def test_names_that_are_alike_without_suffix_keep_it():
    assert labels_of([Path("a/x.csv"), Path("a/y.csv")]) == ["x", "y"]
    assert labels_of([Path("a/x.csv"), Path("a/x.vms")]) == ["x.csv", "x.vms"]


def test_without_share_no_file_is_read(tmp_path, monkeypatch):
    levels(tmp_path, 3)
    monkeypatch.setattr("xps_stn_plugin.api.checked_spectrum", None)
    alone = pieces_of(find_inputs([tmp_path]), settings_of(), "none")
    assert [len(piece.paths) for piece in alone] == [1, 1, 1]
    assert not any(piece.alone for piece in alone)


def test_each_folder_has_its_own_series(tmp_path):
    levels(tmp_path / "one", 2)
    levels(tmp_path / "one" / "deeper", 3)
    levels(tmp_path / "two", 1)
    found = {piece.source: len(piece.paths) for piece in pieces(tmp_path)}
    one, two = tmp_path / "one", tmp_path / "two"
    assert found == {str(one): 2, str(one / "deeper"): 3, str(two / "level0.csv"): 1}


def test_several_series_of_a_folder_have_names_of_their_own(tmp_path):
    for n in range(3):
        write(tmp_path / f"a{n}.csv", level(n))
        write(tmp_path / f"b{n}.csv", level(n, ["C1s"]))
    write(tmp_path / "c.csv", level(0, ["O1s"]))
    one, two, odd = pieces(tmp_path)
    assert (one.source, two.source) == (f"{tmp_path}: a0.csv to a2.csv", f"{tmp_path}: b0.csv to b2.csv")
    assert [path.name for path in two.paths] == ["b0.csv", "b1.csv", "b2.csv"]
    assert odd.alone == (
        "The file holds one spectrum, which has nobody to share its shift with; "
        "it is not of the series of 3 files in its folder, for it has no C1s."
    )


def test_files_that_differ_are_by_themselves_and_say_why(tmp_path):
    levels(tmp_path, 3)
    write(tmp_path / "moved.csv", level(3), moved=0.1)
    write(tmp_path / "short.csv", level(3, ["C1s"]))
    profile(tmp_path / "stack.vms")
    (tmp_path / "rubbish.csv").write_text("Buy milk.\n")
    found = {piece.source.removeprefix(f"{tmp_path}/"): piece for piece in pieces(tmp_path)}
    assert set(found) == {str(tmp_path), "moved.csv", "short.csv", "stack.vms", "rubbish.csv"}
    assert found["moved.csv"].alone.endswith("of the series of 3 files in its folder, for in C1s their axes differ.")
    assert found["short.csv"].alone.endswith("for it has no O1s.")


def test_files_of_which_no_two_are_alike_say_so(tmp_path):
    write(tmp_path / "a.csv", level(0))
    write(tmp_path / "b.csv", level(1), moved=0.1)
    lonely = "The file holds one spectrum, which has nobody to share its shift with"
    assert {piece.alone for piece in pieces(tmp_path)} == {f"{lonely}: no other file in its folder was measured alike."}
    (tmp_path / "b.csv").unlink()
    assert [piece.alone for piece in pieces(tmp_path)] == [f"{lonely}."]


def test_settings_of_the_spectrometer_decide_as_they_do_in_a_depth_profile(tmp_path):
    axis = stacked.AXES["C1s"]
    for number, scans in enumerate([1, 1, 1, 4]):
        counts = level(number)["C1s"][::-1].astype(int).tolist()
        start = round(1486.6 - axis[-1], 3)
        made = block("C", "1s", start=start, step=0.2, counts=counts, scans=scans)
        written(tmp_path / f"level{number}.vms", header(1), made)
    series, odd = pieces(tmp_path)
    assert len(series.paths) == 3
    assert odd.alone.endswith("for in C1s their numbers of scans differ.")


# What becomes of them.


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "profile"
    levels(folder)
    return folder


@pytest.fixture(scope="module")
def out(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "results"
    report = run(folder, out)
    assert (report.finished, report.total, report.failed) == (LEVELS, LEVELS, 0)
    return out


@pytest.fixture(scope="module")
def shared():
    """The same spectra as one stack."""
    return xps.prefit_many(
        stacked.tree(VALUES, (LEVELS,), ("level",), region_from="label", intensity="counts"), share="shift"
    )


def test_the_shared_shift_is_that_of_the_same_spectra_as_one_stack(out, shared):
    pytest.importorskip("h5netcdf")
    with xr.open_datatree(out / "spectra.h5", engine="h5netcdf") as store:
        found = store["stacks/profile"]
        assert found["shift"].dims == ("file",)
        assert found["file"].values.tolist() == [f"level{n}" for n in range(LEVELS)]
        for name in ("shift", "shift_stderr", "status", "reasons", "probability", "O1s/region_shift"):
            np.testing.assert_array_equal(found[name].values, shared[name].values)
        for name, values in VALUES.items():
            np.testing.assert_array_equal(found[f"{name}/counts"].values, values)
        assert found.attrs["source"] == f"level0.csv and {LEVELS - 1} more"
        assert store["spectra"]["spectrum"].values.tolist() == ["profile"]
    # Levels without carbon know no scale by themselves, and have that of the others.
    alone = xps.prefit_many(stacked.tree(VALUES, (LEVELS,), ("level",)))
    assert np.abs(alone["shift"].values - SHIFTS)[-3:].min() > 1
    assert np.abs(shared["shift"].values - SHIFTS).max() < 0.3


def test_each_file_of_a_series_is_a_row(folder, out, shared):
    found = rows(out)
    assert [row["place"] for row in found[::2]] == [f"file=level{n}" for n in range(LEVELS)]
    assert [row["region"] for row in found[:2]] == ["C1s", "O1s"]
    assert {row["source"] for row in found} == {str(folder)}
    assert [row["shift_eV"] for row in found[::2]] == [f"{shift:.4f}" for shift in shared["shift"].values]
    assert "carried over" in found[-1]["reasons"]


def test_the_contact_sheet_has_one_card_for_a_series(out):
    text = (out / "contact_sheet.html").read_text(encoding="utf-8")
    assert text.count('<div class="card') == 1
    assert f"{LEVELS} spectra over file" in text and text.count("<circle") == LEVELS


def test_counts_are_those_of_the_files(folder, out, tmp_path, shared):
    told = []
    report = run(folder, tmp_path, progress=lambda *what: told.append(what))
    wanted = Counter(shared["status"].values.tolist())
    assert (report.ok, report.uncertain, report.out_of_domain, report.failed) == (wanted[0], wanted[1], wanted[2], 0)
    assert report.ok and report.out_of_domain
    assert {total for _, total, _ in told} == {LEVELS}
    assert all(before <= after for (before, *_), (after, *_) in pairwise(told))
    assert told[-1][0] == LEVELS
    again = run(folder, tmp_path)
    assert (again.ok, again.out_of_domain, again.reused) == (report.ok, report.out_of_domain, LEVELS)


@pytest.mark.slow
def test_two_processes_give_the_same_files_byte_for_byte(tmp_path, monkeypatch):
    write(tmp_path / "other" / "level1.csv", level(1), moved=0.1)
    write(tmp_path / "other" / "level2.csv", level(2))
    write(tmp_path / "other" / "level3.csv", level(3))
    levels(tmp_path / "profile", 4)
    monkeypatch.chdir(tmp_path)
    # Workers are elsewhere, and know no relative paths.
    run(["other", "profile"], tmp_path / "one")
    report = run(["other", "profile"], tmp_path / "two", jobs=2)
    assert report.finished == report.total == 7
    assert outputs(tmp_path / "one") == outputs(tmp_path / "two")


def test_what_was_killed_is_begun_again_and_comes_out_the_same(folder, out, tmp_path):
    wanted = outputs(out)
    kept = records(out)
    assert len(kept) == 1
    for name in kept:
        (out / ".xps_stn_batch" / name).unlink()
    report = run(folder, out)
    assert report.reused == 0
    assert (outputs(out), records(out)) == (wanted, kept)


def test_a_changed_an_added_and_a_removed_file_make_the_series_anew_and_nothing_else(tmp_path):
    data, out = tmp_path / "data", tmp_path / "out"
    levels(data / "one", 3)
    levels(data / "two", 3)
    lonely = write(data / "lonely.csv", level(0))
    assert run(data, out).reused == 0
    before = records(out)
    write(data / "one" / "level1.csv", level(7))
    assert run(data, out).reused == 4
    write(data / "one" / "level10.csv", level(8))
    report = run(data, out)
    assert (report.reused, report.total) == (4, 8)
    one = [row["place"] for row in rows(out) if row["source"] == str(data / "one")]
    assert one[::2] == ["file=level0", "file=level1", "file=level2", "file=level10"]
    (data / "one" / "level10.csv").unlink()
    assert run(data, out).reused == 7
    # Its row says why it is alone; what was found in it is the same.
    write(data / "other.csv", level(0), moved=0.1)
    report = run(data, out)
    assert (report.reused, report.total) == (7, 8)
    (row,) = [row for row in rows(out) if row["source"] == str(lonely) and row["region"] == "C1s"]
    assert row["reasons"].endswith("no other file in its folder was measured alike.")
    assert before <= records(out)


def test_a_moved_folder_is_not_done_again_and_has_its_new_name(tmp_path):
    levels(tmp_path / "data", 3)
    run(tmp_path / "data", tmp_path / "out")
    (tmp_path / "data").rename(tmp_path / "elsewhere")
    assert run(tmp_path / "elsewhere", tmp_path / "out").reused == 3
    assert {row["source"] for row in rows(tmp_path / "out")} == {str(tmp_path / "elsewhere")}
    assert (
        str(tmp_path).encode()
        not in (tmp_path / "out" / ".xps_stn_batch" / records(tmp_path / "out").pop()).read_bytes()
    )


def test_odd_files_have_rows_of_their_own(tmp_path):
    levels(tmp_path / "data", 3)
    write(tmp_path / "data" / "level3.csv", level(3, ["C1s"]))
    (tmp_path / "data" / "level4.csv").write_text("Buy milk.\n")
    report = run(tmp_path / "data", tmp_path / "out", json=True)
    assert (report.total, report.finished, report.failed) == (5, 5, 1)
    found = rows(tmp_path / "out")
    assert [Path(row["source"]).name for row in found] == ["data"] * 6 + ["level3.csv", "level4.csv"]
    assert "not of the series of 3 files in its folder, for it has no O1s." in found[6]["reasons"]
    assert found[7]["status"] == "failed"
    assert (tmp_path / "out" / "json" / "level3.json").is_file()


def test_names_of_series_and_files_stay_apart(tmp_path):
    pytest.importorskip("h5netcdf")
    levels(tmp_path / "a" / "data", 2)
    levels(tmp_path / "b" / "data", 2)
    write(tmp_path / "c" / "data.csv", level(0))
    run([tmp_path / "a", tmp_path / "b", tmp_path / "c"], tmp_path / "out")
    with xr.open_datatree(tmp_path / "out" / "spectra.h5", engine="h5netcdf") as store:
        assert store["spectra"]["spectrum"].values.tolist() == ["data", "data_2", "data_3"]
        assert set(store["stacks"].children) == {"data", "data_2"}
    # The same files in two folders are one piece of work.
    assert len(records(tmp_path / "out")) == 2


def test_the_folder_where_one_is_has_a_name(tmp_path, monkeypatch):
    levels(tmp_path / "data", 2)
    monkeypatch.chdir(tmp_path / "data")
    (piece,) = pieces_of(find_inputs(["."]), settings_of(), "shift")
    assert (piece.stem, piece.source) == ("data", str(tmp_path / "data"))


def test_a_series_that_cannot_be_done_is_one_row_and_all_its_files_have_failed(tmp_path):
    levels(tmp_path / "data", 3)
    command = ["batch", str(tmp_path / "data"), "--out", str(tmp_path / "out"), "--no-fit", "--share", "shift"]
    done = CliRunner().invoke(main, [*command, "--expect", "PMMA"])
    assert done.exit_code == 1, done.output
    assert "3 of 3 spectra: 0 ok, 0 uncertain, 0 out of domain, 3 failed" in done.output
    (row,) = rows(tmp_path / "out")
    assert (row["source"], row["status"]) == (str(tmp_path / "data"), "failed")
    assert "leave them out, or share no shift" in row["reasons"]


def test_a_series_of_which_a_file_is_gone_is_one_row_that_names_it(tmp_path, monkeypatch):
    levels(tmp_path / "data", 3)
    digest = run_module.content_digest

    def lose(path):
        if path.name == "level1.csv":
            raise OSError(5, "Input/output error")
        return digest(path)

    monkeypatch.setattr(run_module, "content_digest", lose)
    assert run(tmp_path / "data", tmp_path / "out").failed == 3
    (row,) = rows(tmp_path / "out")
    assert row["reasons"] == "level1.csv cannot be opened (Input/output error)."
    monkeypatch.undo()
    report = run(tmp_path / "data", tmp_path / "out")
    assert (report.reused, report.failed) == (0, 0)


def test_a_file_that_changed_its_kind_meanwhile_is_one_sentence(tmp_path):
    paths = levels(tmp_path, 3)
    write(paths[1], level(1), moved=0.1)
    record = make_record(paths, settings_of(), False, "shift")
    assert record.reason == "level1 does not go together with level0: in C1s their axes differ."
    paths[2].unlink()
    write(paths[1], level(1))
    record = make_record(paths, settings_of(), False, "shift")
    assert record.reason.startswith("level2.csv: ") and str(tmp_path) not in record.reason


def test_shared_components_are_those_of_one_stack(tmp_path):
    pytest.importorskip("h5netcdf")
    paths = levels(tmp_path / "data", 4, regions=["C1s"])
    assert run(tmp_path / "data", tmp_path / "out", fit=True, share="components").failed == 0
    wanted = xps.prefit_many(read_series(paths, settings_of()), fit=True, share="components")
    with xr.open_datatree(tmp_path / "out" / "spectra.h5", engine="h5netcdf") as store:
        np.testing.assert_array_equal(store["stacks/data/C1s/fwhm"].values, wanted["C1s/fwhm"].values)
    assert [row["fitted"] for row in rows(tmp_path / "out")] == ["yes"] * 4


def test_components_that_nobody_fits_are_nothing_to_share(tmp_path):
    levels(tmp_path / "data", 2)
    run(tmp_path / "data", tmp_path / "out", share="components")
    assert not any(row["place"] or "nobody" in row["reasons"] for row in rows(tmp_path / "out"))


# Small things.


def test_a_fit_that_failed_is_a_file_that_failed(tmp_path, monkeypatch):
    from xps_stn_plugin.batch import grouping as series
    from xps_stn_plugin.batch.record import StackRecord
    from xps_stn_plugin.batch.summary import Row

    made = [("a", "ok"), ("a", "failed"), ("b", "uncertain"), ("b", "uncertain"), ("c", "no_data"), ("d", "ok")]
    monkeypatch.setattr(series, "rows_of", lambda *_: [Row("x", place=place, status=status) for place, status in made])
    stack = Record(stack=StackRecord("ok", {}, [], b""))
    assert statuses_of(stack, 4, True) == {"failed": 2, "uncertain": 1, "ok": 1}
    assert statuses_of(stack, 1, True) == {"ok": 1}
    assert statuses_of(Record(reason="no"), 4, True) == {"failed": 4}


def test_a_reason_is_added_to_single_spectra_only():
    shift = Shift(math.pi, 0.1, "eV", "", 285.0)
    report = Report(SCHEMA, "", "ok", ("a",), shift, (), {}, None, Model("", "", ""), Verdicts("ok", "ok", {}))
    record = with_reason(Record(report), "b")
    assert record.report == msgspec.structs.replace(report, reasons=("a", "b"))
    failed = Record(reason="no")
    assert with_reason(failed, "b") is failed
