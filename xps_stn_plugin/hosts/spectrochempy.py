"""Plugin for SpectroChemPy (entry-point group ``spectrochempy.plugins``): ``scp.xps_stn`` and ``dataset.xps_stn``."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from spectrochempy.api.plugins import SpectroChemPyPlugin, hookimpl

from ..core.plugins import plugin_manager
from .spectrochempy_actions import actions, function_of
from .spectrochempy_functions import calibrate, fit, prefit, read, seed


class XpsStnPlugin(SpectroChemPyPlugin):  # type: ignore[misc]  # SpectroChemPy has no type hints
    """Plugin class that SpectroChemPy registers."""

    name = "xps_stn"
    version = version("xps-stn-plugin")
    description = "Charge correction, functional groups and seeded lmfit models for XPS spectra"
    spectrochempy_min_version = "1.1"
    requires = ("lmfit", "torch")

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """``scp.xps_stn.NAME``."""
        if name.startswith("_") or name not in (functions := _functions()):
            raise AttributeError(name)
        return functions[name]

    @hookimpl  # type: ignore[untyped-decorator]
    def register_analyses(self) -> list[dict[str, Any]]:
        """Return the functions, under full names: a bare ``read`` would come before SpectroChemPy's own."""
        return [_contribution(f"{self.name}.{name}", function) for name, function in _functions().items()]

    @hookimpl  # type: ignore[untyped-decorator]
    def register_accessors(self) -> list[dict[str, Any]]:
        """Return the methods of datasets: the functions that take one."""
        without_dataset = {"read", *(name for name, action in actions().items() if not action.needs_spectrum)}
        return [
            _contribution(f"{self.name}.{name}", function)
            for name, function in _functions().items()
            if name not in without_dataset
        ]

    @hookimpl  # type: ignore[untyped-decorator]
    def register_readers(self) -> list[dict[str, Any]]:
        """Return ``scp.read_xps``; the general ``scp.read`` does not ask plugins."""
        endings = {suffix for reader in plugin_manager().readers() for suffix in reader.suffixes}
        return [{**_contribution("xps", read), "extensions": sorted(endings)}]


def _contribution(name: str, function: Callable[..., Any]) -> dict[str, Any]:
    return {"name": name, "func": function, "description": str(function.__doc__).splitlines()[0]}


def _functions() -> dict[str, Callable[..., Any]]:
    """All functions by name; the package's own five come before actions of the same name."""
    offered: dict[str, Callable[..., Any]] = {name: function_of(action) for name, action in actions().items()}
    offered.update(prefit=prefit, seed=seed, calibrate=calibrate, fit=fit, read=read)
    return offered
