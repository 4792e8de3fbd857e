"""Layout of the widgets of the form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from qtpy import QtCore, QtWidgets

from .form import SettingsForm
from .panels import GroupBars, Headline, PictureView
from .regions import RegionList


class FormWidgets(Protocol):
    """Widgets of a form, which is itself a Qt dialog."""

    regions: RegionList
    form: SettingsForm
    error: QtWidgets.QLabel
    busy: QtWidgets.QProgressBar
    view: PictureView
    bars: GroupBars
    text: QtWidgets.QTextBrowser
    headline: Headline
    actions_of_others: Sequence[QtWidgets.QPushButton]

    def close(self) -> bool:
        """Close the dialog."""


def lay_out(dialog: FormWidgets) -> None:
    """Put the widgets of a form in their places."""
    left = QtWidgets.QWidget()
    column = QtWidgets.QVBoxLayout(left)
    column.setContentsMargins(0, 0, 0, 0)
    column.addWidget(_heading("Regions"))
    column.addWidget(dialog.regions, 1)
    column.addSpacing(6)
    column.addWidget(_heading("Settings"))
    column.addWidget(dialog.form)
    dialog.error.setWordWrap(True)
    dialog.error.setTextFormat(QtCore.Qt.TextFormat.PlainText)
    dialog.error.setTextInteractionFlags(QtCore.Qt.TextInteractionFlag.TextSelectableByMouse)
    dialog.error.setStyleSheet(
        "background: #FDECEA; color: #B00020; border: 1px solid #B00020; border-radius: 4px; padding: 6px 8px;"
    )
    dialog.error.setVisible(False)
    dialog.busy.setRange(0, 0)
    dialog.busy.setTextVisible(False)
    dialog.busy.setFixedHeight(4)
    policy = dialog.busy.sizePolicy()
    policy.setRetainSizeWhenHidden(True)
    dialog.busy.setSizePolicy(policy)
    dialog.busy.setVisible(False)
    dialog.view.show_text("Looking for shift and functional groups...")
    scroll = QtWidgets.QScrollArea()
    scroll.setWidgetResizable(True)
    scroll.setFrameShape(QtWidgets.QFrame.Shape.NoFrame)
    scroll.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    scroll.setWidget(dialog.bars)
    below = QtWidgets.QGridLayout()
    below.setContentsMargins(0, 0, 0, 0)
    below.setHorizontalSpacing(16)
    below.addWidget(_heading("Functional groups"), 0, 0)
    below.addWidget(_heading("Reasons and notes"), 0, 1)
    below.addWidget(scroll, 1, 0)
    below.addWidget(dialog.text, 1, 1)
    below.setColumnStretch(0, 2)
    below.setColumnStretch(1, 3)
    lower = QtWidgets.QWidget()
    lower.setLayout(below)
    upper = QtWidgets.QWidget()
    top = QtWidgets.QVBoxLayout(upper)
    top.setContentsMargins(0, 0, 0, 0)
    top.setSpacing(6)
    top.addWidget(dialog.headline)
    top.addWidget(dialog.error)
    top.addWidget(dialog.busy)
    top.addWidget(dialog.view, 1)
    right = _splitter(QtCore.Qt.Orientation.Vertical, upper, lower, sizes=(460, 170))
    columns = _splitter(QtCore.Qt.Orientation.Horizontal, left, right, sizes=(270, 810))
    close = button_of("Close", "")
    close.clicked.connect(dialog.close)
    row = QtWidgets.QHBoxLayout()
    for button in dialog.actions_of_others:
        row.addWidget(button)
    row.addStretch(1)
    row.addWidget(close)
    layout = QtWidgets.QVBoxLayout(dialog)
    layout.addWidget(columns, 1)
    layout.addLayout(row)


def button_of(label: str, description: str) -> QtWidgets.QPushButton:
    """Push button with a tool tip."""
    button = QtWidgets.QPushButton(label)
    button.setToolTip(description)
    # Enter in a field is for the field.
    button.setAutoDefault(False)
    return button


def _heading(text: str) -> QtWidgets.QLabel:
    label = QtWidgets.QLabel(text)
    font = label.font()
    font.setBold(True)
    label.setFont(font)
    return label


def _splitter(
    orientation: QtCore.Qt.Orientation, first: QtWidgets.QWidget, second: QtWidgets.QWidget, *, sizes: tuple[int, int]
) -> QtWidgets.QSplitter:
    splitter = QtWidgets.QSplitter(orientation)
    splitter.setChildrenCollapsible(False)
    splitter.addWidget(first)
    splitter.addWidget(second)
    splitter.setSizes(list(sizes))
    splitter.setHandleWidth(10)
    # What grows with the window is the picture.
    picture = 0 if orientation == QtCore.Qt.Orientation.Vertical else 1
    splitter.setStretchFactor(picture, 1)
    splitter.setStretchFactor(1 - picture, 0)
    return splitter
