import copy

import pytest
import torch

from benchmarks.studies.networks import (
    AveragedModes,
    Convolutions,
    Distribution,
    PackageNetwork,
    PaperMlp,
    PaperStn,
    Regression,
    Unaligned,
    posterior_summary,
)
from xps_stn_plugin.stn.network_config import NetworkConfig
from xps_stn_plugin.stn.transform import shift_axis

CONFIG = NetworkConfig(
    regions=2, points=96, groups=3, step=0.1, max_shift=2.0, localiser_width=8, classifier_width=8, hidden=8
)
READERS = {
    "mlp": lambda: PaperMlp(6 * 96, 3),
    "stn": lambda: PaperStn(6, 96, 3, 0.1, 40.0),
    "unaligned": lambda: Unaligned(CONFIG, 6),
    "regression": lambda: Regression(CONFIG, 6, rounds=2),
    "distribution": lambda: Distribution(CONFIG, 6),
    "seen": lambda: Distribution(CONFIG, 6, seen=True),
    "ours": lambda: PackageNetwork(CONFIG),
}


@pytest.fixture(autouse=True)
def seed():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        yield


@pytest.mark.parametrize("name", READERS)
def test_every_network_learns_from_its_loss_alone(name):
    network = READERS[name]()
    reading = network(torch.randn(4, 6, 96))
    assert reading.group_logits.shape == (4, 3)
    loss = reading.group_logits.square().sum() + sum(shift.square().sum() for shift in reading.rounds)
    if reading.shift_logits is not None:
        assert reading.shift_logits.shape == (4, len(network.shift_bins))
        loss = loss + reading.shift_logits.square().sum()
    loss.backward()
    still = {key for key, value in network.named_parameters() if value.grad is None}
    # Our network has further outputs, which no other has.
    assert not {
        key for key in still if not key.startswith(("network.classifier.outside", "network.classifier.regions"))
    }


def test_the_papers_sizes_are_those_of_its_printed_model():
    network = PaperStn(1, 6601, 40, 0.1, 2450.0)
    localiser = sum(value.numel() for value in network.localisation.parameters())
    assert localiser == 6601 * 64 + 64 + 64 * 32 + 32 + 32 * 2 + 2
    assert sum(value.numel() for value in network.parameters()) == pytest.approx(2.15e6, rel=0.01)


@pytest.mark.parametrize(("scale", "translation"), [(1.0, 0.0), (1.0, 0.125), (0.9, -0.05)])
def test_the_papers_shift_is_where_the_moved_point_came_from(scale, translation):
    network = PaperStn(1, 96, 3, 0.1, 40.0).eval()
    with torch.no_grad():
        network.localisation[-1].bias.copy_(torch.tensor([scale, translation]))
    seen = []
    network.classifier[0].register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    ramp = torch.arange(96.0).expand(1, 1, 96)
    shift = float(network(ramp).shift.detach())
    assert shift == pytest.approx(0.1 * (seen[0][0, 40].item() - 40.0), abs=1e-4)


def test_repeated_rounds_share_their_weights_but_not_their_statistics():
    network = Regression(CONFIG, 6, 3)
    first, *others = network.localisers
    assert len(others) == 2
    for other in others:
        for (name, mine), theirs in zip(first.named_parameters(), other.parameters(), strict=True):
            # 2-D and 3-D: dense layers and convolutions; 1-D: batch norms and the last bias
            assert (mine is theirs) == (mine.ndim > 1 or name == "dense.4.bias")
    single = sum(value.numel() for value in Regression(CONFIG, 6, 1).parameters())
    norms = sum(value.numel() for name, value in first.named_parameters() if value.ndim == 1 and name != "dense.4.bias")
    assert sum(value.numel() for value in network.parameters()) == single + 2 * norms
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    network(torch.randn(4, 6, 96)).shift.sum().backward()
    optimizer.step()
    torch.testing.assert_close(copy.deepcopy(network).localisers[2].dense[4].weight, first.dense[4].weight)


def test_each_round_starts_where_the_last_one_ended():
    network = Regression(CONFIG, 6, 2).eval()
    channels = torch.randn(4, 6, 96)
    reading = network(channels)
    moved = shift_axis(channels, reading.rounds[0], 0.1)
    step = network.localisers[1](moved).squeeze(1).tanh() * 2.0
    torch.testing.assert_close(reading.shift, reading.rounds[0] + step)
    torch.testing.assert_close(reading.shift, reading.rounds[1])


def test_the_summary_counts_all_probability_and_knows_a_second_mode():
    bins = torch.linspace(-8, 8, 161)
    logits = torch.full((2, 161), -30.0)
    logits[0, 80] = 0.0
    logits[1, 80] = logits[1, 100] = 0.0
    summary = posterior_summary(logits, bins, torch.zeros(2))
    torch.testing.assert_close(summary[:, :20].sum(1) + summary[:, 22], torch.ones(2))
    assert summary[0, 20] == pytest.approx(0.0, abs=1e-4)
    assert summary[1, 20] == pytest.approx(0.6931, abs=1e-3)
    assert summary[1, 21] == pytest.approx(2**0.5, abs=1e-3)


def test_averaging_over_modes_changes_nothing_where_there_is_one():
    network = Distribution(CONFIG, 6).eval()
    bins = network.shift_bins

    class Localiser(torch.nn.Module):
        def __init__(self, second):
            super().__init__()
            self.second = second

        def forward(self, channels):
            logits = -(((bins - 0.5) / 0.1) ** 2)
            other = -(((bins + 1.5) / 0.1) ** 2) + self.second
            return torch.maximum(logits, other).expand(len(channels), -1), channels

    channels = torch.randn(4, 6, 96)
    for second, same in ((-60.0, True), (-0.1, False)):
        network.localiser = Localiser(second)
        plain, averaged = network(channels), AveragedModes(network)(channels)
        torch.testing.assert_close(plain.shift, averaged.shift)
        difference = (plain.group_logits - averaged.group_logits).abs().max()
        assert (difference.item() < 1e-3) == same


def test_extra_numbers_reach_the_dense_layer():
    layers = Convolutions(CONFIG, 6, 3, extra=2).eval()
    channels = torch.randn(1, 6, 96)
    assert not torch.equal(layers(channels, torch.zeros(1, 2)), layers(channels, torch.ones(1, 2)))
