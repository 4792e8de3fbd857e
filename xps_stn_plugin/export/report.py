"""The report of one prefit: everything that outputs show, computed once; renderers read it and compute nothing.

Its JSON is the schema ``xps-stn/prefit/1`` (``export/data/prefit-1.schema.json``, docs/json.md). Energies are in eV on
the scale that ``shift.convention`` states; every number is finite or None.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Final

from msgspec import UNSET, Struct, UnsetType

from xps_prefit_hooks import ReferenceAt, Status

from ..core.energy_scale import shift_text
from .survey_report import SurveyReport
from .texts import or_nan

SCHEMA: Final = "xps-stn/prefit/1"

#: Fits whose verdicts are named one by one.
_MOST_NAMED: Final = 6

#: Verdicts, the worst first.
VERDICTS: Final = ("failed", "poor", "out_of_domain", "uncertain", "ok")

#: Probabilities between these are undecided. Groups are in doubt where more than this share of a region is unexplained.
UNDECIDED: Final = (0.3, 0.7)
UNEXPLAINED: Final = 0.1

#: Probability above which the most probable set of groups needs no others beside it.
CERTAIN_SET: Final = 0.9


class Value(Struct, frozen=True):
    """A number with its standard error."""

    value: float | None
    stderr: float | None


class ReferenceCheck(Struct, frozen=True):
    """Comparison of the named reference line with carbon or the network; see the hooks' type of this name."""

    line: str
    energy: float
    measured: float
    stderr: float
    against: str
    disagreement: float | None
    disagreement_stderr: float | None


class Shift(Struct, frozen=True):
    """Common shift: measured minus true binding energy."""

    value: float | None
    stderr: float | None
    unit: str
    convention: str
    reference: float
    reference_at: ReferenceAt = "first-member"
    applied: float = 0.0
    #: Line that the user named as reference in place of carbon (``Au 4f7/2``); not there where carbon is.
    calibrated_on: str | UnsetType = UNSET
    #: How the line that the shift was taken from agrees with carbon or the network; not there for other shifts.
    check: ReferenceCheck | UnsetType = UNSET

    @property
    def is_applied(self) -> bool:
        """Whether energies are moved by it."""
        return self.value is not None and self.applied == self.value

    @property
    def text(self) -> str:
        """Shift and standard error, for people."""
        return shift_text(or_nan(self.value), or_nan(self.stderr), self.is_applied)


class RegionShift(Struct, frozen=True):
    """Shift of one region, and its disagreement with the common one."""

    value: float | None
    stderr: float | None
    disagreement: float | None
    unit: str


class Evidence(Struct, frozen=True):
    """Part of a region that speaks for a group, or against it where the weight is negative."""

    region: str
    low: float | None
    high: float | None
    weight: float | None


class Group(Struct, frozen=True):
    """A functional group with its probability."""

    name: str
    probability: float | None
    evidence: tuple[Evidence, ...] | UnsetType = UNSET


class Background(Struct, frozen=True):
    """Background of a region: its kind, its parameters and their standard errors by name."""

    kind: str
    parameters: dict[str, float | None]
    stderr: dict[str, float | None]


class ConfidenceInterval(Struct, frozen=True):
    """Interval of ``center`` or ``area``; a limit is None where it was not found."""

    quantity: str
    sigma: float
    low: float | None
    high: float | None


class Component(Struct, frozen=True):
    """One component; a spin-orbit doublet is one."""

    name: str
    groups: tuple[str, ...]
    center: float | None
    center_measured: float | None
    fwhm: float | None
    area: float | None
    stderr: dict[str, float | None]
    at_bound: tuple[str, ...]
    atomic_percent: Value | None
    prefix: str
    fraction_of_region: float | None
    maximum: float | None = None
    maximum_measured: float | None = None
    confidence: tuple[ConfidenceInterval, ...] | UnsetType = UNSET
    #: Core level of another element that it belongs to; not there for the region's own.
    level: str | UnsetType = UNSET
    #: Chemical state of the element that brings it; not there where none does.
    state: str | UnsetType = UNSET

    @property
    def assigned(self) -> bool:
        """Whether a group, a chemical state or another element brings it."""
        return bool(self.groups or self.state or self.level)

    @property
    def flags(self) -> str:
        """What is special about the component, in a few words."""
        words = [] if self.assigned else ["unassigned"]
        if self.level:
            words.append(f"line of {self.level[:-2]}")
        if self.at_bound == ("area",):
            words.append("no signal")
        elif self.at_bound:
            words.append(f"{', '.join(self.at_bound)} at bound")
        return "; ".join(words)


