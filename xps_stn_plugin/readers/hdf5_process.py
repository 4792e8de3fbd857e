"""The process that reads HDF5 files: started, asked, ended when it hangs, and kept for the next file."""

from __future__ import annotations

import atexit
import io
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from xps_prefit_hooks import PrefitError

from . import hdf5_worker

#: Seconds of CPU time for a request, where the system can limit it, and of the clock, where nothing else helps.
REQUEST_SECONDS: Final = 1.5
_CLOCK_SECONDS: Final = 30.0 if os.name == "posix" else 8.0
_START_SECONDS: Final = 120.0

#: Bytes of values that are certainly unpacked in a second, to give large datasets the time that they need.
BYTES_PER_SECOND: Final = 20e6

#: Files that one process reads; libhdf5 may keep memory.
_FILES: Final = 1000

#: Variables of the process alone: no plugins of libhdf5, one thread for numpy.
_ENVIRONMENT: Final = {
    "HDF5_PLUGIN_PRELOAD": "::",
    "HDF5_PLUGIN_PATH": os.devnull,
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}

_Reply = TypeVar("_Reply")

_DTYPE: Final = re.compile(r"[<>|][biuf][1248]")


class ReaderLost(Exception):
    """The process gave no answer; the text says why, after the name of the file or the node."""


#: First place and end along each dimension of a part of a dataset; None for the whole.
Ranges = Sequence[tuple[int, int]] | None


