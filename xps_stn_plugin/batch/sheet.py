"""The contact sheet: one HTML page with a small picture of every spectrum, the worst first, drawn from the records."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..files import write_text
from .entry import Entry
from .record import AXIS, BACKGROUND, COMPONENTS, COUNTS, ENVELOPE, RegionRecord
from .stack_card import commonest_status, stack_card
from .summary import COLUMNS, Row

#: Most spectra that are drawn; nobody looks at more, and a page with more opens slowly.
MOST: Final = 1000

_WIDTH, _HEIGHT = 260, 130
#: Points of a curve: more cannot be seen at this size.
_POINTS: Final = 520
_RANKS: Final = {"failed": 0, "out_of_domain": 1, "uncertain": 2, "ok": 3}
# Okabe & Ito's colours that stay apart for colour-blind eyes.
_COLOURS: Final = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#B8A500", "#7A5195")

_STYLE: Final = """
body{font:13px/1.35 system-ui,sans-serif;margin:1em;color:#222;background:#fff}
h1{font-size:1.3em;margin:0 0 .2em}h2{font-size:1.1em}p{margin:.3em 0;max-width:75em}
.sheet{display:flex;flex-wrap:wrap;align-items:flex-start;gap:10px;margin:1em 0}
.table{overflow-x:auto}
.card{border:1px solid #ccc;border-top:5px solid;padding:5px 7px;max-width:100%}
.failed{border-top-color:#8B0000}.out_of_domain{border-top-color:#B00020}
.uncertain{border-top-color:#B35900}.ok{border-top-color:#00734F}
.failed b{color:#8B0000}.out_of_domain b{color:#B00020}.uncertain b{color:#B35900}.ok b{color:#00734F}
.card a{font-weight:600;color:#222;overflow-wrap:anywhere}.card div{max-width:800px}
.regions{display:flex;flex-wrap:wrap;gap:6px;min-width:260px}figure{margin:3px 0;width:260px}
figcaption{font-size:11px;color:#444}svg{display:block;background:#fafafa}
.why{font-size:11px;color:#444;width:0;min-width:100%;max-height:6em;overflow:auto}
table{border-collapse:collapse;font-size:11px}
td,th{border:1px solid #ddd;padding:1px 5px;vertical-align:top;text-align:left}
th{position:sticky;top:0;background:#eee}tr:target{background:#ffef9f}
@media print{.why{max-height:none}}
"""


def write_sheet(path: Path, entries: Iterable[Entry], rows: Sequence[Row]) -> None:
    """Write the page; it holds all that it shows and needs no network.

    Parameters
    ----------
    path : Path
    entries : iterable of Entry
        Taken one by one.
    rows : sequence of Row
        The summary, which stands below the pictures.

    Raises
    ------
    PrefitError
        If the file cannot be written.
    """
    of_source: dict[str, list[tuple[int, Row]]] = {}
    for number, row in enumerate(rows, start=1):
        of_source.setdefault(row.source, []).append((number, row))
    order = sorted(of_source, key=lambda source: _badness([row for _, row in of_source[source]]))
    drawn = set(order[:MOST])
    cards = {entry.source: _card(entry, of_source[entry.source]) for entry in entries if entry.source in drawn}
    left = len(order) - len(drawn)
    stacked = sum(bool(row.place) for row in rows)
    text = [
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Contact sheet</title>',
        f"<style>{_STYLE}</style></head><body><h1>Contact sheet</h1>",
        f"<p>{_count(order, of_source)}. The worst come first: failed, out of domain, uncertain, ok, and among these "
        "by their largest reduced chi-square (χ²). Dots: data; red: envelope; dashed grey: background; filled: "
        "components (grey: no group explains it). A name leads to its row in the table below.</p>",
        f"<p>The {left} best ones are not drawn.</p>" if left else "",
        f"<p>The {stacked} rows of stacks are in the summary alone.</p>" if stacked else "",
        '<div class="sheet">',
        *(cards[source] for source in order[:MOST]),
        '</div><h2>Summary</h2><div class="table"><table><tr><th>row</th>',
        *(f"<th>{name}</th>" for name in COLUMNS),
        "</tr>",
        *(_table_row(number, row) for number, row in enumerate(rows, start=1) if not row.place),
        "</table></div></body></html>",
    ]
    write_text(path, "\n".join(text) + "\n")


def _badness(rows: Sequence[Row]) -> tuple[int, float]:
    """Key that sorts the worst spectrum first."""
    worst = max((row.redchi for row in rows if math.isfinite(row.redchi)), default=-math.inf)
    if rows[0].place:
        # A map of thousands always has a bad pixel.
        return _RANKS[commonest_status(rows)], -worst
    return min(_RANKS[row.status] for row in rows), -worst


def _count(order: Sequence[str], of_source: dict[str, list[tuple[int, Row]]]) -> str:
    ranks = [_badness([row for _, row in of_source[source]])[0] for source in order]
    found = [f"{ranks.count(rank)} {status.replace('_', ' ')}" for status, rank in reversed(_RANKS.items())]
    return f"{len(order)} spectra: {', '.join(found)}"


def _card(entry: Entry, rows: Sequence[tuple[int, Row]]) -> str:
    if entry.record.stack is not None:
        return stack_card(entry, [row for _, row in rows])
    status = entry.record.status
    first = rows[0][1]
    name = html.escape(Path(entry.source).name)
    shift = f" {first.shift:+.2f} ± {first.shift_stderr:.2f} eV" if math.isfinite(first.shift) else ""
    groups = ", ".join(f"{group} {probability:.2f}" for group, probability in first.groups)
    figures = [
        f"<figure>{_picture(entry, row.region)}<figcaption>{html.escape(_caption(row))}</figcaption></figure>"
        for _, row in rows
        if row.region
    ]
    why = html.escape(" ".join(dict.fromkeys(reason for _, row in rows for reason in row.reasons)))
    title = html.escape(entry.source, quote=True)
    return (
        f'<div class="card {status}"><div><a href="#row{rows[0][0]}" title="{title}">{name}</a> '
        f"<b>{status.replace('_', ' ')}{shift}</b></div>"
        + (f"<div>{html.escape(groups)}</div>" if groups else "")
        + f'<div class="regions">{"".join(figures)}</div><div class="why">{why}</div></div>'
    )


def _caption(row: Row) -> str:
    text = row.region
    if row.components is not None:
        text += f": {row.components} component{'' if row.components == 1 else 's'}"
        text += f" ({row.unassigned} unassigned)" if row.unassigned else ""
    if math.isfinite(row.redchi):
        text += f", χ² {row.redchi:.3g}"
    return text if row.fitted == "yes" else f"{text}, {'not fitted' if row.fitted == 'no' else row.fitted}"


def _picture(entry: Entry, name: str) -> str:
    """Picture of a region as SVG; binding energies decrease to the right."""
    region = entry.record.regions[name]
    curves = _thinned(region)
    energy, counts = curves[AXIS], curves[COUNTS]
    x = (energy[-1] - energy) / (energy[-1] - energy[0]) * _WIDTH
    shown = curves[COUNTS : ENVELOPE + 1] if region.has_model else counts[None]
    # The model of a failed fit may be no numbers.
    low, high = float(np.nanmin(shown)), float(np.nanmax(shown))
    high += 0.08 * (high - low) or 1.0

    def height(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return (high - values) / (high - low) * (_HEIGHT - 14)

    parts = [f'<svg width="{_WIDTH}" height="{_HEIGHT}" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">']
    if region.has_model:
        assert entry.record.document is not None
        below = curves[BACKGROUND]
        components = entry.record.document["regions"][name]["components"]
        for number, (component, line) in enumerate(zip(components, curves[COMPONENTS:], strict=True)):
            colour = _COLOURS[number % len(_COLOURS)] if component["groups"] else "#777"
            outline = _points(np.append(x, x[::-1]), height(np.append(below + line, below[::-1])))
            center = component["center_measured"] if component["center"] is None else component["center"]
            parts.append(
                f'<polygon points="{outline}" fill="{colour}" fill-opacity=".3" stroke="{colour}" stroke-width=".7">'
                f"<title>{html.escape(component['name'])} {center:.2f} eV</title></polygon>"
            )
        dots = "".join(f"M{a:.1f} {b:.1f}h.1" for a, b in zip(x.tolist(), height(counts).tolist(), strict=True))
        parts += [
            _line(x, height(below), 'stroke="#777" stroke-dasharray="3 2"'),
            f'<path d="{dots}" stroke="#222" stroke-width="2" stroke-linecap="round"/>',
            _line(x, height(curves[ENVELOPE]), 'stroke="#C00000" stroke-width="1.2"'),
        ]
    else:
        parts.append(_line(x, height(counts), 'stroke="#222"'))
    style = f'y="{_HEIGHT - 2}" font-size="10" fill="#555"'
    parts += [
        f'<text x="1" {style}>{energy[-1]:.1f}</text>',
        f'<text x="{_WIDTH - 1}" {style} text-anchor="end">{energy[0]:.1f} eV</text></svg>',
    ]
    return "".join(parts)


def _thinned(region: RegionRecord) -> NDArray[np.float64]:
    """Curves with every n-th point, where a picture cannot show them all."""
    step = math.ceil(region.curves.shape[1] / _POINTS)
    return region.curves[:, ::step]


def _line(x: NDArray[np.float64], y: NDArray[np.float64], style: str) -> str:
    return f'<polyline points="{_points(x, y)}" fill="none" {style}/>'


def _points(x: NDArray[np.float64], y: NDArray[np.float64]) -> str:
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x.tolist(), y.tolist(), strict=True) if math.isfinite(b))


def _table_row(number: int, row: Row) -> str:
    cells = "".join(f"<td>{html.escape(cell)}</td>" for cell in row.cells())
    return f'<tr id="row{number}"><td>{number}</td>{cells}</tr>'
