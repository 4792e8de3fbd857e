"""Seeded models as JSON, for scripts that go on with lmfit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from ..files import write_text

if TYPE_CHECKING:
    from ..result import PrefitResult


def write_seeds(result: PrefitResult, path: Path) -> None:
    """Write start values, bounds and ties of every seeded region.

    The file holds ``{"schema": "xps-stn/seeds/1", "source", "shift", "shift_stderr", "convention", "regions"}``; each
    region has its ``components`` (prefix, name, groups), the ``model`` in words, the kind of ``background``, ``notes``,
    and ``params``, which `lmfit.Parameters.loads` reads after ``json.dumps``. Without a shift, which is null then, the
    parameters are for the measured axis.

    Raises
    ------
    PrefitError
        If `path` is the measured file, or the file cannot be written.
    """
    regions = {
        region: {
            "model": seed.model.name,
            "background": seed.background,
            "components": [
                {"prefix": component.prefix, "name": component.name, "groups": list(component.groups)}
                for component in seed.components
            ],
            "notes": list(seed.notes),
            "params": json.loads(seed.params.dumps()),
        }
        for region, seed in result.seeds.items()
    }
    document = {
        "schema": "xps-stn/seeds/1",
        "source": result.source,
        "shift": None if result.moved is None else result.shift,
        "shift_stderr": None if result.moved is None else result.shift_stderr,
        "convention": result.convention,
        "regions": regions,
    }
    # lmfit writes open bounds as Infinity, which is Python's JSON and what its own loads reads.
    write_text(result.target(path), json.dumps(document, indent=1, ensure_ascii=False))
