from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import batched
import pytest
from click.testing import CliRunner
from test_batch_kill import _alive, _children

from xps_prefit_hooks import PrefitError
from xps_stn_plugin.batch import engines, run_batch
from xps_stn_plugin.batch.cache_key import content_digest, work_identity, work_key
from xps_stn_plugin.batch.engines import engine_for, in_this_process, processes
from xps_stn_plugin.batch.record import decode
from xps_stn_plugin.batch.tasks import Task
from xps_stn_plugin.cli import main
from xps_stn_plugin.settings import settings_of

# Stands in for the network in all processes, as an installed package does, and crashes on some files.
_PLUGIN = """
import ctypes, os, time
from pathlib import Path
import fakes
from xps_prefit_hooks import hookimpl

class Crashing(fakes.FakePlugin):
    @hookimpl
    def xps_prefit_predict(self, spectrum, settings):
        if "stuck" in spectrum.attrs["source"]:
            # In C, and without letting go of Python's lock, as a library may hang.
            ctypes.PyDLL(None).sleep(600)
        if "poison" in spectrum.attrs["source"]:
            os._exit(9)
        time.sleep(0.02)
        return super().xps_prefit_predict(spectrum, settings)

plugin = Crashing()
"""


def _identity(fit=False):
    return work_identity(settings_of(), fit)


def _task(path, fit=False):
    digest = content_digest(path) if path.exists() else ""
    return Task(work_key([(digest, path.name)], _identity(fit)), (path,), settings_of(), fit)


def _series(*paths):
    key = work_key([(content_digest(path), path.name) for path in paths], _identity())
    return Task(key, paths, settings_of(), False)


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """Folder of a package that replaces the network; this process and those that it starts find it."""
    from xps_stn_plugin.core.plugins import plugin_manager

    site = tmp_path / "site"
    info = site / "crashing-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "crashing.py").write_text(_PLUGIN, encoding="utf-8")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: crashing\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text("[xps_prefit]\ncrashing = crashing:plugin\n", encoding="utf-8")
    monkeypatch.syspath_prepend(site)
    plugin_manager.cache_clear()
    yield site
    plugin_manager.cache_clear()


def _workers():
    """Processes that work for this one."""
    return [
        child
        for child in _children(os.getpid())
        if "xps_stn_plugin.batch.worker" in Path(f"/proc/{child}/cmdline").read_text()
    ]


def test_one_process_is_this_one():
    assert engine_for(1, None, {}) is in_this_process
    assert engine_for(2, None, {}) is not in_this_process


def test_processes_here_or_a_cluster():
    with pytest.raises(PrefitError, match="jobs: 2 processes here, or the workers of tcp://host:8786: give one"):
        engine_for(2, "tcp://host:8786", {})


def test_without_the_extra_one_sentence_names_it(monkeypatch):
    monkeypatch.setattr(engines, "find_spec", lambda name: None if name == "distributed" else name)
    with pytest.raises(PrefitError) as caught:
        engine_for(1, "tcp://host:8786", {})
    assert str(caught.value) == "scheduler: a cluster needs distributed: pip install 'xps-stn-plugin[batch]'."
    assert engine_for(2, None, {}) is not in_this_process


def test_nothing_or_one_file_starts_nothing(fake, tmp_path):
    assert list(processes(2, None, _identity(), [])) == []
    task = _task(batched.write_table(tmp_path / "a.csv"))
    assert list(processes(2, None, _identity(), [task])) == list(in_this_process([task]))


# What a worker does, tried in this process.


def test_a_worker_makes_the_same_record(fake, tmp_path):
    task = _task(batched.write_table(tmp_path / "a.csv"))
    assert list(zip([task], engines._work((task,), _identity(), engines._python()), strict=True)) == list(
        in_this_process([task])
    )


@pytest.mark.parametrize("part", ["python", "package", "weights", "plugins"])
def test_a_worker_of_another_version_stops_the_run(fake, tmp_path, part):
    task = _task(batched.write_table(tmp_path / "a.csv"))
    other = {"package": "0.0.1", "weights": {"prefit.safetensors": "0123456789abcdef"}, "plugins": [["x", None, "3.2"]]}
    said = {"python": "3.0", "package": "0.0.1", "weights": "prefit.safetensors 0123456789ab", "plugins": "x 3.2"}[part]
    identity = {**_identity(), **{name: value for name, value in other.items() if name == part}}
    python = "3.0" if part == "python" else engines._python()
    engines._worker_identity.cache_clear()
    with pytest.raises(PrefitError, match=rf"worker on .*: has {part} .* was started with {said}; use the same\."):
        engines._work((task,), identity, python)


