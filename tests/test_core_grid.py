import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xps_stn_plugin.core.core_levels import core_levels
from xps_stn_plugin.core.grid import Grid, to_grid
from xps_stn_plugin.core.spectrum import region_dataset
from xps_stn_plugin.models.lineshapes import pseudo_voigt

GRID = Grid()


def _region(axis, counts):
    return {"C1s": region_dataset("test", axis, counts, region="C1s")}


def test_channels_are_centred_on_their_core_levels():
    centres = GRID.energies.mean(axis=1)
    np.testing.assert_allclose(centres, [level.energy for level in core_levels().values()])
    np.testing.assert_allclose(np.diff(GRID.energies, axis=1), GRID.step)


@given(
    step=st.floats(0.03, 0.5),
    start=st.floats(274.0, 276.0),
    slope=st.floats(0.1, 5) | st.floats(-5, -0.1),
    level=st.floats(100, 1000),
)
def test_a_straight_line_stays_one(step, start, slope, level):
    axis = np.arange(start, 299.0, step)
    counts, measured = to_grid(_region(axis, level + slope * (axis - 285)), GRID)
    row = GRID.regions.index("C1s")
    inner = measured[row].copy()
    ends = np.flatnonzero(inner)[[0, -1]]
    inner[ends] = False
    np.testing.assert_allclose(counts[row][inner], level + slope * (GRID.energies[row][inner] - 285), rtol=1e-6)


@given(step=st.sampled_from([0.05, 0.1, 0.2]), offset=st.floats(0, 0.2), centre=st.floats(283, 291))
def test_area_and_position_of_a_line_are_kept(step, offset, centre):
    axis = np.arange(276 + offset, 299, step)
    counts, _ = to_grid(_region(axis, 1000 * pseudo_voigt(axis, centre, 1.2, 0.0)), GRID)
    curve, energy = counts[GRID.regions.index("C1s")], GRID.energies[GRID.regions.index("C1s")]
    assert curve.sum() * GRID.step == pytest.approx(1000, rel=1e-3)
    assert (curve * energy).sum() / curve.sum() == pytest.approx(centre, abs=1e-3)


def test_nothing_is_invented_outside_the_data():
    axis = np.arange(284.0, 288.0, 0.1)
    counts, measured = to_grid(_region(axis, 5 + np.sin(axis)), GRID)
    row = GRID.regions.index("C1s")
    inside = (GRID.energies[row] >= axis[0]) & (GRID.energies[row] <= axis[-1])
    np.testing.assert_array_equal(measured[row], inside)
    assert not counts[row][~inside].any()
    assert not measured[[i for i in range(len(GRID.regions)) if i != row]].any()


def test_core_levels_that_the_grid_does_not_have_are_passed_over():
    axis = np.arange(700.0, 730.0, 0.1)
    _, measured = to_grid({"Fe2p": region_dataset("test", axis, np.cos(axis) + 2, region="Fe2p")}, GRID)
    assert not measured.any()
