"""The plugin manager of this process, with the package's own plugins and all installed ones."""

from __future__ import annotations

from xps_prefit_hooks import PluginManager

from . import defaults
from .once import Once


@Once
def plugin_manager() -> PluginManager:
    """Make the plugin manager of the process; the first call loads the plugins, other threads wait for it.

    Installed plugins are asked before the package's own. ``plugin_manager.cache_clear()`` forgets them, so that the
    next call loads anew.
    """
    manager = PluginManager()
    manager.load({"xps_stn_plugin": defaults})
    return manager
