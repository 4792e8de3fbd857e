"""The front door: read a file, prefit a spectrum, prefit many."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack, overload

import xarray as xr

from xps_prefit_hooks import GroupEvidence, Prediction, PrefitError, Seed, Settings

from ._util.files import Overwrite, write_all
from .core.energy_scale import is_told, scale_offset
from .core.plugins import plugin_manager
from .core.result import (
    LazyEvidence,
    LazyMapping,
    LazySeeds,
    PrefitData,
    calibrated_spectrum,
    shift_is_applied,
)
from .core.samples import one_sample, samples_of
from .core.spectrum import checked_tree
from .core.survey import Survey, has_survey, is_survey
from .readers.arrays import FORMS, is_data, spectrum_from, standard_names
from .settings import SettingsOptions, settings_of

if TYPE_CHECKING:
    from lmfit.model import ModelResult
    from matplotlib.figure import Figure

    from .export.report import Report, Verdicts
    from .quantification import Quantification

#: What `prefit` takes: a path, an xarray object, or numbers as `spectrum` (of the package) takes them.
Spectrum = str | os.PathLike[str] | xr.DataTree | xr.Dataset | xr.DataArray | Sequence[Any] | Mapping[str, Any] | Any

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PrefitFailure:
    """A spectrum of `prefit_many` for which there is no result: where it came from, and why, in one sentence."""

    source: str
    reason: str


@dataclass(frozen=True, eq=False, repr=False)
class PrefitResult(PrefitData):
    """Result of a prefit: its data, with methods that fit, quantify, report, draw and write.

    Energies are in eV on the scale that `convention` states. `PrefitData` describes the parameters.
    """

    def fit(self, region: str = "C1s", **options: Any) -> ModelResult:
        """Fit the seeded model of one region to its data on `axis`.

        Parameters
        ----------
        region : str
            Name of the region.
        **options
            Passed on to `xps_stn_plugin.fitting.fit_seed`.

        Raises
        ------
        PrefitError
            If there is no seeded model for the region.
        """
        from .fitting import fit_seed

        if region not in self.seeds:
            known = ", ".join(self.seeds) or "none"
            raise PrefitError(self.source, f"there is no seeded model for region {region}; there is for: {known}.")
        fit = fit_seed(self.seeds[region], self.axis[region].to_dataset(), **options)
        plugin_manager().fitted(self, region, fit)
        return fit

    def fitted(self) -> PrefitResult:
        """Fit all regions that have a seeded model; the result comes with the fits."""
        return replace(self, fits={region: self.fit(region) for region in self.seeds})

    def save(self, path: str | Path, *, overwrite: Overwrite = False, inputs: Iterable[Path] = ()) -> None:
        """Write a file; its suffix tells the format (``xps-stn plugins`` lists them).

        Some formats write further files beside it; either all of them are written or none.

        Parameters
        ----------
        path : path
        overwrite : bool or collection of Path
            Whether files and links are replaced that this package did not write, or that were changed since, or which
            of them. Files that it wrote are replaced without a word.
        inputs : iterable of Path
            Files that are never replaced, beside the one that the spectrum came from.

        Raises
        ------
        PrefitError
            If no exporter has this suffix, `path` is the measured file, or a file cannot be written or must not be
            replaced.
        """
        path = self.target(path)
        exporters = plugin_manager().exporters()
        # The longest suffix first: ".seeds.json" is not ".json". Among equals the order of the plugins counts.
        for exporter in sorted(exporters, key=lambda exporter: -len(exporter.suffix)):
            if path.name.lower().endswith(exporter.suffix.lower()):
                write_all(path, partial(exporter.write, self), overwrite=overwrite, inputs=[self.file, *inputs])
                return
        known = ", ".join(dict.fromkeys(exporter.suffix for exporter in exporters))
        raise PrefitError(str(path), f"no output format has the suffix {path.suffix!r}; known are {known}.")

    def quantification(self) -> Quantification:
        """Atomic percentages of elements and components from the fits, with the settings' sensitivity factors.

        Raises
        ------
        PrefitError
            If nothing is fitted yet, or there is no such set of factors.
        """
        from .quantification import quantify

        return quantify(self)

    @property
    def survey(self) -> Survey | None:
        """Elements of the first survey spectrum; None without a survey. All of them stand in `surveys`."""
        return next(iter(self.surveys.values()), None)

    def plot(self) -> Figure:
        """Draw data, background, components, residuals and groups; returns a figure of its own, outside pyplot."""
        from .export.plot import figure

        return figure(self)

    def _repr_html_(self) -> str:
        """HTML for notebooks: status, shift, groups, plot and tables; fits where there are any."""
        from .export.html import fragment

        return fragment(self)

    @property
    def verdicts(self) -> Verdicts:
        """Trust in the shift, in the groups, and in the fit of each region, each for itself."""
        return self.report().verdicts

    def report(self) -> Report:
        """Return everything that outputs show, computed once; see ``xps_stn_plugin.export.report.Report``."""
        from .export.make_report import report_of

        return report_of(self)


def read(path: str | os.PathLike[str], photon_energy: float | None = None) -> xr.DataTree:
    """Read a spectrum with the readers of all plugins.

    Parameters
    ----------
    path : str or path-like
        The file.
    photon_energy : float, optional
        Photon energy in eV, for a kinetic energy axis; overrides the file's.

    Returns
    -------
    xarray.DataTree
        One child per region with ``counts(binding_energy)``; see `xps_stn_plugin.core.spectrum`. Of a file with several
        samples, one node for each, with its regions as children.

    Raises
    ------
    PrefitError
        If the file cannot be read.
    """
    return read_with(path, settings_of(photon_energy=photon_energy))


def prefit(spectrum: Spectrum, **options: Unpack[SettingsOptions]) -> PrefitResult:
    """Find the shift and the functional groups of a spectrum, and seed lmfit models with them.

    Parameters
    ----------
    spectrum : path, xarray object, tuple, array, table or mapping
        A file, a spectrum as `read` returns it, one region of xarray over its binding energies in eV (the region's
        attribute ``region`` or its name says which one it is: ``C1s``), or numbers: ``(energy, counts)`` and all else
        that `xps_stn_plugin.spectrum` takes.
    **options
        Settings by name, such as ``reference=284.8`` or ``expect="PMMA"``: those of `SettingsOptions`.

    Returns
    -------
    PrefitResult

    Raises
    ------
    PrefitError
        If the spectrum cannot be read or is not one, an option makes no sense, or a plugin fails.
    """
    return prefit_with(spectrum, settings_of(**options))


def prefit_with(spectrum: Spectrum, settings: Settings) -> PrefitResult:
    """Prefit with settings that `settings_of` made; see `prefit`."""
    return prefit_checked(checked_spectrum(spectrum, settings), settings)


def prefit_checked(tree: xr.DataTree, settings: Settings) -> PrefitResult:
    """Prefit a spectrum that `checked_spectrum` returned; see `prefit`."""
    source = str(tree.attrs["source"])
    said = plugin_manager().predict(tree, settings)
    surveys = LazyMapping(partial(_surveys, tree, said, settings))
    if has_survey(tree):
        # It loads optimisation routines that other spectra do not need.
        from .surveys.groups import without_what_surveys_lack

        said = without_what_surveys_lack(said, tree, surveys)
    prediction = said
    if is_told(settings):
        # lmfit comes with it, which a prefit without fit does not need.
        from .fitting.charge_reference import with_knowledge

        prediction = with_knowledge(said, tree, settings, partial(plugin_manager().predict, tree, settings))
    moved = calibrated_spectrum(tree, prediction, settings) if shift_is_applied(prediction, settings) else None
    # Where no shift is applied the data alone seed models on the measured axis: metals are fitted too.
    axis = tree if moved is None else moved
    if prediction.shift != said.shift:
        surveys = LazyMapping(partial(_surveys, tree, prediction, settings))
    return PrefitResult(
        source,
        tree,
        moved,
        prediction,
        settings,
        region_seeds(axis, prediction, settings, surveys),
        evidence=LazyEvidence(partial(_evidence, tree, prediction, settings)),
        unsteered=said,
        surveys=surveys,
    )


@overload
def prefit_many(spectra: xr.DataTree | xr.Dataset | xr.DataArray, **options: Any) -> xr.DataTree: ...
@overload
def prefit_many(
    spectra: str | os.PathLike[str] | Iterable[Spectrum], **options: Any
) -> list[PrefitResult | PrefitFailure]: ...
def prefit_many(
    spectra: xr.DataTree | xr.Dataset | xr.DataArray | str | os.PathLike[str] | Iterable[Spectrum], **options: Any
) -> xr.DataTree | list[PrefitResult | PrefitFailure]:
    """Prefit many spectra: one after the other, or a stack of them at once.

    Parameters
    ----------
    spectra : xarray.DataTree, xarray.Dataset, xarray.DataArray, or iterable of spectra
        A stack, ``counts(..., binding_energy)`` with further dimensions (a map, a depth profile), or spectra as for
        `prefit`. A path alone is one spectrum, or several where the file holds several samples.
    **options
        As for `prefit`; for a stack also those of `xps_stn_plugin.stacks.prefit.prefit_stack`.

    Returns
    -------
    xarray.DataTree
        For a stack: results on its own dimensions, see `xps_stn_plugin.stacks.prefit.prefit_stack`; those of an array
        of Dask's are computed when they are asked for.
    list of PrefitResult or PrefitFailure
        Otherwise: one per spectrum, in their order, and of a file with several samples one for each of them. A failure
        takes its place in the list and stops nothing.

    Raises
    ------
    PrefitError
        If an option makes no sense, a stack is none, or a folder is given, for which there is the batch; never for a
        spectrum.
    """
    if isinstance(spectra, xr.DataTree | xr.Dataset | xr.DataArray):
        from .stacks.prefit import prefit_stack, stack_options
        from .stacks.stack import stack_of

        own = {name: options.pop(name) for name in stack_options() if name in options}
        settings = settings_of(**options)
        chosen = one_sample(spectra, settings.sample) if isinstance(spectra, xr.DataTree) else spectra
        chosen = standard_names(chosen, settings)
        return prefit_stack(stack_of(chosen), settings, PrefitResult, **own)
    settings = settings_of(**options)
    if isinstance(spectra, str | os.PathLike):
        if Path(spectra).is_dir():
            msg = "is a folder; name its files, or let run_batch (command: xps-stn batch) work on it."
            raise PrefitError(os.fspath(spectra), msg)
        spectra = [spectra]
    if is_data(spectra) and not isinstance(spectra, list | tuple):
        spectra = [spectra]
    if isinstance(spectra, bytes) or not isinstance(spectra, Iterable):
        raise PrefitError("spectra", f"{type(spectra).__name__} is not a list of spectra; give paths or spectra.")
    return [
        result for number, spectrum in enumerate(spectra, start=1) for result in _attempts(number, spectrum, settings)
    ]


def _attempts(number: int, spectrum: Spectrum, settings: Settings) -> list[PrefitResult | PrefitFailure]:
    """Prefit of a spectrum, or of each sample of a file with several."""
    if not isinstance(spectrum, str | os.PathLike):
        return [_attempt(number, spectrum, settings)]
    try:
        trees = checked_spectra(spectrum, settings)
    except PrefitError as error:
        return [PrefitFailure(_source(spectrum, f"spectrum {number}"), str(error))]
    except Exception as error:  # noqa: BLE001 (as in `_attempt`)
        _log.exception("Unexpected error in %s", spectrum)
        return [PrefitFailure(os.fspath(spectrum), f"unexpected {type(error).__name__}: {error}")]
    return [_attempt(number, tree, settings) for tree in trees]


def _attempt(number: int, spectrum: Spectrum, settings: Settings) -> PrefitResult | PrefitFailure:
    try:
        return prefit_with(spectrum, settings)
    except PrefitError as error:
        return PrefitFailure(_source(spectrum, f"spectrum {number}"), str(error))
    except Exception as error:  # noqa: BLE001 (one bad spectrum must not lose a night's work; logged with traceback)
        source = _source(spectrum, f"spectrum {number}")
        _log.exception("Unexpected error in %s", source)
        return PrefitFailure(source, f"unexpected {type(error).__name__}: {error}")


def read_with(path: str | os.PathLike[str], settings: Settings) -> xr.DataTree:
    """Read with settings that `settings_of` made; see `read`."""
    from .readers import read_file

    return read_file(Path(path), plugin_manager().readers(), settings)


def region_seeds(
    spectrum: xr.DataTree, prediction: Prediction, settings: Settings, surveys: Mapping[str, Survey] | None = None
) -> LazySeeds:
    """Seeds of the calibrated spectrum's regions, each made when it is first asked for; surveys tell the elements."""
    # A stack can be read and calibrated; a seed is for one spectrum.
    regions = tuple(name for name, child in spectrum.children.items() if child["counts"].ndim == 1)
    return LazySeeds(regions, partial(_region_seed, spectrum, prediction, settings, surveys or {}))


