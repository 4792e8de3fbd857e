"""The application in docs/host_authors.md runs, and each entry of its menu does what it says."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "host_authors.md"


@pytest.fixture(scope="module")
def code():
    return re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[1]


@pytest.fixture(scope="module")
def seen(code, tmp_path_factory):
    pytest.importorskip("qtpy", reason="qtpy is not installed (pip install -e '.[nexpy]')")
    folder = tmp_path_factory.mktemp("listed")
    (folder / "listed.py").write_text(code, encoding="utf-8")
    spectrum = folder / "pmma.csv"
    spectrum.write_bytes((ROOT / "examples" / "pmma_charged.csv").read_bytes())
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "HOME": str(folder), "OMP_NUM_THREADS": "1"}
    qt = [sys.executable, "-c", "from qtpy.QtWidgets import QApplication; QApplication([])"]
    tried = subprocess.run(qt, env=environment, capture_output=True, text=True, timeout=120)
    if tried.returncode:
        pytest.skip(f"Qt does not start: {(tried.stderr.strip().splitlines() or ['no message'])[-1]}")
    script = Path(__file__).parent / "listed_session.py"
    command = [sys.executable, str(script), str(folder / "listed.py"), str(spectrum), str(folder)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads((folder / "report.json").read_text()) | {"spectrum": str(spectrum), "folder": folder}


def test_the_application_is_short(code):
    lines = [line for line in code.splitlines() if line.strip()]
    assert len(lines) <= 40


@pytest.mark.gui
@pytest.mark.slow
class TestMenu:
    def test_the_menu_has_every_action_and_loads_nothing(self, seen):
        assert seen["menu"] == "XPS STN"
        assert seen["entries"][:4] == [
            "Prefit selection...",
            "Send seed to Fit panel",
            "Write calibrated copy...",
            "Export...",
        ]
        assert not seen["torch"]

    def test_nothing_selected_is_a_box(self, seen):
        assert seen["nothing"].endswith("selection: no spectrum is selected; click one in the list.")

    def test_seeds_arrive(self, seen):
        assert set(seen["fits"]) == {"C1s", "O1s"}
        assert all(redchi < 2 for redchi in seen["fits"].values())
        assert "Seeded models: C1s, O1s." in seen["sent"]

    def test_the_form_opens(self, seen):
        assert seen["form"] in seen["sent"]

    def test_files_are_written_and_the_measured_one_is_refused(self, seen):
        assert (seen["folder"] / "copy.nxs").exists()
        assert json.loads((seen["folder"] / "result.json").read_text())["status"] == "ok"
        assert "this is the measured file itself" in seen["refused"]
        original = ROOT / "examples" / "pmma_charged.csv"
        assert Path(seen["spectrum"]).read_bytes() == original.read_bytes()

    def test_the_card_is_shown(self, seen):
        assert "prefit-2.1" in seen["about"]
