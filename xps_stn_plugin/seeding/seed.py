"""From groups and data to a seeded lmfit model of one region."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import lmfit
import numpy as np
import xarray as xr
from lmfit.models import LinearModel, PseudoVoigtModel

from xps_prefit_hooks import ALIPHATIC_C1S, Prediction, PrefitError, Seed, SeedComponent, Settings
from xps_stn_plugin.chemistry.core_levels import core_levels
from xps_stn_plugin.chemistry.group_lines import group_lines
from xps_stn_plugin.models.shapes import HydrocarbonModel, RegionModel, SteppedPseudoVoigtModel

from .areas import FRACTION, MOST_UNASSIGNED, Areas, Doublet, add_unexplained
from .lines import MERGE_DISTANCE, MERGE_WIDTH_SHARE, Line, expected_lines, merge_lines
from .region import SURVEY_WIDTH, RegionData, choose_background, region_data

#: Width (start, low, high) in eV where the core level is not in the table; from metals to oxides' multiplets.
_GENERIC_FWHM: Final = (1.5, 0.5, 4.0)

_BACKGROUND_PREFIX: Final = "bg_"

#: Lines with less than this share of the region's area are dropped: expected ones, and those that a group may lack.
_LEAST_SHARE: Final = 0.004
_LEAST_OPTIONAL_SHARE: Final = 0.015

#: The same for a line whose group shows no line of its own: a beta carbon without its carbonyl.
_LEAST_ORPHAN_SHARE: Final = 0.05

#: Widths of a shake-up band in eV: start, low, high.
_SHAKE_UP_FWHM: Final = (2.0, 1.0, 3.5)


def seed_region(spectrum: xr.DataTree, region: str, prediction: Prediction, settings: Settings) -> Seed | None:
    """Make the model of one region from the groups found and from the data where groups are silent.

    Parameters
    ----------
    spectrum : xarray.DataTree
        On the calibrated axis.
    region : str
        Name of the region in it.
    prediction : Prediction
        Probabilities of the groups, and the shift's standard error, which widens the windows.
    settings : Settings
        Background, and reference of the scale.

    Returns
    -------
    Seed or None
        None for surveys and other regions wider than 60 eV.

    Raises
    ------
    PrefitError
        If there is no such region, or it holds a stack.
    """
    if region not in spectrum.children:
        raise PrefitError(f"region {region}", f"is not in the spectrum, which has {', '.join(spectrum.children)}.")
    dataset = spectrum[region].to_dataset()
    energies = dataset["binding_energy"].values
    if region.startswith("Survey") or dataset.attrs.get("region") == "Survey" or np.ptp(energies) > SURVEY_WIDTH:
        return None
    data = region_data(region, dataset)
    level = core_levels().get(data.core)
    doublet = Doublet(level.splitting or 0.0, level.ratio or 0.0) if level else Doublet()
    fwhm = level.fwhm if level else _GENERIC_FWHM
    background, reason = choose_background(data, settings.background_of(region))
    notes = [reason]

    lines, said = expected_lines(
        data.core,
        prediction.groups,
        prediction.shift_stderr,
        (float(data.energy[0]), float(data.energy[-1])),
        settings.reference - ALIPHATIC_C1S,
    )
    notes += said
    satellites = [line for line in lines if line.satellite]
    lines, said = merge_lines(
        [line for line in lines if not line.satellite], max(MERGE_DISTANCE, MERGE_WIDTH_SHARE * fwhm[0])
    )
    notes += said
    most = MOST_UNASSIGNED if not lines else MOST_UNASSIGNED - 2
    found, added = add_unexplained(
        data, [*lines, *satellites], doublet, fwhm, shirley=background == "shirley", most=most
    )
    if added:
        ask = "asks" if added == 1 else "ask"
        notes.append(
            f"{added} unassigned component{'s'[: added - 1]}: the data {ask} for signal that no group found explains."
        )
    silent = found is None or not found.areas.any()
    if found is None or silent:
        found = _one_line(data, fwhm)
        notes.append("No significant signal: one component of fixed width, free within the region.")
    found, said = _without_empty(found, data.core)
    notes += said
    seed = _assembled(data, found, doublet, fwhm, background, notes)
    if silent:
        # Nothing but noise to fit: a free width would end on the narrowest spike.
        for name in ("sigma", "fraction"):
            seed.params[f"{found.lines[0].key}_{name}"].set(vary=False)
    return seed


def _one_line(data: RegionData, fwhm: tuple[float, float, float]) -> Areas:
    """Put a line at the highest point, free between the ends."""
    position = float(data.energy[np.argmax(data.counts - data.chord())])
    line = Line("unassigned_1", "unassigned 1", (), position, float(data.energy[0]), float(data.energy[-1]))
    return Areas((line,), np.array([data.height * fwhm[0]]), fwhm[0], 0.0, data.chord(), 0.0)


def _own_lines(group: str, core: str) -> set[str]:
    return {line.key for line in group_lines()[group].get(core, ()) if not line.optional and not line.relative_to}


def _without_empty(found: Areas, core: str) -> tuple[Areas, list[str]]:
    """Drop lines without area (but for those of certain groups), small orphans, satellites without their line."""
    total = float(found.areas.sum())
    share = found.areas / total
    least = np.array([_LEAST_SHARE if line.weight >= 1 else _LEAST_OPTIONAL_SHARE for line in found.lines])
    present = (share >= least) | np.array([line.keep for line in found.lines])
    if not present.any():
        present[int(np.argmax(share))] = True
    candidates = {key for line in found.lines for key in line.members}
    mains = {key for line, here in zip(found.lines, present, strict=True) if here for key in line.members}
    for i, line in enumerate(found.lines):
        if line.groups and line.weight < 1 and share[i] < _LEAST_ORPHAN_SHARE:
            own = [_own_lines(group, core) & candidates for group in line.groups]
            present[i] &= any(not lines or lines & mains for lines in own)
    mains = {key for line, here in zip(found.lines, present, strict=True) if here for key in line.members}
    for i, line in enumerate(found.lines):
        if line.satellite:
            present[i] = line.satellite.relative_to in mains
    gone = [line.name for line, here in zip(found.lines, present, strict=True) if not here]
    notes = [f"Dropped, for want of signal: {', '.join(gone)}."] if gone else []
    lines = tuple(line for line, here in zip(found.lines, present, strict=True) if here)
    areas = np.maximum(found.areas[present], _LEAST_SHARE * total)
    order = np.argsort([line.position for line in lines], kind="stable")
    return replace(found, lines=tuple(lines[i] for i in order), areas=areas[order]), notes


def _assembled(
    data: RegionData,
    found: Areas,
    doublet: Doublet,
    fwhm: tuple[float, float, float],
    background: str,
    notes: list[str],
) -> Seed:
    """Model, parameters and ties."""
    shirley = background == "shirley"
    models: list[lmfit.Model] = []
    components: list[SeedComponent] = []
    for line in found.lines:
        prefixes = [f"{line.key}_"] + ([f"{line.key}_low_"] if doublet.ratio else [])
        for prefix in prefixes:
            models.append(_component_model(prefix, vibrational=line.vibrational, shirley=shirley))
            components.append(SeedComponent(prefix, f"{data.core} {line.name}", line.groups))
    models.append(LinearModel(prefix=_BACKGROUND_PREFIX))
    model = RegionModel(models)
    params = model.make_params()

    mains = [i for i, line in enumerate(found.lines) if not line.satellite]
    master = found.lines[max(mains, key=lambda i: found.areas[i])]
    # The table's widths are those of whole lines; a vibrational member is narrower.
    least = 0.8 * fwhm[1] if any(line.vibrational for line in found.lines) else fwhm[1]
    width = (found.fwhm, min(least, 0.9 * found.fwhm), max(fwhm[2], 1.1 * found.fwhm))
    for line, area in zip(found.lines, found.areas, strict=True):
        own = line is master
        _set_line(params, line, float(area), f"{master.key}_", own=own, width=width)
        if shirley:
            tie = {"value": max(found.step, 1e-3), "min": 0.0, "vary": True} if own else {"expr": f"{master.key}_step"}
            params[f"{line.key}_step"].set(**tie)
        if line.satellite:
            _tie_satellite(params, line, float(area), found)
        if doublet.ratio:
            _tie_doublet(params, f"{line.key}_", doublet, shirley=shirley)
    if shirley:
        # Without a slope before the line it stays fixed: it would compete with the step.
        params["bg_slope"].set(value=data.slope, vary=data.slope != 0.0)
        params["bg_intercept"].set(value=data.low_end - data.slope * float(data.energy[0]))
    else:
        slope = data.step / float(data.energy[-1] - data.energy[0])
        params["bg_slope"].set(value=slope)
        params["bg_intercept"].set(value=data.low_end - slope * float(data.energy[0]))
    return Seed(data.name, model, params, tuple(components), background, _BACKGROUND_PREFIX, tuple(notes))


def _component_model(prefix: str, *, vibrational: bool, shirley: bool) -> lmfit.Model:
    if vibrational:
        return HydrocarbonModel(prefix=prefix)
    return SteppedPseudoVoigtModel(prefix=prefix) if shirley else PseudoVoigtModel(prefix=prefix)


def _set_line(
    params: lmfit.Parameters, line: Line, area: float, master: str, *, own: bool, width: tuple[float, float, float]
) -> None:
    prefix = f"{line.key}_"
    params[f"{prefix}amplitude"].set(value=area, min=0.0)
    # A start on a bound would have no gradient there: keep 5 % of the window away from either side.
    margin = 0.05 * (line.high - line.low)
    center = float(np.clip(line.position, line.low + margin, line.high - margin))
    params[f"{prefix}center"].set(value=center, min=line.low, max=line.high)
    if own:
        params[f"{prefix}sigma"].set(value=width[0] / 2, min=width[1] / 2, max=width[2] / 2)
        params[f"{prefix}fraction"].set(value=FRACTION, min=0.0, max=1.0)
    else:
        params[f"{prefix}sigma"].set(expr=f"{master}sigma")
        params[f"{prefix}fraction"].set(expr=f"{master}fraction")


def _tie_satellite(params: lmfit.Parameters, line: Line, area: float, found: Areas) -> None:
    satellite = line.satellite
    if satellite is None:
        return
    main = next(i for i, other in enumerate(found.lines) if satellite.relative_to in other.members)
    prefix, low, high = f"{line.key}_", *satellite.ratio
    ratio = float(np.clip(area / found.areas[main], low + 0.1 * (high - low), high - 0.1 * (high - low)))
    params.add(f"{prefix}ratio", value=ratio, min=low, max=high)
    params[f"{prefix}amplitude"].set(expr=f"{prefix}ratio*{found.lines[main].key}_amplitude")
    start, least, most = _SHAKE_UP_FWHM
    params[f"{prefix}sigma"].set(expr="", value=start / 2, min=least / 2, max=most / 2, vary=True)


def _tie_doublet(params: lmfit.Parameters, prefix: str, doublet: Doublet, *, shirley: bool) -> None:
    low = f"{prefix}low_"
    params[f"{low}amplitude"].set(expr=f"{doublet.ratio:.9g}*{prefix}amplitude")
    params[f"{low}center"].set(expr=f"{prefix}center+{doublet.splitting:g}")
    for name in ("sigma", "fraction", *(["step"] if shirley else [])):
        params[f"{low}{name}"].set(expr=f"{prefix}{name}")
