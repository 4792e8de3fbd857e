"""Localisation network -> distribution over shifts -> rigid transform -> group classifier.

Core levels have no fixed number: each has a stem of its own, only those that a spectrum has are computed, and their sum
enters one trunk.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from .network_config import (
    CHANNELS_PER_REGION,
    CLASSIFIER_KERNEL,
    DOUBLING_KERNEL,
    KERNEL,
    LINE_POOL,
    LINE_WIDTH,
    LOCALISER_KERNEL,
    MODE_REACH,
    REGION_UNIT,
    NetworkConfig,
    shift_bins,
)
from .seen import Seen, seen_of
from .transform import shift_axis


@dataclass(frozen=True)
class NetworkOutput:
    """What the network says about a batch.

    Parameters
    ----------
    shift_logits : Tensor, shape (n, bins)
        Unnormalised log probability of each shift bin.
    shift : Tensor, shape (n,)
        Mean of the distribution around its highest mode in eV; by it the axis was moved.
    group_logits : Tensor, shape (n, groups)
        Log odds of each functional group.
    outside_logit : Tensor, shape (n,)
        Log odds that the spectrum is not of a sample that the network is made for.
    region_shift, region_sigma : Tensor, shape (n, regions)
        Differential charging of each core level, on top of the shift, and its standard deviation in eV.
    material_logits : Tensor, shape (n, materials)
        Log odds of each class of materials.
    line_logits : Tensor, shape (r,)
        Log odds that a measured region has a line of its core level; none from a network that does not tell.
    """

    shift_logits: Tensor
    shift: Tensor
    group_logits: Tensor
    outside_logit: Tensor
    region_shift: Tensor
    region_sigma: Tensor
    material_logits: Tensor
    line_logits: Tensor


class LevelStem(nn.Module):
    """A convolution with weights of its own for each core level, summed over the regions of a spectrum."""

    def __init__(self, levels: int, width: int, kernel: int) -> None:
        super().__init__()
        taps = CHANNELS_PER_REGION * kernel
        self.kernel = kernel
        self.weight = nn.Parameter(torch.empty(levels, taps, width))
        # As a convolution over the channels of four regions, which is what most spectra have.
        nn.init.uniform_(self.weight, -((4 * taps) ** -0.5), (4 * taps) ** -0.5)
        self.norm = nn.BatchNorm1d(width)

    def forward(self, seen: Seen) -> Tensor:
        """Features of shape (n, width, points / 2)."""
        padded = functional.pad(seen.rows, (self.kernel // 2, self.kernel // 2))
        patches = padded.unfold(-1, self.kernel, 2).permute(0, 2, 1, 3).flatten(2)
        features = torch.bmm(patches, self.weight[seen.level])
        summed = features.new_zeros(seen.size, *features.shape[1:]).index_add(0, seen.spectrum, features)
        result: Tensor = torch.relu(self.norm(summed.transpose(1, 2)))
        return result


class LineReader(nn.Module):
    """Tells of each region whether it has a line of its core level, from the aligned region and the whole spectrum."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        inputs = CHANNELS_PER_REGION * (config.points // LINE_POOL)
        self.weight = nn.Parameter(torch.empty(config.regions, inputs, LINE_WIDTH))
        nn.init.uniform_(self.weight, -(inputs**-0.5), inputs**-0.5)
        self.context = nn.Linear(config.hidden, LINE_WIDTH)
        self.out = nn.Linear(LINE_WIDTH, 1)

    def forward(self, seen: Seen, hidden: Tensor) -> Tensor:
        """Log odds, shape (r,), from aligned regions and `hidden`, shape (n, hidden)."""
        pooled = functional.avg_pool1d(seen.rows, LINE_POOL).flatten(1)
        own = torch.bmm(pooled.unsqueeze(1), self.weight[seen.level]).squeeze(1)
        result: Tensor = self.out(torch.relu(own + self.context(hidden)[seen.spectrum])).squeeze(1)
        return result


