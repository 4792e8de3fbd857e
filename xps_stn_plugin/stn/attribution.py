"""Which parts of a spectrum speak for a functional group: take a line away and ask the network again.

At places 0.4 eV apart the largest line of 0.9 eV full width that fits under the data is taken away, and the network
reads what is left, on the axis that it found for the whole. The fall of a group's log odds is what the place says for
the group. Neighbouring places that say the same are one interval, whose weight is measured once more with all of it
away. Why this method: docs/explain.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray

from xps_prefit_hooks import ALIPHATIC_C1S, GroupEvidence, Prediction, Settings

from ..core.grid import relative, to_grid
from .inputs import network_input, remove_baseline
from .one_thread import one_thread
from .predict import shipped
from .signal import channel_noise
from .view import rates, view_of_spectrum
from .weights import TrainedNetwork

#: Probability above which a group is explained.
PRESENT: Final = 0.5
#: Full width in eV of the line that is taken away: narrow enough for the lines of good instruments.
LINE_FWHM: Final = 0.9
#: Distance in eV of the places where it is tried.
SPACING: Final = 0.4
#: Reach in full widths on each side over which the line must fit under the data.
FIT_REACH: Final = 0.62
#: Points of the running mean to which it is fitted, lest one noisy channel hold it down.
SMOOTH_POINTS: Final = 5
#: Least height of a line that is taken away: share of the region's highest point, and in standard deviations.
LEAST_HEIGHT: Final = 0.04
LEAST_SIGMA: Final = 3.0
#: Least fall of the log odds that is reported: the odds fall to half; and its least share of the group's largest.
LEAST_FALL: Final = math.log(2.0)
LEAST_SHARE: Final = 0.2
#: Most intervals of a group.
MOST_INTERVALS: Final = 4

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Trials:
    """Lines to take away, ordered by region and energy.

    Parameters
    ----------
    region, point : ndarray of int, shape (trials,)
        Channel and grid point of each line's centre.
    removed : ndarray, shape (trials, points)
        The line, in the units of the counts.
    """

    region: IntArray
    point: IntArray
    removed: FloatArray

    def neighbours(self, spacing: int) -> NDArray[np.bool_]:
        """Whether a trial and the next are `spacing` grid points apart in one region, shape (trials - 1,)."""
        near: NDArray[np.bool_] = (np.diff(self.region) == 0) & (np.diff(self.point) == spacing)
        return near

    def joined(self, runs: Sequence[tuple[int, int]]) -> Trials:
        """All of each run (first trial, one after the last) at once: the highest of its lines at every energy.

        What fits under the data line by line, fits so as well.
        """
        first = np.array([start for start, _ in runs], dtype=int)
        removed = [self.removed[start:stop].max(axis=0) for start, stop in runs]
        return Trials(self.region[first], self.point[first], np.array(removed).reshape(-1, self.removed.shape[1]))


def explain(
    spectrum: xr.DataTree, prediction: Prediction, settings: Settings
) -> Mapping[str, tuple[GroupEvidence, ...]] | None:
    """Explain a prediction of the shipped network; None for another's, which this one cannot speak for."""
    trained = shipped()
    return explain_with(trained, spectrum, prediction, settings) if prediction.model == trained.info else None


