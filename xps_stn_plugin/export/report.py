"""The report of one prefit: everything that outputs show, computed once; renderers read it and compute nothing.

Its JSON is the schema ``xps-stn/prefit/1`` (``export/data/prefit-1.schema.json``, docs/json.md). Energies are in eV on
the scale that ``shift.convention`` states; every number is finite or None.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec
from msgspec import UNSET, Struct, UnsetType

from xps_prefit_hooks import ReferenceAt, Status

from ..core.energy_scale import NOT_READ, shift_text
from ..fitting import ComponentRow, Confidence, FitQuality, background_table, component_table, fit_quality
from ..fitting.quality import quality_line
from ..quantification import ComponentShare, quantify
from .texts import or_nan

if TYPE_CHECKING:
    from lmfit.model import ModelResult

    from xps_prefit_hooks import Seed

    from ..core.result import PrefitData

SCHEMA: Final = "xps-stn/prefit/1"

#: Verdicts, the worst first.
VERDICTS: Final = ("failed", "poor", "out_of_domain", "uncertain", "ok")

#: Probabilities between these are undecided. Groups are in doubt where more than this share of a region is unexplained.
UNDECIDED: Final = (0.3, 0.7)
UNEXPLAINED: Final = 0.1


class Value(Struct, frozen=True):
    """A number with its standard error."""

    value: float | None
    stderr: float | None


class Shift(Struct, frozen=True):
    """Common shift: measured minus true binding energy."""

    value: float | None
    stderr: float | None
    unit: str
    convention: str
    reference: float
    reference_at: ReferenceAt = "first-member"
    applied: float = 0.0

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

    @property
    def flags(self) -> str:
        """What is special about the component, in a few words."""
        words = [] if self.groups else ["unassigned"]
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
        """Subject and verdict of each: ``shift``, ``groups``, ``fit of C1s``."""
        fits = ((f"fit of {region}", verdict) for region, verdict in self.fits.items())
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

    @property
    def modelled(self) -> dict[str, Region]:
        """Regions that have a seeded model."""
        return {name: region for name, region in self.regions.items() if region.background is not None}


def positions_for_people(reference_at: ReferenceAt, component: Component) -> tuple[float | None, float | None]:
    """Corrected and measured position of a component in eV: its maximum where the scale's reference is one."""
    if reference_at == "maximum":
        return component.maximum, component.maximum_measured
    return component.center, component.center_measured


def report_of(result: PrefitData) -> Report:
    """Return the report of a result; it is computed once, and anew where a fit or its confidence intervals are new."""
    fits = tuple((region, id(fit), id(getattr(fit, "confidence", None))) for region, fit in result.fits.items())
    kept = vars(result).get("_report")
    if kept is None or kept[0] != fits:
        kept = (fits, _report(result))
        # A frozen dataclass refuses assignment; what is kept here is a consequence of its fields.
        object.__setattr__(result, "_report", kept)
    return cast("Report", kept[1])


def with_evidence(report: Report, result: PrefitData) -> Report:
    """Return the report with the evidence for its groups, which the predictor is asked for here."""
    groups = tuple(
        msgspec.structs.replace(
            group,
            evidence=tuple(
                Evidence(part.region, _finite(part.low), _finite(part.high), _finite(part.weight))
                for part in result.evidence[group.name]
            ),
        )
        if group.name in result.evidence
        else group
        for group in report.groups
    )
    return msgspec.structs.replace(report, groups=groups)


def _report(result: PrefitData) -> Report:
    probabilities = result.prediction.groups
    ranked = sorted(
        probabilities, key=lambda name: (-probabilities[name] if math.isfinite(probabilities[name]) else 1.0, name)
    )
    model = result.prediction.model
    amounts = quantify(result) if result.fits else None
    shares = {} if amounts is None else {(share.region, share.name): share for share in amounts.components}
    regions = {str(name): region_report(result, str(name), shares) for name in result.spectrum.children}
    return Report(
        schema=SCHEMA,
        source=result.source,
        status=result.status,
        reasons=tuple(result.reasons),
        shift=Shift(
            _finite(result.shift),
            _finite(result.shift_stderr),
            "eV",
            result.convention,
            float(result.settings.reference),
            result.settings.reference_at,
            float(result.applied_shift),
        ),
        groups=tuple(Group(name, _finite(probabilities[name])) for name in ranked),
        regions=regions,
        quantification=None if amounts is None else msgspec.convert(amounts.to_dict(), Quantification, strict=False),
        model=Model(model.name, model.version, model.sha256),
        verdicts=_verdicts(result, regions),
    )


def _verdicts(result: PrefitData, regions: Mapping[str, Region]) -> Verdicts:
    modelled = {name: region for name, region in regions.items() if region.background is not None}
    fits = {name: "not fitted" if region.fit is None else region.fit.verdict for name, region in modelled.items()}
    groups = groups_verdict(result.status, result.prediction.groups, modelled.values())
    return Verdicts(result.status, groups, fits)


