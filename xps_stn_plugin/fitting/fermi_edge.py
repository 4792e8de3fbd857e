"""The Fermi edge of a conductor's valence band: occupied states up to the Fermi level, broadened by the analyser."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.special import ndtr

FloatArray = NDArray[np.float64]

#: Thermal energy in eV at room temperature (295 K).
_THERMAL: Final = 0.02542
#: Quantiles of the Fermi function that are broadened by the analyser's Gaussian each.
_QUANTILES: Final = (np.arange(16) + 0.5) / 16
_THERMAL_STEPS: Final = _THERMAL * np.log(_QUANTILES / (1 - _QUANTILES))

#: Energies below and above the edge that are fitted, in eV: the the d bands of copper and gold begin 2 eV below.
_BELOW, _ABOVE = 1.2, 1.0
#: Fewest channels on either side of the edge.
_FEWEST: Final = 4
#: Full width at half maximum in eV of the analyser's broadening: its start value, its limits, and from which on an
#: onset is not a Fermi edge. Laboratory instruments have 0.2 to 0.7 eV.
_FWHM, _LEAST_FWHM, _MOST_FWHM, _WIDEST = 0.4, 0.05, 1.5, 1.0
#: Heights over their standard errors from which on a step is one.
_STEP: Final = 8.0
#: States that rise by more than so many times the step within 1 eV are the onset of an insulator's band.
_STEEPEST: Final = 1.0
#: A step of which so many times less than the largest is seen first is the onset of noise.
_SMALL: Final = 0.05
#: Standard error in eV of an edge of any number of counts: that of the analyser's zero and of flat states.
_LEAST_ERROR: Final = 0.01
_FWHM_OF_SIGMA: Final = 2.3548


@dataclass(frozen=True)
class FermiEdge:
    """A fitted Fermi edge: its position, the position's standard error, and the analyser's FWHM, in eV."""

    position: float
    stderr: float
    fwhm: float


def fermi_edge(energy: FloatArray, counts: FloatArray, sigma: FloatArray) -> FermiEdge | None:
    """Fit the first step of a valence band by a broadened Fermi function over states of constant slope.

    Parameters
    ----------
    energy : ndarray, shape (n,)
        Binding energy in eV, ascending.
    counts, sigma : ndarray, shape (n,)
        Intensities and their standard deviations.

    Returns
    -------
    FermiEdge or None
        None where there is no step, or one too broad for a Fermi edge: the onset of a band of an insulator.
    """
    start = _first_step(energy, counts, sigma)
    if start is None:
        return None
    chosen = (energy >= start - _BELOW) & (energy <= start + _ABOVE)
    x, y, noise = energy[chosen], counts[chosen], sigma[chosen]
    height = float(y.max() - y.min())
    scale = np.array([1.0, 1.0, height, height, height])
    first = np.array([start, _FWHM / _FWHM_OF_SIGMA, 1.0, 0.0, float(y.min()) / height])
    low = np.array([x[0], _LEAST_FWHM / _FWHM_OF_SIGMA, 0.0, -np.inf, -np.inf])
    high = np.array([x[-1], _MOST_FWHM / _FWHM_OF_SIGMA, np.inf, np.inf, np.inf])

    def residual(values: FloatArray) -> FloatArray:
        return np.asarray((_edge(x, values * scale) - y) / noise)

    fit = least_squares(residual, first, bounds=(low, high), x_scale=np.array([0.1, 0.1, 1.0, 1.0, 0.1]))
    covariance = np.linalg.pinv(fit.jac.T @ fit.jac)
    redchi = 2 * float(fit.cost) / max(x.size - fit.x.size, 1)
    errors = np.sqrt(np.diag(covariance) * max(redchi, 1.0))
    fwhm = float(fit.x[1]) * _FWHM_OF_SIGMA
    if not fit.success or fwhm > _WIDEST or fit.x[2] < max(_STEP * errors[2], abs(fit.x[3]) / _STEEPEST):
        return None
    return FermiEdge(float(fit.x[0]), float(np.hypot(errors[0], _LEAST_ERROR)), fwhm)


def broadened_fermi(distance: FloatArray, sigma: float) -> FloatArray:
    """Occupied share of states at `distance` eV above the edge's binding energy, broadened by a Gaussian."""
    return np.asarray(ndtr((distance[..., None] - _THERMAL_STEPS) / sigma).mean(axis=-1))


def _edge(energy: FloatArray, values: FloatArray) -> FloatArray:
    position, sigma, height, slope, background = values
    distance = energy - position
    return np.asarray((height + slope * distance) * broadened_fermi(distance, sigma) + background)


def _first_step(energy: FloatArray, counts: FloatArray, sigma: FloatArray) -> float | None:
    """Position in eV of the step of lowest binding energy, on the grid of channels; None where there is none."""
    steps, errors = np.zeros(energy.size), np.full(energy.size, np.inf)
    for place, position in enumerate(energy):
        chosen = (energy >= position - _BELOW) & (energy <= position + _ABOVE)
        distance = energy[chosen] - position
        if min((distance < 0).sum(), (distance > 0).sum()) < _FEWEST:
            continue
        share = broadened_fermi(distance, _FWHM / _FWHM_OF_SIGMA)
        design = np.stack([share, share * distance, np.ones(distance.size)], axis=1) / sigma[chosen, None]
        normal = np.linalg.pinv(design.T @ design)
        steps[place] = (normal @ design.T @ (counts[chosen] / sigma[chosen]))[0]
        errors[place] = np.sqrt(normal[0, 0])
    significance = steps / errors
    seen = (significance > _STEP) & (steps > _SMALL * steps.max())
    if not seen.any():
        return None
    # The best of the first run of places at which there is a step.
    first = int(seen.argmax())
    end = first + int(np.append(~seen[first:], True).argmax())
    return float(energy[first + int(significance[first:end].argmax())])
