"""Numbers in memory as spectra."""

from __future__ import annotations

import fakes
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from conftest import ROOT

import xps_stn_plugin as xps

ENERGY = np.round(np.arange(280.0, 295.0, 0.1), 6)
COUNTS = np.random.default_rng(0).poisson(100 + 900 * np.exp(-((ENERGY - 285.0) ** 2))).astype(float)
PHOTONS = 1486.6
KINETIC = PHOTONS - ENERGY

SAME = {
    "tuple": (ENERGY, COUNTS),
    "lists": [ENERGY.tolist(), COUNTS.tolist()],
    "descending": (ENERGY[::-1], COUNTS[::-1]),
    "columns": np.column_stack([ENERGY, COUNTS]),
    "rows": np.stack([ENERGY, COUNTS]),
    "table": pd.DataFrame({"Binding Energy (eV)": ENERGY, "CPS": COUNTS}),
    "table by region": pd.DataFrame({"region": "C1s", "energy": ENERGY, "counts": COUNTS}),
    "table named by its region": pd.DataFrame({"BE": ENERGY, "C1s": COUNTS}),
    "table with an index": pd.DataFrame({"counts": COUNTS}, index=pd.Index(ENERGY, name="energy")),
    "table with more columns": pd.DataFrame({"BE": ENERGY, "KE": KINETIC, "counts": COUNTS, "background": 0.0}),
    "kinetic table": pd.DataFrame({"K.E.": KINETIC, "counts": COUNTS}),
    "series": pd.Series(COUNTS, index=ENERGY),
    "named series": pd.Series(COUNTS, index=pd.Index(ENERGY, name="BE"), name="C1s"),
    "two series": (pd.Series(KINETIC, name="kinetic energy"), pd.Series(COUNTS)),
    "dictionary": {"energy": ENERGY, "counts": COUNTS},
    "dictionary of regions": {"C1s": (ENERGY, COUNTS)},
    "DataArray": xr.DataArray(COUNTS, coords={"energy": ENERGY}, dims="energy"),
    "kinetic DataArray": xr.DataArray(COUNTS, coords={"KE": KINETIC}, dims="KE", name="C1s"),
    "DataArray with a described axis": xr.DataArray(
        COUNTS, coords={"energy": ("energy", KINETIC, {"long_name": "kinetic energy"})}, dims="energy"
    ),
    "Dataset": xr.Dataset({"signal": ("channel", COUNTS)}, coords={"BE": ("channel", ENERGY)}),
    "DataTree": xr.DataTree.from_dict({"/C1s": xr.Dataset({"counts": ("BE", COUNTS)}, coords={"BE": ENERGY})}),
}


