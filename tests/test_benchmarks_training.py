import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmarks.studies.networks import Reader, Reading, Regression
from benchmarks.studies.training import Answers, Batch, Recipe, answers, loss_of, train
from xps_stn_plugin.stn.network_config import NetworkConfig

RECIPE = Recipe(
    steps=120, batch_size=16, learning_rate=1e-2, warmup=5, precision="float32", average=0.9, check_every=60
)


class Linear(Reader):
    """One dense layer; easy to teach."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(12, 2)

    def forward(self, channels):
        return Reading(self.layer(channels.flatten(1)))


def batch(step, size=16):
    rng = np.random.default_rng([5, step])
    channels = torch.from_numpy(rng.normal(size=(size, 3, 4)).astype(np.float32))
    return Batch(channels, torch.zeros(size), (channels[:, :2, 0] > 0).float())


def taught(recipe, seed=1):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Linear()
    return train(network, batch, recipe, seed, lambda: [batch(10_000, 500)])


def test_training_teaches_and_gives_the_same_weights_again():
    first, again = taught(RECIPE), taught(RECIPE)
    assert [seen["step"] for seen in first.history] == [60, 120]
    assert first.history[-1]["validation_exact"] > 0.8
    assert answers(first.network, [batch(20_000, 500)]).figures()["exact"] > 0.8
    for one, other in zip(first.network.parameters(), again.network.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)


def test_the_plateau_schedule_ends_early_and_returns_its_best_weights():
    recipe = replace(RECIPE, schedule="plateau", average=0.0, steps=4000, check_every=2, learning_rate=0.3)
    trained = taught(recipe)
    assert trained.steps < 4000
    best = min(seen["validation_loss"] for seen in trained.history)
    reading = trained.network(batch(10_000, 500).channels)
    loss = float(loss_of(reading, batch(10_000, 500), trained.network.shift_bins, recipe).detach())
    assert loss == pytest.approx(best, abs=1e-4)


def test_the_loss_asks_for_the_kind_of_shift_that_the_network_gives():
    logits, labels = torch.zeros(2, 3), torch.ones(2, 3)
    given = Batch(torch.zeros(2, 1, 1), torch.tensor([0.0, 1.0]), labels)
    bins = torch.tensor([0.0, 1.0])
    groups = RECIPE.group_weight * math.log(2)
    plain = loss_of(Reading(logits), given, bins, RECIPE)
    assert float(plain) == pytest.approx(groups)
    right = loss_of(Reading(logits, shift_logits=torch.tensor([[50.0, -50.0], [-50.0, 50.0]])), given, bins, RECIPE)
    assert float(right) == pytest.approx(groups, abs=1e-4)
    wrong = loss_of(Reading(logits, rounds=(given.shift, given.shift + 0.45)), given, bins, RECIPE)
    # smooth L1 of 0.45 with knee 0.1 is 0.4
    assert float(wrong) == pytest.approx(groups + 0.4 / 0.2 / 2)


def test_figures_take_an_offset_off_and_can_look_at_some_groups():
    probability = np.array([[0.9, 0.2], [0.9, 0.8]])
    said = Answers(np.array([1.2, 0.2]), np.array([1.0, 0.0]), probability, np.array([[True, False], [True, False]]))
    assert said.offset == pytest.approx(0.2)
    assert said.figures(said.offset)["shift_median"] == pytest.approx(0.0)
    assert said.figures()["shift_bias"] == pytest.approx(0.2)
    assert said.figures()["exact"] == 0.5
    assert said.figures(columns=np.array([True, False]))["exact"] == 1.0
    assert "shift_median" not in replace(said, shift=None).figures()


def test_a_regressed_shift_is_learnt():
    config = NetworkConfig(regions=1, points=64, groups=1, step=0.1, max_shift=2.0, classifier_width=8, hidden=16)

    def line(step):
        rng = np.random.default_rng([9, step])
        shift = torch.from_numpy(rng.uniform(-1.5, 1.5, 32).astype(np.float32))
        axis = (torch.arange(64) - 31.5) * 0.1
        curve = torch.exp(-(((axis - shift[:, None]) / 0.5) ** 2))
        return Batch(curve[:, None].repeat(1, 3, 1), shift, torch.ones(32, 1))

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        network = Regression(config, 3)
    trained = train(network, line, replace(RECIPE, batch_size=32), 3, lambda: [line(1_000_000)])
    assert answers(trained.network, [line(2_000_000)]).figures()["shift_median"] < 0.15