def test_a_worker_that_does_not_see_the_file_says_so_and_it_is_tried_again(fake, tmp_path):
    (data,) = engines._work((_task(tmp_path / "a.csv"),), _identity(), engines._python())
    record = decode(data)
    assert "cannot open it (No such file or directory); it needs the same folders." in record.reason
    assert not record.final


def test_a_worker_that_sees_another_file_says_so_and_it_is_tried_again(fake, tmp_path):
    task = _task(batched.write_table(tmp_path / "a.csv"))
    batched.write_table(tmp_path / "a.csv", seed=1)
    (data,) = engines._work((task,), _identity(), engines._python())
    record = decode(data)
    assert "found another content in it" in record.reason
    assert not record.final


def test_a_worker_looks_at_each_file_of_a_series(fake, tmp_path):
    paths = [batched.write_table(tmp_path / f"{number}.csv", seed=number) for number in range(3)]
    task = _series(*paths)
    (data,) = engines._work((task,), _identity(), engines._python())
    assert [(task, data)] == list(in_this_process([task]))
    assert decode(data).stack.labels == {"file": ["0", "1", "2"]}
    batched.write_table(paths[1], seed=9)
    (data,) = engines._work((task,), _identity(), engines._python())
    assert "found another content in one of the files" in decode(data).reason
    paths[2].unlink()
    (data,) = engines._work((task,), _identity(), engines._python())
    assert "cannot open 2.csv (No such file or directory)" in decode(data).reason
    assert not decode(data).final


@pytest.fixture
def threads(fake):
    """Client of a cluster whose workers are threads of this process."""
    import distributed

    with (
        distributed.LocalCluster(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=":0") as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        yield client


def test_a_scheduler_gets_few_tasks_at_a_time(threads, tmp_path):
    identity = _identity()
    drawn = []

    def tasks():
        for number in range(40):
            drawn.append(number)
            yield (Task(str(number), (tmp_path / f"{number}.csv",), settings_of(), False),)

    results = []
    for result in engines._results("here", threads, identity, tasks(), 5):
        results.append(result)
        assert len(drawn) <= len(results) + 5
    assert sorted(int(task.key) for (task,), _ in results) == drawn == list(range(40))


# Processes on this machine.


@pytest.mark.slow
def test_a_file_that_kills_its_process_fails_alone(plugin, tmp_path):
    import dask
    import distributed  # noqa: F401 (has settings of its own)

    names = ["a", "b", "poison", "c", "d", "e"]
    tasks = [_task(batched.write_table(tmp_path / f"{name}.csv", len(name)), fit=True) for name in names]
    before = dict(os.environ), json.dumps(dask.config.config, default=str)
    results = {task.paths[0].stem: decode(data) for task, data in processes(2, None, _identity(fit=True), tasks)}
    assert (dict(os.environ), json.dumps(dask.config.config, default=str)) == before
    assert set(results) == set(names)
    poisoned = results.pop("poison")
    assert "process that worked on this file died" in poisoned.reason
    assert not poisoned.final
    alone = {
        task.paths[0].stem: decode(data)
        for task, data in in_this_process([task for task in tasks if task.paths[0].stem in results])
    }
    assert {name: record.report for name, record in results.items()} == {
        name: record.report for name, record in alone.items()
    }
    assert not _workers()


@pytest.mark.slow
def test_a_process_that_is_killed_costs_nothing(plugin, tmp_path):
    tasks = [_task(batched.write_table(tmp_path / f"{number}.csv", number)) for number in range(30)]
    engine = processes(2, None, _identity(), tasks)
    results = dict([next(engine)])
    workers = _workers()
    assert len(workers) == 2
    os.kill(workers[0], signal.SIGKILL)
    results.update(engine)
    assert results == dict(in_this_process(tasks))


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [1, 2])
def test_run_with_a_limit_ends_the_work_on_a_stuck_file_and_does_the_others(plugin, tmp_path, jobs):
    folder, out = tmp_path / "data", tmp_path / "out"
    for name in ("a", "stuck", "z"):
        batched.write_table(folder / f"{name}.csv", len(name))
    began = time.monotonic()
    report = run_batch([folder], out, settings_of(), fit=False, jobs=jobs, timeout=15.0)
    assert time.monotonic() - began < 300
    assert (report.ok, report.failed) == (2, 1)
    assert not _workers()
    summary = (out / "summary.csv").read_text()
    assert "the work took longer than the limit (15 s) and was ended; give a longer --timeout to try again." in summary
    # The next run does not wait again.
    began = time.monotonic()
    report = run_batch([folder], out, settings_of(), fit=False, jobs=jobs, timeout=15.0)
    assert (report.failed, report.reused) == (1, 3)
    assert (out / "summary.csv").read_text() == summary


