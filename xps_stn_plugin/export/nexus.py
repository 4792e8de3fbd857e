"""NeXus file of a prefit: an NXentry of the application definition NXxps for each region.

Layout, and what it was validated with: docs/nexus.md. Peak fits are written by `nexus_fit`, what was found by
`nexus_found`.
"""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._util.files import Overwrite, write_whole
from ..core.charge_references import FERMI_EDGE, named_reference
from ..core.nexus_terms import CONCEPTS, DEFINITIONS, DEFINITIONS_URL, GROUPS, SIGNAL_UNITS
from ..core.regions import SURVEY, VALENCE
from ..core.spectrum import OFFSET, unique_name
from .make_report import report_of
from .nexus_fit import write_fit
from .nexus_found import write_found
from .nexus_groups import PROGRAM, collection, field, group, link, parameter, process, sentences

if TYPE_CHECKING:
    import h5py
    import xarray as xr

    from ..core.result import PrefitData

_REFERENCING = OFFSET.removesuffix("offset")


def write(result: PrefitData, path: Path) -> None:
    """Write spectrum, calibration, prediction and peak fits; start values where nothing was fitted.

    Raises
    ------
    PrefitError
        If `path` is the file of the spectrum, or the file cannot be written.
    """
    write_entries(result, path, with_findings=True)


def write_entries(result: PrefitData, path: Path, *, with_findings: bool, overwrite: Overwrite = False) -> None:
    """Write one entry for each region, with or without what was found beside the shift.

    Parameters
    ----------
    result : PrefitData
        Its spectrum is written on `PrefitData.axis`: as measured where no shift is applied.
    path : Path
        File to make; never the file that the spectrum came from.
    with_findings : bool
        Whether prediction, settings, peak fits and atomic percentages are written, too.
    overwrite : bool or collection of Path
        Whether a file is replaced that this package did not write, or that was changed since.

    Raises
    ------
    PrefitError
        If `path` is the file of the spectrum, or the file cannot be written.
    """
    import h5py

    target = result.target(path)
    names = list(result.axis.children)
    date = datetime.now(UTC).isoformat(timespec="seconds")
    # In memory first: a full disk is then an error like any other, and none in the midst of HDF5.
    image = io.BytesIO()
    # Regions keep their order, which numbers repeated ones when they are read again.
    with h5py.File(image, "w", track_order=True) as file:
        file.attrs.update({"NX_class": "NXroot", "default": "C1s" if "C1s" in names else names[0], "file_time": date})
        file.attrs.update({"creator": PROGRAM, "creator_version": version(PROGRAM)})
        entries = {name: group(file, name, "NXentry", default="data") for name in names}
        for name, entry in entries.items():
            _write_entry(entry, result, name, date)
        if with_findings:
            first, *others = entries.values()
            report = report_of(result)
            for written in write_found(first, result, report.quantification, date):
                for entry in others:
                    link(entry, written, first[written])
            for name, entry in entries.items():
                write_fit(entry, result, name, date, report.regions[name])
    write_whole(target, lambda temporary: _store(temporary, image), overwrite=overwrite, inputs=[result.file])


def _store(path: Path, image: io.BytesIO) -> None:
    path.write_bytes(image.getbuffer())


def _write_entry(entry: h5py.Group, result: PrefitData, name: str, date: str) -> None:
    region = result.axis[name].to_dataset()
    attrs = region.attrs
    field(entry, "definition", "NXxps", version=DEFINITIONS, URL=DEFINITIONS_URL)
    field(entry, "title", attrs.get("title") or f"{Path(result.source).name or result.source}, {attrs['label']}")
    field(entry, "method", "X-ray photoelectron spectroscopy (XPS)")
    if transition := _transition(str(attrs["region"])):
        field(entry, "transitions", [transition])
    for path, nx_class in GROUPS.items():
        group(entry, path, nx_class)
    for concept in CONCEPTS:
        if (value := attrs.get(concept.attribute)) is not None:
            field(entry, concept.path, float(value) if concept.is_number else str(value), concept.units)
    _write_data(entry, region, result.spectrum[name]["binding_energy"].values)
    _write_referencing(entry, result, name, date)
    written_attributes = {"title", *(concept.attribute for concept in CONCEPTS)}
    others = [
        item
        for item in attrs.items()
        if item[0] not in written_attributes and not str(item[0]).startswith(_REFERENCING)
    ]
    collection(entry, "spectrum", [("source", result.source), *others])
    lacking = [concept.path for concept in CONCEPTS if concept.required and concept.path not in entry]
    sentences(entry, "not_known", "Required by NXxps, but not known from the source of the spectrum", lacking)


