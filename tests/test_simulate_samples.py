from dataclasses import replace

import numpy as np
import pytest

from xps_stn_plugin.chemistry.states import chemical_states
from xps_stn_plugin.core.core_levels import core_levels
from xps_stn_plugin.core.grid import Grid
from xps_stn_plugin.simulate.compounds import (
    Phase,
    compound_of,
    draw_compound,
    draw_metals,
    material_names,
    metal_of,
    native_oxide,
    sample_rules,
)
from xps_stn_plugin.simulate.config import SimulationConfig
from xps_stn_plugin.simulate.level_windows import level_windows
from xps_stn_plugin.simulate.library import LineLibrary
from xps_stn_plugin.simulate.library_cache import cached_library
from xps_stn_plugin.simulate.sample_lines import ALUMINIUM, MAGNESIUM, AbsoluteLines
from xps_stn_plugin.simulate.samples import SampleBatch, SampleSimulator
from xps_stn_plugin.simulate.spectra import SpectrumSimulator
from xps_stn_plugin.simulate.structures import reference_structures

CONFIG = replace(SimulationConfig.load(), whole_share=1.0)


@pytest.fixture(scope="module")
def simulator():
    library = LineLibrary.build(reference_structures()[:20], ())
    return SampleSimulator.of(SpectrumSimulator(library, CONFIG, Grid()))


def _state(level, name):
    return next(state for state in chemical_states()[level] if state.name == name)


def _lines(phase, *, photon_energy=ALUMINIUM, overlayer=0.0, seed=0):
    builder = AbsoluteLines(CONFIG)
    rng = np.random.default_rng(seed)
    builder.begin(0, photon_energy, 1.0, overlayer, rng)
    builder.add_phase(phase, 1.0, 0.0, np.inf, rng)
    return builder.line_list()


def _area(lines, low, high):
    return lines.area[(lines.energy > low) & (lines.energy < high)].sum()


def test_level_windows_begin_with_the_core_levels_of_organic_samples():
    windows = level_windows()
    assert list(windows)[:9] == list(core_levels())
    assert [windows[name] for name in core_levels()] == [level.energy for level in core_levels().values()]
    assert len(windows) > 75
    for level, name in (("Ti2p", "TiO2"), ("Fe2p", "Fe2O3"), ("Au4f", "Au"), ("Cu2p", "CuO")):
        assert abs(windows[level] - _state(level, name).energy) < 6


def test_compound_has_the_stoichiometry_and_the_anion_of_its_state():
    rng = np.random.default_rng(0)
    numbers = np.array([[atoms.number for atoms in compound_of(_state("Ti2p", "TiO2"), rng).atoms] for _ in range(300)])
    assert np.median(numbers[:, 1] / numbers[:, 0]) == pytest.approx(2.0, rel=0.05)
    oxide = compound_of(_state("Ti2p", "TiO2"), rng)
    assert [atoms.state.energy for atoms in oxide.atoms] == [
        _state("Ti2p", "TiO2").energy,
        _state("O1s", "TiO2").energy,
    ]
    salt = compound_of(_state("Na1s", "Na2SO4"), rng)
    assert [atoms.state.element for atoms in salt.atoms] == ["Na", "S", "O"]
    assert (oxide.material, salt.material) == ("oxide", "sulfate")


def test_drawn_phases_are_of_known_materials_and_kinds():
    rng = np.random.default_rng(1)
    names = {*material_names(), ""}
    for _ in range(300):
        phase = draw_compound(rng)
        assert phase.material in names
        assert sum(atoms.number for atoms in phase.atoms) == pytest.approx(1.0)
    assert {state.kind for state in draw_metals(20, rng)} == {"element"}
    assert {state.element for state in draw_metals(20, rng)}.isdisjoint(sample_rules()["never"])
    assert native_oxide(_state("Cu2p", "Cu"), rng).material == "oxide"


def test_every_line_of_an_element_is_drawn():
    lines = _lines(compound_of(_state("Na1s", "chloride"), np.random.default_rng(0)))
    for low, high in ((1069, 1075), (60, 67), (496, 501), (197, 203), (268, 273)):
        # Na 1s, Na 2s, Na KLL under Sn 3d and O 1s, Cl 2p, Cl 2s
        assert _area(lines, low, high) > 0
    # With magnesium the Auger lines come 233 eV lower in binding energy, the photoelectron lines stay.
    magnesium = _lines(compound_of(_state("Na1s", "chloride"), np.random.default_rng(0)), photon_energy=MAGNESIUM)
    assert _area(magnesium, 496, 501) == 0
    assert _area(magnesium, 262, 268) > 0
    assert _area(magnesium, 1069, 1075) > 0


