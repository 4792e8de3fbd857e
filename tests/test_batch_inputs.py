from __future__ import annotations

import os

import batched
import pytest

from xps_prefit_hooks import PrefitError
from xps_stn_plugin import prefit
from xps_stn_plugin.batch import run_batch
from xps_stn_plugin.batch.inputs import find_inputs
from xps_stn_plugin.batch.outputs import RECORDS
from xps_stn_plugin.settings import settings_of


@pytest.fixture
def folder(tmp_path):
    for name in ("b10.csv", "b2.csv", "a.vms", "sub/c.txt", "sub/deeper/d.txt", ".hidden.csv", ".git/e.csv"):
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"content of {name}")
    return tmp_path / "data"


def _names(found, folder):
    return [path.relative_to(folder).as_posix() for path in found]


def test_a_folder_gives_its_files_and_those_of_its_folders_in_natural_order(folder):
    assert _names(find_inputs([folder]), folder) == ["a.vms", "b2.csv", "b10.csv", "sub/c.txt", "sub/deeper/d.txt"]


def test_patterns_take_what_fits(folder):
    assert _names(find_inputs([f"{folder}/b*.csv"]), folder) == ["b2.csv", "b10.csv"]
    assert _names(find_inputs([f"{folder}/**/*.txt"]), folder) == ["sub/c.txt", "sub/deeper/d.txt"]
    assert _names(find_inputs([f"{folder}/s*"]), folder) == ["sub/c.txt", "sub/deeper/d.txt"]


def test_a_file_with_the_letters_of_a_pattern_is_a_file(folder):
    path = folder / "c[1].csv"
    path.write_text("x")
    assert find_inputs([path]) == [path]


def test_every_file_comes_once(folder):
    (folder / "link.vms").symlink_to(folder / "a.vms")
    found = find_inputs([folder / "a.vms", folder, f"{folder}/*.vms", folder / "sub"])
    assert _names(found, folder) == ["a.vms", "b2.csv", "b10.csv", "sub/c.txt", "sub/deeper/d.txt"]


def test_what_is_named_is_taken_even_if_hidden(folder):
    assert find_inputs([folder / ".hidden.csv"]) == [folder / ".hidden.csv"]


def test_results_are_left_out(folder):
    out = folder / "results"
    for name in ("summary.csv", "spectra.h5", "contact_sheet.html", "json/a.json", f"{RECORDS}/x.record", "other.txt"):
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text("x")
    assert "other.txt" not in "".join(_names(find_inputs([folder], out), folder))
    # What others have given these names is theirs.
    assert {name for name in _names(find_inputs([folder]), folder) if "results" in name} == {
        "results/summary.csv",
        "results/spectra.h5",
        "results/contact_sheet.html",
        "results/json/a.json",
        "results/other.txt",
    }


def test_results_are_known_by_their_content_under_any_name(fake, tmp_path):
    data, out = tmp_path / "data", tmp_path / "out"
    batched.write_table(data / "a.csv")
    run_batch([data], out, settings_of(), json=True)
    names = ("summary.csv", "spectra.h5", "contact_sheet.html", "json/a.json")
    for number, name in enumerate(names):
        (out / name).rename(data / f"renamed{number}{(out / name).suffix}")
    assert find_inputs([data], data) == [data / "a.csv"]
    # Also where somebody has changed them, but for the store, which may be a spectrum now.
    for path in data.glob("renamed*"):
        path.write_bytes(path.read_bytes() + b" ")
    assert find_inputs([data]) == [data / "a.csv", data / "renamed1.h5"]


@pytest.mark.parametrize("suffix", [".png", ".pdf", ".svg", ".html", ".csv", ".json", ".seeds.json"])
def test_outputs_of_a_prefit_beside_the_data_are_left_out(fake, tmp_path, suffix):
    path = batched.write_table(tmp_path / "a.csv")
    prefit(path).save(tmp_path / f"b{suffix}")
    assert find_inputs([tmp_path]) == [path]


def test_a_calibrated_spectrum_is_a_spectrum(fake, tmp_path):
    path = batched.write_table(tmp_path / "a.csv")
    prefit(path).save(tmp_path / "b.nxs")
    assert find_inputs([tmp_path]) == [path, tmp_path / "b.nxs"]


@pytest.mark.parametrize(
    "head",
    [
        '{\n  "schema": "xps-stn/prefit/1",\n',
        '{\n "schema": "xps-stn/seeds/2",\n',
        "source,region,status,shift_eV\n",
        "source,region,component,groups,center_eV\n",
    ],
)
def test_own_files_are_known_by_their_head(folder, head):
    (folder / "own.csv").write_text(head)
    assert "own.csv" not in _names(find_inputs([folder]), folder)


def test_a_pipe_in_a_folder_is_not_waited_for(folder):
    os.mkfifo(folder / "pipe.csv")
    assert "pipe.csv" not in _names(find_inputs([folder]), folder)
    with pytest.raises(PrefitError, match="a device or a pipe"):
        find_inputs([folder / "pipe.csv"])


@pytest.mark.parametrize(
    ("name", "said"),
    [("none.csv", "no such file or folder"), ("*.none", "no file fits"), ("empty", "there is no file to process")],
)
def test_slips_are_told_before_the_work_begins(folder, name, said):
    (folder / "empty").mkdir()
    with pytest.raises(PrefitError, match=said):
        find_inputs([folder / name])
