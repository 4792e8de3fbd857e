from dataclasses import replace

import numpy as np
import pytest

from xps_stn_plugin.chemistry.groups import group_names
from xps_stn_plugin.core.core_levels import core_levels
from xps_stn_plugin.core.grid import Grid
from xps_stn_plugin.simulate.config import SimulationConfig
from xps_stn_plugin.simulate.library import LineLibrary
from xps_stn_plugin.simulate.spectra import SpectrumSimulator

PET = "*OC(=O)c1ccc(cc1)C(=O)OCC*"
PVC = "*CC(*)Cl"
POLYETHYLENE = "*CC*"
GRID = Grid()
#: No scatter, no contamination, no background, all regions, no mixtures: what is left is the chemistry.
PLAIN = replace(
    SimulationConfig.load(),
    reference_share=1.0,
    mixture_share=0.0,
    outsider_share=0.0,
    inorganic_share=0.0,
    adventitious_share=0.0,
    gain_share=0.0,
    domain_share=0.0,
    tail_share=0.0,
    oxygen_seen=1.0,
    oxygen_sigma=0.0,
    fault_share=0.0,
    cut_share=0.0,
    region_shift_sigma=0.0,
    region_shift_strong_share=0.0,
    position_sigma=0.0,
    generated_sigma=0.0,
    aromatic_sigma=0.0,
    aliphatic_sigma=0.0,
    region_scale_sigma=0.0,
    fwhm_mean_excess=0.0,
    fwhm_broad_share=0.0,
    fwhm_scatter=0.0,
    intensity_sigma=0.0,
    intensity_wild_share=0.0,
    contamination_share=0.0,
    substrate_share=0.0,
    ghost_share=0.0,
    coarse_share=0.0,
    subtracted_share=1.0,
    background_level=(1e-6, 2e-6),
    background_slope=0.0,
    background_bend=0.0,
    shirley_step=(0.0, 0.0),
    peak_counts=(1e7, 1.1e7),
    margin_range=(9.9, 10.0),
    drop_signal=dict.fromkeys(GRID.regions, 0.0),
    curious_share=0.0,
    carbon_only_share=0.0,
    single_region_share=0.0,
)


def _draw(smiles, number=20, seed=0, **changes):
    simulator = SpectrumSimulator(LineLibrary.build([smiles], []), replace(PLAIN, **changes), GRID)
    return simulator.draw(number, np.random.default_rng(seed))


def _maximum(batch, region):
    row = GRID.regions.index(region)
    return GRID.energies[row][batch.counts[:, row].argmax(-1)]


def test_same_seed_same_spectra_other_seed_others():
    config = {"shift_range": (-8.0, 8.0), "peak_counts": (100.0, 1e4)}
    first, again, other = (_draw(PET, seed=seed, **config) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.counts, again.counts)
    np.testing.assert_array_equal(first.shift, again.shift)
    assert not np.array_equal(first.counts, other.counts)


def test_lines_lie_where_shift_and_rules_put_them():
    batch = _draw(PVC)
    # Cl 2p3/2 at 200.64 (Beamson & Briggs); 2p1/2 does not move the maximum of a 0.7 eV line by a channel.
    np.testing.assert_allclose(_maximum(batch, "Cl2p") - batch.shift, 200.64, atol=0.15)


def test_polyethylene_has_its_first_member_at_285():
    batch = _draw(POLYETHYLENE)
    np.testing.assert_allclose(_maximum(batch, "C1s") - batch.shift, 285.05, atol=0.1)


def test_areas_follow_stoichiometry_and_sensitivity():
    batch = _draw(PVC, number=5, margin_range=(11.9, 12.0), shift_range=(-0.5, 0.5))
    areas = batch.counts.sum(-1)
    ratio = areas[:, GRID.regions.index("Cl2p")] / areas[:, GRID.regions.index("C1s")]
    np.testing.assert_allclose(ratio, 2.285 / 2, rtol=0.02)


def test_ring_has_a_shake_up_and_polyethylene_none():
    ring, plain = (_draw(smiles, number=30) for smiles in ("*CC(*)c1ccccc1", POLYETHYLENE))

    def satellite(batch):
        row = GRID.regions.index("C1s")
        energy = GRID.energies[row][None] - batch.shift[:, None]
        window = (energy > 290.6) & (energy < 292.4) & batch.measured[:, row]
        return (batch.counts[:, row] * window).sum() / batch.counts[:, row].sum()

    assert 0.015 < satellite(ring) < 0.08
    assert satellite(plain) < 0.01


