"""The network in numpy, for single spectra: torch takes longer to be imported than a spectrum to be read.

The batch normalisations are folded into the weights before them, as in `folded`, which stays the reference: both agree
to rounding (tested).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .network_config import (
    CHANNELS_PER_REGION,
    CLASSIFIER_KERNEL,
    KERNEL,
    LINE_POOL,
    LOCALISER_KERNEL,
    MODE_REACH,
    REGION_UNIT,
    NetworkConfig,
    shift_bins,
)

Array = NDArray[np.float32]
#: Added to the variance by a batch normalisation (torch's default).
_EPSILON: Final = 1e-5
#: Points averaged at each end of a region for its baseline, and for its height.
_END_POINTS: Final = 4
_MEAN_POINTS: Final = 5


@dataclass(frozen=True)
class Reading:
    """What the network says about n spectra; fields as in `network.NetworkOutput`, as arrays."""

    shift_logits: Array
    shift: Array
    group_logits: Array
    outside_logit: Array
    region_shift: Array
    region_sigma: Array
    material_logits: Array
    line_logits: Array


@dataclass(frozen=True)
class _Rows:
    """Measured regions, as `seen.Seen`."""

    rows: Array
    level: NDArray[np.intp]
    spectrum: NDArray[np.intp]
    size: int


@dataclass(frozen=True)
class _Layer:
    """Weights and offsets of a convolution or dense layer, with its normalisation."""

    weight: Array
    bias: Array


class NumpyNetwork:
    """The network for prediction alone.

    Parameters
    ----------
    config : NetworkConfig
        Its size.
    tensors : mapping of str to ndarray
        Its tensors, by the names of `network_config.tensor_shapes`.
    """

    def __init__(self, config: NetworkConfig, tensors: Mapping[str, NDArray[Any]]) -> None:
        self.config = config
        self.bins = shift_bins(config)
        self._tensors = tensors
        self._localiser_stem = self._stem("localiser.stem")
        self._blocks = [
            (
                dilation,
                self._folded(f"localiser.blocks.{number}.body.0", f"localiser.blocks.{number}.body.1"),
                self._folded(f"localiser.blocks.{number}.body.3", f"localiser.blocks.{number}.body.4"),
                self._layer(f"localiser.blocks.{number}.context"),
            )
            for number, dilation in enumerate(config.dilations)
        ]
        self._classifier_stem = self._stem("classifier.stem")
        self._body = [self._folded(f"classifier.body.{number}.0", f"classifier.body.{number}.1") for number in (0, 1)]
        self._dense = self._folded("classifier.dense.0", "classifier.dense.1")
        self._residual = [
            self._folded(f"classifier.dense.3.body.{layer}", f"classifier.dense.3.body.{layer + 1}") for layer in (0, 4)
        ]

    def read(
        self,
        rates: Array,
        measured: NDArray[np.bool_],
        level: NDArray[np.intp],
        shift: Array | None = None,
    ) -> Reading:
        """Read shift and groups.

        Parameters
        ----------
        rates, measured : ndarray, shape (n, regions, points)
            Intensities in any unit, and where there are data.
        level : ndarray of int, shape (regions,)
            Core level of each region, in the order of the network's.
        shift : ndarray of float32, shape (n,), optional
            Shift in eV by which to move the axis, where it is known.
        """
        size, regions, points = rates.shape
        channels = network_input(rates, measured).reshape(size, CHANNELS_PER_REGION, regions, points)
        spectrum, region = np.nonzero(measured.any(-1))
        rows = _Rows(channels[spectrum, :, region], np.asarray(level)[region], spectrum, size)
        features = _stemmed(rows, *self._localiser_stem, LOCALISER_KERNEL)
        for dilation, first, second, context in self._blocks:
            whole = _applied(context, features.mean(-1))[..., None]
            body = _convolved(_rectified(_convolved(features, first, 1, dilation)), second, 1, dilation)
            features = _rectified(features + body + whole)
        logits = self._scores(features)
        moved = _mean_around_mode(logits, self.bins) if shift is None else np.asarray(shift, dtype=np.float32)
        aligned = _Rows(_shifted(rows.rows, moved[spectrum], self.config.step), rows.level, spectrum, size)
        carried = _shifted(features, moved, 2 * self.config.step)
        hidden = self._hidden(aligned, carried)
        whole = np.concatenate([hidden, carried.mean(-1), carried.max(-1)], axis=1)
        apart, log_sigma = np.split(_applied(self._layer("classifier.regions"), hidden), 2, axis=-1)
        materials, lines = np.zeros((size, 0), dtype=np.float32), np.zeros(0, dtype=np.float32)
        if self.config.materials:
            materials = _applied(self._layer("classifier.materials"), whole)
        if self.config.lines:
            lines = self._lines(aligned, hidden)
        return Reading(
            shift_logits=logits,
            shift=moved,
            group_logits=_applied(self._layer("classifier.groups"), hidden),
            outside_logit=_applied(self._layer("classifier.outside"), whole)[:, 0],
            region_shift=np.float32(REGION_UNIT) * apart,
            region_sigma=np.float32(REGION_UNIT) * np.exp(np.clip(log_sigma, -4.0, 4.0)),
            material_logits=materials,
            line_logits=lines,
        )

    def _scores(self, features: Array) -> Array:
        doubled = _rectified(_doubled(features, self._layer("localiser.up.0")))
        scores = _convolved(doubled, self._layer("localiser.up.2"), 1, 1)[:, 0]
        return scores[:, self.config.first_bin : self.config.first_bin + self.config.bins]

    def _hidden(self, aligned: _Rows, carried: Array) -> Array:
        values = np.concatenate([_stemmed(aligned, *self._classifier_stem, CLASSIFIER_KERNEL), carried], axis=1)
        for layer in self._body:
            values = _rectified(_convolved(values, layer, 2, 1))
        hidden = _rectified(_applied(self._dense, values.reshape(len(values), -1)))
        first, second = self._residual
        return _rectified(hidden + _applied(second, _rectified(_applied(first, hidden))))

    def _lines(self, aligned: _Rows, hidden: Array) -> Array:
        pooled = aligned.rows.reshape(*aligned.rows.shape[:2], -1, LINE_POOL).mean(-1).reshape(len(aligned.rows), -1)
        own = np.matmul(pooled[:, None], self._tensors["classifier.lines.weight"][aligned.level])[:, 0]
        context = _applied(self._layer("classifier.lines.context"), hidden)[aligned.spectrum]
        return _applied(self._layer("classifier.lines.out"), _rectified(own + context))[:, 0]

    def _layer(self, name: str) -> _Layer:
        return _Layer(self._tensors[f"{name}.weight"], self._tensors[f"{name}.bias"])

    def _norm(self, name: str) -> tuple[Array, Array]:
        """Scale and offset of a batch normalisation in evaluation."""
        part = {key: self._tensors[f"{name}.{key}"] for key in ("weight", "bias", "running_mean", "running_var")}
        deviation = np.sqrt(part["running_var"] + _EPSILON)
        scale = np.asarray(part["weight"] / deviation, dtype=np.float32)
        return scale, np.asarray(part["bias"] - part["running_mean"] * scale, dtype=np.float32)

    def _folded(self, layer: str, norm: str) -> _Layer:
        scale, offset = self._norm(norm)
        weight = self._tensors[f"{layer}.weight"]
        return _Layer(weight * scale.reshape(-1, *[1] * (weight.ndim - 1)), offset)

    def _stem(self, name: str) -> tuple[Array, Array]:
        scale, offset = self._norm(f"{name}.norm")
        return self._tensors[f"{name}.weight"] * scale, offset


def network_input(counts: Array, measured: NDArray[np.bool_]) -> Array:
    """Scale spectra as `inputs.network_input` does."""
    signal = _without_baseline(np.asarray(counts, dtype=np.float32), measured)
    padded = np.pad(signal, [(0, 0), (0, 0), (_MEAN_POINTS // 2, _MEAN_POINTS // 2)])
    smooth = np.lib.stride_tricks.sliding_window_view(padded, _MEAN_POINTS, axis=-1).mean(-1)
    height = np.maximum(smooth.max(-1, keepdims=True), 0.0)
    highest = height.max(1, keepdims=True)
    tiny = np.finfo(np.float32).tiny
    common = signal / np.maximum(highest, tiny)
    common = np.sign(common) * np.sqrt(np.abs(common))
    own = np.clip(signal / np.maximum(np.maximum(height, np.float32(1e-3) * highest), tiny), -2.0, 2.0)
    return np.concatenate([np.clip(common, -2.0, 2.0), own, measured.astype(np.float32)], axis=1)


def _without_baseline(counts: Array, measured: NDArray[np.bool_]) -> Array:
    position = np.arange(counts.shape[-1], dtype=np.float32)
    size = measured.sum(-1, keepdims=True)
    first = measured.argmax(-1)[..., None]
    last = first + size - 1
    ends = np.clip(size, 1, _END_POINTS)
    left = (counts * (measured & (position < first + ends))).sum(-1, keepdims=True) / ends.astype(np.float32)
    right = (counts * (measured & (position > last - ends))).sum(-1, keepdims=True) / ends.astype(np.float32)
    left_at = (first + (ends - 1) / 2).astype(np.float32)
    right_at = (last - (ends - 1) / 2).astype(np.float32)
    slope = (right - left) / np.maximum(right_at - left_at, np.float32(1.0))
    return np.where(measured, counts - left - slope * (position - left_at), np.float32(0.0))


def _stemmed(rows: _Rows, weight: Array, offset: Array, kernel: int) -> Array:
    """Features of shape (n, width, points / 2)."""
    padded = np.pad(rows.rows, [(0, 0), (0, 0), (kernel // 2, kernel // 2)])
    patches = np.lib.stride_tricks.sliding_window_view(padded, kernel, axis=-1)[:, :, ::2]
    taken = patches.transpose(0, 2, 1, 3).reshape(len(padded), patches.shape[2], -1)
    summed = np.zeros((rows.size, weight.shape[-1], patches.shape[2]), dtype=np.float32)
    for row, spectrum, level in zip(taken, rows.spectrum, rows.level, strict=True):
        summed[spectrum] += (row @ weight[level]).T
    return _rectified(summed + offset[:, None])


def _convolved(features: Array, layer: _Layer, stride: int, dilation: int) -> Array:
    """Convolution of (n, inputs, points) that keeps the points, or takes every `stride`-th."""
    size, inputs, points = features.shape
    reach = KERNEL // 2 * dilation
    padded = np.pad(features, [(0, 0), (0, 0), (reach, reach)])
    length = -(-points // stride)
    columns = np.empty((size, inputs, KERNEL, length), dtype=np.float32)
    for tap in range(KERNEL):
        columns[:, :, tap] = padded[:, :, tap * dilation : tap * dilation + (length - 1) * stride + 1 : stride]
    weight = layer.weight.reshape(len(layer.weight), -1)
    return np.asarray(np.matmul(weight, columns.reshape(size, -1, length)) + layer.bias[:, None])


def _doubled(features: Array, layer: _Layer) -> Array:
    """Transposed convolution of four points and stride two, (n, inputs, points) -> (n, outputs, 2 * points)."""
    size, _, points = features.shape
    outputs = layer.weight.shape[1]
    taps = np.einsum("iot,nip->tnop", layer.weight, features, optimize=True)
    result = np.empty((size, outputs, 2 * points), dtype=np.float32)
    result[:, :, 0::2] = taps[1]
    result[:, :, 2::2] += taps[3][:, :, :-1]
    result[:, :, 1::2] = taps[2]
    result[:, :, 1:-1:2] += taps[0][:, :, 1:]
    return result + layer.bias[:, None]


def _shifted(channels: Array, shift: Array, step: float) -> Array:
    """Undo a shift as `transform.shift_axis` does: linear interpolation, zero beyond the grid."""
    points = channels.shape[-1]
    place = np.arange(points) + (shift.astype(float) / step)[:, None]
    low = np.floor(place).astype(np.intp)
    fraction = (place - low).astype(np.float32)[:, None]
    padded = np.pad(channels, [(0, 0), (0, 0), (1, 1)])
    at_low, at_high = (np.clip(index + 1, 0, points + 1)[:, None] for index in (low, low + 1))
    first, second = (np.take_along_axis(padded, np.broadcast_to(at, channels.shape), -1) for at in (at_low, at_high))
    return np.asarray(first * (1 - fraction) + second * fraction, dtype=np.float32)


def _mean_around_mode(logits: Array, bins: Array) -> Array:
    """Mean of a distribution over shifts around its highest mode, as `network.mean_around_mode`."""
    mode = bins[logits.argmax(-1)][:, None]
    near = np.where(np.abs(bins - mode) <= MODE_REACH, logits, -np.inf)
    weight = np.exp(near - near.max(-1, keepdims=True))
    return np.asarray((weight / weight.sum(-1, keepdims=True)) @ bins, dtype=np.float32)


def _applied(layer: _Layer, values: Array) -> Array:
    return np.asarray(values @ layer.weight.T + layer.bias)


def _rectified(values: Array) -> Array:
    return np.maximum(values, np.float32(0.0))
