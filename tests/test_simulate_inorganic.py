from dataclasses import replace

import numpy as np
import pytest

from xps_stn_plugin.chemistry.core_levels import core_levels
from xps_stn_plugin.grid import Grid
from xps_stn_plugin.simulate.catalogue import catalogue
from xps_stn_plugin.simulate.config import SimulationConfig
from xps_stn_plugin.simulate.inorganic import inorganic_lines
from xps_stn_plugin.simulate.library import LineLibrary
from xps_stn_plugin.simulate.line_list import Sample
from xps_stn_plugin.simulate.spectra import SpectrumSimulator

GRID = Grid()
REGIONS = len(GRID.regions)
CONFIG = SimulationConfig.load()


def _sample(number, shift=0.0, organic=False):
    structures = np.full((number, 3), -1)
    structures[:, 0] = 0 if organic else -1
    none = np.zeros((number, REGIONS))
    ones = np.ones(number)
    return Sample(structures, none[:, :3], shift * ones, none, np.zeros(number, dtype=np.int64), ones, none)


def _lines(number=200, shift=0.0, *, organic=False, inorganic=True, seed=0):
    chosen = np.full(number, inorganic)
    return inorganic_lines(_sample(number, shift, organic), chosen, CONFIG, GRID, np.random.default_rng(seed))


def _only(monkeypatch, phase=None, element=None, **changes):
    """Draw one phase or element alone, without companions."""
    real = catalogue()
    sample = {**real.sample, "second": 0.0, "companions": {}, "foreign": float(element is not None), **changes}
    changed = replace(
        real,
        phases={"one": real.phases[phase] if phase else ()},
        phase_chance=np.ones(1),
        foreign={"one": real.foreign[element]} if element else real.foreign,
        foreign_chance=np.ones(1) if element else real.foreign_chance,
        sample=sample,
        adventitious={**real.adventitious, "none": 1.0},
    )
    monkeypatch.setattr("xps_stn_plugin.simulate.inorganic.catalogue", lambda: changed)


def _region(lines, name):
    own = lines.row % REGIONS == GRID.regions.index(name)
    return lines.energy[own], lines.area[own]


def test_every_line_of_the_catalogue_reaches_a_window():
    spans = {number: (energies[0] - 8, energies[-1] + 8) for number, energies in enumerate(GRID.energies)}
    for lines in (*catalogue().phases.values(), *catalogue().foreign.values()):
        first = lines[0].energy if lines else 0.0
        for line in lines:
            low, high = spans[line.region]
            energy = line.energy if line.above is None else first + line.above
            assert low <= energy <= high
            assert line.spread >= catalogue().scale["least_spread"]


def test_catalogue_positions_are_on_the_scale_of_the_package():
    # NIST SRD 20: Si 2p3/2 of SiO2 103.4, K 2p3/2 292.98, maximum of hydrocarbon at 284.8
    assert catalogue().phases["silica"][0].energy == pytest.approx(103.4 + 0.26)
    assert catalogue().foreign["K"][0].energy == pytest.approx(292.98 + 0.26)


def test_charging_moves_all_lines_alike():
    still, moved = _lines(), _lines(shift=2.5)
    np.testing.assert_allclose(moved.energy, still.energy + 2.5)
    np.testing.assert_array_equal(moved.row, still.row)


def test_adventitious_carbon_alone_has_hydrocarbon_at_the_zero_of_the_scale():
    covered = _lines(inorganic=True, number=300)
    energy, area = _region(covered, "C1s")
    main = np.abs(energy - 285.0) < 0.12
    assert main.sum() >= 250
    assert area[main].mean() > 0.5


def test_a_sulfate_has_sulfur_and_oxygen_in_their_ratio(monkeypatch):
    _only(monkeypatch, "sulfate")
    lines = _lines()
    (sulfur, height), (oxygen, other) = _region(lines, "S2p"), _region(lines, "O1s")
    assert sulfur.size == 400
    assert oxygen.size == 200
    levels = core_levels()
    ratio = np.log(other / (height[::2] + height[1::2]))
    expected = np.log(4 * levels["O1s"].sensitivity / levels["S2p"].sensitivity)
    assert ratio.mean() == pytest.approx(expected, abs=0.05)
    np.testing.assert_allclose(sulfur[1::2] - sulfur[::2], levels["S2p"].splitting)
    assert np.median(sulfur[::2]) == pytest.approx(168.62 + 0.2, abs=0.1)


def test_a_foreign_doublet_has_its_own_splitting_and_is_nothing_to_set_a_window_by(monkeypatch):
    _only(monkeypatch, element="K")
    lines = _lines()
    assert set(lines.row % REGIONS) == {0}
    assert lines.satellite.all()
    assert np.sort(np.unique(np.round(np.abs(np.diff(lines.energy)), 6)))[0] >= 0
    first, second = lines.energy[::2], lines.energy[1::2]
    np.testing.assert_allclose(second - first, 2.77)
    np.testing.assert_allclose(lines.area[1::2] / lines.area[::2], 0.515)


def test_partner_lines_follow_the_chemical_shift_of_the_first(monkeypatch):
    _only(monkeypatch, "silica")
    lines = _lines()
    (silicon, _), (partner, _) = _region(lines, "Si2p"), _region(lines, "S2p")
    # Si 2s lies in the window of S 2p
    np.testing.assert_allclose(partner - silicon[::2], 51.1, atol=2.2 * catalogue().scale["least_spread"] + 1e-9)


def test_a_carbide_has_a_tail_to_high_binding_energy(monkeypatch):
    _only(monkeypatch, "carbide")
    lines = _lines(number=100)
    energy, area = _region(lines, "C1s")
    main = energy[~lines.satellite]
    assert main.size == 100
    tail = energy[lines.satellite].reshape(100, -1)
    assert (tail > main[:, None]).all()
    assert (np.diff(area[lines.satellite].reshape(100, -1), axis=1) <= 0).all()


def test_samples_without_inorganic_phases_carry_nothing_unless_they_have_adventitious_carbon():
    config = replace(CONFIG, adventitious_share=0.0)
    rng = np.random.default_rng(0)
    assert not inorganic_lines(_sample(50, organic=True), np.zeros(50, dtype=bool), config, GRID, rng).row.size
    assert not inorganic_lines(_sample(50), np.zeros(50, dtype=bool), config, GRID, rng).row.size


def test_inorganic_samples_are_insiders_without_labels():
    library = LineLibrary.build(["*CC(*)Cl"], [])
    config = replace(CONFIG, outsider_share=0.0, inorganic_share=1.0, inorganic_alone=0.5, reference_share=1.0)
    batch = SpectrumSimulator(library, config, GRID).draw(400, np.random.default_rng(0))
    alone = batch.structures[:, 0] < 0
    assert alone.mean() == pytest.approx(0.5, abs=0.08)
    assert not batch.outside.any()
    assert not batch.labels[alone].any()
    assert batch.labels[~alone].any(axis=1).all()
    assert batch.lined.any(axis=1).all()
    assert np.isfinite(batch.counts).all()
    # without carbon there is nothing but what was cleaned in vacuum
    assert batch.lined[:, 0].mean() > 0.85
