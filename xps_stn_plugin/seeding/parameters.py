"""Start values, bounds and ties: from lines and their start areas to a seeded lmfit model."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Final

import lmfit
import numpy as np
from lmfit.models import ConstantModel, LinearModel, PseudoVoigtModel

from xps_prefit_hooks import Background, Seed, SeedComponent, Ties
from xps_stn_plugin.models.shapes import HydrocarbonModel, RegionModel, SteppedPseudoVoigtModel

from .areas import FRACTION, Areas, Doublet
from .lines import Line
from .region import RegionData

BACKGROUND_PREFIX: Final = "bg_"

#: Widths of a shake-up band in eV: start, low, high.
_SHAKE_UP_FWHM: Final = (2.0, 1.0, 3.5)

#: Neighbours whose windows overlap keep at least this distance in eV, or this share of their usual one.
_LEAST_GAP: Final = 0.15
_LEAST_GAP_SHARE: Final = 0.4

#: Lorentzian share of a line. Measured polymers have 0.05 to 0.47, nine of ten 0.05 to 0.38.
_FRACTION_BOUNDS: Final = (0.0, 0.8)

#: A start keeps this share of its window away from either bound: on a bound it would have no gradient.
_MARGIN: Final = 0.05


def assembled(
    data: RegionData,
    found: Areas,
    doublet: Doublet,
    fwhm: tuple[float, float, float],
    background: Background,
    ties: Ties,
    notes: Iterable[str] = (),
) -> Seed:
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
    background : str
        Its kind; not "auto".
    ties : {"soft", "hard", "free"}
        Of the areas of lines of one family.
    notes : iterable of str
        Sentences for the seed.
    """
    stepped = background == "shirley"
    models: list[lmfit.Model] = []
    components: list[SeedComponent] = []
    for line in found.lines:
        for prefix in [f"{line.key}_"] + ([f"{line.key}_low_"] if doublet.ratio else []):
            models.append(_component_model(prefix, vibrational=line.vibrational, stepped=stepped))
            components.append(SeedComponent(prefix, f"{data.core} {line.name}", line.groups))
    models.append((ConstantModel if background == "offset" else LinearModel)(prefix=BACKGROUND_PREFIX))
    model = RegionModel(models)
    params = model.make_params()

    areas = dict(zip([line.key for line in found.lines], map(float, found.areas), strict=True))
    mains = [line for line in found.lines if not line.satellite]
    master = max(mains, key=lambda line: areas[line.key])
    # The table's widths are those of whole lines; a vibrational member is narrower.
    least = 0.8 * fwhm[1] if any(line.vibrational for line in found.lines) else fwhm[1]
    width = (found.fwhm, min(least, 0.9 * found.fwhm), max(fwhm[2], 1.1 * found.fwhm))
    for line in found.lines:
        own = line is master
        _set_line(params, line, areas[line.key], f"{master.key}_", own=own, width=width)
        if own:
            params[f"{line.key}_fraction"].set(value=_inside(found.fraction, *_FRACTION_BOUNDS))
        if stepped:
            tie = {"value": max(found.step, 1e-3), "min": 0.0, "vary": True} if own else {"expr": f"{master.key}_step"}
            params[f"{line.key}_step"].set(**tie)
        if doublet.ratio:
            _tie_doublet(params, f"{line.key}_", doublet, stepped=stepped)
    for line in found.lines:
        if line.satellite:
            lead = next(other for other in mains if line.satellite.relative_to in other.members)
            _tie_area(params, line.key, lead.key, areas[line.key] / areas[lead.key], line.satellite.ratio)
            start, low, high = _SHAKE_UP_FWHM
            params[f"{line.key}_sigma"].set(expr="", value=start / 2, min=low / 2, max=high / 2, vary=True)
    _tie_families(params, mains, areas, ties)
    _order(params, [line for line in mains if line.members])
    _set_background(params, data, background)
    return Seed(data.name, model, params, tuple(components), background, BACKGROUND_PREFIX, tuple(notes))


