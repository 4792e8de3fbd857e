"""Processes on this machine that work for a batch; one that takes too long over a file is ended."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Collection, Generator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from xps_prefit_hooks import PrefitError

from .messages import receive, send
from .record import Record, encode
from .tasks import Task

#: Variables that numerical libraries take their number of threads from when they are loaded.
_THREADS: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
#: What a process runs: its path is that of this one, whatever is in the working directory.
_CODE: Final = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from xps_stn_plugin.batch.worker import main; main()"
)
#: Seconds between two looks at whether the user has pressed Ctrl-C, which a wait without an end hides on Windows.
_LOOK: Final = 0.5
#: Seconds that a process has to end by itself.
_END: Final = 5.0
#: Finished spectra that wait to be filed, for each process: more stay where they are, not in memory.
_WAITING: Final = 2

Outcome = bytes | Literal["died", "late"]


def pool(
    jobs: int, limit: float | None, identity: Mapping[str, Any], tasks: Collection[Task]
) -> Generator[tuple[Task, bytes], None, None]:
    """Work in so many processes of this machine.

    A process that dies takes its file with it. The file is tried once more when all others are done, by itself.

    Parameters
    ----------
    jobs : int
        Number of processes. Where there are several, each has one thread for its libraries.
    limit : float or None
        Longest time in seconds for one file, the start of its process not counted; for n files of a series n times as
        long. The process that takes longer is ended, and the file has failed.
    identity : mapping
        From `work_identity`.
    tasks : collection of Task

    Raises
    ------
    PrefitError
        If a process cannot be started, or would do something else than this one.
    """
    died = []
    for task, outcome in _outcomes(jobs, limit, identity, tasks):
        if outcome == "died":
            died.append(task)
        else:
            yield task, _record(task, outcome, limit)
    # One at a time, so that there is as much memory as can be.
    for task, outcome in _outcomes(1, limit, identity, died, all_threads=jobs == 1):
        yield task, _record(task, outcome, limit)


def _record(task: Task, outcome: Outcome, limit: float | None) -> bytes:
    several = len(task.paths) > 1
    if outcome == "died":
        files = "these files" if several else "this file"
        reason = f"the process that worked on {files} died: out of memory, or a crash in a library."
        return encode(Record(reason=reason, final=False))
    if outcome == "late":
        limit_text = f"{limit:g} s for each of {len(task.paths)} files" if several else f"{limit:g} s"
        reason = (
            f"the work took longer than the limit ({limit_text}) and was ended; give a longer --timeout to try again."
        )
        return encode(Record(reason=reason, limit=limit))
    assert isinstance(outcome, bytes)
    return outcome


def _outcomes(
    jobs: int, limit: float | None, identity: Mapping[str, Any], tasks: Collection[Task], *, all_threads: bool = True
) -> Generator[tuple[Task, Outcome], None, None]:
    """Results as they come; all processes are ended when this is closed."""
    jobs = min(jobs, len(tasks))
    environment = dict(os.environ)
    if jobs > 1 or not all_threads:
        environment.update(dict.fromkeys(_THREADS, "1"))
    crew = _Crew(limit, identity, environment, list(tasks), queue.Queue(_WAITING * max(jobs, 1)))
    threads = [threading.Thread(target=crew.serve, daemon=True) for _ in range(jobs)]
    try:
        for thread in threads:
            thread.start()
        running = len(threads)
        while running:
            try:
                result = crew.results.get(timeout=_LOOK)
            except queue.Empty:
                continue
            if result is None:
                running -= 1
            elif isinstance(result, BaseException):
                raise result
            else:
                yield result
    finally:
        crew.end(threads)


@dataclass(eq=False)
class _Worker:
    """A process of the pool and its state."""

    process: subprocess.Popen[bytes]
    late: bool = False

    def ask(self, message: Any, limit: float | None = None) -> Any:
        """Send a message and wait for the answer.

        Raises
        ------
        EOFError
            If the process ends meanwhile; `late` says whether it had to.
        """
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        timer = None if limit is None else threading.Timer(limit, self._too_late)
        try:
            if timer is not None:
                timer.daemon = True
                timer.start()
            send(self.process.stdin, message)
            return receive(self.process.stdout)
        except OSError as error:
            raise EOFError from error
        finally:
            if timer is not None:
                timer.cancel()

    def _too_late(self) -> None:
        self.late = True
        self.kill()

    def kill(self) -> None:
        """End the process, and those that it started."""
        if hasattr(os, "killpg"):
            try:
                # It leads a group of its own.
                os.killpg(self.process.pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                return
        else:
            self.process.kill()

    def close(self) -> None:
        """Wait for the end of the process, which comes when nobody talks to it any more."""
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                try:
                    stream.close()
                except OSError:
                    # It died with a message half sent.
                    continue
        try:
            self.process.wait(_END)
        except subprocess.TimeoutExpired:
            self.kill()
            self.process.wait()


class _Crew:
    """Shared state of the threads that serve the processes, one process at a time each."""

    def __init__(
        self,
        limit: float | None,
        identity: Mapping[str, Any],
        environment: Mapping[str, str],
        tasks: list[Task],
        results: queue.Queue[tuple[Task, Outcome] | BaseException | None],
    ) -> None:
        self.results = results
        self._limit = limit
        self._identity = identity
        self._environment = environment
        self._tasks = iter(tasks)
        self._workers: set[_Worker] = set()
        self._lock = threading.Lock()
        self._ended = False

    def serve(self) -> None:
        """Have tasks done by a process until none is left; one that dies is replaced."""
        worker: _Worker | None = None
        try:
            while (task := self._next()) is not None:
                worker = worker or self._hire()
                if worker is None:
                    break
                limit = None if self._limit is None else self._limit * len(task.paths)
                try:
                    outcome: Outcome = worker.ask(task, limit)
                except EOFError:
                    outcome = "late" if worker.late else "died"
                # It may have been done at the last moment.
                if worker.late or not isinstance(outcome, bytes):
                    self._dismiss(worker)
                    worker = None
                self._put_result((task, outcome))
        except BaseException as error:  # noqa: BLE001 (raised by whoever takes the results)
            self._put_result(error)
        finally:
            if worker is not None:
                self._dismiss(worker)
            self._put_result(None)

    def end(self, threads: Collection[threading.Thread]) -> None:
        """End all processes at once, and wait for the threads."""
        with self._lock:
            self._ended = True
            workers = tuple(self._workers)
        for worker in workers:
            worker.kill()
        for thread in threads:
            if thread.ident is not None:
                thread.join()

    def _next(self) -> Task | None:
        with self._lock:
            return None if self._ended else next(self._tasks, None)

    def _hire(self) -> _Worker | None:
        """Start a process and make sure that it can do the work; None where the end has come meanwhile."""
        command = [sys.executable, "-P", "-c", _CODE, json.dumps(sys.path)]
        with self._lock:
            if self._ended:
                return None
            try:
                process = subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    env=self._environment,
                    # Ctrl-C in a terminal is for the process that decides what becomes of the others.
                    start_new_session=True,
                )
            except (OSError, ValueError) as error:
                raise PrefitError("jobs", f"no process can be started for the work: {error}.") from error
            worker = _Worker(process)
            self._workers.add(worker)
        try:
            refusal = worker.ask((self._identity, self._limit))
        except EOFError as error:
            self._dismiss(worker)
            if self._ended:
                return None
            msg = f"a process that was started for the work ended at once (exit status {worker.process.returncode})."
            raise PrefitError("jobs", msg) from error
        if isinstance(refusal, PrefitError):
            self._dismiss(worker)
            raise refusal
        return worker

    def _dismiss(self, worker: _Worker) -> None:
        worker.close()
        with self._lock:
            self._workers.discard(worker)

    def _put_result(self, result: tuple[Task, Outcome] | BaseException | None) -> None:
        while not self._ended:
            try:
                self.results.put(result, timeout=_LOOK)
            except queue.Full:
                continue
            return
