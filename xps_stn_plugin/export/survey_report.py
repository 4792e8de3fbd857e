"""Part of the report about survey spectra: elements, the lines that show them, limits."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from ..core.survey import Survey
from .texts import with_error


class SurveyElement(Struct, frozen=True):
    """An element of a survey: probability, atomic percent, the lines that show it, the strongest first."""

    symbol: str
    probability: float
    atomic_percent: float
    stderr: float
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """Symbol and atomic percent, for people."""
        return f"{self.symbol} {with_error(self.atomic_percent, self.stderr, 1)}"


class SurveyLine(Struct, frozen=True):
    """A line that a survey shows: measured binding energy in eV, height in the survey's intensity."""

    element: str
    label: str
    energy: float
    height: float
    auger: bool


class SurveyReport(Struct, frozen=True):
    """Elements of a survey, descending in amount; `limits` are atomic percentages that others would need to show."""

    shift: float
    photon_energy: float
    elements: tuple[SurveyElement, ...]
    lines: tuple[SurveyLine, ...]
    limits: dict[str, float]
    notes: tuple[str, ...]

    @property
    def composition(self) -> str:
        """Symbols and atomic percentages, for people."""
        return ", ".join(element.text for element in self.elements)


def survey_report(survey: Survey) -> SurveyReport:
    """Report of a survey, with numbers rounded to what can be told."""
    content: dict[str, Any] = survey.to_dict()
    for element in content["elements"]:
        element |= {name: round(element[name], 3) for name in ("atomic_percent", "stderr")}
    for line in content["lines"]:
        line |= {"energy": round(line["energy"], 2), "height": float(f"{line['height']:.4g}")}
    return msgspec.convert(content, SurveyReport)
