"""Seeds in terms that other fitting programs know: symmetric and skewed peaks, limits, and ties to one other peak.

A vibrational line becomes its members, tied to the first: the same curve, with the first member where it was. A
conductor's line becomes the skewed Voigt nearest to it. Backgrounds are the programs' own affair.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from xps_prefit_hooks import PrefitError

from ..fitting.component_rows import drawn_width
from ..fitting.parameter_names import doublets
from ..models.backgrounds import split
from ..models.losses import VIBRATION_MEMBERS
from ..models.shapes import (
    GraphiticModel,
    HydrocarbonModel,
    LineModel,
    TougaardGraphiticModel,
    TougaardHydrocarbonModel,
)

if TYPE_CHECKING:
    import lmfit

    from xps_prefit_hooks import Seed, SeedComponent

#: Height times full width at half maximum over area, of a Gaussian and a Lorentzian.
GAUSSIAN_HEIGHT: Final = 2.0 * math.sqrt(math.log(2.0) / math.pi)
LORENTZIAN_HEIGHT: Final = 2.0 / math.pi

#: Full width at half maximum of a Gaussian over its standard deviation.
FWHM_OF_SIGMA: Final = 2.0 * math.sqrt(2.0 * math.log(2.0))

#: Total angular momenta of a spin-orbit doublet, the more intense line first.
_MOMENTA: Final = {"p": ("3/2", "1/2"), "d": ("5/2", "3/2"), "f": ("7/2", "5/2")}


@dataclass(frozen=True)
class Tie:
    """A quantity is that of another peak, plus `by` for positions, times `by` for everything else.

    Parameters
    ----------
    peak : int
        Place of the other peak in the list, from 0.
    by, low, high : float
        Value and bounds; without bounds infinite.
    vary : bool
        Whether a fit may change `by`.
    """

    peak: int
    by: float
    low: float = -math.inf
    high: float = math.inf
    vary: bool = False


@dataclass(frozen=True)
class Quantity:
    """A quantity of a peak.

    Parameters
    ----------
    value, low, high : float
        Value and bounds; without bounds infinite.
    vary : bool
        Whether a fit may change it; False for a tied one.
    tie : Tie or None
    """

    value: float
    low: float = -math.inf
    high: float = math.inf
    vary: bool = True
    tie: Tie | None = None

    def scaled(self, factor: float) -> Quantity:
        """Value and bounds times a positive factor; a tie stays as it is."""
        return replace(self, value=self.value * factor, low=self.low * factor, high=self.high * factor)


@dataclass(frozen=True)
class Skew:
    """What makes a peak a skewed Voigt as in `lmfit.models.SkewedVoigtModel`; the tail is at higher binding energy."""

    sigma: float
    gamma: float
    skew: float


@dataclass(frozen=True)
class Peak:
    """One peak on the axis of the seed.

    Parameters
    ----------
    name : str
        Unique name; lines of a doublet carry their angular momentum (``Cl2p3/2 C-Cl``), members of a vibrational line
        after the first ``v1``, ``v2``, ``v3``.
    component : str
        Name of the component that it belongs to.
    center, area, fwhm : Quantity
        Position and full width at half maximum in eV, intensity times eV. Of a skewed Voigt: lmfit's ``center``; the
        width is that of the line before it was skewed, and stands for ``sigma`` and ``gamma`` together.
    fraction : Quantity
        Lorentzian share of the area, 0 to 1.
    skew : Skew or None
        None for a pseudo-Voigt.
    """

    name: str
    component: str
    center: Quantity
    area: Quantity
    fwhm: Quantity
    fraction: Quantity
    skew: Skew | None = None

    def curve(self, x: np.ndarray) -> np.ndarray:
        """Draw the peak over binding energies in eV, shape (n,)."""
        from lmfit.lineshapes import pvoigt, skewed_voigt

        if self.skew is None:
            values = pvoigt(x, self.area.value, self.center.value, self.fwhm.value / 2, self.fraction.value)
        else:
            shape = self.skew
            values = skewed_voigt(x, self.area.value, self.center.value, shape.sigma, shape.gamma, shape.skew)
        return np.asarray(values, dtype=float)


@dataclass(frozen=True)
class _Line:
    """How a component's own quantities relate to those of its first peak."""

    component: SeedComponent
    name: str
    first: int
    weights: tuple[float, ...]
    energies: tuple[float, ...]
    width: float  # fwhm over the parameter sigma
    offset: float = 0.0
    skew: Skew | None = None


