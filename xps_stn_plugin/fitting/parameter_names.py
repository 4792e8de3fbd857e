"""Parameters of a seeded model in words: whose they are, and what they are."""

from __future__ import annotations

import re
from collections.abc import Container, Sequence
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
    "splitting": "spin-orbit splitting",
    "branching": "area ratio of the doublet",
    "broadening": "width ratio of the doublet",
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
    owners = [component for component in seed.components if name.startswith(component.prefix)]
    return max(owners, key=lambda component: len(component.prefix), default=None)


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
    of_background = [name for name in params if name.startswith(seed.background_prefix)]
    carried: dict[str, str] = {}
    for name, parameter in params.items():
        what = parameter_name(seed, name)
        # Tied ones repeat the one that they are tied to; a fixed zero is a background that is not there.
        if (
            name not in of_background
            and what.owner == BACKGROUND
            and not parameter.expr
            and (parameter.vary or parameter.value)
        ):
            carried.setdefault(what.quantity, name)
    return of_background + list(carried.values())


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


def bound_sides(
    seed: Seed,
    names: Sequence[str],
    free: Sequence[str],
    values: NDArray[np.float64],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    errors: NDArray[np.float64],
) -> NDArray[np.int8]:
    """Find the free parameters that ended at a bound: -1 at the lower, 1 at the upper one, else 0; shape (k, free).

    Parameters
    ----------
    seed : Seed
    names, free : sequence of str
        All parameters, and those that vary.
    values : ndarray, shape (k, names)
    low, high, errors : ndarray, shape (k, free)
        Bounds and standard errors; 0 where there is none.
    """
    place = {name: i for i, name in enumerate(names)}
    v = values[:, [place[name] for name in free]]
    largest = np.zeros(v.shape)
    for i, name in enumerate(free):
        if alike := [place[other] for other in alike_names(seed, place, name)]:
            largest[:, i] = np.abs(values[:, alike]).max(axis=1)
    margins = bound_margins(low, high, np.where(np.isfinite(errors), errors, 0.0), largest)
    return np.where(v - low <= margins, -1, np.where(high - v <= margins, 1, 0)).astype(np.int8)


def at_bounds(seed: Seed, params: lmfit.Parameters) -> dict[str, str]:
    """Free parameters that ended at a bound: ``lower`` or ``upper`` by name."""
    free = free_names(params)
    values = np.array([[float(parameter.value) for parameter in params.values()]])
    bounds = np.array([[params[name].min, params[name].max, params[name].stderr or 0.0] for name in free], dtype=float)
    low, high, errors = bounds.reshape(-1, 3).T[:, None]
    sides = bound_sides(seed, tuple(params), free, values, low, high, errors)[0]
    return {name: "lower" if side < 0 else "upper" for name, side in zip(free, sides, strict=True) if side}


def alike_names(seed: Seed, names: Container[str], name: str) -> list[str]:
    """Name the parameters of the same kind among `names`, whose sizes tell what is small."""
    owner = owner_of(seed, name)
    bare = name.removeprefix(owner.prefix) if owner else ""
    alike = [f"{component.prefix}{bare}" for component in seed.components] if bare else []
    return [other for other in alike if other in names]


def words(expression: str) -> set[str]:
    """Names in an expression that ties a parameter."""
    return set(re.findall(r"[A-Za-z_]\w*", expression))
