"""NeXus file of spectra: an NXentry of the application definition NXxps for each region, without results.

`export.nexus` writes the same entries, with what was found in them.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ..core.nexus_terms import CONCEPTS, DEFINITIONS, DEFINITIONS_URL, GROUPS, SIGNAL_UNITS
from ..core.regions import SURVEY, VALENCE
from ..core.spectrum import unique_name
from .nexus_groups import PROGRAM, collection, field, group, link, process, sentences
from .regions import REFERENCING, Region, regions_of

if TYPE_CHECKING:
    import h5py


def fill(spectrum: xr.DataTree, path: Path) -> None:
    """Write all regions on their axis as it is; a stack is one entry with its dimensions."""
    import h5py

    regions = regions_of(spectrum)
    source = str(spectrum.attrs.get("source", ""))
    date = datetime.now(UTC).isoformat(timespec="seconds")
    # In memory first: a full disk is then an error like any other, and none in the midst of HDF5.
    image = io.BytesIO()
    with h5py.File(image, "w", track_order=True) as file:
        entries = new_entries(file, _entry_names(regions), date)
        for region, entry in zip(regions, entries.values(), strict=True):
            write_entry(entry, region.data, region.energy, source)
            _write_earlier_referencing(entry, region.data, date)
    path.write_bytes(image.getbuffer())


def new_entries(file: h5py.File, names: Sequence[str], date: str) -> dict[str, h5py.Group]:
    """Make an empty entry for each name in a new file, the one of C 1s as its default."""
    file.attrs.update({"NX_class": "NXroot", "default": "C1s" if "C1s" in names else names[0], "file_time": date})
    file.attrs.update({"creator": PROGRAM, "creator_version": version(PROGRAM)})
    return {name: group(file, name, "NXentry", default="data") for name in names}


def write_entry(entry: h5py.Group, region: xr.Dataset, measured: NDArray[np.float64], source: str) -> None:
    """Write the data of a region and what is known of its measurement.

    Parameters
    ----------
    entry : h5py.Group
        Empty.
    region : xarray.Dataset
        ``counts(..., binding_energy)``; its axis is the one that is reported.
    measured : ndarray, shape (n,)
        Binding energies in eV as measured.
    source : str
        Where the spectrum came from.
    """
    attrs = region.attrs
    field(entry, "definition", "NXxps", version=DEFINITIONS, URL=DEFINITIONS_URL)
    field(entry, "title", attrs.get("title") or f"{Path(source).name or source}, {attrs['label']}")
    field(entry, "method", "X-ray photoelectron spectroscopy (XPS)")
    if transition := _transition(str(attrs["region"])):
        field(entry, "transitions", [transition])
    for path, nx_class in GROUPS.items():
        group(entry, path, nx_class)
    for concept in CONCEPTS:
        if (value := attrs.get(concept.attribute)) is not None:
            field(entry, concept.path, float(value) if concept.is_number else str(value), concept.units)
    _write_data(entry, region, measured)
    told = {"title", *(concept.attribute for concept in CONCEPTS)}
    others = [item for item in attrs.items() if item[0] not in told and not str(item[0]).startswith(REFERENCING)]
    collection(entry, "spectrum", [("source", source), *others])
    lacking = [concept.path for concept in CONCEPTS if concept.required and concept.path not in entry]
    sentences(entry, "not_known", "Required by NXxps, but not known from the source of the spectrum", lacking)


def _entry_names(regions: Sequence[Region]) -> list[str]:
    """Names of the entries: those of the regions, with the sample before them where there are several."""
    several = len({region.sample for region in regions}) > 1
    names: dict[str, None] = {}
    for region in regions:
        sample = re.sub(r"\W+", "_", region.sample).strip("_")[:60]
        names[unique_name(f"{sample}__{region.name}" if several and sample else region.name, names)] = None
    return list(names)


def _write_data(entry: h5py.Group, region: xr.Dataset, measured: NDArray[np.float64]) -> None:
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
        _write_labels(data, counts[axis], [number])
    for name, coordinate in region.coords.items():
        if name not in axes and name != "binding_energy" and coordinate.ndim:
            _write_labels(data, coordinate, [other_axes.index(str(dim)) for dim in coordinate.dims])
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


def _write_labels(data: h5py.Group, coordinate: xr.DataArray, indices: list[int]) -> None:
    """Write labels of a stack, and the dimensions along which they lie."""
    name = str(coordinate.name).replace("/", "_")
    are_numbers = coordinate.dtype.kind in "biuf"
    if coordinate.ndim > 1 and not are_numbers:
        return  # texts in more than one dimension have no place in NXdata
    values = coordinate.values if are_numbers else list(map(str, coordinate.values))
    field(data, name, values, str(coordinate.attrs.get("units") or ""))
    data.attrs[f"{name}_indices"] = indices[0] if len(indices) == 1 else indices


def _write_earlier_referencing(entry: h5py.Group, region: xr.Dataset, date: str) -> None:
    """Write how the axis was calibrated before the spectrum was read; nothing where it was not."""
    earlier = {
        str(key).removeprefix(REFERENCING): value
        for key, value in region.attrs.items()
        if str(key).startswith(REFERENCING)
    }
    if not earlier:
        return
    made = process(entry, "energy_referencing", "NXcalibration", date)
    for name, value in earlier.items():
        if name not in made and isinstance(value, str | int | float | np.number):
            field(made, name, value, "eV" if name in ("binding_energy", "offset") else "")


def _transition(region: str) -> str | None:
    """Region as NXmpes writes transitions; None for what is none."""
    if region in (SURVEY, VALENCE):
        return "Survey" if region == SURVEY else "Valence Band"
    found = re.fullmatch(r"([A-Z][a-z]?)(\d[spdf]|[KLMNO]\d*[A-Z][\w,]*)", region)
    return f"{found[1]} {found[2]}" if found else None
