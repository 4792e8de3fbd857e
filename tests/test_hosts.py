from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest

from xps_prefit_hooks import PrefitError
from xps_stn_plugin.hosts.axes import is_kinetic

ROOT = Path(__file__).parent.parent
# What all hosts share is not an adapter.
HOSTS = [path for path in sorted((ROOT / "xps_stn_plugin" / "hosts").glob("*.py")) if path.name != "host.py"]


@pytest.mark.parametrize(
    ("told", "kinetic"),
    [
        (["kinetic"], True),
        (["Binding energy (eV)"], False),
        ([None, "", "Kinetic Energy"], True),
        (["energy", "binding_energy"], False),
        (["binding", "kinetic_energy"], False),
    ],
)
def test_the_first_that_tells_decides(told, kinetic):
    assert is_kinetic("a", told) is kinetic


@pytest.mark.parametrize(("told", "said"), [([None, "energy"], "'energy'"), ([], "nothing")])
def test_an_axis_that_does_not_tell_is_not_guessed(told, said):
    with pytest.raises(PrefitError, match=f"made/C1s: the energy axis says neither.*it says {said}"):
        is_kinetic("made/C1s", told)


def test_entry_points_lead_to_modules():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    points = {group: next(iter(point.values())) for group, point in project["entry-points"].items()}
    assert points == {
        "xps_prefit": "xps_stn_plugin.builtin_plugin",
        "himena.plugin": "xps_stn_plugin.hosts.himena",
        "nexpy.plugins": "xps_stn_plugin.hosts.nexpy_menu:plugin_menu",
        "nexpy.models": "xps_stn_plugin.hosts.nexpy_models",
        "nexpy.readers": "xps_stn_plugin.hosts.nexpy_reader",
        "spectrochempy.plugins": "xps_stn_plugin.hosts.spectrochempy:XpsStnPlugin",
    }
    assert all(find_spec(point.partition(":")[0]) for point in points.values())


def test_nothing_imports_a_host_but_its_own_adapter():
    code = (
        "import sys, xps_stn_plugin.api, xps_stn_plugin.cli, xps_stn_plugin.export, xps_stn_plugin.seeding\n"
        "import xps_stn_plugin.hosts.nexpy_menu, xps_stn_plugin.hosts.nexpy_fit, xps_stn_plugin.hosts.host\n"
        "import xps_stn_plugin.hosts.nexpy_selection, xps_stn_plugin.hosts.nexpy_models, xps_stn_plugin.hosts.loading\n"
        "hosts = {'nexpy', 'nexusformat', 'qtpy', 'PySide6', 'PyQt6', 'spectrochempy', 'himena', 'torch'}\n"
        "print(*hosts & set(sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout == "\n"


def test_modules_that_himena_loads_at_its_start_import_no_xarray():
    code = (
        "import sys, xps_stn_plugin.hosts.himena_windows, xps_stn_plugin.hosts.host, xps_stn_plugin.menu\n"
        "print(*{'xarray', 'pandas', 'torch', 'lmfit', 'matplotlib'} & set(sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout == "\n"


@pytest.mark.parametrize("path", HOSTS, ids=lambda path: path.name)
def test_adapters_stay_thin(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 150
