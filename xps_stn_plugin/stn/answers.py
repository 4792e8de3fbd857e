"""What a network says about many spectra, as arrays: outputs calibrated, distributions over shifts summed up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from .calibration import spread_of
from .numpy_network import Reading
from .posterior import FloatArray, Posterior
from .weights import TrainedNetwork

#: Spectra that pass the network together: few enough that what is between two layers stays in the processor's cache.
BATCH = 32

Arrays = TypeVar("Arrays")


@dataclass(frozen=True)
class Answers:
    """About n spectra.

    Parameters
    ----------
    shift, shift_stderr : ndarray, shape (n,)
        In eV.
    posterior : Posterior
        What the rules need of the distributions over shifts.
    distribution : ndarray of float32, shape (n, bins), or None
        The distributions themselves where they were asked for; they sum to 1.
    probabilities : ndarray, shape (n, groups)
        Of each functional group.
    outside_logit : ndarray, shape (n,)
        Log odds that the sample is not one that the network is made for.
    region_shift, region_sigma : ndarray, shape (n, regions)
        Differential charging of each region that was asked about, and its standard deviation, in eV.
    materials : ndarray, shape (n, materials)
        Probability of each class of materials.
    lines : ndarray, shape (n, regions)
        Probability that each region that was asked about has a line of its core level; NaN where it was not measured
        and from a network that does not tell.
    """

    shift: FloatArray
    shift_stderr: FloatArray
    posterior: Posterior
    distribution: NDArray[np.float32] | None
    probabilities: FloatArray
    outside_logit: FloatArray
    region_shift: FloatArray
    region_sigma: FloatArray
    materials: FloatArray
    lines: FloatArray

    def placed(self, rows: NDArray[np.int64], size: int) -> Answers:
        """Answers for `size` spectra of which these are some; NaN for the others."""

        def place(arrays: list[NDArray[Any]]) -> NDArray[Any]:
            whole = np.full((size, *arrays[0].shape[1:]), np.nan, dtype=arrays[0].dtype)
            whole[rows] = arrays[0]
            return whole

        return combined([self], place)


def ask(
    trained: TrainedNetwork,
    levels: Sequence[str],
    rates: NDArray[np.float32],
    measured: NDArray[np.bool_],
    shift: NDArray[np.float32] | None = None,
    *,
    keep_posterior: bool = False,
) -> Answers:
    """Ask a network.

    Parameters
    ----------
    trained : TrainedNetwork
        The network.
    levels : sequence of str
        Core levels of the spectra, all of the network's grid.
    rates, measured : ndarray, shape (n, levels, points)
        Intensities on the grid, and where there are data.
    shift : ndarray, shape (n,), optional
        Shift in eV at which the groups are read, where it is known.
    keep_posterior : bool
        Whether the distributions over shifts are wanted as they are.
    """
    if not len(rates):
        return _no_answers(trained, len(levels), keep_posterior)
    columns = np.array([trained.grid.regions.index(level) for level in levels], dtype=np.intp)
    if len(rates) == 1:
        readings: Sequence[Reading] = [trained.single.read(rates, measured, columns, shift)]
    else:
        readings = _read_many(trained, columns, rates, measured, shift)

    def whole(name: str) -> FloatArray:
        values: FloatArray = np.concatenate([getattr(reading, name) for reading in readings]).astype(float)
        return values

    bins = trained.shift_bins
    distribution = _softmax(whole("shift_logits"))
    found, calibration = whole("shift"), trained.calibration
    return Answers(
        shift=found,
        shift_stderr=calibration.standard_error(spread_of(distribution, bins, found, calibration.blur)),
        posterior=Posterior.of(distribution, bins),
        distribution=distribution.astype(np.float32) if keep_posterior else None,
        probabilities=calibration.probability(whole("group_logits")),
        outside_logit=whole("outside_logit"),
        region_shift=whole("region_shift")[:, columns],
        region_sigma=whole("region_sigma")[:, columns],
        materials=_probability(whole("material_logits")),
        lines=_by_region(np.asarray(measured.any(-1)), whole("line_logits")),
    )


def _no_answers(trained: TrainedNetwork, levels: int, keep_posterior: bool) -> Answers:
    bins = trained.shift_bins
    none, limit = np.zeros(0), float(np.abs(bins).max())
    distribution = np.zeros((0, len(bins)), dtype=np.float32) if keep_posterior else None
    by_region = np.zeros((0, levels))
    probabilities = np.zeros((0, len(trained.groups)))
    posterior = Posterior(limit, none, none, none, none, none)
    materials = np.zeros((0, len(trained.materials)))
    return Answers(none, none, posterior, distribution, probabilities, none, by_region, by_region, materials, by_region)


def _probability(logits: FloatArray) -> FloatArray:
    return np.asarray(1.0 / (1.0 + np.exp(-logits)))


def _by_region(measured: NDArray[np.bool_], logits: FloatArray) -> FloatArray:
    """Put what was said of measured regions into their places."""
    lines = np.full(measured.shape, np.nan)
    if logits.size:
        lines[measured] = _probability(logits)
    return lines


def _read_many(
    trained: TrainedNetwork,
    columns: NDArray[np.intp],
    rates: NDArray[np.float32],
    measured: NDArray[np.bool_],
    shift: NDArray[np.float32] | None,
) -> list[Reading]:
    """Read with torch, which is imported here alone."""
    from .torch_reading import read

    return [
        read(trained, columns, rates[rows], measured[rows], None if shift is None else shift[rows])
        for rows in (slice(start, start + BATCH) for start in range(0, len(rates), BATCH))
    ]


def _softmax(logits: FloatArray) -> FloatArray:
    weight = np.exp(logits - logits.max(-1, keepdims=True))
    return np.asarray(weight / weight.sum(-1, keepdims=True))


def combined(parts: Sequence[Arrays], combine: Callable[[list[NDArray[Any]]], NDArray[Any]]) -> Arrays:
    """Combine dataclasses array by array, those in dataclasses within them too; all else is the first one's."""
    first: Any = parts[0]
    values = {}
    for each in fields(first):
        own: list[Any] = [getattr(part, each.name) for part in parts]
        if isinstance(own[0], np.ndarray):
            values[each.name] = combine(own)
        else:
            values[each.name] = combined(own, combine) if is_dataclass(own[0]) else own[0]
    whole: Arrays = type(first)(**values)
    return whole
