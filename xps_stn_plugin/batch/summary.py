"""The table of a batch: one row for each spectrum and region, and one for each file that failed."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, Literal

from xps_prefit_hooks import ReferenceAt

from .._util.files import Overwrite, write_csv
from ..export.report import Region
from ..export.texts import cell
from .entry import Entry
from .record import LEAST_PROBABILITY, WORST_FIRST


@dataclass(frozen=True)
class Row:
    """Row of the summary: one region of one spectrum, or a file that failed.

    Energies are in eV, on the scale of `reference`. A number that is not known is NaN.

    Parameters
    ----------
    source, region : str
        The file, and the region's name in it; no region for a file that failed.
    status : str
        "ok", "uncertain" or "out_of_domain" as the shift is, "uncertain" for "ok" where the region was not read, or
        "failed" where the file or the region's fit failed; of a stack also "no_data" where nothing was measured.
    shift, shift_stderr : float
        Measured minus true binding energy of the spectrum, and its standard error.
    region_shift, disagreement : float
        Shift of this region, and by how much it differs from what the spectrum's shift lets expect.
    groups : tuple of (str, float)
        Functional groups of the spectrum with a probability above 0.5, the most probable one first.
    fitted : str
        "yes", "poor" (the model does not describe the data), "failed", "no model" (where there is none for the region),
        or "no" (where no fit was asked for).
    background : str
        Kind of background in the model.
    components, unassigned : int or None
        Number of components, and of those that no group explains.
    redchi, durbin_watson, runs_p : float
        Reduced chi-square, Durbin-Watson statistic and runs test of the fit.
    reference : float
        Binding energy of aliphatic C 1s.
    reasons : tuple of str
        Why the status is what it is; what should be doubted.
    place : str
        Which spectrum of a stack it is: ``etch_time=30 s``.
    applied_shift : float
        What was taken off the measured energies; 0 where they are as measured.
    reference_at : {"maximum", "first-member", ""}
        Whether `reference` is the energy of the line's maximum or of its first vibrational member.
    calibrated_on : str
        Line that the user named as reference in place of carbon: ``Au 4f7/2``.
    survey_elements : str
        Elements of a survey with their atomic percentages; empty for other regions.
    atomic_percent : tuple of (str, float)
        Atomic percent of each element of the spectrum, the largest first; empty without fits.
    """

    source: str
    region: str = ""
    status: str = "failed"
    shift: float = math.nan
    shift_stderr: float = math.nan
    region_shift: float = math.nan
    disagreement: float = math.nan
    groups: tuple[tuple[str, float], ...] = ()
    fitted: str = ""
    background: str = ""
    components: int | None = None
    unassigned: int | None = None
    redchi: float = math.nan
    durbin_watson: float = math.nan
    runs_p: float = math.nan
    reference: float = math.nan
    reasons: tuple[str, ...] = ()
    place: str = ""
    applied_shift: float = math.nan
    reference_at: ReferenceAt | Literal[""] = ""
    calibrated_on: str = ""
    survey_elements: str = ""
    atomic_percent: tuple[tuple[str, float], ...] = ()

    @property
    def badness(self) -> tuple[int, float]:
        """Key that sorts the worst first: by status, then by the largest reduced chi-square."""
        worst = -self.redchi if math.isfinite(self.redchi) else math.inf
        return WORST_FIRST.index(self.status), worst

    @property
    def colour(self) -> str:
        """Status that colours the row: never ok where its fit is not."""
        return "uncertain" if self.status == "ok" and self.fitted in ("poor", "failed") else self.status

    @property
    def caption(self) -> str:
        """Caption of the region's picture, one line."""
        text = self.region
        if self.components is not None:
            text += f": {self.components} component{'' if self.components == 1 else 's'}"
            text += f" ({self.unassigned} unassigned)" if self.unassigned else ""
        if math.isfinite(self.redchi):
            text += f", χ² {self.redchi:.3g}"
        return text if self.fitted == "yes" else f"{text}, {'not fitted' if self.fitted == 'no' else self.fitted}"

    def cells(self) -> tuple[str, ...]:
        """Texts of the row, in the order of `COLUMNS`."""
        return tuple(_cell(getattr(self, field.name), _DIGITS.get(field.name)) for field in fields(self))


