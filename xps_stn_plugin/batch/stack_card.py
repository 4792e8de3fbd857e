"""A stack on the contact sheet: what its spectra are, a picture of its shift, and pictures of its fits."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from ..export.texts import markup
from .entry import Entry
from .overview import lines, overview
from .picture import colour_of, picture
from .record import WORST_FIRST, StackRecord
from .stacks import areas_of, drawings_of, not_applied, notes_of, shift_of
from .summary import Row

#: Spectra of a short stack, whose fits are all drawn; of a longer one so many of the worst are.
SHORT: Final = 40
WORST: Final = 12
#: Most fits of a short stack with many regions.
_MOST: Final = 120
#: Size of the picture of a fit in pixels.
_SMALL: Final = (190, 100)
#: Components whose areas are drawn, the largest, as lines or as maps of so many pixels along one direction.
_LINES, _MAPS, _PIXELS = 8, 3, 32


def commonest_status(rows: Sequence[Row]) -> str:
    """Status that most spectra of a stack have, those without data left out; "failed" for a stack without any."""
    counts = Counter(row.status for row in rows if row.status != "no_data")
    return counts.most_common(1)[0][0] if counts else "failed"


def stack_card(entry: Entry, rows: Sequence[tuple[int, Row]]) -> str:
    """Card of one stack: its shift, and the fits, the worst first; of a long one the worst alone.

    Parameters
    ----------
    entry : Entry
        With a stack.
    rows : sequence of (int, Row)
        Of its spectra and regions, in the order of the summary, with their numbers there.
    """
    stack = entry.record.stack
    assert stack is not None
    by_place = {row.place: row.status for _, row in reversed(rows)}
    counts = Counter(by_place.values())
    said = ", ".join(f"{number} {status.replace('_', ' ')}" for status, number in counts.most_common())
    size = f"{' x '.join(str(len(labels)) for labels in stack.labels.values())} spectra over {', '.join(stack.labels)}"
    chi = [row.redchi for _, row in rows if math.isfinite(row.redchi)]
    fits = f"; χ² {np.median(chi):.3g} in the middle, {max(chi):.3g} at worst" if chi else ""
    # What was not measured shows nothing.
    shown = [(number, row) for number, row in enumerate(row for _, row in rows) if row.status in WORST_FIRST]
    shown.sort(key=lambda one: one[1].badness)
    most = min(len(shown), _MOST if len(by_place) <= SHORT else WORST)
    left = f"; the worst {most} of {len(shown)} below" if most < len(shown) else ""
    source = markup(entry.source, quote=True)
    return (
        f'<div class="card stack {entry.record.status}"><div><span title="{source}">'
        f"{markup(Path(entry.source).name)}</span> <b>{markup(size)}</b>: {said}{fits}{left}</div>"
        f'<div class="regions">{"".join(_overviews(stack))}</div>'
        f'<div class="regions">{"".join(_fits(stack, rows, [number for number, _ in shown[:most]]))}</div>'
        f'<div class="why">{markup(notes_of(stack))}</div></div>'
    )


def _overviews(stack: StackRecord) -> Iterator[str]:
    """Pictures of the shift, and of the areas of the largest components."""
    dims = list(stack.labels)
    over = f"over {dims[0]}" if len(dims) == 1 else f"of {dims[-2]} (down) and {dims[-1]}" if dims else ""
    over += ", the first of what else there is" if len(dims) > 2 else ""
    shift = shift_of(stack)
    known = np.isfinite(shift).any()
    said = f"shift {over}: {np.nanmin(shift):+.2f} to {np.nanmax(shift):+.2f} eV" if known else f"no shift {over}"
    said += f", {left} of them not applied" if (left := not_applied(stack)) else ""
    shape = ' class="map"' if len(dims) > 1 else ""
    yield _figure(overview(shift), markup(said), shape)
    for region, areas in areas_of(stack).items():
        largest = sorted(areas, key=lambda name: -float(np.nansum(areas[name].values)))
        if len(dims) == 1:
            kept = {name: areas[name] for name in areas if name in largest[:_LINES]}
            legend = ", ".join(
                f'<span style="color:{colour_of(area.colour)}">{markup(name.removeprefix(region).strip())}</span>'
                for name, area in kept.items()
            )
            series = {name: (area.values, colour_of(area.colour)) for name, area in kept.items()}
            yield _figure(lines(series), f"{markup(f'areas of {region} {over}')}: {legend}")
            continue
        for name in largest[:_MAPS]:
            values = areas[name].values
            said = f"area of {name}: {_whole(np.nanmin(values))} to {_whole(np.nanmax(values))}"
            yield _figure(overview(values, _PIXELS), markup(said), shape)


def _fits(stack: StackRecord, rows: Sequence[tuple[int, Row]], places: Sequence[int]) -> Iterator[str]:
    """Pictures of the fits of some of the rows."""
    regions = len(stack.regions)
    drawings = drawings_of(stack, [(place // regions, rows[place][1].region) for place in places])
    for place, drawing in zip(places, drawings, strict=True):
        number, row = rows[place]
        why = markup(" ".join([f"Row {number} of the summary.", *row.reasons]), quote=True)
        told = f"{markup(row.place)}<br>{markup(row.caption)}"
        yield _figure(picture(drawing, *_SMALL), told, f' class="small {row.colour}" title="{why}"')


def _whole(value: float) -> str:
    """Text of a number with three digits, or all before its point."""
    return f"{value:.0f}" if value >= 100 or value < 1e-3 else f"{value:.3g}"


def _figure(drawn: str, caption: str, attributes: str = "") -> str:
    return f"<figure{attributes}>{drawn}<figcaption>{caption}</figcaption></figure>"
