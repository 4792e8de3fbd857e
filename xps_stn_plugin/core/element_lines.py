"""Photoelectron and Auger lines of all elements, and those that can lie in a window of binding energy."""

from __future__ import annotations

import csv
import math
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final

#: Photon energy of Al K-alpha in eV (Beamson & Briggs 1992; the monochromator passes K-alpha 1 at 1486.7 eV), taken
#: where none is known.
AL_K_ALPHA: Final = 1486.6
#: Electrons of the two lines of a spin-orbit doublet, lower j first: 2j + 1.
_ELECTRONS: Final = {"p": (2, 4), "d": (4, 6), "f": (6, 8)}
#: Gaussian broadening in eV by a laboratory instrument with a monochromator and by phonons: in metals, in compounds.
#: The widths that follow differ from the medians of 33 lines of compounds in NIST SRD 20 by 0.06 +- 0.5 eV.
_GAUSSIAN: Final = {True: 0.7, False: 1.2}
#: Elements that samples do not hold: those without a long-lived isotope, and noble gases that nobody implants.
ABSENT: Final = frozenset(("He", "Ne", "Kr", "Xe", "Rn", "Tc", "Pm", "Po", "At", "Fr", "Ra", "Ac", "Pa"))
#: A source whose main line lies within this many eV of a photon energy is that source.
_SAME_SOURCE: Final = 1.5


@dataclass(frozen=True)
class ElementLine:
    """One line of an element.

    Parameters
    ----------
    element : str
        Chemical symbol.
    number : int
        Atomic number.
    line : str
        ``1s``, ``2p3/2``, ``KL23L23``.
    energy : float
        Energy in eV in the usual solid state.
    low, high : float
        Range of the energy in eV over chemical states.
    """

    element: str
    number: int
    line: str
    energy: float
    low: float
    high: float

    @property
    def label(self) -> str:
        """Name for people: ``Ti 2p3/2``, ``O KL23L23``."""
        return f"{self.element} {self.line}"


@dataclass(frozen=True)
class PhotoLine(ElementLine):
    """One photoelectron line; its energies are binding energies on the scale hydrocarbon C 1s = 284.8 eV.

    Parameters
    ----------
    width : float or None
        Natural Lorentzian width in eV; None where it is not known.
    scofield : mapping of float to float
        Cross section over that of C 1s by photon energy in eV; without those that do not reach the line.
    splitting : float or None
        Distance in eV from the line of higher j in compounds, where it differs from that of the energies.
    main : bool
        Whether it belongs to the subshell of the element that is usually measured.
    metallic : bool
        Whether the element is a metal, whose lines have a tail.
    """

    width: float | None
    scofield: Mapping[float, float]
    splitting: float | None
    main: bool
    metallic: bool

    @property
    def subshell(self) -> str:
        """``2p`` of ``2p3/2``."""
        return self.line[:2]

    @property
    def level(self) -> str:
        """Core level as in names of regions: ``Ti2p``."""
        return self.element + self.subshell

    def cross_section(self, photon_energy: float) -> float | None:
        """Scofield cross section over that of C 1s; None where the photon energy (eV) does not reach the line.

        Between and beyond the tabulated photon energies the logarithms are interpolated linearly.
        """
        if photon_energy <= self.energy or not self.scofield:
            return None
        energies = sorted(self.scofield)
        if len(energies) == 1:
            return self.scofield[energies[0]]
        upper = next((n for n, energy in enumerate(energies[1:], 1) if photon_energy <= energy), len(energies) - 1)
        (first, second) = energies[upper - 1 : upper + 1]
        slope = math.log(self.scofield[second] / self.scofield[first]) / math.log(second / first)
        return self.scofield[first] * math.exp(slope * math.log(photon_energy / first))


@dataclass(frozen=True)
class AugerLine(ElementLine):
    """One Auger line; its energies are kinetic energies.

    Parameters
    ----------
    computed : bool
        Whether the energy is computed, and not a measured one.
    """

    computed: bool


@dataclass(frozen=True)
class Doublet:
    """The two lines of a spin-orbit doublet.

    Parameters
    ----------
    splitting, compound_splitting : float
        Distance of the lower-j line above the higher-j line in eV: in the element, and in its compounds.
    ratio : float
        Area of the lower-j line over that of the higher-j line, from degeneracy.
    """

    splitting: float
    compound_splitting: float
    ratio: float


