"""Doublets of other elements where the lines of functional groups are looked for: Se 3p in S 2p, As 3p in P 2p."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from xps_stn_plugin.core.white_noise import white_noise

from ..chemistry.group_lines import group_lines
from ..core.element_lines import Doublet, doublet, level_lines
from .group_support import GROUP_FOUND, UNSEEN_MOST
from .potassium import is_doublet

FloatArray = NDArray[np.float64]

#: Levels whose two lines lie further apart than those of the region's own level, by region, of elements that
#: laboratories have.
FOREIGN: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"S2p": ("Se3p", "Bi4f"), "P2p": ("As3p",), "Si2p": ("La4d",), "Br3d": ("Cu3p",)}
)
#: How far in eV beyond the range of the table a line may lie (scales differ by 0.3 eV, shifts have errors), and how far
#: from there the splitting may.
BEYOND: Final = 0.8
#: Steps of positions and widths in eV that are tried.
STEP: Final = 0.2
WIDTHS: Final = (1.0, 1.3, 1.7, 2.2, 2.8)
#: Misfit over that of two doublets of the region's own level, at any two positions, up to which it counts: those have a
#: position more to choose.
WORSE: Final = 1.2
#: Steps of their positions, least distance and widths in eV.
OWN_STEP, APART, OWN_WIDTHS = 0.3, 0.6, (1.0, 1.3, 1.7)
#: Fewest channels that can show it.
FEWEST: Final = 30


def foreign_pair(region: str, energy: FloatArray, counts: FloatArray, shift: float) -> str:
    """Name the level of another element whose doublet explains a region as well as two doublets of its own level do.

    Heights are free; the other element's splitting and ratio must come out, which those of two compounds do by chance.

    Parameters
    ----------
    region : str
        Core level of the region.
    energy, counts : ndarray, shape (points,)
        Measured binding energies in eV, ascending, and intensities.
    shift : float
        Measured minus true binding energy in eV.

    Returns
    -------
    str
        Such as ``Se3p``; empty where there is none.
    """
    own = doublet(region)
    if own is None or energy.size < FEWEST or not np.ptp(counts) > 0:
        return ""
    axis = energy - shift
    noise = float(white_noise(counts, 4))
    # A slope, and the step of inelastic losses: the running sum of the intensities.
    base = np.stack([np.ones(axis.size), axis - axis.mean(), np.cumsum(counts) / counts.sum()], axis=1)
    best, least = "", np.inf
    for level in FOREIGN.get(region, ()):
        pair, lines = doublet(level), level_lines(level)
        places = np.arange(lines[0].low - BEYOND, lines[0].high + BEYOND, STEP)
        if pair is None:
            continue
        splitting = pair.compound_splitting
        places = places[(places - 1.0 >= axis[0]) & (places + splitting + 1.0 <= axis[-1])]
        for width in WIDTHS:
            first, second = _lines(axis, places, width), _lines(axis, places + splitting, width)
            misfit, heights, errors = _fitted(first, second, base, counts, noise)
            right = is_doublet(heights, errors, pair.ratio)
            if right.any() and misfit[right].min() < least:
                best, least = level, float(misfit[right].min())
    if best and least > WORSE * _own_misfit(axis, counts, base, noise, own):
        return ""
    return best


def foreign_pair_sentence(region: str, level: str) -> str:
    """Say which line of another element takes the place of groups in a region."""
    pair = doublet(level)
    splitting = pair.compound_splitting if pair else 0.0
    return (
        f"{region} shows two lines like those of {level[:-2]} {level[-2:]} ({splitting:.1f} eV apart), so that groups "
        "with a line there are not counted as found."
    )


def without_foreign_pairs(
    groups: Sequence[str],
    probabilities: FloatArray,
    levels: Sequence[str],
    axes: Sequence[FloatArray],
    counts: Sequence[FloatArray],
    shift: FloatArray,
) -> tuple[FloatArray, NDArray[np.str_]]:
    """Take groups back whose line in a region is a line of another element.

    Parameters
    ----------
    groups : sequence of str
        Columns of `probabilities`.
    probabilities : ndarray, shape (n, groups)
    levels : sequence of str
        Core levels that were looked at.
    axes, counts : sequence of ndarray, shape (m,) and (n, m)
        Their measured energies in eV and intensities.
    shift : ndarray, shape (n,)
        Measured minus true binding energy in eV.

    Returns
    -------
    ndarray, shape (n, groups)
        The probabilities that remain.
    ndarray of str, shape (n, levels)
        The other element's level in each region; empty where there is none.
    """
    named = np.full((len(shift), len(levels)), "", dtype="<U8")
    kept = probabilities.copy()
    for number, level in enumerate(levels):
        if level not in FOREIGN:
            continue
        columns = [column for column, name in enumerate(groups) if level in group_lines()[name]]
        columns = [
            column for column in columns if any(not line.optional for line in group_lines()[groups[column]][level])
        ]
        for row in np.flatnonzero((kept[:, columns] > GROUP_FOUND).any(axis=1)).tolist():
            named[row, number] = foreign_pair(level, axes[number], counts[number][row], float(shift[row]))
            if named[row, number]:
                kept[row, columns] = np.minimum(kept[row, columns], UNSEEN_MOST)
    return kept, named


def _own_misfit(axis: FloatArray, counts: FloatArray, base: FloatArray, noise: float, own: Doublet) -> float:
    """Least misfit of two doublets of the region's own level."""
    least = np.inf
    places = np.arange(axis[0] + 1.0, axis[-1] - 1.0, OWN_STEP)
    first, second = np.triu_indices(places.size, round(APART / OWN_STEP))
    for width in OWN_WIDTHS:
        lines = _lines(axis, places, width) + own.ratio * _lines(axis, places + own.compound_splitting, width)
        misfit, heights, _ = _fitted(lines[first], lines[second], base, counts, noise)
        if (positive := (heights >= 0).all(axis=1)).any():
            least = min(least, float(misfit[positive].min()))
    return least


