"""Everything that a batch writes for people and programs, made from the finished files without any new work."""

from __future__ import annotations

import json
import logging
import platform
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from xps_prefit_hooks import PrefitError, Settings

from ..files import write_text
from .entry import Entry
from .outputs import JSON_FOLDER, SHEET, STORE, SUMMARY, is_own_file
from .sheet import write_sheet
from .stack_document import MOST, dumps, stack_document
from .store import write_store
from .summary import rows_of, write_summary

_log = logging.getLogger(__name__)

#: Packages whose versions may move a number in its last digits.
_PACKAGES: Final = ("xps-stn-plugin", "numpy", "scipy", "lmfit", "torch", "xarray", "h5py")


def write_results(
    out: Path, entries: Iterable[Entry], settings: Settings, identity: Mapping[str, Any], *, as_json: bool = False
) -> tuple[Path, ...]:
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

    Returns
    -------
    tuple of Path
        What was written.

    Raises
    ------
    PrefitError
        If a file cannot be written. What people need most is written first.
    """
    rows = [row for entry in entries for row in rows_of(entry, settings.reference, identity["fit"])]
    written = [out / SUMMARY, out / SHEET, out / STORE]
    write_summary(written[0], rows)
    write_sheet(written[1], entries, rows)
    if as_json:
        written.append(out / JSON_FOLDER)
        _write_documents(written[-1], entries)
    provenance = {
        "settings": json.dumps(identity["settings"], sort_keys=True),
        "fitted": "yes" if identity["fit"] else "no",
        "weights": json.dumps(identity["weights"]),
        "plugins": json.dumps(identity["plugins"]),
        "python": platform.python_version(),
        **{package.replace("-", "_"): version(package) for package in _PACKAGES},
    }
    write_store(written[2], entries, rows, provenance)
    return tuple(written)


def _document(entry: Entry) -> str | None:
    """Text of the JSON of an input; None where nothing came of it, or there is too much of it."""
    stack = entry.record.stack
    if stack is not None:
        document = stack_document(stack, entry.source)
        if document is None:
            _log.warning("%s has more than %d spectra, too many for JSON; they are in the store.", entry.source, MOST)
        return None if document is None else dumps(document)
    document = entry.document()
    return None if document is None else json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _write_documents(folder: Path, entries: Iterable[Entry]) -> None:
    """Write a JSON file for each spectrum; what earlier runs left there of spectra that are not among them goes."""
    try:
        folder.mkdir(exist_ok=True)
        left = set(folder.glob("[!.]*.json"))
        for entry in entries:
            text = _document(entry)
            if text is not None:
                path = folder / f"{entry.name}.json"
                write_text(path, text)
                left.discard(path)
        for path in left:
            if is_own_file(path):
                path.unlink()
    except OSError as error:
        raise PrefitError(str(folder), f"cannot be written: {error.strerror or error}.") from error
