"""One set of positions and widths for a series of spectra."""

from __future__ import annotations

import numpy as np
import pytest
from lmfit.models import LinearModel
from seeded import counted, seeded

from xps_prefit_hooks import ModelInfo, PrefitError, Seed, SeedComponent, Settings
from xps_stn_plugin.chemistry.group_lines import group_lines
from xps_stn_plugin.fitting.component_rows import component_rows
from xps_stn_plugin.fitting.noise_kind import AVERAGED, COUNTS
from xps_stn_plugin.models.shapes import SteppedPseudoVoigtModel, hydrocarbon, stepped_pseudo_voigt
from xps_stn_plugin.stacks.clusters import Found, Gathering
from xps_stn_plugin.stacks.fit import fit_rows, noise_rows
from xps_stn_plugin.stacks.global_fit import SUBSAMPLE, series_seed, share, subsample

ENERGY = np.arange(279.0, 296.0, 0.1)
LINES = ("alkyl", "ester_beta", "ester_alkoxy", "ester")
POSITIONS = np.array([285.0, 285.72, 286.79, 289.03])
GROUPS = tuple(group_lines())
LEVELS = 40


def truth(areas, shift=0.0):
    quanta = (0.4, 0.2, 0.4)
    lines = [
        hydrocarbon(ENERGY, area, center + shift, 0.5, 0.2, mean, 0.01)
        for area, center, mean in zip(areas[:3], POSITIONS[:3], quanta, strict=True)
    ]
    return sum(lines) + stepped_pseudo_voigt(ENERGY, areas[3], POSITIONS[3] + shift, 0.5, 0.2, 0.01) + 20


#: An ester that is sputtered away, 1e3 counts in all; from two thirds on its carbonyl is gone.
DEPTH = np.linspace(0, 1, LEVELS)
AREAS = 1000 * np.stack(
    [0.3 + 0.5 * DEPTH, 0.2 * (1 - DEPTH), 0.2 * (1 - DEPTH), 0.2 * np.maximum(1 - 1.5 * DEPTH, 0)], axis=1
)


def profile(random, shifts=0.0):
    moved = np.broadcast_to(shifts, LEVELS)
    return np.array([random.poisson(truth(a, s)) for a, s in zip(AREAS, moved, strict=True)], dtype=float)


@pytest.fixture(scope="module")
def seed():
    made = seeded(counted(30 * truth((2000, 1000, 1000, 1000)), 1), "alkane", "ester (aliphatic)", x=ENERGY)
    # With right shapes the errors are those of the counts.
    for line, quanta in zip(LINES, (0.4, 0.2, 0.4), strict=False):
        made.params[f"{line}_vibration"].value = quanta
    return made


def positions(shared, prefix=""):
    """Positions of the four lines and their standard errors."""
    places = [shared.names.index(f"{prefix}{line}_center") for line in LINES]
    return shared.values[places], shared.stderr[places]


def test_positions_of_a_depth_profile_are_found_and_their_errors_cover(seed):
    off, pulls = [], []
    for draw in range(12):
        shared = share(seed, ENERGY, profile(np.random.default_rng(draw)))
        assert shared.success
        assert shared.redchi == pytest.approx(1.0, abs=0.1)
        values, errors = positions(shared)
        off.append(values - POSITIONS)
        pulls.append((values - POSITIONS) / errors)
    assert np.sqrt(np.mean(np.square(off))) < 0.012
    assert np.mean(np.abs(off) < 0.02) > 0.9
    assert 0.7 < np.sqrt(np.mean(np.square(pulls))) < 1.35
    assert 0.5 < np.mean(np.abs(pulls) < 1) < 0.85


