"""What was found in a sample, for NeXus: prediction, settings and atomic percentages."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np

from ..writers.nexus_groups import field, group, parameter, process, sentences

if TYPE_CHECKING:
    import h5py

    from ..core.result import PrefitData
    from .report import Quantification


def write_found(entry: h5py.Group, result: PrefitData, made: Quantification | None, date: str) -> list[str]:
    """Write what holds for all regions of the sample into one entry; returns the names of the groups."""
    _write_prediction(entry, result, date)
    if made is None:
        return ["prediction"]
    _write_quantification(entry, made, date)
    return ["prediction", "quantification"]


def _write_prediction(entry: h5py.Group, result: PrefitData, date: str) -> None:
    prediction = result.prediction
    made = process(entry, "prediction", "NXprocess", date)
    model = group(made, "model", "NXparameters")
    for part in fields(prediction.model):
        parameter(model, part.name, getattr(prediction.model, part.name))
    shift = group(made, "shift", "NXparameters")
    parameter(shift, "shift", result.shift, "eV", error=result.shift_stderr, description=result.convention)
    parameter(shift, "applied_shift", result.applied_shift, "eV", description="subtracted from the measured energies")
    parameter(shift, "status", result.status)
    sentences(made, "reasons", "Sentences that explain the status, or warn", result.reasons)
    regions = group(made, "region_shifts", "NXparameters")
    region_shifts = result.region_shifts
    field(regions, "region", list(region_shifts))
    for quantity in ("value", "stderr", "disagreement"):
        parameter(
            regions, quantity, np.array([getattr(part, quantity) for part in region_shifts.values()], dtype=float), "eV"
        )
    groups = group(made, "groups", "NXparameters")
    field(groups, "name", list(prediction.groups))
    field(groups, "probability", np.array(list(prediction.groups.values()), dtype=float))
    evidence = group(made, "evidence", "NXparameters")
    parts = [(name, part) for name, parts in result.evidence.items() for part in parts]
    field(evidence, "group", [name for name, _ in parts])
    field(evidence, "region", [part.region for _, part in parts])
    for quantity, units in (("low", "eV"), ("high", "eV"), ("weight", "")):
        parameter(evidence, quantity, np.array([getattr(part, quantity) for _, part in parts], dtype=float), units)
    settings = group(made, "settings", "NXparameters")
    for part in fields(result.settings):
        value = getattr(result.settings, part.name)
        if isinstance(value, tuple):
            field(settings, part.name, list(value))
        elif isinstance(value, str | float | int):
            parameter(settings, part.name, value)
        elif value is not None:  # backgrounds by region
            field(settings, part.name, [f"{region}: {kind}" for region, kind in value.items()])


def _write_quantification(entry: h5py.Group, quantification: Quantification, date: str) -> None:
    made = process(entry, "quantification", "NXprocess", date)
    elements = group(made, "elements", "NXparameters")
    field(elements, "symbol", [element.symbol for element in quantification.elements])
    field(elements, "region", [element.region for element in quantification.elements])
    percent = np.array([element.atomic_percent for element in quantification.elements], dtype=float)
    errors = [element.stderr for element in quantification.elements]
    field(elements, "atomic_percent", percent, "percent")
    field(elements, "atomic_percent_errors", np.array(errors, dtype=float), "percent")
    correction = group(made, "correction", "NXparameters")
    parameter(
        correction, "sensitivity", quantification.sensitivity.name, description=quantification.sensitivity.citation
    )
    parameter(correction, "transmission", quantification.transmission, description="exponent of the kinetic energy")
    parameter(correction, "escape_depth", quantification.escape_depth, description="exponent of the kinetic energy")
    sentences(made, "notes", "Assumptions, omissions and doubtful results", quantification.notes)
