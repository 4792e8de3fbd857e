from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
from h5py import h5d, h5p, h5s, h5t
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_readers_nexus import COUNTS, ENERGY, entry, read

from xps_prefit_hooks import PrefitError
from xps_stn_plugin.readers import hdf5_process, hdf5_worker
from xps_stn_plugin.readers.hdf5 import Dataset, Group, UnusableNode, opened_file

SHARED = Path(os.environ.get("XPS_SHARED") or Path(__file__).parents[2] / "shared")
POSIX = pytest.mark.skipif(os.name != "posix", reason="limits of CPU time are those of POSIX")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.nxs"


@pytest.fixture(params=["process", "in process"])
def way(request, monkeypatch):
    """Read in a process of its own, or without one as frozen programs do."""
    if request.param == "in process":
        monkeypatch.setattr(hdf5_process, "interpreter", lambda: None)
    return request.param


def refusal(path):
    with pytest.raises(PrefitError) as raised:
        read(path)
    text = str(raised.value)
    assert text.startswith(str(path)) and text.isprintable() and text.endswith("."), text
    assert "failed on this file" not in text
    return text


def created(group, name, shape, dtype=h5t.NATIVE_DOUBLE, **plist):
    """Make a dataset without writing to it."""
    made = h5p.create(h5p.DATASET_CREATE)
    for setter, values in plist.items():
        getattr(made, setter)(*values)
    h5d.create(group.id, name.encode(), dtype, h5s.create_simple(shape), made)


def elsewhere(group, tmp_path):
    """Make another file with the same energies, and remove those of `group`."""
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["energy"] = ENERGY
    del group["data/energy"]
    return tmp_path / "other.h5"


def external_link(group, tmp_path):
    group["data/energy"] = h5py.ExternalLink(str(elsewhere(group, tmp_path)), "/energy")


def soft_to_external_link(group, tmp_path):
    group["outside"] = h5py.ExternalLink(str(elsewhere(group, tmp_path)), "/")
    group["data/energy"] = h5py.SoftLink("/sample__C1s/outside/energy")


def link_to_a_pipe(group, tmp_path):
    del group["data/energy"]
    os.mkfifo(tmp_path / "pipe")
    group["data/energy"] = h5py.ExternalLink(str(tmp_path / "pipe"), "/energy")


def external_storage(group, tmp_path):
    del group["data/energy"]
    ENERGY.tofile(tmp_path / "values")
    group.create_dataset("data/energy", ENERGY.shape, "f8", external=[(str(tmp_path / "values"), 0, 160)])
    group["data/energy"].attrs["type"] = "binding"


def virtual_dataset(group, tmp_path):
    layout = h5py.VirtualLayout(ENERGY.shape, "f8")
    layout[:] = h5py.VirtualSource(str(elsewhere(group, tmp_path)), "energy", ENERGY.shape)
    group["data"].create_virtual_dataset("energy", layout).attrs["type"] = "binding"


def circle(group, tmp_path):
    del group["data/energy"]
    group["data/energy"] = h5py.SoftLink("/sample__C1s/data/again")
    group["data/again"] = h5py.SoftLink("energy")


def committed_type(group, tmp_path):
    del group["data/energy"]
    group["data/energy"] = np.dtype("f8")


def group_for_dataset(group, tmp_path):
    del group["data/energy"]
    group.create_group("data/energy")


def dataset_for_group(group, tmp_path):
    group["energy_referencing"] = 1.0


def instrument_is_a_number(group, tmp_path):
    group["instrument"] = 1.0


def beam_holds_a_group(group, tmp_path):
    group.create_group("instrument/beam/incident_energy")
    group["instrument/beam"].attrs["NX_class"] = "NXbeam"


def compound(group, tmp_path):
    del group["data/data"]
    group["data/data"] = np.zeros(ENERGY.shape, dtype=[("a", "f8"), ("b", "i4")])


def complex_numbers(group, tmp_path):
    del group["data/data"]
    group["data/data"] = COUNTS * 1j


def references(group, tmp_path):
    del group["data/data"]
    group.create_dataset("data/data", ENERGY.shape, dtype=h5py.ref_dtype)


