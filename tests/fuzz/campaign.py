"""A campaign: orders to the worker, limits on its time and memory, figures, and the state from which it goes on."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from .corpus import FORMATS, write_corpus
from .worker import PROGRESS

#: Processor time in seconds after which an input counts as one that hangs.
CPU_LIMIT: Final = 5.0
#: Time in seconds after which an input that uses no processor counts as one that blocks.
BLOCKED_LIMIT: Final = 60.0
#: Memory in bytes beyond what the process has before the first input.
MEMORY_LIMIT: Final = 500 * 2**20
_TURN: Final = 2.0
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_ROOT: Final = Path(__file__).parents[2]


@dataclass
class Figures:
    """Figures of one format; those of a campaign that goes on are added up."""

    next: int = 0
    tried: int = 0
    loaded: int = 0
    refused: int = 0
    faults: int = 0
    hangs: int = 0
    crashes: int = 0
    peak: int = 0
    slowest: float = 0.0
    seconds: float = 0.0


@dataclass
class State:
    """All that a campaign knows; kept as JSON."""

    seed: int
    formats: dict[str, Figures] = field(default_factory=dict)
    #: By signature: how often, and the first examples.
    faults: dict[str, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path | None, seed: int) -> State:
        """Take up what an earlier campaign left; start anew where there is nothing."""
        if path is None or not path.exists():
            return cls(seed)
        document = json.loads(path.read_text())
        if document["seed"] != seed:
            raise ValueError(f"{path} is of a campaign with seed {document['seed']}, not {seed}.")
        return cls(seed, {name: Figures(**row) for name, row in document["formats"].items()}, document["faults"])

    def write(self, path: Path) -> None:
        """Keep the state, whole or not at all."""
        temporary = path.with_name(f".{path.name}.new")
        temporary.write_text(json.dumps(self.report(), indent=1))
        temporary.replace(path)

    def report(self) -> dict[str, Any]:
        """Figures as plain values."""
        formats = {name: vars(figures) for name, figures in self.formats.items()}
        names = ("tried", "loaded", "refused", "faults", "hangs", "crashes")
        total = {name: sum(row[name] for row in formats.values()) for name in names}
        return {"seed": self.seed, "total": total, "formats": formats, "faults": self.faults}


class Campaign:
    """Tries mutated files for some time.

    Parameters
    ----------
    seed : int
        Decides all inputs.
    formats : sequence of str
        Names of `FORMATS`.
    examples : Path
        Folder for examples of faults, outside the repository.
    state : Path, optional
        File from which the campaign goes on, and where it is kept.
    say : callable, optional
        Is told what happens, in lines.
    """

    def __init__(
        self,
        seed: int,
        formats: Sequence[str] = FORMATS,
        *,
        examples: Path,
        state: Path | None = None,
        say: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.formats = tuple(formats)
        self._path = state
        self.state = State.read(state, seed)
        self._examples = examples
        self._say = say
        self._process: subprocess.Popen[bytes] | None = None
        self._buffer = b""

    def run(self, seconds: float, most: int | None = None) -> State:
        """Try inputs for `seconds`, or until `most` were tried.

        Every format gets the same time.
        """
        shared_memory = Path("/dev/shm")
        place = shared_memory if os.access(shared_memory, os.W_OK) else None
        self._examples.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="xps-fuzz-", dir=place) as name:
            self._folder = Path(name)
            self._prepare()
            self._process = self._start()
            until = time.monotonic() + seconds
            turn = min(_TURN, max(0.2, seconds / (2 * len(self.formats))))
            try:
                while time.monotonic() < until and not (most and self._tried() >= most):
                    name = min(self.formats, key=lambda format: self._figures(format).seconds)
                    self._order(name, min(turn, max(0.1, until - time.monotonic())))
                    if self._path is not None:
                        self.state.write(self._path)
            finally:
                self._end()
        return self.state

    def _figures(self, name: str) -> Figures:
        return self.state.formats.setdefault(name, Figures())

    def _tried(self) -> int:
        return sum(figures.tried for figures in self.state.formats.values())

    def _prepare(self) -> None:
        write_corpus(self._folder / "corpus")
        (self._folder / "progress").write_bytes(bytes(PROGRESS.size))
        (self._folder / "examples").symlink_to(self._examples.resolve(), target_is_directory=True)

    def _start(self) -> subprocess.Popen[bytes]:
        inputs = self._folder / "input"
        shutil.rmtree(inputs, ignore_errors=True)
        inputs.mkdir()
        # What links in HDF5 files may lead to.
        os.mkfifo(inputs / "pipe")
        shutil.copyfile(self._folder / "corpus" / "nexus" / "a.nxs", inputs / "other.nxs")
        paths = [_ROOT, _ROOT / "tests", _ROOT / "hooks", _ROOT / "weights"]
        environment = {
            **os.environ,
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "PYTHONPATH": ":".join(map(str, paths)),
        }
        self._buffer = b""
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.fuzz.worker", str(self._folder)],
            cwd=_ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(json.dumps({"formats": self.formats, "memory": MEMORY_LIMIT}).encode() + b"\n")
        process.stdin.flush()
        if process.stdout.readline() != b"ready\n":
            _, errors = process.communicate()
            raise RuntimeError(f"the worker did not start: {errors.decode(errors='replace')[-2000:]}")
        return process

    def _end(self) -> None:
        if self._process is not None:
            if self._process.poll() is None:
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.communicate()
            self._process = None

    def _order(self, name: str, seconds: float) -> None:
        """Have one format's next inputs tried."""
        if self._process is None:
            self._process = self._start()
        figures = self._figures(name)
        order = {
            "format": name,
            "seed": self.state.seed,
            "start": figures.next,
            "stop": figures.next + 10**9,
            "seconds": seconds,
        }
        began = time.monotonic()
        self._set_progress(-1)
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            self._process.stdin.flush()
            self._wait(name, figures)
        except BrokenPipeError:
            self._lost(name, figures, "crash")
        figures.seconds += time.monotonic() - began

    def _wait(self, name: str, figures: Figures) -> None:
        process = self._process
        assert process is not None
        at, since, used = -2, time.monotonic(), 0.0
        while True:
            line = self._line(0.25)
            if line is not None:
                row = json.loads(line)
                if "done" in row:
                    done = row["done"]
                    self._add(figures, done["loaded"], done["refused"], done["faults"], done["next"])
                    figures.peak = max(figures.peak, done["peak"])
                    figures.slowest = max(figures.slowest, done["slowest"])
                    return
                self._fault(row["fault"])
                at = -2
                continue
            if process.poll() is not None:
                self._lost(name, figures, "crash")
                return
            index, spent = self._progress()[0], _processor_time(process.pid)
            if index != at or index < 0:
                at, since, used = index, time.monotonic(), spent
            elif spent - used > CPU_LIMIT or time.monotonic() - since > BLOCKED_LIMIT:
                self._lost(name, figures, "hang")
                return

    def _line(self, seconds: float) -> bytes | None:
        process = self._process
        assert process is not None and process.stdout is not None
        if b"\n" not in self._buffer and select.select([process.stdout], [], [], seconds)[0]:
            self._buffer += os.read(process.stdout.fileno(), 65536)
        if b"\n" not in self._buffer:
            return None
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def _progress(self) -> tuple[int, ...]:
        return PROGRESS.unpack((self._folder / "progress").read_bytes())

    def _set_progress(self, index: int) -> None:
        with (self._folder / "progress").open("r+b") as file:
            file.write(PROGRESS.pack(index, 0, 0, 0))

    def _lost(self, name: str, figures: Figures, kind: str) -> None:
        """Count an input that the worker did not come back from, keep it, and end the worker."""
        process = self._process
        assert process is not None
        index, loaded, refused, faults = self._progress()
        status = process.poll()
        if status is None:
            os.killpg(process.pid, signal.SIGKILL)
        _, errors = process.communicate()
        self._process = None
        if index < 0:
            raise RuntimeError(f"the worker ended between two inputs: {errors.decode(errors='replace')[-2000:]}")
        self._add(figures, loaded, refused, faults, index + 1)
        figures.tried += 1
        figures.hangs += kind == "hang"
        figures.crashes += kind == "crash"
        row = {
            "format": name,
            "index": index,
            "kind": kind,
            "signature": f"{kind} in {name}",
            "detail": f"status {status}",
        }
        inputs = [path for path in (self._folder / "input").glob("input.*") if path.is_file()]
        if inputs and self.state.faults.get(row["signature"], {}).get("count", 0) < 50:
            example = self._examples / f"{name}-{index}-{kind}{inputs[0].suffix}"
            shutil.copyfile(inputs[0], example)
            row["example"] = str(example)
        self._fault(row)

    def _add(self, figures: Figures, loaded: int, refused: int, faults: int, following: int) -> None:
        figures.loaded += loaded
        figures.refused += refused
        figures.faults += faults
        figures.tried += loaded + refused + faults
        figures.next = following

    def _fault(self, row: dict[str, Any]) -> None:
        known = self.state.faults.setdefault(
            row["signature"], {"kind": row["kind"], "count": 0, "first": row, "examples": []}
        )
        known["count"] += 1
        if "example" in row:
            known["examples"].append(row["example"])
        if known["count"] == 1:
            self._say(f"{row['format']} {row['index']}: {row['kind']}, {row['signature']}: {row['detail']}")


def _processor_time(pid: int) -> float:
    """Processor time in seconds of a process and of those that it started."""
    total = 0.0
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        # Its own and that of its children that have ended.
        total = sum(int(value) for value in fields[11:15]) / _TICKS
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                total += _processor_time(int(child))
    except (OSError, ValueError, IndexError):
        # It ended in between.
        return total
    return total