def test_areas_are_unbiased_and_their_errors_cover(seed):
    pulls = []
    for draw in range(8):
        counts = profile(np.random.default_rng(100 + draw))
        fits = share(seed, ENERGY, counts).fit(ENERGY, counts)
        assert fits.success.all()
        columns = [fits.names.index(f"{line}_amplitude") for line in LINES]
        pulls.append((fits.values[:, columns] - AREAS) / fits.stderr[:, columns])
    there = np.array(pulls)[:, :20]
    # Levels share the errors of the positions, so that the mean of all is less certain than their number says.
    assert np.all(np.abs(there.mean(axis=(0, 1))) < 0.35)
    assert there.std() == pytest.approx(1.0, abs=0.15)
    gone = np.array(pulls)[:, 28:, 3]
    assert np.mean(gone > 2.0) < 0.06


def test_areas_are_better_known_than_by_fits_of_their_own(seed):
    counts = profile(np.random.default_rng(5))
    fits = share(seed, ENERGY, counts).fit(ENERGY, counts)
    alone = fit_rows(seed, ENERGY, counts, rescale=True)
    for line in LINES[:3]:
        ours, theirs = (one.stderr[:20, one.names.index(f"{line}_amplitude")] for one in (fits, alone))
        assert np.nanmedian(ours) < np.nanmedian(theirs)


def test_shared_parameters_are_those_of_one_fit_of_all_spectra(seed):
    """Against scipy's least squares with every parameter of three spectra in one vector."""
    from scipy.optimize import least_squares

    counts = profile(np.random.default_rng(6))[:3]
    noise = np.sqrt(np.maximum(counts, 1.0))
    shared = share(seed, ENERGY, counts, noise=noise)
    fits = shared.fit(ENERGY, counts, noise=noise)
    params = shared.seed.params
    own = [name for name in fits.free if name not in shared.names]

    def residual(vector):
        parts = []
        for i, row in enumerate(counts):
            values = dict(zip(shared.names, vector, strict=False))
            values.update(zip(own, vector[len(shared.names) + i * len(own) :], strict=False))
            moved = params.copy()
            for name, value in values.items():
                moved[name].set(value=value)
            parts.append((shared.seed.model.eval(moved, x=ENERGY) - row) / np.sqrt(np.maximum(row, 1.0)))
        return np.concatenate(parts)

    places = [fits.names.index(name) for name in own]
    start = np.concatenate([shared.values, fits.values[:, places].ravel()])
    low = [params[name].min for name in shared.names] + [params[name].min for name in own] * 3
    high = [params[name].max for name in shared.names] + [params[name].max for name in own] * 3
    whole = least_squares(residual, np.clip(start, low, high), bounds=(low, high), x_scale="jac", max_nfev=8)
    assert 2 * whole.cost == pytest.approx(fits.chisqr.sum(), rel=1e-5)
    count = len(shared.names)
    assert np.all(np.abs(whole.x[:count] - shared.values) < 0.05 * shared.stderr)
    redchi = 2 * whole.cost / (counts.size - whole.x.size)
    errors = np.sqrt(np.diag(np.linalg.inv(whole.jac.T @ whole.jac)) * redchi)
    assert shared.stderr == pytest.approx(errors[:count], rel=0.02)
    areas = [i for i, name in enumerate(own) if name.endswith("amplitude")]
    # A level's own noise is scaled by its own chi-square, what the positions bring by that of the series.
    by_series = errors[count:].reshape(3, -1)[:, areas]
    by_level = by_series * np.sqrt(fits.redchi / redchi)[:, None]
    found = fits.stderr[:, [places[i] for i in areas]]
    assert np.all(found > 0.98 * np.minimum(by_series, by_level))
    assert np.all(found < 1.02 * np.maximum(by_series, by_level))


def test_errors_of_shifts_are_taken_into_account(seed):
    pulls, moved = [], []
    for draw in range(8):
        random = np.random.default_rng(200 + draw)
        shifts = random.normal(0, 0.08, LEVELS)
        counts = profile(random, shifts)
        shared = share(seed, ENERGY, counts, shift_stderr=0.08)
        values, errors = positions(shared, "shared_")
        pulls.append((values - POSITIONS) / errors)
        fits = shared.fit(ENERGY, counts, shift_stderr=0.08)
        moved.append(fits.column("displacement") - shifts)
    assert 0.6 < np.sqrt(np.mean(np.square(pulls))) < 1.5
    assert np.std(moved) < 0.03