@dataclass(frozen=True)
class Satellite:
    """A line of an X-ray source beside its main line.

    Parameters
    ----------
    name : str
        ``alpha3``.
    distance : float
        By how much in eV its photoelectrons appear below the binding energy of the main line's.
    height : float
        Height over that of the main line.
    """

    name: str
    distance: float
    height: float


@dataclass(frozen=True)
class XraySource:
    """An X-ray source of laboratories: name, photon energy in eV, satellites that a monochromator removes."""

    name: str
    energy: float
    satellites: tuple[Satellite, ...]


@dataclass(frozen=True)
class WindowLine:
    """A line that can lie in a window.

    Parameters
    ----------
    line : PhotoLine or AugerLine
        The line.
    energy, low, high : float
        Binding energy at which it appears, and its range over chemical states, in eV.
    satellite : Satellite or None
        The satellite of the source that makes it appear there; None for the main line.
    """

    line: PhotoLine | AugerLine
    energy: float
    low: float
    high: float
    satellite: Satellite | None = None

    @property
    def label(self) -> str:
        """Name for people: ``O 1s``, ``Na KL1L23``, ``O 1s (alpha3)``."""
        return self.line.label + (f" ({self.satellite.name})" if self.satellite else "")


@cache
def photo_lines() -> Mapping[str, tuple[PhotoLine, ...]]:
    """Photoelectron lines by element, Li to U; sources stand in ``core/data/photo_lines.csv``."""
    lines: dict[str, list[PhotoLine]] = {}
    for row in _rows("photo_lines.csv"):
        columns = {"scofield_mg": 1253.6, "scofield_al": 1486.6, "scofield_ag": 2984.3}
        line = PhotoLine(
            element=row["element"],
            number=int(row["number"]),
            line=row["line"],
            energy=float(row["energy"]),
            low=float(row["low"]),
            high=float(row["high"]),
            width=float(row["width"]) if row["width"] else None,
            scofield=MappingProxyType({energy: float(row[name]) for name, energy in columns.items() if row[name]}),
            splitting=float(row["splitting"]) if row["splitting"] else None,
            main=row["main"] == "1",
            metallic=row["metallic"] == "1",
        )
        lines.setdefault(line.element, []).append(line)
    return MappingProxyType({element: tuple(of_element) for element, of_element in lines.items()})


@cache
def auger_lines() -> Mapping[str, tuple[AugerLine, ...]]:
    """Auger lines by element, strongest groups only; sources stand in ``core/data/auger_lines.csv``."""
    lines: dict[str, list[AugerLine]] = {}
    for row in _rows("auger_lines.csv"):
        line = AugerLine(
            row["element"],
            int(row["number"]),
            row["line"],
            float(row["energy"]),
            float(row["low"]),
            float(row["high"]),
            row["origin"] == "computed",
        )
        lines.setdefault(line.element, []).append(line)
    return MappingProxyType({element: tuple(of_element) for element, of_element in lines.items()})


@cache
def xray_sources() -> tuple[XraySource, ...]:
    """X-ray sources of laboratories; their citation stands in ``core/data/xray_sources.toml``."""
    tables = tomllib.loads(files(__package__).joinpath("data", "xray_sources.toml").read_text(encoding="utf-8"))
    return tuple(
        XraySource(name, row["energy"], tuple(Satellite(*satellite) for satellite in row["satellites"]))
        for name, row in tables.items()
    )


def source_of(photon_energy: float) -> XraySource | None:
    """X-ray source with this photon energy (eV); None for a synchrotron's."""
    return next((source for source in xray_sources() if abs(source.energy - photon_energy) <= _SAME_SOURCE), None)


@cache
def level_lines(level: str) -> tuple[PhotoLine, ...]:
    """Lines of a core level (``Ti2p``), higher j first; empty for one that the element does not have."""
    element, subshell = level[:-2], level[-2:]
    lines = [line for line in photo_lines().get(element, ()) if line.subshell == subshell]
    return tuple(sorted(lines, key=lambda line: line.line, reverse=True))


