"""Table of components as CSV: one row for each region and component."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from ..files import write_csv
from ..fitting import component_table, fit_quality
from .composition import composition, shares
from .texts import cell

if TYPE_CHECKING:
    from ..result import PrefitResult

#: Columns; energies on the scale of ``reference_eV``, areas in the units of the intensities times eV.
COLUMNS = (
    "source",
    "region",
    "component",
    "groups",
    "center_eV",
    "center_stderr_eV",
    "center_measured_eV",
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
    "reference_eV",
    "status",
)


def rows(result: PrefitResult) -> list[dict[str, str]]:
    """Rows by column; a number that is not known is empty, groups and what is at a bound are joined by semicolons.

    A component without groups is unassigned. ``fitted`` is ``no`` for start values, ``failed`` for a fit without
    success, ``poor`` for one that does not describe the data.
    """
    found = []
    percentages = shares(composition(result))
    for region, seed in result.seeds.items():
        fit = result.fits.get(region)
        quality = None if fit is None else fit_quality(seed, fit)
        fitted = "no" if fit is None or quality is None else "failed" if not fit.success else "yes"
        if fitted == "yes" and quality is not None and not quality.describes_data:
            fitted = "poor"
        for row in component_table(seed, fit):
            center, measured = result.positions(row.center)
            share = percentages.get((region, row.name))
            values = (
                cell(result.source),
                cell(region),
                cell(row.name),
                cell("; ".join(row.groups)),
                _text(center, 4),
                _text(row.stderr.get("center"), 4),
                _text(measured, 4),
                _text(row.fwhm, 4),
                _text(row.stderr.get("fwhm"), 4),
                _text(row.area),
                _text(row.stderr.get("area")),
                _text(100 * row.fraction_of_region, 2),
                _text(share.atomic_percent if share else None, 2),
                _text(share.stderr if share else None, 2),
                "; ".join(row.at_bound),
                fitted,
                _text(quality.redchi if quality else None),
                _text(quality.durbin_watson if quality else None, 3),
                _text(quality.runs_p if quality else None),
                _text(result.shift, 4),
                _text(result.shift_stderr, 4),
                _text(result.settings.reference, 2),
                result.status,
            )
            found.append(dict(zip(COLUMNS, values, strict=True)))
    return found


def write(result: PrefitResult, path: Path) -> None:
    """Write the table with a header, and the checksum of the file in its first row.

    Raises
    ------
    PrefitError
        If the file cannot be written.
    """
    write_csv(path, COLUMNS, (tuple(row[name] for name in COLUMNS) for row in rows(result)))


def _text(value: float | None, digits: int | None = None) -> str:
    """Write fixed digits where given; six significant ones for intensities, which may be of any size."""
    if value is None or not math.isfinite(value):
        return ""
    return f"{value:.6g}" if digits is None else f"{value:.{digits}f}"
