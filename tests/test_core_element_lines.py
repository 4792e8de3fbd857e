"""Lines of all elements: known energies, cross sections and doublets, and what can lie in a window."""

from __future__ import annotations

import itertools

import pytest

from xps_stn_plugin.core.core_levels import core_levels
from xps_stn_plugin.core.element_lines import (
    auger_lines,
    doublet,
    level_lines,
    lines_in_window,
    photo_lines,
    source_of,
    subshells,
    typical_fwhm,
    xray_sources,
)

AL, MG, AG = 1486.6, 1253.6, 2984.3
#: ISO 15472 for the first three; Moulder et al., Handbook of X-ray Photoelectron Spectroscopy (1992).
POSITIONS = {
    "Au 4f7/2": 83.96, "Ag 3d5/2": 368.21, "Cu 2p3/2": 932.62, "Al 2p3/2": 72.7, "Si 2p3/2": 99.3, "Ti 2p3/2": 454.0,
    "Cr 2p3/2": 574.3, "Fe 2p3/2": 706.8, "Ni 2p3/2": 852.7, "Zn 2p3/2": 1021.7, "Mo 3d5/2": 227.9, "Pd 3d5/2": 335.1,
    "In 3d5/2": 443.9, "Sn 3d5/2": 484.9, "Ta 4f7/2": 21.7, "W 4f7/2": 31.3, "Pt 4f7/2": 71.1, "Pb 4f7/2": 136.9,
}  # fmt: skip
#: Scofield 1976, whole level, C 1s = 1.
CROSS_SECTIONS = {
    ("Li1s", AL): 0.0568, ("O1s", AL): 2.93, ("F1s", AL): 4.43, ("Na1s", AL): 8.52, ("Mg1s", AL): 11.18,
    ("Ti2p", AL): 7.91, ("Ti2p", MG): 7.90, ("Fe2p", AL): 16.42, ("Cu2p", AL): 25.39, ("Ag3d", AL): 18.04,
    ("Ag3d", MG): 18.04, ("In3d", AL): 22.54, ("Au4f", AL): 17.12, ("Pt4f", AL): 15.45, ("U4f", AL): 48.9,
}  # fmt: skip
#: Splittings in eV of elements and compounds (Moulder et al. 1992).
SPLITTINGS = {
    "Si2p": 0.61,
    "P2p": 0.85,
    "S2p": 1.18,
    "Cl2p": 1.60,
    "Cu2p": 19.8,
    "Ag3d": 6.0,
    "Au4f": 3.67,
    "Fe2p": 13.1,
}


def line(label):
    element, name = label.split()
    return next(row for row in photo_lines()[element] if row.line == name)


def labels(*args, **kwargs):
    return {row.label for row in lines_in_window(*args, **kwargs)}


@pytest.mark.parametrize(("label", "energy"), POSITIONS.items())
def test_photo_lines_of_elements_lie_where_handbooks_have_them(label, energy):
    assert line(label).energy == pytest.approx(energy, abs=0.2)


@pytest.mark.parametrize(("label", "low", "high"), [("N 1s", 398, 401), ("O 1s", 530, 533), ("F 1s", 684.5, 687)])
def test_photo_lines_of_gases_lie_where_their_solids_have_them(label, low, high):
    assert low < line(label).energy < high


def test_photo_lines_cover_lithium_to_uranium_with_one_main_level_each():
    assert [lines[0].number for lines in photo_lines().values()] == list(range(3, 93))
    for lines in photo_lines().values():
        assert len({row.subshell for row in lines if row.main}) == 1
        assert all(row.low <= row.energy <= row.high for row in lines)


@pytest.mark.parametrize(("level", "photon_energy"), CROSS_SECTIONS)
def test_cross_section_of_a_whole_level_is_scofields(level, photon_energy):
    total = sum(row.cross_section(photon_energy) for row in level_lines(level))
    assert total == pytest.approx(CROSS_SECTIONS[level, photon_energy], rel=0.01)


def test_cross_section_between_tabulated_photon_energies_lies_between_their_values():
    oxygen = line("O 1s")
    assert oxygen.cross_section(MG) < oxygen.cross_section(1400.0) < oxygen.cross_section(AL)
    assert oxygen.cross_section(500.0) is None
    assert line("Mg 1s").cross_section(MG) is None


