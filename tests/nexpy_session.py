"""NeXpy's main window without a screen, driven from a script; run in a process of its own with a fresh HOME.

NeXpy keeps its state under HOME, replaces stdout, the exception hook and lmfit's table of models, and stops the garbage
collector: nothing for the process of the tests.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path


class Session:
    """A running NeXpy with the plugin's menu; every modal box is photographed, noted in `boxes` and closed."""

    def __init__(self, home: Path, out: Path, files: list[Path]):
        os.environ.update(HOME=str(home), USERPROFILE=str(home), IPYTHONDIR=str(home / "ipython"))
        os.environ.update(JUPYTER_CONFIG_DIR=str(home / "jupyter"), MPLCONFIGDIR=str(home / "mpl"))
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
        (home / ".nexpy").mkdir(parents=True, exist_ok=True)
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
        self._timer.start(200)
        self.pump()

    def pump(self, seconds: float = 0.5):
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            self.app.processEvents()
            time.sleep(0.01)

    def trigger(self, menu: str, label: str):
        """Choose a menu entry as a user does, by its QAction."""
        bar = {action.text().replace("&", ""): action.menu() for action in self.window.menu_bar.actions()}
        actions = {action.text(): action for action in bar[menu].actions()}
        actions[label].trigger()
        self.pump(1.0)

    def select(self, file: str, path: str = ""):
        node = self.window.tree[file]
        self.window.treeview.select_node(node[path] if path else node)
        self.pump(0.2)

    def picture(self, widget, name: str):
        widget.grab().save(str(self.out / f"{name}.png"))

    def _close_box(self):
        from qtpy import QtWidgets

        box = self.app.activeModalWidget()
        if isinstance(box, QtWidgets.QFileDialog):
            box.findChild(QtWidgets.QLineEdit).setText(str(self.save_as))
            box.accept() if self.save_as else box.reject()
        elif isinstance(box, QtWidgets.QMessageBox):
            labels = [label.text() for label in box.findChildren(QtWidgets.QLabel)]
            self.boxes.append("\n".join(text for text in labels if text))
            self.picture(box, f"box_{len(self.boxes)}")
            yes = box.button(QtWidgets.QMessageBox.StandardButton.Yes)
            yes.click() if yes else box.accept()
