"""One HDF5 file with everything, in netCDF-4 form: ``xarray.open_datatree`` opens it (with h5netcdf or netCDF4).

``/summary`` is the table of the batch over ``row``. ``/spectra/NAME`` is one file: shift, probabilities over ``group``
and atomic percentages over ``element``; ``/spectra/NAME/REGION`` one of its regions: curves over ``binding_energy``,
components over ``component``, parameters over ``parameter``. See docs/batch.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import ArrayLike

from xps_prefit_hooks import PrefitError

from ..files import write_whole
from .entry import Entry
from .record import AXIS, BACKGROUND, COMPONENTS, COUNTS, ENVELOPE, MEASURED_AXIS, RegionRecord
from .summary import COLUMNS, Row

if TYPE_CHECKING:
    import h5py

SCHEMA: Final = "xps-stn/batch/1"

#: Columns of the summary that hold text.
_TEXTS: Final = frozenset({"source", "region", "status", "groups", "fitted", "background", "reasons"})
#: Numbers of a fit in the document that become attributes of its region.
_FIT: Final = (
    "success",
    "redchi",
    "nfev",
    "bic",
    "message",
    "weighting",
    "chi_square_probability",
    "durbin_watson",
    "runs_p",
)


def write_store(path: Path, entries: Iterable[Entry], rows: Sequence[Row], provenance: Mapping[str, str]) -> None:
    """Write the store.

    Parameters
    ----------
    path : Path
    entries : iterable of Entry
        Taken one by one, so that they need not be in memory together.
    rows : sequence of Row
        The summary.
    provenance : mapping of str to str
        Attributes of the root: versions and settings.

    Raises
    ------
    PrefitError
        If the file cannot be written.
    """
    import h5py

    def write(temporary: Path) -> None:
        try:
            with h5py.File(temporary, "w", libver="v110") as file:
                file.attrs.update({"schema": SCHEMA, **provenance})
                _write_rows(file.create_group("summary"), rows)
                spectra = file.create_group("spectra")
                for entry in entries:
                    _write_entry(spectra.create_group(entry.name), entry)
        except RuntimeError as error:
            # What HDF5 says when the disk is full while it closes the file.
            raise PrefitError(str(path), f"cannot be written: {error}.") from error

    write_whole(path, write)


def _write_rows(group: h5py.Group, rows: Sequence[Row]) -> None:
    _put(group, "row", np.arange(1, len(rows) + 1), "row", long_name="row of summary.csv, without its header")
    cells = [row.cells() for row in rows]
    for number, column in enumerate(COLUMNS):
        texts = [row[number] for row in cells]
        # The same digits as in the table.
        values = texts if column in _TEXTS else [float(text) if text else np.nan for text in texts]
        _put(group, column, values, "row")


def _write_entry(group: h5py.Group, entry: Entry) -> None:
    record, said = entry.record, entry.record.document
    group.attrs.update({"source": entry.source, "status": record.status})
    if said is None:
        group.attrs["reasons"] = record.reason
        return
    group.attrs["reasons"] = "\n".join(said["reasons"])
    group.attrs["shift_status"] = said["status"]
    group.attrs["convention"] = said["shift"]["convention"]
    _put(group, "shift", _value(said["shift"]["value"]), units="eV", long_name="measured minus true binding energy")
    _put(group, "shift_stderr", _value(said["shift"]["stderr"]), units="eV", long_name="standard error of the shift")
    _put(group, "group", [found["name"] for found in said["groups"]], "group", long_name="functional group")
    _put(group, "probability", [_value(found["probability"]) for found in said["groups"]], "group")
    elements = (said["quantification"] or {}).get("elements", ())
    if elements:
        _put(group, "element", [element["symbol"] for element in elements], "element")
        for name in ("atomic_percent", "stderr"):
            values = [_value(element[name]) for element in elements]
            _put(group, "atomic_percent_stderr" if name == "stderr" else name, values, "element", units="%")
    for name, region in record.regions.items():
        _write_region(group.create_group(name), region, said["regions"][name], record.failures.get(name, ""), said)


def _write_region(
    group: h5py.Group, region: RegionRecord, said: Mapping[str, Any], failure: str, whole: Mapping[str, Any]
) -> None:
    curves = region.curves
    group.attrs.update(region.attrs)
    group.attrs["notes"] = "\n".join(said["notes"])
    group.attrs["failure"] = failure
    shift = whole["shift"]["value"]
    calibrated = shift is not None
    _put(
        group,
        "binding_energy",
        curves[AXIS],
        "binding_energy",
        units="eV",
        long_name="binding energy" if calibrated else "measured binding energy (no shift was found)",
    )
    if calibrated:
        group["binding_energy"].attrs["energy_referencing_offset"] = -shift
    _put(group, "binding_energy_measured", curves[MEASURED_AXIS], "binding_energy", units="eV")
    units = str(region.attrs.get("intensity", "arbitrary"))
    _put(group, "counts", curves[COUNTS], "binding_energy", units=units, long_name="intensity as measured")
    for name, value in (said["shift"] or {}).items():
        if name != "unit":
            _put(group, {"value": "region_shift"}.get(name, f"region_shift_{name}"), _value(value), units="eV")
    if not region.has_model:
        return
    group.attrs["background_kind"] = said["background"]["kind"]
    for name in _FIT if said["fit"] else ():
        if said["fit"][name] is not None:
            group.attrs[f"fit_{name}"] = said["fit"][name]
    if said["fit"]:
        group.attrs["fit_notes"] = "\n".join(said["fit"]["notes"])
    for name, values in (
        ("background", curves[BACKGROUND]),
        ("envelope", curves[ENVELOPE]),
        ("residual", curves[COUNTS] - curves[ENVELOPE]),
    ):
        _put(group, name, values, "binding_energy", units=units)
    if said["components"]:
        _write_components(group, said["components"], curves[COMPONENTS:], units)
    _write_parameters(group, region)


def _write_components(
    group: h5py.Group, components: Sequence[Mapping[str, Any]], curves: np.ndarray, units: str
) -> None:
    _put(group, "component", [component["name"] for component in components], "component")
    _put(group, "component_curve", curves, "component", "binding_energy", units=units)
    for name in ("groups", "at_bound"):
        _put(group, f"component_{name}", ["; ".join(component[name]) for component in components], "component")
    for name, unit in (("center", "eV"), ("center_measured", "eV"), ("fwhm", "eV"), ("area", f"{units} eV")):
        _put(group, name, [_value(component[name]) for component in components], "component", units=unit)
        if name != "center_measured":
            errors = [_value(component["stderr"][name]) for component in components]
            _put(group, f"{name}_stderr", errors, "component", units=unit)
    shares = [component["atomic_percent"] or {} for component in components]
    _put(group, "component_percent", [_value(share.get("value")) for share in shares], "component", units="at%")
    _put(group, "component_percent_stderr", [_value(share.get("stderr")) for share in shares], "component", units="at%")


def _write_parameters(group: h5py.Group, region: RegionRecord) -> None:
    parameters = region.parameters
    _put(group, "parameter", [parameter.name for parameter in parameters], "parameter", long_name="lmfit parameter")
    for name in ("value", "stderr", "min", "max"):
        _put(group, f"parameter_{name}", [getattr(parameter, name) for parameter in parameters], "parameter")
    _put(group, "parameter_vary", np.array([p.vary for p in parameters], dtype="i1"), "parameter")
    # xarray's own mark for truth values, which netCDF does not have.
    group["parameter_vary"].attrs["dtype"] = "bool"
    _put(group, "parameter_expr", [parameter.expr for parameter in parameters], "parameter")


def _put(group: h5py.Group, name: str, values: ArrayLike, *dims: str, **attrs: str) -> None:
    """Write a variable over dimensions of its group; one named as its dimension becomes that dimension's coordinate."""
    import h5py

    array = np.asarray(values)
    kind = h5py.string_dtype() if array.dtype.kind == "U" else array.dtype
    variable = group.create_dataset(name, data=array.astype(object) if array.dtype.kind == "U" else array, dtype=kind)
    variable.attrs.update(attrs)
    if dims == (name,):
        variable.make_scale(name)
        return
    for axis, dim in enumerate(dims):
        variable.dims[axis].attach_scale(group[dim])


def _value(value: float | None) -> float:
    return np.nan if value is None else float(value)
