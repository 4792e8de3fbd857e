from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from scipy.stats import chi2

from benchmarks.doublet_design import COUNTS, PAIRS, RATIOS, SEPARATIONS, Cell, Lines, Sample, cells, main_line, samples
from benchmarks.doublet_limits import FALSE_ALARMS, covariance, ideal, jacobian, limits, noncentrality, power
from benchmarks.doublets import FittedLines, Row, Verdict, baseline, bounds, figures, main, seeded_fit, verdict
from xps_prefit_hooks import PrefitError

ENERGY = np.arange(279.0, 294.0, 0.05)


def lines(centers: list[float], areas: list[float], fwhm: float = 1.0, fraction: float = 0.0, **other: float) -> Lines:
    background = {"base": 0.0, "slope": 0.0, "step": None} | other
    return Lines(
        np.array(centers), np.array(areas), fwhm, fraction, background["base"], background["slope"],
        background["step"], (0,) * len(centers),
    )  # fmt: skip


def sample(truth: Lines, counts: np.ndarray | None = None) -> Sample:
    measured = truth.curve(ENERGY) if counts is None else counts
    return Sample("blind", Cell(1.0, 1, 1000), 0, (), truth, np.zeros_like(ENERGY), ENERGY, measured)


def free(truth: Lines, which: list[int]) -> np.ndarray:
    """Standard errors where only some parameters are free."""
    vector = truth.vector()
    derivatives = jacobian(lambda values: truth.moved(values).curve(ENERGY), vector)[:, which]
    return np.sqrt(np.diag(covariance(derivatives, truth.curve(ENERGY) + 1e-6)))


@pytest.mark.parametrize(("fraction", "factor"), [(0.0, 1 / 2.3548), (1.0, 0.7071)])
def test_the_bound_of_one_line_is_the_closed_form(fraction: float, factor: float) -> None:
    # Gaussian FWHM / (2.355 sqrt N), Lorentzian 0.707 FWHM / sqrt N, no background; the channels lie within 7 eV.
    number = 1e4
    truth = lines([286.5], [number * 0.05], fwhm=1.2, fraction=fraction)
    assert free(truth, [0])[0] == pytest.approx(factor * 1.2 / np.sqrt(number), rel=0.02)


@pytest.mark.parametrize(
    ("separation", "number", "error"),
    [(0.3, 1e3, 0.44), (0.3, 1e4, 0.14), (0.5, 1e3, 0.13), (0.5, 1e4, 0.04), (0.8, 1e3, 0.05), (0.8, 1e4, 0.016)],
)
def test_the_bound_of_two_equal_lines_is_the_one_computed_before(
    separation: float, number: float, error: float
) -> None:
    # Two equal pseudo-Voigts of FWHM 1.0, 30 % Lorentzian, on a background of 2 % of their height, all of it unknown;
    # `number` counts in both together. From an independent calculation, given to two digits.
    area = number * 0.05 / 2
    truth = lines([286.5 - separation / 2, 286.5 + separation / 2], [area, area], fraction=0.3, base=0.018 * area)
    assert free(truth, list(range(8)))[0] == pytest.approx(error, rel=0.1)


def test_an_identical_pair_is_told_apart_as_often_as_a_singlet_is_split() -> None:
    assert power(0.0) == pytest.approx((FALSE_ALARMS, FALSE_ALARMS))
    assert power(1e-9) == pytest.approx((FALSE_ALARMS, FALSE_ALARMS), abs=1e-4)
    pair = lines([286.5, 286.5], [500.0, 500.0], fraction=0.2, base=100.0)
    assert noncentrality(sample(pair)) == pytest.approx(0.0, abs=1e-3)


def test_power_grows_with_the_distance_and_stays_below_that_of_a_known_doublet() -> None:
    values = [power(x) for x in (0.5, 2.0, 8.0, 30.0)]
    assert values == sorted(values)
    assert all(ratio < ceiling for ratio, ceiling in values)


