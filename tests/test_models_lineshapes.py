import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lmfit.lineshapes import pvoigt
from scipy.integrate import cumulative_trapezoid

from xps_stn_plugin.models.lineshapes import (
    pseudo_voigt,
    pseudo_voigt_cdf,
    pseudo_voigt_cdf_partials,
    pseudo_voigt_partials,
    vibrational_slopes,
    vibrational_weights,
)

widths = st.floats(0.2, 2.0)
fractions = st.floats(0.0, 1.0)


@given(sigma=widths, fraction=fractions, center=st.floats(280, 300))
def test_is_lmfits_pseudo_voigt(sigma, fraction, center):
    x = np.linspace(center - 5, center + 5, 101)
    np.testing.assert_allclose(
        pseudo_voigt(x, center, 2 * sigma, fraction), pvoigt(x, 1.0, center, sigma, fraction), rtol=1e-9
    )


@given(sigma=widths, fraction=fractions)
def test_cdf_is_the_integral(sigma, fraction):
    x = np.linspace(-10, 10, 20001)
    integral = cumulative_trapezoid(pseudo_voigt(x, 0.3, 2 * sigma, fraction), x, initial=0)
    cdf = pseudo_voigt_cdf(x, 0.3, 2 * sigma, fraction)
    np.testing.assert_allclose(cdf - cdf[0], integral, atol=1e-5)
    assert pseudo_voigt_cdf(np.array([0.3]), 0.3, 2 * sigma, fraction)[0] == pytest.approx(0.5)


def test_cdf_runs_from_zero_to_one():
    ends = pseudo_voigt_cdf(np.array([-1e7, 1e7]), 0.0, 1.0, 0.7)
    np.testing.assert_allclose(ends, [0, 1], atol=1e-6)


@given(st.floats(0.5, 3.0), st.floats(0, 1))
def test_pseudo_voigt_has_the_width_it_says(fwhm, lorentzian):
    top = pseudo_voigt(0.0, 0.0, fwhm, lorentzian)
    assert pseudo_voigt(fwhm / 2, 0.0, fwhm, lorentzian) == pytest.approx(top / 2, rel=1e-9)


def test_pseudo_voigt_has_unit_area():
    energy = np.linspace(-2000, 2000, 4_000_001)
    for lorentzian in (0.0, 0.4, 1.0):
        assert np.trapezoid(pseudo_voigt(energy, 0.3, 1.1, lorentzian), energy) == pytest.approx(1.0, abs=5e-4)


@given(st.floats(0.01, 1.0))
def test_vibrational_weights_are_poisson(quanta):
    weights = vibrational_weights([quanta], 4)[0]
    assert weights.sum() == pytest.approx(1.0)
    assert weights[1] / weights[0] == pytest.approx(quanta)
    assert weights[2] / weights[1] == pytest.approx(quanta / 2)


def test_a_symmetric_fit_of_polyethylene_reads_too_high_by_the_amount_that_libraries_show():
    # Facts: library HDPE (first member 285.00) is read as 285.13 by one symmetric pseudo-Voigt.
    from scipy.optimize import curve_fit

    energy = np.arange(283.0, 288.7, 0.1)
    weights = vibrational_weights([2 * 0.2], 4)[0]
    line = sum(w * pseudo_voigt(energy, 285 + 0.39 * k, 0.70, 0.2) for k, w in enumerate(weights))

    def model(x, area, centre, width, share):
        return area * pseudo_voigt(x, centre, width, share)

    (_, centre, width, _), _ = curve_fit(model, energy, line, [1, 285, 1, 0.2])
    assert centre == pytest.approx(285.12, abs=0.02)
    assert width == pytest.approx(0.87, abs=0.03)


def test_no_quanta_leave_the_first_member_alone():
    np.testing.assert_array_equal(vibrational_weights(0.0, 4), [1, 0, 0, 0])


def test_single_precision_is_kept():
    single = np.float32(1.0)
    assert pseudo_voigt(np.zeros(3, np.float32), single, single, single).dtype == np.float32


@given(center=st.floats(283, 287), fwhm=st.floats(0.3, 3.0), fraction=st.floats(0.0, 1.0))
def test_partials_are_the_derivatives(center, fwhm, fraction):
    x = np.linspace(280, 290, 61)
    at = {"center": np.array([[center], [center + 0.4]]), "fwhm": fwhm, "fraction": fraction}
    line = pseudo_voigt_partials(x, **at)
    integral = pseudo_voigt_cdf_partials(x, **at, curve=line.curve)
    for function, partials in ((pseudo_voigt, line), (pseudo_voigt_cdf, integral)):
        np.testing.assert_allclose(partials.curve, function(x, **at), rtol=1e-12, atol=1e-15)
        for name in at:
            h = 1e-3 * fwhm

            def moved(steps, function=function, name=name, h=h):
                return function(x, **{**at, name: at[name] + steps * h})

            numeric = (8 * (moved(1) - moved(-1)) - (moved(2) - moved(-2))) / (12 * h)
            size = np.abs(numeric).max()
            np.testing.assert_allclose(getattr(partials, name), numeric, atol=1e-8 * size, err_msg=name)


@given(st.floats(0.0, 1.0))
def test_vibrational_slopes_are_derivatives(quanta):
    h = 1e-5
    # Forward, because no mean is negative.
    one, two, three = (vibrational_weights(quanta + k * h, 5) for k in range(3))
    np.testing.assert_allclose(vibrational_slopes(quanta, 5), (4 * two - three - 3 * one) / (2 * h), atol=1e-8)
