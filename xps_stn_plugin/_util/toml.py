"""Configurations as TOML tables: read once, every entry checked by name."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from xps_prefit_hooks import PrefitError

from .files import refuse_special


def read_tables(path: Path, *required: str) -> dict[str, Any]:
    """Read a TOML file that has the tables `required`.

    Raises
    ------
    PrefitError
        If the file cannot be read or a table is missing.
    """
    refuse_special(path)
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        # Beside TOMLDecodeError: bytes that are not UTF-8, whole numbers of thousands of digits, nested brackets.
        raise PrefitError(str(path), f"the configuration cannot be read ({error}).") from error
    for name in required:
        if name not in tables:
            raise PrefitError(str(path), f"the configuration has no table [{name}].")
    return tables


def check_entries(source: str, table: str, entries: Mapping[str, Any], names: Collection[str], example: str) -> None:
    """Check that a table has just the entries `names`.

    Raises
    ------
    PrefitError
        Naming the first entry that is unknown or missing, and the `example` to compare with.
    """
    if mismatched := sorted(set(entries) ^ set(names)):
        fault = "unknown" if mismatched[0] in entries else "missing"
        raise PrefitError(source, f"the {table} entry {mismatched[0]!r} is {fault}; see {example}.")
