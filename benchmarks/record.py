"""Conditions under which a benchmark ran."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version


def conditions(seed: int) -> dict[str, object]:
    """Seed, versions, machine and time, for the record."""
    packages = ("xps-stn-plugin", "numpy", "torch", "lmfit", "xarray")
    return {
        "seed": seed,
        "versions": {name: version(name) for name in packages} | {"python": platform.python_version()},
        "machine": {"processor": platform.machine(), "cores": os.cpu_count(), "system": platform.system()},
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
    }