def groups_verdict(status: Status, probabilities: Mapping[str, float], regions: Iterable[Region]) -> Status:
    """Judge the groups by themselves.

    Parameters
    ----------
    status : str
        Status of the shift, which tells whether the network knows such spectra.
    probabilities : mapping of str to float
    regions : iterable of Region
        Those that have a model.

    Returns
    -------
    str
        ``uncertain`` where a probability is undecided, a component that no group explains holds more than `UNEXPLAINED`
        of its region, or a group that is present has components without signal alone.
    """
    if status != "ok":
        return status
    if any(UNDECIDED[0] < probability < UNDECIDED[1] for probability in probabilities.values()):
        return "uncertain"
    signal: dict[str, bool] = {}
    for region in regions:
        for component in region.components:
            if not component.groups and (component.fraction_of_region or 0.0) > UNEXPLAINED:
                return "uncertain"
            for group in component.groups:
                signal[group] = signal.get(group, False) or component.at_bound != ("area",)
    return "ok" if all(signal.values()) else "uncertain"


def region_report(
    result: PrefitData, name: str, shares: Mapping[tuple[str, str], ComponentShare] = MappingProxyType({})
) -> Region:
    """Return the report of one region alone, which makes no other region's model.

    Parameters
    ----------
    result : PrefitData
    name : str
        Name of the region.
    shares : mapping of (str, str) to ComponentShare
        Atomic percentages of components by region and name; they need the fits of all regions.
    """
    shift = result.region_shifts.get(name)
    seed, fit = result.seeds.get(name), result.fits.get(name)
    attrs = result.spectrum[name].attrs
    level = str(attrs.get("region", name))
    label = str(attrs.get("label", name))
    region_shift = (
        None
        if shift is None
        else RegionShift(_finite(shift.value), _finite(shift.stderr), _finite(shift.disagreement), "eV")
    )
    status = result.region_status(name)
    unread = () if result.moved is None or result.is_read(name) else (NOT_READ,)
    if seed is None:
        return Region(region_shift, None, (), unread, None, level, label, status)
    components = component_table(seed, fit)
    rows = background_table(seed, fit)
    confidence: Confidence | None = getattr(fit, "confidence", None)
    return Region(
        shift=region_shift,
        background=Background(
            seed.background,
            {row.name: _finite(row.value) for row in rows},
            {row.name: _finite(row.stderr) for row in rows},
        ),
        components=tuple(_component(result, row, shares.get((name, row.name)), confidence) for row in components),
        notes=(*unread, *seed.notes),
        fit=None if fit is None else _fit(seed, fit, components, confidence),
        core_level=level,
        label=label,
        status=status,
    )


def _component(
    result: PrefitData, row: ComponentRow, share: ComponentShare | None, confidence: Confidence | None
) -> Component:
    center, measured = result.positions(row.center)
    maximum, maximum_measured = result.positions(row.maximum)
    intervals = (
        UNSET
        if confidence is None
        else tuple(
            ConfidenceInterval(part.quantity, part.sigma, _finite(part.low), _finite(part.high))
            for part in confidence.intervals
            if part.component == row.name
        )
    )
    return Component(
        name=row.name,
        groups=tuple(row.groups),
        center=_finite(center),
        center_measured=_finite(measured),
        fwhm=_finite(row.fwhm),
        area=_finite(row.area),
        stderr={key: _finite(row.stderr.get(key)) for key in ("center", "fwhm", "area")},
        at_bound=tuple(row.at_bound),
        atomic_percent=None if share is None else Value(_finite(share.atomic_percent), _finite(share.stderr)),
        prefix=row.prefix,
        fraction_of_region=_finite(row.fraction_of_region),
        maximum=_finite(maximum),
        maximum_measured=_finite(maximum_measured),
        confidence=intervals,
    )


def _fit(seed: Seed, fit: ModelResult, components: Sequence[ComponentRow], confidence: Confidence | None) -> Fit:
    quality: FitQuality = fit_quality(seed, fit, components)
    return Fit(
        success=bool(fit.success),
        describes_data=bool(quality.describes_data),
        redchi=_finite(fit.redchi),
        nfev=int(fit.nfev),
        bic=_finite(fit.bic),
        message=str(fit.message),
        weighting=quality.weighting,
        chi_square_probability=_finite(quality.chi_square_probability),
        durbin_watson=_finite(quality.durbin_watson),
        runs_p=_finite(quality.runs_p),
        correlations=tuple(
            Correlation((first, second), _finite(value)) for first, second, value in quality.correlations
        ),
        notes=(*quality.notes, *(confidence.notes if confidence else ())),
        method=str(fit.method),
        rms_residual=_finite(quality.rms_residual),
        verdict=quality.verdict,
    )


def _finite(value: Any) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)
