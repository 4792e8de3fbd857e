from __future__ import annotations

import os
import random
import subprocess
import sys

import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xps_prefit_hooks import PrefitError, Reader, Settings
from xps_stn_plugin.readers import HEAD_BYTES, builtin_readers, read_file

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(40)


def read(path, readers=None):
    return read_file(path, builtin_readers() if readers is None else readers, Settings())


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("empty.csv", b"", "the file is empty"),
        ("blank.vms", b" \r\n\r\n \n", "holds nothing but blanks"),
        ("picture.csv", PNG, "the file is a PNG image"),
        ("picture.vms", PNG, "the file is a PNG image"),
        ("paper.txt", b"%PDF-1.7 ...", "a PDF document"),
        ("sheet.csv", b"PK\x03\x04" + bytes(30), "the archive is damaged or protected"),
        ("a.spe", b"SOFH\nPlatform: PC\n", r"the header has no end \(EOFH\); the file is cut off"),
        ("a.ibw", b"\x05\x00\xe5\x8a" + bytes(60), "its header is cut off"),
        (
            "a.sle",
            b"SQLite format 3\x00" + bytes(20),
            "SPECS .sle.* whose tables are not documented; export it as VAMAS",
        ),
        (
            "a.dset",
            b"\x00\x01\x02" * 20,
            "a data set of Kratos Vision, whose layout is not documented; export it as VAMAS",
        ),
        ("random.dat", random.Random(1).randbytes(5000), "the file is binary data in none of the formats"),
        ("random.vms", random.Random(2).randbytes(5000), "the file is binary data in none of the formats"),
        ("cut.nxs", b"\x89HDF\r\n\x1a\n" + bytes(100), "cannot be opened; it is cut off or damaged"),
    ],
)
def test_wrong_files_get_one_sentence(tmp_path, name, content, sentence):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(PrefitError, match=sentence) as caught:
        read(path)
    assert caught.value.culprit == str(path)
    assert caught.value.message.endswith(".")
    assert "\n" not in str(caught.value)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=300), name=st.sampled_from(["a.csv", "a.vms", "a.nxs", "a.xy", "a"]))
def test_no_bytes_make_a_traceback(tmp_path, content, name):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(PrefitError) as caught:
        read(path)
    assert "failed on this file" not in caught.value.message


def test_missing_file_folder_and_locked_file(tmp_path):
    with pytest.raises(PrefitError, match="there is no such file"):
        read(tmp_path / "none.vms")
    with pytest.raises(PrefitError, match="this is a folder"):
        read(tmp_path)
    if os.geteuid():
        locked = tmp_path / "locked.csv"
        locked.write_text("1,2")
        locked.chmod(0)
        with pytest.raises(PrefitError, match="cannot be opened"):
            read(locked)


def test_first_reader_that_accepts_reads(tmp_path):
    path = tmp_path / "a.xyz"
    path.write_bytes(b"0123456789" * 1000)
    seen = []

    def reader(name, accepts):
        def read_it(path, settings):
            return xr.DataTree(xr.Dataset(attrs={"by": name}))

        return Reader(name, "", (), lambda path, head: seen.append((name, len(head))) or accepts, read_it)

    tree = read(path, [reader("first", False), reader("second", True), reader("third", True)])
    assert tree.attrs == {"by": "second", "reader": "second"}
    assert seen == [("first", HEAD_BYTES), ("second", HEAD_BYTES)]


def fails(*_):
    raise ZeroDivisionError("division by zero")


def accepts(*_):
    return True


@pytest.mark.parametrize("broken", [Reader("odd", "", (), accepts, fails), Reader("odd", "", (), fails, accepts)])
def test_a_reader_that_breaks_is_named_and_its_error_kept(tmp_path, broken):
    path = tmp_path / "a.txt"
    path.write_text("x")
    with pytest.raises(
        PrefitError, match=r"the reader odd failed on this file \(ZeroDivisionError: division by zero\)"
    ) as caught:
        read(path, [broken])
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_no_reader_at_all(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("x")
    with pytest.raises(PrefitError, match=r"text in none of the formats that can be read \(none are loaded\)"):
        read(path, [])


def test_listing_the_readers_loads_nothing_heavy():
    code = (
        "import sys; from xps_stn_plugin.readers import builtin_readers; builtin_readers();"
        "print([m for m in ('numpy', 'xarray', 'h5py', 'vamas', 'torch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
