"""Texts as HDF5 takes them."""

from __future__ import annotations

import re
from typing import Final

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def printable(text: str) -> str:
    """Text as HDF5 can hold it: without control characters but line ends, and bytes that are not UTF-8.

    File names on Linux may hold such bytes; Python has them as lone surrogates.
    """
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text.encode("utf-8", "replace").decode("utf-8"))
