from __future__ import annotations

import errno

import pytest

from xps_prefit_hooks import PrefitError
from xps_stn_plugin.files import half_written, write_whole


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
        write_whole(path, fail)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_missing_folder_and_folder_as_file_are_named(tmp_path):
    with pytest.raises(PrefitError, match=r"nowhere does not exist"):
        write_whole(tmp_path / "nowhere" / "a.json", lambda temporary: None)
    with pytest.raises(PrefitError, match="this is a folder"):
        write_whole(tmp_path, lambda temporary: None)


def test_link_is_followed_and_mode_is_kept(tmp_path):
    target = tmp_path / "target.csv"
    target.touch(mode=0o640)
    target.chmod(0o640)
    link = tmp_path / "link.csv"
    link.symlink_to(target)
    write_whole(link, lambda temporary: temporary.write_text("new") and None)
    assert link.is_symlink()
    assert target.read_text() == "new"
    assert target.stat().st_mode & 0o777 == 0o640


def test_read_only_folder_is_one_sentence(tmp_path, monkeypatch):
    # Root may write into read-only folders, so the refusal is played here.
    def refuse(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("pathlib.Path.touch", refuse)
    with pytest.raises(PrefitError, match=r"a\.json: cannot be written: Permission denied\.$"):
        write_whole(tmp_path / "a.json", lambda temporary: None)
