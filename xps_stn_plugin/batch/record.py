"""Record of one finished file: results with all curves and parameters, as checksummed bytes.

The bytes are a line ``FORMAT SHA256``, a line of JSON, and the curves as little-endian doubles, or of a stack the HDF5
file that holds it; the checksum is that of
everything behind the first line, so that a file cut short or damaged is known for what it is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from ..export.report import Report
from .cache_key import FORMAT

FloatArray = NDArray[np.float64]

#: Rows of `RegionRecord.curves`; the last two and the components are missing where there is no model.
AXIS, MEASURED_AXIS, COUNTS, BACKGROUND, ENVELOPE, COMPONENTS = range(6)
_WITHOUT_MODEL: Final = BACKGROUND

#: Statuses of what was measured, from bad to good.
WORST_FIRST: Final = ("failed", "out_of_domain", "uncertain", "ok")

#: Least probability of a group that is listed.
LEAST_PROBABILITY: Final = 0.5


class DamagedRecordError(Exception):
    """Error for bytes that are not a complete record."""


@dataclass(frozen=True)
class ParameterRecord:
    """One lmfit parameter: fitted or start value, standard error (NaN without), bounds, whether it varied, its tie."""

    name: str
    value: float
    stderr: float
    min: float
    max: float
    vary: bool
    expr: str = ""


@dataclass(frozen=True, eq=False)
class RegionRecord:
    """Numbers of one region of one spectrum.

    Parameters
    ----------
    attrs : mapping
        What the reader said of the region: text and numbers (``region``, ``label``, ``photon_energy``, ...).
    curves : ndarray, shape (3, n) or (5 + components, n)
        Calibrated binding energy in eV (the measured one where no shift was found), measured binding energy in eV,
        counts as measured; with a model also its background, its envelope, and one row for each component in the order
        of the report, without background.
    parameters : tuple of ParameterRecord
        Of the lmfit model.
    """

    attrs: Mapping[str, Any]
    curves: FloatArray
    parameters: tuple[ParameterRecord, ...] = ()

    @property
    def has_model(self) -> bool:
        """Whether there is a seeded or fitted model."""
        return len(self.curves) > _WITHOUT_MODEL


@dataclass(frozen=True, eq=False)
class StackRecord:
    """Result for a file with a stack of spectra: a map, a depth profile.

    Parameters
    ----------
    status : str
        The commonest of its spectra that were measured.
    labels : mapping of str to sequence of str
        Labels along each of its dimensions, for people.
    regions : sequence of str
        Names of its regions, in the order of the file.
    data : bytes
        An HDF5 file as `xps_stn_plugin.stacks.prefit.write_stack` writes it, with counts.
    surveys : mapping of str to sequence of str
        Elements of each spectrum with their atomic percentages, for people, by region that is a survey.
    """

    status: str
    labels: Mapping[str, Sequence[str]]
    regions: Sequence[str]
    data: bytes
    surveys: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Record:
    """Result for one file.

    Parameters
    ----------
    report : Report or None
        Report of the prefit with an empty ``source`` and no evidence; None where nothing came of the file.
    reason : str
        Why nothing came of it, in one sentence; empty otherwise.
    failures : mapping of str to str
        Why a region has no model or no good fit, by region.
    regions : mapping of str to RegionRecord
        By name, in the order of the report.
    final : bool
        False for an error that nobody foresaw, which may not come again: the file is tried anew in the next run.
    details : str
        Traceback of such an error.
    stack : StackRecord or None
        Of a file with a stack, which has no report.
    samples : mapping of str to Record
        Of a file with several samples, what came of each; it has neither report nor stack itself.
    limit : float or None
        Time in seconds that was not enough for the file; with more it is tried anew.
    """

    report: Report | None = None
    reason: str = ""
    failures: Mapping[str, str] = field(default_factory=dict)
    regions: Mapping[str, RegionRecord] = field(default_factory=dict)
    final: bool = True
    details: str = ""
    stack: StackRecord | None = None
    limit: float | None = None
    samples: Mapping[str, Record] = field(default_factory=dict)

    @property
    def status(self) -> str:
        """Status of the spectrum: that of its shift, or "failed" where the file or one of its regions failed.

        Of several samples it is the worst.
        """
        if self.samples:
            return min((record.status for record in self.samples.values()), key=WORST_FIRST.index)
        if self.stack is not None:
            return self.stack.status
        if self.report is None or self.failures:
            return "failed"
        return self.report.status


def encode(record: Record) -> bytes:
    """Bytes of a record; the same record gives the same bytes."""
    encoded_samples = {name: encode(sample) for name, sample in record.samples.items()}
    regions = {
        name: {
            "attrs": dict(region.attrs),
            "shape": region.curves.shape,
            "parameters": [
                [p.name, _text(p.value), _text(p.stderr), _text(p.min), _text(p.max), p.vary, p.expr]
                for p in region.parameters
            ],
        }
        for name, region in record.regions.items()
    }
    header = {
        "report": None if record.report is None else msgspec.to_builtins(record.report),
        "reason": record.reason,
        "failures": dict(record.failures),
        "regions": regions,
        "final": record.final,
        "details": record.details,
        "stack": None if record.stack is None else _stack_head(record.stack),
        "limit": record.limit,
        "samples": {name: len(data) for name, data in encoded_samples.items()},
    }
    curves = b"".join(np.ascontiguousarray(region.curves, dtype="<f8").tobytes() for region in record.regions.values())
    data = b"".join(encoded_samples.values()) if record.stack is None else record.stack.data
    # A map's bytes are many: they are put together once.
    body = [json.dumps(header, ensure_ascii=True, allow_nan=False).encode(), b"\n", curves, data]
    return b"".join([_first_line(*body), *body])


def decode(data: bytes) -> Record:
    """Record from its bytes.

    Raises
    ------
    DamagedRecordError
        If something is missing or not as it was written.
    """
    start = data.find(b"\n") + 1
    if data[:start] != _first_line(memoryview(data)[start:]):
        raise DamagedRecordError
    try:
        return _decoded(data, start)
    # The digest is right, so somebody else wrote it, or another version did.
    except (
        ArithmeticError,
        AttributeError,
        LookupError,
        RecursionError,
        TypeError,
        ValueError,
        msgspec.ValidationError,
    ) as error:
        raise DamagedRecordError from error


def _decoded(data: bytes, start: int) -> Record:
    end = data.index(b"\n", start)
    header, curves = json.loads(data[start:end]), memoryview(data)[end + 1 :]
    regions = {}
    offset = 0
    for name, region in header.pop("regions").items():
        rows, points = region["shape"]
        if min(rows, points) < 0 or rows < _WITHOUT_MODEL:
            raise ValueError(region["shape"])
        values = np.frombuffer(curves, dtype="<f8", count=rows * points, offset=offset).reshape(rows, points)
        offset += values.nbytes
        parameters = tuple(
            ParameterRecord(parameter, float(value), float(stderr), float(low), float(high), vary, expr)
            for parameter, value, stderr, low, high, vary, expr in region["parameters"]
        )
        regions[name] = RegionRecord(dict(region["attrs"]), values.astype(float), parameters)
    packed_report, packed_stack = header.pop("report"), header.pop("stack")
    samples = {}
    for name, size in header.pop("samples").items():
        samples[name] = decode(bytes(curves[offset : offset + size]))
        offset += size
    report = None if packed_report is None else msgspec.convert(packed_report, Report)
    stack = None if packed_stack is None else StackRecord(**packed_stack, data=bytes(curves[offset:]))
    record = Record(report, regions=regions, stack=stack, samples=samples, **header)
    if not _fields_have_their_types(record):
        raise TypeError(header)
    return record


def _fields_have_their_types(record: Record) -> bool:
    stack = record.stack
    return (
        isinstance(record.failures, dict)
        and all(isinstance(reason, str) for reason in record.failures.values())
        and isinstance(record.reason, str)
        and isinstance(record.details, str)
        and isinstance(record.final, bool)
        and (record.limit is None or isinstance(record.limit, int | float))
        and (stack is None or (isinstance(stack.status, str) and isinstance(stack.labels, dict)))
    )


def _first_line(*body: bytes | memoryview) -> bytes:
    digest = hashlib.sha256()
    for part in body:
        digest.update(part)
    return f"{FORMAT} {digest.hexdigest()}\n".encode()


def _stack_head(stack: StackRecord) -> dict[str, Any]:
    surveys = {name: list(texts) for name, texts in stack.surveys.items()}
    return {
        "status": stack.status,
        "labels": dict(stack.labels),
        "regions": list(stack.regions),
        "surveys": surveys,
    }


def _text(value: float) -> str:
    """Text of a number that gives the same number again, infinity and NaN among them."""
    return repr(float(value))
