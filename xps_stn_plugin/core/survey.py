"""What a survey shows: its elements with probabilities, atomic percentages, the lines that show them, and limits."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import xarray as xr

from .regions import SURVEY, SURVEY_WIDTH

#: Attributes of a survey that tell the seeding of other regions which elements it shows and lacks.
SHOWN: Final = "survey_shows"
LACKED: Final = "survey_lacks"
#: Probability from which an element counts as found.
LIKELY: Final = 0.5


@dataclass(frozen=True)
class SurveyLine:
    """A line that the survey shows.

    Parameters
    ----------
    element, label : str
        ``Ti``, ``Ti 2p3/2``.
    energy : float
        Measured binding energy in eV.
    height : float
        Expected height above the background in the survey's intensity.
    auger : bool
        Whether it is an Auger line.
    """

    element: str
    label: str
    energy: float
    height: float
    auger: bool


@dataclass(frozen=True)
class SurveyElement:
    """An element of a survey.

    Parameters
    ----------
    symbol : str
    probability : float
        That the sample shows it, from simulated surveys.
    evidence : float
        Chi-square that no other element explains.
    atomic_percent, stderr : float
        Of all elements that were found, and its standard error with that of the sensitivity factors.
    lines : tuple of str
        Lines that show it, the strongest first.
    """

    symbol: str
    probability: float
    evidence: float
    atomic_percent: float
    stderr: float
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Survey:
    """Elements of one survey spectrum.

    Parameters
    ----------
    region : str
        Region that holds it.
    elements : tuple of SurveyElement
        In descending percentage.
    lines : tuple of SurveyLine
        By binding energy.
    limits : mapping of str to float
        Smallest atomic percentage of each other element that the survey would show.
    shift : float
        Measured minus true binding energy in eV by which the lines were found.
    photon_energy : float
        In eV.
    notes : tuple of str
        Sentences about what was assumed and what should be doubted.
    """

    region: str
    elements: tuple[SurveyElement, ...]
    lines: tuple[SurveyLine, ...]
    limits: Mapping[str, float]
    shift: float
    photon_energy: float
    notes: tuple[str, ...]

    @property
    def symbols(self) -> tuple[str, ...]:
        """Elements that were found, in descending percentage."""
        return tuple(element.symbol for element in self.elements)

    def shows(self, symbol: str) -> bool:
        """Whether an element was found."""
        return symbol in self.symbols

    def lacks(self, symbol: str, percent: float) -> bool:
        """Whether an element was not found and would have been from this atomic percentage on."""
        return not self.shows(symbol) and self.limits.get(symbol, math.inf) <= percent

    def to_dict(self) -> dict[str, Any]:
        """Everything as finite numbers, texts and lists."""
        return {
            "region": self.region,
            "shift": round(self.shift, 3),
            "photon_energy": self.photon_energy,
            "elements": [{**asdict(element), "lines": list(element.lines)} for element in self.elements],
            "lines": [asdict(line) for line in self.lines],
            "limits": {symbol: round(limit, 4) for symbol, limit in sorted(self.limits.items())},
            "notes": list(self.notes),
        }


def is_survey(dataset: xr.Dataset, name: str = "") -> bool:
    """Whether a region is a survey that elements can be looked for in."""
    energy = dataset["binding_energy"].values
    wide = float(energy.max() - energy.min()) > SURVEY_WIDTH
    return wide and SURVEY in (dataset.attrs.get("region", name), name.split("_")[0])


def has_survey(spectrum: xr.DataTree) -> bool:
    """Whether a region of a spectrum is a single survey."""
    datasets = {str(name): child.to_dataset() for name, child in spectrum.children.items()}
    return any(
        data["counts"].ndim == 1 and is_survey(data, name) for name, data in datasets.items() if "counts" in data
    )
