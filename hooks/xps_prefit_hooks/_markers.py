"""The project name and the two pluggy markers."""

from __future__ import annotations

from typing import Final

import pluggy

#: pluggy project name and entry-point group in one.
PROJECT: Final = "xps_prefit"

hookspec: Final = pluggy.HookspecMarker(PROJECT)
hookimpl: Final = pluggy.HookimplMarker(PROJECT)
