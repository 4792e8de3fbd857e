"""Search for the elements that explain a survey, one after the other, as long as the fit improves by their cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

import numpy as np
from scipy.ndimage import maximum_filter1d
from scipy.optimize import nnls

from .data import FloatArray, SurveyData
from .fit import STATE_COST, Fit, Member, Problem, cost, fit
from .patterns import AUGER_SHARE, AUGER_WIDTH, ElementPattern, element_patterns, lines_curve, profile

#: Shifts in eV that are tried where none is known; they are a multiple of the channel.
SHIFTS: Final = tuple(range(-6, 11))
#: Standard deviation in eV of shifts before anything is measured.
SHIFT_SPREAD: Final = 3.0
#: Exponents of the kinetic energy that are tried, and their standard deviation: escape depth 0.5 to 0.8, transmission
#: -1 to 0 (``quantification/transmission.py``).
EXPONENTS: Final = (-0.8, -0.4, 0.0, 0.4, 0.8)
EXPONENT_SPREAD: Final = 0.5
#: Most members, most elements that are fitted for each new member, and members of the first look at a shift.
_MOST: Final = 25
_TRIED: Final = 5
_FIRST: Final = 5
#: Shifts that are looked at closely.
_SHIFTS_TRIED: Final = 3
#: Chi-square of a column by itself beyond which a member is not tried without.
_BEYOND_DOUBT: Final = 400.0
#: Standard deviations as a share of the expected height: of Auger lines, and of lines by which an element is not
#: usually measured, whose intensities and widths many-electron effects change.
_AUGER: Final = 0.4
_SECONDARY: Final = 0.3
#: Reach of an Auger group in eV below and above its line in the table.
_GROUP: Final = (12.0, 16.0)


@dataclass(frozen=True)
class Found:
    """Outcome of a search: the survey with its final uncertainty, the fit, what was assumed."""

    problem: Problem
    fit: Fit
    target: FloatArray

    def kinetic_energy(self, pattern: ElementPattern) -> float:
        """Kinetic energy in eV of the line that fixes the amount: the element's strongest in the survey."""
        data, shift = self.problem.data, self.problem.shift
        line = pattern.strongest(float(data.energy[0]) - shift, float(data.energy[-1]) - shift)
        return data.photon_energy - line.energy


@dataclass(frozen=True)
class _Dictionary:
    """Curves of all elements at all displacements, over the uncertainty but with their smooth parts.

    Parameters
    ----------
    members : tuple of Member
    columns : ndarray, shape (n, members)
    inverse : ndarray, shape (members,)
        One over the length of each column without its smooth part; 0 where nothing else is left.
    costs : ndarray, shape (members,)
    elements : ndarray of str, shape (members,)
    """

    members: tuple[Member, ...]
    columns: FloatArray
    inverse: FloatArray
    costs: FloatArray
    elements: np.ndarray[tuple[int], np.dtype[np.str_]]

    def gains(self, residual: FloatArray) -> FloatArray:
        """Decrease of chi-square that each member alone would bring."""
        return np.asarray(np.maximum((residual @ self.columns) * self.inverse, 0.0) ** 2)


def search(data: SurveyData, shift: float | None) -> Found:
    """Find the elements of a survey.

    Parameters
    ----------
    data : SurveyData
    shift : float or None
        Measured minus true binding energy in eV; None where it is not known.
    """
    target = data.weighted(data.counts)
    shifts = [shift] if shift is not None else _likely_shifts(data, target)
    looks = []
    for trial in shifts:
        problem = Problem(data, float(trial), 0.0)
        first = _forward(problem, _dictionary(problem), target, _MOST if len(shifts) == 1 else _FIRST)
        looks.append((first.objective + _shift_cost(trial, shift), trial, first))
    _, best_shift, first = min(looks, key=lambda look: look[0])
    exponent = _exponent(data, float(best_shift), first, target)
    data = data.with_sigma(_with_what_members_blur(data, float(best_shift), first))
    target = data.weighted(data.counts)
    problem = Problem(data, float(best_shift), exponent)
    found = _forward(problem, _dictionary(problem), target, _MOST)
    if shift is None:
        problem, found = _refined_shift(problem, found, target)
    return Found(problem, found, target)