def test_lines_follow_the_chemical_shift_of_the_state():
    metal = _lines(metal_of((_state("Ti2p", "Ti"),), np.random.default_rng(0)))
    oxide = _lines(compound_of(_state("Ti2p", "TiO2"), np.random.default_rng(0)))

    def strongest(lines, low, high):
        inside = (lines.energy > low) & (lines.energy < high)
        return lines.energy[inside][lines.area[inside].argmax()]

    assert strongest(oxide, 450, 463) - strongest(metal, 450, 463) == pytest.approx(4.6, abs=1.0)


def test_a_layer_of_carbon_weakens_slow_electrons_more():
    phase = compound_of(_state("Zn2p", "ZnO"), np.random.default_rng(0))
    bare, covered = (_lines(phase, overlayer=thickness) for thickness in (0.0, 2.0))
    left = [_area(covered, low, high) / _area(bare, low, high) for low, high in ((1018, 1028), (84, 96))]
    # Zn 2p at 465 eV and Zn 3p at 1398 eV of kinetic energy, 3.3 nm at 1 keV
    np.testing.assert_allclose(left, np.exp(-2.0 / (3.3 * np.array([0.465, 1.398]) ** 0.75)), rtol=0.03)


def test_metals_have_tails_and_compounds_have_none():
    metal = _lines(Phase("metal", metal_of((_state("Au4f", "Au"),), np.random.default_rng(0)).atoms), seed=1)
    assert _area(metal, 89.3, 93.0) > 0


def test_whole_samples_are_reproducible_and_labelled(simulator):
    one, two = (simulator.draw(40, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(one.counts, two.counts)
    assert np.isfinite(one.counts).all()
    assert one.measured.any(-1).any(-1).all()
    assert one.has_materials.all()
    assert not one.outside.any()
    assert (one.lined.any(-1)).all()
    assert one.materials.any(1).mean() > 0.7
    assert (one.domain_share * one.domain_shift).sum(-1) == pytest.approx(one.shift, abs=1e-9)
    # Inorganic samples have no functional group, and polymers do.
    assert 0.05 < one.labels.any(1).mean() < 0.5


def test_lines_lie_where_the_charge_puts_them(simulator):
    drawn = simulator.draw(400, np.random.default_rng(4))
    level = simulator.grid.regions.index("Au4f")
    tops = []
    for row, column in np.argwhere((drawn.level == level) & drawn.lined):
        counts, measured = drawn.counts[row, column], drawn.measured[row, column]
        if counts[measured].max() > 50 * max(1.0, abs(np.median(counts[measured]))) ** 0.5:
            energy = simulator.grid.energies[level][np.where(measured, counts, -np.inf).argmax()]
            tops.append(energy - drawn.shift[row])
    assert len(tops) >= 3
    # The states of gold reach from 84.0 to 87 eV, the second line of the doublet lies 3.7 eV above.
    assert np.median(tops) == pytest.approx(86, abs=2.6)


def test_batches_of_both_kinds_are_joined(simulator):
    mixed = SampleSimulator(simulator.organic, replace(CONFIG, whole_share=0.5), simulator.grid)
    drawn = mixed.draw(20, np.random.default_rng(5))
    assert drawn.has_materials.tolist() == [False] * 10 + [True] * 10
    assert len({len(getattr(drawn, name)) for name in SampleBatch.__dataclass_fields__}) == 1
    nine = SampleSimulator.of(SpectrumSimulator(simulator.organic.library, replace(CONFIG, whole_share=0.0), Grid()))
    assert nine.grid == Grid()
    assert not nine.draw(8, np.random.default_rng(5)).has_materials.any()


def test_the_library_is_kept_for_the_next_start(tmp_path):
    structures = reference_structures()[:4]
    first = cached_library(tmp_path, CONFIG, lambda: LineLibrary.build(structures, ()))

    def never():
        raise AssertionError

    again = cached_library(tmp_path, CONFIG, never)
    assert (again.structures, again.references) == (first.structures, first.references)
    np.testing.assert_array_equal(again.energy, first.energy)
    np.testing.assert_array_equal(again.labels, first.labels)
    # Of another number of structures it is built anew.
    other = cached_library(
        tmp_path, replace(CONFIG, generated_structures=1), lambda: LineLibrary.build(structures[:2], ())
    )
    assert other.structures == structures[:2]
