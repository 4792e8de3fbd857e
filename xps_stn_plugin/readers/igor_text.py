"""Igor text (.itx): waves of numbers between BEGIN and END, and the commands that scale them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from xps_prefit_hooks import PrefitError, Settings

from ..core.metadata import TERM_OF, TRANSMISSION
from .assembly import Axis, RawRegion
from .columns import regions_of
from .grid import Block
from .headers import measurement_of
from .roles import BINDING, KINETIC
from .samples import spectra_of
from .text import file_lines, no_number, number

if TYPE_CHECKING:
    import xarray as xr

_WAVES = re.compile(r"WAVES\s*((?:/\w+(?:=\s*\([\d,\s]*\))?\s*)*)(.*)", re.IGNORECASE)
#: Endings of waves that belong to the wave of the name before it: its binding energies in eV, its transmission.
ENERGIES: Final = "_BE"
TRANSMISSIONS: Final = "_transmission"
_NOTE = re.compile(r'X\s+Note\s+([^\s,"]{1,255})\s*,\s*"([^"]*)"', re.IGNORECASE)
_LABELLED = re.compile(r"(\w{1,60})(?: \[([^\]]{1,20})\])?")
_SCALE = re.compile(
    r"""X\s+SetScale\s*/\s*([PI])\s+x\s*,\s*([^,]+),\s*([^,]+),\s*"([^"]*)"\s*,\s*'?([^';]+)""", re.IGNORECASE
)


@dataclass(frozen=True)
class _Scale:
    """Energies of a wave: first one, step or last one, and what they are."""

    by_step: bool
    first: float
    second: float
    name: str

    def energies(self, points: int) -> NDArray[np.float64]:
        if self.by_step:
            return np.round(self.first + self.second * np.arange(points), 6)
        return np.linspace(self.first, self.second, points)


def read(path: Path, settings: Settings) -> xr.DataTree:
    """Read waves that have a scale of energies, or waves of energies beside waves of intensities.

    Raises
    ------
    PrefitError
        If there are no waves, a row does not fit, or nothing tells the energies.
    """
    return spectra_of(path, list(_regions(path, *_contents(path))), settings)


def _contents(path: Path) -> tuple[list[Block], dict[str, _Scale], list[str], dict[str, dict[str, str]]]:
    blocks: list[Block] = []
    wave_notes: dict[str, dict[str, str]] = {}
    scales: dict[str, _Scale] = {}
    notes: list[str] = []
    names: tuple[str, ...] = ("wave",)
    rows: list[list[float]] | None = None
    lines: list[int] = []
    for i, raw in enumerate(file_lines(path), start=1):
        line = raw.strip()
        if rows is not None and line.upper() == "END":
            width = max(map(len, rows), default=0)
            values = np.array([row for row in rows if len(row) == width]).reshape(-1, max(width, 1))
            if len(values) != len(rows):
                raise PrefitError(str(path), f"the rows of the wave {names[0]} differ in length; export it again.")
            blocks.append(Block((), names, np.array(lines), values))
            rows = None
        elif rows is not None and line:
            numbers = [number(text) for text in line.split()]
            if None in numbers:
                raise no_number(path, i, line)
            rows.append([value for value in numbers if value is not None])
            lines.append(i)
        elif line.upper() == "BEGIN":
            rows, lines = [], []
        elif match := _WAVES.fullmatch(line):
            names = tuple(name.strip("'") for name in re.split(r"[,\s]+", match[2].strip()) if name) or ("wave",)
        elif match := _SCALE.match(line):
            first, second = number(match[2]), number(match[3])
            if first is None or second is None:
                raise no_number(path, i, line)
            scales[match[5].strip()] = _Scale(match[1].upper() == "P", first, second, match[4])
        elif match := _NOTE.match(line):
            key, equals, value = match[2].partition("=")
            if equals:
                wave_notes.setdefault(match[1], {})[key.strip()] = value.strip().replace("\\\\", "\\")
        elif line.upper().startswith("X //"):
            notes.append(line[4:].strip())
    if rows is not None:
        raise PrefitError(str(path), f"the wave {names[0] if names else ''} has no END; the file is cut off.")
    if not blocks:
        raise PrefitError(str(path), "there is no wave in the file.")
    return blocks, scales, notes, wave_notes


