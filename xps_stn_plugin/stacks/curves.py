"""Curves of many fits with one model: what `fitting.report.curves` draws of one, and the residual."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import lmfit
import numpy as np
from numpy.typing import NDArray

from xps_prefit_hooks import Seed
from xps_stn_plugin.fitting.component_rows import table_order
from xps_stn_plugin.fitting.fit_rows import FitRows
from xps_stn_plugin.fitting.quality import durbin_watson, runs_test
from xps_stn_plugin.models.backgrounds import background_parameters
from xps_stn_plugin.models.compiled import CompiledModel
from xps_stn_plugin.models.shapes import LineModel
from xps_stn_plugin.seeding.background import CARRIED

from .fit import CHUNK

FloatArray = NDArray[np.float64]
SmallArray = NDArray[np.float32]

#: Parameters (without prefix) that a background which a line carries is proportional to.
_STRENGTHS: Final = frozenset(CARRIED.values())

#: Parameters of a `LineModel` that say what the line itself is, and not what it loses.
_LINE: Final = frozenset({"amplitude", "center", "sigma", "fraction", *_STRENGTHS})


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
    seed: Seed, energy: FloatArray, counts: FloatArray, shifts: FloatArray, sigma: FloatArray, fits: FitRows
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
    sigma : ndarray, shape (k, m)
        Standard deviation of the intensities.
    fits : FitRows
        Of this seed.

    Returns
    -------
    CurveRows
        With the components of `component_rows`, the lines of a doublet summed.
    """
    order = table_order(seed)
    column = {line.prefix: place for place, lines in enumerate(order) for line in lines}
    parts = [_Part.of(model, seed.params, fits) for model in seed.model.components]
    found = CurveRows.empty(len(fits), len(order), energy.size)
    good = np.flatnonzero(np.isfinite(fits.values).all(axis=1))
    for start in range(0, good.size, CHUNK):
        these = good[start : start + CHUNK]
        x = energy - shifts[these, None]
        background, lines = np.zeros(x.shape), np.zeros((these.size, len(order), energy.size))
        for part in parts:
            curve, below = part.evaluate(x, fits.values[these])
            background += below
            if part.prefix in column:
                lines[:, column[part.prefix]] += curve
            else:
                background += curve
        envelope = background + lines.sum(axis=1)
        found.background[these], found.envelope[these], found.lines[these] = background, envelope, lines
        residual = counts[these] - envelope
        found.residual[these] = residual
        found.durbin_watson[these], found.runs_p[these] = residual_tests(residual / sigma[these])
    return found


def residual_tests(residual: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Durbin-Watson statistics and probabilities of the runs of one sign of residuals, shape (k, m); NaN for none."""
    found = np.array([(durbin_watson(row), runs_test(row)[1]) for row in residual], dtype=float).reshape(-1, 2)
    return found[:, 0], found[:, 1]


@dataclass(frozen=True, eq=False)
class _Part:
    """One component of the model for many spectra, whatever it is tied to."""

    prefix: str
    model: CompiledModel
    columns: Sequence[int]
    strengths: Sequence[int]

    @classmethod
    def of(cls, model: lmfit.Model, params: lmfit.Parameters, fits: FitRows) -> _Part:
        own = lmfit.Parameters()
        for name in model.param_names:
            own.add(name, value=params[name].value, vary=not _is_held(model, params[name]))
        rows = CompiledModel.compile(model, own)
        assert rows is not None  # It is part of a model that was compiled for the fit.
        carried = {name for name in background_parameters(model) if name.removeprefix(model.prefix) in _STRENGTHS}
        strengths = [place for place, name in enumerate(rows.free) if name in carried]
        return cls(str(model.prefix), rows, [fits.names.index(name) for name in rows.free], strengths)

    def evaluate(self, x: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Line, and the background that it carries, each of shape (k, m)."""
        v = values[:, self.columns]
        whole, slopes = self.model.evaluate(x, v)
        # The background is proportional to its strength.
        below = np.einsum("ks,ksm->km", v[:, self.strengths], slopes[:, self.strengths])
        return whole - below, below


def _is_held(model: lmfit.Model, parameter: lmfit.Parameter) -> bool:
    """Whether a parameter is the same for all spectra and costs time where it is not."""
    if not isinstance(model, LineModel) or parameter.vary or parameter.expr:
        return False
    bare = parameter.name.removeprefix(model.prefix)
    return bare not in _LINE or (bare in _STRENGTHS and parameter.value == 0.0)
