"""Fits and shared shifts of stacks, from counts to labelled arrays."""

from __future__ import annotations

import numpy as np
import pytest
import stacked
import xarray as xr

import xps_stn_plugin as xps
from xps_stn_plugin.settings import settings_of
from xps_stn_plugin.stacks import stack as stack_module
from xps_stn_plugin.stacks.fields import STACK_STATUSES
from xps_stn_plugin.stacks.prefit import calibrated_pixel, write_stack
from xps_stn_plugin.stacks.stack import stack_of

KINDS = ["ester"] * 15 + ["ether"] * 15
SHIFTS = np.linspace(-1.5, 1.5, 30)


@pytest.fixture(scope="module")
def spectra():
    values = stacked.counts(KINDS, SHIFTS, [400] * 30)
    values["C1s"][7], values["O1s"][7] = np.nan, np.nan
    return stacked.tree(values, (5, 6), intensity="counts")


@pytest.fixture(scope="module")
def fitted(spectra):
    return xps.prefit_many(spectra, fit=True)


def test_fits_have_components_on_the_dimensions_of_the_stack(spectra, fitted):
    carbon = fitted["C1s"].to_dataset()
    assert carbon["area"].dims == ("y", "x", "component")
    done = np.ones((5, 6), dtype=bool)
    done[1, 1] = False
    np.testing.assert_array_equal(carbon["success"], done)
    assert carbon["fit_status"].values[1, 1] == 2 and np.isnan(carbon["redchi"].values[1, 1])
    assert np.isnan(carbon["area"].values[1, 1]).all()
    assert 0.8 < np.median(carbon["redchi"].values[done]) < 1.3
    # The carboxyl carbon of the ester is where it is, whatever the charge; the ether has none.
    carboxyl = carbon.sel(component="C1s O-C=O")
    esters = (np.arange(30) < 15).reshape(5, 6) & done
    np.testing.assert_allclose(carboxyl["center"].values[esters], 289.05, atol=0.25)
    np.testing.assert_allclose(carboxyl["area"].values[esters], 2 * 400, rtol=0.25)
    assert (np.nan_to_num(carboxyl["area"].values[~esters]) < 40).all()
    assert (carboxyl["area_stderr"].values[esters] > 0).all()
    total = carbon["area"].sum("component").values[done]
    np.testing.assert_allclose(total, 10 * 400, rtol=0.1)


def test_fits_do_not_depend_on_blocks_or_dask_or_where_they_go(spectra, fitted, monkeypatch, tmp_path):
    array = pytest.importorskip("dask.array")
    monkeypatch.setattr(stack_module.Stack.blocks, "__defaults__", (4,))
    cut = xps.prefit_many(spectra, fit=True)
    chunked = xr.DataTree.from_dict(
        {
            "/": spectra.to_dataset(),
            **{
                name: child.to_dataset().assign(
                    counts=child["counts"].copy(data=array.from_array(child["counts"].values, chunks=(2, 3, 40)))
                )
                for name, child in spectra.children.items()
            },
        }
    )
    lazy = xps.prefit_many(chunked, fit=True)
    for one in (cut, lazy):
        np.testing.assert_array_equal(one["C1s/structure"], fitted["C1s/structure"])
        for name in ("center", "area", "fwhm", "redchi"):
            np.testing.assert_allclose(one[f"C1s/{name}"], fitted[f"C1s/{name}"], rtol=1e-4, atol=1e-3)
    pytest.importorskip("h5netcdf")
    write_stack(stack_of(spectra), tmp_path / "a.nc", settings_of(), fit=True)
    with xr.open_datatree(tmp_path / "a.nc", engine="h5netcdf") as found:
        xr.testing.assert_allclose(found.load(), cut)


def test_what_one_spectrum_gives_by_itself(spectra, fitted):
    """Single seeds differ from those of a mean; where both are as good, components are the same within errors."""
    alone = xps.prefit(stack_of(spectra).spectrum({"y": 0, "x": 3})).fit("C1s")
    assert float(fitted["C1s/redchi"][0, 3]) == pytest.approx(alone.redchi, rel=0.25)
    moved = calibrated_pixel(spectra, fitted, y=0, x=3)
    assert float(moved["C1s/binding_energy"][0]) == pytest.approx(278.0 - float(fitted["shift"][0, 3]))


def test_a_series_has_one_shift_where_carbon_is_gone():
    kinds = ["ester"] * 8 + ["oxide"] * 4
    values = stacked.counts(kinds, [1.2] * 12, [500] * 12)
    profile = stacked.tree(values, (12,), ("level",))
    single, shared = xps.prefit_many(profile), xps.prefit_many(profile, share="shift")
    assert np.ptp(shared["shift"].values) < 0.05 < np.ptp(single["shift"].values)
    np.testing.assert_allclose(shared["shift"], 1.2, atol=0.2)
    carried = (shared["reasons"].values & 2048) > 0
    assert carried.tolist() == [False] * 8 + [True] * 4
    assert (np.diff(shared["shift_stderr"].values[7:]) > 0).all()
    statuses = [STACK_STATUSES[number] for number in shared["status"].values]
    assert statuses[:8] == ["ok"] * 8 and "ok" not in statuses[8:]
    assert "the scale is carried over from level 3.5" in shared.attrs["notes"]


def test_a_series_shares_positions_and_widths():
    values = stacked.counts(["ester"] * 12, np.linspace(0.5, 1.5, 12), np.geomspace(500, 50, 12))
    values["C1s"][3] = np.nan
    profile = stacked.tree(values, (12,), ("level",), intensity="counts")
    shared = xps.prefit_many(profile, fit=True, share="components")["C1s"].to_dataset()
    measured = np.arange(12) != 3
    np.testing.assert_array_equal(shared["success"], measured)
    ester = shared.sel(component="C1s O-C=O").isel(level=measured)
    assert np.ptp(ester["fwhm"].values) < 1e-6
    # Heights differ by ten, positions by what the shifts are not known to.
    assert np.ptp(ester["center"].values) < 0.3
    np.testing.assert_allclose(ester["area"], 2 * np.geomspace(500, 50, 12)[measured], rtol=0.3)
    assert np.isnan(shared["area"].values[3]).all()


def test_a_stack_that_cannot_be_fitted_says_so():
    values = stacked.counts(["noise"] * 6, np.zeros(6), [0.0] * 6)["C1s"]
    found = xps.prefit_many(stacked.tree({"C1s": np.full_like(values, np.nan)}, (6,), ("x",)), fit=True)
    assert found.attrs["notes"] == "C1s has no model."
    assert (found["status"] == STACK_STATUSES.index("no_data")).all()
