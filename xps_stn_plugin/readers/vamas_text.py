"""Items of a VAMAS text, one on each line, and where in the file they stand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from xps_prefit_hooks import PrefitError

from .numbers import numbers_between_commas
from .text import number

# Characters that are split into lines at once, about those of the header of a block.
_AHEAD: Final = 400
# Fewer numbers are read one by one.
_FEW_VALUES: Final = 16


class VamasText:
    """Reads the text of a file item by item and knows where it is.

    Parameters
    ----------
    source : str
        File for messages.
    text : str
        The whole text, with line feeds alone between lines.
    """

    def __init__(self, source: str, text: str) -> None:
        self.source = source
        self.place = "the header"
        self._text = text
        last = text.rfind("\n") + 1
        # A line that is empty and not ended is not a line.
        self._end = len(text) if text[last:].strip() else last
        # Empty lines in front do not count as items.
        begin = len(text) - len(text.lstrip())
        self._next = text.rfind("\n", 0, begin) + 1
        self._line = text.count("\n", 0, begin)
        # Lines from there on, and how many of them were taken.
        self._ahead: list[str] = []
        self._taken = 0
        self._characters_per_value = 16.0

    def text(self, what: str) -> str:
        """Return the next line, without blanks at its ends."""
        if self._taken == len(self._ahead):
            self._look_ahead(what)
        self._taken += 1
        return self._ahead[self._taken - 1].strip()

    def _look_ahead(self, what: str) -> None:
        self._pass_taken()
        if self._next >= self._end:
            message = f"the file ends after line {self._line} in {self.place}, where {what} should follow"
            raise PrefitError(self.source, f"{message}; it is cut off or damaged.")
        end = self._text.find("\n", min(self._next + _AHEAD, self._end), self._end)
        self._ahead = self._text[self._next : self._end if end < 0 else end].removesuffix("\n").split("\n")

    def _pass_taken(self) -> None:
        """Move behind the lines that were taken."""
        self._next += sum(map(len, self._ahead[: self._taken])) + self._taken
        self._line += self._taken
        self._ahead, self._taken = [], 0

    def real(self, what: str) -> float:
        """Return the number of the next line."""
        said = self.text(what)
        value = number(said)
        if value is None:
            raise self._damaged(f"{what}, a number, but says '{said[:40]}'")
        return value

    def whole(self, what: str) -> int:
        """Return the whole number of the next line."""
        value = self.real(what)
        if not value.is_integer():
            raise self._damaged(f"{what}, a whole number, but says {value:g}")
        return int(value)

    def _damaged(self, what: str) -> PrefitError:
        line = self._line + self._taken
        return PrefitError(self.source, f"line {line} in {self.place} should hold {what}; the file is damaged.")

    def texts(self, count: int, what: str) -> tuple[str, ...]:
        """Return several lines."""
        return tuple([self.text(what) for _ in range(count)])

    def reals(self, count: int, what: str) -> NDArray[np.float64]:
        """Return the numbers of several lines."""
        self._pass_taken()
        if count >= _FEW_VALUES and (raw := self._lines(count)) is not None:
            values = numbers_between_commas(raw.replace(b"\n", b",")) if b"," not in raw else None
            if values is None:
                # Numbers that JSON does not have, such as "+1", ".5" and "nan".
                values = _numbers_of(raw.split(b"\n"))
            if values is not None and values.size == count:
                self._next += len(raw) + 1
                self._line += count
                return values
        return np.array([self.real(what) for _ in range(count)])

    def _lines(self, count: int) -> bytes | None:
        """Take the next lines, the last without its end; None where there are fewer."""
        if count > self._end - self._next:
            return None
        size = int(self._characters_per_value * count) + 64
        while True:
            raw = self._text[self._next : min(self._next + size, self._end)].encode("ascii", errors="replace")
            ends = np.flatnonzero(np.frombuffer(raw, dtype=np.uint8) == ord("\n"))
            if ends.size >= count:
                end = int(ends[count - 1])
                self._characters_per_value = 1.1 * end / count
                return raw[:end]
            if self._next + size >= self._end:
                return None
            size *= 2


def _numbers_of(lines: Sequence[bytes]) -> NDArray[np.float64] | None:
    try:
        return np.array(lines).astype(np.float64)
    except ValueError:
        return None
