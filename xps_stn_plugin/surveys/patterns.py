"""Curves of the elements in a survey: photoelectron lines in the ratio of their cross sections, Auger lines."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from types import MappingProxyType
from typing import Final

import numpy as np

from ..core.element_lines import ABSENT, AugerLine, PhotoLine, lines_in_window, photo_lines, source_of
from .data import LOWEST, LOWEST_KINETIC, FloatArray

#: Full width at half maximum in eV of an Auger line.
AUGER_WIDTH: Final = 5.0
#: How far in eV an Auger line may lie from its place in the table, by whether that was computed.
AUGER_REACH: Final = MappingProxyType({False: 4.0, True: 8.0})
#: Area of an Auger line over that of the photoelectrons that leave its hole; it scatters by a factor of two.
AUGER_SHARE: Final = 0.5
#: Weakest line that counts, as a share of the element's strongest.
_WEAKEST: Final = 0.003
#: Kinetic energy in eV below which transmission and escape depth of photoelectrons are not known.
_SLOWEST: Final = 100.0
#: Distance in eV beyond the chemical range that a line may be displaced, and between two positions that are tried.
_BEYOND: Final = 0.5
_STEP: Final = 0.75
#: Source that is used without a monochromator.
_WITHOUT_MONOCHROMATOR: Final = "Mg K-alpha"
#: Width in eV of a line of the valence shell, and of a core level without a known natural width.
_VALENCE_WIDTH: Final = 3.0
_DEFAULT_WIDTH: Final = 0.5
#: Displacements in eV of the main line that are usual, where they are not most of the chemical range: C 1s of
#: hydrocarbons, which nearly every surface has, N 1s of organic matter.
_USUAL: Final = MappingProxyType({"C": (-0.2, 0.8), "N": (-2.0, 2.0)})
_USUAL_SHARE: Final = 0.8


@dataclass(frozen=True)
class Line:
    """One line of an element in a survey.

    Parameters
    ----------
    label : str
        ``Ti 2p3/2``, ``O KL23L23``.
    energy : float
        True binding energy in eV at which it is expected.
    strength : float
        Expected area over that of C 1s for as many atoms.
    width : float
        Natural width in eV.
    auger, computed : bool
        Whether it is an Auger line; whether its energy is computed only.
    main : bool
        Whether the element is usually measured by it.
    """

    label: str
    energy: float
    strength: float
    width: float
    auger: bool
    computed: bool
    main: bool


@dataclass(frozen=True)
class ElementPattern:
    """Lines of one element for one photon energy.

    Parameters
    ----------
    element : str
    photo, auger : tuple of Line
    low, high : float
        Chemical range of its main line relative to its usual position, in eV.
    """

    element: str
    photo: tuple[Line, ...]
    auger: tuple[Line, ...]
    low: float
    high: float

    @property
    def offsets(self) -> FloatArray:
        """Displacements in eV that are tried."""
        low, high = self.low - _BEYOND, self.high + _BEYOND
        return np.linspace(low, high, max(int(np.ceil((high - low) / _STEP)), 1) + 1)

    @property
    def usual(self) -> tuple[float, float]:
        """Range of displacements in eV that most samples have."""
        return _USUAL.get(self.element, (_USUAL_SHARE * self.low, _USUAL_SHARE * self.high))

    def shows(self, low: float, high: float) -> bool:
        """Whether a photoelectron line lies between two binding energies in eV."""
        return any(low <= line.energy <= high for line in self.photo)

    def strongest(self, low: float, high: float) -> Line:
        """Photoelectron line with the largest area between two binding energies in eV, or of all if there is none."""
        inside = [line for line in self.photo if low <= line.energy <= high]
        return max(inside or self.photo, key=lambda line: line.strength)


@cache
def element_patterns(photon_energy: float, exponent: float) -> tuple[ElementPattern, ...]:
    """Patterns of all elements.

    Parameters
    ----------
    photon_energy : float
        In eV.
    exponent : float
        Intensities go with the kinetic energy to this power, by transmission and escape depth.
    """
    patterns = [_pattern(element, photon_energy, exponent) for element in photo_lines() if element not in ABSENT]
    return tuple(pattern for pattern in patterns if pattern.photo)


def passed(kinetic_energy: float, exponent: float) -> float:
    """Share of electrons of a kinetic energy (eV) that is counted, 1 at 1 keV."""
    return float((kinetic_energy / 1000.0) ** exponent)


def _pattern(element: str, photon_energy: float, exponent: float) -> ElementPattern:
    lines, shells = [], {}
    for line in photo_lines()[element]:
        strength = line.cross_section(photon_energy)
        energy = line.energy
        if strength is None:
            continue
        shells[line.line] = strength
        if energy >= LOWEST and photon_energy - energy >= _SLOWEST:
            strength *= passed(photon_energy - energy, exponent)
            lines.append(Line(line.label, energy, strength, _width(line), False, False, line.main))
    strongest = max((line.strength for line in lines), default=0.0)
    lines += [satellite for line in lines for satellite in _satellites(line, photon_energy)]
    augers = []
    for window_line in lines_in_window(LOWEST, photon_energy - LOWEST_KINETIC, photon_energy, elements={element}):
        auger = window_line.line
        if isinstance(auger, AugerLine):
            strength = sum(shells.get(hole, 0.0) for hole in _first_holes(auger.line))
            strength *= passed(auger.energy, exponent)
            augers.append(Line(auger.label, window_line.energy, strength, 0.0, True, auger.computed, False))
    main = min((line for line in photo_lines()[element] if line.main), key=lambda line: line.energy, default=None)
    low, high = (0.0, 0.0) if main is None else (main.low - main.energy, main.high - main.energy)
    kept = tuple(line for line in lines if line.strength >= _WEAKEST * strongest)
    return ElementPattern(element, kept, tuple(augers), low, high)


def _satellites(line: Line, photon_energy: float) -> list[Line]:
    """Lines that the satellites of magnesium's X-rays make, which no laboratory removes with a monochromator."""
    source = source_of(photon_energy)
    if source is None or source.name != _WITHOUT_MONOCHROMATOR:
        return []
    return [
        replace(
            line,
            label=f"{line.label} ({satellite.name})",
            energy=line.energy - satellite.distance,
            strength=line.strength * satellite.height,
            main=False,
        )
        for satellite in source.satellites
        if line.energy - satellite.distance >= LOWEST
    ]


