"""Expressions that tie parameters: parsed once, and differentiated symbolically."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

import numpy as np

#: From values by name to the value of an expression.
Value = Callable[[Mapping[str, Any]], Any]

#: What an expression may use beside parameters, with lmfit's meaning: numpy's functions, Python's max and min.
KNOWN: Final[dict[str, Any]] = {
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


def _function(node: ast.expr) -> Value:
    code = compile(ast.fix_missing_locations(ast.Expression(node)), "<tie>", "eval")

    def evaluate(values: Mapping[str, float]) -> float:
        found: float = eval(code, KNOWN, values)
        return found

    return evaluate


def _names(node: ast.expr) -> set[str]:
    """Parameters that an expression names."""
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)} - set(KNOWN)


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
