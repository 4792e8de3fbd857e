"""Mixtures of measured polymers as the public code of arXiv 2603.05350 makes them, on its energy axis.

What is done, in its order: each polymer to area 1 on the axis, zero where nothing was measured; weighted sum; rigid
shift by whole points, zero fill; negatives to 0; area 1; Gaussian blur.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from benchmarks.polymers import Polymer
from xps_stn_plugin.chemistry.groups import group_names

#: Energy axis of the paper in eV: first point, distance, number of points (40 to 700 eV).
FIRST, STEP, POINTS = 40.0, 0.1, 6601
#: Blur of the paper's model-against-shift loop: standard deviation, in points, of the Gaussian's standard deviation.
BLUR = 0.4
#: The kernel is cut here, in points; the widest of 100 000 blurs is about 1.8.
KERNEL = 7


@dataclass(frozen=True)
class Library:
    """Measured polymers on the paper's axis.

    Parameters
    ----------
    names : tuple of str
        Polymers.
    spectra : Tensor, shape (polymers, 6601)
        Area 1.
    labels : ndarray of bool, shape (polymers, groups)
        In the order of `group_names`.
    """

    names: tuple[str, ...]
    spectra: Tensor
    labels: NDArray[np.bool_]


def library(polymers: Sequence[Polymer]) -> Library:
    """Put polymers on the paper's axis."""
    spectra = np.zeros((len(polymers), POINTS))
    for row, polymer in zip(spectra, polymers, strict=True):
        for region in polymer.regions.values():
            row[points_at(region[:, 0])] = region[:, 1]
        row /= row.sum()
    labels = np.array([[name in polymer.groups for name in group_names()] for polymer in polymers])
    return Library(tuple(polymer.name for polymer in polymers), torch.from_numpy(spectra.astype(np.float32)), labels)


def points_at(energies: NDArray[np.float64]) -> NDArray[np.int64]:
    """Nearest points of the axis to energies in eV."""
    return np.rint((energies - FIRST) / STEP).astype(np.int64)


@dataclass(frozen=True)
class Mixtures:
    """Weights of the library's polymers, shape (n, polymers), and groups of all components, shape (n, groups)."""

    weights: NDArray[np.float32]
    labels: NDArray[np.bool_]

    def part(self, rows: slice) -> Mixtures:
        """Take some of them."""
        return Mixtures(self.weights[rows], self.labels[rows])


def mix(source: Library, members: NDArray[np.int64], number: int, seed: int, corrected: bool = False) -> Mixtures:
    """Draw mixtures of 2 or 3 components, with replacement, fractions uniform(0, 1) over their sum.

    Parameters
    ----------
    source : Library
        All polymers.
    members : ndarray of int
        Those that may be drawn.
    number, seed : int
        Of mixtures; of the draw.
    corrected : bool
        Weights are the fractions. Otherwise as in the paper's code, where the running sum is brought to area 1 after
        each component, so that the first weighs at least 0.44.
    """
    rng = np.random.default_rng(seed)
    count = rng.integers(2, 4, number)
    pick = rng.choice(members, (number, 3))
    in_mixture = np.arange(3)[None, :] < count[:, None]
    fractions = rng.uniform(size=(number, 3)) * in_mixture
    fractions /= fractions.sum(1, keepdims=True)
    share = fractions.copy()
    if not corrected:
        share[:, 0] = 1.0
        for column in (1, 2):
            total = 1.0 + fractions[:, column]
            share[:, :column] /= total[:, None]
            share[:, column] /= total
    weights = np.zeros((number, len(source.names)), dtype=np.float32)
    np.add.at(weights, (np.arange(number)[:, None], pick), np.where(in_mixture, share, 0.0))
    return Mixtures(weights, (weights > 0) @ source.labels)


@dataclass(frozen=True)
class Disturbance:
    """Shift and standard deviation of the blur, both in points, shape (n,)."""

    shift: NDArray[np.float64]
    blur: NDArray[np.float64]

    def between_points(self, rng: np.random.Generator) -> Disturbance:
        """Return the same with shifts moved by up to half a point, off the grid of the data."""
        return Disturbance(self.shift + rng.uniform(-0.5, 0.5, self.shift.shape), self.blur)

    def rows(self, rows: slice | NDArray[np.int64]) -> Disturbance:
        """Take some of them."""
        return Disturbance(self.shift[rows], self.blur[rows])


