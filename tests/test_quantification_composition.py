from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from quantified import ALKANE, ESTER, PMMA, sample
from test_seeding_seed import pmma, prediction, tree

from xps_prefit_hooks import PrefitError, Settings
from xps_stn_plugin.fitting import fit_seed
from xps_stn_plugin.models.shapes import stepped_pseudo_voigt
from xps_stn_plugin.quantification import quantify, quantify_fits, sensitivity_set
from xps_stn_plugin.quantification.composition import _normalised
from xps_stn_plugin.seeding import seed_region

FACTORS = {
    "C1s": 1.0, "O1s": 2.93, "N1s": 1.80, "Si2p": 0.817, "Si2s": 0.955, "Cl2p": 2.285, "Cu2p": 25.39, "Ti3p": 1.0,
    "C1s_2": 1.0,
}  # fmt: skip
PVC = {
    "C1s": [("C-CCl", ("alkyl halide (Cl)",), 285.9, 1.0), ("C-Cl", ("alkyl halide (Cl)",), 287.0, 1.0)],
    "Cl2p": [("C-Cl", ("alkyl halide (Cl)",), 200.6, 1.0)],
}
CARBON = {"C1s": [("C-C", ALKANE, 285.0, 1.0)]}


def percent(found):
    return {element.symbol: element.atomic_percent for element in found.elements}


def test_pmma_is_five_carbons_and_two_oxygens():
    found = quantify_fits(*sample(PMMA, FACTORS).arguments)
    assert percent(found) == pytest.approx({"C": 500 / 7, "O": 200 / 7}, abs=1e-3)
    assert [element.symbol for element in found.elements] == ["C", "O"]
    shares = {component.name: component for component in found.components}
    assert shares["C1s O-C=O"].atomic_percent == pytest.approx(100 / 7, abs=1e-3)
    assert shares["C1s O-C=O"].percent_of_region == pytest.approx(20, abs=1e-3)
    assert shares["C1s O-C=O"].groups == ESTER
    assert shares["C1s C-C"].atomic_percent == pytest.approx(200 / 7, abs=1e-3)
    assert shares["O1s O=C-O"].percent_of_region == pytest.approx(50, abs=1e-3)
    assert sum(component.atomic_percent for component in found.components) == pytest.approx(100)


def test_pmma_from_counts_through_seeding_and_fitting():
    x = np.linspace(525, 545, 201)
    oxygen = sum(stepped_pseudo_voigt(x, 2.93, center, 0.55, 0.2) for center in (532.21, 533.77))
    random = np.random.default_rng(3)
    settings, groups = Settings(), prediction("alkane", "ester (aliphatic)")
    attrs = {"intensity": "counts", "dwell_time": 0.1}
    spectrum = tree(random.poisson(pmma(scale=4e4) + 300), **attrs)
    spectrum["O1s"] = tree(random.poisson(4e4 * oxygen + 300), x, "O1s", **attrs)["O1s"]
    seeds = {region: seed_region(spectrum, region, groups, settings) for region in spectrum.children}
    fits = {region: fit_seed(seed, spectrum[region].to_dataset()) for region, seed in seeds.items()}
    found = quantify_fits(spectrum, seeds, fits)
    assert percent(found) == pytest.approx({"C": 71.43, "O": 28.57}, abs=0.6)
    [comparison] = found.comparisons
    assert comparison.group == "ester (aliphatic)"
    assert comparison.disagreement_percent < 5


def test_a_doublet_counts_once():
    found = quantify_fits(*sample(PVC, FACTORS).arguments)
    assert percent(found) == pytest.approx({"C": 200 / 3, "Cl": 100 / 3}, abs=1e-3)
    assert len([component for component in found.components if component.region == "Cl2p"]) == 1


def test_shake_up_does_not_count_and_unassigned_does():
    carbon = [*CARBON["C1s"], ("pi-pi* shake-up", ("benzene ring",), 291.6, 0.1), ("unassigned 1", (), 288.0, 0.4)]
    found = quantify_fits(*sample({"C1s": carbon, "O1s": PMMA["O1s"]}, FACTORS).arguments)
    assert percent(found) == pytest.approx({"C": 140 / 3.4, "O": 200 / 3.4}, abs=1e-3)
    assert "Satellites do not count: C1s pi-pi* shake-up." in found.notes
    [odd] = [component for component in found.components if not component.assigned]
    assert odd.name == "C1s unassigned 1"
    assert any(note.startswith(f"{odd.atomic_percent:.1f} at% are in unassigned") for note in found.notes)


