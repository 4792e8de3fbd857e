from __future__ import annotations

import pickle

import h5py
import numpy as np
import pytest

from xps_prefit_hooks import PrefitError, Settings
from xps_stn_plugin.readers import builtin_readers, nexus, read_file
from xps_stn_plugin.stacks.stack import stack_of

ENERGY = np.round(np.arange(280.0, 290.0, 0.5), 3)
COUNTS = np.array([100.0 + 7 * i % 13 for i in range(ENERGY.size)])


def read(path, **asked):
    return read_file(path, builtin_readers(), Settings(**asked))


def entry(
    file, name="sample__C1s", *, energy=ENERGY, counts=COUNTS, kind="binding", definition="NXxps", units="eV", hv=None
):
    group = file.create_group(name)
    group.attrs["NX_class"] = "NXentry"
    group["definition"] = definition
    group["sample/name"] = "PET"
    data = group.create_group("data")
    data.attrs.update({"NX_class": "NXdata", "signal": "data"})
    data["data"] = counts
    data["data"].attrs["units"] = "counts_per_second"
    data["energy"] = energy
    data["energy"].attrs["units"] = units
    if kind:
        data["energy"].attrs["type"] = kind
    if hv:
        beam = group.create_group("instrument/beam_probe")
        beam.attrs["NX_class"] = "NXbeam"
        beam["incident_energy"] = hv[0]
        beam["incident_energy"].attrs["units"] = hv[1]
    return group


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.nxs"


def test_binding_axis_and_what_goes_with_it(path):
    with h5py.File(path, "w") as file:
        data = entry(file, energy=ENERGY[::-1])["data"]
        data["data_errors"] = COUNTS / 10
    region = read(path)["C1s"]
    assert np.array_equal(region["binding_energy"], ENERGY)
    assert np.array_equal(region["counts"], COUNTS[::-1])
    assert np.array_equal(region["data_errors"], COUNTS[::-1] / 10)
    assert region.attrs["sample"] == "PET"
    assert region.attrs["intensity"] == "counts per second"
    assert region.attrs["label"] == "C1s"


def test_what_the_entry_knows_goes_to_the_attributes(path):
    with h5py.File(path, "w") as file:
        group = entry(file, hv=(1486.7, "eV"))
        group["start_time"] = "2024-05-06T07:08:09+00:00"
        analyser = group.create_group("instrument/electronanalyzer")
        analyser["work_function"] = 4.5
        analyser["collectioncolumn/scheme"] = "angular dispersive"
        analyser["energydispersion/scheme"] = "hemispherical"
        analyser["energydispersion/pass_energy"] = 0.02
        analyser["energydispersion/pass_energy"].attrs["units"] = "keV"
        analyser["detector/count_time"] = 0.5
        analyser["detector/count_time"].attrs["units"] = "s"
    attrs = read(path)["C1s"].attrs
    assert attrs["start_time"] == "2024-05-06T07:08:09+00:00"
    assert (attrs["work_function"], attrs["dwell_time"], attrs["photon_energy"]) == (4.5, 0.5, 1486.7)
    assert (attrs["collection_scheme"], attrs["dispersion_scheme"]) == ("angular dispersive", "hemispherical")
    assert "pass_energy" not in attrs  # not in eV
    assert read(path, photon_energy=1253.6)["C1s"].attrs["photon_energy"] == 1253.6


def test_further_axes_and_second_names_are_no_quantities(path):
    with h5py.File(path, "w") as file:
        data = entry(file)["data"]
        data["counts"], data["axis"], data["transmission"] = data["data"], ENERGY + 1.5, COUNTS / 7
        data.attrs["axis_indices"] = 0
    assert set(read(path)["C1s"].data_vars) == {"counts", "transmission"}


@pytest.mark.parametrize(("units", "factor"), [("eV", 1.0), ("keV", 1e-3), ("meV", 1e3)])
def test_kinetic_axis_with_the_photon_energy_of_the_file_or_the_user(path, units, factor):
    with h5py.File(path, "w") as file:
        entry(file, energy=(1486.6 - ENERGY) * factor, kind="kinetic", units=units, hv=(1486.6 * factor, units))
    assert np.allclose(read(path)["C1s"]["binding_energy"], ENERGY)
    assert np.allclose(read(path, photon_energy=1487.6)["C1s"]["binding_energy"], ENERGY + 1)


