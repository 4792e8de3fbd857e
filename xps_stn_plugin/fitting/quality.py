"""What the residual of a fit says: whether it is noise, and where something is missing if it is not."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]

#: A residual has structure where Durbin-Watson or the runs test is this many standard deviations off white noise (in
#: that direction, one in 700 white residuals is) and the other of the two agrees by `_AGREES`.
_STRUCTURED: Final = 3.0
_AGREES: Final = 1.0

#: It also has where an average over a line's width is this many of its own standard deviations off zero, which both
#: tests overlook in a long region; of white residuals of 150 points less than one in 500 is, anywhere.
_PEAK: Final = 4.5


#: Verdict on one fit.
FitVerdict = Literal["ok", "uncertain", "poor", "failed"]

#: Structure of a residual below this share of the peaks' height is within what line shapes are known to: seeded fits of
#: 37 measured polymers leave a root mean square residual of 0.5 %; twice that.
SHAPES_KNOWN: Final = 0.01

#: Reduced chi-square above which a model does not describe its data: the residual is ten times the noise.
MISFIT: Final = 100.0


def describes(redchi: ArrayLike) -> NDArray[np.bool_]:
    """Whether a model with this reduced chi-square describes its data at all; it need not be a good one."""
    return np.asarray(np.asarray(redchi, dtype=float) <= MISFIT)


def fit_verdict(redchi: float, relative_rms: float, *, structured: bool, success: bool) -> FitVerdict:
    """Judge a fit by itself, whatever the shift's status.

    Parameters
    ----------
    redchi : float
        Reduced chi-square.
    relative_rms : float
        Root mean square residual over the height of the peaks.
    structured : bool
        Whether the residual is not noise.
    success : bool
        Whether the fit found a minimum.

    Returns
    -------
    str
        ``failed`` without a minimum; ``poor`` where the model does not describe the data; ``uncertain`` where the
        residual has structure of more than line shapes are known to; else ``ok``.
    """
    if not success:
        return "failed"
    if not describes(redchi):
        return "poor"
    return "uncertain" if structured and not relative_rms <= SHAPES_KNOWN else "ok"


def misfit_sentence(redchi: float, relative_rms: float) -> str:
    """Say that a model does not describe its data; `relative_rms` is the residual over the height of the peaks."""
    size = f", {100 * relative_rms:.2g} % of the peaks' height," if math.isfinite(relative_rms) else ""
    return (
        f"The model does not describe the data: the residual{size} is {math.sqrt(redchi):.3g} times the noise "
        f"(reduced chi-square {redchi:.3g}). Do not rely on its components."
    )


@dataclass(frozen=True)
class ResidualTests:
    """Tests of a weighted residual in the order of its energies.

    Parameters
    ----------
    durbin_watson : float
        2 for white noise, towards 0 where neighbours are alike; NaN for a residual of zeros.
    runs_p : float
        Two-sided probability of the number of runs of one sign; NaN where all have the same sign.
    structured : bool
        Whether neighbours are more alike than noise makes them, or a whole line's width is off.
    place, peak : float
        Energy in eV of the largest deviation of the smoothed residual, and its size in standard deviations of an
        average of white noise that scatters from point to point as the residual does.
    above : bool
        Whether the data lie above the fit there.
    """

    durbin_watson: float
    runs_p: float
    structured: bool
    place: float
    peak: float
    above: bool


def examine_residual(energy: ArrayLike, residual: ArrayLike, width: float) -> ResidualTests:
    """Test a weighted residual for structure, and find where it is largest.

    Parameters
    ----------
    energy : array_like, shape (n,)
        In eV, in any order.
    residual : array_like, shape (n,)
        Data minus fit over the noise.
    width : float
        Length in eV of the average that smooths the residual to find the place; the width of a line.
    """
    order = np.argsort(np.asarray(energy, dtype=float), kind="stable")
    x, r = np.asarray(energy, dtype=float)[order], np.asarray(residual, dtype=float)[order]
    ratio = durbin_watson(r)
    z, p = runs_test(r)
    # Of white noise, Durbin-Watson's variance is 4/n to first order.
    alike = [(2.0 - ratio) * math.sqrt(r.size) / 2.0, -z]
    structured = all(map(math.isfinite, alike)) and max(alike) > _STRUCTURED and min(alike) > _AGREES
    # From differences of neighbours, so that the size of the weights does not matter.
    scatter = math.sqrt(float(np.mean(np.diff(r) ** 2)) / 2.0) if r.size > 1 else 0.0
    smooth = _smoothed(x, r, width) / (scatter or 1.0)
    at = int(np.argmax(np.abs(smooth)))
    peak = abs(float(smooth[at]))
    return ResidualTests(ratio, p, structured or peak > _PEAK, float(x[at]), peak, bool(smooth[at] > 0))


def durbin_watson(residual: ArrayLike) -> float:
    """Sum of squared differences of neighbours over the sum of squares (Durbin & Watson, Biometrika 37 (1950) 409)."""
    r = np.asarray(residual, dtype=float)
    square = float(np.sum(r**2))
    return float(np.sum(np.diff(r) ** 2)) / square if square > 0 else math.nan


def runs_test(residual: ArrayLike) -> tuple[float, float]:
    """Test the signs of a residual for randomness (Wald & Wolfowitz, Ann. Math. Stat. 11 (1940) 147).

    Parameters
    ----------
    residual : array_like, shape (n,)
        In the order to be tested; zeros are left out.

    Returns
    -------
    z, p : float
        Number of runs less its expectation, over its standard deviation (negative: fewer and longer runs than chance
        makes), and its two-sided probability by the normal approximation, which wants ten of each sign. NaN where all
        have the same sign.
    """
    r = np.asarray(residual, dtype=float)
    positive = r[r != 0] > 0
    n, up = positive.size, int(positive.sum())
    down = n - up
    if not up or not down:
        return math.nan, math.nan
    runs = 1 + int(np.count_nonzero(positive[1:] != positive[:-1]))
    mean = 1.0 + 2.0 * up * down / n
    variance = (mean - 1.0) * (mean - 2.0) / (n - 1.0)
    if variance <= 0:
        return math.nan, math.nan
    z = (runs - mean) / math.sqrt(variance)
    return z, math.erfc(abs(z) / math.sqrt(2.0))


def chi_square_probability(chi_square: float, free: int) -> float:
    """Probability of a chi-square at least as large, with `free` degrees of freedom."""
    from scipy.stats import chi2

    return float(chi2.sf(chi_square, free)) if math.isfinite(chi_square) and free > 0 else math.nan


def probability_text(p: float) -> str:
    """Write a probability: ``p = 0.03``, ``p < 0.001``."""
    if not math.isfinite(p):
        return "p unknown"
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"


def quality_line(
    redchi: float | None, probability: float | None, weighting: str, durbin_watson: float | None, runs_p: float | None
) -> str:
    """Write the quality of a fit in one line.

    Parameters
    ----------
    redchi : float or None
        Reduced chi-square.
    probability : float or None
        Probability of a chi-square as large; None where the weights are not Poisson.
    weighting : str
        Origin of the weights, as in `FitQuality.weighting`.
    durbin_watson, runs_p : float or None
        Durbin-Watson statistic, and the probability of the runs of one sign.
    """
    text = f"reduced chi-square {math.nan if redchi is None else redchi:.3g}"
    if probability is not None:
        text += f" ({probability_text(probability)})"
    elif weighting.startswith("estimated"):
        text += " against the estimated noise"
    elif weighting != "not known":
        text += f" (weights {weighting})"
    watson = math.nan if durbin_watson is None else durbin_watson
    return f"{text}, Durbin-Watson {watson:.2f}, runs test {probability_text(math.nan if runs_p is None else runs_p)}"


def value_text(value: float, error: float | None) -> str:
    """Write a value with two digits of its standard error: ``3060 ± 52``, ``0.0530 ± 0.0021``."""
    if error is None or not math.isfinite(error) or error <= 0:
        return f"{value:.4g}"
    if max(abs(value), error) >= 1e6 or error < 1e-6:
        return f"{value:.4g} ± {error:.2g}"
    return f"{value:.{decimals(error)}f} ± {error:.{decimals(error)}f}"


def decimals(error: float) -> int:
    """Decimals that show two digits of an error; at most eight."""
    return min(max(0, 1 - math.floor(math.log10(error))), 8) if error > 0 else 2


def _smoothed(x: FloatArray, r: FloatArray, width: float) -> FloatArray:
    """Sum over a window of `width` over the root of the number of points in it: noise stays of variance one."""
    spacing = float(np.median(np.diff(x))) if x.size > 1 else 0.0
    points = int(np.clip(round(width / spacing), 1, x.size)) if spacing > 0 else 1
    window = np.ones(points)
    smooth: FloatArray = np.convolve(r, window, "same") / np.sqrt(np.convolve(np.ones_like(r), window, "same"))
    return smooth
