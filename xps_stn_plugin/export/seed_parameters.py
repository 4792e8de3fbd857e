"""Parameters of seeds that came out of a file: lmfit's, with an interpreter that can do arithmetic only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import lmfit
import numpy as np
from asteval import Interpreter  # type: ignore[import-untyped]
from lmfit.parameter import SCIPY_FUNCTIONS

#: What a tie may use beside parameters: the constants and functions of `models.expressions`, and what lmfit's own
#: models use for their derived parameters (heights of Voigt, Pearson, Student and Doniach lines).
_SYMBOLS: Final[Mapping[str, Any]] = {
    "pi": np.pi, "e": np.e, "exp": np.exp, "log": np.log, "sqrt": np.sqrt, "abs": abs, "sign": np.sign,
    "max": max, "min": min, "real": np.real, "cos": np.cos, "arctan": np.arctan, "arctan2": np.arctan2,
    "log1p": np.log1p, "square": np.square, **SCIPY_FUNCTIONS,
}  # fmt: skip

#: Parts of Python's syntax that stay: those of one expression, without attributes, indices, comprehensions and texts.
_SYNTAX: Final = ("expr", "expression", "module", "constant", "num", "name", "unaryop", "binop", "call")


class SeedParameters(lmfit.Parameters):  # type: ignore[misc]  # lmfit has no type hints
    """`lmfit.Parameters` whose ties can use numbers, parameters, arithmetic and a few functions, and nothing else.

    lmfit's interpreter knows numpy, `open` and loops; ties that come out of a file have no use for them. The ties of a
    file are checked before they come here; this is the second door. Copies and pickles are of this class, too; to use
    further functions in a tie, give them as `usersyms` or make ``lmfit.Parameters()`` and `update` it.

    Parameters
    ----------
    usersyms : mapping, optional
        As for `lmfit.Parameters`.
    """

    def __init__(self, usersyms: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        interpreter = Interpreter(
            symtable={**_SYMBOLS, **(usersyms or {})},
            minimal=True,
            writer=self._ast_msgs,
            err_writer=self._ast_msgs,
        )
        interpreter.symtable.pop("print", None)
        for node in list(interpreter.node_handlers):
            if node not in _SYNTAX:
                interpreter.set_nodehandler(node, interpreter.unimplemented)
        self._asteval = interpreter
