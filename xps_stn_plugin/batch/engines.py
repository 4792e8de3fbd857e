"""Engines that do the work: this process, several on this machine, or a cluster.

An engine is a callable ``engine(tasks)`` that yields ``(task, record as bytes)`` in whatever order they are finished,
and stops its work when it is closed. Whoever asks it writes the records, so that only one process writes.
"""

from __future__ import annotations

import asyncio
import logging
import pickle
import platform
import socket
from collections.abc import Callable, Collection, Generator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, partial
from importlib.util import find_spec
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, cast
from uuid import uuid4

from xps_prefit_hooks import PrefitError

from .cache_key import content_digest, package_identity, work_key
from .pool import pool
from .record import Record, encode
from .tasks import Task, prefit_task

if TYPE_CHECKING:
    from distributed import Client, Future, KilledWorker

Engine = Callable[[Collection[Task]], Generator[tuple[Task, bytes], None, None]]
_Chunk = tuple[Task, ...]

_log = logging.getLogger(__name__)

#: Packages of the extra that several processes need; Dask makes its certificates with cryptography.
_NEEDED: Final = ("distributed", "cryptography")
#: Files that a worker is sent at a time: Dask takes milliseconds for each chunk, whatever is in it. Fewer where each
#: thread would not have so many shares, so that all are done at about the same time.
_CHUNK: Final = 8
_SHARES: Final = 8
#: Chunks that a scheduler is given at a time: enough for as many workers, and few beside a night's files.
_WINDOW: Final = 1000
#: Seconds that a scheduler may take to answer.
_ANSWER: Final = 5
#: Longest time in seconds that can be given for a file, 30 days.
_LONGEST: Final = 2_592_000.0

#: This package's own plugin.
_BUILT_IN: Final = "xps_stn_plugin"

_DIED: Final = "the process that worked on {} died: out of memory, or a crash in a library."


def engine_for(jobs: int, scheduler: str | None, identity: Mapping[str, Any], timeout: float | None = None) -> Engine:
    """Engine for so many processes, or for a cluster.

    A single process is this one itself where there is no limit of time: nobody could end the work.

    Parameters
    ----------
    jobs : int
        Number of processes on this machine.
    scheduler : str or None
        Address of a cluster's Dask scheduler, such as ``tcp://host:8786``.
    identity : mapping
        From `work_identity`; another process has to be able to do the same.
    timeout : float or None
        Longest time in seconds for one file; not on a cluster.

    Raises
    ------
    PrefitError
        If a number makes no sense, packages are missing, or the scheduler does not answer.
    """
    if jobs < 1:
        raise PrefitError("jobs", f"{jobs} is not a number of processes; give one or more.")
    if timeout is not None and not 0 < timeout <= _LONGEST:
        msg = f"{timeout:g} s is not a limit for a file; give more than 0 and at most {_LONGEST:.0f} s (30 days)."
        raise PrefitError("timeout", msg)
    if scheduler is None:
        if jobs == 1 and timeout is not None and (names := _only_here(identity)):
            _log.warning("No time limit: the plugin %s is registered in this process only.", ", ".join(names))
            return in_this_process
        return in_this_process if jobs == 1 and timeout is None else partial(processes, jobs, timeout, identity)
    if jobs > 1:
        raise PrefitError("jobs", f"{jobs} processes here, or the workers of {scheduler}: give one of the two.")
    if timeout is not None:
        raise PrefitError("timeout", "a time limit cannot be set on a cluster; leave it out.")
    if missing := [package for package in _NEEDED if find_spec(package) is None]:
        msg = f"a cluster needs {' and '.join(missing)}: pip install 'xps-stn-plugin[batch]'."
        raise PrefitError("scheduler", msg)
    if not _workers_of(scheduler):
        _log.warning("The scheduler at %s has no workers yet; the batch waits for them.", scheduler)
    return partial(cluster, scheduler, identity)


def _only_here(identity: Mapping[str, Any]) -> list[str]:
    """Plugins that were registered by hand: no package brings them, and so no other process has them."""
    return [name for name, package, _ in identity.get("plugins", ()) if not package and name != _BUILT_IN]


