"""A fit worked out beforehand: components, ties and bounds of an lmfit model as plain arrays, with derivatives."""

from __future__ import annotations

import operator
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import lmfit
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import OptimizeResult, least_squares

from .parts import Part
from .stack import Unit, units_of
from .ties import Ties

FloatArray = NDArray[np.float64]

#: Solver: a trust region that keeps to bounds as bounds, scaled by the Jacobian.
SOLVER: Final[Mapping[str, Any]] = {"x_scale": "jac", "ftol": 1e-6, "xtol": 1e-7}

#: Function evaluations per free parameter (and one for the rest) after which a fit is given up. With the analytic
#: Jacobian seeded fits take 5-30 evaluations in all; a runaway of lmfit's default took 26 000 and 8 s (lmfit 1.3.4,
#: four pseudo-Voigts).
EVALUATIONS_PER_PARAMETER: Final = 100


#: Parameters (without prefix) in units of the intensities: the curve is linear in them when all others stay.
LINEAR: Final = ("amplitude", "slope", "intercept", "c")


@dataclass(frozen=True, eq=False)
class FitPlan:
    """Weighted least squares of a sum of components.

    `compile` makes it from an lmfit model; vectors ``v`` hold the free parameters in the order of `names`.

    Parameters
    ----------
    x, data, weights : ndarray, shape (n,)
        Binding energy in eV, intensities, one over their standard deviation.
    parts : tuple of Part
    ties : Ties
        Of all parameters of the fit.
    low, high : ndarray, shape (free,)
    """

    x: FloatArray
    data: FloatArray
    weights: FloatArray
    parts: tuple[Part, ...]
    ties: Ties
    low: FloatArray
    high: FloatArray
    _units: tuple[Unit, ...]
    _needed: Ties
    _pick: NDArray[np.intp]

    @classmethod
    def compile(
        cls,
        model: lmfit.Model,
        params: lmfit.Parameters,
        x: ArrayLike,
        data: ArrayLike,
        weights: ArrayLike | None = None,
    ) -> FitPlan | None:
        """Compile a fit.

        Parameters
        ----------
        model : lmfit.Model
            Sum of components in ``x``. Those with a method ``partials(x, **values)``, and lmfit's linear, constant and
            pseudo-Voigt models, have analytic derivatives; others get numeric ones by their own free parameters.
        params : lmfit.Parameters
            Start values, bounds and ties; none is changed.
        x, data : array_like, shape (n,)
        weights : array_like, shape (n,), optional
            1 by default.

        Returns
        -------
        FitPlan or None
            None for what is not such a sum: products, other independent variables, complex data, a `nan_policy` other
            than ``raise``, a model with a residual of its own.

        Raises
        ------
        ValueError
            If ties depend on each other in a circle.
        """
        data, x = np.asarray(data), np.asarray(x)
        if not _is_sum(model) or data.ndim != 1 or x.shape != data.shape or np.iscomplexobj(data):
            return None
        ties = Ties.compile(params)
        if not ties.free or not {name for part in model.components for name in part.param_names} <= set(ties.start):
            return None
        grid = x.astype(float)
        parts = tuple(Part.of(component, params) for component in model.components)
        weights = np.ones(data.shape) if weights is None else np.broadcast_to(np.asarray(weights, float), data.shape)
        bounds = [(float(params[name].min), float(params[name].max)) for name in ties.free]
        low, high = np.array(bounds).T
        return _planned(grid, data.astype(float), weights, parts, ties, low, high)

    @property
    def names(self) -> tuple[str, ...]:
        """Free parameters, in lmfit's order."""
        return self.ties.free

    @property
    def start(self) -> FloatArray:
        """Start values, shape (free,)."""
        return self.vector(self.ties.start)

    @property
    def bounds(self) -> tuple[FloatArray, FloatArray]:
        """Lower and upper bounds, each of shape (free,)."""
        return self.low, self.high

    @cached_property
    def units(self) -> FloatArray:
        """Unit of each free parameter for the solver, shape (free,).

        A thousandth of the largest intensity for what is proportional to the intensities, so that numbers are those of
        counts in an ordinary spectrum; 1 for the rest. A trust region's first step and its tolerances depend on the
        magnitudes of the parameters; with these units they are the same for counts and for currents in ampere.
        """
        largest = 1e-3 * float(np.max(np.abs(self.data), initial=0.0))
        linear = {part.names[bare] for part in self.parts for bare in LINEAR if bare in part.names}
        unit = largest if 0.0 < largest < np.inf else 1.0
        return np.array([unit if name in linear else 1.0 for name in self.names])

    def vector(self, values: Mapping[str, float]) -> FloatArray:
        """Free parameters out of a mapping with more, shape (free,)."""
        return np.array([float(values[name]) for name in self.names])

    def values(self, v: ArrayLike) -> dict[str, float]:
        """Values of all parameters, tied and fixed ones too."""
        return self.ties.values(v)

    def curve(self, v: ArrayLike) -> FloatArray:
        """Sum of the components, shape (n,)."""
        return self._curve(self._needed.values(v))[0]

    def residual(self, v: ArrayLike) -> FloatArray:
        """Residual ``(data - curve) * weights``, lmfit's sign, shape (n,)."""
        return (self.data - self.curve(v)) * self.weights

    def jacobian(self, v: ArrayLike) -> FloatArray:
        """Differentiate the residual by the free parameters, shape (n, free)."""
        return self.residual_and_jacobian(v)[1]

    def residual_and_jacobian(self, v: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Both from one evaluation of the components."""
        values = self._needed.values(v)
        curve, slopes = self._curve(values)
        chain = self._needed.derivatives(values)[self._pick]
        return (self.data - curve) * self.weights, (chain.T @ slopes).T * -self.weights[:, None]

    def solve(
        self, *, max_nfev: int | None = None, start: Mapping[str, float] | ArrayLike | None = None, **options: Any
    ) -> OptimizeResult:
        """Find the optimum without lmfit's bookkeeping.

        Parameters
        ----------
        max_nfev : int, optional
            Most evaluations of the residual; 100 per free parameter (and one for the rest) by default.
        start : mapping of str to float, or array_like of shape (free,), optional
            Where to start, values beyond the bounds set to them; by default `start`.
        **options
            Passed to `scipy.optimize.least_squares`, such as ``ftol``.

        Returns
        -------
        scipy.optimize.OptimizeResult
            ``x`` (in the order of `names`), ``fun`` and ``jac`` at it, ``chisqr``, ``nfev``, ``success``, ``message``,
            ``active_mask`` and what else scipy gives.
        """
        v = self.start if start is None else self.vector(start) if isinstance(start, Mapping) else np.asarray(start)
        memory, units = Memory(self), self.units
        found = least_squares(
            memory.residual,
            np.clip(v, self.low, self.high) / units,
            jac=memory.jacobian,
            bounds=(self.low / units, self.high / units),
            max_nfev=EVALUATIONS_PER_PARAMETER * (v.size + 1) if max_nfev is None else max_nfev,
            **{**SOLVER, **options},
        )
        found.x, found.jac, found.grad = found.x * units, found.jac / units, found.grad / units
        found.chisqr = 2.0 * float(found.cost)
        return found

    def without(self, prefixes: Collection[str]) -> FitPlan:
        """Plan with these components' amplitudes at 0, and what moves nothing else fixed.

        A width that other components are tied to stays free. A component whose amplitude is tied to one that goes, goes
        with it.
        """
        gone = {name: 0.0 for prefix in prefixes if (name := f"{prefix}amplitude") in self.ties.start}
        ties = self.ties.fixed(gone)
        reach, values = ties.reach(), ties.values([ties.start[name] for name in ties.free])
        slopes = dict(zip(ties.start, ties.derivatives(values), strict=True))
        nothing = {name for name, value in values.items() if value == 0.0 and not slopes[name].any()}
        parts = tuple(
            part for part in self.parts if part.prefix not in prefixes and part.names.get("amplitude") not in nothing
        )
        moving = {free for part in parts for name in part.names.values() for free in reach[name]}
        ties = ties.fixed({name: ties.start[name] for name in ties.free if name not in moving})
        kept = np.array([name in ties.free for name in self.names])
        return _planned(self.x, self.data, self.weights, parts, ties, self.low[kept], self.high[kept])

    def _curve(self, values: Mapping[str, float]) -> tuple[FloatArray, FloatArray]:
        """Curve, and its derivatives by the parameters of the components, shape (k, n)."""
        curve = np.zeros(self.x.shape)
        rows: list[FloatArray] = []
        for unit in self._units:
            one, slopes = unit.evaluate(self.x, values)
            curve += one
            rows += slopes
        return curve, np.array(rows).reshape(len(rows), curve.size)


class Memory:
    """Residual and Jacobian of a plan for a solver that asks for them one after the other at the same place.

    The solver's vectors ``u`` hold the free parameters in the plan's `units`.
    """

    def __init__(self, plan: FitPlan) -> None:
        self._plan = plan
        self._at: FloatArray | None = None
        self._found: tuple[FloatArray, FloatArray] | None = None

    def residual(self, u: FloatArray) -> FloatArray:
        """As `FitPlan.residual` at ``u * units``."""
        return self._both(u)[0].copy()  # A robust loss scales both in place.

    def jacobian(self, u: FloatArray) -> FloatArray:
        """Differentiate the residual by ``u``, shape (n, free)."""
        return self._both(u)[1].copy()

    def _both(self, u: FloatArray) -> tuple[FloatArray, FloatArray]:
        if self._found is None or self._at is None or not np.array_equal(self._at, u):
            units = self._plan.units
            residual, jacobian = self._plan.residual_and_jacobian(u * units)
            self._at, self._found = u.copy(), (residual, jacobian * units)
        return self._found


def _planned(
    x: FloatArray,
    data: FloatArray,
    weights: FloatArray,
    parts: tuple[Part, ...],
    ties: Ties,
    low: FloatArray,
    high: FloatArray,
) -> FitPlan:
    reach = ties.reach()
    units = units_of(parts, reach, ties.values([ties.start[name] for name in ties.free]))
    order = {name: i for i, name in enumerate(ties.start)}
    pick = np.array([order[part.names[bare]] for unit in units for part, bare in unit.rows], dtype=np.intp)
    needed = ties.of({name for part in parts for name in part.names.values()})
    return FitPlan(x, data, weights, parts, ties, low, high, units, needed, pick)


def _is_sum(model: lmfit.Model) -> bool:
    if type(model)._residual is not lmfit.Model._residual or model.nan_policy != "raise":
        return False
    if isinstance(model, lmfit.model.CompositeModel):
        return model.op is operator.add and _is_sum(model.left) and _is_sum(model.right)
    return list(model.independent_vars) == ["x"]
