"""Charge correction, functional groups and seeded lmfit models for XPS spectra.

>>> import xps_stn_plugin as xps
>>> result = xps.prefit("pet.vms")  # doctest: +SKIP
>>> result.shift, result.shift_stderr  # doctest: +SKIP
>>> fit = result.fit("C1s")  # doctest: +SKIP
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from xps_prefit_hooks import ALIPHATIC_C1S, PrefitError, Seed, Settings

if TYPE_CHECKING:
    from .api import PrefitFailure, PrefitResult, prefit, prefit_many, read
    from .chemistry.substances import find_substance
    from .core.plugins import plugin_manager
    from .export.seeds import load_seeds, save_seeds
    from .script import fit, seed, seeds, spectrum, survey

    __version__: str

__all__ = [
    "ALIPHATIC_C1S",
    "PrefitError",
    "PrefitFailure",
    "PrefitResult",
    "Seed",
    "Settings",
    "__version__",
    "find_substance",
    "fit",
    "load_seeds",
    "plugin_manager",
    "prefit",
    "prefit_many",
    "read",
    "save_seeds",
    "seed",
    "seeds",
    "spectrum",
    "survey",
]


# numpy, xarray, lmfit and torch load with the first name that needs them, not with the package.
_MODULES = {
    "PrefitFailure": "api",
    "PrefitResult": "api",
    "find_substance": "chemistry.substances",
    "fit": "script",
    "load_seeds": "export.seeds",
    "plugin_manager": "core.plugins",
    "prefit": "api",
    "prefit_many": "api",
    "read": "api",
    "save_seeds": "export.seeds",
    "seed": "script",
    "seeds": "script",
    "survey": "script",
    "spectrum": "script",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return version("xps-stn-plugin")
    if name in _MODULES:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
