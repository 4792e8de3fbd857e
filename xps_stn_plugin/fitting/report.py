"""What a fit says: quality, table of components, curves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import lmfit
import numpy as np
from numpy.typing import ArrayLike, NDArray

from xps_prefit_hooks import Seed, SeedComponent
from xps_stn_plugin.models.shapes import split

FloatArray = NDArray[np.float64]

#: A parameter within this share of its range from a bound counts as at the bound.
_AT_BOUND: Final = 1e-3


@dataclass(frozen=True)
class FitQuality:
    """How well a fit describes its region.

    Parameters
    ----------
    rms_residual : float
        Root mean square of data minus fit, in the units of the intensities.
    relative_rms : float
        The same over the height of the fitted peaks (without the background).
    redchi : float
        Reduced chi-square with the weights of the fit.
    durbin_watson : float
        Durbin-Watson statistic of the weighted residual: 2 for white noise, less where the residual has structure.
    at_bounds : tuple of str
        Free parameters that ended at a bound.
    notes : tuple of str
        Sentences about what should be doubted.
    """

    rms_residual: float
    relative_rms: float
    redchi: float
    durbin_watson: float
    at_bounds: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class ComponentRow:
    """One component as fitted, on the calibrated axis; a doublet is one row.

    Parameters
    ----------
    prefix, name : str
        lmfit prefix (of the higher-j line) and name for people.
    groups : tuple of str
        Functional groups that bring it.
    center : float
        Binding energy in eV; of the higher-j line, and of the first vibrational member.
    fwhm : float
        Full width at half maximum in eV, of one vibrational member.
    area : float
        Intensity times eV; both lines of a doublet, without the background step.
    stderr : mapping of str to float
        Standard errors of ``center``, ``fwhm``, ``area`` where the fit gave them.
    fraction_of_region : float
        Area over the sum of the region's areas; NaN where that sum is zero.
    """

    prefix: str
    name: str
    groups: tuple[str, ...]
    center: float
    fwhm: float
    area: float
    stderr: Mapping[str, float]
    fraction_of_region: float


def component_table(seed: Seed, fit: lmfit.model.ModelResult | None = None) -> list[ComponentRow]:
    """Components of a seed, ascending in binding energy; start values where there is no fit."""
    params = fit.params if fit is not None else seed.params
    found = []
    for first, *partners in _doublets(seed):
        prefixes = [first.prefix, *(partner.prefix for partner in partners)]
        center, width = params[f"{first.prefix}center"], params[f"{first.prefix}sigma"]
        amplitudes = [params[f"{prefix}amplitude"] for prefix in prefixes]
        errors = {"center": center.stderr, "fwhm": _times(2.0, width.stderr)}
        # Lines of a doublet are tied, so that their errors add and not their squares.
        parts = [amplitude.stderr for amplitude in amplitudes]
        errors["area"] = None if any(part is None for part in parts) else float(sum(parts))
        found.append(
            ComponentRow(
                prefix=first.prefix,
                name=first.name,
                groups=first.groups,
                center=float(center.value),
                fwhm=2.0 * float(width.value),
                area=float(sum(amplitude.value for amplitude in amplitudes)),
                stderr={key: float(value) for key, value in errors.items() if value is not None and np.isfinite(value)},
                fraction_of_region=float("nan"),
            )
        )
    total = sum(row.area for row in found)
    rows = [replace(row, fraction_of_region=row.area / total if total else float("nan")) for row in found]
    return sorted(rows, key=lambda row: row.center)


def curves(seed: Seed, params: lmfit.Parameters, x: ArrayLike) -> dict[str, FloatArray]:
    """Curves to draw.

    Parameters
    ----------
    seed : Seed
    params : lmfit.Parameters
        Start values or those of a fit.
    x : array_like, shape (n,)
        Binding energies in eV, in any order and spacing.

    Returns
    -------
    dict of str to ndarray, shape (n,)
        ``background`` (with the steps of all components), ``envelope`` (everything), and one curve for each
        component by its name, without background, the lines of a doublet summed.
    """
    energy = np.asarray(x, dtype=float)
    names = {component.prefix: component.name for component in seed.components}
    background = np.zeros_like(energy)
    lines: dict[str, FloatArray] = {component.name: np.zeros_like(energy) for component in seed.components}
    for model in seed.model.components:
        line, step = split(model, params, energy)
        if model.prefix in names:
            lines[names[model.prefix]] = lines[names[model.prefix]] + line
            background = background + step
        else:
            background = background + line
    envelope = background + sum(lines.values())
    return {"background": background, "envelope": envelope, **lines}


def fit_quality(seed: Seed, fit: lmfit.model.ModelResult) -> FitQuality:
    """Judge a fit."""
    counts = np.asarray(fit.data, dtype=float)
    residual = counts - np.asarray(fit.best_fit, dtype=float)
    drawn = curves(seed, fit.params, fit.userkws["x"])
    height = float(np.max(drawn["envelope"] - drawn["background"]))
    rms = float(np.sqrt(np.mean(residual**2)))
    weights = np.ones_like(counts) if fit.weights is None else np.asarray(fit.weights, dtype=float)
    weighted = (residual * weights)[np.argsort(np.asarray(fit.userkws["x"]))]
    square = float(np.sum(weighted**2))
    free = {name: p for name, p in fit.params.items() if p.vary and not p.expr}
    at_bounds = tuple(name for name, p in free.items() if _at_bound(p))
    notes = []
    if not fit.success:
        notes.append(str(fit.message))
    unknown = [name for name, p in free.items() if p.stderr is None or not np.isfinite(p.stderr)]
    if unknown:
        which = "any parameter" if len(unknown) == len(free) else ", ".join(unknown)
        notes.append(f"No standard error of {which}: the data do not determine it apart from the others.")
    if at_bounds:
        notes.append(f"At a bound: {', '.join(at_bounds)}.")
    return FitQuality(
        rms_residual=rms,
        relative_rms=rms / height if height > 0 else float("inf"),
        redchi=float(fit.redchi),
        durbin_watson=float(np.sum(np.diff(weighted) ** 2) / square) if square > 0 else float("nan"),
        at_bounds=at_bounds,
        notes=tuple(notes),
    )


def _doublets(seed: Seed) -> list[list[SeedComponent]]:
    """Components of the same name together, the higher-j line first."""
    groups: dict[str, list[SeedComponent]] = {}
    for component in seed.components:
        groups.setdefault(component.name, []).append(component)
    return list(groups.values())


def _times(factor: float, value: float | None) -> float | None:
    return None if value is None else factor * value


def _at_bound(parameter: lmfit.Parameter) -> bool:
    low, high, value = parameter.min, parameter.max, parameter.value
    if np.isfinite(low) and np.isfinite(high):
        return bool(min(value - low, high - value) <= _AT_BOUND * (high - low))
    # With one bound, the error is the only scale.
    scale = parameter.stderr if parameter.stderr else abs(value - parameter.init_value) if parameter.init_value else 0.0
    return bool(value - low <= _AT_BOUND * scale) if np.isfinite(low) else False
