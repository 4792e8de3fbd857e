from __future__ import annotations

import os
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

import xps_stn_plugin as xps
from xps_prefit_hooks import PLUGINS_VARIABLE, PluginReport
from xps_stn_plugin.core.plugins import plugin_manager

THIRD_PARTY = Path(__file__).parent / "third_party"


@pytest.fixture
def house(monkeypatch):
    """Another package's plugin and a broken one, installed as far as importlib.metadata can tell."""
    monkeypatch.syspath_prepend(THIRD_PARTY / "house")
    monkeypatch.syspath_prepend(THIRD_PARTY / "broken")
    monkeypatch.delenv(PLUGINS_VARIABLE, raising=False)
    plugin_manager.cache_clear()
    yield
    plugin_manager.cache_clear()


@pytest.fixture
def house_file(tmp_path):
    energy = np.arange(280.0, 295.0, 0.1)
    counts = 1000 * np.exp(-(((energy - 287.0) / 0.7) ** 2)) + 10
    path = tmp_path / "sample.house"
    path.write_text("HOUSE 1\n" + "\n".join(f"{e:.2f} {c:.3f}" for e, c in zip(energy, counts, strict=True)))
    return path


def test_own_plugin_implements_what_is_built_in():
    plugin_manager.cache_clear()
    assert plugin_manager().hooks_of("xps_stn_plugin") == (
        "xps_prefit_explain",
        "xps_prefit_exporters",
        "xps_prefit_menu",
        "xps_prefit_predict",
        "xps_prefit_readers",
        "xps_prefit_seed",
    )
    assert plugin_manager() is plugin_manager()


def test_installed_plugin_comes_first_and_broken_one_is_named(house, house_file, caplog):
    result = xps.prefit(house_file)
    assert result.shift == pytest.approx(2.0, abs=1e-9)
    assert result.prediction.model.name == "highest point"
    assert result.source == str(house_file)
    assert result.status == "uncertain"
    reports = {report.name: report for report in plugin_manager().reports}
    assert reports["house"] == PluginReport("house", "xps-house", "1.0", "active")
    assert reports["xps_stn_plugin"].state == "active"
    assert (reports["broken"].distribution, reports["broken"].state) == ("xps-broken", "failed")
    assert "a_module_that_nobody_has" in reports["broken"].message
    assert any("Plugin broken: cannot be imported: ModuleNotFoundError" in text for text in caplog.messages)


def test_error_of_another_reader_is_shown_as_it_is(house, tmp_path):
    path = tmp_path / "empty.house"
    path.write_text("HOUSE 1\n")
    with pytest.raises(xps.PrefitError, match="the house file has no rows"):
        xps.read(path)


@pytest.mark.parametrize(
    ("value", "states"),
    [
        ("none", {"house": "blocked", "broken": "blocked"}),
        ("house", {"house": "active", "broken": "blocked"}),
        ("house, absent", {"house": "active", "broken": "blocked", "absent": "failed"}),
    ],
)
def test_variable_limits_installed_plugins(house, monkeypatch, value, states):
    monkeypatch.setenv(PLUGINS_VARIABLE, value)
    reports = {report.name: report.state for report in plugin_manager().reports}
    assert {name: reports.get(name) for name in states} == states
    assert reports["xps_stn_plugin"] == "active"


def test_command_line_uses_installed_plugins(house_file):
    def run(*arguments):
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(str(THIRD_PARTY / n) for n in ("house", "broken"))}
        environment.pop(PLUGINS_VARIABLE, None)
        command = [sys.executable, "-m", "xps_stn_plugin", *arguments]
        return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)

    done = run("prefit", str(house_file), "--no-fit")
    assert done.returncode == 0, done.stderr
    assert "+2.00 ± 0.30 eV" in done.stdout
    assert "Plugin broken: cannot be imported" in done.stderr
    listed = run("plugins")
    assert listed.returncode == 0, listed.stderr
    assert "xps-house" in listed.stdout
    assert "a_module_that_nobody_has" in listed.stdout


def test_package_imports_nothing_heavy_and_knows_its_version():
    heavy = {"torch", "lmfit", "xarray", "numpy", "matplotlib", "h5py", "scipy"}
    code = f"import sys, xps_stn_plugin as xps; print(xps.__version__, {heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == f"{version('xps-stn-plugin')} set()\n"


def test_every_public_name_is_there():
    assert set(xps.__all__) <= set(dir(xps))
    assert all(getattr(xps, name) is not None for name in xps.__all__)
    assert callable(xps.prefit)
    with pytest.raises(AttributeError, match="no attribute 'prefits'"):
        _ = xps.prefits


def test_plugin_manager_is_made_once_for_all_threads(monkeypatch):
    from concurrent.futures import ThreadPoolExecutor
    from threading import Barrier

    import xps_stn_plugin.core.plugins as plugins

    made = []
    barrier = Barrier(4)

    class Slow(plugins.PluginManager):
        def load(self, *arguments, **options):
            made.append(self)
            time.sleep(0.05)
            return super().load(*arguments, **options)

    def ask(_):
        barrier.wait()
        return plugin_manager()

    monkeypatch.setattr(plugins, "PluginManager", Slow)
    plugin_manager.cache_clear()
    try:
        with ThreadPoolExecutor(4) as threads:
            managers = set(threads.map(ask, range(4)))
    finally:
        plugin_manager.cache_clear()
    assert len(made) == 1
    assert managers == set(made)
