"""Ties between parameters: lmfit's ``expr`` strings compiled once, with their derivatives.

lmfit evaluates a tie in an interpreter of its own each time that a parameter is read, and knows no derivatives. Here
the expression is parsed once and differentiated symbolically (see `expressions`). An expression with anything that is
not listed in `expressions.parse` is left to lmfit's interpreter and differentiated numerically.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import lmfit
import numpy as np
from numpy.typing import ArrayLike, NDArray

from .expressions import Value, is_constant_name, parse

FloatArray = NDArray[np.float64]

#: Parameters by name: lmfit's, or others with the attributes ``value``, ``vary``, ``expr``, ``min`` and ``max``.
Parameters = Mapping[str, Any]

#: Relative step of central differences, the cube root of the double precision's epsilon.
_STEP: Final = float(np.finfo(float).eps ** (1 / 3))


@dataclass(frozen=True)
class Tie:
    """One tied parameter.

    Parameters
    ----------
    name : str
    value : callable
        From the values of the parameters that it depends on to its own, bounds not applied.
    slopes : mapping of str to float or callable
        Derivative by each parameter that the expression names; a number where it never changes.
    low, high : float
        Bounds; a value beyond them is set to them, as lmfit does.
    """

    name: str
    value: Value
    slopes: Mapping[str, float | Value]
    low: float
    high: float

    def bounded(self, value: float) -> float:
        """Value within the bounds."""
        return min(max(value, self.low), self.high)

    def clipped(self, values: Mapping[str, float]) -> bool:
        """Whether the expression leads beyond the bounds."""
        if self.low < values[self.name] < self.high:
            return False
        return not self.low <= self.value(values) <= self.high


@dataclass(frozen=True, eq=False)
class TiedRows:
    """Values of all parameters of k rows, and the rows in which a tie exceeds its bounds.

    Parameters
    ----------
    count : int
        k.
    columns : mapping of str to float or ndarray
        By name, in lmfit's order: numbers for one row and where all rows have the same, else arrays of shape (k,).
    clipped : mapping of str to bool or ndarray of bool
        Ties that meet their bounds in any row.
    """

    count: int
    columns: Mapping[str, Any]
    clipped: Mapping[str, Any]

    @classmethod
    def of(cls, names: Sequence[str], values: FloatArray) -> TiedRows:
        """Make it of values within all bounds, shape (k, names)."""
        columns = values[0].tolist() if len(values) == 1 else values.T
        return cls(len(values), dict(zip(names, columns, strict=True)), {})

    @property
    def values(self) -> FloatArray:
        """All parameters, shape (k, names)."""
        if self.count == 1:
            return np.array([list(self.columns.values())])
        values = np.empty((self.count, len(self.columns)))
        for place, column in enumerate(self.columns.values()):
            values[:, place] = column
        return values


@dataclass(frozen=True, eq=False)
class Ties:
    """All parameters of a model as functions of the free ones.

    Parameters
    ----------
    start : mapping of str to float
        Start value of every parameter, in lmfit's order.
    free : tuple of str
        Parameters that vary.
    ties : tuple of Tie
        In such an order that each depends on earlier ones only.
    base : ndarray, shape (names, free)
        Derivatives of all parameters of which they never change, as long as no tie meets its bounds; else 0.
    varying : tuple of Tie
        Ties whose derivatives change with the values.
    """

    start: Mapping[str, float]
    free: tuple[str, ...]
    ties: tuple[Tie, ...]
    base: FloatArray
    varying: tuple[Tie, ...]

    @classmethod
    def compile(cls, params: Parameters) -> Ties:
        """Compile the ties of a set of parameters.

        Raises
        ------
        ValueError
            If ties depend on each other in a circle.
        """
        tied = {name: _tie(name, params) for name, p in params.items() if p.expr}
        start = {name: math.nan if name in tied else float(p.value) for name, p in params.items()}
        free = tuple(name for name, p in params.items() if p.vary and name not in tied)
        ties = _ordered(tied)
        for tie in ties:
            start[tie.name] = tie.bounded(float(tie.value(start)))
        return _ties_with_base(start, free, ties)

    def values(self, free: ArrayLike) -> dict[str, float]:
        """Values of all parameters, in lmfit's order, from those of the free ones, shape (len(self.free),)."""
        return dict(self.rows(np.asarray(free, dtype=float)[None]).columns)

    def derivatives(self, values: Mapping[str, float]) -> FloatArray:
        """Differentiate all parameters by the free ones, shape (len(self.start), len(self.free)), at `values`."""
        clipped = {tie.name: True for tie in self.ties if tie.clipped(values)}
        return np.asarray(self.slopes(TiedRows(1, values, clipped))[0])

    def rows(self, v: FloatArray, start: Mapping[str, Any] | None = None) -> TiedRows:
        """Values of all parameters for k sets of the free ones.

        Parameters
        ----------
        v : ndarray, shape (k, free)
        start : mapping of str to ndarray of shape (k,), optional
            Values of fixed parameters that are not their start values.
        """
        count = len(v)
        columns: dict[str, Any] = dict(self.start)
        clipped: dict[str, Any] = {}
        if count == 1:
            columns.update({name: float(value[0]) for name, value in start.items()} if start else {})
            columns.update(zip(self.free, v[0].tolist(), strict=True))
            for tie in self.ties:
                value = float(tie.value(columns))
                columns[tie.name] = tie.bounded(value)
                if not tie.low <= value <= tie.high:
                    clipped[tie.name] = True
            return TiedRows(1, columns, clipped)
        columns.update(start or {})
        columns.update(zip(self.free, v.T, strict=True))
        for tie in self.ties:
            values = columns[tie.name] = _by_rows(tie.value, columns, count)
            outside = (values < tie.low) | (values > tie.high)
            if outside.any():
                columns[tie.name] = np.clip(values, tie.low, tie.high)
                clipped[tie.name] = outside
        return TiedRows(count, columns, clipped)

    def slopes(self, tied_rows: TiedRows) -> FloatArray:
        """Differentiate all parameters by the free ones, shape (k, names, free)."""
        ties = self.varying
        if tied_rows.clipped:
            matrix = np.repeat(_unit(self.start, self.free)[None], tied_rows.count, axis=0)
            ties = self.ties
        elif ties:
            matrix = np.repeat(self.base[None], tied_rows.count, axis=0)
        else:
            return np.broadcast_to(self.base, (tied_rows.count, *self.base.shape))
        index = {name: i for i, name in enumerate(self.start)}
        for tie in ties:
            row = matrix[:, index[tie.name]]
            for name, slope in tie.slopes.items():
                factor: Any = slope
                if callable(slope):
                    factor = (
                        slope(tied_rows.columns)
                        if tied_rows.count == 1
                        else _by_rows(slope, tied_rows.columns, tied_rows.count)[:, None]
                    )
                row += factor * matrix[:, index[name]]
            if tie.name in tied_rows.clipped:
                row[np.broadcast_to(tied_rows.clipped[tie.name], tied_rows.count)] = 0.0
        return matrix

    def of(self, names: Collection[str]) -> Ties:
        """Only the ties that lead to these parameters; the others keep their start values."""
        required = set(names)
        for tie in reversed(self.ties):
            if tie.name in required:
                required |= set(tie.slopes)
        required_ties = tuple(tie for tie in self.ties if tie.name in required)
        return self if len(required_ties) == len(self.ties) else _ties_with_base(self.start, self.free, required_ties)

    def fixed(self, values: Mapping[str, float]) -> Ties:
        """Ties with these parameters fixed at the values given."""
        return _ties_with_base(
            {**self.start, **values},
            tuple(name for name in self.free if name not in values),
            tuple(tie for tie in self.ties if tie.name not in values),
        )

    def dependencies(self) -> dict[str, frozenset[str]]:
        """For each parameter the free ones that it depends on."""
        sources = {name: frozenset({name} if name in self.free else ()) for name in self.start}
        for tie in self.ties:
            sources[tie.name] = frozenset().union(*(sources[name] for name in tie.slopes))
        return sources