def peaks_of(seed: Seed, params: lmfit.Parameters, members: int = VIBRATION_MEMBERS) -> list[Peak]:
    """Take a seeded model apart into peaks.

    Parameters
    ----------
    seed : Seed
    params : lmfit.Parameters
        Start values or those of a fit of this seed.
    members : int
        Most members of a vibrational line; those that are left out give their area to the others.

    Returns
    -------
    list of Peak
        In the order of the seed's components, at least one for each. What an expression ties otherwise than by a
        difference or a ratio to another component is held.

    Raises
    ------
    PrefitError
        If a component has no position, area or width.
    """
    lines: dict[str, _Line] = {}
    first = 0
    for component, name in zip(seed.components, _names(seed), strict=True):
        line = _line(seed, params, component, name, first, members)
        lines[component.prefix] = line
        first += len(line.weights)
    peaks = []
    for line in lines.values():
        lead = _first_peak(seed, params, line, lines)
        peaks.append(lead)
        for number in range(1, len(line.weights)):
            ratio = line.weights[number] / line.weights[0]
            peaks.append(
                Peak(
                    name=f"{line.name} v{number}",
                    component=lead.component,
                    center=_tied(lead.center.value + line.energies[number], line.first, line.energies[number]),
                    area=_tied(lead.area.value * ratio, line.first, ratio),
                    fwhm=_tied(lead.fwhm.value, line.first, 1.0),
                    fraction=_tied(lead.fraction.value, line.first, 1.0),
                )
            )
    return peaks


def height_fraction(fraction: float) -> float:
    """Share of a pseudo-Voigt's height that is Lorentzian, where `fraction` is that of its area."""
    lorentzian = fraction * LORENTZIAN_HEIGHT
    return lorentzian / (lorentzian + (1.0 - fraction) * GAUSSIAN_HEIGHT)


def height_of(peak: Peak) -> float:
    """Intensity of a peak at its highest point, without background."""
    if peak.skew is None:
        mixed = peak.fraction.value * LORENTZIAN_HEIGHT + (1.0 - peak.fraction.value) * GAUSSIAN_HEIGHT
        return peak.area.value * mixed / peak.fwhm.value
    reach = 2.0 * peak.fwhm.value
    return float(peak.curve(np.linspace(peak.center.value - reach, peak.center.value + reach, 2001)).max())


def _line(seed: Seed, params: lmfit.Parameters, component: SeedComponent, name: str, first: int, members: int) -> _Line:
    prefix = component.prefix
    model = next((model for model in seed.model.components if model.prefix == prefix), None)
    lacking = [bare for bare in ("center", "amplitude", "sigma") if f"{prefix}{bare}" not in params]
    if model is None or lacking:
        what = f"parameter {prefix}{lacking[0]}" if lacking else f"model {prefix}"
        raise PrefitError(f"seed of {seed.region}", f"{component.name} has no {what}, which an export as peaks needs.")
    if isinstance(model, HydrocarbonModel | TougaardHydrocarbonModel):
        losses = model.losses({bare: params[f"{prefix}{bare}"].value for bare in ("vibration",)})
        seen = [i for i in range(min(members, losses.weights.size)) if i == 0 or losses.weights[i] > 1e-3]
        whole = float(losses.weights[seen].sum())
        weights = tuple(float(losses.weights[i]) / whole for i in seen)
        return _Line(component, name, first, weights, tuple(float(losses.energies[i]) for i in seen), 2.0)
    if isinstance(model, GraphiticModel | TougaardGraphiticModel):
        area, offset, skew = _skewed_voigt(model, params)
        return _Line(component, name, first, (area,), (0.0,), 2.0, offset, skew)
    if isinstance(model, LineModel) or f"{prefix}fraction" in params:
        return _Line(component, name, first, (1.0,), (0.0,), 2.0)
    width = drawn_width(model, params, float(params[f"{prefix}center"].value))
    return _Line(component, name, first, (1.0,), (0.0,), width / float(params[f"{prefix}sigma"].value))


def _first_peak(seed: Seed, params: lmfit.Parameters, line: _Line, lines: Mapping[str, _Line]) -> Peak:
    prefix = line.component.prefix

    def of(bare: str) -> Quantity:
        return _quantity(params, f"{prefix}{bare}", bare, lines)

    center, area, width = of("center"), of("amplitude").scaled(line.weights[0]), of("sigma").scaled(line.width)
    if f"{prefix}fraction" in params:
        fraction = of("fraction")
    else:
        fraction = Quantity(_drawn_fraction(seed, params, line), vary=False)
    if center.tie is not None:
        other = _at(lines, center.tie.peak)
        moved = line.offset - other.offset
        tie = replace(center.tie, by=center.tie.by + moved, low=center.tie.low + moved, high=center.tie.high + moved)
        center = replace(center, tie=tie)
    center = replace(
        center, value=center.value + line.offset, low=center.low + line.offset, high=center.high + line.offset
    )
    if area.tie is not None:
        factor = line.weights[0] / _at(lines, area.tie.peak).weights[0]
        tie = replace(area.tie, by=area.tie.by * factor, low=area.tie.low * factor, high=area.tie.high * factor)
        area = replace(area, tie=tie)
    if width.tie is not None:
        other = _at(lines, width.tie.peak)
        if (line.skew is None) is not (other.skew is None) or not math.isclose(line.width, other.width):
            # Widths of different shapes mean different things.
            width = replace(width, tie=None, vary=True)
    return Peak(line.name, line.component.name, center, area, width, fraction, line.skew)


