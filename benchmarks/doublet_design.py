"""Factorial design of C 1s doublets, after NIST's XPS Standard Test Data, and the spectra that it asks for.

What is published of the original (Conny, Powell and Currie, Surf. Interface Anal. 26 (1998) 939; Conny and Powell,
part II, 2000; NIST's pages about the data): C 1s doublets made from spline models of measured polymer lines; a
replicated factorial design with three factors, peak separation, relative intensity and fractional Poisson noise;
singlets as the null case; 22 spectra in each of 10 sets. The levels are not given there. Chosen here, all crossed:

- separation 0.3, 0.6, 1.0 and 2.0 eV: from a quarter of a line width, where nothing can be told apart, to two widths;
- areas 1:1, 1:2, 1:4 and 1:8, the larger line at lower energy in one half of the sets and at higher in the other;
- 10^3, 10^4 and 10^5 counts at the peak maximum above the background (3, 1 and 0.3 % noise): a quick scan, a usual one
  (raw C 1s files of laboratory instruments reach 3 000 to 12 000), a long one;
- four singlets at each number of counts: 48 doublets and 12 singlets in each set, 10 sets.

Lines have one Gaussian-Lorentzian shape per spectrum, FWHM 0.9-1.3 eV and Lorentzian share 0.1-0.4, both uniform.
Each spectrum lies on a background of 2-20 % of the peak height before the lines (even in the logarithm) that changes by
up to 20 % over 10 eV; every second one has a Shirley step of 2-10 % of the height. Channels are 0.05 or 0.1 eV wide,
from 279 to 294 eV.

A doublet is made of two environments of the table of group lines whose distance there is within 0.1 eV of the level.
Its middle is the table's, moved by the scatter of real positions (0.1 eV) together with the axis error of a network
that claims 0.05 eV. True positions are those on the axis handed over: the error of the axis is another benchmark's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xps_prefit_hooks import PrefitError
from xps_stn_plugin.chemistry.group_lines import GroupLine, group_lines
from xps_stn_plugin.core.spectrum import region_dataset, spectrum_tree
from xps_stn_plugin.models.lineshapes import pseudo_voigt, pseudo_voigt_cdf, vibrational_weights
from xps_stn_plugin.models.shapes import VIBRATION_QUANTUM
from xps_stn_plugin.simulate.config import SimulationConfig

FloatArray = NDArray[np.float64]

#: ``blind``: symmetric lines, no group is told. ``told``: lines as the environments have them, vibrational ones with
#: their progression, and the groups are told. ``misled``: singlets as ``told``, with a group beside that is not there.
Run = Literal["blind", "told", "misled"]

SEPARATIONS: Final = (0.3, 0.6, 1.0, 2.0)
RATIOS: Final = (1, 2, 4, 8)
COUNTS: Final = (1_000, 10_000, 100_000)

#: Standard deviation of real positions about the table's, and standard error of the axis, in eV.
POSITION_SCATTER: Final = 0.1
AXIS_ERROR: Final = 0.05

#: Groups whose own C 1s line makes a doublet of each separation, lower energy first. None of them brings lines that its
#: members may lack, but for the ring's shake-up, which is drawn.
PAIRS: Final[dict[float, tuple[tuple[str, str], ...]]] = {
    0.3: (("benzene ring", "alkane"), ("siloxane", "benzene ring"), ("alkene", "alkane"), ("sulfide", "amine")),
    0.6: (
        ("siloxane", "alkane"),
        ("alkane", "amine"),
        ("nitro (aromatic)", "alcohol (aromatic)"),
        ("alcohol (aliphatic)", "epoxide"),
    ),
    1.0: (
        ("benzene ring", "amine"),
        ("benzene ring", "nitro (aromatic)"),
        ("sulfide", "alcohol (aliphatic)"),
        ("alkene", "amine"),
    ),
    2.0: (
        ("alkane", "epoxide"),
        ("siloxane", "alcohol (aliphatic)"),
        ("alcohol (aliphatic)", "imide"),
        ("alkane", "ketone (aromatic)"),
    ),
}

#: Groups of the singlets, and the one wrongly told beside each in the run ``misled``: 0.6-1 eV away.
SINGLETS: Final = (
    ("alkane", "amine"),
    ("alcohol (aliphatic)", "sulfide"),
    ("benzene ring", "nitro (aromatic)"),
    ("alkene", "amine"),
)

#: C-H bonds of a carbon in its usual environment where that is not two: CH3 on silicon.
_BONDS: Final = {"siloxane": 3}

_ENERGIES: Final = (279.0, 294.0)
_STEPS: Final = (0.05, 0.1)
_FWHM: Final = (0.9, 1.3)
_LORENTZIAN: Final = (0.1, 0.4)
_BACKGROUND: Final = (0.02, 0.2)
_SLOPE: Final = 0.2
_STEP: Final = (0.02, 0.1)

#: Members of the vibrational progression: two more than could be seen.
_MEMBERS: Final = 6


@dataclass(frozen=True)
class Cell:
    """One place of the design: separation in eV and area ratio (0 and 1 for singlets), counts at the maximum."""

    separation: float
    ratio: int
    counts: int


@dataclass(frozen=True)
class Lines:
    """Lines on their background, all that an expected spectrum is made of.

    Parameters
    ----------
    centers, areas : ndarray, shape (lines,)
        In eV and counts times eV; the first vibrational member, and the area of all.
    fwhm, fraction : float
        Common width in eV and Lorentzian share.
    base, slope : float
        Background in counts at the lowest energy, and its change in counts per eV.
    step : float or None
        Background step per area in 1/eV; None for a model without step.
    bonds : tuple of int
        C-H bonds of each line's carbon; 0 for a line without vibrational progression.
    quantum : float
        Mean number of vibrational quanta for each bond.
    """

    centers: FloatArray
    areas: FloatArray
    fwhm: float
    fraction: float
    base: float
    slope: float
    step: float | None
    bonds: tuple[int, ...]
    quantum: float = 0.0

    def vector(self) -> FloatArray:
        """Free parameters: centres, areas, width, fraction, background, and where there are any, step and quantum."""
        shape_values = [self.fwhm, self.fraction, self.base, self.slope]
        shape_values += [] if self.step is None else [self.step]
        shape_values += [self.quantum] if any(self.bonds) else []
        return np.concatenate([self.centers, self.areas, shape_values])

    def moved(self, vector: FloatArray) -> Lines:
        """Lines of the same kind with other parameters."""
        n = len(self.bonds)
        fwhm, fraction, base, slope, *optional_values = (float(value) for value in vector[2 * n :])
        step = None if self.step is None else optional_values[0]
        quantum = optional_values[-1] if any(self.bonds) else 0.0
        return Lines(vector[:n], vector[n : 2 * n], fwhm, fraction, base, slope, step, self.bonds, quantum)

    def curve(self, energy: FloatArray) -> FloatArray:
        """Return the counts expected at ascending `energy` in eV, shape (n,)."""
        members = [_MEMBERS if bonds else 1 for bonds in self.bonds]
        quanta = [bonds * max(self.quantum, 0.0) for bonds in self.bonds]
        weights = np.concatenate([vibrational_weights(mean, n) for mean, n in zip(quanta, members, strict=True)])
        areas = np.repeat(self.areas, members) * weights
        offsets = np.concatenate([VIBRATION_QUANTUM * np.arange(n) for n in members])
        centers = np.repeat(self.centers, members) + offsets
        shape = pseudo_voigt(energy[:, None], centers, self.fwhm, self.fraction)
        if self.step:
            shape = shape + self.step * pseudo_voigt_cdf(energy[:, None], centers, self.fwhm, self.fraction)
        return np.asarray(shape @ areas + self.base + self.slope * (energy - energy[0]), dtype=float)


@dataclass(frozen=True)
class Sample:
    """One spectrum of the design.

    Parameters
    ----------
    run, cell, replicate
        Where it belongs.
    groups : tuple of str
        Groups that are told.
    truth : Lines
        One or two, ascending.
    satellite : ndarray, shape (n,)
        Expected counts of the shake-up.
    energy, counts : ndarray, shape (n,)
        In eV, and as measured.
    """

    run: Run
    cell: Cell
    replicate: int
    groups: tuple[str, ...]
    truth: Lines
    satellite: FloatArray
    energy: FloatArray
    counts: FloatArray

    def expected(self) -> FloatArray:
        """Return the counts without noise, shape (n,)."""
        return self.truth.curve(self.energy) + self.satellite

    def spectrum(self) -> xr.DataTree:
        """As a reader would hand it over."""
        dataset = region_dataset("design", self.energy, self.counts, region="C1s", intensity="counts")
        return spectrum_tree("design", {"C1s": dataset})


def cells() -> list[Cell]:
    """Doublets of the design, hopeless ones first."""
    return [Cell(d, ratio, counts) for counts in COUNTS for d in SEPARATIONS for ratio in RATIOS]


def samples(run: Run, sets: int, seed: int) -> Iterator[Sample]:
    """Spectra of one run: doublets (but for ``misled``) and singlets of each set; the same for the same seed."""
    config = SimulationConfig.load()
    for replicate in range(sets):
        rng = np.random.default_rng([seed, ("blind", "told", "misled").index(run), replicate])
        for cell in cells() if run != "misled" else []:
            pairs = PAIRS[cell.separation]
            yield _draw(run, cell, replicate, pairs[replicate % len(pairs)], (), config, rng)
        for counts in COUNTS:
            for group, wrong_group in SINGLETS:
                wrong_groups = (wrong_group,) if run == "misled" else ()
                yield _draw(run, Cell(0.0, 1, counts), replicate, (group,), wrong_groups, config, rng)


def main_line(group: str) -> GroupLine:
    """C 1s line that a group brings first.

    Raises
    ------
    PrefitError
        If the table has no such line.
    """
    lines = group_lines().get(group, {}).get("C1s", ())
    if not lines:
        raise PrefitError("benchmarks.doublet_design", f"the table of group lines has no C 1s line of {group!r}.")
    return lines[0]


def _draw(
    run: Run,
    cell: Cell,
    replicate: int,
    groups: tuple[str, ...],
    wrong_groups: tuple[str, ...],
    config: SimulationConfig,
    rng: np.random.Generator,
) -> Sample:
    step = float(rng.choice(_STEPS))
    energy = np.arange(_ENERGIES[0] + rng.uniform(0, step), _ENERGIES[1], step)
    lines = [main_line(group) for group in groups]
    middle = np.mean([line.position for line in lines]) + rng.normal(0, np.hypot(POSITION_SCATTER, AXIS_ERROR))
    centers = middle + cell.separation * (np.arange(len(lines)) - (len(lines) - 1) / 2)
    # Each pair of environments has its larger line on either side in turn.
    low = cell.ratio if (replicate + replicate // 4) % 2 == 0 else 1
    areas = np.array([low, cell.ratio + 1 - low], dtype=float)[: len(lines)]
    quantum = float(rng.uniform(*config.huang_rhys_range))
    bonds = tuple(
        _BONDS.get(group, 2) if line.vibrational and run != "blind" else 0
        for group, line in zip(groups, lines, strict=True)
    )
    fwhm, fraction = float(rng.uniform(*_FWHM)), float(rng.uniform(*_LORENTZIAN))
    top = float(Lines(centers, areas, fwhm, fraction, 0.0, 0.0, None, bonds, quantum).curve(energy).max())
    areas = areas * cell.counts / top
    base = cell.counts * float(np.exp(rng.uniform(*np.log(_BACKGROUND))))
    slope = base * float(rng.uniform(-_SLOPE, _SLOPE)) / 10
    rise = cell.counts * float(rng.uniform(*_STEP)) / float(areas.sum())
    truth = Lines(centers, areas, fwhm, fraction, base, slope, rise if rng.random() < 0.5 else None, bonds, quantum)
    satellite = np.zeros_like(energy)
    share, above, width = (
        rng.uniform(*limits) for limits in (config.shake_up_share, config.shake_up_energy, config.shake_up_fwhm)
    )
    if "benzene ring" in groups and run != "blind":
        ring = groups.index("benzene ring")
        satellite = share * areas[ring] * pseudo_voigt(energy, centers[ring] + above, width, fraction)
    counts = rng.poisson(truth.curve(energy) + satellite).astype(float)
    given_groups = () if run == "blind" else groups + wrong_groups
    return Sample(run, cell, replicate, given_groups, truth, satellite, energy, counts)
