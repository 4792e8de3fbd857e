"""JSON of one prefit, schema ``xps-stn/prefit/1`` (``export/data/prefit-1.schema.json``, docs/json.md)."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import msgspec

from ..files import write_json
from .report import SCHEMA, report_of, with_evidence

if TYPE_CHECKING:
    from ..result import PrefitData

__all__ = ["SCHEMA", "document", "dumps", "schema", "write"]


def schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of the document."""
    text = files(__package__).joinpath("data", "prefit-1.schema.json").read_text(encoding="utf-8")
    document: dict[str, Any] = json.loads(text)
    return document


def document(result: PrefitData) -> dict[str, Any]:
    """Return the report with the evidence for groups as plain values; every number is finite or None.

    Energies are in eV on the scale of ``settings.reference``; ``center_measured`` is on the measured axis.
    """
    # msgspec keeps tuples. Its encoder refuses file names that are not UTF-8; that of the standard library takes them.
    plain = json.dumps(msgspec.to_builtins(with_evidence(report_of(result), result)), allow_nan=False)
    return cast("dict[str, Any]", json.loads(plain))


def dumps(result: PrefitData) -> str:
    """Text of the document, ending in a line feed."""
    return json.dumps(document(result), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def write(result: PrefitData, path: Path) -> None:
    """Write the document.

    Raises
    ------
    PrefitError
        If the file cannot be written.
    """
    write_json(path, dumps(result))
