"""Line shapes of unit area."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def pseudo_voigt(energy: ArrayLike, centre: ArrayLike, fwhm: ArrayLike, lorentzian: ArrayLike) -> NDArray[np.floating]:
    """Pseudo-Voigt of unit area, Gaussian and Lorentzian of the same width.

    Parameters
    ----------
    energy, centre, fwhm : array_like
        In eV; they broadcast together.
    lorentzian : array_like
        Share of the Lorentzian, 0 to 1.

    Returns
    -------
    ndarray
        In 1/eV.
    """
    fwhm = np.asarray(fwhm)
    reduced = (np.asarray(energy) - centre) / fwhm
    square = reduced * reduced
    gaussian = np.exp(-4 * np.log(2) * square) * np.sqrt(4 * np.log(2) / np.pi)
    cauchy = (2 / np.pi) / (1 + 4 * square)
    curve: NDArray[np.floating] = (gaussian + lorentzian * (cauchy - gaussian)) / fwhm
    return curve


def vibrational_weights(quanta: ArrayLike, members: int) -> NDArray[np.float64]:
    """Poisson weights of a vibrational progression, normalised over its first `members`.

    Parameters
    ----------
    quanta : array_like, shape (n,)
        Mean number of quanta excited with the core hole (Huang-Rhys factor, linear coupling).
    members : int
        How many members to keep.

    Returns
    -------
    ndarray, shape (n, members)
        Rows sum to 1.
    """
    quanta = np.asarray(quanta, dtype=float)
    weights = np.ones((quanta.size, members))
    for member in range(1, members):
        weights[:, member] = weights[:, member - 1] * quanta / member
    weights /= weights.sum(axis=1, keepdims=True)
    return weights
