"""Rows of cells, of a text file or a sheet, to blocks of numbers: what stands above each block, names of its columns.

All readers of tables share it. A cell is a number, text or empty; columns without a number anywhere and empty rows do
not count, and rows may be of different length.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from xps_prefit_hooks import PrefitError

from .text import no_number, number

#: Beginnings of lines that are comments.
COMMENT: Final = ("#", "%", "!", "//", '"#')
# Between column names, wide gaps or marks; a gap of several blanks is taken as a whole, lest each of them be tried.
_GAPS = re.compile(r"\s{2,}|\s?[\t,;]\s*+")
_NUMBER = re.compile(r"[-+]?[\d.,]+(?:[eE][-+]?\d+)?|")
_SEPARATING_COMMA = re.compile(r"\s,|,\s")  # "285.0, 1234"
_THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?")
# Rows that make a block where others follow.
_FEWEST: Final = 3
# A cell of a row that gives units below the names.
_UNIT = re.compile(
    r"\(?\[?(?:[km]?ev|counts?(?:\s?/\s?s|\s?per\s?s(?:ec(?:ond)?)?)?|cps|kcps|c/s|a\.?u\.?|arb\.?\s?units?|s|min|nm|%)\]?\)?(?:\s*\([^()]*\))?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Row:
    """A row of cells.

    Parameters
    ----------
    line : int
        Its number in the file, from 1.
    cells : tuple of str
        Text of the cells, without blanks around it; empty ones are empty.
    values : tuple of float or None
        Numbers of the cells; None where a cell is not a number.
    text : str
        The whole row.
    """

    line: int
    cells: tuple[str, ...]
    values: tuple[float | None, ...]
    text: str

    @property
    def numbers(self) -> int:
        """How many cells are numbers."""
        return sum(value is not None for value in self.values)

    @property
    def is_data(self) -> bool:
        """Whether the row holds two numbers at least, and nothing else."""
        return self.numbers >= 2 and all(v is not None or not c for c, v in zip(self.cells, self.values, strict=True))


@dataclass(frozen=True, eq=False)
class Block:
    """Rows of numbers that stand together.

    Parameters
    ----------
    header : tuple of str
        Lines above the block and below the one before; comments are without their mark.
    names : tuple of str
        Names of the columns with their units; empty where no line names them.
    lines : tuple of int
        Numbers of the rows in the file.
    values : ndarray, shape (rows, columns)
        The numbers; NaN for empty cells.
    """

    header: tuple[str, ...]
    names: tuple[str, ...]
    lines: tuple[int, ...]
    values: NDArray[np.float64]


@dataclass
class _Open:
    """A block that is being read."""

    header: list[str] = field(default_factory=list)
    # Rows and comments above the block; a comment may name the columns.
    above: list[Row | str] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)


def text_rows(source: str, lines: Sequence[str]) -> list[Row | str]:
    """Split the lines of a text file into cells, whatever their separator and decimal mark.

    Parameters
    ----------
    source : str
        File for messages.
    lines : sequence of str
        All lines.

    Returns
    -------
    list of Row or str
        Rows that are not empty; comments are strings without their mark.

    Raises
    ------
    PrefitError
        If the decimal mark cannot be told.
    """
    data = [(i, line.strip("\r\n ")) for i, line in enumerate(lines, start=1) if line.strip()]
    decimal_comma = _decimal_comma(source, [(i, line.strip()) for i, line in data if not _is_comment(line)])
    rows: list[Row | str] = []
    mark: str | None = None
    in_table = False
    for i, line in data:
        if _is_comment(line):
            rows.append(line.strip().lstrip('#%!/" ').rstrip('",; \t'))
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
        if any(row.cells):
            rows.append(row)
    return rows


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith(COMMENT)


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


def blocks_of(source: str, rows: Iterable[Row | str], begins_block: Callable[[Sequence[str]], bool]) -> list[Block]:
    """Put rows of numbers together.

    Parameters
    ----------
    source : str
        File for messages.
    rows : iterable of Row or str
        As `text_rows` gives them.
    begins_block : callable
        Whether lines between rows of numbers tell of a further block; else they are an error. Lines below the last row
        that hold no numbers are a footer.

    Raises
    ------
    PrefitError
        If there are no rows of two numbers, or a row holds something else than numbers.
    """
    done: list[_Open] = []
    block = _Open()
    pending: list[Row | str] = []
    for row in rows:
        if not isinstance(row, str) and row.is_data:
            if block.rows and pending:
                if _is_all_comments(pending) and not begins_block(_texts(pending)):
                    pending = []
                elif begins_block(_texts(pending)):
                    done.append(block)
                    block = _Open(header=_texts(pending), above=pending)
                    pending = []
                else:
                    _refuse(source, next(item for item in pending if isinstance(item, Row)))
            elif pending:
                block.header, block.above, pending = _texts(pending), pending, []
            block.rows.append(row)
            continue
        if block.rows and not pending and isinstance(row, Row) and _is_damaged(row, block.rows[0]):
            _refuse(source, row, len(block.rows[0].cells))
        pending.append(row)
    if not block.rows:
        raise PrefitError(source, "the file is text without a single row of two numbers (energy and intensity).")
    done.append(block)
    done = _without_short_ones(done)
    _refuse_early(source, done[0])
    return [_finished(source, each) for each in done]


def _without_short_ones(blocks: Sequence[_Open]) -> list[_Open]:
    """Take lone rows of numbers above a block for a part of its header: "1  2" below "C 1s  O 1s"."""
    done: list[_Open] = []
    before: list[Row | str] = []
    for place, block in enumerate(blocks):
        if len(block.rows) < _FEWEST and place + 1 < len(blocks):
            before += [*block.above, *block.rows]
        else:
            block.above = [*before, *block.above]
            block.header = _texts(block.above)
            done.append(block)
            before = []
    return done


def _is_all_comments(items: Sequence[Row | str]) -> bool:
    return all(isinstance(item, str) for item in items)


def _texts(items: Iterable[Row | str]) -> list[str]:
    return [item if isinstance(item, str) else item.text.strip(",; \t") for item in items]


def _is_damaged(row: Row, first: Row) -> bool:
    """Whether a row begins with a number as the data do, and goes on otherwise."""
    if not row.values or row.values[0] is None:
        return False
    return len(row.cells) <= len(first.cells) or row.values[1] is not None


def _refuse(source: str, row: Row, count: int = 0) -> None:
    wrong = next((cell for cell, value in zip(row.cells, row.values, strict=True) if cell and value is None), "")
    if wrong or not count:
        raise no_number(source, row.line, wrong or row.text)
    raise other_length(source, row.line, row.numbers, count)


def other_length(source: str, line: int, numbers: int, count: int) -> PrefitError:
    """Error that a row has another count of numbers than others."""
    message = f"row {line} has {numbers} numbers, but others have {count}; correct or remove the row."
    return PrefitError(source, message.replace(" 1 numbers", " 1 number"))


def _refuse_early(source: str, block: _Open) -> None:
    """Refuse damaged rows right above the rows of numbers: as long as these, or a lone number."""
    count = len(block.rows[0].cells)
    for row in reversed(block.above):
        if isinstance(row, str) or not row.values or row.values[0] is None:
            return
        if len(row.cells) in (1, count):
            _refuse(source, row, count)


def _finished(source: str, block: _Open) -> Block:
    width = max(len(row.cells) for row in block.rows)
    names = _names(block.above, width)
    values = np.full((len(block.rows), width), np.nan)
    for i, row in enumerate(block.rows):
        for j, value in enumerate(row.values):
            if value is not None:
                if not math.isfinite(value):
                    raise no_number(source, row.line, row.cells[j])
                values[i, j] = value
    used = np.isfinite(values).any(axis=0)
    lines = tuple(row.line for row in block.rows)
    kept = tuple(name for name, some in zip(names, used, strict=True) if some) if names else ()
    return Block(tuple(block.header), kept, lines, values[:, used])


def _names(above: Sequence[Row | str], width: int) -> tuple[str, ...]:
    """Names of the columns: the last line above the block, or the last two if the last gives units."""
    if not above:
        return ()
    last = _cells_of(above[-1], width)
    if not last:
        return ()
    if len(above) > 1 and all(_UNIT.fullmatch(cell) for cell in last if cell):
        before = _cells_of(above[-2], width)
        if before:
            return tuple(f"{name} {unit}".strip() for name, unit in zip(before, last, strict=True))
    return last


def _cells_of(line: Row | str, width: int) -> tuple[str, ...]:
    """Cells of a line above a block, as many as its rows have; none where they are more, or words of a sentence."""
    if isinstance(line, Row) and any(mark in line.text for mark in "\t;,"):
        cells = line.cells[:width]
        enough = len(cells) > 1 or width <= 2 or any(map(_UNIT.fullmatch, cells)) or line.text[-1] in ",;\t"
        if cells and enough:
            return (*cells, *[""] * (width - len(cells)))
    text = line if isinstance(line, str) else line.text
    for fields in (text.split("\t"), text.split(";"), text.split(","), _GAPS.split(text), text.split()):
        if len(fields) == width:
            return tuple(name.strip().strip('"') for name in fields)
    return ()


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
        message = f"row {row} has a decimal comma while others have a decimal point; write all numbers the same way."
        raise PrefitError(source, message)
    energies_have = any("," in fields[0] for _, fields in rows)
    if not energies_have and all(_THOUSANDS.fullmatch(field) for _, field in with_comma):
        message = f"row {row} has a comma that may mean thousands or decimals ('{example}'); write it without."
        raise PrefitError(source, message)
    return True
