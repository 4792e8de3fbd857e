"""Limits of counting statistics for a doublet: Cramer-Rao bounds, detectability, and an ideal analyst's fit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.stats import chi2, ncx2, norm

from benchmarks.doublet_design import AXIS_ERROR, POSITION_SCATTER, Lines, Sample, main_line
from xps_stn_plugin.simulate.config import SimulationConfig

FloatArray = NDArray[np.float64]

#: Share of true singlets that a test may call doublets.
FALSE_ALARMS: Final = 0.05

#: A doublet has a centre and an area more than a singlet.
_MORE: Final = 2

#: Starts of the second line beside a true singlet: distance in eV and share of the area.
_SECOND: Final = ((-0.4, 0.3), (0.4, 0.3), (-1.2, 0.03), (1.2, 0.03))

#: Bounds of the width in eV; wider than any line.
_FWHM: Final = (0.2, 5.0)


@dataclass(frozen=True)
class Limits:
    """Bounds of any unbiased method for one doublet.

    Parameters
    ----------
    center : float
        Standard error in eV of a centre: quadratic mean of both.
    center_told : float
        The same where the table's positions are known within their scatter and that of the axis.
    share, share_told : float
        Standard error of the larger line's share of the area, both ways.
    power : float
        Share of such doublets that a likelihood-ratio test with 5 % false alarms calls doublets.
    ceiling : float
        Share that any test with 5 % false alarms can at most (Neyman and Pearson: the doublet known in advance, against
        the singlet that is most like it).
    """

    center: float
    center_told: float
    share: float
    share_told: float
    power: float
    ceiling: float


def jacobian(function: Callable[[FloatArray], FloatArray], point: FloatArray) -> FloatArray:
    """Central differences, shape (n, parameters)."""
    columns = []
    for i, value in enumerate(point):
        h = 1e-5 * max(abs(value), 1e-3)
        step = np.zeros_like(point)
        step[i] = h
        columns.append((function(point + step) - function(point - step)) / (2 * h))
    return np.stack(columns, axis=1)


def covariance(derivatives: FloatArray, mean: FloatArray, prior: FloatArray | None = None) -> FloatArray:
    """Cramer-Rao bound of the covariance for Poisson counts.

    Parameters
    ----------
    derivatives : ndarray, shape (n, parameters)
        Of the expected counts.
    mean : ndarray, shape (n,)
        Expected counts, positive.
    prior : ndarray, shape (parameters, parameters), optional
        Information that is there before the measurement.

    Returns
    -------
    ndarray, shape (parameters, parameters)
    """
    information = derivatives.T @ (derivatives / mean[:, None])
    if prior is not None:
        information = information + prior
    scale = np.sqrt(np.diag(information))
    return np.asarray(np.linalg.inv(information / np.outer(scale, scale)) / np.outer(scale, scale))


def power(noncentrality: float) -> tuple[float, float]:
    """Likelihood-ratio power and ceiling of any test, see `Limits`."""
    ratio = float(ncx2.sf(chi2.isf(FALSE_ALARMS, _MORE), _MORE, noncentrality)) if noncentrality > 0 else FALSE_ALARMS
    return ratio, float(norm.cdf(np.sqrt(noncentrality) - norm.isf(FALSE_ALARMS)))


def limits(sample: Sample) -> Limits:
    """Limits of one doublet, every parameter of its lines and background unknown but for the range of the vibration."""
    truth, mean = sample.truth, sample.expected()
    vector = truth.vector()
    derivatives = jacobian(lambda values: truth.moved(values).curve(sample.energy), vector)
    precision = np.zeros((vector.size, vector.size))
    if any(truth.bonds):
        precision[-1, -1] = 1 / _quantum()[1] ** 2
    bound = covariance(derivatives, mean, precision)
    precision[:2, :2] = np.linalg.inv(_position_covariance())
    covariance_with_positions = covariance(derivatives, mean, precision)
    larger = int(np.argmax(truth.areas))
    total = truth.areas.sum()
    gradient = np.zeros(vector.size)
    gradient[2:4] = -truth.areas[larger] / total**2
    gradient[2 + larger] += 1 / total
    chance, ceiling = power(noncentrality(sample))
    return Limits(
        center=float(np.sqrt(np.mean(np.diag(bound)[:2]))),
        center_told=float(np.sqrt(np.mean(np.diag(covariance_with_positions)[:2]))),
        share=float(np.sqrt(gradient @ bound @ gradient)),
        share_told=float(np.sqrt(gradient @ covariance_with_positions @ gradient)),
        power=chance,
        ceiling=ceiling,
    )


def noncentrality(sample: Sample) -> float:
    """Chi-square between a doublet without noise and the singlet that is most like it, of either line's shape."""
    mean = sample.expected()
    return min(_fit(sample, mean, start, sample.truth.quantum)[1] for start in _singlets(sample.truth))


