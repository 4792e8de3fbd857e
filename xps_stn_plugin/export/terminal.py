"""Summary of a prefit for a terminal."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from xps_prefit_hooks import shown

from ..fitting.quality import decimals, value_text
from .make_report import report_of
from .report import Component, ConfidenceInterval, Quantification, Region, Report, Verdicts
from .survey_report import SurveyReport
from .texts import or_nan, percent, with_error

if TYPE_CHECKING:
    from ..core.result import PrefitData

_STATUS_COLOURS = {"ok": "green", "uncertain": "yellow", "not fitted": "dim"}
_SECOND_LINE = 4
#: Most lines of an element of a survey that are named.
_SURVEY_LINES = 4


def show(result: PrefitData, console: Console, written: Iterable[Path] = ()) -> None:
    """Print what was found: shift, groups, a table for each region with its doubts, atomic percentages."""
    report = report_of(result)
    console.print(Text.assemble((shown(report.source), "bold"), "  ", report.shift.text), soft_wrap=True)
    console.print(_verdicts(report.verdicts), soft_wrap=True)
    console.print(_line(f"  {report.shift.convention}", "dim"), soft_wrap=True)
    for reason in report.reasons:
        console.print(_line(f"  {reason}"), soft_wrap=True)
    named = [(group.name, group.probability) for group in report.likely(0.5)]
    named += [(parent.name, parent.probability) for parent in report.likely_parents(0.5)]
    groups = ", ".join(f"{name} {probability:.2f}" for name, probability in named)
    console.print(_line(f"  groups: {groups or 'none above 0.5'}"), soft_wrap=True)
    if report.material_text:
        console.print(_line(f"  materials: {report.material_text}"), soft_wrap=True)
    if report.open_sets:
        console.print(
            _line(f"  sets of groups: {'; '.join(group_set.text for group_set in report.open_sets)}"), soft_wrap=True
        )
    for name, region in report.modelled.items():
        _show_region(name, region, report, console)
    for name, survey in report.surveys.items():
        _show_survey(name, survey, console)
    if report.quantification is not None and report.quantification.elements:
        _show_quantification(report.quantification, console)
    files = ", ".join(map(str, written))
    if files:
        console.print(_line(f"  written: {files}"), soft_wrap=True)


def _verdicts(verdicts: Verdicts) -> Text:
    """Trust in the shift, the groups and each fit, each in its own colour."""
    text = Text("  ")
    for number, (subject, verdict) in enumerate(verdicts.named):
        text.append(f"{', ' if number else ''}{shown(subject)}: ")
        text.append(verdict.replace("_", " "), _STATUS_COLOURS.get(verdict, "red"))
    return text


def _line(text: str, style: str = "") -> Text:
    """Text without what a terminal would take for a command."""
    return Text(shown(text), style)


def _show_region(name: str, region: Region, report: Report, console: Console) -> None:
    fit, background = region.fit, region.background
    assert background is not None  # it has a model
    state = "start values" if fit is None else fit.state if fit.success else "fit without success"
    trust = "" if region.status == report.status else f"{region.status.replace('_', ' ')}, "
    console.print(_line(f"  {name}  ({trust}{background.kind} background, {state})", "bold"), soft_wrap=True)
    table = Table("", report.position_title, "measured", "FWHM / eV", "area", "region %", box=None, pad_edge=False)
    if fit is not None:
        table.add_column("atomic %")
    for column in table.columns[1:]:
        column.justify = "right"
    table.add_column("")
    for component in region.components:
        share = component.atomic_percent
        atomic = () if fit is None else ("-" if share is None else with_error(share.value, share.stderr, 1),)
        table.add_row(
            _line(f"  {region.short_name(component)}"),
            *numbers(report, component),
            *atomic,
            Text(component.flags, "yellow"),
        )
    console.print(table)
    if any(component.confidence for component in region.components):
        _show_confidence(region, console)
    values = [(key, value, background.stderr[key]) for key, value in background.parameters.items()]
    parameters = ", ".join(f"{key} {value_text(or_nan(value), error)}" for key, value, error in values)
    for note in (f"Background: {parameters}.", *region.notes):
        _indented(console, note, "dim")
    for note in fit.notes if fit else ():
        _indented(console, note, "yellow")


def numbers(report: Report, component: Component) -> tuple[str, str, str, str, str]:
    """Write position, measured position, width, area and share of the region's area of a component."""
    error = component.stderr["center"]
    digits = 2 if error is None else 3
    position, measured = report.position(component)
    return (
        with_error(position, error, digits),
        # Without a shift the measured position is the only one, so that it carries the error.
        with_error(measured, None if position is not None else error, digits),
        with_error(component.fwhm, component.stderr["fwhm"], 2),
        value_text(or_nan(component.area), component.stderr["area"]),
        with_error(percent(component.fraction_of_region), None, 1),
    )


