"""Parts of a prefit without the network, for scripts: seeds with what is told by hand, elements of surveys."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final, Literal

import xarray as xr

from xps_prefit_hooks import ModelInfo, Prediction, PrefitError, Seed, Settings

from .api import Spectrum, checked_spectrum, region_seeds
from .chemistry.groups import group_names
from .chemistry.substances import find_substance
from .core.energy_scale import scale_offset
from .core.result import LazySeeds, calibrated_spectrum
from .core.spectrum import OFFSET
from .core.survey import Survey, is_survey
from .readers.arrays import spectrum_from
from .settings import settings_of

if TYPE_CHECKING:
    from lmfit.model import ModelResult

#: Who says so where the user does.
_BY_HAND: Final = ModelInfo("by hand", "", "")


def spectrum(
    data: Any = None,
    /,
    *,
    photon_energy: float | None = None,
    kinetic: bool = False,
    intensity: Literal["counts", "counts per second", "arbitrary"] | None = None,
    sample: str | None = None,
    **regions: Any,
) -> xr.DataTree:
    """Make a spectrum of numbers.

    Parameters
    ----------
    data : tuple, array, DataFrame, Series, mapping or xarray object, optional
        One region without a name, which is then told by its energies, or a mapping of regions by name.
    photon_energy : float, optional
        In eV; turns kinetic energies into binding energies.
    kinetic : bool
        Whether energies are kinetic. A column or coordinate that is called kinetic energy, or KE, is so anyway.
    intensity : {"counts", "counts per second", "arbitrary"}, optional
        What the numbers are, where no name tells; counts are fitted with their statistics.
    sample : str, optional
        Name of the sample.
    **regions
        Data by region: ``C1s=(energy, counts)``. Energies are in eV, in any order; counts may have further dimensions
        before the energies. Arrays, tables, series and xarray objects are taken as well.

    Returns
    -------
    xarray.DataTree
        As `xps_stn_plugin.read` returns it.

    Raises
    ------
    PrefitError
        If it is not clear what the data are, or the numbers cannot be used.

    Examples
    --------
    >>> import numpy as np
    >>> energy = np.arange(280, 295, 0.1)
    >>> counts = 100 + 900 * np.exp(-((energy - 285) ** 2))
    >>> list(spectrum(C1s=(energy, counts)).children)
    ['C1s']
    """
    if (data is None) == (not regions):
        raise PrefitError("spectrum", "give data, or data by region such as C1s=(energy, counts), one of the two.")
    settings = settings_of(photon_energy=photon_energy)
    return spectrum_from(
        regions if data is None else data, settings, kinetic=kinetic, intensity=intensity, sample=sample
    )


def survey(
    spectrum: Spectrum, region: str | None = None, *, shift: float | None = None, **options: Any
) -> Survey | xr.Dataset:
    """Find the elements of a survey spectrum without the network.

    Parameters
    ----------
    spectrum : path, xarray.DataTree, xarray.Dataset or xarray.DataArray
        As for `prefit`, or a stack of surveys, on the measured axis.
    region : str, optional
        Name of the region; the first survey by default.
    shift : float, optional
        Measured minus true binding energy in eV where it is known, with hydrocarbon C 1s at 284.8 eV; None finds it.
    **options
        As for `prefit`; ``photon_energy`` and ``transmission`` matter.

    Returns
    -------
    Survey or xarray.Dataset
        Elements with probabilities and atomic percentages; of a stack over its dimensions and ``element``.

    Raises
    ------
    PrefitError
        If the spectrum or an option makes no sense, or it has no survey that can be used.

    Examples
    --------
    >>> [element.symbol for element in survey("pet.vms").elements]  # doctest: +SKIP
    ['C', 'O']
    """
    from .surveys import stack_survey, survey_of

    settings = settings_of(**options)
    tree = checked_spectrum(spectrum, settings)
    source = str(tree.attrs["source"])
    names = [str(name) for name, child in tree.children.items() if is_survey(child.to_dataset(), str(name))]
    if region is not None and region not in names:
        raise PrefitError(source, f"there is no survey {region}; there is: {', '.join(names) or 'none'}.")
    if not names:
        msg = (
            f"there is no survey; its regions are {', '.join(map(str, tree.children))}. Give a scan of 100 eV or more."
        )
        raise PrefitError(source, msg)
    name = region or names[0]
    dataset = tree[name].to_dataset()
    photon_energy, transmission = settings.photon_energy, settings.transmission
    if dataset["counts"].ndim > 1:
        return stack_survey(dataset, photon_energy=photon_energy, shift=shift, transmission=transmission)
    found = survey_of(dataset, region=name, photon_energy=photon_energy, shift=shift, transmission=transmission)
    if found is None:
        msg = f"{name} has too few points between the valence band and the secondary electrons; measure a wider range."
        raise PrefitError(source, msg)
    return found


def seed(
    spectrum: Spectrum,
    region: str | None = None,
    *,
    groups: str | Iterable[str] = (),
    shift: float | None = 0.0,
    shift_stderr: float = 0.1,
    **options: Any,
) -> Seed:
    """Seed the model of one region without the network.

    Parameters
    ----------
    spectrum : path, xarray.DataTree, xarray.Dataset or xarray.DataArray
        As for `prefit`, on the measured axis.
    region : str, optional
        Name of the region; may be left out where there is one.
    groups : str or iterable of str
        Functional groups that the sample has.
    shift : float or None
        Measured minus true binding energy in eV on the scale of the reference; 0 for a calibrated axis. None takes it
        from the lines of the substances in `expect`.
    shift_stderr : float
        Its standard error in eV, which widens the windows of the lines. Not used where `shift` is None.
    **options
        As for `prefit`; groups of substances in `expect` and those in `present` are added to `groups`.

    Returns
    -------
    Seed
        Its ``x`` is the measured binding energy less ``seed.shift``.

    Raises
    ------
    PrefitError
        If the spectrum or an option makes no sense, there is no such region, or it has no model (a survey).

    Examples
    --------
    >>> made = seed("pet.vms", "C1s", groups=["ester (aromatic)"], shift=1.2)  # doctest: +SKIP
    >>> made.model.fit(counts, made.params, x=energy - made.shift)  # doctest: +SKIP
    """
    made = seeds(spectrum, groups=groups, shift=shift, shift_stderr=shift_stderr, **options)
    names = list(made.regions)
    if region is None and len(names) != 1:
        raise PrefitError("region", f"the spectrum has {', '.join(names)}; name one.")
    name = names[0] if region is None else region
    if name not in made:
        raise PrefitError(
            f"region {name}", f"there is no model to be seeded; there is for: {', '.join(made) or 'none'}."
        )
    return made[name]


def seeds(
    spectrum: Spectrum,
    *,
    groups: str | Iterable[str] = (),
    shift: float | None = 0.0,
    shift_stderr: float = 0.1,
    **options: Any,
) -> LazySeeds:
    """Seed the models of all regions without the network; parameters as for `seed`.

    Returns
    -------
    mapping of str to Seed
        By region, each made when it is first asked for.
    """
    settings = settings_of(**options)
    known = settings_of(present=groups).present
    settings = settings_of(**{**vars(settings), "present": (*known, *settings.present)})
    if not (math.isfinite(shift_stderr) and shift_stderr >= 0):
        raise PrefitError("shift_stderr", f"{shift_stderr:g} eV is not a standard error; give a number from 0 on.")
    tree = checked_spectrum(spectrum, settings)
    prediction = _prediction(tree, settings, shift, shift_stderr)
    return region_seeds(calibrated_spectrum(tree, prediction, settings), prediction, settings)


def fit(seed: Seed, data: xr.DataArray | xr.Dataset | xr.DataTree, **options: Any) -> ModelResult:
    """Fit a seed to its region.

    Parameters
    ----------
    seed : Seed
    data : xarray.DataArray, xarray.Dataset or xarray.DataTree
        ``counts(binding_energy)`` of the region, or a spectrum that has it. ``seed.shift`` is taken off the axis,
        unless it is calibrated already, as `PrefitResult.calibrated` is (the axis's attribute
        ``energy_referencing_offset`` tells).
    **options
        Passed on to `xps_stn_plugin.fitting.fit_seed`, such as ``max_nfev`` or ``weights``.

    Returns
    -------
    lmfit.model.ModelResult

    Raises
    ------
    PrefitError
        If the data are not a spectrum of one region.
    """
    from .fitting import fit_seed

    if isinstance(data, xr.DataTree) and data.children:
        if seed.region not in data.children:
            raise PrefitError(f"region {seed.region}", f"is not in the spectrum, which has {', '.join(data.children)}.")
        data = data[seed.region].to_dataset()
    # A single region may bear any name: the seed says what it is.
    tree = checked_spectrum(data, Settings())
    (region,) = (child.to_dataset() for child in tree.children.values())
    axis = region["binding_energy"]
    if OFFSET not in axis.attrs:
        region = region.assign_coords(binding_energy=("binding_energy", axis.values - seed.shift, axis.attrs))
    return fit_seed(seed, region, **options)


def _prediction(spectrum: xr.DataTree, settings: Settings, shift: float | None, stderr: float) -> Prediction:
    """Say what the user knows as a network would."""
    substances = [find_substance(text) for text in settings.expect]
    there = {*settings.present, *(group for one in substances for group in one.groups)}
    groups = {name: float(name in there) for name in group_names()}
    if shift is None:
        from .expectation import shift_of_lines

        found = shift_of_lines(spectrum, substances)
        return Prediction(found.shift, found.stderr, groups, "ok", (), {}, _BY_HAND)
    if not math.isfinite(shift):
        raise PrefitError("shift", f"{shift} eV is not a shift; give a number of eV.")
    return Prediction(shift - scale_offset(settings), stderr, groups, "ok", (), {}, _BY_HAND)
