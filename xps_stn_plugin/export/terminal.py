"""Summary of a prefit for a terminal."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from xps_prefit_hooks import shown

from ..fitting import ComponentRow, Confidence, Interval, background_table, component_table, fit_quality
from ..fitting.quality import decimals, value_text
from .composition import composition, shares

if TYPE_CHECKING:
    from ..quantification import ComponentShare, Quantification
    from ..result import PrefitResult

_STATUS_COLOURS = {"ok": "green", "uncertain": "yellow"}
_SECOND_LINE = 4


def show(result: PrefitResult, console: Console, written: Iterable[Path] = ()) -> None:
    """Print what was found: shift, groups, a table for each region with its doubts, atomic percentages."""
    colour = _STATUS_COLOURS.get(result.status, "red")
    head = Text.assemble(
        (shown(result.source), "bold"), "  ", result.shift_text, "  ", (result.status.replace("_", " "), colour)
    )
    console.print(head, soft_wrap=True)
    console.print(_line(f"  {result.convention}", "dim"), soft_wrap=True)
    for reason in result.reasons:
        console.print(_line(f"  {reason}"), soft_wrap=True)
    likely = sorted((item for item in result.prediction.groups.items() if item[1] > 0.5), key=lambda item: -item[1])
    found = ", ".join(f"{name} {probability:.2f}" for name, probability in likely)
    console.print(_line(f"  groups: {found or 'none above 0.5'}"), soft_wrap=True)
    made = composition(result)
    percentages = shares(made)
    for region in result.seeds:
        _show_region(result, region, console, percentages)
    if made is not None and made.elements:
        _show_composition(made, console)
    files = ", ".join(map(str, written))
    if files:
        console.print(_line(f"  written: {files}"), soft_wrap=True)


def _line(text: str, style: str = "") -> Text:
    """Text without what a terminal would take for a command."""
    return Text(shown(text), style)


def _show_region(
    result: PrefitResult, region: str, console: Console, percentages: Mapping[tuple[str, str], ComponentShare]
) -> None:
    seed, fit = result.seeds[region], result.fits.get(region)
    quality = None if fit is None else fit_quality(seed, fit)
    state = "start values" if fit is None or quality is None else quality.line
    state = state if fit is None or fit.success else "fit without success"
    if quality is not None and fit is not None and fit.success and not quality.describes_data:
        state = f"does not describe the data; {state}"
    console.print(_line(f"  {region}  ({seed.background} background, {state})", "bold"), soft_wrap=True)
    rows = component_table(seed, fit)
    table = Table("", "center / eV", "measured", "FWHM / eV", "area", "region %", box=None, pad_edge=False)
    if fit is not None:
        table.add_column("atomic %")
    for column in table.columns[1:]:
        column.justify = "right"
    table.add_column("")
    for row in rows:
        error = row.stderr.get("center")
        center, measured = result.positions(row.center)
        share = percentages.get((region, row.name))
        atomic = () if fit is None else ("-" if share is None else _number(share.atomic_percent, share.stderr, 1),)
        table.add_row(
            _line(f"  {result.short_name(region, row.name)}"),
            _number(center, error, 2 if error is None else 3),
            _number(measured, None if math.isfinite(center) else error, 2 if error is None else 3),
            _number(row.fwhm, row.stderr.get("fwhm"), 2),
            value_text(row.area, row.stderr.get("area")),
            f"{100 * row.fraction_of_region:.1f}",
            *atomic,
            Text(flags(row), "yellow"),
        )
    console.print(table)
    confidence: Confidence | None = getattr(fit, "confidence", None)
    if confidence is not None and confidence.intervals:
        _show_confidence(result, region, confidence, console)
    parameters = ", ".join(f"{row.name} {value_text(row.value, row.stderr)}" for row in background_table(seed, fit))
    for note in (f"Background: {parameters}.", *seed.notes):
        _indented(console, note, "dim")
    for note in (*(quality.notes if quality else ()), *(confidence.notes if confidence else ())):
        _indented(console, note, "yellow")


def flags(row: ComponentRow) -> str:
    """Say in a few words what is special about a component."""
    found = [] if row.groups else ["unassigned"]
    if row.at_bound == ("area",):
        found.append("no signal")
    elif row.at_bound:
        found.append(f"{', '.join(row.at_bound)} at bound")
    return "; ".join(found)


def _show_confidence(result: PrefitResult, region: str, confidence: Confidence, console: Console) -> None:
    levels = sorted({interval.sigma for interval in confidence.intervals})
    kinds = [(quantity, sigma) for quantity in ("center", "area") for sigma in levels]
    found: dict[tuple[str, str, float], Interval] = {
        (part.component, part.quantity, part.sigma): part for part in confidence.intervals
    }
    names = dict.fromkeys(part.component for part in confidence.intervals)
    table = Table("", *(f"{quantity}, {_level(sigma)}" for quantity, sigma in kinds), box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    for name in names:
        cells = [_interval(found.get((name, quantity, sigma))) for quantity, sigma in kinds]
        table.add_row(_line(f"    {result.short_name(region, name)}"), *cells)
    console.print(Text("    confidence intervals"))
    console.print(table)


def _show_composition(found: Quantification, console: Console) -> None:
    elements = ", ".join(
        f"{element.symbol} {_number(element.atomic_percent, element.stderr, 1)}" for element in found.elements
    )
    text = Text.assemble(("  atomic %  ", "bold"), elements, (f"   ({found.sensitivity.name} factors)", "dim"))
    console.print(text, soft_wrap=True)
    for comparison in found.comparisons:
        _indented(console, comparison.sentence, "yellow" if comparison.agrees is False else "dim")


def _interval(part: Interval | None) -> str:
    """Write both limits; a question mark for one that was not found."""
    if part is None:
        return "-"
    width = part.high - part.low
    digits = 3 if part.quantity == "center" else decimals(width if math.isfinite(width) else 0.1 * abs(part.high))
    return " to ".join(f"{end:.{digits}f}" if math.isfinite(end) else "?" for end in (part.low, part.high))


def _indented(console: Console, note: str, style: str) -> None:
    console.print(Padding(_line(note, style), (0, 0, 0, _SECOND_LINE), expand=False))


def _level(sigma: float) -> str:
    return f"{100 * (math.erf(sigma / math.sqrt(2)) if sigma >= 1 else sigma):.0f} %"


def _number(value: float, error: float | None, digits: int) -> str:
    if not math.isfinite(value):
        return "-"
    return f"{value:.{digits}f}" + ("" if error is None or not math.isfinite(error) else f" ± {error:.{digits}f}")
