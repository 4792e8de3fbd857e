"""The contract of the XPS prefit: hook specifications, markers and plain values.

Needs pluggy and nothing heavier, so that a plugin can import it at no cost.
"""

from __future__ import annotations

from ._errors import PrefitError
from ._manager import PLUGINS_VARIABLE, PluginManager, PluginReport
from ._markers import PROJECT, hookimpl, hookspec
from ._menu import MenuAction, MenuOutcome, MenuRequest
from ._seed import Seed, SeedComponent
from ._texts import LONGEST, shown
from ._types import (
    ALIPHATIC_C1S,
    GIVEN_SHIFT_STDERR,
    MAXIMUM_ABOVE_FIRST_MEMBER,
    Background,
    Exporter,
    GroupEvidence,
    ModelInfo,
    Prediction,
    Reader,
    ReferenceAt,
    ReferenceCheck,
    RegionShift,
    Settings,
    Status,
    Ties,
    UserState,
)

__all__ = [
    "ALIPHATIC_C1S",
    "GIVEN_SHIFT_STDERR",
    "LONGEST",
    "MAXIMUM_ABOVE_FIRST_MEMBER",
    "PLUGINS_VARIABLE",
    "PROJECT",
    "Background",
    "Exporter",
    "GroupEvidence",
    "MenuAction",
    "MenuOutcome",
    "MenuRequest",
    "ModelInfo",
    "PluginManager",
    "PluginReport",
    "Prediction",
    "PrefitError",
    "Reader",
    "ReferenceAt",
    "ReferenceCheck",
    "RegionShift",
    "Seed",
    "SeedComponent",
    "Settings",
    "Status",
    "Ties",
    "UserState",
    "hookimpl",
    "hookspec",
    "shown",
]
