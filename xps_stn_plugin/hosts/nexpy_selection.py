"""From NeXpy's tree to a spectrum, and from a spectrum to a NeXus tree (objects of ``nexusformat``)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xps_prefit_hooks import PrefitError, Settings

from ..core.samples import all_regions
from ..readers.assembly import RawRegion, each_region, in_electronvolts
from ..readers.samples import spectra_of
from .axes import is_kinetic

if TYPE_CHECKING:
    import xarray as xr


def selected_spectrum(node: Any, settings: Settings) -> xr.DataTree:
    """Make a spectrum of what is selected in the tree; nothing is written to it.

    Parameters
    ----------
    node : NXroot, NXentry, NXdata or NXfield of nexusformat
        All entries, the default (else every) NXdata of an entry, one NXdata, or the NXdata of a field. The energy axis
        must say "kinetic" or "binding" in ``@type``, ``@long_name`` or its name; the photon energy is that of the
        entry's NXbeam.
    settings : Settings
        Its photon energy overrides the file's.

    Raises
    ------
    PrefitError
        If nothing is selected, or there is no spectrum in it.
    """
    if node is None:
        raise PrefitError("selection", "nothing is selected; select a spectrum in the tree first.")
    groups = list(_data_groups(node))
    if not groups:
        message = f"there is no spectrum in it ({node.nxclass}); select an NXdata, an NXentry or a file with spectra."
        raise PrefitError(_where(node), message)
    return spectra_of(
        Path(node.nxfilename or _where(node)), each_region(_region, ((group,) for group in groups)), settings
    )


def nexus_root(spectrum: xr.DataTree) -> Any:
    """Make an ``NXroot`` with one ``NXentry`` per region, which `selected_spectrum` reads back."""
    from nexusformat.nexus import NXbeam, NXdata, NXentry, NXfield, NXinstrument, NXroot

    root = NXroot()
    for name, region in all_regions(spectrum).items():
        counts = region.to_dataset()["counts"]
        axes = [NXfield(counts[dim].values, name=dim) for dim in list(map(str, counts.dims))[:-1]]
        energy = {"units": "eV", "type": "binding", "long_name": "Binding energy (eV)"}
        axes.append(NXfield(counts["binding_energy"].values, name="binding_energy", **energy))
        signal = NXfield(counts.values, name="counts", units=str(region.attrs.get("intensity", "")))
        entry = NXentry(NXdata(signal, axes, title=str(region.attrs["label"])), name=name)
        if "photon_energy" in region.attrs:
            beam = NXbeam(incident_energy=NXfield(float(region.attrs["photon_energy"]), units="eV"))
            entry["instrument"] = NXinstrument(beam_probe=beam)
        root[name] = entry
    return root


def _where(node: Any) -> str:
    return f"{node.nxroot.nxname}{node.nxpath}"


def _data_groups(node: Any) -> Iterator[Any]:
    if node.nxclass == "NXroot":
        for entry in node.component("NXentry"):
            yield from _data_groups(entry)
    elif node.nxclass in ("NXentry", "NXsubentry"):
        named = [node[name] for name in (node.attrs.get("default"), "data") if name and name in node]
        default = [group for group in named if group.nxclass == "NXdata"]
        yield from default[:1] or node.component("NXdata")
    elif node.nxclass == "NXdata":
        yield node
    elif node.nxclass == "NXfield" and node.nxgroup is not None and node.nxgroup.nxclass == "NXdata":
        yield node.nxgroup


def _region(group: Any) -> RawRegion:
    where = _where(group)
    signal, axes = group.nxsignal, group.nxaxes
    if signal is None or signal.ndim != 1 or not axes:
        shape = "no signal" if signal is None else f"data of shape {tuple(signal.shape)}"
        raise PrefitError(where, f"it holds {shape}; select a one-dimensional spectrum with its energy axis.")
    entry = group
    while entry.nxclass not in ("NXentry", "NXroot") and entry.nxgroup is not None:
        entry = entry.nxgroup
    # As the NeXus reader does: the axis that the file itself calls calibrated goes first.
    calibrated = entry.get("energy_referencing", {}).get("calibrated_axis")
    axis = axes[0] if calibrated is None or calibrated.shape != axes[0].shape else calibrated
    told = [one.attrs.get(name) for name in ("type", "long_name") for one in (axis, axes[0])]
    transitions = [str(text) for text in np.ravel(entry["transitions"].nxvalue)] if "transitions" in entry else []
    own = [str(group["title"].nxvalue)] if "title" in group else []
    counts = np.asarray(signal.nxvalue, dtype=float)
    return RawRegion(
        where=where,
        energy=in_electronvolts(where, np.asarray(axis.nxvalue, dtype=float), axis.nxunits or axes[0].nxunits or "eV"),
        counts=counts,
        kinetic=is_kinetic(where, [*told, axis.nxname]),
        labels=(*own, group.nxname, *(transitions if len(transitions) == 1 else ()), entry.nxname.rpartition("__")[2]),
        photon_energy=_photon_energy(where, entry),
        attrs={"intensity": "counts" if signal.nxunits.lower() in ("counts", "count") else "arbitrary"},
    )


def _photon_energy(where: str, entry: Any) -> float | None:
    beams = [
        beam
        for instrument in entry.component("NXinstrument")
        for beam in instrument.component("NXbeam")
        if "incident_energy" in beam
    ]
    beams.sort(key=lambda beam: beam.nxname not in ("beam_probe", "beam_xray", "beam"))
    if not beams:
        return None
    field = beams[0]["incident_energy"]
    return float(in_electronvolts(where, float(np.ravel(field.nxvalue)[0]), field.nxunits or "eV"))