def test_one_element_is_all_of_it_without_error():
    found = quantify_fits(*sample({"C1s": PMMA["C1s"]}, FACTORS, random=np.random.default_rng(0)).arguments)
    [carbon] = found.elements
    assert carbon.atomic_percent == pytest.approx(100)
    assert carbon.stderr == 0
    assert all(component.stderr > 0 for component in found.components)
    assert [c.stderr for c in found.components] == pytest.approx([c.percent_of_region_stderr for c in found.components])


def test_two_elements_have_the_same_error():
    found = quantify_fits(*sample(PMMA, FACTORS, random=np.random.default_rng(0)).arguments)
    carbon, oxygen = found.elements
    assert carbon.stderr == pytest.approx(oxygen.stderr)
    assert 0 < carbon.stderr < 2


@pytest.mark.slow
def test_errors_against_monte_carlo():
    random = np.random.default_rng(5)
    draws = [quantify_fits(*sample(PMMA, FACTORS, counts=1500, random=random).arguments) for _ in range(200)]

    def spread(values, errors):
        assert np.std(values) == pytest.approx(np.mean(errors), rel=0.2)

    spread([draw.elements[0].atomic_percent for draw in draws], [draw.elements[0].stderr for draw in draws])
    for i in range(6):
        rows = [draw.components[i] for draw in draws]
        spread([row.atomic_percent for row in rows], [row.stderr for row in rows])
        spread([row.percent_of_region for row in rows], [row.percent_of_region_stderr for row in rows])
    for i in range(2):
        rows = [draw.comparisons[0].estimates[i] for draw in draws]
        spread([row.amount for row in rows], [row.stderr for row in rows])
    # Estimates that agree but for noise: differences in standard errors are half-normal.
    sigmas = [draw.comparisons[0].disagreement_sigma for draw in draws]
    assert np.mean(np.array(sigmas) <= 2) == pytest.approx(0.954, abs=0.05)


def test_counts_are_divided_by_the_time_that_they_took():
    attrs = {
        "C1s": {"intensity": "counts", "dwell_time": 0.1, "scans": 5},
        "O1s": {"intensity": "counts", "dwell_time": 0.1, "scans": 10},
    }
    case = sample(PMMA, FACTORS, attrs=attrs)
    assert percent(quantify_fits(*case.arguments)) == pytest.approx({"C": 100 * 5 / 6, "O": 100 / 6}, abs=1e-3)
    case.spectrum["O1s"].attrs["dwell_time"] = None
    found = quantify_fits(*case.arguments)
    assert percent(found) == pytest.approx({"C": 500 / 7, "O": 200 / 7}, abs=1e-3)
    assert "No dwell time of O1s: all regions are taken to have the same measuring time." in found.notes


def test_intensities_without_a_unit_are_said_to_share_a_scale():
    attrs = {"O1s": {"intensity": "arbitrary"}}
    found = quantify_fits(*sample(PMMA, FACTORS, attrs=attrs).arguments)
    assert any(note.startswith("Intensities have no known unit") for note in found.notes)


def test_a_core_level_without_factor_is_left_out():
    regions = {**PMMA, "Ti3p": [("unassigned 1", (), 37.5, 1.0)]}
    found = quantify_fits(*sample(regions, FACTORS).arguments, sensitivity="kratos")
    assert set(percent(found)) == {"C", "O"}
    assert "Ti3p is left out of the percentages: the set 'kratos' has no sensitivity factor of Ti 3p." in found.notes


def test_a_region_that_is_no_core_level_is_left_out():
    case = sample(PMMA, FACTORS)
    case.spectrum["O1s"].attrs["region"] = "VB"
    found = quantify_fits(*case.arguments)
    assert [element.symbol for element in found.elements] == ["C"]
    assert "O1s is left out of the percentages: no core level." in found.notes


def test_of_two_regions_of_an_element_one_counts():
    silicon = {
        "Si2s": [("unassigned 1", (), 153.0, 3.0)],
        "Si2p": [("Si-O", ("siloxane",), 101.7, 1.0)],
        "O1s": [("Si-O", ("siloxane",), 532.0, 1.0)],
    }
    found = quantify_fits(*sample(silicon, FACTORS, random=np.random.default_rng(0)).arguments)
    assert percent(found) == pytest.approx({"Si": 50, "O": 50}, abs=4)
    assert {element.symbol: element.region for element in found.elements} == {"Si": "Si2p", "O": "O1s"}
    assert "Si is counted from Si2p alone; Si2s would count it again." in found.notes


def test_of_two_blocks_of_a_core_level_the_first_counts():
    regions = {**PMMA, "C1s_2": [("C-C", ALKANE, 285.0, 1.0)]}
    found = quantify_fits(*sample(regions, FACTORS).arguments)
    assert percent(found) == pytest.approx({"C": 500 / 7, "O": 200 / 7}, abs=1e-3)
    assert "C is counted from C1s alone; C1s_2 would count it again." in found.notes