class Hdf5Reader(Protocol):
    """Something that answers the requests of `hdf5_worker.answer`."""

    def ask(self, request: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        """Answer a request within so many seconds of CPU time."""

    def numbers(
        self, path: Sequence[str], seconds: float, ranges: Ranges = None
    ) -> tuple[dict[str, Any], NDArray[Any] | None]:
        """Return the values of a dataset, and the reply that ends it."""

    def close(self, *, reuse: bool) -> None:
        """Close the file; the reader may serve another where nothing went wrong."""


class Process:
    """A process that runs `hdf5_worker`.

    Parameters
    ----------
    python : str
        The interpreter.

    Raises
    ------
    PrefitError
        If it cannot be started.
    """

    def __init__(self, python: str) -> None:
        try:
            self._process = subprocess.Popen(
                [python, "-I", "-S", "-B", hdf5_worker.__file__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, **_ENVIRONMENT},
                # A program with windows would show a console otherwise.
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except OSError as error:
            raise _not_started(error) from error
        assert self._process.stdin is not None and self._process.stdout is not None
        self._to: IO[bytes] = self._process.stdin
        self._from: IO[bytes] = self._process.stdout
        self.files = 0
        try:
            reply = self._exchange({"sys_path": [entry for entry in sys.path if entry]}, _START_SECONDS, self._reply)
        except ReaderLost as error:
            raise _not_started(f"it ended with status {self._process.returncode}") from error
        if "failed" in reply:
            self.end()
            raise _not_started(reply["failed"])

    def ask(self, request: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        """Send a request and return the reply.

        Raises
        ------
        ReaderLost
            If the process needs longer or ends; it is gone then.
        """
        return self._exchange({**request, "seconds": seconds}, _CLOCK_SECONDS + 4 * seconds, self._reply)

    def numbers(
        self, path: Sequence[str], seconds: float, ranges: Ranges = None
    ) -> tuple[dict[str, Any], NDArray[Any] | None]:
        """Return the values of a dataset, and the reply that ends it; None where that has a reason.

        Raises
        ------
        ReaderLost
            As `ask`.
        """
        request = {"do": "numbers", "path": list(path), "seconds": seconds, "ranges": ranges}
        return self._exchange(request, _CLOCK_SECONDS + 4 * seconds, lambda: _received_numbers(self._from, self._reply))

    def alive(self) -> bool:
        """Tell whether the process still runs."""
        return self._process.poll() is None

    def close(self, *, reuse: bool) -> None:
        """Close the file, and keep the process for another if `reuse`."""
        if not reuse or not self.alive():
            self.end()
            return
        try:
            self.ask({"do": "close"}, REQUEST_SECONDS)
        except ReaderLost:
            return
        POOL.keep(self)

    def end(self) -> None:
        """End the process."""
        self._process.kill()
        for stream in (self._to, self._from):
            try:
                stream.close()
            except OSError:
                # What was to be sent has nobody to read it any more.
                continue
        self._process.wait()

    def _exchange(self, request: Mapping[str, Any], clock: float, receive: Callable[[], _Reply]) -> _Reply:
        """Send a request and receive the reply; end the process if that takes too long by the clock."""
        late = threading.Event()

        def end() -> None:
            late.set()
            self._process.kill()

        timer = threading.Timer(clock, end)
        timer.daemon = True
        timer.start()
        try:
            hdf5_worker.send(self._to, dict(request))
            return receive()
        # The process has gone, or what it sends is not a reply.
        except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
            self.end()
            raise ReaderLost(self._epitaph(late.is_set(), clock)) from error
        except BaseException:
            # The user interrupts: the reply is still on its way, so nothing more can be asked.
            self.end()
            raise
        finally:
            timer.cancel()

    def _epitaph(self, late: bool, clock: float) -> str:
        status = self._process.returncode
        if late:
            return f"gave no answer within {clock:.0f} s; it is damaged or out of reach"
        if status == -getattr(signal, "SIGPROF", 0):
            return "makes the HDF5 library run without end; it is damaged"
        return "makes the HDF5 library crash; it is damaged"

    def _reply(self) -> dict[str, Any]:
        reply = hdf5_worker.receive(self._from)
        if reply is None:
            raise EOFError
        return reply


class InProcess:
    """The same without a process, where there is no interpreter to start: limits of size hold, those of time do not."""

    def __init__(self) -> None:
        self._reader: hdf5_worker.Reader | None = None

    def ask(self, request: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        """Answer a request; `seconds` cannot be enforced."""
        if request["do"] == "open":
            try:
                self._reader = hdf5_worker.Reader(request["file"])
            except OSError as error:
                return {"reason": str(error)}
            return {}
        replies: list[dict[str, Any]] = []
        assert self._reader is not None
        hdf5_worker.answer(self._reader, dict(request), replies.append, io.BytesIO())
        return replies[-1]

    def numbers(
        self, path: Sequence[str], seconds: float, ranges: Ranges = None
    ) -> tuple[dict[str, Any], NDArray[Any] | None]:
        """Return the values of a dataset, and the reply that ends it; None where that has a reason."""
        replies: list[dict[str, Any]] = []
        stream = io.BytesIO()
        assert self._reader is not None
        hdf5_worker.answer(
            self._reader, {"do": "numbers", "path": list(path), "ranges": ranges}, replies.append, stream
        )
        stream.seek(0)
        return _received_numbers(stream, lambda: replies.pop(0))

    def close(self, *, reuse: bool) -> None:
        """Close the file."""
        if self._reader is not None:
            self._reader.close()
        self._reader = None


class Pool:
    """Processes that have done their work well and wait for the next file."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[Process] = []
        self._owner = os.getpid()

    def take(self) -> Process | None:
        """Take a process that waits; None where there is none."""
        with self._lock:
            if self._owner != os.getpid():
                # This process was forked; those that wait belong to its parent.
                self._idle, self._owner = [], os.getpid()
            while self._idle:
                process = self._idle.pop()
                if process.alive():
                    return process
                process.end()
        return None

    def keep(self, process: Process) -> None:
        """Keep a process, or end it if it has read many files or another waits already."""
        process.files += 1
        with self._lock:
            if process.files < _FILES and not self._idle and self._owner == os.getpid():
                self._idle.append(process)
                return
        process.end()

    def end(self) -> None:
        """End the processes that wait."""
        while (process := self.take()) is not None:
            process.end()


#: The start of a process costs a quarter of a second, so one waits for the next file; it ends with this process.
POOL: Final = Pool()
atexit.register(POOL.end)


def opened(path: str) -> Hdf5Reader:
    """Open a file in a process that waits, or in a new one.

    Raises
    ------
    ReaderLost
        If the file cannot be opened.
    PrefitError
        If no process can be started.
    """
    python = interpreter()
    waiting = None if python is None else POOL.take()
    if waiting is not None:
        try:
            return _with_file(waiting, path)
        except ReaderLost:
            # It may have ended while it waited; a new one tells whether it is the file.
            waiting.end()
    return _with_file(InProcess() if python is None else Process(python), path)


def _with_file(reader: Process | InProcess, path: str) -> Hdf5Reader:
    reply = reader.ask({"do": "open", "file": path}, REQUEST_SECONDS)
    if "reason" in reply:
        reader.close(reuse=False)
        raise ReaderLost("begins like HDF5 but cannot be opened; it is cut off or damaged")
    return reader


def interpreter() -> str | None:
    """Find the Python interpreter; None inside of a frozen program, or one that embeds Python under another name."""
    if getattr(sys, "frozen", False) or not sys.executable:
        return None
    return sys.executable if re.match(r"python|pypy", Path(sys.executable).name, re.IGNORECASE) else None


def _not_started(reason: object) -> PrefitError:
    return PrefitError("HDF5", f"the process of {sys.executable} that reads such files cannot be started ({reason}).")


def _received_numbers(
    stream: IO[bytes], reply: Callable[[], dict[str, Any]]
) -> tuple[dict[str, Any], NDArray[Any] | None]:
    """Receive an array as `hdf5_worker.answer` sends it.

    Raises
    ------
    EOFError
        If it ends too early.
    ValueError
        If it is not what was announced.
    """
    head = reply()
    if "reason" in head:
        return head, None
    shape = tuple(int(size) for size in head["shape"])
    if not _DTYPE.fullmatch(head["dtype"]) or any(size < 0 for size in shape):
        raise ValueError("an array of another kind")
    values = np.empty(shape, dtype=head["dtype"])
    if values.size > hdf5_worker.MAX_POINTS:
        raise ValueError("an array of another size")
    target = values.reshape(-1).view(np.uint8).data
    place = 0
    while size := int.from_bytes(_exactly(stream, 8), "little"):
        if place + size > len(target):
            raise ValueError("an array of another size")
        while size:
            count = stream.readinto(target[place : place + size])  # type: ignore[attr-defined]  # IO lacks it
            if not count:
                raise EOFError
            place, size = place + count, size - count
    end = reply()
    if "reason" in end:
        return end, None
    if place != len(target):
        raise ValueError("an array of another size")
    return end, values


def _exactly(stream: IO[bytes], size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return data
