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
    """

    shift_logits: Tensor
    shift: Tensor
    group_logits: Tensor


class _ResidualBlock(nn.Module):
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
        self.blocks = nn.Sequential(*[_ResidualBlock(width, dilation) for dilation in config.dilations])
        self.up = nn.Sequential(
            nn.ConvTranspose1d(width, width // 2, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv1d(width // 2, 1, 5, padding=2),
        )
        self.bins = round(2 * config.max_shift / config.step)
        self.first = (config.points - self.bins) // 2

    def forward(self, channels: Tensor) -> Tensor:
        """Logits over shift bins, shape (n, bins)."""
        scores: Tensor = self.up(self.blocks(self.stem(channels))).squeeze(1)
        return scores[:, self.first : self.first + self.bins]


class Classifier(nn.Module):
    """Reads functional groups from the aligned spectrum."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        channels, width = CHANNELS_PER_REGION * config.regions, config.classifier_width
        self.features = nn.Sequential(
            nn.Conv1d(channels, width, 7, stride=2, padding=3, bias=False),
            nn.BatchNorm1d(width),
            nn.ReLU(),
            nn.Conv1d(width, width, 5, stride=2, padding=2, bias=False),
            nn.BatchNorm1d(width),
            nn.ReLU(),
            nn.Conv1d(width, width, 5, stride=2, padding=2, bias=False),
            nn.BatchNorm1d(width),
            nn.ReLU(),
            nn.Flatten(),
        )
        size = width * -(-config.points // 8)
        self.dense = nn.Sequential(
            nn.Linear(size, config.hidden, bias=False),
            nn.BatchNorm1d(config.hidden),
            nn.ReLU(),
            nn.Dropout(config.dropout),
            nn.Linear(config.hidden, config.groups),
        )

    def forward(self, channels: Tensor) -> Tensor:
        """Log odds of the groups, shape (n, groups)."""
        logits: Tensor = self.dense(self.features(channels))
        return logits


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

    def forward(self, channels: Tensor) -> NetworkOutput:
        """Read shift and groups.

        Parameters
        ----------
        channels : Tensor, shape (n, 3 * regions, points)
            From `network_input`.

        Returns
        -------
        NetworkOutput
            Distribution over shifts, its mean, and group logits.
        """
        logits = self.localiser(channels).float()
        # Energies need full precision, whatever the convolutions are computed in.
        with torch.autocast(channels.device.type, enabled=False):
            shift = mean_around_mode(logits, self.shift_bins)
            aligned = shift_axis(channels, shift, self.config.step)
        return NetworkOutput(logits, shift, self.classifier(aligned).float())
