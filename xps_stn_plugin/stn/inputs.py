"""Counts on the grid -> what the network sees; the same for simulated and measured spectra."""

from __future__ import annotations

import torch
from torch import Tensor

from .network_config import CHANNELS_PER_REGION
from .seen import Seen

#: Points averaged at each end of a region for its baseline.
END_POINTS = 4


def remove_baseline(counts: Tensor, measured: Tensor) -> Tensor:
    """Subtract the straight line between the averaged ends of each region.

    Parameters
    ----------
    counts : Tensor, shape (n, regions, points)
        Intensities.
    measured : Tensor of bool, shape (n, regions, points)
        One run of measured points per region, or none.

    Returns
    -------
    Tensor, shape (n, regions, points)
        0 where nothing was measured.
    """
    points = counts.shape[-1]
    position = torch.arange(points, device=counts.device, dtype=counts.dtype)
    size = measured.sum(-1, keepdim=True)
    first = measured.to(torch.uint8).argmax(-1, keepdim=True)
    last = first + size - 1
    ends = torch.clamp(size, min=1, max=END_POINTS)
    low = (measured & (position < first + ends)).to(counts.dtype)
    high = (measured & (position > last - ends)).to(counts.dtype)
    left = (counts * low).sum(-1, keepdim=True) / ends
    right = (counts * high).sum(-1, keepdim=True) / ends
    left_at = first + (ends - 1) / 2
    right_at = last - (ends - 1) / 2
    slope = (right - left) / torch.clamp(right_at - left_at, min=1.0)
    return torch.where(measured, counts - left - slope * (position - left_at), torch.zeros_like(counts))


def network_input(counts: Tensor, measured: Tensor) -> Tensor:
    """Scale spectra for the network.

    Parameters
    ----------
    counts, measured : Tensor, shape (n, regions, points)
        Intensities in any unit, and where there are data.

    Returns
    -------
    Tensor, shape (n, 3 * regions, points)
        For every core level: signed square root of the intensity relative to the highest region (keeps the ratios of
        regions, lifts weak lines), intensity relative to the region's own highest point, and 1 where measured.
    """
    signal = remove_baseline(counts, measured)
    # The maximum of a running mean, lest one noisy channel set the scale.
    smooth = torch.nn.functional.avg_pool1d(signal, 5, stride=1, padding=2)
    height = torch.clamp(smooth.amax(-1, keepdim=True), min=0.0)
    highest = height.amax(1, keepdim=True)
    tiny = torch.finfo(signal.dtype).tiny
    common = signal / torch.clamp(highest, min=tiny)
    common = torch.sign(common) * torch.sqrt(torch.abs(common))
    own = torch.clamp(signal / torch.clamp(torch.maximum(height, 1e-3 * highest), min=tiny), -2.0, 2.0)
    return torch.cat([torch.clamp(common, -2.0, 2.0), own, measured.to(signal.dtype)], dim=1)


def region_rows(counts: Tensor, measured: Tensor, level: Tensor) -> Seen:
    """Scale spectra for the network and leave out what was not measured.

    Parameters
    ----------
    counts, measured : Tensor, shape (n, regions, points)
        As for `network_input`.
    level : Tensor of int, shape (n, regions) or (regions,)
        Core level of each region, in the order of the network's.

    Returns
    -------
    Seen
        Regions with data, spectrum by spectrum.
    """
    size, regions, points = counts.shape
    channels = network_input(counts, measured).view(size, CHANNELS_PER_REGION, regions, points)
    spectrum, region = measured.any(-1).nonzero(as_tuple=True)
    return Seen(channels[spectrum, :, region], level.expand(size, regions)[spectrum, region], spectrum, size)
