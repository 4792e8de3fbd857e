"""The same measurement in several processes that begin together."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from typing import Any


def in_processes(
    measure: Callable[..., None],
    number: int,
    processes: int,
    arguments: Callable[[int, int], tuple[Any, ...]],
    longest: float,
) -> list[Any]:
    """Measure in processes of their own; what each has put into the queue, in the order in which they end.

    Parameters
    ----------
    measure : callable
        ``measure(*arguments, barrier, results)``: waits at the barrier, then puts one value into the queue.
    number, processes : int
        Number of spectra, and of processes that share them.
    arguments : callable
        ``arguments(size, place)`` for the process at a place, which gets so many spectra.
    longest : float
        Seconds to wait for an answer.
    """
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(processes), context.Queue()
    sizes = [number // processes + (i < number % processes) for i in range(processes)]
    workers = [
        context.Process(target=measure, args=(*arguments(size, i), barrier, results), daemon=True)
        for i, size in enumerate(sizes)
    ]
    for worker in workers:
        worker.start()
    parts = [results.get(timeout=longest) for _ in workers]
    for worker in workers:
        worker.join()
    return parts