def _fitted(
    first: FloatArray, second: FloatArray, base: FloatArray, counts: FloatArray, noise: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Fit heights of two lines over a background, for k pairs of lines.

    Parameters
    ----------
    first, second : ndarray, shape (k, points)
    base : ndarray, shape (points, terms)
        Background.
    counts : ndarray, shape (points,)
    noise : float
        Standard deviation of a channel.

    Returns
    -------
    misfit : ndarray, shape (k,)
        Sum of squares.
    heights, errors : ndarray, shape (k, 2)
        With standard errors; infinite for lines that cannot be told apart.
    """
    # What is left of everything when the background is taken out: two unknowns remain.
    terms, _ = np.linalg.qr(base)
    first, second, rest = (values - (values @ terms) @ terms.T for values in (first, second, counts))
    square = np.stack([(first**2).sum(axis=1), (second**2).sum(axis=1)], axis=1)
    both = (first * second).sum(axis=1)
    along = np.stack([first @ rest, second @ rest], axis=1)
    determinant = np.prod(square, axis=1) - both**2
    apart = determinant > 1e-9 * np.prod(square, axis=1)
    inverse = np.divide(1.0, determinant, out=np.zeros_like(determinant), where=apart)
    heights = (square[:, ::-1] * along - both[:, None] * along[:, ::-1]) * inverse[:, None]
    misfit = np.where(apart, float(rest @ rest) - (heights * along).sum(axis=1), np.inf)
    scale = np.maximum(noise**2, misfit / max(counts.size - base.shape[1] - 2, 1))
    with np.errstate(invalid="ignore"):
        errors = np.sqrt(np.where(apart[:, None], scale[:, None] * square[:, ::-1] * inverse[:, None], np.inf))
    return misfit, heights, errors


def _lines(axis: FloatArray, places: FloatArray, width: float) -> FloatArray:
    """Lines of height 1, a quarter Lorentzian, shape (places, points)."""
    square = ((axis - places[:, None]) / width) ** 2
    lines: FloatArray = 0.75 * np.exp(-4 * np.log(2) * square) + 0.25 / (1 + 4 * square)
    return lines
