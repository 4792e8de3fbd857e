"""Areas of a fit's components and the covariance of their errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from xps_prefit_hooks import Seed, SeedComponent
from xps_stn_plugin.fitting.held_errors import influence_of
from xps_stn_plugin.fitting.parameter_names import doublets
from xps_stn_plugin.fitting.standard_errors import uncertainty
from xps_stn_plugin.models.ties import Ties

if TYPE_CHECKING:
    import lmfit

FloatArray = NDArray[np.float64]


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

    def of_level(self, level: str) -> ComponentAreas:
        """Those of another element's core level (``K2p``), or with an empty text those of the region's own.

        Satellites are left out.
        """
        rows = [
            i for i, component in enumerate(self.components) if component.level == level and not component.is_satellite
        ]
        return ComponentAreas(
            tuple(self.components[i] for i in rows),
            self.values[rows],
            self.centers[rows],
            None if self.covariance is None else self.covariance[np.ix_(rows, rows)],
        )


def component_areas(seed: Seed, fit: lmfit.model.ModelResult) -> ComponentAreas:
    """Areas of the components of a fit, with the covariance that the fit's own covariance gives them.

    Ties (`expr`) and ratios are differentiated, so that tied components vary together. Where
    the fit gave no covariance, parameters at a bound are held, and those that the data do not determine are left out
    if no area hangs on them.
    """
    groups = doublets(seed)
    names = [[f"{component.prefix}amplitude" for component in group] for group in groups]
    return ComponentAreas(
        components=tuple(group[0] for group in groups),
        values=np.array([sum(fit.params[name].value for name in group) for group in names], dtype=float),
        centers=np.array([fit.params[f"{group[0].prefix}center"].value for group in groups]),
        covariance=_covariance(seed, fit, names),
    )


def _covariance(seed: Seed, fit: lmfit.model.ModelResult, amplitudes: list[list[str]]) -> FloatArray | None:
    names, covariance, undetermined = _of_parameters(seed, fit)
    if not names:
        return None
    ties = Ties.compile(fit.params).of([name for group in amplitudes for name in group])
    slopes = ties.derivatives(ties.start)
    row = {name: i for i, name in enumerate(ties.start)}
    areas = np.array([slopes[[row[name] for name in group]].sum(axis=0) for group in amplitudes])
    if areas[:, [ties.free.index(name) for name in undetermined]].any():
        return None
    areas = areas[:, [ties.free.index(name) for name in names]]
    # What the seed holds at typical values moves areas together.
    influence = influence_of(seed, fit)[0]
    held = np.array([influence[[row[name] for name in group]].sum(axis=0) for group in amplitudes])
    return np.asarray(areas @ covariance @ areas.T + held @ held.T, dtype=float)


def _of_parameters(seed: Seed, fit: lmfit.model.ModelResult) -> tuple[list[str], FloatArray, tuple[str, ...]]:
    """Free parameters with an error, their covariance, and those that the data do not determine."""
    names, covariance = list(getattr(fit, "var_names", [])), getattr(fit, "covar", None)
    if covariance is not None:
        covariance = np.asarray(covariance, dtype=float)
        if covariance.shape == (len(names),) * 2 and np.isfinite(covariance).all() and (np.diag(covariance) >= 0).all():
            return names, covariance, ()
    fit_errors = uncertainty(seed, fit)
    determined = [name for name in names if name in fit_errors.stderr and name not in fit_errors.held]
    correlation = np.eye(len(determined))
    for first, second, value in fit_errors.correlations:
        if first in determined and second in determined:
            i, j = determined.index(first), determined.index(second)
            correlation[i, j] = correlation[j, i] = value
    errors = np.array([fit_errors.stderr[name] for name in determined])
    return determined, correlation * np.outer(errors, errors), fit_errors.undetermined
