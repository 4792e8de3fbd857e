"""Texts from files, as output formats can take them."""

from __future__ import annotations

import re

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def printable(text: str) -> str:
    """Text without what neither HTML, HDF5 nor fonts have: control characters, and bytes that are no UTF-8.

    File names on Linux may hold such bytes; Python has them as lone surrogates.
    """
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text.encode("utf-8", "replace").decode("utf-8"))


def with_error(value: float | None, error: float | None, digits: int) -> str:
    """Write a number with its standard error: ``285.003 ± 0.012``; ``-`` for one that is not known."""
    if value is None:
        return "-"
    return f"{value:.{digits}f}" + ("" if error is None else f" ± {error:.{digits}f}")


def percent(fraction: float | None) -> float | None:
    """Turn a fraction into percent; None stays None."""
    return None if fraction is None else 100 * fraction
