from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import xps_stn_plugin as xps
from xps_prefit_hooks import PrefitError
from xps_stn_plugin.core.spectrum import (
    MIN_POINTS,
    calibrated,
    checked_tree,
    region_dataset,
    spectrum_tree,
    unique_name,
)

ENERGY = np.arange(280.0, 290.0, 0.5)
COUNTS = np.arange(ENERGY.size, dtype=float)


@given(st.permutations(range(ENERGY.size)))
def test_axis_ascends_and_counts_stay_with_their_energies(order):
    order = np.array(order)
    data = region_dataset("f", ENERGY[order], COUNTS[order], region="C1s")
    assert np.array_equal(data["binding_energy"], ENERGY)
    assert np.array_equal(data["counts"], COUNTS)


def test_stack_keeps_its_leading_dimensions():
    stack = np.stack([COUNTS, 2 * COUNTS])
    data = region_dataset("f", ENERGY[::-1], stack[:, ::-1], region="C1s", label="C 1s map", photon_energy=1486.6)
    assert data["counts"].dims == ("axis_0", "binding_energy")
    assert np.array_equal(data["counts"], stack)
    assert data.attrs == {"region": "C1s", "label": "C 1s map", "photon_energy": 1486.6}
    assert data["binding_energy"].attrs["units"] == "eV"


@pytest.mark.parametrize(
    ("energy", "counts", "sentence"),
    [
        (ENERGY[:2], COUNTS[:2], f"has 2 points; at least {MIN_POINTS} are needed"),
        (ENERGY[:0], COUNTS[:0], "has 0 points"),
        (ENERGY, COUNTS[:-1], r"has 20 energies but intensities of shape \(19,\)"),
        (ENERGY, np.where(COUNTS == 3, np.nan, COUNTS), "has 1 intensities that are not numbers, first at point 4"),
        (np.where(COUNTS > 17, np.inf, ENERGY), COUNTS, "has 2 energies that are not numbers, first at point 19"),
        (np.append(ENERGY[:-1], 281.0), COUNTS, "has the energy 281 eV twice"),
        (ENERGY, np.full(ENERGY.size, 7.0), "has the same intensity 7 everywhere"),
        (ENERGY, np.empty((0, ENERGY.size)), "has energies but no intensities"),
    ],
)
def test_unusable_numbers_get_one_sentence(energy, counts, sentence):
    with pytest.raises(PrefitError, match=f"^f: region C 1s {sentence}.*[.;]"):
        region_dataset("f", energy, counts, region="C1s", label="C 1s")


def test_tree_needs_a_region():
    with pytest.raises(PrefitError, match=r"a\.vms: no region"):
        spectrum_tree("a.vms", {})


def test_tree_carries_source_and_attributes():
    tree = spectrum_tree("a.vms", {"C1s": region_dataset("f", ENERGY, COUNTS, region="C1s")}, operator="X")
    assert list(tree.children) == ["C1s"]
    assert tree.attrs == {"source": "a.vms", "operator": "X"}


def test_repeated_regions_are_numbered():
    taken: dict[str, int] = {}
    for _ in range(3):
        taken[unique_name("C1s", taken)] = 1
    assert list(taken) == ["C1s", "C1s_2", "C1s_3"]


@given(
    shift=st.floats(-10, 10),
    counts=hnp.arrays(float, ENERGY.size, elements=st.floats(0, 1e6), unique=True),
)
def test_calibration_moves_the_axis_by_exactly_the_shift_and_leaves_the_counts(shift, counts):
    data = region_dataset("f", ENERGY, counts, region="C1s").assign(transmission=("binding_energy", COUNTS))
    tree = spectrum_tree("f", {"C1s": data})
    moved = calibrated(tree, shift, 0.05, reference=284.8)
    assert np.array_equal(moved["C1s"]["binding_energy"], ENERGY - shift)
    assert np.array_equal(moved["C1s"]["counts"], counts)
    assert np.array_equal(moved["C1s"]["transmission"], COUNTS)
    assert moved["C1s"].attrs["energy_referencing_offset"] == -shift
    assert moved["C1s"].attrs["energy_referencing_binding_energy"] == 284.8
    assert moved.attrs["source"] == "f"
    assert np.array_equal(tree["C1s"]["binding_energy"], ENERGY)
    assert "energy_referencing_offset" not in tree["C1s"].attrs
    assert tree.attrs == {"source": "f"}


