from __future__ import annotations

import pytest
from quantified import PMMA, sample

from xps_prefit_hooks import PrefitError
from xps_stn_plugin.quantification import quantify_fits, sensitivity_set
from xps_stn_plugin.quantification.transmission import photon_energy, transmission_correction

SCOFIELD = {"C1s": 1.0, "O1s": 2.93}


@pytest.mark.parametrize(
    ("transmission", "escape_depth", "exponent"),
    [(0.0, 0.0, 0.0), (-0.5, 0.0, -0.5), (0.0, 0.75, 0.75), (-1, 0.7, -0.3)],
)
def test_correction_is_a_power_of_the_kinetic_energy(transmission, escape_depth, exponent):
    factors = sensitivity_set("scofield")
    ratio = transmission_correction(954.0, transmission, escape_depth, factors) / transmission_correction(
        1201.0, transmission, escape_depth, factors
    )
    assert ratio == pytest.approx((954.0 / 1201.0) ** exponent)


def test_what_the_factors_contain_is_not_corrected_twice():
    wagner = sensitivity_set("wagner")
    assert transmission_correction(500.0, -1.0, 0.75, wagner) == 1
    assert transmission_correction(500.0, 0.0, 0.0, wagner) == pytest.approx(0.5)


def test_percentages_by_hand():
    found = quantify_fits(*sample(PMMA, SCOFIELD).arguments, transmission=-1.0)
    # Mean binding energies by area: 286.31 eV over five carbons, 532.99 eV over two oxygens.
    carbon = 5.0 * (1486.6 - (2 * 285.0 + 285.72 + 286.79 + 289.03) / 5)
    oxygen = 2.0 * (1486.6 - (532.21 + 533.77) / 2)
    percent = {element.symbol: element.atomic_percent for element in found.elements}
    assert percent["C"] == pytest.approx(100 * carbon / (carbon + oxygen), abs=1e-3)
    assert any("power of -1" in note for note in found.notes)


def test_photon_energy_of_the_file_of_the_user_or_aluminium():
    assert photon_energy({"photon_energy": 1253.6}) == (1253.6, True)
    assert photon_energy({"photon_energy": 1253.6}, 1486.7) == (1486.7, True)
    assert photon_energy({}) == (1486.6, False)


def test_an_unknown_photon_energy_and_a_foreign_one_are_said():
    attrs = {"C1s": {"photon_energy": None}, "O1s": {"photon_energy": 1253.6}}
    found = quantify_fits(*sample(PMMA, SCOFIELD, attrs=attrs).arguments)
    assert any("taken as Al K-alpha, 1486.6 eV: C1s." in note for note in found.notes)
    assert (
        "The factors of 'scofield' are not for the X-rays of O1s (1253.6 eV); take scofield-mg or wagner."
        in found.notes
    )


@pytest.mark.parametrize(("name", "value"), [("transmission", 50.0), ("escape_depth", float("nan"))])
def test_what_is_no_exponent_is_refused(name, value):
    with pytest.raises(PrefitError, match="is not an exponent of the kinetic energy"):
        quantify_fits(*sample(PMMA, SCOFIELD).arguments, **{name: value})


def test_x_rays_that_do_not_reach_a_line():
    found = quantify_fits(*sample(PMMA, SCOFIELD).arguments, photon_energy=520.0, transmission=-0.5)
    assert [element.symbol for element in found.elements] == ["C"]
    assert "O1s is left out of the percentages: X-rays of 520.0 eV do not reach its line." in found.notes
