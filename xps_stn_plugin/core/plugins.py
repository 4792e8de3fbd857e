"""The plugin manager of this process, with all installed plugins; the package's own is one of them."""

from __future__ import annotations

from typing import Final

from xps_prefit_hooks import PluginManager, PrefitError

from .._util.once import Once

#: Entry point of the package's own readers, predictor, seeder, exporters and menu actions.
BUILTIN: Final = "xps_stn_plugin"


@Once
def plugin_manager() -> PluginManager:
    """Make the plugin manager of the process; the first call loads the plugins, other threads wait for it.

    Other plugins are asked before the package's own. ``plugin_manager.cache_clear()`` forgets them, so that the next
    call loads anew.

    Raises
    ------
    PrefitError
        If the package is not installed, so that its own plugin is not registered.
    """
    manager = PluginManager()
    if BUILTIN not in {report.name for report in manager.load()}:
        msg = "the package is not installed, or was installed by an older version; run pip install again."
        raise PrefitError(BUILTIN, msg)
    return manager