@pytest.mark.parametrize("data", SAME.values(), ids=SAME)
def test_every_form_gives_the_same_spectrum(data):
    tree = xps.spectrum(data, photon_energy=PHOTONS) if not isinstance(data, xr.DataTree) else data
    if isinstance(data, xr.DataTree):
        from xps_stn_plugin.api import checked_spectrum

        tree = checked_spectrum(data, xps.Settings())
    assert list(tree.children) == ["C1s"]
    np.testing.assert_allclose(tree["C1s"]["binding_energy"], ENERGY, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(tree["C1s"]["counts"], COUNTS)
    assert tree["C1s"].attrs["region"] == "C1s"


def test_regions_by_name_keep_what_is_told_of_them():
    tree = xps.spectrum(
        C1s=(ENERGY, COUNTS), O1s=pd.Series(COUNTS, index=ENERGY + 247.0), intensity="counts", sample="PET"
    )
    assert list(tree.children) == ["C1s", "O1s"]
    assert {child.attrs["intensity"] for child in tree.children.values()} == {"counts"}
    assert {child.attrs["sample"] for child in tree.children.values()} == {"PET"}


def test_kinetic_energies_may_be_said_to_be_so():
    tree = xps.spectrum(C1s=(KINETIC, COUNTS), kinetic=True, photon_energy=PHOTONS)
    np.testing.assert_allclose(tree["C1s"]["binding_energy"], ENERGY, rtol=0, atol=1e-6)
    assert tree["C1s"].attrs["photon_energy"] == PHOTONS and tree["C1s"].attrs["energy_axis"] == "kinetic"


def test_photon_energy_of_an_array_is_used():
    array = xr.DataArray(COUNTS, coords={"KE": KINETIC}, dims="KE", attrs={"photon_energy": PHOTONS})
    np.testing.assert_allclose(xps.spectrum(C1s=array)["C1s"]["binding_energy"], ENERGY, rtol=0, atol=1e-6)


def test_many_counts_over_the_same_energies_are_a_stack(fake):
    tree = xps.spectrum(C1s=(ENERGY, np.stack([COUNTS, 2 * COUNTS])))
    assert tree["C1s"]["counts"].sizes == {"axis_0": 2, "binding_energy": ENERGY.size}
    array = xr.DataArray(np.stack([COUNTS, COUNTS]), coords={"energy": ENERGY}, dims=("time", "energy"), name="C1s")
    assert xps.prefit_many(array)["shift"].sizes == {"time": 2}


@pytest.mark.parametrize(
    ("data", "options", "sentence"),
    [
        ({"O1s": (ENERGY, COUNTS)}, {}, "region O1s covers 280 to 294.9 eV, but O 1s is expected between"),
        ({"C1s": (ENERGY, COUNTS[:-1])}, {}, "150 energies but intensities of shape"),
        ({"C1s": ENERGY}, {}, r"ndarray of shape \(150,\) is not a spectrum; give \(energy, counts\)"),
        ({"C1s": (ENERGY, ["a"] * 150)}, {}, "the intensities are not all numbers; give real numbers"),
        ({"C1s": (np.stack([ENERGY, ENERGY]), COUNTS)}, {}, r"the energies have shape \(2, 150\); give one list"),
        (pd.DataFrame({"KE": KINETIC, "counts": COUNTS}), {}, "the energies are kinetic; give the photon energy"),
        (xr.DataArray(COUNTS, coords={"KE": KINETIC}, dims="KE"), {}, "the energies are kinetic; give the photon"),
        ((KINETIC, COUNTS), {"kinetic": True}, "the energies are kinetic; give the photon energy"),
        (pd.DataFrame({"energy": ENERGY, "a": COUNTS, "b": COUNTS}), {}, "the columns are energy, a, b; name one"),
        (xr.DataArray(COUNTS, dims="channel"), {}, "no coordinate is called energy, BE or KE"),
        (
            xr.DataArray(COUNTS, coords={"BE": ("n", ENERGY), "be_2 BE": ("n", ENERGY)}, dims="n"), {},
            "BE and be_2 BE may both be the energies",
        ),
        (
            xr.Dataset({"a": ("BE", COUNTS), "b": ("BE", COUNTS)}, coords={"BE": ENERGY}), {},
            "the variables are a, b; call one of them counts",
        ),
        ({}, {}, "the mapping is empty"),
        ("C1s", {}, "str is not a spectrum|not a spectrum"),
        (None, {}, "give data, or data by region"),
    ],
)  # fmt: skip
def test_refusal_is_one_sentence_that_says_what_to_do(data, options, sentence):
    with pytest.raises(xps.PrefitError, match=sentence) as caught:
        xps.spectrum(data, **options)
    assert str(caught.value).endswith(".")


def test_prefit_takes_numbers(fake):
    energy = fakes.spectrum()["C1s"]["binding_energy"].values
    counts = fakes.spectrum()["C1s"]["counts"].values
    wanted = xps.prefit(fakes.spectrum()).shift
    for data in (
        (energy, counts), {"C1s": (energy, counts)}, np.column_stack([energy, counts]),
        pd.Series(counts, index=energy), xr.DataArray(counts, coords={"BE": energy}, dims="BE"),
    ):  # fmt: skip
        assert xps.prefit(data).shift == wanted
    assert [result.shift for result in xps.prefit_many([(energy, counts), (energy, counts)])] == [wanted] * 2
    assert [result.shift for result in xps.prefit_many(pd.Series(counts, index=energy))] == [wanted]
    (failure,) = xps.prefit_many([42])
    assert "int is not a spectrum; give a path or (energy, counts)" in failure.reason


def test_readme_and_guide_show_it():
    assert "xps.spectrum(C1s=(energy, counts)" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert "xps.spectrum(" in (ROOT / "docs" / "guide.md").read_text(encoding="utf-8")
