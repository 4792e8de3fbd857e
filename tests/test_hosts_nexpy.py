"""The adapters in the real NeXpy, offscreen, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import h5py
import pytest
from nexpy_session import SHIFT

from xps_stn_plugin.menu import menu_actions

pytestmark = [pytest.mark.gui, pytest.mark.slow]


BINDINGS = ("pyside6", "pyqt6")


def nexpy(task: str, folder: Path, binding: str, *arguments: str) -> dict:
    """Report of a session in NeXpy; skips where NeXpy, the Qt binding or Qt's system libraries are absent."""
    for name in ("nexpy", "qtpy"):
        if not find_spec(name):
            pytest.skip(f"{name} is not installed (pip install -e '.[nexpy]')")
    if not find_spec({"pyside6": "PySide6", "pyqt6": "PyQt6"}[binding]):
        pytest.skip(f"the Qt binding {binding} is not installed")
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "HOME": str(folder), "OMP_NUM_THREADS": "1"}
    environment["QT_API"] = binding
    qt = [sys.executable, "-c", "from qtpy.QtWidgets import QApplication; QApplication([])"]
    tried = subprocess.run(qt, env=environment, capture_output=True, text=True, timeout=120)
    if tried.returncode:
        pytest.skip(f"Qt does not start: {(tried.stderr.strip().splitlines() or ['no message'])[-1]}")
    script = str(Path(__file__).parent / "nexpy_session.py")
    command = [sys.executable, script, task, str(folder), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-3000:]
    report = json.loads((folder / "report.json").read_text())
    assert report["binding"] == binding
    return report


@pytest.fixture(scope="module", params=BINDINGS)
def binding(request):
    return request.param


@pytest.fixture(scope="module")
def folder(tmp_path_factory, binding):
    return tmp_path_factory.mktemp(f"nexpy_{binding}")


@pytest.fixture(scope="module")
def seen(folder, binding):
    return nexpy("made", folder, binding)


def test_menu_is_there_without_torch(seen):
    actions = menu_actions()
    assert seen["menu"] == [action.label for action in actions]
    assert seen["tips"] == [action.description for action in actions]
    assert not seen["torch"]


def test_form_shows_what_it_found(seen):
    assert seen["form"] == ["shift +1.25 ± 0.06 eV", "Looks fine.", "C1s: 4"]


def test_sending_says_what_was_found(seen, folder):
    told = f"{folder / 'made.nxs'}: shift +1.25 ± 0.06 eV (ok). Seeded models: C1s."
    assert seen["sent"] == [f"{told}\nLooks fine."]


def test_scratch_file_gets_seed_and_calibrated_copy(seen):
    assert seen["scratch"] == {
        "c1_C1s": "Calibrated C1s of made: shift +1.25 ± 0.06 eV (ok)",
        "f1": "Fit seed C1s of made: shift +1.25 ± 0.06 eV (ok); measured minus true; aliphatic C 1s = 285.00 eV "
        "(first vibrational member)",
    }
    assert seen["moved"] == pytest.approx([-SHIFT] * len(seen["moved"]))


def test_fit_panel_loads_the_seed(seen):
    fit = seen["fit"]
    ratios = {name for name, key in fit["models"].items() if key == "FreeParameter"}
    assert "shake_up_ratio_6" in ratios
    assert all("_ratio_" in name for name in ratios)
    assert {name: key for name, key in fit["models"].items() if name not in ratios} == {
        "ring_1": "SteppedPseudoVoigt",
        "ester_beta_2": "Hydrocarbon",
        "ester_3": "SteppedPseudoVoigt",
        "shake_up_4": "SteppedPseudoVoigt",
        "background_5": "Linear",
    }
    assert fit["errors"]
    value, low, high, vary, tie = fit["seed"]["ring_1_center"]
    assert low < value < high
    assert vary
    assert tie is None
    assert fit["seed"]["ester_3_sigma"][3:] == [False, "ring_1_sigma"]
    assert fit["seed"]["shake_up_4_amplitude"][4] == "shake_up_ratio_6_value*ring_1_amplitude"
    assert fit["seed"]["shake_up_ratio_6_value"][1:3] == [0.01, 0.08]


def test_fit_in_the_panel_finds_what_was_put_in(seen):
    fit = seen["fit"]
    assert fit["success"]
    assert 0.6 < fit["redchi"] < 1.5
    values = fit["fit"]
    assert values["ring_1_center"] == pytest.approx(284.76, abs=0.05)
    assert values["ester_3_center"] == pytest.approx(289.0, abs=0.05)
    assert values["ring_1_step"] == pytest.approx(0.03, abs=0.005)
    assert values["ester_beta_2_sigma"] == values["ring_1_sigma"]
    assert values["shake_up_4_amplitude"] == pytest.approx(
        values["shake_up_ratio_6_value"] * values["ring_1_amplitude"]
    )
    assert fit["status"] == "Parameters saved to w0/f2"
    assert seen["saved"] == "Fit Results"