@cache
def subshells() -> Mapping[str, Mapping[str, tuple[float, float]]]:
    """Lowest and highest binding energy in eV of each subshell of each element."""
    levels: dict[str, dict[str, tuple[float, float]]] = {}
    for element, lines in photo_lines().items():
        of_element = levels.setdefault(element, {})
        for line in lines:
            low, high = of_element.get(line.subshell, (line.energy, line.energy))
            of_element[line.subshell] = min(low, line.energy), max(high, line.energy)
    return MappingProxyType({element: MappingProxyType(of_element) for element, of_element in levels.items()})


def doublet(level: str) -> Doublet | None:
    """Spin-orbit doublet of a core level (``Ti2p``); None for s levels and where the element has no such level."""
    lines = level_lines(level)
    if len(lines) != 2:
        return None
    higher, lower = lines
    splitting = round(lower.energy - higher.energy, 3)
    lower_electrons, higher_electrons = _ELECTRONS[higher.subshell[1]]
    return Doublet(splitting, lower.splitting or splitting, lower_electrons / higher_electrons)


def typical_fwhm(line: PhotoLine, metal: bool) -> float:
    """Usual full width at half maximum in eV with a monochromator, in a metal or in a compound.

    A Voigt profile of the natural width and of the broadening by instrument and phonons: Olivero & Longbothum,
    J. Quant. Spectrosc. Radiat. Transf. 17 (1977) 233.
    """
    lorentzian, gaussian = line.width or 0.0, _GAUSSIAN[metal]
    return float(0.5346 * lorentzian + (0.2166 * lorentzian**2 + gaussian**2) ** 0.5)


def lines_in_window(
    low: float,
    high: float,
    photon_energy: float,
    *,
    elements: Collection[str] | None = None,
    satellites: bool = False,
) -> tuple[WindowLine, ...]:
    """Photoelectron and Auger lines that can lie in a window, in any chemical state.

    Parameters
    ----------
    low, high : float
        Lowest and highest true binding energy in eV.
    photon_energy : float
        Photon energy in eV.
    elements : collection of str or None
        Symbols of the elements to look at; None for all.
    satellites : bool
        Whether the source has no monochromator, so that its satellites repeat the photoelectron lines.

    Returns
    -------
    tuple of WindowLine
        By binding energy. A line counts if its chemical range meets the window.
    """
    source = source_of(photon_energy) if satellites else None
    return tuple(
        line
        for line in _all_lines(photon_energy, source.satellites if source else ())
        if line.low <= high and line.high >= low and (elements is None or line.line.element in elements)
    )


@lru_cache(maxsize=8)
def _all_lines(photon_energy: float, satellites: tuple[Satellite, ...]) -> tuple[WindowLine, ...]:
    """All lines of all elements at a photon energy, by binding energy."""
    lines = [line for element in photo_lines() for line in _of_element(element, photon_energy, satellites)]
    return tuple(sorted(lines, key=lambda line: line.energy))


def _of_element(element: str, photon_energy: float, satellites: Collection[Satellite]) -> Iterator[WindowLine]:
    for line in photo_lines()[element]:
        if line.energy < photon_energy:
            yield WindowLine(line, line.energy, line.low, line.high)
            for satellite in satellites:
                distance = satellite.distance
                yield WindowLine(line, line.energy - distance, line.low - distance, line.high - distance, satellite)
    deepest = {line.line: line.energy for line in photo_lines()[element]}
    for auger in auger_lines().get(element, ()):
        if auger.energy < photon_energy and deepest.get(_first_hole(auger.line), 0.0) < photon_energy:
            yield WindowLine(auger, photon_energy - auger.energy, photon_energy - auger.high, photon_energy - auger.low)


def _first_hole(line: str) -> str:
    """Level in which the first hole of an Auger transition is made; of ``M45`` the less bound."""
    shell = line[0] + ("" if line[0] == "K" else line[1])
    if line[:3] in {"L23", "M45", "N67"}:
        shell = line[0] + line[2]
    return {
        "K": "1s", "L2": "2p1/2", "L3": "2p3/2", "M4": "3d3/2", "M5": "3d5/2", "N6": "4f5/2", "N7": "4f7/2",
    }[shell]  # fmt: skip


def _rows(name: str) -> Iterator[dict[str, str]]:
    text = files(__package__).joinpath("data", name).read_text(encoding="utf-8")
    return csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
