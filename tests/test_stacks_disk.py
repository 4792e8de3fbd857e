"""HDF5 files on a full disk: one error, no noise."""

from __future__ import annotations

import errno
import os
from io import FileIO
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xps_prefit_hooks import PrefitError
from xps_stn_plugin._util.files import write_whole
from xps_stn_plugin.stacks.disk import Disk, new_file

#: A device that is always full.
FULL = Path("/dev/full")
full_disk = pytest.mark.skipif(not FULL.exists(), reason="only Linux has a disk that is always full")

#: Bytes that fit on the small disk.
ROOM = 120

writes = st.lists(st.tuples(st.integers(0, 200), st.binary(min_size=1, max_size=60)), min_size=1, max_size=12)


class Small(FileIO):
    """A file on a disk with little room, which takes what it can."""

    def write(self, data):
        left = ROOM - self.tell()
        if left <= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(data[:left])


class SmallDisk(Disk, Small):
    pass


@given(parts=writes, start=st.integers(0, 200), length=st.integers(0, 100))
def test_what_a_full_disk_does_not_take_is_read_again(tmp_path_factory, parts, start, length):
    wanted = bytearray(400)
    with SmallDisk(tmp_path_factory.getbasetemp() / "small") as disk:
        for place, content in parts:
            disk.seek(place)
            assert disk.write(content) == len(content)
            assert disk.tell() == place + len(content)
            wanted[place : place + len(content)] = content
        disk.seek(start)
        found = bytearray(length)
        assert disk.readinto(found) == length
        assert found == wanted[start : start + length]
        if all(place + len(content) <= ROOM for place, content in parts):
            disk.check()
        else:
            with pytest.raises(OSError, match="No space left"):
                disk.check()


def test_a_disk_with_room_is_a_file(tmp_path):
    path = tmp_path / "a.h5"
    values = np.arange(1e5).reshape(100, -1)
    with new_file(path) as (file, disk):
        dataset = file.create_dataset("values", values.shape, "f8", compression="gzip")
        for row, value in enumerate(values):
            dataset[row] = value
            disk.check()
    with h5py.File(path) as file:
        np.testing.assert_array_equal(file["values"], values)


@full_disk
def test_a_full_disk_is_one_error_and_no_noise(capfd):
    random = np.random.default_rng(0)
    asked = 0
    with pytest.raises(OSError, match="No space left"), new_file(FULL) as (file, disk):
        for number in range(200):
            disk.check()
            asked += 1
            group = file.create_group(f"{number}")
            group.create_dataset("values", data=random.random((64, 300)), compression="gzip")
            group.attrs["text"] = "a" * 1000
    assert asked < 200
    assert capfd.readouterr().err == ""


@full_disk
def test_a_file_that_is_too_large_for_the_disk_at_its_end_is_none_either(tmp_path):
    def write(temporary):
        with new_file(FULL) as (file, _):
            file.attrs["small"] = 1

    with pytest.raises(PrefitError, match=r"a\.h5: cannot be written: No space left on device\."):
        write_whole(tmp_path / "a.h5", write)
    assert not list(tmp_path.iterdir())
