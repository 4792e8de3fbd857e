"""Texts from files, as output formats can take them."""

from __future__ import annotations

import html
import math

from xps_prefit_hooks import shown

from .._util.files import FORMULA


def cell(text: object) -> str:
    """Text of a table's cell: one line of visible characters, with an apostrophe before what would be a formula.

    Spreadsheets run what begins with an equals sign, plus, minus or at sign, and file names and labels may.
    """
    line = shown(text).strip()
    return f"'{line}" if line.startswith(FORMULA) else line


def markup(text: object, quote: bool = True) -> str:
    """Text as a part of HTML: one line of visible characters, marks escaped."""
    return html.escape(shown(text), quote=quote)


def with_error(value: float | None, error: float | None, digits: int) -> str:
    """Write a number with its standard error: ``285.003 ± 0.012``; ``-`` for one that is not known."""
    if value is None:
        return "-"
    return f"{value:.{digits}f}" + ("" if error is None else f" ± {error:.{digits}f}")


def or_nan(value: float | None) -> float:
    """Turn a number that is not known into NaN."""
    return math.nan if value is None else value


def percent(fraction: float | None) -> float | None:
    """Turn a fraction into percent; None stays None."""
    return None if fraction is None else 100 * fraction
