"""What the user says about the shift: a number, or a line that is to be its reference."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

import numpy as np
import xarray as xr

from xps_prefit_hooks import (
    ALIPHATIC_C1S,
    GIVEN_SHIFT_STDERR,
    MAXIMUM_ABOVE_FIRST_MEMBER,
    Prediction,
    ReferenceCheck,
    Settings,
    Status,
)
from xps_stn_plugin.core.charge_references import CARBON, ChargeReference, named_reference
from xps_stn_plugin.core.energy_scale import scale_offset
from xps_stn_plugin.core.plugins import plugin_manager
from xps_stn_plugin.core.spectrum import spectrum_tree
from xps_stn_plugin.expectation import fixed_groups, steered
from xps_stn_plugin.stn.signal import NO_LINE, line_maximum, line_to_noise

from .fit import fit_seed
from .named_reference import fitted_reference, highest_carbon
from .report import ComponentRow, component_table

#: Core level and functional group of the component that is the reference.
_CARBON, _ALIPHATIC = "C1s", "alkane"

#: How far in eV the maximum of the aliphatic component lies from where a first shift puts it, at most. Neighbours that
#: are not aliphatic carbon (C-N, beta carbons, carbonyl) begin 0.6 eV above it.
_REACH: Final = 0.5

#: Share of the area of C 1s below which a component is not taken for the reference.
_LEAST_SHARE: Final = 0.1

#: The fit is made anew at the shift that it gave until that stays within this many eV, but so often at most.
_STAYS, _MOST_FITS = 0.01, 4

#: Standard deviation in eV of adventitious carbon on conductors: M. C. Biesinger, Appl. Surf. Sci. 597 (2022) 153681.
_CARBON_SCATTER: Final = 0.25

#: Standard errors by which two shifts may differ.
_APART: Final = 3.0

ReadAt = Callable[[float], Prediction]


def with_knowledge(predicted: Prediction, spectrum: xr.DataTree, settings: Settings, read_at: ReadAt) -> Prediction:
    """Put together what the predictor said and what the user says of the sample and of its shift.

    Parameters
    ----------
    predicted : Prediction
        What the predictor said.
    spectrum : xarray.DataTree
        On the measured axis.
    settings : Settings
        With ``shift`` the given shift replaces the predicted one; with ``calibrate_on`` it is the one that puts the
        aliphatic component of C 1s, or another line, at its reference energy. Otherwise see
        `xps_stn_plugin.expectation.steered`.
    read_at : callable
        ``read_at(shift)`` is the prediction whose groups are read at that shift, in eV on the 285.00 eV scale.

    Raises
    ------
    PrefitError
        If the data do not show the line that is to be the reference. C 1s without aliphatic carbon makes the shift
        uncertain, for the predictor's is on the same scale.
    """
    if settings.shift is not None:
        value = settings.shift - scale_offset(settings)
        reference = _Reference(value, GIVEN_SHIFT_STDERR, f"The shift was given: {settings.shift:+.2f} eV")
        return _referenced(reference, predicted, settings, read_at)
    known = settings.expect or settings.present or settings.absent
    prediction = steered(predicted, spectrum, settings, read_at) if known else predicted
    line = named_reference(settings.calibrate_on)
    if line is not None:
        return _at_line(line, prediction, predicted, spectrum, settings, read_at)
    if settings.calibrate_on is not None:
        carbon = carbon_reference(prediction, spectrum, settings)
        if isinstance(carbon, str):
            status: Status = "uncertain" if prediction.status == "ok" else prediction.status
            return replace(prediction, status=status, reasons=(carbon, *prediction.reasons))
        checked = _referenced(carbon, predicted, settings, read_at)
        return replace(checked, reference_check=_network_check(CARBON, settings.reference, carbon, predicted, settings))
    return prediction


@dataclass(frozen=True)
class _Reference:
    """A shift in eV on the 285.00 eV scale that is not the predictor's, its standard error, and where it is from."""

    shift: float
    stderr: float
    origin: str


