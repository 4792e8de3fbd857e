"""Which model structure the spectra of a stack get."""

from __future__ import annotations

import numpy as np
import pytest
from seeded import pmma

from xps_prefit_hooks import ModelInfo, Settings
from xps_stn_plugin.chemistry.group_lines import group_lines
from xps_stn_plugin.models.shapes import hydrocarbon, stepped_pseudo_voigt
from xps_stn_plugin.stacks.clusters import Found, Gathering, Key, keys_of
from xps_stn_plugin.stacks.model_selection import OTHERS, SINGLE_LEAST, decide

ENERGY = np.arange(278.0, 298.0, 0.1)
GROUPS = tuple(group_lines())
ESTER, ALKANE = "ester (aliphatic)", "alkane"
COUNTS = {"intensity": "counts", "region": "C1s"}


def polyethylene(shift=0.0):
    return hydrocarbon(ENERGY, 2500, 285 + shift, 0.5, 0.2, 0.4, 0.01) + 20


def methacrylate(shift=0.0):
    return pmma(ENERGY, scale=500, shift=shift, step=0.01) + 20


def contaminated(shift=0.0):
    return polyethylene(shift) + stepped_pseudo_voigt(ENERGY, 1500, 292.5 + shift, 0.5, 0.2)


def found(groups, shift, error=0.05, status=0):
    """What a network would say of spectra, each with its groups and shift."""
    probabilities = np.array([[0.97 if name in own else 0.02 for name in GROUPS] for own in groups])
    shift = np.asarray(shift, dtype=float)
    statuses = np.full(shift.size, status, dtype=np.int8)
    return Found(GROUPS, ModelInfo("test", "0", ""), shift, np.full(shift.size, error), probabilities, statuses)


def stack(parts, seed=1):
    """Counts and what is found of (curve, groups, number) one after the other, with shifts over 2 eV."""
    kinds = [(curve, groups) for curve, groups, number in parts for _ in range(number)]
    shifts = np.linspace(-1, 1, len(kinds))
    random = np.random.default_rng(seed)
    counts = np.array([random.poisson(curve(s)) for (curve, _), s in zip(kinds, shifts, strict=True)], dtype=float)
    return counts, found([groups for _, groups in kinds], shifts)


def decided(counts, known, size=64, attrs=COUNTS, settings=None):
    gathering = Gathering("C1s", "C1s", ENERGY, attrs)
    for start in range(0, len(counts), size):
        rows = slice(start, start + size)
        gathering.add(counts[rows], known.rows(rows))
    return decide(gathering, settings or Settings())


MIXED = [(polyethylene, [ALKANE], 90), (methacrylate, [ALKANE, ESTER], 110)]


def test_each_set_of_groups_gets_a_model_from_its_mean_spectrum():
    counts, known = stack(MIXED)
    structures = decided(counts, known)
    assert structures.sizes == (110, 90)
    assert [len(seed.components) for seed in structures.seeds] == [4, 1]
    fits = structures.fit(counts, known)
    assert fits.structure.tolist() == [1] * 90 + [0] * 110
    assert (fits.status == 0).all()
    assert np.median(fits.redchi) == pytest.approx(1.0, abs=0.1)
    column = fits.components.names.index("C1s O-C=O")
    assert np.isnan(fits.components.area[:90, column]).all()
    area, error = fits.components.area[90:, column], fits.components.area_stderr[90:, column]
    assert area.mean() == pytest.approx(500, abs=4 * error.mean() / np.sqrt(110))
    assert fits.components.center[90:, column].mean() == pytest.approx(289.03, abs=0.01)
    assert np.std(area) == pytest.approx(error.mean(), rel=0.25)


@pytest.mark.parametrize("size", [1, 37, 200])
def test_structures_and_fits_do_not_depend_on_chunks(size):
    counts, known = stack(MIXED)
    one, other = decided(counts, known), decided(counts, known, size)
    assert one.number == other.number
    for seed, same in zip(one.seeds, other.seeds, strict=True):
        assert {n: (p.value, p.min, p.max, p.expr) for n, p in seed.params.items()} == {
            n: (p.value, p.min, p.max, p.expr) for n, p in same.params.items()
        }
    whole = one.fit(counts[:50], known.rows(slice(0, 50)))
    part = other.fit(counts[20:30], known.rows(slice(20, 30)))
    np.testing.assert_allclose(whole.components.area[20:30], part.components.area, rtol=1e-7)


