"""Curves of the fits of a stack, and tests of their residuals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xps_prefit_hooks import Seed
from xps_stn_plugin.fitting.component_rows import table_order
from xps_stn_plugin.fitting.curves import component_curves
from xps_stn_plugin.fitting.fit_rows import FitRows
from xps_stn_plugin.fitting.quality import durbin_watson, runs_test
from xps_stn_plugin.models.compiled import CompiledModel

from .fit import NoiseRows

FloatArray = NDArray[np.float64]
SmallArray = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class CurveRows:
    """Curves of k spectra over their m measured energies; NaN where a spectrum was not fitted.

    Parameters
    ----------
    background, envelope, residual : ndarray, shape (k, m)
        Background with the steps of all components, everything, and intensities less everything.
    lines : ndarray, shape (k, c, m)
        Components without background; NaN where a spectrum has no such component.
    durbin_watson, runs_p : ndarray, shape (k,)
        Tests of the residual over the noise, as `fitting.quality.ResidualTests` has them.
    """

    background: SmallArray
    envelope: SmallArray
    residual: SmallArray
    lines: SmallArray
    durbin_watson: FloatArray
    runs_p: FloatArray

    @classmethod
    def empty(cls, count: int, components: int, points: int) -> CurveRows:
        """Curves of `count` spectra that are still to be fitted."""
        background, envelope, residual = np.full((3, count, points), np.nan, dtype=np.float32)
        lines = np.full((count, components, points), np.nan, dtype=np.float32)
        return cls(background, envelope, residual, lines, *np.full((2, count), np.nan))

    def put(self, rows: NDArray[np.intp], columns: Sequence[int], other: CurveRows) -> None:
        """Take the curves of other rows, with their components in some of the columns, in place."""
        for name in ("background", "envelope", "residual", "durbin_watson", "runs_p"):
            getattr(self, name)[rows] = getattr(other, name)
        self.lines[np.ix_(rows, np.asarray(columns, dtype=np.intp))] = other.lines


def curve_rows(
    seed: Seed, energy: FloatArray, counts: FloatArray, shifts: FloatArray, noise: NoiseRows, fits: FitRows
) -> CurveRows:
    """Draw fits over the measured axis.

    Parameters
    ----------
    seed : Seed
    energy : ndarray, shape (m,)
        Measured axis in eV.
    counts : ndarray, shape (k, m)
    shifts : ndarray, shape (k,)
        By how much the measured axis lies above the calibrated one, in eV, as in the fits.
    noise : NoiseRows
    fits : FitRows
        Of this seed.

    Returns
    -------
    CurveRows
        With the components of `component_rows`, the lines of a doublet summed.
    """
    order = table_order(seed)
    compiled = CompiledModel.to_draw(seed.model, seed.params)
    found = CurveRows.empty(len(fits), len(order), energy.size)
    good = np.flatnonzero(np.isfinite(fits.values).all(axis=1))
    size = compiled.block(energy.size)
    for start in range(0, good.size, size):
        these = good[start : start + size]
        background, by_name = component_curves(seed, compiled, energy - shifts[these, None], fits.values[these])
        lines = np.stack([by_name[first.name] for first, *_ in order], axis=1)
        envelope = background + lines.sum(axis=1)
        found.background[these], found.envelope[these], found.lines[these] = background, envelope, lines
        residual = counts[these] - envelope
        found.residual[these] = residual
        found.durbin_watson[these], found.runs_p[these] = residual_tests(residual / noise.of(these).fitted(envelope))
    return found


def residual_tests(residual: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Durbin-Watson statistics and probabilities of the runs of one sign of residuals, shape (k, m); NaN for none."""
    found = np.array([(durbin_watson(row), runs_test(row)[1]) for row in residual], dtype=float).reshape(-1, 2)
    return found[:, 0], found[:, 1]
