"""Simulated depth profiles of a polymer on an oxide, with a charge shift at each level."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from xps_stn_plugin.chemistry.polymers import polymers
from xps_stn_plugin.core.grid import Grid
from xps_stn_plugin.models.lineshapes import pseudo_voigt
from xps_stn_plugin.simulate.config import SimulationConfig
from xps_stn_plugin.simulate.library import LineLibrary
from xps_stn_plugin.simulate.line_list import Sample, instrument_width, sample_lines

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

LEVELS = 20
POLYMERS = ("PMMA", "PET")
AXES: Mapping[str, FloatArray] = MappingProxyType(
    {"C1s": np.round(np.arange(277.0, 300.05, 0.1), 2), "O1s": np.round(np.arange(522.0, 545.05, 0.1), 2)}
)
#: Level at which half of the polymer is gone, and how many levels the interface is wide (logistic).
INTERFACE, WIDTH = 10.0, 1.2
#: Drift in eV per level; level and size in eV of the jump; level of the outlier.
DRIFT = 0.05
JUMP_AT, JUMP = 7, 0.7
OUTLIER_AT = 4
#: The outlier: a part that is charged less shows the polymer's lines so many eV lower and so many times as strong.
STRAY, STRAY_AREA = -1.5, 2.0
#: Constant background, and rise behind the lines per eV, relative to the highest line of the first level.
BACKGROUND, RISE = 0.2, 0.03
CHARGING = ("constant", "drift", "outlier", "jump")


@dataclass(frozen=True)
class Profile:
    """One depth profile.

    Parameters
    ----------
    polymer, charging : str
    height : float
        Counts in the highest channel of C 1s at the first level, less the background.
    shift : ndarray, shape (levels,)
        True charging in eV.
    polymer_left : ndarray, shape (levels,)
        From 1 to 0.
    counts : mapping of str to ndarray, shape (levels, m)
        By core level, on `AXES`.
    """

    polymer: str
    charging: str
    height: float
    shift: FloatArray
    polymer_left: FloatArray
    counts: Mapping[str, FloatArray]

    @property
    def regions(self) -> dict[str, tuple[FloatArray, FloatArray]]:
        """Regions of the profile, as `predict_stack` takes them."""
        return {name: (AXES[name], values) for name, values in self.counts.items()}


def charging(kind: str, start: float) -> FloatArray:
    """Return the true shift of each level in eV."""
    level = np.arange(LEVELS)
    offsets = {"drift": DRIFT * level, "jump": np.where(level >= JUMP_AT, JUMP, 0.0)}
    return start + offsets.get(kind, np.zeros(LEVELS))


def profiles(kinds: Sequence[str], heights: Sequence[float], draws: int, seed: int) -> list[Profile]:
    """Draw `draws` profiles of each polymer, kind of charging and height.

    The lines come from the simulator with its errors of reference positions, drawn once for a profile: all levels are
    one sample. Only the counts differ from level to level.
    """
    rng = np.random.default_rng(seed)
    smiles_of = {polymer.abbreviation: polymer.smiles for polymer in polymers()}
    library = LineLibrary.build([smiles_of[name] for name in POLYMERS], ())
    config = replace(SimulationConfig.load(), contamination_share=0.0, substrate_share=0.0)
    return [
        _profile(name, number, kind, height, library, config, rng)
        for number, name in enumerate(POLYMERS)
        for kind in kinds
        for height in heights
        for _ in range(draws)
    ]


def _profile(
    polymer: str,
    number: int,
    kind: str,
    height: float,
    library: LineLibrary,
    config: SimulationConfig,
    rng: np.random.Generator,
) -> Profile:
    grid = Grid()
    differential = rng.normal(0, config.region_shift_sigma, (1, len(grid.regions)))
    differential[0, grid.regions.index("C1s")] = 0.0
    source = np.zeros(1, dtype=np.int64)
    scale = rng.normal(0, config.region_scale_sigma, (1, len(grid.regions)))
    width = instrument_width(source, config, rng)
    sample = Sample(np.array([[number]]), np.ones((1, 1)), np.zeros(1), differential, source, width, scale)
    lines = sample_lines(sample, library, config, grid, rng)
    shift = charging(kind, float(rng.uniform(-3, 3)))
    polymer_share = 1 / (1 + np.exp((np.arange(LEVELS) - INTERFACE) / WIDTH))
    stray_share = np.where((np.arange(LEVELS) == OUTLIER_AT) & (kind == "outlier"), STRAY_AREA, 0.0)
    signals = {}
    for name, axis in AXES.items():
        in_region = lines.row == grid.regions.index(name)

        def drawn(shifts: FloatArray, axis: FloatArray = axis, in_region: BoolArray = in_region) -> FloatArray:
            energy = axis - shifts[:, None, None]
            curves = pseudo_voigt(
                energy,
                lines.energy[in_region][:, None],
                lines.fwhm[in_region][:, None],
                lines.lorentzian[in_region][:, None],
            )
            total: FloatArray = (curves * lines.area[in_region][:, None]).sum(axis=1)
            return total

        signals[name] = polymer_share[:, None] * (drawn(shift) + stray_share[:, None] * drawn(shift + STRAY))
    top = signals["C1s"][0].max()
    oxide = pseudo_voigt(AXES["O1s"], rng.uniform(*config.substrate_energy) + shift[:, None], 1.4, 0.2)
    signals["O1s"] += (1 - polymer_share)[:, None] * oxide * 2.0 * signals["O1s"][0].max() / oxide.max()
    counts = {}
    for name, signal in signals.items():
        base = BACKGROUND * top + RISE * 0.1 * np.cumsum(signal, axis=1)
        counts[name] = rng.poisson(height / top * (signal + base)).astype(float)
    return Profile(polymer, kind, height, shift, polymer_share, counts)
