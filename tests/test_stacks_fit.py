"""Fits of many spectra with one model: the same as one after the other."""

from __future__ import annotations

import numpy as np
import pytest
from lmfit.models import GaussianModel, LinearModel
from seeded import X, counted, pmma, seeded

from benchmarks.fit_speed import LINES, problem
from xps_prefit_hooks import PrefitError, Seed, SeedComponent, Settings
from xps_stn_plugin.core.spectrum import region_dataset
from xps_stn_plugin.fitting import fit_seed
from xps_stn_plugin.fitting.component_rows import component_rows
from xps_stn_plugin.fitting.fit_rows import GIVEN_UP, NOT_FITTED
from xps_stn_plugin.models.shapes import graphitic, stepped_pseudo_voigt
from xps_stn_plugin.stacks.fit import fit_rows, noise_rows


def drawn(truth, count, seed=5):
    return np.random.default_rng(seed).poisson(truth, (count, truth.size)).astype(float)


def one_by_one(seed, rows, energy=X, region="C1s", **attrs):
    attrs = {"intensity": "counts", **attrs}
    return [fit_seed(seed, region_dataset("test", energy, row, region=region, **attrs)) for row in rows]


def numbers(fit, what="value"):
    return np.array([np.nan if (found := getattr(p, what)) is None else found for p in fit.params.values()])


def assert_same(fits, singles, off=0.03):
    """Values within a share of a standard error, as weights of the fit are found to 0.05 of one; errors to 1 %."""
    for i, single in enumerate(singles):
        assert fits.success[i] == single.success
        errors = numbers(single, "stderr")
        known = errors > 0
        assert np.all(np.abs(numbers(single) - fits.values[i])[known] < off * errors[known])
        assert fits.redchi[i] == pytest.approx(single.redchi, rel=2e-3)
        # lmfit leaves 0 for what it did not vary.
        np.testing.assert_allclose(fits.stderr[i][known], errors[known], rtol=1e-2)
        assert np.all(np.isnan(fits.stderr[i][~known]))


def test_four_components_are_fitted_as_one_after_the_other():
    case = problem(LINES["four"], 161, np.random.default_rng(2))
    truth = case.seed.model.eval(case.seed.params, x=case.energy)
    rows = drawn(truth, 20)
    fits = fit_rows(case.seed, case.energy, rows)
    singles = one_by_one(case.seed, rows, case.energy)
    assert fits.success.all()
    assert fits.names == tuple(singles[0].params)
    assert_same(fits, singles)


def assigned():
    y = counted(pmma(scale=3e3, step=0.01) + 80, 1)
    return seeded(y, "alkane", "ester (aliphatic)"), pmma(scale=3e3, step=0.01) + 80


def graphite():
    y = graphitic(X, 2e4, 284.5, 0.35, 0.2, 0.12, 4.0, 0.005) + 100
    return seeded(counted(y, 2), status="out_of_domain"), y


def metal():
    x = np.linspace(62, 84, 221)
    y = stepped_pseudo_voigt(x, 2e4, 71.1, 0.6, 0.3, 0.01) + stepped_pseudo_voigt(x, 1.5e4, 74.45, 0.6, 0.3, 0.01) + 200
    return seeded(counted(y, 3), x=x, region="Pt4f", status="out_of_domain"), y, x


@pytest.mark.parametrize("background", ["auto", "offset", "linear", "tougaard-u3"])
def test_every_background_is_fitted_as_one_after_the_other(background):
    y = counted(pmma(scale=3e3, step=0.01) + 80, 1)
    seed = seeded(y, "alkane", "ester (aliphatic)", settings=Settings(background=background))
    rows = drawn(pmma(scale=3e3, step=0.01) + 80, 6)
    assert_same(fit_rows(seed, X, rows), one_by_one(seed, rows))


