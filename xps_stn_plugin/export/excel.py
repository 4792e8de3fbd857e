"""Excel workbook of results: a sheet each for the shift, the groups, the composition, the components and the fits."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .._util.files import write_whole
from .._util.marks import MARK
from .make_report import report_of
from .texts import cell, percent

if TYPE_CHECKING:
    from ..core.result import PrefitData
    from .report import Report

_Cell = str | float | int | None
_Rows = Iterable[Sequence[_Cell]]
#: Widest column, in characters.
_WIDEST: Final = 60
_MARGIN: Final = 2


def write(result: PrefitData, path: Path) -> None:
    """Write the tables; numbers are numbers, and no text is taken for a formula.

    Raises
    ------
    PrefitError
        If the file cannot be written.
    """
    sheets = _sheets(report_of(result))
    write_whole(path, lambda temporary: _fill(temporary, sheets))


def _fill(path: Path, sheets: dict[str, list[Sequence[_Cell]]]) -> None:
    from openpyxl import Workbook
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    workbook = Workbook()
    workbook.remove(workbook.active)
    for name, rows in sheets.items():
        sheet = workbook.create_sheet(name)
        for number, row in enumerate(rows, start=1):
            for column, value in enumerate(row, start=1):
                made = sheet.cell(number, column, cell(value) if isinstance(value, str) else value)
                if isinstance(value, str):
                    # openpyxl takes what begins with an equals sign for a formula.
                    made.data_type = "s"
                if number == 1:
                    made.font = Font(bold=True)
        sheet.freeze_panes = "A2"
        for column in range(1, sheet.max_column + 1):
            longest = max(len(str(row[column - 1])) for row in rows if len(row) >= column)
            sheet.column_dimensions[get_column_letter(column)].width = min(longest + _MARGIN, _WIDEST)
    workbook.save(path)
    # The content is compressed; the comment of the archive is not.
    with zipfile.ZipFile(path, "a") as archive:
        archive.comment = MARK.encode()


def _sheets(report: Report) -> dict[str, list[Sequence[_Cell]]]:
    sheets = {
        "shift": _shift(report),
        "groups": [("group", "probability"), *((group.name, group.probability) for group in report.groups)],
        "composition": _composition(report),
        "components": _components(report),
        "fits": _fits(report),
    }
    return {name: [tuple(row) for row in rows] for name, rows in sheets.items()}


def _shift(report: Report) -> _Rows:
    shift = report.shift
    yield "quantity", "value", "unit"
    yield "source", report.source, ""
    yield "shift (measured minus true binding energy)", shift.value, "eV"
    yield "standard error", shift.stderr, "eV"
    yield "subtracted from the measured energies", shift.applied, "eV"
    yield "reference (aliphatic C 1s)", shift.reference, "eV"
    yield "at", shift.reference_at, ""
    for subject, verdict in report.verdicts.named:
        yield f"verdict on {subject}", verdict.replace("_", " "), ""
    for reason in report.reasons:
        yield "note", reason, ""


def _composition(report: Report) -> _Rows:
    yield "element", "region", "atomic percent", "standard error"
    composition = report.quantification
    if composition is None:
        return
    for element in composition.elements:
        yield element.symbol, element.region, element.atomic_percent, element.stderr
    yield ()
    yield "sensitivity factors", composition.sensitivity.name, composition.sensitivity.citation
    for note in composition.notes:
        yield "note", note


def _components(report: Report) -> _Rows:
    yield (
        "region", "component", "groups", "position (eV)", "standard error (eV)", "measured position (eV)", "FWHM (eV)",
        "standard error (eV)", "area (intensity x eV)", "standard error", "percent of the region", "atomic percent",
        "standard error",
    )  # fmt: skip
    for name, region in report.modelled.items():
        for component in region.components:
            share = component.atomic_percent
            yield (
                name, component.name, "; ".join(component.groups), component.center, component.stderr["center"],
                component.center_measured, component.fwhm, component.stderr["fwhm"], component.area,
                component.stderr["area"], percent(component.fraction_of_region), share.value if share else None,
                share.stderr if share else None,
            )  # fmt: skip


def _fits(report: Report) -> _Rows:
    yield "region", "verdict", "reduced chi-square", "Durbin-Watson", "p of runs"
    for name, region in report.modelled.items():
        fit = region.fit
        verdict = report.verdicts.fits[name].replace("_", " ")
        yield name, verdict, *((fit.redchi, fit.durbin_watson, fit.runs_p) if fit else (None, None, None))
