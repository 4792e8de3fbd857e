"""What a step of training is given, and what it is told to make small."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from ..simulate.samples import SampleBatch
from .inputs import region_rows
from .network import NetworkOutput
from .network_config import REGION_UNIT
from .seen import Seen
from .training_config import TrainingConfig


@dataclass(frozen=True)
class Batch:
    """Spectra of one step and what is taught of them, as tensors of n spectra on one device.

    Attributes
    ----------
    seen : Seen
        Input of the network.
    domain_shift, domain_share : shape (n, parts)
        Charging of each part of a sample in eV, and its share of the area.
    labels : shape (n, groups)
    outside : shape (n,)
    materials : shape (n, materials)
    has_materials : shape (n,)
        Whether these are to be learnt, and with them which regions have a line.
    lined : shape (r,)
        Whether each region that was measured has a line of its core level.
    region_shift : shape (r,)
        Charging of each region that was measured in eV relative to C 1s.
    charged : shape (r,)
        Whether that can be told.
    """

    seen: Seen
    domain_shift: Tensor
    domain_share: Tensor
    labels: Tensor
    outside: Tensor
    materials: Tensor
    has_materials: Tensor
    lined: Tensor
    region_shift: Tensor
    charged: Tensor


def _charged(drawn: SampleBatch) -> NDArray[np.bool_]:
    """Regions whose differential charging can be told: with a line, beside one of C 1s, which carries the scale."""
    # C 1s is the first core level of every network.
    carbon = (drawn.level == 0) & drawn.measured.any(-1)
    has_carbon = (drawn.lined & carbon).any(-1, keepdims=True)
    charged: NDArray[np.bool_] = drawn.lined & has_carbon & ~carbon
    return charged


def to_device(drawn: SampleBatch, device: torch.device) -> Batch:
    """Turn drawn spectra into tensors."""

    def tensor(values: NDArray[np.generic]) -> Tensor:
        return torch.from_numpy(values.astype(np.float32)).to(device)

    counts = torch.from_numpy(drawn.counts).to(device)
    measured = torch.from_numpy(drawn.measured).to(device)
    there = drawn.measured.any(-1)
    return Batch(
        seen=region_rows(counts, measured, torch.from_numpy(np.ascontiguousarray(drawn.level)).to(device)),
        domain_shift=tensor(drawn.domain_shift),
        domain_share=tensor(drawn.domain_share),
        labels=tensor(drawn.labels),
        outside=tensor(drawn.outside),
        materials=tensor(drawn.materials),
        has_materials=tensor(drawn.has_materials),
        lined=tensor(drawn.lined[there]),
        region_shift=tensor(drawn.region_shift[there]),
        charged=tensor(_charged(drawn)[there]),
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
    spectrum, level = batch.seen.spectrum, batch.seen.level
    sigma = output.region_sigma[spectrum, level]
    distance = (output.region_shift[spectrum, level] - batch.region_shift) / sigma
    region_loss = 0.5 * distance**2 + torch.log(sigma / REGION_UNIT)
    known = batch.charged * inside[spectrum]
    apart = (known * region_loss).sum() / known.sum().clamp(min=1)
    loss = organic + config.outside_weight * outside_loss + config.region_weight * apart
    return loss + config.material_weight * _material_loss(output, batch)


def _material_loss(output: NetworkOutput, batch: Batch) -> Tensor:
    """Classes of materials and lines of regions (binary cross entropy), where they are known."""
    if not output.material_logits.numel():
        return output.shift.new_zeros(())
    known = batch.has_materials
    materials = functional.binary_cross_entropy_with_logits(
        output.material_logits, batch.materials, reduction="none"
    ).mean(-1)
    lines = functional.binary_cross_entropy_with_logits(output.line_logits, batch.lined, reduction="none")
    line_known = known[batch.seen.spectrum]
    material_loss = (known * materials).sum() / known.sum().clamp(min=1)
    return material_loss + 0.2 * (line_known * lines).sum() / line_known.sum().clamp(min=1)
