"""What a fit says: quality, table of components and background, curves."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import lmfit
import numpy as np
from numpy.typing import NDArray

from xps_prefit_hooks import Seed, SeedComponent

from .component_rows import component_rows, table_order
from .curves import curves
from .doubts import (
    bound_sentences,
    correlation_sentences,
    error_sentences,
    significance_sentences,
    strong_correlations,
    without_signal,
)
from .fit_rows import FitRows
from .noise_kind import COUNTS, NOISE_KINDS, SMOOTHED, noise_sentence
from .parameter_names import at_bounds, background_names, parameter_name, sources
from .quality import (
    FitVerdict,
    chi_square_probability,
    describes,
    examine_residual,
    fit_verdict,
    misfit_sentence,
    probability_text,
    quality_line,
)
from .standard_errors import uncertainty

FloatArray = NDArray[np.float64]


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
    structured : bool
        Whether the residual is not noise; see `quality.examine_residual`.
    success : bool
        Whether the fit found a minimum.
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
    structured: bool = False
    success: bool = True
    chi_square_probability: float | None = None
    correlations: tuple[tuple[str, str, float], ...] = ()

    @property
    def describes_data(self) -> bool:
        """Whether the model describes the data at all: the residual is at most ten times the noise."""
        return bool(describes(self.redchi))

    @property
    def verdict(self) -> FitVerdict:
        """Trust in the fit; see `fit_verdict`."""
        return fit_verdict(self.redchi, self.relative_rms, structured=self.structured, success=self.success)

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
        Functional groups that bring it; empty where none does.
    level : str
        Core level of another element that it belongs to; empty for the region's own.
    state : str
        Chemical state of the element that brings it; empty where none does.
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
    level: str
    state: str
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
    """Components of a seed, ascending in binding energy; start values where there is no fit: see `component_rows`."""
    params = seed.params if fit is None else fit.params
    row = FitRows.of_one(seed, fit)
    table = component_rows(seed, row, params)
    total = float(table.area.sum())
    bounds = dict(zip(row.free, row.sides[0].tolist(), strict=True))
    empty = without_signal(seed, params, {name: "lower" for name, side in bounds.items() if side < 0})
    rows = []
    for column, (first, *_) in enumerate(table_order(seed)):
        errors = {"center": table.center_stderr, "fwhm": table.fwhm_stderr, "area": table.area_stderr}
        area = float(table.area[0, column])
        rows.append(
            ComponentRow(
                prefix=first.prefix,
                name=first.name,
                groups=first.groups,
                level=first.level,
                state=first.state,
                center=float(table.center[0, column]),
                fwhm=float(table.fwhm[0, column]),
                area=area,
                stderr={name: float(e[0, column]) for name, e in errors.items() if np.isfinite(e[0, column])},
                fraction_of_region=area / total if total else math.nan,
                at_bound=("area",) if first.name in empty else _bound_words(seed, params, first, bounds),
                maximum=float(table.maximum[0, column]),
            )
        )
    return sorted(rows, key=lambda component: component.center)


def background_table(seed: Seed, fit: lmfit.model.ModelResult | None = None) -> list[BackgroundRow]:
    """Parameters of a seed's background with their errors; start values where there is no fit."""
    params = fit.params if fit is not None else seed.params
    errors = uncertainty(seed, fit).stderr if fit is not None else {}
    return [
        BackgroundRow(parameter_name(seed, name).quantity, float(params[name].value), errors.get(name, float("nan")))
        for name in background_names(seed, params)
    ]


def fit_quality(
    seed: Seed, fit: lmfit.model.ModelResult, components: Sequence[ComponentRow] | None = None
) -> FitQuality:
    """Judge a fit; `components` are those of `component_table`, where they are known."""
    energy, counts = np.asarray(fit.userkws["x"], dtype=float), np.asarray(fit.data, dtype=float)
    residual = counts - np.asarray(fit.best_fit, dtype=float)
    drawn = curves(seed, fit.params, energy)
    height = float(np.max(drawn["envelope"] - drawn["background"]))
    rms = float(np.sqrt(np.mean(residual**2)))
    weights = np.ones_like(counts) if fit.weights is None else np.asarray(fit.weights, dtype=float)
    errors = uncertainty(seed, fit)
    bounds = at_bounds(seed, fit.params)
    rows = component_table(seed, fit) if components is None else components
    narrowest = min((row.fwhm for row in rows if row.fwhm > 0), default=1.0)
    tests = examine_residual(energy, residual * weights, narrowest)
    weighting = str(getattr(fit, "weighting", "not known"))
    relative = rms / height if height > 0 else math.inf
    notes = [] if fit.success else [str(fit.message)]
    if fit.success and weighting != "not known" and not describes(fit.redchi):
        notes.append(misfit_sentence(float(fit.redchi), relative))
    kind = str(getattr(fit, "noise_kind", NOISE_KINDS[COUNTS]))
    if noise_note := noise_sentence(NOISE_KINDS.index(kind), float(getattr(fit, "local_noise", 1.0))):
        notes.append(noise_note)
    # Smoothing makes neighbours alike; what is missing would make chi-square large.
    structured = tests.structured and not (kind == NOISE_KINDS[SMOOTHED] and fit.redchi < 1.0)
    if structured:
        notes.append(
            f"The residual has structure (Durbin-Watson {tests.durbin_watson:.2f}, runs test "
            f"{probability_text(tests.runs_p)}): something is missing or misplaced near {tests.place:.1f} eV, "
            f"where the data lie {tests.peak:.0f} standard errors {'above' if tests.above else 'below'} the fit."
        )
    notes += bound_sentences(seed, fit.params, bounds)
    notes += error_sentences(seed, fit, errors, bounds)
    areas = [(row.name, row.area, row.stderr["area"]) for row in rows if "area" in row.stderr]
    notes += significance_sentences(areas)
    notes += correlation_sentences(seed, errors)
    return FitQuality(
        rms_residual=rms,
        relative_rms=relative,
        redchi=float(fit.redchi),
        durbin_watson=tests.durbin_watson,
        at_bounds=tuple(bounds),
        notes=tuple(notes),
        runs_p=tests.runs_p,
        weighting=weighting,
        structured=structured,
        success=bool(fit.success),
        chi_square_probability=(
            chi_square_probability(float(fit.chisqr), int(fit.nfree))
            if weighting.startswith("Poisson") and kind == NOISE_KINDS[COUNTS]
            else None
        ),
        correlations=tuple(
            (str(first), str(second), value) for first, second, value in strong_correlations(seed, errors)
        ),
    )


def _bound_words(
    seed: Seed, params: lmfit.Parameters, component: SeedComponent, bounds: Mapping[str, int]
) -> tuple[str, ...]:
    """Words for the parameters at a bound that decide the component; of others' areas and ratios, none."""
    names = [f"{component.prefix}{bare}" for bare in ("center", "sigma", "amplitude")]
    decisive = {source for name in names if name in params for source in sources(params, name) if bounds.get(source)}
    words = []
    for name in sorted(decisive):
        what = parameter_name(seed, name)
        # A width may be shared; another line's area or position at a bound is that line's affair.
        if what.quantity in _BOUND_WORDS and (what.owner == component.name or what.quantity == "width"):
            words.append(_BOUND_WORDS[what.quantity])
    return tuple(dict.fromkeys(words))