def test_power_is_what_the_fits_of_many_spectra_reach() -> None:
    # Likelihood-ratio decisions at the nominal threshold, true against predicted share.
    truth = lines([286.2, 286.8], [200.0, 67.0], fwhm=1.0, fraction=0.2, base=50.0)
    rng = np.random.default_rng(4)
    gains = [ideal(sample(truth, rng.poisson(truth.curve(ENERGY)).astype(float)))[1] for _ in range(150)]
    told = np.mean(np.array(gains) > chi2.isf(FALSE_ALARMS, 2))
    assert 0.2 < limits(sample(truth)).power < 0.95
    assert told == pytest.approx(limits(sample(truth)).power, abs=0.12)


def test_known_positions_lower_the_bound_and_never_below_nothing() -> None:
    truth = lines([286.3, 286.6], [300.0, 300.0], fraction=0.2, base=50.0)
    bound = limits(sample(truth))
    assert bound.center_told < bound.center
    assert bound.center_told < 0.112  # scatter and axis error, without any measurement


def test_errors_are_those_of_the_peaks_by_energy_and_of_the_truly_larger_one() -> None:
    truth = lines([285.0, 286.0], [100.0, 300.0])
    found = verdict(truth, FittedLines([286.1, 284.9], [200.0, 200.0], [1.2, 1.0]))
    assert found.called == 2
    assert found.energy == pytest.approx((-0.1, 0.1))
    assert found.share == pytest.approx(0.5 - 0.75)
    assert found.fwhm == pytest.approx(0.1)


def test_components_below_one_percent_do_not_count() -> None:
    truth = lines([285.0, 286.0], [100.0, 300.0])
    assert verdict(truth, FittedLines([285.0, 286.0, 289.0], [100.0, 300.0, 3.0], [1.0] * 3)).called == 2
    assert verdict(truth, FittedLines([285.0, 286.0, 289.0], [100.0, 300.0, 5.0], [1.0] * 3)) == Verdict(3)
    assert verdict(truth, FittedLines([285.5], [400.0], [1.4])) == Verdict(1)


def test_a_singlet_called_doublet_has_no_errors() -> None:
    assert verdict(lines([285.0], [100.0]), FittedLines([285.0, 286.0], [60.0, 40.0], [1.0, 1.0])) == Verdict(2)


def test_figures_count_singlets_doublets_and_errors_apart() -> None:
    doublet, singlet = Cell(1.0, 1, 1000), Cell(0.0, 1, 1000)
    bound = limits(sample(lines([286.0, 287.0], [100.0, 100.0], base=10.0)))
    verdicts = [Verdict(2, (-0.1, 0.3), 0.1, 0.0), Verdict(2, (0.1, 0.1), -0.1, 0.2), Verdict(1), Verdict(3)]
    rows = [Row("blind", doublet, {"ours": v}, bound) for v in verdicts]
    rows += [Row("blind", singlet, {"ours": v}, None) for v in (Verdict(1), Verdict(1), Verdict(1), Verdict(2))]
    said = figures(rows, "ours")
    assert (said["doublets"], said["called singlets"], said["over-split"]) == (4, 0.25, 0.25)
    assert (said["singlets"], said["singlets split"]) == (4, 0.25)
    assert said["energy bias"] == pytest.approx(0.1)
    assert said["energy random"] == pytest.approx(np.std([-0.1, 0.3, 0.1, 0.1], ddof=1))
    assert said["energy random within cells"] == pytest.approx(np.sqrt(0.02))
    assert said["separation bias"] == pytest.approx(0.2)
    assert said["share random"] == pytest.approx(np.sqrt(0.02))
    assert bounds(rows)["power"] == pytest.approx(bound.power)


def test_nothing_called_a_doublet_gives_no_errors() -> None:
    said = figures([Row("blind", Cell(0.3, 1, 1000), {"ours": Verdict(1)}, None)], "ours")
    assert said["energy bias"] is None
    assert said["called singlets"] is None


def test_the_design_crosses_all_levels_and_both_sides() -> None:
    assert len(cells()) == len(set(cells())) == len(SEPARATIONS) * len(RATIOS) * len(COUNTS)
    drawn = [one for one in samples("told", 8, 1) if one.cell == Cell(1.0, 8, 10_000)]
    sides = {(one.groups, int(np.argmax(one.truth.areas))) for one in drawn}
    assert sides == {(pair, side) for pair in PAIRS[1.0] for side in (0, 1)}


