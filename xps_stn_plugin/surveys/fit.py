"""Least-squares fit of elements to a survey: amounts that are not negative, on a smooth background."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from scipy.linalg import cholesky, solve_triangular
from scipy.optimize import nnls

from .data import FloatArray, SurveyData
from .patterns import AUGER_REACH, AUGER_SHARE, AUGER_WIDTH, ElementPattern, Line, lines_curve, profile

#: Elements that most samples have, and those that few laboratories see.
_COMMON: Final = frozenset((
    "C", "O", "N", "F", "Na", "Mg", "Al", "Si", "P", "S", "Cl", "K", "Ca", "Ti", "Cr", "Mn", "Fe", "Co", "Ni",
    "Cu", "Zn", "Ag", "Au", "Sn", "In",
))  # fmt: skip
_RARE: Final = frozenset((
    "Ar", "Sc", "Ga", "Rb", "Nb", "Ru", "Rh", "Te", "Cs", "La", "Pr", "Nd", "Sm", "Eu", "Gd", "Tb", "Dy", "Ho",
    "Er", "Tm", "Yb", "Lu", "Re", "Os", "Ir", "Hg", "Tl", "Th", "U",
))  # fmt: skip
#: Elements whose only line is so weak that misfits of others look like much of them.
_WEAK: Final = frozenset(("Li", "Be"))
#: Chi-square that an element must explain to be believed, about twice the logarithm of the odds against it and of the
#: number of places that are tried: common, other, rare and weak elements; and what a further chemical state must.
_COSTS: Final = (14.0, 19.0, 24.0, 45.0)
STATE_COST: Final = 8.0
#: Displacement in eV beyond the usual range that costs a chi-square of 1.
_UNUSUAL: Final = 0.7
#: Height of the background behind a line over its area, in 1/eV, and its decay in eV (inelastic scattering).
_STEP_HEIGHT: Final = 0.02
_STEP_DECAY: Final = 40.0
#: Distance in eV between the positions that make up an Auger line.
_AUGER_STEP: Final = 4.0


@dataclass(frozen=True)
class Member:
    """An element whose lines are displaced by `offset` eV from where the table has them."""

    pattern: ElementPattern
    offset: float

    @property
    def offset_cost(self) -> float:
        """Chi-square that an unusual displacement costs."""
        low, high = self.pattern.usual
        return (max(low - self.offset, self.offset - high, 0.0) / _UNUSUAL) ** 2


@dataclass(frozen=True)
class Fit:
    """Fit of members to a survey.

    Parameters
    ----------
    members : tuple of Member
    amounts : ndarray, shape (members,)
        Area of each for a strength of 1.
    chi2 : float
        Of the fit, with what unusual Auger lines and backgrounds cost.
    objective : float
        `chi2` and what the elements cost.
    residual : ndarray, shape (n,)
        Over the uncertainty.
    """

    members: tuple[Member, ...]
    amounts: FloatArray
    chi2: float
    objective: float
    residual: FloatArray

    @property
    def elements(self) -> dict[str, tuple[int, ...]]:
        """Positions of the members of each element."""
        numbers: dict[str, tuple[int, ...]] = {}
        for number, member in enumerate(self.members):
            numbers[member.pattern.element] = (*numbers.get(member.pattern.element, ()), number)
        return numbers


def cost(element: str) -> float:
    """Chi-square that an element must explain to be believed."""
    common, other, rare, weak = _COSTS
    if element in _WEAK:
        return weak
    return common if element in _COMMON else rare if element in _RARE else other


@dataclass(frozen=True)
class Problem:
    """A survey and what is assumed of it; it keeps the curves that were computed.

    Parameters
    ----------
    data : SurveyData
    shift : float
        Measured minus true binding energy in eV.
    exponent : float
        Of the kinetic energy in intensities.
    """

    data: SurveyData
    shift: float
    exponent: float
    _curves: dict[tuple[str, float], FloatArray] = field(default_factory=dict, repr=False)

    @property
    def target(self) -> FloatArray:
        """Survey over its uncertainty, without smooth parts."""
        return self.data.weighted(self.data.counts)

    def photo(self, member: Member) -> FloatArray:
        """Weighted photoelectron lines and the background behind them, shape (n, 2)."""
        key = (member.pattern.element, round(member.offset, 4))
        if key not in self._curves:
            data = self.data
            curve = lines_curve(member.pattern.photo, member.offset + self.shift, data.energy, data.fwhm, data.channel)
            behind = _STEP_HEIGHT * _background_behind(curve, data.channel)
            self._curves[key] = data.weighted(np.stack([curve, behind], axis=1))
        return self._curves[key]

    def auger(self, line: Line) -> FloatArray:
        """Weighted curves that make up an Auger line of area 1 each, shape (n, m)."""
        key = (line.label, 0.0)
        if key not in self._curves:
            reach = AUGER_REACH[line.computed]
            centres = line.energy + self.shift + np.arange(-reach, reach + 0.1, _AUGER_STEP)
            widths = np.full(centres.size, np.hypot(AUGER_WIDTH, self.data.fwhm))
            self._curves[key] = self.data.weighted(profile(self.data.energy, centres, widths, self.data.channel))
        return self._curves[key]


def fit(problem: Problem, members: tuple[Member, ...], target: FloatArray) -> Fit:
    """Fit members to `target`, the weighted survey.

    Auger lines and the background behind the lines are free within what their elements let expect.
    """
    if not members:
        chi2 = float(target @ target)
        return Fit((), np.zeros(0), chi2, chi2, target)
    number = len(members)
    numbers = Fit(members, np.zeros(0), 0.0, 0.0, target).elements
    pairs = np.stack([problem.photo(member) for member in members], axis=2)
    blocks = [pairs[:, 0], pairs[:, 1]]
    # Each further column has an expected area: that of these members, times a factor.
    expectations: list[tuple[tuple[int, ...], float]] = [((n,), 1.0) for n in range(number)]
    for positions in numbers.values():
        for line in members[positions[0]].pattern.auger:
            blocks.append(problem.auger(line))
            expectations += [(positions, AUGER_SHARE * line.strength)] * blocks[-1].shape[1]
    columns = np.concatenate(blocks, axis=1)
    gram, projections = columns.T @ columns, columns.T @ target
    lengths = np.diag(gram)[:number]
    amounts = np.maximum(projections[:number], 0.0) / np.where(lengths > 0.0, lengths, np.inf)
    further = np.arange(number, columns.shape[1])
    solution = expected = np.zeros(0)
    for _ in range(2):
        expected = np.array([factor * amounts[list(positions)].sum() for positions, factor in expectations])
        expected = np.maximum(expected, 1e-6 * (amounts.max() or 1.0))
        matrix = gram.copy()
        matrix[further, further] += 1.0 / expected**2
        diagonal = np.diag(matrix)
        scale = np.sqrt(np.where(diagonal > 0.0, diagonal, 1.0))
        factor = cholesky(matrix / np.outer(scale, scale) + 1e-8 * np.eye(scale.size))
        right = solve_triangular(factor, projections / scale, trans=1)
        solution = nnls(factor, right, maxiter=50 * scale.size)[0] / scale
        amounts = solution[:number]
    residual = target - columns @ solution
    chi2 = float(residual @ residual + ((solution[number:] / expected) ** 2).sum())
    objective = chi2 + sum(
        cost(element) + STATE_COST * (len(positions) - 1) + min(members[n].offset_cost for n in positions)
        for element, positions in numbers.items()
    )
    return Fit(members, amounts, chi2, objective, residual)


def _background_behind(curve: FloatArray, channel: float) -> FloatArray:
    """Electrons of a curve that lost energy: a step at each line that decays towards higher binding energy."""
    decay = np.exp(-channel / _STEP_DECAY)
    behind = np.zeros(curve.size)
    for number in range(1, curve.size):
        behind[number] = behind[number - 1] * decay + curve[number - 1] * channel
    return behind
