"""Many files: each, or each series of them, is prefitted once and filed; the outputs are made from what is filed."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xps_prefit_hooks import PrefitError, Settings

from .._util.names import name_key
from .._util.progress import Progress, never, nothing
from ..stacks import Share
from .cache_key import content_digest, work_identity, work_key
from .engines import engine_for
from .entry import Entry
from .grouping import Piece, pieces_of, statuses_of, with_reason
from .inputs import find_inputs
from .outputs import SHEET, STORE, SUMMARY
from .record import Record, decode
from .records import Records
from .results import check_outputs, provenance, write_results
from .tally import STATUSES, Tally, counts_text
from .tasks import Task
from .written import digest_of, note_written, written_before


@dataclass(frozen=True)
class BatchReport:
    """What a batch did.

    Parameters
    ----------
    total : int
        Number of files to work on.
    ok, uncertain, out_of_domain, failed : int
        Number of files with each status; together all that are finished. A file of a series has the status of its
        spectrum, one with a stack that of most of its spectra.
    reused : int
        Those of them that were finished by an earlier run.
    interrupted : bool
        Whether it was stopped before all were finished; the same call goes on.
    files : tuple of Path
        What was written: summary, store, contact sheet, and the JSON files' folder if asked for.
    seconds : float
        How long it took.
    """

    total: int
    ok: int
    uncertain: int
    out_of_domain: int
    failed: int
    reused: int
    interrupted: bool
    files: tuple[Path, ...]
    seconds: float

    @property
    def finished(self) -> int:
        """Number of files that are finished."""
        return self.ok + self.uncertain + self.out_of_domain + self.failed

    @property
    def text(self) -> str:
        """The report in a sentence or two for people."""
        counts = {status: getattr(self, status) for status in STATUSES}
        text = f"{self.finished} of {self.total} spectra: {counts_text(counts)} ({self.seconds:.1f} s"
        text += f", {self.reused} done before)." if self.reused else ")."
        return f"{text} Interrupted: the same command goes on." if self.interrupted else text


@dataclass(frozen=True)
class _Item:
    """A piece of work, its name in the outputs, and what its record is filed under; without it, why there is none."""

    piece: Piece
    name: str
    key: str | None
    reason: str = ""


def run_batch(
    paths: Iterable[str | Path],
    out: str | Path,
    settings: Settings,
    *,
    fit: bool = True,
    resume: bool = True,
    jobs: int = 1,
    scheduler: str | None = None,
    json: bool = False,
    timeout: float | None = None,
    overwrite: bool = False,
    share: Share = "none",
    progress: Progress = nothing,
    cancelled: Callable[[], bool] = never,
) -> BatchReport:
    """Prefit many files.

    A file that fails becomes a row with its reason. Each finished file is on the disk before the next one counts as
    done; a run that was killed goes on where it was. Results are kept by the files' content and the settings.

    Parameters
    ----------
    paths : iterable of path
        Files, folders and patterns; see `find_inputs`.
    out : path
        Folder for the results; it is made where it is missing.
    settings : Settings
        From `xps_stn_plugin.settings.settings_of`.
    fit : bool
        Whether models are seeded and fitted; without, the network alone is asked for shift and groups.
    resume : bool
        Whether results of earlier runs in `out` are taken where file and settings are the same.
    jobs : int
        Number of processes; with one, and without `timeout`, the work is done in this one.
    scheduler : str, optional
        Address of a Dask scheduler whose workers do it, instead of processes here.
    json : bool
        Whether to write a JSON file for each input, too; not of stacks of more than 10 000 spectra.
    timeout : float, optional
        Longest time in seconds for one file (for n files of a series n times as long), kept by ending the process that
        works on it; the file has failed then. Not with `scheduler`.
    overwrite : bool
        Whether files of these names in `out` are replaced that this package did not write, or that were changed since.
        Files to work on never are.
    share : {"none", "shift", "components"}
        What the spectra of a stack (a depth profile, a map) have in common. Files with single spectra that lie in one
        folder and were measured alike are a series, too, in natural order; see ``xps_stn_plugin.batch.grouping``.
    progress : callable
        ``progress(done, total, text)`` is told of every finished file, with counts, rate and time left as text. The
        files of a series are finished together.
    cancelled : callable
        Asked between files whether to stop.

    Returns
    -------
    BatchReport

    Raises
    ------
    PrefitError
        If there is nothing to work on, or the results cannot be written: no space, a read-only folder, another batch
        that writes to it; or several processes cannot work: packages are missing, the scheduler does not answer, its
        workers have other versions.
    """
    began = time.monotonic()
    # What is asked of components says nothing where there are none.
    share = "none" if share == "components" and not fit else share
    identity = work_identity(settings, fit, share)
    engine = engine_for(jobs, scheduler, identity, timeout)
    out = Path(out)
    files = find_inputs(paths, out)
    _refuse_measured(files, [out / name for name in (SUMMARY, SHEET, STORE)])
    check_outputs(out, as_json=json, overwrite=overwrite, inputs=files)
    tally = Tally(len(files), progress)
    with Records(out) as records:
        tally.say("looking at the files")
        items = _items(files, settings, share, identity)
        todo = _unfinished(items, records if resume else None, fit, timeout, tally)
        tasks = [Task(key, paths, settings, fit, share) for key, paths in todo.items()]
        tally.start()
        interrupted = False
        copies = Counter(item.key for item in items)
        try:
            with closing(engine(tasks)) as finished:
                # Asked before the first one, too.
                while not (interrupted := cancelled()) and (result := next(finished, None)) is not None:
                    task, data = result
                    records.put(task.key, data)
                    statuses = statuses_of(decode(data), len(task.paths), fit)
                    tally.finish({status: number * copies[task.key] for status, number in statuses.items()})
        except KeyboardInterrupt:
            interrupted = True
        digest = digest_of([[item.name, item.piece.source, item.piece.alone, item.key, item.reason] for item in items])
        digest = digest_of([digest, provenance(identity), identity, json])
        written = None if tasks else written_before(out, digest)
        if written is None:
            tally.say("writing the results")
            written = write_results(
                out, _Entries(items, records), settings, identity, as_json=json, overwrite=overwrite, inputs=files
            )
            if not interrupted:
                note_written(out, digest, written)
        for item in items:
            record = records.get(item.key) if item.name in written.failed and item.key is not None else None
            if record is not None:
                statuses = statuses_of(record, len(item.piece.paths), fit)
                tally.counts.subtract(statuses)
                tally.counts["failed"] += statuses.total()
    return BatchReport(
        total=len(files),
        ok=tally.counts["ok"],
        uncertain=tally.counts["uncertain"],
        out_of_domain=tally.counts["out_of_domain"],
        failed=tally.counts["failed"],
        reused=tally.reused,
        interrupted=interrupted,
        files=written.files,
        seconds=time.monotonic() - began,
    )


def _unfinished(
    items: Sequence[_Item], records: Records | None, fit: bool, timeout: float | None, tally: Tally
) -> dict[str, tuple[Path, ...]]:
    """Files by the key of what is to be done, each once; count what is finished already."""
    todo: dict[str, tuple[Path, ...]] = {}
    for item in items:
        paths = item.piece.paths
        if item.key is None:
            tally.finish({"failed": len(paths)})
        elif item.key not in todo:
            record = records.get(item.key) if records is not None else None
            if record is not None and record.final and not _has_more_time(record, timeout):
                for status in statuses_of(record, len(paths), fit).elements():
                    tally.reuse(status)
            else:
                todo[item.key] = paths
    return todo


def _items(files: Sequence[Path], settings: Settings, share: Share, identity: Mapping[str, Any]) -> list[_Item]:
    items: list[_Item] = []
    numbers: dict[str, int] = {}
    keys: set[str] = set()
    for piece in pieces_of(files, settings, share):
        name = piece.stem
        # Some file systems do not tell small letters from capital ones.
        while name_key(name) in keys:
            numbers[piece.stem] = numbers.get(piece.stem, 1) + 1
            name = f"{piece.stem}_{numbers[piece.stem]}"
        keys.add(name_key(name))
        contents = []
        for path in piece.paths:
            try:
                contents.append((content_digest(path), path.name))
            except OSError as error:
                which = "the file" if len(piece.paths) == 1 else path.name
                items.append(_Item(piece, name, None, f"{which} cannot be opened ({error.strerror or error})."))
                break
        else:
            items.append(_Item(piece, name, work_key(contents, identity)))
    return items


def _has_more_time(record: Record, timeout: float | None) -> bool:
    """Whether a file that took too long before has more time now."""
    return record.limit is not None and (timeout is None or timeout > record.limit)


def _refuse_measured(files: Sequence[Path], outputs: Sequence[Path]) -> None:
    """Refuse to write over a file that is to be read."""
    taken = {path.resolve() for path in files}
    for path in outputs:
        if path.resolve() in taken:
            raise PrefitError(str(path), "is a file to work on and a name of the results; choose another folder.")


class _Entries(Iterable[Entry]):
    """What is finished, in the order of the inputs, read from the records whenever it is asked for."""

    def __init__(self, items: Sequence[_Item], records: Records) -> None:
        self._items = items
        self._records = records

    def __iter__(self) -> Iterator[Entry]:
        for item in self._items:
            record = Record(reason=item.reason) if item.key is None else self._records.get(item.key)
            if record is not None:
                yield Entry(item.name, item.piece.source, with_reason(record, item.piece.alone))
