from __future__ import annotations

import csv
import errno
import os
from pathlib import Path

import pytest

from xps_prefit_hooks import PrefitError
from xps_stn_plugin._util.files import (
    check_target,
    half_written,
    plain_cell,
    refuse_special,
    write_all,
    write_csv,
    write_json,
    write_text,
    write_whole,
)
from xps_stn_plugin._util.marks import MARK, origin


def test_new_file_is_complete_and_readable(tmp_path):
    path = tmp_path / "a.json"
    write_whole(path, lambda temporary: temporary.write_text("all of it") and None)
    assert path.read_text() == "all of it"
    reference = tmp_path / "b.json"
    reference.touch()
    assert path.stat().st_mode == reference.stat().st_mode
    assert sorted(tmp_path.iterdir()) == [path, reference]


@pytest.mark.parametrize("name", ["a.png", "two words.tar.gz", "none"])
def test_temporary_file_is_beside_keeps_the_suffix_and_is_known_as_one(tmp_path, name):
    seen = []

    def write(temporary):
        seen.extend([temporary, *half_written(tmp_path)])

    (tmp_path / ".hidden.png").touch()
    write_whole(tmp_path / name, write)
    assert seen[0].parent == tmp_path
    assert seen[0].suffix == (tmp_path / name).suffix
    assert seen[1:] == seen[:1]
    assert list(half_written(tmp_path)) == []


def test_nothing_is_half_written_in_a_folder_that_is_not_there(tmp_path):
    assert list(half_written(tmp_path / "nowhere")) == []


@pytest.mark.parametrize(
    ("error", "raised"),
    [(OSError(errno.ENOSPC, "No space left on device"), PrefitError), (ValueError("bad"), ValueError)],
    ids=["disk full", "bug in the writer"],
)
def test_failure_leaves_the_old_file(tmp_path, error, raised):
    path = tmp_path / "a.json"
    path.write_text("old")

    def fail(temporary):
        temporary.write_text("half")
        raise error

    with pytest.raises(raised):
        write_whole(path, fail, overwrite=True)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_missing_folder_and_folder_as_file_are_named(tmp_path):
    with pytest.raises(PrefitError, match=r"nowhere does not exist"):
        write_whole(tmp_path / "nowhere" / "a.json", lambda temporary: None)
    with pytest.raises(PrefitError, match="this is a folder"):
        write_whole(tmp_path, lambda temporary: None)