def explain_with(
    trained: TrainedNetwork, spectrum: xr.DataTree, prediction: Prediction, settings: Settings
) -> Mapping[str, tuple[GroupEvidence, ...]]:
    """Find the parts of a spectrum that speak for or against the groups that are present.

    Parameters
    ----------
    trained : TrainedNetwork
        The network that made the prediction.
    spectrum : xarray.DataTree
        On the measured axis.
    prediction : Prediction
        Of this spectrum.
    settings : Settings
        Its reference is that of the axis on which intervals are given.

    Returns
    -------
    mapping of str to tuple of GroupEvidence
        For the groups with a probability above 0.5, most probable first; for each at most 4 intervals, by falling
        weight, none where no single part carries the group. Empty where there is no shift or it is out of domain.
    """
    if prediction.status == "out_of_domain" or not math.isfinite(prediction.shift):
        return MappingProxyType({})
    likely = sorted(prediction.groups.items(), key=lambda item: -item[1])
    columns = {name: trained.groups.index(name) for name, probability in likely if probability > PRESENT}
    view = view_of_spectrum(spectrum, trained.grid)
    regions = rates(spectrum, view)
    counts, measured = to_grid(regions, trained.grid)
    counts = relative(counts)
    trials = line_trials(counts, measured, trained.grid.step, prediction.shift)
    if not columns or not trials.point.size:
        return MappingProxyType(dict.fromkeys(columns, ()))
    whole, *alone = log_odds(
        trained, np.concatenate([counts[None], without(counts, trials)]), measured, prediction.shift
    )
    falls = whole - np.array(alone)
    runs = {
        column: hills(falls[:, column], trials.neighbours(round(SPACING / trained.grid.step)))
        for column in columns.values()
    }
    wide = sorted({(run.start, run.stop) for each in runs.values() for run in each if run.stop - run.start > 1})
    together = dict(
        zip(
            wide,
            whole - log_odds(trained, without(counts, trials.joined(wide)), measured, prediction.shift),
            strict=True,
        )
    )
    offset = prediction.shift + ALIPHATIC_C1S - settings.first_member

    def evidence(run: slice, column: int) -> GroupEvidence:
        row = trials.region[run.start]
        level = trained.grid.regions[row]
        axis = regions[level]["binding_energy"].values
        energies = trained.grid.energies[row, trials.point[run]]
        low, high = np.clip([energies[0] - LINE_FWHM / 2, energies[-1] + LINE_FWHM / 2], axis[0], axis[-1]) - offset
        weight = together[run.start, run.stop][column] if run.stop - run.start > 1 else falls[run.start, column]
        return GroupEvidence(view.names[level], float(low), float(high), float(weight))

    return MappingProxyType(
        {name: _worth_telling([evidence(run, column) for run in runs[column]]) for name, column in columns.items()}
    )


def line_trials(counts: FloatArray, measured: NDArray[np.bool_], step: float, shift: float) -> Trials:
    """Fit lines under the data.

    Parameters
    ----------
    counts : ndarray, shape (regions, points)
        On the grid of the network.
    measured : ndarray of bool, shape (regions, points)
        Where there are data.
    step : float
        Distance of grid points in eV.
    shift : float
        Measured minus true binding energy in eV: the places are fixed on the calibrated axis.

    Returns
    -------
    Trials
        Gaussians, each as high as it can be and stay below the data within 0.56 eV of its centre.
    """
    size, points = counts.shape
    signal = remove_baseline(torch.from_numpy(counts[None]), torch.from_numpy(measured[None]))[0].numpy()
    place = np.arange(points)
    every = round(SPACING / step)
    tried = place[(place - round(shift / step)) % every == 0]
    distance = (place - tried[:, None]) * step
    line = np.exp(-4 * math.log(2.0) * (distance / LINE_FWHM) ** 2)
    under = np.abs(distance) <= FIT_REACH * LINE_FWHM
    found = []
    for row in range(size):
        if measured[row].sum() < SMOOTH_POINTS:
            continue
        smooth = np.convolve(signal[row], np.ones(SMOOTH_POINTS) / SMOOTH_POINTS, mode="same")
        noise = channel_noise(signal[row, measured[row]]) / math.sqrt(SMOOTH_POINTS)
        floor = max(LEAST_HEIGHT * smooth.max(), LEAST_SIGMA * noise)
        height = np.divide(smooth, line, out=np.full(line.shape, np.inf), where=under & measured[row]).min(axis=1)
        chosen = measured[row, tried] & (height > floor)
        found.append((np.full(chosen.sum(), row), tried[chosen], height[chosen, None] * line[chosen] * measured[row]))
    if not found:
        return Trials(np.zeros(0, dtype=int), np.zeros(0, dtype=int), np.zeros((0, points)))
    return Trials(*(np.concatenate(parts) for parts in zip(*found, strict=True)))