def test_labels_of_a_mixture_are_those_of_its_components():
    library = LineLibrary.build([PVC, PET], [])
    simulator = SpectrumSimulator(library, replace(PLAIN, mixture_share=1.0, mixture_size=2), GRID)
    batch = simulator.draw(64, np.random.default_rng(3))
    np.testing.assert_allclose(batch.shares.sum(1), 1.0)
    assert (batch.shares[batch.structures >= 0] >= PLAIN.smallest_share - 1e-9).all()
    for row, label in zip(batch.structures, batch.labels, strict=True):
        np.testing.assert_array_equal(label, library.labels[row].any(axis=0))
    names = np.array(group_names())
    assert set(names[library.labels[1]]) == {"benzene ring", "ester (aromatic)"}


def test_noise_is_poisson():
    batch = _draw(
        POLYETHYLENE,
        number=400,
        shift_range=(0.0, 1e-9),
        peak_counts=(1000.0, 1000.1),
        lorentzian_range=(0.2, 0.2000001),
        huang_rhys_range=(0.2, 0.2000001),
    )
    row, top = GRID.regions.index("C1s"), int(batch.counts[:, 0].mean(0).argmax())
    sample = batch.counts[:, row, top]
    assert sample.mean() == pytest.approx(1000, rel=0.02)
    assert sample.var() == pytest.approx(sample.mean(), rel=0.3)


def test_regions_are_dropped_and_added_as_asked():
    dropped = _draw(
        PVC, number=200, drop_signal=dict.fromkeys(GRID.regions, 0.5), curious_share=1.0, empty_region_share=0.5
    )
    present = dropped.measured.any(-1)
    assert 0.35 < present[:, GRID.regions.index("Cl2p")].mean() < 0.8
    assert 0.35 < present[:, GRID.regions.index("F1s")].mean() < 0.65
    assert (dropped.counts[~dropped.measured] == 0).all()
    # something with a line is always there
    assert (present[:, GRID.regions.index("C1s")] | present[:, GRID.regions.index("Cl2p")]).all()


def test_carbon_alone():
    batch = _draw(PVC, number=100, carbon_only_share=1.0)
    present = batch.measured.any(-1)
    assert present[:, 0].all()
    assert not present[:, 1:].any()


def test_every_region_is_one_run_of_points():
    batch = _draw(PET, number=100, margin_range=(0.8, 10.0), shift_range=(-8.0, 8.0))
    edges = np.abs(np.diff(np.pad(batch.measured.astype(int), ((0, 0), (0, 0), (1, 1))), axis=-1)).sum(-1)
    assert set(np.unique(edges)) <= {0, 2}


def test_coarse_steps_are_straight_between_their_channels():
    batch = _draw(PET, number=60, coarse_share=1.0, coarse_factor=5, peak_counts=(1e4, 1e4 + 1))
    bent = np.abs(np.diff(batch.counts[:, 0], 2)) > 1e-2 * batch.counts[:, 0].max(-1, keepdims=True)
    inner = batch.measured[:, 0, 1:-1] & batch.measured[:, 0, 2:] & batch.measured[:, 0, :-2]
    for kinks, inside in zip(bent, inner, strict=True):
        places = np.flatnonzero(kinks & inside)
        # all bends of one spectrum lie on one comb of channels
        assert any(len(set(places % every)) <= 1 for every in (2, 3, 4, 5))
    assert (batch.counts[~batch.measured] == 0).all()


def test_a_source_without_monochromator_draws_ghosts_below_each_line():
    ghosts = {"Al": ((9.8, 0.064),), "Mg": ((9.8, 0.064),)}
    changes = {"shift_range": (2.0, 2.1), "margin_range": (11.9, 12.0), "fwhm_broad": (1.1, 1.2)}
    with_ghosts, without = (
        _draw(POLYETHYLENE, ghost_share=share, ghost_lines=ghosts, fwhm_broad_share=1.0, **changes) for share in (1, 0)
    )
    energy = GRID.energies[0][None] - with_ghosts.shift[:, None]

    def below(batch):
        return (batch.counts[:, 0] * (np.abs(energy - 275.3) < 1.2)).sum(-1) / batch.counts[:, 0].sum(-1)

    np.testing.assert_allclose(below(with_ghosts) - below(without), 0.064 / 1.064, atol=0.015)


def test_differential_charging_spares_carbon_and_moves_the_others_as_labelled():
    batch = _draw(PVC, number=60, region_shift_strong=0.3, region_shift_strong_share=1.0)
    assert (batch.region_shift[:, 0] == 0).all()
    chlorine = GRID.regions.index("Cl2p")
    assert batch.region_shift[:, chlorine].std() == pytest.approx(0.3 / np.sqrt(3), rel=0.3)
    moved = _maximum(batch, "Cl2p") - batch.shift - 200.64
    assert np.corrcoef(moved, batch.region_shift[:, chlorine])[0, 1] > 0.9


