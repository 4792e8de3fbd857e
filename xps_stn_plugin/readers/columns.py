"""Two-column text: energies and intensities, separated by tab, semicolon, comma or blanks."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from xps_prefit_hooks import PrefitError, Settings

from ..core.regions import SURVEY, region_from_energy, region_name
from .assembly import RawRegion, in_electronvolts, spectrum_of
from .text import file_lines, no_number, number

if TYPE_CHECKING:
    import xarray as xr

_COMMENT = ("#", "%", "!", "//", '"#')
# Short forms in capitals anywhere ("BE/eV", "K.E."), in lower case only as the beginning of a name: "be" is a word.
_BINDING = re.compile(r"(?i:binding)|(?<![A-Za-z])B\.?E\.?(?![A-Za-z])|^be(?![a-z])")
_KINETIC = re.compile(r"(?i:kinetic)|(?<![A-Za-z])K\.?E\.?(?![A-Za-z])|^ke(?![a-z])")
_ENERGY = re.compile(r"energy|(?<![a-z])ev(?![a-z])", re.IGNORECASE)
_UNITS = re.compile(r"(?<![A-Za-z])[km]?ev(?![A-Za-z])", re.IGNORECASE)
# What a header says about the region: "Region: C 1s", or a short line that begins with a core level.
_REGION_LINE = re.compile(
    r"(?:region|core[\s_-]*level|spectrum|transition|block|label|name)\s*[:=]\s*(.+)", re.IGNORECASE
)
_SHORT_LABEL = re.compile(r"[A-Z][a-z]?\s?[1-6][spdf][^.=]{0,12}")
_PER_SECOND = re.compile(
    r"(?<![a-z])cps|(?<![a-z])c/s|counts?(?:\s*+(?:/|per)\s*+|\s++)s(?:ec(?:ond)?)?(?![a-z])", re.IGNORECASE
)
_INTENSITY = re.compile(r"intensit|counts?|(?<![a-z])cps|c/s|signal", re.IGNORECASE)
_PHOTON_ENERGY = re.compile(
    r"(?:photon|excitation|source|x-?ray)\s*energy[^0-9+-]{0,20}(\d+(?:[.,]\d+)?)|(?<![a-z])h(?:v|nu|ν)\s*[=:]\s*(\d+(?:[.,]\d+)?)",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"[-+]?[\d.,]+(?:[eE][-+]?\d+)?|")
# Between column names, wide gaps or marks; a gap of several blanks is taken as a whole, lest each of them be tried.
_GAPS = re.compile(r"\s{2,}|\s?[\t,;]\s*+")
_SEPARATING_COMMA = re.compile(r"\s,|,\s")  # "285.0, 1234"
_THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2}(,\d{3})+")
# A wide scan without header is one on the binding energy axis if it begins this low (eV): analysers do not count
# electrons of so little kinetic energy.
_LOWEST_KINETIC = 20.0
# Wider steps than this (eV) within one scan are suspicious: surveys are taken in steps of 1 eV or less.
_LARGEST_STEP = 5.0


@dataclass(frozen=True)
class Rows:
    """Rows of numbers of a text file.

    Parameters
    ----------
    header : tuple of str
        Lines before the first row of numbers, and comments without their mark.
    names : tuple of str
        Column names, where the last header line has as many fields as the rows; else empty.
    values : ndarray, shape (rows, columns)
        The numbers.
    """

    header: tuple[str, ...]
    names: tuple[str, ...]
    values: NDArray[np.float64]


def read(path: Path, settings: Settings) -> xr.DataTree:
    """Read a text file of two columns.

    The header tells whether energies are binding or kinetic. Without it, energies are taken for binding energies only
    if their range is that of a known core level or of a wide scan from the Fermi edge on; then the attribute
    ``axis_from`` is ``energy range``. Of more columns the header must name one energy and one intensity.

    Raises
    ------
    PrefitError
        If there are no rows of two numbers, a row does not fit, or it is unclear what the columns are.
    """
    rows = number_rows(path)
    energy_column, intensity_column = _columns(path, rows)
    head = " | ".join(rows.header)
    energy_name = rows.names[energy_column] if rows.names else head
    intensity_name = rows.names[intensity_column] if rows.names else head
    # Not anywhere in the header: a comment may tell of 2 keV argon ions.
    units = _UNITS.search(energy_name) if rows.names else None
    energy = in_electronvolts(str(path), rows.values[:, energy_column], units[0] if units else "eV")
    kinetic, axis_from = _axis(path, energy_name, head, energy)
    _refuse_gap(path, energy)
    photon = next((match for line in rows.header if (match := _PHOTON_ENERGY.search(line))), None)
    raw = RawRegion(
        where=str(path),
        energy=energy,
        counts=rows.values[:, intensity_column],
        kinetic=kinetic,
        labels=_labels(intensity_name if rows.names else "", rows.header),
        photon_energy=float((photon[1] or photon[2]).replace(",", ".")) if photon else None,
        attrs={"axis_from": axis_from, "intensity": intensity_kind(intensity_name)},
    )
    return spectrum_of(path, [raw], settings)


def _refuse_gap(path: Path, energy: NDArray[np.float64]) -> None:
    """Two columns hold one region; several below one another would pass for a wide scan."""
    steps = np.diff(np.sort(energy))
    if steps.size and steps.max() > max(_LARGEST_STEP, 20 * np.median(steps)):
        at = int(steps.argmax())
        low, high = np.sort(energy)[at : at + 2]
        message = f"the energies jump from {low:g} to {high:g} eV, so this seems to be more than one region"
        advice = "use one file for each, or a table with the columns region,binding_energy_eV,intensity"
        raise PrefitError(str(path), f"{message}; {advice}.")


def number_rows(path: Path) -> Rows:
    """Rows of numbers of a text file, whatever their separator and decimal mark.

    Raises
    ------
    PrefitError
        If there is none, rows differ in length, or a row holds something else.
    """
    header: list[str] = []
    # Lines before the first row of numbers that begin with a number.
    early: list[tuple[int, list[str], list[float | None]]] = []
    table: list[list[float]] = []
    last = ""
    data = [(i, line) for i, raw in enumerate(file_lines(path), start=1) if (line := raw.strip())]
    decimal_comma = _decimal_comma(path, [(i, line) for i, line in data if not line.startswith(_COMMENT)])
    mark: str | None = None
    for i, line in data:
        if line.startswith(_COMMENT):
            header.append(line.lstrip('#%!/" '))
            last = last if table else header[-1]
            continue
        if not table:
            mark = _separator(line, decimal_comma)
        fields = [field.strip().strip('"') for field in line.rstrip(",; \t").split(mark)]
        values = [number(field.replace(",", ".") if decimal_comma else field) for field in fields]
        if not table and (len(values) < 2 or None in values):
            header.append(line)
            last = line
            if values[0] is not None:
                early.append((i, fields, values))
            continue
        table.append(_row(path, i, fields, values, len(table[0]) if table else len(values)))
    for i, fields, values in early:
        # A damaged row, or a lone number that nothing explains.
        if table and len(fields) in (1, len(table[0])):
            _row(path, i, fields, values, len(table[0]))
    if not table:
        raise PrefitError(str(path), "the file is text without a single row of two numbers (energy and intensity).")
    return Rows(
        header=tuple(header),
        names=_names(last, mark, len(table[0])),
        values=np.array(table),
    )


def _row(path: Path, i: int, fields: Sequence[str], values: Sequence[float | None], count: int) -> list[float]:
    for field, value in zip(fields, values, strict=True):
        if value is None or not math.isfinite(value):
            raise no_number(path, i, field)
    if len(values) != count:
        message = f"row {i} has {len(values)} numbers, but others have {count}; correct or remove the row."
        raise PrefitError(str(path), message.replace("1 numbers", "1 number"))
    return [value for value in values if value is not None]


def _names(line: str, mark: str | None, count: int) -> tuple[str, ...]:
    """Column names in the last header line: split as the rows are, or at wider gaps ("Binding Energy (eV)  Counts")."""
    for fields in (line.strip().split(mark), _GAPS.split(line.strip())):
        names = tuple(name.strip().strip('"') for name in fields)
        if len(names) == count:
            return names
    return ()


def _labels(intensity_name: str, header: Sequence[str]) -> tuple[str, ...]:
    told = [match[1] for line in header if (match := _REGION_LINE.match(line))]
    short = [line for line in header if _SHORT_LABEL.fullmatch(line)]
    return tuple(text for text in (*told, intensity_name, *short) if region_name(text))


def intensity_kind(name: str) -> str:
    """Tell ``counts per second``, ``counts`` or ``arbitrary``, by a column's name."""
    if _PER_SECOND.search(name):
        return "counts per second"
    return "counts" if re.search(r"counts?(?![a-z])", name, re.IGNORECASE) else "arbitrary"


