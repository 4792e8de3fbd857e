"""NeXpy's main window without a screen, driven like a user does; run in a process of its own:

    python nexpy_session.py made|measured FOLDER [SHARED]

What was seen goes to FOLDER/report.json, pictures beside it. NeXpy keeps its state under HOME, replaces stdout, the
exception hook and lmfit's table of models, and stops the garbage collector: nothing for the process of the tests.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
import time
from pathlib import Path

import h5py
import numpy as np

PHOTON_ENERGY = 1486.6
SHIFT = 1.25


class Session:
    """A running NeXpy with the plugin's menu; every box is photographed, noted in `boxes` and closed."""

    def __init__(self, out: Path, files: list[Path]):
        home = out / "home"
        os.environ.update(HOME=str(home), USERPROFILE=str(home), IPYTHONDIR=str(home / "ipython"))
        os.environ.update(JUPYTER_CONFIG_DIR=str(home / "jupyter"), MPLCONFIGDIR=str(home / "mpl"))
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
        (home / ".nexpy").mkdir(parents=True)
        # A plugin that is found stays off until the user gives it an order; the key is the entry point's module.
        (home / ".nexpy" / "settings.ini").write_text("[plugins]\nxps_stn_plugin.hosts.nexpy_menu = 1\n")
        from nexpy.gui.consoleapp import NXConsoleApp
        from qtpy import QtCore

        streams = sys.stdout, sys.stderr
        self.console = NXConsoleApp()
        names = [str(file) for file in files]
        self.console.initialize(argparse.Namespace(filenames=names, restore=False, faulthandler=False))
        sys.stdout, sys.stderr, sys.excepthook = *streams, sys.__excepthook__
        self.window, self.app, self.out = self.console.window, self.console.app, out
        self.window.resize(1400, 900)
        self.window.show()
        self.boxes: list[str] = []
        self.save_as: list[Path] = []  # what the file dialogs to come are answered; none: cancelled
        self._timer = QtCore.QTimer()
        self._timer.timeout.connect(self._close_box)
        self._timer.start(100)
        self.pump()

    def pump(self, seconds: float = 0.3):
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            self.app.processEvents()
            time.sleep(0.01)

    def menu(self):
        return next(action.menu() for action in self.window.menu_bar.actions() if action.text() == "XPS STN")

    def trigger(self, label: str, menu=None) -> list[str]:
        """Choose a menu entry by its QAction; returns the texts of the boxes that came up until its work was done."""
        before = len(self.boxes)
        next(action for action in (menu or self.menu()).actions() if action.text() == label).trigger()
        self.wait(lambda: not self.working())
        self.pump()
        return self.boxes[before:]

    def select(self, file: str, path: str = ""):
        node = self.window.tree[file]
        self.window.treeview.select_node(node[path] if path else node)
        self.pump(0.1)

    def fit(self, name: str) -> dict:
        """Press Fit in the Fit panel; what it held before and after."""
        panel = self.window.panels["Fit"]
        self.picture(panel, f"{name}_panel_seeded")
        self.picture(panel.tab.plotview, f"{name}_plot_seeded")
        seen = {
            "title": panel.tab.data.nxtitle,
            "models": {model["name"]: model["class"] for model in panel.tab.models},
            "seed": {key: [p.value, p.min, p.max, p.vary, p.expr] for key, p in panel.tab.parameters.items()},
            "errors": panel.tab.fit_checkbox.isChecked(),
        }
        panel.tab.fit_button.click()
        self.pump()
        panel.tab.plot_data()
        panel.tab.plot_model()
        panel.tab.save_fit_button.click()
        self.pump()
        self.picture(panel, f"{name}_panel_fitted")
        self.picture(panel.tab.plotview, f"{name}_plot_fitted")
        fit = panel.tab.fit
        height = float(np.ptp(fit.data))
        rms = float(np.sqrt(np.mean((fit.data - fit.best_fit) ** 2)))
        seen |= {"success": bool(fit.success), "redchi": float(fit.redchi), "relative_rms": rms / height}
        return seen | {"fit": fit.params.valuesdict(), "status": panel.tab.fit_status.text()}

    def picture(self, widget, name: str):
        widget.grab().save(str(self.out / f"{name}.png"))

    def wait(self, ready, seconds: float = 60.0) -> bool:
        """Pump until something is so."""
        end = time.perf_counter() + seconds
        while not ready() and time.perf_counter() < end:
            self.pump(0.02)
        return bool(ready())

    def working(self) -> bool:
        """Whether an action of the menu still runs or waits."""
        return any(type(widget).__name__ == "ProgressWindow" for widget in self.app.topLevelWidgets())

    def form(self):
        """The form of the prefit."""
        return next(widget for widget in self.app.topLevelWidgets() if type(widget).__name__ == "PrefitDialog")

    def _close_box(self):
        from qtpy import QtCore, QtWidgets

        modal = self.app.activeModalWidget()
        if isinstance(modal, QtWidgets.QFileDialog):
            path = self.save_as.pop(0) if self.save_as else None
            modal.findChild(QtWidgets.QLineEdit).setText(str(path))
            # Later, because accepting may ask once more, and a timer does not fire within its own slot.
            QtCore.QTimer.singleShot(0, modal.accept if path else modal.reject)
            return
        for box in [modal, *self.app.topLevelWidgets()]:
            if type(box).__name__ not in ("QMessageBox", "QDialog") or not box.isVisible():
                continue
            texts = [label.text() for label in box.findChildren(QtWidgets.QLabel)]
            texts += [browser.toPlainText() for browser in box.findChildren(QtWidgets.QTextBrowser)]
            self.boxes.append("\n".join(text for text in texts if text))
            self.picture(box, f"box_{len(self.boxes)}")
            yes = (
                box.button(QtWidgets.QMessageBox.StandardButton.Yes) if isinstance(box, QtWidgets.QMessageBox) else None
            )
            yes.click() if yes else box.close()
            return


