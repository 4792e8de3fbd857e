"""Actions of a host application's menu."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._types import Settings

if TYPE_CHECKING:
    import xarray as xr


def _no_progress(done: int, total: int, text: str) -> None:
    """Tell nobody."""


def _never() -> bool:
    return False


@dataclass(frozen=True)
class MenuRequest:
    """Input of a menu action.

    Parameters
    ----------
    spectrum : xarray.DataTree or None
        What is selected.
    settings : Settings
        What the user asked for in the host's form.
    out : Path or None
        File or folder to write to.
    folder : Path or None
        Folder with spectra.
    result : PrefitResult or None
        Prefit of this spectrum with these settings, where the host has one: an action need not make it anew.
    progress : callable
        ``progress(done, total, text)``, to be called from time to time by an action that takes longer than a second.
    cancelled : callable
        ``cancelled()``: whether the user wants it to stop; the action then returns what it has.
    overwrite : bool
        Whether the user has agreed that the file `out` is replaced.
    """

    spectrum: xr.DataTree | None = None
    settings: Settings = field(default_factory=Settings)
    out: Path | None = None
    folder: Path | None = None
    result: Any = None
    progress: Callable[[int, int, str], None] = _no_progress
    cancelled: Callable[[], bool] = _never
    overwrite: bool = False


@dataclass(frozen=True)
class MenuOutcome:
    """Result of a menu action.

    Parameters
    ----------
    message : str
        One or two sentences for the user.
    result : PrefitResult or None
        The prefit, if there is one.
    files : tuple of Path
        Files that were written.
    regions : tuple of str
        Regions of `result` whose seeds the host is to open in its own fitting tool, the most important one first.
    details : str
        Longer text (Markdown), for a window that scrolls.
    """

    message: str
    result: Any = None
    files: tuple[Path, ...] = ()
    regions: tuple[str, ...] = ()
    details: str = ""


@dataclass(frozen=True)
class MenuAction:
    """An entry of a host application's menu.

    Parameters
    ----------
    name, label, description : str
        Identifier, text in the menu, tool tip.
    needs_spectrum : bool
        Whether something has to be selected.
    run : callable
        ``run(request)`` returns a `MenuOutcome`. Raises `PrefitError`. It knows nothing of the host and may run outside
        its main thread.
    suffix : str
        Ending of the file that the action writes, with the dot: the host asks for ``MenuRequest.out``. Empty for an
        action that writes none.
    suffixes : mapping of str to str
        Further endings to choose from, each with what it is.
    needs_folder : bool
        The host asks for ``MenuRequest.folder``, a folder with spectra, and for ``MenuRequest.out``, a folder for
        results.
    form : bool
        A host with windows opens its form (settings, live picture), which runs the action again whenever something
        changes; other hosts run it once.
    """

    name: str
    label: str
    description: str
    needs_spectrum: bool
    run: Callable[[MenuRequest], MenuOutcome]
    suffix: str = ""
    suffixes: Mapping[str, str] = field(default_factory=dict)
    needs_folder: bool = False
    form: bool = False