def _shift_cost(trial: float, shift: float | None) -> float:
    return 0.0 if shift is not None else (trial / SHIFT_SPREAD) ** 2


def _likely_shifts(data: SurveyData, target: FloatArray) -> list[float]:
    """Shifts by which four elements explain most."""
    looks = []
    for shift in SHIFTS:
        dictionary = _dictionary(Problem(data, float(shift), 0.0), every=3)
        residual, chosen = target, []
        for _ in range(4):
            net = dictionary.gains(residual) - dictionary.costs
            best = int(net.argmax())
            if net[best] <= 0.0 or best in chosen:
                break
            chosen.append(best)
            columns = dictionary.columns[:, chosen]
            columns = columns - data.background @ (data.background.T @ columns)
            amounts, _ = nnls(columns, target)
            residual = target - columns @ amounts
        objective = float(residual @ residual) + dictionary.costs[chosen].sum() + _shift_cost(shift, None)
        looks.append((objective, float(shift)))
    return [shift for _, shift in sorted(looks)[:_SHIFTS_TRIED]]


def _forward(problem: Problem, dictionary: _Dictionary, target: FloatArray, most: int) -> Fit:
    """Add the member that improves the fit most, and leave out what it makes superfluous, until nothing improves."""
    current = fit(problem, (), target)
    while len(current.members) < most:
        net = dictionary.gains(current.residual) - np.where(
            np.isin(dictionary.elements, list(current.elements)), STATE_COST, dictionary.costs
        )
        best: Fit | None = None
        tried: set[str] = set()
        for number in np.argsort(-net):
            member = dictionary.members[number]
            if net[number] <= 0.0 or len(tried) >= _TRIED:
                break
            if member in current.members or member.pattern.element in tried:
                continue
            tried.add(member.pattern.element)
            trial = fit(problem, (*current.members, member), target)
            if best is None or trial.objective < best.objective:
                best = trial
        if best is None or best.objective >= current.objective - 1e-6:
            break
        current = _pruned(problem, best, target)
    return current


def _pruned(problem: Problem, current: Fit, target: FloatArray) -> Fit:
    """Leave out members without which the objective is smaller, the most superfluous first."""
    while len(current.members) > 1:
        best = current
        for number, member in enumerate(current.members):
            column = problem.photo(member)[:, 0]
            if current.amounts[number] ** 2 * (column @ column) > _BEYOND_DOUBT and len(current.members) > 3:
                continue
            trial = fit(problem, current.members[:number] + current.members[number + 1 :], target)
            if trial.objective <= best.objective:
                best = trial
        if best is current:
            break
        current = best
    return current


def _exponent(data: SurveyData, shift: float, first: Fit, target: FloatArray) -> float:
    """Exponent of the kinetic energy with which the lines of the same elements agree best."""
    objectives = {}
    for exponent in EXPONENTS:
        patterns = {pattern.element: pattern for pattern in element_patterns(data.photon_energy, exponent)}
        members = tuple(replace(member, pattern=patterns[member.pattern.element]) for member in first.members)
        trial = fit(Problem(data, shift, exponent), members, target)
        objectives[exponent] = trial.objective + (exponent / EXPONENT_SPREAD) ** 2
    return min(objectives, key=lambda exponent: objectives[exponent])


def _with_what_members_blur(data: SurveyData, shift: float, first: Fit) -> FloatArray:
    """Uncertainty with that of the Auger lines and the secondary lines of elements that a first search found."""
    auger = np.zeros(data.energy.size)
    secondary = np.zeros(data.energy.size)
    for member, amount in zip(first.members, first.amounts, strict=True):
        for line in member.pattern.auger:
            centre = line.energy + shift
            group = (data.energy > centre - _GROUP[0]) & (data.energy < centre + _GROUP[1])
            height = amount * line.strength * AUGER_SHARE / AUGER_WIDTH
            auger[group] = np.maximum(auger[group], height)
        lines = tuple(line for line in member.pattern.photo if not line.main)
        curve = lines_curve(lines, member.offset + shift, data.energy, data.fwhm, data.channel)
        secondary = np.hypot(secondary, amount * curve)
    blurred = (_AUGER * np.minimum(maximum_filter1d(data.peaks, 7), auger)) ** 2
    blurred += (_SECONDARY * maximum_filter1d(secondary, 5)) ** 2
    return np.asarray(np.sqrt(data.sigma**2 + blurred))