def disturb(number: int, span: float, rng: np.random.Generator) -> Disturbance:
    """Draw shifts uniform over whole points within +-`span` eV, and blurs."""
    limit = round(span / STEP)
    shift = rng.integers(-limit, limit + 1, number).astype(np.float64)
    return Disturbance(shift, np.abs(rng.normal(0, BLUR, number)))


def render(source: Library, weights: NDArray[np.float32], disturbance: Disturbance) -> Tensor:
    """Draw mixtures on the paper's axis, shape (n, 6601).

    Notes
    -----
    A shift of +10 points puts what lay at 285.0 eV to 286.0 eV. Between points it is interpolated linearly.
    """
    undisturbed = torch.from_numpy(weights) @ source.spectra
    low = np.floor(disturbance.shift).astype(np.int64)
    part = torch.from_numpy((disturbance.shift - low).astype(np.float32))[:, None]
    margin = int(np.abs(low).max(initial=0)) + 1
    padded = functional.pad(undisturbed, (margin, margin))
    start = torch.from_numpy(margin - low)[:, None] + torch.arange(POINTS)
    shifted = padded.gather(1, start)
    if part.any():
        shifted = (1 - part) * shifted + part * padded.gather(1, start - 1)
    shifted = shifted.clamp(min=0.0)
    shifted = shifted / shifted.sum(1, keepdim=True)
    kernel = _kernels(disturbance.blur)
    blurred: Tensor = functional.conv1d(shifted[None], kernel[:, None], padding=KERNEL, groups=len(shifted))[0]
    return blurred


def _kernels(sigma: NDArray[np.float64]) -> Tensor:
    """Gaussians, sampled and brought to sum 1 as scipy.ndimage does; a single 1 where sigma is next to nothing."""
    offsets = np.arange(-KERNEL, KERNEL + 1)
    kernels = np.exp(-0.5 * (offsets / np.maximum(sigma, 0.05)[:, None]) ** 2)
    return torch.from_numpy((kernels / kernels.sum(1, keepdims=True)).astype(np.float32))


@dataclass(frozen=True)
class Task:
    """Training, validation and test mixtures; shift and blur of each are drawn once, as in the paper."""

    source: Library
    span: float
    training: Mixtures
    validation: Mixtures
    test: Mixtures
    disturbances: Mapping[str, Disturbance]
    seed: int


def split_by_mixture(source: Library, number: int, span: float, seed: int, corrected: bool) -> Task:
    """80/20 by mixture."""
    members = np.arange(len(source.names))
    all_mixtures = mix(source, members, number, seed, corrected)
    test = number // 5
    return task(source, all_mixtures.part(slice(test, None)), all_mixtures.part(slice(test)), span, seed)


def task(source: Library, training: Mixtures, test: Mixtures, span: float, seed: int) -> Task:
    """Set 5 % of the training mixtures aside for validation, and draw shift and blur of each mixture."""
    validation_size = len(training.weights) // 20
    parts = {
        "validation": training.part(slice(validation_size)),
        "training": training.part(slice(validation_size, None)),
        "test": test,
    }
    disturbances = {
        name: disturb(len(part.weights), span, np.random.default_rng([seed, number, round(10 * span)]))
        for number, (name, part) in enumerate(parts.items())
    }
    return Task(source, span, parts["training"], parts["validation"], parts["test"], disturbances, seed)


def folds(polymers: int, number: int, seed: int) -> list[NDArray[np.int64]]:
    """Split polymers at random into test folds."""
    return np.array_split(np.random.default_rng([seed, 5]).permutation(polymers), number)


def split_by_polymer(
    source: Library, number: int, held: NDArray[np.int64], span: float, seed: int, corrected: bool
) -> Task:
    """Training mixtures without the held polymers, test mixtures of them alone."""
    training_polymers = np.setdiff1d(np.arange(len(source.names)), held)
    training = mix(source, training_polymers, number * 4 // 5, seed, corrected)
    return task(source, training, mix(source, held, number // 5, seed + 1, corrected), span, seed)