def test_read_only_folder_is_one_sentence(tmp_path, monkeypatch):
    # Root may write into read-only folders, so the refusal is played here.
    def refuse(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("pathlib.Path.touch", refuse)
    with pytest.raises(PrefitError, match=r"a\.json: cannot be written: Permission denied\.$"):
        write_whole(tmp_path / "a.json", lambda temporary: None)


def test_write_text_over_a_foreign_file_is_refused_and_forced(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("measured")
    with pytest.raises(PrefitError, match=r"a\.csv: exists already and was not written by this program; .*--force"):
        write_text(path, "ours")
    assert path.read_text() == "measured"
    write_text(path, "ours", overwrite=True)
    assert path.read_text() == "ours"
    assert list(tmp_path.iterdir()) == [path]


def test_write_text_over_an_own_file_replaces_it_until_somebody_changes_it(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, f"one {MARK}")
    write_text(path, f"two {MARK}")
    assert path.read_text().startswith("two ")
    path.write_text(path.read_text() + "my note")
    with pytest.raises(PrefitError, match=r"a\.txt: was changed after this program had written it"):
        write_text(path, f"three {MARK}")
    assert path.read_text().endswith("my note")


def test_write_text_keeps_the_mode(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, f"one {MARK}")
    path.chmod(0o640)
    write_text(path, f"two {MARK}")
    assert path.stat().st_mode & 0o777 == 0o640


def test_write_text_over_an_empty_file_needs_no_word(tmp_path):
    (tmp_path / "a.txt").touch()
    write_text(tmp_path / "a.txt", "x")
    assert (tmp_path / "a.txt").read_text() == "x"


def test_write_all_leaves_a_file_of_the_same_content(tmp_path):
    def write(place):
        place.write_text(f"first {MARK}")
        place.with_name("b.txt").write_text("second")

    (tmp_path / "b.txt").write_text("second")
    before = (tmp_path / "b.txt").stat().st_ino
    write_all(tmp_path / "a.txt", write)
    assert (tmp_path / "b.txt").stat().st_ino == before
    assert (tmp_path / "a.txt").is_file()


@pytest.mark.parametrize("exists", [True, False])
def test_write_text_at_a_link_is_refused_and_forced_replaces_the_link(tmp_path, exists):
    target, link = tmp_path / "target.csv", tmp_path / "link.csv"
    if exists:
        # Even a file of this package: who made the link may want it.
        write_text(target, f"old {MARK}")
    before = target.read_bytes() if exists else b""
    link.symlink_to(target)
    with pytest.raises(PrefitError, match="this is a link, which is not written through"):
        write_text(link, "new")
    assert link.is_symlink()
    write_text(link, "new", overwrite=True)
    assert not link.is_symlink()
    assert link.read_text() == "new"
    assert target.exists() == exists
    assert not exists or target.read_bytes() == before


@pytest.mark.parametrize("name", ["a.csv", "link.csv", "hard.csv"])
def test_check_target_never_allows_an_input_of_the_run(tmp_path, name):
    measured = tmp_path / "a.csv"
    measured.write_text("measured")
    (tmp_path / "link.csv").symlink_to(measured)
    (tmp_path / "hard.csv").hardlink_to(measured)
    with pytest.raises(PrefitError, match="this is the measured file itself"):
        check_target(tmp_path / name, overwrite=True, inputs=[tmp_path / "none", measured])


def test_check_target_allows_only_the_files_that_the_user_agreed_to(tmp_path):
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("x")
    check_target(tmp_path / "a.csv", overwrite=[tmp_path / "a.csv"])
    with pytest.raises(PrefitError, match=r"b\.csv: exists already"):
        check_target(tmp_path / "b.csv", overwrite=[tmp_path / "a.csv"])


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["pipe", "folder"])
def test_check_target_never_allows_what_is_not_a_file(tmp_path, make):
    make(tmp_path / "a")
    with pytest.raises(PrefitError, match="this is a folder or a device"):
        check_target(tmp_path / "a", overwrite=True)


def test_write_text_under_a_name_that_is_too_long_is_one_sentence(tmp_path):
    with pytest.raises(PrefitError, match="cannot be written: File name too long"):
        write_text(tmp_path / ("a" * 300), "x")


@pytest.mark.parametrize("name", ["a" * 240 + ".json", "line\nfeed.json", "not-\udcff-utf8.json", "\U0001f600" * 60])
def test_write_text_under_an_odd_name_is_whole(tmp_path, name):
    write_text(tmp_path / name, "not-\udcff-utf8")
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "not-\\udcff-utf8"


def test_write_text_has_file_and_folder_on_the_disk_before_it_returns(tmp_path, monkeypatch):
    synced = []
    fsync = os.fsync

    def record(descriptor):
        synced.append((Path(f"/proc/self/fd/{descriptor}").readlink().name, (tmp_path / "a.txt").exists()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", record)
    write_text(tmp_path / "a.txt", "x")
    (file, before), folder = synced
    assert file.startswith(".a-")
    assert not before
    assert folder == (tmp_path.name, True)


def test_write_csv_marks_text_that_a_spreadsheet_would_run(tmp_path):
    cells = ["=1+2", "+x", "-x", "@x", "-1.5", "+2", "-inf", "", "plain", "\t=1"]
    path = tmp_path / "a.csv"
    write_csv(path, [f"c{number}" for number in range(len(cells))], [cells, cells])
    with path.open(newline="", encoding="utf-8") as file:
        head, first, second = csv.reader(file)
    assert head[-1] == "checksum"
    assert first[:-1] == ["'=1+2", "'+x", "'-x", "'@x", "-1.5", "+2", "-inf", "", "plain", "'\t=1"]
    assert first[-1].startswith("xps-stn-plugin sha256:")
    assert second == [*first[:-1], ""]
    assert plain_cell("'x") == "'x"


def test_write_csv_without_rows_is_replaced_by_one_with_rows(tmp_path):
    write_csv(tmp_path / "a.csv", ["one"], [])
    write_csv(tmp_path / "a.csv", ["one"], [["1"]])
    assert (tmp_path / "a.csv").read_text().startswith("one,checksum\n1,xps")


def test_write_all_writes_all_or_nothing_and_names_the_place(tmp_path):
    def write(place):
        place.write_text("first")
        place.with_name("b.txt").write_text("second")

    (tmp_path / "b.txt").write_text("mine")
    with pytest.raises(PrefitError, match=r"^b\.txt: exists already|/b\.txt: exists already"):
        write_all(tmp_path / "a.txt", write)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"b.txt": "mine"}
    write_all(tmp_path / "a.txt", write, overwrite=True)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a.txt": "first", "b.txt": "second"}


def test_write_all_tells_errors_of_the_place_that_was_named(tmp_path):
    def fail(place):
        raise PrefitError(str(place), f"no luck in {place.parent}.")

    with pytest.raises(PrefitError) as caught:
        write_all(tmp_path / "a.txt", fail)
    assert str(caught.value) == f"{tmp_path / 'a.txt'}: no luck in {tmp_path}."
    assert list(tmp_path.iterdir()) == []


def test_write_all_makes_files_of_others_known_where_their_format_has_room(tmp_path):
    def write(place):
        place.write_text(f"by an exporter of another package, {MARK}")

    for _ in range(2):
        write_all(tmp_path / "a.word", write)
    assert origin(tmp_path / "a.word") == "unchanged"


def test_write_json_adds_a_checksum(tmp_path):
    write_json(tmp_path / "a.json", '{"a": 1}\n')
    assert origin(tmp_path / "a.json") == "unchanged"


def test_refuse_special_names_what_it_is(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(PrefitError, match="this is a pipe, not a file"):
        refuse_special(tmp_path / "pipe")
    with pytest.raises(PrefitError, match="this is a device, not a file"):
        refuse_special(Path("/dev/null"))
    refuse_special(tmp_path)
    refuse_special(tmp_path / "none")
