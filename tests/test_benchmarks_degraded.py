"""What the alterations do, and how differential charging is read."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.alterations import (
    SATELLITES,
    Condition,
    all_conditions,
    background,
    coarser,
    contaminated,
    cut,
    noisy,
    only,
    unmonochromated,
    wider,
    without_region,
)
from benchmarks.cases import ascending, averaged, broadened, columns, without_nan
from benchmarks.degraded import Outcome, figures, outcomes, recovery
from benchmarks.polymers import Polymer
from xps_stn_plugin.stn.weights import shipped_weights

AXIS = np.round(np.arange(280.0, 292.05, 0.1), 1)


def gauss(center: float, fwhm: float = 1.0) -> np.ndarray:
    return columns(AXIS + round(center - 285.0), np.exp(-4 * np.log(2) * ((AXIS - 285.0) / fwhm) ** 2))


def regions() -> dict[str, np.ndarray]:
    return {"C1s": gauss(285.0), "O1s": gauss(532.0)}


def width(rows: np.ndarray) -> float:
    above = rows[rows[:, 1] >= rows[:, 1].max() / 2, 0]
    return float(above[-1] - above[0])


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def area(rows: np.ndarray) -> float:
    return float(np.trapezoid(rows[:, 1], rows[:, 0]))


@pytest.mark.parametrize("step", [0.05, 0.2, 0.5])
def test_other_steps_keep_area_and_place(step):
    rows = coarser(step)(regions(), rng())["C1s"]
    np.testing.assert_allclose(np.diff(rows[:, 0]), step)
    assert rows[:, 1].sum() * step == pytest.approx(area(gauss(285.0)), rel=1e-3)
    assert np.average(rows[:, 0], weights=rows[:, 1]) == pytest.approx(285.0, abs=0.01)


def test_broadening_reaches_the_width_it_promises_and_keeps_the_area():
    for fwhm in (1.2, 2.0, 2.5):
        rows = wider(fwhm)(regions(), rng())["C1s"]
        assert width(rows) == pytest.approx(fwhm, abs=0.21)
        assert area(rows) == pytest.approx(area(gauss(285.0)), rel=2e-3)
    np.testing.assert_array_equal(broadened(gauss(285.0), 0.0), gauss(285.0))
    exact = broadened(averaged(gauss(285.0), 0.01), 1.0)
    assert width(exact) == pytest.approx(np.sqrt(2.0), abs=0.03)


def test_counts_have_poisson_noise():
    rows = noisy(1e4)(regions(), rng())["C1s"]
    flat = rows[np.abs(rows[:, 0] - 285) > 3, 1]
    assert flat.mean() == pytest.approx(1000, rel=0.02)
    assert flat.std() == pytest.approx(np.sqrt(1000), rel=0.25)
    assert rows[:, 1].max() == pytest.approx(11000, rel=0.05)


def test_backgrounds_lie_on_the_side_they_should():
    ends = {}
    for name, change in {
        "flat": background(0.5),
        "rising": background(0.3, slope=0.5),
        "step": background(0.1, step=0.6),
    }.items():
        rows = change(regions(), rng())["C1s"]
        ends[name] = rows[:5, 1].mean(), rows[-5:, 1].mean()
    assert ends["flat"][0] == pytest.approx(ends["flat"][1], rel=0.05)
    assert ends["rising"][1] / ends["rising"][0] == pytest.approx(0.8 / 0.3, rel=0.1)
    assert ends["step"][1] / ends["step"][0] == pytest.approx(0.7 / 0.1, rel=0.1)


@pytest.mark.parametrize("source", ["Al", "Mg"])
def test_satellites_lie_at_lower_binding_energy(source):
    rows = unmonochromated(source, 14.0, width=False)(regions(), rng())["C1s"]
    for below, share in SATELLITES[source][:2]:
        height = np.interp(285.0 - below, rows[:, 0], rows[:, 1])
        assert share <= height < 1.25 * share
    assert np.interp(288.4, rows[:, 0], rows[:, 1]) < 1e-6
    assert width(unmonochromated(source, 14.0, width=True)(regions(), rng())["C1s"]) > width(rows)


def test_contamination_has_its_share_and_only_in_carbon():
    before = {"C1s": gauss(287.0), "O1s": gauss(532.0)}
    after = contaminated(0.2, gauss(285.0))(before, rng())
    assert area(before["C1s"]) / area(after["C1s"]) == pytest.approx(0.8, rel=1e-3)
    np.testing.assert_array_equal(after["O1s"], before["O1s"])


def test_regions_and_windows_are_cut():
    assert list(only("C1s")(regions(), rng())) == ["C1s"]
    assert list(without_region("C1s")(regions(), rng())) == ["O1s"]
    rows = cut(1.0)(regions(), rng())["C1s"]
    assert rows[0, 0] == pytest.approx(283.0, abs=0.15)
    assert rows[-1, 0] == pytest.approx(287.0, abs=0.15)


def polymers() -> tuple[Polymer, ...]:
    line = gauss(285.0)
    ester = {"C1s": line + np.c_[np.zeros(len(line)), 0.3 * np.roll(line[:, 1], 40)], "O1s": gauss(532.0)}
    return (Polymer("HDPE", {"C1s": line}, frozenset({"alkane"})), Polymer("E", ester, frozenset({"alkane"})))


def test_every_condition_leaves_something_to_ask_and_names_are_unique():
    conditions = all_conditions(polymers())
    assert conditions[0].name == "unaltered"
    assert len({(condition.family, condition.name) for condition in conditions}) == len(conditions) >= 30
    for condition in conditions:
        changed = condition.change(ascending(polymers()[1].regions), rng())
        assert changed
        for rows in changed.values():
            assert np.isfinite(rows).all()
            assert (np.diff(rows[:, 0]) > 0).all()


def test_shifts_are_the_same_in_every_condition_and_differential_charge_moves_the_others():
    trained = shipped_weights()
    plain = list(outcomes(polymers(), Condition("a", "unaltered"), trained, 2, seed=1))
    charged = list(outcomes(polymers(), Condition("a", "x", differential=0.3), trained, 2, seed=1))
    assert [row.baseline_error for row in plain] == pytest.approx([row.baseline_error for row in charged])
    assert plain[0].applied == {}
    assert {abs(row.applied["O1s"]) for row in charged[2:]} == {0.3}
    assert set(charged[2].disagreement) == {"O1s"}
    found = figures(Condition("a", "unaltered"), plain)
    assert found["spectra"] == 4
    assert found["baseline"]["median"] == pytest.approx(0.0, abs=0.06)


def outcome(applied: float, said: float) -> Outcome:
    return Outcome("p", 0.0, 0.1, "ok", 0.0, frozenset(), frozenset(), {"O1s": applied}, {"O1s": said}, {"O1s": said})


def test_recovery_takes_out_what_a_region_disagrees_by_anyway():
    before = [outcome(0.0, 0.5), outcome(0.0, -0.1)]
    after = [outcome(0.2, 0.66), outcome(-0.2, -0.26)]
    (region, total) = recovery(Condition("a", "x", differential=0.2), after, before)
    assert region["region"] == "O1s"
    assert region["seen"] == pytest.approx(0.8)
    assert region["bias"] == pytest.approx((0.46 - 0.06) / 2)
    assert region["rms of saying 0"] == pytest.approx(0.2)
    assert total["region"] == "all"


def test_records_have_no_nan():
    assert without_nan({"a": [1.5, float("nan")], "b": ({"c": float("inf")}, "nan", 3)}) == {
        "a": [1.5, None],
        "b": [{"c": None}, "nan", 3],
    }
