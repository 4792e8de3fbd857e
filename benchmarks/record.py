"""Record of a benchmark: its conditions and figures."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from xps_stn_plugin._util.files import write_text


def conditions(seed: int) -> dict[str, object]:
    """Seed, versions, machine and time, for the record."""
    packages = ("xps-stn-plugin", "numpy", "torch", "lmfit", "xarray")
    return {
        "seed": seed,
        "versions": {name: version(name) for name in packages} | {"python": platform.python_version()},
        "machine": {"processor": platform.machine(), "cores": os.cpu_count(), "system": platform.system()},
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def write_record(path: Path, record: Mapping[str, object]) -> None:
    """Write a record as JSON; its folder is made where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps(record, indent=1) + "\n", overwrite=True)
