"""A Qt application as a host of the menu: everything but `selection` and `receive`."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy import QtGui, QtWidgets

from xps_prefit_hooks import MenuAction, MenuOutcome, MenuRequest, PrefitError, Settings

from .. import loading
from ..host import Host, menu_entries
from . import boxes
from .progress import ProgressWindow
from .worker import Job, Worker

if TYPE_CHECKING:
    import xarray as xr

    from .dialog import PrefitDialog

_log = logging.getLogger(__name__)


class QtHost(Host):
    """What all Qt applications lend; a subclass says what is selected and where seeds are fitted.

    Actions run one after the other in a thread of their own, those on whole folders in another; what they give is shown
    in the GUI thread. All methods are for the GUI thread.

    Parameters
    ----------
    parent : callable
        ``parent()`` is the window that boxes belong to, or None; asked when one opens.
    folder : callable
        ``folder()`` is where file dialogs start.
    """

    asks_before_replacing = True

    def __init__(
        self, parent: Callable[[], QtWidgets.QWidget | None], folder: Callable[[], str | Path] = Path.home
    ) -> None:
        self._parent = parent
        self._folder = folder
        self._workers: dict[bool, Worker] = {}
        # Python's references to what Qt shows: some bindings and hosts delete what nobody refers to.
        self._boxes: list[QtWidgets.QDialog] = []
        self._forms: dict[str, PrefitDialog] = {}
        self._entries: list[QtGui.QAction] = []

    def add_to(self, menu: QtWidgets.QMenu) -> None:
        """Hang the entries of all plugins into a menu; opening it starts to load what they need."""
        menu.setToolTipsVisible(True)
        for entry in menu_entries(self):
            item = menu.addAction(entry.label)
            item.setToolTip(entry.description)
            item.triggered.connect(entry.trigger)
            self._entries.append(item)
        menu.aboutToShow.connect(load)

    def ask_path(self, action: MenuAction, start: str, *, folder: bool = False) -> Path | None:
        """Ask with Qt's own file dialog."""
        return boxes.ask_path(self._parent(), action, Path(self._folder()) / start, folder=folder)

    def tell(self, title: str, outcome: MenuOutcome) -> None:
        """Show a box, or a window where there is much to tell; does not wait for its end."""
        self._show(boxes.outcome_box(self._parent(), title, outcome))

    def warn(self, title: str, sentence: str) -> None:
        """Show a warning; does not wait for its end."""
        self._show(boxes.message_box(self._parent(), title, sentence, warning=True))

    def prepare(self, action: MenuAction, ready: Callable[[], None]) -> None:
        """Wait in the background until torch and all else is loaded; a window that is only told something does not."""
        thread = loading.start_loading() if action.needs_spectrum or action.needs_folder else None
        if thread is None or not thread.is_alive():
            ready()
            return
        job = Job(action.label.rstrip("."))
        job.progress(0, 0, "Loading torch and the network...")

        def loaded(_: object) -> None:
            if not job.cancelled():
                ready()

        self._background(job, thread.join, loaded, partial(self.failed, action))

    def work(self, action: MenuAction, request: MenuRequest, done: Callable[[MenuOutcome], None]) -> None:
        """Run an action in the background, after those that were started before; show its progress if it takes long."""
        job = Job(action.label.rstrip("."))
        request = replace(request, progress=job.progress, cancelled=job.cancelled)
        run = partial(action.run, request)
        self._background(job, run, done, partial(self.failed, action), whole_folder=action.needs_folder)

    def _background(
        self,
        job: Job,
        work: Callable[[], Any],
        done: Callable[[Any], None],
        failed: Callable[[Exception], None],
        *,
        whole_folder: bool = False,
    ) -> None:
        # A folder may take hours: single spectra do not wait for it.
        if whole_folder not in self._workers:
            self._workers[whole_folder] = Worker()
        window = ProgressWindow(self._parent(), job)
        self._boxes.append(window)

        def end(call: Callable[[Any], None], value: Any) -> None:
            self._boxes.remove(window)
            window.end()
            call(value)

        self._workers[whole_folder].submit(job, work, partial(end, done), partial(end, failed))

    def open_form(self, action: MenuAction) -> bool:
        """Open the form on what is selected; it asks for photon energy or sample itself where that alone is missing."""
        from ...core.samples import SeveralSamples, one_sample
        from ...readers.assembly import PhotonEnergyMissing
        from .dialog import PrefitDialog, selected

        spectrum: xr.DataTree | None = None
        problem: PrefitError | None = None
        try:
            spectrum = one_sample(selected(self, Settings()), None)
        except (PhotonEnergyMissing, SeveralSamples) as error:
            problem = error
        dialog = self._forms.get(action.name)
        if dialog is None:
            dialog = self._forms[action.name] = PrefitDialog(self, action, self._parent())
        # Shown first: then it knows how large the picture is to be.
        dialog.show()
        dialog.take(spectrum, problem)
        dialog.raise_()
        dialog.activateWindow()
        return True

    def _show(self, box: QtWidgets.QDialog) -> None:
        self._boxes.append(box)

        def end(*_: object) -> None:
            self._boxes.remove(box)
            box.deleteLater()

        box.finished.connect(end)
        if isinstance(box, QtWidgets.QMessageBox):
            box.open()
        else:
            box.show()


def load() -> None:
    """Slot of a menu that opens: start to load what its entries need."""
    try:
        loading.start_loading()
    except Exception:  # noqa: BLE001 (logged)
        # The menu has to open; whoever chooses an entry is told what is wrong.
        _log.warning("Loading in the background could not be started", exc_info=True)
