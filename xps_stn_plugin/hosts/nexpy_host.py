"""NeXpy as a host: its tree is where spectra are selected, its Fit panel where seeds go."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from xps_prefit_hooks import MenuOutcome, Settings

from .host import MENU, menu_entries
from .qt import QtHost
from .qt.host import load

if TYPE_CHECKING:
    import xarray as xr

    from ..api import PrefitResult


class NexpyHost(QtHost):
    """The running NeXpy; its main window is looked up when it is needed."""

    def __init__(self) -> None:
        super().__init__(_window, lambda: _window().default_directory)

    def meet_menu(self) -> None:
        """Give the menu that NeXpy made tool tips, and start loading when it opens."""
        for menu in (action.menu() for action in _window().menu_bar.actions() if action.text() == MENU):
            menu.setToolTipsVisible(True)
            for action, entry in zip(menu.actions(), menu_entries(self), strict=True):
                action.setToolTip(entry.description)
            menu.aboutToShow.connect(load)

    def selection(self, settings: Settings) -> xr.DataTree:
        """Spectrum of the node that is selected in the tree."""
        from .nexpy_selection import selected_spectrum  # brings xarray, which NeXpy's start need not wait for

        return selected_spectrum(_window().treeview.get_node(), settings)

    def receive(self, result: PrefitResult, regions: tuple[str, ...]) -> None:
        """Put seeds and calibrated spectrum into the scratch file w0, and the first seed into the Fit panel."""
        from .nexpy_fit import fit_group

        window, name = _window(), Path(result.source).stem
        groups = [
            fit_group(
                result.seeds[region], result.axis[region].to_dataset(), f"{region} of {name}: {result.scale_text}"
            )
            for region in regions
        ]
        scratch = _scratch(window)
        number = _free_number(scratch, "c")
        for region in regions if result.moved is not None else ():
            scratch[f"c{number}_{region}"] = _calibrated(result, region)
        names = []
        for group in groups:
            names.append(f"f{_free_number(scratch, 'f')}")
            scratch[names[-1]] = group
        window.treeview.update()
        window.treeview.select_node(scratch[names[0]])
        window.fit_data()
        window.panels["Fit"].tab.plot_model()

    def tell(self, title: str, outcome: MenuOutcome) -> None:
        """Show a NeXus file that was written in the tree, too; the selection stays."""
        from nexusformat.nexus import nxload

        tree = _window().tree
        for path in outcome.files:
            if path.suffix in (".nxs", ".h5") and str(path) not in [root.nxfilename for root in tree.values()]:
                tree[tree.get_name(str(path))] = nxload(path)
        super().tell(title, outcome)


def _window() -> Any:
    from nexpy.gui.utils import get_mainwindow

    return get_mainwindow()


def _scratch(window: Any) -> Any:
    from nexusformat.nexus import nxload

    if "w0" not in window.tree:
        window.tree["w0"] = nxload(window.scratch_file, "rw")
    return window.tree["w0"]


def _calibrated(result: PrefitResult, region: str) -> Any:
    """``NXentry`` with the region on the corrected axis; made of few fields, for NeXpy takes 2 ms for each."""
    from nexusformat.nexus import NXcalibration, NXdata, NXentry, NXfield

    region_data, measured = result.calibrated[region], result.spectrum[region]["binding_energy"].values
    axis = NXfield(
        region_data["binding_energy"].values, name="binding_energy", units="eV", long_name="Binding energy (eV)"
    )
    data = NXdata(NXfield(region_data["counts"].values, name="counts"), axis, title=f"{region}, calibrated")
    data["binding_energy_measured"] = NXfield(measured, units="eV")
    prefix = "energy_referencing_"
    referencing = NXcalibration()
    for key, value in region_data.attrs.items():
        if str(key).startswith(prefix):
            name = str(key).removeprefix(prefix).replace("stderr", "errors")
            referencing[name] = NXfield(value) if isinstance(value, str) else NXfield(value, units="eV")
    title = (
        f"Calibrated {region} of {Path(result.source).stem}: {result.shift_text} ({result.status.replace('_', ' ')})"
    )
    return NXentry(data, title=title, energy_referencing=referencing)


def _free_number(scratch: Any, letter: str) -> int:
    """NeXpy's own numbering: one more than the highest (``f1``, ``f2``)."""
    numbers = [name[1:].partition("_")[0] for name in scratch if name.startswith(letter)]
    return 1 + max((int(number) for number in numbers if number.isdigit()), default=0)
