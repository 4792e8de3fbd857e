from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from xps_prefit_hooks import PrefitError
from xps_stn_plugin.spectrum import MIN_POINTS, calibrated, region_dataset, spectrum_tree, unique_name

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
