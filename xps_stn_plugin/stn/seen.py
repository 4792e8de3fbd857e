"""Regions as the network is given them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .network_config import CHANNELS_PER_REGION


@dataclass(frozen=True)
class Seen:
    """Measured regions of n spectra, one after the other.

    Parameters
    ----------
    rows : Tensor, shape (r, 3, points)
        Channels of each region, from `inputs.region_rows`.
    level : Tensor of int, shape (r,)
        Core level of each region, in the order of the network's.
    spectrum : Tensor of int, shape (r,)
        Spectrum that each region belongs to.
    size : int
        Number of spectra.
    """

    rows: Tensor
    level: Tensor
    spectrum: Tensor
    size: int


def seen_of(channels: Seen | Tensor) -> Seen:
    """Regions of spectra that hold every core level, shape (n, 3 * regions, points), from `inputs.network_input`."""
    if isinstance(channels, Seen):
        return channels
    size, _, points = channels.shape
    rows = channels.view(size, CHANNELS_PER_REGION, -1, points).transpose(1, 2)
    regions = rows.shape[1]
    spectrum = torch.arange(size, device=channels.device).repeat_interleave(regions)
    level = torch.arange(regions, device=channels.device).repeat(size)
    return Seen(rows.reshape(-1, CHANNELS_PER_REGION, points), level, spectrum, size)
