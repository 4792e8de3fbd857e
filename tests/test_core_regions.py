from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xps_prefit_hooks import PrefitError
from xps_stn_plugin.core.core_levels import core_levels
from xps_stn_plugin.core.regions import (
    recognised,
    region_from_element,
    region_from_energy,
    region_from_lines,
    region_name,
)

LABELS = {
    "C 1s": "C1s",
    "C1s/5": "C1s",
    "C 1s scan 2": "C1s",
    "c1s": "C1s",
    "02-C1s": "C1s",
    "C_1s_3": "C1s",
    "O1s": "O1s",
    "Fe 2p": "Fe2p",
    "FE2P": "Fe2p",
    "Sn3d5": "Sn3d",
    "Cl 2p3/2": "Cl2p",
    "S 2p1/2": "S2p",
    "Pt4f PE20": "Pt4f",
    "Ag__001__Ag3d": "Ag3d",
    "K2p C1s": "C1s",
    "Ru3d": "Ru3d",
    "C KLL": "CKLL",
    "Cu LM2": "CuLM2",
    "Su1s": "Survey",
    "wide": "Survey",
    "XPS survey": "Survey",
    "03-Survey": "Survey",
    "full scan": "Survey",
    "VB": "VB",
    "Ag__002__VB": "VB",
    "Valence band": "VB",
}
NOTHING = [
    "",
    "02-Pd",
    "Block No.1",
    "Counts per Second",
    "InC1s_sample",
    "C 3d",
    "shown as 3d map",
    "no 1s",
    "PE: 20.0 eV",
]


@pytest.mark.parametrize(("label", "region"), LABELS.items(), ids=list(LABELS))
def test_labels(label, region):
    assert region_name(label) == region


@pytest.mark.parametrize("label", NOTHING)
def test_labels_that_name_no_region(label):
    assert region_name(label) is None


@pytest.mark.parametrize("name", list(core_levels()))
def test_own_names_and_labels_are_recognised(name):
    level = core_levels()[name]
    assert region_name(name) == region_name(level.label) == region_name(f"{level.label} scan 3") == name
    assert region_from_energy(level.energy - 8, level.energy + 8) == name


@given(st.text(max_size=40))
def test_any_label_gives_a_name_or_none(label):
    name = region_name(label)
    assert name is None or name.isalnum()


@pytest.mark.parametrize(
    ("low", "high", "region"),
    [
        (270.0, 300.0, "C1s"),
        (266.5, 301.5, "C1s"),
        (280.0, 287.0, "C1s"),
        (525.0, 555.0, "O1s"),
        (390.0, 410.0, "N1s"),
        (155.0, 180.0, "S2p"),
        (0.0, 1200.0, "Survey"),
        (-5.0, 96.0, "Survey"),
        (60.0, 110.0, None),  # Br 3d and Si 2p
        (332.0, 356.0, None),
        (695.0, 740.0, None),
        (-10.0, 30.0, None),
    ],
)
def test_energy_ranges(low, high, region):
    assert region_from_energy(low, high) == region


@given(st.floats(0, 1400), st.floats(1, 100))
def test_region_from_energy_never_names_a_level_far_away(low, width):
    name = region_from_energy(low, low + width)
    if name not in (None, "Survey"):
        window = core_levels()[name].window
        assert window[0] < low + width
        assert low < window[1]


@pytest.mark.parametrize(
    ("label", "low", "high", "region"),
    [
        ("02-Pd", 332.0, 356.0, "Pd3d"),
        ("Al", 65.0, 90.0, "Al2p"),
        ("Pd", 400.0, 420.0, None),  # no line there
        ("Fe", 40.0, 110.0, None),  # 3s and 3p
        ("Block No.1", 332.0, 356.0, None),
    ],
)
def test_element_with_energies(label, low, high, region):
    assert region_from_element(label, low, high) == region


def test_label_goes_before_energy_and_the_way_is_told():
    assert recognised("f", ["Ru 3d"], 275, 295) == ("Ru3d", "label")
    assert recognised("f", ["02-Pd"], 332, 356) == ("Pd3d", "label and energy range")
    assert recognised("f", ["sample 7"], 275, 295) == ("C1s", "energy range")
    assert recognised("f", [], 700, 730) == ("Fe2p", "energy range")
    assert recognised("f", [], 1200, 1210) == ("Unknown", "nothing")


@pytest.mark.parametrize(
    ("low", "high", "region"),
    [
        (450.0, 475.0, "Ti2p"),
        (365.0, 380.0, "Ag3d"),
        (925.0, 965.0, "Cu2p"),
        (705.0, 722.0, None),  # Fe 2p3/2 is cut
        (60.0, 110.0, None),  # several
        (765.0, 800.0, None),  # Co 2p and Ba 3d
    ],
)
def test_region_from_lines_names_the_only_level(low, high, region):
    assert region_from_lines(low, high) == region


def test_label_against_energies_is_refused():
    with pytest.raises(PrefitError, match=r"f\.vms: region C 1s covers 520 to 545 eV, but C 1s .* 270 and 312 eV"):
        recognised("f.vms", ["C 1s"], 520, 545)


@pytest.mark.parametrize(
    ("label", "low", "high"), [("Ni 2p", 596.6, 606.5), ("Ag3d", 280.0, 298.0), ("Fe2p3/2", 200.0, 230.0)]
)
def test_recognised_label_whose_lines_lie_elsewhere_is_refused(label, low, high):
    with pytest.raises(PrefitError, match=r"has its line at .* check the label and the photon energy"):
        recognised("a.vms, block 1", [label], low, high)


@pytest.mark.parametrize(
    ("label", "low", "high", "region"),
    [("Ni 2p", 855.0, 895.0, "Ni2p"), ("Au4f", 95.0, 110.0, "Au4f"), ("Survey", 0.0, 1100.0, "Survey")],
)
def test_recognised_label_is_kept_where_a_charged_sample_moves_the_lines(label, low, high, region):
    assert recognised("a.vms", [label], low, high) == (region, "label")
