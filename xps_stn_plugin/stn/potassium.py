"""K 2p in C 1s, the commonest line that is taken for CF2 and CF3."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from xps_stn_plugin.core.white_noise import white_noise

from .group_support import GROUP_FOUND, UNSEEN_MOST

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

#: Group that K 2p looks like, and the region of its element.
GROUP: Final = "alkyl halide (F)"
REGION: Final = "F1s"
CARBON: Final = "C1s"

#: Binding energies in eV at which K 2p3/2 is looked for (with aliphatic C 1s at 285.0: halides 293.0, carboxylates and
#: oxides 292.4 to 293.4), distance of K 2p1/2 (medians of NIST SRD 20: 2.7 to 2.8) and its share.
PLACES: Final = np.arange(292.0, 294.05, 0.1)
SPLITTING: Final = 2.77
RATIO: Final = 0.5
#: Widths in eV that are tried.
WIDTHS: Final = (1.0, 1.3, 1.7)
#: Part of the spectrum in eV, and where a line of its own takes what lower lines and CF2 leave in it.
PART: Final = (290.6, 299.0)
NEIGHBOUR: Final = (291.0, 1.6)
#: Least part in eV above K 2p1/2 that must have been measured.
ABOVE: Final = 1.0
#: Standard errors by which both lines must stand out, and by how much their ratio may differ.
LEAST_SIGMA: Final = 5.0
RATIO_ERROR: Final = 0.12


def shows_potassium(energy: FloatArray, counts: FloatArray, shift: float) -> bool:
    """Whether a C 1s spectrum shows a doublet that can only be K 2p: two lines 2.8 eV apart, two to one.

    Parameters
    ----------
    energy, counts : ndarray, shape (points,)
        Measured binding energies in eV, ascending, and intensities.
    shift : float
        Measured minus true binding energy in eV.
    """
    axis = energy - shift
    part = (axis >= PART[0]) & (axis <= PART[1])
    x, y = axis[part], counts[part]
    if x.size < 20 or x[-1] < PLACES[0] + SPLITTING + ABOVE:
        return False
    noise = max(float(white_noise(y, 4)), 1e-12 * float(np.abs(y).max()))
    base = np.stack([np.ones(x.size), x - x.mean(), _line(x, *NEIGHBOUR)], axis=1)
    best, amplitudes, covariance = np.inf, np.zeros(2), np.eye(2)
    for width in WIDTHS:
        for place in PLACES:
            lines = np.stack([_line(x, place, width), _line(x, place + SPLITTING, width)], axis=1)
            matrix = np.concatenate([lines, base], axis=1)
            square = matrix.T @ matrix
            values = np.linalg.lstsq(square, matrix.T @ y, rcond=None)[0]
            misfit = float(np.sum((y - matrix @ values) ** 2))
            if misfit < best:
                scale = max(noise**2, misfit / max(x.size - matrix.shape[1], 1))
                best, amplitudes = misfit, values[:2]
                covariance = scale * np.linalg.pinv(square)[:2, :2]
    errors = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    return bool(is_doublet(amplitudes, errors, RATIO))


def is_doublet(heights: FloatArray, errors: FloatArray, ratio: float) -> BoolArray:
    """Whether two lines, heights and standard errors of shape (..., 2), stand out and have a ratio, shape (...,)."""
    seen = (heights > LEAST_SIGMA * errors).all(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        measured = heights[..., 1] / heights[..., 0]
        relative = errors / heights
        error = np.abs(measured) * np.hypot(relative[..., 0], relative[..., 1])
    return np.asarray(seen & (np.abs(measured - ratio) <= np.maximum(RATIO_ERROR, 2 * error)))


def without_potassium(
    groups: Sequence[str],
    probabilities: FloatArray,
    levels: Sequence[str],
    axes: Sequence[FloatArray],
    counts: Sequence[FloatArray],
    shift: FloatArray,
    lined: BoolArray,
) -> tuple[FloatArray, BoolArray]:
    """Take fluoride back that the network sees in C 1s, where F 1s shows no line and C 1s shows K 2p.

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
    lined : ndarray of bool, shape (n, levels)
        Whether a region shows a line.

    Returns
    -------
    ndarray, shape (n, groups)
        The probabilities that remain.
    ndarray of bool, shape (n,)
        Where fluoride was taken back.
    """
    potassium = np.zeros(len(shift), dtype=bool)
    if GROUP not in groups or CARBON not in levels:
        return probabilities, potassium
    column, carbon = groups.index(GROUP), levels.index(CARBON)
    asked = probabilities[:, column] > GROUP_FOUND
    if REGION in levels:
        asked &= ~lined[:, levels.index(REGION)]
    for row in np.flatnonzero(asked).tolist():
        potassium[row] = shows_potassium(axes[carbon], counts[carbon][row], float(shift[row]))
    kept = probabilities.copy()
    kept[potassium, column] = np.minimum(kept[potassium, column], UNSEEN_MOST)
    return kept, potassium


def _line(x: FloatArray, place: float, width: float) -> FloatArray:
    line: FloatArray = np.exp(-4 * np.log(2) * ((x - place) / width) ** 2)
    return line
