"""Calibrated copy of a spectrum as HDF5, laid out as NeXus."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..files import write_whole

if TYPE_CHECKING:
    import h5py

    from ..result import PrefitResult


def write_calibrated_copy(result: PrefitResult, path: Path) -> None:
    """Write every region on the corrected axis, with the axis as measured and the correction beside it.

    One ``NXentry`` per region: ``data`` (``NXdata``: ``counts`` over ``binding_energy`` and, for comparison,
    ``binding_energy_measured``, both in eV) and ``energy_referencing`` (``NXcalibration``: ``reference_peak``,
    ``binding_energy``, ``offset`` = what was added to the measured axis, ``offset_errors``, ``description``).

    Parameters
    ----------
    result : PrefitResult
        Its `calibrated` spectrum is written.
    path : Path
        File to make; never the file that the spectrum came from.

    Raises
    ------
    PrefitError
        If there is no shift, `path` is the file of the spectrum, or the file cannot be written.
    """
    import h5py

    target = result.target(path)
    calibrated = result.calibrated

    def write(temporary: Path) -> None:
        with h5py.File(temporary, "w") as file:
            file.attrs["default"] = next(iter(calibrated.children))
            file.attrs["creator"] = f"xps-stn-plugin {version('xps-stn-plugin')}"
            file.attrs["file_time"] = datetime.now(UTC).isoformat(timespec="seconds")
            file.attrs["source"] = result.source
            for name in calibrated.children:
                _write_region(file.create_group(name), result, name)

    write_whole(target, write)


def _write_region(entry: h5py.Group, result: PrefitResult, name: str) -> None:
    region = result.calibrated[name]
    measured = result.spectrum[name]["binding_energy"].values
    entry.attrs.update({"NX_class": "NXentry", "default": "data"})
    for key, value in region.attrs.items():
        if isinstance(value, str | int | float) and not str(key).startswith("energy_referencing_"):
            entry.attrs[str(key)] = value
    data = entry.create_group("data")
    counts = region["counts"]
    axes = [str(dim) for dim in counts.dims]
    data.attrs.update({"NX_class": "NXdata", "signal": "counts", "axes": axes})
    data.attrs["binding_energy_indices"] = [len(axes) - 1]
    data.create_dataset("counts", data=counts.values)
    data.create_dataset("binding_energy", data=region["binding_energy"].values).attrs["units"] = "eV"
    data.create_dataset("binding_energy_measured", data=measured).attrs["units"] = "eV"
    for axis in axes[:-1]:
        data.create_dataset(axis, data=counts[axis].values)
    referencing = entry.create_group("energy_referencing")
    referencing.attrs["NX_class"] = "NXcalibration"
    fields: dict[str, Any] = {
        "reference_peak": region.attrs["energy_referencing_reference_peak"],
        "binding_energy": region.attrs["energy_referencing_binding_energy"],
        "offset": region.attrs["energy_referencing_offset"],
        "offset_errors": region.attrs["energy_referencing_offset_stderr"],
        "description": region.attrs["energy_referencing_description"],
        "physical_quantity": "energy",
        "status": result.status,
        "reasons": "\n".join(result.reasons),
    }
    for key, value in fields.items():
        dataset = referencing.create_dataset(key, data=value)
        if key in ("binding_energy", "offset", "offset_errors"):
            dataset.attrs["units"] = "eV"
