"""The plugin in the real himena with himena-lmfit, offscreen, in a process of its own with a fresh home folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

pytestmark = [pytest.mark.gui, pytest.mark.slow, pytest.mark.data]


@pytest.fixture(scope="module")
def seen(shared, tmp_path_factory):
    if not (find_spec("himena") and find_spec("himena_lmfit")):
        pytest.skip("himena and himena-lmfit are not installed (pip install -e '.[himena]')")
    home, out = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("out")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("XDG_")},
        "HOME": str(home),
        "USERPROFILE": str(home),
        "QT_QPA_PLATFORM": "offscreen",
    }
    command = [sys.executable, str(Path(__file__).with_name("himena_session.py")), str(shared), str(out)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    return {**json.loads(done.stdout.splitlines()[-1]), "out": out}


def test_start_loads_nothing_heavy(seen):
    assert not seen["torch at start"]
    assert not seen["xarray at start"]
    # Milliseconds; 35 on two cores.
    assert seen["cost"] < 150


def test_menu_shows_all_actions_those_of_others_too(seen):
    from xps_stn_plugin.menu import menu_actions

    own = [[action.label, action.description] for action in menu_actions()]
    assert seen["title"] == "XPS STN"
    assert seen["menu"] == [["Count regions", "Count the regions"], *own]
    assert seen["counted"] == ["Count regions", "2 regions", "Information"]


def test_nothing_selected_is_a_box(seen):
    message = "selection: nothing is selected; click on the window of a spectrum first."
    assert seen["nothing"] == ["Send seed to Fit panel", message, "Warning"]


def test_seeds_open_in_himena_lmfits_windows(seen):
    assert "PMMA.csv: shift +0.03" in seen["sent"][1]
    assert [title for title, _ in seen["tabs"]][1:] == ["O1s of PMMA", "C1s of PMMA"]
    for _, windows in seen["tabs"][1:]:
        assert [kind for _, kind in windows] == ["plot", "lmfit-model", "dict.lmfit-model-params", "dataframe"]
    assert seen["tabs"][2][1][3][0].startswith("C1s of PMMA: shift +0.03")


def test_himena_lmfit_fits_them_as_the_package_does(seen, shared):
    import xps_stn_plugin as xps

    result = xps.prefit(shared / "measured" / "PMMA.csv")
    for region, fit in seen["fits"].items():
        expected = result.fit(region)
        assert fit["ok"]
        assert fit["redchi"] == pytest.approx(expected.redchi, rel=1e-3)
        centers = {name: one.value for name, one in expected.params.items() if name.endswith("_center")}
        assert {name: fit["params"][name] for name in centers} == pytest.approx(centers, abs=2e-3)


@pytest.mark.parametrize("window", ["frame", "table", "points", "lines", "text"])
def test_windows_are_read_as_files_are(seen, window):
    assert seen["file"]["C1s"][0] == seen["windows"][window]["C1s"][0]
    assert seen["windows"][window]["C1s"][1] == window
    assert Path(seen["file"]["C1s"][1]).name == "PMMA.csv"


def test_windows_without_a_spectrum_are_sentences(seen):
    windows = seen["windows"]
    assert windows["prose"] == "prose: the file is text without a single row of two numbers (energy and intensity)."
    assert windows["cube"].startswith("cube: the window holds 'array'; click on one with a table")
    assert windows["kinetic"].startswith("kinetic: the energies are kinetic and the file does not give the photon")
    assert seen["told"] == ["C1s"]


def test_files_of_ours_open_as_tables_and_are_read_anew(seen):
    kind, columns, regions, scans = seen["vamas"]
    assert kind == "dataframe.xps-spectrum"
    assert columns == ["region", "binding_energy_eV", "intensity"]
    assert regions
    assert scans


def test_the_form_runs(seen):
    assert seen["form"] == pytest.approx(0.03, abs=0.02)


def test_without_himena_lmfit_there_is_no_place(seen):
    assert seen["without"].startswith("himena-lmfit: seeded models cannot be opened; install himena-lmfit")


@pytest.mark.parametrize("name", ["seeds.png", "fit.png", "form.png"])
def test_pictures_are_not_empty(seen, name):
    from matplotlib.image import imread

    picture = imread(seen["out"] / name)
    assert picture.shape[0] > 500
    assert picture[..., :3].std() > 0.05
