"""Positions of the lines that a user names as charge reference, on the measured axis."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import xarray as xr

from xps_prefit_hooks import MAXIMUM_ABOVE_FIRST_MEMBER, Prediction, PrefitError, Settings
from xps_stn_plugin.core.charge_references import FERMI_EDGE, ChargeReference
from xps_stn_plugin.core.energy_scale import scale_offset
from xps_stn_plugin.core.plugins import plugin_manager
from xps_stn_plugin.core.regions import SURVEY
from xps_stn_plugin.core.spectrum import spectrum_tree
from xps_stn_plugin.models.noise import noise_of
from xps_stn_plugin.stn.signal import NO_LINE, line_maximum, line_to_noise

from .fermi_edge import fermi_edge
from .fit import fit_seed
from .report import ComponentRow, component_table

#: Share of the area of its region below which a component is not taken for the reference.
_LEAST_SHARE: Final = 0.05
#: How far in eV, and in standard errors of a first shift, the line lies from where that shift puts it, at most; and how
#: far in eV where the region shows no other line.
_REACH, _REACH_ERRORS, _REACH_ALONE = 1.5, 3.0, 3.0
#: Standard error in eV of a first shift that the highest line alone gives.
_ROUGH: Final = 0.5
#: The fit is made anew at the shift that it gave until that stays within this many eV, but so often at most.
_STAYS, _MOST_FITS = 0.01, 4
#: Smallest standard error in eV that a fitted position counts with.
_LEAST_ERROR: Final = 0.01
_END: Final = 0.3


@dataclass(frozen=True)
class FittedLine:
    """Where a line was fitted on the measured axis, and the standard error of that, in eV."""

    measured: float
    stderr: float


def fitted_reference(
    reference: ChargeReference, prediction: Prediction, spectrum: xr.DataTree, settings: Settings
) -> FittedLine:
    """Fit the line that a user names as reference.

    A level's region is seeded and fitted at a first shift: that of the predictor, or where it is out of domain that of
    the highest line of C 1s, or without C 1s that of the region's own highest line. Of the components the one nearest
    to the reference energy is the reference. The Fermi edge is fitted by `fermi_edge`.

    Raises
    ------
    PrefitError
        If the line is not in the data.
    """
    regions = {str(name): child.to_dataset() for name, child in spectrum.children.items() if child["counts"].ndim == 1}
    where = str(spectrum.attrs.get("source", "spectrum"))
    if reference.name == FERMI_EDGE:
        return _fitted_edge(where, regions)
    names = [name for name, data in regions.items() if data.attrs.get("region", name) == reference.level]
    if not names:
        raise _refused(where, reference, f"there is no {reference.region_label} region; there are {_list(regions)}")
    (name, data), first = (names[0], regions[names[0]]), _first_shift(prediction, regions, settings)
    energy, counts = (np.asarray(data[key].values, dtype=float) for key in ("binding_energy", "counts"))
    if line_to_noise(counts[None])[0] < NO_LINE:
        raise _refused(where, reference, f"{name} shows no line above the noise")
    target = reference.energy
    assert target is not None  # only C-C has none
    shift, stderr = first or (float(line_maximum(energy, counts[None])[0]) - target, _ROUGH)
    row, before = None, math.nan
    for _ in range(_MOST_FITS):
        rows = list(_rows(name, data, reference, replace(_neutral(prediction), shift_stderr=stderr), shift, settings))
        row = min(rows, key=lambda row: abs(row.maximum - target), default=None)
        reach = max(_REACH_ALONE if len(rows) == 1 else _REACH, _REACH_ERRORS * stderr)
        if row is None or abs(row.maximum - target) > reach:
            lines = ", ".join(f"{row.maximum + shift:.2f}" for row in rows) or "none"
            msg = (
                f"{name} has no line within {reach:.1f} eV of it at the shift {shift:+.2f} eV; measured are {lines} eV"
            )
            raise _refused(where, reference, msg)
        before, shift = shift, shift + row.maximum - target
        if abs(shift - before) < _STAYS:
            break
    assert row is not None
    return FittedLine(row.maximum + before, max(row.stderr.get("center", _ROUGH), _LEAST_ERROR))


def _rows(
    name: str, data: xr.Dataset, reference: ChargeReference, start: Prediction, shift: float, settings: Settings
) -> Iterator[ComponentRow]:
    """Components of the reference's level at a shift in eV on the reported scale."""
    axis = data["binding_energy"].values - shift
    moved = data.assign_coords(binding_energy=("binding_energy", axis, data["binding_energy"].attrs))
    start = replace(start, shift=shift - scale_offset(settings))
    seed = plugin_manager().seed(spectrum_tree(name, {name: moved}), name, start, settings)
    if seed is None:
        return
    for row in component_table(seed, fit_seed(seed, moved)):
        if not row.level and not row.name.endswith("satellite") and row.fraction_of_region >= _LEAST_SHARE:
            yield row


def _neutral(prediction: Prediction) -> Prediction:
    """Prediction without groups: the lines of other levels than the network's do not need them."""
    known = prediction.status != "out_of_domain"
    groups = prediction.groups if known else dict.fromkeys(prediction.groups, 0.0)
    return replace(prediction, groups=groups, status=prediction.status if known else "uncertain")


def _first_shift(
    prediction: Prediction, regions: dict[str, xr.Dataset], settings: Settings
) -> tuple[float, float] | None:
    """Shift in eV on the reported scale by carbon, and its standard error; None where there is none."""
    if prediction.status != "out_of_domain" and math.isfinite(prediction.shift):
        return prediction.shift + scale_offset(settings), prediction.shift_stderr
    carbon = highest_carbon(regions)
    if carbon is None:
        return None
    return carbon - settings.first_member - MAXIMUM_ABOVE_FIRST_MEMBER, _ROUGH


def highest_carbon(regions: dict[str, xr.Dataset]) -> float | None:
    """Measured energy of the highest line of C 1s in eV; None where C 1s shows no line."""
    for name, data in regions.items():
        if data.attrs.get("region", name) == "C1s":
            energy, counts = (np.asarray(data[key].values, dtype=float) for key in ("binding_energy", "counts"))
            if line_to_noise(counts[None])[0] >= NO_LINE:
                return float(line_maximum(energy, counts[None])[0])
    return None


def _fitted_edge(where: str, regions: dict[str, xr.Dataset]) -> FittedLine:
    reference = ChargeReference(FERMI_EDGE, "VB", 0.0)
    chosen = [
        name
        for name, data in regions.items()
        if data.attrs.get("region", name) == reference.level
        or (
            data.attrs.get("region", name) != SURVEY
            and float(data["binding_energy"].min()) <= -_END
            and float(data["binding_energy"].max()) >= _END
        )
    ]
    if not chosen:
        raise _refused(where, reference, f"no region but a survey reaches 0 eV; there are {_list(regions)}")
    data = regions[chosen[0]]
    energy, counts = (np.asarray(data[key].values, dtype=float) for key in ("binding_energy", "counts"))
    edge = fermi_edge(energy, counts, noise_of(data).before_fit(counts))
    if edge is None:
        raise _refused(where, reference, f"{chosen[0]} shows no step as narrow as that of a conductor")
    return FittedLine(edge.position, edge.stderr)


def _list(regions: dict[str, xr.Dataset]) -> str:
    return ", ".join(regions)


def _refused(where: str, reference: ChargeReference, fault: str) -> PrefitError:
    return PrefitError(where, f"the shift cannot be taken from {reference.name}: {fault}; name another line.")
