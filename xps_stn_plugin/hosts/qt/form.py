"""Fields of the form and what is written in them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any, get_args

from qtpy import QtCore, QtGui, QtWidgets

from xps_prefit_hooks import ALIPHATIC_C1S, Background, PrefitError, Ties
from xps_stn_plugin.core.charge_references import CARBON, charge_references

#: After a change, in ms: of a choice, and of a text, which is rarely complete after the first letter.
CHOICE_PAUSE, TEXT_PAUSE = 150, 400

_TIES = {
    "soft": "Areas of the lines of one group stay within bounds around their stoichiometric ratio",
    "hard": "Areas of the lines of one group stay at their stoichiometric ratio",
    "free": "Areas of the lines of one group are independent",
}


class SettingsForm(QtWidgets.QWidget):  # type: ignore[misc]  # qtpy has no type hints
    """The form's fields; ``changed(pause)`` tells how many ms to wait for more."""

    changed = QtCore.Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.photon_energy = QtWidgets.QLineEdit()
        self.photon_energy.setPlaceholderText("as in the file")
        self.photon_energy.setToolTip("In eV; for kinetic energy axes. Al K\u03b1 is 1486.6, Mg K\u03b1 1253.6")
        self.reference = QtWidgets.QLineEdit()
        self.reference.setPlaceholderText(f"{ALIPHATIC_C1S:.2f}, first vibrational member")
        self.reference.setToolTip("Binding energy in eV that the scale gives to the maximum of aliphatic C 1s")
        self.sample = QtWidgets.QLineEdit()
        self.sample.setPlaceholderText("the one in the file")
        self.sample.setToolTip("Name of the sample that is meant, where a file holds several")
        self.shift = QtWidgets.QLineEdit()
        self.shift.setPlaceholderText("as the network finds it")
        self.shift.setToolTip("Measured minus true binding energy in eV, where it is known")
        self.states = QtWidgets.QLineEdit()
        self.states.setPlaceholderText("TOML file")
        self.states.setToolTip("Path of a file with chemical states of your own")
        self.calibrate_on = _choice(("", CARBON, *charge_references()))
        self.calibrate_on.setEditable(True)
        self.calibrate_on.setInsertPolicy(QtWidgets.QComboBox.InsertPolicy.NoInsert)
        self.calibrate_on.setToolTip("Line that is fitted and put at its energy; others with theirs: Si 2p3/2=99.4")
        self.apply_anyway = QtWidgets.QCheckBox("Apply shifts that are out of domain, too")
        self.expect = QtWidgets.QLineEdit()
        self.expect.setPlaceholderText("such as PMMA, PET")
        self.expect.setToolTip("Substances that the sample should hold: abbreviations, names or SMILES, with commas")
        self.completer = NamesCompleter(self)
        self.expect.setCompleter(self.completer)
        self.background = _choice(get_args(Background))
        self.background.setToolTip("Background of the seeded models")
        self.ties = _choice(get_args(Ties))
        for row, tie in enumerate(get_args(Ties)):
            self.ties.setItemData(row, _TIES[tie], QtCore.Qt.ItemDataRole.ToolTipRole)
        self.ties.setToolTip("Areas of the lines of one group: near their stoichiometric ratio, at it, or independent")
        layout = QtWidgets.QFormLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setFieldGrowthPolicy(QtWidgets.QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        layout.addRow("Photon energy / eV", self.photon_energy)
        layout.addRow("Aliphatic C 1s / eV", self.reference)
        layout.addRow("Sample", self.sample)
        layout.addRow("Shift / eV", self.shift)
        layout.addRow("Calibrate on", self.calibrate_on)
        layout.addRow("Own states", self.states)
        layout.addRow(self.apply_anyway)
        layout.addRow("Expected", self.expect)
        layout.addRow("Background", self.background)
        layout.addRow("Ties of areas", self.ties)
        line = self.calibrate_on.lineEdit()
        texts = (self.photon_energy, self.reference, self.sample, self.shift, self.expect, self.states, line)
        for field in texts:
            field.textChanged.connect(self._typed)
            field.returnPressed.connect(self._entered)
        for box in (self.background, self.ties, self.calibrate_on):
            box.currentIndexChanged.connect(self._chosen)
        self.apply_anyway.toggled.connect(self._chosen)
        self.completer.activated.connect(self._chosen)

    def reset(self) -> None:
        """Start afresh, without a word."""
        self.blockSignals(True)
        self.photon_energy.clear()
        self.reference.clear()
        self.sample.clear()
        self.shift.clear()
        self.calibrate_on.setCurrentIndex(0)
        self.calibrate_on.setEditText("")
        self.apply_anyway.setChecked(False)
        self.states.clear()
        self.expect.clear()
        self.background.setCurrentIndex(0)
        self.ties.setCurrentIndex(0)
        self.blockSignals(False)

    def fields(self) -> dict[str, Any]:
        """Keywords for `settings_of`, numbers as such; the rest is checked there.

        Raises
        ------
        PrefitError
            If a number is none.
        """
        return {
            "photon_energy": self.photon_energy_given(),
            "reference": self._optional_number("reference", self.reference, "284.8"),
            "sample": self.sample.text().strip() or None,
            "shift": self._optional_number("shift", self.shift, "2.0"),
            "calibrate_on": self.calibrate_on.currentText().strip() or None,
            "apply_anyway": self.apply_anyway.isChecked(),
            "states": self.states.text().strip() or (),
            "expect": split_names(self.expect.text()),
            "background": self.background.currentText(),
            "ties": self.ties.currentText(),
        }

    def photon_energy_given(self) -> float | None:
        """Photon energy in eV; None where the field is empty.

        Raises
        ------
        PrefitError
            If it is not a number.
        """
        return self._optional_number("photon energy", self.photon_energy, "1486.6")

    def _optional_number(self, field_name: str, field: QtWidgets.QLineEdit, example: str) -> float | None:
        """Return the number of a field; None where it is empty."""
        text = field.text()
        return _number(field_name, text, f"{example}, or nothing") if text.strip() else None

    def _typed(self, *_: object) -> None:
        self.changed.emit(TEXT_PAUSE)

    def _chosen(self, *_: object) -> None:
        self.changed.emit(CHOICE_PAUSE)

    def _entered(self, *_: object) -> None:
        self.changed.emit(0)


class NamesCompleter(QtWidgets.QCompleter):  # type: ignore[misc]
    """Completes the last of several names with commas between: any part of a label will do."""

    def __init__(self, parent: QtCore.QObject) -> None:
        super().__init__(parent)
        self._names = QtGui.QStandardItemModel(self)
        self.setModel(self._names)
        self.setCaseSensitivity(QtCore.Qt.CaseSensitivity.CaseInsensitive)
        self.setFilterMode(QtCore.Qt.MatchFlag.MatchContains)
        # Labels are longer than the field.
        self.popup().setMinimumWidth(340)

    def offer(self, labels: Iterable[tuple[str, str]]) -> None:
        """Offer names, each with the label that is listed for it."""
        self._names.clear()
        for name, label in labels:
            item = QtGui.QStandardItem(label)
            item.setData(name, QtCore.Qt.ItemDataRole.UserRole)
            self._names.appendRow(item)

    def splitPath(self, path: str) -> list[str]:
        """Part of the text that is completed; an override of Qt's."""
        # A blank matches everything: nothing is offered before the first letter.
        return [_pieces(path)[-1].strip() or "\0"]

    def pathFromIndex(self, index: QtCore.QModelIndex) -> str:
        """Text of the field with a name completed; an override of Qt's."""
        earlier_names = [piece.strip() for piece in _pieces(self.widget().text())[:-1]]
        return ", ".join([*earlier_names, str(index.data(QtCore.Qt.ItemDataRole.UserRole))])


def split_names(text: str) -> tuple[str, ...]:
    """Names between commas; commas in brackets (``poly(1,2-butadiene)``) and numbers (``nylon 6,6``) are kept."""
    return tuple(filter(None, (piece.strip() for piece in _pieces(text))))


def _pieces(text: str) -> list[str]:
    pieces, depth = [""], 0
    for position, letter in enumerate(text):
        depth += (letter in "([") - (letter in ")]")
        inside = depth > 0 or re.fullmatch(r"\d,\d", text[max(position - 1, 0) : position + 2])
        if letter == "," and not inside:
            pieces.append("")
        else:
            pieces[-1] += letter
    return pieces


def _number(field_name: str, text: str, example: str) -> float:
    try:
        value = float(text.strip().replace(",", "."))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise PrefitError(field_name, f"{text.strip()!r} is not a number; write a number of eV such as {example}.")
    return value


def _choice(items: Iterable[str]) -> QtWidgets.QComboBox:
    box = QtWidgets.QComboBox()
    box.addItems(list(items))
    return box