class ResidualBlock(nn.Module):
    """Two convolutions, and at every place what the mean over all places says."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv1d(width, width, KERNEL, padding=KERNEL // 2 * dilation, dilation=dilation, bias=False),
            nn.BatchNorm1d(width),
            nn.ReLU(),
            nn.Conv1d(width, width, KERNEL, padding=KERNEL // 2 * dilation, dilation=dilation, bias=False),
            nn.BatchNorm1d(width),
        )
        self.context = nn.Linear(width, width)

    def forward(self, features: Tensor) -> Tensor:
        """Features of the same shape, (n, width, points)."""
        # The mean over the axis tells every place what else is in the sample, wherever it lies.
        context = self.context(features.mean(-1)).unsqueeze(-1)
        result: Tensor = torch.relu(features + self.body(features) + context)
        return result


class Localiser(nn.Module):
    """Convolutions that move with the spectrum: the score of a shift is read at the place that belongs to it."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        width = config.localiser_width
        self.stem = LevelStem(config.regions, width, LOCALISER_KERNEL)
        self.blocks = nn.Sequential(*[ResidualBlock(width, dilation) for dilation in config.dilations])
        self.up = nn.Sequential(
            nn.ConvTranspose1d(width, width // 2, DOUBLING_KERNEL, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv1d(width // 2, 1, KERNEL, padding=KERNEL // 2),
        )
        self.bins = config.bins
        self.first = config.first_bin

    def forward(self, seen: Seen | Tensor) -> tuple[Tensor, Tensor]:
        """Logits over shift bins, shape (n, bins), and the features they came from, shape (n, width, points / 2)."""
        features: Tensor = self.blocks(self.stem(seen_of(seen)))
        scores: Tensor = self.up(features).squeeze(1)
        return scores[:, self.first : self.first + self.bins], features


def _halved(inputs: int, outputs: int, kernel: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv1d(inputs, outputs, kernel, stride=2, padding=kernel // 2, bias=False),
        nn.BatchNorm1d(outputs),
        nn.ReLU(),
    )


class _ResidualDense(nn.Module):
    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(width, width, bias=False),
            nn.BatchNorm1d(width),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(width, width, bias=False),
            nn.BatchNorm1d(width),
        )

    def forward(self, values: Tensor) -> Tensor:
        result: Tensor = torch.relu(values + self.body(values))
        return result


class Classifier(nn.Module):
    """Reads functional groups from the aligned spectrum and the aligned features of the localiser."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        width, shared = config.classifier_width, config.localiser_width
        self.stem = LevelStem(config.regions, width, CLASSIFIER_KERNEL)
        self.body = nn.Sequential(_halved(width + shared, width, KERNEL), _halved(width, width, KERNEL), nn.Flatten())
        self.dense = nn.Sequential(
            nn.Linear(width * -(-config.points // 8), config.hidden, bias=False),
            nn.BatchNorm1d(config.hidden),
            nn.ReLU(),
            _ResidualDense(config.hidden, config.dropout),
            nn.Dropout(config.dropout),
        )
        self.groups = nn.Linear(config.hidden, config.groups)
        self.regions = nn.Linear(config.hidden, 2 * config.regions)
        # What is foreign cannot be aligned, hence the features' mean and maximum beside the aligned view.
        self.outside = nn.Linear(config.hidden + 2 * shared, 1)
        self.materials = nn.Linear(config.hidden + 2 * shared, config.materials) if config.materials else None
        self.lines = LineReader(config) if config.lines else None

    def forward(self, seen: Seen, features: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Log odds of groups, being outside, materials and lines; shifts and log sigmas, (n, 2 * regions).

        The order is that of `NetworkOutput`, shifts and log sigmas in one.
        """
        hidden = self.dense(self.body(torch.cat([self.stem(seen), features], dim=1)))
        whole = torch.cat([hidden, features.mean(-1), features.amax(-1)], dim=1)
        materials = hidden.new_zeros(seen.size, 0) if self.materials is None else self.materials(whole)
        lines = hidden.new_zeros(0) if self.lines is None else self.lines(seen, hidden)
        return self.groups(hidden), self.outside(whole).squeeze(1), self.regions(hidden), materials, lines


def mean_around_mode(logits: Tensor, bins: Tensor) -> Tensor:
    """Mean of a distribution over shifts within 0.6 eV of its highest bin.

    The mean of all would lie between two modes where no shift fits. This one has a gradient, as the mean of all has.

    Parameters
    ----------
    logits : Tensor, shape (n, bins)
        Unnormalised log probabilities.
    bins : Tensor, shape (bins,)
        Shifts in eV.

    Returns
    -------
    Tensor, shape (n,)
        In eV.
    """
    mode = bins[logits.argmax(-1, keepdim=True)]
    near = (bins - mode).abs() <= MODE_REACH
    return logits.masked_fill(~near, float("-inf")).softmax(-1) @ bins


class ShiftTransformer(nn.Module):
    """The whole network.

    Parameters
    ----------
    config : NetworkConfig
        Its size.
    """

    shift_bins: Tensor

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.localiser = Localiser(config)
        self.classifier = Classifier(config)
        self.register_buffer("shift_bins", torch.from_numpy(shift_bins(config)), persistent=False)

    def forward(self, channels: Seen | Tensor, shift: Tensor | None = None) -> NetworkOutput:
        """Read shift and groups.

        Parameters
        ----------
        channels : Seen, or Tensor of shape (n, 3 * regions, points)
            Measured regions of n spectra from `region_rows`, or all core levels from `network_input`.
        shift : Tensor of shape (n,) or None
            Shift in eV by which to move the axis, where it is known; else it is read from the spectrum.

        Returns
        -------
        NetworkOutput
            Distribution over shifts, its mean, groups, materials, lines, log odds of being outside, and differential
            charging.
        """
        seen = seen_of(channels)
        scores, features = self.localiser(seen)
        logits = scores.float()
        # Energies need full precision, whatever the convolutions are computed in.
        with torch.autocast(seen.rows.device.type, enabled=False):
            if shift is None:
                shift = mean_around_mode(logits, self.shift_bins)
            aligned = replace(seen, rows=shift_axis(seen.rows, shift[seen.spectrum], self.config.step))
            # The shift is taught by its own loss and by the spectrum, not by features that could shift themselves.
            carried = shift_axis(features.float(), shift.detach(), 2 * self.config.step)
        groups, outside, regions, materials, lines = self.classifier(aligned, carried.to(features.dtype))
        apart, log_sigma = regions.float().chunk(2, dim=-1)
        return NetworkOutput(
            shift_logits=logits,
            shift=shift,
            group_logits=groups.float(),
            outside_logit=outside.float(),
            region_shift=REGION_UNIT * apart,
            region_sigma=REGION_UNIT * torch.exp(torch.clamp(log_sigma, -4.0, 4.0)),
            material_logits=materials.float(),
            line_logits=lines.float(),
        )
