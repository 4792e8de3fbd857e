"""Figures of merit for shifts and groups; the definitions that every benchmark uses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class ShiftMetrics:
    """Error of the shift in eV: median and mean of the absolute error, mean error (bias), 95th percentile."""

    median: float
    mean: float
    bias: float
    p95: float


@dataclass(frozen=True)
class GroupMetrics:
    """Share of spectra with all groups right; F1 over all decisions, and averaged over groups that occur."""

    exact: float
    micro_f1: float
    macro_f1: float


def shift_metrics(error: NDArray[np.floating]) -> ShiftMetrics:
    """Figures from predicted minus true shifts in eV, shape (n,)."""
    size = np.abs(error)
    return ShiftMetrics(
        median=float(np.median(size)),
        mean=float(size.mean()),
        bias=float(error.mean()),
        p95=float(np.quantile(size, 0.95)),
    )


def group_metrics(predicted: NDArray[np.bool_], true: NDArray[np.bool_]) -> GroupMetrics:
    """Figures from decisions, shape (n, groups). Macro F1 runs over groups with at least one true case."""
    hit = (predicted & true).sum(0)
    wrong = (predicted & ~true).sum(0)
    missed = (~predicted & true).sum(0)
    occurs = true.any(0)
    single = 2 * hit / np.maximum(2 * hit + wrong + missed, 1)
    total = 2 * hit.sum() + wrong.sum() + missed.sum()
    return GroupMetrics(
        exact=float((predicted == true).all(1).mean()),
        micro_f1=float(2 * hit.sum() / max(total, 1)),
        macro_f1=float(single[occurs].mean()) if occurs.any() else float("nan"),
    )
