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
    """A running NeXpy with the plugin's menu; every modal box is photographed, noted in `boxes` and closed."""

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
        self.save_as: Path | None = None
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
        """Choose a menu entry by its QAction; returns the texts of the boxes that came up."""
        before = len(self.boxes)
        next(action for action in (menu or self.menu()).actions() if action.text() == label).trigger()
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

    def _close_box(self):
        from qtpy import QtCore, QtWidgets

        box = self.app.activeModalWidget()
        if isinstance(box, QtWidgets.QFileDialog):
            box.findChild(QtWidgets.QLineEdit).setText(str(self.save_as))
            # Later, because accepting may ask once more, and a timer does not fire within its own slot.
            QtCore.QTimer.singleShot(0, box.accept if self.save_as else box.reject)
        elif isinstance(box, QtWidgets.QMessageBox):
            labels = [label.text() for label in box.findChildren(QtWidgets.QLabel)]
            self.boxes.append("\n".join(text for text in labels if text))
            self.picture(box, f"box_{len(self.boxes)}")
            yes = box.button(QtWidgets.QMessageBox.StandardButton.Yes)
            yes.click() if yes else box.accept()


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
        broken = False

        @hookimpl
        def xps_prefit_predict(self, spectrum, settings):
            if self.broken:
                raise RuntimeError("broken weights")
            groups = {"benzene ring": 0.99, "ester (aliphatic)": 0.98, "ketone": 0.01}
            return Prediction(SHIFT, 0.06, groups, "ok", ("Looks fine.",), {}, ModelInfo("answer", "1", "0" * 64))

    return Answer()


def made(out: Path) -> dict:
    """Every menu action, the Fit panel, the import dialog and the error boxes, on a spectrum of our making."""
    from xps_stn_plugin.plugins import plugin_manager

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

    session.select("made", "C1s")
    seen["prefit"] = session.trigger("Prefit selection")
    seen["scratch"] = {name: str(node.nxtitle) for name, node in session.window.tree["w0"].items()}
    copy = session.window.tree["w0"]["c1_C1s"]
    seen["moved"] = (copy["data/binding_energy"] - copy["data/binding_energy_measured"]).nxvalue.tolist()
    session.picture(session.window, "window")
    seen["fit"] = session.fit("made")
    seen["saved"] = str(session.window.tree["w0/f2"].nxtitle)

    session.save_as = out / "copy.nxs"
    session.select("made", "C1s/data")
    seen["copy"] = session.trigger("Write calibrated copy")
    session.save_as = out / "seeds.json"
    seen["seeds"] = session.trigger("Write seeded models")
    session.save_as = path
    seen["overwrite"] = session.trigger("Write calibrated copy") + session.trigger("Write seeded models")
    session.save_as = None
    seen["cancelled"] = session.trigger("Write seeded models")
    seen["about"] = session.trigger("About the network")

    session.select("w0", "f1")
    seen["no spectrum"] = session.trigger("Prefit selection")
    session.select("made", "map/data")
    seen["map"] = session.trigger("Prefit selection")
    session.select("made")
    seen["whole file"] = session.trigger("Prefit selection")
    answer.broken = True
    session.select("made", "C1s")
    seen["broken"] = session.trigger("Prefit selection")
    session.window.treeview.selectionModel().clear()
    seen["nothing"] = session.trigger("Prefit selection")
    seen["unexpected"] = unexpected(session)

    seen["import"] = imported(session, out)
    seen["untouched"] = path.read_bytes() == before
    return seen


def unexpected(session: Session) -> list[str]:
    """An action of another plugin that fails with anything but a PrefitError."""
    from xps_prefit_hooks import MenuAction
    from xps_stn_plugin.hosts.nexpy_menu import trigger

    before = len(session.boxes)
    trigger(MenuAction("odd", "Odd action", "", False, lambda request: 1 / 0))
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
    seen["prefit"] = session.trigger("Prefit selection")
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
    start = time.perf_counter()
    seen: dict = {"prefit": session.trigger("Prefit selection"), "seconds": time.perf_counter() - start}
    session.picture(session.window, "window")
    seen["C1s"] = session.fit("C1s")
    session.select("w0", "f2")
    session.window.fit_data()
    session.pump()
    seen["O1s"] = session.fit("O1s")
    session.select("vms_regular_ref")
    seen["survey"] = session.trigger("Prefit selection")
    seen["scratch"] = list(session.window.tree["w0"])
    return seen


if __name__ == "__main__":
    folder = Path(sys.argv[2])
    report = made(folder) if sys.argv[1] == "made" else measured(folder, Path(sys.argv[3]))
    (folder / "report.json").write_text(json.dumps(report, indent=1))
    os._exit(0)  # skips the end of NeXpy's kernel, which may hang
