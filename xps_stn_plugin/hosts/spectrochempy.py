"""Plugin for SpectroChemPy (entry-point group ``spectrochempy.plugins``): ``scp.xps_stn`` and ``dataset.xps_stn``.

A dataset is one region: one-dimensional, its coordinate in a unit of energy and titled "binding energy" or "kinetic
energy".
"""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
from spectrochempy.api.plugins import SpectroChemPyPlugin, hookimpl

from xps_prefit_hooks import ALIPHATIC_C1S, Background, PrefitError, Seed, Settings

from .axes import is_kinetic

if TYPE_CHECKING:
    from ..result import PrefitResult


def prefit(
    dataset: Any,
    *others: Any,
    reference: Any = ALIPHATIC_C1S,
    photon_energy: Any = None,
    background: Background = "auto",
) -> PrefitResult:
    """Find the shift and the functional groups of the regions of one sample, and seed models of them.

    Parameters
    ----------
    dataset, *others : NDDataset
        One region each; more regions make the answer surer.
    reference : float or Quantity
        Binding energy that the reported scale gives to aliphatic C 1s, in eV or with its unit.
    photon_energy : float or Quantity, optional
        For kinetic energies, in eV or with its unit; else ``dataset.meta.photon_energy``.
    background : {"auto", "linear", "shirley"}
        Background of the seeded models.

    Raises
    ------
    PrefitError
        If a dataset is no spectrum.
    """
    from ..spectrum import spectrum_tree, unique_name
    from ..workflow import prefit as prefit_spectrum

    settings = Settings(_in_ev(reference), None if photon_energy is None else _in_ev(photon_energy), background)
    regions: dict[str, Any] = {}
    for one in (dataset, *others):
        data = _region(one, settings)
        regions[unique_name(data.attrs["region"], regions)] = data
    return prefit_spectrum(
        spectrum_tree(str(dataset.name), regions),
        reference=settings.reference,
        photon_energy=settings.photon_energy,
        background=background,
    )


def seed(dataset: Any, *others: Any, **options: Any) -> Seed:
    """Seeded lmfit model of the first region over corrected energies in eV; its ``notes`` say if only measured ones.

    Raises
    ------
    PrefitError
        As `prefit`, or if there is no model for the region (a survey).
    """
    result = prefit(dataset, *others, **options)
    region = next(iter(result.spectrum.children))
    if region not in result.seeds:
        raise PrefitError(result.source, " ".join((f"there is no seeded model for region {region}.", *result.reasons)))
    return result.seeds[region]


def calibrate(dataset: Any, *others: Any, **options: Any) -> Any:
    """Copy of the first dataset whose coordinate is corrected by the shift, in its own unit.

    Raises
    ------
    PrefitError
        As `prefit`, or if no shift could be found.
    """
    import spectrochempy as scp

    result = prefit(dataset, *others, **options)
    _ = result.calibrated  # raises where there is no shift
    copy = dataset.copy()
    axis = copy.coord(-1)
    shift = float(scp.Quantity(result.shift, "eV").to(axis.units).magnitude)
    axis.data = axis.data + (shift if _kinetic(dataset) else -shift)
    return copy


class XpsStnPlugin(SpectroChemPyPlugin):  # type: ignore[misc]  # SpectroChemPy has no type hints
    """What SpectroChemPy registers."""

    name = "xps_stn"
    version = version("xps-stn-plugin")
    description = "Charge correction, functional groups and seeded lmfit models for XPS spectra"
    spectrochempy_min_version = "1.1"
    requires = ("lmfit", "torch")

    @hookimpl  # type: ignore[untyped-decorator]
    def register_analyses(self) -> list[dict[str, Any]]:
        """Return the functions ``scp.xps_stn.prefit``, ``.seed`` and ``.calibrate``."""
        return [_contribution(function.__name__, function) for function in (prefit, seed, calibrate)]

    @hookimpl  # type: ignore[untyped-decorator]
    def register_accessors(self) -> list[dict[str, Any]]:
        """Return the methods ``dataset.xps_stn.prefit()``, ``.seed()`` and ``.calibrate()``."""
        return [_contribution(f"{self.name}.{function.__name__}", function) for function in (prefit, seed, calibrate)]


def _contribution(name: str, function: Any) -> dict[str, Any]:
    return {"name": name, "func": function, "description": str(function.__doc__).splitlines()[0]}


def _region(dataset: Any, settings: Settings) -> Any:
    from ..readers.assembly import RawRegion, dataset_of

    where = str(dataset.name)
    if dataset.ndim != 1 or dataset.coord(-1) is None:
        raise PrefitError(where, f"it has shape {dataset.shape}; give one-dimensional datasets with an energy axis.")
    axis = dataset.coord(-1)
    if not axis.has_units:
        raise PrefitError(where, "the energy axis has no unit; set it to eV.")
    given = dataset.meta.get("photon_energy")
    raw = RawRegion(
        where,
        axis.to("eV").data,
        np.asarray(dataset.data, dtype=float),
        _kinetic(dataset),
        labels=(str(dataset.title), where),
        photon_energy=None if given is None else _in_ev(given),
        attrs={"intensity": "counts" if str(dataset.units) in ("count", "counts") else "arbitrary"},
    )
    return dataset_of(raw, settings)


def _kinetic(dataset: Any) -> bool:
    axis = dataset.coord(-1)
    return is_kinetic(str(dataset.name), [axis.title, axis.name])


def _in_ev(value: Any) -> float:
    return float(value.to("eV").magnitude if hasattr(value, "to") else value)
