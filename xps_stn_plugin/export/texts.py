"""Texts from files, as output formats can take them."""

from __future__ import annotations

import re

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def printable(text: str) -> str:
    """Text without what neither HTML, HDF5 nor fonts have: control characters, and bytes that are no UTF-8.

    File names on Linux may hold such bytes; Python has them as lone surrogates.
    """
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text.encode("utf-8", "replace").decode("utf-8"))
