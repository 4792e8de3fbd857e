"""Line shapes as lmfit models: pseudo-Voigt and hydrocarbon lines that carry their own background step.

A line of area A at c adds the background ``step * A * F(x - c)``, F being the cumulative distribution of the line.
That is Shirley's background (Phys. Rev. B 5 (1972) 4709: each photoelectron loses energy with a probability that
does not depend on the loss), linked to the peaks of the model instead of to the counts: it rises to higher binding
energy, depends on the energy alone and not on sampling or direction, and needs no measured data. ``amplitude`` stays
the area of the peak without its step; ``step`` is in 1/eV, one value for all lines of a region. `split` takes line
and step apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import add
from typing import Any, Final

import lmfit
import numpy as np
from lmfit.models import PseudoVoigtModel
from numpy.typing import NDArray

from xps_stn_plugin.lineshapes import (
    pseudo_voigt,
    pseudo_voigt_cdf,
    pseudo_voigt_cdf_partials,
    pseudo_voigt_partials,
    vibrational_slopes,
    vibrational_weights,
)

FloatArray = NDArray[np.float64]

#: C-H stretch quantum in eV between the members of aliphatic carbon's progression (Beamson & Briggs 1992: 285.00,
#: 285.39, 285.78 and 286.17 eV in poly(ethylene), poly(1-butene) and others, as held in NIST SRD 20).
VIBRATION_QUANTUM: Final = 0.39

#: Members of the progression that are drawn; the fifth would carry 0.1 % of the area at a mean of 0.4 quanta.
VIBRATION_MEMBERS: Final = 4

#: Mean number of quanta of a CH2 group, 0.2 for each C-H bond. The line's mean lies 0.16 eV above the first member; a
#: symmetric line fitted to it reads about 0.13 eV high, as it does on measured poly(ethylene).
VIBRATION_MEAN: Final = 0.4

_TINY: Final = 1e-15

#: A curve, and its derivative by each parameter.
Partials = tuple[FloatArray, dict[str, FloatArray]]


def stepped_pseudo_voigt(
    x: FloatArray,
    amplitude: float = 1.0,
    center: float = 0.0,
    sigma: float = 0.6,
    fraction: float = 0.3,
    step: float = 0.0,
) -> FloatArray:
    """Pseudo-Voigt of area `amplitude` with its background step."""
    fwhm = 2.0 * max(sigma, _TINY)
    shape = pseudo_voigt(x, center, fwhm, fraction)
    if step:
        shape = shape + step * pseudo_voigt_cdf(x, center, fwhm, fraction)
    return np.asarray(amplitude * shape, dtype=float)


def hydrocarbon(
    x: FloatArray,
    amplitude: float = 1.0,
    center: float = 0.0,
    sigma: float = 0.5,
    fraction: float = 0.3,
    vibration: float = VIBRATION_MEAN,
    step: float = 0.0,
) -> FloatArray:
    """Line of carbon with C-H bonds: pseudo-Voigts at `center` + 0, 0.39, 0.78 and 1.17 eV, `amplitude` the whole area.

    `center` is the first vibrational member, which is what tables of binding energies give.
    """
    x = np.asarray(x, dtype=float)
    centers = center + VIBRATION_QUANTUM * np.arange(VIBRATION_MEMBERS)
    weights = vibrational_weights(max(vibration, 0.0), VIBRATION_MEMBERS)[:, None]
    fwhm = 2.0 * max(sigma, _TINY)
    shape = (weights * pseudo_voigt(x, centers[:, None], fwhm, fraction)).sum(axis=0)
    if step:
        shape = shape + step * (weights * pseudo_voigt_cdf(x, centers[:, None], fwhm, fraction)).sum(axis=0)
    return np.asarray(amplitude * shape, dtype=float)


class SteppedPseudoVoigtModel(lmfit.Model):  # type: ignore[misc]  # lmfit has no type hints
    """lmfit model of `stepped_pseudo_voigt`; ``sigma`` is half the FWHM, ``amplitude`` the peak's area."""

    def __init__(
        self, independent_vars: Sequence[str] = ("x",), prefix: str = "", nan_policy: str = "raise", **kwargs: Any
    ) -> None:
        super().__init__(stepped_pseudo_voigt, list(independent_vars), prefix=prefix, nan_policy=nan_policy, **kwargs)
        _set_hints(self)

    def partials(
        self, x: FloatArray, amplitude: float, center: float, sigma: float, fraction: float, step: float
    ) -> Partials:
        """Curve, and its analytic derivative by each parameter (name without prefix)."""
        weights = np.ones(1)
        curve, partials, _ = _stepped(x, np.zeros(1), weights, amplitude, center, sigma, fraction, step)
        return curve, partials

    def guess(self, data: Any, x: Any, **kwargs: Any) -> lmfit.Parameters:
        """Guess start values of one line, as `lmfit.models.PseudoVoigtModel.guess` does, without a step."""
        return _guess(self, data, x, **kwargs)


