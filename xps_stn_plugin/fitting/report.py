"""What a fit says: quality, table of components and background, curves."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import lmfit
import numpy as np
from numpy.typing import ArrayLike, NDArray

from xps_prefit_hooks import Seed, SeedComponent
from xps_stn_plugin.models.backgrounds import split

from .doubts import (
    bound_sentences,
    correlation_sentences,
    error_sentences,
    significance_sentences,
    strong_correlations,
    without_signal,
)
from .parameter_names import at_bounds, background_names, doublets, parameter_name, sources
from .quality import (
    chi_square_probability,
    describes,
    examine_residual,
    misfit_sentence,
    probability_text,
    quality_line,
)
from .standard_errors import Uncertainty, inherited_errors, uncertainty

FloatArray = NDArray[np.float64]

#: Parameters of lines with a tail, whose maximum lies above their centre by less than this range in eV.
_TAILS: Final = ("vibration", "asymmetry")
_MAXIMUM_WITHIN: Final = (-0.1, 0.6)
_MAXIMUM_STEP: Final = 0.02


#: Words of `ComponentRow.at_bound`, by what the parameter is.
_BOUND_WORDS = {
    "position": "position",
    "distance from its neighbour": "position",
    "width": "width",
    "area": "area",
    "area ratio": "ratio",
}


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
    runs_p : float
        Two-sided probability of the runs of one sign in the weighted residual (Wald-Wolfowitz).
    weighting : str
        Where the weights come from: ``Poisson, from counts``, ``estimated from the scatter``, ``given by the caller``.
    chi_square_probability : float or None
        Probability of a chi-square as large, where the weights are Poisson; None otherwise, for an estimated noise is
        not known well enough.
    correlations : tuple of (str, str, float)
        Pairs of parameters of different components that correlate by more than 0.95, in words (``area of C1s C-O``);
        the strongest first.
    """

    rms_residual: float
    relative_rms: float
    redchi: float
    durbin_watson: float
    at_bounds: tuple[str, ...]
    notes: tuple[str, ...]
    runs_p: float = math.nan
    weighting: str = "not known"
    chi_square_probability: float | None = None
    correlations: tuple[tuple[str, str, float], ...] = ()

    @property
    def describes_data(self) -> bool:
        """Whether the model describes the data at all: the residual is at most ten times the noise."""
        return bool(describes(self.redchi))

    @property
    def line(self) -> str:
        """Quality of the fit in one line."""
        return quality_line(self.redchi, self.chi_square_probability, self.weighting, self.durbin_watson, self.runs_p)


@dataclass(frozen=True)
class ComponentRow:
    """One component as fitted, on the calibrated axis; a doublet is one row.

    Parameters
    ----------
    prefix, name : str
        lmfit prefix (of the higher-j line) and name for people.
    groups : tuple of str
        Functional groups that bring it; empty for an unassigned component.
    center : float
        Binding energy in eV; of the higher-j line, and of the first vibrational member.
    fwhm : float
        Full width at half maximum in eV, of one vibrational member.
    area : float
        Intensity times eV; both lines of a doublet, without the background step.
    stderr : mapping of str to float
        Standard errors of ``center``, ``fwhm``, ``area`` where there are any.
    fraction_of_region : float
        Area over the sum of the region's areas; NaN where that sum is zero.
    at_bound : tuple of str
        What ended at a bound: ``position``, ``width``, ``area``, ``ratio`` (its area to that of another line of its
        group).
    maximum : float
        Binding energy in eV of the highest point of the line as drawn: above `center` for lines with a tail.
    """

    prefix: str
    name: str
    groups: tuple[str, ...]
    center: float
    fwhm: float
    area: float
    stderr: Mapping[str, float]
    fraction_of_region: float
    at_bound: tuple[str, ...] = ()
    maximum: float = math.nan


@dataclass(frozen=True)
class BackgroundRow:
    """One parameter of the background.

    Parameters
    ----------
    name : str
        lmfit's name without the background's prefix; ``step`` and others that are shared by the lines stand without
        the line's prefix.
    value, stderr : float
        Value over the calibrated axis in eV, and its standard error; NaN where there is none.
    """

    name: str
    value: float
    stderr: float