def test_calibrated_axis_of_energy_referencing_is_used_and_told(path):
    with h5py.File(path, "w") as file:
        referencing = entry(file).create_group("energy_referencing")
        referencing["calibrated_axis"] = ENERGY - 2.5
        referencing["calibrated_axis"].attrs["units"] = "eV"
        referencing["reference_peak"] = "C 1s"
        referencing["binding_energy"] = 284.8
        referencing["offset"] = 2.5
    region = read(path)["C1s"]
    assert np.allclose(region["binding_energy"], ENERGY - 2.5)
    assert region.attrs["energy_referencing_reference_peak"] == "C 1s"
    assert region.attrs["energy_referencing_binding_energy"] == 284.8
    assert region.attrs["energy_referencing_offset"] == 2.5


def test_calibrated_kinetic_axis_takes_the_type_of_the_axis(path):
    with h5py.File(path, "w") as file:
        group = entry(file, energy=1486.6 - ENERGY, kind="kinetic", hv=(1486.6, "eV"))
        group["energy_referencing/calibrated_axis"] = 1486.6 - ENERGY + 2.5
    assert np.allclose(read(path)["C1s"]["binding_energy"], ENERGY - 2.5)


def test_several_entries_and_stacks(path):
    with h5py.File(path, "w") as file:
        entry(file, "a__C1s", definition="NXmpes")
        entry(file, "b__C1s", counts=np.stack([COUNTS, 2 * COUNTS], axis=1))["data"].attrs["energy_indices"] = 0
        entry(file, "notes", definition="NXarchive")
        entry(file, "c__VB", energy=ENERGY - 280)
    tree = read(path)
    assert list(tree.children) == ["C1s", "C1s_2", "VB"]
    assert np.array_equal(tree["C1s_2"]["counts"], np.stack([COUNTS, 2 * COUNTS]))


@pytest.mark.parametrize("dims", [("y", "x", "energy"), ("energy", "y", "x"), ("y", "energy", "x")])
def test_maps_keep_the_names_labels_and_units_of_their_axes(path, dims):
    stack = COUNTS * np.arange(1, 7).reshape(2, 3, 1)
    sizes = {"y": 0, "x": 1, "energy": 2}
    with h5py.File(path, "w") as file:
        data = entry(file, counts=stack.transpose([sizes[dim] for dim in dims]))["data"]
        data.attrs["axes"] = list(dims)
        data["y"], data["x"] = [0.5, 1.5], ["a", "b", "c"]
        data["y"].attrs["units"] = "um"
    counts = read(path)["C1s"]["counts"]
    assert counts.dims == ("y", "x", "binding_energy")
    np.testing.assert_array_equal(counts, stack)
    assert counts["y"].values.tolist() == [0.5, 1.5] and counts["y"].attrs["units"] == "um"
    assert counts["x"].values.tolist() == ["a", "b", "c"]


def test_axes_without_labels_are_numbered_and_missing_spectra_stay_missing(path):
    stack = np.stack([COUNTS, np.full_like(COUNTS, np.nan, dtype=float)])
    with h5py.File(path, "w") as file:
        entry(file, counts=stack)["data"].attrs["axes"] = [".", "energy"]
    counts = read(path)["C1s"]["counts"]
    assert counts.dims == ("axis_0", "binding_energy")
    np.testing.assert_array_equal(counts, stack)


def test_transition_names_the_region(path):
    with h5py.File(path, "w") as file:
        entry(file, "run_17")["transitions"] = ["C 1s"]
    assert read(path)["C1s"].attrs["region_from"] == "label"


def broken(change):
    def write(file):
        change(entry(file))

    return write


def no_energy(group):
    del group["data/energy"]


def no_data(group):
    del group["data"]


def longer(group):
    del group["data/data"]
    group["data/data"] = np.arange(7.0)


def crooked(group):
    group["energy_referencing/calibrated_axis"] = np.arange(3.0)


@pytest.mark.parametrize(
    ("write", "sentence"),
    [
        (lambda file: file.update({"spectra": [1.0, 2.0]}), r"holds no NXentry, so it is not NeXus \(found: spectra\)"),
        (lambda file: None, "found: nothing"),
        (lambda file: entry(file, definition="NXsas"), r"no entry of the definitions NXmpes or NXxps \(found: NXsas\)"),
        (lambda file: entry(file, kind=None), "the axis has type ''; needed is energy/@type"),
        (lambda file: entry(file, kind="kinetic"), "kinetic and the file does not give the photon energy"),
        (lambda file: entry(file, units="K"), "the energies are in 'K'"),
        (lambda file: entry(file, counts=COUNTS * np.nan), "20 intensities that are not numbers"),
        (broken(no_energy), "lacks its dataset 'energy'"),
        (broken(no_data), "no NXdata group"),
        (broken(longer), "20 energies do not go with intensities of shape"),
        (broken(crooked), "calibrated_axis has shape"),
    ],
)
def test_wrong_files_get_one_sentence(path, write, sentence):
    with h5py.File(path, "w") as file:
        write(file)
    with pytest.raises(PrefitError, match=sentence) as caught:
        read(path)
    assert str(path) in str(caught.value)
    assert "failed on this file" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_file_that_is_damaged_inside_gets_a_sentence(path):
    with h5py.File(path, "w") as file:
        address = entry(file)["data/data"].id.get_offset()
    whole = path.read_bytes()
    at = address - 300  # the group's heap of names
    path.write_bytes(whole[:at] + bytes([255] * 100) + whole[at + 100 :])
    with pytest.raises(PrefitError, match=r"entry sample__C1s: sample__C1s/data cannot be read \("):
        read(path)


