"""Line lists of materials, and spectra drawn from them."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import benchmarks
from benchmarks.drawn_samples import (
    CHARGES,
    MEMBERS,
    Instrument,
    Peak,
    adventitious,
    charged,
    covered,
    expected,
    hydrocarbon,
    line_peaks,
    polymer_peaks,
    pseudo_voigt,
    recorded,
    spans,
)
from benchmarks.line_lists import MAXIMUM_ABOVE_FIRST_MEMBER, ON_OUR_SCALE, levels, line, materials, polymers
from xps_prefit_hooks import PrefitError

QUIET = Instrument(1.0, 0.2, 0.1, 1e5, 0.05, {}, 0.0, (6.0, 6.0))


def test_materials_are_many_of_all_classes_and_have_sources():
    names = [material.name for material in materials()]
    assert len(names) == len(set(names)) >= 40
    classes = {material.kind for material in materials()}
    assert {"metal", "oxide", "nitride", "sulfide", "sulfate", "carbonate", "halide", "phosphate"} <= classes
    assert {"silicate", "battery", "carbon", "carbide", "perovskite", "hybrid"} <= classes
    assert all(len(material.source) > 10 for material in (*materials(), *polymers().values()))


def test_drawing_does_not_use_the_simulator_of_the_training():
    folder = Path(benchmarks.__file__).parent
    for name in ("line_lists", "drawn_samples", "trap_cases", "materials", "traps", "answering", "cases"):
        tree = ast.parse((folder / f"{name}.py").read_text(encoding="utf-8"))
        imported = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        imported += [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
        assert not [module for module in imported if "simulate" in module], name


def test_an_energy_of_the_tables_is_moved_from_the_maximum_to_the_first_member():
    by_name = {material.name: material for material in materials()}
    oxide = by_name["TiO2"].lines[0]
    assert oxide.energy == pytest.approx(529.9 + 285.0 + MAXIMUM_ABOVE_FIRST_MEMBER - 284.8)
    assert polymers()["PMMA"].lines[0].energy == 285.0


def test_a_level_that_is_not_in_the_list_is_refused():
    with pytest.raises(PrefitError, match="Zz9s is not one of"):
        line("Zz9s", 100.0, 1.0, 1.0)
    with pytest.raises(PrefitError, match="positive"):
        line("O1s", 530.0, 1.0, 0.0)


@pytest.mark.parametrize("seed", range(8))
def test_hydrocarbon_has_its_maximum_where_the_scale_puts_it(seed):
    peaks = hydrocarbon(1.0, 1.25, np.random.default_rng(seed))
    axis = np.arange(283.0, 288.0, 0.001)
    curve = sum(pseudo_voigt(axis, peak, 1.0, 0.2) for peak in peaks)
    assert len(peaks) in (1, MEMBERS)
    assert axis[curve.argmax()] == pytest.approx(285.0 + MAXIMUM_ABOVE_FIRST_MEMBER, abs=0.035)
    assert sum(peak.area for peak in peaks) == pytest.approx(1.0)


@given(fwhm=st.floats(0.4, 3.0), share=st.floats(0.0, 0.5), asymmetry=st.sampled_from([0.0, 0.15, 0.3]))
@settings(max_examples=30, deadline=None)
def test_a_line_has_its_area_and_width(fwhm, share, asymmetry):
    axis = np.arange(-80.0, 80.0, 0.01) * fwhm
    curve = pseudo_voigt(axis, Peak("C1s", 0.0, 2.0, fwhm, asymmetry), 1.0, share)
    assert curve.sum() * (axis[1] - axis[0]) == pytest.approx(2.0, rel=0.02 if not asymmetry else 0.15)
    above = axis[curve >= curve.max() / 2]
    assert np.ptp(above) == pytest.approx(fwhm, rel=0.03 if not asymmetry else 0.1)
    if asymmetry:
        assert above.max() > -above.min()


def test_a_doublet_has_its_splitting_and_ratio():
    first, second = line_peaks([line("K2p", 293.0, 1.0, 1.2)], 1.0, np.random.default_rng(1))
    assert second.energy - first.energy == pytest.approx(2.77)
    assert second.area / first.area == pytest.approx(0.5)
    assert first.window == "C1s"


def test_adventitious_carbon_is_hydrocarbon_mostly_with_oxygen_for_its_oxidised_parts():
    for seed in range(20):
        peaks = adventitious(1.0, np.random.default_rng(seed))
        carbon = [peak for peak in peaks if peak.window == "C1s"]
        oxygen = [peak for peak in peaks if peak.window == "O1s"]
        assert sum(peak.area for peak in carbon) == pytest.approx(1.0)
        assert sum(peak.area for peak in carbon if peak.energy < 286.3) > 0.55
        assert all(531.4 < peak.energy < 533.8 for peak in oxygen)
        assert 0.0 < sum(peak.area for peak in oxygen) / levels()["O1s"].sensitivity < 1.0


def test_every_material_can_be_recorded_in_whole_windows():
    for material in (*materials(), *polymers().values()):
        rng = np.random.default_rng([1, *material.name.encode()])
        instrument = Instrument.draw(material.windows, rng)
        sample = covered(material, rng) if material.kind != "polymer" else polymer_peaks(material, rng)
        regions = recorded(charged(sample, 3.0), material.windows, instrument, rng)
        assert set(regions) == set(material.windows)
        for rows in regions.values():
            assert (np.diff(rows[:, 0]) > 0).all()
            assert (rows[:, 1] >= 0).all()
            assert rows[:, 1].max() > 0


def test_counts_are_those_of_the_highest_channel_and_the_background_steps_up():
    peaks = [Peak("C1s", 285.0, 1.0, 1.2), Peak("O1s", 532.0, 3.0, 1.4)]
    rows = expected(peaks, spans(peaks, ("C1s", "O1s"), QUIET), QUIET, np.random.default_rng(1))
    base = rows["O1s"][:10, 1].mean()
    assert rows["O1s"][:, 1].max() - base == pytest.approx(1e5, rel=0.1)
    assert rows["C1s"][-10:, 1].mean() > rows["C1s"][:10, 1].mean()


def test_charge_moves_every_line_by_the_same():
    peaks = covered(materials()[10], np.random.default_rng(3))
    moved = charged(peaks, CHARGES[1])
    assert {round(b.energy - a.energy, 9) for a, b in zip(peaks, moved, strict=True)} == {CHARGES[1]}


def test_materials_keep_the_scale_that_adventitious_carbon_gives():
    tops = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        peaks = adventitious(1.0, rng)
        rows = expected(peaks, spans(peaks, ("C1s",), QUIET), QUIET, rng)["C1s"]
        tops.append(rows[rows[:, 1].argmax(), 0])
    assert np.mean(tops) == pytest.approx(284.8 + ON_OUR_SCALE, abs=0.03)
