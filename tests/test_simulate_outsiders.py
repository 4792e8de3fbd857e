from dataclasses import replace

import numpy as np
import pytest

from xps_stn_plugin.grid import Grid
from xps_stn_plugin.simulate.config import SimulationConfig
from xps_stn_plugin.simulate.library import LineLibrary
from xps_stn_plugin.simulate.outsiders import disturbed, draw_kinds, outsider_lines, outsider_rules
from xps_stn_plugin.simulate.spectra import SpectrumSimulator

GRID = Grid()
REGIONS = len(GRID.regions)


def _lines(kind, number=40, shift=0.0, seed=0):
    return outsider_lines(np.full(number, kind), np.full(number, shift), GRID, np.random.default_rng(seed))


def test_kinds_come_as_often_as_asked():
    kinds = draw_kinds(20000, 0.1, np.random.default_rng(0))
    assert (kinds != "").mean() == pytest.approx(0.1, abs=0.01)
    weights = outsider_rules()["weights"]
    for kind, weight in weights.items():
        share = (kinds == kind).sum() / (kinds != "").sum()
        assert share == pytest.approx(weight / sum(weights.values()), abs=0.03)


def test_inorganic_samples_have_no_carbon_and_charging_moves_them():
    still, moved = _lines("inorganic"), _lines("inorganic", shift=3.0)
    assert still.row.size > 40
    assert GRID.regions.index("C1s") not in set(still.row % REGIONS)
    np.testing.assert_allclose(moved.energy, still.energy + 3.0)


def test_graphite_has_a_tail_that_falls_to_high_binding_energy():
    rules = outsider_rules()["graphite"]
    lines = _lines("graphite", number=200)
    carbon = lines.row % REGIONS == 0
    first = lines.energy[carbon & (lines.area == 1.0)]
    assert ((first >= rules["energy"][0]) & (first <= rules["energy"][1])).all()
    signal = np.histogram(lines.energy[carbon], bins=np.arange(284.9, 289.0, 0.6), weights=lines.area[carbon])[0]
    assert signal[0] > signal[2] > 0


def test_carbides_lie_below_hydrocarbon():
    lines = _lines("carbide", number=100)
    main = lines.energy[(lines.row % REGIONS == 0) & (lines.area == 1.0)]
    assert main.size == 100
    assert (main < 284).all()


def test_every_sulfur_line_is_a_doublet():
    lines = _lines("inorganic", number=400)
    sulfur = lines.row % REGIONS == GRID.regions.index("S2p")
    energy, area = lines.energy[sulfur], lines.area[sulfur]
    assert energy.size > 20
    paired = np.isclose(np.subtract.outer(energy, energy), 1.18) & np.isclose(np.outer(1 / area, area), 2.0)
    assert paired.sum() == energy.size / 2


def test_uneven_charging_doubles_every_line():
    lines = _lines("carbide", number=2)
    doubled = disturbed(lines, np.array(["uneven", ""]), GRID, np.random.default_rng(1))
    assert doubled.row.size == lines.row.size + (lines.row < REGIONS).sum()
    assert (np.diff(doubled.row) >= 0).all()


def test_a_mirrored_axis_turns_lines_about_the_centre_of_their_channel():
    lines = _lines("graphite", number=2)
    turned = disturbed(lines, np.array(["mirrored", ""]), GRID, np.random.default_rng(1))
    own = (lines.row < REGIONS) & (lines.row % REGIONS == 0)
    np.testing.assert_allclose(turned.energy[own], 2 * 288.0 - lines.energy[own])
    np.testing.assert_allclose(turned.energy[lines.row >= REGIONS], lines.energy[lines.row >= REGIONS])


def test_misnamed_regions_keep_their_shape_under_another_name():
    lines = _lines("graphite", number=1)
    renamed = disturbed(lines, np.array(["misnamed"]), GRID, np.random.default_rng(1))
    carbon = lines.row == 0
    assert not (renamed.row == 0).any() or (lines.row > 0).any()
    centres = GRID.energies.mean(axis=1)
    new = renamed.row[np.isclose(renamed.area, 1.0)][0]
    moved = np.sort(renamed.energy[renamed.row == new]) - centres[new]
    np.testing.assert_allclose(moved, np.sort(lines.energy[carbon]) - centres[0])


def test_no_outsiders_where_none_are_asked_for():
    library = LineLibrary.build(["*CC(*)Cl"], [])
    config = replace(SimulationConfig.load(), outsider_share=0.0, reference_share=1.0)
    batch = SpectrumSimulator(library, config, GRID).draw(8, np.random.default_rng(0))
    assert not batch.outside.any()
    # what has a line was measured, and the labelled regions are those of the sample
    assert (batch.lined <= batch.measured.any(-1)).all()
    assert batch.lined.any(1).all()


def test_a_batch_of_outsiders_is_marked_and_unlabelled_where_foreign():
    library = LineLibrary.build(["*CC(*)Cl"], [])
    config = replace(SimulationConfig.load(), outsider_share=1.0, reference_share=1.0)
    batch = SpectrumSimulator(library, config, GRID).draw(300, np.random.default_rng(0))
    assert batch.outside.all()
    foreign = batch.structures[:, 0] < 0
    assert 0.5 < foreign.mean() < 0.95
    assert not batch.labels[foreign].any()
    # shifts beyond the trained range occur, and every spectrum was measured somewhere or shifted out of sight
    assert (np.abs(batch.shift) > 9).any()
    assert np.isfinite(batch.counts).all()
