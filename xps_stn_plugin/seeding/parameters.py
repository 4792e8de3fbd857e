"""Start values, bounds and ties: from lines and their start areas to a seeded model."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import Final, Literal

import lmfit
import numpy as np
from lmfit.models import ConstantModel, LinearModel, PseudoVoigtModel

from xps_prefit_hooks import Background, SeedComponent, Ties
from xps_stn_plugin.models import (
    TOUGAARD,
    GraphiticModel,
    HydrocarbonModel,
    SteppedPseudoVoigtModel,
    TougaardGraphiticModel,
    TougaardHydrocarbonModel,
    TougaardPseudoVoigtModel,
)
from xps_stn_plugin.models.drafts import ModelDraft, Parameter, ParameterSet

from .areas import Areas, Doublet
from .background import CARRIED
from .drafted import DraftedSeed
from .lines import Line, master_line
from .prior import expect, hold
from .region import RegionData

BACKGROUND_PREFIX: Final = "bg_"

_MODELS: Final[Mapping[str, type[lmfit.Model]]] = MappingProxyType(
    {"plain": SteppedPseudoVoigtModel, "vibrational": HydrocarbonModel, "conductive": GraphiticModel}
)
_TOUGAARD_MODELS: Final[Mapping[str, type[lmfit.Model]]] = MappingProxyType(
    {
        "plain": TougaardPseudoVoigtModel,
        "vibrational": TougaardHydrocarbonModel,
        "conductive": TougaardGraphiticModel,
    }
)

#: Asymmetry of a conductor's lines: start, low, high. Graphite 0.05-0.14, platinum 0.2 (Doniach-Sunjic exponents).
_ASYMMETRY: Final = (0.1, 0.0, 0.3)

#: Least start of the strength of a background that the lines carry, by its parameter: at 0 it would lie on its bound.
_LEAST_STRENGTH: Final[Mapping[str, float]] = MappingProxyType({"step": 1e-3, "loss": 1.0})

#: Widths of a shake-up band in eV: start, low, high.
_SHAKE_UP_FWHM: Final = (2.0, 1.0, 3.5)

#: Width that a line of its own width starts from, over that of the others, and its largest in eV.
_WIDE, _WIDEST = 1.5, 8.0
#: Least and largest width of a line of another element over its usual one.
_FOREIGN_FWHM: Final = (0.6, 1.7)

#: Error in eV of the splitting of another element's doublet: tables round it to 0.1 eV, and compounds differ.
_SPLITTING_ERROR: Final = 0.2

#: Neighbours whose windows overlap keep at least this distance in eV, or this share of their usual one.
_LEAST_GAP: Final = 0.15
_LEAST_GAP_SHARE: Final = 0.4

#: Lorentzian share of a line. Measured polymers have 0.05 to 0.47, nine of ten 0.05 to 0.38.
_FRACTION_BOUNDS: Final = (0.0, 0.8)

#: Lorentzian share that is expected, and its standard deviation.
_USUAL_FRACTION: Final = (0.25, 0.12)

#: Standard deviation of what a doublet's splitting, ratio and widths may differ by, over the most that they may.
_RANGE_DEVIATION: Final = 0.4

#: Standard errors of the slope before the line within which that of the background lies.
_SLOPE_ERRORS: Final = 5.0

#: A start keeps this share of its window away from either bound: on a bound it would have no gradient.
_MARGIN: Final = 0.05


def assembled(
    data: RegionData,
    found: Areas,
    doublet: Doublet,
    fwhm: tuple[float, float, float],
    ties: Ties,
    notes: Iterable[str] = (),
) -> DraftedSeed:
    """Make the model and its parameters.

    Parameters
    ----------
    data : RegionData
    found : Areas
        Lines, ascending in position, with their start areas.
    doublet : Doublet
        Of the core level.
    fwhm : tuple of float
        Start, lowest and highest width in eV.
    ties : {"soft", "hard", "free"}
        Of the areas of lines of one family.
    notes : iterable of str
        Sentences for the seed.
    """
    background = found.background
    carried = CARRIED[background]
    models: list[tuple[str, type[lmfit.Model]]] = []
    components: list[SeedComponent] = []
    pairs = {line.key: _doublet_of(line, doublet) for line in found.lines}
    for line in found.lines:
        for number, prefix in enumerate([f"{line.key}_"] + ([f"{line.key}_low_"] if pairs[line.key].ratio else [])):
            models.append((prefix, _component_model(line, background)))
            name = line.foreign.labels[number] if line.foreign else line.name
            level = line.foreign.level if line.foreign else ""
            components.append(SeedComponent(prefix, f"{data.core} {name}", line.groups, level, line.state))
    models.append((BACKGROUND_PREFIX, ConstantModel if background == "offset" else LinearModel))
    scattering = {name: TOUGAARD[background][name] for name in ("loss_c", "loss_d")} if background in TOUGAARD else {}
    draft = ModelDraft.of(models, {component.prefix: scattering for component in components if scattering})
    params = draft.params

    areas = dict(zip([line.key for line in found.lines], map(float, found.areas), strict=True))
    mains = [line for line in found.lines if not line.satellite]
    master = master_line(found.lines, areas)
    # The table's widths are those of whole lines; a vibrational member is narrower.
    least = 0.8 * fwhm[1] if any(line.vibration for line in found.lines) else fwhm[1]
    width = (found.fwhm, min(least, 0.9 * found.fwhm), max(fwhm[2], 1.1 * found.fwhm))
    for line in found.lines:
        own = line is master
        _set_line(params, line, areas[line.key], f"{master.key}_", own=own, width=width)
        if own:
            _set_fraction(params[f"{line.key}_fraction"], found.fraction)
        if carried:
            tie = {"value": max(found.strength, _LEAST_STRENGTH[carried]), "min": 0.0, "vary": True}
            params[f"{line.key}_{carried}"].set(**tie if own else {"expr": f"{master.key}_{carried}"})
        if line.foreign and not own:
            low, high = (factor * line.foreign.fwhm / 2 for factor in _FOREIGN_FWHM)
            params[f"{line.key}_sigma"].set(
                expr="", value=_inside(found.fwhm / 2, low, high), min=low, max=high, vary=True
            )
        elif line.wide and not own:
            start, low, high = _WIDE * found.fwhm, width[1], max(_WIDEST, 2 * width[1])
            params[f"{line.key}_sigma"].set(
                expr="", value=_inside(start, low, high) / 2, min=low / 2, max=high / 2, vary=True
            )
        if pairs[line.key].ratio:
            shared_by = line.key if line.foreign else master.key
            _tie_doublet(params, f"{line.key}_", f"{shared_by}_", pairs[line.key], carried)
    for line in found.lines:
        if line.satellite:
            lead = next(other for other in mains if line.satellite.relative_to in other.members)
            bounds = line.satellite.ratio
            _tie_area(params, line.key, lead.key, areas[line.key] / areas[lead.key], sum(bounds) / 2, bounds)
            start, low, high = _SHAKE_UP_FWHM
            params[f"{line.key}_sigma"].set(expr="", value=start / 2, min=low / 2, max=high / 2, vary=True)
    _tie_asymmetry(params, [component.prefix for component in components])
    _tie_families(params, mains, areas, ties)
    _order(params, sorted((line for line in mains if line.members), key=lambda line: line.expected))
    _set_background(params, data, found)
    return DraftedSeed.of(data.name, draft, tuple(components), background, BACKGROUND_PREFIX, tuple(notes))


def _doublet_of(line: Line, doublet: Doublet) -> Doublet:
    """Doublet of a line: that of the region, or of another element's level."""
    if line.foreign:
        return Doublet(line.foreign.splitting, line.foreign.ratio, _SPLITTING_ERROR)
    return doublet if line.doublet else Doublet()


