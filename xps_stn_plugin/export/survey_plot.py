"""Labels of the lines in the picture of a survey; no label lies over another."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

from .survey_report import SurveyLine, SurveyReport

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Size of labels in points, their distance in sizes, and the part of the panel's height that they take.
_SIZE: Final = 7.0
_DISTANCE: Final = 1.25
_ROOM: Final = 0.34
#: Points in an inch.
_POINTS: Final = 72.0
#: Share of the width of a panel, with its axis, that holds labels.
_WIDTH: Final = 0.8


def short_label(line: SurveyLine) -> str:
    """``Ti 2p`` of ``Ti 2p3/2``, ``O KLL`` of ``O KL23L23``."""
    symbol, _, name = line.label.partition(" ")
    return f"{symbol} {re.sub('[0-9]', '', name) if line.auger else name[:2]}"


def chosen_lines(survey: SurveyReport, most: int) -> list[tuple[str, float]]:
    """Labels and measured binding energies (eV, ascending) of at most `most` lines.

    Each level of an element is named once, at its highest line. The highest line of each element goes before all
    others, which follow by height.
    """
    highest: dict[str, SurveyLine] = {}
    for line in survey.lines:
        label = short_label(line)
        if label not in highest or highest[label].height < line.height:
            highest[label] = line
    tops = {element.symbol: 0.0 for element in survey.elements}
    for line in highest.values():
        tops[line.element] = max(tops.get(line.element, 0.0), line.height)
    listed = {element.symbol for element in survey.elements}
    ranked = sorted(
        ((label, line) for label, line in highest.items() if line.element in listed),
        key=lambda part: (part[1].height < tops[part[1].element], -part[1].height),
    )
    return sorted(((label, line.energy) for label, line in ranked[:most]), key=lambda part: part[1])


def spread(positions: NDArray[np.float64], distance: float, low: float, high: float) -> NDArray[np.float64]:
    """Ascending positions moved as little as possible so that they are a distance apart, between two ends."""
    steps = distance * np.arange(positions.size)
    moved = isotonic_regression(positions - steps).x
    return np.asarray(np.clip(moved, low, high - steps[-1] if steps.size else high) + steps)


def draw_labels(
    axes: Axes, survey: SurveyReport, energy: NDArray[np.float64], counts: NDArray[np.float64], shift: float = 0.0
) -> None:
    """Name the lines of a survey above its curve, each joined to its peak; makes room for the labels.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    survey : SurveyReport
    energy, counts : ndarray, shape (n,)
        As drawn, energies in eV ascending.
    shift : float
        What the drawn axis has less than the measured one, in eV.
    """
    low, high = float(counts.min()), float(counts.max())
    span = (high - low) or 1.0
    top = high + _ROOM / (1.0 - _ROOM) * span
    axes.set_ylim(low - 0.05 * span, top)
    drawing = axes.figure
    width = _WIDTH * drawing.bbox.width / drawing.dpi
    most = max(int(width * _POINTS / (_SIZE * _DISTANCE)), 1)
    labels = chosen_lines(survey, most)
    if not labels:
        return
    distance = (float(energy[-1]) - float(energy[0])) / most
    ends = float(energy[0]) + 0.5 * distance, float(energy[-1]) - 0.5 * distance
    places = spread(np.array([place - shift for _, place in labels]), distance, *ends)
    bottom = high + 0.10 * span
    for (label, measured), place in zip(labels, places, strict=True):
        line_energy = measured - shift
        near = np.abs(energy - line_energy) <= 2.0
        peak = float(counts[near].max()) if near.any() else low
        axes.plot([line_energy, place], [peak + 0.02 * span, bottom], color="#AAAAAA", lw=0.5, zorder=1)
        axes.text(place, bottom, label, rotation=90, fontsize=_SIZE, ha="center", va="bottom", clip_on=True)
