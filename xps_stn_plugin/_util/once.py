"""Objects that a process makes once, however many threads ask for them at the same time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cache, update_wrapper
from typing import Generic, TypeVar

_T = TypeVar("_T")


class Once(Generic[_T]):
    """A function without arguments that is called once; all callers get the same object.

    Parameters
    ----------
    make : callable
        ``make()`` makes the object. While it does, other threads wait.
    """

    def __init__(self, make: Callable[[], _T]) -> None:
        self._lock = threading.RLock()
        self._cached = cache(make)
        update_wrapper(self, make)

    def __call__(self) -> _T:
        """Return the object; the first call makes it."""
        with self._lock:
            return self._cached()

    def cache_clear(self) -> None:
        """Forget the object, so that the next call makes another."""
        with self._lock:
            self._cached.cache_clear()
