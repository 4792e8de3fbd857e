import json

import click
import numpy as np
import pytest
import torch
from click.testing import CliRunner
from rich.console import Console
from test_benchmarks_mixtures import polymer

from benchmarks.mixtures import Disturbance, library, render, split_by_mixture
from benchmarks.polymers import Polymer
from benchmarks.studies.paper_protocol import Bench, Sizes, figures, main, our_channels, run, shipped, windows
from xps_stn_plugin.chemistry.groups import group_names
from xps_stn_plugin.stn.weights import shipped_weights

CENTRES = {"A": 285.0, "B": 286.5, "C": 289.0, "D": 287.9, "E": 286.5}
GROUPS = {"A": ["alkane"], "B": ["ether (aliphatic)"], "C": ["nitrate"], "D": ["amide"], "E": ["amine"]}


@pytest.fixture(scope="module")
def polymers():
    return tuple(polymer(name, energy, GROUPS[name]) for name, energy in CENTRES.items())


def test_our_channels_hold_the_lines_and_not_the_ends_of_the_windows(polymers):
    source = library(polymers)
    places = windows(source)
    assert places.shape == (1, 240)
    spectra = render(source, np.eye(5, dtype=np.float32)[:2], Disturbance(np.array([0.0, 30.0]), np.zeros(2)))
    channels = our_channels(spectra, places)
    assert channels.shape == (2, 3, 240)
    assert bool((channels[:, 2] == 1).all())
    peak = places[0][channels[:, 1].argmax(-1).numpy()]
    np.testing.assert_array_equal(peak, [2450, 2465 + 30])


@pytest.mark.parametrize("name", ["ours", "paper STN", "paper MLP"])
def test_a_run_gives_figures_of_test_mixtures(polymers, name):
    split = split_by_mixture(library(polymers), 400, 1.0, 3, False)
    record = figures(run(split, name, Sizes(400, 2, 4), lambda seen: None), np.arange(len(group_names())) < 30)
    assert {"exact", "micro_f1", "between_exact", "learnable_exact", "seconds", "history"} <= set(record)
    assert ("shift_median" in record) == (name != "paper MLP")
    assert json.loads(json.dumps(record))["steps"] == (4 if name == "ours" else 2 * (304 // 64))


def test_finished_runs_are_read_and_those_of_other_settings_refused(polymers, tmp_path):
    bench = Bench(polymers, library(polymers), Sizes(10, 1, 1), 3, False, tmp_path, Console(quiet=True))
    calls = []

    def work():
        calls.append(1)
        return {"exact": 0.5}

    first = bench.load_or_run("x", work, bench.size)
    assert bench.load_or_run("x", work, bench.size) == first
    assert calls == [1]
    with pytest.raises(click.ClickException, match="another folder"):
        bench.load_or_run("x", work, Sizes(20, 1, 1))


def test_given_weights_are_asked_through_the_way_of_a_file(tmp_path):
    axis = np.arange(280.0, 292.0, 0.1)
    esters = [
        Polymer(name, {"C1s": np.c_[axis, curve]}, frozenset(["alkane", "ester (aliphatic)"]))
        for name in ("A", "B")
        for curve in [sum(np.exp(-(((axis - e) / 0.6) ** 2)) for e in (285.0, 286.6, 288.9))]
    ]
    split = split_by_mixture(library(esters), 50, 2.0, 1, False)
    found = shipped(split, tuple(esters), shipped_weights(), 4)
    assert found["number"] == 4
    assert found["shift_median"] < 0.4
    assert sum(found["status"].values()) == pytest.approx(1.0)


def test_the_command_prints_tables_and_leaves_records(tmp_path):
    data, out = tmp_path / "data", tmp_path / "out"
    data.mkdir()
    lines = ["polymer,name,repeat_unit_smiles,groups"]
    for name, energy in CENTRES.items():
        rows = polymer(name, energy, GROUPS[name]).regions["C1s"]
        text = "region,binding_energy_eV,intensity\n" + "".join(f"C1s,{e:.1f},{y:.5f}\n" for e, y in rows)
        (data / f"{name}.csv").write_text(text)
        lines.append(f"{name},{name},,{GROUPS[name][0]}")
    (data / "groups.csv").write_text("\n".join(lines) + "\n")
    common = ["--data", str(data), "--out", str(out), "--mixtures", "600", "--epochs", "1", "--steps", "10"]
    threads = torch.get_num_threads()
    result = CliRunner().invoke(main, [*common, "--part", "mixtures", "--span", "3", "--network", "paper STN"])
    assert result.exit_code == 0, result.output
    assert "0.815" in result.output
    result = CliRunner().invoke(main, [*common, "--part", "polymers", "--span", "3", "--network", "paper STN"])
    assert result.exit_code == 0, result.output
    assert len(list(out.glob("polymers-paper_STN-fold*.json"))) == 5
    assert torch.get_num_threads() == threads