def scalar_axis(group, tmp_path):
    del group["data/energy"]
    group["data/energy"] = 285.0
    group["data/energy"].attrs["type"] = "binding"


def empty_axis(group, tmp_path):
    del group["data/energy"]
    group["data/energy"] = h5py.Empty("f8")
    group["data/energy"].attrs["type"] = "binding"


def claims(number, **plist):
    def change(group, tmp_path):
        del group["data/data"]
        created(group["data"], "data", (number, ENERGY.size), **{"set_chunk": ((1000, ENERGY.size),), **plist})

    return change


def bomb(group, tmp_path):
    del group["data/data"]
    group.create_dataset(
        "data/data",
        (150_000, ENERGY.size),
        "u1",
        chunks=(50_000, ENERGY.size),
        compression="gzip",
        data=np.zeros((150_000, ENERGY.size), "u1"),
    )


def energy_of_a_beam_claims(group, tmp_path):
    group.create_group("instrument/beam").attrs["NX_class"] = "NXbeam"
    created(group["instrument/beam"], "incident_energy", (250_000_000,), set_chunk=((1024,),))


def title_claims(group, tmp_path):
    created(group, "title", (10**12,), h5t.C_S1, set_chunk=((1024,),))


def huge_chunk(group, tmp_path):
    del group["data/data"]
    created(group["data"], "data", (1_000_000, ENERGY.size), set_chunk=((1_000_000, ENERGY.size),))


def plugin_filter(group, tmp_path):
    del group["data/data"]
    chunk = {"set_chunk": (ENERGY.shape,), "set_filter": (307, h5py.h5z.FLAG_OPTIONAL, (9,))}
    created(group["data"], "data", ENERGY.shape, **chunk)


def long_attribute(group, tmp_path):
    group["data/energy"].attrs["units"] = "x" * 60_000


CHANGES = [
    (external_link, "data/energy is an external link, to another file; data are read from the file itself alone"),
    (soft_to_external_link, "sample__C1s/outside is an external link, to another file"),
    pytest.param(link_to_a_pipe, "data/energy is an external link, to another file", marks=POSIX),
    (external_storage, "data/energy keeps its values in another file; data are read from the file itself alone"),
    (virtual_dataset, "data/energy is a virtual dataset, made of other files"),
    (circle, "is a link that leads to further links without end"),
    (committed_type, "data/energy is a type; a group or a dataset is needed"),
    (group_for_dataset, "data/energy is a group; a dataset is needed"),
    (dataset_for_group, "sample__C1s/energy_referencing is a dataset; a group is needed"),
    (instrument_is_a_number, "sample__C1s/instrument is a dataset; a group is needed"),
    (beam_holds_a_group, "instrument/beam/incident_energy is a group; a dataset is needed"),
    (compound, "data/data does not hold real numbers"),
    (complex_numbers, "data/data does not hold real numbers"),
    (references, "data/data does not hold real numbers"),
    (scalar_axis, r"data/energy has shape \(\); an axis of energies has one dimension"),
    (empty_axis, "data/energy has shape None; an axis of energies has one dimension"),
    (claims(10**7), "data/data claims 200000000 values, for which the file stores 0 bytes"),
    (claims(5 * 10**10), "data/data claims 1000000000000 values, for which the file stores 0 bytes"),
    (claims(10**6), "data/data claims 20000000 values, for which the file stores 0 bytes"),
    (bomb, "data/data claims 3000000 values, for which the file stores [0-9]+ bytes"),
    (energy_of_a_beam_claims, "incident_energy claims 250000000 values; at most 100000 are read there"),
    (title_claims, "title claims 1000000000000 values; at most 1000 are read there"),
    (huge_chunk, "data/data has chunks of 160000000 bytes; 134217728 are the most"),
    (plugin_filter, "data/data is packed with the filter 307, which is a plugin and not loaded"),
    (long_attribute, r"the energies are in 'x+\.\.\.'; eV, keV and meV are read"),
]