def in_this_process(tasks: Collection[Task]) -> Generator[tuple[Task, bytes], None, None]:
    """Work in this process, one task after the other."""
    for task in tasks:
        yield task, prefit_task(task)


def processes(
    jobs: int, timeout: float | None, identity: Mapping[str, Any], tasks: Collection[Task]
) -> Generator[tuple[Task, bytes], None, None]:
    """Work in so many processes of this machine; in this one where there is one file and no limit of time."""
    yield from in_this_process(tasks) if len(tasks) < 2 and timeout is None else pool(jobs, timeout, identity, tasks)


def cluster(
    scheduler: str, identity: Mapping[str, Any], tasks: Collection[Task]
) -> Generator[tuple[Task, bytes], None, None]:
    """Work on the cluster of the scheduler at an address."""
    if tasks:
        with _connected(scheduler) as client:
            yield from _distributed(scheduler, client, identity, tasks)


def _workers_of(scheduler: str) -> Collection[str]:
    """Workers of the scheduler at an address, or some of them; a client would not give up soon where there is none."""
    from distributed.core import rpc
    from distributed.security import Security

    async def request_identity() -> Mapping[str, Any]:
        async with rpc(
            scheduler, timeout=_ANSWER, connection_args=Security().get_connection_args("client")
        ) as connection:
            return cast("Mapping[str, Any]", await asyncio.wait_for(connection.identity(), _ANSWER))

    try:
        # In a thread, because this one may have an event loop already.
        with ThreadPoolExecutor(1) as thread:
            identity = thread.submit(asyncio.run, request_identity()).result()
    except Exception as error:
        # Who knows what answers there.
        msg = f"no Dask scheduler answers at this address ({_plain(error)}); give one such as tcp://host:8786."
        raise PrefitError(scheduler, msg) from error
    if identity["type"] != "Scheduler":
        raise PrefitError(scheduler, f"is the address of a Dask {identity['type']}; give that of the scheduler.")
    return cast("Collection[str]", identity["workers"])


@contextmanager
def _connected(scheduler: str) -> Iterator[Client]:
    """Client of an existing scheduler."""
    from distributed import Client
    from distributed.utils import silence_logging_cmgr

    # What becomes of the connection is told in a sentence.
    with silence_logging_cmgr(logging.CRITICAL):
        try:
            client = Client(scheduler, timeout=_ANSWER, set_as_default=False)
        except OSError as error:
            raise PrefitError(scheduler, f"the scheduler no longer answers ({_plain(error)}).") from error
        with client:
            yield client


