"""Size of the network, and with it the names and shapes of its tensors; without torch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

#: Kinds of channels per core level: compressed common scale, own scale, where measured.
CHANNELS_PER_REGION: Final = 3
#: Lengths in points of the two stems' convolutions.
LOCALISER_KERNEL: Final = 9
CLASSIFIER_KERNEL: Final = 7
#: Length in points of the other convolutions, and of the one that doubles the points.
KERNEL: Final = 5
DOUBLING_KERNEL: Final = 4
#: Points that the reader of lines averages, and its width.
LINE_POOL: Final = 4
LINE_WIDTH: Final = 16
#: Differential charging comes in units of this many eV, its usual size.
REGION_UNIT: Final = 0.1
#: Half width in eV of the part of the distribution around its highest mode that makes the shift.
MODE_REACH: Final = 0.6


@dataclass(frozen=True)
class NetworkConfig:
    """Size of the network.

    Parameters
    ----------
    regions, points, groups : int
        Core levels that have a stem, points per channel, functional groups.
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
    materials : int
        Classes of materials; 0 for a network that does not tell them.
    lines : bool
        Whether it tells of each region if it has a line of its core level.
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
    materials: int = 0
    lines: bool = False

    @property
    def bins(self) -> int:
        """Number of bins of the distribution over shifts."""
        return round(2 * self.max_shift / self.step)

    @property
    def first_bin(self) -> int:
        """Point whose score is that of the first bin."""
        return (self.points - self.bins) // 2


def shift_bins(config: NetworkConfig) -> NDArray[np.float32]:
    """Shifts in eV of the bins of the distribution, shape (bins,)."""
    return ((np.arange(config.bins) - (config.bins - 1) / 2) * config.step).astype(np.float32)


def tensor_shapes(config: NetworkConfig) -> dict[str, tuple[int, ...]]:
    """Shapes of the network's tensors by name; all but the counters of the normalisations are of single precision."""
    return dict(_shapes(config))


def is_counter(name: str) -> bool:
    """Whether a tensor counts the batches of a normalisation, as a 64-bit integer."""
    return name.endswith("num_batches_tracked")


def _shapes(config: NetworkConfig) -> Iterator[tuple[str, tuple[int, ...]]]:
    width, classes, hidden = config.localiser_width, config.classifier_width, config.hidden
    yield from _stem("localiser.stem", config.regions, LOCALISER_KERNEL, width)
    for block in range(len(config.dilations)):
        name = f"localiser.blocks.{block}"
        for convolution, norm in ((0, 1), (3, 4)):
            yield f"{name}.body.{convolution}.weight", (width, width, KERNEL)
            yield from _norm(f"{name}.body.{norm}", width)
        yield from _dense(f"{name}.context", width, width)
    yield "localiser.up.0.weight", (width, width // 2, DOUBLING_KERNEL)
    yield "localiser.up.0.bias", (width // 2,)
    yield "localiser.up.2.weight", (1, width // 2, KERNEL)
    yield "localiser.up.2.bias", (1,)
    yield from _stem("classifier.stem", config.regions, CLASSIFIER_KERNEL, classes)
    for number, inputs in enumerate((classes + width, classes)):
        yield f"classifier.body.{number}.0.weight", (classes, inputs, KERNEL)
        yield from _norm(f"classifier.body.{number}.1", classes)
    yield "classifier.dense.0.weight", (hidden, classes * -(-config.points // 8))
    yield from _norm("classifier.dense.1", hidden)
    for layer, norm in ((0, 1), (4, 5)):
        yield f"classifier.dense.3.body.{layer}.weight", (hidden, hidden)
        yield from _norm(f"classifier.dense.3.body.{norm}", hidden)
    yield from _dense("classifier.groups", config.groups, hidden)
    yield from _dense("classifier.regions", 2 * config.regions, hidden)
    yield from _dense("classifier.outside", 1, hidden + 2 * width)
    if config.materials:
        yield from _dense("classifier.materials", config.materials, hidden + 2 * width)
    if config.lines:
        inputs = CHANNELS_PER_REGION * (config.points // LINE_POOL)
        yield "classifier.lines.weight", (config.regions, inputs, LINE_WIDTH)
        yield from _dense("classifier.lines.context", LINE_WIDTH, hidden)
        yield from _dense("classifier.lines.out", 1, LINE_WIDTH)


def _stem(name: str, regions: int, kernel: int, width: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield f"{name}.weight", (regions, CHANNELS_PER_REGION * kernel, width)
    yield from _norm(f"{name}.norm", width)


def _dense(name: str, outputs: int, inputs: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield f"{name}.weight", (outputs, inputs)
    yield f"{name}.bias", (outputs,)


def _norm(name: str, width: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    for part in ("weight", "bias", "running_mean", "running_var"):
        yield f"{name}.{part}", (width,)
    yield f"{name}.num_batches_tracked", ()