class HydrocarbonModel(lmfit.Model):  # type: ignore[misc]
    """lmfit model of `hydrocarbon`; ``fwhm`` is that of one vibrational member."""

    def __init__(
        self, independent_vars: Sequence[str] = ("x",), prefix: str = "", nan_policy: str = "raise", **kwargs: Any
    ) -> None:
        super().__init__(hydrocarbon, list(independent_vars), prefix=prefix, nan_policy=nan_policy, **kwargs)
        _set_hints(self)
        self.set_param_hint("vibration", value=VIBRATION_MEAN, min=0.0, max=1.0, vary=False)

    def partials(
        self,
        x: FloatArray,
        amplitude: float,
        center: float,
        sigma: float,
        fraction: float,
        vibration: float,
        step: float,
    ) -> Partials:
        """Curve, and its analytic derivative by each parameter (name without prefix)."""
        mean = max(vibration, 0.0)
        offsets = VIBRATION_QUANTUM * np.arange(VIBRATION_MEMBERS, dtype=np.float64)
        weights = vibrational_weights(mean, VIBRATION_MEMBERS)
        curve, partials, members = _stepped(x, offsets, weights, amplitude, center, sigma, fraction, step)
        partials["vibration"] = amplitude * (vibrational_slopes(mean, VIBRATION_MEMBERS) @ members)
        return curve, partials

    def guess(self, data: Any, x: Any, **kwargs: Any) -> lmfit.Parameters:
        """Guess start values of one line from its data."""
        return _guess(self, data, x, **kwargs)


class RegionModel(lmfit.model.CompositeModel):  # type: ignore[misc]
    """Sum of models that pickles; lmfit's own composite holds a local function and does not.

    Parameters
    ----------
    components : sequence of lmfit.Model
        At least two models that are no sums themselves, with different prefixes.
    """

    def __init__(self, components: Sequence[lmfit.Model]) -> None:
        *first, last = components
        super().__init__(reduce(add, first), last, add)

    def __reduce__(self) -> tuple[type[RegionModel], tuple[list[lmfit.Model]]]:
        return RegionModel, (list(self.components),)


def split(model: lmfit.Model, params: lmfit.Parameters, x: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Line and step of one component model, each with the shape of `x`; models without a step have none."""
    whole = np.asarray(model.eval(params, x=x), dtype=float)
    name = f"{model.prefix}step"
    if name not in params:
        return whole, np.zeros_like(whole)
    line = np.asarray(model.eval(params, x=x, **{name: 0.0}), dtype=float)
    return line, whole - line


def _stepped(
    x: FloatArray,
    offsets: FloatArray,
    weights: FloatArray,
    amplitude: float,
    center: float,
    sigma: float,
    fraction: float,
    step: float,
) -> tuple[FloatArray, dict[str, FloatArray], FloatArray]:
    """Weighted lines with their steps, the derivatives, and each line alone (of unit area, with its step)."""
    fwhm = 2.0 * max(sigma, _TINY)
    at = (np.asarray(x, dtype=float), (center + offsets)[:, None], fwhm, fraction)
    line = pseudo_voigt_partials(*at)
    integral = pseudo_voigt_cdf_partials(*at, line.curve)
    both = [one + step * other for one, other in zip(line, integral, strict=True)]
    unit, by_center, by_fwhm, by_fraction = (weights @ part for part in both)
    partials = {
        "amplitude": unit,
        "center": amplitude * by_center,
        "sigma": (2.0 * amplitude) * by_fwhm,
        "fraction": amplitude * by_fraction,
        "step": amplitude * (weights @ integral.curve),
    }
    return amplitude * unit, partials, both[0]


def _set_hints(model: lmfit.Model) -> None:
    model.set_param_hint("amplitude", min=0.0)
    model.set_param_hint("sigma", min=0.0)
    model.set_param_hint("fraction", value=0.3, min=0.0, max=1.0)
    model.set_param_hint("step", value=0.0, min=0.0, vary=False)
    model.set_param_hint("fwhm", expr=f"2*{model.prefix}sigma")


def _guess(model: lmfit.Model, data: Any, x: Any, **kwargs: Any) -> lmfit.Parameters:
    found = PseudoVoigtModel().guess(data, x=x)
    values = {name: found[name].value for name in ("amplitude", "center", "sigma")}
    return model.make_params(**{**values, **kwargs})
