"""Menu actions (hook ``xps_prefit_menu``) as functions for SpectroChemPy; no window, so errors are raised."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from xps_prefit_hooks import MenuAction, MenuOutcome, MenuRequest

from ..core.plugins import plugin_manager

_ENERGIES = ("reference", "photon_energy", "shift")


def actions() -> dict[str, MenuAction]:
    """Actions of all plugins by name; of two with the same name the one that comes first."""
    return {action.name: action for action in reversed(plugin_manager().menu())}


def run(
    name: str,
    given: tuple[Any, ...],
    settings: dict[str, Any],
    out: Any = None,
    folder: Any = None,
    overwrite: bool = False,
) -> MenuOutcome:
    """Run an action on datasets.

    Parameters
    ----------
    name : str
        Name of the action.
    given : tuple
        Datasets, one for each region; a path among them is where to write.
    settings : dict
        Fields of `xps_prefit_hooks.Settings`; energies in eV or with their unit.
    out, folder : path-like, optional
        Where to write, and a folder with spectra.
    overwrite : bool
        Whether a file `out` is replaced that this package did not write, or that was changed since.

    Raises
    ------
    PrefitError
        If a dataset is not a spectrum, a setting makes no sense, or the action cannot be done.
    """
    from ..settings import settings_of
    from .spectrochempy_datasets import in_electronvolts, spectrum_of_datasets

    action = actions()[name]
    energies = {key: in_electronvolts(key, settings[key]) for key in _ENERGIES if key in settings}
    asked = settings_of(**(settings | energies))
    paths = [Path(one) for one in (*given, out) if isinstance(one, str | os.PathLike)]
    datasets = tuple(one for one in given if not isinstance(one, str | os.PathLike))
    return action.run(
        MenuRequest(
            spectrum_of_datasets(datasets, asked) if action.needs_spectrum else None,
            asked,
            out=paths[0] if paths else None,
            folder=None if folder is None else Path(folder),
            overwrite=overwrite,
        )
    )


def function_of(action: MenuAction) -> Callable[..., MenuOutcome]:
    """Make a function that runs an action."""

    def function(
        *given: Any, out: Any = None, folder: Any = None, overwrite: bool = False, **settings: Any
    ) -> MenuOutcome:
        return run(action.name, given, settings, out, folder, overwrite)

    function.__name__ = action.name
    function.__doc__ = (
        f"{action.description}; returns a `MenuOutcome`.\n\n"
        "Takes datasets and settings as `prefit` does; the file to write is `out` or stands among the datasets."
    )
    return function
