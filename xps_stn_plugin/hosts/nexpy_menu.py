"""NeXpy's menu "XPS STN" (entry-point group ``nexpy.plugins``): the actions of the hook ``xps_prefit_menu``."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xps_prefit_hooks import MenuAction, MenuOutcome, MenuRequest, PrefitError, Settings

if TYPE_CHECKING:
    from ..result import PrefitResult

#: The menu's name in NeXpy's menu bar.
MENU = "XPS STN"

#: Longer texts get a box that scrolls.
_LONG_TEXT = 1200

_log = logging.getLogger(__name__)


def plugin_menu() -> tuple[str, list[tuple[str, Callable[..., None]]]]:
    """Menu and its entries, as NeXpy asks for them at its start."""
    from ..plugins import plugin_manager

    return MENU, [(action.label, partial(trigger, action)) for action in plugin_manager().menu()]


def trigger(action: MenuAction, *checked: bool) -> None:
    """Run an action on the selection and show what it says; errors are shown, never raised.

    Parameters
    ----------
    action : MenuAction
        An action of any plugin. Its result goes to the scratch file w0, as seeds that the Fit panel loads and as a
        calibrated copy, unless the action wrote a file itself.
    *checked : bool
        What Qt passes on; of no meaning here.
    """
    from nexpy.gui.utils import display_message, get_mainwindow, report_error

    try:
        outcome = _run(action, get_mainwindow())
        if outcome is not None:
            _show(outcome)
    except PrefitError as error:
        display_message(action.label, str(error), width=500)
    except Exception as error:  # noqa: BLE001 (whatever goes wrong, the host lives on; logged with traceback)
        _log.exception("Unexpected error in the menu action %s", action.name)
        report_error(action.label, error)


def _run(action: MenuAction, window: Any) -> MenuOutcome | None:
    from .nexpy_selection import selected_spectrum

    spectrum = selected_spectrum(window.treeview.get_node(), Settings()) if action.needs_spectrum else None
    out = None
    if action.suffix:
        from nexpy.gui.pyqt import getSaveFileName

        source = Path(str(spectrum.attrs["source"])) if spectrum is not None else Path(action.name)
        start = Path(window.default_directory) / f"{source.stem}_{action.name}{action.suffix}"
        chosen = getSaveFileName(window, action.label, start, f"*{action.suffix}")
        if not chosen:
            return None
        out = Path(chosen)
    outcome = action.run(MenuRequest(spectrum=spectrum, out=out))
    if getattr(outcome.result, "moved", None) is not None and not outcome.files:
        _send(outcome.result, window)
    return outcome


def _send(result: PrefitResult, window: Any) -> None:
    """Seeds and calibrated copy into the scratch file, the first seed (C 1s if there is one) into the Fit panel."""
    from nexusformat.nexus import nxload

    from ..export.calibrated_copy import write_calibrated_copy
    from .nexpy_fit import fit_group

    regions = sorted(result.seeds, key=lambda region: region != "C1s")
    name = Path(result.source).stem
    groups = [
        fit_group(result.seeds[region], result.calibrated[region].to_dataset(), f"{region} of {name}")
        for region in regions
    ]
    if "w0" not in window.tree:
        window.tree["w0"] = nxload(window.scratch_file, "rw")
    scratch = window.tree["w0"]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "calibrated.nxs"
        write_calibrated_copy(result, path)
        number = _free_number(scratch, "c")
        for region, entry in nxload(path).items():
            scratch[f"c{number}_{region}"] = entry
            scratch[f"c{number}_{region}"]["title"] = f"Calibrated {region} of {name}: {result.shift_text}"
    names = []
    for group in groups:
        names.append(f"f{_free_number(scratch, 'f')}")
        scratch[names[-1]] = group
    window.treeview.update()
    if names:
        window.treeview.select_node(scratch[names[0]])
        window.fit_data()
        window.panels["Fit"].tab.plot_model()


def _free_number(scratch: Any, letter: str) -> int:
    """NeXpy's own numbering: one more than the highest (``f1``, ``f2``)."""
    numbers = [name[1:].partition("_")[0] for name in scratch if name.startswith(letter)]
    return 1 + max((int(number) for number in numbers if number.isdigit()), default=0)


def _show(outcome: MenuOutcome) -> None:
    reasons = "\n".join(getattr(outcome.result, "reasons", ()))
    if len(outcome.message) + len(reasons) < _LONG_TEXT:
        from nexpy.gui.utils import display_message

        display_message(outcome.message, reasons or None, width=500)
        return
    from nexpy.gui.widgets import NXMessageBox

    first, _, rest = outcome.message.partition("\n")
    NXMessageBox(first, f"{rest.strip()}\n\n{reasons}".strip()).exec()
