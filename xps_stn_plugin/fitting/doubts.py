"""Sentences about what should be doubted in a fit, in the words of a spectroscopist."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import lmfit

from xps_prefit_hooks import Seed

from .parameter_names import ParameterName, free_names, owner_of, parameter_name, sources
from .quality import value_text
from .standard_errors import Uncertainty

#: Correlations from here on are reported, and how many sentences about them at most.
STRONG_CORRELATION: Final = 0.95
_MOST_CORRELATIONS: Final = 3

_UNITS: Final = {"position": " eV", "distance from its neighbour": " eV"}

#: An area below this many standard errors is not distinguishable from nothing.
_SIGNIFICANT: Final = 2.0


def strong_correlations(seed: Seed, found: Uncertainty) -> tuple[tuple[ParameterName, ParameterName, float], ...]:
    """Pairs of parameters of different components that correlate by more than 0.95, the strongest first."""
    pairs = []
    for first, second, value in found.correlations:
        one, other = parameter_name(seed, first), parameter_name(seed, second)
        if abs(value) > STRONG_CORRELATION and one.owner != other.owner:
            pairs.append((one, other, value))
    return tuple(pairs)


def signal_sources(seed: Seed, params: lmfit.Parameters) -> dict[str, set[str]]:
    """For each component the free parameters with whose lower bound, 0, its area ends."""
    sources_of: dict[str, set[str]] = {component.name: set() for component in seed.components}
    for component in seed.components:
        area = f"{component.prefix}amplitude"
        if area in params and params[area].min >= 0:
            sources_of[component.name] |= {source for source in sources(params, area) if params[source].min == 0}
    return sources_of


def without_signal(seed: Seed, params: lmfit.Parameters, bounds: Mapping[str, str]) -> set[str]:
    """Names of the components whose area ended at zero."""
    areas_from = signal_sources(seed, params)
    return {name for name, free in areas_from.items() if any(bounds.get(source) == "lower" for source in free)}


def bound_sentences(seed: Seed, params: lmfit.Parameters, bounds: Mapping[str, str]) -> list[str]:
    """Say which components ended at a bound, and which have no signal; one sentence for each component."""
    empty = without_signal(seed, params, bounds)
    sentences = [f"{name} has no signal: its area ended at zero." for name in sorted(empty)]
    parts: dict[str, list[str]] = {}
    for name, side in bounds.items():
        what, value = parameter_name(seed, name), float(params[name].value)
        if what.owner in empty and what.quantity != "width":
            continue
        if what.quantity == "step" and params[name].min == 0 and side == "lower":
            sentences.append("The background shows no step: it ended at zero.")
        elif what.quantity == "Lorentzian share":
            sentences.append(f"The lines are purely {'Gaussian' if side == 'lower' else 'Lorentzian'}.")
        else:
            shared = (
                " (shared with other components)" if what.quantity == "width" and _shared(seed, params, name) else ""
            )
            number = (
                f"{2 * value:.2f} eV" if what.quantity == "width" else f"{value:.2f}{_UNITS.get(what.quantity, '')}"
            )
            text = f"{what.quantity}{shared} at the {side} end of its range ({number})"
            parts.setdefault(what.owner or "Model", []).append(text)
    sentences += [f"{owner[0].upper()}{owner[1:]}: {', '.join(texts)}." for owner, texts in parts.items()]
    return list(dict.fromkeys(sentences))


def error_sentences(
    seed: Seed, fit: lmfit.model.ModelResult, uncertainty: Uncertainty, bounds: Mapping[str, str]
) -> list[str]:
    """Say which standard errors are missing and why, and under what condition the others hold."""
    free = free_names(fit.params)
    sentences = []
    if uncertainty.by_range:
        vague = _list(parameter_name(seed, name) for name in uncertainty.by_range)
        sentences.append(f"The data hardly determine the {vague}: the standard error is that of the range.")
    if all(name in uncertainty.stderr for name in free):
        return sentences
    if not fit.success:
        return ["No meaningful standard errors: the fit found no minimum."]
    if fit.ndata <= len(free):
        return [f"No standard errors: {fit.ndata} points cannot determine {len(free)} parameters."]
    for first, second, sign in uncertainty.inseparable:
        one, other = parameter_name(seed, first), parameter_name(seed, second)
        sentences.append(
            f"No standard error of the {one} and the {other}: they correlate at {sign:+.2f}, so that the data cannot "
            "separate them."
        )
    named = {name for pair in uncertainty.inseparable for name in pair[:2]}
    others = [name for name in uncertainty.undetermined if name not in named]
    if others:
        sentences.append(f"Nor of the {_list(parameter_name(seed, name) for name in others)}, which depend on them.")
    empty = without_signal(seed, fit.params, bounds)
    idle = [parameter_name(seed, name) for name, why in uncertainty.held.items() if why == "no effect"]
    if idle := [what for what in idle if what.owner not in empty]:
        sentences.append(f"No standard error of the {_list(idle)}: the data do not depend on it.")
    if "bound" in uncertainty.held.values():
        sentences.append(
            "Parameters that ended at a bound have no standard error and are fixed for those of the others."
        )
    return sentences


def significance_sentences(areas: Iterable[tuple[str, float, float]]) -> list[str]:
    """Name the components whose area is less than two standard errors; `areas` are (name, area, error)."""
    weak = [f"{name} ({value_text(area, error)})" for name, area, error in areas if area < _SIGNIFICANT * error]
    if not weak:
        return []
    return [f"Not distinguishable from zero: the area of {_list(weak)}."]


def correlation_sentences(seed: Seed, uncertainty: Uncertainty) -> list[str]:
    """Name the components that the data hardly tell apart, the worst first; one sentence for each pair of them."""
    pairs: dict[frozenset[str], str] = {}
    for first, second, value in strong_correlations(seed, uncertainty):
        pairs.setdefault(frozenset((first.owner, second.owner)), _correlation(first, second, value))
    sentences = list(pairs.values())
    more = len(sentences) - _MOST_CORRELATIONS
    return sentences[:_MOST_CORRELATIONS] + (
        [f"{more} more pairs of components correlate as strongly."] if more > 1 else sentences[_MOST_CORRELATIONS:]
    )


def _correlation(one: ParameterName, other: ParameterName, value: float) -> str:
    if one.quantity != other.quantity or one.quantity not in ("area", "position", "width"):
        return f"The {one} and the {other} correlate at {value:.2f}."
    well_determined = ""
    if one.quantity == "area":
        well_determined = f": only their {'sum' if value < 0 else 'ratio'} is well determined"
    elif one.quantity == "position":
        well_determined = f": only their {'middle' if value < 0 else 'distance'} is well determined"
    return f"{one.owner} and {other.owner}: {one.quantity}s correlate at {value:.2f}{well_determined}."


def _shared(seed: Seed, params: lmfit.Parameters, name: str) -> bool:
    """Whether another component than the owner takes its value from the parameter."""
    owner = owner_of(seed, name)
    return any(
        params[other].expr and name in sources(params, other) and owner_of(seed, other).name != owner.name  # type: ignore[union-attr]
        for other in params
        if owner is not None and owner_of(seed, other) is not None
    )


def _list(names: Iterable[ParameterName | str]) -> str:
    *first, last = dict.fromkeys(map(str, names))
    return f"{', '.join(first)} and {last}" if first else last
