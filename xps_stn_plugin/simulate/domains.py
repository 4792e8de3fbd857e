"""Differential charging within a region: parts of a sample with charge shifts of their own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .config import SimulationConfig
from .line_list import FloatArray, LineList

#: Parts by which a charging tail is drawn; with tails of up to 0.35 eV they lie closer together than a line is wide.
PARTS = 8


@dataclass(frozen=True)
class Domains:
    """Parts of each sample.

    Parameters
    ----------
    offset : ndarray, shape (n, parts)
        Charging of each part on top of the sample's mean in eV.
    share : ndarray, shape (n, parts)
        Of the area; sums to 1, and its mean offset is 0. An evenly charged sample has one part.
    """

    offset: FloatArray
    share: FloatArray

    @classmethod
    def draw(cls, number: int, even: NDArray[np.bool_], config: SimulationConfig, rng: np.random.Generator) -> Domains:
        """Draw two domains or a tail for a part of the samples, but not for those that are `even`, shape (number,)."""
        offset, share = np.zeros((number, PARTS)), np.zeros((number, PARTS))
        share[:, 0] = 1.0
        chance = np.where(even, 1.0, rng.random(number))
        has_two = chance < config.domain_share
        part = rng.uniform(*config.domain_part, number)
        separation = _either_sign(rng.uniform(*config.domain_apart, number), rng)
        share[has_two, 0], share[has_two, 1] = 1 - part[has_two], part[has_two]
        offset[has_two, 1] = separation[has_two]
        tail = ~has_two & (chance < config.domain_share + config.tail_share)
        length = _either_sign(rng.uniform(*config.tail_length, number), rng)
        # Middles of equal parts of an exponential distribution.
        quantile = -np.log(1 - (np.arange(PARTS) + 0.5) / PARTS)
        share[tail] = 1 / PARTS
        offset[tail] = length[tail, None] * quantile
        offset -= (share * offset).sum(-1, keepdims=True)
        return cls(offset, np.where(share > 0, share, 0.0))

    def split(self, lines: LineList, regions: int) -> LineList:
        """Draw every line once for each part of its sample."""
        sample = lines.row // regions
        uneven = self.share[:, 1] > 0
        parts = [lines.take(~uneven[sample])]
        for number in range(self.share.shape[1]):
            chosen = np.flatnonzero(uneven[sample] & (self.share[sample, number] > 0))
            parts.append(
                lines.take(chosen, energy=self.offset[sample[chosen], number], area=self.share[sample[chosen], number])
            )
        return LineList.joined(*parts)


def _either_sign(values: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Turn the sign of about half of the values."""
    return np.where(rng.random(values.shape) < 0.5, -values, values)
