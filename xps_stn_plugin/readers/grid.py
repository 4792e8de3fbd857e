"""Rows of cells, of a text file or a sheet, to blocks of numbers: what stands above each block, names of its columns.

All readers of tables share it. A cell is a number, text or empty; columns without a number anywhere and empty rows do
not count, and rows may be of different length.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from xps_prefit_hooks import PrefitError

from .number_runs import NumberRun
from .text import no_number

# Between column names, wide gaps or marks; a gap of several blanks is taken as a whole, lest each of them be tried.
_GAPS = re.compile(r"\s{2,}|\s?[\t,;]\s*+")
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
    def width(self) -> int:
        """Number of cells."""
        return len(self.cells)

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
    lines : ndarray of int, shape (rows,)
        Numbers of the rows in the file.
    values : ndarray, shape (rows, columns)
        The numbers; NaN for empty cells.
    """

    header: tuple[str, ...]
    names: tuple[str, ...]
    lines: NDArray[np.intp]
    values: NDArray[np.float64]


@dataclass
class _Open:
    """A block that is being read."""

    header: list[str] = field(default_factory=list)
    # Rows and comments above the block; a comment may name the columns.
    above: list[Row | str] = field(default_factory=list)
    rows: list[Row | NumberRun] = field(default_factory=list)


def blocks_of(
    source: str, rows: Iterable[Row | NumberRun | str], begins_block: Callable[[Sequence[str]], bool]
) -> list[Block]:
    """Put rows of numbers together.

    Parameters
    ----------
    source : str
        File for messages.
    rows : iterable of Row, NumberRun or str
        As `text_rows` gives them; a run comes after rows of the same block.
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
        if isinstance(row, NumberRun):
            block.rows.append(row)
            continue
        if isinstance(row, Row) and row.is_data:
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
        if block.rows and not pending and isinstance(row, Row) and _is_damaged(row, block.rows[0].width):
            _refuse(source, row, block.rows[0].width)
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
            before += [*block.above, *(row for row in block.rows if isinstance(row, Row))]
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


def _is_damaged(row: Row, width: int) -> bool:
    """Whether a row begins with a number as the data do, and goes on otherwise."""
    if not row.values or row.values[0] is None:
        return False
    return len(row.cells) <= width or row.values[1] is not None


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
    count = block.rows[0].width
    for row in reversed(block.above):
        if isinstance(row, str) or not row.values or row.values[0] is None:
            return
        if len(row.cells) in (1, count):
            _refuse(source, row, count)


def _finished(source: str, block: _Open) -> Block:
    width = max(row.width for row in block.rows)
    names = _names(block.above, width)
    count = sum(1 if isinstance(row, Row) else row.lines.size for row in block.rows)
    values, lines = np.full((count, width), np.nan), np.empty(count, dtype=np.intp)
    place = 0
    for row in block.rows:
        if isinstance(row, NumberRun):
            end = place + row.lines.size
            values[place:end, : row.width], lines[place:end] = row.values, row.lines
        else:
            end = place + 1
            lines[place] = row.line
            for j, value in enumerate(row.values):
                if value is not None:
                    if not math.isfinite(value):
                        raise no_number(source, row.line, row.cells[j])
                    values[place, j] = value
        place = end
    used = np.isfinite(values).any(axis=0)
    kept = tuple(name for name, some in zip(names, used.tolist(), strict=True) if some) if names else ()
    return Block(tuple(block.header), kept, lines, values if used.all() else values[:, used])


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
