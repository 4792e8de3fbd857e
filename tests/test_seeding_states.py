"""Lines of a region named after chemical states, with their satellites, and lines of other elements beside them."""

from __future__ import annotations

import numpy as np
import pytest
from seeded import prediction
from test_seeding_levels import pair, region

from xps_prefit_hooks import Settings, UserState
from xps_stn_plugin.core.spectrum import spectrum_tree
from xps_stn_plugin.seeding import seed_region
from xps_stn_plugin.seeding.states import known_states

#: Scale of the calibrated axis less that of the tables: adventitious carbon has its maximum at 285.06 eV, not at 284.8.
SCALE = 0.26


def names(core, lines, low, high, *, shift_error=0.05, status="ok", others=(), settings=None):
    dataset = region(core, lines, low, high)
    tree = spectrum_tree(
        "test", {core: dataset, **{other: region(other, [(165.0, 100, 1.0)], 155.0, 175.0) for other in others}}
    )
    seed = seed_region(tree, core, prediction(status=status, stderr=shift_error), settings or Settings())
    return list(dict.fromkeys(component.name for component in seed.components)), seed


@pytest.mark.parametrize(
    ("core", "energy", "splitting", "ratio", "name"),
    [
        ("Ti2p", 458.6, 5.72, 0.5, "Ti2p TiO2"),
        ("Ti2p", 454.0, 6.05, 0.5, "Ti2p metal"),
        ("Al2p", 74.2, 0.41, 0.5, "Al2p Al2O3"),
        ("W4f", 35.8, 2.15, 0.75, "W4f WO3"),
        ("Sn3d", 486.6, 8.4, 2 / 3, "Sn3d SnO2"),
        ("Pt4f", 71.1, 3.33, 0.75, "Pt4f metal"),
    ],
)
def test_line_is_named_after_the_state_at_its_energy(core, energy, splitting, ratio, name):
    lines = pair(energy + SCALE, 20_000, splitting, ratio, 1.2)
    found, seed = names(core, lines, energy - 8, energy + splitting + 8)
    assert found == [name]
    assert all(component.assigned for component in seed.components)


def test_metal_and_oxide_are_two_doublets_with_their_names():
    lines = [*pair(99.4 + SCALE, 10_000, 0.61, 0.5, 0.6), *pair(103.4 + SCALE, 6_000, 0.61, 0.5, 1.3)]
    found, _ = names("Si2p", lines, 92.0, 110.0)
    assert found == ["Si2p element", "Si2p SiO2"]


def test_name_follows_the_reference_of_the_scale():
    lines = pair(458.6, 20_000, 5.72, 0.5, 1.2)
    found, _ = names("Ti2p", lines, 450.0, 472.0, settings=Settings(reference=284.74))
    assert found == ["Ti2p TiO2"]


def test_line_far_from_every_state_stays_unassigned():
    lines = pair(464.9, 20_000, 5.72, 0.5, 1.2)
    found, seed = names("Ti2p", lines, 455.0, 478.0)
    assert found == ["Ti2p unassigned 1"]
    assert any("unassigned component" in note for note in seed.notes)


def test_unknown_scale_names_nothing():
    lines = pair(36.0, 20_000, 2.15, 0.75, 1.2)
    found, _ = names("W4f", lines, 28.0, 46.0, shift_error=2.5)
    assert found == ["W4f unassigned 1"]


def test_line_of_another_element_beside_the_level_has_no_partner():
    # S 2s beside Mo 3d of MoS2.
    lines = [*pair(229.5 + SCALE, 20_000, 3.13, 2 / 3, 1.0), (226.4 + SCALE, 5_000, 2.0)]
    found, seed = names("Mo3d", lines, 218.0, 242.0, others=["S2p"])
    assert found == ["Mo3d S 2s", "Mo3d MoS2"]
    assert len(seed.components) == 3


def test_satellite_of_a_copper_oxide_is_named():
    lines = [*pair(933.7 + SCALE, 30_000, 19.9, 0.5, 3.0), *pair(942.3 + SCALE, 12_000, 19.9, 0.5, 4.5)]
    found, _ = names("Cu2p", lines, 922.0, 972.0)
    assert found[0] == "Cu2p CuO"
    assert "Cu2p CuO satellite" in found


def test_states_of_compounds_with_measured_elements_are_more_probable():
    known = known_states("Cd3d", prediction(), Settings(), ["Cd3d", "S2p"])
    alone = known_states("Cd3d", prediction(), Settings(), ["Cd3d", "C1s", "O1s"])
    sulfide = [state.name for state in known.states].index("CdS")
    assert known.weights[sulfide] > alone.weights[sulfide] + 3
    assert known_states("Xx9x", prediction(), Settings(), []) is None


def test_scale_of_states_without_a_shift_is_the_measured_one():
    measured = known_states("Ti2p", prediction(status="out_of_domain", stderr=np.nan), Settings(), [])
    assert measured is None or measured.error > 0


