import pytest
import torch

from xps_stn_plugin.core.grid import Grid
from xps_stn_plugin.models.lineshapes import pseudo_voigt
from xps_stn_plugin.stn.network import NetworkConfig, ShiftTransformer, mean_around_mode
from xps_stn_plugin.stn.transform import shift_axis

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
    gradient = network.localiser.stem[0].weight.grad
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
