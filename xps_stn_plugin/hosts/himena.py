"""Plugin for himena (entry-point group ``himena.plugin``): menu "XPS STN" under "Tools", and files of our formats.

himena imports this module when it starts, where the user has switched the plugin on. Seeds go to the windows of
himena-lmfit, whose *Curve Fit* fits them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from himena import StandardType, WidgetDataModel, create_model
from himena.plugins import AppActionRegistry, configure_submenu, register_function, register_reader_plugin
from himena.widgets import current_instance

from xps_prefit_hooks import MenuAction, PrefitError, Settings

from ..core.plugins import plugin_manager
from .himena_windows import picture_of_region, spectrum_of_model, table_of_region, table_of_spectrum
from .host import MENU, trigger
from .qt import QtHost

if TYPE_CHECKING:
    import xarray as xr

    from ..api import PrefitResult

#: himena's name of the menu.
MENU_ID = "tools/xps_stn"

#: Type of the table of a file that one of our readers has read.
_SPECTRUM = f"{StandardType.DATAFRAME}.xps-spectrum"

#: General text is for himena's own readers; the tables that they make are understood as well.
_GENERAL = ("table", "columns")


class HimenaHost(QtHost):
    """The running himena; its main window is looked up when it is needed."""

    def __init__(self) -> None:
        super().__init__(lambda: current_instance()._backend_main_window)

    def selection(self, settings: Settings) -> xr.DataTree:
        """Spectrum in the active sub-window: a table, an array or text with energies and intensities."""
        window = current_instance().current_window
        if window is None or not window.supports_to_model:
            raise PrefitError("selection", "nothing is selected; click on the window of a spectrum first.")
        model = window.to_model()
        # The file knows more than its table: counting times, the photon energy.
        if model.type == _SPECTRUM and isinstance(model.source, Path):
            return _read(model.source, settings)
        return spectrum_of_model(model, settings)

    def receive(self, result: PrefitResult, regions: tuple[str, ...]) -> None:
        """Open a tab for each region with its model, parameters and table, which *Curve Fit* takes by default."""
        if "himena_lmfit.widgets" not in AppActionRegistry.instance().installed_plugins:
            message = "seeded models cannot be opened; install himena-lmfit and enable it in the settings."
            raise PrefitError("himena-lmfit", message)
        for region in reversed(regions):
            seed, name = result.seeds[region], f"{region} of {Path(result.source).stem}"
            tab = current_instance().add_tab(name)
            for content, kind, value in (
                ("seeded curves", StandardType.PLOT, picture_of_region(result, region)),
                ("model", "lmfit-model", seed.model),
                ("seed", "dict.lmfit-model-params", seed.params.copy()),
                (
                    f"{result.shift_text} ({result.status.replace('_', ' ')})",
                    StandardType.DATAFRAME,
                    table_of_region(result, region),
                ),
            ):
                tab.add_data_model(create_model(value, type=kind, title=f"{name}: {content}", add_empty_workflow=True))
            tab.tile_windows()


def on_himena_startup(ui: Any) -> None:
    """Make the menu load what a prefit needs when it opens; himena calls this once its window is there."""
    from qtpy import QtWidgets

    from .qt.host import load

    for menu in ui._backend_main_window.findChildren(QtWidgets.QMenu, MENU_ID):
        menu.setToolTipsVisible(True)
        menu.aboutToShow.connect(load)


def _register() -> None:
    host = HimenaHost()
    configure_submenu(MENU_ID, title=MENU)
    for action in plugin_manager().menu():
        register_function(
            _callback(host, action),
            menus=MENU_ID,
            title=action.label,
            tooltip=action.description,
            command_id=f"xps_stn:{action.name}",
        )
    register_reader_plugin(_read_table, priority=20).define_matcher(_kind)


def _callback(host: HimenaHost, action: MenuAction) -> Any:
    # himena looks at the signature: nothing is to be passed in.
    def run() -> None:
        trigger(host, action)

    return run


def _kind(path: Path | list[Path]) -> str | None:
    """Type of window for a file, None if it is not for us; himena asks for lists of files, too."""
    if not isinstance(path, Path) or not path.is_file():
        return None
    with path.open("rb") as file:
        beginning = file.read(4096)
    readers = [reader for reader in plugin_manager().readers() if reader.name not in _GENERAL]
    is_readable = any(path.suffix.lower() in reader.suffixes and reader.accepts(path, beginning) for reader in readers)
    return _SPECTRUM if is_readable else None


def _read_table(path: Path) -> WidgetDataModel:
    """Read a spectrum with the readers of xps-stn-plugin."""
    return create_model(table_of_spectrum(_read(path, Settings())), type=_SPECTRUM, title=path.name, editable=False)


def _read(path: Path, settings: Settings) -> xr.DataTree:
    from ..readers import read_file

    return read_file(path, plugin_manager().readers(), settings)


_register()
