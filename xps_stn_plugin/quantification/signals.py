"""Fitted regions for the atomic percentages, one for each element."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import xarray as xr

from xps_prefit_hooks import Seed
from xps_stn_plugin.core.core_levels import core_levels
from xps_stn_plugin.core.element_lines import subshells
from xps_stn_plugin.fitting.parameter_names import doublets

from ..core.element_lines import AL_K_ALPHA
from .areas import ComponentAreas, FloatArray, component_areas
from .pass_energy import differing, given_transmission, window_correction
from .sensitivity import SensitivitySet, sensitivity_sets
from .transmission import is_for, photon_energy, transmission_correction

if TYPE_CHECKING:
    from lmfit.model import ModelResult

_CORE_LEVEL: Final = re.compile(r"(?P<element>[A-Z][a-z]?)(?P<subshell>[1-6][spdf])")


@dataclass(frozen=True)
class Signal:
    """Fitted areas of a region and their divisor.

    Parameters
    ----------
    region, core, symbol : str
        Name of the region in the spectrum, its core level (``C1s``), its element.
    areas : ComponentAreas
    divisor : float
        Sensitivity factor times transmission, escape depth and measuring time.
    window : float
        What the intensity would have to be divided by beside that if it were proportional to the pass energy; 1 where
        that is known.
    """

    region: str
    core: str
    symbol: str
    areas: ComponentAreas
    divisor: float
    window: float = 1.0

    @property
    def amounts(self) -> FloatArray:
        """Amounts of the components in one arbitrary unit for all regions, shape (components,)."""
        return self.areas.values / self.divisor

    @property
    def covariance(self) -> FloatArray | None:
        """Covariance of the amounts, shape (components, components)."""
        return None if self.areas.covariance is None else self.areas.covariance / self.divisor**2


@dataclass(frozen=True)
class Correction:
    """Corrections of intensities: sensitivity factors, transmission, escape depth, photon energy.

    Parameters
    ----------
    factors : SensitivitySet
    transmission, escape_depth : float
        Exponents of the kinetic energy.
    photon_energy : float or None
        In eV; None takes what the file says.
    """

    factors: SensitivitySet
    transmission: float
    escape_depth: float
    photon_energy: float | None


def is_core_level(core: str) -> bool:
    """Whether the name of a region is that of a core level."""
    return _CORE_LEVEL.fullmatch(core) is not None


def label(core: str) -> str:
    """Core level for people: ``C 1s``."""
    match = _CORE_LEVEL.fullmatch(core)
    return f"{match['element']} {match['subshell']}" if match else core


def signals(
    spectrum: xr.DataTree, seeds: Mapping[str, Seed], fits: Mapping[str, ModelResult], correction: Correction
) -> tuple[list[Signal], list[str]]:
    """Regions to count with, and sentences about those left out and what was assumed.

    Of several regions of one element the one is taken whose core level the seeds know best (those of the network
    before others), then the one with the larger sensitivity factor, then the first.

    Parameters
    ----------
    spectrum : xarray.DataTree
        Regions on the axis of the fits.
    seeds : mapping of str to Seed
    fits : mapping of str to lmfit.model.ModelResult
    correction : Correction
    """
    datasets = {region: spectrum[region].to_dataset() for region in fits}
    notes: list[str] = []
    usable: list[tuple[str, str, str, float]] = []
    for region, fit in fits.items():
        core = str(datasets[region].attrs["region"])
        match = _CORE_LEVEL.fullmatch(core)
        paired = any(len(lines) > 1 for lines in doublets(seeds[region]))
        factor, reason = (
            (None, "no core level")
            if match is None
            else level_factor(core, datasets[region], correction.factors, paired)
        )
        if match is None or factor is None:
            notes.append(f"{region} is left out of the percentages: {reason}.")
        elif not fit.nfev or not all(np.isfinite(parameter.value) for parameter in fit.params.values()):
            notes.append(f"{region} is left out of the percentages: {match['element']} has no fit ({fit.message}).")
        else:
            if not fit.success:
                notes.append(f"{region}: the fit did not converge, so that its areas are not the best ones.")
            usable.append((region, core, match["element"], factor))
    foreign_rows, further_notes = _of_other_elements(usable, seeds, correction.factors)
    notes += _satellite_notes(usable, seeds)
    usable = [row for row in usable if any(component.counts for component in seeds[row[0]].components)]
    chosen, selection_notes = choose(usable, foreign_rows)
    notes += [*further_notes, *selection_notes]
    times, further_notes = exposures([datasets[region] for region, *_ in chosen], [region for region, *_ in chosen])
    notes += further_notes
    windows, further_notes = window_divisors([datasets[region] for region, *_ in chosen], chosen, correction)
    notes += further_notes
    by_file = given_by_file([datasets[region] for region, *_ in chosen], correction)
    region_signals, unknown, foreign = [], [], {}
    for (region, core, symbol, factor), exposure, window in zip(chosen, times, windows, strict=True):
        is_main = core == str(datasets[region].attrs["region"])
        areas = component_areas(seeds[region], fits[region]).of_level("" if is_main else core)
        energy, is_known = photon_energy(datasets[region].attrs, correction.photon_energy)
        unknown += [] if is_known else [region]
        if not is_for(correction.factors, energy):
            foreign[region] = energy
        kinetic = energy - _center(areas)
        if kinetic <= 0:
            notes.append(f"{region} is left out of the percentages: X-rays of {energy:.1f} eV do not reach its line.")
            continue
        passed = transmission_correction(kinetic, correction.transmission, correction.escape_depth, correction.factors)
        if by_file:
            passed *= given_transmission(datasets[region], _center(areas)) or 1.0
        elif correction.transmission:
            passed, window = passed * window, 1.0
        region_signals.append(Signal(region, core, symbol, areas, factor * passed * exposure, window))
    if unknown:
        notes.append(f"Photon energy unknown, taken as Al K-alpha, {AL_K_ALPHA} eV: {', '.join(unknown)}.")
    if foreign:
        energies = ", ".join(f"{region} ({energy:.1f} eV)" for region, energy in foreign.items())
        fitting = [name for name, row in sensitivity_sets().items() if all(is_for(row, e) for e in foreign.values())]
        advice = f"; take {' or '.join(fitting)}" if fitting else ""
        notes.append(f"The factors of {correction.factors.name!r} are not for the X-rays of {energies}{advice}.")
    return region_signals, notes


def given_by_file(datasets: Sequence[xr.Dataset], correction: Correction) -> bool:
    """Whether the file gives the transmission of all regions and the user does not."""
    energies = [float(dataset["binding_energy"].mean()) for dataset in datasets]
    has_transmission = [
        given_transmission(dataset, energy) is not None for dataset, energy in zip(datasets, energies, strict=True)
    ]
    return not correction.transmission and bool(has_transmission) and all(has_transmission)


def window_divisors(
    datasets: Sequence[xr.Dataset], chosen: Sequence[tuple[str, str, str, float]], correction: Correction
) -> tuple[list[float], list[str]]:
    """Divisors for different pass energies, and a sentence about them; 1 where they are alike or the file corrects."""
    energies = differing(datasets)
    if not energies:
        return [1.0] * len(datasets), []
    listed = ", ".join(
        dict.fromkeys(f"{region} {energy:g} eV" for (region, *_), energy in zip(chosen, energies, strict=True))
    )
    if given_by_file(datasets, correction):
        remedy = "they are compared by the transmission that the file gives"
    elif correction.transmission:
        remedy = "intensities at the same retarding ratio are taken to be proportional to them"
    else:
        remedy = (
            "no transmission is given, so that percentages may be off by their ratio, which the standard errors "
            "cover; give the transmission, or measure at one pass energy"
        )
    windows = [window_correction(energy / max(energies), correction.transmission) for energy in energies]
    notes = [f"Pass energies differ ({listed}): {remedy}."]
    return ([1.0] * len(datasets) if given_by_file(datasets, correction) else windows), notes


def _satellite_notes(usable: Sequence[tuple[str, str, str, float]], seeds: Mapping[str, Seed]) -> list[str]:
    names = [
        component.name for region, *_ in usable for component in seeds[region].components if component.is_satellite
    ]
    return [f"Satellites do not count: {', '.join(dict.fromkeys(names))}."] if names else []


def _of_other_elements(
    usable: Sequence[tuple[str, str, str, float]], seeds: Mapping[str, Seed], factors: SensitivitySet
) -> tuple[list[tuple[str, str, str, float]], list[str]]:
    """Lines of other elements in the regions that are counted with, as further rows, and sentences about them."""
    rows, notes = [], []
    for region, core, symbol, _ in usable:
        for level in dict.fromkeys(component.level for component in seeds[region].components if component.level):
            element = level[:-2]
            notes.append(f"{label(level)} in {region} does not count for {symbol}.")
            if level not in factors.factors:
                notes.append(f"{element} is left out: the set {factors.name!r} has no sensitivity factor of {level}.")
                continue
            rows.append((region, level, element, factors.factors[level].whole))
        if all(component.level for component in seeds[region].components):
            notes.append(f"{region} shows no line of {label(core)}.")
    return rows, notes


def level_factor(core: str, dataset: xr.Dataset, factors: SensitivitySet, paired: bool) -> tuple[float | None, str]:
    """Factor for what the region shows of a core level: the whole of it (`paired` lines), or the higher-j line."""
    if core not in factors.factors:
        return None, f"the set {factors.name!r} has no sensitivity factor of {label(core)}"
    factor = factors.factors[core]
    element, subshell = core[:-2], core[-2:]
    if paired or core in core_levels() or subshell not in subshells().get(element, {}):
        return factor.whole, ""
    lower_energy, higher_energy = subshells()[element][subshell]
    energy = dataset["binding_energy"].values
    if energy.max() >= higher_energy and energy.min() <= lower_energy:
        return factor.whole, ""
    if energy.min() <= lower_energy:
        return factor.line, f"the set {factors.name!r} has no sensitivity factor of the only {label(core)} line in it"
    return None, f"it does not contain the higher-j line of {label(core)}"


def choose(
    regions: Sequence[tuple[str, str, str, float]], foreign: Sequence[tuple[str, str, str, float]] = ()
) -> tuple[list[tuple[str, str, str, float]], list[str]]:
    """Choose one region for each element among rows of region, core level, element and factor; and say so.

    A region of the element's own comes before lines in the regions of others.
    """
    selected: dict[str, tuple[str, str, str, float]] = {}
    for row in regions:
        old = selected.get(row[2])
        if old is None or (row[1] in core_levels(), row[3]) > (old[1] in core_levels(), old[3]):
            selected[row[2]] = row
    for row in sorted(foreign, key=lambda row: -row[3]):
        selected.setdefault(row[2], row)
    notes = []
    for symbol, (counted, *_) in selected.items():
        usable = (*regions, *foreign)
        if uncounted := [region for region, _, element, _ in usable if element == symbol and region != counted]:
            notes.append(f"{symbol} is counted from {counted} alone; {', '.join(uncounted)} would count it again.")
    return list(selected.values()), notes


def exposures(datasets: Sequence[xr.Dataset], regions: Sequence[str]) -> tuple[list[float], list[str]]:
    """Seconds at each energy where counts have to be divided by them, else 1."""
    attrs = [dataset.attrs for dataset in datasets]
    equal = [1.0] * len(regions)
    if len(regions) < 2:
        return equal, []
    kinds = [str(row.get("intensity", "arbitrary")) for row in attrs]
    if set(kinds) - {"counts", "counts per second"}:
        return equal, ["Intensities have no known unit: all regions are taken to share one scale."]
    dwells = [row.get("dwell_time") for row in attrs]
    missing = [name for name, kind, dwell in zip(regions, kinds, dwells, strict=True) if kind == "counts" and not dwell]
    if missing:
        return equal, [f"No dwell time of {', '.join(missing)}: all regions are taken to have the same measuring time."]
    return [
        float(dwell) * float(row.get("scans") or 1) if kind == "counts" and dwell else 1.0
        for row, kind, dwell in zip(attrs, kinds, dwells, strict=True)
    ], []


def _center(areas: ComponentAreas) -> float:
    """Mean binding energy in eV, weighted by area."""
    total = areas.values.sum()
    return float(areas.centers @ areas.values / total) if total > 0 else float(areas.centers.mean())
