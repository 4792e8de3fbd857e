"""Data of a prefit: shift, functional groups, calibrated spectrum, seeded models and fits."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import xarray as xr

from xps_prefit_hooks import (
    GroupEvidence,
    Prediction,
    PrefitError,
    RegionShift,
    Seed,
    Settings,
    Status,
    shown,
)

from .._util.files import refuse_measured
from .energy_scale import NOT_APPLIED, is_applied, reference_text, region_status, scale_offset, shift_text
from .group_sets import GroupSet, group_sets, parent_groups
from .samples import file_of
from .spectrum import calibrated, too_wide
from .survey import Survey

if TYPE_CHECKING:
    from lmfit.model import ModelResult


class LazySeeds(Mapping[str, Seed]):
    """Seeds by region, each made when it is first asked for.

    Parameters
    ----------
    regions : tuple of str
        Names of the regions.
    make : callable
        ``make(region)`` returns the seed, or None where there is none to be had; such a region is left out.
    """

    def __init__(self, regions: tuple[str, ...], make: Callable[[str], Seed | None]) -> None:
        self._regions = regions
        self._make = make
        self._cache: dict[str, Seed | None] = {}

    @property
    def regions(self) -> tuple[str, ...]:
        """Names of all regions, those without a model among them."""
        return self._regions

    def __getitem__(self, region: str) -> Seed:
        if region not in self._regions:
            raise KeyError(region)
        if region not in self._cache:
            self._cache[region] = self._make(region)
        seed = self._cache[region]
        if seed is None:
            raise KeyError(region)
        return seed

    def __iter__(self) -> Iterator[str]:
        return (region for region in self._regions if region in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        # A debugger or a notebook shows it unasked; that must not seed every region.
        regions = (region for region in self._regions if self._cache.get(region, ...) is not None)
        return f"{type(self).__name__}({', '.join(regions)})"


_Value = TypeVar("_Value")


class LazyMapping(Mapping[str, _Value]):
    """Values by name, found when they are first asked for.

    Parameters
    ----------
    find : callable
        ``find()`` returns all of them.
    """

    def __init__(self, find: Callable[[], Mapping[str, _Value]]) -> None:
        self._find = find
        self._cached: Mapping[str, _Value] | None = None

    def _values(self) -> Mapping[str, _Value]:
        if self._cached is None:
            self._cached = self._find()
        return self._cached

    def __getitem__(self, name: str) -> _Value:
        return self._values()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values())

    def __len__(self) -> int:
        return len(self._values())

    def __repr__(self) -> str:
        inside = "not computed yet" if self._cached is None else ", ".join(self._cached)
        return f"{type(self).__name__}({inside})"


class LazyEvidence(LazyMapping[tuple[GroupEvidence, ...]]):
    """Evidence by group, found when it is first asked for."""


@dataclass(frozen=True, eq=False, repr=False)
class PrefitData:
    """Data of a prefit: the spectrum, the prediction, the seeds, and the fits that were made.

    Energies are in eV. The reported scale is the one that `convention` states; `shift`,
    `region_shifts`, `calibrated`, `seeds`, `fits` and `evidence` are all on it.

    Parameters
    ----------
    source : str
        Where the spectrum came from.
    spectrum : xarray.DataTree
        As measured.
    moved : xarray.DataTree or None
        On the corrected axis; None where no shift is applied, because there is none or it is out of domain.
    prediction : Prediction
        What is reported, on the 285.00 eV scale: the network's word in view of what the user knows.
    settings : Settings
        What was asked for.
    seeds : mapping of str to Seed
        Seeded models of the regions for the calibrated axis, or for the measured one where no shift is applied.
    fits : mapping of str to lmfit.model.ModelResult
        Fits of the regions; empty until `fitted` makes them.
    evidence : mapping of str to tuple of GroupEvidence
        Parts of the spectrum that speak for or against each group that was found, found when first asked for; empty
        where no shift is applied.
    unsteered : Prediction or None
        What the network said by itself; the same as `prediction` where the user knew nothing.
    surveys : mapping of str to Survey
        Elements of each survey spectrum by region, found when first asked for.
    """

    source: str
    spectrum: xr.DataTree
    moved: xr.DataTree | None
    prediction: Prediction
    settings: Settings
    seeds: Mapping[str, Seed]
    fits: Mapping[str, ModelResult] = field(default_factory=dict)
    evidence: Mapping[str, tuple[GroupEvidence, ...]] = field(default_factory=dict)
    unsteered: Prediction | None = None
    surveys: Mapping[str, Survey] = field(default_factory=dict)

    def __repr__(self) -> str:
        regions = ", ".join(self.spectrum.children)
        return f"<{type(self).__name__} {shown(self.source)}: {self.shift_text}, {self.status}; {regions}>"

    @property
    def shift(self) -> float:
        """Measured minus true binding energy in eV, on the scale of the reference; NaN where none could be found."""
        return self.prediction.shift + scale_offset(self.settings)

    @property
    def shift_stderr(self) -> float:
        """Standard error of the shift in eV; NaN where there is no shift."""
        return self.prediction.shift_stderr

    @property
    def shift_text(self) -> str:
        """Shift and standard error for people."""
        return shift_text(self.shift, self.shift_stderr, self.moved is not None)

    @property
    def applied_shift(self) -> float:
        """Shift in eV that is subtracted from the measured energies on `axis`; 0 where none is applied."""
        return 0.0 if self.moved is None else self.shift

    @property
    def convention(self) -> str:
        """Convention of the energy scale."""
        settings = self.settings
        scale = reference_text(settings.reference, settings.reference_at, settings.calibrate_on)
        return f"measured minus true; {scale}"

    @property
    def scale_text(self) -> str:
        """Shift, trust in it, and what the energy scale means, in one line."""
        return f"{self.shift_text} ({self.status.replace('_', ' ')}); {self.convention}"

    @property
    def status(self) -> Status:
        """Trust in the shift, one of "ok", "uncertain" and "out_of_domain"."""
        return self.prediction.status

    @property
    def reasons(self) -> tuple[str, ...]:
        """Sentences that explain a status other than "ok", or warn, and what the reader had to leave out."""
        withheld = (NOT_APPLIED,) if self.moved is None and math.isfinite(self.shift) else ()
        skipped = self.spectrum.attrs.get("skipped", ())
        return (*withheld, *self.prediction.reasons, *skipped, *too_wide(self.spectrum))

    @property
    def groups(self) -> xr.DataArray:
        """Probability of each functional group over the coordinate ``group``, in the order of the vocabulary."""
        groups = self.prediction.groups
        return xr.DataArray(
            np.fromiter(groups.values(), dtype=float, count=len(groups)),
            coords={"group": list(groups)},
            dims="group",
            name="probability",
        )

    @property
    def parent_groups(self) -> dict[str, float]:
        """Probability of each parent of groups that are hard to tell apart; see `group_sets.parent_groups`."""
        return parent_groups(self.prediction.groups)

    @property
    def materials(self) -> dict[str, float]:
        """Probability of each class of materials; empty where the predictor does not tell."""
        return dict(self.prediction.materials)

    @property
    def elements(self) -> dict[str, float]:
        """Probability that the regions show a line of each element; empty where the predictor does not tell."""
        return dict(self.prediction.elements)

    @property
    def group_sets(self) -> tuple[GroupSet, ...]:
        """The three most probable sets of groups; see `group_sets.group_sets`."""
        return group_sets(self.prediction.groups)

    @property
    def region_shifts(self) -> dict[str, RegionShift]:
        """Shift of each region that shows a line, and its disagreement with the common one, in eV."""
        offset = scale_offset(self.settings)
        shifts = self.prediction.region_shifts
        return {name: replace(shift, value=shift.value + offset) for name, shift in shifts.items()}

    @property
    def calibrated(self) -> xr.DataTree:
        """The spectrum on the corrected axis; counts as measured, ``energy_referencing_*`` in the attributes.

        Raises
        ------
        PrefitError
            If no shift is applied.
        """
        if self.moved is None:
            raise PrefitError(self.source, " ".join((f"{self.shift_text}, so nothing is calibrated.", *self.reasons)))
        return self.moved

    def region_status(self, region: str) -> Status:
        """Trust in the energies of one region: `status`, but never "ok" where the predictor did not read the region."""
        return region_status(self.status, self.is_read(region))

    def is_read(self, region: str) -> bool:
        """Whether the predictor looked at a region."""
        read = self.prediction.regions_read
        return region in (self.prediction.region_shifts if read is None else read)

    def short_name(self, region: str, component: str) -> str:
        """Name of a component without the core level: ``C-O-C=O`` for ``C1s C-O-C=O`` in the region ``C1s_2``."""
        return component.removeprefix(f"{self.spectrum[region].attrs['region']} ")

    @property
    def axis(self) -> xr.DataTree:
        """Spectrum that seeds and fits are for, calibrated, or as measured where no shift is applied."""
        return self.spectrum if self.moved is None else self.moved

    def positions(self, center: float) -> tuple[float, float]:
        """Corrected and measured binding energy in eV of a position on `axis`; the first NaN where none is applied."""
        return (math.nan, center) if self.moved is None else (center, center + self.applied_shift)

    @property
    def file(self) -> Path:
        """Where the spectrum was read from; `source` may also name a sample in it."""
        return file_of(self.spectrum, self.source)

    def target(self, path: str | Path) -> Path:
        """Path to write to; raw data are never overwritten.

        Raises
        ------
        PrefitError
            If `path` is the file that the spectrum came from.
        """
        path = Path(path)
        refuse_measured(path, [self.file])
        return path


def calibrated_spectrum(spectrum: xr.DataTree, prediction: Prediction, settings: Settings) -> xr.DataTree:
    """Move the spectrum to the corrected axis, on which aliphatic C 1s is at the reference of the settings."""
    shift = prediction.shift + scale_offset(settings)
    return calibrated(
        spectrum,
        shift,
        prediction.shift_stderr,
        settings.reference,
        settings.reference_at,
        calibrated_on=settings.calibrate_on,
    )


def shift_is_applied(prediction: Prediction, settings: Settings) -> bool:
    """Whether the spectrum is moved by what is predicted; see `xps_stn_plugin.core.energy_scale.is_applied`."""
    return bool(is_applied(prediction.shift, prediction.status == "out_of_domain", settings))