def test_actions_that_write_ask_for_a_place(seen, folder):
    assert f"written to {folder / 'copy.nxs'}" in seen["copy"][0]
    with h5py.File(folder / "copy.nxs") as file:
        assert file["C1s/energy_referencing/offset"][()] == pytest.approx(-SHIFT)
    assert seen["tree"] == ["made", "w0", "copy"]
    assert f"written to {folder / 'seeds.seeds.json'}" in seen["seeds"][0]
    assert "shake_up_ratio" in (folder / "seeds.seeds.json").read_text()
    assert seen["cancelled"] == []


def test_measured_file_stays_as_it_is(seen):
    refused = [text for text in seen["overwrite"] if "this is the measured file itself" in text]
    assert len(refused) == 2
    assert seen["untouched"]


def test_about_shows_the_card(seen):
    (text,) = seen["about"]
    assert text.startswith("xps-stn-plugin ")
    assert "prefit-2.1" in text


def test_errors_are_shown_and_the_host_lives_on(seen):
    boxes = ("no spectrum", "map", "broken plugin", "broken in form", "broken weights", "unexpected")
    assert [len(seen[name]) for name in boxes] == [1] * 6
    assert "w0/f1: there is no spectrum in it (NXprocess)" in seen["no spectrum"][0]
    assert "made/map/data: it holds data of shape (3, 9)" in seen["map"][0]
    assert "plugin answer: xps_prefit_predict failed: RuntimeError: broken weights" in seen["broken plugin"][0]
    assert seen["broken in form"] == seen["broken plugin"]
    assert "cut.safetensors: the weights are damaged" in seen["broken weights"][0]
    assert ["nothing is selected" in text for text in seen["nothing"]] == [True, True]
    assert seen["unexpected"] == ["unexpected ZeroDivisionError: division by zero"]
    assert seen["alive"]


def test_a_folder_is_worked_on_with_progress_and_cancel(seen, folder):
    told = seen["batch"]
    (text,) = told["few"]
    assert text.startswith("3 of 3 spectra: 2 ok, 0 uncertain, 0 out of domain, 1 failed")
    assert len(told["rows"]) == 3
    assert "notes.txt" in told["rows"][-1]
    assert " of 200" in told["progress"][1]
    (text,) = told["cancelled"]
    finished = int(text.split(" of 200 spectra")[0])
    assert 3 < finished < 200
    assert "Interrupted" in text
    with (folder / "many_out" / "summary.csv").open() as file:
        assert sum(1 for _ in file) == 1 + finished


def test_a_region_that_cannot_be_used_is_named_beside_the_result(seen):
    (text,) = seen["whole file"]
    assert "shift +1.25" in text
    assert "made/map/data: it holds data of shape (3, 9)" in text


def test_import_dialog_reads_text(seen):
    told = seen["import"]
    assert told["text"] == []
    assert told["tree"]["text"] == ["C1s"]
    assert told["counts"] == [5 + i % 7 for i in range(160)]
    assert "bad" not in told["tree"]
    assert told["bad"][0].startswith("NeXusError: Importing File\n")
    assert "bad.csv: the file is text without a single row of two numbers" in told["bad"][0]


@pytest.mark.data
def test_network_form_and_fit_panel_on_a_measured_polymer(shared, tmp_path, binding):
    seen = nexpy("measured", tmp_path, binding, str(shared))
    shift = float(seen["form"][0].split()[1])
    assert shift == pytest.approx(SHIFT, abs=0.35)
    # Reasons of the network may stand before the components.
    assert seen["form"][-2:] == ["C1s: 4", "O1s: 2"]
    assert float(seen["moved"].split()[1]) == pytest.approx(shift + 0.315, abs=0.011)
    (message,) = seen["prefit"]
    assert "(ok). Seeded models: C1s, O1s." in message
    for region in ("C1s", "O1s"):
        assert seen[region]["success"]
        assert seen[region]["relative_rms"] < 0.02
    assert "None of the regions (Survey) is one that the network knows" in seen["survey"][0]
    # Nothing of the survey was put into the scratch file; f3 and f4 are the fits that the panel saved.
    assert seen["scratch"] == ["c1_C1s", "c1_O1s", "f1", "f2", "f3", "f4"]
