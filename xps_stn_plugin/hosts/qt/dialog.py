"""The form of a prefit: regions and settings on the left, a live picture of what is found on the right."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy import QtCore, QtWidgets

from xps_prefit_hooks import MenuAction, MenuRequest, PrefitError, Settings

from ..host import Host, start
from .canvas import Canvas
from .findings import Findings, find, redraw
from .form import CHOICE_PAUSE, SettingsForm
from .layout import button_of, lay_out
from .panels import FAINT, GroupBars, Headline, PictureView, sentences
from .regions import RegionList
from .worker import Job, Worker

if TYPE_CHECKING:
    import xarray as xr

    from .picture import Picture

#: Further actions that get a button of their own; the others share one.
_BUTTONS = 3

#: Pause in ms after which a picture of a new size is drawn.
_RESIZE_PAUSE = 150

_log = logging.getLogger(__name__)


class PrefitDialog(QtWidgets.QDialog):  # type: ignore[misc]  # qtpy has no type hints
    """Runs a form's action again whenever something changes, in a thread of its own.

    Parameters
    ----------
    host : Host
        Asked for the selection when the photon energy changes; runs the other actions.
    action : MenuAction
        The form's action; its result is shown.
    parent : QWidget or None
    """

    def __init__(self, host: Host, action: MenuAction, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._host, self._action = host, action
        self.findings: Findings | None = None
        self._problem: PrefitError | None = None
        self._asked: tuple[float | None, str | None] = (None, None)
        self._running: Job | None = None
        self._drawing: Job | None = None
        self._worker = Worker()
        self.setWindowTitle(action.label.rstrip("."))
        self.setModal(False)
        self.setSizeGripEnabled(True)
        self.setWindowFlag(QtCore.Qt.WindowType.WindowMaximizeButtonHint)
        self.resize(1100, 700)
        self.regions, self.form = RegionList(), SettingsForm()
        self.headline, self.view, self.bars = Headline(), PictureView(), GroupBars()
        self.error, self.busy, self.text = QtWidgets.QLabel(), QtWidgets.QProgressBar(), QtWidgets.QTextBrowser()
        self.actions_of_others = self._buttons()
        lay_out(self)
        self._pause = self._timer(self._run)
        self._resize_pause = self._timer(self._draw)
        self.regions.chosen.connect(self._slot(self._pause.start, CHOICE_PAUSE))
        self.regions.turned.connect(self._slot(self._turn))
        self.form.changed.connect(self._wait)
        self.view.zoomed.connect(self._slot(self._draw))
        self.view.resized.connect(self._slot(self._resize_pause.start, _RESIZE_PAUSE))
        self._worker.submit(Job("names of substances"), _substances, self.form.completer.offer, self._log_only)

    def take(self, spectrum: xr.DataTree | None, problem: PrefitError | None = None) -> None:
        """Show another selection.

        Parameters
        ----------
        spectrum : xarray.DataTree or None
        problem : PrefitError, optional
            Why there is none: photon energy or sample is missing, which the user can give here.
        """
        source = None if spectrum is None else spectrum.attrs["source"]
        if source is None or self.regions.all is None or source != self.regions.all.attrs["source"]:
            # What is known about one sample is not known about another.
            self.form.reset()
        self.findings = None
        self._asked = (None, None)
        self.view.clear()
        self.headline.clear()
        self.bars.show_groups(())
        self.text.clear()
        self._problem = problem
        if spectrum is None:
            self.regions.forget()
        else:
            self.regions.show_spectrum(spectrum)
        self._run()
        from ...core.samples import SeveralSamples

        if problem is not None:
            (self.form.sample if isinstance(problem, SeveralSamples) else self.form.photon_energy).setFocus()

    def done(self, code: int) -> None:
        """Close; what is still running is dropped."""
        self._drop()
        super().done(code)

    def _run(self) -> None:
        """Ask for everything anew; the old picture stays until the answer comes."""
        self._drop()
        try:
            fields = self.form.fields()
            self._select(fields["photon_energy"], fields["sample"])
            spectrum = self.regions.spectrum()
        except PrefitError as error:
            self._fail(error)
            return
        job = self._running = Job(self.windowTitle())
        work = partial(find, self._action, spectrum, fields, job, self.regions.region, self._canvas())
        self.busy.setVisible(True)
        self._enable(False)
        self._worker.submit(job, work, partial(self._show, job), partial(self._broke, job))

    def _select(self, photon_energy: float | None, sample: str | None) -> None:
        """Ask the host again where the photon energy or the sample has changed."""
        from ...core.samples import one_sample

        if (photon_energy, sample) != self._asked:
            self._asked, self._problem = (photon_energy, sample), None
            try:
                spectrum = selected(self._host, Settings(photon_energy=photon_energy, sample=sample))
                self.regions.show_spectrum(one_sample(spectrum, sample))
            except PrefitError as error:
                self._problem = error
        if self._problem is not None:
            raise self._problem

    def _show(self, job: Job, findings: Findings | None) -> None:
        if job is not self._running or findings is None:
            return
        self._drop()
        self.findings = findings
        self.error.setVisible(False)
        result = findings.result
        if result is None:
            self.headline.clear()
            self.view.clear()
            self.view.show_text(findings.message)
            return
        self._enable(True)
        self.headline.show_result(result, findings.colour)
        self.bars.show_groups(findings.groups)
        self.bars.setEnabled(True)
        self.text.setStyleSheet("")
        if findings.picture is not None:
            self._show_picture(findings.picture)
        if self._needs_drawing(findings.picture):
            self._draw()

    def _broke(self, job: Job, error: Exception) -> None:
        if job is self._running:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        """Show an error in the form; what was found before is out of date."""
        self._drop()
        text = str(error)
        if not isinstance(error, PrefitError):
            _log.error("Unexpected error in the form of %s", self._action.name, exc_info=error)
            text = f"unexpected {type(error).__name__}: {error}"
        self.error.setText(text)
        self.error.setVisible(True)
        self._enable(False)
        self.view.fade()
        self.headline.fade()
        self.bars.setEnabled(False)
        self.text.setStyleSheet(f"color: {FAINT}")

    def _turn(self) -> None:
        """Draw another region, with all its energies."""
        self.view.span = None
        self._draw()

    def _draw(self) -> None:
        """Draw the shown region at the present size, unless the answer that is on its way brings a picture."""
        result = None if self.findings is None else self.findings.result
        region = self.regions.region
        if result is None or self._running is not None or region is None:
            return
        if self._drawing is not None:
            self._drawing.cancel()
        job = self._drawing = Job("picture")
        work = partial(redraw, result, region, job, self._canvas(), self.regions.all)
        self._worker.submit(job, work, partial(self._show_drawing, job), partial(self._broke_drawing, job))

    def _show_drawing(self, job: Job, picture: Picture | None) -> None:
        if job is self._drawing and picture is not None:
            self._drawing = None
            faint = self.view.faint
            self._show_picture(picture)
            if faint:
                self.view.fade()

    def _broke_drawing(self, job: Job, error: Exception) -> None:
        if job is self._drawing:
            self._fail(error)

    def _show_picture(self, picture: Picture) -> None:
        self.view.show_picture(picture)
        findings = self.findings
        if findings is not None and findings.result is not None:
            self.text.setHtml(sentences(findings.result, picture.region, picture.notes))

    def _needs_drawing(self, picture: Picture | None) -> bool:
        region, canvas = self.regions.region, self._canvas()
        return picture is None or picture.region != region or picture.canvas != canvas

    def _drop(self) -> None:
        """Forget what runs; its answer will be late."""
        self._pause.stop()
        for job in (self._running, self._drawing):
            if job is not None:
                job.cancel()
        self._running = self._drawing = None
        self.busy.setVisible(False)

    def _start(self, action: MenuAction) -> None:
        findings = self.findings
        if findings is not None:
            request = MenuRequest(spectrum=findings.spectrum, settings=findings.settings, result=findings.result)
            start(self._host, action, request)

    def _wait(self, pause: int) -> None:
        self._pause.start(pause)

    def _enable(self, on: bool) -> None:
        for button in self.actions_of_others:
            button.setEnabled(on)

    def _canvas(self) -> Canvas:
        width, height = max(self.view.width(), 200), max(self.view.height(), 150)
        return Canvas(width, height, float(self.view.devicePixelRatioF()), self.view.span)

    def _buttons(self) -> list[QtWidgets.QPushButton]:
        """Buttons of all other actions on a spectrum; what does not get its own is in the last one's menu."""
        from ...core.plugins import plugin_manager

        others = [action for action in plugin_manager().menu() if action.needs_spectrum and not action.form]
        buttons = []
        for action in others[:_BUTTONS]:
            button = button_of(action.label, action.description)
            button.clicked.connect(self._slot(self._start, action))
            buttons.append(button)
        if others[_BUTTONS:]:
            menu = QtWidgets.QMenu(self)
            menu.setToolTipsVisible(True)
            for action in others[_BUTTONS:]:
                item = menu.addAction(action.label)
                item.setToolTip(action.description)
                item.triggered.connect(self._slot(self._start, action))
            buttons.append(button_of("More", "Actions of other plugins"))
            buttons[-1].setMenu(menu)
        return buttons

    def _timer(self, function: Callable[[], None]) -> QtCore.QTimer:
        timer = QtCore.QTimer(self)
        timer.setSingleShot(True)
        timer.timeout.connect(self._slot(function))
        return timer

    def _slot(self, function: Callable[..., None], *args: Any) -> Callable[..., None]:
        """Slot that shows errors and lets none out: PyQt would end the application."""

        def slot(*_: object) -> None:
            try:
                function(*args)
            except Exception as error:  # noqa: BLE001 (as in `hosts.host.trigger`)
                self._host.failed(self._action, error)

        return slot

    def _log_only(self, error: Exception) -> None:
        _log.warning("No names of substances to complete", exc_info=error)


def selected(host: Host, settings: Settings) -> xr.DataTree:
    """Spectrum that is selected in a host.

    Raises
    ------
    PhotonEnergyMissing
        If it has kinetic energies and no photon energy; says that the form asks for it.
    PrefitError
        If there is none.
    """
    from ...readers.assembly import PhotonEnergyMissing

    try:
        return host.selection(settings)
    except PhotonEnergyMissing as error:
        sentence = "the energies are kinetic and the file does not give the photon energy; write it in the form."
        raise PhotonEnergyMissing(error.culprit, sentence) from error


def _substances() -> list[tuple[str, str]]:
    """Names to complete, each with its label."""
    from ...chemistry.substances import substances

    return sorted(((one.abbreviation, one.label) for one in substances()), key=lambda names: names[0].casefold())
