"""The contact sheet: one HTML page with a small picture of every spectrum, the worst first, drawn from the records."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

from .._util.files import Overwrite, write_text
from .._util.marks import MARK
from ..core.energy_scale import reference_text, shift_text
from ..export.texts import markup, or_nan
from .entry import Entry, not_written
from .outputs import SUMMARY
from .picture import Component, Drawing, picture
from .record import AXIS, BACKGROUND, COMPONENTS, COUNTS, ENVELOPE, WORST_FIRST
from .stack_card import SHORT, WORST, commonest_status, stack_card
from .summary import COLUMNS, Row

#: Most spectra that are drawn; nobody looks at more, and a page with more opens slowly.
MOST: Final = 1000

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
.stack{flex:1 1 100%}.card.stack div{max-width:none}figure.small{width:190px}
figure.map{width:min-content;min-width:150px}
figure.small svg{border-top:3px solid}
figure.failed svg{border-color:#8B0000}figure.out_of_domain svg{border-color:#B00020}
figure.uncertain svg{border-color:#B35900}figure.ok svg{border-color:#00734F}
.why{font-size:11px;color:#444;width:0;min-width:100%;max-height:6em;overflow:auto}
table{border-collapse:collapse;font-size:11px}
td,th{border:1px solid #ddd;padding:1px 5px;vertical-align:top;text-align:left}
th{position:sticky;top:0;background:#eee}tr:target{background:#ffef9f}
@media print{.why{max-height:none}}
"""

_OF_STACKS: Final = (
    f"The {{}} rows of stacks are in {SUMMARY} only. A stack has pictures of its shift, of the areas of its largest "
    f"components, and of its fits: all of them up to {SHORT} spectra, else the worst {WORST}. The line above a "
    "picture has the colour of its status."
)


