"""The spectrum: an `xarray.DataTree` with one child per region.

Each child holds ``counts(binding_energy)``, or ``counts(..., binding_energy)`` for stacks. The binding energy axis is
in eV and ascending; counts are as measured, and in stacks NaN where nothing was. Attributes of a child: ``region``
(core level, ``C1s``), ``label`` (as the file has it), ``region_from`` (``label``, ``label and energy range``, ``energy
range``, ``nothing``), and, where known, those of `xps_stn_plugin.core.metadata`.
"""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import Any, Final

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from xps_prefit_hooks import ALIPHATIC_C1S, PrefitError, ReferenceAt, shown

from .charge_references import named_reference
from .energy_scale import reference_text
from .metadata import TERMS
from .regions import SURVEY, recognised, region_name

#: Attribute of a calibrated axis, the energy that was added to the measured energies, in eV.
OFFSET = "energy_referencing_offset"

#: Fewest points that make a region.
MIN_POINTS = 8

#: Energies in eV that are nearer to each other than this are the same: no analyser makes steps below 1e-3 eV.
SMALLEST_STEP: Final = 1e-6

#: Narrowest region in eV: no core level has lines of that width, and nothing beside them would be left.
SMALLEST_WIDTH: Final = 0.1

#: Largest magnitude of an energy in eV; hard X-rays have 1e4.
LARGEST_ENERGY: Final = 1e6

#: Largest magnitude of a region's intensities, and smallest one: sums of their squares stay within double precision.
LARGEST_INTENSITY: Final = 1e120
SMALLEST_INTENSITY: Final = 1e-120

#: Widest region in eV that gets a model: wider ones hold more than one core level.
MODEL_WIDTH: Final = 60.0

#: Attributes of a region that are numbers.
NUMBERS: Final = tuple(term.attribute for term in TERMS if term.is_number)


def region_dataset(
    source: str,
    binding_energy: ArrayLike,
    counts: ArrayLike | xr.Variable,
    *,
    region: str,
    label: str = "",
    **attrs: Any,
) -> xr.Dataset:
    """Check one region's numbers and make its dataset.

    Parameters
    ----------
    source : str
        File (and block or row) for error messages.
    binding_energy : array_like, shape (n,)
        Binding energies in eV in any order; they come out ascending, the counts along with them.
    counts : array_like or xarray.Variable, shape (..., n)
        Intensities as measured; of a stack, spectra that are not there are NaN. A variable is not loaded, so that its
        values are not checked, and keeps its type.
    region, label : str
        Name of the core level, and the label that the file gives.
    **attrs
        Further attributes.

    Returns
    -------
    xarray.Dataset
        ``counts`` over ``binding_energy``.

    Raises
    ------
    PrefitError
        If the numbers are not finite, too few, of different length, all alike, or energies occur twice.
    """
    energy, variable = _ascending(source, f"region {label or region}", binding_energy, counts)
    dataset = xr.Dataset(
        {"counts": variable},
        coords={"binding_energy": ("binding_energy", energy, {"units": "eV", "long_name": "binding energy"})},
        attrs={"region": region, "label": label or region, **attrs},
    )
    dataset["counts"].attrs["long_name"] = "intensity"
    return dataset


def _ascending(
    source: str, location: str, binding_energy: ArrayLike, counts: ArrayLike | xr.Variable
) -> tuple[NDArray[np.float64], xr.Variable]:
    """Check the numbers of a region as `region_dataset` does; energies (n,), ascending, and intensities (..., n)."""
    energy = _as_numbers(source, location, "energies", binding_energy)
    values = counts if isinstance(counts, xr.Variable) else _as_numbers(source, location, "intensities", counts)
    if energy.ndim != 1 or values.shape[-1:] != energy.shape:
        msg = f"{location} has {energy.size} energies but intensities of shape {values.shape}; they must match."
        raise PrefitError(source, msg)
    order = ascending_order(source, location, energy)
    if isinstance(values, xr.Variable):
        # Slices of what is not loaded are not loaded either.
        steps = np.diff(order)
        place = slice(None) if (steps == 1).all() else slice(None, None, -1) if (steps == -1).all() else order
        return energy[order], values[..., place].to_base_variable()
    dims = [*(f"axis_{i}" for i in range(values.ndim - 1)), "binding_energy"]
    return energy[order], xr.Variable(dims, _checked(source, location, _in_order(values, order)))


