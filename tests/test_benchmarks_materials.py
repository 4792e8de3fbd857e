"""The benchmarks of inorganic materials and of traps: figures from answers, and answers from spectra."""

from __future__ import annotations

import math
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks import materials as materials_benchmark
from benchmarks import traps as traps_benchmark
from benchmarks.answering import Answer, answered, asked_with, highest_channel, networks
from benchmarks.cases import tree
from benchmarks.line_lists import materials
from benchmarks.trap_cases import KINDS, OF_AIR, Trap, traps, two_domains
from xps_prefit_hooks import ModelInfo
from xps_stn_plugin.chemistry.groups import group_names
from xps_stn_plugin.stn.weights import load_weights, save_weights, shipped_weights


def answer(status: str = "ok", shift: float = 1.0, groups: tuple[str, ...] = (), stderr: float = 0.05) -> Answer:
    return Answer(status, shift, stderr, groups, (), ())


def row(status: str, error: float, false: tuple[str, ...] = ()) -> materials_benchmark.Row:
    return materials_benchmark.Row("m", "oxide", 2.0, 1e3, answer(status, 2.0 + error), 2.1, false, ())


def test_figures_of_materials_count_ok_off_and_false_groups():
    members = [row("ok", 0.05, ("alkane",)), row("ok", -0.4, ("alkane", "benzene ring")), row("uncertain", 3.0)]
    found = materials_benchmark.figures([*members, row("out_of_domain", math.nan)])
    assert found["ok"] == 0.5
    assert found["ok and off"] == 0.25
    assert found["median"] == pytest.approx(0.225)
    assert found["bias"] == pytest.approx(-0.175)
    assert found["within 2 stderr"] == 0.5
    assert found["false groups"] == 1.5
    assert found["false groups but alkane"] == 0.5
    assert found["rule median"] == pytest.approx(0.1)


def test_figures_of_materials_without_any_ok_are_no_numbers():
    found = materials_benchmark.figures([row("uncertain", 0.0)])
    assert found["ok"] == found["ok and off"] == 0.0
    assert math.isnan(found["median"])
    assert math.isnan(found["false groups"])


def test_draws_of_a_material_do_not_depend_on_the_list():
    chosen = [material for material in materials() if material.name in ("TiO2", "NaCl")]
    both = list(materials_benchmark.rows(chosen, 1, 3))
    alone = list(materials_benchmark.rows(chosen[1:], 1, 3))
    assert both[1] == alone[0]
    assert np.isfinite(both[0].rule)


def trap_row(status: str, error: float, false: tuple[str, ...] = (), furthest: float = math.nan):
    return traps_benchmark.Row("cut window", "x", answer(status), error, furthest, false)


def test_an_ok_with_a_wrong_shift_or_a_false_group_is_wrong():
    assert trap_row("ok", 0.31).wrong
    assert trap_row("ok", 0.0, ("nitrile",)).wrong
    assert not trap_row("ok", 0.29).wrong
    assert not trap_row("uncertain", 5.0, ("nitrile",)).wrong


def test_an_error_bar_has_to_cover_mean_and_domains():
    members = [trap_row("ok", 0.02, furthest=0.3), trap_row("ok", 0.2, furthest=0.4), trap_row("uncertain", 1, (), 1.0)]
    found = traps_benchmark.figures([*members, trap_row("ok", 0.9)])
    assert found["ok, mean outside"] == pytest.approx(1 / 3)
    assert found["ok, a domain outside"] == pytest.approx(2 / 3)
    assert found["ok and wrong"] == 0.25


def test_the_total_of_traps_leaves_out_samples_without_one():
    control = replace(trap_row("ok", 0.9), kind=traps_benchmark.CONTROL)
    kinds = traps_benchmark.by_kind([trap_row("ok", 0.0), control])
    assert len(kinds["total"]) == 1
    assert set(kinds) == {"cut window", traps_benchmark.CONTROL, "total"}


def test_every_kind_of_trap_can_be_drawn_with_a_truth_that_names_groups():
    cases = traps(3, 5)
    assert len(cases) == 3 * len(KINDS)
    assert traps_benchmark.CONTROL in KINDS
    assert len(KINDS) - 1 >= 12
    for trap in cases:
        assert trap.groups | trap.excused <= set(group_names())
        assert all(-7.0 < charge < 13.0 for charge in trap.charges)
        assert len(trap.charges) == (2 if trap.kind == "several samples" else 1)
        assert all(len(rows) >= 8 for rows in trap.regions.values()), trap.name
    assert set(group_names()) >= OF_AIR


