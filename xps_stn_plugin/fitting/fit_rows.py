"""Fits of k spectra with one model structure, as arrays; one fit is a row of one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import lmfit
import numpy as np
from numpy.typing import NDArray

from xps_prefit_hooks import Seed

from .held_errors import influence_of, norm
from .parameter_names import at_bounds, free_names
from .standard_errors import uncertainty

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

#: What a row's status says, by its number.
FIT_STATUSES: Final = (
    "fitted",
    "given up: no minimum within the evaluations allowed",
    "not fitted: intensities that are not numbers, or all the same",
)
FITTED, GIVEN_UP, NOT_FITTED = range(3)


@dataclass(frozen=True, eq=False)
class FitRows:
    """Fits of k spectra with one model structure.

    Parameters
    ----------
    names : tuple of str
        All parameters of the model, tied and fixed ones too, in lmfit's order.
    free : tuple of str
        Those that the fit varied.
    values, stderr : ndarray, shape (k, names)
        In the units of the parameters. Where a row was not fitted both are NaN; an error is NaN where there is none.
    held_stderr : ndarray, shape (k, names)
        What uncertainty of parameters that the seed holds adds to the errors, in quadrature: see `held_influence`.
    sides : ndarray of int, shape (k, free)
        Free parameters that ended at a bound: -1 at the lower, 1 at the upper one, else 0.
    status : ndarray of int, shape (k,)
        Place in `FIT_STATUSES`; 0 is a success.
    nfev : ndarray of int, shape (k,)
        Evaluations of the model.
    chisqr, redchi : ndarray, shape (k,)
        Chi-square, and over its degrees of freedom.
    """

    names: tuple[str, ...]
    free: tuple[str, ...]
    values: FloatArray
    stderr: FloatArray
    held_stderr: FloatArray
    sides: NDArray[np.int8]
    status: NDArray[np.int8]
    nfev: NDArray[np.int64]
    chisqr: FloatArray
    redchi: FloatArray

    @classmethod
    def of_one(cls, seed: Seed, fit: lmfit.model.ModelResult | None = None) -> FitRows:
        """Make one row of a fit, or of the start values of a seed without errors."""
        params = seed.params if fit is None else fit.params
        errors = {} if fit is None else uncertainty(seed, fit).stderr
        bounds = {} if fit is None else at_bounds(seed, params)
        free = tuple(free_names(params))
        sides = [{"lower": -1, "upper": 1}.get(bounds.get(name, ""), 0) for name in free]
        status = NOT_FITTED if fit is None else FITTED if fit.success else GIVEN_UP
        return cls(
            tuple(params),
            free,
            np.array([[float(parameter.value) for parameter in params.values()]]),
            np.array([[errors.get(name, np.nan) for name in params]]),
            np.zeros((1, len(params))) if fit is None else norm(influence_of(seed, fit)),
            np.array([sides], dtype=np.int8),
            np.array([status], dtype=np.int8),
            np.array([0 if fit is None else int(fit.nfev)]),
            np.array([np.nan if fit is None else float(fit.chisqr)]),
            np.array([np.nan if fit is None else float(fit.redchi)]),
        )

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

    def put(self, rows: NDArray[np.intp], other: FitRows) -> None:
        """Take the rows of other fits of the same model in place."""
        for field in ("values", "stderr", "held_stderr", "sides", "status", "nfev", "chisqr", "redchi"):
            getattr(self, field)[rows] = getattr(other, field)