def write_sheet(
    path: Path,
    entries: Iterable[Entry],
    rows: Sequence[Row],
    failed: Callable[[Entry, str, Exception], None] = not_written,
    *,
    overwrite: Overwrite = False,
    inputs: Iterable[Path] = (),
) -> None:
    """Write the page; it holds all that it shows and needs no network.

    Parameters
    ----------
    path : Path
    entries : iterable of Entry
        Taken one by one.
    rows : sequence of Row
        The summary, which stands below the pictures.
    failed : callable
        ``failed(entry, output, error)`` is told of a spectrum that cannot be drawn; its card is empty.
    overwrite, inputs
        As for `xps_stn_plugin._util.files.check_target`.

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
    cards = dict.fromkeys(order, "")
    for entry in entries:
        if entry.source in drawn:
            try:
                cards[entry.source] = _card(entry, of_source[entry.source])
            except Exception as error:  # noqa: BLE001 (the other spectra are still worth seeing)
                failed(entry, "picture on the contact sheet", error)
    undrawn = len(order) - len(drawn)
    stacked = sum(bool(row.place) for row in rows)
    text = [
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">',
        f'<meta name="generator" content="{MARK}"><title>Contact sheet</title>',
        f"<style>{_STYLE}</style></head><body><h1>Contact sheet</h1>",
        f"<p>{_count(order, of_source)}. The worst come first: failed, out of domain, uncertain, ok, then by "
        "decreasing reduced chi-square (χ²). Dots: data; red: envelope; dashed grey: background; filled: "
        "components (grey: unassigned; point at one for its name and position). A name links to its row in the "
        "table below.</p>",
        f"<p>Energies: {reference_text(rows[0].reference, rows[0].reference_at, rows[0].calibrated_on or None)}.</p>"
        if rows and rows[0].reference_at
        else "",
        f"<p>The {undrawn} best ones are not drawn.</p>" if undrawn else "",
        f"<p>{_OF_STACKS.format(stacked)}</p>" if stacked else "",
        '<div class="sheet">',
        *(cards[source] for source in order[:MOST]),
        '</div><h2>Summary</h2><div class="table"><table><tr><th>row</th>',
        *(f"<th>{name}</th>" for name in COLUMNS),
        "</tr>",
        *(_table_row(number, row) for number, row in enumerate(rows, start=1) if not row.place),
        "</table></div></body></html>",
    ]
    write_text(path, "\n".join(text) + "\n", overwrite=overwrite, inputs=inputs)


def _badness(rows: Sequence[Row]) -> tuple[int, float]:
    """Key that sorts the worst spectrum first."""
    worst = max((row.redchi for row in rows if math.isfinite(row.redchi)), default=-math.inf)
    # A map of thousands always has a bad pixel.
    status = commonest_status(rows) if rows[0].place else _status(rows)
    return WORST_FIRST.index(status), -worst


def _status(rows: Sequence[Row]) -> str:
    """Status of a spectrum: that of the regions that were read, which is the best, unless something failed."""
    statuses = {row.status for row in rows}
    return "failed" if "failed" in statuses else max(statuses, key=WORST_FIRST.index)


def _count(order: Sequence[str], of_source: dict[str, list[tuple[int, Row]]]) -> str:
    ranks = [_badness([row for _, row in of_source[source]])[0] for source in order]
    status_counts = [
        f"{ranks.count(WORST_FIRST.index(status))} {status.replace('_', ' ')}" for status in reversed(WORST_FIRST)
    ]
    stacks = sum(bool(of_source[source][0][1].place) for source in order)
    counted = {"file": len(order) - stacks, "stack": stacks}
    inputs = " and ".join(f"{number} {word}{'s' * (number != 1)}" for word, number in counted.items() if number)
    return f"{inputs}: {', '.join(status_counts)}"


def _card(entry: Entry, rows: Sequence[tuple[int, Row]]) -> str:
    if entry.record.stack is not None:
        return stack_card(entry, rows)
    status = entry.record.status
    first = rows[0][1]
    name = markup(Path(entry.source).name)
    shift = ""
    if math.isfinite(first.shift):
        shift = f", {shift_text(first.shift, first.shift_stderr, first.applied_shift == first.shift)}"
    groups = ", ".join(f"{group} {probability:.2f}" for group, probability in first.groups)
    figures = [
        f"<figure>{picture(_drawing(entry, row.region))}<figcaption>{markup(row.caption)}</figcaption></figure>"
        for _, row in rows
        if row.region
    ]
    reasons = markup(" ".join(dict.fromkeys(reason for _, row in rows for reason in row.reasons)))
    title = markup(entry.source, quote=True)
    colour = min((row.colour for _, row in rows if row.status == status), key=WORST_FIRST.index, default=status)
    return (
        f'<div class="card {colour}"><div><a href="#row{rows[0][0]}" title="{title}">{name}</a> '
        f"<b>shift {status.replace('_', ' ')}{shift}</b></div>"
        + (f"<div>{markup(groups)}</div>" if groups else "")
        + f'<div class="regions">{"".join(figures)}</div><div class="why">{reasons}</div></div>'
    )


def _drawing(entry: Entry, name: str) -> Drawing:
    """Gather what is drawn of a region."""
    region = entry.record.regions[name]
    curves = region.curves
    if not region.has_model:
        return Drawing(curves[AXIS], curves[COUNTS])
    assert entry.record.report is not None
    report = entry.record.report
    drawn = []
    for number, (row, curve) in enumerate(zip(report.regions[name].components, curves[COMPONENTS:], strict=True)):
        position, measured = report.position(row)
        centre = or_nan(measured if position is None else position)
        drawn.append(Component(row.name, centre, number if row.groups else None, curve))
    return Drawing(curves[AXIS], curves[COUNTS], curves[BACKGROUND], curves[ENVELOPE], drawn)


def _table_row(number: int, row: Row) -> str:
    cells = "".join(f"<td>{markup(cell)}</td>" for cell in row.cells())
    return f'<tr id="row{number}"><td>{number}</td>{cells}</tr>'
