"""NeXus files of the application definitions NXmpes and NXxps (HDF5)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xps_prefit_hooks import PrefitError, Settings

from ..core.metadata import TERMS
from ..core.nexus_terms import CONCEPTS, Concept
from .assembly import Axis, RawRegion, each_region, in_electronvolts, known_or_none
from .hdf5 import Dataset, Group, UnusableNode, is_utf8, opened_file, shown
from .hdf5_array import stored_counts
from .samples import spectra_of

_DEFINITIONS = ("NXmpes", "NXxps")

#: Metadata that NXxps has a place for.
_ELSEWHERE: Final = {"title", "intensity", *(concept.attribute for concept in CONCEPTS)}

#: Photon energy of a beam.
_OF_BEAM = "incident_energy"

#: Most intensities of a stack that are loaded at once; of larger ones, parts are read when they are asked for.
LARGEST_LOADED: Final = 4_000_000

#: Most values that are read where one is needed: an instrument may write one for each energy.
_MOST_VALUES = 100_000


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
    with opened_file(path) as file:
        try:
            return _read_entries(path, file.root, settings)
        except UnusableNode as error:
            raise PrefitError(str(path), f"{error}.") from error


def _read_entries(path: Path, root: Group, settings: Settings) -> xr.DataTree:
    definitions: list[str] = []
    entries: list[tuple[str, Group | UnusableNode]] = []
    names = root.names()
    for name in names:
        try:
            node = root.child(name)
            if not isinstance(node, Group) or node.attrs.text("NX_class") != "NXentry":
                continue
            definition = _text(node, "definition") or ""
        except UnusableNode as error:
            entries.append((name, error))
            continue
        definitions.append(definition)
        if not definition.startswith(_DEFINITIONS):
            continue
        # HDF5 has names in UTF-8 alone; where one is not, what lies beside it cannot be trusted.
        entries.append((name, node if is_utf8(name) else UnusableNode(f"{node.path} has a name that is not UTF-8")))
    if not any(isinstance(entry, Group) for _, entry in entries):
        damaged = [entry for _, entry in entries if isinstance(entry, UnusableNode)]
        raise PrefitError(str(path), f"{damaged[0]}." if damaged else _nothing_found(names, definitions))
    named = ((f"{path}, entry {shown(name)}", entry) for name, entry in entries)
    return spectra_of(path, each_region(_usable_region, named), settings)


def _nothing_found(names: list[str], definitions: list[str]) -> str:
    if definitions:
        listed = ", ".join(shown(definition) or "none" for definition in definitions[:4])
        return f"the NeXus file has no entry of the definitions NXmpes or NXxps (found: {listed})."
    inside = ", ".join(map(shown, names[:4])) or "nothing"
    return f"the HDF5 file holds no NXentry, so it is not NeXus (found: {inside})."


def _usable_region(where: str, entry: Group | UnusableNode) -> RawRegion:
    try:
        if isinstance(entry, UnusableNode):
            raise entry
        return _region(where, entry)
    except UnusableNode as error:
        raise PrefitError(where, f"{error}.") from error


def _region(where: str, entry: Group) -> RawRegion:
    data = _data_group(where, entry)
    signal_name = data.attrs.text("signal") or "data"
    signal, axis = data.dataset(signal_name), data.dataset("energy")
    if signal is None or axis is None:
        missing = signal_name if signal is None else "energy"
        raise PrefitError(where, f"the group {data.path} lacks its dataset '{shown(missing)}'.")
    referencing = entry.group("energy_referencing")
    calibrated = None if referencing is None else referencing.dataset("calibrated_axis")
    if calibrated is not None and calibrated.shape != axis.shape:
        message = f"energy_referencing/calibrated_axis has shape {calibrated.shape}, but data/energy {axis.shape}."
        raise PrefitError(where, message)
    used = axis if calibrated is None else calibrated
    if used.shape is None or len(used.shape) != 1:
        raise PrefitError(where, f"{used.path} has shape {used.shape}; an axis of energies has one dimension.")
    kind = used.attrs.text("type") or axis.attrs.text("type") or axis.attrs.text("long_name") or ""
    kinetic = "kinetic" in kind.lower()
    if not kinetic and "binding" not in kind.lower():
        message = f"the axis has type '{shown(kind)}'; needed is energy/@type 'kinetic' or 'binding'."
        raise PrefitError(where, message)
    # Before anything is read: a file may claim more than there is.
    along = _energy_dimension(where, data, signal, used)
    units = shown(used.attrs.text("units") or axis.attrs.text("units") or "eV")
    energy = in_electronvolts(where, used.numbers(), units)
    counts: NDArray[np.float64] | xr.Variable
    if signal.size > LARGEST_LOADED and energy.size < signal.size:
        counts = stored_counts(signal, along)
    else:
        counts = np.moveaxis(np.asarray(signal.numbers(), dtype=float), along, -1)
    axes = _further_axes(data, signal.shape or (), along)
    transitions = _texts(entry, "transitions")
    signal_units = (signal.attrs.text("units") or "").lower()
    return RawRegion(
        where=where,
        energy=energy,
        counts=counts,
        kinetic=kinetic,
        # An entry may list several transitions; then its name says more.
        labels=(*(transitions if len(transitions) == 1 else ()), entry.name.rpartition("__")[2], entry.name),
        photon_energy=_photon_energy(where, entry),
        variables=_variables(data, signal, axis),
        axes=axes,
        along=_further_labels(data, signal.shape or (), along, axes),
        attrs={
            "entry": entry.name,
            "title": _text(entry, "title"),
            # The photon energy is the user's where one is given, so it goes its own way.
            **{
                concept.attribute: _told(entry, concept) for concept in CONCEPTS if concept.attribute != "photon_energy"
            },
            **_collected(entry),
            "intensity": _intensity(signal_units),
            **_referencing_attrs(referencing),
        },
    )


def _data_group(where: str, entry: Group) -> Group:
    for name in (entry.attrs.text("default"), "data"):
        group = entry.get(name) if name else None
        if isinstance(group, Group) and group.attrs.text("NX_class") == "NXdata":
            return group
    raise PrefitError(where, "the entry has no NXdata group 'data' with a spectrum.")


def _energy_dimension(where: str, data: Group, signal: Dataset, energy: Dataset) -> int:
    """Dimension of the signal along which the energy runs."""
    shape = signal.shape or ()
    fits = [i for i, size in enumerate(shape) if (size,) == energy.shape]
    indices = data.attrs.values("energy_indices")
    if indices and isinstance(indices[0], int) and indices[0] in fits:
        return indices[0]
    if not fits:
        message = f"{energy.size} energies do not go with intensities of shape {signal.shape}."
        raise PrefitError(where, message)
    return fits[-1]


def _further_axes(data: Group, shape: tuple[int, ...], along: int) -> tuple[Axis, ...]:
    """Dimensions of a stack, named and labelled as ``NXdata/@axes`` says."""
    names = [str(value) for value in data.attrs.values("axes")]
    axes: list[Axis] = []
    for place, size in enumerate(shape):
        if place == along:
            continue
        name = names[place] if len(names) == len(shape) else "."
        node = data.get(name) if name not in {"", ".", "energy"} else None
        if not isinstance(node, Dataset) or node.shape != (size,) or node.content == "other":
            # As `region_dataset` numbers them.
            axes.append(Axis(f"axis_{len(axes)}"))
            continue
        labels: Any = np.array(node.texts(), dtype=object) if node.content == "texts" else node.numbers()
        axes.append(Axis(_taken_name(name), labels, node.attrs.text("units") or ""))
    return tuple(axes)


def _further_labels(data: Group, shape: tuple[int, ...], along: int, axes: tuple[Axis, ...]) -> dict[str, Any]:
    """Labels of a stack that are not its axes, by the dimensions that ``@NAME_indices`` gives."""
    places = [place for place in range(len(shape)) if place != along]
    names = {place: axis.name for place, axis in zip(places, axes, strict=True)}
    labels: dict[str, Any] = {}
    for name in data.names() if names else []:
        indices = data.attrs.values(f"{name}_indices")
        node = data.child(name) if indices and _taken_name(name) not in names.values() else None
        if not isinstance(node, Dataset) or node.content == "other" or not all(index in names for index in indices):
            continue
        if node.shape == tuple(shape[int(index)] for index in indices):
            values: Any = np.array(node.texts(), dtype=object) if node.content == "texts" else node.numbers()
            labels[name] = tuple(names[int(index)] for index in indices), values, node.attrs.text("units") or ""
    return labels


def _taken_name(name: str) -> str:
    return f"{name}_2" if name in {"counts", "binding_energy"} else name


def _variables(data: Group, signal: Dataset, axis: Dataset) -> dict[str, NDArray[Any]]:
    """Further quantities along the energies."""
    variables = {}
    for name in data.names():
        # A further axis is told by its indices.
        if name in {"energy", "binding_energy"} or f"{name}_indices" in data.attrs:
            continue
        node = data.child(name)
        if not isinstance(node, Dataset) or node.shape != axis.shape or node.content != "numbers":
            continue
        # The same data under another name are not a further quantity.
        if node.address not in {signal.address, axis.address}:
            variables[name if name != "counts" else "counts_2"] = node.numbers()
    return variables


def _photon_energy(where: str, entry: Group) -> float | None:
    """Photon energy in eV: of the beam that the definition names, else of the only NXbeam."""
    instrument = entry.group("instrument")
    if instrument is None:
        return None
    nodes = {name: instrument.child(name) for name in instrument.names()}
    beams = {
        name: energy
        for name, node in nodes.items()
        if isinstance(node, Group) and node.attrs.text("NX_class") == "NXbeam" and (energy := node.dataset(_OF_BEAM))
    }
    named = [energy for name, energy in beams.items() if name in {"beam_probe", "beam_xray", "beam"}]
    chosen = named or list(beams.values())
    if not chosen:
        return None
    value = _first_number(chosen[0])
    return (
        None if value is None else float(in_electronvolts(where, value, shown(chosen[0].attrs.text("units") or "eV")))
    )


def _told(entry: Group, concept: Concept) -> str | float | None:
    """Value of a concept in its own units; None where the file does not tell it, or has other units."""
    if not concept.is_number:
        text = _text(entry, concept.path)
        # Converters write the first of all days where they know none.
        return None if text is not None and text.startswith("0001-") and concept.path.endswith("_time") else text
    node = entry.get(concept.path)
    if not isinstance(node, Dataset):
        return None
    value = _first_number(node) if (node.attrs.text("units") or concept.units) == concept.units else None
    return None if value is None else known_or_none(value)


def _collected(entry: Group) -> dict[str, str | float]:
    """Further metadata, which this package writes into a collection, for NXxps has no place for them."""
    collection = entry.get("spectrum")
    if not isinstance(collection, Group) or collection.attrs.text("NX_class") != "NXcollection":
        return {}
    told: dict[str, str | float] = {}
    for term in TERMS:
        node = collection.get(term.attribute)
        if isinstance(node, Dataset) and node.size == 1 and term.attribute not in _ELSEWHERE:
            value = _first_number(node) if term.is_number else node.texts()[0] if node.content == "texts" else None
            if value is not None:
                told[term.attribute] = int(value) if term.attribute == "scans" and float(value).is_integer() else value
    return told


def _first_number(node: Dataset) -> float | None:
    """First value of a dataset; some converters write numbers as text. None where there is none."""
    if not node.size or node.content == "other":
        return None
    if node.content == "numbers":
        return float(np.ravel(node.numbers(_MOST_VALUES))[0])
    try:
        return float(node.texts()[0])
    except ValueError:
        return None


def _referencing_attrs(group: Group | None) -> dict[str, Any]:
    if group is None:
        return {}
    attrs: dict[str, Any] = {}
    for name in group.names():
        node = group.child(name)
        if not isinstance(node, Dataset) or node.size != 1 or node.content == "other":
            continue
        value = node.texts()[0] if node.content == "texts" else np.ravel(node.numbers())[0].item()
        attrs[f"energy_referencing_{name}"] = value
    return attrs


def _intensity(units: str) -> str:
    if units in {"counts_per_second", "counts/s", "cps", "1/s", "hz"}:
        return "counts per second"
    return "counts" if units in {"counts", "count"} else "arbitrary"


def _texts(entry: Group, name: str) -> tuple[str, ...]:
    """Texts at a path; numbers as their digits."""
    node = entry.get(name)
    if not isinstance(node, Dataset) or not node.size:
        return ()
    if node.content == "texts":
        return tuple(node.texts())
    return tuple(str(value) for value in np.ravel(node.numbers(1000)).tolist()) if node.content == "numbers" else ()


def _text(entry: Group, name: str) -> str | None:
    return next(iter(_texts(entry, name)), None)
