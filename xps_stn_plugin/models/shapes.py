"""Line shapes as lmfit models: symmetric, hydrocarbon and graphitic lines that carry their own background.

Each shape comes with Shirley's step (parameter ``step``, in 1/eV) and with Tougaard's inelastic background (parameters
``loss``, ``loss_c`` and ``loss_d``, in eV2); see `backgrounds`. ``amplitude`` is the area of the line without its
background, ``center`` the energy without any loss, ``sigma`` half the full width at half maximum of the pseudo-Voigt
that `losses` spread, ``fraction`` its Lorentzian share.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from operator import add
from typing import Any, ClassVar, Final

import lmfit
import numpy as np
from lmfit.models import PseudoVoigtModel
from numpy.typing import NDArray

from xps_stn_plugin.models.lineshapes import (
    pseudo_voigt,
    pseudo_voigt_cdf,
    pseudo_voigt_cdf_partials,
    pseudo_voigt_partials,
)

from .backgrounds import TOUGAARD, LossGrid, split
from .losses import (
    ASYMMETRY,
    CUTOFF,
    VIBRATION_MEAN,
    VIBRATION_MEMBERS,
    VIBRATION_QUANTUM,
    Losses,
    electron_hole_losses,
    no_losses,
    vibrational_losses,
)

__all__ = [
    "ASYMMETRY",
    "CUTOFF",
    "VIBRATION_MEAN",
    "VIBRATION_MEMBERS",
    "VIBRATION_QUANTUM",
    "GraphiticModel",
    "HydrocarbonModel",
    "LineModel",
    "RegionModel",
    "SteppedPseudoVoigtModel",
    "TougaardGraphiticModel",
    "TougaardHydrocarbonModel",
    "TougaardPseudoVoigtModel",
    "graphitic",
    "hydrocarbon",
    "split",
    "stepped_pseudo_voigt",
    "tougaard_graphitic",
    "tougaard_hydrocarbon",
    "tougaard_pseudo_voigt",
]

FloatArray = NDArray[np.float64]

#: A curve, and its derivative by each parameter.
Partials = tuple[FloatArray, dict[str, FloatArray]]

_TINY: Final = 1e-15

#: Parameters of a line that its losses depend on.
_OF_LOSSES: Final = ("vibration", "asymmetry", "cutoff")
_U3: Final = TOUGAARD["tougaard-u3"]
_C: Final = _U3["loss_c"]
_D: Final = _U3["loss_d"]


def stepped_pseudo_voigt(
    x: FloatArray,
    amplitude: float = 1.0,
    center: float = 0.0,
    sigma: float = 0.6,
    fraction: float = 0.3,
    step: float = 0.0,
) -> FloatArray:
    """Pseudo-Voigt of area `amplitude` with its background step."""
    return _stepped(x, no_losses(), amplitude, center, sigma, fraction, step)


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
    return _stepped(x, vibrational_losses(vibration), amplitude, center, sigma, fraction, step)


def graphitic(
    x: FloatArray,
    amplitude: float = 1.0,
    center: float = 0.0,
    sigma: float = 0.4,
    fraction: float = 0.3,
    asymmetry: float = ASYMMETRY,
    cutoff: float = CUTOFF,
    step: float = 0.0,
) -> FloatArray:
    """Line of conducting carbon: a pseudo-Voigt with the tail of `electron_hole_losses`, `amplitude` the whole area.

    Drawn to within 5e-4 of its height for widths above 0.6 eV, asymmetries to 0.1 and cut-offs to 5 eV.
    """
    return _stepped(x, electron_hole_losses(asymmetry, cutoff), amplitude, center, sigma, fraction, step)


def tougaard_pseudo_voigt(
    x: FloatArray,
    amplitude: float = 1.0,
    center: float = 0.0,
    sigma: float = 0.6,
    fraction: float = 0.3,
    loss: float = 0.0,
    loss_c: float = _C,
    loss_d: float = _D,
) -> FloatArray:
    """Pseudo-Voigt of area `amplitude` with its inelastic background."""
    return _scattered(x, no_losses(), amplitude, center, sigma, fraction, loss, loss_c, loss_d)


def tougaard_hydrocarbon(
    x: FloatArray,
    amplitude: float = 1.0,
    center: float = 0.0,
    sigma: float = 0.5,
    fraction: float = 0.3,
    vibration: float = VIBRATION_MEAN,
    loss: float = 0.0,
    loss_c: float = _C,
    loss_d: float = _D,
) -> FloatArray:
    """Line of `hydrocarbon` with its inelastic background."""
    return _scattered(x, vibrational_losses(vibration), amplitude, center, sigma, fraction, loss, loss_c, loss_d)


def tougaard_graphitic(
    x: FloatArray,
    amplitude: float = 1.0,
    center: float = 0.0,
    sigma: float = 0.4,
    fraction: float = 0.3,
    asymmetry: float = ASYMMETRY,
    cutoff: float = CUTOFF,
    loss: float = 0.0,
    loss_c: float = _C,
    loss_d: float = _D,
) -> FloatArray:
    """Line of `graphitic` with its inelastic background."""
    losses = electron_hole_losses(asymmetry, cutoff)
    return _scattered(x, losses, amplitude, center, sigma, fraction, loss, loss_c, loss_d)


class LineModel(lmfit.Model):  # type: ignore[misc]  # lmfit has no type hints
    """A line with its background; the models below say which.

    Parameters
    ----------
    independent_vars : sequence of str
    prefix : str
    nan_policy : {"raise", "propagate", "omit"}
    **kwargs
        As for `lmfit.Model`.
    """

    _curve: ClassVar[Callable[..., FloatArray]]
    _losses: ClassVar[Callable[..., Losses]]

    def __init__(
        self, independent_vars: Sequence[str] = ("x",), prefix: str = "", nan_policy: str = "raise", **kwargs: Any
    ) -> None:
        super().__init__(type(self)._curve, list(independent_vars), prefix=prefix, nan_policy=nan_policy, **kwargs)
        self._set_hints()

    @classmethod
    def partials(cls, x: FloatArray, **values: float) -> Partials:
        """Curve, and its analytic derivative by each parameter.

        Parameters
        ----------
        x : ndarray, shape (n,)
            Energies in eV, in any order.
        **values : float
            Value of each parameter of the line, by its name without prefix.

        Returns
        -------
        curve : ndarray, shape (n,)
        derivatives : dict of str to ndarray of shape (n,)
            By parameter. ``loss_c`` and ``loss_d``, which nobody fits, have none.
        """
        losses = cls.losses(values)
        of_line = {name: value for name, value in values.items() if name not in _OF_LOSSES}
        with_background = _scattered_partials if "loss" in values else _stepped_partials
        return with_background(np.asarray(x, dtype=float), losses, **of_line)

    @classmethod
    def losses(cls, values: Mapping[str, float]) -> Losses:
        """Losses that make the shape of the line, from the values of its parameters (names without prefix)."""
        return cls._losses(**{name: values[name] for name in _OF_LOSSES if name in values})

    def guess(self, data: Any, x: Any, **kwargs: Any) -> lmfit.Parameters:
        """Guess start values of one line, as `lmfit.models.PseudoVoigtModel.guess` does, without a background."""
        guessed = PseudoVoigtModel().guess(data, x=x)
        values = {name: guessed[name].value for name in ("amplitude", "center", "sigma")}
        return self.make_params(**{**values, **kwargs})

    def _set_hints(self) -> None:
        hints: dict[str, dict[str, Any]] = {
            "amplitude": {"min": 0.0},
            "sigma": {"min": 0.0},
            "fraction": {"value": 0.3, "min": 0.0, "max": 1.0},
            "vibration": {"value": VIBRATION_MEAN, "min": 0.0, "max": 1.0, "vary": False},
            "asymmetry": {"value": ASYMMETRY, "min": 0.0, "max": 0.3},
            "cutoff": {"value": CUTOFF, "min": 0.5, "max": 8.0, "vary": False},
            "step": {"value": 0.0, "min": 0.0, "vary": False},
            "loss": {"value": 0.0, "min": 0.0, "vary": False},
            "loss_c": {"value": _C, "min": 1.0, "vary": False},
            "loss_d": {"value": _D, "min": 1.0, "vary": False},
        }
        for name, hint in hints.items():
            if f"{self.prefix}{name}" in self.param_names:
                self.set_param_hint(name, **hint)
        self.set_param_hint("fwhm", expr=f"2*{self.prefix}sigma")


class SteppedPseudoVoigtModel(LineModel):
    """lmfit model of `stepped_pseudo_voigt`."""

    _curve = staticmethod(stepped_pseudo_voigt)
    _losses = staticmethod(no_losses)


class HydrocarbonModel(LineModel):
    """lmfit model of `hydrocarbon`; ``fwhm`` is that of one vibrational member."""

    _curve = staticmethod(hydrocarbon)
    _losses = staticmethod(vibrational_losses)


class GraphiticModel(LineModel):
    """lmfit model of `graphitic`; ``fwhm`` is that of the line before its tail."""

    _curve = staticmethod(graphitic)
    _losses = staticmethod(electron_hole_losses)


class TougaardPseudoVoigtModel(LineModel):
    """lmfit model of `tougaard_pseudo_voigt`."""

    _curve = staticmethod(tougaard_pseudo_voigt)
    _losses = staticmethod(no_losses)


class TougaardHydrocarbonModel(LineModel):
    """lmfit model of `tougaard_hydrocarbon`."""

    _curve = staticmethod(tougaard_hydrocarbon)
    _losses = staticmethod(vibrational_losses)


class TougaardGraphiticModel(LineModel):
    """lmfit model of `tougaard_graphitic`."""

    _curve = staticmethod(tougaard_graphitic)
    _losses = staticmethod(electron_hole_losses)


class RegionModel(lmfit.model.CompositeModel):  # type: ignore[misc]
    """Sum of models that pickles; lmfit's own composite holds a local function and does not.

    Parameters
    ----------
    components : sequence of lmfit.Model
        At least two models that are not sums themselves, with different prefixes.
    """

    def __init__(self, components: Sequence[lmfit.Model]) -> None:
        *first, last = components
        super().__init__(reduce(add, first), last, add)

    def __reduce__(self) -> tuple[type[RegionModel], tuple[list[lmfit.Model]]]:
        return RegionModel, (list(self.components),)


def _stepped(
    x: FloatArray, losses: Losses, amplitude: float, center: float, sigma: float, fraction: float, step: float
) -> FloatArray:
    arguments = (np.asarray(x, dtype=float), (center + losses.energies)[:, None], 2.0 * max(sigma, _TINY), fraction)
    shape = losses.weights @ pseudo_voigt(*arguments)
    if step:
        shape = shape + step * (losses.weights @ pseudo_voigt_cdf(*arguments))
    return np.asarray(amplitude * shape, dtype=float)


def _stepped_partials(
    x: FloatArray, losses: Losses, amplitude: float, center: float, sigma: float, fraction: float, step: float
) -> Partials:
    arguments = (x, (center + losses.energies)[:, None], 2.0 * max(sigma, _TINY), fraction)
    line = pseudo_voigt_partials(*arguments)
    integral = pseudo_voigt_cdf_partials(*arguments, line.curve)
    stepped = [line_term + step * step_term for line_term, step_term in zip(line, integral, strict=True)]
    unit, by_center, by_fwhm, by_fraction = (losses.weights @ part for part in stepped)
    partials = {
        "amplitude": unit,
        "center": amplitude * by_center,
        "sigma": (2.0 * amplitude) * by_fwhm,
        "fraction": amplitude * by_fraction,
        "step": amplitude * (losses.weights @ integral.curve),
    }
    for name, slope in losses.slopes.items():
        partials[name] = amplitude * (slope @ stepped[0])
    return amplitude * unit, partials


def _scattered(
    x: FloatArray,
    losses: Losses,
    amplitude: float,
    center: float,
    sigma: float,
    fraction: float,
    loss: float,
    loss_c: float,
    loss_d: float,
) -> FloatArray:
    curve = _stepped(x, losses, amplitude, center, sigma, fraction, 0.0)
    if loss:
        x = np.asarray(x, dtype=float)
        grid = LossGrid.of(x)
        line = np.asarray(pseudo_voigt(grid.energies, center, 2.0 * max(sigma, _TINY), fraction), dtype=float)
        bare = Losses(losses.energies, losses.weights, {})
        scattered, _ = grid.scattered(x, line[None, :], bare, loss_c, loss_d)
        curve = curve + (amplitude * loss) * scattered[0]
    return curve


def _scattered_partials(
    x: FloatArray,
    losses: Losses,
    amplitude: float,
    center: float,
    sigma: float,
    fraction: float,
    loss: float,
    loss_c: float,
    loss_d: float,
) -> Partials:
    fwhm = 2.0 * max(sigma, _TINY)
    line = pseudo_voigt_partials(x, (center + losses.energies)[:, None], fwhm, fraction)
    grid = LossGrid.of(x)
    lines = np.asarray(pseudo_voigt_partials(grid.energies, center, fwhm, fraction), dtype=float)
    scattered, slopes = grid.scattered(x, lines, losses, loss_c, loss_d)
    unit, by_center, by_fwhm, by_fraction = (
        losses.weights @ line_term + loss * scattered_term
        for line_term, scattered_term in zip(line, scattered, strict=True)
    )
    partials = {
        "amplitude": unit,
        "center": amplitude * by_center,
        "sigma": (2.0 * amplitude) * by_fwhm,
        "fraction": amplitude * by_fraction,
        "loss": amplitude * scattered[0],
    }
    for name, slope in losses.slopes.items():
        partials[name] = amplitude * (slope @ line.curve + loss * slopes[name])
    return amplitude * unit, partials