def _quantity(params: lmfit.Parameters, name: str, bare: str, lines: Mapping[str, _Line]) -> Quantity:
    parameter = params[name]
    value = float(parameter.value)
    if not parameter.expr:
        return Quantity(value, float(parameter.min), float(parameter.max), bool(parameter.vary))
    tie = _tie(params, str(parameter.expr), bare, lines)
    return Quantity(value, float(parameter.min), float(parameter.max), vary=False, tie=tie)


def _tie(params: lmfit.Parameters, expression: str, bare: str, lines: Mapping[str, _Line]) -> Tie | None:
    """Read ``other``, ``other + d`` (positions) or ``r * other``, d and r numbers or parameters of no component."""
    owners = {f"{prefix}{bare}": line for prefix, line in lines.items()}
    node = ast.parse(expression.strip(), mode="eval").body
    term: ast.expr
    match node:
        case ast.Name(id=other) if other in owners:
            return Tie(owners[other].first, 0.0 if bare == "center" else 1.0)
        case ast.BinOp(left=ast.Name(id=other), op=ast.Sub(), right=ast.Constant(value=int() | float() as number)):
            adds, term = True, ast.Constant(-number)
        case ast.BinOp(left=ast.Name(id=other), op=ast.Add() | ast.Mult() as op, right=term) if other in owners:
            adds = isinstance(op, ast.Add)
        case ast.BinOp(left=term, op=ast.Add() | ast.Mult() as op, right=ast.Name(id=other)):
            adds = isinstance(op, ast.Add)
        case _:
            return None
    if other not in owners or adds is not (bare == "center"):
        return None
    first = owners[other].first
    match term:
        case ast.Constant(value=int() | float() as number):
            return Tie(first, float(number))
        case ast.Name(id=helper) if helper in params and not params[helper].expr and helper not in owners:
            parameter = params[helper]
            return Tie(first, float(parameter.value), float(parameter.min), float(parameter.max), bool(parameter.vary))
    return None


def _at(lines: Mapping[str, _Line], first: int) -> _Line:
    return next(line for line in lines.values() if line.first == first)


def _tied(value: float, peak: int, by: float) -> Quantity:
    return Quantity(value, vary=False, tie=Tie(peak, by))


def _drawn_fraction(seed: Seed, params: lmfit.Parameters, line: _Line) -> float:
    """Lorentzian share of the pseudo-Voigt that has the component's area, width and height."""
    prefix = line.component.prefix
    model = next(model for model in seed.model.components if model.prefix == prefix)
    width = line.width * float(params[f"{prefix}sigma"].value)
    center, area = (float(params[f"{prefix}{bare}"].value) for bare in ("center", "amplitude"))
    drawn, _ = split(model, params, np.linspace(center - width, center + width, 401))
    if not area > 0 or not math.isfinite(width):
        return 0.0
    height = float(drawn.max()) * width / area
    return float(np.clip((GAUSSIAN_HEIGHT - height) / (GAUSSIAN_HEIGHT - LORENTZIAN_HEIGHT), 0.0, 1.0))


def _skewed_voigt(model: lmfit.Model, params: lmfit.Parameters) -> tuple[float, float, Skew]:
    """Nearest skewed Voigt (least squares from 6 eV below to 14 eV above): area ratio, offset in eV, shape."""
    from lmfit.lineshapes import skewed_voigt
    from scipy.optimize import least_squares

    center, sigma = (float(params[f"{model.prefix}{bare}"].value) for bare in ("center", "sigma"))
    x = center + np.arange(-6.0, 14.0, 0.05)
    line, _ = split(model, params, x) if params[f"{model.prefix}amplitude"].value > 0 else (np.zeros(0), None)
    if not line.size:
        other = params.copy()
        other[f"{model.prefix}amplitude"].set(expr="", value=1.0)
        line, _ = split(model, other, x)
        area = 1.0
    else:
        area = float(params[f"{model.prefix}amplitude"].value)
    unit = line / area

    def difference(free: Sequence[float]) -> np.ndarray:
        return np.asarray(skewed_voigt(x, free[0], center + free[1], *free[2:]) - unit, dtype=float)

    start = [1.0, 0.0, 0.7 * sigma, 0.4 * sigma, 0.3]
    bounds = ([0.1, -2.0, 1e-3, 0.0, -1.0], [2.0, 2.0, 5.0, 5.0, 1.0])
    optimum = least_squares(difference, start, bounds=bounds).x.tolist()
    return optimum[0], optimum[1], Skew(*optimum[2:])


def _names(seed: Seed) -> list[str]:
    """Name the components' first peaks, each differently."""
    named: dict[str, str] = {}
    for lines in doublets(seed):
        core, _, rest = lines[0].name.partition(" ")
        momenta = _MOMENTA.get(core[-1:], ())
        for number, line in enumerate(lines):
            if len(lines) == 1:
                named[line.prefix] = line.name
            elif len(lines) == len(momenta):
                named[line.prefix] = f"{core}{momenta[number]} {rest}".strip()
            else:
                named[line.prefix] = f"{line.name} ({number + 1})"
    return [named[component.prefix] for component in seed.components]
