"""Data in memory as spectra: arrays, tables of pandas, mappings, and arrays of xarray under other names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import xarray as xr

from xps_prefit_hooks import PrefitError, Settings, shown

from ..core.metadata import TERM_OF
from ..core.regions import region_name
from ..core.spectrum import checked_tree, spectrum_tree, unique_name
from .assembly import RawRegion, binding_energy, dataset_of
from .roles import BINDING, ENERGY, KINETIC, intensity_kind

#: What data of a region may be.
FORMS: Final = "(energy, counts), an array of two columns, a DataFrame or Series of pandas, or an xarray object"
_NO_PHOTON_ENERGY: Final = "the energies are kinetic; give the photon energy in eV, such as photon_energy=1486.6."
#: Names of the intensities in a Dataset, before any other.
_COUNTS: Final = ("counts", "intensity", "signal")

_Xarray = xr.DataTree | xr.Dataset | xr.DataArray


def is_data(data: Any) -> bool:
    """Whether this module makes a spectrum of something: no path, and no xarray object."""
    if isinstance(data, _Xarray):
        return False
    return isinstance(data, Mapping | np.ndarray | list | tuple) or _is_pandas(data)


def spectrum_from(
    data: Any, settings: Settings, *, source: str = "spectrum", kinetic: bool = False, **attrs: Any
) -> xr.DataTree:
    """Make a spectrum of data in memory.

    Parameters
    ----------
    data
        One region: ``(energy, counts)``, an array of two columns or rows, a table or series of pandas, a mapping with
        an energy and an intensity by name, an xarray object. Several: a mapping of such by region, or a table with a
        column "region".
    settings : Settings
        Its photon energy turns kinetic into binding energies.
    source : str
        For messages.
    kinetic : bool
        Whether energies are kinetic where no name tells.
    **attrs
        Attributes of all regions; None is left out.

    Returns
    -------
    xarray.DataTree
        As `xps_stn_plugin.read` returns it.

    Raises
    ------
    PrefitError
        If it is not clear what the data are, or the numbers cannot be used.
    """
    told = {name: value for name, value in attrs.items() if value is not None}
    regions: dict[str, xr.Dataset] = {}
    for name, part in _parts(source, data).items():
        where = f"{source}, region {shown(name)}" if name else source
        made = _region(where, name, part, settings, kinetic, told)
        regions[unique_name(str(made.attrs["region"]), regions)] = made
    return spectrum_tree(source, regions)


def standard_names(spectrum: Any, settings: Settings, source: str = "spectrum") -> Any:
    """Call the energies of an xarray object ``binding_energy`` and its intensities ``counts``; nothing is loaded.

    A coordinate along one dimension is taken for the energies where its name, or its ``long_name``, says so: energy,
    BE, KE, binding energy, ... An object that has ``binding_energy`` stays as it is.

    Raises
    ------
    PrefitError
        If kinetic energies have no photon energy, or several coordinates may be the energies.
    """
    if isinstance(spectrum, xr.DataArray):
        return _standard(source, spectrum, settings)
    if isinstance(spectrum, xr.Dataset):
        return _with_counts(source, _standard(source, spectrum, settings))
    if not spectrum.children:
        data = spectrum.to_dataset()
        renamed = _with_counts(source, _standard(source, data, settings))
        return spectrum if renamed is data else renamed
    if any("binding_energy" in child.dims or child.children for child in spectrum.children.values()):
        return spectrum
    children = {
        f"/{name}": _with_counts(f"{source}, region {name}", _standard(f"{source}, region {name}", data, settings))
        for name, child in spectrum.children.items()
        for data in [child.to_dataset(inherit=False)]
    }
    return xr.DataTree.from_dict({"/": spectrum.to_dataset(inherit=False), **children})


def _parts(source: str, data: Any) -> dict[str, Any]:
    """Find the data of each region by name; an empty name where none is given."""
    if isinstance(data, _Xarray):
        return {"": data}
    if isinstance(data, Mapping):
        if not data:
            raise PrefitError(source, "the mapping is empty; give data by region, such as C1s=(energy, counts).")
        if _roles([str(key) for key in data]):
            return {"": data}
        return {str(name): part for name, part in data.items()}
    if _is_table(data):
        columns = [str(column) for column in data.columns]
        by_region = [i for i, column in enumerate(columns) if column.strip().lower() == "region"]
        if by_region:
            labels = data.iloc[:, by_region[0]]
            rest = data.iloc[:, [i for i in range(len(columns)) if i != by_region[0]]]
            return {str(name): rest[(labels == name).to_numpy()] for name in dict.fromkeys(labels)}
    return {"": data}


def _region(
    where: str, name: str, data: Any, settings: Settings, kinetic: bool, attrs: Mapping[str, Any]
) -> xr.Dataset:
    if isinstance(data, _Xarray):
        return _of_xarray(where, name, data, settings, attrs)
    energy, counts, energy_name, intensity_name = _columns(where, data)
    label = name or (intensity_name if region_name(intensity_name) else "")
    is_kinetic = bool(KINETIC.search(energy_name)) or (kinetic and not BINDING.search(energy_name))
    if is_kinetic and settings.photon_energy is None:
        raise PrefitError(where, _NO_PHOTON_ENERGY)
    return dataset_of(
        RawRegion(
            where=where,
            energy=_numbers(where, "energies", energy),
            counts=_numbers(where, "intensities", counts),
            kinetic=is_kinetic,
            labels=(label,),
            attrs={"intensity": intensity_kind(intensity_name), **attrs},
        ),
        settings,
    )


def _of_xarray(where: str, name: str, data: _Xarray, settings: Settings, attrs: Mapping[str, Any]) -> xr.Dataset:
    renamed = standard_names(data, settings, where)
    if "binding_energy" not in renamed.dims:
        listed = ", ".join(map(str, renamed.coords)) or "none"
        raise PrefitError(where, f"no coordinate is called energy, BE or KE (there are: {listed}); rename one.")
    if isinstance(renamed, xr.DataTree):
        renamed = renamed.to_dataset()
    told = {key: value for key, value in renamed.attrs.items() if not (name and key == "region")}
    renamed = renamed.copy(deep=False)
    renamed.attrs = {**told, **attrs, **({"label": name} if name else {})}
    (region,) = checked_tree(where, renamed).children.values()
    return region.to_dataset()


def _columns(where: str, data: Any) -> tuple[Any, Any, str, str]:
    """Energies and intensities of one region, and what they are called."""
    if isinstance(data, Mapping):
        return _named(where, {str(name): values for name, values in data.items()})
    if _is_table(data):
        columns = {str(name): data.iloc[:, i] for i, name in enumerate(data.columns)}
        if not any(map(_is_energy, columns)) and (_is_energy(str(data.index.name or "")) or len(columns) == 1):
            columns = {str(data.index.name or "energy"): data.index, **columns}
        return _named(where, columns)
    if _is_pandas(data):
        return data.index, data, str(data.index.name or ""), str(data.name or "")
    if isinstance(data, tuple | list) and len(data) == 2 and all(hasattr(part, "__len__") for part in data):
        return data[0], data[1], _name_of(data[0]), _name_of(data[1])
    array = np.asarray(data, dtype=object) if isinstance(data, tuple | list) else np.asarray(data)
    if array.ndim == 2 and 2 in array.shape:
        energy, counts = array.T if array.shape[1] == 2 else array
        return energy, counts, "", ""
    kind = type(data).__name__
    shape = f" of shape {array.shape}" if isinstance(data, np.ndarray) else ""
    raise PrefitError(where, f"{kind}{shape} is not a spectrum; give {FORMS}.")


def _named(where: str, columns: Mapping[str, Any]) -> tuple[Any, Any, str, str]:
    """Columns of energies and intensities by their names."""
    roles = _roles(list(columns))
    if roles is None:
        listed = ", ".join(map(shown, columns))
        message = f"the columns are {listed}; name one energy (or BE, KE) and one counts, or keep these two alone."
        raise PrefitError(where, message)
    energy, intensity = roles
    return columns[energy], columns[intensity], energy, intensity


def _roles(names: list[str]) -> tuple[str, str] | None:
    """Names of energies and intensities, where they are clear."""
    energies = [name for name in names if _is_energy(name)]
    binding = [name for name in energies if BINDING.search(name)]
    energy = energies if len(energies) == 1 else binding
    if len(energy) != 1:
        return None
    others = [name for name in names if name not in energies]
    intensities = [name for name in others if intensity_kind(name) != "arbitrary" or name.lower() in _COUNTS]
    chosen = others if len(others) == 1 else intensities
    return (energy[0], chosen[0]) if len(chosen) == 1 else None


def _is_energy(name: str) -> bool:
    # The photon energy and the pass energy are no axes.
    if name.split(" ")[0] in TERM_OF:
        return False
    return bool(BINDING.search(name) or KINETIC.search(name) or ENERGY.search(name))


def _name_of(values: Any) -> str:
    """Name that an array of xarray or pandas bears; empty for others."""
    name = getattr(values, "name", None)
    return name if isinstance(name, str) else ""


def _numbers(where: str, kind: str, values: Any) -> Any:
    """Numbers of whatever holds them; errors name what is wrong as those of files do."""
    try:
        array = np.asarray(values)
    except (TypeError, ValueError) as error:
        raise PrefitError(
            where, f"the {kind} are lists of different lengths; give one number for each point."
        ) from error
    if kind == "energies" and array.ndim != 1:
        raise PrefitError(where, f"the {kind} have shape {array.shape}; give one list of energies, in eV.")
    try:
        return np.asarray(array, dtype=float)
    except (TypeError, ValueError) as error:
        raise PrefitError(where, f"the {kind} are not all numbers; give real numbers.") from error


def _standard(source: str, data: Any, settings: Settings) -> Any:
    """Dataset or DataArray with its energies as the coordinate and dimension ``binding_energy``."""
    if "binding_energy" in data.dims:
        return data
    names = [str(name) for name in data.coords if data[name].ndim == 1 and _is_energy(_told_name(data, str(name)))]
    names = [name for name in names if BINDING.search(_told_name(data, name))] or names
    if not names:
        return data
    if len(names) > 1:
        raise PrefitError(source, f"{' and '.join(map(shown, names))} may both be the energies; keep one of them.")
    (name,) = names
    (dim,) = data[name].dims
    coordinate = data[name]
    energy = np.asarray(coordinate.values)
    if KINETIC.search(_told_name(data, name)):
        stated = data.attrs.get("photon_energy")
        photon_energy = settings.photon_energy if settings.photon_energy is not None else stated
        if photon_energy is None:
            raise PrefitError(source, _NO_PHOTON_ENERGY)
        energy = binding_energy(source, _numbers(source, "energies", energy), photon_energy)
        data = data.assign_attrs(photon_energy=photon_energy, energy_axis="kinetic")
    others = [other for other in data.coords if data[other].dims == (dim,)]
    data = data.drop_vars(others).rename({dim: "binding_energy"})
    return data.assign_coords(binding_energy=("binding_energy", energy, {"units": "eV", "long_name": "binding energy"}))


def _with_counts(source: str, data: xr.Dataset) -> xr.Dataset:
    """Dataset whose intensities are called ``counts``."""
    if "counts" in data or "binding_energy" not in data.dims:
        return data
    variables = [str(name) for name in data.data_vars if "binding_energy" in data[name].dims]
    named = [name for name in variables if name.lower() in _COUNTS] or variables
    if len(named) != 1:
        raise PrefitError(source, f"the variables are {', '.join(variables) or 'none'}; call one of them counts.")
    return data.rename({named[0]: "counts"})


def _told_name(data: Any, name: str) -> str:
    """Name of a coordinate with its description: an axis called "energy" may be said to be kinetic."""
    return f"{name} {data[name].attrs.get('long_name', '')} {data[name].attrs.get('type', '')}".strip()


def _is_pandas(data: Any) -> bool:
    """Whether data are a table or a series of pandas, which is not loaded for this."""
    return hasattr(data, "iloc") and hasattr(data, "index")


def _is_table(data: Any) -> bool:
    return _is_pandas(data) and hasattr(data, "columns")
