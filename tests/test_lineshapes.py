import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xps_stn_plugin.simulate.shapes import pseudo_voigt, vibrational_weights


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
