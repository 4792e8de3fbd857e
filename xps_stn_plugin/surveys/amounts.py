"""Amounts of the elements of a survey: positions and widths refined, standard errors, smallest amounts that show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from .data import FloatArray
from .fit import Member, cost
from .patterns import element_patterns, lines_curve, passed
from .search import Found

#: Standard deviations of corrections of positions in eV and of widths as a share.
_POSITION: Final = 0.5
_WIDTH: Final = 0.2
#: Steps of the refinement, and differences by which its derivatives are taken, in eV and as a share.
_STEPS: Final = 3
_DIFFERENCES: Final = (0.1, 0.05)
#: Factor by which the refinement may change an amount: two members of one element can otherwise drift apart.
_CHANGE: Final = 3.0
#: Standard deviation of sensitivity factors and background, as a share: cross sections and escape depths 10 %,
#: areas above a background of a survey 5 %.
SYSTEMATIC: Final = 0.11


@dataclass(frozen=True)
class Amounts:
    """Atoms of each element, in the units of the survey's intensity.

    Parameters
    ----------
    amounts, stderr : mapping of str to float
        Atoms, and their standard error by counting and by the fit.
    limits : mapping of str to float
        Smallest amount of each element that was not found that the survey would show.
    """

    amounts: dict[str, float]
    stderr: dict[str, float]
    limits: dict[str, float]


def amounts_of(found: Found, exponent: float) -> Amounts:
    """Amounts of the elements that a search found.

    Parameters
    ----------
    found : Found
    exponent : float
        True exponent of the kinetic energy in intensities; the search may have taken another.
    """
    values, errors = _refined(found)
    amounts, stderr = {}, {}
    for element, numbers in found.fit.elements.items():
        pattern = found.fit.members[numbers[0]].pattern
        correction = passed(found.kinetic_energy(pattern), found.problem.exponent - exponent)
        amounts[element] = correction * float(values[list(numbers)].sum())
        block = errors[np.ix_(numbers, numbers)]
        stderr[element] = correction * float(np.sqrt(max(block.sum(), 0.0)))
    return Amounts(amounts, stderr, _limits(found, exponent))


def _refined(found: Found) -> tuple[FloatArray, FloatArray]:
    """Amounts of the members and their covariance, with positions and widths moved to where the data have them."""
    fit, data = found.fit, found.problem.data
    photo = np.stack([found.problem.photo(member)[:, 0] for member in fit.members], axis=1)
    # Auger lines and backgrounds stay as they were fitted.
    target = fit.residual + photo @ fit.amounts
    number = len(fit.members)
    amounts, offsets, widths = fit.amounts.copy(), np.zeros(number), np.ones(number)
    covariance = np.zeros((number, number))
    move, stretch = _DIFFERENCES
    for _ in range(_STEPS):
        curves, positions, shapes = [], [], []
        for n in range(number):
            curves.append(_curve(found, n, offsets[n], widths[n]))
            higher, lower = (
                _curve(found, n, offsets[n] + move, widths[n]),
                _curve(found, n, offsets[n] - move, widths[n]),
            )
            positions.append((higher - lower) * (amounts[n] / (2.0 * move)))
            wider = _curve(found, n, offsets[n], widths[n] + stretch)
            narrower = _curve(found, n, offsets[n], widths[n] - stretch)
            shapes.append((wider - narrower) * (amounts[n] / (2.0 * stretch)))
        columns = data.weighted(np.stack([*curves, *positions, *shapes], axis=1))
        precision = np.concatenate([np.zeros(number), np.full(number, _POSITION**-2.0), np.full(number, _WIDTH**-2.0)])
        # Corrections are taken from the table's positions and widths, not from the last step's.
        now = np.concatenate([np.zeros(number), offsets, widths - 1.0])
        matrix = columns.T @ columns + np.diag(precision)
        right = columns.T @ (target + columns[:, number:] @ now[number:])
        scale = np.sqrt(np.diag(matrix))
        inverse = np.linalg.pinv(matrix / np.outer(scale, scale), rcond=1e-10, hermitian=True)
        solution = inverse @ (right / scale) / scale
        covariance = (inverse / np.outer(scale, scale))[:number, :number]
        amounts = np.clip(solution[:number], fit.amounts / _CHANGE, fit.amounts * _CHANGE)
        offsets = np.clip(solution[number : 2 * number], -1.5, 1.5)
        widths = np.clip(1.0 + solution[2 * number :], 0.6, 1.6)
    return amounts, covariance


def _curve(found: Found, number: int, offset: float, width: float) -> FloatArray:
    member, problem = found.fit.members[number], found.problem
    data = problem.data
    return lines_curve(
        member.pattern.photo, member.offset + offset + problem.shift, data.energy, width * data.fwhm, data.channel
    )


def _limits(found: Found, exponent: float) -> dict[str, float]:
    """Amount of each element that was not found that would explain as much as the element costs."""
    problem, limits = found.problem, {}
    for pattern in element_patterns(problem.data.photon_energy, problem.exponent):
        if pattern.element in found.fit.elements:
            continue
        low, high = pattern.usual
        column = problem.photo(Member(pattern, 0.5 * (low + high)))[:, 0]
        length = float(np.sqrt(column @ column))
        if length > 0.0:
            kinetic = found.kinetic_energy(pattern)
            limits[pattern.element] = (
                passed(kinetic, problem.exponent - exponent) * float(np.sqrt(cost(pattern.element))) / length
            )
    return limits