def ideal(sample: Sample) -> tuple[Lines, float]:
    """Best fit of two lines of the true shapes, and by how much its chi-square is below that of one line.

    An analyst who knows the shapes (of the vibration, its range), the variances and, for a doublet, where to start.
    Where two groups are told, the table's positions are known within their scatter; where one is told, there is
    nothing to decide and the gain is 0.
    """
    truth, mean_quantum = sample.truth, _quantum()[0]
    singlet = min(
        (_fit(sample, sample.counts, start, mean_quantum) for start in _singlets(truth)), key=lambda fit: fit[1]
    )
    if len(sample.groups) == 1:
        return singlet[0], 0.0
    positions = np.array([main_line(group).position for group in sample.groups])
    if len(truth.bonds) == 2:
        starts = [truth]
    elif positions.size:
        second = _split_line(singlet[0], positions[1] - singlet[0].centers[0], 0.1)
        starts = [second]
    else:
        starts = [_split_line(singlet[0], distance, share) for distance, share in _SECOND]
    prior = positions if positions.size else None
    doublet = min((_fit(sample, sample.counts, start, mean_quantum, prior) for start in starts), key=lambda fit: fit[1])
    return doublet[0], singlet[1] - doublet[1]


def _position_covariance() -> FloatArray:
    # Each position scatters for itself, the axis moves both.
    return np.asarray(POSITION_SCATTER**2 * np.eye(2) + AXIS_ERROR**2)


def _singlets(truth: Lines) -> list[Lines]:
    """One line in place of those there are, with the shape of each."""
    total = truth.areas.sum()
    center = float(truth.centers @ truth.areas / total)
    fwhm = float(truth.fwhm + 0.5 * np.ptp(truth.centers))
    return [
        replace(truth, centers=np.array([center]), areas=np.array([total]), fwhm=fwhm, bonds=(bonds,))
        for bonds in dict.fromkeys(truth.bonds)
    ]


def _split_line(line: Lines, distance: float, share: float) -> Lines:
    areas = line.areas[0] * np.array([1 - share, share])
    return replace(line, centers=line.centers[0] + np.array([0.0, distance]), areas=areas, bonds=line.bonds * 2)


@cache
def _quantum() -> tuple[float, float]:
    """Mean and standard deviation of the quanta for each C-H bond, over the range that is drawn from."""
    low, high = SimulationConfig.load().huang_rhys_range
    return (low + high) / 2, float((high - low) / np.sqrt(12))


def _fit(
    sample: Sample, counts: FloatArray, start: Lines, quantum: float, positions: FloatArray | None = None
) -> tuple[Lines, float]:
    """Least squares with the true variances; lines, and their chi-square without the part of known positions."""
    root = np.sqrt(sample.expected())
    whiten = np.linalg.inv(np.linalg.cholesky(_position_covariance()))
    vibrates = any(start.bonds)
    scale = _quantum()[1]

    def residual(vector: FloatArray) -> FloatArray:
        parts = [(start.moved(vector).curve(sample.energy) + sample.satellite - counts) / root]
        parts += [(vector[-1:] - quantum) / scale] if vibrates else []
        parts += [] if positions is None else [whiten @ (vector[:2] - positions)]
        return np.concatenate(parts)

    n = len(start.bonds)
    vector = start.vector()
    low, high = np.full(vector.size, -np.inf), np.full(vector.size, np.inf)
    low[:n], high[:n] = sample.energy[0], sample.energy[-1]
    low[n : 2 * n] = 0.0
    low[2 * n : 2 * n + 2], high[2 * n : 2 * n + 2] = (_FWHM[0], 0.0), (_FWHM[1], 1.0)
    low[2 * n + 4 :] = 0.0
    optimum = least_squares(residual, vector, bounds=(low, high), x_scale="jac", ftol=1e-6, xtol=1e-7, max_nfev=200)
    return start.moved(optimum.x), float(np.sum(optimum.fun[: counts.size + vibrates] ** 2))
