"""Results of stacks in files: whole or not at all, labelled, within bounded memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import stacked
import xarray as xr

from xps_prefit_hooks import PrefitError
from xps_stn_plugin.settings import settings_of
from xps_stn_plugin.stacks.prefit import prefit_stack, write_stack
from xps_stn_plugin.stacks.stack import stack_of


@pytest.fixture(scope="module")
def spectra():
    return stacked.tree(stacked.varied(60), (6, 10))


def _labels_of_all_kinds(spectra):
    """The same without labels along x, but with others: times, texts, two-dimensional ones, a single number."""
    further = {
        "time": ("y", np.datetime64("2026-01-01T00:00", "ns") + np.arange(6) * np.timedelta64(90, "s")),
        "name": ("x", list("abcdefghij")),
        "frame": (("y", "x"), np.arange(60).reshape(6, 10)),
        "good": ("y", [True, False] * 3),
        "temperature": 293.5,
    }
    children = {
        name: child.to_dataset().drop_vars("x").assign_coords(further) for name, child in spectra.children.items()
    }
    return xr.DataTree.from_dict({"/": spectra.to_dataset(), **children})


@pytest.mark.parametrize("suffix", [".nc", ".h5"])
def test_a_file_holds_what_a_prefit_gives(spectra, tmp_path, suffix):
    pytest.importorskip("h5netcdf")
    settings = settings_of(reference=284.8)
    for one in (spectra, _labels_of_all_kinds(spectra)):
        stack = stack_of(one)
        path = tmp_path / f"found{suffix}"
        write_stack(stack, path, settings)
        wanted = prefit_stack(stack, settings)
        with xr.open_datatree(path, engine="h5netcdf") as found:
            assert set(found.children) == {"C1s", "O1s"}
            # Group by group: xarray 2024.10 compares no trees.
            for group in wanted.subtree:
                xr.testing.assert_allclose(found[group.path].load().to_dataset(), group.to_dataset())
            assert set(found.coords) == set(wanted.coords)
            for name in ("status", "reasons", "shift"):
                assert found[name].dtype == wanted[name].dtype
                for key, value in wanted[name].attrs.items():
                    np.testing.assert_array_equal(found[name].attrs[key], value)
            assert found.attrs == wanted.attrs
        assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_is_not_finished_is_none(spectra, tmp_path):
    stack, path = stack_of(spectra), tmp_path / "found.nc"
    with pytest.raises(PrefitError, match="cancelled after shifts and groups of 0 of 60"):
        write_stack(stack, path, settings_of(), cancelled=lambda: True)
    assert not list(tmp_path.iterdir())
    path.write_text("older")
    with pytest.raises(PrefitError, match="exists already and was not written by this program"):
        write_stack(stack, path, settings_of(), cancelled=lambda: True)
    with pytest.raises(PrefitError, match="cancelled"):
        write_stack(stack, path, settings_of(), overwrite=True, cancelled=lambda: True)
    assert path.read_text() == "older"
    with pytest.raises(PrefitError, match="does not exist"):
        write_stack(stack, tmp_path / "no" / "found.nc", settings_of())


def test_the_measured_file_is_never_written_over(spectra, tmp_path):
    path = tmp_path / "map.h5"
    path.write_text("measured")
    own = spectra.copy()
    own.attrs["source"] = str(path)
    with pytest.raises(PrefitError, match="this is the measured file itself"):
        write_stack(stack_of(own), path, settings_of())
    assert path.read_text() == "measured"


_MEASURE = """
import json, sys
from pathlib import Path
import xarray as xr
from xps_stn_plugin.settings import settings_of
from xps_stn_plugin.stacks.prefit import write_stack
from xps_stn_plugin.stacks.stack import stack_of

peaks = []
def progress(done, total, text):
    # Not ru_maxrss: a new process begins with its parent's.
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    peaks.append(int(status["VmHWM"].split()[0]) / 1024)
chunks = json.loads(sys.argv[3])
with xr.open_datatree(sys.argv[1], engine="h5netcdf", chunks=chunks) as spectra:
    write_stack(stack_of(spectra), sys.argv[2], settings_of(), progress=progress)
print(json.dumps(peaks))
"""


def _write_map(path: Path, size: int) -> None:
    """A map of ``size`` by 100 spectra, which is never in memory as a whole."""
    rows = stacked.counts(["ester", "ether"] * 50, np.linspace(-2, 2, 100), [300] * 100)
    with h5py.File(path, "w") as file:
        for name, values in rows.items():
            group = file.create_group(name)
            axes = {"y": np.arange(size), "x": np.arange(100), "binding_energy": stacked.AXES[name]}
            lengths = [len(axis) for axis in axes.values()]
            counts = group.create_dataset("counts", lengths, "u2", chunks=(1, *lengths[1:]))
            for place, (dim, axis) in enumerate(axes.items()):
                group[dim] = axis.astype(float)
                group[dim].make_scale(dim)
                counts.dims[place].attach_scale(group[dim])
            for row in range(size):
                counts[row] = values


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of memory is read from Linux's /proc")
@pytest.mark.parametrize("chunks", [None, {"y": 10, "x": 100}], ids=["file", "dask"])
def test_memory_does_not_grow_with_the_stack(tmp_path, chunks):
    pytest.importorskip("h5netcdf")
    size = int(os.environ.get("XPS_STACK_ROWS", "150"))
    _write_map(tmp_path / "map.h5", size)
    command = [sys.executable, "-c", _MEASURE, str(tmp_path / "map.h5"), str(tmp_path / "found.nc"), json.dumps(chunks)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    peaks = json.loads(run.stdout)
    # Each block would add its counts, 2.6 MB as doubles, if they were kept.
    assert len(peaks) > 10
    assert peaks[-1] - peaks[1] < 20, peaks
    assert peaks[-1] < 1024
    with h5py.File(tmp_path / "found.nc") as file:
        assert file["shift"].shape == (size, 100)
        assert np.isfinite(file["shift"]).all()