def _component_model(line: Line, background: Background) -> type[lmfit.Model]:
    kind: type[lmfit.Model]
    if background in TOUGAARD:
        kind = _TOUGAARD_MODELS[_shape(line)]
    elif _shape(line) == "plain" and background != "shirley":
        kind = PseudoVoigtModel
    else:
        kind = _MODELS[_shape(line)]
    return kind


def _shape(line: Line) -> Literal["plain", "vibrational", "conductive"]:
    if line.conductive:
        return "conductive"
    return "vibrational" if line.vibration else "plain"


def base_of(values: Mapping[str, float]) -> tuple[float, float]:
    """Intercept and slope of the background without what the lines carry, from the values of a model's parameters."""
    constant = values.get(f"{BACKGROUND_PREFIX}c")
    if constant is not None:
        return constant, 0.0
    return values[f"{BACKGROUND_PREFIX}intercept"], values[f"{BACKGROUND_PREFIX}slope"]


def _inside(value: float, low: float, high: float) -> float:
    margin = _MARGIN * (high - low)
    return float(min(max(value, low + margin), high - margin))


def _set_line(
    params: ParameterSet, line: Line, area: float, master: str, *, own: bool, width: tuple[float, float, float]
) -> None:
    prefix = f"{line.key}_"
    if _shape(line) == "vibrational":
        vibration = params[f"{prefix}vibration"]
        vibration.set(value=line.vibration)
        if line.vibration_deviation:
            expect(vibration, line.vibration, line.vibration_deviation)
            hold(vibration)
    params[f"{prefix}amplitude"].set(value=area, min=0.0)
    center = params[f"{prefix}center"]
    center.set(value=_inside(line.position, line.low, line.high), min=line.low, max=line.high)
    if line.assigned and math.isfinite(line.expected):
        expect(center, line.expected, 0.25 * (line.high - line.low))
    if own:
        params[f"{prefix}sigma"].set(value=width[0] / 2, min=width[1] / 2, max=width[2] / 2)
    else:
        params[f"{prefix}sigma"].set(expr=f"{master}sigma")
        params[f"{prefix}fraction"].set(expr=f"{master}fraction")