def without(counts: FloatArray, trials: Trials) -> FloatArray:
    """Take one line after the other from a spectrum.

    Parameters
    ----------
    counts : ndarray, shape (regions, points)
        The spectrum.
    trials : Trials
        The lines.

    Returns
    -------
    ndarray, shape (trials, regions, points)
        A copy without each line.
    """
    copies = np.repeat(counts[None], trials.region.size, axis=0)
    copies[np.arange(trials.region.size), trials.region] -= trials.removed
    return copies


def log_odds(trained: TrainedNetwork, counts: FloatArray, measured: NDArray[np.bool_], shift: float) -> FloatArray:
    """Ask the network for spectra that were measured at the same places.

    Parameters
    ----------
    trained : TrainedNetwork
        The network.
    counts : ndarray, shape (n, regions, points)
        On its grid.
    measured : ndarray of bool, shape (regions, points)
        Where there are data.
    shift : float
        Shift in eV by which the axis is moved; held, lest a line that carries the scale speak for every group.

    Returns
    -------
    ndarray, shape (n, groups)
        Log odds (natural logarithm) of the groups.
    """
    if not len(counts):
        return np.zeros((0, len(trained.groups)))
    where = torch.from_numpy(measured).expand(len(counts), *measured.shape)
    with one_thread(), torch.inference_mode():
        held = torch.full((len(counts),), shift)
        output = trained.network(network_input(torch.from_numpy(counts.astype(np.float32)), where), held)
        odds: FloatArray = output.group_logits.double().numpy()
    return odds


def hills(falls: FloatArray, joined: NDArray[np.bool_]) -> list[slice]:
    """Neighbouring trials that say the same, the loudest first.

    Parameters
    ----------
    falls : ndarray, shape (trials,)
        Fall of a group's log odds without each line.
    joined : ndarray of bool, shape (trials - 1,)
        Whether a trial and the next are neighbours.

    Returns
    -------
    list of slice
        Hills of one sign, each down to half its height; their feet belong to no other hill.
    """
    size = np.abs(falls)
    least = max(LEAST_FALL, LEAST_SHARE * float(size.max()))
    free = np.ones(falls.size, dtype=bool)
    found: list[slice] = []
    while (top := float((size * free).max())) >= least:
        peak = int((size * free).argmax())
        ends, feet = [peak, peak], [peak, peak]
        for end, side in enumerate((-1, 1)):
            place, high = peak, True
            while 0 <= place + side < falls.size and joined[min(place, place + side)]:
                next_place = place + side
                high = high and size[next_place] >= top / 2
                downhill = high or size[next_place] < size[place]
                if not (free[next_place] and downhill and falls[next_place] * falls[peak] > 0):
                    break
                place = next_place
                ends[end] = place if high else ends[end]
            feet[end] = place
        free[feet[0] : feet[1] + 1] = False
        found.append(slice(ends[0], ends[1] + 1))
    return found


def _worth_telling(parts: list[GroupEvidence]) -> tuple[GroupEvidence, ...]:
    """Leave out what hardly matters, and the flank of a line that a larger weight stands for; for before against."""
    kept: list[GroupEvidence] = []
    for part in sorted(parts, key=lambda part: -abs(part.weight)):
        least = max(LEAST_FALL, LEAST_SHARE * abs(kept[0].weight) if kept else 0.0)
        if abs(part.weight) >= least and not any(_overlap(part, other) > LINE_FWHM / 2 for other in kept):
            kept.append(part)
    return tuple(sorted(kept, key=lambda part: -part.weight)[:MOST_INTERVALS])


def _overlap(one: GroupEvidence, other: GroupEvidence) -> float:
    """Return the common length in eV; negative for parts that are apart."""
    same = one.region == other.region
    return min(one.high, other.high) - max(one.low, other.low) if same else -math.inf
