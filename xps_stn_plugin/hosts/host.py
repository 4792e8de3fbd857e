"""Interface of a host application to the menu, and the execution of menu entries."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from xps_prefit_hooks import MenuAction, MenuOutcome, MenuRequest, PrefitError, Settings

if TYPE_CHECKING:
    import xarray as xr

    from ..api import PrefitResult

#: The menu's name in every host.
MENU = "XPS STN"

_log = logging.getLogger(__name__)


class Host(ABC):
    """A host application: where spectra are selected, questions asked and answers shown.

    A host without windows of its own gives the four abstract methods; Qt hosts start from `hosts.qt.QtHost`, which has
    all but `selection` and `receive`.
    """

    #: Whether `ask_path` asks before it returns a file that exists. Where it does not, the actions of this package
    #: refuse to replace a file that they did not write.
    asks_before_replacing: ClassVar[bool] = False

    @abstractmethod
    def selection(self, settings: Settings) -> xr.DataTree:
        """Spectrum that is selected in the host; nothing of the host's is changed.

        Raises
        ------
        PrefitError
            If nothing is selected, or no spectrum.
        """

    @abstractmethod
    def receive(self, result: PrefitResult, regions: tuple[str, ...]) -> None:
        """Open seeded models in the host's own fitting tool, the first of `regions` in front.

        Raises
        ------
        PrefitError
            If the host has no place for one.
        """

    @abstractmethod
    def ask_path(self, action: MenuAction, start: str, *, folder: bool = False) -> Path | None:
        """Ask for a file to write, or for a folder; None if the user does not want to.

        Parameters
        ----------
        action : MenuAction
            Who wants to know; its `suffix` and `suffixes` are the endings to choose from.
        start : str
            Suggested name of the file, or what the folder is for.
        folder : bool
            Ask for a folder.
        """

    @abstractmethod
    def tell(self, title: str, outcome: MenuOutcome) -> None:
        """Show what an action has to say."""

    @abstractmethod
    def warn(self, title: str, sentence: str) -> None:
        """Show why an action could not be done."""

    def prepare(self, action: MenuAction, ready: Callable[[], None]) -> None:
        """Call ``ready()``; a host with windows first loads in the background what the action needs."""
        ready()

    def work(self, action: MenuAction, request: MenuRequest, done: Callable[[MenuOutcome], None]) -> None:
        """Run an action and hand its outcome to `done`; a host with windows does so in the background.

        Raises
        ------
        PrefitError
            From the action, if it runs at once. A host that runs it in the background shows errors with `failed`.
        """
        done(action.run(request))

    def open_form(self, action: MenuAction) -> bool:
        """Open the form of an action, if the host has one; False otherwise."""
        return False

    def failed(self, action: MenuAction, error: Exception) -> None:
        """Show an error; one that nobody foresaw is logged with its traceback."""
        if isinstance(error, PrefitError):
            self.warn(action.label, str(error))
            return
        _log.error("Unexpected error in the menu action %s", action.name, exc_info=error)
        self.warn(action.label, f"unexpected {type(error).__name__}: {error}")


@dataclass(frozen=True)
class MenuEntry:
    """A menu entry ready to be hung into a menu: ``trigger()`` never raises."""

    label: str
    description: str
    trigger: Callable[..., None]


def menu_entries(host: Host) -> list[MenuEntry]:
    """Entries for the actions of all plugins (hook ``xps_prefit_menu``), in their order."""
    from ..core.plugins import plugin_manager

    return [
        MenuEntry(action.label, action.description, partial(trigger, host, action))
        for action in plugin_manager().menu()
    ]


def trigger(host: Host, action: MenuAction, *_: object) -> None:
    """Run a menu action in a host, from the selection to what is shown; errors are shown, never raised.

    Parameters
    ----------
    host : Host
    action : MenuAction
        An action of any plugin.
    *_ : object
        What a menu passes on; of no meaning here.
    """

    def ready() -> None:
        try:
            if not (action.form and host.open_form(action)):
                start(host, action, MenuRequest())
        except Exception as error:  # noqa: BLE001 (whatever goes wrong, the host lives on; it is shown and logged)
            host.failed(action, error)

    try:
        host.prepare(action, ready)
    except Exception as error:  # noqa: BLE001 (as above)
        host.failed(action, error)


def start(host: Host, action: MenuAction, request: MenuRequest) -> None:
    """Complete a request with what the action needs from the host, run it and show its outcome.

    Parameters
    ----------
    host : Host
    action : MenuAction
    request : MenuRequest
        What is known already: a form gives spectrum, settings and result.

    Raises
    ------
    PrefitError
        If nothing is selected, or (in a host that runs actions at once) the action fails.
    """
    if action.needs_spectrum and request.spectrum is None:
        request = replace(request, spectrum=host.selection(request.settings))
    if action.needs_folder:
        folder = host.ask_path(action, "Folder with the spectra", folder=True)
        target = folder and host.ask_path(action, "Folder for the results", folder=True)
        if folder is None or target is None:
            return
        request = replace(request, folder=folder, out=target)
    elif action.suffix:
        source = Path(str(request.spectrum.attrs["source"])).stem if request.spectrum is not None else action.name
        target = host.ask_path(action, f"{source}_{action.name}{action.suffix}")
        if target is None:
            return
        agreed = host.asks_before_replacing and target.exists()
        request = replace(request, out=target, overwrite=agreed)
    host.work(action, request, partial(finish, host, action))


def finish(host: Host, action: MenuAction, outcome: MenuOutcome) -> None:
    """Hand the seeds of an outcome to the host's fitting tool and show what it says; errors are shown, never raised."""
    try:
        if outcome.regions:
            host.receive(outcome.result, outcome.regions)
        host.tell(action.label, outcome)
    except Exception as error:  # noqa: BLE001 (as in `trigger`)
        host.failed(action, error)
