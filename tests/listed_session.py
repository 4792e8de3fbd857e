"""The application of docs/host_authors.md without a screen, used like a user does; run in a process of its own:

    python listed_session.py LISTED.PY SPECTRUM FOLDER

Each menu entry is chosen by its QAction. What was seen goes to FOLDER/report.json, pictures beside it.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import time
from pathlib import Path

from qtpy import QtCore, QtWidgets


def pump(app, ready, seconds: float = 60.0) -> bool:
    """Let the application run until something is so."""
    end = time.monotonic() + seconds
    while not ready() and time.monotonic() < end:
        app.processEvents()
        time.sleep(0.01)
    return bool(ready())


def main(listed: Path, spectrum: Path, folder: Path) -> dict:
    spec = importlib.util.spec_from_file_location("listed", listed)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    app = QtWidgets.QApplication([])
    window = module.Window([str(spectrum)])
    window.show()
    menu = window.menuBar().actions()[0].menu()
    entries = {action.text(): action for action in menu.actions()}
    seen: dict = {
        "menu": window.menuBar().actions()[0].text(),
        "entries": list(entries),
        "torch": "torch" in sys.modules,
    }
    paths: list[Path] = []

    def answer():
        """A file dialog, and its question whether to overwrite, wait within the slot that opened them."""
        dialog = app.activeModalWidget()
        if isinstance(dialog, QtWidgets.QFileDialog) and paths:
            dialog.findChild(QtWidgets.QLineEdit).setText(str(paths.pop(0)))
            # Later, because accepting may ask once more, and a timer does not fire within its own slot.
            QtCore.QTimer.singleShot(0, dialog.accept)
        elif isinstance(dialog, QtWidgets.QMessageBox):
            yes = dialog.button(QtWidgets.QMessageBox.StandardButton.Yes)
            if yes:
                yes.click()

    timer = QtCore.QTimer()
    timer.timeout.connect(answer)
    timer.start(100)

    def box() -> QtWidgets.QDialog | None:
        """What tells something: a message box, or the window for what is long; not the form, nor progress."""
        told = [w for w in app.topLevelWidgets() if type(w).__name__ in ("QMessageBox", "QDialog") and w.isVisible()]
        return next(iter(told), None)

    def choose(label: str, *to: Path) -> str:
        """Choose an entry; the text of the box that comes up, which is closed."""
        paths[:] = to
        entries[label].trigger()
        assert pump(app, lambda: box() is not None), label
        shown = box()
        texts = [child.text() for child in shown.findChildren(QtWidgets.QLabel)]
        texts += [child.toPlainText() for child in shown.findChildren(QtWidgets.QTextBrowser)]
        shown.grab().save(str(folder / f"box_{label.strip('.').replace(' ', '_')}.png"))
        shown.close()
        pump(app, lambda: box() is None)
        return "\n".join(text for text in texts if text)

    seen["nothing"] = choose("Send seed to Fit panel")
    menu.aboutToShow.emit()
    window.list.setCurrentRow(0)
    seen["sent"] = choose("Send seed to Fit panel")
    seen["fits"] = {region: fit.redchi for region, fit in window.fits.items()}
    entries["Prefit selection..."].trigger()
    (form,) = [widget for widget in app.topLevelWidgets() if type(widget).__name__ == "PrefitDialog"]
    assert pump(app, lambda: form.findings is not None and form.findings.picture is not None)
    seen["form"] = form.findings.result.shift_text
    form.grab().save(str(folder / "form.png"))
    form.close()
    seen["copy"] = choose("Write calibrated copy...", folder / "copy.nxs")
    seen["export"] = choose("Export...", folder / "result.json")
    seen["refused"] = choose("Export...", spectrum)
    seen["about"] = choose("About the model")
    window.grab().save(str(folder / "window.png"))
    return seen


if __name__ == "__main__":
    out = Path(sys.argv[3])
    report = main(Path(sys.argv[1]), Path(sys.argv[2]), out)
    (out / "report.json").write_text(json.dumps(report, indent=1))
