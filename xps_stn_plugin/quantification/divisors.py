"""Divisors of fitted areas of many spectra over the same axes: which regions and levels count for which element."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import xarray as xr

from xps_prefit_hooks import Seed
from xps_stn_plugin.core.element_lines import AL_K_ALPHA, level_lines
from xps_stn_plugin.fitting.parameter_names import doublets

from .pass_energy import given_transmission
from .signals import Correction, choose, exposures, given_by_file, is_core_level, level_factor, window_divisors
from .transmission import photon_energy, transmission_correction


@dataclass(frozen=True)
class Divisor:
    """What areas of a core level in a region are divided by.

    Parameters
    ----------
    region, level, symbol : str
        Name of the region, core level, element. The level is not the region's own for lines of other elements.
    own : bool
        Whether the level is the region's own.
    value : float
        Sensitivity factor times transmission and measuring time.
    """

    region: str
    level: str
    symbol: str
    own: bool
    value: float


def divisors(
    datasets: Mapping[str, xr.Dataset], seeds: Mapping[str, Sequence[Seed]], correction: Correction
) -> tuple[list[Divisor], list[str]]:
    """Choose a region for each element as `signals` does, with the divisor of its areas.

    Parameters
    ----------
    datasets : mapping of str to xarray.Dataset
        Regions with their axis and attributes; intensities are not needed.
    seeds : mapping of str to sequence of Seed
        Models of each region.
    correction : Correction

    Returns
    -------
    divisors : list of Divisor
        One for each element.
    notes : list of str
        Sentences about what was left out and assumed.
    """
    notes: list[str] = []
    usable: list[tuple[str, str, str, float]] = []
    foreign: list[tuple[str, str, str, float]] = []
    for region, models in seeds.items():
        core = str(datasets[region].attrs["region"])
        paired = any(len(lines) > 1 for seed in models for lines in doublets(seed))
        factor, reason = (
            level_factor(core, datasets[region], correction.factors, paired)
            if is_core_level(core)
            else (None, "no core level")
        )
        if factor is None:
            notes.append(f"{region} is left out of the percentages: {reason}.")
            continue
        if any(component.counts for seed in models for component in seed.components):
            usable.append((region, core, core[:-2], factor))
        levels = dict.fromkeys(component.level for seed in models for component in seed.components if component.level)
        known = [level for level in levels if level in correction.factors.factors]
        foreign += [(region, level, level[:-2], correction.factors.factors[level].whole) for level in known]
        notes += [
            f"{level[:-2]} is left out: the set {correction.factors.name!r} has no sensitivity factor of {level}."
            for level in levels
            if level not in known
        ]
    chosen, further = choose(usable, foreign)
    notes += further
    chosen_data = [datasets[region] for region, *_ in chosen]
    times, further = exposures(chosen_data, [region for region, *_ in chosen])
    notes += further
    windows, further = window_divisors(chosen_data, chosen, correction)
    notes += further
    by_file = given_by_file(chosen_data, correction) if chosen else False
    found, unknown = [], []
    for (region, level, symbol, factor), data, time, window in zip(chosen, chosen_data, times, windows, strict=True):
        energy, is_known = photon_energy(data.attrs, correction.photon_energy)
        unknown += [] if is_known else [region]
        position = level_lines(level)[0].energy
        if energy <= position:
            notes.append(f"{region} is left out of the percentages: X-rays of {energy:.1f} eV do not reach its line.")
            continue
        kinetic = energy - position
        passed = transmission_correction(kinetic, correction.transmission, correction.escape_depth, correction.factors)
        if by_file:
            passed *= given_transmission(data, position) or 1.0
        elif correction.transmission:
            passed *= window
        own = level == str(data.attrs["region"])
        found.append(Divisor(region, level, symbol, own, factor * passed * time))
    if unknown:
        notes.append(f"Photon energy unknown, taken as Al K-alpha, {AL_K_ALPHA} eV: {', '.join(unknown)}.")
    return found, notes
