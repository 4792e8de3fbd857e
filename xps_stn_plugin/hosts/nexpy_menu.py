"""NeXpy's menu "XPS STN" (entry-point group ``nexpy.plugins``): the actions of the hook ``xps_prefit_menu``."""

from __future__ import annotations

from collections.abc import Callable

from .host import MENU, menu_entries


def plugin_menu() -> tuple[str, list[tuple[str, Callable[..., None]]]]:
    """Menu and its entries, as NeXpy asks for them at its start."""
    from qtpy.QtCore import QTimer

    from .nexpy_host import NexpyHost

    host = NexpyHost()
    # NeXpy makes the menu from what is returned here: it can be met only after that.
    QTimer.singleShot(0, host.meet_menu)
    return MENU, [(entry.label, entry.trigger) for entry in menu_entries(host)]