def test_intensities_that_are_no_counts_give_the_same_structures_in_any_order():
    counts, known = stack(MIXED)
    attrs = {"region": "C1s", "intensity": "counts per second", "dwell_time": 0.3}
    one, other = (decided(counts / 0.3, known, size, attrs) for size in (64, 7))
    for seed, same in zip(one.seeds, other.seeds, strict=True):
        assert {n: p.value for n, p in seed.params.items()} == {n: p.value for n, p in same.params.items()}
    fits = one.fit(counts / 0.3, known)
    assert np.median(fits.redchi) == pytest.approx(1.0, abs=0.1)


def test_a_rare_set_shares_the_nearest_model_where_that_describes_it():
    counts, known = stack([*MIXED, (methacrylate, [ALKANE, ESTER, "benzene ring"], 5)])
    structures = decided(counts, known)
    assert structures.sizes == (115, 90)
    assert set(structures.of(known)[-5:]) == {0}


def test_a_rare_set_that_no_other_describes_gets_a_model_of_its_own():
    counts, known = stack([*MIXED, (contaminated, [ALKANE, "ether (aliphatic)"], 5)])
    structures = decided(counts, known)
    assert structures.sizes == (110, 90, 5)
    fits = structures.fit(counts, known)
    assert np.median(fits.redchi[-5:]) < 1.5


def test_groups_without_lines_in_the_region_make_no_set():
    silent = "phosphazene"
    known = found([[ALKANE], [ALKANE, silent]], [0.0, 0.0])
    keys, places = keys_of(known, "C1s")
    assert keys == [Key((ALKANE,), False, True)]
    assert places.tolist() == [0, 0]


def test_spectra_of_another_domain_and_without_shift_are_sets_of_their_own():
    counts, _ = stack([(polyethylene, [ALKANE], 20)])
    counts = np.array([np.random.default_rng(3).poisson(polyethylene()) for _ in counts], dtype=float)
    known = found([[ALKANE]] * 20, [np.nan] * 10 + [0.0] * 10, status=2)
    structures = decided(counts, known)
    assert sorted(structures.number) == [Key((ALKANE,), True, False), Key((ALKANE,), True, True)]
    fits = structures.fit(counts, known)
    assert (fits.status == 0).all()
    assert all(not component.groups for seed in structures.seeds for component in seed.components)


def test_poor_fits_are_seeded_singly_within_the_budget():
    odd = [(contaminated, [ALKANE], 1), (polyethylene, [ALKANE], 60)] * 3
    counts, known = stack(odd)
    structures = decided(counts, known)
    fits = structures.fit(counts, known)
    poor = structures.poor(fits.structure, fits.redchi)
    assert sorted(poor) == [0, 61, 122]
    assert fits.redchi[poor].tolist() == sorted(fits.redchi[poor], reverse=True)
    again = structures.refit(counts[poor], known.rows(poor))
    assert (again.structure == -2).all()
    assert (again.redchi < 0.5 * fits.redchi[poor]).all()
    center, area = (np.sort(getattr(again.components, name), axis=1) for name in ("center", "area"))
    assert center[:, 1] == pytest.approx(292.5, abs=0.2)
    assert area[:, 0] == pytest.approx(1500, rel=0.15)
    numbers, redchi = np.zeros(400, dtype=int), np.ones(400)
    redchi[::20] = 9.0
    redchi[40] = 99.0
    chosen = structures.poor(numbers, redchi)
    assert len(chosen) == SINGLE_LEAST
    assert chosen[:2].tolist() == [40, 0]


def test_a_spectrum_that_a_model_of_its_own_does_not_help_keeps_that_of_its_set():
    counts, known = stack(MIXED)
    structures = decided(counts, known)
    again = structures.refit(counts[:3], known.rows(slice(0, 3)))
    assert again.structure.tolist() == [1, 1, 1]


def test_rows_without_data_have_no_fit_and_do_not_count():
    counts, known = stack(MIXED)
    with_gaps = counts.copy()
    with_gaps[3], with_gaps[7] = 0.0, np.nan
    structures = decided(with_gaps, known)
    assert structures.sizes == (110, 88)
    fits = structures.fit(with_gaps, known)
    assert np.flatnonzero(fits.status).tolist() == [3, 7]
    assert np.isnan(fits.redchi[[3, 7]]).all()


def test_columns_hold_the_components_of_all_structures_and_room_for_others():
    structures = decided(*stack(MIXED))
    assert structures.components[:4] == ("C1s C-C", "C1s C-C(=O)O", "C1s C-O-C=O", "C1s O-C=O")
    assert len(structures.components) == 4 + OTHERS


def test_seeders_of_other_plugins_are_asked(fake):
    counts, known = stack(MIXED)
    structures = decided(counts, known)
    # The fake sees another ester in the mean spectrum than the package's own seeder does.
    assert {component.name for seed in structures.seeds for component in seed.components} == {
        "C1s line 1",
        "C1s line 2",
    }
    assert structures.fit(counts, known).status[-1] == 0