def test_a_limit_of_time_is_not_for_a_cluster_and_needs_another_process():
    with pytest.raises(PrefitError, match="timeout: a time limit cannot be set on a cluster"):
        engine_for(1, "tcp://host:8786", {}, 10.0)
    assert engine_for(1, None, {}, 10.0) is not in_this_process


def test_a_limit_of_time_with_a_plugin_of_this_process_alone_is_told_not_to_hold(caplog):
    identity = {"plugins": [["xps_stn_plugin", "", ""], ["mine", "", ""]]}
    assert engine_for(1, None, identity, 10.0) is in_this_process
    assert "No time limit: the plugin mine is registered in this process only." in caplog.text


def test_a_worker_of_a_cluster_leaves_the_threads_of_torch_as_they_were(fake, tmp_path):
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        engines._work((_task(batched.write_table(tmp_path / "a.csv")),), _identity(), engines._python())
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


@pytest.mark.slow
def test_closing_ends_the_processes(plugin, tmp_path):
    tasks = [_task(batched.write_table(tmp_path / f"{number}.csv", number)) for number in range(30)]
    engine = processes(2, None, _identity(), tasks)
    next(engine)
    workers = _workers()
    assert len(workers) == 2
    engine.close()
    assert not any(_alive(worker) for worker in workers)


