import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from xps_stn_plugin.stn.inputs import network_input, remove_baseline


def _spectrum(first=60, last=200, slope=0.3, level=50.0, height=400.0):
    position = np.arange(288)
    line = height * np.exp(-0.5 * ((position - 130) / 6) ** 2)
    counts = np.zeros((1, 2, 288))
    measured = np.zeros((1, 2, 288), dtype=bool)
    measured[0, 0, first:last] = True
    counts[0, 0] = np.where(measured[0, 0], level + slope * position + line, 0)
    return torch.tensor(counts), torch.tensor(measured), line


@given(first=st.integers(0, 80), last=st.integers(180, 288), slope=st.floats(-2, 2), level=st.floats(0, 1e4))
def test_a_straight_background_is_taken_off(first, last, slope, level):
    counts, measured, line = _spectrum(first, last, slope, level)
    signal = remove_baseline(counts, measured)[0, 0].numpy()
    np.testing.assert_allclose(signal[first:last], line[first:last], atol=1e-6 * (1 + level))
    assert not signal[:first].any()
    assert not signal[last:].any()


@given(st.floats(1e-3, 1e6))
def test_the_unit_of_intensity_does_not_matter(unit):
    counts, measured, _ = _spectrum()
    torch.testing.assert_close(
        network_input(counts * unit, measured), network_input(counts, measured), atol=1e-6, rtol=1e-5
    )


def test_channels_are_common_scale_own_scale_and_mask():
    counts, measured, line = _spectrum()
    counts, measured = counts.repeat(1, 1, 1), measured.clone()
    counts[0, 1] = counts[0, 0] * 0.25
    measured[0, 1] = measured[0, 0]
    channels = network_input(counts, measured)[0]
    assert channels.shape == (6, 288)
    # a quarter of the intensity is half of the root
    assert torch.allclose(channels[1], channels[0] * 0.5, atol=1e-6)
    assert torch.allclose(channels[2], channels[3], atol=1e-6)
    np.testing.assert_allclose(channels[2].max().item(), line.max() / line[128:133].mean(), rtol=1e-6)
    assert torch.equal(channels[4].bool(), measured[0, 0])


def test_nothing_measured_gives_zeros_and_no_nan():
    channels = network_input(torch.zeros(1, 2, 288), torch.zeros(1, 2, 288, dtype=torch.bool))
    assert not channels.any()