def _show_survey(name: str, survey: SurveyReport, console: Console) -> None:
    console.print(_line(f"  {name}  (elements; lines are shifted by {survey.shift:+.1f} eV)", "bold"), soft_wrap=True)
    table = Table("", "atomic %", "probability", "lines", box=None, pad_edge=False)
    for column in table.columns[1:3]:
        column.justify = "right"
    for element in survey.elements:
        amount = with_error(element.atomic_percent, element.stderr, 1)
        lines = ", ".join(element.lines[:_SURVEY_LINES])
        table.add_row(f"  {element.symbol}", amount, f"{element.probability:.2f}", lines)
    console.print(table)
    for note in survey.notes:
        _indented(console, note, "dim")


def _show_confidence(region: Region, console: Console) -> None:
    intervals = {
        (component.name, part.quantity, part.sigma): part
        for component in region.components
        for part in component.confidence or ()
    }
    levels = sorted({sigma for _, _, sigma in intervals})
    kinds = [(quantity, sigma) for quantity in ("center", "area") for sigma in levels]
    table = Table("", *(f"{quantity}, {_level(sigma)}" for quantity, sigma in kinds), box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    for component in region.components:
        if component.confidence:
            cells = [_interval(intervals.get((component.name, quantity, sigma))) for quantity, sigma in kinds]
            table.add_row(_line(f"    {region.short_name(component)}"), *cells)
    console.print(Text("    confidence intervals"))
    console.print(table)


def _show_quantification(quantification: Quantification, console: Console) -> None:
    elements = ", ".join(
        f"{element.symbol} {with_error(element.atomic_percent, element.stderr, 1)}"
        for element in quantification.elements
    )
    text = Text.assemble(("  atomic %  ", "bold"), elements, (f"   ({quantification.sensitivity.name} factors)", "dim"))
    console.print(text, soft_wrap=True)
    _indented(console, _uncorrected(quantification), "dim")
    for note in quantification.notes:
        if note.startswith("Pass energies differ"):
            _indented(console, note, "yellow")
    for comparison in quantification.comparisons:
        _indented(console, comparison.sentence, "yellow" if comparison.agrees is False else "dim")


def _uncorrected(quantification: Quantification) -> str:
    """Say what atomic percentages are not corrected for."""
    missing = ["the angular asymmetry of photoemission"]
    if not quantification.escape_depth:
        missing.insert(0, "the escape depth beyond what the factors contain")
    return f"Not corrected for {' and '.join(missing)}."


def _interval(part: ConfidenceInterval | None) -> str:
    """Write both limits; a question mark for one that was not found."""
    if part is None:
        return "-"
    width = math.nan if part.low is None or part.high is None else part.high - part.low
    digits = 3 if part.quantity == "center" else decimals(width if math.isfinite(width) else 0.1 * abs(part.high or 0))
    return " to ".join("?" if end is None else f"{end:.{digits}f}" for end in (part.low, part.high))


def _indented(console: Console, note: str, style: str) -> None:
    console.print(Padding(_line(note, style), (0, 0, 0, _SECOND_LINE), expand=False))


def _level(sigma: float) -> str:
    return f"{100 * (math.erf(sigma / math.sqrt(2)) if sigma >= 1 else sigma):.0f} %"
