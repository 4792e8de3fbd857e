"""Rows of numbers that follow each other in a text without a break, read in one call.

Text is parsed line by line where it says what it is. Most of a large file says nothing new: rows that are separated as
those before them and hold nothing but numbers. Those are parsed in C; what cannot be is left to the caller.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .numbers import numbers_between_commas

# Characters of text that are parsed at once, at first and at most. A row that is unusual ends a run, so that the next
# one begins small again.
_SMALLEST: Final = 1 << 13
_LARGEST: Final = 1 << 20
# A run that is shorter (in characters) is not worth a call.
_SHORTEST: Final = 2000
_NUMERIC: Final = b"0123456789+-.,;eE\t \n"
_OTHER: Final = re.compile(rb"[^0-9+\-.,;eE\t \n]")
# Versions of pandas before this one round numbers unless they are told not to.
_EXACT_BY_DEFAULT: Final = (3, 1)


@dataclass(frozen=True, eq=False)
class NumberRun:
    """Rows that hold two numbers at least, and nothing else.

    Parameters
    ----------
    lines : ndarray of int, shape (rows,)
        Numbers of the rows in the file.
    values : ndarray, shape (rows, columns)
        The numbers; NaN for empty cells. The last column is not empty.
    """

    lines: NDArray[np.intp]
    values: NDArray[np.float64]

    @property
    def width(self) -> int:
        """Number of cells in the longest row."""
        return int(self.values.shape[1])


@dataclass(frozen=True)
class Dialect:
    """How the numbers of a table are written.

    Parameters
    ----------
    mark : str or None
        Between the cells; None for blanks.
    decimal_comma : bool
        Whether commas are decimal marks.
    """

    mark: str | None
    decimal_comma: bool


class RunReader:
    """Reads runs of numbers from a text.

    Parameters
    ----------
    text : str
        The whole text, with line feeds alone between lines.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._size = _SMALLEST
        self._searched = 0

    def run_at(self, begin: int, line: int, dialect: Dialect) -> tuple[NumberRun, int, int] | None:
        """Read rows of numbers from a place on.

        Parameters
        ----------
        begin : int
            Place of the first character of a line.
        line : int
            Number of that line.
        dialect : Dialect
            As the rows before are written.

        Returns
        -------
        tuple of (NumberRun, int, int) or None
            The rows, and the place and the number of the line after them; None where rows are unusual or too few.
        """
        if begin < self._searched:
            return None
        end = self._text.find("\n", begin + self._size) + 1 or len(self._text)
        raw = self._text[begin:end].encode("ascii", errors="replace")
        size = len(raw)
        if raw.translate(None, _NUMERIC):
            other = _OTHER.search(raw)
            raw = raw[: raw.rfind(b"\n", 0, other.start() if other else 0) + 1]
        values = _parsed(raw, dialect) if len(raw) >= _SHORTEST else None
        if values is None:
            self._size = _SMALLEST
            self._searched = begin + max(len(raw), 1)
            return None
        rows, count = _usual_rows(values)
        used = len(raw)
        if count < len(values):
            line_feeds = np.flatnonzero(np.frombuffer(raw, dtype=np.uint8) == ord("\n"))
            used = int(line_feeds[count - 1]) + 1 if count else 0
            # The unusual row is the caller's, and where runs are short, so are all that were looked at.
            self._searched = begin + (used + 1 if used >= _SHORTEST else len(raw))
        self._size = min(4 * size, _LARGEST) if used == size else max(used, _SMALLEST)
        if not rows.size:
            return None
        values = values if rows.size == len(values) else values[rows]
        filled = np.flatnonzero(np.isfinite(values).any(axis=0))
        return NumberRun(line + rows, values[:, : filled[-1] + 1]), begin + used, line + count


def _usual_rows(values: NDArray[np.float64]) -> tuple[NDArray[np.intp], int]:
    """Rows that are not blank before the first that is unusual, and the place of that one."""
    finite = np.isfinite(values)
    count = len(values)
    if finite.all() and values.shape[1] > 1:
        return np.arange(count), count
    numbers = finite.sum(axis=1)
    unusual = np.flatnonzero((numbers == 1) | np.isinf(values).any(axis=1))
    count = int(unusual[0]) if unusual.size else count
    return np.flatnonzero(numbers[:count]), count


def _parsed(raw: bytes, dialect: Dialect) -> NDArray[np.float64] | None:
    """Numbers of rows, one for each line feed; None where a cell is not a number, or a row is longer than the first."""
    if dialect.decimal_comma:
        if b"." in raw:
            return None
        raw = raw.replace(b",", b".")
    raw = raw.removesuffix(b"\n")
    rows = raw.count(b"\n") + 1
    values = _full_rows(raw, dialect.mark)
    if values is None:
        values = _rows_with_empty_cells(raw, dialect.mark)
    return values if values is not None and len(values) == rows else None


def _full_rows(raw: bytes, mark: str | None) -> NDArray[np.float64] | None:
    """Numbers of rows that have equally many; None where they do not, or a number is written in an unusual way."""
    first = raw[: raw.find(b"\n")]
    if mark is None:
        width = len(first.split())
        is_regular = _has_words(raw, width)
        raw = b",".join(raw.split())
    else:
        character = mark.encode()
        width = first.count(character) + 1
        ends = np.frombuffer(raw + b"\n", dtype=np.uint8)
        ends = ends[(ends == ord(mark)) | (ends == ord("\n"))]
        is_end = ends == ord("\n")
        is_regular = is_end.size % width == 0 and bool(
            (is_end.reshape(-1, width) == (np.arange(width) == width - 1)).all()
        )
        raw = raw.replace(character, b",").replace(b"\n", b",")
    values = numbers_between_commas(raw) if is_regular else None
    return None if values is None else values.reshape(-1, width)


def _has_words(raw: bytes, count: int) -> bool:
    """Whether each line has a number of words."""
    characters = np.frombuffer(b"\n" + raw + b"\n", dtype=np.uint8)
    is_end = characters == ord("\n")
    is_blank = is_end | (characters == ord(" ")) | (characters == ord("\t"))
    begins = np.cumsum(is_blank[:-1] & ~is_blank[1:])[np.flatnonzero(is_end[1:])]
    return bool((np.diff(begins, prepend=0) == count).all())


def _rows_with_empty_cells(raw: bytes, mark: str | None) -> NDArray[np.float64] | None:
    import pandas as pd

    try:
        table = pd.read_csv(
            io.BytesIO(raw),
            sep=mark or r"\s+",
            header=None,
            dtype=np.float64,
            engine="c",
            # Empty cells are missing numbers; no word is. A blank line is a row without numbers.
            keep_default_na=False,
            na_values=[""],
            skipinitialspace=True,
            skip_blank_lines=False,
            **exact_numbers(),
        )
    except (ValueError, OverflowError):
        return None
    values: NDArray[np.float64] = table.to_numpy(dtype=np.float64)
    return values


def exact_numbers() -> dict[str, Any]:
    """Option of `pandas.read_csv` that makes it read numbers as Python does, to the last digit."""
    import pandas as pd

    version = tuple(int(part) for part in re.findall(r"\d+", pd.__version__)[:2])
    return {} if version >= _EXACT_BY_DEFAULT else {"float_precision": "round_trip"}
