"""Components of k fits as arrays; one fit is a row of one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Final

import lmfit
import numpy as np
from numpy.typing import NDArray

from xps_prefit_hooks import Seed, SeedComponent
from xps_stn_plugin.models.backgrounds import split

from .doubts import signal_sources
from .fit_rows import FitRows
from .parameter_names import doublets

FloatArray = NDArray[np.float64]

#: Parameters of lines with a tail, the range in eV about their centre in which their maximum lies, and the steps in eV.
_TAILS: Final = ("vibration", "asymmetry")
_MAXIMUM_WITHIN: Final = (-0.1, 0.6)
_MAXIMUM_STEP: Final = 0.02
#: Widths for which lines are drawn.
_WIDTHS: Final = 9


@dataclass(frozen=True, eq=False)
class ComponentRows:
    """Components of k spectra, on the calibrated axis; a doublet is one component.

    Parameters
    ----------
    names : tuple of str
        Of the c components.
    center, maximum, fwhm, area : ndarray, shape (k, c)
        Binding energy, that of the highest point and full width at half maximum in eV, and intensity times eV without
        background, as those of `ComponentRow`; NaN where a spectrum has no such component or was not fitted.
    center_stderr, fwhm_stderr, area_stderr : ndarray, shape (k, c)
        Their standard errors; NaN where there is none. Without area, neither position nor width has any.
    """

    names: tuple[str, ...]
    center: FloatArray
    maximum: FloatArray
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


def component_rows(seed: Seed, fits: FitRows, params: lmfit.Parameters | None = None) -> ComponentRows:
    """Components of fits, ascending in binding energy as the seed has them.

    Errors include, in quadrature, how well that is known at which the seed holds what the data do not determine.

    Parameters
    ----------
    seed : Seed
    fits : FitRows
        Of this seed.
    params : lmfit.Parameters, optional
        Those that were fitted; the seed's by default.
    """
    params = seed.params if params is None else params
    errors = _all_errors(fits)
    place = {name: i for i, name in enumerate(fits.names)}
    lines = table_order(seed)
    areas_from = signal_sources(seed, params)
    table = ComponentRows.empty(len(fits), [line[0].name for line in lines])
    for column, (first, *others) in enumerate(lines):
        areas = [place[f"{line.prefix}amplitude"] for line in (first, *others)]
        center = place[f"{first.prefix}center"]
        empty = (fits.sides[:, [name in areas_from[first.name] for name in fits.free]] < 0).any(axis=1)
        table.center[:, column], table.center_stderr[:, column] = fits.values[:, center], errors[:, center]
        table.maximum[:, column] = _maxima(seed, params, first.prefix, fits, place)
        table.fwhm[:, column], table.fwhm_stderr[:, column] = _widths(seed, params, first.prefix, fits, errors, place)
        table.center_stderr[empty, column] = table.fwhm_stderr[empty, column] = np.nan
        # Lines of a doublet are tied, so that their errors add and not their squares.
        table.area[:, column], table.area_stderr[:, column] = fits.values[:, areas].sum(1), errors[:, areas].sum(1)
    return table


def _maxima(seed: Seed, params: lmfit.Parameters, prefix: str, fits: FitRows, place: Mapping[str, int]) -> FloatArray:
    """Positions of the highest points of lines, shape (k,): above the centre for lines with a tail.

    How far above depends on the width, and is drawn for a few widths with the other shape parameters of the median fit.
    """
    center = fits.values[:, place[f"{prefix}center"]]
    fitted = fits.values[np.isfinite(fits.values).all(axis=1)]
    sigma = place.get(f"{prefix}sigma")
    if sigma is None or not fitted.size or not any(f"{prefix}{name}" in place for name in _TAILS):
        return center
    model = next(model for model in seed.model.components if model.prefix == prefix)
    usual = dict(zip(fits.names, np.median(fitted, axis=0).tolist(), strict=True))
    shape = {name: usual[name] for name in model.param_names}
    widths = np.unique(np.linspace(fitted[:, sigma].min(), fitted[:, sigma].max(), _WIDTHS))
    above = [_above_center(model, params, {**shape, f"{prefix}sigma": width}) for width in widths.tolist()]
    return np.asarray(center + np.interp(fits.values[:, sigma], widths, above))


def _above_center(model: lmfit.Model, params: lmfit.Parameters, values: Mapping[str, float]) -> float:
    """How far the highest point of a line lies above its centre in eV, by a parabola through the highest points."""
    x = np.arange(*_MAXIMUM_WITHIN, _MAXIMUM_STEP)
    line, _ = split(model, params, x + values[f"{model.prefix}center"], values)
    top = int(np.argmax(line))
    if line[top] <= 0 or not 0 < top < x.size - 1:
        return 0.0
    before, highest, behind = line[top - 1 : top + 2]
    return float(x[top] + 0.5 * _MAXIMUM_STEP * (before - behind) / (before - 2 * highest + behind))


def _widths(
    seed: Seed, params: lmfit.Parameters, prefix: str, fits: FitRows, errors: FloatArray, place: Mapping[str, int]
) -> tuple[FloatArray, FloatArray]:
    """Full widths at half maximum and their errors, each of shape (k,): the model's own, or those of lines as drawn."""
    sigma = place.get(f"{prefix}sigma")
    error = np.full(len(fits), np.nan)
    if (fwhm_place := place.get(f"{prefix}fwhm")) is not None:
        width, error = fits.values[:, fwhm_place], errors[:, fwhm_place]
    else:
        model = next(model for model in seed.model.components if model.prefix == prefix)
        width = np.array([_drawn(model, params, fits.names, row) for row in fits.values])
    if sigma is not None:
        # A line keeps its shape when its width scales.
        with np.errstate(divide="ignore", invalid="ignore"):
            scaled = errors[:, sigma] * width / fits.values[:, sigma]
        error = np.where(np.isfinite(error), error, np.where(fits.values[:, sigma] > 0, scaled, np.nan))
    return width, error