def write_nexus(path: Path, regions: dict):
    """NeXus file with one entry per region on a kinetic axis; `regions`: name to (binding energies, counts)."""
    with h5py.File(path, "w") as file:
        file.attrs["NX_class"] = "NXroot"
        for name, (energy, counts) in regions.items():
            entry = group(file, name, "NXentry", default="data")
            data = group(entry, "data", "NXdata", signal="counts", axes=["energy"])
            data["counts"] = counts
            data["energy"] = PHOTON_ENERGY - np.asarray(energy)
            data["energy"].attrs.update(units="eV", type="kinetic")
            beam = group(group(entry, "instrument", "NXinstrument"), "beam_probe", "NXbeam")
            beam["incident_energy"] = PHOTON_ENERGY
            beam["incident_energy"].attrs["units"] = "eV"


def group(parent, name: str, kind: str, **attrs):
    made = parent.create_group(name)
    made.attrs.update({"NX_class": kind, **attrs})
    return made


def ester_of_benzene() -> dict:
    """Ring, ester, carbon beside it and shake-up on a Shirley step, with counting noise; charged by `SHIFT`."""
    from xps_stn_plugin.models.shapes import hydrocarbon, stepped_pseudo_voigt

    x = np.arange(280.0, 296.0, 0.1)
    lines = ((6000, 284.76, 0.55), (1000, 289.0, 0.55), (400, 291.4, 1.1))
    y = 300 + hydrocarbon(x, 900, 285.6, 0.5, 0.2, 0.4, 0.03)
    y = y + sum(stepped_pseudo_voigt(x, area, center, sigma, 0.2, 0.03) for area, center, sigma in lines)
    return {"C1s": (x + SHIFT, np.random.default_rng(1).poisson(y))}


def answering():
    """A plugin that stands in for the network, and fails when asked to."""
    from xps_prefit_hooks import ModelInfo, Prediction, hookimpl

    class Answer:
        broken = silent = False

        @hookimpl
        def xps_prefit_predict(self, spectrum, settings):
            if self.broken:
                raise RuntimeError("broken weights")
            if self.silent:
                return None
            groups = {"benzene ring": 0.99, "ester (aliphatic)": 0.98, "ketone": 0.01}
            return Prediction(SHIFT, 0.06, groups, "ok", ("Looks fine.",), {}, ModelInfo("answer", "1", "0" * 64))

    return Answer()