def _set_fraction(parameter: Parameter, fraction: float) -> None:
    low, high = _FRACTION_BOUNDS
    parameter.set(value=_inside(fraction, low, high), min=low, max=high)
    expect(parameter, *_USUAL_FRACTION)


def _tie_area(
    params: ParameterSet, key: str, lead: str, ratio: float, share: float, bounds: tuple[float, float]
) -> None:
    params.add(f"{key}_ratio", value=_inside(ratio, *bounds), min=bounds[0], max=bounds[1])
    expect(params[f"{key}_ratio"], share, 0.25 * (bounds[1] - bounds[0]))
    params[f"{key}_amplitude"].set(expr=f"{key}_ratio*{lead}_amplitude")


def _tie_asymmetry(params: ParameterSet, prefixes: Iterable[str]) -> None:
    """One asymmetry for all lines of a conductor: it is the same electrons that screen them."""
    names = [name for prefix in prefixes if (name := f"{prefix}asymmetry") in params]
    for name in names[:1]:
        start, low, high = _ASYMMETRY
        params[name].set(value=start, min=low, max=high, vary=True)
    for name in names[1:]:
        params[name].set(expr=names[0])


def _tie_families(params: ParameterSet, lines: list[Line], areas: dict[str, float], ties: Ties) -> None:
    """Tie the areas of lines of one family to that of its largest line."""
    families: dict[str, list[Line]] = {}
    for line in lines:
        if line.family and ties != "free":
            families.setdefault(line.family, []).append(line)
    for members in families.values():
        lead, *rest = sorted(members, key=lambda line: (line.slack != (1.0, 1.0), -line.atoms))
        if rest:
            whole = sum(areas[line.key] for line in members)
            params[f"{lead.key}_amplitude"].set(value=whole * lead.atoms / sum(line.atoms for line in members))
        for line in rest:
            share = line.atoms / lead.atoms
            if ties == "hard":
                params[f"{line.key}_amplitude"].set(expr=f"{share:.9g}*{lead.key}_amplitude")
                continue
            bounds = (share * line.slack[0] / lead.slack[1], share * line.slack[1] / lead.slack[0])
            start = params[f"{lead.key}_amplitude"].value
            _tie_area(params, line.key, lead.key, areas[line.key] / start if start > 0 else share, share, bounds)


