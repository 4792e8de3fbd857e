"""Units of the intensities never matter: counts, counts per second and currents in ampere give the same result."""

from __future__ import annotations

import time
from functools import cache

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import xps_stn_plugin as xps
from xps_prefit_hooks import PrefitError
from xps_stn_plugin.export.csv_export import rows
from xps_stn_plugin.export.json_export import document
from xps_stn_plugin.fitting import fit_quality
from xps_stn_plugin.models.shapes import hydrocarbon, stepped_pseudo_voigt

X = np.arange(280.0, 296.0, 0.1)


def pmma() -> np.ndarray:
    lines = [(1.0, 286.7), (1.0, 287.8), (1.0, 290.03)]
    return hydrocarbon(X, 2.0, 286.0, 0.5, 0.2) + sum(stepped_pseudo_voigt(X, a, c, 0.5, 0.2) for a, c in lines)


def intensities(kind: str) -> np.ndarray:
    rng = np.random.default_rng(1)
    if kind == "counts":
        return rng.poisson(3000.0 * pmma() + 300.0).astype(float)
    return 3000.0 * pmma() + 30.0 * rng.normal(size=X.size)


def region(values: np.ndarray, **attrs: object) -> xr.DataArray:
    dims = ("row", "binding_energy")[-values.ndim :]
    return xr.DataArray(values, {"binding_energy": X}, dims, name="C1s", attrs={"region": "C1s", **attrs})


@cache
def fitted(kind: str, scale: float) -> xps.PrefitResult:
    return xps.prefit(region(scale * intensities(kind))).fitted()


def shares(result: xps.PrefitResult) -> dict[str, float]:
    areas = {name: p.value for name, p in result.fits["C1s"].params.items() if name.endswith("_amplitude")}
    return {name: area / sum(areas.values()) for name, area in areas.items()}


@pytest.mark.parametrize("kind", ["counts", "estimated"])
@given(exponent=st.one_of(st.sampled_from([-15.0, 15.0, 100.0, -100.0]), st.floats(-100.0, 100.0)))
@settings(max_examples=6, deadline=None)
def test_prefit_does_not_depend_on_the_unit(kind, exponent):
    scale = 10.0**exponent
    expected, result = fitted(kind, 1.0), fitted(kind, scale)
    assert result.status == expected.status == "ok"
    assert result.shift == pytest.approx(expected.shift, abs=1e-6)
    assert result.shift == pytest.approx(1.0, abs=0.1)
    np.testing.assert_allclose(result.groups, expected.groups, atol=1e-6)
    assert shares(result) == pytest.approx(shares(expected), abs=1e-6)
    fit, before = result.fits["C1s"], expected.fits["C1s"]
    assert fit.success
    assert fit.redchi == pytest.approx(before.redchi, rel=1e-6)
    for name, parameter in before.params.items():
        unit = scale if name.rpartition("_")[2] in ("amplitude", "height", "slope", "intercept", "c") else 1.0
        assert fit.params[name].value == pytest.approx(unit * parameter.value, rel=1e-5, abs=unit * 1e-6), name
        if parameter.stderr:
            assert fit.params[name].stderr == pytest.approx(unit * parameter.stderr, rel=1e-4), name


@pytest.mark.parametrize("share", ["none", "components"])
def test_stack_does_not_depend_on_the_unit(share):
    counts = np.random.default_rng(2).poisson(np.outer([300.0, 1000.0, 3000.0], pmma()) + 100.0).astype(float)
    expected, *others = (xps.prefit_many(region(scale * counts), fit=True, share=share) for scale in (1.0, 1e-15, 1e15))
    areas = expected["C1s"]["area"].values
    assert np.isfinite(expected["shift"]).all()
    assert expected["C1s"]["success"].values.all()
    for result in others:
        np.testing.assert_array_equal(result["status"], expected["status"])
        np.testing.assert_allclose(result["shift"], expected["shift"], atol=1e-6)
        relative = result["C1s"]["area"].values / np.nansum(result["C1s"]["area"], axis=1, keepdims=True)
        np.testing.assert_allclose(relative, areas / np.nansum(areas, axis=1, keepdims=True), atol=1e-6)
        np.testing.assert_allclose(result["C1s"]["redchi"], expected["C1s"]["redchi"], rtol=1e-6)


def test_stack_with_rows_in_different_units_has_the_shifts_of_each():
    counts = np.random.default_rng(2).poisson(np.outer([3000.0] * 3, pmma()) + 100.0).astype(float)
    expected = xps.prefit_many(region(counts), fit=True)
    result = xps.prefit_many(region(counts * np.array([[1e-15], [1.0], [1e15]])), fit=True)
    np.testing.assert_allclose(result["shift"], expected["shift"], atol=1e-6)
    # The model's structure rests on a mean of the rows, whose noise is known in the units of counts alone.
    np.testing.assert_allclose(result["C1s"]["redchi"], expected["C1s"]["redchi"], rtol=0.02)


def test_stack_with_rows_beyond_double_precision_counts_them_as_not_measured():
    counts = np.random.default_rng(2).poisson(np.outer([3000.0] * 3, pmma()) + 100.0).astype(float)
    result = xps.prefit_many(region(counts * np.array([[1e-300], [1.0], [1e300]])), fit=True)
    np.testing.assert_array_equal(np.isfinite(result["shift"]), [False, True, False])


@pytest.mark.parametrize("scale", [1e-300, 1e-200, 1e200, 1e304])
def test_intensities_beyond_double_precision_are_refused(scale):
    with pytest.raises(PrefitError, match=r"C1s has intensities of up to .* beyond what can be computed with"):
        xps.prefit(region(scale * intensities("counts")))


@pytest.mark.parametrize("scale", [1e-15, 1e-30])
def test_currents_in_ampere_take_no_longer_than_counts(scale):
    fitted("counts", 1.0)
    start = time.process_time()
    xps.prefit(region(scale * intensities("estimated"))).fitted()
    assert time.process_time() - start < 5.0


def test_fit_that_does_not_describe_the_data_says_so():
    counts = np.random.default_rng(4).poisson(200.0 + 1e6 * (X > 288.0) * (X < 291.0)).astype(float)
    result = xps.prefit(region(counts)).fitted()
    fit = result.fits["C1s"]
    quality = fit_quality(result.seeds["C1s"], fit)
    assert fit.redchi > 1000.0
    assert not quality.describes_data
    assert quality.notes[0].startswith("The model does not describe the data")
    written = document(result)["regions"]["C1s"]["fit"]
    assert written["describes_data"] is False
    assert quality.notes[0] in written["notes"]
    assert rows(result)[0]["fitted"] == "poor"


def test_stack_says_which_fits_do_not_describe_their_data():
    fine = np.random.default_rng(4).poisson(3000.0 * pmma() + 100.0).astype(float)
    boxes = np.random.default_rng(4).poisson(200.0 + 1e6 * (X > 288.0) * (X < 291.0)).astype(float)
    result = xps.prefit_many(region(np.stack([fine, boxes])), fit=True)["C1s"]
    np.testing.assert_array_equal(result["describes_data"], result["redchi"] <= 100.0)
    assert bool(result["describes_data"][0])