@pytest.mark.slow
def test_every_process_has_one_thread_for_its_libraries(plugin, tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    tasks = [_task(batched.write_table(tmp_path / f"{number}.csv", number)) for number in range(30)]
    engine = processes(2, None, _identity(), tasks)
    next(engine)
    for worker in _workers():
        variables = Path(f"/proc/{worker}/environ").read_bytes().split(b"\0")
        assert {b"OMP_NUM_THREADS=1", b"OPENBLAS_NUM_THREADS=1", b"MKL_NUM_THREADS=1"} <= set(variables)
    engine.close()
    assert os.environ["OMP_NUM_THREADS"] == "4"


@pytest.mark.slow
def test_two_processes_give_the_same_files_byte_for_byte(tmp_path):
    folder = batched.mixed_folder(tmp_path / "data", good=8)
    outs = tmp_path / "one", tmp_path / "two"
    for jobs, out in enumerate(outs, start=1):
        report = run_batch([folder], out, settings_of(), jobs=jobs, json=True)
        assert report.finished == report.total == 17
    _same_files(*outs)


def _same_files(one, two):
    paths = (path for path in one.rglob("*") if path.is_file() and path.parent.name != ".xps_stn_batch")
    names = sorted(path.relative_to(one) for path in paths)
    assert {path.name for path in names} >= {"summary.csv", "contact_sheet.html", "spectra.h5"}
    for name in names:
        assert (one / name).read_bytes() == (two / name).read_bytes(), name


# A cluster, as somebody else would start it.


@contextmanager
def _running(*command, folder, environment=None):
    process = subprocess.Popen(
        [sys.executable, "-m", "dask", *command, "--no-dashboard"],
        cwd=folder,
        env=os.environ | (environment or {}),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(20)


@contextmanager
def _scheduler(folder, environment=None):
    """Process and address of a scheduler."""
    file = folder / "scheduler.json"
    options = ("--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(file))
    with _running("scheduler", *options, folder=folder, environment=environment) as process:
        deadline = time.monotonic() + 60
        # Dask writes the file bit by bit; a closing brace in the first column ends it.
        while not (file.exists() and file.read_text().rstrip().endswith("\n}")) and time.monotonic() < deadline:
            time.sleep(0.05)
        yield process, json.loads(file.read_text())["address"]


@pytest.fixture
def elsewhere(tmp_path):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    return folder


@pytest.mark.slow
def test_an_existing_cluster_gives_the_same_files_byte_for_byte(elsewhere, tmp_path, monkeypatch, caplog):
    # Paths that are relative here are others there.
    monkeypatch.chdir(tmp_path)
    batched.mixed_folder(Path("data"), good=6)
    run_batch(["data"], "one", settings_of(), json=True)
    with _scheduler(elsewhere) as (_, address), _running("worker", address, "--nthreads", "2", folder=elsewhere):
        outcome = CliRunner().invoke(main, ["batch", "data", "--out", "two", "--json", "--scheduler", address])
    assert outcome.exit_code == 1, outcome.output
    assert "15 of 15 spectra" in outcome.output
    _same_files(Path("one"), Path("two"))
    assert "has no workers yet" in caplog.text


@pytest.fixture
def without(elsewhere):
    """Environment in which there is no package of this name."""
    (elsewhere / "none" / "xps_stn_plugin").mkdir(parents=True)
    missing = "raise ModuleNotFoundError('not installed')"
    (elsewhere / "none" / "xps_stn_plugin" / "__init__.py").write_text(missing, encoding="utf-8")
    return {"PYTHONPATH": str(elsewhere / "none")}


@pytest.mark.slow
@pytest.mark.parametrize("lacks", ["package", "plugin"])
def test_workers_that_cannot_do_the_same_are_one_sentence(plugin, elsewhere, without, tmp_path, lacks):
    data = [str(batched.write_table(tmp_path / "data" / f"{number}.csv", number)) for number in range(3)]
    environment = without if lacks == "package" else {"XPS_PREFIT_PLUGINS": "none"}
    with (
        _scheduler(elsewhere) as (_, address),
        _running("worker", address, folder=elsewhere, environment=environment),
    ):
        outcome = CliRunner().invoke(main, ["batch", *data, "--out", str(tmp_path / "out"), "--scheduler", address])
    assert outcome.exit_code == 2, outcome.output
    (said,) = [line for line in outcome.stderr.splitlines() if line.startswith("Error: ")]
    package = f"xps_stn_plugin xps-stn-plugin {version('xps-stn-plugin')}"
    assert {
        "package": f"{address}: no worker can process the files: ModuleNotFoundError: not installed.",
        "plugin": f"has plugins {package}, and the batch was started with crashing crashing 1.0, {package};",
    }[lacks] in said
    assert "Traceback" not in outcome.output


@pytest.mark.slow
def test_the_scheduler_needs_only_dask(plugin, elsewhere, without, tmp_path):
    path = batched.write_table(tmp_path / "a.csv")
    with (
        _scheduler(elsewhere, without) as (_, address),
        _running("worker", address, folder=elsewhere, environment={"PYTHONPATH": _path(plugin)}),
    ):
        assert run_batch([path], tmp_path / "out", settings_of(), scheduler=address).ok == 1


@pytest.mark.slow
def test_a_scheduler_that_is_lost_is_one_sentence_and_loses_nothing(plugin, elsewhere, tmp_path):
    folder, out = tmp_path / "data", tmp_path / "out"
    for number in range(60):
        batched.write_table(folder / f"{number}.csv", number)
    with (
        _scheduler(elsewhere) as (scheduler, address),
        _running("worker", address, folder=elsewhere, environment={"PYTHONPATH": _path(plugin)}),
    ):

        def kill(done, total, text):
            if done == 5:
                scheduler.kill()

        with pytest.raises(PrefitError, match="the connection to the scheduler was lost; run the same command again"):
            run_batch([folder], out, settings_of(), scheduler=address, progress=kill)
    report = run_batch([folder], out, settings_of())
    assert 5 <= report.reused < report.total == report.ok == 60


def _path(site):
    return os.pathsep.join([str(site), str(Path(__file__).parent)])


@pytest.mark.parametrize(
    "address", ["nonsense", "http://127.0.0.1:80", pytest.param("tcp://127.0.0.1:9", marks=pytest.mark.slow)]
)
def test_a_wrong_address_is_2_and_one_sentence_soon(tmp_path, address):
    path = batched.write_table(tmp_path / "a.csv")
    began = time.monotonic()
    outcome = CliRunner().invoke(main, ["batch", str(path), "--out", str(tmp_path / "out"), "--scheduler", address])
    assert time.monotonic() - began < 10
    assert outcome.exit_code == 2
    assert outcome.stderr.startswith(f"Error: {address}: no Dask scheduler answers at this address (")
    assert outcome.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_the_address_of_a_worker_is_none_of_a_scheduler():
    import distributed

    options = {"host": "127.0.0.1", "protocol": "tcp", "scheduler_kwargs": {"dashboard_address": "127.0.0.1:0"}}
    with distributed.LocalCluster(n_workers=1, processes=False, dashboard_address=None, **options) as cluster:
        (worker,) = cluster.workers.values()
        with pytest.raises(PrefitError, match="is the address of a Dask Worker; give that of the scheduler"):
            engine_for(1, worker.address, _identity())
