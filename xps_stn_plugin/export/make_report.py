"""Makes the report of a prefit, once for each result."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

import msgspec
from msgspec import UNSET, UnsetType

from ..core.charge_references import named_reference
from ..core.energy_scale import NOT_READ
from ..core.group_sets import parents
from ..core.survey import is_survey
from ..fitting import ComponentRow, Confidence, FitQuality, background_table, component_table, fit_quality
from ..quantification import ComponentShare, quantify
from .report import (
    SCHEMA,
    UNDECIDED,
    UNEXPLAINED,
    Background,
    Component,
    ConfidenceInterval,
    Correlation,
    Evidence,
    Fit,
    Group,
    GroupSet,
    Material,
    Model,
    Parent,
    Quantification,
    ReferenceCheck,
    Region,
    RegionShift,
    Report,
    SeenElement,
    Shift,
    Value,
    Verdicts,
)
from .survey_report import survey_report

if TYPE_CHECKING:
    from lmfit.model import ModelResult

    from xps_prefit_hooks import Seed, Status

    from ..core.result import PrefitData


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


def _ranked(probabilities: Mapping[str, float]) -> list[tuple[str, float]]:
    """Names and probabilities, the most probable first and those that are not numbers last."""
    return sorted(probabilities.items(), key=lambda item: (-item[1] if math.isfinite(item[1]) else 1.0, item[0]))


def _report(result: PrefitData) -> Report:
    probabilities, calibrate_on = result.prediction.groups, result.settings.calibrate_on
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
            UNSET if named_reference(calibrate_on) is None or calibrate_on is None else calibrate_on,
            _reference_check(result),
        ),
        groups=tuple(Group(name, _finite(value)) for name, value in _ranked(probabilities)),
        regions=regions,
        quantification=None if amounts is None else msgspec.convert(amounts.to_dict(), Quantification, strict=False),
        model=Model(model.name, model.version, model.sha256),
        verdicts=_verdicts(result, regions),
        parent_groups=tuple(
            Parent(name, parents()[name], _finite(value)) for name, value in result.parent_groups.items()
        ),
        group_sets=tuple(GroupSet(each.groups, each.probability) for each in result.group_sets),
        materials=tuple(Material(name, _finite(value)) for name, value in _ranked(result.materials)),
        elements=tuple(SeenElement(symbol, _finite(value)) for symbol, value in _ranked(result.elements)),
    )


def _reference_check(result: PrefitData) -> ReferenceCheck | UnsetType:
    check = result.prediction.reference_check
    if check is None:
        return UNSET
    return ReferenceCheck(
        check.line,
        check.energy,
        check.measured,
        check.stderr,
        check.against,
        _finite(check.disagreement),
        _finite(check.disagreement_stderr),
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
            if not component.assigned and (component.fraction_of_region or 0.0) > UNEXPLAINED:
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
        survey = survey_report(result.surveys[name]) if _has_survey(result, name) else UNSET
        return Region(region_shift, None, (), unread, None, level, label, status, survey)
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


def _has_survey(result: PrefitData, name: str) -> bool:
    # Other regions do not ask for the surveys, which take a second to find.
    return is_survey(result.spectrum[name].to_dataset(), name) and name in result.surveys


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
        state=row.state or UNSET,
        level=row.level or UNSET,
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
