"""Components of many fits as arrays: what `fitting.report.component_table` says of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from xps_prefit_hooks import Seed, SeedComponent
from xps_stn_plugin.fitting.parameter_names import doublets
from xps_stn_plugin.fitting.report import drawn_width
from xps_stn_plugin.fitting.standard_errors import inherited_errors

from .fit import FitRows

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ComponentRows:
    """Components of k spectra, on the calibrated axis; a doublet is one component.

    Parameters
    ----------
    names : tuple of str
        Of the c components.
    center, fwhm, area : ndarray, shape (k, c)
        Binding energy and full width at half maximum in eV, and intensity times eV without background, as those of
        `ComponentRow`; NaN where a spectrum has no such component or was not fitted.
    center_stderr, fwhm_stderr, area_stderr : ndarray, shape (k, c)
        Their standard errors; NaN where there is none.
    """

    names: tuple[str, ...]
    center: FloatArray
    fwhm: FloatArray
    area: FloatArray
    center_stderr: FloatArray
    fwhm_stderr: FloatArray
    area_stderr: FloatArray

    @classmethod
    def empty(cls, count: int, names: Sequence[str]) -> ComponentRows:
        """Table of `count` spectra that holds nothing yet."""
        return cls(tuple(names), *(np.full((count, len(names)), np.nan) for _ in VALUES))

    def put(self, rows: NDArray[np.intp], columns: Sequence[int], other: ComponentRows) -> None:
        """Take the components of other rows in some of the columns, in place."""
        place = np.ix_(rows, np.asarray(columns, dtype=np.intp))
        for name in VALUES:
            getattr(self, name)[place] = getattr(other, name)


#: Names of the arrays of `ComponentRows`.
VALUES = tuple(field.name for field in fields(ComponentRows) if field.name != "names")


def table_order(seed: Seed) -> list[list[SeedComponent]]:
    """Lines of each component of a seed (two of a doublet), ascending in binding energy as the seed has them."""
    return sorted(doublets(seed), key=lambda lines: float(seed.params[f"{lines[0].prefix}center"].value))


def component_rows(seed: Seed, fits: FitRows) -> ComponentRows:
    """Components of fits, ascending in binding energy as the seed has them.

    Errors include, in quadrature, how well that is known at which the seed holds what the data do not determine.

    Parameters
    ----------
    seed : Seed
    fits : FitRows
        Of this seed.
    """
    errors = _all_errors(seed, fits)
    place = {name: i for i, name in enumerate(fits.names)}
    lines = table_order(seed)
    table = ComponentRows.empty(len(fits), [line[0].name for line in lines])
    for column, (first, *others) in enumerate(lines):
        areas = [place[f"{line.prefix}amplitude"] for line in (first, *others)]
        center, (width, factor) = place[f"{first.prefix}center"], _width(seed, first.prefix, place)
        table.center[:, column], table.center_stderr[:, column] = fits.values[:, center], errors[:, center]
        table.fwhm[:, column], table.fwhm_stderr[:, column] = factor * fits.values[:, width], factor * errors[:, width]
        # Lines of a doublet are tied, so that their errors add and not their squares.
        table.area[:, column], table.area_stderr[:, column] = fits.values[:, areas].sum(1), errors[:, areas].sum(1)
    return table


def _width(seed: Seed, prefix: str, place: dict[str, int]) -> tuple[int, float]:
    """Parameter that the width is proportional to, and the factor between them."""
    if f"{prefix}fwhm" in place:
        return place[f"{prefix}fwhm"], 1.0
    # A line keeps its shape when its width scales.
    model = next(model for model in seed.model.components if model.prefix == prefix)
    sigma = float(seed.params[f"{prefix}sigma"].value)
    return place[f"{prefix}sigma"], drawn_width(model, seed.params, float(seed.params[f"{prefix}center"].value)) / sigma


def _all_errors(seed: Seed, fits: FitRows) -> FloatArray:
    """Errors of the fits and those of what is held, in quadrature, shape (k, names)."""
    inherited = inherited_errors(seed.params, fits.values)
    known = np.isfinite(fits.stderr)
    combined = np.hypot(np.where(known, fits.stderr, 0.0), inherited)
    return np.asarray(np.where(known | (inherited > 0) & fits.success[:, None], combined, np.nan))