@pytest.fixture
def part_by_part(monkeypatch):
    monkeypatch.setattr(nexus, "LARGEST_LOADED", 0)


@pytest.mark.parametrize("along", [0, 1, 2])
@pytest.mark.parametrize("dtype", ["u2", "f4", "f8"])
@pytest.mark.parametrize("order", [1, -1])
def test_large_stack_is_read_part_by_part_in_its_type(path, part_by_part, along, dtype, order):
    counts = np.random.default_rng(1).poisson(1000, (3, 4, ENERGY.size)).astype(dtype)
    with h5py.File(path, "w") as file:
        data = entry(file, energy=ENERGY[::order], counts=np.moveaxis(counts, -1, along))["data"]
        data.attrs["axes"] = np.insert(np.array(["y", "x"], dtype=object), along, "energy").tolist()
        data["y"], data["x"] = [1.0, 2.0, 3.0], [1.0, 2.0, 3.0, 4.0]
    stack = read(path)["C1s"]["counts"]
    assert stack.dtype == dtype
    assert stack.dims == ("y", "x", "binding_energy")
    assert not stack.variable._in_memory
    expected = counts[..., ::order]
    assert np.array_equal(stack[1, 2], expected[1, 2])
    assert np.array_equal(stack[::2, 1:3, 2:-1:3], expected[::2, 1:3, 2:-1:3])
    assert np.array_equal(stack[[2, 0]], expected[[2, 0]])
    assert np.array_equal(stack, expected)
    assert np.array_equal(stack.sel(y=2.0), expected[1])
    assert not stack.variable._in_memory


def test_blocks_of_a_large_stack_are_those_of_a_loaded_one(path, monkeypatch):
    with h5py.File(path, "w") as file:
        entry(file, counts=np.random.default_rng(1).poisson(1000, (5, 7, ENERGY.size)).astype("u4"))
    loaded = stack_of(read(path))
    monkeypatch.setattr(nexus, "LARGEST_LOADED", 0)
    stack = stack_of(pickle.loads(pickle.dumps(read(path))))
    blocks = list(stack.blocks(8))
    assert len(blocks) > 1
    for block in blocks:
        assert np.array_equal(stack.read("C1s", block), loaded.read("C1s", block))


def test_single_spectrum_is_loaded_however_large(path, part_by_part):
    with h5py.File(path, "w") as file:
        entry(file)
    assert read(path)["C1s"]["counts"].variable._in_memory


def test_damaged_part_of_a_large_stack_is_refused_when_it_is_read(path, part_by_part):
    counts = np.random.default_rng(1).poisson(1000, (3, ENERGY.size))
    with h5py.File(path, "w") as file:
        data = entry(file)["data"]
        del data["data"]
        stored = data.create_dataset("data", data=counts, chunks=(1, ENERGY.size), compression="gzip")
        place = stored.id.get_chunk_info(2).byte_offset
    content = bytearray(path.read_bytes())
    content[place : place + 20] = b"\xff" * 20
    path.write_bytes(content)
    stack = read(path)["C1s"]["counts"]
    assert np.array_equal(stack[:2], counts[:2])
    with pytest.raises(PrefitError, match=r"data/data cannot be read \("):
        stack[2].load()


def test_large_stack_of_a_file_that_was_changed_is_refused(path, part_by_part):
    with h5py.File(path, "w") as file:
        entry(file, counts=np.stack([COUNTS, 2 * COUNTS]))
    stack = read(path)["C1s"]["counts"]
    with h5py.File(path, "w") as file:
        entry(file, counts=np.stack([COUNTS]))
    with pytest.raises(PrefitError, match="the file has changed since it was opened"):
        stack[0].load()


def test_large_stack_that_claims_more_than_is_stored_is_refused(path, part_by_part):
    with h5py.File(path, "w") as file:
        data = entry(file)["data"]
        del data["data"]
        data.create_dataset("data", shape=(10**6, ENERGY.size), chunks=(1000, ENERGY.size), dtype="f8")
    with pytest.raises(PrefitError, match="claims 20000000 values, for which the file stores 0 bytes"):
        read(path)