def test_state_of_the_user_names_the_line_that_it_explains():
    lines = pair(455.7 + SCALE, 20_000, 5.8, 0.5, 1.0)
    mxene = UserState("Ti", "2p3/2", "MXene", 455.7, 0.1, "carbide", 2)
    with_it, _ = names("Ti2p", lines, 447.0, 472.0, settings=Settings(states=(mxene,)))
    without_it, _ = names("Ti2p", lines, 447.0, 472.0)
    assert with_it == ["Ti2p MXene"]
    assert without_it != with_it


def test_state_of_the_user_names_what_no_group_explains_in_oxygen():
    lines = [(529.9 + SCALE, 20_000, 1.2)]
    lattice = UserState("O", "1s", "lattice", 529.9, 0.2, "oxide")
    with_it, _ = names("O1s", lines, 522.0, 540.0, settings=Settings(states=(lattice,)))
    assert with_it == ["O1s lattice"]


def test_second_line_of_a_doped_oxide_is_unscreened_and_not_a_hydroxide():
    # ITO: In 3d5/2 at 444.3 eV with the unscreened line 1.1 eV above it.
    lines = [*pair(444.4 + SCALE, 20_000, 7.55, 2 / 3, 1.1), *pair(445.5 + SCALE, 7_000, 7.55, 2 / 3, 1.1)]
    found, _ = names("In3d", lines, 436.0, 460.0)
    assert found == ["In3d In2O3", "In3d In2O3 unscreened"]


def test_copper_line_without_shake_up_is_not_copper_oxide():
    found, _ = names("Cu2p", pair(933.6 + SCALE, 30_000, 19.9, 0.5, 1.1), 922.0, 972.0, shift_error=0.4)
    assert "Cu2p CuO" not in found


def test_broad_line_far_above_a_metal_is_an_energy_loss():
    lines = [*pair(932.6 + SCALE, 30_000, 19.9, 0.5, 1.0), (948.2 + SCALE, 6_000, 5.0)]
    found, seed = names("Cu2p", lines, 922.0, 972.0)
    assert found == ["Cu2p metal", "Cu2p metal energy loss"]
    assert all(component.assigned for component in seed.components)


def test_strontium_beside_titanium_and_oxygen_is_neither_metal_nor_oxide_of_its_own():
    known = known_states("Sr3d", prediction(), Settings(), ["Sr3d", "Ti2p", "O1s", "C1s"])
    weights = dict(zip([state.name for state in known.states], known.weights, strict=True))
    assert weights["mixed oxide"] > weights["SrO"] + 2
    assert weights["mixed oxide"] > weights["Sr"] + 4


def test_uncertain_axis_does_not_make_two_states_of_lines_that_lie_together():
    lines = [*pair(486.9, 20_000, 8.4, 2 / 3, 1.6), *pair(487.3, 20_000, 8.4, 2 / 3, 1.6)]
    found, _ = names("Sn3d", lines, 476.0, 502.0, shift_error=1.3)
    assert "Sn3d metal" not in found


def test_carbon_without_groups_is_adventitious():
    lines = [(284.8 + SCALE, 20_000, 1.2), (286.3 + SCALE, 4_000, 1.2), (288.8 + SCALE, 2_500, 1.2)]
    found, _ = names("C1s", lines, 276.0, 298.0)
    assert found == ["C1s C-C", "C1s C-O", "C1s O-C=O"]


def test_carbon_below_hydrocarbon_is_a_carbide_only_of_a_metal_that_was_measured():
    known = known_states("C1s", prediction(), Settings(), ["C1s", "O1s", "Sr3d"])
    weights = dict(zip([state.name for state in known.states], known.weights, strict=True))
    with_hafnium = known_states("C1s", prediction(), Settings(), ["C1s", "Hf4f"])
    with_metal = dict(zip([state.name for state in with_hafnium.states], with_hafnium.weights, strict=True))
    assert with_metal["HfC"] > weights["HfC"] + 3


def test_oxygen_without_groups_is_of_an_oxide_and_of_adventitious_carbon():
    lines = [(529.9 + SCALE, 20_000, 1.3), (532.4 + SCALE, 5_000, 1.3)]
    found, _ = names("O1s", lines, 522.0, 542.0)
    assert found == ["O1s oxide", "O1s organic"]


def test_oxide_is_improbable_where_oxygen_was_measured_and_is_not_there():
    with_oxygen = known_states("Ti2p", prediction(), Settings(), ["Ti2p", "O1s"])
    without = known_states("Ti2p", prediction(), Settings(), ["Ti2p"], empty=["O1s"])
    names_of = [state.name for state in without.states]
    oxide, metal = names_of.index("TiO2"), names_of.index("Ti")
    assert without.weights[oxide] < with_oxygen.weights[oxide] - 3
    assert without.weights[metal] == with_oxygen.weights[metal]
