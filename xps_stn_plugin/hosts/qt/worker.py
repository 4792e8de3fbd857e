"""Work outside the GUI thread: one thread, one job after the other, answers in the GUI thread."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from qtpy import QtCore

_log = logging.getLogger(__name__)


class Job:
    """A piece of work and its progress; made in the GUI thread, updated by the work itself.

    Parameters
    ----------
    label : str
        What it is, for people.
    """

    def __init__(self, label: str) -> None:
        self.label = label
        self.finished = False
        self._cancel = threading.Event()
        self._started: float | None = None
        self._state = (0, 0, "")

    def begin(self) -> None:
        """Note that its turn has come."""
        self._started = time.monotonic()

    def progress(self, done: int, total: int, text: str) -> None:
        """Note how far it is; a ``MenuRequest.progress``."""
        self._state = (done, total, text)

    def cancel(self) -> None:
        """Ask it to stop."""
        self._cancel.set()

    def cancelled(self) -> bool:
        """Whether it was asked to stop; a ``MenuRequest.cancelled``."""
        return self._cancel.is_set()

    @property
    def state(self) -> tuple[int, int, str]:
        """Last arguments of `progress`."""
        return self._state

    @property
    def waiting(self) -> bool:
        """Whether its turn has not come yet."""
        return self._started is None

    @property
    def seconds_left(self) -> float | None:
        """Time that the rest will take at the rate so far; None where nothing can be said."""
        done, total, _ = self._state
        if self._started is None or not 0 < done <= total:
            return None
        return (time.monotonic() - self._started) / done * (total - done)


class Worker(QtCore.QObject):  # type: ignore[misc]  # qtpy has no type hints
    """A thread that does jobs in their order; to be made in the GUI thread, where answers arrive."""

    _answered = QtCore.Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="xps-stn")
        self._jobs: list[Job] = []
        # Queued: the slot runs in the thread of this object.
        self._answered.connect(self._answer, QtCore.Qt.ConnectionType.QueuedConnection)
        QtCore.QCoreApplication.instance().aboutToQuit.connect(self.stop)

    def submit(
        self, job: Job, work: Callable[[], Any], done: Callable[[Any], None], failed: Callable[[Exception], None]
    ) -> None:
        """Queue ``work()``; ``done(answer)`` or ``failed(error)`` is called in the GUI thread.

        Parameters
        ----------
        job : Job
            What it reports to.
        work : callable
            Runs in the thread.
        done, failed : callable
            What they raise goes to the log.
        """
        self._jobs.append(job)

        def run() -> None:
            job.begin()
            try:
                answer = work()
            except Exception as error:  # noqa: BLE001 (handed to the GUI thread, which shows it)
                self._send(job, failed, error)
            else:
                self._send(job, done, answer)

        self._pool.submit(run)

    def stop(self) -> None:
        """Cancel everything; the thread ends with the job that runs now."""
        for job in self._jobs:
            job.cancel()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _send(self, job: Job, call: Callable[[Any], None], value: Any) -> None:
        try:
            self._answered.emit((job, call, value))
        except RuntimeError:
            # Qt has deleted this object: the application is gone, and nobody waits for the answer.
            _log.info("Answer of %s came after the end of the application", job.label)

    @QtCore.Slot(object)  # type: ignore[untyped-decorator]
    def _answer(self, message: tuple[Job, Callable[[Any], None], Any]) -> None:
        job, call, value = message
        job.finished = True
        self._jobs.remove(job)
        try:
            call(value)
        except Exception:  # noqa: BLE001 (logged)
            # A slot must not raise: PyQt would end the application.
            _log.exception("Unexpected error after %s", job.label)