@pytest.mark.parametrize(("change", "sentence"), CHANGES)
def test_read_of_an_entry_that_reaches_out_or_claims_too_much_loses_that_entry(path, tmp_path, way, change, sentence):
    with h5py.File(path, "w") as file:
        change(entry(file), tmp_path)
    start = time.process_time()
    text = refusal(path)
    assert re.search(sentence, text), text
    assert f"{path}, entry sample__C1s: " in text and len(text) < len(str(path)) + 300
    assert time.process_time() - start < 2
    # The file's other entries have their turn.
    with h5py.File(path, "a") as file:
        entry(file, "after__O1s", energy=ENERGY + 247)
    tree = read(path)
    assert list(tree.children) == ["O1s"]
    assert tree.attrs["skipped"] == [text]


def test_read_of_soft_and_hard_links_within_the_file_follows_them(path, way):
    with h5py.File(path, "w") as file:
        group = entry(file)
        group.move("data/energy", "axis")
        group["data/energy"] = h5py.SoftLink("../sample__C1s/./axis")  # HDF5 knows no parent folders
        file["link__O1s"] = h5py.SoftLink("/sample__C1s")
    assert "lacks its dataset 'energy'" in refusal(path)
    with h5py.File(path, "a") as file:
        del file["sample__C1s/data/energy"]
        file["sample__C1s/data/energy"] = h5py.SoftLink("/sample__C1s/./axis")
    tree = read(path)
    assert list(tree.children) == ["C1s", "C1s_2"]
    np.testing.assert_array_equal(tree["C1s_2"]["counts"], COUNTS)


def test_read_of_an_entry_whose_name_is_not_utf8_loses_that_entry(path, way):
    with h5py.File(path, "w") as file:
        entry(file, b"x\xff__C1s")
        entry(file, "after__O1s", energy=ENERGY + 247)
    tree = read(path)
    assert list(tree.children) == ["O1s"]
    assert tree.attrs["skipped"] == [rf"{path}, entry x\udcff__C1s: x\udcff__C1s has a name that is not UTF-8."]


def test_read_of_an_attribute_beyond_the_limit_refuses_it_before_it_is_read(path, way):
    with h5py.File(path, "w", libver="latest") as file:
        entry(file)["data/energy"].attrs.create("units", np.zeros(10**6))
    assert "sample__C1s/data/energy/@units has 8000000 bytes; 65536 are the most" in refusal(path)


def test_read_of_a_photon_energy_as_text_takes_the_number(path, way):
    with h5py.File(path, "w") as file:
        entry(file, energy=1486.6 - ENERGY, kind="kinetic", hv=("1486.6", "eV"))
    assert read(path)["C1s"].attrs["photon_energy"] == 1486.6


@pytest.mark.parametrize("dtype", ["f2", ">f4", "f8", ">f8", "i1", "u1", "<i2", ">i4", "u8", "?"])
@pytest.mark.parametrize("layout", [{}, {"chunks": (7,), "compression": "lzf", "shuffle": True, "fletcher32": True}])
def test_read_of_any_real_type_keeps_the_values(path, way, dtype, layout):
    values = (np.arange(ENERGY.size) % 2 == 0) if dtype == "?" else np.arange(1, 21).astype(dtype)
    with h5py.File(path, "w") as file:
        group = entry(file)
        del group["data/data"]
        group.create_dataset("data/data", data=values, **layout)
    np.testing.assert_array_equal(read(path)["C1s"]["counts"], values.astype(float))