def _distributed(
    address: str, client: Client, identity: Mapping[str, Any], tasks: Collection[Task]
) -> Generator[tuple[Task, bytes], None, None]:
    """Work on whatever workers there are.

    A worker that dies takes down all that it held. Which of these files was to blame shows when each is alone.
    """
    threads = sum(client.nthreads().values())
    size = min(_CHUNK, max(1, len(tasks) // (_SHARES * max(1, threads))))
    remaining = iter(tasks)
    suspects: list[Task] = []
    for chunk, results in _results(
        address, client, identity, iter(lambda: tuple(islice(remaining, size)), ()), _WINDOW
    ):
        if isinstance(results, list):
            yield from zip(chunk, results, strict=True)
        else:
            suspects += chunk
    for (task,), results in _results(address, client, identity, ((task,) for task in suspects), 1):
        died = _DIED.format("this file" if len(task.paths) == 1 else "these files")
        yield task, results[0] if isinstance(results, list) else encode(Record(reason=died, final=False))


def _results(
    address: str, client: Client, identity: Mapping[str, Any], chunks: Iterator[_Chunk], window: int
) -> Generator[tuple[_Chunk, list[bytes] | KilledWorker], None, None]:
    """Results of chunks, of which so many are under way at a time."""
    from distributed import KilledWorker, as_completed

    def submit(chunk: _Chunk) -> Future[list[bytes]]:
        # Workers have a working directory of their own.
        absolute = tuple(replace(task, paths=tuple(path.absolute() for path in task.paths)) for task in chunk)
        call = _Call((absolute, identity, _python()))
        return client.submit(pickle.loads, pickle.dumps(call), key=f"prefit-{uuid4()}")

    pending = {submit(chunk): chunk for chunk in islice(chunks, window)}
    finished = as_completed(list(pending), loop=client.loop, with_results=True, raise_errors=False)
    for future, result in finished:
        chunk = pending.pop(future)
        if future.status == "error":
            error = result[1]
            if isinstance(error, PrefitError):
                raise error
            if not isinstance(error, KilledWorker):
                raise PrefitError(address, f"no worker can process the files: {_plain(error)}.") from error
            yield chunk, error
        elif future.status == "finished":
            yield chunk, result
        else:
            raise PrefitError(
                address, "the connection to the scheduler was lost; run the same command again to resume."
            )
        for following in islice(chunks, 1):
            pending[new := submit(following)] = following
            finished.add(new)


@dataclass(frozen=True)
class _Call:
    """Arguments of `_work`; to unpickle them is to do the work.

    A worker that cannot unpickle what it is sent, because this package is missing there, ends without a word. So it is
    sent bytes and a function of Python's own, and what goes wrong is an error of the task. The scheduler needs no more
    than Dask.
    """

    arguments: tuple[_Chunk, Mapping[str, Any], str]

    def __reduce__(self) -> tuple[Callable[..., list[bytes]], tuple[_Chunk, Mapping[str, Any], str]]:
        return _work, self.arguments


def _work(chunk: _Chunk, identity: Mapping[str, Any], python: str) -> list[bytes]:
    """Do a chunk in a worker of a cluster.

    Raises
    ------
    PrefitError
        If the worker would not do the same as the process that wants it.
    """
    from ..stn.one_thread import one_thread

    check_identity({"python": python, **identity})
    # Dask's processes have one for each library, unless somebody has set another number; the worker is somebody else's.
    with one_thread():
        return [record_of_task(task, identity) for task in chunk]


def check_identity(expected: Mapping[str, Any]) -> None:
    """Check that this process would do the same as the one that started the batch.

    Parameters
    ----------
    expected : mapping
        From `work_identity`, and perhaps ``python``, the minor version of Python.

    Raises
    ------
    PrefitError
        Naming the difference.
    """
    for name, value in _worker_identity().items():
        if name in expected and value != expected[name]:
            msg = f"has {name} {_words(value)}, and the batch was started with {_words(expected[name])}; use the same."
            raise PrefitError(_worker_name(), msg)


def _worker_name() -> str:
    return f"worker on {socket.gethostname()}"


def record_of_task(task: Task, identity: Mapping[str, Any]) -> bytes:
    """Do a task in another process than the one that gave it, if the file is the same there."""
    worker = _worker_name()
    is_single = len(task.paths) == 1
    files = []
    for path in task.paths:
        try:
            files.append((content_digest(path), path.name))
        except OSError as error:
            file_text = "it" if is_single else path.name
            reason = f"the {worker} cannot open {file_text} ({error.strerror or error}); it needs the same folders."
            return encode(Record(reason=reason, final=False))
    if work_key(files, identity) != task.key:
        file_text = "it" if is_single else "one of the files"
        reason = (
            f"the {worker} found another content in {file_text}; it was changed meanwhile, or is another file there."
        )
        return encode(Record(reason=reason, final=False))
    return prefit_task(task)


@cache
def _worker_identity() -> Mapping[str, Any]:
    """Say what this process would do the work with."""
    return {"python": _python(), **package_identity()}


def _python() -> str:
    return ".".join(platform.python_version_tuple()[:2])


def _words(value: Any) -> str:
    """Text of a part of the identity."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {digest:.12}" for name, digest in value.items())
    if isinstance(value, list):
        return ", ".join(" ".join(filter(None, entry)) for entry in value) or "none"
    return str(value)


def _plain(error: BaseException) -> str:
    """Put an error in a line."""
    return " ".join(f"{type(error).__name__}: {error}".split()).rstrip(".: ")