class Correlation(Struct, frozen=True):
    """Two parameters of different components that correlate strongly."""

    between: tuple[str, str]
    value: float | None


class Verdicts(Struct, frozen=True):
    """Trust in the shift, in the groups, and in the fit of each region that has a model, each for itself."""

    shift: Status
    groups: Status
    fits: dict[str, str]

    @property
    def named(self) -> tuple[tuple[str, str], ...]:
        """Subject and verdict of each: ``shift``, ``groups``, ``fit of C1s``; of many fits ``7 fits`` of a verdict."""
        fits = [(f"fit of {region}", verdict) for region, verdict in self.fits.items()]
        if len(fits) > _MOST_NAMED:
            counts = Counter(self.fits.values())
            fits = [(f"{count} fit{'' if count == 1 else 's'}", verdict) for verdict, count in counts.items()]
        return (("shift", self.shift), ("groups", self.groups), *fits)

    @property
    def worst(self) -> str:
        """The worst of the verdicts; regions that were not fitted do not count."""
        return min((verdict for _, verdict in self.named if verdict in VERDICTS), key=VERDICTS.index)


class Fit(Struct, frozen=True):
    """Fit of a region."""

    success: bool
    describes_data: bool
    redchi: float | None
    nfev: int
    bic: float | None
    message: str
    weighting: str
    chi_square_probability: float | None
    durbin_watson: float | None
    runs_p: float | None
    correlations: tuple[Correlation, ...]
    notes: tuple[str, ...]
    method: str = ""
    rms_residual: float | None = None
    verdict: str = "ok"

    @property
    def fitted(self) -> str:
        """``yes`` for a fit that describes the data, ``poor`` for another, ``failed`` for one without success."""
        return ("yes" if self.describes_data else "poor") if self.success else "failed"

    @property
    def state(self) -> str:
        """Success and quality of the fit in one line."""
        return {"failed": "fit without success; ", "poor": "does not describe the data; "}.get(
            self.fitted, ""
        ) + self.line

    @property
    def line(self) -> str:
        """Quality of the fit in one line."""
        # lmfit comes with it, which a report that was made before does not need.
        from ..fitting.quality import quality_line

        return quality_line(self.redchi, self.chi_square_probability, self.weighting, self.durbin_watson, self.runs_p)


class Region(Struct, frozen=True):
    """One region: its shift, seeded model and fit."""

    shift: RegionShift | None
    background: Background | None
    components: tuple[Component, ...]
    notes: tuple[str, ...]
    fit: Fit | None
    core_level: str = ""
    label: str = ""
    status: Status = "uncertain"
    #: Elements of a survey; not there for other regions.
    survey: SurveyReport | UnsetType = UNSET

    @property
    def state(self) -> str:
        """Whether there is a fit, and its quality."""
        if self.fit is None:
            return "start values, not fitted"
        return self.fit.state

    def short_name(self, component: Component) -> str:
        """Name of a component without the core level: ``C-O-C=O`` for ``C1s C-O-C=O``."""
        return component.name.removeprefix(f"{self.core_level} ")


class Sensitivity(Struct, frozen=True):
    """Set of sensitivity factors."""

    name: str
    citation: str


class Element(Struct, frozen=True):
    """Atomic percentage of one element."""

    symbol: str
    region: str
    atomic_percent: float | None
    stderr: float | None


class Share(Struct, frozen=True):
    """Atomic percentage of one component."""

    region: str
    name: str
    groups: tuple[str, ...]
    assigned: bool
    atomic_percent: float | None
    stderr: float | None
    percent_of_region: float | None
    percent_of_region_stderr: float | None


class Amount(Struct, frozen=True):
    """Amount of a group from one region, in groups per 100 atoms."""

    region: str
    components: tuple[str, ...]
    amount: float | None
    stderr: float | None


class Comparison(Struct, frozen=True):
    """Amounts of one group from two regions or more."""

    group: str
    estimates: tuple[Amount, ...]
    disagreement_percent: float | None
    disagreement_sigma: float | None
    agrees: bool | None
    sentence: str


