import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from click.testing import CliRunner

import benchmarks.studies.architectures as module
from benchmarks.studies.architectures import (
    AVERAGED,
    KNOWN_SHIFT,
    PAPER,
    PLAIN,
    Spectra,
    draw,
    main,
    networks,
    run,
    table,
)
from benchmarks.studies.training import Recipe
from xps_stn_plugin.core.grid import Grid
from xps_stn_plugin.simulate.config import SimulationConfig
from xps_stn_plugin.simulate.library import LineLibrary
from xps_stn_plugin.simulate.spectra import SpectrumSimulator
from xps_stn_plugin.simulate.structures import reference_structures
from xps_stn_plugin.stn.inputs import network_input
from xps_stn_plugin.stn.network_config import NetworkConfig

GRID = Grid(points=96)
TINY = NetworkConfig(
    regions=9, points=96, groups=3, step=0.1, max_shift=2.0, localiser_width=8, classifier_width=8, hidden=8
)
RECIPE = Recipe(steps=4, batch_size=16, learning_rate=1e-3, precision="float32", check_every=2)


@pytest.fixture(scope="module")
def simulator():
    config = replace(SimulationConfig.load(), outsider_share=0.0)
    return SpectrumSimulator(LineLibrary.build(reference_structures()[:5], ()), config, Grid())


def lines(number, seed=1):
    """One line per spectrum, moved by its shift."""
    rng = np.random.default_rng(seed)
    shift = rng.uniform(-1.5, 1.5, number)
    counts = np.zeros((number, 9, 96))
    counts[:, 0] = np.exp(-(((GRID.offsets - shift[:, None]) / 0.5) ** 2))
    last = np.zeros((number, 9))
    last[:, 0] = 96
    labels = rng.random((number, 3)) < 0.5
    return Spectra(counts.astype(np.float16), np.zeros((number, 9), np.int16), last.astype(np.int16), shift, labels)


def test_spectra_in_memory_give_the_input_that_training_gives(simulator):
    spectra = draw(simulator, 40, 3)
    drawn = simulator.draw(module.CHUNK, np.random.default_rng([3, 0]))
    expected = network_input(torch.from_numpy(drawn.counts[:40]), torch.from_numpy(drawn.measured[:40]))
    batch = spectra.batch(slice(0, 40))
    assert float((batch.channels - expected).abs().mean()) < 2e-3
    torch.testing.assert_close(batch.shift, torch.from_numpy(drawn.shift[:40]).float())
    assert sum(len(part.shift) for part in spectra.batches(40)) == 40


@pytest.mark.parametrize("name", networks(TINY))
def test_every_architecture_gives_a_row(name):
    record = run(name, lines(64), lines(20, seed=2), TINY, RECIPE, seed=1)
    assert json.loads(json.dumps(record))["steps"] == 4
    assert record["parameters"] > 1000
    assert ("shift_median" in record) == (name not in (KNOWN_SHIFT, "no STN"))
    assert (record["offset"] != 0) == (name == PAPER)
    assert ("averaged" in record) == (name == PLAIN)


def test_the_reference_is_given_spectra_on_the_true_axis(monkeypatch):
    seen = []

    def spy(network, draw_batch, *rest):
        seen.append(draw_batch(0))
        return train(network, draw_batch, *rest)

    train = module.train
    monkeypatch.setattr(module, "train", spy)
    for name in (KNOWN_SHIFT, "no STN"):
        run(name, lines(64), lines(20, seed=2), TINY, RECIPE, seed=1)
    told, untold = (torch.from_numpy(GRID.offsets)[batch.channels[:, 9].argmax(-1)] for batch in seen)
    assert float(told.abs().max()) < 0.11
    np.testing.assert_allclose(untold, seen[1].shift, atol=0.06)


def test_the_table_averages_over_seeds():
    row = {"network": PLAIN, "parameters": 10**6, "seconds": 60.0, "shift_bias": 0.0}
    figures = {"shift_median": 0.1, "shift_p95": 1.0, "exact": 0.5, "micro_f1": 0.9}
    averaged = {"network": AVERAGED, "exact": 0.7}
    rows = [row | figures | {"seed": 1, "averaged": averaged}, row | figures | {"exact": 0.7, "seed": 2}]
    columns = table(rows, {PLAIN: 0.5, AVERAGED: 1.0}).columns
    assert list(columns[0].cells) == [PLAIN, AVERAGED]
    assert list(columns[5].cells) == ["0.600 ± 0.100", "0.700 ± 0.000"]


@pytest.mark.slow
def test_the_command_goes_on_where_it_was_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "THREADS", 1)
    monkeypatch.setattr(module, "INFERENCE_BATCH", 25)
    monkeypatch.setattr(module, "size_of_ours", lambda: replace(TINY, points=288, groups=40))
    sizes = ["--spectra", "256", "--test", "50", "--steps", "2", "--structures", "20"]
    common = [*sizes, "--out", str(tmp_path), "--network", "no STN", "--network", PAPER]
    first = CliRunner().invoke(main, [*common, "--seed", "1"])
    assert first.exit_code == 0, first.output
    times = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.json")}
    assert len(times) == 2 + 1  # the times of inference
    second = CliRunner().invoke(main, [*common, "--seed", "1", "--seed", "2"])
    assert second.exit_code == 0, second.output
    assert len(list(tmp_path.glob("*.json"))) == 4 + 1
    assert all(path.stat().st_mtime_ns == time for path, time in times.items())
    other = CliRunner().invoke(main, [*common, "--seed", "1", "--steps", "3"])
    assert other.exit_code == 1
    assert "another folder" in other.output


def test_an_unknown_network_is_named(tmp_path):
    result = CliRunner().invoke(main, ["--network", "CNN", "--out", str(tmp_path)])
    assert result.exit_code == 2
    assert "told the shift" in result.output
