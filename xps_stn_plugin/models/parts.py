"""Components of a fit: any lmfit model as a curve with its derivatives."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final

import lmfit
import numpy as np
from lmfit.models import ConstantModel, LinearModel, PseudoVoigtModel
from numpy.typing import NDArray

from xps_stn_plugin.lineshapes import pseudo_voigt_partials

FloatArray = NDArray[np.float64]

#: From x and values of a component's parameters, names without prefix, to its curve and derivatives by some of them.
Partials = Callable[..., tuple[FloatArray, Mapping[str, FloatArray]]]

#: Relative step of central differences, the cube root of the double precision's epsilon.
_STEP: Final = float(np.finfo(float).eps ** (1 / 3))

_TINY: Final = 1e-15


@dataclass(frozen=True, eq=False)
class Part:
    """One component of a sum.

    Parameters
    ----------
    model : lmfit.Model
    names : mapping of str to str
        Its parameters: name in the fit by name without prefix.
    partials : callable
        ``partials(x, **values)``: curve and analytic derivatives, by the name without prefix.
    ranges : mapping of str to (float, float)
        Bounds of its parameters, which numeric derivatives stay within.
    """

    model: lmfit.Model
    names: Mapping[str, str]
    partials: Partials
    ranges: Mapping[str, tuple[float, float]]

    @classmethod
    def of(cls, component: lmfit.Model, params: lmfit.Parameters) -> Part:
        """Make it of an lmfit model that is no sum itself.

        A model's own method ``partials(x, **values)`` is used where it has one; lmfit's constant, linear and
        pseudo-Voigt models are known; the others have no analytic derivatives.
        """
        # `make_params` adds what is derived, such as fwhm and height, to a model's parameters.
        taken = component.make_funcargs({name: params[name] for name in component.param_names})
        names = {bare: name for name in component.param_names if (bare := name.removeprefix(component.prefix)) in taken}
        ranges = {bare: (float(params[name].min), float(params[name].max)) for bare, name in names.items()}
        known = getattr(component, "partials", None) or _LMFIT_MODELS.get(type(component))
        return cls(component, names, known or _evaluation(component, names), ranges)

    @property
    def prefix(self) -> str:
        """The component's prefix in lmfit."""
        return str(self.model.prefix)

    def evaluate(
        self, x: FloatArray, values: Mapping[str, float], moving: Collection[str]
    ) -> tuple[FloatArray, Mapping[str, FloatArray]]:
        """Curve and derivatives by the parameters that are `moving` (names without prefix), each of shape (n,)."""
        own = {bare: values[name] for bare, name in self.names.items()}
        curve, slopes = self.partials(x, **own)
        missing = [bare for bare in moving if bare not in slopes]
        if missing:
            slopes = {**slopes, **{bare: self._difference(x, own, bare) for bare in missing}}
        return curve, slopes

    def _difference(self, x: FloatArray, own: dict[str, float], bare: str) -> FloatArray:
        """Central difference, one-sided at a bound."""
        low, high = self.ranges[bare]
        step = _STEP * max(abs(own[bare]), 1.0)
        up, down = min(own[bare] + step, high), max(own[bare] - step, low)
        above, below = (self.partials(x, **{**own, bare: value})[0] for value in (up, down))
        return (above - below) / (up - down)


def _evaluation(component: lmfit.Model, names: Mapping[str, str]) -> Partials:
    """Curve of any lmfit model, without derivatives."""

    def curve(x: FloatArray, **values: float) -> tuple[FloatArray, dict[str, FloatArray]]:
        found = np.asarray(component.eval(x=x, **{names[bare]: value for bare, value in values.items()}), dtype=float)
        return np.broadcast_to(found, x.shape), {}

    return curve


def _constant(x: FloatArray, c: float) -> tuple[FloatArray, dict[str, FloatArray]]:
    return np.full(x.shape, c), {"c": np.ones(x.shape)}


def _linear(x: FloatArray, slope: float, intercept: float) -> tuple[FloatArray, dict[str, FloatArray]]:
    return slope * x + intercept, {"slope": x, "intercept": np.ones(x.shape)}


def _pseudo_voigt(
    x: FloatArray, amplitude: float, center: float, sigma: float, fraction: float
) -> tuple[FloatArray, dict[str, FloatArray]]:
    unit = pseudo_voigt_partials(x, center, 2.0 * max(sigma, _TINY), fraction)
    curve, by_center, by_fwhm, by_fraction = (np.asarray(one, dtype=float) for one in unit)
    return amplitude * curve, {
        "amplitude": curve,
        "center": amplitude * by_center,
        "sigma": (2.0 * amplitude) * by_fwhm,
        "fraction": amplitude * by_fraction,
    }


#: Derivatives of lmfit's own models; of these classes themselves, as a subclass may evaluate something else.
_LMFIT_MODELS: Final[Mapping[type[lmfit.Model], Partials]] = {
    ConstantModel: _constant,
    LinearModel: _linear,
    PseudoVoigtModel: _pseudo_voigt,
}
