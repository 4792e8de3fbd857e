"""Menu actions for host applications; they know nothing of the host."""

from __future__ import annotations

from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from xps_prefit_hooks import MenuAction, MenuOutcome, MenuRequest, PrefitError

if TYPE_CHECKING:
    from .result import PrefitResult


def menu_actions() -> list[MenuAction]:
    """Actions of this package."""
    return [
        MenuAction(
            "prefit",
            "Prefit selection",
            "Find the shift and the functional groups, and seed and fit a model of every region",
            True,
            _prefit,
        ),
        MenuAction(
            "calibrated_copy",
            "Write calibrated copy",
            "Write the spectrum on the corrected axis to a new HDF5 file; the original stays as it is",
            True,
            _calibrated_copy,
            ".nxs",
        ),
        MenuAction(
            "seed",
            "Write seeded models",
            "Write the seeded lmfit parameters of every region as JSON",
            True,
            _seed,
            ".json",
        ),
        MenuAction("about_model", "About the network", "Show which network is used and how it was made", False, _about),
    ]


def model_cards() -> str:
    """Text of the model cards that come with the weights.

    Raises
    ------
    PrefitError
        If there is none.
    """
    cards = sorted(
        (entry for entry in files("xps_stn_weights").iterdir() if entry.name.endswith(".md")),
        key=lambda card: card.name,
    )
    if not cards:
        raise PrefitError("weights", "no model card is installed; install the package again.")
    return "\n\n".join(card.read_text(encoding="utf-8").strip() for card in cards)


def _prefit(request: MenuRequest) -> MenuOutcome:
    result = _result(request).fitted()
    written: tuple[Path, ...] = ()
    if request.out is not None:
        result.save(request.out)
        written = (request.out,)
    found = ", ".join(name for name, probability in result.prediction.groups.items() if probability > 0.5) or "none"
    return MenuOutcome(f"{result.source}: {result.shift_text} ({result.status}). Groups: {found}.", result, written)


def _calibrated_copy(request: MenuRequest) -> MenuOutcome:
    from .export.calibrated_copy import write_calibrated_copy

    result = _result(request)
    out = _out(request)
    write_calibrated_copy(result, out)
    return MenuOutcome(f"{result.source}: {result.shift_text} taken off, written to {out}.", result, (out,))


def _seed(request: MenuRequest) -> MenuOutcome:
    from .export.seeds import write_seeds

    result = _result(request)
    out = _out(request)
    write_seeds(result, out)
    regions = ", ".join(result.seeds)
    return MenuOutcome(f"{result.source}: seeded models of {regions} written to {out}.", result, (out,))


def _about(request: MenuRequest) -> MenuOutcome:
    return MenuOutcome(f"xps-stn-plugin {version('xps-stn-plugin')}\n\n{model_cards()}")


def _result(request: MenuRequest) -> PrefitResult:
    from .settings import settings_of
    from .workflow import prefit_with

    if request.spectrum is None:
        raise PrefitError("selection", "nothing is selected; select a spectrum first.")
    # Hosts make settings from dialogs: they are checked here as those of a script are.
    return prefit_with(request.spectrum, settings_of(**vars(request.settings)))


def _out(request: MenuRequest) -> Path:
    if request.out is None:
        raise PrefitError("selection", "there is no place to write to; name a file.")
    return request.out