def _separator(line: str, decimal_comma: bool) -> str | None:
    """Mark between the columns, with or without blanks around it; None for blanks alone."""
    if "\t" in line:
        return "\t"
    if ";" in line:
        return ";"
    return "," if "," in line and not decimal_comma else None


def _decimal_comma(path: Path, lines: Sequence[tuple[int, str]]) -> bool:
    """Whether commas are decimal marks: they are where something else separates the columns."""
    split = [
        (i, re.split(r"[\t;]|\s+", line.rstrip(",; \t"))) for i, line in lines if not _SEPARATING_COMMA.search(line)
    ]
    rows = [(i, fields) for i, fields in split if len(fields) > 1 and all(_NUMBER.fullmatch(f.strip()) for f in fields)]
    with_comma = [(i, field.strip()) for i, fields in rows for field in fields if "," in field]
    if not with_comma:
        return False
    row, example = with_comma[0]
    if any("." in field for _, fields in rows for field in fields):
        message = f"row {row} has a decimal comma while others have a decimal point; write all numbers the same way."
        raise PrefitError(str(path), message)
    energies_have = any("," in fields[0] for _, fields in rows)
    if not energies_have and all(_THOUSANDS.fullmatch(field) for _, field in with_comma):
        message = f"row {row} has a comma that may mean thousands or decimals ('{example}'); write it without."
        raise PrefitError(str(path), message)
    return True


