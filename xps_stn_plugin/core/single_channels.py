"""Hot and dead channels: single channels, and runs of up to three dead ones, that cannot be part of a line.

The same function cleans simulated spectra in training and measured ones in use. Both times it sees the channels as they
were recorded, before they are brought onto the network's grid: binning would smear a spike over its neighbours.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .white_noise import white_noise

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

#: Up to so many channels of one region are taken for faults; where more stand out alike, noise does that.
MOST_FAULTS = 3
#: A fault deviates by more than so many times what the bend of the curve around it explains...
BEND_FACTOR = 3.0
#: ...than the next largest deviation in its region...
NOISE_FACTOR = 3.0
#: ...and than the standard deviation of counting statistics.
COUNTING_FACTOR = 8.0
#: Most dead channels in a row; and intensity of the channels beside them, in counts and in standard deviations of the
#: noise, from which on a channel between them cannot hold nothing by chance.
LONGEST_DEAD = 3
DEAD_BESIDE_COUNTS = 64.0
DEAD_BESIDE_NOISE = 8.0
#: Bad channels of a region that are named, at most.
MOST_NAMED = 6
#: Fewer channels than these have no surroundings to compare with.
FEWEST_CHANNELS = 8


def without_single_channels(counts: FloatArray, measured: BoolArray | None = None) -> FloatArray:
    """Replace hot and dead channels by a straight line between their neighbours.

    Parameters
    ----------
    counts, measured
        As for `single_channels`.

    Returns
    -------
    ndarray, shape (..., points)
        A copy. Spectra without such channels come back unchanged.
    """
    return _cleaned(counts, measured)[0]


def single_channels(counts: FloatArray, measured: BoolArray | None = None) -> BoolArray:
    """Find hot and dead channels.

    Parameters
    ----------
    counts : ndarray, shape (..., points)
        Intensities in any unit, channel by channel as recorded, equally spaced.
    measured : ndarray of bool, shape (..., points), optional
        One run of measured channels in each row, or none; all by default. No other channel is looked at.

    Returns
    -------
    ndarray of bool, shape (..., points)
        No line is touched whose FWHM is two steps and more (0.35 eV in steps of 0.1 eV is 3.5), nor is Poisson noise,
        nor are three channels at either end, which lack neighbours to compare with.

    Notes
    -----
    The four nearest channels tell by a cubic curve what a channel should hold. It is a fault if it deviates from that
    by more than three times (a) what the second and third differences of its surroundings explain, (b) the fourth
    largest deviation of the region, which is that of the noise as long as there are no more than three faults, and by
    more than eight standard deviations of counting statistics, whose unit is the smallest difference between
    neighbours. Once a background has been subtracted that unit is lost: of a region with fewer than four counts in all
    they may be taken for faults. Up to three channels in a row are dead if they hold exactly 0 between channels that
    hold more than 64 counts and more than eight standard deviations of the noise.
    """
    return _cleaned(counts, measured)[1]


def energies_of(energy: FloatArray, bad: BoolArray) -> FloatArray:
    """Energies in eV of the first bad channels of each row, shape (n, `MOST_NAMED`); NaN where there are no more.

    Parameters
    ----------
    energy : ndarray, shape (points,)
        In eV.
    bad : ndarray of bool, shape (n, points)
        Channels.
    """
    energies = np.full((len(bad), MOST_NAMED), np.nan)
    for row in np.flatnonzero(bad.any(axis=1)).tolist():
        named = energy[bad[row]][:MOST_NAMED]
        energies[row, : named.size] = named
    return energies


def _cleaned(counts: FloatArray, measured: BoolArray | None) -> tuple[FloatArray, BoolArray]:
    """Clean spectra, and say which channels were replaced."""
    counts = np.asarray(counts, dtype=float)
    points = counts.shape[-1]
    if points < FEWEST_CHANNELS or not counts.size:
        return counts.copy(), np.zeros(counts.shape, dtype=bool)
    inside, first, last = _run(counts, measured)
    channel = np.arange(points)
    repaired, is_dead = _without_dead_runs(counts, inside)
    filled = np.where(
        channel < first,
        _take_channel(repaired, first),
        np.where(channel > last, _take_channel(repaired, last), repaired),
    )
    padded = np.concatenate([filled[..., :1]] * 3 + [filled] + [filled[..., -1:]] * 3, axis=-1)
    before3, before2, before, _, after, after2, after3 = (padded[..., start : start + points] for start in range(7))
    expected = (4 * (before + after) - before2 - after2) / 6
    bend = np.abs(before2 - before - after + after2) + np.abs((after - before) / 2 - (after2 - before2) / 4)
    # Where lines overlap, both may vanish by chance.
    bend += np.abs(before3 - before2 - after2 + after3) / 4
    deviation = np.where(inside, np.abs(filled - expected), 0.0)

    limit = np.maximum(BEND_FACTOR * bend, NOISE_FACTOR * _noise(deviation))
    unit = _unit(filled)
    limit = np.maximum(limit, COUNTING_FACTOR * np.sqrt(unit * np.maximum(np.abs(expected), unit)))
    # What lies beyond the ends is not known: a line that the window cuts at its top looks like a fault there.
    fault = (channel > first + 2) & (channel < last - 2) & (deviation > limit) & (last - first >= FEWEST_CHANNELS)
    cleaned: FloatArray = np.where(fault, (before + after) / 2, repaired)
    return cleaned, fault | is_dead


def _without_dead_runs(counts: FloatArray, inside: BoolArray) -> tuple[FloatArray, BoolArray]:
    """Draw straight lines over runs of dead channels, and say where they were."""
    repaired, is_dead = counts.copy(), np.zeros(counts.shape, dtype=bool)
    silent = inside & (counts == 0)
    if not silent.any():
        return repaired, is_dead
    noise = white_noise(counts, 4)[..., None]
    enough = np.maximum(DEAD_BESIDE_COUNTS * _unit(counts), DEAD_BESIDE_NOISE * noise)
    is_counted = inside & (counts > enough)
    points = counts.shape[-1]
    for length in range(1, LONGEST_DEAD + 1):
        starts = np.arange(1, points - length)
        run = is_counted[..., starts - 1] & is_counted[..., starts + length]
        for number in range(length):
            run &= silent[..., starts + number]
        *rows, run_start = np.nonzero(run)
        left, right = (counts[(*rows, channel)] for channel in (run_start, run_start + length + 1))
        for number in range(1, length + 1):
            share = number / (length + 1)
            repaired[(*rows, run_start + number)] = (1 - share) * left + share * right
            is_dead[(*rows, run_start + number)] = True
    return repaired, is_dead


def _unit(counts: FloatArray) -> FloatArray:
    """Smallest difference between neighbours, shape (..., 1); 0 where all are alike."""
    step = np.abs(np.diff(counts, axis=-1))
    unit = np.where(step > 0, step, np.inf).min(axis=-1, keepdims=True)
    return np.where(np.isfinite(unit), unit, 0.0)


def _run(counts: FloatArray, measured: BoolArray | None) -> tuple[BoolArray, NDArray[np.int64], NDArray[np.int64]]:
    """Find the channels with data, and the first and the last of each row, shape (..., 1)."""
    if measured is None:
        ends = np.zeros((*counts.shape[:-1], 1), dtype=np.int64)
        return np.ones(counts.shape, dtype=bool), ends, ends + counts.shape[-1] - 1
    first = measured.argmax(-1)[..., None]
    return measured, first, first + measured.sum(-1)[..., None] - 1


def _take_channel(counts: FloatArray, channel: NDArray[np.int64]) -> FloatArray:
    return np.take_along_axis(counts, np.maximum(channel, 0), axis=-1)


def _noise(deviation: FloatArray) -> FloatArray:
    """Fourth largest of the deviations that exceed their neighbours' (a fault lifts those), shape (..., 1)."""
    edge = np.zeros((*deviation.shape[:-1], 1))
    left = np.concatenate([edge, deviation[..., :-1]], axis=-1)
    right = np.concatenate([deviation[..., 1:], edge], axis=-1)
    tops = np.where((deviation >= left) & (deviation >= right), deviation, 0.0)
    points = deviation.shape[-1]
    rank = max(points - 1 - MOST_FAULTS, 0)
    noise: FloatArray = np.partition(tops, rank, axis=-1)[..., rank : rank + 1]
    return noise
