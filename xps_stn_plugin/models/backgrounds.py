"""Backgrounds that the lines of a model carry themselves, so that they follow the peaks in a fit.

*Shirley* (Phys. Rev. B 5 (1972) 4709: each photoelectron loses energy with a probability that does not depend on the
loss): a line of area A at c adds ``step * A * F(x - c)``, F being the cumulative distribution of the line.

*Tougaard* (Surf. Interface Anal. 11 (1988) 453; 25 (1997) 137): a line adds its convolution with the inelastic
scattering cross section K(T) of `cross_section`, ``loss`` being K's B.

Both rise to higher binding energy, depend on energies alone and not on sampling or direction, and need no measured
data. `split` takes line and background apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import lmfit
import numpy as np
from numpy.typing import NDArray

from .losses import Losses

FloatArray = NDArray[np.float64]

#: Parameters (without prefix) of a line that belong to its background. All lines of a region share their values.
BACKGROUND_PARAMETERS: Final = ("step", "loss", "loss_c", "loss_d")

#: The parameters that are proportional to the background; at 0 there is none.
STRENGTHS: Final = ("step", "loss")

#: Parameters of `cross_section` by the name of the background in the settings. Two-parameter universal cross section
#: U2: B = 2866 eV2, C = 1643 eV2 (S. Tougaard, Solid State Commun. 61 (1987) 547), so D = 4 C. Three-parameter cross
#: section U3 of polymers: B = 396 eV2, C = 551 eV2, D = 436 eV2 (S. Tougaard, Surf. Interface Anal. 25 (1997) 137).
TOUGAARD: Final[Mapping[str, Mapping[str, float]]] = MappingProxyType(
    {
        "tougaard-u2": MappingProxyType({"loss": 2866.0, "loss_c": 1643.0, "loss_d": 4 * 1643.0}),
        "tougaard-u3": MappingProxyType({"loss": 396.0, "loss_c": 551.0, "loss_d": 436.0}),
    }
)

#: Spacing in eV of the grid on which the losses are summed, and how far below the window lines are still seen.
_SPACING: Final = 0.05
_BELOW: Final = 30.0


def cross_section(energy_loss: FloatArray, loss: float, loss_c: float, loss_d: float) -> FloatArray:
    r"""Tougaard's inelastic scattering cross section, times the inelastic mean free path.

    .. math:: K(T) = \frac{B\,T}{(C - T^2)^2 + D\,T^2}

    It has the three-parameter form of Surf. Interface Anal. 25 (1997) 137. The two-parameter form
    :math:`B T/(C + T^2)^2` is the case :math:`D = 4C`, which is why no sign of :math:`T^2` is needed.

    Parameters
    ----------
    energy_loss : ndarray
        T in eV; no scattering where it is not positive.
    loss, loss_c, loss_d : float
        B, C and D in eV\ :sup:`2`.

    Returns
    -------
    ndarray
        In 1/eV, with the shape of `energy_loss`.
    """
    energy = np.maximum(energy_loss, 0.0)
    square = energy * energy
    return np.asarray(loss * energy / ((loss_c - square) ** 2 + loss_d * square), dtype=float)


@dataclass(frozen=True)
class LossGrid:
    """Uniform grid of energies that holds a window and the lines below it.

    It depends on the ends of the window alone, and sits at whole multiples of its spacing.

    Parameters
    ----------
    energies : ndarray, shape (m,)
        In eV, ascending.
    """

    energies: FloatArray

    @classmethod
    def of(cls, x: FloatArray) -> LossGrid:
        """Make the grid of a window of energies in eV, in any order."""
        first = int(np.floor((np.min(x) - _BELOW) / _SPACING))
        last = int(np.ceil(np.max(x) / _SPACING)) + 1
        return cls(_SPACING * np.arange(first, last + 1, dtype=np.float64))

    def scattered(
        self, x: FloatArray, lines: FloatArray, losses: Losses, loss_c: float, loss_d: float
    ) -> tuple[FloatArray, dict[str, FloatArray]]:
        """Scatter curves inelastically, for a cross section with B = 1.

        Parameters
        ----------
        x : ndarray, shape (n,)
            Energies in eV of the window that the grid was made of.
        lines : ndarray, shape (k, m)
            Line without its losses on the grid, and its derivatives.
        losses : Losses
            The losses that the line has already before it is scattered.
        loss_c, loss_d : float
            C and D of `cross_section`.

        Returns
        -------
        curves : ndarray, shape (k, n)
            Each of `lines`, scattered.
        slopes : dict of str to ndarray of shape (n,)
            Derivative of the first of them by each parameter of `losses`.
        """
        from scipy.fft import irfft, next_fast_len, rfft

        count = self.energies.size
        length = next_fast_len(2 * count, real=True)
        bin_position = losses.energies / _SPACING
        bin_index = bin_position.astype(int)
        in_window = bin_index < count - 1

        def spread(weights: FloatArray) -> FloatArray:
            lower, upper = weights * (1.0 - (bin_position - bin_index)), weights * (bin_position - bin_index)
            bins = np.zeros(count)
            bins += np.bincount(bin_index[in_window], lower[in_window], count)
            bins += np.bincount(bin_index[in_window] + 1, upper[in_window], count)
            return bins

        kernel = _SPACING * cross_section(_SPACING * np.arange(count, dtype=np.float64), 1.0, loss_c, loss_d)
        distributions = np.stack([spread(weights) for weights in (losses.weights, *losses.slopes.values())])
        kernels = rfft(kernel, length) * rfft(distributions, length)
        spectra = rfft(lines, length)
        sums = irfft(np.concatenate([spectra * kernels[0], spectra[0] * kernels[1:]]), length)
        position = (x - self.energies[0]) / _SPACING
        below = position.astype(int)
        part = position - below
        curves = sums[:, below] * (1.0 - part) + sums[:, below + 1] * part
        return curves[: len(lines)], dict(zip(losses.slopes, curves[len(lines) :], strict=True))


def background_parameters(model: lmfit.Model) -> tuple[str, ...]:
    """Full names of those parameters of a component model that belong to the background that it carries."""
    background_names = {f"{model.prefix}{name}" for name in BACKGROUND_PARAMETERS}
    return tuple(name for name in model.param_names if name in background_names)


def split(
    model: lmfit.Model, params: lmfit.Parameters, x: FloatArray, values: Mapping[str, float] | None = None
) -> tuple[FloatArray, FloatArray]:
    """Line and background of one component model, each with the shape of `x`; other models have no background.

    `values` are those that differ from `params`.
    """
    overrides = dict(values or {})
    total = np.asarray(model.eval(params, x=x, **overrides), dtype=float)
    names = background_parameters(model)
    zero_strengths = {name: 0.0 for name in names if name.removeprefix(model.prefix) in STRENGTHS}
    if not zero_strengths:
        return total, np.zeros_like(total)
    line = np.asarray(model.eval(params, x=x, **(overrides | zero_strengths)), dtype=float)
    return line, total - line
