"""Ties between parameters: lmfit's ``expr`` strings compiled once, with their derivatives.

lmfit evaluates a tie in an interpreter of its own each time that a parameter is read, and knows no derivatives. Here
the expression is parsed once and differentiated symbolically. An expression with anything that is not listed in
`parse` is left to lmfit's interpreter and differentiated numerically.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

import lmfit
import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
Value = Callable[[Mapping[str, float]], float]

#: What an expression may use beside parameters, with lmfit's meaning: numpy's functions, Python's max and min.
_KNOWN: Final[dict[str, Any]] = {
    "__builtins__": {},
    "pi": math.pi,
    "e": math.e,
    "exp": np.exp,
    "log": np.log,
    "sqrt": np.sqrt,
    "abs": abs,
    "sign": np.sign,
    "max": max,
    "min": min,
}
_OPERATORS: Final = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow)

#: How many arguments the functions of an expression take; ``sign`` appears in derivatives only.
_FUNCTIONS: Final = {"exp": 1, "log": 1, "sqrt": 1, "abs": 1, "sign": 0, "max": 2, "min": 2}

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


@lru_cache(maxsize=4096)
def parse(expression: str) -> tuple[Value, Mapping[str, float | Value]] | None:
    """Value and derivatives of an expression.

    Known are numbers, parentheses, ``+ - * / **``, ``exp``, ``log``, ``sqrt``, ``abs``, ``max`` and ``min`` of two,
    ``pi`` and ``e``; every other name is a parameter's.

    Returns
    -------
    tuple or None
        Value, and derivative by each parameter that is named, a number where it never changes. None if the expression
        holds anything else.
    """
    try:
        node = ast.parse(expression.strip(), mode="eval").body
    except SyntaxError:
        return None
    if not _is_known(node):
        return None
    slopes: dict[str, float | Value] = {}
    for name in sorted(_names(node)):
        slope = _slope(node, name)
        slopes[name] = _function(slope) if _names(slope) else float(_function(slope)({}))
    return _function(node), MappingProxyType(slopes)


def _made(start: Mapping[str, float], free: tuple[str, ...], ties: tuple[Tie, ...]) -> Ties:
    made = Ties(start, free, ties, None)
    if any(callable(slope) for tie in ties for slope in tie.slopes.values()):
        return made
    return replace(made, constant=made._derivatives(start, ()))


def _tie(name: str, params: lmfit.Parameters) -> Tie:
    parameter = params[name]
    parsed = parse(parameter.expr)
    # A user may have named a parameter like a constant, or hold values in lmfit's interpreter that are no parameters.
    if parsed is None or not set(parsed[1]) <= set(params) or not _KNOWN.keys().isdisjoint(params):
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


def _function(node: ast.expr) -> Value:
    code = compile(ast.fix_missing_locations(ast.Expression(node)), "<tie>", "eval")

    def evaluate(values: Mapping[str, float]) -> float:
        found: float = eval(code, _KNOWN, values)
        return found

    return evaluate


def _names(node: ast.expr) -> set[str]:
    """Parameters that an expression names."""
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)} - set(_KNOWN)


def _is_known(node: ast.expr) -> bool:
    match node:
        case ast.Constant(value=value):
            return isinstance(value, int | float) and not isinstance(value, bool)
        case ast.Name(id=name):
            return name not in _FUNCTIONS
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=a):
            return _is_known(a)
        case ast.BinOp(left=a, op=op, right=b) if isinstance(op, _OPERATORS):
            return _is_known(a) and _is_known(b)
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]):
            return _FUNCTIONS.get(name) == len(args) and all(map(_is_known, args))
    return False


def _slope(node: ast.expr, name: str) -> ast.expr:
    """Symbolic derivative of a known expression."""
    match node:
        case ast.Name(id=found) if found == name:
            return ast.Constant(1.0)
        case ast.UnaryOp(op=op, operand=a):
            slope = _slope(a, name)
            return slope if _is(slope, 0) else ast.UnaryOp(op, slope)
        case ast.BinOp(left=a, op=ast.Add() | ast.Sub() as op, right=b):
            return _sum(_slope(a, name), op, _slope(b, name))
        case ast.BinOp(left=a, op=ast.Mult(), right=b):
            return _sum(_product(_slope(a, name), b), ast.Add(), _product(a, _slope(b, name)))
        case ast.BinOp(left=a, op=ast.Div(), right=b):
            return _sum(_ratio(_slope(a, name), b), ast.Sub(), _ratio(_product(a, _slope(b, name)), _product(b, b)))
        case ast.BinOp(left=a, op=ast.Pow(), right=b):
            below = _sum(b, ast.Sub(), ast.Constant(1.0))
            by_base = _product(_product(b, ast.BinOp(a, ast.Pow(), below)), _slope(a, name))
            by_exponent = _product(_product(node, _call("log", a)), _slope(b, name))
            return _sum(by_base, ast.Add(), by_exponent)
        case ast.Call(func=ast.Name(id="exp"), args=[a]):
            return _product(node, _slope(a, name))
        case ast.Call(func=ast.Name(id="log"), args=[a]):
            return _ratio(_slope(a, name), a)
        case ast.Call(func=ast.Name(id="sqrt"), args=[a]):
            return _ratio(_slope(a, name), _product(ast.Constant(2.0), node))
        case ast.Call(func=ast.Name(id="abs"), args=[a]):
            return _product(_call("sign", a), _slope(a, name))
        case ast.Call(func=ast.Name(id="max" | "min" as which), args=[a, b]):
            first = ast.Compare(a, [ast.GtE() if which == "max" else ast.LtE()], [b])
            slopes = _slope(a, name), _slope(b, name)
            return ast.Constant(0.0) if all(_is(s, 0) for s in slopes) else ast.IfExp(first, *slopes)
    return ast.Constant(0.0)


def _is(node: ast.expr, value: float) -> bool:
    return isinstance(node, ast.Constant) and node.value == value


def _call(function: str, argument: ast.expr) -> ast.expr:
    return ast.Call(ast.Name(function, ast.Load()), [argument], [])


def _sum(a: ast.expr, op: ast.operator, b: ast.expr) -> ast.expr:
    if _is(b, 0):
        return a
    if _is(a, 0):
        return b if isinstance(op, ast.Add) else ast.UnaryOp(ast.USub(), b)
    return ast.BinOp(a, op, b)


def _product(a: ast.expr, b: ast.expr) -> ast.expr:
    if _is(a, 0) or _is(b, 0):
        return ast.Constant(0.0)
    if _is(a, 1):
        return b
    return a if _is(b, 1) else ast.BinOp(a, ast.Mult(), b)


def _ratio(a: ast.expr, b: ast.expr) -> ast.expr:
    return ast.Constant(0.0) if _is(a, 0) else ast.BinOp(a, ast.Div(), b)
