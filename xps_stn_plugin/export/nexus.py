"""NeXus file of a prefit: an NXentry of the application definition NXxps for each region.

Layout, and what it was validated with: docs/nexus.md. Peak fits are written by `nexus_fit`, what was found by
`nexus_found`.
"""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .._util.files import Overwrite, write_whole
from ..core.charge_references import FERMI_EDGE, named_reference
from ..core.spectrum import OFFSET
from ..writers.nexus import new_entries, write_entry
from ..writers.nexus_groups import collection, field, group, link, parameter, process, sentences
from ..writers.regions import REFERENCING
from .make_report import report_of
from .nexus_fit import write_fit
from .nexus_found import write_found

if TYPE_CHECKING:
    import h5py

    from ..core.result import PrefitData


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
        entries = new_entries(file, names, date)
        for name, entry in entries.items():
            measured = np.asarray(result.spectrum[name]["binding_energy"].values)
            write_entry(entry, result.axis[name].to_dataset(), measured, result.source)
            _write_referencing(entry, result, name, date)
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
        field(made, "description", attrs[f"{REFERENCING}description"])
        named = named_reference(result.settings.calibrate_on)
        if named is None or named.name != FERMI_EDGE:
            field(made, "level", "C 1s" if named is None else named.name)
        field(made, "reference_peak", attrs[f"{REFERENCING}reference_peak"])
        field(made, "binding_energy", attrs[f"{REFERENCING}binding_energy"], "eV")
        field(made, "offset", attrs[OFFSET], "eV")
        field(made, "offset_errors", attrs[f"{OFFSET}_stderr"], "eV")
        parameter(parameters, "offset", attrs[OFFSET], "eV", error=attrs[f"{OFFSET}_stderr"])
        link(made, "calibrated_axis", entry["data/energy"])
    parameter(parameters, "status", result.region_status(name))
    sentences(made, "reasons", "Sentences that explain the status, or warn", result.reasons)
    link(made, "original_axis", entry["data/binding_energy_measured"])
    before = result.spectrum[name].attrs.items()
    if earlier := [(str(key), value) for key, value in before if str(key).startswith(REFERENCING)]:
        # The file that was read had been calibrated already; what it says stays on record.
        collection(made, "earlier", [(key.removeprefix(REFERENCING), value) for key, value in earlier])
