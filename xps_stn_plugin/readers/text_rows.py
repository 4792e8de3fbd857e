"""Lines of a text file to rows of cells, whatever their separator and decimal mark."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from typing import Final

from xps_prefit_hooks import PrefitError

from .grid import Row
from .number_runs import Dialect, NumberRun, RunReader
from .text import number

# Beginnings of lines that are comments.
_COMMENT: Final = ("#", "%", "!", "//", '"#')
# Lines that tell the decimal mark of a file; a row further down that is written otherwise is refused.
_HEAD_LINES: Final = 2000
_HEAD_CHARACTERS: Final = 1 << 18
# Rows that are read one by one before the others are taken for rows of the same kind.
_ROWS_SEEN: Final = 3
_NUMBER = re.compile(r"[-+]?[\d.,]+(?:[eE][-+]?\d+)?|")
_SEPARATING_COMMA = re.compile(r"\s,|,\s")  # "285.0, 1234"
_THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?")


def text_rows(source: str, text: str) -> list[Row | NumberRun | str]:
    """Split the lines of a text file into cells.

    Parameters
    ----------
    source : str
        File for messages.
    text : str
        All lines, as `file_text` gives them.

    Returns
    -------
    list of Row, NumberRun or str
        Rows that are not empty; comments are strings without their mark. Rows of numbers that follow many others come
        as runs.

    Raises
    ------
    PrefitError
        If the decimal mark cannot be told.
    """
    decimal_comma = _decimal_comma(source, _head(text))
    runs = RunReader(text)
    rows: list[Row | NumberRun | str] = []
    mark: str | None = None
    in_table = False
    # Rows of numbers since the last line of another kind.
    seen = 0
    place, following = 0, 1
    while place < len(text):
        if seen >= _ROWS_SEEN and (found := runs.run_at(place, following, Dialect(mark, decimal_comma))):
            run, place, following = found
            rows.append(run)
            continue
        i, line, place = following, *_line_at(text, place)
        following += 1
        if not line.strip():
            continue
        if _is_comment(line):
            rows.append(line.strip().lstrip('#%!/" ').rstrip('",; \t'))
            seen = 0
            continue
        if not in_table:
            mark = _separator(line, decimal_comma)
        row = _text_row(i, line, mark, decimal_comma)
        if not in_table:
            in_table = row.is_data
        elif not any(value is not None for value in row.values):
            # Column names of the next block may be separated otherwise, and so may its rows.
            in_table = False
            row = _text_row(i, line, _separator(line, decimal_comma), decimal_comma)
        if decimal_comma and row.is_data and "." in line and '"' not in line:
            raise _two_decimal_marks(source, i, "point", "comma")
        seen = seen + 1 if row.is_data else 0
        if any(row.cells):
            rows.append(row)
    return rows


def _line_at(text: str, place: int) -> tuple[str, int]:
    """Line that begins at a place, without blanks at its ends, and the place of the next one."""
    end = text.find("\n", place)
    end = len(text) if end < 0 else end
    return text[place:end].strip("\r\n "), end + 1


def _head(text: str) -> list[tuple[int, str]]:
    """First lines that are neither empty nor comments, with their numbers."""
    head: list[tuple[int, str]] = []
    place, i = 0, 0
    while place < min(len(text), _HEAD_CHARACTERS) and len(head) < _HEAD_LINES:
        i += 1
        line, place = _line_at(text, place)
        if line.strip() and not _is_comment(line):
            head.append((i, line.strip()))
    return head


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith(_COMMENT)


def _text_row(i: int, line: str, mark: str | None, decimal_comma: bool) -> Row:
    stripped = line.strip() if mark is None or mark != "\t" else line.strip(" ")
    if mark is not None and '"' in stripped:
        fields = next(csv.reader([stripped], delimiter=mark, skipinitialspace=True), [])
    else:
        fields = stripped.split(mark)
    cells = [cell.strip().strip('"').strip() for cell in fields]
    while cells and not cells[-1]:
        cells.pop()
    values = tuple(_value(cell, decimal_comma, mark) for cell in cells)
    return Row(i, tuple(cells), values, line.strip())


def _value(cell: str, decimal_comma: bool, mark: str | None) -> float | None:
    if "," in cell:
        if decimal_comma:
            return number(cell.replace(",", "."))
        # Only quotes leave a comma in a cell of a row that commas separate.
        return number(cell.replace(",", "")) if mark == "," and _THOUSANDS.fullmatch(cell) else None
    return number(cell) if cell else None


def _separator(line: str, decimal_comma: bool) -> str | None:
    """Mark between the columns, with or without blanks around it; None for blanks alone."""
    if "\t" in line.strip():
        return "\t"
    if ";" in line:
        return ";"
    return "," if "," in line and not decimal_comma else None


def _decimal_comma(source: str, lines: Sequence[tuple[int, str]]) -> bool:
    """Whether commas are decimal marks: they are where something else separates the columns."""
    split = [
        (i, re.split(r"[\t;]|\s+", line.rstrip(",; \t")))
        for i, line in lines
        if '"' not in line and not _SEPARATING_COMMA.search(line)
    ]
    rows = [(i, fields) for i, fields in split if len(fields) > 1 and all(_NUMBER.fullmatch(f.strip()) for f in fields)]
    with_comma = [(i, field.strip()) for i, fields in rows for field in fields if "," in field]
    if not with_comma:
        return False
    row, example = with_comma[0]
    if any("." in field for _, fields in rows for field in fields):
        raise _two_decimal_marks(source, row, "comma", "point")
    energies_have = any("," in fields[0] for _, fields in rows)
    if not energies_have and all(_THOUSANDS.fullmatch(field) for _, field in with_comma):
        message = f"row {row} has a comma that may mean thousands or decimals ('{example}'); write it without."
        raise PrefitError(source, message)
    return True


def _two_decimal_marks(source: str, row: int, mark: str, other: str) -> PrefitError:
    message = f"row {row} has a decimal {mark} while others have a decimal {other}; write all numbers the same way."
    return PrefitError(source, message)
