"""Small pictures of spectra and their fits as SVG, for the contact sheet."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..export.texts import markup

FloatArray = NDArray[np.float64]

#: Points of a curve: more cannot be seen at this size.
_POINTS: Final = 520
# Okabe & Ito's colours that stay apart for colour-blind eyes.
_COLOURS: Final = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#B8A500", "#7A5195")
_UNASSIGNED: Final = "#777"
#: Units of a picture for each pixel: whole numbers are shorter than those with a point.
_UNITS: Final = 10
#: How far in pixels a curve that is drawn with few points may be off, and least height of a component that is drawn.
_OFF, _LEAST = 0.1, 0.3


@dataclass(frozen=True, eq=False)
class Component:
    """A component to draw.

    Parameters
    ----------
    name : str
    center : float
        Its binding energy in eV on the axis of the picture.
    colour : int or None
        Number of its colour; None, grey, where no functional group brings it.
    curve : ndarray, shape (n,), or None
        Without background; None where it is not known.
    """

    name: str
    center: float
    colour: int | None
    curve: FloatArray | None


@dataclass(frozen=True, eq=False)
class Drawing:
    """Content of a picture.

    Parameters
    ----------
    energy, counts : ndarray, shape (n,)
        Binding energies in eV, ascending, and intensities.
    background, envelope : ndarray, shape (n,), or None
        Of the model; None without one.
    components : sequence of Component
    """

    energy: FloatArray
    counts: FloatArray
    background: FloatArray | None = None
    envelope: FloatArray | None = None
    components: Sequence[Component] = ()


def picture(drawing: Drawing, width: int = 260, height: int = 130) -> str:
    """Draw a spectrum as SVG of so many pixels; binding energies decrease to the right.

    Dots are the data, red is the envelope, dashed grey the background, filled are the components: grey where no group
    explains it. A component without a curve is a line from background to envelope.
    """
    step = math.ceil(drawing.energy.size / _POINTS)
    energy, counts = drawing.energy[::step], drawing.counts[::step]
    x = (energy[-1] - energy) / (energy[-1] - energy[0]) * width
    model = [curve[::step] for curve in (drawing.background, drawing.envelope) if curve is not None]
    # A region that was not measured, and the model of a failed fit, may be no numbers.
    ordinates = np.concatenate([counts, *model])
    ordinates = ordinates[np.isfinite(ordinates)]
    low, high = (float(ordinates.min()), float(ordinates.max())) if ordinates.size else (0.0, 0.0)
    high += 0.08 * (high - low) or 1.0

    def down(values: FloatArray) -> FloatArray:
        return (high - values) / (high - low) * (height - 14)

    view_width, view_height = width * _UNITS, height * _UNITS
    parts = [f'<svg width="{width}" height="{height}" viewBox="0 0 {view_width} {view_height}" role="img">']
    if len(model) == 2:
        below, envelope = model
        for component in drawing.components:
            colour = colour_of(component.colour)
            title = f"<title>{markup(component.name)} {component.center:.2f} eV</title>"
            if component.curve is None:
                ends = down(np.array([np.interp(component.center, energy, curve) for curve in (below, envelope)]))
                centre = np.full(2, float(np.interp(component.center, energy, x)))
                parts.append(f'<path d="{_route(centre, ends)}" stroke="{colour}" stroke-width="20">{title}</path>')
            else:
                outline = _outline(x, down(below), down(below + component.curve[::step]))
                style = f'fill="{colour}" fill-opacity=".3" stroke="{colour}" stroke-width="7"'
                parts.append(f'<path d="{outline}" {style}>{title}</path>' if outline else "")
        parts += [
            _line(x, down(below), 'stroke="#777" stroke-width="10" stroke-dasharray="30 20"'),
            f'<path d="{_dots(x, down(counts))}" stroke="#222" stroke-width="20" stroke-linecap="round"/>',
            _line(x, down(envelope), 'stroke="#C00000" stroke-width="12"'),
        ]
    else:
        parts.append(_line(x, down(counts), 'stroke="#222" stroke-width="10"'))
    style = f'y="{view_height - 20}" font-size="100" fill="#555"'
    parts += [
        f'<text x="10" {style}>{energy[-1]:.1f}</text>',
        f'<text x="{view_width - 10}" {style} text-anchor="end">{energy[0]:.1f} eV</text></svg>',
    ]
    return "".join(parts)


def colour_of(number: int | None) -> str:
    """Colour of a component by its number; grey without one."""
    return _UNASSIGNED if number is None else _COLOURS[number % len(_COLOURS)]


def _line(x: FloatArray, y: FloatArray, style: str) -> str:
    drawn = _drawn_points(y)
    return f'<path d="{_route(x[drawn], y[drawn])}" fill="none" {style}/>'


def _outline(x: FloatArray, below: FloatArray, above: FloatArray) -> str:
    """Way around what stands between two curves; none where they do not part."""
    separated = np.flatnonzero(np.abs(above - below) > _LEAST)
    if not separated.size:
        return ""
    part = slice(max(separated[0] - 1, 0), separated[-1] + 2)
    x, below, above = x[part], below[part], above[part]
    top, bottom = _drawn_points(above), _drawn_points(below)[::-1]
    return f"{_route(np.append(x[top], x[bottom]), np.append(above[top], below[bottom]))}z"


def _drawn_points(y: FloatArray) -> NDArray[np.intp]:
    """Places of the points that a curve over an even axis is drawn with: the denser the more it bends."""
    if y.size < 3 or not np.isfinite(y).all():
        return np.arange(y.size)
    # A chord over n steps is off by about n^2 / 8 of the second difference.
    bend = np.cumsum(np.sqrt(np.abs(np.diff(y, 2)) / (8 * _OFF)))
    interior = 1 + np.flatnonzero(np.diff(np.floor(bend), prepend=0.0))
    return np.unique(np.concatenate([[0], interior, [y.size - 1]]))


def _route(x: FloatArray, y: FloatArray) -> str:
    """Path through points, those that are not numbers left out."""
    steps = (f"{right} {down}" for right, down in _steps(x, y))
    return f"M{'l'.join(steps)}"


def _dots(x: FloatArray, y: FloatArray) -> str:
    return "".join(f"m{right - (number > 0)} {down}h1" for number, (right, down) in enumerate(_steps(x, y)))


def _steps(x: FloatArray, y: FloatArray) -> Iterable[tuple[int, int]]:
    """List the steps from point to point in whole units, from the corner of the picture on."""
    is_finite = np.isfinite(y)
    across, down = (np.rint(_UNITS * values[is_finite]).astype(int) for values in (x, y))
    return zip(np.diff(across, prepend=0).tolist(), np.diff(down, prepend=0).tolist(), strict=True)
