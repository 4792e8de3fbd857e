"""NeXus files of the application definitions NXmpes and NXxps (HDF5)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xps_prefit_hooks import PrefitError, Settings

from ..nexus_metadata import CONCEPTS, Concept
from .assembly import Axis, RawRegion, each_region, in_electronvolts, spectrum_of

if TYPE_CHECKING:
    import h5py
    import xarray as xr

_DEFINITIONS = ("NXmpes", "NXxps")


def read(path: Path, settings: Settings) -> xr.DataTree:
    """Read every NXmpes or NXxps entry of a file.

    ``data/energy`` with its ``@type`` and ``@units`` is the axis; NXmpes calls it calibrated. Where the entry has
    ``energy_referencing`` with a ``calibrated_axis``, which NXmpes lets be a link to ``data/energy``, that axis is
    used. Nothing is undone: the group's fields go to the attributes ``energy_referencing_*``, and a shift found later
    is what is left after that calibration. ``reference_peak`` "none" means that none was done.

    Raises
    ------
    PrefitError
        If the file is damaged or no entry holds a spectrum.
    """
    import h5py

    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise PrefitError(
            str(path), "the file begins like HDF5 but cannot be opened; it is cut off or damaged."
        ) from error
    with file:
        try:
            return _read_entries(path, file, settings)
        except (
            OSError,
            RuntimeError,
            KeyError,
        ) as error:  # what h5py raises where the file's own pointers lead nowhere
            raise PrefitError(str(path), f"parts of the HDF5 file cannot be read ({error.args[0]}).") from error


def _read_entries(path: Path, file: h5py.File, settings: Settings) -> xr.DataTree:
    import h5py

    entries = [
        node for node in file.values() if isinstance(node, h5py.Group) and _attribute(node, "NX_class") == "NXentry"
    ]
    fitting = [entry for entry in entries if (_text(entry, "definition") or "").startswith(_DEFINITIONS)]
    if not fitting:
        raise PrefitError(str(path), _nothing_found(file, entries))
    named = ((f"{path}, entry {entry.name.strip('/')}", entry) for entry in fitting)
    return spectrum_of(path, each_region(_region, named), settings)


def _nothing_found(file: h5py.File, entries: list[h5py.Group]) -> str:
    if entries:
        said = ", ".join(_text(entry, "definition") or "none" for entry in entries[:4])
        return f"the NeXus file has no entry of the definitions NXmpes or NXxps (found: {said})."
    inside = ", ".join(list(file)[:4]) or "nothing"
    return f"the HDF5 file holds no NXentry, so it is not NeXus (found: {inside})."


def _region(where: str, entry: h5py.Group) -> RawRegion:
    data = _data_group(where, entry)
    signal_name = _attribute(data, "signal") or "data"
    if signal_name not in data or "energy" not in data:
        missing = signal_name if signal_name not in data else "energy"
        raise PrefitError(where, f"the group {data.name} lacks its dataset '{missing}'.")
    signal, axis = data[signal_name], data["energy"]
    referencing = entry.get("energy_referencing")
    calibrated = referencing.get("calibrated_axis") if referencing is not None else None
    if calibrated is not None and calibrated.shape != axis.shape:
        message = f"energy_referencing/calibrated_axis has shape {calibrated.shape}, but data/energy {axis.shape}."
        raise PrefitError(where, message)
    used = axis if calibrated is None else calibrated
    units = _attribute(used, "units") or _attribute(axis, "units") or "eV"
    energy = in_electronvolts(where, used[()], units)
    kind = _attribute(used, "type") or _attribute(axis, "type") or _attribute(axis, "long_name") or ""
    kinetic = "kinetic" in kind.lower()
    if not kinetic and "binding" not in kind.lower():
        message = f"the axis has type '{kind}'; needed is energy/@type 'kinetic' or 'binding'."
        raise PrefitError(where, message)
    counts = np.asarray(signal[()], dtype=float)
    along = _energy_dimension(where, data, counts, energy)
    title = entry.name.strip("/")
    transitions = _texts(entry, "transitions")
    signal_units = (_attribute(signal, "units") or "").lower()
    return RawRegion(
        where=where,
        energy=energy,
        counts=np.moveaxis(counts, along, -1),
        kinetic=kinetic,
        # An entry may list several transitions; then its name says more.
        labels=(*(transitions if len(transitions) == 1 else ()), title.rpartition("__")[2], title),
        photon_energy=_photon_energy(where, entry),
        variables=_variables(data, signal_name, energy),
        axes=_further_axes(data, counts, along),
        attrs={
            "entry": title,
            "title": _text(entry, "title"),
            # The photon energy is the user's where one is given, so it goes its own way.
            **{
                concept.attribute: _told(entry, concept) for concept in CONCEPTS if concept.attribute != "photon_energy"
            },
            "intensity": _intensity(signal_units),
            **_referencing_attrs(referencing),
        },
    )


def _data_group(where: str, entry: h5py.Group) -> h5py.Group:
    import h5py

    for name in (_attribute(entry, "default"), "data"):
        group = entry.get(name) if name else None
        if isinstance(group, h5py.Group) and _attribute(group, "NX_class") == "NXdata":
            return group
    raise PrefitError(where, "the entry has no NXdata group 'data' with a spectrum.")


def _energy_dimension(where: str, data: h5py.Group, counts: NDArray[np.float64], energy: NDArray[np.float64]) -> int:
    """Dimension of the signal along which the energy runs."""
    fits = [i for i, size in enumerate(counts.shape) if (size,) == energy.shape]
    indices = data.attrs.get("energy_indices")
    if indices is not None and (told := int(np.atleast_1d(indices)[0])) in fits:
        return told
    if not fits:
        message = f"{energy.size} energies do not go with intensities of shape {counts.shape}."
        raise PrefitError(where, message)
    return fits[-1]


def _further_axes(data: h5py.Group, counts: NDArray[np.float64], along: int) -> tuple[Axis, ...]:
    """Dimensions of a stack, named and labelled as ``NXdata/@axes`` says."""
    import h5py

    told = [
        value.decode() if isinstance(value, bytes) else str(value) for value in np.ravel(data.attrs.get("axes", []))
    ]
    axes: list[Axis] = []
    for place, size in enumerate(counts.shape):
        if place == along:
            continue
        name = told[place] if len(told) == counts.ndim else "."
        node = data.get(name) if name not in {"", ".", "energy"} else None
        if not isinstance(node, h5py.Dataset) or node.shape != (size,):
            # As `region_dataset` numbers them.
            axes.append(Axis(f"axis_{len(axes)}"))
            continue
        labels = node.asstr()[()] if h5py.check_string_dtype(node.dtype) else node[()]
        axes.append(Axis(_taken_name(name), labels, _attribute(node, "units") or ""))
    return tuple(axes)


def _taken_name(name: str) -> str:
    return f"{name}_2" if name in {"counts", "binding_energy"} else name


def _variables(data: h5py.Group, signal_name: str, energy: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    import h5py

    return {
        name if name != "counts" else "counts_2": node[()]
        for name, node in data.items()
        if name not in {signal_name, "energy", "binding_energy"}
        and f"{name}_indices" not in data.attrs  # a further axis
        and node not in (data[signal_name], data["energy"])  # the same data under another name
        and isinstance(node, h5py.Dataset)
        and node.shape == energy.shape
        and np.issubdtype(node.dtype, np.number)
    }


def _photon_energy(where: str, entry: h5py.Group) -> float | None:
    """Photon energy in eV: of the beam that the definition names, else of the only NXbeam."""
    instrument = entry.get("instrument")
    if instrument is None:
        return None
    beams = [
        node for node in instrument.values() if _attribute(node, "NX_class") == "NXbeam" and "incident_energy" in node
    ]
    named = [beam for beam in beams if beam.name.rpartition("/")[2] in {"beam_probe", "beam_xray", "beam"}]
    chosen = named or beams
    if not chosen:
        return None
    node = chosen[0]["incident_energy"]
    value = float(np.ravel(node[()])[0])
    return float(in_electronvolts(where, value, _attribute(node, "units") or "eV"))


def _told(entry: h5py.Group, concept: Concept) -> str | float | None:
    """Value of a concept in its own units; None where the file does not tell it, or has other units."""
    if not concept.is_number:
        return _text(entry, concept.path)
    value = _number(entry, concept.path)
    return (
        None if value is None or (_attribute(entry[concept.path], "units") or concept.units) != concept.units else value
    )


def _referencing_attrs(group: h5py.Group | None) -> dict[str, Any]:
    import h5py

    if group is None:
        return {}
    attrs: dict[str, Any] = {}
    for name, node in group.items():
        if isinstance(node, h5py.Dataset) and node.size == 1:
            value = np.ravel(node[()])[0]
            attrs[f"energy_referencing_{name}"] = value.decode() if isinstance(value, bytes) else value
    return {name: value.item() if isinstance(value, np.generic) else value for name, value in attrs.items()}


def _intensity(units: str) -> str:
    if units in {"counts_per_second", "counts/s", "cps", "1/s", "hz"}:
        return "counts per second"
    return "counts" if units in {"counts", "count"} else "arbitrary"


def _attribute(node: h5py.HLObject, name: str) -> str | None:
    value = node.attrs.get(name)
    return value.decode() if isinstance(value, bytes) else None if value is None else str(value)


def _texts(entry: h5py.Group, name: str) -> tuple[str, ...]:
    node = entry.get(name)
    if node is None or not hasattr(node, "shape"):
        return ()
    return tuple(v.decode(errors="replace") if isinstance(v, bytes) else str(v) for v in np.ravel(node[()]))


def _text(entry: h5py.Group, name: str) -> str | None:
    return next(iter(_texts(entry, name)), None)


def _number(entry: h5py.Group, name: str) -> float | None:
    node = entry.get(name)
    if node is None or not hasattr(node, "dtype") or not np.issubdtype(node.dtype, np.number):
        return None
    return float(np.ravel(node[()])[0])
