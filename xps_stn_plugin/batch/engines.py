"""Where the work is done: in this process, or in several on this machine.

An engine is a callable ``engine(tasks)`` that yields ``(task, record as bytes)`` in whatever order they are finished,
and stops its work when it is closed. Whoever asks it writes the records, so that only one process writes.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from typing import Final

from .record import Record, encode
from .work import Task, do

Engine = Callable[[Iterable[Task]], Generator[tuple[Task, bytes], None, None]]

#: Tasks that wait for each process, so that none is idle while the records are written.
_WAITING: Final = 2
#: Variables that numerical libraries take their number of threads from when they are loaded.
_THREADS: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def engine_for(jobs: int) -> Engine:
    """Engine for so many processes; a single one is this process itself."""
    return here if jobs == 1 else partial(processes, jobs)


def here(tasks: Iterable[Task]) -> Generator[tuple[Task, bytes], None, None]:
    """Work in this process, one task after the other."""
    for task in tasks:
        yield task, do(task)


def processes(jobs: int, tasks: Iterable[Task]) -> Generator[tuple[Task, bytes], None, None]:
    """Work in several processes of one thread each.

    A file that takes its process down with it fails; those that were under way beside it are done again.

    Parameters
    ----------
    jobs : int
        Number of processes.
    tasks : iterable of Task
    """
    left = iter(tasks)
    while True:
        suspects = yield from _until_one_dies(jobs, left)
        if not suspects:
            return
        # One of them did it: each has its turn alone.
        for task in suspects:
            if (yield from _until_one_dies(1, iter([task]))):
                reason = "the process that worked on this file died (out of memory, or a crash in a library)."
                yield task, encode(Record(reason=reason, final=False))


def _until_one_dies(jobs: int, tasks: Iterator[Task]) -> Generator[tuple[Task, bytes], None, list[Task]]:
    """Work until no task is left, or a process dies; returns the tasks that were under way then."""
    pool = _pool(jobs)
    under_way: dict[Future[bytes], Task] = {}
    try:
        while True:
            while len(under_way) < _WAITING * jobs and (task := next(tasks, None)) is not None:
                try:
                    under_way[pool.submit(do, task)] = task
                except BrokenProcessPool:
                    return [*under_way.values(), task]
            if not under_way:
                return []
            done, _ = wait(under_way, return_when=FIRST_COMPLETED)
            for future in done:
                try:
                    data = future.result()
                except BrokenProcessPool:
                    return list(under_way.values())
                yield under_way.pop(future), data
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _pool(jobs: int) -> ProcessPoolExecutor:
    # A forked process would inherit locks of torch's and a host's threads.
    pool = ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), initializer=_prepare)
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        # The first task starts all processes, and they take the environment as it is now.
        pool.submit(os.getpid)
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
    return pool


def _prepare() -> None:
    """Make a new process ready for work."""
    # Ctrl-C goes to all processes of a terminal; the one that writes decides what becomes of it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    import torch

    torch.set_num_threads(1)


def _end_with_parent() -> None:
    """End this process when the one that started it is gone, however it went."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
