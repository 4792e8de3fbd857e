"""Files of a batch that are a series: single spectra of one folder, measured alike, that share something.

A depth profile of forty levels often comes as forty files. Where spectra are to share a shift or their components, each
file is looked at once before the work, for its regions, axes and settings; the spectra are read again by whoever works.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import nan
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from xps_prefit_hooks import Settings

from .._util.names import output_name
from .._util.printable import printable
from ..stacks import Share
from .entry import Entry
from .record import Record
from .summary import rows_of

if TYPE_CHECKING:
    import xarray as xr

    from ..readers.merge_blocks import Manner

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Piece:
    """One unit of work: a file, or the files of a series.

    Parameters
    ----------
    paths : tuple of Path
        One file, or the files of a series in order.
    source : str
        What it is called in the results: the file, or the folder of the series.
    stem : str
        What its name in the outputs is made of.
    alone : str
        Why a single spectrum shares nothing, in a sentence; empty where it has not been asked to, or is not one.
    """

    paths: tuple[Path, ...]
    source: str
    stem: str
    alone: str = ""


def pieces_of(files: Sequence[Path], settings: Settings, share: Share) -> list[Piece]:
    """Find out which files go together.

    Parameters
    ----------
    files : sequence of Path
        In natural order.
    settings : Settings
        The photon energy decides how files are read.
    share : {"none", "shift", "components"}
        With "none" each file is by itself, and none is read.

    Returns
    -------
    list of Piece
        Each file once, and each series where its first file is.
    """
    if share == "none":
        return [_single(path) for path in files]
    folders: dict[Path, list[Path]] = {}
    for path in files:
        folders.setdefault(path.parent.resolve(), []).append(path)
    pieces = [piece for inside in folders.values() for piece in _in_folder(inside, settings, share)]
    order = {path: number for number, path in enumerate(files)}
    return sorted(pieces, key=lambda piece: order[piece.paths[0]])


def labels_of(paths: Sequence[Path]) -> list[str]:
    """Labels of the files of a series: their names, with the suffix where two are alike without it.

    Nothing else decides them, so that a series has the same ones whatever other files there are.
    """
    stems = [printable(path.stem) for path in paths]
    return stems if len(set(stems)) == len(stems) else _names(paths)


def _names(paths: Sequence[Path]) -> list[str]:
    """Names of files as text; of some that differ only in bytes that are not UTF-8, with their numbers."""
    names = [printable(path.name) for path in paths]
    return names if len(set(names)) == len(names) else [f"{name} ({n})" for n, name in enumerate(names, start=1)]


def read_series(paths: Sequence[Path], settings: Settings) -> xr.DataTree:
    """Read the files of a series as one stack, without a word of their folder.

    Raises
    ------
    PrefitError
        If one cannot be read, or was measured in another manner than the first.
    """
    from ..api import checked_spectrum
    from ..stacks.concat import joined

    spectra = ((label, checked_spectrum(path, settings)) for label, path in zip(labels_of(paths), paths, strict=True))
    return joined(spectra, series_name(paths))


def series_name(paths: Sequence[Path]) -> str:
    """Name a series without its folder."""
    return f"{printable(paths[0].name)} and {len(paths) - 1} more"


def statuses_of(record: Record, files: int, fit: bool) -> Counter[str]:
    """Count the files of a piece of work by status: those of a series each have the status of their spectrum.

    Parameters
    ----------
    record : Record
    files : int
        How many files it is of.
    fit : bool
        Whether fits were asked for.
    """
    if files == 1 or record.stack is None:
        return Counter({record.status: files})
    status_of: dict[str, str] = {}
    for row in rows_of(Entry("", "", record), nan, fit):
        # As with single files, a fit that failed is a file that failed; so is one without a measurement.
        if row.status in ("failed", "no_data") or row.place not in status_of:
            status_of[row.place] = "failed" if row.status == "no_data" else row.status
    return Counter(status_of.values())


def with_reason(record: Record, sentence: str) -> Record:
    """Add a sentence to the reasons of a single spectrum; it depends on other files, so that it is not filed."""
    if not sentence or record.report is None:
        return record
    return replace(record, report=msgspec.structs.replace(record.report, reasons=(*record.report.reasons, sentence)))


@dataclass(frozen=True, eq=False)
class _FileGroup:
    """Files with the same acquisition settings."""

    acquisition: Mapping[str, Manner]
    paths: list[Path] = field(default_factory=list)


def _single(path: Path, note: str = "") -> Piece:
    return Piece((path,), str(path), output_name(path.stem), note)


def _in_folder(files: Sequence[Path], settings: Settings, share: Share) -> list[Piece]:
    """Pieces of the files of one folder."""
    unshared = f"The file holds a single spectrum, which cannot share its {share} with others"
    if len(files) == 1:
        return [_single(files[0], f"{unshared}.")]
    groups, ungrouped = _grouped(files, settings)
    series = [group for group in groups if len(group.paths) > 1]
    pieces = [_single(path, f"{unshared}.") for path in ungrouped]
    folder = _named(files[0].parent)
    for group in series:
        first, last = group.paths[0].name, group.paths[-1].name
        source = str(folder) if len(series) == 1 else f"{folder}: {first} to {last}"
        pieces.append(Piece(tuple(group.paths), source, output_name(folder.name or "series")))
    longest = max(series, key=lambda group: len(group.paths), default=None)
    for group in groups:
        if len(group.paths) == 1:
            pieces.append(_single(group.paths[0], f"{unshared}{_exclusion_reason(group, longest, len(groups))}."))
    return pieces


def _grouped(files: Iterable[Path], settings: Settings) -> tuple[list[_FileGroup], list[Path]]:
    """Put files with single spectra together that were measured alike; the others are stacks, or cannot be read."""
    from ..api import checked_spectrum
    from ..stacks.concat import apart, manners_of

    groups: list[_FileGroup] = []
    ungrouped: list[Path] = []
    for path in files:
        try:
            spectrum = checked_spectrum(path, settings)
        except Exception as error:  # noqa: BLE001 (the work on it will come to the same, and makes a row of it)
            _log.debug("%s belongs to no series: it cannot be read", path, exc_info=error)
            ungrouped.append(path)
            continue
        if any(region["counts"].ndim > 1 for region in spectrum.children.values()):
            ungrouped.append(path)
            continue
        acquisition = manners_of(spectrum)
        group = next((group for group in groups if not apart(group.acquisition, acquisition)), None)
        if group is None:
            groups.append(group := _FileGroup(acquisition))
        group.paths.append(path)
    return groups, ungrouped


def _exclusion_reason(group: _FileGroup, longest: _FileGroup | None, kinds: int) -> str:
    """Explain why a file does not belong to the series beside it, or to one with the other files."""
    from ..stacks.concat import apart

    if longest is not None:
        difference = apart(longest.acquisition, group.acquisition)
        return f"; it does not belong to the series of {len(longest.paths)} files in its folder: {difference}"
    return "" if kinds == 1 else ": no other file there has the same acquisition settings"


def _named(folder: Path) -> Path:
    """Folder by a path that has its name in it, which "." has not."""
    return folder if folder.name not in ("", "..") else folder.resolve()
