from __future__ import annotations

import os
from pathlib import Path

import batched
import pytest

from xps_stn_plugin.batch.engines import engine_for, here, processes
from xps_stn_plugin.batch.record import decode
from xps_stn_plugin.batch.work import Task
from xps_stn_plugin.settings import settings_of


class Poison:
    """A task that ends the process that takes it."""

    key = "poison"

    def __reduce__(self):
        return os._exit, (9,)


def _task(path, key):
    return Task(key, path, settings_of(), False)


def test_one_process_is_this_one():
    assert engine_for(1) is here
    assert engine_for(2) is not here


def test_nothing_to_do_starts_nothing():
    assert list(processes(2, [])) == []


@pytest.mark.slow
def test_a_dead_process_costs_its_own_task_only(tmp_path):
    tasks = [_task(batched.write_table(tmp_path / f"{number}.csv", number), str(number)) for number in range(4)]
    before = dict(os.environ)
    results = {task.key: decode(data) for task, data in processes(2, [tasks[0], Poison(), *tasks[1:]])}
    assert dict(os.environ) == before
    assert set(results) == {"poison", "0", "1", "2", "3"}
    poisoned = results.pop("poison")
    assert "process that worked on this file died" in poisoned.reason
    assert not poisoned.final
    alone = {task.key: decode(data) for task, data in here(tasks)}
    for key, record in results.items():
        assert record.document is not None
        assert record.document["shift"]["value"] == pytest.approx(alone[key].document["shift"]["value"], abs=1e-9)


@pytest.mark.slow
def test_closing_ends_the_processes(tmp_path):
    tasks = [_task(batched.write_table(tmp_path / f"{number}.csv", number), str(number)) for number in range(8)]
    from test_batch_kill import _alive, _children

    engine = processes(2, tasks)
    next(engine)
    # The tracker of shared memory stays for the whole life of this process.
    workers = [child for child in _children(os.getpid()) if "spawn_main" in _command(child)]
    assert len(workers) == 2
    engine.close()
    assert not any(_alive(worker) for worker in workers)


def _command(pid):
    return Path(f"/proc/{pid}/cmdline").read_text()
