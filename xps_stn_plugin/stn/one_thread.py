"""One thread for torch while a single spectrum is read, without a change to torch's setting for others."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import torch

#: Held while the setting is read and changed.
_CHANGING: Final = threading.Lock()


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch use one thread in the calling thread.

    A network of this size gains nothing from a second thread for one spectrum, and where other programs need the cores
    the threads wait for each other after every layer. torch keeps the number for each thread, and beside it a number
    for threads that are still to come; the latter is set back at once, by a thread that ends.
    """
    with _CHANGING:
        before = torch.get_num_threads()
        if before > 1:
            torch.set_num_threads(1)
            other = threading.Thread(target=torch.set_num_threads, args=(before,))
            other.start()
            other.join()
    try:
        yield
    finally:
        if before > 1:
            torch.set_num_threads(before)