def _ties_with_base(start: Mapping[str, float], free: tuple[str, ...], ties: tuple[Tie, ...]) -> Ties:
    base = _unit(start, free)
    index = {name: i for i, name in enumerate(start)}
    varying: list[Tie] = []
    varying_names: set[str] = set()
    for tie in ties:
        if any(callable(slope) or name in varying_names for name, slope in tie.slopes.items()):
            varying.append(tie)
            varying_names.add(tie.name)
            continue
        for name, slope in tie.slopes.items():
            base[index[tie.name]] += slope * base[index[name]]
    return Ties(start, free, ties, base, tuple(varying))


def _unit(start: Mapping[str, float], free: Sequence[str]) -> FloatArray:
    """Differentiate where nothing is tied, shape (names, free): 1 of a free parameter by itself."""
    index = {name: i for i, name in enumerate(start)}
    matrix = np.zeros((len(start), len(free)))
    matrix[[index[name] for name in free], range(len(free))] = 1.0
    return matrix


def _by_rows(function: Value, values: Mapping[str, Any], count: int) -> FloatArray:
    """Value of a tie for all rows; one after the other where it does not take arrays (max, min, a user's function)."""
    try:
        result = np.asarray(function(values), dtype=float)
        if result.shape == (count,):
            return result
        if result.shape == ():
            return np.full(count, result)
    except (TypeError, ValueError):
        pass
    columns = {name: np.broadcast_to(column, count) for name, column in values.items()}
    return np.array(
        [float(function({name: float(column[i]) for name, column in columns.items()})) for i in range(count)]
    )