def _refined_shift(problem: Problem, found: Fit, target: FloatArray) -> tuple[Problem, Fit]:
    """Shift at which the displacements of the elements and the Auger lines are most usual."""
    looks = []
    for change in np.arange(-2.0, 2.1, 0.5):
        moved = Problem(problem.data, problem.shift + float(change), problem.exponent)
        members = tuple(replace(member, offset=member.offset - float(change)) for member in found.members)
        trial = fit(moved, members, target)
        looks.append((trial.objective + _shift_cost(moved.shift, None), abs(float(change)), moved, trial))
    _, _, problem, found = min(looks, key=lambda look: look[:2])
    return problem, found


def _dictionary(problem: Problem, every: int = 1) -> _Dictionary:
    """Curves of all elements; of `every` third displacement, and the usual one, for a first look."""
    data = problem.data
    width = round(4.0 * data.fwhm) / 4.0
    members, columns, elements, margin = _curves(
        data.photon_energy, problem.exponent, width, data.channel, round(float(data.energy[0]), 2), data.energy.size
    )
    first = margin - round(problem.shift / data.channel)
    columns = columns[first : first + data.energy.size]
    if every > 1:
        kept = [n for n, member in enumerate(members) if n % every == 0 or abs(member.offset) < 0.4]
        members, columns, elements = tuple(members[n] for n in kept), columns[:, kept], elements[kept]
    columns = columns / data.sigma[:, None]
    whole = (columns**2).sum(axis=0)
    rest = whole - ((data.background.T @ columns) ** 2).sum(axis=0)
    inverse = np.where(rest > 1e-3 * whole, 1.0 / np.sqrt(np.maximum(rest, 1e-300)), 0.0)
    low, high = float(data.energy[0]) - problem.shift, float(data.energy[-1]) - problem.shift
    # Tails of lines outside the survey explain nothing.
    costs = np.array(
        [
            cost(member.pattern.element) + member.offset_cost if member.pattern.shows(low, high) else np.inf
            for member in members
        ]
    )
    return _Dictionary(members, columns, inverse, costs, elements)


@lru_cache(maxsize=4)
def _curves(
    photon_energy: float, exponent: float, fwhm: float, channel: float, first: float, number: int
) -> tuple[tuple[Member, ...], FloatArray, np.ndarray[tuple[int], np.dtype[np.str_]], int]:
    """Curves of all elements at all displacements, with and without Auger lines, on channels beyond both ends."""
    margin = int(np.ceil((max(SHIFTS) + 2.0) / channel))
    grid = np.asarray(first + channel * np.arange(-margin, number + margin), dtype=np.float64)
    members: list[Member] = []
    columns: list[FloatArray] = []
    for pattern in element_patterns(photon_energy, exponent):
        shares: Sequence[float] = (0.0, AUGER_SHARE) if pattern.auger else (0.0,)
        auger = np.zeros(grid.size)
        if pattern.auger:
            centres = np.array([line.energy for line in pattern.auger])
            widths = np.full(centres.size, AUGER_WIDTH + 2.0)
            auger = profile(grid, centres, widths, channel) @ np.array([line.strength for line in pattern.auger])
        for offset in pattern.offsets:
            photo = lines_curve(pattern.photo, float(offset), grid, fwhm, channel)
            for share in shares:
                members.append(Member(pattern, float(offset)))
                columns.append(photo + share * auger)
    return tuple(members), np.stack(columns, axis=1), np.array([m.pattern.element for m in members]), margin
