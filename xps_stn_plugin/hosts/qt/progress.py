"""A small window with bar, time left and Cancel for work that takes its time; everything else stays usable."""

from __future__ import annotations

from typing import Any

from qtpy import QtCore, QtWidgets

from .worker import Job

#: Work that is done before this time, in ms, shows no window.
PATIENCE = 400

_REFRESH = 100


class ProgressWindow(QtWidgets.QDialog):  # type: ignore[misc]  # qtpy has no type hints
    """Shows how far a job is, from `PATIENCE` after its making to the job's end.

    Closing the window cancels the job, as its button does; a closed one does not wait for the job, lest it keep the
    application from its end.
    """

    def __init__(self, parent: QtWidgets.QWidget | None, job: Job) -> None:
        super().__init__(parent)
        self.job = job
        self.setWindowTitle(job.label)
        self.setModal(False)
        self.setMinimumWidth(420)
        self.text = QtWidgets.QLabel()
        self.text.setWordWrap(True)
        self.bar = QtWidgets.QProgressBar()
        self.bar.setTextVisible(False)
        self.time_left = QtWidgets.QLabel()
        self.button = QtWidgets.QPushButton("Cancel")
        self.button.setAutoDefault(False)
        self.button.clicked.connect(self.reject)
        below = QtWidgets.QHBoxLayout()
        below.addWidget(self.time_left, 1)
        below.addWidget(self.button)
        layout = QtWidgets.QVBoxLayout(self)
        layout.addWidget(self.text)
        layout.addWidget(self.bar)
        layout.addLayout(below)
        self._refresh()
        self._timer = QtCore.QTimer(self)
        self._timer.timeout.connect(self._refresh)
        self._timer.start(_REFRESH)
        self._show_delay = QtCore.QTimer(self)
        self._show_delay.setSingleShot(True)
        self._show_delay.timeout.connect(self.show)
        self._show_delay.start(PATIENCE)

    def end(self) -> None:
        """Go away: the job is done."""
        self._timer.stop()
        self._show_delay.stop()
        self.hide()
        self.deleteLater()

    def reject(self) -> None:
        """Cancel the job; the window stays until it has stopped."""
        self.job.cancel()
        self._refresh()

    def closeEvent(self, event: Any) -> None:
        """Cancel: a job without its window could not be stopped."""
        self.job.cancel()
        event.accept()

    def _refresh(self) -> None:
        done, total, text = self.job.state
        if self.job.cancelled():
            text = "Stopping..."
            self.button.setEnabled(False)
        elif self.job.waiting:
            text = "Waiting for the previous action to end..."
        self.text.setText(text or "Working...")
        self.bar.setRange(0, max(total, 0))
        self.bar.setValue(done)
        seconds = None if self.job.cancelled() else self.job.seconds_left
        count = f"{done} of {total}" if total > 0 else ""
        self.time_left.setText(
            ", ".join(filter(None, (count, "" if seconds is None else f"about {_time(seconds)} left")))
        )


def _time(seconds: float) -> str:
    """Time for people: ``40 s``, ``3 min``, ``2 h 10 min``."""
    if seconds < 60:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