def _referenced(reference: _Reference, predicted: Prediction, settings: Settings, read_at: ReadAt) -> Prediction:
    """Prediction at another shift than the predictor's; "uncertain" where that contradicts it or knows nothing."""
    offset = scale_offset(settings)
    blind = predicted.status == "out_of_domain" or not math.isfinite(predicted.shift)
    network = f"{predicted.shift + offset:+.2f} ± {predicted.shift_stderr:.2f} eV"
    apart = abs(reference.shift - predicted.shift) > _APART * math.hypot(reference.stderr, predicted.shift_stderr)
    if blind:
        sentence = f"{reference.origin}; nothing checks it, because the network cannot place this spectrum."
    else:
        sentence = f"{reference.origin}; the network alone gives {network}."
    seen = predicted if blind else read_at(reference.shift)
    # What the network sees in a spectrum that it does not know names nothing.
    groups = dict.fromkeys(predicted.groups, math.nan) if blind else dict(seen.groups)
    regions = {} if blind else seen.region_shifts
    return replace(
        predicted,
        shift=reference.shift,
        shift_stderr=reference.stderr,
        groups=MappingProxyType({**groups, **fixed_groups(settings)}),
        status="uncertain" if blind or apart else "ok",
        reasons=(sentence, *(f"The network alone: {reason}" for reason in predicted.reasons)),
        region_shifts=MappingProxyType(
            {
                name: replace(region_shift, value=reference.shift + region_shift.disagreement)
                for name, region_shift in regions.items()
            }
        ),
    )


def _at_line(
    line: ChargeReference,
    prediction: Prediction,
    predicted: Prediction,
    spectrum: xr.DataTree,
    settings: Settings,
    read_at: ReadAt,
) -> Prediction:
    """Prediction at the shift that puts a named line at its energy, checked by carbon, or else by the network."""
    assert line.energy is not None  # only C-C has none
    fitted = fitted_reference(line, prediction, spectrum, settings)
    value = fitted.measured - line.energy - scale_offset(settings)
    origin = (
        f"The shift was taken from {line.name}, fitted at {fitted.measured:.2f} ± {fitted.stderr:.2f} eV and put at "
        f"{line.energy:.2f} eV"
    )
    reference = _Reference(value, fitted.stderr, origin)
    carbon = _carbon_above(reference, predicted, spectrum, settings)
    if carbon is None:
        moved = _referenced(reference, predicted, settings, read_at)
        return replace(moved, reference_check=_network_check(line.name, line.energy, reference, predicted, settings))
    above, stderr = carbon
    error = math.hypot(stderr, fitted.stderr, _CARBON_SCATTER)
    maximum = settings.first_member + MAXIMUM_ABOVE_FIRST_MEMBER
    sentence = (
        f"{reference.origin}; C-C lies at {maximum + above:.2f} eV on this scale, {above:+.2f} ± {error:.2f} eV from "
        f"the expected {maximum:.2f} eV."
    )
    status: Status = "uncertain" if abs(above) > _APART * error else "ok"
    check = ReferenceCheck(line.name, line.energy, fitted.measured, fitted.stderr, "C 1s", above, error)
    return replace(
        _referenced(reference, predicted, settings, read_at),
        status=status,
        reasons=(sentence, *(f"The network alone: {reason}" for reason in predicted.reasons)),
        reference_check=check,
    )


def _network_check(
    name: str, energy: float, reference: _Reference, predicted: Prediction, settings: Settings
) -> ReferenceCheck:
    """Compare the shift of a reference line with the network's."""
    measured = energy + reference.shift + scale_offset(settings)
    if predicted.status == "out_of_domain" or not math.isfinite(predicted.shift):
        return ReferenceCheck(name, energy, measured, reference.stderr, "", math.nan, math.nan)
    stderr = math.hypot(predicted.shift_stderr, reference.stderr)
    return ReferenceCheck(
        name, energy, measured, reference.stderr, "network", predicted.shift - reference.shift, stderr
    )


