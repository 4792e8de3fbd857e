"""Line shapes of unit area, for the simulator and the seeded models."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.floating]

_LN2: Final = math.log(2.0)


def pseudo_voigt(energy: ArrayLike, center: ArrayLike, fwhm: ArrayLike, fraction: ArrayLike) -> FloatArray:
    """Pseudo-Voigt of unit area, Gaussian and Lorentzian of the same width.

    Parameters
    ----------
    energy, center, fwhm : array_like
        In eV; they broadcast together, and keep single precision if all are of it.
    fraction : array_like
        Share of the Lorentzian, 0 to 1, as lmfit's ``fraction``.

    Returns
    -------
    ndarray
        In 1/eV.
    """
    u = (np.asarray(energy) - center) / np.asarray(fwhm)
    square = u * u
    gauss = np.exp(-4.0 * _LN2 * square) * (2.0 * math.sqrt(_LN2 / math.pi))
    lorentz = (2.0 / math.pi) / (1.0 + 4.0 * square)
    curve: FloatArray = (gauss + fraction * (lorentz - gauss)) / fwhm
    return curve


def pseudo_voigt_cdf(energy: ArrayLike, center: ArrayLike, fwhm: ArrayLike, fraction: ArrayLike) -> FloatArray:
    """Integral of `pseudo_voigt` from minus infinity to `energy`: error function and arc tangent."""
    from scipy.special import erf

    u = 2.0 * (np.asarray(energy) - center) / np.asarray(fwhm)
    gauss = 0.5 * (1.0 + erf(math.sqrt(_LN2) * u))
    lorentz = 0.5 + np.arctan(u) / math.pi
    curve: FloatArray = gauss + fraction * (lorentz - gauss)
    return curve


class LinePartials(NamedTuple):
    """A line, or its integral, with its derivative by each of its parameters; all of one shape.

    Parameters
    ----------
    curve : ndarray
        In 1/eV, or without unit for an integral.
    center, fwhm, fraction : ndarray
        Derivatives of `curve` by the parameter of that name.
    """

    curve: FloatArray
    center: FloatArray
    fwhm: FloatArray
    fraction: FloatArray


def pseudo_voigt_partials(energy: ArrayLike, center: ArrayLike, fwhm: ArrayLike, fraction: ArrayLike) -> LinePartials:
    """`pseudo_voigt` with its analytic derivatives; the parameters broadcast as they do there."""
    width = np.asarray(fwhm)
    u = (np.asarray(energy) - center) / width
    square = u * u
    gauss = np.exp(-4.0 * _LN2 * square) * (2.0 * math.sqrt(_LN2 / math.pi) / width)
    pole = 1.0 / (1.0 + 4.0 * square)
    lorentz = pole * (2.0 / math.pi / width)
    excess = lorentz - gauss
    curve = gauss + fraction * excess
    pull = gauss * _LN2
    pull += fraction * (lorentz * pole - pull)
    by_center = pull * u * (8.0 / width)
    return LinePartials(curve, by_center, by_center * u - curve / width, excess)


def pseudo_voigt_cdf_partials(
    energy: ArrayLike, center: ArrayLike, fwhm: ArrayLike, fraction: ArrayLike, curve: FloatArray
) -> LinePartials:
    """`pseudo_voigt_cdf` with its analytic derivatives; `curve` is `pseudo_voigt` for the same arguments."""
    from scipy.special import erf

    u = (np.asarray(energy) - center) / np.asarray(fwhm)
    gauss = 0.5 + 0.5 * erf(2.0 * math.sqrt(_LN2) * u)
    excess = 0.5 + np.arctan(2.0 * u) / math.pi - gauss
    return LinePartials(gauss + fraction * excess, -curve, -u * curve, excess)


def vibrational_weights(quanta: ArrayLike, members: int) -> NDArray[np.float64]:
    """Poisson weights of a vibrational progression, normalised over its first `members`.

    Parameters
    ----------
    quanta : array_like, shape (...)
        Mean number of quanta excited with the core hole (Huang-Rhys factor of a linearly displaced oscillator), not
        negative.
    members : int
        How many members to keep.

    Returns
    -------
    ndarray, shape (..., members)
        Last axis sums to 1.
    """
    mean = np.asarray(quanta, dtype=float)[..., None]
    number = np.arange(members)
    weights: NDArray[np.float64] = mean**number / np.array([math.factorial(n) for n in number])
    weights /= weights.sum(axis=-1, keepdims=True)
    return weights


def vibrational_slopes(quanta: float, members: int) -> NDArray[np.float64]:
    """Differentiate `vibrational_weights` by the mean number of quanta, shape (members,)."""
    number = np.arange(members)
    factorials = np.array([math.factorial(n) for n in number], dtype=float)
    powers = quanta**number / factorials
    slopes = np.concatenate([[0.0], powers[:-1]])
    total = powers.sum()
    result: NDArray[np.float64] = slopes / total - powers * (slopes.sum() / total**2)
    return result
