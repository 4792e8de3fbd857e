"""Outside spectra: samples that the network must refuse."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.core_levels import core_levels
from ..core.grid import Grid
from .catalogue import catalogue
from .line_list import FloatArray, IntArray, LineList

#: Kinds that are organic samples in an unusual state; the others have lines of their own or none.
ORGANIC_KINDS = ("beyond", "uneven", "mirrored", "misnamed")


@cache
def outsider_rules() -> Mapping[str, Any]:
    """Kinds and ranges of ``simulate/data/outsiders.toml``, where their sources stand."""
    text = files(__package__).joinpath("data", "outsiders.toml").read_text(encoding="utf-8")
    return MappingProxyType(tomllib.loads(text))


def draw_kinds(number: int, share: float, rng: np.random.Generator) -> NDArray[np.str_]:
    """Kind of each of `number` spectra, "" for a sample that the network is made for; shape (number,)."""
    weights = outsider_rules()["weights"]
    chance = np.array(list(weights.values()))
    kinds = rng.choice(np.array(list(weights)), number, p=chance / chance.sum())
    return np.where(rng.random(number) < share, kinds, "")


def beyond_range(number: int, rng: np.random.Generator) -> FloatArray:
    """Shifts in eV beyond the trained range, shape (number,)."""
    low, high = outsider_rules()["beyond"]["shift"]
    return either_sign(rng.uniform(low, high, number), rng)


def either_sign(values: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Turn the sign of about half of the values."""
    return np.where(rng.random(values.shape) < 0.5, -values, values)


def disturbed(lines: LineList, kinds: NDArray[np.str_], grid: Grid, rng: np.random.Generator) -> LineList:
    """Lines of organic samples, changed where the kind of the spectrum says so.

    Of kind "uneven" every line is drawn a second time, elsewhere; "mirrored" is an axis of the wrong sense; "misnamed"
    are regions under each other's names.
    """
    kind = kinds[lines.row // len(grid.regions)]
    region = lines.row % len(grid.regions)
    centres = np.array([level.energy for level in core_levels().values()])
    mirrored = np.where(kind == "mirrored", 2 * (centres[region] - lines.energy), 0.0)
    # Each region under the name of the next, or the one after, and so on.
    rotation = rng.integers(1, len(grid.regions), kinds.size)[lines.row // len(grid.regions)]
    name = np.where(kind == "misnamed", (region + rotation) % len(grid.regions), region)
    shifted = lines.take(np.arange(lines.row.size), energy=mirrored + centres[name] - centres[region])
    renamed = LineList.joined(replace(shifted, row=lines.row - region + name))
    return _charged_unevenly(renamed, kinds, len(grid.regions), rng)


def _charged_unevenly(lines: LineList, kinds: NDArray[np.str_], regions: int, rng: np.random.Generator) -> LineList:
    rules = outsider_rules()["uneven"]
    (smallest_distance, largest_distance), (smallest_share, largest_share) = rules["apart"], rules["share"]
    distance = either_sign(rng.uniform(smallest_distance, largest_distance, kinds.size), rng)
    share = rng.uniform(smallest_share, largest_share, kinds.size)
    uneven = np.flatnonzero((kinds == "uneven")[lines.row // regions])
    spectrum = lines.row[uneven] // regions
    return LineList.joined(lines, lines.take(uneven, energy=distance[spectrum], area=share[spectrum]))


def outsider_lines(kinds: NDArray[np.str_], shift: FloatArray, grid: Grid, rng: np.random.Generator) -> LineList:
    """Lines of the outsiders that are not organic samples.

    Parameters
    ----------
    kinds : ndarray of str, shape (n,)
        From `draw_kinds`.
    shift : ndarray, shape (n,)
        Charging in eV.
    grid : Grid
        Names the regions.
    rng : numpy.random.Generator
        Where chance comes from.
    """
    draw: dict[str, Callable[[_Lines, Any, np.random.Generator], None]] = {
        "arbitrary": _arbitrary,
        "metal": _metal,
    }
    parts = _Lines(grid)
    for spectrum in np.flatnonzero(kinds != ""):
        kind = str(kinds[spectrum])
        if kind in draw:
            parts.begin(int(spectrum), float(shift[spectrum]))
            draw[kind](parts, outsider_rules()[kind], rng)
    return parts.line_list()


@dataclass
class _Lines:
    """Builder of a line list, one spectrum after the other."""

    grid: Grid
    spectrum: int = 0
    shift: float = 0.0
    rows: list[tuple[int, float, float, float, float]] = field(default_factory=list)

    def begin(self, spectrum: int, shift: float) -> None:
        self.spectrum, self.shift = spectrum, shift

    def add(self, region: str, energy: float, area: float, fwhm: float, lorentzian: float) -> None:
        """Add a line of the region's core level, a doublet where it is one."""
        level = core_levels()[region]
        ratio = level.ratio or 0.0
        self.add_line(region, energy, area / (1 + ratio), fwhm, lorentzian)
        if level.splitting:
            self.add_line(region, energy + level.splitting, area * ratio / (1 + ratio), fwhm, lorentzian)

    def add_line(self, region: str, energy: float, area: float, fwhm: float, lorentzian: float) -> None:
        """Add one line."""
        row = self.spectrum * len(self.grid.regions) + self.grid.regions.index(region)
        self.rows.append((row, energy + self.shift, area, fwhm, lorentzian))

    def line_list(self) -> LineList:
        columns = np.array(self.rows, dtype=float).reshape(-1, 5)
        row: IntArray = columns[:, 0].astype(np.int64)
        no_flags = np.zeros(row.size, dtype=bool)
        return LineList.joined(
            LineList(row, columns[:, 1], columns[:, 2], columns[:, 3], columns[:, 4], no_flags, no_flags)
        )  # fmt: skip


def _metal(lines: _Lines, rules: Any, rng: np.random.Generator) -> None:
    elements = list(catalogue().foreign.values())
    fwhm, first = rng.uniform(*rules["fwhm"]), 0.0
    for number, line in enumerate(elements[rng.choice(len(elements), p=catalogue().foreign_chance)]):
        energy = rng.normal(line.energy, line.spread) if line.above is None else first + line.above
        first = energy if number == 0 else first
        region, width = lines.grid.regions[line.region], fwhm * float(np.mean(line.width))
        lines.add_line(region, energy, line.area / (1 + line.ratio), width, rng.uniform(0, 0.6))
        if line.splitting:
            second = line.area * line.ratio / (1 + line.ratio)
            lines.add_line(region, energy + line.splitting, second, width, rng.uniform(0, 0.6))


def _arbitrary(lines: _Lines, rules: Any, rng: np.random.Generator) -> None:
    levels = core_levels()
    for region in rng.choice(list(levels), rng.integers(1, rules["regions"] + 1), replace=False):
        for _ in range(rng.integers(rules["lines"][0], rules["lines"][1] + 1)):
            fwhm = float(np.exp(rng.uniform(*np.log(rules["fwhm"]))))
            energy = levels[str(region)].energy + rng.uniform(*rules["offset"])
            # A spike has the height of a line, not its area.
            lines.add(str(region), energy, rng.uniform(0.1, 1.0) * fwhm, fwhm, rng.uniform(0, 1))
