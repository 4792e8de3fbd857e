"""Signal -> counts: intensities, background, Poisson noise, faulty channels, subtraction, energy steps."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from ..core.grid import Grid
from ..core.single_channels import without_single_channels
from .config import SimulationConfig, log_uniform

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


def count(
    signal: FloatArray, window: BoolArray, config: SimulationConfig, grid: Grid, rng: np.random.Generator
) -> tuple[NDArray[np.float32], BoolArray]:
    """Scale to counts, add background and noise, subtract the background again in a part of the spectra.

    Parameters
    ----------
    signal : ndarray, shape (n, regions, points)
        Lines in any unit; overwritten.
    window : ndarray of bool, shape (n, regions, points)
        Where there are data.
    config : SimulationConfig
        Ranges to draw from.
    grid : Grid
        Of `signal`.
    rng : numpy.random.Generator
        Where chance comes from.

    Returns
    -------
    counts : ndarray of float32, shape (n, regions, points)
        0 where nothing was measured.
    measured : ndarray of bool, shape (n, regions, points)
        `window`, its ends moved inwards to the first and last energy of a coarse scan.
    """
    number, regions, _ = signal.shape
    shape = (number, regions, 1)
    wide_spread = rng.random((number, 1)) < config.intensity_wild_share
    sigma = np.where(wide_spread, config.intensity_wild_sigma, config.intensity_sigma)
    signal *= np.exp(sigma * rng.normal(size=(number, regions)))[..., None]
    top = (signal * window).max(axis=(1, 2), keepdims=True)
    signal /= np.where(top > 0, top, 1.0)
    peak = signal.max(axis=2, keepdims=True)
    # A region without lines has the background of its neighbours.
    base = np.where(peak > 0, peak, rng.uniform(0.05, 1.0, shape))
    level = base * log_uniform(config.background_level, shape, rng)
    scaled_offset = grid.offsets / 10.0
    slope = config.background_slope * rng.normal(size=shape)
    bend = config.background_bend * rng.normal(size=shape)
    background = level * np.clip(1 + slope * scaled_offset + bend * scaled_offset**2, 0.05, None)
    step = rng.uniform(*config.shirley_step, shape)
    background += step * np.cumsum(signal, axis=2) * grid.step
    counts = log_uniform(config.peak_counts, (number, 1, 1), rng)
    noisy = rng.poisson(np.where(window, (signal + background) * counts, 0.0)).astype(float)
    noisy = _with_faults(noisy, window, config, rng)
    subtracted = rng.random((number, 1, 1)) < config.subtracted_share
    noisy -= np.where(subtracted, background * counts, 0.0)
    noisy, measured = _recorded(noisy, window, config, rng)
    return np.where(measured, noisy, 0.0).astype(np.float32), measured


def _with_faults(
    counts: FloatArray, window: BoolArray, config: SimulationConfig, rng: np.random.Generator
) -> FloatArray:
    """Set single channels of a part of the spectra to nearly nothing, or far too high."""
    chosen = np.flatnonzero(rng.random(len(counts)) < config.fault_share)
    for spectrum in chosen:
        regions = np.flatnonzero(window[spectrum].any(-1))
        for _ in range(rng.integers(1, config.fault_count + 1) if regions.size else 0):
            region = rng.choice(regions)
            channel = rng.choice(np.flatnonzero(window[spectrum, region]))
            channels = counts[spectrum, region]
            hot_counts = channels[channel] + channels.max() * log_uniform(config.hot_range, (), rng)
            channels[channel] = channels[channel] * rng.uniform(0, 0.3) if rng.random() < 0.5 else np.round(hot_counts)
    return counts


def _recorded(
    counts: FloatArray, window: BoolArray, config: SimulationConfig, rng: np.random.Generator
) -> tuple[FloatArray, BoolArray]:
    """Clean the channels as recorded: every one, or, in a part of the spectra, every second to fifth.

    Between the channels of a coarse scan there are straight lines, as `to_bins` draws them.
    """
    number, _, points = counts.shape
    factor = np.where(
        rng.random(number) < config.coarse_share, rng.integers(2, config.coarse_factor + 1, number), 1
    )  # fmt: skip
    phase = rng.integers(0, factor)
    counts, measured = counts.copy(), window.copy()
    fine = (factor == 1)[:, None] & window.any(-1)
    counts[fine] = without_single_channels(counts[fine], window[fine])
    channel = np.arange(points)
    for spacing, start in np.unique(np.stack([factor, phase], axis=1)[factor > 1], axis=0):
        rows = np.flatnonzero((factor == spacing) & (phase == start))
        is_recorded = channel % spacing == start
        # Channels outside the first and last kept one inside the window have no neighbour to interpolate with.
        scanned = window[rows] & is_recorded
        first = np.where(scanned.any(-1), scanned.argmax(-1), points)[..., None]
        last = points - 1 - scanned[..., ::-1].argmax(-1)[..., None]
        measured[rows] = (channel >= first) & (channel <= last)
        cleaned = counts[rows]
        cleaned[..., is_recorded] = without_single_channels(cleaned[..., is_recorded], window[rows][..., is_recorded])
        counts[rows] = cleaned @ _interpolation(points, int(spacing), int(start))
    return counts, measured


@cache
def _interpolation(points: int, spacing: int, start: int) -> FloatArray:
    """Weights of the kept channels in all channels, shape (points, points)."""
    recorded = np.arange(start, points, spacing)
    unit = np.zeros((points, points))
    for channel in recorded:
        tent = 1 - np.abs(np.arange(points) - channel) / spacing
        unit[channel] = np.clip(tent, 0.0, None)
    return unit