def _checked(source: str, location: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Intensities of a region, shape (..., n), if they are finite, within range and not all alike."""
    if not values.size:
        raise PrefitError(source, f"{location} has energies but no intensities.")
    # In a stack, spectra may be missing.
    is_complete = np.isfinite(values).all(axis=-1)
    complete = values if values.ndim == 1 or is_complete.all() else values[is_complete]
    if values.ndim == 1 or not complete.size:
        _refuse_gaps(source, location, "intensities", values)
    if values.ndim == 1 and not in_range(complete[None])[0]:
        msg = (
            f"{location} has intensities of up to {np.abs(complete).max():.3g}, beyond what can be computed with "
            f"({SMALLEST_INTENSITY:g} to {LARGEST_INTENSITY:g}); give them in another unit."
        )
        raise PrefitError(source, msg)
    # The range of stacks may exceed the largest number.
    if complete.size and complete.max() == complete.min():
        raise PrefitError(
            source, f"{location} has the same intensity {complete.flat[0]:g} everywhere; there is no signal."
        )
    return values


def _in_order(values: NDArray[np.float64], order: NDArray[np.int64]) -> NDArray[np.float64]:
    """Put values in another order of the last axis; those that are in order already are not copied."""
    steps = np.diff(order)
    if (steps == 1).all():
        return np.ascontiguousarray(values)
    return values[..., ::-1].copy() if (steps == -1).all() else np.take(values, order, axis=-1)


def ascending_order(source: str, location: str, energy: NDArray[np.float64]) -> NDArray[np.int64]:
    """Order in which the energies of a region, shape (n,), ascend.

    Raises
    ------
    PrefitError
        If there are too few of them, one is not finite, or one occurs twice.
    """
    if energy.size < MIN_POINTS:
        raise PrefitError(source, f"{location} has {energy.size} points; at least {MIN_POINTS} are needed.")
    _refuse_gaps(source, location, "energies", energy)
    order = np.argsort(energy, kind="stable")
    ascending = energy[order]
    if max(-ascending[0], ascending[-1]) > LARGEST_ENERGY:
        msg = f"{location} has energies from {ascending[0]:g} to {ascending[-1]:g} eV, which no photoelectron has."
        raise PrefitError(source, msg)
    duplicates = np.flatnonzero(np.diff(ascending) < SMALLEST_STEP)
    if duplicates.size:
        msg = f"{location} has the energy {ascending[duplicates[0]]:g} eV twice; give each energy one intensity."
        raise PrefitError(source, msg)
    if ascending[-1] - ascending[0] < SMALLEST_WIDTH:
        msg = f"{location} covers {ascending[-1] - ascending[0]:.2g} eV only, less than the width of any line."
        raise PrefitError(source, msg)
    return order


def in_range(spectra: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether spectra, shape (k, m), have intensities that can be computed with, shape (k,); NaN never is."""
    largest = np.abs(spectra).max(axis=-1, initial=0.0)
    return np.asarray((largest == 0.0) | ((largest >= SMALLEST_INTENSITY) & (largest <= LARGEST_INTENSITY)))


def _as_numbers(source: str, location: str, name: str, values: ArrayLike) -> NDArray[np.float64]:
    """Array of floats; text, complex numbers, dates and objects are refused."""
    try:
        array = np.asarray(values)
        if array.dtype.kind in "biuf":
            return array.astype(float, copy=False)
        if array.dtype.kind == "O":
            return array.astype(float)
    except (TypeError, ValueError, OverflowError):
        pass
    raise PrefitError(source, f"{location} has {name} that are not numbers but {_kind(values)}; give real numbers.")


def _kind(values: ArrayLike) -> str:
    try:
        kind = np.asarray(values).dtype.kind
    except (TypeError, ValueError, OverflowError):
        return "lists of different lengths"
    names = {"U": "text", "S": "text", "T": "text", "c": "complex", "M": "dates", "m": "durations"}
    return names.get(kind, "something else")


def _refuse_text(source: str, location: str, attrs: Mapping[Any, Any]) -> None:
    """Refuse attributes that should be numbers and are not."""
    for name in NUMBERS:
        value = attrs.get(name)
        if isinstance(value, np.ndarray) and value.size == 1:
            value = value.flat[0]
        if value is not None and not isinstance(value, Real):
            msg = f"{location} has the attribute {name} = {shown(repr(value))}, which is not a number; give one."
            raise PrefitError(source, msg)


def _refuse_gaps(source: str, location: str, name: str, array: NDArray[np.float64]) -> None:
    invalid = ~np.isfinite(array)
    if invalid.any():
        point = int(np.argwhere(invalid)[0][-1]) + 1
        msg = f"{location} has {int(invalid.sum())} {name} that are not numbers, first at point {point}; remove them."
        raise PrefitError(source, msg)


def checked_tree(source: str, spectrum: xr.DataTree | xr.Dataset | xr.DataArray) -> xr.DataTree:
    """Spectrum with ascending axes and complete attributes, whoever made it.

    Of a stack of spectra the axes alone are looked at: its counts may be anywhere, and are not loaded.

    Parameters
    ----------
    source : str
        Where it comes from, for messages.
    spectrum : xarray.DataTree, xarray.Dataset or xarray.DataArray
        One child per region with ``counts`` over ``binding_energy``, or one region.

    Raises
    ------
    PrefitError
        If it is not a spectrum.
    """
    attrs: Mapping[Any, Any] = {}
    if isinstance(spectrum, xr.DataTree) and spectrum.children:
        regions = {name: _checked_region(source, name, child.to_dataset()) for name, child in spectrum.children.items()}
        attrs = spectrum.attrs
    else:
        if isinstance(spectrum, xr.DataTree):
            data = spectrum.to_dataset()
        elif isinstance(spectrum, xr.DataArray):
            data = spectrum.to_dataset(name="counts").assign_attrs(spectrum.attrs)
        else:
            data = spectrum
        region = _checked_region(source, str(getattr(spectrum, "name", None) or ""), data)
        regions = {region.attrs["region"]: region}
    tree = spectrum_tree(source, regions)
    tree.attrs.update({**attrs, "source": source})
    return tree


def _checked_region(source: str, name: str, data: xr.Dataset) -> xr.Dataset:
    """Region with ascending energies; its core level by attribute, name or energy range."""
    if "counts" not in data or "binding_energy" not in data["counts"].dims:
        variables = ", ".join(map(str, data)) or "none"
        msg = f"region {name or 'given'} has no counts over binding_energy (its variables: {variables})."
        raise PrefitError(source, msg)
    counts = data["counts"]
    location = f"region {name or 'given'}"
    _refuse_text(source, location, data.attrs)
    if counts.dims[-1] != "binding_energy":
        data = data.assign(counts=counts.transpose(..., "binding_energy"))
    energy = _as_numbers(source, location, "energies", data["binding_energy"].values)
    if counts.dtype.kind not in "biuf":
        data = data.assign(counts=(data["counts"].dims, _as_numbers(source, location, "intensities", counts.values)))
    label = str(data.attrs.get("label") or data.attrs.get("region") or name)
    if counts.ndim == 1:
        _ascending(source, f"region {label or name or 'given'}", energy, counts.values)
    else:
        ascending_order(source, f"region {label or name or 'given'}", energy)
    steps = np.diff(energy)
    if (steps < 0).all():
        # A view; to sort would copy, or load, all counts.
        data = data.isel(binding_energy=slice(None, None, -1))
    elif (steps < 0).any():
        data = data.sortby("binding_energy")
    stated_region = str(data.attrs.get("region") or "")
    if stated_region:
        return data.assign_attrs(region=region_name(stated_region) or stated_region, label=label)
    region, region_from = recognised(source, [label, name], float(energy.min()), float(energy.max()))
    return data.assign_attrs(region=region, region_from=region_from, label=label or region)


def too_wide(spectrum: xr.DataTree) -> tuple[str, ...]:
    """Say which regions of a core level are too wide for a model; surveys are meant to be."""
    notes = []
    for name, child in spectrum.children.items():
        energy = np.asarray(child.to_dataset()["binding_energy"].values)
        width = float(energy.max() - energy.min())
        if width > MODEL_WIDTH and SURVEY not in (child.attrs.get("region", name), name.split("_")[0]):
            notes.append(
                f"{name} is {width:.0f} eV wide and gets no model; the limit is {MODEL_WIDTH:.0f} eV. "
                "Cut out the part around the line."
            )
    return tuple(notes)


def spectrum_tree(source: str, regions: Mapping[str, xr.Dataset], **attrs: Any) -> xr.DataTree:
    """Put regions together; the root carries ``source`` and further attributes.

    Raises
    ------
    PrefitError
        If there is no region.
    """
    if not regions:
        raise PrefitError(source, "no region with a spectrum was found.")
    return xr.DataTree.from_dict(
        {"/": xr.Dataset(attrs={"source": source, **attrs}), **{f"/{name}": ds for name, ds in regions.items()}}
    )


def unique_name(region: str, existing: Mapping[str, Any], least_count: int = 0) -> str:
    """Name for a further region of the same core level: ``C1s``, ``C1s_2``, ``C1s_3``.

    `least_count` is how many there are at least.
    """
    number = max(least_count, 1)
    name = f"{region}_{number}" if least_count > 1 else region
    while name in existing:
        number += 1
        name = f"{region}_{number}"
    return name


def calibrated(
    spectrum: xr.DataTree,
    shift: float,
    stderr: float,
    reference: float = ALIPHATIC_C1S,
    reference_at: ReferenceAt = "first-member",
    *,
    calibrated_on: str | None = None,
) -> xr.DataTree:
    """Move the axis of every region; counts stay as they are.

    Parameters
    ----------
    spectrum : xarray.DataTree
        On the measured axis.
    shift, stderr : float
        Measured minus true binding energy in eV on the scale of `reference`, and its standard error.
    reference : float
        Binding energy in eV of aliphatic C 1s on the new axis.
    reference_at : {"maximum", "first-member"}
        What of the line has that energy.
    calibrated_on : str or None
        Line that the user named as reference, in place of carbon: ``Au 4f7/2``.

    Returns
    -------
    xarray.DataTree
        A copy whose axis is measured minus shift, with the fields of NeXus ``energy_referencing`` as attributes
        ``energy_referencing_*``.
    """
    named = named_reference(calibrated_on)
    zero = reference_text(reference, reference_at, calibrated_on)
    referencing = {
        "energy_referencing_reference_peak": "C 1s, saturated hydrocarbon" if named is None else named.name,
        "energy_referencing_binding_energy": reference if named is None else named.energy,
        OFFSET: -shift,
        "energy_referencing_offset_stderr": stderr,
        "energy_referencing_description": f"added to the measured binding energy; rigid for all regions; {zero}",
    }
    shifted = {}
    for name, child in spectrum.children.items():
        data = child.to_dataset()
        axis = data.variables["binding_energy"]
        # On the axis, too, where a single array keeps it.
        moved = xr.Variable("binding_energy", axis.values - shift, {**axis.attrs, OFFSET: -shift})
        variables = {**data.variables, "binding_energy": moved}
        coords = {label: variables.pop(label) for label in data.coords}
        shifted[name] = xr.Dataset(variables, coords, {**data.attrs, **referencing})
    root = spectrum.to_dataset(inherit=False)
    root.attrs.update(referencing)
    return xr.DataTree.from_dict({"/": root, **{f"/{name}": ds for name, ds in shifted.items()}})
