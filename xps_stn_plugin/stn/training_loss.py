"""What a step of training is given, and what it is told to make small."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from ..simulate.spectra import SpectrumBatch
from .inputs import network_input
from .network import REGION_UNIT, NetworkOutput
from .training_config import TrainingConfig


@dataclass(frozen=True)
class Batch:
    """Spectra of one step and what is taught of them, as tensors of n spectra on one device.

    Attributes
    ----------
    channels : shape (n, channels, points)
        Input of the network.
    domain_shift, domain_share : shape (n, parts)
        Charging of each part of a sample in eV, and its share of the area.
    labels : shape (n, groups)
    outside : shape (n,)
    region_shift : shape (n, regions)
        Charging of each region in eV relative to C 1s.
    charged : shape (n, regions)
        Whether that can be told.
    """

    channels: Tensor
    domain_shift: Tensor
    domain_share: Tensor
    labels: Tensor
    outside: Tensor
    region_shift: Tensor
    charged: Tensor


def _charged(drawn: SpectrumBatch) -> NDArray[np.bool_]:
    """Regions whose differential charging can be told: with a line, beside one of C 1s, which carries the scale."""
    charged: NDArray[np.bool_] = drawn.lined & drawn.lined[:, :1]
    charged[:, 0] = False
    return charged


def to_device(drawn: SpectrumBatch, device: torch.device) -> Batch:
    """Turn drawn spectra into tensors."""
    counts = torch.from_numpy(drawn.counts).to(device)
    measured = torch.from_numpy(drawn.measured).to(device)
    return Batch(
        channels=network_input(counts, measured),
        domain_shift=torch.from_numpy(drawn.domain_shift.astype(np.float32)).to(device),
        domain_share=torch.from_numpy(drawn.domain_share.astype(np.float32)).to(device),
        labels=torch.from_numpy(drawn.labels.astype(np.float32)).to(device),
        outside=torch.from_numpy(drawn.outside.astype(np.float32)).to(device),
        region_shift=torch.from_numpy(drawn.region_shift.astype(np.float32)).to(device),
        charged=torch.from_numpy(_charged(drawn).astype(np.float32)).to(device),
    )


def shift_target(bins: Tensor, domain_shift: Tensor, domain_share: Tensor, blur: float) -> Tensor:
    """Distribution over shifts that is taught: as wide as the truth is.

    Parameters
    ----------
    bins : Tensor, shape (bins,)
        Shifts in eV.
    domain_shift, domain_share : Tensor, shape (n, parts)
        Charging of each part of a sample in eV, and its share of the area; shares sum to 1.
    blur : float
        Standard deviation in eV of what one part adds.

    Returns
    -------
    Tensor, shape (n, bins)
        Sums to 1: one bump for an evenly charged sample, one for each domain of another.
    """
    distance = (bins - domain_shift[..., None]) / blur
    target: Tensor = (domain_share[..., None] * torch.softmax(-0.5 * distance**2, dim=-1)).sum(1)
    return target


def loss_of(output: NetworkOutput, batch: Batch, bins: Tensor, config: TrainingConfig) -> Tensor:
    """Loss of a batch: shift and groups where the sample is known, what is outside, and shifts of single regions."""
    target = shift_target(bins, batch.domain_shift, batch.domain_share, config.shift_blur)
    shift_loss = functional.cross_entropy(output.shift_logits, target, reduction="none")
    group_loss = functional.binary_cross_entropy_with_logits(output.group_logits, batch.labels, reduction="none").mean(
        -1
    )
    outside_loss = functional.binary_cross_entropy_with_logits(output.outside_logit, batch.outside)
    # Nothing is to be learnt of shift and groups where the sample is foreign.
    inside = 1 - batch.outside
    organic = (inside * (shift_loss + config.group_weight * group_loss)).sum() / inside.sum().clamp(min=1)
    # Gaussian likelihood of what is charged apart from C 1s.
    distance = (output.region_shift - batch.region_shift) / output.region_sigma
    region_loss = 0.5 * distance**2 + torch.log(output.region_sigma / REGION_UNIT)
    known = batch.charged * inside[:, None]
    apart = (known * region_loss).sum() / known.sum().clamp(min=1)
    return organic + config.outside_weight * outside_loss + config.region_weight * apart
