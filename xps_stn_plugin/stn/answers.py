"""What a network says about many spectra, as arrays: outputs calibrated, distributions over shifts summed up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from .calibration import spread_of
from .inputs import CHANNELS_PER_REGION, network_input
from .network import NetworkOutput
from .one_thread import one_thread
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
    """

    shift: FloatArray
    shift_stderr: FloatArray
    posterior: Posterior
    distribution: NDArray[np.float32] | None
    probabilities: FloatArray
    outside_logit: FloatArray
    region_shift: FloatArray
    region_sigma: FloatArray

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
    columns = [trained.grid.regions.index(level) for level in levels]
    with one_thread() if len(rates) == 1 else nullcontext():
        outputs = [
            _output(trained, columns, rates[rows], measured[rows], None if shift is None else shift[rows])
            for rows in (slice(start, start + BATCH) for start in range(0, len(rates), BATCH))
        ]

    def whole(name: str) -> FloatArray:
        values: FloatArray = torch.cat([getattr(output, name) for output in outputs]).double().numpy()
        return values

    bins = trained.network.shift_bins.double().numpy()
    distribution = torch.from_numpy(whole("shift_logits")).softmax(-1).numpy()
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
    )


def _no_answers(trained: TrainedNetwork, levels: int, keep_posterior: bool) -> Answers:
    bins = trained.network.shift_bins
    none, limit = np.zeros(0), float(bins.abs().max())
    distribution = np.zeros((0, len(bins)), dtype=np.float32) if keep_posterior else None
    by_region = np.zeros((0, levels))
    probabilities = np.zeros((0, len(trained.groups)))
    posterior = Posterior(limit, none, none, none, none, none)
    return Answers(none, none, posterior, distribution, probabilities, none, by_region, by_region)


def _output(
    trained: TrainedNetwork,
    columns: list[int],
    rates: NDArray[np.float32],
    measured: NDArray[np.bool_],
    shift: NDArray[np.float32] | None,
) -> NetworkOutput:
    size, _, points = rates.shape
    with torch.inference_mode():
        seen = network_input(torch.from_numpy(rates), torch.from_numpy(measured))
        channels = torch.zeros(size, CHANNELS_PER_REGION, len(trained.grid.regions), points)
        channels[:, :, columns] = seen.view(size, CHANNELS_PER_REGION, len(columns), points)
        known = None if shift is None else torch.from_numpy(shift)
        output: NetworkOutput = trained.folded(channels.flatten(1, 2), known)
    return output


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
