from __future__ import annotations

import fakes
import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import xps_stn_plugin as xps
from xps_stn_plugin._util.marks import MARK, holds_results, marked_json, origin, seal

SUFFIXES = (
    ".json", ".seeds.json", ".csv", ".png", ".pdf", ".svg", ".lg4x.dat", ".nxs", ".kherve.json", ".casaxps.txt",
    ".html",
)  # fmt: skip


@pytest.fixture(scope="module")
def result():
    return xps.prefit(fakes.spectrum()).fitted()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_save_of_every_format_is_replaced_until_somebody_changes_it(result, tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    result.save(path)
    written = {file: file.read_bytes() for file in tmp_path.iterdir()}
    assert {origin(file) for file in written} == {"unchanged"}
    result.save(path)
    for file in written:
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
        with pytest.raises(xps.PrefitError, match=r"was changed after|was not written by this program"):
            result.save(path)
        assert file.read_bytes() == content
        assert set(tmp_path.iterdir()) == set(written)
        result.save(path, overwrite=True)
        assert origin(file) == "unchanged"


def test_save_of_a_preset_does_not_replace_foreign_data_beside_it(result, tmp_path):
    (tmp_path / "pet.lg4x.csv").write_text("binding_energy_eV,intensity\n285,1\n")
    with pytest.raises(xps.PrefitError, match=r"pet\.lg4x\.csv: exists already"):
        result.save(tmp_path / "pet.lg4x.dat")
    assert [path.name for path in tmp_path.iterdir()] == ["pet.lg4x.csv"]


def test_data_of_a_preset_are_known_by_it_and_foreign_without_it(result, tmp_path):
    result.save(tmp_path / "pet.lg4x.dat")
    assert origin(tmp_path / "pet.lg4x.csv") == "unchanged"
    (tmp_path / "pet.lg4x.dat").unlink()
    assert origin(tmp_path / "pet.lg4x.csv") == "foreign"


def test_marked_pictures_and_hdf5_open_as_others_do(result, tmp_path):
    result.save(tmp_path / "a.png")
    result.save(tmp_path / "a.nxs")
    with Image.open(tmp_path / "a.png") as picture:
        picture.load()
        assert picture.text["Comment"].startswith("xps-stn-plugin sha256:")
    assert holds_results(tmp_path / "a.png")
    assert list(xps.read(tmp_path / "a.nxs").children) == ["C1s", "O1s"]
    assert not holds_results(tmp_path / "a.nxs")


def test_hdf5_that_somebody_adds_to_is_changed(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["counts"] = np.arange(5)
    assert seal(path)
    assert origin(path) == "unchanged"
    with h5py.File(path, "r+") as file:
        file["more"] = np.arange(2000)
    assert origin(path) != "unchanged"
    with h5py.File(path) as file:
        assert list(file["counts"]) == [0, 1, 2, 3, 4]


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=60), st.binary(max_size=60), st.data())
def test_origin_of_a_marked_file_tells_every_changed_byte(tmp_path_factory, before, after, data):
    path = tmp_path_factory.mktemp("marks") / "a.txt"
    path.write_bytes(b"x" + before + MARK.encode() + after)
    assert seal(path)
    assert origin(path) == "unchanged"
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    assert origin(path) != "unchanged"


def test_seal_leaves_what_has_no_mark_as_it_is(tmp_path):
    for name, content in {"a.txt": b"text", "b.txt": b""}.items():
        (tmp_path / name).write_bytes(content)
        assert not seal(tmp_path / name)
        assert (tmp_path / name).read_bytes() == content


def test_marked_json_is_json_with_one_entry_more():
    import json

    assert json.loads(marked_json(json.dumps({"a": {"b": []}}, indent=1) + "\n")) == {"a": {"b": []}, "checksum": MARK}
