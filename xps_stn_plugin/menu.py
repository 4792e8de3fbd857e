"""Menu actions for host applications; they know nothing of the host."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, cast

from xps_prefit_hooks import MenuAction, MenuOutcome, MenuRequest, PrefitError

if TYPE_CHECKING:
    from .api import PrefitResult


def menu_actions() -> list[MenuAction]:
    """Actions of this package."""
    from .core.plugins import plugin_manager

    return [
        MenuAction(
            "prefit",
            "Prefit selection...",
            "Find the shift and the functional groups, and seed a model of every region",
            True,
            _prefit,
            form=True,
        ),
        MenuAction(
            "send_seed",
            "Send seed to Fit panel",
            "Open the seeded models with start values, bounds and ties where this application fits",
            True,
            _send_seed,
        ),
        MenuAction(
            "calibrated_copy",
            "Write calibrated copy...",
            "Write the spectrum on the corrected axis to a new HDF5 file; the original stays as it is",
            True,
            _calibrated_copy,
            ".nxs",
        ),
        MenuAction(
            "export",
            "Export...",
            "Write what was found in a format of your choice, other fitting programs' among them",
            True,
            _export,
            ".json",
            {exporter.suffix: exporter.description for exporter in plugin_manager().exporters()},
        ),
        MenuAction(
            "batch",
            "Batch folder...",
            "Prefit and fit all spectra of a folder: table, contact sheet, HDF5 store; may be stopped and goes on",
            False,
            _batch,
            needs_folder=True,
        ),
        MenuAction("about_model", "About the model", "Show which network is used and how it was made", False, _about),
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
    result = _result(request)
    found = ", ".join(name for name, probability in result.prediction.groups.items() if probability > 0.5) or "none"
    return MenuOutcome(f"{result.source}: {result.shift_text} ({result.status}). Groups: {found}.", result)


def _send_seed(request: MenuRequest) -> MenuOutcome:
    result = _result(request)
    regions = tuple(sorted(result.seeds, key=lambda region: region != "C1s"))
    if not regions:
        raise PrefitError(result.source, " ".join(("there is no seeded model for any region.", *result.reasons)))
    text = f"{result.source}: {result.shift_text} ({result.status}). Seeded models: {', '.join(regions)}."
    return MenuOutcome(text, result, regions=regions)


def _calibrated_copy(request: MenuRequest) -> MenuOutcome:
    from .export.calibrated_copy import write_calibrated_copy

    def write(result: PrefitResult, path: Path) -> str:
        write_calibrated_copy(result, path, overwrite=_agreed(request))
        return f"{result.source}: {result.shift_text} taken off, written to {path}."

    return _written(request, write)


def _export(request: MenuRequest) -> MenuOutcome:
    def write(result: PrefitResult, path: Path) -> str:
        result.fitted().save(path, overwrite=_agreed(request))
        return f"{result.source}: {result.shift_text} ({result.status}), written to {path}."

    return _written(request, write)


def _written(request: MenuRequest, write: Callable[[PrefitResult, Path], str]) -> MenuOutcome:
    """Write one file, or one for each sample of the selection, whose name then ends in that of the sample."""
    from .api import checked_spectra, prefit_with
    from .core.plugins import plugin_manager
    from .core.samples import sample_path
    from .settings import settings_of

    out = _out(request)
    if request.result is not None or request.spectrum is None:
        result = _result(request)
        return MenuOutcome(write(result, out), result, (out,))
    settings = settings_of(**vars(request.settings))
    spectra = checked_spectra(request.spectrum, settings)
    results = [prefit_with(spectrum, settings) for spectrum in spectra]
    names = [""] if len(results) == 1 else [str(spectrum.attrs["sample"]) for spectrum in spectra]
    # ".lg4x.dat" is one suffix.
    known = [exporter.suffix for exporter in plugin_manager().exporters() if out.name.lower().endswith(exporter.suffix)]
    suffix = max(known, key=len, default=out.suffix)
    paths = [sample_path(out, sample, suffix) if sample else out for sample in names]
    messages = [write(result, path) for result, path in zip(results, paths, strict=True)]
    return MenuOutcome(" ".join(messages), results[0], tuple(paths))


def _batch(request: MenuRequest) -> MenuOutcome:
    from .batch import run_batch
    from .settings import settings_of

    if request.folder is None:
        raise PrefitError("selection", "there is no folder to work on; name one.")
    report = run_batch(
        [request.folder],
        _out(request),
        settings_of(**vars(request.settings)),
        overwrite=request.overwrite,
        progress=request.progress,
        cancelled=request.cancelled,
    )
    return MenuOutcome(report.text, files=report.files)


def _about(request: MenuRequest) -> MenuOutcome:
    return MenuOutcome(f"xps-stn-plugin {version('xps-stn-plugin')}", details=model_cards())


def _result(request: MenuRequest) -> PrefitResult:
    from .api import prefit_with
    from .settings import settings_of

    if request.result is not None:
        return cast("PrefitResult", request.result)
    if request.spectrum is None:
        raise PrefitError("selection", "nothing is selected; select a spectrum first.")
    # Hosts make settings from dialogs: they are checked here as those of a script are.
    return prefit_with(request.spectrum, settings_of(**vars(request.settings)))


def _agreed(request: MenuRequest) -> tuple[Path, ...]:
    """Files that the user lets be replaced: the one that was named, and none beside it."""
    return (_out(request),) if request.overwrite else ()


def _out(request: MenuRequest) -> Path:
    if request.out is None:
        raise PrefitError("selection", "there is no place to write to; name a file.")
    return request.out
