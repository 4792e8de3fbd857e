"""List of a spectrum's regions: which take part, and which one is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy import QtCore, QtWidgets

from xps_prefit_hooks import PrefitError

from ...core.spectrum import spectrum_tree

if TYPE_CHECKING:
    import xarray as xr

_ROLE = QtCore.Qt.ItemDataRole.UserRole
_CHECKED = QtCore.Qt.CheckState.Checked


class RegionList(QtWidgets.QListWidget):  # type: ignore[misc]  # qtpy has no type hints
    """Regions with check boxes; one that cannot be prefitted is grey and says why.

    ``chosen`` tells that others take part now, ``region_shown`` that another one is to be shown.
    """

    chosen = QtCore.Signal()
    region_shown = QtCore.Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setWordWrap(True)
        self.setToolTip("Checked regions are used; click a name to see its picture")
        self._spectrum: xr.DataTree | None = None
        self.itemChanged.connect(lambda *_: self.chosen.emit())
        self.currentItemChanged.connect(lambda *_: self.region_shown.emit())

    def show_spectrum(self, spectrum: xr.DataTree) -> None:
        """List the regions of a spectrum; choices are kept where it is the same one, read anew."""
        previous = self._spectrum
        is_same_source = previous is not None and previous.attrs["source"] == spectrum.attrs["source"]
        excluded = set(self.names()) - set(self.checked()) if is_same_source else set()
        shown = self.region if is_same_source else None
        self._spectrum = spectrum
        self.blockSignals(True)
        self.clear()
        for name, child in spectrum.children.items():
            data = child.to_dataset()
            item = QtWidgets.QListWidgetItem(name)
            item.setData(_ROLE, name)
            dims = {str(dim): size for dim, size in data["counts"].sizes.items() if dim != "binding_energy"}
            if dims:
                shape = ", ".join(f"{size} along {dim}" for dim, size in dims.items())
                item.setText(f"{name}: a stack of spectra ({shape}); select one of them")
                item.setFlags(QtCore.Qt.ItemFlag.NoItemFlags)
            else:
                energy = data["binding_energy"].values
                item.setToolTip(f"{energy.size} points, {energy[0]:.1f} to {energy[-1]:.1f} eV as measured")
                item.setFlags(item.flags() | QtCore.Qt.ItemFlag.ItemIsUserCheckable)
                item.setCheckState(QtCore.Qt.CheckState.Unchecked if name in excluded else _CHECKED)
            self.addItem(item)
        for sentence in spectrum.attrs.get("skipped", ()):
            item = QtWidgets.QListWidgetItem(str(sentence))
            item.setFlags(QtCore.Qt.ItemFlag.NoItemFlags)
            item.setToolTip(str(sentence))
            self.addItem(item)
        usable = self.names()
        current = shown if shown in usable else "C1s" if "C1s" in usable else next(iter(usable), None)
        for row in range(self.count()):
            if current is not None and self.item(row).data(_ROLE) == current:
                self.setCurrentRow(row)
        self.blockSignals(False)

    def forget(self) -> None:
        """Show nothing."""
        self._spectrum = None
        self.blockSignals(True)
        self.clear()
        self.blockSignals(False)

    @property
    def whole_spectrum(self) -> xr.DataTree | None:
        """The spectrum with all of its regions."""
        return self._spectrum

    @property
    def region(self) -> str | None:
        """Region that is to be shown."""
        item = self.currentItem()
        return None if item is None else item.data(_ROLE)

    def names(self) -> list[str]:
        """Regions that can be prefitted."""
        usable = QtCore.Qt.ItemFlag.ItemIsUserCheckable
        items = [self.item(row) for row in range(self.count())]
        return [item.data(_ROLE) for item in items if item.flags() & usable]

    def checked(self) -> list[str]:
        """Regions that take part."""
        items = [self.item(row) for row in range(self.count())]
        return [name for item in items if item.checkState() == _CHECKED and (name := item.data(_ROLE))]

    def spectrum(self) -> xr.DataTree:
        """Spectrum of the regions that take part.

        Raises
        ------
        PrefitError
            If there is none.
        """
        if self._spectrum is None:
            raise PrefitError("selection", "nothing is selected; select a spectrum first.")
        names = self.checked()
        if not names:
            names_available = self.names()
            message = (
                "no region is checked; check at least one."
                if names_available
                else "none of the regions can be prefitted."
            )
            raise PrefitError(str(self._spectrum.attrs["source"]), message)
        attrs = {str(key): value for key, value in self._spectrum.attrs.items() if key != "source"}
        regions = {name: self._spectrum[name].to_dataset() for name in names}
        return spectrum_tree(str(self._spectrum.attrs["source"]), regions, **attrs)
