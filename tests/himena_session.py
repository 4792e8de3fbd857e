"""A session in the real himena, offscreen: prints what it saw as JSON. Arguments: folder with measured data, a folder.

himena keeps its state in the home folder; the caller gives it a fresh one.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import superqt.iconify

DATA, OUT = Path(sys.argv[1]), Path(sys.argv[2])
PLUGINS = ["himena_lmfit.io", "himena_lmfit.tools", "himena_lmfit.widgets", "xps_stn_plugin.hosts.himena"]


# himena takes its icons from the network, one after the other; here they are empty.
ICON = OUT / "icon.svg"
ICON.write_text('<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16"/>', encoding="utf-8")
superqt.iconify.svg_path = lambda *_, **__: ICON

import himena  # noqa: E402
import numpy as np  # noqa: E402
from himena.plugins import AppActionRegistry  # noqa: E402
from qtpy import QtCore, QtWidgets  # noqa: E402

from xps_prefit_hooks import MenuAction, MenuOutcome, PrefitError, Settings, hookimpl  # noqa: E402
from xps_stn_plugin.core.plugins import plugin_manager  # noqa: E402


class Other:
    @hookimpl
    def xps_prefit_menu(self):
        def count(request):
            return MenuOutcome(f"{len(request.spectrum.children)} regions")

        return [MenuAction("count_regions", "Count regions", "Count the regions", True, count)]


plugin_manager().register(Other(), "other")
ui = himena.new_window(plugins=PLUGINS)
seen = {"torch at start": "torch" in sys.modules, "xarray at start": "xarray" in sys.modules}
seen["cost"] = {result.plugin: result.time for result in ui._plugin_install_results}["xps_stn_plugin.hosts.himena"]

from xps_stn_plugin.hosts.himena import HimenaHost  # noqa: E402
from xps_stn_plugin.hosts.loading import start_loading  # noqa: E402

app = QtWidgets.QApplication.instance()
ui.show()
ui.size = (1300, 800)
(menu,) = ui._backend_main_window.findChildren(QtWidgets.QMenu, "tools/xps_stn")
entries = {action.text(): action for action in menu.actions()}
host = HimenaHost()


def wait(condition, what):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, f"waited a minute for {what}"
        app.processEvents(QtCore.QEventLoop.ProcessEventsFlag.AllEvents, 20)
        time.sleep(0.005)


def pause(seconds):
    end = time.monotonic() + seconds
    wait(lambda: time.monotonic() > end, "the pause")


def box():
    """Text of the box that comes up; it is closed."""

    def boxes():
        return [w for w in app.topLevelWidgets() if isinstance(w, QtWidgets.QMessageBox) and w.isVisible()]

    wait(boxes, "a box")
    (shown,) = boxes()
    text = [shown.windowTitle(), shown.text(), shown.icon().name]
    shown.close()
    return text


def picture(name):
    pause(0.3)
    ui._backend_main_window.grab().save(str(OUT / name))


def window(title):
    ui.current_window = next(one for one in ui.iter_windows() if one.title == title)
    return ui.current_window


def regions():
    try:
        spectrum = host.selection(Settings())
    except PrefitError as error:
        return str(error)
    return {name: [int(child.sizes["binding_energy"]), spectrum.attrs["source"]] for name, child in spectrum.items()}


seen["menu"] = [[text, action.toolTip()] for text, action in entries.items()]
seen["title"] = menu.title()
entries["Send seed to Fit panel"].trigger()
seen["nothing"] = box()

menu.aboutToShow.emit()
wait(lambda: not start_loading().is_alive(), "loading")
ui.read_file(DATA / "measured" / "PMMA.csv")
seen["file"] = regions()
ui.exec_action("xps_stn:count_regions")
seen["counted"] = box()
entries["Send seed to Fit panel"].trigger()
seen["sent"] = box()
seen["tabs"] = [[tab.title, [[one.title, one.model_type()] for one in tab]] for tab in ui.tabs]
picture("seeds.png")


def fitted(tab):
    """Fit with what himena-lmfit offers by itself."""
    ui.tabs.current_index = tab
    ui.current_window = ui.windows[-1]
    ui.exec_action("himena_lmfit:fit:curve-fit-from-table")
    form = ui.current_window.widget.window()
    pause(0.1)
    (run,) = [one for one in form.findChildren(QtWidgets.QPushButton) if one.isVisible() and one.text() == "Run"]
    run.click()
    wait(lambda: ui.current_window.model_type() == "lmfit-model-result", "the fit")
    fit = ui.current_window.to_model().value
    return {"params": {name: one.value for name, one in fit.params.items()}, "redchi": fit.redchi, "ok": fit.success}


seen["fits"] = {"O1s": fitted(1), "C1s": fitted(2)}
ui.windows.tile_windows()
picture("fit.png")

# What people have in their windows.
ui.add_tab("windows")
energy, counts = np.loadtxt(
    (line.partition(",")[2] for line in (DATA / "measured" / "PMMA.csv").open() if line.startswith("C1s")),
    delimiter=",",
).T
frame = {"Binding energy (eV)": energy, "counts": counts}
rows = [["binding energy", "intensity"], *([f"{x:.3f}", f"{y:.5f}"] for x, y in zip(energy, counts, strict=True))]
text = "\n".join(f"{x:.3f}\t{y:.5f}" for x, y in zip(energy, counts, strict=True))
values = {
    "frame": (frame, "dataframe"),
    "table": (np.array(rows), "table"),
    "points": (np.stack([energy, counts], axis=1), "array"),
    "lines": (np.stack([energy, counts]), "array"),
    "text": (text, "text"),
    "kinetic": ({"kinetic energy": 1486.6 - energy, "counts": counts}, "dataframe"),
    "prose": ("hello", "text"),
    "cube": (np.ones((3, 3, 3)), "array"),
}
seen["windows"] = {}
for title, (value, kind) in values.items():
    ui.add_object(value, type=kind, title=title)
    seen["windows"][title] = regions()
window("kinetic")
seen["told"] = [*host.selection(Settings(photon_energy=1486.6)).children]

# Files of ours.
ui.read_file(DATA / "real" / "regular.vms")
model = ui.current_window.to_model()
spectrum = host.selection(Settings())
seen["vamas"] = [model.type, list(model.value), list(spectrum.children), "scans" in next(iter(spectrum.values())).attrs]

# The form, on the file.
window("PMMA.csv")
entries["Prefit selection..."].trigger()
dialogs = [one for one in app.topLevelWidgets() if type(one).__name__ == "PrefitDialog"]
wait(lambda: dialogs[0].findings is not None and dialogs[0].findings.result is not None, "the form's answer")
pause(0.5)
dialogs[0].grab().save(str(OUT / "form.png"))
seen["form"] = dialogs[0].findings.result.shift
result = dialogs[0].findings.result
dialogs[0].close()

AppActionRegistry.instance().installed_plugins.remove("himena_lmfit.widgets")
try:
    host.receive(result, ("C1s",))
except PrefitError as error:
    seen["without"] = str(error)

print(json.dumps(seen))
sys.stdout.flush()
os._exit(0)
