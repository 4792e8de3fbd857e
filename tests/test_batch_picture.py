"""Small pictures of fits: few points, all that is to be seen."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xps_stn_plugin.batch.overview import lines, overview
from xps_stn_plugin.batch.picture import Component, Drawing, colour_of, picture
from xps_stn_plugin.models.lineshapes import pseudo_voigt

ENERGY = np.linspace(280.0, 296.0, 321)


def paths(text):
    """Points of each path in pixels, by its stroke."""
    found = []
    for d, rest in re.findall(r'<path d="([^"]*)"([^>]*)>', text):
        steps = np.array(
            [[int(n) for n in re.findall(r"-?\d+", step)] for step in re.split("[Mml]", d.rstrip("z")) if step]
        )
        found.append((re.search(r'stroke="([^"]*)"', rest)[1], np.cumsum(steps[:, :2], axis=0) / 10))
    return found


def drawing(centers=(285.0, 289.0), width=1.0, height=1000.0, noise=0):
    background = 50 + 2 * (ENERGY - 280)
    curves = [height * pseudo_voigt(ENERGY, center, width, 0.2) for center in centers]
    envelope = background + sum(curves)
    counts = np.random.default_rng(noise).poisson(envelope).astype(float)
    components = [
        Component(f"C1s <{n}>", center, n if n else None, curve)
        for n, (center, curve) in enumerate(zip(centers, curves, strict=True))
    ]
    return Drawing(ENERGY, counts, background, envelope, components)


@given(
    centers=st.lists(st.floats(282, 294), min_size=1, max_size=5),
    width=st.floats(0.4, 3),
    height=st.floats(10, 1e6),
    size=st.sampled_from([(260, 130), (190, 100)]),
)
def test_curves_of_few_points_look_as_those_of_all(centers, width, height, size):
    one = drawing(tuple(centers), width, height)
    text = picture(one, *size)
    shown = np.concatenate([one.counts, one.background, one.envelope])
    low, high = shown.min(), shown.max()
    high += 0.08 * (high - low)
    x = (ENERGY[-1] - ENERGY) / np.ptp(ENERGY) * size[0]
    y = (high - one.envelope) / (high - low) * (size[1] - 14)
    (way,) = [points for stroke, points in paths(text) if stroke == "#C00000"]
    drawn = np.interp(x, way[::-1, 0], way[::-1, 1])
    # Places are told to a tenth of a pixel, across as well as down.
    steepest = np.abs(np.diff(y) / np.diff(x)).max()
    assert np.abs(drawn - y).max() < 0.3 + 0.05 * steepest
    assert len(way) < 0.6 * ENERGY.size


def test_a_picture_has_dots_lines_and_named_components():
    text = picture(drawing())
    found = dict(paths(text))
    assert set(found) == {"#777", colour_of(1), "#222", "#C00000"}
    (dots,) = re.findall(r'd="(m[^"]*)"', text)
    assert dots.count("h1") == ENERGY.size
    assert "<title>C1s &lt;0&gt; 285.00 eV</title>" in text
    # The component that a group brings stands at its place, and nowhere else.
    across = (296 - 289) / 16 * 260
    assert found[colour_of(1)][:, 0].mean() == pytest.approx(across, abs=6)
    assert np.ptp(found[colour_of(1)][:, 0]) < 260


def test_components_without_curves_are_lines():
    whole = drawing()
    marks = [Component(one.name, one.center, one.colour, None) for one in whole.components]
    text = picture(Drawing(ENERGY, whole.counts, whole.background, whole.envelope, marks))
    assert "fill-opacity" not in text
    mark = dict(paths(text))[colour_of(1)]
    assert mark.shape == (2, 2) and mark[0, 0] == mark[1, 0] == pytest.approx((296 - 289) / 16 * 260, abs=0.1)
    assert mark[1, 1] < mark[0, 1]


def test_spectra_without_a_model_and_without_anything():
    alone = picture(Drawing(ENERGY, drawing().counts))
    assert [stroke for stroke, _ in paths(alone)] == ["#222"]
    for values in (np.full(ENERGY.size, np.nan), np.zeros(ENERGY.size)):
        text = picture(Drawing(ENERGY, values))
        assert "nan" not in text and text.endswith("</svg>")


def test_a_model_that_is_no_numbers_is_not_drawn():
    counts, none = drawing().counts, np.full(ENERGY.size, np.nan)
    text = picture(Drawing(ENERGY, counts, none, none, [Component("C1s", 285.0, 1, none)]))
    assert "nan" not in text and "h1" in text


@pytest.mark.parametrize("shape", [(7,), (5, 9), (3, 4, 6), (200, 130), ()])
def test_overviews_have_what_is_known(shape):
    values = np.random.default_rng(0).random(shape)
    text = overview(values)
    if len(shape) < 2:
        assert text.count("<circle") == values.size
    else:
        height, width = (len(range(0, size, -(-size // 64))) for size in shape[-2:])
        assert text.count("M") == height * width
        assert len(text) < 20 * height * width + 5000
    unknown = overview(np.full(shape, np.nan))
    assert "<circle" not in unknown and "<path" not in unknown


def test_a_map_is_coloured_from_low_to_high():
    text = overview(np.array([[0.0, 1.0, 2.0], [np.nan, 0.0, 2.0]]))
    found = {colour: d.count("M") for d, colour in re.findall(r'd="([^"]*)" fill="rgb\(([^"]*)\)"', text)}
    assert sorted(found.values()) == [1, 2, 2]
    assert found["68,1,84"] == 2 and found["253,231,37"] == 2


def test_lines_share_a_scale_and_leave_out_what_is_not_known():
    text = lines({"big": (np.array([1.0, 4.0, 2.0]), "red"), "<small>": (np.array([1.0, np.nan, 0.0]), "blue")})
    ways = [
        [tuple(map(float, point.split(","))) for point in way.split()] for way in re.findall(r'points="([^"]*)"', text)
    ]
    assert [len(way) for way in ways] == [3, 2]
    assert ways[0][0] == ways[1][0] and ways[0][1][1] < ways[0][2][1] < ways[1][1][1]
    assert "<title>&lt;small&gt;</title>" in text
