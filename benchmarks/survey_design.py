"""Simulated surveys of random compositions, made differently from the model that the recognition fits.

The positions of lines and their Scofield cross sections come from the table of the package; everything else is drawn:
chemical displacements over the whole range of the table, scatter of the positions of single lines, of cross sections
(12 %) and of widths (15 %), asymmetric tails of metals, shake-up satellites, plasmons, multiple inelastic scattering,
Auger groups of several peaks with areas that scatter by a factor of 1.5, a valence band, secondary electrons, and the
satellites of magnesium's X-rays.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from xps_stn_plugin.core.element_lines import AugerLine, PhotoLine, lines_in_window, photo_lines, source_of

FloatArray = NDArray[np.float64]

#: Elements that most samples are made of: two thirds of those that are drawn.
COMMON: Final = (
    "C", "O", "N", "F", "Na", "Mg", "Al", "Si", "P", "S", "Cl", "K", "Ca", "Ti", "V", "Cr", "Mn", "Fe", "Co",
    "Ni", "Cu", "Zn", "Zr", "Mo", "Ag", "Sn", "In", "Au", "Pt", "W",
)  # fmt: skip
#: The others; hydrogen, noble gases, and elements without a long-lived isotope are not drawn.
OTHERS: Final = (
    "Li", "Be", "B", "Sc", "Ga", "Ge", "As", "Se", "Br", "Rb", "Sr", "Y", "Nb", "Ru", "Rh", "Pd", "Cd", "Sb",
    "Te", "I", "Cs", "Ba", "La", "Ce", "Pr", "Nd", "Sm", "Eu", "Gd", "Tb", "Dy", "Ho", "Er", "Tm", "Yb", "Lu",
    "Hf", "Ta", "Re", "Os", "Ir", "Hg", "Tl", "Pb", "Bi", "Th", "U",
)  # fmt: skip
#: Share of lines of `COMMON`.
_COMMON_SHARE: Final = 2 / 3
#: Photon energies in eV, how often each is drawn, and the upper ends of surveys in eV.
_SOURCES: Final = ((1486.6, 0.85, (1100.0, 1200.0, 1350.0)), (1253.6, 0.15, (1000.0, 1100.0)))
#: Extent in eV of what is simulated below the spectrum, so that electrons scatter into it.
_STEP: Final = 0.25


@dataclass(frozen=True)
class SimulatedSurvey:
    """One simulated survey.

    Parameters
    ----------
    energy, counts : ndarray
        Measured binding energy in eV; counts.
    photon_energy, shift : float
        In eV.
    atomic_percent : mapping of str to float
        True composition.
    signal_to_noise : mapping of str to float
        Height of each element's strongest photoelectron line over the noise of one channel of 1 eV.
    """

    energy: FloatArray
    counts: FloatArray
    photon_energy: float
    shift: float
    atomic_percent: Mapping[str, float]
    signal_to_noise: Mapping[str, float]


def composition(rng: np.random.Generator) -> dict[str, float]:
    """1 to 8 elements, each 0.5 at% or more, none above 60 at% if there are two or more that allow it."""
    number = int(rng.integers(1, 9))
    symbols: list[str] = []
    while len(symbols) < number:
        pool = COMMON if rng.random() < _COMMON_SHARE else OTHERS
        symbol = str(rng.choice(pool))
        if symbol not in symbols:
            symbols.append(symbol)
    for _ in range(1000):
        parts = np.exp(rng.uniform(math.log(0.5), math.log(60.0), number))
        percent = 100.0 * parts / parts.sum()
        if percent.min() >= 0.5 and (percent.max() <= 60.0 or number == 1):
            break
    return dict(zip(symbols, map(float, percent), strict=True))


def simulated_survey(rng: np.random.Generator) -> SimulatedSurvey:
    """Draw a composition, an instrument and a sample, and count electrons."""
    percent = composition(rng)
    source = _SOURCES[int(rng.choice(len(_SOURCES), p=[row[1] for row in _SOURCES]))]
    photon_energy, end = source[0], float(rng.choice(source[2]))
    step = float(rng.choice([0.5, 1.0]))
    shift = float(rng.uniform(-2.0, 4.0))
    width = float(rng.uniform(1.3, 2.8))
    exponent = float(rng.normal(0.0, 0.1))
    grid = np.arange(-20.0, photon_energy - 30.0, _STEP)
    primary, lines_of = np.zeros(grid.size), {}
    for element, share in percent.items():
        photo = _photo_lines(rng, element, grid, photon_energy, width, exponent)
        lines_of[element] = share * photo
        primary += share * (photo + _auger_lines(rng, element, grid, photon_energy, exponent))
    primary += _valence(rng, grid) * primary.sum() * _STEP
    scattered = _scattered(rng, primary)
    level = scattered.max()
    kinetic = photon_energy - grid
    secondary = level * (rng.uniform(0.01, 0.1) + rng.uniform(0.05, 0.6) * np.exp(-kinetic / rng.uniform(80.0, 250.0)))
    energy = np.arange(float(rng.choice([-5.0, 0.0])), end + 1e-9, step)
    expected = np.interp(energy - shift, grid, scattered + secondary)
    scale = 10.0 ** rng.uniform(3.0, 5.0) / expected.max()
    counts = rng.poisson(expected * scale).astype(float)
    ratio = {}
    for element, photo in lines_of.items():
        signal = np.interp(energy - shift, grid, photo) * scale
        top = int(signal.argmax())
        ratio[element] = float(signal[top] / math.sqrt(max(expected[top] * scale, 1.0) * step))
    return SimulatedSurvey(energy, counts, photon_energy, shift, percent, ratio)


def _photo_lines(
    rng: np.random.Generator, element: str, grid: FloatArray, photon_energy: float, width: float, exponent: float
) -> FloatArray:
    lines = photo_lines()[element]
    main = next((line for line in lines if line.main), lines[0])
    offset = float(rng.uniform(main.low - main.energy, main.high - main.energy))
    broadening = float(rng.uniform(0.0, 1.2))
    tail = float(rng.uniform(0.0, 0.35)) if main.metallic and offset < 1.0 else 0.0
    satellite = float(rng.uniform(0.0, 0.4)) if 22 <= main.number <= 29 and offset > 1.0 else 0.0
    distance = float(rng.uniform(4.0, 9.0))
    scatter = {subshell: rng.normal(0.0, 1.0, 3) for subshell in sorted({line.subshell for line in lines})}
    source = source_of(photon_energy)
    satellites = source.satellites if source and source.name == "Mg K-alpha" else ()
    curve = np.zeros(grid.size)
    for line in lines:
        strength = line.cross_section(photon_energy)
        if strength is None or line.energy < 5.0:
            continue
        position, sensitivity, spread = scatter[line.subshell]
        centre = line.energy + offset + position * (0.3 if line.main else 0.6)
        natural = 0.5 if line.width is None else line.width
        gaussian = math.hypot(width, broadening) * math.exp(0.15 * spread)
        natural = 3.0 if line.width is None and line.energy < 40.0 else natural
        area = strength * math.exp(0.12 * sensitivity) * ((photon_energy - line.energy) / 1000.0) ** exponent
        shape = _voigt_like(grid, centre, gaussian, natural)
        peak = area * ((1.0 - tail) * shape + tail * _one_sided(shape, 3.0))
        curve += peak
        for satellite_line in satellites:
            # X-rays without a monochromator: each line again at lower binding energy.
            steps = round(satellite_line.distance / _STEP)
            curve[:-steps] += satellite_line.height * math.exp(0.1 * spread) * peak[steps:]
        if satellite and line.subshell == "2p":
            curve += area * satellite * _voigt_like(grid, centre + distance, 3.5, 1.0)
        if element == "C" and line.subshell == "1s":
            curve += area * float(rng.uniform(0.0, 0.08)) * _voigt_like(grid, centre + 6.5, 3.0, 0.5)
    return curve


def _auger_lines(
    rng: np.random.Generator, element: str, grid: FloatArray, photon_energy: float, exponent: float
) -> FloatArray:
    shells = {line.line: line.cross_section(photon_energy) or 0.0 for line in photo_lines()[element]}
    curve = np.zeros(grid.size)
    move, size = rng.uniform(-3.0, 3.0), math.exp(0.4 * rng.normal())
    for window_line in lines_in_window(0.0, photon_energy - 40.0, photon_energy, elements={element}):
        if isinstance(window_line.line, PhotoLine):
            continue
        area = 0.6 * size * _ionised(window_line.line, shells) * math.exp(0.3 * rng.normal())
        area *= (window_line.line.energy / 1000.0) ** exponent
        parts = rng.dirichlet(np.ones(3))
        for part in parts:
            centre = window_line.energy + move + rng.uniform(-3.0, 6.0)
            curve += area * part * _voigt_like(grid, centre, rng.uniform(2.5, 6.0), 1.0)
    return curve


def _ionised(line: AugerLine, shells: Mapping[str, float]) -> float:
    """Cross section of the level with the first hole."""
    names = {"K": ["1s"], "L2": ["2p1/2"], "L3": ["2p3/2"], "M4": ["3d3/2"], "M5": ["3d5/2"]}
    names |= {"N6": ["4f5/2"], "N7": ["4f7/2"], "L23": ["2p1/2", "2p3/2"], "M45": ["3d3/2", "3d5/2"]}
    key = next(key for key in (line.line[:3], line.line[:2], line.line[:1]) if key in names)
    return sum(shells.get(name, 0.0) for name in names[key])


def _voigt_like(grid: FloatArray, centre: float, gaussian: float, lorentzian: float) -> FloatArray:
    """Normalised sum of a Gaussian and a Lorentzian with the width of the Voigt profile."""
    width = 0.5346 * lorentzian + math.sqrt(0.2166 * lorentzian**2 + gaussian**2)
    share = min(1.36603 * lorentzian / width, 1.0)
    distance = grid - centre
    gauss = np.exp(-4.0 * math.log(2.0) * (distance / width) ** 2) * math.sqrt(4.0 * math.log(2.0) / math.pi) / width
    lorentz = (0.5 * width / math.pi) / (distance**2 + (0.5 * width) ** 2)
    return np.asarray(share * lorentz + (1.0 - share) * gauss)


def _one_sided(shape: FloatArray, length: float) -> FloatArray:
    """Shape with an exponential tail of `length` eV towards higher binding energy."""
    kernel = np.exp(-np.arange(0.0, 8.0 * length, _STEP) / length)
    return np.convolve(shape, kernel / kernel.sum())[: shape.size]


def _valence(rng: np.random.Generator, grid: FloatArray) -> FloatArray:
    """Valence band as a share of the whole intensity."""
    return float(rng.uniform(0.0, 0.01)) * _voigt_like(grid, float(rng.uniform(3.0, 9.0)), 6.0, 1.0)


def _scattered(rng: np.random.Generator, primary: FloatArray) -> FloatArray:
    """Add electrons that lost energy once to four times, with the form of Tougaard's cross section and a plasmon.

    Universal cross section: Tougaard, Surf. Interface Anal. 11 (1988) 453.
    """
    loss = np.arange(_STEP, 200.0, _STEP)
    kernel = 2866.0 * loss / (1643.0 * float(rng.uniform(0.6, 1.4)) + loss**2) ** 2
    if rng.random() < 0.5:
        kernel += rng.uniform(0.0, 0.15) * _voigt_like(loss, rng.uniform(10.0, 24.0), rng.uniform(4.0, 10.0), 1.0)
    kernel = np.concatenate([[0.0], kernel]) * _STEP
    total, part = primary.copy(), primary
    for _ in range(4):
        part = float(rng.uniform(0.6, 0.9)) * np.convolve(part, kernel)[: primary.size]
        total = total + part
    return total