def test_calibrated_axes_differ_by_the_shift(seed):
    random = np.random.default_rng(3)
    shifts = np.linspace(-1.5, 1.5, LEVELS)
    shared = share(seed, ENERGY, profile(random, shifts), shifts)
    values, _ = positions(shared)
    assert values == pytest.approx(POSITIONS, abs=0.04)


def test_long_series_share_what_a_subsample_shows():
    assert subsample(10).tolist() == list(range(10))
    chosen = subsample(10_000)
    assert len(chosen) == SUBSAMPLE
    assert (chosen[0], chosen[-1]) == (0, 9999)
    assert set(np.diff(chosen)) <= {19, 20}


def gathering(counts, groups, shifts):
    probabilities = np.array([[0.97 if name in own else 0.02 for name in GROUPS] for own in groups])
    status = np.zeros(len(counts), dtype=np.int8)
    errors = np.full(len(counts), 0.05)
    known = Found(GROUPS, ModelInfo("test", "0", ""), np.asarray(shifts, float), errors, probabilities, status)
    made = Gathering("C1s", "C1s", ENERGY, {"intensity": "counts", "region": "C1s"})
    made.add(counts, known)
    return made


def test_a_series_is_seeded_with_the_lines_of_all_its_sets():
    counts = profile(np.random.default_rng(4))
    groups = [["alkane", "ester (aliphatic)"]] * 12 + [["alkane"]] * 28
    found = series_seed(gathering(counts, groups, np.zeros(LEVELS)), Settings())
    assert [component.prefix for component in found.components] == [f"{line}_" for line in LINES]
    assert not any(name.endswith("_ratio") for name in found.params)
    shared = share(found, ENERGY, counts)
    table = component_rows(shared.seed, shared.fit(ENERGY, counts))
    assert table.names[3] == "C1s O-C=O"
    assert table.area[:10, 3] == pytest.approx(AREAS[:10, 3], abs=60)
    assert np.ptp(table.center[:, 3]) == pytest.approx(0.0, abs=1e-9)


def test_rows_without_data_are_flagged(seed):
    counts = profile(np.random.default_rng(7))
    counts[2], counts[5] = np.nan, 0.0
    shared = share(seed, ENERGY, counts)
    assert shared.spectra == LEVELS - 2
    fits = shared.fit(ENERGY, counts)
    assert np.flatnonzero(~fits.success).tolist() == [2, 5]


def test_nothing_to_fit_and_nothing_to_share_are_refused(seed):
    with pytest.raises(PrefitError, match="none of 3 spectra"):
        share(seed, ENERGY, np.zeros((3, ENERGY.size)))
    model = SteppedPseudoVoigtModel(prefix="a_") + LinearModel(prefix="bg_")
    params = model.make_params(a_amplitude=100, a_center=285, a_sigma=0.5, bg_slope=0, bg_intercept=20)
    for name in ("a_center", "a_sigma", "a_fraction"):
        params[name].vary = False
    fixed = Seed("C1s", model, params, (SeedComponent("a_", "C1s a"),), "linear")
    with pytest.raises(PrefitError, match="no free position or width"):
        share(fixed, ENERGY, profile(np.random.default_rng(8)))


def test_shared_fit_says_what_the_noise_of_each_spectrum_is(seed):
    counts = profile(np.random.default_rng(3))
    shared = share(seed, ENERGY, counts)
    averaged = counts.copy()
    averaged[1] = np.round(np.random.default_rng(4).poisson(9 * truth(AREAS[1])) / 9)
    attrs = {"intensity": "counts"}
    plain, other = (shared.fit(ENERGY, rows, noise=noise_rows(rows, attrs)) for rows in (counts, averaged))
    assert (plain.noise == COUNTS).all()
    assert other.noise[:3].tolist() == [COUNTS, AVERAGED, COUNTS]