def _region_seed(
    spectrum: xr.DataTree, prediction: Prediction, settings: Settings, surveys: Mapping[str, Survey], region: str
) -> Seed | None:
    applied = shift_is_applied(prediction, settings)
    known = prediction if applied else replace(prediction, shift=math.nan, shift_stderr=math.nan)
    if surveys and not is_survey(spectrum[region].to_dataset(), region):
        from .surveys import with_elements

        spectrum = with_elements(spectrum, surveys)
    seed = plugin_manager().seed(spectrum, region, known, settings)
    if seed is None:
        return None
    if applied:
        return seed.changed(shift=prediction.shift + scale_offset(settings))
    return seed.changed(notes=(*seed.notes, "No shift is applied: the model is for the measured axis."))


def _evidence(
    spectrum: xr.DataTree, prediction: Prediction, settings: Settings
) -> Mapping[str, tuple[GroupEvidence, ...]]:
    return plugin_manager().explain(spectrum, prediction, settings) if shift_is_applied(prediction, settings) else {}


def _surveys(spectrum: xr.DataTree, prediction: Prediction, settings: Settings) -> Mapping[str, Survey]:
    from .surveys import predicted_surveys

    return predicted_surveys(spectrum, prediction, settings)


def _source(spectrum: Any, default: str) -> str:
    if isinstance(spectrum, str | os.PathLike):
        return os.fspath(spectrum)
    # A child of a tree knows its source from the root.
    return str(getattr(getattr(spectrum, "root", spectrum), "attrs", {}).get("source", default))