@pytest.mark.parametrize(("level", "splitting"), SPLITTINGS.items())
def test_doublet_has_the_handbooks_splitting(level, splitting):
    assert doublet(level).splitting == pytest.approx(splitting, abs=0.15)


def test_doublet_has_the_ratio_of_degeneracies():
    assert [doublet(level).ratio for level in ("Ti2p", "Ag3d", "Au4f")] == [1 / 2, 2 / 3, 3 / 4]
    assert doublet("C1s") is None
    assert doublet("C4f") is None


def test_doublet_of_titanium_oxides_is_narrower_than_that_of_the_metal():
    titanium = doublet("Ti2p")
    assert titanium.compound_splitting == pytest.approx(5.72, abs=0.1)
    assert titanium.splitting == pytest.approx(6.1, abs=0.1)


def test_lines_of_the_networks_levels_lie_in_their_windows():
    for name, level in core_levels().items():
        row = level_lines(name)[0]
        assert level.window[0] < row.energy < level.window[1]
        if level.splitting:
            assert doublet(name).splitting == pytest.approx(level.splitting, abs=0.02)


def test_lines_in_window_of_oxygen_name_sodium_auger_for_aluminium_radiation_only():
    assert {"O 1s", "Na KL1L23", "Sb 3d5/2", "Pd 3p3/2", "V 2p1/2"} <= labels(525, 540, AL)
    assert "Na KL1L23" not in labels(525, 540, MG)


def test_lines_in_window_of_carbon_name_potassium_and_ruthenium():
    assert {"C 1s", "K 2p3/2", "K 2p1/2", "Ru 3d5/2", "Ru 3d3/2"} <= labels(278, 298, AL)


def test_lines_in_window_names_only_the_asked_elements():
    assert labels(525, 540, AL, elements={"O", "Na"}) == {"O 1s", "Na KL1L23"}


def test_lines_in_window_without_a_monochromator_repeat_the_lines_of_the_sources_satellites():
    assert "O 1s (alpha3)" in labels(521, 523, AL, elements={"O"}, satellites=True)
    assert not labels(521, 523, AL, elements={"O"})


def test_lines_in_window_leave_out_auger_lines_whose_level_the_photons_do_not_reach():
    # The 1s level of aluminium has 1559 eV.
    assert "Al KL23L23" not in labels(80, 110, AL)
    assert "Al KL23L23" in labels(AG - 1400, AG - 1385, AG)


@pytest.mark.parametrize(
    ("label", "photon_energy", "energy"),
    [("O KL23L23", AL, 978), ("F KL23L23", AL, 832), ("Cu L3M45M45", AL, 568), ("Zn L3M45M45", MG, 261.5)],
)
def test_auger_lines_appear_at_the_binding_energy_of_the_source(label, photon_energy, energy):
    row = next(row for row in lines_in_window(energy - 10, energy + 10, photon_energy) if row.label == label)
    assert row.energy == pytest.approx(energy, abs=2)


def test_auger_lines_follow_the_atomic_number_within_a_transition():
    for transition in {row.line for lines in auger_lines().values() for row in lines}:
        energies = [row.energy for lines in auger_lines().values() for row in lines if row.line == transition]
        # Radon to actinium: the 5d levels of the table are estimates.
        assert all(later > earlier - 10 for earlier, later in itertools.pairwise(energies))


def test_source_of_a_photon_energy_is_the_laboratory_source_or_none():
    assert source_of(1486.7).name == "Al K-alpha"
    assert source_of(1253.6).name == "Mg K-alpha"
    assert source_of(650.0) is None
    assert all(source_of(source.energy) is source for source in xray_sources())


def test_typical_fwhm_grows_with_the_natural_width_and_in_compounds():
    assert typical_fwhm(line("Si 2p3/2"), metal=True) < typical_fwhm(line("Ti 2p1/2"), metal=True)
    assert typical_fwhm(line("Ti 2p3/2"), metal=True) < typical_fwhm(line("Ti 2p3/2"), metal=False)


def test_subshells_hold_the_energies_of_the_lines():
    assert subshells()["Ti"]["2p"] == (line("Ti 2p3/2").energy, line("Ti 2p1/2").energy)
    assert subshells()["C"]["1s"] == (line("C 1s").energy,) * 2
