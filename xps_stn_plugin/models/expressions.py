"""Expressions of parameters: parsed within limits, compiled and differentiated.

Text that may come from strangers passes through here: only what `parse` lists is ever compiled, so an expression can
compute a number and do nothing else.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

import numpy as np

Value = Callable[[Mapping[str, float]], float]

#: What an expression may use beside parameters, with lmfit's meaning: numpy's functions, Python's max and min.
_NAMESPACE: Final[dict[str, Any]] = {
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
_ARITHMETIC: Final[Mapping[type[ast.operator], Callable[[float, float], Any]]] = MappingProxyType(
    {
        ast.Add: operator.add,
        ast.Sub: operator.sub,
        ast.Mult: operator.mul,
        ast.Div: operator.truediv,
        ast.Pow: operator.pow,
    }
)
_OPERATORS: Final = tuple(_ARITHMETIC)

#: How many arguments the functions of an expression take; ``sign`` appears in derivatives only.
_FUNCTIONS: Final = {"exp": 1, "log": 1, "sqrt": 1, "abs": 1, "sign": 0, "max": 2, "min": 2}

#: Functions that return a whole number for whole numbers.
_INTEGER_FUNCTIONS: Final = ("abs", "max", "min")

#: Longest expression that is parsed, in characters, and how deeply its parts may lie within each other. The longest
#: ties of lmfit's own models have 250 characters; a sum of a hundred parameters has a depth of a hundred.
_LONGEST: Final = 4000
_DEEPEST: Final = 120


@lru_cache(maxsize=4096)
def parse(expression: str) -> tuple[Value, Mapping[str, float | Value]] | None:
    """Value and derivatives of an expression.

    Known are numbers, parentheses, ``+ - * / **``, ``exp``, ``log``, ``sqrt``, ``abs``, ``max`` and ``min`` of two,
    ``pi`` and ``e``; every other name is a parameter's.

    Returns
    -------
    tuple or None
        Value, and derivative by each parameter that is named, a number where it never changes. None if the expression
        holds anything else or divides by zero, is longer than 4000 characters or nested more deeply than 120 parts.
    """
    node = _parsed(expression)
    if node is None:
        return None
    slopes: dict[str, float | Value] = {}
    for name in sorted(_names(node)):
        slope = _slope(node, name)
        try:
            slopes[name] = _function(slope) if _names(slope) else float(_function(slope)({}))
        except ArithmeticError:
            return None
    return _function(node), MappingProxyType(slopes)


def names_in(expression: str) -> frozenset[str] | None:
    """Find the parameters that an expression names, without evaluating it.

    Returns
    -------
    frozenset of str or None
        None if the expression holds anything that `parse` does not know, is longer than 4000 characters or nested more
        deeply than 120 parts, or raises numbers to a power that no double holds.
    """
    node = _parsed(expression)
    return None if node is None else frozenset(_names(node))


def is_constant_name(name: str) -> bool:
    """Tell whether an expression takes a name for a constant or a function, so that no parameter may have it."""
    return name in _NAMESPACE


def _parsed(expression: str) -> ast.expr | None:
    """Syntax tree of an expression; None if it holds anything that is not known."""
    if len(expression) > _LONGEST:
        return None
    try:
        node = ast.parse(expression.strip(), mode="eval").body
    # Python's parser raises the latter three for NUL and for parentheses nested too deeply.
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    if not _is_shallow(node) or not _is_known(node) or not _has_finite_numbers(node):
        return None
    return node


def _function(node: ast.expr) -> Value:
    code = compile(ast.fix_missing_locations(ast.Expression(node)), "<tie>", "eval")

    def evaluate(values: Mapping[str, float]) -> float:
        value: float = eval(code, _NAMESPACE, values)
        return value

    return evaluate


def _names(node: ast.expr) -> set[str]:
    """Parameters that an expression names."""
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)} - set(_NAMESPACE)


def _is_known(node: ast.expr) -> bool:
    match node:
        case ast.Constant(value=value):
            return isinstance(value, int | float) and not isinstance(value, bool)
        case ast.Name(id=name):
            return name not in _FUNCTIONS and not name.startswith("__")
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=a):
            return _is_known(a)
        case ast.BinOp(left=a, op=op, right=b) if isinstance(op, _OPERATORS):
            return _is_known(a) and _is_known(b)
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]):
            return _FUNCTIONS.get(name) == len(args) and all(map(_is_known, args))
    return False


def _is_shallow(node: ast.expr) -> bool:
    """Whether no part lies deeper than `_DEEPEST`; without recursion, which would meet Python's own limit."""
    level: list[ast.AST] = [node]
    for _ in range(_DEEPEST):
        level = [child for parent in level for child in ast.iter_child_nodes(parent)]
        if not level:
            return True
    return False


def _has_finite_numbers(node: ast.expr) -> bool:
    """Whether all that is made of numbers alone is finite.

    Python's whole numbers have no limit, so that ``9**9**9`` would fill the memory; computed in double precision it
    ends at once.
    """
    try:
        _number(node)
    except (ArithmeticError, TypeError):
        return False
    return True


def _number(node: ast.expr) -> float | None:
    """Value of a known expression without names, in double precision; None if it has names.

    Raises
    ------
    ArithmeticError
        If a part without names is not finite.
    TypeError
        If it is complex, such as ``(-1)**0.5``.
    """
    value: float | None = None
    match node:
        case ast.Constant(value=int() | float() as number):
            value = float(number)
        case ast.UnaryOp(op=op, operand=a):
            operand_value = _number(a)
            value = operand_value if operand_value is None or isinstance(op, ast.UAdd) else -operand_value
        case ast.BinOp(left=a, op=op, right=b):
            left, right = _number(a), _number(b)
            if left is not None and right is not None:
                value = float(_ARITHMETIC[type(op)](left, right))
            elif isinstance(op, ast.Pow) and _may_be_whole(a) and _may_be_whole(b):
                raise ArithmeticError("a whole number is raised to a power that is not known")
        case ast.Call(func=ast.Name(id=name), args=args):
            numbers = [_number(argument) for argument in args]
            values = [number for number in numbers if number is not None]
            if len(values) == len(args) and name in _INTEGER_FUNCTIONS:
                value = float(_NAMESPACE[name](*values))
    if value is not None and not math.isfinite(value):
        raise ArithmeticError("the value is not finite")
    return value


def _may_be_whole(node: ast.expr) -> bool:
    """Whether the value of a known expression may be one of Python's whole numbers; parameters are doubles."""
    match node:
        case ast.Constant(value=value):
            return isinstance(value, int)
        case ast.UnaryOp(operand=a):
            return _may_be_whole(a)
        case ast.BinOp(left=a, op=op, right=b):
            return not isinstance(op, ast.Div) and _may_be_whole(a) and _may_be_whole(b)
        case ast.Call(func=ast.Name(id=name), args=args):
            return name in _INTEGER_FUNCTIONS and any(map(_may_be_whole, args))
    return False


def _slope(node: ast.expr, name: str) -> ast.expr:
    """Symbolic derivative of a known expression."""
    match node:
        case ast.Name(id=identifier) if identifier == name:
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
        case ast.Call(func=ast.Name(id="max" | "min" as function), args=[a, b]):
            first = ast.Compare(a, [ast.GtE() if function == "max" else ast.LtE()], [b])
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
