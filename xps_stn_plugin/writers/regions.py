"""What all formats need of a spectrum: its regions with their samples, and the single spectra of a stack."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ..core.metadata import TERM_OF
from ..core.samples import samples_of
from ..core.spectrum import OFFSET

#: Beginning of the attributes that say how an axis was calibrated.
REFERENCING: Final = OFFSET.removesuffix("offset")
#: Most by which energies may differ from a line of equal steps, in eV: what is left of rounding to three decimals.
_ROUNDED: Final = 6e-4
#: The same as a part of the step.
_PART_OF_STEP: Final = 0.02


@dataclass(frozen=True, eq=False)
class Region:
    """A region of a spectrum.

    Parameters
    ----------
    name : str
        ``C1s``; different from the others of its sample.
    sample : str
        Name of its sample; may be empty.
    data : xarray.Dataset
        ``counts(..., binding_energy)``, ascending.
    """

    name: str
    sample: str
    data: xr.Dataset

    @property
    def attrs(self) -> Mapping[Any, Any]:
        """Attributes of the region."""
        return self.data.attrs

    @property
    def energy(self) -> NDArray[np.float64]:
        """Binding energies in eV, ascending."""
        return np.asarray(self.data["binding_energy"].values, dtype=float)

    @property
    def dims(self) -> tuple[str, ...]:
        """Dimensions of a stack; none of a single spectrum."""
        return tuple(str(dim) for dim in self.data["counts"].dims if dim != "binding_energy")


def regions_of(spectrum: xr.DataTree) -> list[Region]:
    """Regions of a spectrum, or of all samples of a file, in their order."""
    samples = samples_of(spectrum)
    if not samples:
        return [
            Region(name, str(child.attrs.get("sample") or ""), _ordered(child.to_dataset()))
            for name, child in spectrum.children.items()
        ]
    return [
        Region(name, sample, _ordered(child.to_dataset()).assign_attrs(sample=sample))
        for sample, tree in samples.items()
        for name, child in tree.children.items()
    ]


def _ordered(data: xr.Dataset) -> xr.Dataset:
    return data.assign(counts=data["counts"].transpose(..., "binding_energy"))


def coordinates(region: Region) -> dict[str, tuple[str, NDArray[Any]]]:
    """Labels of the spectra of a stack: units and values by name, each value array of the shape of the stack.

    A dimension without labels is numbered from 0 on.
    """
    data, dims = region.data, region.dims
    shape = tuple(data.sizes[dim] for dim in dims)
    labels: dict[str, tuple[str, NDArray[Any]]] = {}
    names = [*dims, *(str(name) for name in data.coords if name not in dims and name != "binding_energy")]
    for name in names:
        if name in data.coords:
            coordinate = data[name]
            units = str(coordinate.attrs.get("units") or "")
        else:
            coordinate, units = xr.DataArray(np.arange(data.sizes[name]), dims=name), ""
        if set(coordinate.dims) <= set(dims):
            template = xr.DataArray(np.empty(shape), dims=dims)
            labels[name] = units, coordinate.broadcast_like(template).transpose(*dims).values
    return labels


def each_spectrum(region: Region) -> Iterator[tuple[tuple[int, ...], dict[str, NDArray[np.float64]]]]:
    """Yield places in the stack, and quantities along the energies (``counts`` first); what was not measured is out."""
    data = region.data
    counts = np.asarray(data["counts"].values, dtype=float)
    others: dict[str, NDArray[np.float64]] = {}
    for name, variable in data.data_vars.items():
        if name != "counts" and variable.dims[-1:] == ("binding_energy",) and variable.dtype.kind in "biuf":
            values = variable.transpose(..., "binding_energy")
            others[str(name)] = np.asarray(values.broadcast_like(data["counts"]).values, dtype=float)
    for place in np.ndindex(counts.shape[:-1]):
        if np.isfinite(counts[place]).all():
            yield place, {"counts": counts[place], **{name: values[place] for name, values in others.items()}}


def steps_of(energy: NDArray[np.float64]) -> tuple[float, float] | None:
    """First energy and step of an ascending axis, in eV, where its steps are equal but for rounding; else None."""
    step = (energy[-1] - energy[0]) / (energy.size - 1)
    # Sixteen digits would show what floating-point arithmetic leaves of 0.1.
    for digits in (6, 9, 12):
        first, rounded = round(float(energy[0]), digits), round(float(step), digits)
        if np.abs(first + rounded * np.arange(energy.size) - energy).max() <= 1e-9:
            return first, rounded
    deviation = np.abs(energy[0] + step * np.arange(energy.size) - energy).max()
    return (float(energy[0]), float(step)) if deviation <= min(_ROUNDED, _PART_OF_STEP * step) else None


def level_words(region: Region) -> tuple[str, str]:
    """Species and transition: "C" and "1s"; of what is not a line of an element its name, and nothing."""
    level = str(region.attrs.get("region") or region.name)
    match = re.fullmatch(r"([A-Z][a-z]?)(\d[spdf]|[KLMNO]\d*[A-Z][\w,]*)", level)
    if match:
        return match[1], match[2]
    if level == "Unknown":
        return str(region.attrs.get("label") or level), ""
    return level, ""


def further_attributes(region: Region, known: frozenset[str]) -> dict[str, Any]:
    """Metadata that a format has no place for, and what is known of the calibration, as plain numbers and texts."""
    return {
        str(name): value.item() if isinstance(value, np.generic) else value
        for name, value in region.attrs.items()
        if name not in known
        and (name in TERM_OF or str(name).startswith(REFERENCING))
        and isinstance(value, str | int | float | np.number)
    }


def number_text(value: float) -> str:
    """Write a number with all of its digits; whole numbers without a point."""
    number = float(value)
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)