def component_table(seed: Seed, fit: lmfit.model.ModelResult | None = None) -> list[ComponentRow]:
    """Components of a seed, ascending in binding energy; start values where there is no fit.

    Errors include, in quadrature, how well that is known at which the seed holds what the data do not determine.
    """
    if fit is None:
        return _rows(seed, seed.params, {}, {})
    return _rows(seed, fit.params, _all_errors(fit.params, uncertainty(seed, fit)), at_bounds(seed, fit.params))


def _all_errors(params: lmfit.Parameters, found: Uncertainty) -> dict[str, float]:
    """Errors of the fit and those of what is held, in quadrature."""
    errors = dict(found.stderr)
    for name, error in zip(params, inherited_errors(params)[0].tolist(), strict=True):
        if error > 0:
            errors[name] = math.hypot(errors.get(name, 0.0), error)
    return errors


def _rows(
    seed: Seed, params: lmfit.Parameters, errors: Mapping[str, float], bounds: Mapping[str, str]
) -> list[ComponentRow]:
    empty = without_signal(seed, params, bounds)
    found = [_row(seed, params, lines, errors, bounds, empty) for lines in doublets(seed)]
    total = sum(row.area for row in found)
    rows = [replace(row, fraction_of_region=row.area / total if total else float("nan")) for row in found]
    return sorted(rows, key=lambda row: row.center)


def background_table(seed: Seed, fit: lmfit.model.ModelResult | None = None) -> list[BackgroundRow]:
    """Parameters of a seed's background with their errors; start values where there is no fit."""
    params = fit.params if fit is not None else seed.params
    errors = uncertainty(seed, fit).stderr if fit is not None else {}
    return [
        BackgroundRow(parameter_name(seed, name).quantity, float(params[name].value), errors.get(name, float("nan")))
        for name in background_names(seed, params)
    ]


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
    energy, counts = np.asarray(fit.userkws["x"], dtype=float), np.asarray(fit.data, dtype=float)
    residual = counts - np.asarray(fit.best_fit, dtype=float)
    drawn = curves(seed, fit.params, energy)
    height = float(np.max(drawn["envelope"] - drawn["background"]))
    rms = float(np.sqrt(np.mean(residual**2)))
    weights = np.ones_like(counts) if fit.weights is None else np.asarray(fit.weights, dtype=float)
    found = uncertainty(seed, fit)
    bounds = at_bounds(seed, fit.params)
    rows = _rows(seed, fit.params, _all_errors(fit.params, found), bounds)
    narrowest = min((row.fwhm for row in rows if row.fwhm > 0), default=1.0)
    tests = examine_residual(energy, residual * weights, narrowest)
    weighting = str(getattr(fit, "weighting", "not known"))
    relative = rms / height if height > 0 else math.inf
    notes = [] if fit.success else [str(fit.message)]
    if fit.success and weighting != "not known" and not describes(fit.redchi):
        notes.append(misfit_sentence(float(fit.redchi), relative))
    if tests.structured:
        notes.append(
            f"The residual has structure (Durbin-Watson {tests.durbin_watson:.2f}, runs test "
            f"{probability_text(tests.runs_p)}): something is missing or misplaced near {tests.place:.1f} eV, "
            f"where the data lie {tests.peak:.0f} standard errors {'above' if tests.above else 'below'} the fit."
        )
    notes += bound_sentences(seed, fit.params, bounds)
    notes += error_sentences(seed, fit, found, bounds)
    areas = [(row.name, row.area, row.stderr["area"]) for row in rows if "area" in row.stderr]
    notes += significance_sentences(areas)
    notes += correlation_sentences(seed, found)
    return FitQuality(
        rms_residual=rms,
        relative_rms=relative,
        redchi=float(fit.redchi),
        durbin_watson=tests.durbin_watson,
        at_bounds=tuple(bounds),
        notes=tuple(notes),
        runs_p=tests.runs_p,
        weighting=weighting,
        chi_square_probability=(
            chi_square_probability(float(fit.chisqr), int(fit.nfree)) if weighting.startswith("Poisson") else None
        ),
        correlations=tuple((str(one), str(other), value) for one, other, value in strong_correlations(seed, found)),
    )


