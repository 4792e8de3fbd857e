import numpy as np
import pytest
from seeded import counted, prediction

from xps_prefit_hooks import Settings
from xps_stn_plugin.core.spectrum import region_dataset, spectrum_tree
from xps_stn_plugin.fitting import fit_seed
from xps_stn_plugin.models.shapes import hydrocarbon, stepped_pseudo_voigt
from xps_stn_plugin.quantification import quantify_fits
from xps_stn_plugin.seeding import seed_region
from xps_stn_plugin.seeding.foreign import candidates, shown_elements

CARBON = np.arange(278.0, 300.0, 0.1)
SULFUR = np.arange(154.0, 176.0, 0.1)


def _line(x, center, area, fwhm=1.2):
    return stepped_pseudo_voigt(x, area, center, fwhm / 2, 0.2, step=0.0)


def _ester(potassium=0.0, fluoride=0.0):
    """C 1s of an ester with K 2p or CF2 beside it."""
    y = 800.0 + hydrocarbon(CARBON, 12000.0, 285.0, 0.5, 0.2, 0.4, 0.0)
    y += hydrocarbon(CARBON, 4000.0, 286.7, 0.5, 0.2, 0.4, 0.0) + _line(CARBON, 289.0, 4000.0)
    y += _line(CARBON, 292.9, potassium / 1.5) + _line(CARBON, 295.67, potassium / 3.0)
    return y + _line(CARBON, 291.0, fluoride)


def _spectrum(**regions):
    axes = {"C1s": CARBON, "S2p": SULFUR, "Ru3p": np.arange(455.0, 495.0, 0.1)}
    return spectrum_tree(
        "test",
        {name: region_dataset("test", axes[name], counts, region=name) for name, counts in regions.items()},
    )


def _seed(spectrum, region, *groups, **others):
    return seed_region(spectrum, region, prediction(*groups, **others), Settings())


def _names(seed):
    return [component.name for component in seed.components]


@pytest.mark.parametrize("share", [0.05, 0.2, 0.6])
def test_seed_potassium_beside_carbon_has_its_own_name(share):
    spectrum = _spectrum(C1s=counted(_ester(potassium=20000 * share), 1))
    seed = _seed(spectrum, "C1s", "ester (aliphatic)", "alkane")
    assert _names(seed)[-2:] == ["C1s K 2p3/2", "C1s K 2p1/2"]
    assert [component.level for component in seed.components][-2:] == ["K2p", "K2p"]
    assert any("Lines of other elements, not counted for C: K 2p3/2, K 2p1/2" in note for note in seed.notes)


def test_seed_difluoride_is_not_taken_for_another_element():
    spectrum = _spectrum(C1s=counted(_ester(fluoride=4000), 2))
    seed = _seed(spectrum, "C1s", "ester (aliphatic)", "alkane", "alkyl halide (F)")
    assert not any(component.level for component in seed.components)


def test_seed_line_whose_stronger_partner_was_not_measured_is_not_of_another_element():
    # Hydrocarbon on cellulose lies where Ru 3d3/2 would, with Ru 3d5/2 below the region's end.
    energy = np.arange(282.0, 294.0, 0.05)
    counts = (
        200.0 + _line(energy, 286.6, 9000.0, 1.0) + _line(energy, 288.1, 1700.0, 1.0) + _line(energy, 284.8, 350.0, 1.0)
    )
    spectrum = spectrum_tree("test", {"C1s": region_dataset("test", energy, counted(counts, 3), region="C1s")})
    seed = _seed(spectrum, "C1s", "ether (aliphatic)", "alcohol (aliphatic)")
    assert not any(component.level for component in seed.components)
    assert _names(seed)[0].startswith("C1s unassigned")
    assert "The component at 284.8 eV lies where adventitious hydrocarbon does." in seed.notes
    # Carbon bound to oxygen is not graphite, although a tail would take part of the hydrocarbon.
    assert not any(name.endswith("_asymmetry") for name in seed.params)


def test_seed_weaker_line_of_an_element_that_another_region_shows_has_its_name():
    # Sr 3p3/2 lies below the region.
    strontium = np.arange(127.0, 143.0, 0.1)
    carbon = 500.0 + _line(CARBON, 285.0, 6000.0) + _line(CARBON, 279.7, 4000.0, 2.0)
    doublet = 500.0 + _line(strontium, 133.5, 9000.0) + _line(strontium, 135.26, 6000.0)
    regions = {
        "C1s": region_dataset("test", CARBON, counted(carbon, 4), region="C1s"),
        "Sr3d": region_dataset("test", strontium, counted(doublet, 5), region="Sr3d"),
    }
    spectrum = spectrum_tree("test", regions)
    seeds = {name: _seed(spectrum, name, "alkane") for name in regions}
    assert "C1s Sr 3p1/2" in _names(seeds["C1s"])
    fits = {name: fit_seed(seed, regions[name]) for name, seed in seeds.items()}
    notes = quantify_fits(spectrum, seeds, fits).notes
    assert "Sr is counted from Sr3d alone; C1s would count it again." in notes
    alone = spectrum_tree("test", {"C1s": regions["C1s"]})
    assert "C1s Sr 3p1/2" not in _names(_seed(alone, "C1s", "alkane"))


