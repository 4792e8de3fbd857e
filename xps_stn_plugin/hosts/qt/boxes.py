"""Boxes that tell, warn and ask for paths."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from qtpy import QtCore, QtGui, QtWidgets

from xps_prefit_hooks import MenuAction, MenuOutcome

#: Longer texts get a window that scrolls, in characters.
_LONG_TEXT = 1200


def message_box(
    parent: QtWidgets.QWidget | None, title: str, text: str, details: str = "", *, warning: bool = False
) -> QtWidgets.QMessageBox:
    """Box with plain text, to be opened with ``open()``."""
    box = QtWidgets.QMessageBox(parent)
    box.setIcon(QtWidgets.QMessageBox.Icon.Warning if warning else QtWidgets.QMessageBox.Icon.Information)
    box.setWindowTitle(title.rstrip("."))
    # File names may look like markup.
    box.setTextFormat(QtCore.Qt.TextFormat.PlainText)
    box.setText(text)
    box.setInformativeText(details)
    box.setTextInteractionFlags(QtCore.Qt.TextInteractionFlag.TextSelectableByMouse)
    ok = box.addButton(QtWidgets.QMessageBox.StandardButton.Ok)
    box.setDefaultButton(ok)
    # With a second button beside it, Escape would do nothing.
    box.setEscapeButton(ok)
    return box


def outcome_box(
    parent: QtWidgets.QWidget | None, title: str, outcome: MenuOutcome
) -> QtWidgets.QMessageBox | QtWidgets.QDialog:
    """Box or, for what is long, window with what an action has to say."""
    reasons = tuple(getattr(outcome.result, "reasons", ()))
    if outcome.details or len(outcome.message) + sum(map(len, reasons)) > _LONG_TEXT:
        box: QtWidgets.QMessageBox | QtWidgets.QDialog = _window(parent, title, outcome, reasons)
        buttons = box.findChild(QtWidgets.QDialogButtonBox)
    else:
        box = buttons = message_box(parent, title, outcome.message, "\n".join(reasons))
    if outcome.files:
        folder = outcome.files[0].parent
        action = QtWidgets.QMessageBox.ButtonRole if isinstance(box, QtWidgets.QMessageBox) else None
        role = (action or QtWidgets.QDialogButtonBox.ButtonRole).ActionRole
        button = buttons.addButton("Open folder", role)
        button.clicked.connect(_opener(folder))
    return box


def ask_path(parent: QtWidgets.QWidget | None, action: MenuAction, start: Path, *, folder: bool) -> Path | None:
    """Ask for a file to write or for a folder.

    Parameters
    ----------
    parent : QWidget or None
    action : MenuAction
        Its endings are the filters; one that the user leaves out is added.
    start : Path
        Suggested file; for a folder, its name is the title of the dialog.
    folder : bool
        Ask for a folder.
    """
    title = start.name if folder else action.label.rstrip(".")
    dialog = QtWidgets.QFileDialog(parent, title, str(start.parent))
    dialog.setOption(QtWidgets.QFileDialog.Option.DontUseNativeDialog)
    try:
        return _folder(dialog) if folder else _file(dialog, action, start.name)
    finally:
        dialog.deleteLater()


def _folder(dialog: QtWidgets.QFileDialog) -> Path | None:
    dialog.setFileMode(QtWidgets.QFileDialog.FileMode.Directory)
    dialog.setOption(QtWidgets.QFileDialog.Option.ShowDirsOnly)
    return Path(dialog.selectedFiles()[0]) if dialog.exec() else None


def _file(dialog: QtWidgets.QFileDialog, action: MenuAction, name: str) -> Path | None:
    dialog.setAcceptMode(QtWidgets.QFileDialog.AcceptMode.AcceptSave)
    dialog.setFileMode(QtWidgets.QFileDialog.FileMode.AnyFile)
    # Asked below: Qt does not know which ending will be added.
    dialog.setOption(QtWidgets.QFileDialog.Option.DontConfirmOverwrite)
    label = action.label.rstrip(".")
    endings = {action.suffix: action.suffixes.get(action.suffix, label), **action.suffixes}
    filters = {f"{text or label} (*{ending})": ending for ending, text in endings.items()}
    dialog.setNameFilters(list(filters))
    # The longest first: ".seeds.json" is no ".json".
    longest_first = sorted(endings, key=len, reverse=True)

    typed = dialog.findChild(QtWidgets.QLineEdit, "fileNameEdit")

    def follow(chosen: str) -> None:
        # Qt's own change of the ending knows none with two dots.
        typed.setText(_without_ending(typed.text(), longest_first) + filters[chosen])

    dialog.filterSelected.connect(follow)
    dialog.selectFile(name)
    while dialog.exec():
        path = Path(dialog.selectedFiles()[0])
        if _without_ending(path.name, longest_first) == path.name:
            path = path.with_name(path.name + filters[dialog.selectedNameFilter()])
        if not path.exists() or _overwrite(dialog, path):
            return path
    return None


def _without_ending(name: str, endings: list[str]) -> str:
    ending = next((ending for ending in endings if name.lower().endswith(ending.lower())), "")
    return name[: len(name) - len(ending)]


def _overwrite(parent: QtWidgets.QWidget, path: Path) -> bool:
    button = QtWidgets.QMessageBox.StandardButton
    box = QtWidgets.QMessageBox(parent)
    box.setIcon(QtWidgets.QMessageBox.Icon.Question)
    box.setWindowTitle("File exists")
    box.setTextFormat(QtCore.Qt.TextFormat.PlainText)
    box.setText(f"{path} exists. Replace it?")
    box.setStandardButtons(button.Yes | button.No)
    box.setDefaultButton(button.No)
    box.exec()
    return bool(box.clickedButton() is not None and box.standardButton(box.clickedButton()) == button.Yes)


def _window(
    parent: QtWidgets.QWidget | None, title: str, outcome: MenuOutcome, reasons: tuple[str, ...]
) -> QtWidgets.QDialog:
    window = QtWidgets.QDialog(parent)
    window.setWindowTitle(title.rstrip("."))
    window.resize(760, 600)
    layout = QtWidgets.QVBoxLayout(window)
    message = QtWidgets.QLabel(outcome.message)
    message.setTextFormat(QtCore.Qt.TextFormat.PlainText)
    message.setTextInteractionFlags(QtCore.Qt.TextInteractionFlag.TextSelectableByMouse)
    message.setWordWrap(True)
    layout.addWidget(message)
    if outcome.details:
        layout.addWidget(_browser(outcome.details, markdown=True), 1)
    if reasons:
        layout.addWidget(_browser("\n".join(reasons), markdown=False), 0 if outcome.details else 1)
    buttons = QtWidgets.QDialogButtonBox(QtWidgets.QDialogButtonBox.StandardButton.Close)
    buttons.rejected.connect(window.reject)
    layout.addWidget(buttons)
    return window


def _browser(text: str, *, markdown: bool) -> QtWidgets.QTextBrowser:
    browser = QtWidgets.QTextBrowser()
    browser.setOpenExternalLinks(True)
    if markdown:
        browser.setMarkdown(text)
    else:
        browser.setPlainText(text)
    return browser


def _opener(folder: Path) -> Callable[..., None]:
    def open_folder(*_: object) -> None:
        QtGui.QDesktopServices.openUrl(QtCore.QUrl.fromLocalFile(str(folder)))

    return open_folder