def _order(params: ParameterSet, lines: list[Line]) -> None:
    """Measure a line from the one before it where that can reach its window: in order, and at chemistry's distance.

    The error of the shift moves both alike, so that it does not widen the window of their distance.
    """
    reach = lines[0].high if lines else 0.0
    for before, line in pairwise(lines):
        if line.low >= reach:
            reach = line.high
            continue
        first, second = (params[f"{each.key}_center"] for each in (before, line))
        usual = line.expected - before.expected
        spread = float(np.hypot(before.scatter, line.scatter))
        least = min(_LEAST_GAP, _LEAST_GAP_SHARE * usual)
        low, high = max(usual - spread, least), usual + spread
        params.add(f"{line.key}_gap", value=_inside(second.value - first.value, low, high), min=low, max=high)
        expect(params[f"{line.key}_gap"], usual, spread / 2)
        reach += high
        second.user_data = None
        second.value = first.value + params[f"{line.key}_gap"].value
        second.set(expr=f"{before.key}_center+{line.key}_gap", min=-np.inf, max=np.inf)


def _tie_doublet(params: ParameterSet, prefix: str, master: str, doublet: Doublet, carried: str | None) -> None:
    """Tie the lower-j line; all doublets of a region share the splitting, the ratio and the widths' ratio."""
    low, shared = f"{prefix}low_", _shared(params, master, doublet)
    params[f"{low}amplitude"].set(expr=f"{shared['branching']}*{prefix}amplitude")
    params[f"{low}center"].set(expr=f"{prefix}center+{shared['splitting']}")
    for name in ("sigma", "fraction", *([carried] if carried else [])):
        params[f"{low}{name}"].set(expr=f"{prefix}{name}")
    if doublet.most_broader > 1.0:
        params[f"{low}sigma"].set(expr=f"{shared['broadening']}*{prefix}sigma")


def _shared(params: ParameterSet, master: str, doublet: Doublet) -> dict[str, str]:
    """Give splitting, ratio of areas and of widths of a region's doublets: numbers, or parameters of the largest."""
    ranges = {
        "splitting": (doublet.splitting, doublet.splitting_range),
        "branching": (doublet.ratio, doublet.ratio * doublet.ratio_range),
        "broadening": (doublet.broader, doublet.most_broader - doublet.broader),
    }
    shared = {}
    for name, (usual, reach) in ranges.items():
        # The network's levels hold both, written as they always were.
        shared[name] = f"{usual:g}" if name == "splitting" else f"{usual:.9g}"
        if reach > 0:
            shared[name] = f"{master}{name}"
            least = 1.0 if name == "broadening" else usual - reach
            if shared[name] not in params:
                params.add(shared[name], value=_inside(usual, least, usual + reach), min=least, max=usual + reach)
                expect(params[shared[name]], usual, _RANGE_DEVIATION * reach)
    return shared


def _set_background(params: ParameterSet, data: RegionData, found: Areas) -> None:
    if found.background == "offset":
        level = found.base[0] if found.base else 0.5 * (data.low_end + data.high_end)
        params[f"{BACKGROUND_PREFIX}c"].set(value=level)
        return
    rise = data.high_end - data.low_end if found.background == "linear" else data.slope * float(np.ptp(data.energy))
    slope = found.sloping * rise / float(np.ptp(data.energy))
    intercept, slope = found.base or (data.low_end - slope * float(data.energy[0]), slope)
    params[f"{BACKGROUND_PREFIX}slope"].set(value=slope, vary=found.sloping)
    if found.sloping and found.background != "linear":
        # Free, it would fall below the data before the line and make up for what the line's shape lacks.
        _bound_slope(params[f"{BACKGROUND_PREFIX}slope"], slope, data)
    params[f"{BACKGROUND_PREFIX}intercept"].set(value=intercept)


def _bound_slope(parameter: Parameter, slope: float, data: RegionData) -> None:
    low, high = (data.slope + side * _SLOPE_ERRORS * data.slope_error for side in (-1, 1))
    parameter.set(value=_inside(slope, low, high), min=low, max=high)
    expect(parameter, data.slope, data.slope_error)
