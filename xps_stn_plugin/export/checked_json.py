"""JSON that may come from anybody: parsed within limits, its values checked where they are taken out."""

from __future__ import annotations

import json
import keyword
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from xps_prefit_hooks import PrefitError

from .._util.strict_json import shown, without_repetition
from ..models.expressions import is_constant_name

#: Most characters of a text and of a name.
MAX_TEXT: Final = 2000
MAX_NAME: Final = 100

#: Largest number; lmfit squares differences of values and bounds.
LARGEST: Final = 1e150

#: Names of parameters, and prefixes of them.
NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}", re.ASCII)
_PREFIX: Final = re.compile(r"(?:[A-Za-z_][A-Za-z0-9_]{0,79})?", re.ASCII)

#: Numbers that JSON has not, in a parameter that was never given one or has open bounds: what null stands for.
OPEN: Final[Mapping[str, float]] = {"value": -math.inf, "min": -math.inf, "max": math.inf}


def parsed(where: str, data: bytes) -> Any:
    """Parse JSON; objects with a repeated name are refused.

    Raises
    ------
    PrefitError
        If it is not UTF-8, not JSON, or nested too deeply.
    """
    try:
        return json.loads(data.decode("utf-8"), object_pairs_hook=without_repetition)
    except RecursionError as error:
        raise PrefitError(where, "its JSON is nested too deeply.") from error
    except ValueError as error:
        raise PrefitError(where, f"is not JSON: {shortened(error)}.") from error


class Record:
    """A JSON object with checked access; every method raises `PrefitError` where the value is of another kind.

    Parameters
    ----------
    content : object
        Anything that JSON can hold.
    where : str
        For messages.
    """

    def __init__(self, content: object, where: str) -> None:
        if not isinstance(content, dict):
            raise PrefitError(where, f"{shown(content)} is not a JSON object.")
        self.content: dict[str, Any] = content
        self.where = where

    def _value(self, key: str) -> Any:
        if key not in self.content:
            raise PrefitError(self.where, f"{key!r} is missing.")
        return self.content[key]

    def refused(self, key: str, needed: str) -> PrefitError:
        """Make the error of a value that is not what is needed."""
        return PrefitError(self.where, f"{key!r} is {shown(self.content.get(key))}; needed is {needed}.")

    def record(self, key: str) -> Record:
        """Return an object."""
        return Record(self._value(key), key)

    def items(self, key: str, most: int) -> list[Any]:
        """Return a list of at most `most` items."""
        value = self._value(key)
        if not isinstance(value, list):
            raise self.refused(key, "a list")
        if len(value) > most:
            raise PrefitError(self.where, f"{key!r} has {len(value)} items; {most} are the most.")
        return value

    def records(self, key: str, most: int) -> Iterator[Record]:
        """Return the objects of a list."""
        return (Record(item, f"{key} {number}") for number, item in enumerate(self.items(key, most), 1))

    def text(self, key: str, most: int = MAX_TEXT) -> str:
        """Return a text without NUL that can be written as UTF-8."""
        value = self._value(key)
        if not _is_text(value, most):
            raise self.refused(key, f"a text of at most {most} characters")
        text: str = value
        return text

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of texts."""
        values = self.items(key, 1000)
        if not all(_is_text(value, MAX_TEXT) for value in values):
            raise self.refused(key, f"a list of texts of at most {MAX_TEXT} characters")
        return tuple(values)

    def name(self, key: str) -> str:
        """Return a name that a parameter may have."""
        value = self._value(key)
        if not isinstance(value, str) or not NAME.fullmatch(value) or keyword.iskeyword(value):
            raise self.refused(key, "a name of ASCII letters, digits and '_'")
        if value.startswith("__") or is_constant_name(value):
            raise self.refused(key, "a name that is not that of a constant or a function")
        return value

    def prefix(self, key: str) -> str:
        """Return a prefix of such names; it may be empty."""
        value = self._value(key)
        if not isinstance(value, str) or not _PREFIX.fullmatch(value) or value.startswith("__"):
            raise self.refused(key, "a prefix of ASCII letters, digits and '_'")
        return value

    def number(self, key: str) -> float:
        """Return a number that is not larger than `LARGEST`."""
        number = _number(self._value(key))
        if number is None or not abs(number) <= LARGEST:
            raise self.refused(key, f"a number between -{LARGEST:g} and {LARGEST:g}")
        return number

    def open_number(self, key: str) -> float:
        """Return a number, or what null and the infinity of that sign stand for."""
        value = self._value(key)
        number = OPEN[key] if value is None else _number(value)
        if number is None or not (abs(number) <= LARGEST or number == OPEN[key]):
            raise self.refused(key, f"null or a number between -{LARGEST:g} and {LARGEST:g}")
        return number

    def flag(self, key: str) -> bool:
        """Return true or false."""
        value = self._value(key)
        if not isinstance(value, bool):
            raise self.refused(key, "true or false")
        return value


def _number(value: object) -> float | None:
    """Return a JSON number; None for all else, and for whole numbers that no double holds."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


def _is_text(value: object, most: int) -> bool:
    return (
        isinstance(value, str)
        and len(value) <= most
        and "\0" not in value
        and not any("\ud800" <= character <= "\udfff" for character in value)
    )


def shortened(error: BaseException) -> str:
    """Return the text of an error for a message: one line, escaped and cut."""
    text = " ".join(str(error).split())
    return ascii(text)[1:-1][:150] or type(error).__name__
