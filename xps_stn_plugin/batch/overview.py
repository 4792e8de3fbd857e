"""Small pictures of a quantity over a whole stack as SVG: dots or lines along one dimension, a map of two."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..export.texts import markup

_WIDTH, _HEIGHT = 260, 130
#: Colours of a map.
_LEVELS: Final = 32
# From low to high: colours that grow lighter and stay apart for colour-blind eyes (viridis, at 0, 1/2 and 1).
_COLOURS: Final = np.array([(68, 1, 84), (33, 145, 140), (253, 231, 37)], dtype=float)


def overview(values: NDArray[Any], limit: int = 64) -> str:
    """Picture of one quantity over the dimensions of a stack: of more than two, the first of what else there is.

    Of more than `limit` points or pixels along one direction, some are left out.
    """
    values = values.reshape((-1, *values.shape[-2:]))[0] if values.ndim > 1 else np.atleast_1d(values)
    values = values[tuple(slice(None, None, math.ceil(size / limit) or None) for size in values.shape)]
    is_finite = np.isfinite(values)
    low, spread = (
        (float(values[is_finite].min()), float(np.ptp(values[is_finite])) or 1.0) if is_finite.any() else (0.0, 1.0)
    )
    level = (np.where(is_finite, values, low) - low) / spread
    if values.ndim == 1:
        return _svg(_WIDTH, _HEIGHT, _points(level, is_finite))
    side = min(_WIDTH / values.shape[1], _HEIGHT / values.shape[0])
    width, height = (math.ceil(side * size) for size in values.shape[::-1])
    return _svg(width, height, "".join(_map(level, is_finite, side)))


def lines(series: Mapping[str, tuple[NDArray[Any], str]]) -> str:
    """Picture of several quantities, none below zero, along one dimension: values and colour by name."""
    top = max((float(np.nanmax(values)) for values, _ in series.values() if np.isfinite(values).any()), default=0.0)
    parts = []
    for name, (values, colour) in series.items():
        is_finite = np.isfinite(values)
        points = zip(_across(values.size)[is_finite], _down(values[is_finite] / (top or 1.0)), strict=True)
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        style = f'fill="none" stroke="{colour}" stroke-width="1.5"'
        parts.append(f'<polyline points="{path}" {style}><title>{markup(name)}</title></polyline>')
    return _svg(_WIDTH, _HEIGHT, "".join(parts))


def _svg(width: int, height: int, content: str) -> str:
    return f'<svg width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img">{content}</svg>'


def _across(size: int) -> NDArray[np.float64]:
    return np.linspace(4, _WIDTH - 4, size) if size > 1 else np.array([_WIDTH / 2])


def _down(level: NDArray[Any]) -> NDArray[Any]:
    return np.asarray((_HEIGHT - 8) * (1 - level) + 4)


def _points(level: NDArray[Any], is_finite: NDArray[np.bool_]) -> str:
    dots = zip(_across(level.size)[is_finite], _down(level)[is_finite], strict=True)
    return "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2" fill="#0072B2"/>' for x, y in dots)


def _map(level: NDArray[Any], is_finite: NDArray[np.bool_], side: float) -> Iterator[str]:
    """One path of pixels for each colour."""
    steps = np.where(is_finite, np.rint(level * (_LEVELS - 1)), -1).astype(int)
    for step in range(_LEVELS):
        pixels = "".join(f"M{x} {y}h1v1h-1z" for y, x in np.argwhere(steps == step).tolist())
        if pixels:
            red, green, blue = (
                round(float(np.interp(step / (_LEVELS - 1), (0, 0.5, 1), channel))) for channel in _COLOURS.T
            )
            colour = f'fill="rgb({red},{green},{blue})" shape-rendering="crispEdges"'
            yield f'<path transform="scale({side:.4g})" d="{pixels}" {colour}/>'