def test_tails_of_conductors_are_fitted_as_one_after_the_other():
    seed, truth = graphite()
    assert any(name.endswith("asymmetry") and p.vary for name, p in seed.params.items())
    rows = drawn(truth, 6)
    assert_same(fit_rows(seed, X, rows), one_by_one(seed, rows), off=2e-2)


def test_doublets_are_fitted_as_one_after_the_other():
    seed, truth, x = metal()
    rows = drawn(truth, 6)
    assert_same(fit_rows(seed, x, rows), one_by_one(seed, rows, x, "Pt4f"), off=1e-2)


def test_foreign_models_and_ties_that_take_no_arrays_are_fitted_too():
    model = GaussianModel(prefix="a_") + GaussianModel(prefix="b_") + LinearModel(prefix="bg_")
    params = model.make_params(
        a_amplitude=900, a_center=285, a_sigma=0.5, b_amplitude=400, b_center=287.2, bg_slope=0, bg_intercept=20
    )
    params["b_sigma"].set(expr="max(a_sigma, 0.1)")
    seed = Seed("C1s", model, params, (SeedComponent("a_", "C1s a"), SeedComponent("b_", "C1s b")), "linear")
    rows = drawn(model.eval(params, x=X), 4)
    assert_same(fit_rows(seed, X, rows), one_by_one(seed, rows))


def test_an_absent_component_has_the_errors_that_a_single_fit_has():
    seed, _ = assigned()
    truth = stepped_pseudo_voigt(X, 6e3, 285.0, 0.5, 0.2, 0.01) + 80
    rows = drawn(truth, 8)
    fits, singles = fit_rows(seed, X, rows), one_by_one(seed, rows)
    # A component without area may stop at several places that noise makes: then either may find the better one.
    same = [i for i, single in enumerate(singles) if abs(fits.chisqr[i] - single.chisqr) < 0.1]
    assert len(same) >= 6
    assert fits.chisqr.sum() < 1.02 * sum(single.chisqr for single in singles)
    free = [name in fits.free for name in fits.names]
    for i in same:
        errors = numbers(singles[i], "stderr")
        assert (np.isfinite(fits.stderr[i]) == (np.nan_to_num(errors) > 0))[free].mean() > 0.8


def test_each_spectrum_has_its_own_shift_and_intensity():
    seed, truth = assigned()
    shifts = np.array([-2.0, 0.0, 1.3])
    heights = np.array([0.2, 1.0, 30.0])
    rows = np.stack([counted(h * np.interp(X - s, X, truth), 7) for s, h in zip(shifts, heights, strict=True)])
    fits = fit_rows(seed, X, rows, shifts, rescale=True)
    center = next(name for name in fits.names if name.endswith("_center"))
    assert fits.success.all()
    assert fits.column(center) == pytest.approx(seed.params[center].value, abs=0.1)
    amplitude = center.replace("center", "amplitude")
    assert fits.column(amplitude) / fits.column(amplitude)[1] == pytest.approx(heights, rel=0.2)


def test_fixed_slopes_follow_the_intensity_of_a_mean_seed():
    case = problem(LINES["two"], 161, np.random.default_rng(3))
    params = case.seed.params
    params["bg_slope"].set(value=40.0, vary=False)
    params["bg_intercept"].set(value=150.0 - 40.0 * 279.0)
    truth = case.seed.model.eval(params, x=case.energy)
    fits = fit_rows(case.seed, case.energy, np.stack([truth, 0.1 * truth]), noise=np.sqrt(truth), rescale=True)
    assert fits.column("bg_slope") == pytest.approx([40.0, 4.0], rel=0.02)
    assert fit_rows(case.seed, case.energy, truth[None]).column("bg_slope") == pytest.approx(40.0)


def test_rows_that_cannot_be_fitted_are_flagged_and_others_are_not_touched():
    seed, truth = assigned()
    rows = drawn(truth, 5)
    alone = fit_rows(seed, X, rows)
    rows[1], rows[3, 7] = 5.0, np.nan
    fits = fit_rows(seed, X, rows)
    assert fits.success.tolist() == [True, False, True, False, True]
    assert fits.status[1] == NOT_FITTED
    assert "not fitted" in fits.message(3)
    assert np.isnan(fits.values[1]).all() and np.isnan(fits.redchi[3])
    np.testing.assert_array_equal(fits.values[[0, 2, 4]], alone.values[[0, 2, 4]])


