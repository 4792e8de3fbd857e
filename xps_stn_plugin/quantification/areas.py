"""Areas of a fit's components and how their errors hang together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from xps_prefit_hooks import Seed, SeedComponent
from xps_stn_plugin.fitting.standard_errors import uncertainty

if TYPE_CHECKING:
    import lmfit

FloatArray = NDArray[np.float64]

#: Step of the numeric derivative in standard errors: areas are linear in amplitudes and nearly so in ratios.
_STEP: Final = 0.01


@dataclass(frozen=True)
class ComponentAreas:
    """Fitted areas of one region.

    Parameters
    ----------
    components : tuple of SeedComponent
        The first line of each component; a doublet is one component.
    values : ndarray, shape (components,)
        Areas in intensity times eV, both lines of a doublet.
    centers : ndarray, shape (components,)
        Binding energies in eV, of the higher-j line.
    covariance : ndarray, shape (components, components), or None
        Of the areas; None where the fit has none. Zero for areas that were not free: fixed ones, and those at a bound.
    """

    components: tuple[SeedComponent, ...]
    values: FloatArray
    centers: FloatArray
    covariance: FloatArray | None


def component_areas(seed: Seed, fit: lmfit.model.ModelResult) -> ComponentAreas:
    """Areas of the components of a fit, with the covariance that the fit's own covariance gives them.

    Ties (`expr`) and ratios are differentiated through the parameters, so that tied components vary together. Where
    the fit gave no covariance, parameters at a bound are held, and those that the data do not determine are left out
    if no area hangs on them.
    """
    lines: dict[str, list[SeedComponent]] = {}
    for component in seed.components:
        lines.setdefault(component.name, []).append(component)
    prefixes = [[component.prefix for component in group] for group in lines.values()]
    return ComponentAreas(
        components=tuple(group[0] for group in lines.values()),
        values=_areas(fit.params, prefixes),
        centers=np.array([fit.params[f"{first}center"].value for first, *_ in prefixes]),
        covariance=_covariance(seed, fit, prefixes),
    )


def _areas(params: lmfit.Parameters, prefixes: list[list[str]]) -> FloatArray:
    return np.array([sum(params[f"{prefix}amplitude"].value for prefix in group) for group in prefixes], dtype=float)


def _covariance(seed: Seed, fit: lmfit.model.ModelResult, prefixes: list[list[str]]) -> FloatArray | None:
    names, covariance, lost = _of_parameters(seed, fit)
    if not names:
        return None
    params = fit.params.copy()
    if any(_slopes(params, name, _STEP * (abs(params[name].value) or 1.0), prefixes).any() for name in lost):
        return None
    steps = _STEP * np.sqrt(np.diag(covariance))
    slopes = np.array([_slopes(params, name, step, prefixes) for name, step in zip(names, steps, strict=True)])
    return np.asarray(slopes.T @ covariance @ slopes, dtype=float)


def _of_parameters(seed: Seed, fit: lmfit.model.ModelResult) -> tuple[list[str], FloatArray, tuple[str, ...]]:
    """Free parameters with an error, their covariance, and those that the data do not determine."""
    names, covariance = list(getattr(fit, "var_names", [])), getattr(fit, "covar", None)
    if covariance is not None:
        covariance = np.asarray(covariance, dtype=float)
        if covariance.shape == (len(names),) * 2 and np.isfinite(covariance).all() and (np.diag(covariance) >= 0).all():
            return names, covariance, ()
    found = uncertainty(seed, fit)
    known = [name for name in names if name in found.stderr and name not in found.held]
    correlation = np.eye(len(known))
    for first, second, value in found.correlations:
        if first in known and second in known:
            i, j = known.index(first), known.index(second)
            correlation[i, j] = correlation[j, i] = value
    errors = np.array([found.stderr[name] for name in known])
    return known, correlation * np.outer(errors, errors), found.undetermined


def _slopes(params: lmfit.Parameters, name: str, step: float, prefixes: list[list[str]]) -> FloatArray:
    """Differentiate all areas by one parameter; shape (components,)."""
    start, ends = params[name].value, []
    for moved in (start - step, start + step):
        params[name].value = moved  # kept within the bounds by lmfit
        params.update_constraints()
        ends.append((params[name].value, _areas(params, prefixes)))
    params[name].value = start
    params.update_constraints()
    (low, below), (high, above) = ends
    return (above - below) / (high - low) if high > low else np.zeros(len(prefixes))
