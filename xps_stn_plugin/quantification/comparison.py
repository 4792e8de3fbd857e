"""Comparison of the amounts of one functional group that two regions give."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import combinations
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from xps_prefit_hooks import SeedComponent
from xps_stn_plugin.chemistry.group_lines import group_lines

from .areas import FloatArray
from .signals import label

#: Estimates further apart than this many standard errors disagree.
_AGREE: Final = 2.0

#: Differences in percent that sensitivity factors and transmission may make by themselves.
_SYSTEMATIC: Final = 10.0


@dataclass(frozen=True)
class Estimate:
    """Amount of a group from one region.

    Parameters
    ----------
    region : str
        Name of the region.
    components : tuple of str
        Components that it rests on: those that this group alone brings.
    amount : float
        Groups per 100 atoms.
    stderr : float or None
        Its standard error.
    """

    region: str
    components: tuple[str, ...]
    amount: float
    stderr: float | None


@dataclass(frozen=True)
class Comparison:
    """Amounts of one group from two regions or more.

    Parameters
    ----------
    group : str
        Functional group.
    estimates : tuple of Estimate
    disagreement_percent : float or None
        Difference of the two estimates that are furthest apart over their mean; None where both are zero.
    disagreement_sigma : float or None
        That difference in standard errors of it; None where the fits have none.
    agrees : bool or None
        Whether that is 2 at most.
    sentence : str
        The same for people.
    """

    group: str
    estimates: tuple[Estimate, ...]
    disagreement_percent: float | None
    disagreement_sigma: float | None
    agrees: bool | None
    sentence: str


@dataclass(frozen=True)
class Shares:
    """Components of all regions together.

    Parameters
    ----------
    regions, cores : tuple of str
        Name of the region and core level of each component.
    components : tuple of SeedComponent
    percent : ndarray, shape (components,)
        Atomic percent.
    covariance : ndarray, shape (components, components), or None
        Of `percent`.
    """

    regions: tuple[str, ...]
    cores: tuple[str, ...]
    components: tuple[SeedComponent, ...]
    percent: FloatArray
    covariance: FloatArray | None


@dataclass(frozen=True)
class GroupAtoms:
    """Atoms that a group shows in each of its own lines.

    Parameters
    ----------
    reason : str
        What the numbers rest on.
    atoms : mapping of str to mapping of str to float
        By core level and key of the line.
    unless : tuple of str
        Lines (``C1s.acetal``) whose presence makes the numbers wrong.
    """

    reason: str
    atoms: Mapping[str, Mapping[str, float]]
    unless: tuple[str, ...] = ()


@cache
def group_atoms() -> Mapping[str, GroupAtoms]:
    """Atoms by functional group, from ``quantification/data/group_atoms.toml``."""
    text = files(__package__).joinpath("data", "group_atoms.toml").read_text(encoding="utf-8")
    return MappingProxyType({group: _group_atoms(row) for group, row in tomllib.loads(text).items()})


def comparisons(shares: Shares) -> tuple[tuple[Comparison, ...], list[str]]:
    """Compare the amounts of each group that two regions show; sentences about those that cannot be compared."""
    compared, notes = [], []
    keys = [_keys(core, component) for core, component in zip(shares.cores, shares.components, strict=True)]
    for group, entry in group_atoms().items():
        group_components = [i for i, component in enumerate(shares.components) if group in component.groups]
        ambiguous = [i for i in group_components if any(f"{shares.cores[i]}.{key}" in entry.unless for key in keys[i])]
        rows, shared = {}, []
        for region in dict.fromkeys(shares.regions):
            region_components = [i for i in group_components if shares.regions[i] == region]
            counts = entry.atoms.get(shares.cores[region_components[0]], {}) if region_components else {}
            lines = [i for i in region_components if set(keys[i]) & counts.keys()]
            unshared = [i for i in lines if shares.components[i].groups == (group,) and set(keys[i]) <= counts.keys()]
            if unshared:
                rows[region] = (unshared, sum(counts[key] for i in unshared for key in keys[i]))
            elif lines:
                shared.append(", ".join(shares.components[i].name for i in lines))
        if len(rows) + len(shared) < 2:
            continue
        if ambiguous:
            names = ", ".join(shares.components[i].name for i in ambiguous)
            notes.append(f"{group}: regions not compared, since the number of its atoms is unknown beside {names}.")
        elif len(rows) < 2:
            lines_text = "; ".join(shared)
            notes.append(f"{group}: regions not compared, since it shares lines with other groups ({lines_text}).")
        else:
            compared.append(_comparison(group, shares, rows))
    return tuple(compared), notes


def _group_atoms(row: dict[str, Any]) -> GroupAtoms:
    atoms = {core: MappingProxyType(lines) for core, lines in row.items() if core not in ("reason", "unless")}
    return GroupAtoms(row["reason"], MappingProxyType(atoms), tuple(row.get("unless", ())))


@cache
def _key_of(core: str) -> Mapping[str, str]:
    """Key of each line of a core level by its name."""
    lines = [line for regions in group_lines().values() for line in regions.get(core, ())]
    return MappingProxyType({line.name: line.key for line in lines})


def _keys(core: str, component: SeedComponent) -> tuple[str, ...]:
    """Keys of the lines that a component stands for; several where lines were merged, none where it is unassigned."""
    names = component.name.removeprefix(f"{core} ").split(" + ")
    keys_by_name = _key_of(core)
    return tuple(keys_by_name.get(name, name) for name in names) if component.groups else ()


def _comparison(group: str, shares: Shares, rows: Mapping[str, tuple[Sequence[int], float]]) -> Comparison:
    weights = np.zeros((len(rows), shares.percent.size))
    for row, (members, atoms) in zip(weights, rows.values(), strict=True):
        row[list(members)] = 1.0 / atoms
    amounts = weights @ shares.percent
    covariance = None if shares.covariance is None else weights @ shares.covariance @ weights.T
    estimates = tuple(
        Estimate(
            region,
            tuple(shares.components[i].name for i in members),
            float(amount),
            None if covariance is None else float(np.sqrt(max(covariance[i, i], 0.0))),
        )
        for i, ((region, (members, _)), amount) in enumerate(zip(rows.items(), amounts, strict=True))
    )
    pairs = [_pair(i, j, amounts, covariance) for i, j in combinations(range(len(estimates)), 2)]
    first, second, percent, sigma = max(pairs, key=lambda pair: (pair[3] or 0.0, pair[2] or 0.0))
    agrees = None if sigma is None else sigma <= _AGREE
    core_of = dict(zip(shares.regions, shares.cores, strict=True))
    parts = [f"{_amount(estimates[i])} from {label(core_of[estimates[i].region])}" for i in (first, second)]
    sentence = f"{group}: {parts[0]} and {parts[1]}, groups per 100 atoms"
    sentence += "" if percent is None else f"; they differ by {percent:.0f} %"
    sentence += "" if sigma is None else f", {sigma:.1f} standard errors"
    if agrees is False:
        sentence += (
            ", which sensitivity factors and transmission can cause"
            if percent is not None and percent <= _SYSTEMATIC
            else ": a line is missing or assigned wrongly in one of them, or the two do not share a scale"
        )
    return Comparison(group, estimates, percent, sigma, agrees, f"{sentence}.")


def _pair(
    i: int, j: int, amounts: FloatArray, covariance: FloatArray | None
) -> tuple[int, int, float | None, float | None]:
    """Difference of two estimates in percent of their mean and in standard errors."""
    difference, mean = abs(float(amounts[i] - amounts[j])), float(amounts[i] + amounts[j]) / 2
    percent = 100.0 * difference / mean if mean > 0 else None
    if covariance is None:
        return i, j, percent, None
    variance = float(covariance[i, i] + covariance[j, j] - 2 * covariance[i, j])
    return i, j, percent, difference / float(np.sqrt(variance)) if variance > 0 else None


def _amount(estimate: Estimate) -> str:
    error = "" if estimate.stderr is None else f" ± {estimate.stderr:.1f}"
    return f"{estimate.amount:.1f}{error}"