def test_traps_are_the_same_for_the_same_seed():
    first, second = traps(1, 7), traps(1, 7)
    for one, other in zip(first, second, strict=True):
        assert one.charges == other.charges
        assert all(np.array_equal(one.regions[name], other.regions[name]) for name in one.regions)


@pytest.mark.parametrize("distance", [0.5, 1.0])
def test_two_domains_have_their_mean_as_truth(distance):
    trap = two_domains("two", distance, np.random.default_rng(4))
    low, high = trap.domains
    assert high - low == pytest.approx(distance)
    assert low + 0.29 * distance < trap.charges[0] < low + 0.71 * distance


def test_two_samples_of_a_file_keep_their_names_and_levels():
    trap = next(trap for trap in traps(4, 2) if trap.kind == "several samples" and trap.samples)
    spectrum = trap.spectrum()
    assert {child.attrs["sample"] for child in spectrum.children.values()} == {"A", "B"}
    assert spectrum["C1s_2"].attrs["region"] == "C1s"


def polymer_trap(as_file: bool) -> Trap:
    trap = next(trap for trap in traps(6, 2) if trap.kind == "no trap")
    return replace(trap, as_file=as_file)


def test_a_trap_reads_the_same_from_a_file():
    tree_row, file_row = traps_benchmark.rows([polymer_trap(False), polymer_trap(True)], False)
    assert file_row.answer.shift == pytest.approx(tree_row.answer.shift, abs=1e-3)
    assert file_row.answer.status == tree_row.answer.status


def test_weights_are_asked_through_the_public_contract():
    shipped = shipped_weights()
    other = replace(shipped, info=ModelInfo("other", "1", "0"), calibration=replace(shipped.calibration, blur=2.0))
    spectrum = polymer_trap(False).spectrum()
    plain = answered(spectrum)
    with asked_with(other):
        changed = answered(spectrum)
    assert changed.shift == plain.shift
    assert changed.stderr != plain.stderr
    assert answered(spectrum) == plain


def test_a_spectrum_that_is_turned_away_is_refused():
    regions = {"C1s": np.column_stack([np.arange(280.0, 290.0), np.full(10, 5.0)])}
    trap = Trap("no trap", "constant", regions, (0.0,), frozenset(), frozenset(), as_file=True)
    (found,) = traps_benchmark.rows([trap], False)
    assert found.answer.status == "refused"
    assert not found.wrong


def test_networks_of_the_same_name_are_told_apart_by_their_files(tmp_path):
    (shipped,) = networks([])
    same = next(Path(str(files("xps_stn_weights"))).glob("*.safetensors"))
    trained = load_weights(same)
    other = tmp_path / "trained.safetensors"
    save_weights(
        other,
        trained.network,
        name=trained.info.name,
        version=trained.info.version,
        groups=trained.groups,
        grid=trained.grid,
        calibration=replace(trained.calibration, outside_limit=9.0),
    )
    assert list(networks([same, other])) == [shipped, f"{shipped} (trained.safetensors)"]


def test_highest_channel_is_that_of_carbon():
    rows = np.column_stack([np.arange(280.0, 290.0), [0, 0, 0, 0, 0, 9, 0, 0, 0, 0]])
    assert highest_channel({"C1s": rows, "O1s": rows + 200}) == 285.0
    assert math.isnan(highest_channel({"O1s": rows}))
    assert tree("x", {"C1s": rows}).children


@pytest.mark.parametrize("command", [materials_benchmark.main, traps_benchmark.main])
def test_commands_write_a_record(command, tmp_path, monkeypatch):
    monkeypatch.setattr(materials_benchmark, "materials", lambda: materials()[:2])
    monkeypatch.setattr(traps_benchmark, "traps", lambda draws, seed: traps(draws, seed)[:3])
    path = tmp_path / "record.json"
    result = CliRunner().invoke(command, ["--draws", "1", "--json", str(path)], catch_exceptions=False)
    assert result.exit_code == 0
    assert "total" in result.output
    assert '"figures"' in path.read_text(encoding="utf-8")
