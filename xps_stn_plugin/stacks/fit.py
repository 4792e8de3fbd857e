"""Many spectra with one model structure, fitted together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xps_prefit_hooks import PrefitError, Seed
from xps_stn_plugin.models.plan import EVALUATIONS_PER_PARAMETER, FitPlan
from xps_stn_plugin.seeding.region import noise_of_counts

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

#: What a row's status says, by its number.
FIT_STATUSES: Final = (
    "fitted",
    "given up: no minimum within the evaluations allowed",
    "not fitted: intensities that are no numbers, or all the same",
)
FITTED, GIVEN_UP, NOT_FITTED = range(3)


@dataclass(frozen=True, eq=False)
class FitRows:
    """Fits of k spectra with one model structure.

    Parameters
    ----------
    names : tuple of str
        All parameters of the model, tied and fixed ones too, in lmfit's order.
    values, stderr : ndarray, shape (k, names)
        In the units of the parameters. Where a row was not fitted both are NaN; an error is NaN where there is none.
    status : ndarray of int, shape (k,)
        Place in `FIT_STATUSES`; 0 is a success.
    nfev : ndarray of int, shape (k,)
        Evaluations of the model.
    chisqr, redchi : ndarray, shape (k,)
        Chi-square, and over its degrees of freedom.
    """

    names: tuple[str, ...]
    values: FloatArray
    stderr: FloatArray
    status: NDArray[np.int8]
    nfev: NDArray[np.int64]
    chisqr: FloatArray
    redchi: FloatArray

    def __len__(self) -> int:
        return self.status.size

    @property
    def success(self) -> BoolArray:
        """Whether a minimum was found, shape (k,)."""
        return np.equal(self.status, FITTED)

    def message(self, row: int) -> str:
        """Say what became of one row."""
        return FIT_STATUSES[int(self.status[row])]

    def column(self, name: str) -> FloatArray:
        """Values of one parameter, shape (k,)."""
        return self.values[:, self.names.index(name)]


def sigma_rows(counts: ArrayLike, attrs: Mapping[str, Any] | None = None) -> FloatArray:
    """Find the standard deviation of each intensity of k spectra, each as `noise_of` does.

    Parameters
    ----------
    counts : array_like, shape (k, m)
    attrs : mapping, optional
        Attributes of their region: ``intensity``, ``dwell_time`` (s) and ``scans`` are used.

    Returns
    -------
    ndarray, shape (k, m)
    """
    return np.array([noise_of_counts(row, attrs or {}).sigma for row in np.asarray(counts, dtype=float)])


def fit_rows(
    seed: Seed,
    energy: ArrayLike,
    counts: ArrayLike,
    shifts: ArrayLike = 0.0,
    *,
    sigma: ArrayLike | None = None,
    max_nfev: int | None = None,
) -> FitRows:
    """Fit a seed's model to many spectra.

    Parameters
    ----------
    seed : Seed
        Made for the calibrated axis.
    energy : array_like, shape (m,)
        Binding energy in eV on the measured axis.
    counts : array_like, shape (k, m)
    shifts : array_like, shape (k,) or ()
        By how much the measured axis lies above the calibrated one, in eV: row i is fitted over ``energy - shifts[i]``.
    sigma : array_like, shape (k, m), (m,) or (), optional
        Standard deviation of the intensities; by default that of `sigma_rows` without attributes.
    max_nfev : int, optional
        Most evaluations for one spectrum; 100 per free parameter by default.

    Returns
    -------
    FitRows

    Raises
    ------
    PrefitError
        If shapes do not fit, or the model is no sum of components.
    """
    axis, rows = np.asarray(energy, dtype=float), np.asarray(counts, dtype=float)
    where = f"region {seed.region}"
    if axis.ndim != 1 or rows.ndim != 2 or rows.shape[1] != axis.size:
        msg = f"energies of shape {axis.shape} and intensities of shape {rows.shape}; (m,) and (k, m) are needed."
        raise PrefitError(where, msg)
    moved = np.broadcast_to(np.asarray(shifts, dtype=float), len(rows))
    spread = sigma_rows(rows) if sigma is None else np.broadcast_to(np.asarray(sigma, dtype=float), rows.shape)
    plan = FitPlan.compile(seed.model, seed.params, axis, np.zeros(axis.shape))
    if plan is None:
        raise PrefitError(where, "its model is no sum of components: fit its spectra one at a time.")
    most = EVALUATIONS_PER_PARAMETER * (len(plan.names) + 1) if max_nfev is None else max_nfev
    count, names = len(rows), tuple(plan.ties.start)
    values, stderr = np.full((2, count, len(names)), np.nan)
    status, nfev = np.full(count, NOT_FITTED, dtype=np.int8), np.zeros(count, dtype=np.int64)
    chisqr = np.full(count, np.nan)
    degrees = max(axis.size - len(plan.names), 1)
    fine = np.isfinite(rows).all(axis=1) & np.isfinite(moved) & np.isfinite(spread).all(axis=1)
    fine &= (spread > 0).all(axis=1) & (np.ptp(rows, axis=1) > 0)
    for i in np.flatnonzero(fine):
        own = replace(plan, x=axis - moved[i], data=rows[i], weights=1.0 / spread[i])
        found = own.solve(max_nfev=most)
        everything = own.values(found.x)
        values[i], chisqr[i], nfev[i] = list(everything.values()), found.chisqr, found.nfev
        status[i] = FITTED if found.success else GIVEN_UP
        slopes = own.ties.derivatives(everything)
        covariance = np.linalg.pinv(found.jac.T @ found.jac) * found.chisqr / degrees
        variances = np.einsum("ti,ij,tj->t", slopes, covariance, slopes)
        stderr[i] = np.where(variances > 0, np.sqrt(np.maximum(variances, 0.0)), np.nan)
    return FitRows(names, values, stderr, status, nfev, chisqr, chisqr / degrees)
