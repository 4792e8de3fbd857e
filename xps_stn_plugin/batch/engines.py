"""Where the work is done: in this process, or in several on this machine.

An engine is a callable ``engine(tasks)`` that yields ``(task, record as bytes)`` in whatever order they are finished,
and stops its work when it is closed. Whoever asks it writes the records, so that only one process writes.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Connection, wait
from typing import Final

from .record import Record, encode
from .work import Task, do

Engine = Callable[[Iterable[Task]], Generator[tuple[Task, bytes], None, None]]

#: Tasks that a process holds: one to work on and one that waits, so that it is never idle.
_HELD: Final = 2
#: Variables that numerical libraries take their number of threads from when they are loaded.
_THREADS: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

_DIED: Final = "the process that worked on this file died: out of memory, or a crash in a library."


def engine_for(jobs: int) -> Engine:
    """Engine for so many processes; a single one is this process itself."""
    return here if jobs == 1 else partial(processes, jobs)


def here(tasks: Iterable[Task]) -> Generator[tuple[Task, bytes], None, None]:
    """Work in this process, one task after the other."""
    for task in tasks:
        yield task, do(task)


def processes(jobs: int, tasks: Iterable[Task]) -> Generator[tuple[Task, bytes], None, None]:
    """Work in several processes of one thread each.

    A file that takes its process down with it fails, and a new process goes on with the others.

    Parameters
    ----------
    jobs : int
        Number of processes.
    tasks : iterable of Task
    """
    left = deque(tasks)
    workers: list[_Worker] = []
    try:
        while left or any(worker.held for worker in workers):
            while len(workers) < jobs and left:
                workers.append(_Worker())
            # In turns, so that none waits while another holds two.
            for _ in range(_HELD):
                for worker in workers:
                    if left and len(worker.held) < _HELD:
                        worker.take(left.popleft())
            ready = wait([worker.connection for worker in workers if worker.held])
            for worker in [worker for worker in workers if worker.connection in ready]:
                try:
                    data = worker.connection.recv_bytes()
                except (EOFError, OSError):
                    workers.remove(worker)
                    worker.end()
                    culprit, *others = worker.held
                    left.extendleft(others)
                    yield culprit, encode(Record(reason=_DIED, final=False))
                else:
                    yield worker.held.popleft(), data
    finally:
        for worker in workers:
            worker.end()


class _Worker:
    """A process that takes tasks and gives records back, in the order of the tasks."""

    def __init__(self) -> None:
        # A forked process would inherit locks of torch's and a host's threads.
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.held: deque[Task] = deque()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        with _inherited_by_processes():
            self._process.start()
        theirs.close()

    def take(self, task: Task) -> None:
        """Send a task; that the process is dead is found where its answer is read."""
        self.held.append(task)
        try:
            self.connection.send(task)
        except OSError:
            return

    def end(self) -> None:
        """End the process at once: it writes nothing, so nothing is left half done."""
        self.connection.close()
        self._process.terminate()
        self._process.join()


def _serve(connection: Connection) -> None:
    """Work until the other end of the connection is gone, however that went."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    import torch

    torch.set_num_threads(1)
    while True:
        try:
            task = connection.recv()
        except (EOFError, OSError):
            return
        connection.send_bytes(do(task))


@contextmanager
def _inherited_by_processes() -> Iterator[None]:
    """Give processes that are started meanwhile one thread each, and no ear for Ctrl-C.

    Ctrl-C goes to all processes of a terminal; the one that writes the records decides what becomes of it.
    """
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    # Windows has no masks; there, Ctrl-C in the first moments ends a process with a traceback.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT}) if hasattr(signal, "pthread_sigmask") else None
    try:
        yield
    finally:
        if mask is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
