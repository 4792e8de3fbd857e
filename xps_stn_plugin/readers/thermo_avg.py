"""Thermo Avantage's text form of its data files (.avg): axes, properties and one list of numbers."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from xps_prefit_hooks import PrefitError, Settings

from .assembly import Axis, RawRegion, in_electronvolts, spectrum_of
from .text import file_lines, number

if TYPE_CHECKING:
    import xarray as xr

# "0=  1188.68, 0.1, 191, ENERGY, LINEAR, 'E', 'eV', 'Energy'": first value, step, count and what it is.
_AXIS = re.compile(r"\s*(\d{1,3})\s*=\s*([^,]+),([^,]+),([^,]+),\s*(\w+)\s*,\s*(\w+)\s*,(.*)")
_PROPERTY = re.compile(r"(\w+)\s*:[^=]*=\s*(.*)")
_LIST = re.compile(r"\s*LIST@\s*\d+\s*=\s*(.*)")
_MOST_POINTS: Final = 10**8


def read(path: Path, settings: Settings) -> xr.DataTree:
    """Read the spectrum, or the stack of a depth profile or a map.

    Energies are kinetic unless the axis is called otherwise. The file's name is that of the region.

    Raises
    ------
    PrefitError
        If an axis or the numbers are missing or do not fit.
    """
    axes: list[tuple[str, float, float, int, str]] = []
    properties: dict[str, str] = {}
    texts: list[str] = []
    section = ""
    for line in file_lines(path):
        if line.startswith("$"):
            section = line.partition("=")[0].strip("$ ")
        elif section == "SPACEAXES" and (match := _AXIS.match(line)):
            axes.append(_axis(path, match))
        elif section == "DATA" and (match := _LIST.match(line)):
            texts += match[1].split(",")
        elif match := _PROPERTY.match(line):
            properties.setdefault(match[1], match[2].strip().strip("'"))
    if not axes or axes[0][0] != "ENERGY":
        raise PrefitError(str(path), "the first axis is not an energy; export a spectrum.")
    values = [number(text) for text in texts if text.strip()]
    shape = [axis[3] for axis in reversed(axes)]
    if len(values) != math.prod(shape) or None in values:
        message = (
            f"{math.prod(shape)} numbers are announced but {len(values)} are there; the file is cut off or damaged."
        )
        raise PrefitError(str(path), message)
    counts = np.array(values, dtype=float).reshape(shape)
    stacked = [axis for axis in reversed(axes[1:]) if axis[3] > 1]
    _, first, step, points, units = axes[0]
    return spectrum_of(
        path,
        [
            RawRegion(
                where=str(path),
                energy=in_electronvolts(str(path), first + step * np.arange(points), units or "eV"),
                counts=counts.reshape(*(axis[3] for axis in stacked), points),
                kinetic="binding" not in properties.get("axis", "").lower(),
                labels=(properties.get("DS_EXT_SUPROPID_SUBJECT", ""), path.stem),
                photon_energy=number(properties.get("DS_SOPROPID_ENERGY", "")),
                attrs={
                    "pass_energy": number(properties.get("DS_ANPROPID_PASS_ENERGY", "")),
                    "dwell_time": number(properties.get("DS_ACPROPID_ACQ_TIME", "")),
                    "intensity": "counts per second",
                },
                axes=tuple(
                    Axis(name.lower(), start + width * np.arange(count), unit)
                    for name, start, width, count, unit in stacked
                ),
            )
        ],
        settings,
    )


def _axis(path: Path, match: re.Match[str]) -> tuple[str, float, float, int, str]:
    first, step, count = (number(match[place]) for place in (2, 3, 4))
    if first is None or step is None or count is None or not 1 <= count <= _MOST_POINTS:
        raise PrefitError(str(path), f"the axis '{match[0].strip()[:40]}' is not first value, step and count.")
    words = [word.strip().strip("'") for word in match[7].split(",")]
    return match[5].upper(), first, step, int(count), words[1] if len(words) > 1 else ""
