"""Widgets that show a result: picture, shift with status, bars of groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy import QtCore, QtGui, QtWidgets

from ...export.texts import markup

if TYPE_CHECKING:
    from ...api import PrefitResult
    from .picture import Picture

_WORDS = {"ok": "ok", "uncertain": "uncertain", "out_of_domain": "out of domain"}
#: Colour of texts that are out of date.
FAINT = "#9A9A9A"

#: Narrowest range, in pixels, that is looked at closer.
_LEAST_RANGE = 6

_BAR, _FAINT_BAR = "#0072B2", "#A9C4DA"


class PictureView(QtWidgets.QWidget):  # type: ignore[misc]  # qtpy has no type hints
    """Shows a picture, faint where it is out of date; ``resized`` tells that another one would fit better.

    Drawing a range across it with the mouse looks closer at these energies, a double click shows all again; ``zoomed``
    tells that `span` (in eV, None for all) is another one.
    """

    resized = QtCore.Signal()
    zoomed = QtCore.Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setMinimumSize(360, 240)
        self.setSizePolicy(QtWidgets.QSizePolicy.Policy.Expanding, QtWidgets.QSizePolicy.Policy.Expanding)
        self.setToolTip("Drag with the mouse to zoom into a range of energies; double-click to show all.")
        self.image: QtGui.QImage | None = None
        self.faint = False
        self.span: tuple[float, float] | None = None
        self._picture: Picture | None = None
        self._text = ""
        self._band = QtWidgets.QRubberBand(QtWidgets.QRubberBand.Shape.Rectangle, self)
        self._from: int | None = None

    def show_picture(self, picture: Picture) -> None:
        """Show a picture."""
        form = QtGui.QImage.Format.Format_RGBA8888
        # A copy: the bytes of the picture are Python's.
        self.image = QtGui.QImage(picture.pixels, picture.width, picture.height, 4 * picture.width, form).copy()
        self.faint = False
        self._picture = picture
        self.update()

    def show_text(self, text: str) -> None:
        """Show a text as long as there is no picture."""
        self._text = text
        self.update()

    def clear(self) -> None:
        """Forget the picture."""
        self.image = self._picture = self.span = None
        self.update()

    def mousePressEvent(self, event: Any) -> None:
        """Begin a range."""
        if self._picture is not None and event.button() == QtCore.Qt.MouseButton.LeftButton:
            self._from = event.pos().x()

    def mouseMoveEvent(self, event: Any) -> None:
        """Show the range."""
        if self._from is not None:
            left, right = sorted((self._from, event.pos().x()))
            self._band.setGeometry(left, 0, right - left, self.height())
            self._band.setVisible(right - left >= _LEAST_RANGE)

    def mouseReleaseEvent(self, event: Any) -> None:
        """Look closer at the range; one that is hardly wider than a click is none."""
        drag_start, self._from = self._from, None
        self._band.hide()
        if drag_start is None or self._picture is None or abs(event.pos().x() - drag_start) < _LEAST_RANGE:
            return
        low, high = sorted(self._picture.energy_at(x / self.width()) for x in (drag_start, event.pos().x()))
        if high > low:
            self.span = (low, high)
            self.zoomed.emit()

    def mouseDoubleClickEvent(self, event: Any) -> None:
        """Show all energies."""
        self._from = None
        self.show_all()

    def show_all(self) -> None:
        """Look at all energies again."""
        if self.span is not None:
            self.span = None
            self.zoomed.emit()

    def fade(self) -> None:
        """Show that the picture is out of date."""
        self.faint = True
        self.update()

    def resizeEvent(self, event: Any) -> None:
        """Ask for a picture of the new size; meanwhile the old one is stretched."""
        super().resizeEvent(event)
        self.resized.emit()

    def paintEvent(self, event: Any) -> None:
        """Paint picture or text."""
        painter = QtGui.QPainter(self)
        painter.fillRect(self.rect(), QtGui.QColor("white"))
        if self.image is None:
            painter.setPen(QtGui.QColor("#777777"))
            painter.drawText(self.rect(), int(QtCore.Qt.AlignmentFlag.AlignCenter.value), self._text)
        else:
            painter.setRenderHint(QtGui.QPainter.RenderHint.SmoothPixmapTransform)
            painter.setOpacity(0.3 if self.faint else 1.0)
            painter.drawImage(self.rect(), self.image)
        painter.end()


class GroupBars(QtWidgets.QWidget):  # type: ignore[misc]
    """Functional groups as horizontal bars with their probabilities."""

    _ROW, _NAME, _NUMBER = 21, 170, 40

    def __init__(self) -> None:
        super().__init__()
        self.groups: tuple[tuple[str, float], ...] = ()
        self.setMinimumWidth(self._NAME + self._NUMBER + 60)

    def show_groups(self, groups: tuple[tuple[str, float], ...]) -> None:
        """Show groups, the most probable first."""
        self.groups = groups
        self.setMinimumHeight(self._ROW * max(1, len(groups)))
        self.setToolTip("\n".join(f"{name}: {value:.2f}" for name, value in groups))
        self.update()

    def paintEvent(self, event: Any) -> None:
        """Paint the bars."""
        painter = QtGui.QPainter(self)
        painter.setOpacity(1.0 if self.isEnabled() else 0.4)
        ink = self.palette().color(QtGui.QPalette.ColorGroup.Active, QtGui.QPalette.ColorRole.WindowText)
        alignment = int((QtCore.Qt.AlignmentFlag.AlignLeft | QtCore.Qt.AlignmentFlag.AlignVCenter).value)
        bar_width = self.width() - self._NAME - self._NUMBER - 8
        painter.setPen(ink)
        if not self.groups:
            painter.drawText(QtCore.QRect(0, 0, self.width(), self._ROW), alignment, "none above 0.1")
        for row, (name, value) in enumerate(self.groups):
            top = row * self._ROW
            elided = painter.fontMetrics().elidedText(name, QtCore.Qt.TextElideMode.ElideRight, self._NAME - 8)
            painter.drawText(QtCore.QRect(0, top, self._NAME - 4, self._ROW), alignment, elided)
            colour = QtGui.QColor(_BAR if value > 0.5 else _FAINT_BAR)
            painter.fillRect(QtCore.QRect(self._NAME, top + 4, max(1, round(bar_width * value)), self._ROW - 8), colour)
            number = QtCore.QRect(self.width() - self._NUMBER, top, self._NUMBER, self._ROW)
            painter.drawText(number, alignment, f"{value:.2f}")
        painter.end()


class Headline(QtWidgets.QWidget):  # type: ignore[misc]
    """Shift with error bar in large type, status in words on its colour, source and convention beside them."""

    def __init__(self) -> None:
        super().__init__()
        self.shift = QtWidgets.QLabel("\u2013")
        font = self.shift.font()
        font.setPointSizeF(2.0 * font.pointSizeF())
        font.setBold(True)
        self.shift.setFont(font)
        self.shift.setTextInteractionFlags(QtCore.Qt.TextInteractionFlag.TextSelectableByMouse)
        self.status = QtWidgets.QLabel()
        self.status.setVisible(False)
        self.origin = QtWidgets.QLabel()
        self.origin.setTextFormat(QtCore.Qt.TextFormat.PlainText)
        self.origin.setAlignment(QtCore.Qt.AlignmentFlag.AlignRight | QtCore.Qt.AlignmentFlag.AlignVCenter)
        self.origin.setSizePolicy(QtWidgets.QSizePolicy.Policy.Ignored, QtWidgets.QSizePolicy.Policy.Preferred)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(14)
        layout.addWidget(self.shift)
        layout.addWidget(self.status)
        layout.addWidget(self.origin, 1)

    def show_result(self, result: PrefitResult, colour: str) -> None:
        """Show shift and status."""
        self.shift.setText(result.shift_text[0].upper() + result.shift_text[1:])
        self.status.setText(_WORDS.get(result.status, result.status))
        self.setEnabled(True)
        self._paint_status(colour)
        self.status.setVisible(True)
        self.origin.setText(f"{_short(result.source)}\nShift: {result.convention}")
        self.origin.setToolTip(result.source)

    def fade(self) -> None:
        """Show that this is out of date."""
        self.setEnabled(False)
        self._paint_status(FAINT)

    def _paint_status(self, colour: str) -> None:
        self.status.setStyleSheet(
            f"background: {colour}; color: white; border-radius: 9px; padding: 3px 12px; font-weight: bold;"
        )

    def clear(self) -> None:
        """Show that nothing is known."""
        self.shift.setText("\u2013")
        self.status.setVisible(False)
        self.origin.clear()


def sentences(result: PrefitResult, region: str, notes: tuple[str, ...]) -> str:
    """Reasons of the status and notes of a region's seed as HTML."""
    blocks = [("", result.reasons), (f"Seeded model of {region}", notes)]
    return "".join(
        (f"<p style='margin: 4px 0 2px 0'><b>{markup(title)}</b></p>" if title else "")
        + "".join(f"<p style='margin: 0 0 3px 0'>{markup(sentence)}</p>" for sentence in reasons)
        for title, reasons in blocks
        if reasons
    )


def _short(source: str) -> str:
    """Last part of a path, which a long one is elided to."""
    return source.replace("\\", "/").rstrip("/").rpartition("/")[2] or source
