"""NeXpy as a host: its tree is where spectra are selected, its Fit panel where seeds go."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xps_prefit_hooks import MenuOutcome, Settings

from .host import MENU, menu_entries
from .loading import start_loading
from .nexpy_selection import selected_spectrum
from .qt import QtHost

if TYPE_CHECKING:
    import xarray as xr

    from ..result import PrefitResult


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
            menu.aboutToShow.connect(start_loading)

    def selection(self, settings: Settings) -> xr.DataTree:
        """Spectrum of the node that is selected in the tree."""
        return selected_spectrum(_window().treeview.get_node(), settings)

    def receive(self, result: PrefitResult, regions: tuple[str, ...]) -> None:
        """Put seeds and calibrated spectrum into the scratch file w0, and the first seed into the Fit panel."""
        from .nexpy_fit import fit_group

        window, name = _window(), Path(result.source).stem
        groups = [
            fit_group(result.seeds[region], result.axis[region].to_dataset(), f"{region} of {name}")
            for region in regions
        ]
        scratch = _scratch(window)
        if result.moved is not None:
            _add_calibrated(scratch, result, name)
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


def _add_calibrated(scratch: Any, result: PrefitResult, name: str) -> None:
    from nexusformat.nexus import nxload

    from ..export.calibrated_copy import write_calibrated_copy

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "calibrated.nxs"
        write_calibrated_copy(result, path)
        number = _free_number(scratch, "c")
        for region, entry in nxload(path).items():
            scratch[f"c{number}_{region}"] = entry
            scratch[f"c{number}_{region}"]["title"] = f"Calibrated {region} of {name}: {result.shift_text}"


def _free_number(scratch: Any, letter: str) -> int:
    """NeXpy's own numbering: one more than the highest (``f1``, ``f2``)."""
    numbers = [name[1:].partition("_")[0] for name in scratch if name.startswith(letter)]
    return 1 + max((int(number) for number in numbers if number.isdigit()), default=0)