def test_spectra_are_what_the_cell_says() -> None:
    for one in samples("told", 1, 3):
        bare = replace(one.truth, base=0.0, slope=0.0, step=None).curve(one.energy)
        assert bare.max() == pytest.approx(one.cell.counts, rel=1e-6)
        assert np.ptp(one.truth.centers) == pytest.approx(one.cell.separation)
        assert one.truth.areas.max() / one.truth.areas.min() == pytest.approx(one.cell.ratio)
        assert abs(np.mean(one.truth.centers) - np.mean([main_line(g).position for g in one.groups])) < 0.5


def test_spectra_are_the_same_for_the_same_seed_and_new_in_each_set() -> None:
    first, again = list(samples("blind", 2, 5)), list(samples("blind", 2, 5))
    assert all(np.array_equal(a.counts, b.counts) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0].counts, first[60].counts[: first[0].counts.size])


def test_pairs_are_as_far_apart_in_the_table_as_their_level_says() -> None:
    for separation, pairs in PAIRS.items():
        for low, high in pairs:
            assert main_line(high).position - main_line(low).position == pytest.approx(separation, abs=0.1001)


def test_a_group_without_a_carbon_line_is_named() -> None:
    with pytest.raises(PrefitError, match="no C 1s line of 'alkyl halide'"):
        main_line("alkyl halide")


@pytest.mark.parametrize("method", [seeded_fit, baseline])
def test_a_clear_doublet_is_found_by_every_method(method) -> None:
    one = next(s for s in samples("blind", 1, 1) if s.cell == Cell(2.0, 1, 100_000) and s.truth.step is None)
    said = verdict(one.truth, method(one))
    assert said.called == 2
    assert said.energy == pytest.approx((0.0, 0.0), abs=0.02)


def test_a_doublet_that_the_fit_starts_from_comes_back() -> None:
    one = next(s for s in samples("told", 1, 1) if s.cell == Cell(1.0, 2, 100_000))
    best, gain = ideal(one)
    assert gain > 1000
    assert best.centers == pytest.approx(one.truth.centers, abs=5 * limits(one).center)


@pytest.mark.slow
def test_the_command_writes_figures_and_picture(tmp_path) -> None:
    out, picture = tmp_path / "doublets.json", tmp_path / "doublets.png"
    arguments = ["--sets", "1", "--run", "blind", "--json", str(out), "--plot", str(picture)]
    printed = CliRunner().invoke(main, arguments, catch_exceptions=False).output
    assert "blind, whole design" in printed
    assert "experts" in printed
    record = json.loads(out.read_text())
    whole = record["results"]["blind"]["whole design"]
    assert whole["ours"]["doublets"] == 48
    assert whole["ours"]["singlets"] == 12
    assert len(record["results"]["blind"]["cells"]) == 51
    missed = [row["doublets called singlets"] for row in record["results"]["blind"]["thresholds"]]
    assert missed == sorted(missed)
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("bonds", [(0, 0), (2, 0), (2, 3)])
@pytest.mark.parametrize("step", [None, 0.03])
def test_parameters_go_into_a_vector_and_back(bonds, step) -> None:
    one = Lines(np.array([285.0, 286.0]), np.array([3.0, 2.0]), 1.1, 0.2, 5.0, 0.1, step, bonds, 0.2)
    again = one.moved(one.vector())
    assert again.curve(ENERGY) == pytest.approx(one.curve(ENERGY))
    assert (again.step, again.bonds) == (step, bonds)


def test_a_vibrating_line_lies_above_its_first_member() -> None:
    # Mean of the progression: quanta for each bond times bonds times 0.39 eV.
    one = Lines(np.array([286.0]), np.array([1.0]), 0.5, 0.0, 0.0, 0.0, None, (2,), 0.2)
    curve = one.curve(ENERGY)
    assert (curve * ENERGY).sum() / curve.sum() == pytest.approx(286.0 + 2 * 0.2 * 0.39, abs=2e-3)