def _carbon_above(
    reference: _Reference, predicted: Prediction, spectrum: xr.DataTree, settings: Settings
) -> tuple[float, float] | None:
    """How far aliphatic carbon lies above its expected maximum at a shift, and its standard error, in eV.

    Where no component is near, it is the highest line of C 1s; None where C 1s shows no line.
    """
    regions = {str(name): child.to_dataset() for name, child in spectrum.children.items() if child["counts"].ndim == 1}
    highest = highest_carbon(regions)
    if highest is None:
        return None
    name = next(name for name, data in regions.items() if data.attrs.get("region", name) == _CARBON)
    groups = {group: float(group == _ALIPHATIC) for group in predicted.groups}
    start = replace(predicted, shift=reference.shift, shift_stderr=GIVEN_SHIFT_STDERR, groups=groups, status="ok")
    row = _aliphatic(start, regions[name], name, settings)
    expected = settings.first_member + MAXIMUM_ABOVE_FIRST_MEMBER
    if row is None:
        return highest - reference.shift - scale_offset(settings) - expected, GIVEN_SHIFT_STDERR
    return row.maximum - expected, row.stderr.get("center", GIVEN_SHIFT_STDERR)


def carbon_reference(prediction: Prediction, spectrum: xr.DataTree, settings: Settings) -> _Reference | str:
    """Fit C 1s and take the shift from its aliphatic component; a sentence where there is none.

    The fit starts from the predicted shift, or where that is out of domain from the highest line of C 1s, which is then
    taken for aliphatic carbon. It is made anew at the shift that it gives until that stays.
    """
    name = next(
        (
            name
            for name, child in spectrum.children.items()
            if child.attrs.get("region", name) == _CARBON and child["counts"].ndim == 1
        ),
        None,
    )
    if name is None:
        return "The shift cannot be taken from C-C: there is no C 1s region."
    region = spectrum[name].to_dataset()
    energy, counts = (np.asarray(region[key].values, dtype=float) for key in ("binding_energy", "counts"))
    if line_to_noise(counts[None])[0] < NO_LINE:
        return "The shift cannot be taken from C-C: C 1s shows no line above the noise."
    start = prediction
    if prediction.status == "out_of_domain" or not math.isfinite(prediction.shift):
        shift = float(line_maximum(energy, counts[None])[0]) - ALIPHATIC_C1S - MAXIMUM_ABOVE_FIRST_MEMBER
        groups = {group: float(group == _ALIPHATIC) for group in prediction.groups}
        start = replace(prediction, shift=shift, shift_stderr=GIVEN_SHIFT_STDERR, groups=groups, status="ok")
    measured, stderr = math.nan, GIVEN_SHIFT_STDERR
    for _ in range(_MOST_FITS):
        row = _aliphatic(start, region, name, settings)
        if row is None:
            return "The shift cannot be taken from C-C: the fit of C 1s has no aliphatic component."
        before = start.shift
        measured, stderr = row.maximum + before + scale_offset(settings), row.stderr.get("center", GIVEN_SHIFT_STDERR)
        start = replace(start, shift=before + _above_reference(row, settings))
        if abs(start.shift - before) < _STAYS:
            break
    return _Reference(start.shift, max(stderr, _STAYS), f"The shift was taken from C-C, fitted at {measured:.2f} eV")


def _aliphatic(start: Prediction, region: xr.Dataset, name: str, settings: Settings) -> ComponentRow | None:
    """Largest component of C 1s, on the axis that a shift gives, that may be aliphatic carbon."""
    axis = region["binding_energy"].values - start.shift - scale_offset(settings)
    moved = region.assign_coords(binding_energy=("binding_energy", axis, region["binding_energy"].attrs))
    seed = plugin_manager().seed(spectrum_tree("C 1s", {name: moved}), name, start, settings)
    if seed is None:
        return None
    expected = settings.first_member + MAXIMUM_ABOVE_FIRST_MEMBER
    rows = [
        row
        for row in component_table(seed, fit_seed(seed, moved))
        if (not row.groups or _ALIPHATIC in row.groups)
        and abs(row.maximum - expected) <= _REACH
        and row.fraction_of_region >= _LEAST_SHARE
    ]
    return max(rows, key=lambda row: row.area, default=None)


def _above_reference(row: ComponentRow, settings: Settings) -> float:
    """How far the aliphatic component lies above the reference, in eV."""
    if settings.reference_at == "first-member" and row.maximum != row.center:
        # A line with vibrations knows its first member.
        return row.center - settings.first_member
    return row.maximum - settings.first_member - MAXIMUM_ABOVE_FIRST_MEMBER
