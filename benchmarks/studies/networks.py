"""Compared networks: each maps channels to a shift in eV, if it has one, and group logits.

The paper's networks are built from their description (arXiv 2603.05350 and its public repository): sizes, start values
and the free scale of its transform are as there.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from xps_stn_plugin.stn.network import Localiser, ShiftTransformer, mean_around_mode
from xps_stn_plugin.stn.network_config import MODE_REACH, NetworkConfig
from xps_stn_plugin.stn.transform import shift_axis


@dataclass(frozen=True)
class Reading:
    """Output of a network for a batch.

    Parameters
    ----------
    group_logits : Tensor, shape (n, groups)
        Log odds of each functional group.
    shift : Tensor of shape (n,) or None
        In eV; None for a network without one.
    shift_logits : Tensor of shape (n, bins) or None
        Scores of shift bins, for networks that are taught by them.
    rounds : tuple of Tensor, shape (n,)
        Shift in eV after each round, for networks that are taught the number itself.
    """

    group_logits: Tensor
    shift: Tensor | None = None
    shift_logits: Tensor | None = None
    rounds: tuple[Tensor, ...] = ()


class Reader(nn.Module):
    """A network of this comparison: channels of shape (n, channels, points) -> `Reading`.

    `shift_bins` are the shifts in eV that belong to `Reading.shift_logits`; empty for networks without them.
    """

    shift_bins: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("shift_bins", torch.zeros(0), persistent=False)

    def forward(self, channels: Tensor) -> Reading:
        """Read a batch."""
        raise NotImplementedError


def paper_classifier(inputs: int, groups: int) -> nn.Sequential:
    """Make the paper's MLP: two hidden layers with batch norm, leaky ReLU and dropout."""
    layers: list[nn.Module] = []
    for size, width in ((inputs, 256), (256, 128)):
        layers += [nn.Linear(size, width), nn.BatchNorm1d(width), nn.LeakyReLU(0.01), nn.Dropout(0.1)]
    return nn.Sequential(*layers, nn.Linear(128, groups))


class PaperMlp(Reader):
    """The paper's classifier on the spectrum as it comes."""

    def __init__(self, inputs: int, groups: int) -> None:
        super().__init__()
        self.classifier = paper_classifier(inputs, groups)

    def forward(self, channels: Tensor) -> Reading:
        """Read groups alone."""
        return Reading(self.classifier(channels.flatten(1)).float())


