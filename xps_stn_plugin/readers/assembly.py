"""From numbers of a file to regions of a spectrum: the steps that all readers share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from xps_prefit_hooks import PrefitError, Settings

from ..core.metadata import standard_name, standard_value
from ..core.regions import recognised
from ..core.spectrum import region_dataset, spectrum_tree, unique_name

_EV_PER_UNIT = {"ev": 1.0, "kev": 1000.0, "mev": 0.001}
# Lowest binding energy in eV that a real spectrum reaches: scans go some eV beyond the Fermi edge, not more.
_LOWEST_BINDING = -50.0


@dataclass(frozen=True)
class Axis:
    """A dimension along which a region has many spectra.

    Parameters
    ----------
    name : str
        As a variable's name: ``etch_time``.
    values : array_like, shape (size,), optional
        Its labels.
    units : str
    """

    name: str
    values: ArrayLike | None = None
    units: str = ""


@dataclass(frozen=True)
class Condition:
    """Value of an experimental variable at which a spectrum was measured."""

    value: float
    units: str = ""


@dataclass(frozen=True)
class RawRegion:
    """One region as a file has it.

    Parameters
    ----------
    where : str
        File and block, row or entry for messages.
    energy : array_like, shape (n,)
        Energies in eV, in the order of the file.
    counts : array_like or xarray.Variable, shape (..., n)
        Intensities; a variable is a stack that is not loaded, which stays so.
    kinetic : bool
        Whether `energy` is kinetic.
    labels : tuple of str
        What the file says about the region, best first.
    photon_energy : float or None
        Photon energy of the file in eV.
    variables : mapping of str to array_like, shape (n,) or (..., n)
        Further quantities along the energies, such as the transmission function.
    attrs : mapping
        Attributes of the region; None values are left out.
    axes : tuple of Axis
        Dimensions of `counts` before the energies; those that are not named are numbered.
    along : mapping of str to (tuple of str, array_like, str)
        Further labels: the axes along which they lie, their values and units.
    conditions : mapping of str to Condition
        Experimental variables by label.
    """

    where: str
    energy: ArrayLike
    counts: ArrayLike | xr.Variable
    kinetic: bool
    labels: tuple[str, ...] = ()
    photon_energy: float | None = None
    variables: Mapping[str, ArrayLike] = field(default_factory=dict)
    attrs: Mapping[str, Any] = field(default_factory=dict)
    axes: tuple[Axis, ...] = ()
    along: Mapping[str, tuple[tuple[str, ...], ArrayLike, str]] = field(default_factory=dict)
    conditions: Mapping[str, Condition] = field(default_factory=dict)


def each_region(read: Callable[..., RawRegion], items: Iterable[tuple[Any, ...]]) -> Iterator[RawRegion | PrefitError]:
    """Regions ``read(*item)``; what cannot be read comes as its error, so that the others have their turn."""
    for item in items:
        try:
            yield read(*item)
        except PrefitError as error:
            yield error


def spectrum_of(path: Path, raws: Iterable[RawRegion | PrefitError], settings: Settings, **attrs: Any) -> xr.DataTree:
    """Spectrum of all regions of a file that can be used.

    A region that cannot be used (an aborted scan, an empty detector) does not take the others with it: its sentence
    goes to the root attribute ``skipped``. Where no region is left, the first sentence is raised.

    Raises
    ------
    PrefitError
        If there is no usable region.
    """
    regions: dict[str, xr.Dataset] = {}
    refused: list[PrefitError] = []
    seen: Counter[str] = Counter()
    for raw in raws:
        if isinstance(raw, PrefitError):
            refused.append(raw)
            continue
        try:
            data = dataset_of(raw, settings)
        except PrefitError as error:
            refused.append(error)
        else:
            level = str(data.attrs["region"])
            regions[unique_name(level, regions, seen[level])] = data
            seen[level] += 1
    if refused and not regions:
        raise refused[0]
    if refused:
        attrs["skipped"] = [str(error) for error in refused]
    return spectrum_tree(str(path), regions, **attrs)


class PhotonEnergyMissing(PrefitError):
    """An axis of kinetic energies whose photon energy nobody told; asking the user for it helps."""


def dataset_of(raw: RawRegion, settings: Settings) -> xr.Dataset:
    """Dataset of one region on the binding energy axis.

    Raises
    ------
    PrefitError
        If the photon energy is missing for a kinetic axis, or the numbers are unusable.
    """
    photon_energy = settings.photon_energy if settings.photon_energy is not None else raw.photon_energy
    energy = np.asarray(raw.energy, dtype=float)
    if raw.kinetic:
        energy = binding_energy(raw.where, energy, photon_energy)
    finite = energy[np.isfinite(energy)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    labels = [label for label in raw.labels if label.strip()]
    region, region_from = recognised(raw.where, labels, low, high)
    attrs = {
        "region_from": region_from,
        "photon_energy": photon_energy,
        "energy_axis": "kinetic" if raw.kinetic else "binding",
        "intensity": "arbitrary",
        **_stated_conditions(raw.conditions),
        **raw.attrs,
    }
    told = {name: value for name, value in attrs.items() if value is not None}
    data = region_dataset(raw.where, energy, raw.counts, region=region, label=labels[0] if labels else "", **told)
    order = np.argsort(energy, kind="stable")
    data = _with_axes(data, raw)
    for name, values in raw.variables.items():
        sorted_values = np.asarray(values, dtype=float)[..., order]
        dims = ("binding_energy",) if sorted_values.ndim == 1 else data["counts"].dims
        data[name] = (dims, sorted_values)
    return data


def _stated_conditions(conditions: Mapping[str, Condition]) -> dict[str, float]:
    """Values of the experimental variables that are metadata: the place, the etch time."""
    stated: dict[str, float] = {}
    for label, condition in conditions.items():
        # Units may stand in brackets behind the label.
        name, _, bracketed = label.partition("[")
        units = condition.units or bracketed.partition("]")[0]
        known = standard_value(name, condition.value, units)
        if known is not None:
            stated.setdefault(*known)
    return stated


def _with_axes(data: xr.Dataset, raw: RawRegion) -> xr.Dataset:
    """Name the dimensions of a stack, and label them; by the names of `core.metadata` where there are any."""
    if not raw.axes and not raw.along:
        return data
    labels: dict[str, tuple[tuple[str, ...], ArrayLike, str]] = {
        axis.name: ((axis.name,), axis.values, axis.units) for axis in raw.axes if axis.values is not None
    }
    coordinates = {**raw.along, **labels}
    names: dict[str, str] = {}
    for name in [axis.name for axis in raw.axes] + list(raw.along):
        standard = standard_name(name)
        taken = standard in names.values() or (standard != name and standard in coordinates)
        names[name] = name if taken else standard
    data = data.rename({f"axis_{place}": names[axis.name] for place, axis in enumerate(raw.axes)})
    return data.assign_coords(
        {
            names[name]: (tuple(names[dim] for dim in dims), np.asarray(values), {"units": units} if units else {})
            for name, (dims, values, units) in coordinates.items()
        }
    )


def binding_energy(where: str, kinetic: NDArray[np.float64], photon_energy: float | None) -> NDArray[np.float64]:
    """Binding from kinetic energies: photon energy minus kinetic energy, both in eV.

    The kinetic energies of instruments are referred to the Fermi level (the analyser's work function is already in
    them), so nothing is subtracted for the work function. The regular VAMAS file of an instrument and its export on the
    binding energy axis agree on that.

    Raises
    ------
    PhotonEnergyMissing
        If there is no photon energy.
    PrefitError
        If it does not go with the kinetic energies.
    """
    if photon_energy is None:
        message = (
            "the energies are kinetic and the file does not give the photon energy; give it (--photon-energy on the "
            "command line, Settings(photon_energy=...) in Python)."
        )
        raise PhotonEnergyMissing(where, message)
    if not (np.isfinite(photon_energy) and photon_energy > 0):
        raise PrefitError(where, f"the photon energy {photon_energy:g} eV makes no sense; give a positive one.")
    # Rounded to a micro-electronvolt: 1486.69 - 1186.69 is to be 300, not 299.99999999999994.
    with np.errstate(over="ignore"):
        binding = np.round(photon_energy - kinetic, 6) + 0.0  # no negative zero
    finite = binding[np.isfinite(binding)]
    if finite.size and finite.min() < _LOWEST_BINDING:
        message = (
            f"kinetic energies reach {photon_energy - finite.min():g} eV, more than the photon energy "
            f"{photon_energy:g} eV allows; check the photon energy."
        )
        raise PrefitError(where, message)
    return binding


def in_electronvolts(where: str, energy: ArrayLike, units: str) -> NDArray[np.float64]:
    """Energies in eV from eV, keV or meV.

    Raises
    ------
    PrefitError
        If the unit is another one.
    """
    factor = _EV_PER_UNIT.get(units.strip().lower())
    if factor is None:
        raise PrefitError(where, f"the energies are in '{units}'; eV, keV and meV are read.")
    electronvolts = np.asarray(energy, dtype=float)
    return electronvolts if factor == 1.0 else electronvolts * factor


def known_or_none(value: float) -> float | None:
    """Return a number of a file, or None where it is absent (VAMAS writes 1e37 for unknown)."""
    return value if np.isfinite(value) and abs(value) < 1e36 else None