def test_an_oxide_below_draws_its_own_line_and_no_label():
    batch = _draw(POLYETHYLENE, substrate_share=1.0, substrate_energy=(530.0, 530.01))
    np.testing.assert_allclose(_maximum(batch, "O1s") - batch.shift, 530.0, atol=0.1)
    assert batch.labels.sum() == _draw(POLYETHYLENE).labels.sum()
    assert not batch.outside.any()


def test_less_oxygen_is_seen_than_there_is():
    window = {"margin_range": (11.9, 12.0), "shift_range": (-0.5, 0.5)}
    whole, seen = (_draw(PET, oxygen_seen=factor, **window).counts.sum(-1) for factor in (1.0, 0.883))
    oxygen = GRID.regions.index("O1s")
    ratio = (seen[:, oxygen] / seen[:, 0]) / (whole[:, oxygen] / whole[:, 0])
    np.testing.assert_allclose(ratio, 0.883, rtol=0.02)


def test_a_wrong_gain_moves_regions_in_proportion_to_their_distance_from_carbon():
    batch = _draw(PET, number=200, gain_share=1.0, gain_error=1e-3)
    centres = np.array([level.energy for level in core_levels().values()])
    gain = batch.region_shift[:, 1:] / (centres[1:] - 285.0)
    np.testing.assert_allclose(gain, np.repeat(gain[:, :1], len(centres) - 1, axis=1), atol=1e-12)
    assert 0.0008 < np.abs(gain).max() <= 0.001
    assert (batch.region_shift[:, 0] == 0).all()


def test_two_domains_share_the_lines_and_the_target():
    batch = _draw(
        POLYETHYLENE, domain_share=1.0, domain_apart=(1.1, 1.2), domain_part=(0.4, 0.5), shift_range=(0.0, 1e-9)
    )
    np.testing.assert_allclose(batch.domain_share.sum(-1), 1.0)
    np.testing.assert_allclose((batch.domain_share * batch.domain_shift).sum(-1), batch.shift, atol=1e-9)
    used = batch.domain_share > 0
    assert (used.sum(-1) == 2).all()
    for spectrum, there in enumerate(used):
        first, second = np.sort(batch.domain_shift[spectrum][there])
        assert 1.1 <= second - first <= 1.2
        near = [np.abs(GRID.energies[0] - 285.05 - shift).argmin() for shift in (first, second)]
        middle = batch.counts[spectrum, 0, sum(near) // 2]
        assert middle < 0.9 * batch.counts[spectrum, 0, near].min()


def test_a_tail_leans_to_one_side_and_keeps_its_mean():
    batch = _draw(POLYETHYLENE, number=60, tail_share=1.0)
    offset = batch.domain_shift - batch.shift[:, None]
    np.testing.assert_allclose(batch.domain_share, 1 / offset.shape[1])
    np.testing.assert_allclose(offset.mean(-1), 0, atol=1e-9)
    longest = np.where(np.abs(offset.min(-1)) > offset.max(-1), offset.min(-1), offset.max(-1))
    assert (longest > 0).any()
    assert (longest < 0).any()
    assert np.ptp(offset, axis=-1).max() <= 1.2


def test_outsiders_are_evenly_charged():
    batch = _draw(PVC, number=100, outsider_share=1.0, domain_share=1.0)
    assert (batch.domain_share[:, 1:] == 0).all()


def test_windows_that_cut_lines_leave_room_for_one_line():
    batch = _draw(PVC, number=200, cut_share=1.0, cut_margin=(-2.0, 0.0), shift_range=(-1.0, 1.0))
    width = batch.measured[:, 0].sum(-1) * GRID.step
    assert width.min() >= 1.5
    whole = _draw(PVC, number=200, shift_range=(-1.0, 1.0)).measured[:, 0].sum(-1) * GRID.step
    assert width.max() < whole.min()


def test_faulty_channels_are_drawn_and_cleaned_as_in_use(monkeypatch):
    faults = {"fault_share": 1.0, "hot_range": (3.0, 4.0), "shift_range": (-1.0, 1.0)}
    clean = _draw(PET, number=60)
    faulty = _draw(PET, number=60, **faults)
    monkeypatch.setattr("xps_stn_plugin.simulate.counting.without_single_channels", lambda counts, measured: counts)
    uncleaned = _draw(PET, number=60, **faults)

    def spikes(batch):
        bent = np.abs(np.diff(batch.counts, 2)).max(-1) / np.maximum(batch.counts.max(-1), 1)
        return (bent.max(-1) > 1.0).mean()

    assert spikes(clean) == 0
    assert spikes(uncleaned) > 0.5
    assert spikes(faulty) < 0.2 * spikes(uncleaned)