def _width(line: PhotoLine) -> float:
    if line.width is not None:
        return line.width
    return _VALENCE_WIDTH if line.energy < 40.0 and not line.main else _DEFAULT_WIDTH


def _first_holes(line: str) -> tuple[str, ...]:
    """Levels in which the first hole of an Auger transition is made."""
    holes = {
        "K": ("1s",), "L2": ("2p1/2",), "L3": ("2p3/2",), "L23": ("2p1/2", "2p3/2"), "M4": ("3d3/2",),
        "M5": ("3d5/2",), "M45": ("3d3/2", "3d5/2"), "N6": ("4f5/2",), "N7": ("4f7/2",),
    }  # fmt: skip
    return next(holes[line[:length]] for length in (3, 2, 1) if line[:length] in holes)


def profile(energy: FloatArray, centre: FloatArray, fwhm: FloatArray, channel: float) -> FloatArray:
    """Lines of area 1 averaged over channels of a width in eV, shape (n, lines); 30 % of each is Lorentzian."""
    # A channel of width c adds c^2/12 to the variance.
    sigma = np.sqrt((fwhm / 2.3548) ** 2 + channel**2 / 12.0)
    half = 0.5 * 2.3548 * sigma
    distance = energy[:, None] - centre
    gauss = np.exp(-0.5 * (distance / sigma) ** 2) / (sigma * np.sqrt(2.0 * np.pi))
    return np.asarray(0.7 * gauss + 0.3 * half / np.pi / (distance**2 + half**2))


def lines_curve(lines: tuple[Line, ...], offset: float, energy: FloatArray, fwhm: float, channel: float) -> FloatArray:
    """Sum of photoelectron lines displaced by `offset` eV, shape (n,)."""
    if not lines:
        return np.zeros(energy.size)
    centre = np.array([line.energy + offset for line in lines])
    width = np.hypot(fwhm, np.array([line.width for line in lines]))
    return np.asarray(profile(energy, centre, width, channel) @ np.array([line.strength for line in lines]))
