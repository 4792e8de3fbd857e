"""The process that makes and reads inputs, one after the other, until it is told to stop, or ended from outside.

It is started by `campaign` as ``python -m tests.fuzz.worker FOLDER``. Orders come as lines of JSON; faults and the
figures of each order go back in the same way. What it is at stands in a shared file, so that nothing is lost where it
does not come back.
"""

from __future__ import annotations

import ctypes
import json
import mmap
import os
import resource
import signal
import struct
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any, Final

from .reduction import reduced
from .targets import CANARY, TARGETS, Outcome, outcome_of
from .text_mutators import mutated_bytes

#: Number of the input at hand, and how many were loaded, refused and faulty since the order came.
PROGRESS: Final = struct.Struct("<4q")
#: Faults with the same signature of which an example is kept.
EXAMPLES: Final = 2


class Worker:
    """Makes, reads and judges inputs.

    Parameters
    ----------
    folder : Path
        With ``corpus``, ``progress`` and ``input``; a scratch folder of the campaign.
    """

    def __init__(self, folder: Path) -> None:
        # The campaign that is killed takes the worker with it (PR_SET_PDEATHSIG of prctl(2)).
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
        self.folder = folder
        self.canary = folder / "input" / CANARY
        self.corpus: dict[str, list[bytes]] = {}
        self._examples: dict[str, int] = {}
        file = (folder / "progress").open("r+b")
        self._progress = mmap.mmap(file.fileno(), PROGRESS.size)

    def warm_up(self, name: str) -> None:
        """Read all valid files of a format once, so that imports do not count against the first input."""
        files = sorted((self.folder / "corpus" / name).iterdir())
        self.corpus[name] = [path.read_bytes() for path in files]
        for path in files:
            outcome = outcome_of(TARGETS[name].read, path, self.canary)
            if outcome.kind != "loaded":
                raise AssertionError(f"{path.name}, a valid file of {name}, is not loaded: {outcome}")

    def make(self, name: str, seed: int, index: int) -> Path:
        """Write input number `index` of a format; the same for the same seed."""
        target = TARGETS[name]
        random = Random(f"{seed}:{name}:{index}")
        source = random.choice(self.corpus[name])
        suffix = target.suffixes[0] if random.random() < 0.7 else random.choice(target.suffixes)
        path = self.folder / "input" / f"input{suffix}"
        try:
            target.write(random, source, path, self.corpus[name], self.folder / "input")
        except (
            ValueError,
            RecursionError,
            KeyError,
            TypeError,
            AttributeError,
            IndexError,
            OSError,
            RuntimeError,
            MemoryError,
        ):
            # Several changes at once can be more than JSON or HDF5 can hold; bytes always can be changed.
            path.write_bytes(mutated_bytes(random, source, self.corpus[name]))
        return path

    def work(self, name: str, seed: int, indices: range, seconds: float) -> Iterator[dict[str, Any]]:
        """Yield faults, and at the end the figures."""
        began, slowest = time.monotonic(), 0.0
        counts = {"loaded": 0, "refused": 0, "faults": 0}
        _reset_peak()
        resident = _status("VmRSS")
        index = indices.start
        for index in indices:
            PROGRESS.pack_into(self._progress, 0, index, *counts.values())
            path = self.make(name, seed, index)
            started = time.process_time()
            outcome = outcome_of(TARGETS[name].read, path, self.canary)
            slowest = max(slowest, time.process_time() - started)
            counts["faults" if outcome.is_fault else outcome.kind] += 1
            if outcome.is_fault:
                yield self._fault(name, index, path, outcome)
            path.unlink(missing_ok=True)
            if time.monotonic() - began > seconds:
                break
        PROGRESS.pack_into(self._progress, 0, -1, *counts.values())
        yield {
            "done": {
                **counts,
                "next": index + 1,
                "slowest": slowest,
                "peak": max(0, _status("VmHWM") - resident),
            }
        }

    def _fault(self, name: str, index: int, path: Path, outcome: Outcome) -> dict[str, Any]:
        count = self._examples.get(outcome.signature, 0)
        self._examples[outcome.signature] = count + 1
        row = {
            "format": name,
            "index": index,
            "kind": outcome.kind,
            "signature": outcome.signature,
            "detail": outcome.detail,
        }
        if count < EXAMPLES:
            target = TARGETS[name]
            data = path.read_bytes()
            if target.is_text:
                data = reduced(data, lambda shorter: self._same(name, path, shorter, outcome), seconds=3.0)
            example = self.folder / "examples" / f"{name}-{index}-{outcome.kind}{path.suffix}"
            example.write_bytes(data)
            row["example"] = str(example)
        return {"fault": row}

    def _same(self, name: str, path: Path, data: bytes, outcome: Outcome) -> bool:
        path.write_bytes(data)
        return outcome_of(TARGETS[name].read, path, self.canary).signature == outcome.signature


def _status(name: str) -> int:
    """Field of the process's status in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    return 0


def _reset_peak() -> None:
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        # Without it the peak is that of the whole run: never too low.
        return


def _limit_memory(room: int) -> None:
    size = _status("VmSize") + room
    resource.setrlimit(resource.RLIMIT_AS, (size, resource.getrlimit(resource.RLIMIT_AS)[1]))


def main() -> None:
    """Take orders from the standard input until it ends."""
    worker = Worker(Path(sys.argv[1]))
    # What is read may write to the standard output; the campaign wants its lines alone.
    out = os.fdopen(os.dup(1), "wb", buffering=0)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 1)
    os.chdir(worker.folder / "input")
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    first = json.loads(sys.stdin.readline())
    for name in first["formats"]:
        worker.warm_up(name)
    out.write(b"ready\n")
    # What libhdf5 says of damaged files would fill the pipe.
    os.dup2(null, 2)
    _limit_memory(first["memory"])
    for line in sys.stdin:
        order = json.loads(line)
        indices = range(order["start"], order["stop"])
        for row in worker.work(order["format"], order["seed"], indices, order["seconds"]):
            out.write(json.dumps(row).encode() + b"\n")


if __name__ == "__main__":
    main()