def test_numbers_beyond_all_bounds_spoil_their_own_row_alone():
    seed, truth = assigned()
    rows = drawn(truth, 4)
    rows[1] *= 1e200
    with np.errstate(all="ignore"):
        fits = fit_rows(seed, X, rows, noise=np.sqrt(np.maximum(rows[[0]], 1.0)))
    assert fits.success.tolist() == [True, False, True, True]
    assert np.isnan(fits.stderr[1]).all()


def test_a_fit_is_given_up_after_the_evaluations_allowed():
    seed, truth = assigned()
    fits = fit_rows(seed, X, drawn(truth, 3), max_nfev=3)
    assert (fits.status == GIVEN_UP).all()
    assert np.isnan(fits.stderr).all()
    assert "given up" in fits.message(0)


def test_fits_do_not_depend_on_their_neighbours():
    seed, truth = assigned()
    rows = drawn(truth, 300)
    whole = fit_rows(seed, X, rows)
    some = fit_rows(seed, X, rows[250:270])
    np.testing.assert_allclose(whole.values[250:270], some.values, rtol=1e-9)


def test_noise_rows_have_the_count_size_and_the_scatter_of_each_spectrum():
    counts = drawn(np.full(60, 50.0), 2)
    assert (noise_rows(counts).count_size == 1.0).all()
    smooth = counts / 7.0
    # The seventh part of a count is what stands for one.
    assert noise_rows(smooth).count_size == pytest.approx(1.0 / 7.0)
    assert noise_rows(smooth).sigma == pytest.approx(noise_rows(counts).sigma / 7.0)
    scattered = noise_rows(smooth + np.random.default_rng(1).normal(size=60))
    assert np.isnan(scattered.count_size).all()
    assert np.ptp(scattered.sigma, axis=1) == pytest.approx(0.0)
    rated = noise_rows(smooth, {"intensity": "counts per second", "dwell_time": 7.0})
    assert rated.count_size == pytest.approx(1.0 / 7.0)


def test_shapes_that_do_not_fit_are_refused():
    seed, truth = assigned()
    with pytest.raises(PrefitError, match=r"\(m,\) and \(k, m\)"):
        fit_rows(seed, X, truth)
    with pytest.raises(PrefitError, match="shifts"):
        fit_rows(seed, X, truth[None], [0.0, 1.0])


def test_component_rows_without_area_have_no_error_of_position_and_width():
    seed, truth = assigned()
    rows = fit_rows(seed, X, drawn(truth, 2))
    free = rows.free.index(next(name for name in rows.free if name.endswith("amplitude")))
    prefix = rows.free[free].removesuffix("amplitude")
    name = next(component.name for component in seed.components if component.prefix == prefix)
    rows.sides[:, free] = [0, -1]
    table = component_rows(seed, rows)
    column = table.names.index(name)
    for error in (table.center_stderr, table.fwhm_stderr):
        assert np.isfinite(error[:, column]).tolist() == [True, False]
    assert np.isfinite(table.area_stderr[:, column]).all()


def test_noise_rows_hot_channel_of_one_spectrum_has_no_weight_there():
    rows = np.random.default_rng(8).poisson(1000, (3, 80)).astype(float)
    rows[1, 40] = 30000
    rows[2, 20:23] = 0
    sigma = noise_rows(rows).sigma
    assert sorted(zip(*np.nonzero(sigma > 1e6), strict=True)) == [(1, 40), (2, 20), (2, 21), (2, 22)]
    np.testing.assert_allclose(sigma[sigma < 1e6], np.sqrt(rows[sigma < 1e6]), rtol=0.05)
