from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import batched
import fakes
import h5py
import numpy as np
import pytest
from test_batch_stacks import profile

from xps_prefit_hooks import PrefitError, hookimpl
from xps_stn_plugin.batch import run as batch_run
from xps_stn_plugin.batch import run_batch
from xps_stn_plugin.batch.run import _items
from xps_stn_plugin.settings import settings_of


@pytest.fixture
def folder(tmp_path):
    return batched.mixed_folder(tmp_path / "data")


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def rows(out):
    with (out / "summary.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def run(paths, out, **options):
    paths = paths if isinstance(paths, list) else [paths]
    return run_batch(paths, out, options.pop("settings", settings_of()), **options)


def test_good_files_and_rubbish_all_get_their_rows(fake, folder, out):
    report = run(folder, out)
    assert (report.total, report.ok, report.failed, report.reused) == (13, 6, 7, 0)
    assert (report.finished, report.interrupted) == (13, False)
    assert report.files == (out / "summary.csv", out / "contact_sheet.html", out / "spectra.h5")
    found = rows(out)
    failed = {Path(row["source"]).name: row for row in found if row["status"] == "failed"}
    assert set(failed) == set(batched.RUBBISH)
    for name, (_, reason) in batched.RUBBISH.items():
        assert reason in failed[name]["reasons"]
        assert str(folder) not in failed[name]["reasons"]
        assert failed[name]["region"] == failed[name]["shift_eV"] == ""
    good = [row for row in found if row["status"] == "ok"]
    assert [row["region"] for row in good].count("C1s") == 6
    assert [row["region"] for row in good].count("O1s") == 5
    for row in good:
        assert (row["shift_eV"], row["shift_stderr_eV"], row["fitted"]) == ("1.2500", "0.0600", "yes")
        assert row["components"] == ("2" if row["region"] == "C1s" else "1")
        assert 0.5 < float(row["reduced_chi_square"]) < 2


def test_rows_stand_in_the_order_of_the_inputs_whatever_was_done_first(fake, folder, out):
    run(folder / "level3.csv", out)
    run(folder, out)
    whole = (out / "summary.csv").read_bytes()
    sources = [row["source"] for row in rows(out)]
    levels = [source for source in dict.fromkeys(sources) if "level" in source]
    assert [os.path.relpath(source, folder) for source in levels] == [
        "deeper/level0.csv",
        "level0.csv",
        "level1.csv",
        "level2.csv",
        "level3.csv",
    ]
    run(folder, out, resume=False)
    assert (out / "summary.csv").read_bytes() == whole


def test_nothing_is_done_twice(fake, folder, out):
    run(folder, out)
    first = len(fake.fits)
    assert first == 11
    outputs = {name: (out / name).read_bytes() for name in ("summary.csv", "contact_sheet.html", "spectra.h5")}
    report = run(folder, out)
    assert report.reused == 12  # h5py's own error on broken.h5 may not come again
    assert "12 done earlier" in report.text
    assert len(fake.fits) == first
    assert outputs == {name: (out / name).read_bytes() for name in outputs}
    run(folder, out, resume=False)
    assert len(fake.fits) == 2 * first


def test_changed_files_are_done_again_and_others_are_not(fake, folder, out):
    run(folder, out)
    fake.fits.clear()
    batched.write_table(folder / "level1.csv", seed=77)
    (folder / "level2.csv").rename(folder / "level9.csv")
    report = run(folder, out)
    assert {result.source for result, _, _ in fake.fits} == {str(folder / "level1.csv"), str(folder / "level9.csv")}
    assert report.total == 13
    assert not any("level2" in row["source"] for row in rows(out))


def test_a_moved_folder_is_not_done_again(fake, folder, out, tmp_path):
    run(folder, out)
    fake.fits.clear()
    folder.rename(tmp_path / "elsewhere")
    run(tmp_path / "elsewhere", out)
    assert not fake.fits
    assert all("elsewhere" in row["source"] for row in rows(out))
    assert not any("/" in row["reasons"] for row in rows(out) if row["status"] == "failed")


def test_changed_options_do_all_again_and_old_results_come_back(fake, folder, out):
    run(folder, out)
    before = (out / "summary.csv").read_bytes()
    fake.fits.clear()
    run(folder, out, settings=settings_of(reference=284.8))
    assert len(fake.fits) == 11
    assert {row["shift_eV"] for row in rows(out) if row["status"] == "ok"} == {"1.5650"}
    run(folder, out, fit=False)
    assert len(fake.fits) == 11
    assert {row["fitted"] for row in rows(out) if row["status"] == "ok"} == {"no"}
    run(folder, out)
    assert len(fake.fits) == 11
    assert (out / "summary.csv").read_bytes() == before


def test_copies_are_done_once_and_have_rows_of_their_own(fake, tmp_path, out):
    for name in ("one", "two"):
        batched.write_table(tmp_path / name / "a.csv")
    report = run([tmp_path / "one", tmp_path / "two"], out)
    assert (report.ok, len(fake.fits)) == (2, 2)
    assert len({row["source"] for row in rows(out)}) == 2


@pytest.fixture
def writings(monkeypatch):
    """Names of what each run wrote for people and programs."""
    made, write = [], batch_run.write_results

    def recorded(*arguments, **options):
        written = write(*arguments, **options)
        made.append([path.name for path in written.files])
        return written

    monkeypatch.setattr(batch_run, "write_results", recorded)
    return made


def test_run_that_finds_nothing_new_writes_nothing(fake, folder, out, writings):
    paths = [folder / "deeper", folder / "empty.csv"]
    paths[1].write_text("")
    first = run(paths, out, json=True)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    again = run(paths, out, json=True)
    assert len(writings) == 1
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before
    assert again.reused == again.finished == 2
    assert (again.files, again.ok, again.failed) == (first.files, 1, 1)


@pytest.mark.parametrize("change", ["output gone", "document gone", "output edited", "other files", "without JSON"])
def test_run_writes_where_anything_is_new(fake, folder, out, writings, change):
    run(folder / "deeper", out, json=True)
    paths, options = [folder / "deeper"], {"json": True}
    if change == "output gone":
        (out / "summary.csv").unlink()
    elif change == "document gone":
        (out / "json" / "level0.json").unlink()
    elif change == "output edited":
        with (out / "summary.csv").open("a") as file:
            file.write("mine\n")
        options["overwrite"] = True
    elif change == "other files":
        paths.append(folder / "level0.csv")
    else:
        options["json"] = False
    run(paths, out, **options)
    assert len(writings) == 2
    assert "mine" not in (out / "summary.csv").read_text()
    assert (out / "json" / "level0.json").is_file()
    assert len(rows(out)) == 2 * len(paths)


def test_batch_checks_and_tabulates_each_spectrum_once(fake, folder, out, monkeypatch):
    from xps_stn_plugin import api
    from xps_stn_plugin.export import make_report

    checked, tabulated = [], []
    check, tabulate = api.checked_tree, make_report.component_table
    monkeypatch.setattr(api, "checked_tree", lambda source, tree: checked.append(source) or check(source, tree))
    monkeypatch.setattr(
        make_report, "component_table", lambda seed, fit: tabulated.append(seed.region) or tabulate(seed, fit)
    )
    monkeypatch.setattr("xps_stn_plugin.fitting.component_table", None)
    run(folder / "level1.csv", out)
    assert checked == [str(folder / "level1.csv")]
    assert tabulated == ["C1s", "O1s"]


def test_damaged_records_are_done_again(fake, folder, out):
    run(folder, out)
    before = (out / "summary.csv").read_bytes()
    for path in sorted((out / ".xps_stn_batch").glob("*.record"))[::2]:
        path.write_bytes(path.read_bytes()[:-5])
    assert run(folder, out).reused < 8
    assert (out / "summary.csv").read_bytes() == before


def test_cancelling_leaves_what_is_finished_and_the_next_run_goes_on(fake, folder, out):
    told = []
    report = run(folder, out, progress=lambda *what: told.append(what), cancelled=lambda: told[-1][0] >= 5)
    assert (report.interrupted, report.finished) == (True, 5)
    assert "Interrupted" in report.text
    assert len({row["source"] for row in rows(out)}) == 5
    report = run(folder, out)
    assert (report.interrupted, report.finished) == (False, 13)
    resumed = (out / "summary.csv").read_bytes()
    run(folder, out, resume=False)
    assert (out / "summary.csv").read_bytes() == resumed


def test_cancelled_before_the_start_does_nothing(fake, folder, out):
    report = run(folder, out, cancelled=lambda: True)
    assert (report.finished, report.interrupted) == (0, True)
    assert not fake.fits


def test_ctrl_c_is_a_cancel(fake, folder, out, monkeypatch):
    def interrupt(done, total, text):
        if done == 4 and "left" in text:
            raise KeyboardInterrupt

    report = run(folder, out, progress=interrupt)
    assert (report.interrupted, report.finished) == (True, 4)
    assert len({row["source"] for row in rows(out)}) == 4


def test_progress_counts_up_and_says_what_is_left(fake, folder, out):
    told = []
    run(folder, out, progress=lambda *what: told.append(what))
    assert [done for done, _, text in told if text.endswith(" left")] == list(range(1, 14))
    assert {total for _, total, _ in told} == {13}
    assert all(before <= after for (before, *_), (after, *_) in pairwise(told))
    assert told[-1] == (13, 13, "6 ok, 0 uncertain, 0 out of domain, 7 failed; writing the results")
    assert "/s, 0:00:0" in told[5][2]


def test_documents_are_those_of_a_single_prefit_without_evidence(fake, folder, out):
    from xps_stn_plugin import prefit
    from xps_stn_plugin.export.json_export import document

    report = run(folder, out, json=True)
    assert out / "json" in report.files
    names = sorted(path.name for path in (out / "json").iterdir())
    assert names == ["level0.json", "level0_2.json", "level1.json", "level2.json", "level3.json", "wide C1s.json"]
    made = json.loads((out / "json" / "level1.json").read_text(encoding="utf-8"))
    single = document(prefit(folder / "level1.csv").fitted())
    assert made.pop("checksum").startswith("xps-stn-plugin sha256:")
    for group in single["groups"]:
        group.pop("evidence", None)
    assert made == single


def test_documents_of_spectra_that_are_gone_go_and_foreign_files_stay(fake, folder, out):
    run(folder, out, json=True)
    (out / "json" / "mine.json").write_text("{}")
    (folder / "level3.csv").unlink()
    run(folder, out, json=True)
    names = {path.name for path in (out / "json").iterdir()}
    assert "level3.json" not in names
    assert {"mine.json", "level2.json"} <= names


class Troublesome(fakes.FakePlugin):
    """Fails in seeding O 1s, or seeds a C 1s that cannot be fitted."""

    trouble = "seed"

    @hookimpl
    def xps_prefit_seed(self, spectrum, region, settings):
        if self.trouble == "seed" and region == "O1s":
            raise ZeroDivisionError("no luck")
        seed = super().xps_prefit_seed(spectrum, region, settings)
        if self.trouble == "fit" and seed is not None and region == "C1s":
            seed.params["bg_intercept"].set(value=float("nan"))
        return seed


@pytest.fixture
def troublesome(fake):
    from xps_stn_plugin.core.plugins import plugin_manager

    plugin = Troublesome()
    assert plugin_manager().register(plugin, "troublesome").state == "active"
    return plugin


def test_a_seed_that_fails_flags_its_region_and_keeps_the_others(troublesome, tmp_path, out):
    batched.write_table(tmp_path / "a.csv")
    report = run(tmp_path / "a.csv", out, json=True)
    assert (report.ok, report.failed) == (0, 1)
    c1s, o1s = rows(out)
    assert (c1s["status"], c1s["fitted"], c1s["components"]) == ("ok", "yes", "2")
    assert (o1s["status"], o1s["fitted"], o1s["components"], o1s["shift_eV"]) == ("failed", "failed", "", "1.2500")
    assert "ZeroDivisionError: no luck" in o1s["reasons"]
    document = json.loads((out / "json" / "a.json").read_text(encoding="utf-8"))
    assert any("no luck" in note for note in document["regions"]["O1s"]["notes"])
    # Nobody foresaw it, so that it is tried again, without a word from the user.
    troublesome.trouble = "none"
    report = run(tmp_path / "a.csv", out)
    assert (report.ok, report.reused) == (1, 0)


def test_a_fit_without_success_flags_its_region(troublesome, tmp_path, out):
    troublesome.trouble = "fit"
    batched.write_table(tmp_path / "a.csv")
    report = run(tmp_path / "a.csv", out)
    assert report.failed == 1
    c1s, o1s = rows(out)
    assert (c1s["status"], c1s["fitted"]) == ("failed", "failed")
    assert "The fit failed: the model or the data are not finite" in c1s["reasons"]
    assert (o1s["status"], o1s["fitted"]) == ("ok", "yes")


def test_a_file_that_cannot_be_opened_is_a_row(fake, tmp_path, out, monkeypatch):
    import xps_stn_plugin.batch.run as run_module

    batched.write_table(tmp_path / "a.csv")
    batched.write_table(tmp_path / "b.csv", seed=1)
    digest = run_module.content_digest

    def refuse(path):
        if path.name == "a.csv":
            raise PermissionError(13, "Permission denied")
        return digest(path)

    monkeypatch.setattr(run_module, "content_digest", refuse)
    report = run(tmp_path, out)
    assert (report.ok, report.failed) == (1, 1)
    assert rows(out)[0]["reasons"] == "the file cannot be opened (Permission denied)."


def test_names_stay_apart_where_capital_letters_do_not_count(tmp_path):
    paths = [tmp_path / name for name in ("1/A.csv", "2/a.csv", "3/a.vms", "4/a_2.csv")]
    for path in paths:
        path.parent.mkdir()
        path.write_text("x")
    names = [item.name.casefold() for item in _items(paths, settings_of(), "none", {})]
    assert len(set(names)) == 4


def test_measured_files_are_never_written_over(fake, tmp_path):
    batched.write_table(tmp_path / "summary.csv")
    with pytest.raises(PrefitError, match="both an input file and a file of the results"):
        run(tmp_path, tmp_path)
    assert (tmp_path / "summary.csv").read_text().startswith("region,")


@pytest.mark.parametrize("jobs", [0, -1])
def test_no_processes_is_one_sentence(fake, folder, out, jobs):
    with pytest.raises(PrefitError, match="give one or more"):
        run(folder, out, jobs=jobs)


def test_a_read_only_folder_is_one_sentence(fake, folder, out, monkeypatch):
    out.mkdir()
    out.chmod(0o555)
    if os.geteuid() == 0:
        # Nothing is read-only to root.
        monkeypatch.setattr("pathlib.Path.mkdir", _refuse)
    with pytest.raises(PrefitError, match=r"out: cannot store the results: Permission denied"):
        run(folder, out)
    out.chmod(0o755)


def _refuse(*arguments, **options):
    raise PermissionError(13, "Permission denied")


_LIMITED = """
import resource, signal, sys
from xps_prefit_hooks import PrefitError
from xps_stn_plugin.batch import run as batch_run
from xps_stn_plugin.batch import run_batch
from xps_stn_plugin.settings import settings_of
from xps_stn_plugin.core.plugins import plugin_manager
import fakes
plugin_manager().register(fakes.FakePlugin(), "fake")
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), resource.RLIM_INFINITY))
try:
    run_batch([sys.argv[1]], sys.argv[2], settings_of())
except PrefitError as error:
    print(error)
"""


@pytest.mark.parametrize("limit", [2_000, 8_000, 60_000], ids=["record", "sheet", "store"])
def test_a_full_disk_is_one_sentence_and_loses_nothing(fake, tmp_path, out, limit):
    for number in range(3):
        batched.write_table(tmp_path / "data" / f"{number}.csv", seed=number)
    code = [sys.executable, "-c", _LIMITED, str(tmp_path / "data"), str(out), str(limit)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    done = subprocess.run(code, capture_output=True, text=True, env=environment)
    assert done.stderr == ""
    assert done.stdout.count("\n") == 1
    assert "cannot be written" in done.stdout
    assert [path.name for path in out.rglob(".*") if path.is_file()] == [".lock"], "nothing half written is left"
    assert run(tmp_path / "data", out).ok == 3


@pytest.mark.slow
@pytest.mark.data
def test_measured_and_raw_files_mixed_with_rubbish(shared, folder, out):
    report = run([shared / "measured", shared / "real", *(folder / name for name in batched.RUBBISH)], out, jobs=2)
    found = rows(out)
    assert report.finished == report.total == len({row["source"] for row in found})
    assert not any("unexpected" in row["reasons"] or "plugin" in row["reasons"] for row in found)
    measured = [row for row in found if Path(row["source"]).match(f"{shared / 'measured'}/*.csv")]
    failed = {Path(row["source"]).name for row in measured if row["status"] == "failed"}
    assert failed == {"groups.csv"}
    # The measured polymers are charge-corrected.
    trusted = [abs(float(row["shift_eV"])) for row in measured if row["status"] == "ok"]
    assert len(trusted) > 40
    assert np.median(trusted) < 0.1


@pytest.mark.parametrize("name", ["summary.csv", "contact_sheet.html", "spectra.h5", "json"])
def test_run_refuses_foreign_outputs_before_the_work(fake, tmp_path, out, name):
    batched.write_table(tmp_path / "a.csv")
    out.mkdir()
    (out / name).write_text("mine")
    told = []
    with pytest.raises(PrefitError, match=name):
        run(tmp_path / "a.csv", out, json=True, progress=lambda *what: told.append(what))
    assert told == []
    assert (out / name).read_text() == "mine"
    if name != "json":
        assert run(tmp_path / "a.csv", out, json=True, overwrite=True).ok == 1
        assert (out / name).read_bytes() != b"mine"


def test_run_writes_no_documents_through_a_link(fake, tmp_path, out):
    batched.write_table(tmp_path / "a.csv")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    out.mkdir()
    (out / "json").symlink_to(elsewhere)
    for overwrite in (False, True):
        with pytest.raises(PrefitError, match="json: is a file or a link"):
            run(tmp_path / "a.csv", out, json=True, overwrite=overwrite)
    assert list(elsewhere.iterdir()) == []


def test_run_refuses_a_summary_that_somebody_has_annotated(fake, tmp_path, out):
    batched.write_table(tmp_path / "a.csv")
    run(tmp_path / "a.csv", out)
    annotated = (out / "summary.csv").read_text().replace(",ok,", ",ok (looked at),", 1)
    (out / "summary.csv").write_text(annotated)
    with pytest.raises(PrefitError, match=r"summary\.csv: was changed after this program had written it"):
        run(tmp_path / "a.csv", out)
    assert (out / "summary.csv").read_text() == annotated


def test_run_takes_a_users_own_file_named_as_the_store_for_a_spectrum(fake, tmp_path):
    import xps_stn_plugin as xps

    batched.write_table(tmp_path / "a.csv")
    xps.prefit(tmp_path / "a.csv").save(tmp_path / "b.nxs")
    (tmp_path / "a.csv").unlink()
    (tmp_path / "b.nxs").rename(tmp_path / "spectra.h5")
    before = (tmp_path / "spectra.h5").read_bytes()
    # In the folder of an earlier batch, too.
    (tmp_path / ".xps_stn_batch").mkdir()
    assert run(tmp_path, tmp_path / "out").total == 1
    for overwrite in (False, True):
        with pytest.raises(PrefitError, match="is both an input file and a file of the results"):
            run(tmp_path, tmp_path, overwrite=overwrite)
    assert (tmp_path / "spectra.h5").read_bytes() == before


def test_run_makes_a_failed_row_of_a_foreign_document_and_writes_the_rest(fake, tmp_path, out):
    for number, name in enumerate("ab"):
        batched.write_table(tmp_path / "data" / f"{name}.csv", seed=number)
    (out / "json").mkdir(parents=True)
    (out / "json" / "a.json").write_text("mine")
    report = run(tmp_path / "data", out, json=True)
    assert (report.ok, report.failed) == (1, 1)
    assert (out / "json" / "a.json").read_text() == "mine"
    assert (out / "json" / "b.json").is_file()
    first, *others = rows(out)
    assert (first["status"], [row["status"] for row in others]) == ("failed", ["ok", "ok"])
    assert "json/a.json: exists already and was not written by this program" in first["reasons"]
    with h5py.File(out / "spectra.h5") as store:
        assert list(store["spectra/status"].asstr()) == ["failed", "ok"]
    # What was found is kept: with the user's word nothing is done anew.
    report = run(tmp_path / "data", out, json=True, overwrite=True)
    assert (report.ok, report.reused) == (2, 2)
    assert json.loads((out / "json" / "a.json").read_text())["status"] == "ok"


NAMES = {
    "not UTF-8": "not-\udcff-utf8.csv",
    "long": "a" * 240 + ".csv",
    "long, too": "a" * 239 + "b.csv",
    "dots": "..csv",
    "line feed": "line\nfeed\x1b[31m.csv",
    "device": "CON.csv",
    "blank": "end .csv",
    "formula": "=1+2.csv",
}


def _odd_folder(folder):
    for number, name in enumerate(NAMES.values()):
        batched.write_table(folder / name, seed=number)
    # Two inputs of one name from different folders.
    batched.write_table(folder / "deeper" / "CON.csv", seed=99)
    return [folder / name for name in NAMES.values()] + [folder / "deeper" / "CON.csv"]


def test_run_of_odd_names_gives_every_output_of_every_spectrum(fake, tmp_path, out):
    paths = _odd_folder(tmp_path / "data")
    report = run(paths, out, json=True)
    assert (report.ok, report.failed) == (len(paths), 0)
    assert len(rows(out)) == 2 * len(paths)
    documents = sorted((out / "json").iterdir())
    assert {json.loads(path.read_text())["source"] for path in documents} == {str(path) for path in paths}
    assert all(len(path.name.encode()) < 130 and path.name.isprintable() for path in documents)
    assert {"_.json", "_CON.json", "_CON_2.json"} <= {path.name for path in documents}
    with h5py.File(out / "spectra.h5") as store:
        assert sorted(store["spectra/spectrum"].asstr()) == [path.stem for path in documents]
    assert run(paths, out, json=True).reused == len(paths)


def test_run_of_a_series_with_odd_names_gives_every_output(fake, tmp_path, out):
    paths = _odd_folder(tmp_path / "data")[:-1]
    report = run(paths, out, json=True, share="shift", fit=False)
    assert (report.total, report.failed) == (len(paths), 0)
    with h5py.File(out / "spectra.h5") as store:
        assert len(store["stacks/data/file"]) == len(paths)


def test_run_of_stacks_with_odd_names_gives_every_output(fake, tmp_path, out):
    names = ["..vms", "not-\udcff-utf8.vms", "a" * 240 + ".vms"]
    for name in names:
        (tmp_path / "data").mkdir(exist_ok=True)
        profile(tmp_path / "data" / name)
    report = run([tmp_path / "data" / name for name in names], out, fit=False)
    assert (report.total, report.failed) == (3, 0)
    with h5py.File(out / "spectra.h5") as store:
        assert {name[:4] for name in store["stacks"]} == {"_", "not-", "aaaa"}


def test_run_of_a_spectrum_that_no_output_takes_is_a_failed_row(fake, tmp_path, out, monkeypatch):
    import xps_stn_plugin.batch.store as store_module

    for number, name in enumerate("abc"):
        batched.write_table(tmp_path / "data" / f"{name}.csv", seed=number)
    whole = store_module._of_region

    def refuse(entry, name, layout):
        if entry.name == "b":
            raise ValueError("no luck")
        return whole(entry, name, layout)

    monkeypatch.setattr(store_module, "_of_region", refuse)
    report = run(tmp_path / "data", out)
    assert (report.ok, report.failed) == (2, 1)
    assert [row["status"] for row in rows(out)] == ["ok", "ok", "failed", "ok", "ok"]
    assert rows(out)[2]["reasons"] == "Its part of the store cannot be written: unexpected ValueError: no luck"
    with h5py.File(out / "spectra.h5") as store:
        assert list(store["spectra/status"].asstr()) == ["ok", "failed", "ok"]
    assert "no luck" in (out / "contact_sheet.html").read_text()


@pytest.mark.parametrize("timeout", [0.0, -1.0, float("nan"), float("inf")])
def test_run_with_a_limit_that_makes_no_sense_is_one_sentence(fake, folder, out, timeout):
    with pytest.raises(PrefitError, match="is not a limit for a file"):
        run(folder, out, timeout=timeout)


def test_run_resumes_a_file_that_took_too_long_only_with_more_time(fake, tmp_path, out):
    from xps_stn_plugin.batch.cache_key import content_digest, work_identity, work_key
    from xps_stn_plugin.batch.record import Record, encode
    from xps_stn_plugin.batch.records import Records

    path = batched.write_table(tmp_path / "a.csv")
    key = work_key([(content_digest(path), path.name)], work_identity(settings_of(), True))
    with Records(out) as records:
        records.put(key, encode(Record(reason="took too long", limit=10.0)))
    for timeout in (5.0, 10.0):
        report = run(path, out, timeout=timeout)
        assert (report.failed, report.reused) == (1, 1)
        assert rows(out)[0]["reasons"] == "took too long"
    # The stand-in for the network is known to this process alone, so that this one does the work.
    assert run(path, out, timeout=20.0).ok == 1