def _tie(name: str, params: Parameters) -> Tie:
    parameter = params[name]
    parsed = parse(parameter.expr)
    # A user may have named a parameter like a constant, or hold values in lmfit's interpreter that are not parameters.
    if parsed is None or not set(parsed[1]) <= set(params) or any(map(is_constant_name, params)):
        parsed = _foreign(parameter.expr, params)
    value, slopes = parsed
    return Tie(name, value, slopes, float(parameter.min), float(parameter.max))


def _ordered(ties: dict[str, Tie]) -> tuple[Tie, ...]:
    """Ties in such an order that each depends on earlier ones only."""
    remaining, order = dict(ties), []
    while remaining:
        resolved = [name for name, tie in remaining.items() if not any(source in remaining for source in tie.slopes)]
        if not resolved:
            raise ValueError(f"the ties of {', '.join(remaining)} depend on each other in a circle")
        order += [remaining.pop(name) for name in resolved]
    return tuple(order)


def _foreign(expression: str, params: lmfit.Parameters) -> tuple[Value, Mapping[str, float | Value]]:
    """Let lmfit's own interpreter, with the user's functions in it, evaluate an expression."""
    parameters = params.copy()
    for parameter in parameters.values():
        parameter.set(expr="", min=-np.inf, max=np.inf)
    tree = ast.parse(expression.strip(), mode="eval")
    names = sorted({n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and n.id in params})

    def value(values: Mapping[str, float]) -> float:
        for name in names:
            parameters[name].value = values[name]
        return float(parameters.eval(expression))

    def slope(name: str) -> Value:
        def central(values: Mapping[str, float]) -> float:
            step = _STEP * max(abs(values[name]), 1.0)
            upper, lower = ({**values, name: values[name] + s} for s in (step, -step))
            return (value(upper) - value(lower)) / (upper[name] - lower[name])

        return central

    return value, {name: slope(name) for name in names}
