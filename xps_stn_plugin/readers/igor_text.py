"""Igor text (.itx): waves of numbers between BEGIN and END, and the commands that scale them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from xps_prefit_hooks import PrefitError, Settings

from .assembly import RawRegion, spectrum_of
from .columns import regions_of
from .grid import Block
from .headers import measurement_of
from .roles import BINDING, KINETIC
from .text import file_lines, no_number, number

if TYPE_CHECKING:
    import xarray as xr

_WAVES = re.compile(r"WAVES\s*((?:/\w+(?:=\s*\([\d,\s]*\))?\s*)*)(.*)", re.IGNORECASE)
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
    blocks, scales, notes = _contents(path)
    return spectrum_of(path, list(_regions(path, blocks, scales, notes)), settings)


def _contents(path: Path) -> tuple[list[Block], dict[str, _Scale], list[str]]:
    blocks: list[Block] = []
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
        elif line.upper().startswith("X //"):
            notes.append(line[4:].strip())
    if rows is not None:
        raise PrefitError(str(path), f"the wave {names[0] if names else ''} has no END; the file is cut off.")
    if not blocks:
        raise PrefitError(str(path), "there is no wave in the file.")
    return blocks, scales, notes


def _regions(
    path: Path, blocks: list[Block], scales: Mapping[str, _Scale], notes: list[str]
) -> Iterator[RawRegion | PrefitError]:
    measurement = measurement_of([note.replace(" = ", ": ") for note in notes])
    for block in blocks:
        where = f"{path}, wave {block.names[0]}"
        if len(block.names) > 1 and len(block.names) == block.values.shape[1]:
            yield from regions_of(where, path.stem, [Block(tuple(notes), block.names, block.lines, block.values)])
            continue
        scale = scales.get(block.names[0])
        if scale is None:
            yield PrefitError(where, "no SetScale command gives its energies.")
            continue
        if not (BINDING.search(scale.name) or KINETIC.search(scale.name)):
            yield PrefitError(where, f"its scale is '{scale.name}', neither binding nor kinetic energy.")
            continue
        values = block.values
        yield RawRegion(
            where=where,
            energy=scale.energies(len(values)),
            counts=values[:, 0] if values.shape[1] == 1 else values.T,
            kinetic=not BINDING.search(scale.name),
            labels=(block.names[0], *measurement.labels),
            photon_energy=measurement.photon_energy,
            attrs={"sample": measurement.sample, "pass_energy": measurement.pass_energy},
        )
