from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from xps_stn_plugin.hosts.loading import open_libraries, start_loading


def test_what_a_prefit_needs_is_there_afterwards():
    code = (
        "import sys, xps_stn_plugin.hosts.loading as loading\n"
        "assert 'torch' not in sys.modules and 'lmfit' not in sys.modules\n"
        "thread = loading.start_loading()\n"
        "assert thread is loading.start_loading()\n"
        "thread.join(60)\n"
        "from xps_stn_plugin.stn.predict import shipped\n"
        "import gc\n"
        "print('torch' in sys.modules, 'lmfit' in sys.modules, shipped.cache_info().currsize, gc.isenabled())\n"
        "assert gc.get_freeze_count() == 0\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout == "True True 1 True\n"


def test_a_garbage_collector_that_the_host_has_stopped_stays_so(monkeypatch):
    import gc

    import xps_stn_plugin.hosts.loading as loading

    monkeypatch.setattr(loading, "_prefit_once", lambda: None)
    gc.disable()
    try:
        loading._load()
        assert not gc.isenabled()
    finally:
        gc.enable()


@pytest.mark.slow
@pytest.mark.parametrize("delay", [0.0, 0.1, 1.0])
def test_a_process_may_end_while_it_loads(delay):
    code = (
        f"import time\nfrom xps_stn_plugin.hosts.loading import start_loading\nstart_loading()\ntime.sleep({delay})\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.skipif(sys.platform == "win32", reason="nothing is opened ahead on Windows")
def test_torch_finds_its_libraries_open():
    code = (
        "from xps_stn_plugin.hosts.loading import open_libraries\n"
        "print(*open_libraries(), sep='\\n')\nimport torch\nassert open_libraries() == ()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    folder = Path(find_spec("torch").origin).parent / "lib"
    assert {Path(line).parent for line in done.stdout.split()} == {folder}
    assert "libtorch_cpu" in done.stdout


def test_a_failure_is_logged_and_nothing_else(monkeypatch, caplog):
    import xps_stn_plugin.hosts.loading as loading

    def broken():
        raise RuntimeError("broken weights")

    monkeypatch.setattr(loading, "_prefit_once", broken)
    monkeypatch.setattr(loading, "open_libraries", open_libraries)
    start_loading.cache_clear()
    try:
        start_loading().join(60)
    finally:
        start_loading.cache_clear()
    assert "Loading in the background failed" in caplog.text
    assert "broken weights" in caplog.text
