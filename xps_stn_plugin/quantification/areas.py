"""Areas of a fit's components and how their errors hang together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from xps_prefit_hooks import Seed, SeedComponent

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
        Of the areas; None where the fit has none.
    """

    components: tuple[SeedComponent, ...]
    values: FloatArray
    centers: FloatArray
    covariance: FloatArray | None


def component_areas(seed: Seed, fit: lmfit.model.ModelResult) -> ComponentAreas:
    """Areas of the components of a fit, with the covariance that the fit's own covariance gives them.

    Ties (`expr`) and ratios are differentiated through the parameters, so that tied components vary together.
    """
    lines: dict[str, list[SeedComponent]] = {}
    for component in seed.components:
        lines.setdefault(component.name, []).append(component)
    prefixes = [[component.prefix for component in group] for group in lines.values()]
    return ComponentAreas(
        components=tuple(group[0] for group in lines.values()),
        values=_areas(fit.params, prefixes),
        centers=np.array([fit.params[f"{first}center"].value for first, *_ in prefixes]),
        covariance=_covariance(fit, prefixes),
    )


def _areas(params: lmfit.Parameters, prefixes: list[list[str]]) -> FloatArray:
    return np.array([sum(params[f"{prefix}amplitude"].value for prefix in group) for group in prefixes], dtype=float)


def _covariance(fit: lmfit.model.ModelResult, prefixes: list[list[str]]) -> FloatArray | None:
    covariance = getattr(fit, "covar", None)
    names = getattr(fit, "var_names", None)
    if covariance is None or not names or not fit.errorbars:
        return None
    covariance = np.asarray(covariance, dtype=float)
    variances = np.diag(covariance)
    if covariance.shape != (len(names),) * 2 or not np.isfinite(covariance).all() or (variances < 0).any():
        return None
    params = fit.params.copy()
    slopes = np.zeros((len(prefixes), len(names)))
    for i, (name, step) in enumerate(zip(names, _STEP * np.sqrt(variances), strict=True)):
        start, ends = params[name].value, []
        for moved in (start - step, start + step):
            params[name].value = moved  # kept within the bounds by lmfit
            params.update_constraints()
            ends.append((params[name].value, _areas(params, prefixes)))
        params[name].value = start
        params.update_constraints()
        (low, below), (high, above) = ends
        if high > low:
            slopes[:, i] = (above - below) / (high - low)
    return np.asarray(slopes @ covariance @ slopes.T, dtype=float)
