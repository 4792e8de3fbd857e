"""A session in NeXpy for `benchmarks.hosts`, in a process of its own with a fresh home.

python -m benchmarks.hosts_session start|first|clicks REPORT [ARGUMENTS]
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
import time
from collections.abc import Callable
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

PLUGIN = "xps_stn_plugin.hosts.nexpy_menu"


def start() -> dict[str, object]:
    """NeXpy's modules without the plugin, then what NeXpy asks of the plugin at its start; times in ms."""
    real = metadata.entry_points

    def entry_points_of_others(**select: Any) -> metadata.EntryPoints:
        other_distributions = [
            distribution for distribution in metadata.distributions() if distribution.name != "xps-stn-plugin"
        ]
        return metadata.EntryPoints(
            point for distribution in other_distributions for point in distribution.entry_points
        ).select(**select)

    metadata.entry_points = entry_points_of_others  # type: ignore[assignment]
    start_time = time.perf_counter()
    for name in ("mainwindow", "fitdialogs", "importdialog"):
        import_module(f"nexpy.gui.{name}")
    from qtpy.QtWidgets import QApplication

    host = time.perf_counter() - start_time
    metadata.entry_points = real
    if any(name.startswith("xps_stn_plugin.") for name in sys.modules):
        raise SystemExit("NeXpy has loaded the plugin already: nothing to measure.")
    app = QApplication([])
    start_time = time.perf_counter()
    for name in ("nexpy_models", "nexpy_reader"):
        import_module(f"xps_stn_plugin.hosts.{name}")
    from xps_stn_plugin.hosts.nexpy_menu import plugin_menu

    plugin_menu()
    plugin = time.perf_counter() - start_time
    del app
    return {"host": 1e3 * host, "plugin": 1e3 * plugin, "torch": "torch" in sys.modules}


class Nexpy:
    """A running NeXpy with spectra in its tree."""

    def __init__(self, files: list[str]) -> None:
        settings = Path.home() / ".nexpy" / "settings.ini"
        settings.parent.mkdir(parents=True)
        settings.write_text(f"[plugins]\n{PLUGIN} = 1\n")
        from nexpy.gui.consoleapp import NXConsoleApp

        streams = sys.stdout, sys.stderr
        self.console = NXConsoleApp()
        self.console.initialize(argparse.Namespace(filenames=[], restore=False, faulthandler=False))
        sys.stdout, sys.stderr, sys.excepthook = *streams, sys.__excepthook__
        self.window, self.app = self.console.window, self.console.app
        self.window.resize(1400, 900)
        self.window.show()
        self.names = [self._load(file) for file in files]
        self.wait(lambda: False, 1.0)
        menus = (action.menu() for action in self.window.menu_bar.actions() if action.text() == "XPS STN")
        self.menu = next(menus)

    def _load(self, file: str) -> str:
        # By a reader of our own, which does not load what a prefit needs.
        import csv

        import numpy as np
        from nexusformat.nexus import NXdata, NXentry, NXfield, NXroot

        regions: dict[str, list[tuple[float, float]]] = {}
        with Path(file).open() as lines:
            for row in csv.DictReader(lines):
                regions.setdefault(row["region"], []).append((float(row["binding_energy_eV"]), float(row["intensity"])))
        root = NXroot()
        for region, points in regions.items():
            energy, counts = np.array(points).T
            axis = NXfield(energy + 1.25, name="energy", units="eV", type="binding")
            root[region] = NXentry(NXdata(NXfield(counts, name="counts"), axis, title=region))
        name = Path(file).stem.replace("-", "_")
        path = Path.home() / f"{name}.nxs"
        root.save(str(path), "w")
        self.window.load_file(str(path))
        return name

    def wait(self, ready: Callable[[], object], seconds: float = 60.0) -> float:
        """Let NeXpy run until something is so; the longest time in ms for which its window stood still."""
        last, longest = time.perf_counter(), 0.0
        end = last + seconds
        while not ready() and last < end:
            self.app.processEvents()
            time.sleep(0.002)
            current = time.perf_counter()
            longest, last = max(longest, current - last), current
        return 1e3 * longest

    def select(self, name: str) -> None:
        """Select a file in the tree."""
        self.window.treeview.select_node(self.window.tree[name])
        self.wait(lambda: False, 0.1)

    def click(self, entry: int, ready: Callable[[], object]) -> tuple[float, float]:
        """Choose a menu entry: time in ms until something is so, and the longest for which the window stood still."""
        start_time = time.perf_counter()
        self.menu.actions()[entry].trigger()
        standstill = 1e3 * (time.perf_counter() - start_time)
        standstill = max(standstill, self.wait(ready))
        return 1e3 * (time.perf_counter() - start_time), standstill

    def form(self) -> Any:
        """Form of the prefit, or None before it was opened."""
        forms = [widget for widget in self.app.topLevelWidgets() if type(widget).__name__ == "PrefitDialog"]
        return forms[0] if forms else None

    def seeded(self) -> bool:
        """Whether the form shows a picture of seeded components."""
        form = self.form()
        return form is not None and form.findings is not None and form.findings.picture is not None

    def close_boxes(self) -> None:
        """Close what was told."""
        from qtpy.QtWidgets import QMessageBox

        for widget in self.app.topLevelWidgets():
            if isinstance(widget, QMessageBox) and widget.isVisible():
                widget.close()
        self.wait(lambda: False, 0.1)