def test_one_line_of_a_wide_doublet_takes_its_own_factor():
    # 2p3/2 of Cu alone in the window: its area is not that of the whole doublet.
    copper = sensitivity_set("scofield").factors["Cu2p"]
    case = sample({**CARBON, "Cu2p": [("unassigned 1", (), 932.6, copper.line / FACTORS["Cu2p"])]}, FACTORS)
    assert percent(quantify_fits(*case.arguments)) == pytest.approx({"C": 50, "Cu": 50}, abs=1e-3)
    found = quantify_fits(*case.arguments, sensitivity="kratos")
    assert percent(found) == pytest.approx({"C": 100})
    assert any("no sensitivity factor of the only Cu 2p line in it" in note for note in found.notes)


def test_without_covariance_there_are_no_errors_but_a_sentence():
    case = sample(PMMA, FACTORS, random=np.random.default_rng(0))
    fit = case.fits["O1s"]
    fit.covar, fit.success, fit.message = None, False, "Given up"
    for parameter in fit.params.values():
        parameter.stderr = None
    found = quantify_fits(*case.arguments)
    assert {element.stderr for element in found.elements} == {None}
    assert {c.percent_of_region_stderr is None for c in found.components if c.region == "C1s"} == {False}
    assert "No standard errors of atomic percentages: the fit of O1s has none." in found.notes
    assert any(note.startswith("O1s: the fit did not converge") for note in found.notes)
    assert found.comparisons[0].agrees is None
    json.dumps(found.to_dict(), allow_nan=False)


def test_a_fit_that_was_never_made_is_left_out():
    case = sample(PMMA, FACTORS)
    case.fits["O1s"].nfev, case.fits["O1s"].success, case.fits["O1s"].message = 0, False, "The fit failed: singular"
    found = quantify_fits(*case.arguments)
    assert [element.symbol for element in found.elements] == ["C"]
    assert any("O1s is left out" in note and "The fit failed: singular" in note for note in found.notes)


def test_nothing_to_count():
    case = sample(CARBON, FACTORS)
    case.fits["C1s"].params["line0_amplitude"].value = 0.0
    found = quantify_fits(*case.arguments)
    assert found.elements == found.components == found.comparisons == ()
    assert any(note.startswith("No atomic percentages") for note in found.notes)
    assert found.to_dataset().sizes == {"element": 0, "component": 0}


def test_systematic_errors_are_said_not_to_be_in_it():
    notes = quantify_fits(*sample(PMMA, FACTORS).arguments).notes
    assert any("transmission and background contribute about 10 %" in note for note in notes)
    assert any("Scofield" in note for note in notes)


def test_dictionary_and_dataset_hold_the_same():
    found = quantify_fits(*sample(PMMA, FACTORS, random=np.random.default_rng(0)).arguments)
    plain = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert set(plain) == {
        "sensitivity",
        "transmission",
        "escape_depth",
        "elements",
        "components",
        "comparisons",
        "notes",
    }
    assert set(plain["elements"][0]) == {"symbol", "region", "atomic_percent", "stderr"}
    table = found.to_dataset()
    assert table["atomic_percent"].sel(element="C") == plain["elements"][0]["atomic_percent"]
    np.testing.assert_array_equal(
        table["component_atomic_percent_stderr"].values, [row["stderr"] for row in plain["components"]]
    )
    assert table["component"].values.tolist() == [row["name"] for row in plain["components"]]
    assert table["groups"].sel(component="C1s O-C=O") == "ester (aliphatic)"


def test_a_result_without_fits_is_refused():
    class Result:
        source, fits = "pet.vms", {}

    with pytest.raises(PrefitError, match=r"pet.vms.*has no fits"):
        quantify(Result())


@given(
    st.lists(st.floats(0.01, 1e6), min_size=2, max_size=6),
    st.floats(0.01, 100),
    st.integers(0, 2**32 - 1),
)
def test_normalisation_adds_up_and_forgets_the_scale(amounts, scale, seed):
    amounts = np.array(amounts)
    root = np.random.default_rng(seed).normal(size=(amounts.size, amounts.size)) * amounts[:, None]
    percent_, covariance = _normalised(amounts, root @ root.T)
    assert percent_.sum() == pytest.approx(100)
    # The sum has no error: every row of the covariance adds up to nothing.
    np.testing.assert_allclose(covariance.sum(axis=0), 0, atol=1e-6 * max(np.abs(covariance).max(), 1e-9))
    again, scaled = _normalised(scale * amounts, scale**2 * (root @ root.T))
    np.testing.assert_allclose(again, percent_)
    np.testing.assert_allclose(scaled, covariance, rtol=1e-6, atol=1e-9 * np.abs(covariance).max())
