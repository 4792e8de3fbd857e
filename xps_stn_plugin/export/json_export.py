"""JSON of one prefit, schema ``xps-stn/prefit/1`` (``export/data/prefit-1.schema.json``, docs/json.md)."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..files import write_json
from ..fitting import ComponentRow, Confidence, background_table, component_table, fit_quality
from .composition import composition, shares

if TYPE_CHECKING:
    from lmfit.model import ModelResult

    from xps_prefit_hooks import Seed

    from ..quantification import ComponentShare
    from ..result import PrefitResult

SCHEMA = "xps-stn/prefit/1"


def schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of the document."""
    text = files(__package__).joinpath("data", "prefit-1.schema.json").read_text(encoding="utf-8")
    document: dict[str, Any] = json.loads(text)
    return document


def document(result: PrefitResult) -> dict[str, Any]:
    """Return everything that was found as plain values; every number is finite or None.

    Energies are in eV on the scale of ``settings.reference``; ``center_measured`` is on the measured axis.
    """
    groups = result.prediction.groups
    ranked = sorted(groups, key=lambda name: (-groups[name] if math.isfinite(groups[name]) else 1.0, name))
    model = result.prediction.model
    made = composition(result)
    percentages = shares(made)
    return {
        "schema": SCHEMA,
        "source": result.source,
        "status": result.status,
        "reasons": list(result.reasons),
        "shift": {
            "value": _number(result.shift),
            "stderr": _number(result.shift_stderr),
            "unit": "eV",
            "convention": result.convention,
        },
        "groups": [_group(result, name) for name in ranked],
        "regions": {name: _region(result, name, percentages) for name in result.spectrum.children},
        "quantification": None if made is None else made.to_dict(),
        "model": {"name": model.name, "version": model.version, "sha256": model.sha256},
    }


def dumps(result: PrefitResult) -> str:
    """Text of the document, ending in a line feed."""
    return json.dumps(document(result), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def write(result: PrefitResult, path: Path) -> None:
    """Write the document.

    Raises
    ------
    PrefitError
        If the file cannot be written.
    """
    write_json(path, dumps(result))


def _group(result: PrefitResult, name: str) -> dict[str, Any]:
    group: dict[str, Any] = {"name": name, "probability": _number(result.prediction.groups[name])}
    if name in result.evidence:
        group["evidence"] = [
            {"region": part.region, **{key: _number(getattr(part, key)) for key in ("low", "high", "weight")}}
            for part in result.evidence[name]
        ]
    return group


def _region(result: PrefitResult, name: str, percentages: Mapping[tuple[str, str], ComponentShare]) -> dict[str, Any]:
    shift = result.region_shifts.get(name)
    seed = result.seeds.get(name)
    fit = result.fits.get(name)
    region: dict[str, Any] = {
        "shift": None
        if shift is None
        else {
            "value": _number(shift.value),
            "stderr": _number(shift.stderr),
            "disagreement": _number(shift.disagreement),
            "unit": "eV",
        },
        "background": None,
        "components": [],
        "notes": [],
        "fit": None,
    }
    if seed is None:
        return region
    rows = background_table(seed, fit)
    region["background"] = {
        "kind": seed.background,
        "parameters": {row.name: _number(row.value) for row in rows},
        "stderr": {row.name: _number(row.stderr) for row in rows},
    }
    region["components"] = [
        _component(result, name, row, percentages.get((name, row.name))) for row in component_table(seed, fit)
    ]
    region["notes"] = list(seed.notes)
    if fit is not None:
        region["fit"] = _fit(seed, fit)
    return region


def _component(result: PrefitResult, region: str, row: ComponentRow, share: ComponentShare | None) -> dict[str, Any]:
    component: dict[str, Any] = {
        "name": row.name,
        "groups": list(row.groups),
        **dict(zip(("center", "center_measured"), map(_number, result.positions(row.center)), strict=True)),
        "fwhm": _number(row.fwhm),
        "area": _number(row.area),
        "stderr": {key: _number(row.stderr.get(key)) for key in ("center", "fwhm", "area")},
        "at_bound": list(row.at_bound),
        "atomic_percent": None
        if share is None
        else {"value": _number(share.atomic_percent), "stderr": _number(share.stderr)},
    }
    confidence: Confidence | None = getattr(result.fits.get(region), "confidence", None)
    if confidence is not None:
        component["confidence"] = [
            {
                "quantity": part.quantity,
                "sigma": part.sigma,
                "low": _number(part.low),
                "high": _number(part.high),
            }
            for part in confidence.intervals
            if part.component == row.name
        ]
    return component


def _fit(seed: Seed, fit: ModelResult) -> dict[str, Any]:
    quality = fit_quality(seed, fit)
    confidence: Confidence | None = getattr(fit, "confidence", None)
    return {
        "success": bool(fit.success),
        "describes_data": quality.describes_data,
        "redchi": _number(fit.redchi),
        "nfev": int(fit.nfev),
        "bic": _number(fit.bic),
        "message": str(fit.message),
        "weighting": quality.weighting,
        "chi_square_probability": _number(quality.chi_square_probability),
        "durbin_watson": _number(quality.durbin_watson),
        "runs_p": _number(quality.runs_p),
        "correlations": [
            {"between": [first, second], "value": _number(value)} for first, second, value in quality.correlations
        ],
        "notes": [*quality.notes, *(confidence.notes if confidence else ())],
    }


def _number(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)