def made(out: Path) -> dict:
    """Every menu action, the Fit panel, the import dialog and the error boxes, on a spectrum of our making."""
    from xps_stn_plugin.core.plugins import plugin_manager

    answer = answering()
    plugin_manager().register(answer, "answer")
    path = out / "made.nxs"
    write_nexus(path, ester_of_benzene())
    with h5py.File(path, "a") as file:
        data = group(group(file, "map", "NXentry"), "data", "NXdata", signal="counts", axes=["y", "energy"])
        data["counts"], data["y"], data["energy"] = np.ones((3, 9)), np.arange(3), np.arange(9)
    before = path.read_bytes()
    session = Session(out, [path])
    seen: dict = {"torch": "torch" in sys.modules, "menu": [action.text() for action in session.menu().actions()]}
    seen["tips"] = [action.toolTip() for action in session.menu().actions()]

    session.select("made", "C1s")
    session.trigger("Prefit selection...")
    seen["form"] = formed(session, "made")
    session.form().close()
    seen["sent"] = session.trigger("Send seed to Fit panel")
    seen["scratch"] = {name: str(node.nxtitle) for name, node in session.window.tree["w0"].items()}
    copy = session.window.tree["w0"]["c1_C1s"]
    seen["moved"] = (copy["data/binding_energy"] - copy["data/binding_energy_measured"]).nxvalue.tolist()
    session.picture(session.window, "window")
    seen["fit"] = session.fit("made")
    seen["saved"] = str(session.window.tree["w0/f2"].nxtitle)

    session.select("made", "C1s/data")
    session.save_as = [out / "copy.nxs", out / "seeds.seeds.json", path, path]
    seen["copy"] = session.trigger("Write calibrated copy...")
    seen["tree"] = list(session.window.tree)
    seen["seeds"] = session.trigger("Export...")
    seen["overwrite"] = session.trigger("Write calibrated copy...") + session.trigger("Export...")
    seen["cancelled"] = session.trigger("Export...")
    seen["about"] = session.trigger("About the model")

    for name, place in {"no spectrum": ("w0", "f1"), "map": ("made", "map/data"), "whole file": ("made",)}.items():
        session.select(*place)
        seen[name] = session.trigger("Send seed to Fit panel")
    answer.broken = True
    session.select("made", "C1s")
    seen["broken plugin"] = session.trigger("Send seed to Fit panel")
    seen["broken in form"] = session.trigger("Prefit selection...") + formed(session, "broken", error=True)
    session.form().close()
    answer.broken, answer.silent = False, True
    seen["broken weights"] = with_broken_weights(session, out)
    session.window.treeview.selectionModel().clear()
    seen["nothing"] = session.trigger("Send seed to Fit panel") + session.trigger("Prefit selection...")
    seen["unexpected"] = unexpected(session)
    seen["alive"] = session.window.isVisible()

    answer.silent = False
    seen["batch"] = folder_worked_on(session, out)
    seen["import"] = imported(session, out)
    seen["untouched"] = path.read_bytes() == before
    return seen


def formed(session: Session, name: str, *, error: bool = False) -> list[str]:
    """What the form shows when its answer is there."""
    form = session.form()
    ready = (lambda: form.error.isVisible()) if error else (lambda: form.findings is not None)
    assert session.wait(ready), f"the form {name} has no answer"
    session.pump(0.2)
    session.picture(form, f"{name}_form")
    if error:
        return [form.error.text()]
    result = form.findings.result
    return [
        result.shift_text,
        *result.reasons,
        *(f"{region}: {len(s.components)}" for region, s in result.seeds.items()),
    ]


def folder_worked_on(session: Session, out: Path) -> dict:
    """A folder with two spectra and a file that is none; then one of 200, which is cancelled."""
    energy, counts = ester_of_benzene()["C1s"]
    text = "".join(f"{one:.2f},{count}\n" for one, count in zip(energy, counts, strict=True))
    for name, number in {"few": 2, "many": 200}.items():
        (out / name).mkdir()
        (out / f"{name}_out").mkdir()  # Qt's dialog for folders has a button that makes one
        for file in range(number):
            (out / name / f"C1s_{file}.csv").write_text(f"{text}{energy[-1] + 0.1:.2f},{300 + file}\n")
    (out / "few" / "notes.txt").write_text("no spectrum\n")
    session.save_as = [out / "few", out / "few_out"]
    seen: dict = {"few": session.trigger("Batch folder...")}
    seen["rows"] = (out / "few_out" / "summary.csv").read_text().splitlines()[1:]
    session.save_as = [out / "many", out / "many_out"]
    before = len(session.boxes)
    next(action for action in session.menu().actions() if action.text() == "Batch folder...").trigger()
    windows = [widget for widget in session.app.topLevelWidgets() if type(widget).__name__ == "ProgressWindow"]
    assert session.wait(lambda: windows[0].isVisible() and windows[0].job.state[0] > 3), "no progress"
    session.pump(0.2)
    session.picture(windows[0], "progress")
    seen["progress"] = [windows[0].text.text(), windows[0].time_left.text()]
    windows[0].button.click()
    session.wait(lambda: len(session.boxes) > before)
    return seen | {"cancelled": session.boxes[before:]}


def with_broken_weights(session: Session, out: Path) -> list[str]:
    """Weights that a disk has cut short."""
    from importlib.resources import files

    from xps_stn_plugin.stn import predict, weights

    whole, cut = predict.shipped_weights, out / "cut.safetensors"
    cut.write_bytes(files("xps_stn_weights").joinpath(weights.SHIPPED).read_bytes()[:5000])
    predict.shipped.cache_clear()
    predict.shipped_weights = lambda: weights.load_weights(cut)
    try:
        return session.trigger("Send seed to Fit panel")
    finally:
        predict.shipped_weights = whole
        predict.shipped.cache_clear()