def checked_spectrum(spectrum: Spectrum, settings: Settings) -> xr.DataTree:
    """Spectrum with ascending axes and complete attributes, whoever made it; a path is read.

    Raises
    ------
    PrefitError
        If it cannot be read, is not a spectrum, or holds several samples of which none is chosen.
    """
    if isinstance(spectrum, str | os.PathLike):
        spectrum = read_with(spectrum, settings)
    if isinstance(spectrum, xr.DataTree):
        spectrum = one_sample(spectrum, settings.sample)
    source = _source(spectrum, "spectrum")
    if is_data(spectrum):
        spectrum = spectrum_from(spectrum, settings, source=source)
    if isinstance(spectrum, xr.DataTree | xr.Dataset | xr.DataArray):
        return checked_tree(source, standard_names(spectrum, settings, source))
    raise PrefitError(source, f"{type(spectrum).__name__} is not a spectrum; give a path or {FORMS}.")


def checked_spectra(spectrum: Spectrum, settings: Settings) -> list[xr.DataTree]:
    """Spectra of all samples of a file or tree, checked as by `checked_spectrum`; one where there is one sample.

    Raises
    ------
    PrefitError
        As `checked_spectrum`.
    """
    if isinstance(spectrum, str | os.PathLike):
        spectrum = read_with(spectrum, settings)
    samples = samples_of(spectrum) if isinstance(spectrum, xr.DataTree) and settings.sample is None else {}
    return [checked_spectrum(one, settings) for one in (samples.values() or [spectrum])]
