"""The shift at which the lines of known substances fit a spectrum best."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.optimize import nnls

from xps_stn_plugin.chemistry.group_lines import group_lines
from xps_stn_plugin.chemistry.lines import CoreLine
from xps_stn_plugin.chemistry.substances import Substance
from xps_stn_plugin.core.core_levels import CoreLevel, core_levels
from xps_stn_plugin.models.lineshapes import pseudo_voigt, vibrational_weights
from xps_stn_plugin.models.shapes import VIBRATION_MEMBERS, VIBRATION_QUANTUM
from xps_stn_plugin.seeding.region import SURVEY_WIDTH, RegionData, region_data
from xps_stn_plugin.stn.posterior import AWAY
from xps_stn_plugin.stn.signal import NO_LINE, signal_to_noise

FloatArray = NDArray[np.float64]

#: Shifts that are tried, in eV: all that the network is trained for, then finer about the best.
_COARSE: Final = np.arange(-8.0, 8.01, 0.2)
_FINE: Final = np.arange(-0.5, 0.501, 0.025)

#: Displacements in eV that a region may have for itself before its lines are said not to fit.
_OWN: Final = np.arange(-0.2, 0.201, 0.05)

#: Widths that are tried, as shares of the core level's usual one.
_WIDTHS: Final = (0.75, 0.9, 1.1, 1.35, 1.7)

#: Lorentzian share of the lines.
_FRACTION: Final = 0.3

#: Positions of reference lines scatter by this much in eV between samples and authors (Beamson & Briggs 1992 against
#: other work, as held in NIST SRD 20): no shift that rests on them can be surer.
CHEMISTRY: Final = 0.1

#: How far in eV beyond the measured range a line may lie: who measures a substance measures its lines.
_CUT: Final = 0.5

#: Step in eV of the axis on which patterns are drawn once, and how far they reach beyond the lines.
_STEP, _REACH = 0.02, 12.0


@dataclass(frozen=True)
class PatternShift:
    """Where the lines of known substances fit best.

    Parameters
    ----------
    shift, stderr : float
        Measured minus true binding energy and its standard error in eV: statistics and `CHEMISTRY` in quadrature.
    misfit : float
        Share of the region's variance, noise aside, that the lines leave unexplained (1 less the coefficient of
        determination), of the worst region, each within 0.2 eV of the shift.
    worst : str
        The worst region.
    elsewhere : float
        Probability that another shift, further than 0.6 eV away, is the right one, if these are the lines.
    other : float
        The most probable of these, in eV.
    foreign : tuple of str
        Core levels that show a line although none of the substances has one there.
    empty : tuple of str
        Core levels that show no line although each of the substances has one there.
    shares : tuple of float
        Share of the area that each substance gets, of the region where it gets most.
    """

    shift: float
    stderr: float
    misfit: float
    worst: str
    elsewhere: float
    other: float
    foreign: tuple[str, ...]
    empty: tuple[str, ...]
    shares: tuple[float, ...]


def shift_by_pattern(spectrum: xr.DataTree, substances: Sequence[Substance]) -> PatternShift | None:
    """Fit the lines of substances, with their stoichiometry in each region, over shifts within 8 eV.

    In every region all lines must lie in the measured range, each substance has one free area, the line width is
    common, and a line and a step of the background are free (non-negative least squares). The likelihood of a shift is
    that of the residuals with unknown standard deviation, ``(sum of squares) ** (-n / 2)``, where n counts halves of a
    line width and not channels, because neighbouring channels err together.

    Parameters
    ----------
    spectrum : xarray.DataTree
        On the measured axis; of repeated core levels the first is used, stacks and surveys are passed over.
    substances : sequence of Substance

    Returns
    -------
    PatternShift or None
        None where no region with a line is one in which the substances have lines.
    """
    fits, foreign, empty = [], [], []
    for data, level, line_there in _regions(spectrum):
        own = [any(line.region == level.name for line in one.lines) for one in substances]
        if line_there and any(own):
            fits.append(_RegionFit(data, level, substances))
        elif line_there:
            foreign.append(level.name)
        elif all(own):
            empty.append(level.name)
    if not fits:
        return None
    coarse = np.sum([fit.log_likelihood(_COARSE) for fit in fits], axis=0)
    best = float(_COARSE[int(np.argmax(coarse))])
    probability = np.exp(coarse - coarse.max())
    away = np.abs(_COARSE - best) > AWAY
    grid = best + _FINE
    fine = np.sum([fit.log_likelihood(grid) for fit in fits], axis=0)
    weight = np.exp(fine - fine.max())
    weight /= weight.sum()
    shift = float(weight @ grid)
    misfits = {fit.level.name: min(fit.misfit(shift + move) for move in _OWN) for fit in fits}
    worst = max(misfits, key=lambda name: misfits[name])
    return PatternShift(
        shift=shift,
        stderr=float(np.hypot(np.sqrt(weight @ (grid - shift) ** 2), CHEMISTRY)),
        misfit=misfits[worst],
        worst=worst,
        elsewhere=float(probability[away].sum() / probability.sum()),
        other=float(_COARSE[int(np.argmax(np.where(away, probability, -1.0)))]),
        foreign=tuple(foreign),
        empty=tuple(empty),
        shares=tuple(np.max([fit.shares(shift) for fit in fits], axis=0).tolist()),
    )


def _regions(spectrum: xr.DataTree) -> Iterator[tuple[RegionData, CoreLevel, bool]]:
    """Regions of known core levels, each level once, and whether they show a line."""
    seen: set[str] = set()
    for name, child in spectrum.children.items():
        core = str(child.attrs.get("region", name))
        dataset = child.to_dataset()
        if core not in core_levels() or core in seen or dataset["counts"].ndim != 1:
            continue
        if np.ptp(dataset["binding_energy"].values) > SURVEY_WIDTH:
            continue
        seen.add(core)
        yield region_data(name, dataset), core_levels()[core], signal_to_noise(dataset) >= NO_LINE


class _RegionFit:
    """Patterns of the substances in one region, drawn once for each width."""

    def __init__(self, data: RegionData, level: CoreLevel, substances: Sequence[Substance]) -> None:
        self.level = level
        self.energy = data.energy
        self.independent = 2 * float(np.ptp(data.energy)) / level.fwhm[0]
        # In units of the height, lest the solver's tolerance matter.
        self.noise = float(np.sum((data.noise.sigma / data.height) ** 2))
        line = np.stack([np.ones_like(data.energy), data.energy - data.energy.mean()], axis=1)
        self.flat, _ = np.linalg.qr(line)
        self.target = self._flattened(data.counts / data.height)
        self.signal = float(np.sum(self.target**2)) - self.noise
        self.lines = [[line for line in one.lines if line.region == level.name] for one in substances]
        energies = [line.energy for lines in self.lines for line in lines]
        self.extent = min(energies), max(energies)
        self.axis = np.arange(min(energies) - _REACH, max(energies) + _REACH, _STEP)
        self.patterns = [self._patterns(share * level.fwhm[0]) for share in _WIDTHS]

    def log_likelihood(self, shifts: FloatArray) -> FloatArray:
        squares = np.array([self._best(float(shift))[1] for shift in shifts])
        likelihood: FloatArray = -0.5 * self.independent * np.log(np.maximum(squares, self.noise))
        return likelihood

    def misfit(self, shift: float) -> float:
        return max(self._best(shift)[1] - self.noise, 0.0) / max(self.signal, np.finfo(float).tiny)

    def shares(self, shift: float) -> FloatArray:
        """Share of the area that each substance gets."""
        areas = self._best(shift)[0][:-1]
        shares: FloatArray = areas / max(float(areas.sum()), np.finfo(float).tiny)
        return shares

    def _best(self, shift: float) -> tuple[FloatArray, float]:
        """Areas (the step's last) and sum of squares with the width that fits best; no areas where lines are cut."""
        if self.extent[0] + shift < self.energy[0] - _CUT or self.extent[1] + shift > self.energy[-1] + _CUT:
            return self._nothing()
        return min((self._solved(shift, pattern) for pattern in self.patterns), key=lambda found: found[1])

    def _solved(self, shift: float, patterns: FloatArray) -> tuple[FloatArray, float]:
        columns = np.stack([np.interp(self.energy - shift, self.axis, row) for row in patterns], axis=1)
        try:
            areas, norm = nnls(self._flattened(columns), self.target)
        except RuntimeError:
            # No convergence, as happens where hardly any of a line is left in the range: these lines explain nothing.
            return self._nothing()
        return areas, float(norm**2)

    def _nothing(self) -> tuple[FloatArray, float]:
        return np.zeros(len(self.lines) + 1), float(np.sum(self.target**2))

    def _flattened(self, values: FloatArray) -> FloatArray:
        """Leave out what a straight line describes."""
        return values - self.flat @ (self.flat.T @ values)

    def _patterns(self, fwhm: float) -> FloatArray:
        """Each substance's lines of unit area, and the step below all of them, shape (substances + 1, axis)."""
        drawn = [self._drawn(lines, fwhm) for lines in self.lines]
        steps = np.cumsum(np.sum(drawn, axis=0)) * _STEP
        return np.stack([*drawn, steps / steps[-1]])

    def _drawn(self, lines: Sequence[CoreLine], fwhm: float) -> FloatArray:
        total = sum(line.atoms for line in lines)
        (satellite,) = (line for line in group_lines()["benzene ring"]["C1s"] if line.satellite)
        curve = np.zeros_like(self.axis)
        for line in lines:
            share = line.atoms / total
            for number, weight in enumerate(vibrational_weights(line.vibration, VIBRATION_MEMBERS)):
                if weight > 0:
                    center = line.energy + number * VIBRATION_QUANTUM
                    curve += share * weight * pseudo_voigt(self.axis, center, fwhm, _FRACTION)
            if line.kind == "aromatic":
                shake_up = pseudo_voigt(self.axis, line.energy + satellite.offset, 2.0 * fwhm, _FRACTION)
                curve += share * float(np.mean(satellite.ratio)) * shake_up
        if self.level.splitting and self.level.ratio:
            shifted = np.interp(self.axis - self.level.splitting, self.axis, curve)
            curve = (curve + self.level.ratio * shifted) / (1 + self.level.ratio)
        return curve