class Quantification(Struct, frozen=True):
    """Atomic percentages of elements and components."""

    sensitivity: Sensitivity
    transmission: float
    escape_depth: float
    elements: tuple[Element, ...]
    components: tuple[Share, ...]
    comparisons: tuple[Comparison, ...]
    notes: tuple[str, ...]

    @property
    def sentences(self) -> tuple[str, ...]:
        """Comparisons and notes, each once."""
        return tuple(dict.fromkeys([*(comparison.sentence for comparison in self.comparisons), *self.notes]))


class Parent(Struct, frozen=True):
    """A parent of functional groups that are hard to tell apart, and the probability that it is present."""

    name: str
    members: tuple[str, ...]
    probability: float | None


class Material(Struct, frozen=True):
    """Probability of a class of materials."""

    name: str
    probability: float | None


class SeenElement(Struct, frozen=True):
    """Probability that the regions show a line of an element."""

    symbol: str
    probability: float | None


class GroupSet(Struct, frozen=True):
    """Functional groups that are present while all others are absent, and the probability of that."""

    groups: tuple[str, ...]
    probability: float

    @property
    def text(self) -> str:
        """For people: ``alkane + ester (aliphatic) 0.62``."""
        return f"{' + '.join(self.groups) or 'none'} {self.probability:.2f}"


class Model(Struct, frozen=True):
    """The predictor: name, version, and SHA-256 of its weights (empty without weights)."""

    name: str
    version: str
    sha256: str


class Report(Struct, frozen=True):
    """Report of one prefit."""

    schema: str
    source: str
    status: Status
    reasons: tuple[str, ...]
    shift: Shift
    groups: tuple[Group, ...]
    regions: dict[str, Region]
    quantification: Quantification | None
    model: Model
    verdicts: Verdicts
    parent_groups: tuple[Parent, ...] = ()
    group_sets: tuple[GroupSet, ...] = ()
    materials: tuple[Material, ...] = ()
    elements: tuple[SeenElement, ...] = ()

    @property
    def name(self) -> str:
        """File name of the source."""
        return Path(self.source).name or self.source

    @property
    def position_title(self) -> str:
        """What tables for people give as position: the line's maximum where the scale's reference is one."""
        return "maximum / eV" if self.shift.reference_at == "maximum" else "center / eV"

    def position(self, component: Component) -> tuple[float | None, float | None]:
        """Position of a component for people, on the corrected and on the measured axis in eV."""
        return positions_for_people(self.shift.reference_at, component)

    def likely(self, least: float, most: int | None = None) -> tuple[Group, ...]:
        """Select groups of a probability above `least`, the most probable first, at most `most` of them."""
        return tuple(group for group in self.groups if (group.probability or 0.0) > least)[:most]

    def likely_parents(self, least: float) -> tuple[Parent, ...]:
        """Select parents of a probability above `least` of which no member has one."""
        named = {group.name for group in self.likely(least)}
        return tuple(
            parent
            for parent in self.parent_groups
            if (parent.probability or 0.0) > least and named.isdisjoint(parent.members)
        )

    @property
    def material_text(self) -> str:
        """Classes of materials above probability 0.5, for people; empty where there is none."""
        return ", ".join(
            f"{material.name} {material.probability:.2f}"
            for material in self.materials
            if (material.probability or 0.0) > 0.5
        )

    @property
    def open_sets(self) -> tuple[GroupSet, ...]:
        """Sets of groups that are worth naming: more than one, unless the first is nearly certain."""
        return self.group_sets if self.group_sets and self.group_sets[0].probability < CERTAIN_SET else ()

    @property
    def surveys(self) -> dict[str, SurveyReport]:
        """Elements of each survey by region."""
        return {name: region.survey for name, region in self.regions.items() if region.survey}

    @property
    def modelled(self) -> dict[str, Region]:
        """Regions that have a seeded model."""
        return {name: region for name, region in self.regions.items() if region.background is not None}


def positions_for_people(reference_at: ReferenceAt, component: Component) -> tuple[float | None, float | None]:
    """Corrected and measured position of a component in eV: its maximum where the scale's reference is one."""
    if reference_at == "maximum":
        return component.maximum, component.maximum_measured
    return component.center, component.center_measured