class PaperStn(Reader):
    """The paper's STN: an MLP gives scale and translation of the axis, its MLP reads the moved spectrum.

    Nothing ties its axis to the energy scale, so that its shift is an equivalent at one place: how far the sampled
    point lies above the point that it is moved to. A constant offset of it has no meaning.

    Parameters
    ----------
    channels, points, groups : int
        Size of input and output.
    step : float
        Distance of points in eV.
    place : float
        Index of the point at which the shift is read.
    """

    def __init__(self, channels: int, points: int, groups: int, step: float, place: float) -> None:
        super().__init__()
        last = nn.Linear(32, 2)
        nn.init.zeros_(last.weight)
        with torch.no_grad():
            last.bias.copy_(torch.tensor([1.0, 0.0]))
        inputs = channels * points
        self.localisation = nn.Sequential(nn.Linear(inputs, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU(), last)
        self.classifier = paper_classifier(inputs, groups)
        self.half_width = points * step / 2  # eV for 1 of the normalised axis (align_corners=False)
        self.place = (2 * place + 1) / points - 1

    def forward(self, channels: Tensor) -> Reading:
        """Stretch, shift and read."""
        scale, translation = self.localisation(channels.flatten(1)).float().unbind(1)
        with torch.autocast(channels.device.type, enabled=False):
            theta = torch.zeros(len(channels), 2, 3, device=channels.device)
            theta[:, 0, 0] = scale
            theta[:, 1, 1] = 1
            theta[:, 0, 2] = translation
            planes = channels.unsqueeze(2)
            sampling_grid = functional.affine_grid(theta, list(planes.shape), align_corners=False)
            aligned = functional.grid_sample(planes, sampling_grid, padding_mode="zeros", align_corners=False).squeeze(
                2
            )
        shift = ((scale - 1) * self.place + translation) * self.half_width
        return Reading(self.classifier(aligned.flatten(1)).float(), shift)


class Convolutions(nn.Module):
    """Three strided convolutions and a dense layer, as in our classifier; `extra` numbers join at the dense layer."""

    def __init__(self, config: NetworkConfig, channels: int, outputs: int, extra: int = 0) -> None:
        super().__init__()
        width, layers = config.classifier_width, []
        for size, kernel in ((channels, 7), (width, 5), (width, 5)):
            layers += [
                nn.Conv1d(size, width, kernel, stride=2, padding=kernel // 2, bias=False),
                nn.BatchNorm1d(width),
                nn.ReLU(),
            ]
        self.features = nn.Sequential(*layers, nn.Flatten())
        self.dense = nn.Sequential(
            nn.Linear(width * -(-config.points // 8) + extra, config.hidden, bias=False),
            nn.BatchNorm1d(config.hidden),
            nn.ReLU(),
            nn.Dropout(config.dropout),
            nn.Linear(config.hidden, outputs),
        )

    def forward(self, channels: Tensor, extra: Tensor | None = None) -> Tensor:
        """Return outputs of shape (n, outputs)."""
        features = self.features(channels)
        result: Tensor = self.dense(features if extra is None else torch.cat([features, extra.to(features.dtype)], 1))
        return result


class Unaligned(Reader):
    """No transform: convolutions and a dense layer on the measured axis."""

    def __init__(self, config: NetworkConfig, channels: int) -> None:
        super().__init__()
        self.classifier = Convolutions(config, channels, config.groups)

    def forward(self, channels: Tensor) -> Reading:
        """Read groups alone."""
        return Reading(self.classifier(channels).float())


def sharing_weights(network: nn.Module) -> nn.Module:
    """Copy a network with the same weights, but batch norms of its own."""
    copied = copy.deepcopy(network)
    for copied_module, module in zip(copied.modules(), network.modules(), strict=True):
        if not isinstance(module, nn.BatchNorm1d):
            for name, value in module.named_parameters(recurse=False):
                setattr(copied_module, name, value)
    return copied


class Regression(Reader):
    """A dense head gives the shift as one number; the spectrum is moved by it, `rounds` times with the same weights.

    Batch norms are each round's own: what a round sees is spread over 8 eV before the first move and over tenths after
    it, and averages over both would fit neither (Cooijmans et al. 2016, arXiv 1603.09025).
    """

    def __init__(self, config: NetworkConfig, channels: int, rounds: int = 1) -> None:
        super().__init__()
        self.config = config
        first = Convolutions(config, channels, 1)
        self.localisers = nn.ModuleList([first, *(sharing_weights(first) for _ in range(rounds - 1))])
        self.classifier = Convolutions(config, channels, config.groups)

    def forward(self, channels: Tensor) -> Reading:
        """Regress and move, then read."""
        aligned, total = channels, torch.zeros(len(channels), device=channels.device)
        rounds = []
        for localiser in self.localisers:
            step = localiser(aligned).float().squeeze(1).tanh() * self.config.max_shift
            # Each round answers for its own step alone.
            total = total.detach() + step
            rounds.append(total)
            with torch.autocast(channels.device.type, enabled=False):
                aligned = shift_axis(channels, total, self.config.step)
        return Reading(self.classifier(aligned).float(), total, rounds=tuple(rounds))


class PackageNetwork(Reader):
    """The network of the package."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.network = ShiftTransformer(config)
        self.shift_bins = self.network.shift_bins

    def forward(self, channels: Tensor) -> Reading:
        """Read shift and groups."""
        output = self.network(channels)
        return Reading(output.group_logits, output.shift, output.shift_logits)


#: The distribution around its highest mode is handed on in windows of this half width in eV.
SUMMARY_REACH = 3.0
SUMMARY_BINS = 20


def posterior_summary(logits: Tensor, bins: Tensor, shift: Tensor) -> Tensor:
    """Describe a distribution over shifts by numbers of order 1.

    Parameters
    ----------
    logits : Tensor, shape (n, bins)
        Unnormalised log probabilities.
    bins : Tensor, shape (bins,)
        Shifts in eV.
    shift : Tensor, shape (n,)
        The shift by which the axis is moved, in eV.

    Returns
    -------
    Tensor, shape (n, 23)
        Probability in 20 windows around `shift`, entropy in nats, standard deviation about `shift` in eV, and the
        probability further away than all windows.
    """
    probability = logits.softmax(-1)
    distance = bins - shift[:, None]
    edges = torch.linspace(-SUMMARY_REACH, SUMMARY_REACH, SUMMARY_BINS + 1, device=bins.device)
    slot = torch.bucketize(distance.contiguous(), edges)
    counted = torch.zeros(len(logits), SUMMARY_BINS + 2, device=bins.device, dtype=probability.dtype)
    counted = counted.scatter_add(1, slot, probability)
    outside = counted[:, :1] + counted[:, -1:]
    entropy = -(probability * logits.log_softmax(-1)).sum(-1, keepdim=True)
    spread = (probability * distance**2).sum(-1, keepdim=True).clamp(min=1e-8).sqrt()
    return torch.cat([counted[:, 1:-1], entropy, spread, outside], dim=1)


class Distribution(Reader):
    """The localiser of the package, whose highest mode moves the axis, and the plain classifier.

    Parameters
    ----------
    config : NetworkConfig
        Size.
    channels : int
        Of the input.
    seen : bool
        Describe the distribution to the classifier's dense layer, beside the aligned spectrum.
    """

    def __init__(self, config: NetworkConfig, channels: int, seen: bool = False) -> None:
        super().__init__()
        self.config, self.seen = config, seen
        self.localiser = Localiser(config)
        self.shift_bins = ShiftTransformer(config).shift_bins
        self.classifier = Convolutions(config, channels, config.groups, extra=SUMMARY_BINS + 3 if seen else 0)

    def forward(self, channels: Tensor) -> Reading:
        """Read shift and groups."""
        logits = self.scores(channels)
        with torch.autocast(channels.device.type, enabled=False):
            shift = mean_around_mode(logits, self.shift_bins)
            summary = posterior_summary(logits, self.shift_bins, shift) if self.seen else None
        return Reading(self.groups(channels, shift, summary), shift, logits)

    def scores(self, channels: Tensor) -> Tensor:
        """Return logits of the shift bins."""
        # The features, which the classifier of the package shares, are left aside here.
        logits, _ = self.localiser(channels)
        result: Tensor = logits.float()
        return result

    def groups(self, channels: Tensor, shift: Tensor, summary: Tensor | None = None) -> Tensor:
        """Return group logits of the spectrum that is moved by `shift`."""
        with torch.autocast(channels.device.type, enabled=False):
            aligned = shift_axis(channels, shift, self.config.step)
        result: Tensor = self.classifier(aligned, summary).float()
        return result


class AveragedModes(Reader):
    """A trained `Distribution`; group probabilities are averaged over its two highest modes by their probability."""

    def __init__(self, network: Distribution) -> None:
        super().__init__()
        self.network = network
        self.shift_bins = network.shift_bins

    def forward(self, channels: Tensor) -> Reading:
        """Read shift as the network does, and averaged groups."""
        logits, bins = self.network.scores(channels), self.shift_bins
        first = mean_around_mode(logits, bins)
        near_first = (bins - bins[logits.argmax(-1, keepdim=True)]).abs() <= MODE_REACH
        second_logits = logits.masked_fill(near_first, float("-inf"))
        near_second = (bins - bins[second_logits.argmax(-1, keepdim=True)]).abs() <= MODE_REACH
        probability = logits.softmax(-1)
        first_weight, second_weight = ((probability * near).sum(-1) for near in (near_first, near_second & ~near_first))
        share = (first_weight / (first_weight + second_weight))[:, None]
        second = mean_around_mode(second_logits, bins)
        first_groups, second_groups = (self.network.groups(channels, shift).sigmoid() for shift in (first, second))
        mean = share * first_groups + (1 - share) * second_groups
        return Reading(torch.logit(mean, eps=1e-7), first, logits)
