from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional

from xps_stn_plugin.core.grid import Grid
from xps_stn_plugin.models.lineshapes import pseudo_voigt
from xps_stn_plugin.stn.inputs import network_input, region_rows
from xps_stn_plugin.stn.network import LevelStem, ShiftTransformer, mean_around_mode
from xps_stn_plugin.stn.network_config import NetworkConfig, is_counter, tensor_shapes
from xps_stn_plugin.stn.seen import Seen, seen_of
from xps_stn_plugin.stn.transform import shift_axis
from xps_stn_plugin.stn.weights_layout import grown, with_level_stems

SMALL = NetworkConfig(
    regions=2,
    points=288,
    groups=3,
    step=0.1,
    max_shift=8.0,
    localiser_width=16,
    classifier_width=8,
    hidden=16,
    dilations=(1, 2, 1),
)


@pytest.fixture
def network():
    torch.manual_seed(0)
    return ShiftTransformer(SMALL).eval()


def test_shapes_and_bins(network):
    output = network(torch.randn(4, 6, 288))
    assert output.shift_logits.shape == (4, 160)
    assert output.group_logits.shape == (4, 3)
    assert output.outside_logit.shape == (4,)
    assert network.shift_bins[0] == pytest.approx(-7.95)
    torch.testing.assert_close(network.shift_bins, -network.shift_bins.flip(0))


def test_the_score_of_a_shift_moves_with_the_spectrum(network):
    """Away from the ends the localiser is equivariant: moving the input by two points moves the logits by two bins."""
    offsets = Grid().offsets
    curves = [torch.tensor(pseudo_voigt(offsets, centre, 1.0, 0.0), dtype=torch.float32) for centre in (0.0, 0.2)]
    with torch.no_grad():
        first, second = (network(curve.expand(1, 6, -1)).shift_logits[0] for curve in curves)
    torch.testing.assert_close(second[62:102], first[60:100], atol=1e-5, rtol=1e-4)


def test_gradients_reach_the_localiser_from_the_groups(network):
    network.train()
    output = network(torch.randn(4, 6, 288))
    output.group_logits.sum().backward()
    gradient = network.localiser.stem.weight.grad
    assert gradient is not None
    assert gradient.abs().sum() > 0


def test_the_shift_is_the_mean_around_the_highest_mode():
    bins = torch.arange(-79.5, 80) * 0.1
    logits = torch.logaddexp(
        -0.5 * ((bins - 1.03) / 0.1) ** 2, torch.log(torch.tensor(0.6)) - 0.5 * ((bins - 3.0) / 0.1) ** 2
    )
    shift = mean_around_mode(logits.repeat(2, 1), bins)
    torch.testing.assert_close(shift, torch.full((2,), 1.03), atol=1e-3, rtol=0)


def test_features_reach_the_classifier_at_the_place_where_the_axis_was_moved_to(network):
    """A spectrum moved by two points, and by that much found moved, looks the same to the classifier."""
    offsets = Grid().offsets
    curves = [torch.tensor(pseudo_voigt(offsets, centre, 1.0, 0.0), dtype=torch.float32) for centre in (0.0, 0.2)]
    features = []
    with torch.no_grad():
        for curve, shift in zip(curves, (0.0, 0.2), strict=True):
            _, found = network.localiser(curve.expand(1, 6, -1))
            features.append(shift_axis(found, torch.tensor([shift]), 0.2)[0, :, 40:100])
    torch.testing.assert_close(features[1], features[0], atol=1e-4, rtol=1e-3)


def test_level_stems_of_one_convolution_give_what_it_gives(network):
    generator = torch.Generator().manual_seed(3)
    weight = torch.randn(16, 6, 9, generator=generator)
    tensors = {"localiser.stem.0.weight": weight.numpy(), "localiser.stem.1.bias": np.zeros(16)}
    converted = with_level_stems(tensors)
    stem = LevelStem(2, 16, 9)
    assert set(converted) == {"localiser.stem.weight", "localiser.stem.norm.bias"}
    stem.weight.data = torch.from_numpy(converted["localiser.stem.weight"])
    channels = torch.randn(3, 6, 288, generator=generator)
    expected = torch.relu(functional.conv1d(channels, weight, stride=2, padding=4))
    torch.testing.assert_close(stem.eval()(seen_of(channels)), expected, atol=1e-4, rtol=1e-4)


def test_a_level_that_was_not_measured_changes_nothing(network):
    counts, measured = torch.rand(2, 2, 288), torch.ones(2, 2, 288, dtype=torch.bool)
    measured[0, 1] = False
    both = network(region_rows(counts, measured, torch.tensor([0, 1])))
    alone = network(region_rows(counts[:1, :1], measured[:1, :1], torch.tensor([0])))
    dense = network(network_input(counts * measured, measured))
    torch.testing.assert_close(alone.group_logits, both.group_logits[:1], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(dense.group_logits, both.group_logits, atol=1e-5, rtol=1e-5)


def test_a_grown_network_reads_as_before_and_knows_more(network):
    larger = ShiftTransformer(replace(SMALL, regions=4, materials=3, lines=True)).eval()
    small, fresh = ({name: value.numpy() for name, value in one.state_dict().items()} for one in (network, larger))
    larger.load_state_dict({name: torch.from_numpy(value) for name, value in grown(small, fresh, 2, 4).items()})
    seen = seen_of(torch.randn(3, 6, 288, generator=torch.Generator().manual_seed(4)))
    before, after = network(seen), larger(seen)
    for name in ("shift_logits", "group_logits", "outside_logit"):
        torch.testing.assert_close(getattr(after, name), getattr(before, name))
    torch.testing.assert_close(after.region_sigma[:, :2], before.region_sigma)
    torch.testing.assert_close(after.region_shift[:, :2], before.region_shift)
    assert after.material_logits.shape == (3, 3)
    assert after.line_logits.shape == (6,)
    assert before.material_logits.shape == (3, 0)
    # A new core level counts as well.
    rows = torch.cat([seen.rows, torch.rand(1, 3, 288)])
    more = Seen(rows, torch.cat([seen.level, torch.tensor([3])]), torch.cat([seen.spectrum, torch.tensor([1])]), 3)
    changed = (larger(more).shift_logits - after.shift_logits).abs().amax(-1) > 1e-4
    assert changed.tolist() == [False, True, False]


@pytest.mark.parametrize("changes", [{}, {"materials": 3, "lines": True, "dilations": (1, 2)}])
def test_tensor_shapes_are_those_of_the_network(changes):
    config = replace(SMALL, **changes)
    state = ShiftTransformer(config).state_dict()
    assert {name: tuple(value.shape) for name, value in state.items()} == tensor_shapes(config)
    assert {name for name, value in state.items() if not value.is_floating_point()} == {
        name for name in state if is_counter(name)
    }