def _regions(
    path: Path,
    blocks: list[Block],
    scales: Mapping[str, _Scale],
    notes: list[str],
    wave_notes: Mapping[str, Mapping[str, str]],
) -> Iterator[RawRegion | PrefitError]:
    waves = {block.names[0]: block.values for block in blocks if len(block.names) == 1}
    measurement = measurement_of([note.replace(" = ", ": ") for note in notes])
    for block in blocks:
        where = f"{path}, wave {block.names[0]}"
        if len(block.names) > 1 and len(block.names) == block.values.shape[1]:
            yield from regions_of(where, path.stem, [Block(tuple(notes), block.names, block.lines, block.values)])
            continue
        name = block.names[0]
        if any(name.endswith(ending) and name.removesuffix(ending) in waves for ending in (ENERGIES, TRANSMISSIONS)):
            continue
        scale, energies = scales.get(name), waves.get(f"{name}{ENERGIES}")
        if energies is not None and energies.shape == (len(block.values), 1):
            yield _noted(where, name, energies[:, 0], waves, wave_notes.get(name, {}))
            continue
        if scale is None:
            yield PrefitError(where, "no SetScale command gives its energies.")
            continue
        if not (BINDING.search(scale.name) or KINETIC.search(scale.name)):
            yield PrefitError(where, f"its scale is '{scale.name}', neither binding nor kinetic energy.")
            continue
        values = block.values
        if name in wave_notes and BINDING.search(scale.name):
            yield _noted(where, name, scale.energies(len(values)), waves, wave_notes[name])
            continue
        yield RawRegion(
            where=where,
            energy=scale.energies(len(values)),
            counts=values[:, 0] if values.shape[1] == 1 else values.T,
            kinetic=not BINDING.search(scale.name),
            labels=(block.names[0], *measurement.labels),
            photon_energy=measurement.photon_energy,
            attrs={"sample": measurement.sample, "pass_energy": measurement.pass_energy},
        )


def _noted(
    where: str,
    name: str,
    energy: NDArray[np.float64],
    waves: Mapping[str, NDArray[np.float64]],
    note: Mapping[str, str],
) -> RawRegion:
    """Region on a scale of binding energies with a note of our own: metadata, and the labels of a stack."""
    values = waves[name]
    attrs: dict[str, Any] = {}
    for key, text in note.items():
        value = number(text)
        is_number = key in TERM_OF and TERM_OF[key].is_number
        if is_number and value is not None:
            attrs[key] = int(value) if key == "scans" and value.is_integer() else value
        elif not is_number and (key in TERM_OF or key.startswith("energy_referencing_")):
            attrs[key] = text if key in TERM_OF or value is None else value
    photon_energy = attrs.pop("photon_energy", None)
    transmission = waves.get(f"{name}{TRANSMISSIONS}")
    fits = transmission is not None and transmission.shape == (len(values), 1)
    axes, along, shape = _stack(note, values.shape[1]) if values.shape[1] > 1 else ((), {}, ())
    return RawRegion(
        where=where,
        energy=energy,
        counts=values.T.reshape(*shape, len(values)) if shape else values[:, 0] if values.shape[1] == 1 else values.T,
        kinetic=False,
        labels=(note.get("region", ""), name),
        photon_energy=photon_energy,
        variables={TRANSMISSION: transmission[:, 0]} if transmission is not None and fits else {},
        attrs=attrs,
        axes=axes,
        along=along,
    )


def _stack(note: Mapping[str, str], count: int) -> tuple[tuple[Axis, ...], dict[str, Any], tuple[int, ...]]:
    """Axes, labels and shape of a stack; none where the note does not tell, or spectra are missing."""
    words = [part.split() for part in note.get("dimensions", "").split(",")]
    dims = {words[0]: int(words[1]) for words in words if len(words) == 2 and words[1].isdecimal()}
    if not dims or math.prod(dims.values()) != count:
        return (), {}, ()
    shape = tuple(dims.values())
    axes: dict[str, Axis] = {dim: Axis(dim) for dim in dims}
    along: dict[str, Any] = {}
    for key, text in note.items():
        labels = [number(value) for value in text.split(",")]
        match = _LABELLED.fullmatch(key)
        if match is None or len(labels) != count or None in labels:
            continue
        values, units = np.array(labels, dtype=float).reshape(shape), match[2] or ""
        if match[1] in dims:
            place = list(dims).index(match[1])
            axes[match[1]] = Axis(match[1], np.moveaxis(values, place, 0).reshape(shape[place], -1)[:, 0], units)
        else:
            along[match[1]] = (tuple(dims), values, units)
    return tuple(axes.values()), along, shape