def _row(
    seed: Seed,
    params: lmfit.Parameters,
    lines: list[SeedComponent],
    errors: Mapping[str, float],
    bounds: Mapping[str, str],
    empty: set[str],
) -> ComponentRow:
    first = lines[0]
    prefix = first.prefix
    amplitudes = [f"{line.prefix}amplitude" for line in lines]
    width, width_error = _width(seed, params, prefix, errors)
    # Lines of a doublet are tied, so that their errors add and not their squares.
    area_errors = [errors.get(name, float("nan")) for name in amplitudes]
    stderr = {"center": errors.get(f"{prefix}center", float("nan")), "fwhm": width_error, "area": sum(area_errors)}
    if first.name in empty:
        # Without area, neither position nor width mean anything.
        stderr["center"] = stderr["fwhm"] = float("nan")
    decisive = {
        source
        for bare in ("center", "sigma", "amplitude")
        if f"{prefix}{bare}" in params
        for source in sources(params, f"{prefix}{bare}")
        if source in bounds
    }
    return ComponentRow(
        prefix=prefix,
        name=first.name,
        groups=first.groups,
        center=float(params[f"{prefix}center"].value),
        fwhm=width,
        area=float(sum(params[name].value for name in amplitudes)),
        stderr={key: float(value) for key, value in stderr.items() if np.isfinite(value)},
        fraction_of_region=float("nan"),
        at_bound=("area",) if first.name in empty else _bound_words(seed, first, sorted(decisive)),
        maximum=_maximum(seed, params, prefix),
    )


def _maximum(seed: Seed, params: lmfit.Parameters, prefix: str) -> float:
    """Position of the highest point of a line, by a parabola through the highest points of a grid."""
    center = float(params[f"{prefix}center"].value)
    if not any(f"{prefix}{name}" in params for name in _TAILS):
        return center
    model = next(model for model in seed.model.components if model.prefix == prefix)
    x = center + np.arange(*_MAXIMUM_WITHIN, _MAXIMUM_STEP)
    line, _ = split(model, params, x)
    top = int(np.argmax(line))
    if line[top] <= 0 or not 0 < top < x.size - 1:
        return center
    before, highest, behind = line[top - 1 : top + 2]
    return float(x[top] + 0.5 * _MAXIMUM_STEP * (before - behind) / (before - 2 * highest + behind))


def _bound_words(seed: Seed, component: SeedComponent, decisive: list[str]) -> tuple[str, ...]:
    """Words for the parameters at a bound that decide the component; of others' areas and ratios, none."""
    words = []
    for name in decisive:
        what = parameter_name(seed, name)
        # A width may be shared; another line's area or position at a bound is that line's affair.
        if what.quantity in _BOUND_WORDS and (what.owner == component.name or what.quantity == "width"):
            words.append(_BOUND_WORDS[what.quantity])
    return tuple(dict.fromkeys(words))


def _width(seed: Seed, params: lmfit.Parameters, prefix: str, errors: Mapping[str, float]) -> tuple[float, float]:
    """Full width at half maximum and its error: the model's own, or that of the line as drawn."""
    sigma = params.get(f"{prefix}sigma")
    if (own := params.get(f"{prefix}fwhm")) is not None:
        error = errors.get(own.name, float("nan"))
        if not np.isfinite(error) and sigma is not None and sigma.value > 0:
            error = errors.get(sigma.name, float("nan")) * own.value / sigma.value
        return float(own.value), error
    model = next(model for model in seed.model.components if model.prefix == prefix)
    width = drawn_width(model, params, float(params[f"{prefix}center"].value))
    # A line keeps its shape when its width scales.
    relative = (
        errors.get(f"{prefix}sigma", float("nan")) / sigma.value if sigma is not None and sigma.value else math.nan
    )
    return width, width * relative


def drawn_width(model: lmfit.Model, params: lmfit.Parameters, center: float) -> float:
    """Full width at half maximum in eV of a component as drawn about `center`; NaN where it has none within 50 eV."""
    reach = 0.5
    while reach <= 50.0:
        x = np.linspace(center - reach, center + reach, 4001)
        line, _ = split(model, params, x)
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
