"""Spectra that the network was not made for, so that it learns to say so."""

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

from ..chemistry.core_levels import core_levels
from ..grid import Grid
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
    turn = rng.integers(1, len(grid.regions), kinds.size)[lines.row // len(grid.regions)]
    name = np.where(kind == "misnamed", (region + turn) % len(grid.regions), region)
    moved = lines.take(np.arange(lines.row.size), energy=mirrored + centres[name] - centres[region])
    renamed = LineList.joined(replace(moved, row=lines.row - region + name))
    return _charged_unevenly(renamed, kinds, len(grid.regions), rng)


def _charged_unevenly(lines: LineList, kinds: NDArray[np.str_], regions: int, rng: np.random.Generator) -> LineList:
    rules = outsider_rules()["uneven"]
    (near, far), (least, most) = rules["apart"], rules["share"]
    apart = either_sign(rng.uniform(near, far, kinds.size), rng)
    share = rng.uniform(least, most, kinds.size)
    own = np.flatnonzero((kinds == "uneven")[lines.row // regions])
    of = lines.row[own] // regions
    return LineList.joined(lines, lines.take(own, energy=apart[of], area=share[of]))


def outsider_lines(kinds: NDArray[np.str_], shift: FloatArray, grid: Grid, rng: np.random.Generator) -> LineList:
    """Lines of the spectra that are no organic samples.

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
        "inorganic": _inorganic,
        "graphite": _graphite,
        "carbide": _carbide,
        "arbitrary": _arbitrary,
    }
    parts = _Lines(grid)
    for spectrum in np.flatnonzero(kinds != ""):
        kind = str(kinds[spectrum])
        if kind in draw:
            parts.begin(int(spectrum), float(shift[spectrum]))
            draw[kind](parts, outsider_rules()[kind], rng)
    return parts.finished()


@dataclass
class _Lines:
    """Lines as they are collected, one spectrum after the other."""

    grid: Grid
    spectrum: int = 0
    shift: float = 0.0
    rows: list[tuple[int, float, float, float, float]] = field(default_factory=list)

    def begin(self, spectrum: int, shift: float) -> None:
        self.spectrum, self.shift = spectrum, shift

    def add(self, region: str, energy: float, area: float, fwhm: float, lorentzian: float) -> None:
        row = self.spectrum * len(self.grid.regions) + self.grid.regions.index(region)
        level = core_levels()[region]
        ratio = level.ratio or 0.0
        self.rows.append((row, energy + self.shift, area / (1 + ratio), fwhm, lorentzian))
        if level.splitting:
            self.rows.append((row, energy + self.shift + level.splitting, area * ratio / (1 + ratio), fwhm, lorentzian))

    def finished(self) -> LineList:
        columns = np.array(self.rows, dtype=float).reshape(-1, 5)
        row: IntArray = columns[:, 0].astype(np.int64)
        none = np.zeros(row.size, dtype=bool)
        return LineList.joined(
            LineList(row, columns[:, 1], columns[:, 2], columns[:, 3], columns[:, 4], none, none)
        )  # fmt: skip


def _inorganic(lines: _Lines, rules: Any, rng: np.random.Generator) -> None:
    names = list(rules["energy"])
    # Nearly every inorganic sample shows oxygen.
    chosen = {"O1s"} if rng.random() < 0.75 else set()
    chosen |= set(rng.choice(names, rng.integers(0 if chosen else 1, rules["regions"]), replace=False))
    for region in sorted(chosen):
        energy = rng.uniform(*rules["energy"][region])
        fwhm, height = rng.uniform(*rules["fwhm"]), np.exp(rng.normal(0, 0.7))
        for _ in range(rng.integers(rules["lines"][0], rules["lines"][1] + 1)):
            lines.add(region, energy, height, fwhm, rng.uniform(0, 0.6))
            energy += rng.uniform(*rules["further"])
            height *= rng.uniform(0.1, 1.2)


def _asymmetric(lines: _Lines, energy: float, area: float, fwhm: float, index: float, rng: np.random.Generator) -> None:
    """Add a C 1s line with the tail of a conductor."""
    graphite = outsider_rules()["graphite"]
    lorentzian = rng.uniform(0.1, 0.7)
    lines.add("C1s", energy, area, fwhm, lorentzian)
    for number in range(1, graphite["tail_lines"] + 1):
        away = number * graphite["tail_step"]
        weight = index * away ** (index - 1) * graphite["tail_step"]
        lines.add("C1s", energy + away, area * weight, max(fwhm, 2 * graphite["tail_step"]), lorentzian)


def _graphite(lines: _Lines, rules: Any, rng: np.random.Generator) -> None:
    energy = rng.uniform(*rules["energy"])
    _asymmetric(lines, energy, 1.0, rng.uniform(*rules["fwhm"]), rng.uniform(*rules["index"]), rng)
    wide = rng.uniform(*rules["shake_up_fwhm"])
    lines.add("C1s", energy + rng.uniform(*rules["shake_up_energy"]), rng.uniform(*rules["shake_up_share"]), wide, 0.2)
    for oxidised in rules["oxidised_energy"]:
        lines.add("C1s", rng.uniform(*oxidised), rng.uniform(*rules["oxidised_share"]), rng.uniform(1.0, 1.8), 0.2)
    if rng.random() < rules["oxygen_chance"]:
        share = rng.uniform(*rules["oxygen_share"])
        lines.add("O1s", rng.uniform(*rules["oxygen_energy"]), share, rng.uniform(1.2, 2.6), 0.2)


def _carbide(lines: _Lines, rules: Any, rng: np.random.Generator) -> None:
    _asymmetric(
        lines, rng.uniform(*rules["energy"]), 1.0, rng.uniform(*rules["fwhm"]), rng.uniform(*rules["index"]), rng
    )
    fwhm = rng.uniform(1.0, 1.9)
    for energy, share in zip(rules["adventitious_energy"], rules["adventitious_share"], strict=True):
        lines.add("C1s", rng.uniform(*energy), rng.uniform(*share), fwhm, 0.2)
    if rng.random() < rules["oxygen_chance"]:
        first = rng.uniform(*rules["oxygen_energy"])
        share = rng.uniform(*rules["oxygen_share"])
        wide = rng.uniform(1.0, 2.4)
        lines.add("O1s", first, share, wide, 0.2)
        lines.add("O1s", first + rng.uniform(1.0, 2.2), share * rng.uniform(0, 0.8), wide, 0.2)


def _arbitrary(lines: _Lines, rules: Any, rng: np.random.Generator) -> None:
    levels = core_levels()
    for region in rng.choice(list(levels), rng.integers(1, rules["regions"] + 1), replace=False):
        for _ in range(rng.integers(rules["lines"][0], rules["lines"][1] + 1)):
            fwhm = float(np.exp(rng.uniform(*np.log(rules["fwhm"]))))
            energy = levels[str(region)].energy + rng.uniform(*rules["offset"])
            # A spike has the height of a line, not its area.
            lines.add(str(region), energy, rng.uniform(0.1, 1.0) * fwhm, fwhm, rng.uniform(0, 1))