X_ODD = np.arange(280.0, 296.0, 0.1)
Y_ODD = np.random.default_rng(0).poisson(300.0 + 3000.0 * np.exp(-((X_ODD - 286.0) ** 2))).astype(float)


def _odd_region(energy=X_ODD, counts=Y_ODD, **attrs):
    return xr.DataArray(counts, {"binding_energy": energy}, "binding_energy", name="C1s", attrs=attrs)


def _with(values, place, value):
    changed = values.copy()
    changed[place] = value
    return changed


@pytest.mark.parametrize(
    ("region", "message"),
    [
        (_odd_region(285.0 + np.spacing(285.0) * np.arange(160)), "has the energy 285 eV twice"),
        (_odd_region(285.0 + 1e-4 * np.arange(160)), "covers 0.016 eV only"),
        (_odd_region(_with(X_ODD, 4, X_ODD[5])), "has the energy 280.5 eV twice"),
        (_odd_region(np.full(160, 285.0)), "twice"),
        (_odd_region(1e20 * X_ODD), "which no photoelectron has"),
        (_odd_region(_with(X_ODD, 4, np.inf)), "1 energies that are not numbers, first at point 5"),
        (_odd_region(counts=_with(Y_ODD, 4, np.nan)), "1 intensities that are not numbers, first at point 5"),
        (_odd_region(counts=1e200 * Y_ODD), "beyond what can be computed with"),
        (_odd_region(counts=1e-200 * Y_ODD), "beyond what can be computed with"),
        (_odd_region(counts=Y_ODD.astype(str)), "intensities that are not numbers but text"),
        (_odd_region(counts=Y_ODD + 0j), "intensities that are not numbers but complex"),
        (_odd_region(X_ODD[:2], Y_ODD[:2]), "has 2 points"),
        (_odd_region(dwell_time="0.1 s"), "attribute dwell_time = '0.1 s', which is not a number"),
        (_odd_region(photon_energy=[1.0, 2.0]), "attribute photon_energy = .* not a number"),
        (_odd_region(scans="3"), "attribute scans = '3', which is not a number"),
    ],
)
def test_checked_tree_with_odd_numbers_refuses_them_in_a_sentence(region, message):
    with pytest.raises(PrefitError, match=message):
        checked_tree("odd", region)


@pytest.mark.parametrize("step", [2e-3, 1e-2])
def test_checked_tree_with_small_steps_takes_them(step):
    assert checked_tree("odd", _odd_region(285.0 + step * np.arange(160)))["C1s"].attrs["region"]


def test_checked_tree_of_a_stack_with_text_for_a_number_refuses_it():
    stack = xr.DataArray(np.stack([Y_ODD] * 2), {"binding_energy": X_ODD}, ("n", "binding_energy"), name="C1s")
    with pytest.raises(PrefitError, match="dwell_time"):
        checked_tree("odd", stack.assign_attrs(dwell_time="long"))


def test_prefit_of_a_wide_region_says_why_there_is_no_model():
    energy = np.arange(250.0, 330.0, 0.1)
    counts = np.random.default_rng(0).poisson(300.0 + 3000.0 * np.exp(-((energy - 286.0) ** 2))).astype(float)
    result = xps.prefit(_odd_region(energy, counts, region="C1s"))
    assert not result.seeds
    assert [reason for reason in result.reasons if "C1s is 80 eV wide and gets no model" in reason]
    survey = xps.prefit(_odd_region(energy, counts, region="Survey"))
    assert not [reason for reason in survey.reasons if "no model" in reason]
