"""Distributions of the network over shifts, and what is read from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

#: How far in eV a second shift lies from the most probable one at least.
AWAY: Final = 0.6
#: Distance in eV from the most probable shift within which the spread is taken.
NEAR: Final = 0.8
#: Distance in eV from the ends of the trained range within which a shift may lie outside.
EDGE: Final = 0.25


@dataclass(frozen=True)
class Posterior:
    """What the rules need of the distributions over shifts.

    Parameters
    ----------
    limit : float
        Largest shift in eV that the network was trained for.
    at_edge : ndarray, shape (n,)
        Probability within `EDGE` eV of the ends of the range.
    first, second : ndarray, shape (n,)
        Most probable shift, and the most probable one further than 0.6 eV from it, in eV.
    second_probability : ndarray, shape (n,)
        That the shift lies further than 0.6 eV from the first.
    spread : ndarray, shape (n,)
        Standard deviation in eV of what lies within 0.8 eV of the first.
    """

    limit: float
    at_edge: FloatArray
    first: FloatArray
    second: FloatArray
    second_probability: FloatArray
    spread: FloatArray

    @classmethod
    def of(cls, posterior: FloatArray, bins: FloatArray) -> Posterior:
        """Read distributions, shape (n, bins), over shifts in eV, shape (bins,)."""
        limit = float(np.abs(bins).max())
        first = bins[posterior.argmax(axis=-1)]
        distance = bins - first[:, None]
        far = np.where(np.abs(distance) > AWAY, posterior, 0.0)
        near = np.where(np.abs(distance) <= NEAR, posterior, 0.0)
        near /= near.sum(axis=-1, keepdims=True)
        mean = (near * distance).sum(axis=-1)
        spread = np.sqrt(np.maximum((near * distance**2).sum(axis=-1) - mean**2, 0.0))
        at_edge = posterior[:, np.abs(bins) > limit - EDGE].sum(axis=-1)
        return cls(limit, at_edge, first, bins[far.argmax(axis=-1)], far.sum(axis=-1), spread)
