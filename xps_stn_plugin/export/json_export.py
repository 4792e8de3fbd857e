"""JSON of one prefit, schema ``xps-stn/prefit/1`` (``export/data/prefit-1.schema.json``, docs/json.md)."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import msgspec

from .._util.files import write_json
from .make_report import report_of, with_evidence
from .report import SCHEMA, Report

if TYPE_CHECKING:
    from ..core.result import PrefitData

__all__ = ["SCHEMA", "document", "dumps", "schema", "text_of", "write"]


def schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of the document."""
    text = files(__package__).joinpath("data", "prefit-1.schema.json").read_text(encoding="utf-8")
    document: dict[str, Any] = json.loads(text)
    return document


def document(result: PrefitData) -> dict[str, Any]:
    """Return the report with the evidence for groups as plain values; every number is finite or None.

    Energies are in eV on the scale that ``shift.convention`` states; ``center_measured`` is on the measured axis.
    """
    return cast("dict[str, Any]", json.loads(dumps(result)))


def dumps(result: PrefitData) -> str:
    """Text of the document, ending in a line feed."""
    return text_of(with_evidence(report_of(result), result))


def text_of(report: Report) -> str:
    """Text of a report, ending in a line feed.

    msgspec's own encoder refuses file names that are not UTF-8; that of the standard library takes them.
    """
    return json.dumps(msgspec.to_builtins(report), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def write(result: PrefitData, path: Path) -> None:
    """Write the document.

    Raises
    ------
    PrefitError
        If the file cannot be written.
    """
    write_json(path, dumps(result))
