"""The plugin manager of this process, with the package's own plugins and all installed ones."""

from __future__ import annotations

from functools import cache

from xps_prefit_hooks import PluginManager

from . import defaults


@cache
def plugin_manager() -> PluginManager:
    """Plugin manager of the process; the first call loads the plugins.

    Installed plugins are asked before the package's own. ``plugin_manager.cache_clear()`` forgets them, so that the
    next call loads anew.
    """
    manager = PluginManager()
    manager.load({"xps_stn_plugin": defaults})
    return manager