def _write_data(entry: h5py.Group, region: xr.Dataset, measured: Any) -> None:
    counts = region["counts"]
    other_axes = [str(dim) for dim in counts.dims[:-1]]
    axes = [*other_axes, "energy"]
    along = len(axes) - 1
    data = group(entry, "data", "NXdata", signal="data", axes=axes)
    units = SIGNAL_UNITS.get(str(region.attrs.get("intensity")), "")
    signal = field(data, "data", counts.values, units, long_name="intensity")
    energy = {"units": "eV", "type": "binding"}
    reported = field(data, "energy", region["binding_energy"].values, **energy, long_name="binding energy")
    raw = field(data, "binding_energy_measured", measured, **energy, long_name="binding energy as measured")
    link(data, "counts", signal)
    link(data, "binding_energy", reported)
    for number, axis in enumerate(other_axes):
        field(data, axis, counts[axis].values)
        data.attrs[f"{axis}_indices"] = number
    for axis in ("energy", "binding_energy", "binding_energy_measured"):
        data.attrs[f"{axis}_indices"] = along
    for key, variable in region.data_vars.items():
        if variable.dims == ("binding_energy",) and key != "counts":
            field(data, unique_name(str(key).replace("/", "_"), data), variable.values)
    detector = entry["instrument/electronanalyzer/detector"]
    raw_data = group(detector, "raw_data", "NXdata", signal="raw", axes=axes, energy_indices=along)
    link(raw_data, "raw", signal)
    link(raw_data, "energy", raw)
    for axis in other_axes:
        link(raw_data, axis, data[axis])


def _write_referencing(entry: h5py.Group, result: PrefitData, name: str, date: str) -> None:
    made = process(entry, "energy_referencing", "NXcalibration", date)
    field(made, "physical_quantity", "energy")
    field(made, "applied", result.moved is not None)
    parameters = group(made, "calibration_parameters", "NXparameters")
    if result.moved is None:
        # What readers take for the sign that nothing was done.
        field(made, "reference_peak", "none")
        field(made, "description", f"{result.shift_text}: energies are as measured")
    else:
        attrs = result.calibrated[name].attrs
        field(made, "description", attrs[f"{_REFERENCING}description"])
        named = named_reference(result.settings.calibrate_on)
        if named is None or named.name != FERMI_EDGE:
            field(made, "level", "C 1s" if named is None else named.name)
        field(made, "reference_peak", attrs[f"{_REFERENCING}reference_peak"])
        field(made, "binding_energy", attrs[f"{_REFERENCING}binding_energy"], "eV")
        field(made, "offset", attrs[OFFSET], "eV")
        field(made, "offset_errors", attrs[f"{OFFSET}_stderr"], "eV")
        parameter(parameters, "offset", attrs[OFFSET], "eV", error=attrs[f"{OFFSET}_stderr"])
        link(made, "calibrated_axis", entry["data/energy"])
    parameter(parameters, "status", result.region_status(name))
    sentences(made, "reasons", "Sentences that explain the status, or warn", result.reasons)
    link(made, "original_axis", entry["data/binding_energy_measured"])
    before = result.spectrum[name].attrs.items()
    if earlier := [(str(key), value) for key, value in before if str(key).startswith(_REFERENCING)]:
        # The file that was read had been calibrated already; what it says stays on record.
        collection(made, "earlier", [(key.removeprefix(_REFERENCING), value) for key, value in earlier])


def _transition(region: str) -> str | None:
    """Region as NXmpes writes transitions; None for what is none."""
    if region in (SURVEY, VALENCE):
        return "Survey" if region == SURVEY else "Valence Band"
    match = re.fullmatch(r"([A-Z][a-z]?)(\d[spdf]|[KLMNO]\d*[A-Z][\w,]*)", region)
    return f"{match[1]} {match[2]}" if match else None