def _component_model(prefix: str, *, vibrational: bool, stepped: bool) -> lmfit.Model:
    if vibrational:
        return HydrocarbonModel(prefix=prefix)
    return SteppedPseudoVoigtModel(prefix=prefix) if stepped else PseudoVoigtModel(prefix=prefix)


def _inside(value: float, low: float, high: float) -> float:
    margin = _MARGIN * (high - low)
    return float(np.clip(value, low + margin, high - margin))


def _set_line(
    params: lmfit.Parameters, line: Line, area: float, master: str, *, own: bool, width: tuple[float, float, float]
) -> None:
    prefix = f"{line.key}_"
    params[f"{prefix}amplitude"].set(value=area, min=0.0)
    params[f"{prefix}center"].set(value=_inside(line.position, line.low, line.high), min=line.low, max=line.high)
    if own:
        params[f"{prefix}sigma"].set(value=width[0] / 2, min=width[1] / 2, max=width[2] / 2)
        params[f"{prefix}fraction"].set(value=FRACTION, min=_FRACTION_BOUNDS[0], max=_FRACTION_BOUNDS[1])
    else:
        params[f"{prefix}sigma"].set(expr=f"{master}sigma")
        params[f"{prefix}fraction"].set(expr=f"{master}fraction")


def _tie_area(params: lmfit.Parameters, key: str, lead: str, ratio: float, bounds: tuple[float, float]) -> None:
    params.add(f"{key}_ratio", value=_inside(ratio, *bounds), min=bounds[0], max=bounds[1])
    params[f"{key}_amplitude"].set(expr=f"{key}_ratio*{lead}_amplitude")


def _tie_families(params: lmfit.Parameters, lines: list[Line], areas: dict[str, float], ties: Ties) -> None:
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
            _tie_area(params, line.key, lead.key, areas[line.key] / start if start > 0 else share, bounds)


def _order(params: lmfit.Parameters, lines: list[Line]) -> None:
    """Measure a line from the one before it where their windows overlap: in order, and at chemistry's distance.

    The error of the shift moves both alike, so that it does not widen the window of their distance.
    """
    for before, line in pairwise(lines):
        if line.low >= before.high:
            continue
        first, second = (params[f"{each.key}_center"] for each in (before, line))
        usual = line.expected - before.expected
        spread = float(np.hypot(before.scatter, line.scatter))
        least = min(_LEAST_GAP, _LEAST_GAP_SHARE * usual)
        low, high = max(usual - spread, least), usual + spread
        params.add(f"{line.key}_gap", value=_inside(second.value - first.value, low, high), min=low, max=high)
        second.set(expr=f"{before.key}_center+{line.key}_gap", min=-np.inf, max=np.inf)


def _tie_doublet(params: lmfit.Parameters, prefix: str, doublet: Doublet, *, stepped: bool) -> None:
    low = f"{prefix}low_"
    params[f"{low}amplitude"].set(expr=f"{doublet.ratio:.9g}*{prefix}amplitude")
    params[f"{low}center"].set(expr=f"{prefix}center+{doublet.splitting:g}")
    for name in ("sigma", "fraction", *(["step"] if stepped else [])):
        params[f"{low}{name}"].set(expr=f"{prefix}{name}")


def _set_background(params: lmfit.Parameters, data: RegionData, background: Background) -> None:
    if background == "offset":
        params[f"{BACKGROUND_PREFIX}c"].set(value=0.5 * (data.low_end + data.high_end))
        return
    if background == "linear":
        slope, vary = data.step / float(data.energy[-1] - data.energy[0]), True
    else:
        # Without a slope before the line it stays fixed: it would compete with the lines' own background.
        slope, vary = data.slope, data.slope != 0.0
    params[f"{BACKGROUND_PREFIX}slope"].set(value=slope, vary=vary)
    params[f"{BACKGROUND_PREFIX}intercept"].set(value=data.low_end - slope * float(data.energy[0]))
