"""Import dialog for NeXpy (entry-point group ``nexpy.readers``): every format that the package reads."""

from __future__ import annotations

from typing import Any

from nexpy.gui.importdialog import NXImportDialog
from nexpy.gui.widgets import NXLineEdit
from nexusformat.nexus import NeXusError

from xps_prefit_hooks import PrefitError

#: What NeXpy writes behind "Import" in its menu.
filetype = "XPS Spectrum"


class ImportDialog(NXImportDialog):  # type: ignore[misc]  # NeXpy has no type hints
    """Choose a file, and a photon energy where the file has kinetic energies without one."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent=parent)
        from ..core.plugins import plugin_manager

        self.photon_energy = NXLineEdit(width=80, align="right")
        self.photon_energy.setPlaceholderText("as in the file")
        self.set_layout(
            self.filebox(),
            self.make_layout("Photon energy (eV)", self.photon_energy, "stretch"),
            self.close_buttons(save=True),
        )
        suffixes = dict.fromkeys(suffix for reader in plugin_manager().readers() for suffix in reader.suffixes)
        self.filter = f"XPS spectra ({' '.join(f'*{suffix}' for suffix in suffixes)})"
        self.set_title(f"Import {filetype}")

    def get_data(self) -> Any:
        """Read the chosen file into an ``NXroot``, one entry per region on the binding energy axis.

        Raises
        ------
        NeXusError
            With one sentence, which NeXpy shows.
        """
        from ..api import read
        from .nexpy_selection import nexus_root

        self.import_file = self.get_filename()
        if self.import_file is None:
            raise NeXusError(f"There is no file '{self.filename.text()}'; choose one.")
        text = self.photon_energy.text().strip()
        try:
            energy = float(text) if text else None
        except ValueError:
            raise NeXusError(f"The photon energy '{text}' is not a number; give it in eV, or nothing.") from None
        try:
            return nexus_root(read(self.import_file, energy))
        except PrefitError as error:
            raise NeXusError(str(error)) from error