def unexpected(session: Session) -> list[str]:
    """An action of another plugin that fails with anything but a PrefitError."""
    from xps_prefit_hooks import MenuAction
    from xps_stn_plugin.hosts.host import trigger
    from xps_stn_plugin.hosts.nexpy_host import NexpyHost

    before = len(session.boxes)
    trigger(NexpyHost(), MenuAction("odd", "Odd action", "", False, lambda request: 1 / 0))
    session.wait(lambda: not session.working())
    session.pump()
    return session.boxes[before:]


def imported(session: Session, out: Path) -> dict:
    """Text by way of the import dialog: a good file, then a bad one."""
    seen: dict = {}
    (out / "text.csv").write_text("".join(f"{280 + i / 10:.1f},{5 + i % 7}\n" for i in range(160)))
    (out / "bad.csv").write_text("no spectrum\n")
    for name in ("text", "bad"):
        before = len(session.boxes)
        session.trigger("Import XPS Spectrum", session.window.import_menu)
        dialog = session.window.import_dialog
        dialog.filename.setText(str(out / f"{name}.csv"))
        session.picture(dialog, f"import_{name}")
        dialog.accept()
        session.pump()
        seen[name] = session.boxes[before:]
    seen["tree"] = {name: list(node) for name, node in session.window.tree.items()}
    seen["counts"] = session.window.tree["text/C1s/data/counts"].nxvalue.tolist()
    session.select("text")
    seen["prefit"] = session.trigger("Send seed to Fit panel")
    return seen


def measured(out: Path, shared: Path) -> dict:
    """The shipped network on a measured polymer, and on a survey of an oxide."""
    rows = list(csv.DictReader((shared / "measured" / "PMMA.csv").open()))
    regions: dict = {}
    for row in rows:
        energy, counts = regions.setdefault(row["region"], ([], []))
        energy.append(float(row["binding_energy_eV"]) + SHIFT)
        counts.append(float(row["intensity"]))
    path = out / "PMMA.nxs"
    write_nexus(path, regions)
    session = Session(out, [path, shared / "real" / "vms_regular_ref.nxs"])
    session.select("PMMA")
    session.menu().aboutToShow.emit()  # loads torch, as opening the menu does
    gaps = Gaps(session)
    session.trigger("Prefit selection...")
    form = session.form()
    assert session.wait(lambda: form.findings is not None and form.findings.picture is not None)
    seen: dict = {"first": gaps.end(), "form": formed(session, "measured")}
    form.form.reference.setText("284.8")
    gaps = Gaps(session)
    seen["moved"] = answered(session, form)
    seen["again"] = gaps.end()
    session.picture(form, "reference_form")
    form.form.reference.setText("")
    answered(session, form)
    before = len(session.boxes)
    next(button for button in form.actions_of_others if button.text() == "Send seed to Fit panel").click()
    session.wait(lambda: len(session.boxes) > before)
    seen["prefit"] = session.boxes[before:]
    form.close()
    session.pump()
    session.picture(session.window, "window")
    seen["C1s"] = session.fit("C1s")
    session.select("w0", "f2")
    session.window.fit_data()
    session.pump()
    seen["O1s"] = session.fit("O1s")
    session.select("vms_regular_ref")
    seen["survey"] = session.trigger("Send seed to Fit panel")
    seen["scratch"] = list(session.window.tree["w0"])
    return seen


def answered(session: Session, form) -> str:
    """The form's next answer, which it is waiting for or about to ask for."""
    before = form.findings
    assert session.wait(lambda: form.findings is not before)
    return form.findings.result.shift_text


class Gaps:
    """How long the GUI thread stood still, at most, in ms: a timer that wants to be called every 5 ms."""

    def __init__(self, session: Session):
        from qtpy import QtCore

        self._last, self._longest = time.perf_counter(), 0.0
        self._timer = QtCore.QTimer()
        self._timer.timeout.connect(self._tick)
        self._timer.start(5)
        self._session = session

    def _tick(self):
        now = time.perf_counter()
        self._longest, self._last = max(self._longest, now - self._last), now

    def end(self) -> float:
        self._session.pump(0.1)
        self._timer.stop()
        return self._longest * 1e3


if __name__ == "__main__":
    folder = Path(sys.argv[2])
    report = made(folder) if sys.argv[1] == "made" else measured(folder, Path(sys.argv[3]))
    from qtpy import API

    report["binding"] = API
    (folder / "report.json").write_text(json.dumps(report, indent=1))
    os._exit(0)  # skips the end of NeXpy's kernel, which may hang
