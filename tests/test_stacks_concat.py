"""Single spectra that were measured alike become a stack, and others do not."""

from __future__ import annotations

import numpy as np
import pytest
import stacked
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import xps_stn_plugin as xps
from xps_prefit_hooks import PrefitError
from xps_stn_plugin.core.spectrum import region_dataset, spectrum_tree
from xps_stn_plugin.stacks.concat import FILE, apart, joined, manners_of

AXIS = stacked.AXES["C1s"]


def single(counts, axis=AXIS, regions=("C1s",), **attrs):
    parts = {name: region_dataset("made", axis, counts, region=name, **attrs) for name in regions}
    return spectrum_tree("made", parts, reader="table")


def levels(number, **attrs):
    random = np.random.default_rng(3)
    return [single(random.poisson(50.0, AXIS.size), **attrs) for _ in range(number)]


@given(
    arrays(float, st.tuples(st.integers(1, 5), st.just(9)), elements=st.integers(0, 10**6).map(float)).filter(
        lambda counts: (np.ptp(counts, axis=1) > 0).all()
    )
)
def test_each_spectrum_comes_back_as_it_was(counts):
    axis = np.linspace(284, 288, 9)
    labels = [f"level{number}" for number in range(len(counts))]
    stack = joined(zip(labels, (single(row, axis) for row in counts), strict=True), "profile")
    assert stack["C1s/counts"].dims == (FILE, "binding_energy")
    assert stack.attrs["source"] == "profile"
    for label, row in zip(labels, counts, strict=True):
        np.testing.assert_array_equal(stack["C1s/counts"].sel({FILE: label}), row)


def test_the_order_is_the_given_one():
    spectra = levels(3)
    stack = joined(zip(["level2", "level10", "a"], spectra, strict=True), "profile")
    assert stack["C1s"][FILE].values.tolist() == ["level2", "level10", "a"]
    np.testing.assert_array_equal(stack["C1s/counts"][1], spectra[1]["C1s/counts"])


def test_a_stack_of_files_is_read_as_any_other():
    values = stacked.counts(["ester"] * 3, [0.2, 0.4, 0.6], [300] * 3)
    spectra = [
        spectrum_tree("made", {name: region_dataset("made", stacked.AXES[name], values[name][n], region=name)
                               for name in stacked.AXES})
        for n in range(3)
    ]  # fmt: skip
    found = xps.prefit_many(joined(zip("abc", spectra, strict=True), "profile"), share="shift")
    wanted = xps.prefit_many(stacked.tree(values, (3,), ("level",)), share="shift")
    assert found["shift"].dims == (FILE,)
    for name in ("shift", "shift_stderr", "status", "reasons", "probability", "C1s/region_shift"):
        np.testing.assert_array_equal(found[name].values, wanted[name].values)


def test_what_all_have_alike_stays_and_what_each_has_goes_along():
    spectra = [
        single(np.arange(AXIS.size) + n, label=f"C1s level {n}", scans=3, start_time=f"2024-01-01T00:0{n}:00", block=1)
        for n in range(2)
    ]
    region = joined(zip("ab", spectra, strict=True), "profile")["C1s"]
    assert (region.attrs["region"], region.attrs["label"], region.attrs["scans"]) == ("C1s", "C1s", 3)
    assert region["start_time"].dims == (FILE,)
    assert region["start_time"].values.tolist() == ["2024-01-01T00:00:00", "2024-01-01T00:01:00"]
    assert region.attrs["block"] == 1 and "block" not in region.coords
    assert "start_time" not in region.attrs


def test_numbers_along_no_dimension_go_along_the_files():
    spectra = []
    for n, spectrum in enumerate(levels(2)):
        data = spectrum["C1s"].to_dataset().assign_coords(etch_time=30.0 * n, only=1)
        spectra.append(spectrum_tree("made", {"C1s": data if n else data.drop_vars("only")}))
    region = joined(zip("ab", spectra, strict=True), "profile")["C1s"]
    assert region["etch_time"].dims == (FILE,)
    assert region["etch_time"].values.tolist() == [0.0, 30.0]
    assert "only" not in region.coords


def test_other_quantities_stay_with_their_spectrum():
    spectra = []
    for n, spectrum in enumerate(levels(2)):
        data = spectrum["C1s"].to_dataset().assign(transmission=("binding_energy", np.full(AXIS.size, 1.0 + n)))
        spectra.append(spectrum_tree("made", {"C1s": data}))
    region = joined(zip("ab", spectra, strict=True), "profile")["C1s"]
    assert region["transmission"].sel({FILE: "b"}).values.tolist() == [2.0] * AXIS.size


def test_axes_are_the_same_within_what_rounding_leaves():
    first, other = levels(2)
    moved = other["C1s"].to_dataset()
    for step, reason in ((5e-7, ""), (1e-5, "in C1s their axes differ")):
        near = moved.assign_coords(binding_energy=moved["binding_energy"] + step)
        assert apart(manners_of(first), manners_of(spectrum_tree("made", {"C1s": near}))) == reason
    near = moved.assign_coords(binding_energy=moved["binding_energy"] + 5e-7)
    stack = joined([("a", first), ("b", spectrum_tree("made", {"C1s": near}))], "profile")
    np.testing.assert_array_equal(stack["C1s/binding_energy"], AXIS)
    assert np.isfinite(stack["C1s/counts"].values).all()


def test_one_energy_that_differs_is_another_axis():
    axis = AXIS.copy()
    axis[40] += 0.001
    first, other = levels(1)[0], single(np.arange(AXIS.size), axis)
    assert apart(manners_of(first), manners_of(other)) == "in C1s their axes differ"


@pytest.mark.parametrize(
    ("attrs", "reason"),
    [
        ({"photon_energy": 1253.6}, "photon energies"),
        ({"intensity": "counts per second"}, "kinds of intensity"),
        ({"dwell_time": 0.2}, "dwell times"),
        ({"scans": 5}, "numbers of scans"),
        ({"pass_energy": 40.0}, "pass energies"),
        ({"sample": "PET"}, "samples"),
    ],
)
def test_what_was_measured_otherwise_is_not_joined(attrs, reason):
    (first,), (other,) = levels(1), levels(1, **attrs)
    with pytest.raises(PrefitError, match=rf"profile: b does not go together with a: in C1s their {reason} differ\."):
        joined([("a", first), ("b", other)], "profile")


def test_labels_may_differ():
    (first,), (other,) = levels(1, label="C 1s"), levels(1, label="Carbon")
    assert apart(manners_of(first), manners_of(other)) == ""


@pytest.mark.parametrize(
    ("regions", "reason"),
    [
        (["C1s"], "it has no O1s"),
        (["C1s", "O1s", "N1s"], "it has N1s besides"),
        (["N1s", "C1s", "F1s"], "it has F1s, N1s instead of O1s"),
        (["O1s", "C1s"], ""),
    ],
)
def test_other_regions_are_told(regions, reason):
    first = single(np.arange(AXIS.size), regions=["C1s", "O1s"])
    assert apart(manners_of(first), manners_of(single(np.arange(AXIS.size), regions=regions))) == reason


def test_a_stack_is_not_joined():
    stack = xr.DataTree.from_dict({"/C1s": joined(zip("ab", levels(2), strict=True), "profile")["C1s"].to_dataset()})
    with pytest.raises(PrefitError, match=r"profile: map is a stack by itself \(C1s\); join single spectra"):
        joined([("map", stack)], "profile")


def test_nothing_is_no_stack():
    with pytest.raises(PrefitError, match="no region with a spectrum"):
        joined([], "profile")
