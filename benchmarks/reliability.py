"""Figures of merit for error bars and probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from benchmarks.cases import Array

#: Standard errors about the shift and the share of Gaussian errors within.
NOMINAL = {"68 %": 1.0, "95 %": 1.96}
STDERR_BINS = 5
PROBABILITY_BINS = 15


def coverage(error: Array, stderr: Array) -> dict[str, float]:
    """Share of errors within 1 and 1.96 standard errors."""
    return {name: float((np.abs(error) <= factor * stderr).mean()) for name, factor in NOMINAL.items()}


def coverage_error(error: Array, stderr: Array, source: Sequence[str]) -> dict[str, float]:
    """Statistical standard error of the coverage, taking the samples as independent and their draws as not.

    Parameters
    ----------
    error, stderr : ndarray, shape (n,)
        In eV.
    source : sequence of str
        Sample of each.
    """
    samples = np.unique(np.asarray(source), return_inverse=True)[1]
    drawn = np.bincount(samples)
    errors = {}
    for name, factor in NOMINAL.items():
        covered = np.bincount(samples, np.abs(error) <= factor * stderr)
        # Ratio estimator over clusters.
        residual = covered - covered.sum() / drawn.sum() * drawn
        errors[name] = float(np.sqrt((residual**2).sum()) / drawn.sum())
    return errors


def coverage_curve(error: Array, stderr: Array, levels: Array) -> Array:
    """Share of errors within the Gaussian interval of each nominal level, shape (levels,)."""
    factors = np.array([NormalDist().inv_cdf((1 + level) / 2) for level in levels])
    coverage: Array = (np.abs(error)[:, None] <= stderr[:, None] * factors).mean(0)
    return coverage


def stderr_bins(error: Array, stderr: Array) -> list[dict[str, float]]:
    """RMS and median error against the predicted standard error, in quantile bins of the latter."""
    order = np.array_split(np.argsort(stderr, kind="stable"), STDERR_BINS)
    return [
        {
            "spectra": float(rows.size),
            "mean stderr": float(stderr[rows].mean()),
            "rms error": float(np.sqrt(np.mean(error[rows] ** 2))),
            "68th percentile of error": float(np.quantile(np.abs(error[rows]), 0.6827)),
            **coverage(error[rows], stderr[rows]),
        }
        for rows in order
        if rows.size
    ]


def reliability(probability: Array, true: NDArray[np.bool_]) -> list[dict[str, float]]:
    """Mean probability and share that is there, in equal-width bins; empty bins are left out."""
    bins = np.minimum((probability * PROBABILITY_BINS).astype(int), PROBABILITY_BINS - 1)
    return [
        {
            "from": number / PROBABILITY_BINS,
            "decisions": float((bins == number).sum()),
            "mean probability": float(probability[bins == number].mean()),
            "there": float(true[bins == number].mean()),
        }
        for number in range(PROBABILITY_BINS)
        if (bins == number).any()
    ]


def expected_calibration_error(probability: Array, true: NDArray[np.bool_]) -> float:
    """Mean distance of probability and frequency over the bins, weighted by decisions (Guo et al., ICML 2017)."""
    rows = reliability(probability, true)
    weight = np.array([row["decisions"] for row in rows])
    distance = np.array([abs(row["mean probability"] - row["there"]) for row in rows])
    return float((weight * distance).sum() / weight.sum())


def mean_over_groups(probability: Array, true: NDArray[np.bool_]) -> float:
    """Mean calibration error of the groups that occur."""
    errors = [expected_calibration_error(probability[:, i], true[:, i]) for i in np.flatnonzero(true.any(0))]
    return float(np.mean(errors)) if errors else float("nan")


def likelihood(error: Array, stderr: Array) -> float:
    """Mean negative log density of the errors under Gaussians, in nats for errors in eV: less is better."""
    return float(np.mean(0.5 * (error / stderr) ** 2 + np.log(stderr) + 0.5 * np.log(2 * np.pi)))
