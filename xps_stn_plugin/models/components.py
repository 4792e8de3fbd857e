"""Components of a fit: any lmfit model as a curve with its derivatives."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import lmfit
import numpy as np
from lmfit.models import ConstantModel, LinearModel, PseudoVoigtModel
from numpy.typing import NDArray

from .losses import Losses, no_losses
from .shapes import LineModel

FloatArray = NDArray[np.float64]

#: From x and values of a component's parameters, names without prefix, to its curve and derivatives by some of them.
Partials = Callable[..., tuple[FloatArray, Mapping[str, FloatArray]]]

#: Relative step of central differences, the cube root of the double precision's epsilon.
_STEP: Final = float(np.finfo(float).eps ** (1 / 3))

#: lmfit's own models that are known here, of these classes themselves: a subclass may evaluate something else.
_ARGUMENTS: Final[Mapping[type[lmfit.Model], tuple[str, ...]]] = {
    ConstantModel: ("c",),
    LinearModel: ("slope", "intercept"),
    PseudoVoigtModel: ("amplitude", "center", "sigma", "fraction"),
}


@dataclass(frozen=True, eq=False)
class Component:
    """One component of a sum.

    Parameters
    ----------
    prefix : str
        Prefix of its parameters in lmfit.
    kind : type
        Class of its lmfit model.
    names : mapping of str to str
        Its parameters: name in the fit by name without prefix.
    ranges : mapping of str to (float, float)
        Bounds of its parameters, which numeric derivatives stay within.
    partials : callable or None
        ``partials(x, **values)``: curve and analytic derivatives, by the name without prefix. Models that are evaluated
        in blocks need none.
    """

    prefix: str
    kind: type[lmfit.Model]
    names: Mapping[str, str]
    ranges: Mapping[str, tuple[float, float]]
    partials: Partials | None

    @classmethod
    def of(cls, model: lmfit.Model, params: Mapping[str, Any]) -> Component:
        """Make it of an lmfit model that is not a sum itself.

        A model's own method ``partials(x, **values)`` is used where it has one; lmfit's constant, linear and
        pseudo-Voigt models are known; the others have no analytic derivatives.
        """
        arguments = _ARGUMENTS.get(type(model))
        if arguments is None:
            # `make_params` adds derived parameters, such as fwhm and height, to those of the model's function.
            function_arguments = model.make_funcargs({name: params[name] for name in model.param_names})
            arguments = tuple(
                bare for name in model.param_names if (bare := name.removeprefix(model.prefix)) in function_arguments
            )
        component = cls.of_kind(str(model.prefix), type(model), arguments, params)
        if component.is_line or component.is_straight:
            return component
        partials = getattr(model, "partials", None) or _evaluation(model, component.names)
        return replace(component, partials=partials)

    @classmethod
    def of_kind(
        cls, prefix: str, kind: type[lmfit.Model], arguments: Iterable[str], params: Mapping[str, Any]
    ) -> Component:
        """Make it of a class of models that needs no object to be evaluated.

        Parameters
        ----------
        prefix : str
        kind : type
        arguments : iterable of str
            Parameters of the model's function, without prefix.
        params : mapping of str to parameter
            Those of the fit, with the attributes ``min`` and ``max``.
        """
        names = {bare: f"{prefix}{bare}" for bare in arguments}
        ranges = {bare: (float(params[name].min), float(params[name].max)) for bare, name in names.items()}
        return cls(prefix, kind, names, ranges, getattr(kind, "partials", None))

    @property
    def is_line(self) -> bool:
        """Whether it is a pseudo-Voigt with discrete losses, on a Shirley step or none."""
        return self.kind is PseudoVoigtModel or is_stepped_line(self.kind, self.names)

    @property
    def is_straight(self) -> bool:
        """Whether it is a constant or a straight line."""
        return self.kind in (ConstantModel, LinearModel)

    def losses(self, values: Mapping[str, float]) -> Losses:
        """Losses of a line, from the values of its parameters (names without prefix)."""
        return no_losses() if self.kind is PseudoVoigtModel else self.kind.losses(values)

    def evaluate(
        self, x: FloatArray, values: Mapping[str, float], varying: Collection[str]
    ) -> tuple[FloatArray, Mapping[str, FloatArray]]:
        """Curve and derivatives by the parameters that are `varying` (names without prefix), each of shape (n,)."""
        assert self.partials is not None
        curve, slopes = self.partials(x, **values)
        missing = [bare for bare in varying if bare not in slopes]
        if missing:
            slopes = {**slopes, **{bare: self._difference(x, values, bare) for bare in missing}}
        return curve, slopes

    def _difference(self, x: FloatArray, values: Mapping[str, float], bare: str) -> FloatArray:
        """Central difference, one-sided at a bound."""
        assert self.partials is not None
        low, high = self.ranges[bare]
        step = _STEP * max(abs(values[bare]), 1.0)
        upper, lower = min(values[bare] + step, high), max(values[bare] - step, low)
        above, below = (self.partials(x, **{**values, bare: value})[0] for value in (upper, lower))
        return (above - below) / (upper - lower)


def is_stepped_line(kind: type[lmfit.Model], names: Collection[str]) -> bool:
    """Whether a model is a line of `LineModel` on a Shirley step that evaluates nothing of its own."""
    shared = LineModel.partials.__func__  # type: ignore[attr-defined]  # of the class method
    return issubclass(kind, LineModel) and getattr(kind.partials, "__func__", None) is shared and "step" in names


def _evaluation(model: lmfit.Model, names: Mapping[str, str]) -> Partials:
    """Curve of any lmfit model, without derivatives."""

    def curve(x: FloatArray, **values: float) -> tuple[FloatArray, dict[str, FloatArray]]:
        drawn = np.asarray(model.eval(x=x, **{names[bare]: value for bare, value in values.items()}), dtype=float)
        return np.broadcast_to(drawn, x.shape), {}

    return curve