def first(file: str, delay: str) -> dict[str, object]:
    """Click for the first time, seconds after the menu has opened, which begins to load torch."""
    nexpy = Nexpy([file])
    nexpy.select(nexpy.names[0])
    nexpy.menu.aboutToShow.emit()
    loading_standstill = nexpy.wait(lambda: False, float(delay))
    duration, standstill = nexpy.click(0, nexpy.seeded)
    return {"click": duration, "still": max(loading_standstill, standstill)}


def clicks(*files: str) -> dict[str, object]:
    """Click on each spectrum, with all loaded."""
    from xps_stn_plugin.hosts.loading import start_loading

    nexpy = Nexpy(list(files))
    start_loading().join()
    report: dict[str, list[float]] = {"click": [], "still": [], "blocking": [], "sent": [], "sent_still": []}
    nexpy.select(nexpy.names[0])
    nexpy.click(0, nexpy.seeded)  # the window itself is made once
    for name in nexpy.names:
        nexpy.select(name)
        nexpy.form().close()
        nexpy.form().findings = None
        duration, standstill = nexpy.click(0, nexpy.seeded)
        report["click"].append(duration)
        report["still"].append(standstill)
        form = nexpy.form()
        start_time = time.perf_counter()
        blocking(form)
        report["blocking"].append(1e3 * (time.perf_counter() - start_time))
        form.close()
        panels = nexpy.window.panels
        if "Fit" in panels:
            panels["Fit"].close()
        opened: list[float] = []
        real = nexpy.window.fit_data

        def fit_data(real: Callable[[], None] = real, opened: list[float] = opened) -> None:
            opened.append(time.perf_counter())  # from here on it is NeXpy's time
            real()

        nexpy.window.fit_data = fit_data
        start_time = time.perf_counter()
        nexpy.menu.actions()[1].trigger()
        standstill = max(1e3 * (time.perf_counter() - start_time), wait_for_panel(nexpy, opened))
        nexpy.window.fit_data = real
        report["sent"].append(1e3 * (time.perf_counter() - start_time))
        report["sent_still"].append(standstill)
        nexpy.close_boxes()
    return {**report, "garbage collector": gc.isenabled()}


def wait_for_panel(nexpy: Nexpy, opened: list[float]) -> float:
    """Longest standstill in ms up to the moment at which NeXpy opens its Fit panel."""
    last, longest = time.perf_counter(), 0.0
    while not opened:
        nexpy.app.processEvents()
        current = opened[0] if opened else time.perf_counter()
        longest, last = max(longest, current - last), time.perf_counter()
        time.sleep(0.002)
    return 1e3 * longest


def blocking(form: Any) -> None:
    """Do what the form asks of its thread, in this one."""
    from xps_stn_plugin.hosts.qt.findings import find
    from xps_stn_plugin.hosts.qt.worker import Job

    find(form._action, form.regions.spectrum(), form.form.fields(), Job(""), form.regions.region, form._canvas())


if __name__ == "__main__":
    tasks: dict[str, Callable[..., dict[str, object]]] = {"start": start, "first": first, "clicks": clicks}
    times = tasks[sys.argv[1]](*sys.argv[3:])
    Path(sys.argv[2]).write_text(json.dumps(times))
    os._exit(0)  # skips the end of NeXpy's kernel, which may hang
