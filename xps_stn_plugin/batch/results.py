"""Outputs of a batch, made from the records of finished files."""

from __future__ import annotations

import errno
import json
import logging
import os
import platform
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import Any, Final

from xps_prefit_hooks import PrefitError, Settings

from .._util.files import check_target, write_json
from .._util.marks import origin
from ..core.charge_references import named_reference
from ..export.json_export import text_of
from .contact_sheet import write_sheet
from .entry import Entry
from .outputs import JSON_FOLDER, SHEET, STORE, SUMMARY, is_own_file
from .record import Record
from .stack_document import MOST, dumps, stack_document
from .store import write_store
from .summary import Row, rows_of, write_summary
from .written import Written

_log = logging.getLogger(__name__)

#: Errors of the system that are of no one file.
_OF_DISK: Final = frozenset(
    getattr(errno, name) for name in ("ENOSPC", "EDQUOT", "EROFS", "EIO", "EFBIG") if hasattr(errno, name)
)

#: Packages whose versions may move a number in its last digits.
_PACKAGES: Final = ("xps-stn-plugin", "numpy", "scipy", "lmfit", "torch", "xarray", "h5py")


@dataclass
class _Outputs(Iterable[Entry]):
    """Finished files; a spectrum whose output cannot be written counts as failed.

    Parameters
    ----------
    entries : iterable of Entry
    failures : dict of str to str
        Why, by the spectrum's name.
    """

    entries: Iterable[Entry]
    failures: dict[str, str] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Entry]:
        for entry in chain.from_iterable(entry_of_file.parts() for entry_of_file in self.entries):
            reason = self.failures.get(entry.name)
            yield entry if reason is None else replace(entry, record=Record(reason=reason))

    def failed(self, entry: Entry, output: str, error: Exception) -> None:
        """Note that an output of a spectrum cannot be written."""
        text = str(error) if isinstance(error, PrefitError) else f"unexpected {type(error).__name__}: {error}"
        self.failures.setdefault(entry.name, f"Its {output} cannot be written: {' '.join(text.split())}")
        _log.debug("%s: the %s cannot be written", entry.source, output, exc_info=error)


def write_results(
    out: Path,
    entries: Iterable[Entry],
    settings: Settings,
    identity: Mapping[str, Any],
    *,
    as_json: bool = False,
    overwrite: bool = False,
    inputs: Sequence[Path] = (),
) -> Written:
    """Write summary, contact sheet, store, and on request a JSON file for each spectrum.

    Parameters
    ----------
    out : Path
        Folder for the results.
    entries : iterable of Entry
        What is finished, in the order of the inputs; gone through several times.
    settings : Settings
    identity : mapping
        From `work_identity`; goes into the store.
    as_json : bool
        Whether to write JSON files.
    overwrite : bool
        Whether files are replaced that this package did not write, or that were changed since.
    inputs : sequence of Path
        Files that are never replaced.

    Returns
    -------
    Written
        With the names of the spectra that have no output because it cannot be written; the summary says why.

    Raises
    ------
    PrefitError
        If a file of all spectra cannot be written, or the disk is full. What people need most is written first.
    """
    outputs = _Outputs(entries)
    written = [out / SUMMARY, out / SHEET, *([out / JSON_FOLDER] if as_json else []), out / STORE]
    target, versions = _Target(overwrite, inputs), provenance(identity)
    while True:
        failure_count = len(outputs.failures)
        rows = list(_rows(outputs, settings, identity))
        write_summary(out / SUMMARY, rows, overwrite=overwrite, inputs=inputs)
        write_sheet(out / SHEET, outputs, rows, outputs.failed, overwrite=overwrite, inputs=inputs)
        if as_json:
            _write_documents(out / JSON_FOLDER, outputs, target)
        write_store(out / STORE, outputs, rows, versions, outputs.failed, overwrite=overwrite, inputs=inputs)
        if len(outputs.failures) == failure_count:
            return Written(tuple(written), frozenset(outputs.failures))
        # Once more, so that all say the same of a spectrum that failed.


def check_outputs(out: Path, *, as_json: bool, overwrite: bool, inputs: Sequence[Path]) -> None:
    """Refuse to begin where the outputs of all spectra could not be written in the end.

    Raises
    ------
    PrefitError
        As `xps_stn_plugin._util.files.check_target`.
    """
    for name in (SUMMARY, SHEET, STORE):
        check_target(out / name, overwrite=overwrite, inputs=inputs)
    folder = out / JSON_FOLDER
    if as_json and os.path.lexists(folder) and (folder.is_symlink() or not folder.is_dir()):
        raise PrefitError(str(folder), "is a file or a link; the JSON files need a folder of this name.")


@dataclass(frozen=True)
class _Target:
    """Files that may be replaced; see `xps_stn_plugin._util.files.check_target`."""

    overwrite: bool
    inputs: Sequence[Path]


def _rows(outputs: _Outputs, settings: Settings, identity: Mapping[str, Any]) -> Iterator[Row]:
    named = named_reference(settings.calibrate_on)
    calibrated_on = "" if named is None else named.text
    for entry in outputs:
        try:
            rows = rows_of(entry, settings.reference, identity["fit"], settings.reference_at, calibrated_on)
        except Exception as error:  # noqa: BLE001 (one spectrum must not cost the others their results)
            outputs.failed(entry, "row of the summary", error)
            rows = [Row(entry.source, reference=settings.reference, reasons=(outputs.failures[entry.name],))]
        yield from rows


def provenance(identity: Mapping[str, Any]) -> dict[str, str]:
    """Name settings and versions as the store does."""
    return {
        "settings": json.dumps(identity["settings"], sort_keys=True),
        "fitted": "yes" if identity["fit"] else "no",
        "weights": json.dumps(identity["weights"]),
        "plugins": json.dumps(identity["plugins"]),
        "python": platform.python_version(),
        **{package.replace("-", "_"): version(package) for package in _PACKAGES},
    }


def _document(entry: Entry) -> str | None:
    """Text of the JSON of an input; None where nothing came of it, or there is too much of it."""
    stack = entry.record.stack
    if stack is not None:
        document = stack_document(stack, entry.source)
        if document is None:
            _log.warning("%s has more than %d spectra, too many for JSON; they are in the store.", entry.source, MOST)
        return None if document is None else dumps(document)
    report = entry.report()
    return None if report is None else text_of(report)


def _write_documents(folder: Path, outputs: _Outputs, target: _Target) -> None:
    """Write a JSON file for each spectrum; what earlier runs left there of spectra that are not among them goes."""
    try:
        folder.mkdir(exist_ok=True)
        stale = set(folder.glob("[!.]*.json"))
        for entry in outputs:
            path = folder / f"{entry.name}.json"
            try:
                text = _document(entry)
                if text is not None:
                    write_json(path, text, overwrite=target.overwrite, inputs=target.inputs, durable=False)
            except Exception as error:
                if _is_of_disk(error):
                    raise
                outputs.failed(entry, "JSON", error)
            else:
                if text is None:
                    continue
            stale.discard(path)
        for path in stale:
            # What somebody has changed since is theirs.
            if is_own_file(path) and not path.is_symlink() and origin(path) == "unchanged":
                path.unlink()
    except OSError as error:
        raise PrefitError(str(folder), f"cannot be written: {error.strerror or error}.") from error


def _is_of_disk(error: BaseException | None) -> bool:
    """Whether an error is of the disk, which all files share, and not of one file."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _OF_DISK:
            return True
        error = error.__cause__
    return False
