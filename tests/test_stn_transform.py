import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from xps_stn_plugin.core.grid import Grid
from xps_stn_plugin.models.lineshapes import pseudo_voigt
from xps_stn_plugin.stn.transform import shift_axis

GRID = Grid()


def _line(centre, width=1.2):
    return torch.tensor(pseudo_voigt(GRID.offsets, centre, width, 0.3), dtype=torch.float64)


def _centroid(curve):
    return float((curve * torch.tensor(GRID.offsets)).sum() / curve.sum())


@given(st.floats(-8, 8), st.floats(-2, 2))
def test_an_applied_shift_is_undone_exactly(shift, true):
    gaussian = torch.tensor(pseudo_voigt(GRID.offsets, true + shift, 1.2, 0.0))
    moved = shift_axis(gaussian[None, None], torch.tensor([shift], dtype=torch.float64), GRID.step)[0, 0]
    assert _centroid(moved) == pytest.approx(true, abs=1e-6)


@given(st.integers(-80, 80))
def test_whole_steps_move_the_numbers_unchanged(steps):
    curve = _line(0.0)
    moved = shift_axis(curve[None, None], torch.tensor([steps * GRID.step], dtype=torch.float64), GRID.step)[0, 0]
    expected = torch.zeros_like(curve)
    if steps >= 0:
        expected[: len(curve) - steps] = curve[steps:]
    else:
        expected[-steps:] = curve[:steps]
    torch.testing.assert_close(moved, expected, atol=1e-12, rtol=1e-9)


def test_all_channels_move_alike_and_nothing_is_stretched():
    lines = [torch.tensor(pseudo_voigt(GRID.offsets, centre, 1.2, 0.0)) for centre in (-3.0, 0.0, 4.0)]
    moved = shift_axis(torch.stack(lines)[None], torch.tensor([1.37], dtype=torch.float64), GRID.step)[0]
    np.testing.assert_allclose([_centroid(curve) for curve in moved], [-4.37, -1.37, 2.63], atol=1e-9)
    np.testing.assert_allclose(moved.sum(-1), torch.stack(lines).sum(-1), rtol=1e-9)


def test_gradient_reaches_the_shift():
    shift = torch.tensor([0.5], dtype=torch.float64, requires_grad=True)
    moved = shift_axis(_line(0.5)[None, None], shift, GRID.step)
    (moved * torch.tensor(GRID.offsets)).sum().backward()
    assert shift.grad is not None
    assert shift.grad.item() == pytest.approx(-1 / GRID.step, rel=0.05)