def _drawn(model: lmfit.Model, params: lmfit.Parameters, names: Sequence[str], values: FloatArray) -> float:
    """`drawn_width` for the values of one fit."""
    fitted = dict(zip(names, values.tolist(), strict=True))
    if not np.isfinite(values).all():
        return math.nan
    return drawn_width(model, params, fitted[f"{model.prefix}center"], {n: fitted[n] for n in model.param_names})


def drawn_width(
    model: lmfit.Model, params: lmfit.Parameters, center: float, values: Mapping[str, float] | None = None
) -> float:
    """Full width at half maximum in eV of a component as drawn about `center`; NaN where it has none within 50 eV.

    Parameters
    ----------
    model : lmfit.Model
    params : lmfit.Parameters
    center : float
        In eV.
    values : mapping of str to float, optional
        Values that differ from those of `params`.
    """
    reach = 0.5
    while reach <= 50.0:
        x = np.linspace(center - reach, center + reach, 4001)
        line, _ = split(model, params, x, values)
        top = int(np.argmax(line))
        above = line >= 0.5 * line[top]
        if line[top] > 0 and not above[0] and not above[-1]:
            left = int(np.argmax(above))
            right = x.size - 1 - int(np.argmax(above[::-1]))
            half = 0.5 * line[top]
            low = np.interp(half, line[left - 1 : left + 1], x[left - 1 : left + 1])
            high = np.interp(half, line[right + 1 : right - 1 : -1], x[right + 1 : right - 1 : -1])
            return float(high - low)
        reach *= 2.0
    return math.nan


def _all_errors(fits: FitRows) -> FloatArray:
    """Errors of the fits and those of what is held, in quadrature, shape (k, names)."""
    known = np.isfinite(fits.stderr)
    combined = np.hypot(np.where(known, fits.stderr, 0.0), fits.held_stderr)
    return np.asarray(np.where(known | (fits.held_stderr > 0) & fits.success[:, None], combined, np.nan))
