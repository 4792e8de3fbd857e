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
from .stacks import areas_of, drawings_of, not_applied, notes_of, percentages_of, shift_of
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
#: Elements whose atomic percentages are drawn as maps, the largest.
_ELEMENTS: Final = 6


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
    status_counts = ", ".join(f"{number} {status.replace('_', ' ')}" for status, number in counts.most_common())
    size = f"{' x '.join(str(len(labels)) for labels in stack.labels.values())} spectra over {', '.join(stack.labels)}"
    chi = [row.redchi for _, row in rows if math.isfinite(row.redchi)]
    fits = f"; χ² {np.median(chi):.3g} (median), {max(chi):.3g} (largest)" if chi else ""
    # What was not measured shows nothing.
    ranked = [(number, row) for number, row in enumerate(row for _, row in rows) if row.status in WORST_FIRST]
    ranked.sort(key=lambda numbered: numbered[1].badness)
    drawn = min(len(ranked), _MOST if len(by_place) <= SHORT else WORST)
    limit_note = f"; the worst {drawn} of {len(ranked)} below" if drawn < len(ranked) else ""
    source = markup(entry.source, quote=True)
    return (
        f'<div class="card stack {entry.record.status}"><div><span title="{source}">'
        f"{markup(Path(entry.source).name)}</span> <b>{markup(size)}</b>: {status_counts}{fits}{limit_note}</div>"
        f'<div class="regions">{"".join(_overviews(stack))}</div>'
        f'<div class="regions">{"".join(_fits(stack, rows, [number for number, _ in ranked[:drawn]]))}</div>'
        f'<div class="why">{markup(notes_of(stack))}</div></div>'
    )


def _overviews(stack: StackRecord) -> Iterator[str]:
    """Pictures of the shift, and of the areas of the largest components."""
    dims = list(stack.labels)
    dims_text = f"over {dims[0]}" if len(dims) == 1 else f"of {dims[-2]} (down) and {dims[-1]}" if dims else ""
    dims_text += ", at the first value of the other dimensions" if len(dims) > 2 else ""
    shift = shift_of(stack)
    has_shift = np.isfinite(shift).any()
    caption = (
        f"shift {dims_text}: {np.nanmin(shift):+.2f} to {np.nanmax(shift):+.2f} eV"
        if has_shift
        else f"no shift {dims_text}"
    )
    caption += f", {unapplied} of them not applied" if (unapplied := not_applied(stack)) else ""
    shape = ' class="map"' if len(dims) > 1 else ""
    yield _figure(overview(shift), markup(caption), shape)
    percentages = percentages_of(stack)
    if len(percentages) > 1 and len(dims) == 1:
        colours = {name: colour_of(number) for number, name in enumerate(percentages)}
        legend = ", ".join(f'<span style="color:{colour}">{markup(name)}</span>' for name, colour in colours.items())
        series = {name: (values, colours[name]) for name, values in percentages.items()}
        yield _figure(lines(series), f"{markup(f'atomic percent {dims_text}')}: {legend}")
    elif len(percentages) > 1:
        for name, values in list(percentages.items())[:_ELEMENTS]:
            caption = f"atomic percent of {name}: {np.nanmin(values):.1f} to {np.nanmax(values):.1f}"
            yield _figure(overview(values, _PIXELS), markup(caption), shape)
    for region, areas in areas_of(stack).items():
        largest = sorted(areas, key=lambda name: -float(np.nansum(areas[name].values)))
        if len(dims) == 1:
            drawn_areas = {name: areas[name] for name in areas if name in largest[:_LINES]}
            legend = ", ".join(
                f'<span style="color:{colour_of(area.colour)}">{markup(name.removeprefix(region).strip())}</span>'
                for name, area in drawn_areas.items()
            )
            series = {name: (area.values, colour_of(area.colour)) for name, area in drawn_areas.items()}
            yield _figure(lines(series), f"{markup(f'areas of {region} {dims_text}')}: {legend}")
            continue
        for name in largest[:_MAPS]:
            values = areas[name].values
            caption = f"area of {name}: {_area_text(np.nanmin(values))} to {_area_text(np.nanmax(values))}"
            yield _figure(overview(values, _PIXELS), markup(caption), shape)


def _fits(stack: StackRecord, rows: Sequence[tuple[int, Row]], positions: Sequence[int]) -> Iterator[str]:
    """Pictures of the fits of some of the rows."""
    regions = len(stack.regions)
    drawings = drawings_of(stack, [(position // regions, rows[position][1].region) for position in positions])
    for position, drawing in zip(positions, drawings, strict=True):
        number, row = rows[position]
        tooltip = markup(" ".join([f"Row {number} of the summary.", *row.reasons]), quote=True)
        caption = f"{markup(row.place)}<br>{markup(row.caption)}"
        yield _figure(picture(drawing, *_SMALL), caption, f' class="small {row.colour}" title="{tooltip}"')


def _area_text(value: float) -> str:
    """Text of a number with three digits, or all before its point."""
    return f"{value:.0f}" if value >= 100 or value < 1e-3 else f"{value:.3g}"


def _figure(drawn: str, caption: str, attributes: str = "") -> str:
    return f"<figure{attributes}>{drawn}<figcaption>{caption}</figcaption></figure>"
