"""Components of one model that are evaluated together, for many spectra at once.

Every block writes curves that do not depend on areas (its basis), and says by which factors they make up the model and
its derivatives. All of them together cost one product of small matrices.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from .backgrounds import STRENGTHS
from .components import Component
from .losses import Losses

FloatArray = NDArray[np.float64]
IndexArray = NDArray[np.intp]

_LN2: Final = math.log(2.0)
_TINY: Final = 1e-15

#: Parameters that all lines have; any others belong to their losses.
_LINE: Final = ("amplitude", "center", "sigma", "fraction", "step")


#: Derivatives of a line by its parameters as sums over its basis: parameter and curve of each term that is not 0, in
#: the order in which `LineBlock.factors` writes them; those from the sixth on are the step's.
_TERMS: Final = np.array([[0, 1, 2, 2, 3, 0, 1, 2, 3, 4], [0, 1, 2, 0, 3, 4, 0, 5, 6, 4]])


class ComponentCurves(NamedTuple):
    """A component, its curve without background, and the background that it carries, each of shape (k, m)."""

    component: Component
    line: FloatArray
    below: FloatArray


class Block(Protocol):
    """Components that are evaluated together."""

    @property
    def names(self) -> Sequence[str]:
        """Parameters (p) that the block has derivatives by."""
        ...

    @property
    def size(self) -> int:
        """Number of curves in the basis (b)."""
        ...

    @property
    def members(self) -> int:
        """Number of single curves that are evaluated."""
        ...

    def evaluate(self, x: FloatArray, values: FloatArray, basis: FloatArray) -> None:
        """Write the basis, shape (k, b, m), over energies (k, m) for parameters (k, all)."""
        ...

    def factors(self, values: FloatArray, curve: FloatArray, slopes: FloatArray) -> None:
        """Write how the basis makes up the curve, shape (k, b), and its derivatives, shape (k, p, b), zero before."""
        ...

    def curves(self, x: FloatArray, values: FloatArray) -> Iterator[ComponentCurves]:
        """Draw each component over energies (k, m) for parameters (k, all)."""
        ...


@dataclass(frozen=True, eq=False)
class StraightBlock:
    """Constants and straight lines: basis ``x`` and 1."""

    components: Sequence[Component]
    names: Sequence[str]
    place: IndexArray
    on: FloatArray
    size: int = 2
    members: int = 1

    @classmethod
    def of(cls, components: Sequence[Component], place: Mapping[str, int]) -> StraightBlock:
        """Make it of components; `place` is that of each parameter among all."""
        names = [(bare, name) for component in components for bare, name in component.names.items()]
        return cls(
            components,
            [name for _, name in names],
            np.array([place[name] for _, name in names], dtype=np.intp),
            np.array([[float(bare == "slope"), float(bare != "slope")] for bare, _ in names]),
        )

    def evaluate(self, x: FloatArray, values: FloatArray, basis: FloatArray) -> None:
        """Write the basis."""
        basis[:, 0] = x
        basis[:, 1] = 1.0

    def factors(self, values: FloatArray, curve: FloatArray, slopes: FloatArray) -> None:
        """Write the factors."""
        curve[:] = values[:, self.place] @ self.on
        slopes[:] = self.on

    def curves(self, x: FloatArray, values: FloatArray) -> Iterator[ComponentCurves]:
        """Draw each component."""
        place = dict(zip(self.names, self.place.tolist(), strict=True))
        for component in self.components:
            line = np.zeros(x.shape)
            for bare, name in component.names.items():
                line += values[:, place[name], None] * (x if bare == "slope" else 1.0)
            yield ComponentCurves(component, line, np.zeros(x.shape))


@dataclass(frozen=True, eq=False)
class SingleBlock:
    """Any other component, one spectrum after the other: basis its curve and derivatives."""

    component: Component
    moving: Sequence[str]
    place: Mapping[str, int]
    members: int = 1

    @property
    def names(self) -> Sequence[str]:
        """Moving parameters of the component."""
        return [self.component.names[bare] for bare in self.moving]

    @property
    def size(self) -> int:
        """The curve, and a derivative by each moving parameter."""
        return 1 + len(self.moving)

    def evaluate(self, x: FloatArray, values: FloatArray, basis: FloatArray) -> None:
        """Write the basis."""
        for i, axis in enumerate(x):
            arguments = {bare: float(values[i, self.place[name]]) for bare, name in self.component.names.items()}
            curve, slopes = self.component.evaluate(axis, arguments, self.moving)
            basis[i, 0] = curve
            for row, bare in enumerate(self.moving, start=1):
                basis[i, row] = slopes[bare]

    def factors(self, values: FloatArray, curve: FloatArray, slopes: FloatArray) -> None:
        """Write the factors."""
        curve[:, 0] = 1.0
        count = len(self.moving)
        slopes[:, range(count), range(1, count + 1)] = 1.0

    def curves(self, x: FloatArray, values: FloatArray) -> Iterator[ComponentCurves]:
        """Draw the component."""
        strengths = [bare for bare in STRENGTHS if bare in self.component.names]
        line, below = np.empty(x.shape), np.zeros(x.shape)
        for i, axis in enumerate(x):
            arguments = {bare: float(values[i, self.place[name]]) for bare, name in self.component.names.items()}
            whole, slopes = self.component.evaluate(axis, arguments, strengths)
            # The background is proportional to its strength.
            for bare in strengths:
                below[i] += arguments[bare] * slopes[bare]
            line[i] = whole - below[i]
        yield ComponentCurves(self.component, line, below)


@dataclass(frozen=True, eq=False)
class _Layout:
    """Losses of several lines one below the other.

    Parameters
    ----------
    member : ndarray, shape (s,)
        Line of each.
    energies : ndarray, shape (s,)
        In eV.
    weights : ndarray, shape (k or 1, lines, s)
    slopes : ndarray, shape (k or 1, moving, s)
        Derivatives of the weights by the moving parameters of the losses.
    single : bool
        Whether every line has one member of weight 1.
    """

    member: IndexArray
    energies: FloatArray
    weights: FloatArray
    slopes: FloatArray
    single: bool

    @classmethod
    def of(cls, losses: Sequence[Sequence[Losses]], moving: Sequence[tuple[int, str]]) -> _Layout:
        """Make it of the losses of each line, by spectrum; their energies are those of the first."""
        first = losses[0]
        sizes = [loss.weights.size for loss in first]
        member = np.repeat(np.arange(len(first)), sizes)
        starts = np.concatenate([[0], np.cumsum(sizes)])
        weights = np.zeros((len(losses), len(first), member.size))
        weights[:, member, np.arange(member.size)] = [np.concatenate([loss.weights for loss in row]) for row in losses]
        slopes = np.zeros((len(losses), len(moving), member.size))
        for row, (line, bare) in enumerate(moving):
            slopes[:, row, starts[line] : starts[line + 1]] = [each[line].slopes[bare] for each in losses]
        energies = np.concatenate([loss.energies for loss in first])
        return cls(member, energies, weights, slopes, member.size == len(first) and not moving)


@dataclass(frozen=True, eq=False)
class LineBlock:
    r"""Pseudo-Voigts with discrete losses, on Shirley steps or none.

    Its basis holds, for each line of unit area and with all losses, in this order: the line; its derivative by the
    centre; that by the width plus the line over the width; Lorentzian less Gaussian; and, where there are steps, the
    integral of the line, its first moment about the centre in widths, and the integral of Lorentzian less Gaussian.
    Derivatives by the parameters of losses follow.

    Parameters
    ----------
    lines : sequence of Component
    place : ndarray of int, shape (5, lines)
        Place of amplitude, centre, sigma, fraction and step among all parameters; 0 for a step that is not there.
    has_step : ndarray, shape (lines,)
        1 where a line has a step, else 0.
    moving : sequence of (int, str)
        Parameters of losses that vary: line, and name without prefix.
    stepped : bool
        Whether any step can differ from 0.
    layout : _Layout or None
        None where losses depend on what varies.
    others : sequence of mapping of str to int
        By line, places of the parameters of its losses.
    terms : ndarray of int, shape (2, terms)
        Parameter and curve of the basis of each factor that may differ from 0, losses left out.
    """

    lines: Sequence[Component]
    place: IndexArray
    has_step: FloatArray
    moving: Sequence[tuple[int, str]]
    stepped: bool
    layout: _Layout | None
    others: Sequence[Mapping[str, int]]
    terms: IndexArray

    @classmethod
    def of(
        cls, lines: Sequence[Component], place: Mapping[str, int], reach: Mapping[str, Any], start: Mapping[str, float]
    ) -> LineBlock:
        """Make it of lines.

        Parameters
        ----------
        lines : sequence of Component
        place : mapping of str to int
            Place of each parameter among all.
        reach : mapping of str to frozenset of str
            For each parameter the free ones that it depends on.
        start : mapping of str to float
            Values of the parameters, those that do not vary.
        """
        places = np.array([[place.get(line.names.get(bare, ""), 0) for line in lines] for bare in _LINE], dtype=np.intp)
        steps = [line.names["step"] for line in lines if "step" in line.names]
        others = [{bare: name for bare, name in line.names.items() if bare not in _LINE} for line in lines]
        moving = [(i, bare) for i, parameters in enumerate(others) for bare, name in parameters.items() if reach[name]]
        stepped = any(reach[name] or start[name] for name in steps)
        layout = None
        if not moving:
            constant = [line.losses({bare: start[name] for bare, name in line.names.items()}) for line in lines]
            layout = _Layout.of([constant], ())
        return cls(
            lines,
            places,
            np.array([float("step" in line.names) for line in lines]),
            moving,
            stepped,
            layout,
            [{bare: place[name] for bare, name in parameters.items()} for parameters in others],
            (len(lines) * _TERMS[:, : 10 if stepped else 5, None] + np.arange(len(lines))).reshape(2, -1),
        )

    @property
    def names(self) -> Sequence[str]:
        """Parameters of all lines, amplitudes first, then those of losses that vary."""
        line_names = [line.names.get(bare, line.names["amplitude"]) for bare in _LINE for line in self.lines]
        return line_names + [self.lines[i].names[bare] for i, bare in self.moving]

    @property
    def size(self) -> int:
        """Curves in the basis."""
        return len(self.lines) * (7 if self.stepped else 4) + len(self.moving)

    @property
    def members(self) -> int:
        """Pseudo-Voigts that are evaluated, as far as that is known."""
        return self.layout.member.size if self.layout is not None else 16 * len(self.lines)

    def evaluate(self, x: FloatArray, values: FloatArray, basis: FloatArray) -> None:
        """Write the basis."""
        layout = self.layout or self._layout(values)
        count, lines, points = len(x), len(self.lines), x.shape[1]
        kinds = 7 if self.stepped else 4
        sums = basis[:, : kinds * lines].reshape(count, kinds, lines, points)
        both = sums if layout.single else np.empty((count, kinds, layout.member.size, points))
        _, center, sigma, fraction, step = values[:, self.place].swapaxes(0, 1)
        width = 2.0 * np.maximum(sigma, _TINY)[:, layout.member]
        share = fraction[:, layout.member]
        _pseudo_voigts(x, center[:, layout.member] + layout.energies, width, share, both)
        if not layout.single:
            np.matmul(layout.weights[:, None], both, out=sums)
        if self.moving:
            stepping = (step * self.has_step)[:, layout.member, None]
            whole = both[:, 0] + stepping * both[:, 4] if self.stepped else both[:, 0]
            np.matmul(layout.slopes, whole, out=basis[:, kinds * lines :])

    def factors(self, values: FloatArray, curve: FloatArray, slopes: FloatArray) -> None:
        """Write the factors."""
        n = len(self.lines)
        area, _, sigma, _, step = values[:, self.place].swapaxes(0, 1)
        curve[:, :n] = area
        terms = [np.ones_like(area), area, 2.0 * area, area / -np.maximum(sigma, _TINY), area]
        if self.stepped:
            step = step * self.has_step
            lifted = area * step
            curve[:, 4 * n : 5 * n] = lifted
            terms += [step, -lifted, -2.0 * lifted, lifted, area * self.has_step]
        slopes[:, self.terms[0], self.terms[1]] = np.concatenate(terms, axis=1)
        for row, (i, _) in enumerate(self.moving):
            slopes[:, 5 * n + row, (7 if self.stepped else 4) * n + row] = area[:, i]

    def curves(self, x: FloatArray, values: FloatArray) -> Iterator[ComponentCurves]:
        """Draw each line."""
        n = len(self.lines)
        basis = np.empty((len(x), self.size, x.shape[1]))
        self.evaluate(x, values, basis)
        area, _, _, _, step = values[:, self.place].swapaxes(0, 1)[..., None]
        for i, component in enumerate(self.lines):
            line = area[:, i] * basis[:, i]
            if self.stepped:
                yield ComponentCurves(
                    component, line, (self.has_step[i] * area[:, i] * step[:, i]) * basis[:, 4 * n + i]
                )
            else:
                yield ComponentCurves(component, line, np.zeros(x.shape))

    def _layout(self, values: FloatArray) -> _Layout:
        places = [place for line in self.others for place in line.values()]
        if len(values) > 1 and (values[:, places] == values[0, places]).all():
            values = values[:1]
        each = [
            [
                line.losses({bare: float(row[place]) for bare, place in places.items()})
                for line, places in zip(self.lines, self.others, strict=True)
            ]
            for row in values
        ]
        return _Layout.of(each, self.moving)


def _pseudo_voigts(x: FloatArray, center: FloatArray, width: FloatArray, share: FloatArray, both: FloatArray) -> None:
    """Write what `LineBlock` says of lines of unit area, shape (k, 4 or 7, s, m); `center` and the others (k, s)."""
    width, share = width[:, :, None], share[:, :, None]
    place = x[:, None, :] - center[:, :, None]
    place /= width
    square = place * place
    gauss = np.exp(square * (-4.0 * _LN2))
    gauss *= 2.0 * math.sqrt(_LN2 / math.pi) / width
    square *= 4.0
    square += 1.0
    pole = np.reciprocal(square, out=square)
    curve, pull, stretch, excess = (both[:, i] for i in range(4))
    np.multiply(pole, 2.0 / math.pi / width, out=excess)
    np.multiply(pole, excess, out=pull)
    pull *= share * (8.0 / width)
    excess -= gauss
    np.multiply(excess, share, out=curve)
    curve += gauss
    gauss *= (1.0 - share) * (8.0 * _LN2 / width)
    pull += gauss
    pull *= place
    np.multiply(pull, place, out=stretch)
    if both.shape[1] > 4:
        from scipy.special import erf

        below, moment, other = (both[:, i] for i in range(4, 7))
        np.multiply(place, curve, out=moment)
        place *= 2.0
        np.arctan(place, out=other)
        other *= 1.0 / math.pi
        place *= math.sqrt(_LN2)
        erf(place, out=place)
        place *= 0.5
        other -= place
        place += 0.5
        np.multiply(other, share, out=below)
        below += place