def _columns(path: Path, rows: Rows) -> tuple[int, int]:
    """Which columns are energy and intensity."""
    count = rows.values.shape[1]
    if count == 2:
        swapped = rows.names and _INTENSITY.search(rows.names[0]) and _ENERGY.search(rows.names[1])
        return (1, 0) if swapped else (0, 1)
    message = f"the rows have {count} columns; name one energy and one intensity column in the header, or keep two."
    if not rows.names:
        raise PrefitError(str(path), message)
    for pattern in (_BINDING, _KINETIC, _ENERGY):
        energies = [i for i, name in enumerate(rows.names) if pattern.search(name) and not _INTENSITY.search(name)]
        if energies:
            break
    intensities = [i for i, name in enumerate(rows.names) if _INTENSITY.search(name) and i not in energies]
    if len(energies) != 1 or len(intensities) != 1:
        named = ", ".join(rows.names)
        raise PrefitError(str(path), f"the columns are named {named}, which is ambiguous; {message}")
    return energies[0], intensities[0]


def _axis(path: Path, name: str, head: str, energy: NDArray[np.float64]) -> tuple[bool, str]:
    """Whether the energies are kinetic, and what told."""
    for text in (name, head):
        binding, kinetic = bool(_BINDING.search(text)), bool(_KINETIC.search(text))
        if binding != kinetic:
            return kinetic, "header"
    low, high = float(energy.min()), float(energy.max())
    guess = region_from_energy(low, high)
    if guess is None or (guess == SURVEY and low > _LOWEST_KINETIC):
        message = (
            f"nothing says whether the energies {low:g} to {high:g} eV are binding or kinetic, and the range is "
            "not that of a known core level; put a header line such as 'binding_energy_eV,counts' on top."
        )
        raise PrefitError(str(path), message)
    return False, "energy range"
