"""Localisation network -> distribution over shifts -> rigid transform -> group classifier."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .inputs import CHANNELS_PER_REGION
from .transform import shift_axis


@dataclass(frozen=True)
class NetworkConfig:
    """Size of the network.

    Parameters
    ----------
    regions, points, groups : int
        Core levels, points per channel, functional groups.
    step : float
        Distance of grid points in eV.
    max_shift : float
        The distribution over shifts reaches from -max_shift to max_shift in eV.
    localiser_width : int
        Features of the localisation network.
    dilations : tuple of int
        One residual block each.
    classifier_width : int
        Features of the classifier's convolutions.
    hidden : int
        Width of the classifier's dense layer.
    dropout : float
        Before the last layer of the classifier.
    """

    regions: int
    points: int
    groups: int
    step: float
    max_shift: float
    localiser_width: int = 64
    dilations: tuple[int, ...] = (1, 2, 4, 8, 16, 1)
    classifier_width: int = 64
    hidden: int = 256
    dropout: float = 0.1


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
        Differential charging of each region, on top of the shift, and its standard deviation in eV.
    """

    shift_logits: Tensor
    shift: Tensor
    group_logits: Tensor
    outside_logit: Tensor
    region_shift: Tensor
    region_sigma: Tensor


class ResidualBlock(nn.Module):
    """Two convolutions, and at every place what the mean over all places says."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv1d(width, width, 5, padding=2 * dilation, dilation=dilation, bias=False),
            nn.BatchNorm1d(width),
            nn.ReLU(),
            nn.Conv1d(width, width, 5, padding=2 * dilation, dilation=dilation, bias=False),
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
        channels, width = CHANNELS_PER_REGION * config.regions, config.localiser_width
        self.stem = nn.Sequential(
            nn.Conv1d(channels, width, 9, stride=2, padding=4, bias=False), nn.BatchNorm1d(width), nn.ReLU()
        )
        self.blocks = nn.Sequential(*[ResidualBlock(width, dilation) for dilation in config.dilations])
        self.up = nn.Sequential(
            nn.ConvTranspose1d(width, width // 2, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv1d(width // 2, 1, 5, padding=2),
        )
        self.bins = round(2 * config.max_shift / config.step)
        self.first = (config.points - self.bins) // 2

    def forward(self, channels: Tensor) -> tuple[Tensor, Tensor]:
        """Logits over shift bins, shape (n, bins), and the features they came from, shape (n, width, points / 2)."""
        features: Tensor = self.blocks(self.stem(channels))
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
        self.stem = _halved(CHANNELS_PER_REGION * config.regions, width, 7)
        self.body = nn.Sequential(_halved(width + shared, width, 5), _halved(width, width, 5), nn.Flatten())
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

    def forward(self, channels: Tensor, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Log odds of groups, (n, groups), and of being outside, (n,); shifts and log sigmas, (n, 2 * regions)."""
        hidden = self.dense(self.body(torch.cat([self.stem(channels), features], dim=1)))
        whole = torch.cat([hidden, features.mean(-1), features.amax(-1)], dim=1)
        return self.groups(hidden), self.outside(whole).squeeze(1), self.regions(hidden)


#: Differential charging comes in units of this many eV, its usual size.
REGION_UNIT = 0.1

#: Half width in eV of the part of the distribution around its highest mode that makes the shift.
MODE_REACH = 0.6


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
        bins = self.localiser.bins
        centres = (torch.arange(bins, dtype=torch.float64) - (bins - 1) / 2) * config.step
        self.register_buffer("shift_bins", centres.to(torch.float32), persistent=False)

    def forward(self, channels: Tensor, shift: Tensor | None = None) -> NetworkOutput:
        """Read shift and groups.

        Parameters
        ----------
        channels : Tensor, shape (n, 3 * regions, points)
            From `network_input`.
        shift : Tensor of shape (n,) or None
            Shift in eV by which to move the axis, where it is known; else it is read from the spectrum.

        Returns
        -------
        NetworkOutput
            Distribution over shifts, its mean, group logits, log odds of being outside, and differential charging.
        """
        scores, features = self.localiser(channels)
        logits = scores.float()
        # Energies need full precision, whatever the convolutions are computed in.
        with torch.autocast(channels.device.type, enabled=False):
            if shift is None:
                shift = mean_around_mode(logits, self.shift_bins)
            aligned = shift_axis(channels, shift, self.config.step)
            # The shift is taught by its own loss and by the spectrum, not by features that could shift themselves.
            carried = shift_axis(features.float(), shift.detach(), 2 * self.config.step)
        groups, outside, regions = self.classifier(aligned, carried.to(features.dtype))
        apart, log_sigma = regions.float().chunk(2, dim=-1)
        return NetworkOutput(
            shift_logits=logits,
            shift=shift,
            group_logits=groups.float(),
            outside_logit=outside.float(),
            region_shift=REGION_UNIT * apart,
            region_sigma=REGION_UNIT * torch.exp(torch.clamp(log_sigma, -4.0, 4.0)),
        )
