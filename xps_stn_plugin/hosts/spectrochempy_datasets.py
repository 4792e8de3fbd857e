"""From SpectroChemPy's datasets to a spectrum and back: one dataset is one region.

The dataset of a region is one-dimensional (or a single row); its coordinate has a unit of energy and is titled "binding
energy" or "kinetic energy". Its ``meta`` may hold ``photon_energy`` (in eV, or with a unit), ``dwell_time`` (s),
``scans`` and ``sample``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xps_prefit_hooks import PrefitError, Settings

from ..core.samples import samples_of
from .axes import is_kinetic

if TYPE_CHECKING:
    import xarray as xr

    from ..api import PrefitResult
    from ..readers.assembly import RawRegion

#: Units of intensities in SpectroChemPy, and the kind of intensity.
_KINDS = {"count": "counts", "count / second": "counts per second", "counts_per_second": "counts per second"}

_NOTED = ("dwell_time", "scans", "sample")


def in_electronvolts(where: str, energy: Any) -> Any:
    """Numbers of an energy or a coordinate in eV; what comes without a unit is in eV already.

    Raises
    ------
    PrefitError
        If the unit is none of energy.
    """
    try:
        return energy.to("eV").magnitude if hasattr(energy, "to") else energy
    except TypeError as error:  # pint's DimensionalityError is one
        raise PrefitError(
            where, f"no energy is in '{energy.units}'; give it in eV or another unit of energy."
        ) from error


def spectrum_of_datasets(datasets: tuple[Any, ...], settings: Settings) -> xr.DataTree:
    """Make a spectrum whose regions are the datasets, in their order; masked points are left out.

    Raises
    ------
    PrefitError
        If there is none, or one is not a spectrum.
    """
    from ..core.spectrum import spectrum_tree, unique_name
    from ..readers.assembly import dataset_of

    if not datasets:
        raise PrefitError("selection", "nothing is given; give a dataset for each region.")
    regions: dict[str, xr.Dataset] = {}
    for dataset in datasets:
        region = dataset_of(_raw_region(dataset), settings)
        regions[unique_name(region.attrs["region"], regions)] = region
    # A measured file is known to the spectrum, so that nothing overwrites it.
    path = Path(str(datasets[0].filename))
    return spectrum_tree(str(path) if path.is_file() else str(datasets[0].name), regions)


def datasets_of_spectrum(spectrum: xr.DataTree) -> list[Any]:
    """Make a dataset of each region, over binding energies in eV; a stack keeps its further dimensions."""
    import spectrochempy as scp

    if samples := samples_of(spectrum):
        return [named for tree in samples.values() for named in datasets_of_spectrum(tree)]
    datasets = []
    for name, region in spectrum.children.items():
        counts = region.to_dataset()["counts"]
        axes = [scp.Coord(counts[dim].values, title=str(dim)) for dim in counts.dims[:-1]]
        axes.append(scp.Coord(counts["binding_energy"].values, title="binding energy", units="eV"))
        units = {kind: unit for unit, kind in reversed(_KINDS.items())}.get(str(region.attrs.get("intensity")))
        made = scp.NDDataset(counts.values, coordset=axes, name=name, title="intensity", units=units)
        made.filename = spectrum.attrs.get("file", spectrum.attrs["source"])
        made.meta.update({key: region.attrs[key] for key in _NOTED if key in region.attrs})
        if "photon_energy" in region.attrs:
            made.meta["photon_energy"] = scp.Quantity(float(region.attrs["photon_energy"]), "eV")
        made.history = f"Read {region.attrs['label']} from {spectrum.attrs['source']}"
        datasets.append(made)
    return datasets


def calibrated_dataset(dataset: Any, result: PrefitResult) -> Any:
    """Copy on the corrected axis in its own unit: binding energies lose the shift, kinetic energies gain it."""
    import spectrochempy as scp

    copy = dataset.copy()
    axis = copy.coord(-1)
    shift = float(scp.Quantity(result.shift, "eV").to(axis.units).magnitude)
    axis.data = axis.data + (shift if _kinetic(dataset) else -shift)
    copy.history = f"Energies corrected, {result.shift_text} ({result.status}; {result.convention})"
    return copy


def fitted_energies(dataset: Any, result: PrefitResult) -> Any:
    """Binding energies (eV) on ``result.axis`` of all points of the first dataset, masked ones as well."""
    from ..readers.assembly import binding_energy

    where = str(dataset.name)
    energy = in_electronvolts(where, dataset.coord(-1))
    if _kinetic(dataset):
        energy = binding_energy(where, energy, next(iter(result.spectrum.children.values())).attrs["photon_energy"])
    return energy - result.applied_shift


def _kinetic(dataset: Any) -> bool:
    axis = dataset.coord(-1)
    return is_kinetic(str(dataset.name), [axis.title, axis.name])


def _raw_region(dataset: Any) -> RawRegion:
    from spectrochempy import Unit

    from ..readers.assembly import RawRegion

    where = str(getattr(dataset, "name", type(dataset).__name__))
    if not hasattr(dataset, "coord"):
        raise PrefitError(where, "it is not a dataset; `scp.xps_stn.read` makes datasets of a file.")
    counts = np.ma.masked_array(dataset.data, dataset.mask).squeeze()
    axis = dataset.coord(-1)
    if counts.ndim != 1 or axis is None:
        raise PrefitError(where, f"it has shape {dataset.shape}; give one-dimensional datasets with an energy axis.")
    if not axis.has_units:
        raise PrefitError(where, "the energy axis has no unit; set it to eV.")
    used = ~np.ma.getmaskarray(counts)
    photon_energy = dataset.meta.get("photon_energy")
    kinds = [kind for unit, kind in _KINDS.items() if dataset.units == Unit(unit)]
    noted = {key: dataset.meta.get(key) for key in _NOTED}
    return RawRegion(
        where,
        in_electronvolts(where, axis)[used],
        np.asarray(counts.data, dtype=float)[used],
        _kinetic(dataset),
        labels=(str(dataset.title), where),
        photon_energy=None if photon_energy is None else float(in_electronvolts(where, photon_energy)),
        attrs={**noted, "intensity": kinds[0] if kinds else "arbitrary"},
    )
