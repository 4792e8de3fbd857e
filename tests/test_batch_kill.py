"""A batch is killed at random moments, as often as it takes; nothing is lost and nothing is different afterwards."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import batched
import pytest

from xps_stn_plugin.batch.record import decode

#: Every kill costs the start of a process, so the suite has few; campaigns of hundreds set the variable.
KILLS = int(os.environ.get("XPS_KILLS", "5"))

# The stand-in for the network makes a spectrum cheap, so that most kills hit the work and not the start.
_SCRIPT = """
import sys
import fakes
from xps_stn_plugin.batch import run_batch
from xps_stn_plugin.core.plugins import plugin_manager
from xps_stn_plugin.settings import settings_of
plugin_manager().register(fakes.FakePlugin(), "fake")
tell = lambda done, total, text: print(done, text, flush=True)
report = run_batch([sys.argv[1]], sys.argv[2], settings_of(), json=True, progress=tell)
print("report", report.finished, flush=True)
"""


def _start(folder, out):
    code = [sys.executable, "-c", _SCRIPT, str(folder), str(out)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    return subprocess.Popen(code, stdout=subprocess.PIPE, text=True, env=environment)


def _outputs(out):
    """Everything but the records, hidden files too: what a kill left half written is gone."""
    paths = (path for path in out.rglob("*") if path.is_file() and ".xps_stn_batch" not in path.parts)
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in paths}


def _same(out, undisturbed):
    """Compare outputs name by name: a whole batch's bytes would fill pages."""
    found, wanted = _outputs(out), _outputs(undisturbed)
    assert sorted(found) == sorted(wanted)
    assert [name for name in wanted if found[name] != wanted[name]] == []


@pytest.mark.slow
def test_killed_at_random_moments_the_results_are_the_same_byte_for_byte(tmp_path):
    folder = batched.mixed_folder(tmp_path / "data", good=30)
    undisturbed = tmp_path / "undisturbed"
    assert _start(folder, undisturbed).wait() == 0
    drawn = random.Random(6)
    out = tmp_path / "out"
    kills = finished = 0
    while kills < KILLS:
        process = _start(folder, out)
        # Some way into what is left, and then anywhere in the file after it or while the results are written.
        lines = drawn.choice([2, 3, 4, 6, 9, 200])
        for number, line in enumerate(process.stdout, start=1):
            if number == lines or "writing" in line:
                break
        time.sleep(drawn.uniform(0.0, 0.06))
        process.send_signal(signal.SIGKILL)
        if process.wait() == -signal.SIGKILL:
            kills += 1
        process.stdout.close()
        records = out / ".xps_stn_batch"
        done = [path for path in records.iterdir() if not path.name.startswith(".")]
        for path in done:
            decode(path.read_bytes())
        # Nothing that was finished is lost; once all is finished, start anew, so that the kills go on in the work.
        assert len(done) >= finished
        finished = len(done)
        if finished == len(list(folder.rglob("*.*"))):
            assert _start(folder, out).wait() == 0
            _same(out, undisturbed)
            for path in records.iterdir():
                path.unlink()
            finished = 0
    assert _start(folder, out).wait() == 0
    _same(out, undisturbed)


@pytest.mark.slow
def test_workers_end_with_the_run_that_was_killed(tmp_path):
    folder = batched.mixed_folder(tmp_path / "data", good=20)
    out = tmp_path / "out"
    code = "import sys; from xps_stn_plugin.cli import main; sys.argv[0] = 'xps-stn'; main()"
    command = [sys.executable, "-c", code, "batch", str(folder), "--out", str(out), "--jobs", "2"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    records = out / ".xps_stn_batch"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and (not records.is_dir() or len(list(records.glob("[0-9a-f]*"))) < 3):
        time.sleep(0.05)
    workers = _children(process.pid)
    process.kill()
    process.wait()
    process.stdout.close()
    assert workers
    while time.monotonic() < deadline and any(_alive(worker) for worker in workers):
        time.sleep(0.05)
    assert not any(_alive(worker) for worker in workers)
    before = len(list(records.glob("[0-9a-f]*")))
    assert before >= 3
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    assert "done earlier" in done.stdout
    alone = tmp_path / "alone"
    command[command.index(str(out))] = str(alone)
    command[-1] = "1"
    subprocess.run(command, capture_output=True, check=False)
    assert (alone / "summary.csv").read_bytes() == (out / "summary.csv").read_bytes()


def _children(parent):
    found = {int(entry.name): _stat(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()}
    return [pid for pid, stat in found.items() if stat and int(stat[1]) == parent]


def _alive(pid):
    stat = _stat(pid)
    return bool(stat) and stat[0] != "Z"


def _stat(pid):
    """State, parent and more of a process; nothing where it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
