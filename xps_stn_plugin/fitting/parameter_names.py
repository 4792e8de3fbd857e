"""Parameters of a seeded model in words: whose they are, and what they are."""

from __future__ import annotations

import re
from collections.abc import Container
from dataclasses import dataclass
from typing import Final

import lmfit
import numpy as np
from numpy.typing import ArrayLike, NDArray

from xps_prefit_hooks import Seed, SeedComponent
from xps_stn_plugin.models.backgrounds import BACKGROUND_PARAMETERS

#: Owner of the background's parameters.
BACKGROUND: Final = "the background"

#: What lmfit's parameters of a line mean to a spectroscopist.
_QUANTITIES: Final = {
    "amplitude": "area",
    "center": "position",
    "gap": "distance from its neighbour",
    "sigma": "width",
    "fwhm": "width",
    "ratio": "area ratio",
    "fraction": "Lorentzian share",
}

#: A parameter within this share of its range from a bound counts as at the bound: solvers come near bounds and stop.
_AT_BOUND: Final = 1e-2

#: With one bound alone: within this share of the standard error (but no more than the second share of the largest
#: value of its kind), or the third share of that value.
_OF_ERROR, _AT_MOST, _OF_LARGEST = 1e-2, 1e-3, 1e-4


@dataclass(frozen=True)
class ParameterName:
    """A parameter in words.

    Parameters
    ----------
    owner : str
        Name of the component; ``the background``; empty for a parameter of neither.
    quantity : str
        ``area``, ``position``, ``width``, ``area ratio``, ``Lorentzian share``, or the parameter's bare name.
    """

    owner: str
    quantity: str

    def __str__(self) -> str:
        return f"{self.quantity} of {self.owner}" if self.owner else self.quantity


def parameter_name(seed: Seed, name: str) -> ParameterName:
    """Say in words which parameter of the seed's model `name` is."""
    if name.startswith(seed.background_prefix):
        return ParameterName(BACKGROUND, name.removeprefix(seed.background_prefix))
    owner = owner_of(seed, name)
    if owner is None:
        return ParameterName("", name)
    bare = name.removeprefix(owner.prefix)
    if bare in BACKGROUND_PARAMETERS:
        return ParameterName(BACKGROUND, bare)
    return ParameterName(owner.name, _QUANTITIES.get(bare, bare))


def owner_of(seed: Seed, name: str) -> SeedComponent | None:
    """Component whose prefix the parameter carries; the longest where several fit."""
    found = [component for component in seed.components if name.startswith(component.prefix)]
    return max(found, key=lambda component: len(component.prefix), default=None)


def doublets(seed: Seed) -> list[list[SeedComponent]]:
    """Components of the same name together, the higher-j line first."""
    groups: dict[str, list[SeedComponent]] = {}
    for component in seed.components:
        groups.setdefault(component.name, []).append(component)
    return list(groups.values())


def free_names(params: lmfit.Parameters) -> list[str]:
    """Names of the parameters that a fit varies, in their order."""
    return [name for name, parameter in params.items() if parameter.vary and not parameter.expr]


def sources(params: lmfit.Parameters, name: str) -> set[str]:
    """Free parameters that decide a parameter's value, itself among them where it is free."""
    parameter = params[name]
    if parameter.expr:
        return {source for part in words(parameter.expr) if part in params for source in sources(params, part)}
    return {name} if parameter.vary else set()


def background_names(seed: Seed, params: lmfit.Parameters) -> list[str]:
    """Parameters of the background: its own model's, and those that the lines carry (``step``), once each."""
    own = [name for name in params if name.startswith(seed.background_prefix)]
    carried: dict[str, str] = {}
    for name, parameter in params.items():
        what = parameter_name(seed, name)
        # Tied ones repeat the one that they are tied to; a fixed zero is a background that is not there.
        if name not in own and what.owner == BACKGROUND and not parameter.expr and (parameter.vary or parameter.value):
            carried.setdefault(what.quantity, name)
    return own + list(carried.values())


def bound_margins(low: ArrayLike, high: ArrayLike, errors: ArrayLike, largest: ArrayLike) -> NDArray[np.float64]:
    """Find the distance from its bounds within which a free parameter counts as at the bound.

    Parameters
    ----------
    low, high : array_like
        Bounds; they broadcast with the others.
    errors : array_like
        Standard errors; 0 where there is none.
    largest : array_like
        Largest absolute value among the parameters of the same kind.
    """
    size = np.asarray(largest, dtype=float)
    one_sided = np.maximum(np.minimum(_OF_ERROR * np.asarray(errors, dtype=float), _AT_MOST * size), _OF_LARGEST * size)
    both = np.isfinite(low) & np.isfinite(high)
    with np.errstate(invalid="ignore"):
        return np.where(both, _AT_BOUND * (np.asarray(high, dtype=float) - np.asarray(low, dtype=float)), one_sided)


def at_bounds(seed: Seed, params: lmfit.Parameters) -> dict[str, str]:
    """Free parameters that ended at a bound: ``lower`` or ``upper`` by name."""
    found = {}
    for name in free_names(params):
        parameter = params[name]
        low, high, value = parameter.min, parameter.max, parameter.value
        error = parameter.stderr if parameter.stderr and np.isfinite(parameter.stderr) else 0.0
        largest = max((abs(float(params[alike].value)) for alike in alike_names(seed, params, name)), default=0.0)
        margin = float(bound_margins(low, high, error, largest))
        if value - low <= margin:
            found[name] = "lower"
        elif high - value <= margin:
            found[name] = "upper"
    return found


def alike_names(seed: Seed, names: Container[str], name: str) -> list[str]:
    """Name the parameters of the same kind among `names`, whose sizes tell what is small."""
    owner = owner_of(seed, name)
    bare = name.removeprefix(owner.prefix) if owner else ""
    alike = [f"{component.prefix}{bare}" for component in seed.components] if bare else []
    return [other for other in alike if other in names]


def words(expression: str) -> set[str]:
    """Names in an expression that ties a parameter."""
    return set(re.findall(r"[A-Za-z_]\w*", expression))
