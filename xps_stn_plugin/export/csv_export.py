"""Table of components as CSV: one row for each region and component."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .._util.files import write_csv
from .make_report import report_of
from .texts import cell, percent

if TYPE_CHECKING:
    from ..core.result import PrefitData

#: Columns; energies on the scale of ``reference_eV``, areas in the units of the intensities times eV.
COLUMNS = (
    "source",
    "region",
    "component",
    "groups",
    "center_eV",
    "center_stderr_eV",
    "center_measured_eV",
    "maximum_eV",
    "maximum_measured_eV",
    "fwhm_eV",
    "fwhm_stderr_eV",
    "area_intensity_eV",
    "area_stderr_intensity_eV",
    "area_percent",
    "atomic_percent",
    "atomic_percent_stderr",
    "at_bound",
    "fitted",
    "reduced_chi_square",
    "durbin_watson",
    "runs_p",
    "shift_eV",
    "shift_stderr_eV",
    "applied_shift_eV",
    "reference_eV",
    "reference_at",
    "status",
    "groups_status",
    "fit_status",
)


def rows(result: PrefitData) -> list[dict[str, str]]:
    """Rows by column; a number that is not known is empty, groups and what is at a bound are joined by semicolons.

    A component without groups is unassigned. ``fitted`` is ``no`` for start values, ``failed`` for a fit without
    success, ``poor`` for one that does not describe the data. ``status`` is that of the region's energies; where
    ``applied_shift_eV`` is 0 they are as measured and ``center_eV`` is empty.
    """
    report = report_of(result)
    table = []
    for name, region in report.modelled.items():
        fit = region.fit
        fitted = "no" if fit is None else fit.fitted
        for component in region.components:
            share = component.atomic_percent
            values = (
                cell(report.source),
                cell(name),
                cell(component.name),
                cell("; ".join(component.groups)),
                _text(component.center, 4),
                _text(component.stderr["center"], 4),
                _text(component.center_measured, 4),
                _text(component.maximum, 4),
                _text(component.maximum_measured, 4),
                _text(component.fwhm, 4),
                _text(component.stderr["fwhm"], 4),
                _text(component.area),
                _text(component.stderr["area"]),
                _text(percent(component.fraction_of_region), 2),
                _text(share.value if share else None, 2),
                _text(share.stderr if share else None, 2),
                "; ".join(component.at_bound),
                fitted,
                _text(fit.redchi if fit else None),
                _text(fit.durbin_watson if fit else None, 3),
                _text(fit.runs_p if fit else None),
                _text(report.shift.value, 4),
                _text(report.shift.stderr, 4),
                _text(report.shift.applied, 4),
                _text(report.shift.reference, 2),
                report.shift.reference_at,
                region.status,
                report.verdicts.groups,
                report.verdicts.fits[name],
            )
            table.append(dict(zip(COLUMNS, values, strict=True)))
    return table


def write(result: PrefitData, path: Path) -> None:
    """Write the table with a header, and the checksum of the file in its first row.

    Raises
    ------
    PrefitError
        If the file cannot be written.
    """
    write_csv(path, COLUMNS, (tuple(row[name] for name in COLUMNS) for row in rows(result)))


def _text(value: float | None, digits: int | None = None) -> str:
    """Write fixed digits where given; six significant ones for intensities, which may be of any size."""
    if value is None:
        return ""
    return f"{value:.6g}" if digits is None else f"{value:.{digits}f}"