@given(
    shape=st.lists(st.integers(0, 7), max_size=4).map(tuple),
    chunked=st.booleans(),
    slab=st.integers(8, 400),
    seed=st.integers(0, 99),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
def test_slabs_of_any_shape_make_up_the_array(tmp_path, monkeypatch, shape, chunked, slab, seed):
    monkeypatch.setattr(hdf5_worker, "_SLAB", slab)
    monkeypatch.setattr(hdf5_process, "interpreter", lambda: None)
    values = np.random.default_rng(seed).normal(size=shape)
    chunks = tuple(min(3, size) for size in shape) if chunked and shape and all(shape) else None
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("a", data=values, chunks=chunks)
    with opened_file(tmp_path / "a.h5") as file:
        node = file.root.get("a")
        assert isinstance(node, Dataset)
        np.testing.assert_array_equal(node.numbers(), values)
        ranges = [(size // 3, size) for size in shape]
        np.testing.assert_array_equal(node.part(ranges), values[tuple(slice(*ends) for ends in ranges)])


def hanging(path, name="first__C1s", **more):
    """Write a file whose heap of texts makes libhdf5 2.0 go on for ever: a size that leads back to the start."""
    with h5py.File(path, "w") as file:
        entry(file, name, **more)
    data = bytearray(path.read_bytes())
    data[data.index(b"GCOL") + 24] = 255
    path.write_bytes(data)


def cpu_of_children():
    import resource

    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


@POSIX
def test_read_of_a_file_that_hangs_libhdf5_ends_with_a_sentence(path):
    hanging(path)
    start = cpu_of_children()
    text = refusal(path)
    assert "makes the HDF5 library run without end; it is damaged" in text or "cannot be read" in text
    assert cpu_of_children() - start < 5
    hdf5_process.POOL.end()


@POSIX
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_read_in_a_process_that_crashes_loses_the_node_and_goes_on_in_another(path, number):
    with h5py.File(path, "w") as file:
        file["a"], file["b"], file["c"] = 1.0, 2.0, 3.0
    with opened_file(path) as file:
        assert file.root.dataset("a").numbers() == 1.0
        os.kill(file._reader._process.pid, number)
        with pytest.raises(UnusableNode, match=r"^b makes the HDF5 library crash; it is damaged$"):
            file.root.dataset("b")
        assert file.root.dataset("b").numbers() == 2.0
        os.kill(file._reader._process.pid, number)
        with pytest.raises(UnusableNode, match=r"^c makes the HDF5 library crash; it is damaged$"):
            file.root.dataset("c")
        with pytest.raises(UnusableNode, match=r"^c is not read, for other parts of the file are damaged or took too"):
            file.root.dataset("c")


@POSIX
def test_read_in_a_process_that_stands_still_ends_by_the_clock(path, monkeypatch):
    with h5py.File(path, "w") as file:
        file["a"] = 1.0
    monkeypatch.setattr(hdf5_process, "_CLOCK_SECONDS", 0.2)
    with opened_file(path) as file:
        os.kill(file._reader._process.pid, signal.SIGSTOP)
        with pytest.raises(UnusableNode, match=r"^a gave no answer within [0-9]+ s; it is damaged or out of reach$"):
            file.root.get("a")


def test_read_of_files_one_after_another_uses_one_process(path):
    with h5py.File(path, "w") as file:
        entry(file)
    hdf5_process.POOL.end()
    read(path)
    first = hdf5_process.POOL.take()
    assert first is not None
    hdf5_process.POOL.keep(first)
    read(path)
    assert hdf5_process.POOL.take() is first
    first.end()
    # One that has ended while it waited is not asked.
    hdf5_process.POOL.keep(first)
    assert list(read(path).children) == ["C1s"]


def test_read_in_many_threads_gives_each_its_file(tmp_path):
    for number in range(4):
        with h5py.File(tmp_path / f"{number}.nxs", "w") as file:
            entry(file, counts=COUNTS + number)
    results = {}

    def work(number):
        for _ in range(5):
            results[number] = read(tmp_path / f"{number}.nxs")["C1s"]["counts"].values

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in range(4):
        np.testing.assert_array_equal(results[number], COUNTS + number)


def test_read_leaves_the_environment_of_the_host_as_it_is(path):
    with h5py.File(path, "w") as file:
        entry(file)
    hdf5_process.POOL.end()
    before = dict(os.environ)
    read(path)
    assert dict(os.environ) == before


def test_process_that_cannot_be_started_is_one_sentence(path, monkeypatch):
    with h5py.File(path, "w") as file:
        entry(file)
    hdf5_process.POOL.end()
    monkeypatch.setattr(sys, "executable", str(path.with_name("python-none")))
    with pytest.raises(PrefitError, match=r"^HDF5: the process of .*python-none that reads .* cannot be started"):
        read(path)


@pytest.mark.parametrize(
    ("executable", "frozen", "works"),
    [
        ("/usr/bin/python3.11", False, True),
        ("/usr/bin/python3", True, False),
        ("/opt/freecad", False, False),
        ("", 0, 0),
    ],
)
def test_interpreter_of_a_program_that_is_not_python_is_none(monkeypatch, executable, frozen, works):
    monkeypatch.setattr(sys, "executable", executable)
    monkeypatch.setattr(sys, "frozen", frozen, raising=False)
    assert hdf5_process.interpreter() == (executable if works else None)


def test_group_names_and_paths_are_fit_to_be_shown(path, way):
    with h5py.File(path, "w") as file:
        file["a\x1b[2J/b"] = 1.0
    with opened_file(path) as file:
        (name,) = file.root.names()
        group = file.root.child(name)
        assert isinstance(group, Group)
        assert (group.name, group.path) == (r"a\x1b[2J", r"a\x1b[2J")
        assert group.get("b").path == r"a\x1b[2J/b"
        assert group.get("c") is None and group.get("b/c") is None


MEASURE = """
import json, resource, sys
limit = 6 * 2**30
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
import xps_stn_plugin as xps
from xps_prefit_hooks import PrefitError
from xps_stn_plugin.readers.hdf5_process import POOL
import xarray, lmfit.models, scipy.special, xps_stn_plugin.models
def usage():
    own, of_children = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    cpu = own.ru_utime + own.ru_stime + of_children.ru_utime + of_children.ru_stime
    return cpu, own.ru_maxrss / 1024, of_children.ru_maxrss / 1024
base = usage()[1]
for file in sys.argv[1:]:
    read = xps.load_seeds if file.endswith(".seeds.json") else xps.read
    before = usage()[0]
    try:
        read(file)
        text = "loaded"
    except PrefitError as error:
        text = str(error)
    POOL.end()
    cpu, own, of_children = usage()
    print(json.dumps([text, cpu - before, own - base, of_children]))
"""


@POSIX
@pytest.mark.slow
def test_hostile_files_end_in_one_sentence_within_5_seconds_and_500_megabytes():
    folder = SHARED / "cases" / "hostile"
    if not folder.is_dir():
        pytest.skip(f"there are no hostile files in {folder}")
    files = sorted(map(str, [*folder.glob("h5_*"), *folder.glob("hdf5_wrapped/*"), *folder.glob("seeds_*")]))
    assert files
    done = subprocess.run([sys.executable, "-c", MEASURE, *files], capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr[-2000:]
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(lines) == len(files)
    for file, (text, seconds, own, of_children) in zip(files, lines, strict=True):
        assert text.startswith(file) and text.isprintable() and text.endswith("."), (file, text)
        assert seconds < 5, (file, seconds)
        assert own + of_children < 500, (file, own, of_children)


def test_more_values_than_are_read_at_once_are_refused(path, tmp_path, way):
    with h5py.File(path, "w") as file:
        claims(10**7)(entry(file), tmp_path)
    with opened_file(path) as file:
        node = file.root.dataset("sample__C1s/data/data")
        with pytest.raises(UnusableNode, match="data/data claims 200000000 values; 100000000 are the most"):
            node.numbers()
        with pytest.raises(UnusableNode, match="data/data claims 140000000 values; 100000000 are the most"):
            node.part([(0, 7 * 10**6), (0, 20)])


@pytest.mark.parametrize("ranges", [[(0, 3), (0, 20)], [(-1, 1), (0, 20)], [(1, 0), (0, 20)], [(0, 2)], []])
def test_part_that_is_not_in_a_dataset_is_refused(path, way, ranges):
    with h5py.File(path, "w") as file:
        entry(file, counts=np.stack([COUNTS, 2 * COUNTS]))
    with opened_file(path) as file:
        node = file.root.dataset("sample__C1s/data/data")
        assert node.part([(1, 2), (3, 5)]).tolist() == [(2 * COUNTS[3:5]).tolist()]
        with pytest.raises(UnusableNode, match=r"data/data has shape \(2, 20\), so that this part of it is not there"):
            node.part(ranges)