def test_seed_line_without_its_partner_is_not_potassium():
    spectrum = _spectrum(C1s=counted(_ester() + _line(CARBON, 292.9, 4000.0), 3))
    seed = _seed(spectrum, "C1s", "ester (aliphatic)", "alkane")
    assert "C1s K 2p3/2" not in _names(seed)


def test_seed_bismuth_in_the_sulfur_region_is_no_sulfur_doublet():
    y = 500.0 + _line(SULFUR, 159.0, 8000.0) + _line(SULFUR, 164.3, 6000.0)
    spectrum = _spectrum(S2p=counted(y, 4))
    seed = _seed(spectrum, "S2p", "ester (aliphatic)")
    assert _names(seed) == ["S2p Bi 4f7/2", "S2p Bi 4f5/2"]
    fit = fit_seed(seed, spectrum["S2p"].to_dataset())
    assert fit.redchi < 1.4
    areas = [fit.params[f"{component.prefix}amplitude"].value for component in seed.components]
    assert areas == pytest.approx([8000.0, 6000.0], rel=0.05)


def test_seed_ruthenium_whose_partner_lies_under_carbon_needs_the_low_line_alone():
    y = _ester() + _line(CARBON, 280.7, 6000.0) + _line(CARBON, 284.95, 4000.0)
    seed = _seed(_spectrum(C1s=counted(y, 5)), "C1s", "ester (aliphatic)", "alkane")
    assert {"C1s Ru 3d5/2", "C1s Ru 3d3/2"} <= set(_names(seed))


def test_seed_of_an_uncertain_shift_names_no_element_that_nothing_else_shows():
    spectrum = _spectrum(C1s=counted(_ester(potassium=8000), 6))
    seed = _seed(spectrum, "C1s", "ester (aliphatic)", "alkane", status="uncertain")
    assert not any(component.level for component in seed.components)


def test_candidates_element_whose_own_region_is_empty_is_ruled_out():
    empty = np.random.default_rng(7).poisson(500, 400).astype(float)
    spectrum = _spectrum(C1s=_ester(), Ru3p=empty)
    shown = shown_elements(spectrum, "C1s", 0.0)
    assert shown == {"Ru": False}
    levels = {c.level.level for c in candidates("C1s", CARBON, 1486.6, shown, 0.0, trusted=True)}
    assert "Ru3d" not in levels
    assert "K2p" in levels


def test_quantification_potassium_counts_for_potassium():
    spectrum = _spectrum(C1s=counted(_ester(potassium=4000), 8))
    seed = _seed(spectrum, "C1s", "ester (aliphatic)", "alkane")
    fit = fit_seed(seed, spectrum["C1s"].to_dataset())
    found = quantify_fits(spectrum, {"C1s": seed}, {"C1s": fit})
    # Scofield: K 2p 3.97, C 1s 1.
    potassium = 4000 / 3.97
    percent = {element.symbol: element.atomic_percent for element in found.elements}
    assert percent["K"] == pytest.approx(100 * potassium / (potassium + 20000), rel=0.05)
    assert sum(percent.values()) == pytest.approx(100.0)
    assert "K 2p in C1s does not count for C." in found.notes
    assert not any("unassigned components" in note for note in found.notes)


@pytest.mark.parametrize(
    ("place", "width", "groups", "said"),
    [(398.6, 2.4, ("ester (aliphatic)",), True), (399.3, 1.2, ("ester (aliphatic)", "pyridine"), False)],
    ids=["no group", "pyridine"],
)
def test_seed_line_that_no_group_explains_says_which_other_element_it_may_be(place, width, groups, said):
    nitrogen = np.arange(392.0, 407.0, 0.1)
    lines = {
        "C1s": (CARBON, counted(_ester(), 9)),
        "N1s": (nitrogen, counted(800.0 + _line(nitrogen, place, 5000.0, width), 10)),
    }
    datasets = {name: region_dataset("test", x, y, region=name) for name, (x, y) in lines.items()}
    notes = [note for note in _seed(spectrum_tree("test", datasets), "N1s", *groups).notes if "survey would" in note]
    assert len(notes) == said
    assert all("counts for N, but may be Mo 3p3/2" in note for note in notes)


def test_shown_elements_survey_maximum_of_two_elements_is_of_the_common_one():
    # Ti 2p lies where main lines of In 3d are not far, O 1s where those of V, Sb are; Ti 2s and 3p are there, too.
    energy = np.arange(0.0, 620.0, 0.5)
    lines = ((458.9, 30_000), (464.6, 15_000), (561.5, 6_000), (37.7, 5_000), (530.2, 25_000))
    counts = 2000.0 + sum(height * np.exp(-0.5 * ((energy - position) / 1.2) ** 2) for position, height in lines)
    survey = region_dataset("test", energy, counted(counts, 9), region="Survey")
    carbon = region_dataset("test", CARBON, _ester(), region="C1s")
    shown = shown_elements(spectrum_tree("test", {"C1s": carbon, "Survey": survey}), "C1s", 0.0)
    assert {element for element, there in shown.items() if there} == {"Ti", "O"}
