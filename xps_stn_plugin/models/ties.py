"""Ties between parameters: lmfit's ``expr`` strings compiled once, with their derivatives.

lmfit evaluates a tie in an interpreter of its own each time that a parameter is read, and knows no derivatives. Here
the expression is parsed once and differentiated symbolically. An expression with anything that is not listed in
`expressions.parse` is left to lmfit's interpreter and differentiated numerically.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Final

import lmfit
import numpy as np
from numpy.typing import ArrayLike, NDArray

from .expressions import Value, is_constant_name, parse

FloatArray = NDArray[np.float64]

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

    def clipped(self, values: Mapping[str, float]) -> bool:
        """Whether the expression leads beyond the bounds."""
        if self.low < values[self.name] < self.high:
            return False
        return not self.low <= self.value(values) <= self.high


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
    constant : ndarray or None
        What `derivatives` is as long as no tie meets its bounds, if it never changes.
    """

    start: Mapping[str, float]
    free: tuple[str, ...]
    ties: tuple[Tie, ...]
    constant: FloatArray | None

    @classmethod
    def compile(cls, params: lmfit.Parameters) -> Ties:
        """Compile the ties of a set of parameters.

        Raises
        ------
        ValueError
            If ties depend on each other in a circle.
        """
        start = {name: float(p.value) for name, p in params.items()}
        free = tuple(name for name, p in params.items() if p.vary and p.expr is None)
        found = {name: _tie(name, params) for name, p in params.items() if p.expr is not None}
        return _made(start, free, _ordered(found))

    def values(self, free: ArrayLike) -> dict[str, float]:
        """Values of all parameters, in lmfit's order, from those of the free ones, shape (len(self.free),)."""
        found = dict(self.start)
        found.update(zip(self.free, np.asarray(free, dtype=float).tolist(), strict=True))
        for tie in self.ties:
            found[tie.name] = min(max(float(tie.value(found)), tie.low), tie.high)
        return found

    def derivatives(self, values: Mapping[str, float]) -> FloatArray:
        """Differentiate all parameters by the free ones, shape (len(self.start), len(self.free)), at `values`."""
        clipped = {tie.name for tie in self.ties if tie.clipped(values)}
        if self.constant is not None and not clipped:
            return self.constant
        return self._derivatives(values, clipped)

    def of(self, names: Collection[str]) -> Ties:
        """Only the ties that lead to these parameters; the others keep their start values."""
        needed = set(names)
        for tie in reversed(self.ties):
            if tie.name in needed:
                needed |= set(tie.slopes)
        return _made(self.start, self.free, tuple(tie for tie in self.ties if tie.name in needed))

    def fixed(self, values: Mapping[str, float]) -> Ties:
        """Ties with these parameters fixed at the values given."""
        return _made(
            {**self.start, **values},
            tuple(name for name in self.free if name not in values),
            tuple(tie for tie in self.ties if tie.name not in values),
        )

    def reach(self) -> dict[str, frozenset[str]]:
        """For each parameter the free ones that it depends on."""
        found = {name: frozenset({name} if name in self.free else ()) for name in self.start}
        for tie in self.ties:
            found[tie.name] = frozenset().union(*(found[name] for name in tie.slopes))
        return found

    def _derivatives(self, values: Mapping[str, float], clipped: Collection[str]) -> FloatArray:
        row = {name: i for i, name in enumerate(self.start)}
        matrix = np.zeros((len(row), len(self.free)))
        matrix[[row[name] for name in self.free], range(len(self.free))] = 1.0
        for tie in self.ties:
            if tie.name not in clipped:
                for name, slope in tie.slopes.items():
                    matrix[row[tie.name]] += (slope(values) if callable(slope) else slope) * matrix[row[name]]
        return matrix


def _made(start: Mapping[str, float], free: tuple[str, ...], ties: tuple[Tie, ...]) -> Ties:
    made = Ties(start, free, ties, None)
    if any(callable(slope) for tie in ties for slope in tie.slopes.values()):
        return made
    return replace(made, constant=made._derivatives(start, ()))


def _tie(name: str, params: lmfit.Parameters) -> Tie:
    parameter = params[name]
    parsed = parse(parameter.expr)
    # A user may have named a parameter like a constant, or hold values in lmfit's interpreter that are no parameters.
    if parsed is None or not set(parsed[1]) <= set(params) or any(map(is_constant_name, params)):
        parsed = _foreign(parameter.expr, params)
    value, slopes = parsed
    return Tie(name, value, slopes, float(parameter.min), float(parameter.max))


def _ordered(ties: dict[str, Tie]) -> tuple[Tie, ...]:
    """Ties in such an order that each depends on earlier ones only."""
    left, order = dict(ties), []
    while left:
        ready = [name for name, tie in left.items() if not any(other in left for other in tie.slopes)]
        if not ready:
            raise ValueError(f"the ties of {', '.join(left)} depend on each other in a circle")
        order += [left.pop(name) for name in ready]
    return tuple(order)


def _foreign(expression: str, params: lmfit.Parameters) -> tuple[Value, Mapping[str, float | Value]]:
    """Let lmfit's own interpreter, with the user's functions in it, evaluate an expression."""
    own = params.copy()
    for parameter in own.values():
        parameter.set(expr="", min=-np.inf, max=np.inf)
    tree = ast.parse(expression.strip(), mode="eval")
    names = sorted({n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and n.id in params})

    def value(values: Mapping[str, float]) -> float:
        for name in names:
            own[name].value = values[name]
        return float(own.eval(expression))

    def slope(name: str) -> Value:
        def central(values: Mapping[str, float]) -> float:
            step = _STEP * max(abs(values[name]), 1.0)
            up, down = ({**values, name: values[name] + s} for s in (step, -step))
            return (value(up) - value(down)) / (up[name] - down[name])

        return central

    return value, {name: slope(name) for name in names}
