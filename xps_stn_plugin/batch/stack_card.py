"""A stack on the contact sheet: what its spectra are, and a picture of its shift."""

from __future__ import annotations

import html
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .entry import Entry
from .stacks import shift_of
from .summary import Row

_WIDTH, _HEIGHT = 260, 130
#: Most points or pixels along one direction of a picture.
_MOST: Final = 64
# From low to high: colours that grow lighter and stay apart for colour-blind eyes (viridis, at 0, 1/2 and 1).
_COLOURS: Final = np.array([(68, 1, 84), (33, 145, 140), (253, 231, 37)], dtype=float)


def commonest_status(rows: Sequence[Row]) -> str:
    """Status that most spectra of a stack have, those without data left out; "failed" for a stack without any."""
    counts = Counter(row.status for row in rows if row.status != "no_data")
    return counts.most_common(1)[0][0] if counts else "failed"


def stack_card(entry: Entry, rows: Sequence[Row]) -> str:
    """Card of one stack.

    Parameters
    ----------
    entry : Entry
        With a stack.
    rows : sequence of Row
        Of its spectra and regions.
    """
    stack = entry.record.stack
    assert stack is not None
    by_place = {row.place: row.status for row in reversed(rows)}
    counts = Counter(by_place.values())
    said = ", ".join(f"{number} {status.replace('_', ' ')}" for status, number in counts.most_common())
    size = " x ".join(f"{len(labels)} {dim}" for dim, labels in stack.labels.items())
    shift = shift_of(stack)
    chi = [row.redchi for row in rows if math.isfinite(row.redchi)]
    fits = f"; χ² {np.median(chi):.3g} in the middle, {max(chi):.3g} at worst" if chi else ""
    source = html.escape(entry.source, quote=True)
    return (
        f'<div class="card {entry.record.status}"><div><span title="{source}">{html.escape(Path(entry.source).name)}'
        f"</span> <b>{html.escape(size)}</b></div><div>{said}{fits}</div>"
        f'<div class="regions"><figure>{_picture(shift)}<figcaption>{html.escape(_caption(shift, stack.labels))}'
        "</figcaption></figure></div></div>"
    )


def _caption(shift: NDArray[Any], labels: Any) -> str:
    names = list(labels)
    over = f"over {names[0]}" if shift.ndim == 1 else f"of {names[-2]} (down) and {names[-1]}"
    over += ", the first of what else there is" if shift.ndim > 2 else ""
    if not np.isfinite(shift).any():
        return f"no shift {over}"
    return f"shift {over}: {np.nanmin(shift):+.2f} to {np.nanmax(shift):+.2f} eV"


def _picture(shift: NDArray[Any]) -> str:
    """Picture of the shift: a line along one dimension, a map of two."""
    values = shift.reshape((-1, *shift.shape[-2:]))[0] if shift.ndim > 1 else shift
    values = values[tuple(slice(None, None, math.ceil(size / _MOST) or None) for size in values.shape)]
    head = f'<svg width="{_WIDTH}" height="{_HEIGHT}" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">'
    known = np.isfinite(values)
    if not known.any():
        return f"{head}</svg>"
    low, spread = float(values[known].min()), float(np.ptp(values[known])) or 1.0
    level = (np.where(known, values, low) - low) / spread
    return f"{head}{_line(level, known) if values.ndim == 1 else _map(level, known)}</svg>"


def _line(level: NDArray[Any], known: NDArray[np.bool_]) -> str:
    x = np.linspace(4, _WIDTH - 4, level.size) if level.size > 1 else np.array([_WIDTH / 2])
    dots = zip(x[known], (_HEIGHT - 8) * (1 - level[known]) + 4, strict=True)
    return "".join(f'<circle cx="{a:.1f}" cy="{b:.1f}" r="2" fill="#0072B2"/>' for a, b in dots)


def _map(level: NDArray[Any], known: NDArray[np.bool_]) -> str:
    height, width = level.shape
    side = min(_WIDTH / width, _HEIGHT / height)
    parts = []
    for (row, column), value in np.ndenumerate(level):
        if known[row, column]:
            colour = [round(float(np.interp(value, (0, 0.5, 1), channel))) for channel in _COLOURS.T]
            place = f'x="{column * side:.1f}" y="{row * side:.1f}" width="{side + 0.1:.1f}" height="{side + 0.1:.1f}"'
            parts.append(f'<rect {place} fill="rgb({colour[0]},{colour[1]},{colour[2]})"/>')
    return "".join(parts)
