"""Work on one file or one series of files, from paths to record; it runs in whichever process it is sent to."""

from __future__ import annotations

import logging
import math
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from xps_prefit_hooks import PrefitError, Seed, Settings

from .._util.printable import printable
from ..stacks import Share
from .grouping import read_series, series_name
from .record import ParameterRecord, Record, RegionRecord, encode
from .stacks import stack_record

if TYPE_CHECKING:
    import xarray as xr
    from lmfit.model import ModelResult

    from ..api import PrefitResult

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Task:
    """Work on one file or one series: plain values, so that it can be sent to another process or machine.

    Parameters
    ----------
    key : str
        What the result is filed under.
    paths : tuple of Path
        One file, or the files of a series in order.
    settings : Settings
    fit : bool
        Whether models are seeded and fitted; without, the network alone is asked.
    share : {"none", "shift", "components"}
        What the spectra of a stack or a series have in common.
    """

    key: str
    paths: tuple[Path, ...]
    settings: Settings
    fit: bool
    share: Share = "none"


def prefit_task(task: Task) -> bytes:
    """Prefit one file or one series and return its record as bytes; an error becomes a record, too."""
    return encode(make_record(task.paths, task.settings, task.fit, task.share))


def make_record(paths: Sequence[Path], settings: Settings, fit: bool, share: Share = "none") -> Record:
    """Prefit one file, or the files of a series as one stack.

    Parameters
    ----------
    paths : sequence of Path
        One file, or the files of a series in order.
    settings : Settings
    fit : bool
        Whether models are seeded and fitted; without, the network alone is asked.
    share : {"none", "shift", "components"}
        What the spectra of a stack or a series have in common.

    Returns
    -------
    Record
        With a reason where the work failed; the files' folder is not in it, so that what was moved keeps its record.
    """
    from ..api import checked_spectra

    try:
        if len(paths) > 1:
            return Record(stack=stack_record(read_series(paths, settings), settings, fit, share))
        (path,) = paths
        spectra = checked_spectra(path, settings)
        if len(spectra) == 1:
            return _record_of_sample(spectra[0], path, settings, fit, share)
        samples = {}
        for spectrum in spectra:
            try:
                record = _record_of_sample(spectrum, path, settings, fit, share)
            except PrefitError as error:
                record = Record(reason=_sentence(error, paths), final=_is_expected(error))
            samples[str(spectrum.attrs["sample"])] = record
        return Record(samples=samples, final=all(record.final for record in samples.values()))
    except Exception as error:  # noqa: BLE001 (one bad file must not cost a night's work; the record keeps the traceback)
        is_expected = _is_expected(error)
        details = "" if is_expected else _traceback(error, paths[0])
        return Record(reason=_sentence(error, paths), final=is_expected, details=details)


def _record_of_sample(spectrum: xr.DataTree, path: Path, settings: Settings, fit: bool, share: Share) -> Record:
    """Prefit one spectrum or stack of a file."""
    from ..api import prefit_checked

    if any(child["counts"].ndim > 1 for child in spectrum.children.values()):
        spectrum.attrs["source"] = printable(str(spectrum.attrs["source"]).replace(str(path), path.name))
        return Record(stack=stack_record(spectrum, settings, fit, share))
    return _record_of(prefit_checked(spectrum, settings), path, fit)


def _record_of(result: PrefitResult, path: Path, fit: bool) -> Record:
    from ..export.make_report import report_of

    seeds: dict[str, Seed] = {}
    fits: dict[str, ModelResult] = {}
    failures: dict[str, str] = {}
    details = []
    # Seeding takes longer than fitting: without a fit, shift and groups are all that is asked for.
    for region in result.spectrum.children if fit else ():
        try:
            seed = result.seeds.get(region)
            if seed is None:
                continue
            seeds[region] = seed
            fits[region] = fitted = result.fit(region)
            if not fitted.success:
                failures[region] = f"The fit failed: {fitted.message.removeprefix('The fit failed: ')}"
        except Exception as error:  # noqa: BLE001 (the other regions are still worth having)
            failures[region] = _sentence(error, [path])
            if not _is_expected(error):
                details.append(_traceback(error, path))
    # Evidence costs more than all the rest and is for looking at one spectrum.
    report = report_of(replace(result, seeds=seeds, fits=fits, evidence={}))
    noted = {
        name: msgspec.structs.replace(region, notes=tuple(dict.fromkeys((*region.notes, failures[name]))))
        for name, region in report.regions.items()
        if name in failures
    }
    report = msgspec.structs.replace(
        report,
        source="",
        reasons=tuple(reason.replace(str(path), path.name) for reason in report.reasons),
        regions={**report.regions, **noted},
    )
    regions = {
        name: _region(
            result.axis[name].to_dataset(),
            result.spectrum[name].to_dataset(),
            [component.name for component in report.regions[name].components],
            seeds.get(name),
            fits.get(name),
        )
        for name in result.spectrum.children
    }
    return Record(report, failures=failures, regions=regions, final=not details, details="\n".join(details))


def _region(
    data: xr.Dataset, measured: xr.Dataset, components: Sequence[str], seed: Seed | None, fit: ModelResult | None
) -> RegionRecord:
    from ..fitting import curves

    energy = np.asarray(data["binding_energy"].values, dtype=float)
    rows = [energy, measured["binding_energy"].values, measured["counts"].values]
    attrs = _plain_values(measured.attrs)
    if seed is None:
        return RegionRecord(attrs, np.array(rows, dtype=float))
    params = seed.params if fit is None else fit.params
    drawn = curves(seed, params, energy)
    rows += [drawn["background"], drawn["envelope"]]
    rows += [drawn[name] for name in components]
    parameters = tuple(
        ParameterRecord(
            parameter.name,
            float(parameter.value),
            float("nan") if parameter.stderr is None or fit is None else float(parameter.stderr),
            float(parameter.min),
            float(parameter.max),
            bool(parameter.vary),
            parameter.expr or "",
        )
        for parameter in params.values()
    )
    return RegionRecord(attrs, np.array(rows, dtype=float), parameters)


def _plain_values(attrs: Mapping[Any, Any]) -> dict[str, Any]:
    """Text and finite numbers among attributes."""
    values = {str(name): value.item() if isinstance(value, np.generic) else value for name, value in attrs.items()}
    return {
        name: value
        for name, value in values.items()
        if isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value))
    }


def _is_expected(error: BaseException | None) -> bool:
    """Whether an error will come again with the same file and settings: this package's own say so, others may not.

    A plugin's error, and one that a reader did not foresee, come as the cause of one of this package's.
    """
    while isinstance(error, PrefitError):
        error = error.__cause__
    return error is None


def _sentence(error: Exception, paths: Sequence[Path]) -> str:
    """Sentence of an error without the name of the file or series before it, nor their folder in it."""
    text = str(error) if isinstance(error, PrefitError) else f"unexpected {type(error).__name__}: {error}"
    for path in paths:
        text = text.replace(str(path), path.name)
    return " ".join(text.removeprefix(f"{paths[0].name if len(paths) == 1 else series_name(paths)}: ").split())


def _traceback(error: Exception, path: Path) -> str:
    _log.debug("Unexpected error in %s", path, exc_info=error)
    return "".join(traceback.format_exception(error))
