"""Smaller inputs with the same fault."""

from __future__ import annotations

import time
from collections.abc import Callable


def reduced(data: bytes, same: Callable[[bytes], bool], seconds: float) -> bytes:
    """Leave out lines, then bytes, as long as the fault stays the same (Zeller & Hildebrandt 2002).

    Parameters
    ----------
    data : bytes
    same : callable
        ``same(shorter)``: whether the fault is still there.
    seconds : float
        When to be content with what there is.
    """
    until = time.monotonic() + seconds
    for pieces in (data.splitlines(keepends=True), None):
        parts = pieces if pieces is not None else [data[i : i + 1] for i in range(len(data))]
        data = b"".join(_without(parts, same, until))
    return data


def _without(parts: list[bytes], same: Callable[[bytes], bool], until: float) -> list[bytes]:
    size = max(len(parts) // 2, 1)
    while True:
        start = 0
        while start < len(parts):
            if time.monotonic() > until:
                return parts
            shorter = parts[:start] + parts[start + size :]
            if same(b"".join(shorter)):
                parts = shorter
            else:
                start += size
        if size == 1:
            return parts
        size //= 2
