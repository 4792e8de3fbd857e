from dataclasses import replace

import numpy as np
import pytest

from xps_stn_plugin.core.grid import Grid
from xps_stn_plugin.simulate.config import SimulationConfig
from xps_stn_plugin.simulate.library import LineLibrary
from xps_stn_plugin.simulate.line_list import LineList
from xps_stn_plugin.simulate.outsiders import disturbed, draw_kinds, outsider_lines, outsider_rules
from xps_stn_plugin.simulate.spectra import SpectrumSimulator

GRID = Grid()
REGIONS = len(GRID.regions)


def _lines(kind, number=40, shift=0.0, seed=0):
    return outsider_lines(np.full(number, kind), np.full(number, shift), GRID, np.random.default_rng(seed))


def _carbon(number):
    """Three C 1s lines for each spectrum."""
    row = np.repeat(np.arange(number) * REGIONS, 3)
    energy, area = np.tile([284.5, 286.0, 290.0], number), np.tile([1.0, 0.3, 0.2], number)
    none = np.zeros(row.size, dtype=bool)
    return LineList(row, energy, area, np.ones(row.size), np.zeros(row.size), none, none)


def test_kinds_come_as_often_as_asked():
    kinds = draw_kinds(20000, 0.1, np.random.default_rng(0))
    assert (kinds != "").mean() == pytest.approx(0.1, abs=0.01)
    weights = outsider_rules()["weights"]
    for kind, weight in weights.items():
        share = (kinds == kind).sum() / (kinds != "").sum()
        assert share == pytest.approx(weight / sum(weights.values()), abs=0.03)


def test_metals_have_no_carbon_and_charging_moves_them():
    still, moved = _lines("metal"), _lines("metal", shift=3.0)
    assert still.row.size >= 40
    np.testing.assert_allclose(moved.energy, still.energy + 3.0)


def test_what_became_an_insider_is_not_an_outsider():
    assert not {"inorganic", "graphite", "carbide"} & set(outsider_rules()["weights"])
    # what two domains of one sample may be apart, they are not refused for
    assert outsider_rules()["uneven"]["apart"][0] > SimulationConfig.load().domain_apart[1]


def test_uneven_charging_doubles_every_line():
    lines = _lines("arbitrary", number=2)
    doubled = disturbed(lines, np.array(["uneven", ""]), GRID, np.random.default_rng(1))
    assert doubled.row.size == lines.row.size + (lines.row < REGIONS).sum()
    assert (np.diff(doubled.row) >= 0).all()


def test_a_mirrored_axis_turns_lines_about_the_centre_of_their_channel():
    lines = _carbon(2)
    turned = disturbed(lines, np.array(["mirrored", ""]), GRID, np.random.default_rng(1))
    own = (lines.row < REGIONS) & (lines.row % REGIONS == 0)
    np.testing.assert_allclose(turned.energy[own], 2 * 288.0 - lines.energy[own])
    np.testing.assert_allclose(turned.energy[lines.row >= REGIONS], lines.energy[lines.row >= REGIONS])


def test_misnamed_regions_keep_their_shape_under_another_name():
    lines = _carbon(1)
    renamed = disturbed(lines, np.array(["misnamed"]), GRID, np.random.default_rng(1))
    carbon = lines.row == 0
    assert not (renamed.row == 0).any() or (lines.row > 0).any()
    centres = GRID.energies.mean(axis=1)
    new = renamed.row[np.isclose(renamed.area, 1.0)][0]
    moved = np.sort(renamed.energy[renamed.row == new]) - centres[new]
    np.testing.assert_allclose(moved, np.sort(lines.energy[carbon]) - centres[0])


def test_no_outsiders_where_none_are_asked_for():
    library = LineLibrary.build(["*CC(*)Cl"], [])
    config = replace(SimulationConfig.load(), outsider_share=0.0, inorganic_share=0.0, reference_share=1.0)
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
    assert 0.4 < foreign.mean() < 0.7
    assert not batch.labels[foreign].any()
    # shifts beyond the trained range occur, and every spectrum was measured somewhere or shifted out of sight
    assert (np.abs(batch.shift) > 9).any()
    assert np.isfinite(batch.counts).all()
