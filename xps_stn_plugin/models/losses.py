"""Intrinsic energy losses of photoelectrons and their probabilities.

A line is the sum of pseudo-Voigts of one width, each higher in binding energy by one of these losses: vibrational
quanta of C-H bonds, or electron-hole pairs of a conductor. The weights sum to 1, so that the area stays the area.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from xps_stn_plugin.models.lineshapes import vibrational_slopes, vibrational_weights

FloatArray = NDArray[np.float64]

#: Values of parameters whose losses are kept: all lines of a model have the same, mostly.
_VALUES: Final = 64

#: C-H stretch quantum in eV between the members of aliphatic carbon's progression (Beamson & Briggs 1992: 285.00,
#: 285.39, 285.78 and 286.17 eV in poly(ethylene), poly(1-butene) and others, as held in NIST SRD 20).
VIBRATION_QUANTUM: Final = 0.39

#: Members of the progression that are drawn; the fifth would carry 0.1 % of the area at a mean of 0.4 quanta.
VIBRATION_MEMBERS: Final = 4

#: Mean number of quanta of a CH2 group, 0.2 for each C-H bond. The line's mean lies 0.16 eV above the first member; a
#: symmetric line fitted to it reads about 0.13 eV high, as it does on measured poly(ethylene).
VIBRATION_MEAN: Final = 0.4

#: Start value for the asymmetry of graphitic carbon and the cut-off in eV of its electron-hole pairs, of the order of
#: the width of the occupied pi band. A choice, not measured: asymmetry and cut-off are told apart by wide windows only.
ASYMMETRY: Final = 0.1
CUTOFF: Final = 4.0


@dataclass(frozen=True)
class Losses:
    """Discrete losses and their weights.

    Parameters
    ----------
    energies : ndarray, shape (k,)
        In eV, not negative.
    weights : ndarray, shape (k,)
        Share of the line's area; they sum to 1.
    slopes : mapping of str to ndarray of shape (k,)
        Derivative of the weights by each parameter that they depend on.
    """

    energies: FloatArray
    weights: FloatArray
    slopes: Mapping[str, FloatArray]


def no_losses() -> Losses:
    """One symmetric line."""
    return Losses(np.zeros(1), np.ones(1), {})


@lru_cache(maxsize=_VALUES)
def vibrational_losses(vibration: float) -> Losses:
    """Poisson progression of C-H stretch quanta with a mean number of `vibration`."""
    mean = max(vibration, 0.0)
    weights = vibrational_weights(mean, VIBRATION_MEMBERS)
    slopes = {"vibration": vibrational_slopes(mean, VIBRATION_MEMBERS)}
    return Losses(VIBRATION_QUANTUM * np.arange(VIBRATION_MEMBERS, dtype=np.float64), weights, slopes)


@lru_cache(maxsize=_VALUES)
def electron_hole_losses(asymmetry: float, cutoff: float) -> Losses:
    r"""Electron-hole pairs that a conductor excites to screen the core hole.

    The probability of a loss :math:`E` is Mahan's

    .. math:: E^{\alpha - 1} e^{-E/\xi} / (\Gamma(\alpha)\, \xi^\alpha),

    a gamma distribution of mean :math:`\alpha\xi` (G. D. Mahan, Phys. Rev. B 11 (1975) 4814). Without the cut-off
    :math:`\xi` its convolution with a Lorentzian is the line of S. Doniach and M. Sunjic, J. Phys. C 3 (1970) 285, with
    the same singularity index :math:`\alpha`, whose area is infinite.

    Parameters
    ----------
    asymmetry : float
        Singularity index :math:`\alpha`; 0 leaves the symmetric line.
    cutoff : float
        :math:`\xi` in eV.

    Returns
    -------
    Losses
        The distribution by the trapezoidal rule on a fixed grid that is logarithmic near 0 and then widens from 0.2 to
        1 eV spacing at 30 eV. Losses below 0.1 eV stand for their first three moments at 0, 0.05 and 0.1 eV; what lies
        beyond 30 eV (1e-5 of the area at the start values) is counted as no loss.
    """
    index = max(asymmetry, 0.0)
    ratio = _FINE / cutoff
    density = _PER_LOG * ratio**index * np.exp(-ratio) / math.gamma(1.0 + index)
    by_index = density * (1.0 + index * (np.log(ratio) - _digamma(1.0 + index)))
    fine = np.stack([index * density, by_index, index * density * (ratio - index) / cutoff])
    weights, by_asymmetry, by_cutoff = fine @ _MERGE
    for values, area in ((weights, 1.0), (by_asymmetry, 0.0), (by_cutoff, 0.0)):
        values[0] += area - values.sum()
    return Losses(_COARSE, weights, {"asymmetry": by_asymmetry, "cutoff": by_cutoff})


def _digamma(value: float) -> float:
    from scipy.special import digamma

    return float(digamma(value))


def _fine_grid(first: float, last: float, low: float, top: float) -> tuple[FloatArray, FloatArray]:
    """Losses up to `top` eV, spaced `first` eV where they cease to be logarithmic and `last` at the end.

    The loss is a smooth function of a uniform variable, so that the trapezoidal rule converges fast; returned with each
    loss its step per loss (the density of an energy distribution is to be multiplied by both).
    """
    step = 0.5
    slope = first / step
    bend = ((last / step) ** 2 - slope**2) / (4.0 * top)
    log_variable = step * np.arange(-60.0, 400.0)
    line = np.logaddexp(0.0, log_variable)
    energy = slope * line + bend * line**2
    per_log = step * (slope + 2.0 * bend * line) / (1.0 + np.exp(-log_variable)) / energy
    in_range = (energy > low) & (energy < top)
    return energy[in_range], per_log[in_range]


def _merged(fine: FloatArray, low: float) -> tuple[FloatArray, FloatArray]:
    """Losses 0, `low`/2, `low` and those above, and the matrix that moves weights there and keeps moments 0 to 2."""
    high_losses = fine[fine > low]
    t = 2.0 * fine / low
    quadratic = np.stack([(t - 1.0) * (t - 2.0) / 2.0, t * (2.0 - t), t * (t - 1.0) / 2.0], axis=1)
    merge = np.zeros((fine.size, 3 + high_losses.size))
    merge[: fine.size - high_losses.size, :3] = quadratic[: fine.size - high_losses.size]
    merge[fine.size - high_losses.size :, 3:] = np.eye(high_losses.size)
    return np.concatenate([[0.0, low / 2.0, low], high_losses]), merge


_FINE, _PER_LOG = _fine_grid(0.2, 1.1, 1e-7, 30.0)
_COARSE, _MERGE = _merged(_FINE, 0.1)
for _table in (_FINE, _PER_LOG, _COARSE, _MERGE):
    _table.setflags(write=False)
