"""The report of one prefit: everything that outputs show, computed once; renderers read it and compute nothing.

Its JSON is the schema ``xps-stn/prefit/1`` (``export/data/prefit-1.schema.json``, docs/json.md). Energies are in eV on
the scale of ``settings.reference``; every number is finite or None.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec
from msgspec import UNSET, Struct, UnsetType

from xps_prefit_hooks import Status

from ..fitting import ComponentRow, Confidence, FitQuality, background_table, component_table, fit_quality
from ..fitting.quality import quality_line
from ..quantification import ComponentShare, quantify

if TYPE_CHECKING:
    from lmfit.model import ModelResult

    from xps_prefit_hooks import Seed

    from ..core.result import PrefitData

SCHEMA: Final = "xps-stn/prefit/1"


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

    @property
    def text(self) -> str:
        """Shift and standard error, for people."""
        return "no shift" if self.value is None else f"shift {self.value:+.2f} ± {self.stderr or math.nan:.2f} eV"


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
    state: str
    center: float | None
    center_measured: float | None
    fwhm: float | None
    area: float | None
    stderr: dict[str, float | None]
    at_bound: tuple[str, ...]
    atomic_percent: Value | None
    prefix: str
    fraction_of_region: float | None
    confidence: tuple[ConfidenceInterval, ...] | UnsetType = UNSET

    @property
    def assigned(self) -> bool:
        """Whether a group or a chemical state brings it."""
        return bool(self.groups or self.state)

    @property
    def flags(self) -> str:
        """What is special about the component, in a few words."""
        words = [] if self.assigned else ["unassigned"]
        if self.at_bound == ("area",):
            words.append("no signal")
        elif self.at_bound:
            words.append(f"{', '.join(self.at_bound)} at bound")
        return "; ".join(words)


class Correlation(Struct, frozen=True):
    """Two parameters of different components that correlate strongly."""

    between: tuple[str, str]
    value: float | None


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

    @property
    def verdict(self) -> str:
        """``yes`` for a fit that describes the data, ``poor`` for another, ``failed`` for one without success."""
        return ("yes" if self.describes_data else "poor") if self.success else "failed"

    @property
    def state(self) -> str:
        """Success and quality of the fit in one line."""
        return {"failed": "fit without success; ", "poor": "does not describe the data; "}.get(
            self.verdict, ""
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

    @property
    def name(self) -> str:
        """File name of the source."""
        return Path(self.source).name or self.source

    def likely(self, least: float, most: int | None = None) -> tuple[Group, ...]:
        """Select groups of a probability above `least`, the most probable first, at most `most` of them."""
        return tuple(group for group in self.groups if (group.probability or 0.0) > least)[:most]

    @property
    def modelled(self) -> dict[str, Region]:
        """Regions that have a seeded model."""
        return {name: region for name, region in self.regions.items() if region.background is not None}


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
        ),
        groups=tuple(Group(name, _finite(probabilities[name])) for name in ranked),
        regions={str(name): region_report(result, str(name), shares) for name in result.spectrum.children},
        quantification=None if amounts is None else msgspec.convert(amounts.to_dict(), Quantification, strict=False),
        model=Model(model.name, model.version, model.sha256),
    )


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
    if seed is None:
        return Region(region_shift, None, (), (), None, level, label)
    rows = background_table(seed, fit)
    confidence: Confidence | None = getattr(fit, "confidence", None)
    return Region(
        shift=region_shift,
        background=Background(
            seed.background,
            {row.name: _finite(row.value) for row in rows},
            {row.name: _finite(row.stderr) for row in rows},
        ),
        components=tuple(
            _component(result, row, shares.get((name, row.name)), confidence) for row in component_table(seed, fit)
        ),
        notes=tuple(seed.notes),
        fit=None if fit is None else _fit(seed, fit, confidence),
        core_level=level,
        label=label,
    )


def _component(
    result: PrefitData, row: ComponentRow, share: ComponentShare | None, confidence: Confidence | None
) -> Component:
    center, measured = result.positions(row.center)
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
        state=row.state,
        center=_finite(center),
        center_measured=_finite(measured),
        fwhm=_finite(row.fwhm),
        area=_finite(row.area),
        stderr={key: _finite(row.stderr.get(key)) for key in ("center", "fwhm", "area")},
        at_bound=tuple(row.at_bound),
        atomic_percent=None if share is None else Value(_finite(share.atomic_percent), _finite(share.stderr)),
        prefix=row.prefix,
        fraction_of_region=_finite(row.fraction_of_region),
        confidence=intervals,
    )


def _fit(seed: Seed, fit: ModelResult, confidence: Confidence | None) -> Fit:
    quality: FitQuality = fit_quality(seed, fit)
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
    )


def _finite(value: Any) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)