#: Columns of the table, in the order of `Row`'s fields.
COLUMNS: Final = (
    "source",
    "region",
    "status",
    "shift_eV",
    "shift_stderr_eV",
    "region_shift_eV",
    "region_disagreement_eV",
    "groups",
    "fitted",
    "background",
    "components",
    "unassigned",
    "reduced_chi_square",
    "durbin_watson",
    "runs_p",
    "reference_eV",
    "reasons",
    "place",
    "applied_shift_eV",
    "reference_at",
    "calibrated_on",
    "survey_elements",
    "atomic_percent",
)

# Digits behind the point; other numbers have six significant ones.
_DIGITS: Final = {
    "shift": 4,
    "shift_stderr": 4,
    "applied_shift": 4,
    "region_shift": 4,
    "disagreement": 4,
    "durbin_watson": 3,
    "reference": 2,
}


def rows_of(
    entry: Entry,
    reference: float,
    fit: bool = True,
    reference_at: ReferenceAt = "first-member",
    calibrated_on: str = "",
) -> list[Row]:
    """Rows of one file.

    Parameters
    ----------
    entry : Entry
    reference : float
        Binding energy in eV of aliphatic C 1s in the settings.
    fit : bool
        Whether fits were asked for.
    reference_at : {"maximum", "first-member"}
        What `reference` is the energy of.
    calibrated_on : str
        Line that was named as reference in place of carbon.

    Returns
    -------
    list of Row
        One for each region, in the order of the file, and for each spectrum of a stack; a single one without a region
        where the file failed.
    """
    source, record = entry.source, entry.record
    scale: dict[str, Any] = {"reference": reference, "reference_at": reference_at, "calibrated_on": calibrated_on}
    if record.stack is not None:
        from .stacks import spectrum_fields

        return [Row(source, **scale, **values) for values in spectrum_fields(record.stack, fit)]
    report = record.report
    if report is None:
        return [Row(source, **scale, reasons=(record.reason,))]
    groups = tuple((group.name, group.probability or 0.0) for group in report.likely(LEAST_PROBABILITY))
    elements = report.quantification.elements if report.quantification is not None else ()
    percent = tuple(
        (element.symbol, element.atomic_percent) for element in elements if element.atomic_percent is not None
    )
    return [
        Row(
            source,
            name,
            status="failed" if name in record.failures else region.status,
            shift=_number(report.shift.value),
            shift_stderr=_number(report.shift.stderr),
            applied_shift=_number(report.shift.applied),
            groups=groups,
            atomic_percent=percent,
            reasons=tuple(
                dict.fromkeys(
                    (
                        *filter(None, [record.failures.get(name)]),
                        *report.reasons,
                        *region.notes,
                        *(region.fit.notes if region.fit else ()),
                    )
                )
            ),
            **scale,
            **_of_region(region, fit, name in record.failures),
        )
        for name, region in report.regions.items()
    ]


def write_summary(
    path: Path, rows: Iterable[Row], *, overwrite: Overwrite = False, inputs: Iterable[Path] = ()
) -> None:
    """Write the table with a header; `overwrite` and `inputs` as for `xps_stn_plugin._util.files.check_target`.

    Raises
    ------
    PrefitError
        If the file cannot be written.
    """
    write_csv(path, COLUMNS, (row.cells() for row in rows), overwrite=overwrite, inputs=inputs)


def _of_region(region: Region, fit_wanted: bool, failed: bool) -> dict[str, Any]:
    shift, fit = region.shift, region.fit
    values: dict[str, Any] = {
        "region_shift": _number(shift.value if shift else None),
        "disagreement": _number(shift.disagreement if shift else None),
        "survey_elements": region.survey.composition if region.survey else "",
    }
    if region.background is None:
        return {**values, "fitted": "failed" if failed else "no model" if fit_wanted else "no"}
    values |= {
        "fitted": "failed" if failed or fit is None else "yes" if fit.describes_data else "poor",
        "background": region.background.kind,
        "components": len(region.components),
        "unassigned": sum(not component.assigned for component in region.components),
    }
    if fit is not None:
        values |= {name: _number(getattr(fit, name)) for name in ("redchi", "durbin_watson", "runs_p")}
    return values


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _cell(value: Any, digits: int | None) -> str:
    if value is None:
        return ""
    if isinstance(value, tuple):
        texts = (f"{part[0]} {part[1]:.2f}" if isinstance(part, tuple) else " ".join(part.split()) for part in value)
        return cell("; ".join(texts))
    if not isinstance(value, float):
        return cell(" ".join(str(value).split()))
    if not math.isfinite(value):
        return ""
    return f"{value:.6g}" if digits is None else f"{value:.{digits}f}"
