"""Callables by which long work reports progress and asks whether to stop, as in a host's `MenuRequest`."""

from __future__ import annotations

from collections.abc import Callable

#: ``progress(done, total, text)``.
Progress = Callable[[int, int, str], None]


def nothing(done: int, total: int, text: str) -> None:
    """Tell nobody."""


def never() -> bool:
    """Go on."""
    return False
