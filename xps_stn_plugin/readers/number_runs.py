"""Rows of numbers that follow each other in a text without a break, read in one call.

Text is parsed line by line where it says what it is. Most of a large file says nothing new: rows that are separated as
those before them and hold nothing but numbers. numpy and pandas parse those in C; what they cannot parse is left to the
caller.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

# Characters of text that are parsed at once, at first and at most. A row that is unusual ends a run, so that the next
# one begins small again.
_SMALLEST: Final = 1 << 13
_LARGEST: Final = 1 << 20
# Less text is read faster by numpy than by pandas.
_MANY_CHARACTERS: Final = 1 << 16
# More columns are read as one.
_MANY_COLUMNS: Final = 64
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
        finite = np.isfinite(values)
        numbers = finite.sum(axis=1)
        # Rows without a number are blank.
        unusual = np.flatnonzero((numbers == 1) | np.isinf(values).any(axis=1))
        count = len(values)
        used = len(raw)
        if unusual.size:
            count = int(unusual[0])
            line_feeds = np.flatnonzero(np.frombuffer(raw, dtype=np.uint8) == ord("\n"))
            used = int(line_feeds[count - 1]) + 1 if count else 0
            # The unusual row is the caller's, and where runs are short, so are all that were looked at.
            self._searched = begin + (used + 1 if used >= _SHORTEST else len(raw))
        self._size = min(4 * size, _LARGEST) if used == size else max(used, _SMALLEST)
        rows = np.flatnonzero(numbers[:count])
        if not rows.size:
            return None
        width = int(np.flatnonzero(finite[rows].any(axis=0))[-1]) + 1
        return NumberRun(line + rows, values[rows, :width]), begin + used, line + count


def _parsed(raw: bytes, dialect: Dialect) -> NDArray[np.float64] | None:
    """Numbers of rows, one for each line feed; None where a cell is not a number, or a row is longer than the first."""
    if dialect.decimal_comma and b"." in raw:
        return None
    rows = raw.count(b"\n") + (not raw.endswith(b"\n"))
    # pandas is four times as fast, but a call of it takes a while; it alone takes empty cells.
    for parser in (_by_numpy, _by_pandas) if len(raw) < _MANY_CHARACTERS else (_by_pandas,):
        try:
            values = parser(raw, dialect)
        except (ValueError, OverflowError):
            continue
        if len(values) == rows:
            return values
    return None


def _by_numpy(raw: bytes, dialect: Dialect) -> NDArray[np.float64]:
    text = (raw.replace(b",", b".") if dialect.decimal_comma else raw).decode()
    return np.loadtxt(io.StringIO(text), delimiter=dialect.mark, comments=None, ndmin=2)


def _by_pandas(raw: bytes, dialect: Dialect) -> NDArray[np.float64]:
    import pandas as pd

    mark = dialect.mark.encode() if dialect.mark else None
    columns = len(raw[: raw.find(b"\n")].split(mark))
    if columns > _MANY_COLUMNS:
        # Each column takes its time, so that all cells are read as one.
        raw = _one_column(raw, mark, columns)
    table = pd.read_csv(
        io.BytesIO(raw),
        sep=dialect.mark or r"\s+",
        decimal="," if dialect.decimal_comma else ".",
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
    values: NDArray[np.float64] = table.to_numpy(dtype=np.float64)
    return values.reshape(-1, columns) if columns > _MANY_COLUMNS else values


def _one_column(raw: bytes, mark: bytes | None, columns: int) -> bytes:
    """Cells of a table one under the other.

    Raises
    ------
    ValueError
        If rows differ in length.
    """
    lines = raw.removesuffix(b"\n").split(b"\n")
    if any((line.count(mark) + 1 if mark else len(line.split())) != columns for line in lines):
        raise ValueError
    return raw.removesuffix(b"\n").replace(mark, b"\n") if mark else b"\n".join(raw.split())


def exact_numbers() -> dict[str, Any]:
    """Option of `pandas.read_csv` that makes it read numbers as Python does, to the last digit."""
    import pandas as pd

    version = tuple(int(part) for part in re.findall(r"\d+", pd.__version__)[:2])
    return {} if version >= _EXACT_BY_DEFAULT else {"float_precision": "round_trip"}
