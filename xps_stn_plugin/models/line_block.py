"""Lines of one model that are evaluated together, for many spectra at once."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .blocks import ComponentCurves
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


@dataclass(frozen=True, eq=False)
class _Layout:
    """Losses of several lines, concatenated.

    Parameters
    ----------
    member : ndarray, shape (s,)
        Line of each.
    energies : ndarray, shape (s,)
        In eV.
    weights : ndarray, shape (k or 1, lines, s)
    slopes : ndarray, shape (k or 1, varying, s)
        Derivatives of the weights by the varying parameters of the losses.
    single : bool
        Whether every line has one member of weight 1.
    """

    member: IndexArray
    energies: FloatArray
    weights: FloatArray
    slopes: FloatArray
    single: bool

    @classmethod
    def of(cls, losses: Sequence[Sequence[Losses]], varying: Sequence[tuple[int, str]]) -> _Layout:
        """Make it of the losses of each line, by spectrum; their energies are those of the first."""
        first = losses[0]
        sizes = [loss.weights.size for loss in first]
        member = np.repeat(np.arange(len(first)), sizes)
        starts = np.concatenate([[0], np.cumsum(sizes)])
        weights = np.zeros((len(losses), len(first), member.size))
        weights[:, member, np.arange(member.size)] = [np.concatenate([loss.weights for loss in row]) for row in losses]
        slopes = np.zeros((len(losses), len(varying), member.size))
        for row, (line, bare) in enumerate(varying):
            slopes[:, row, starts[line] : starts[line + 1]] = [
                spectrum_losses[line].slopes[bare] for spectrum_losses in losses
            ]
        energies = np.concatenate([loss.energies for loss in first])
        return cls(member, energies, weights, slopes, member.size == len(first) and not varying)


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
    index : ndarray of int, shape (5, lines)
        Position of amplitude, centre, sigma, fraction and step among all parameters; 0 for a step that is not there.
    has_step : ndarray, shape (lines,)
        1 where a line has a step, else 0.
    varying : sequence of (int, str)
        Parameters of losses that vary: line, and name without prefix.
    stepped : bool
        Whether any step can differ from 0.
    layout : _Layout or None
        None where losses depend on what varies.
    loss_indices : sequence of mapping of str to int
        By line, positions of the parameters of its losses.
    terms : ndarray of int, shape (2, terms)
        Parameter and curve of the basis of each factor that may differ from 0, losses left out.
    """

    lines: Sequence[Component]
    index: IndexArray
    has_step: FloatArray
    varying: Sequence[tuple[int, str]]
    stepped: bool
    layout: _Layout | None
    loss_indices: Sequence[Mapping[str, int]]
    terms: IndexArray

    @classmethod
    def of(
        cls,
        lines: Sequence[Component],
        index: Mapping[str, int],
        dependencies: Mapping[str, Any],
        start: Mapping[str, float],
    ) -> LineBlock:
        """Make it of lines.

        Parameters
        ----------
        lines : sequence of Component
        index : mapping of str to int
            Position of each parameter among all.
        dependencies : mapping of str to frozenset of str
            For each parameter the free ones that it depends on.
        start : mapping of str to float
            Values of the parameters, those that do not vary.
        """
        indices = np.array(
            [[index.get(line.names.get(bare, ""), 0) for line in lines] for bare in _LINE], dtype=np.intp
        )
        steps = [line.names["step"] for line in lines if "step" in line.names]
        loss_parameters = [{bare: name for bare, name in line.names.items() if bare not in _LINE} for line in lines]
        varying = [
            (i, bare)
            for i, parameters in enumerate(loss_parameters)
            for bare, name in parameters.items()
            if dependencies[name]
        ]
        stepped = any(dependencies[name] or start[name] for name in steps)
        layout = None
        if not varying:
            constant = [line.losses({bare: start[name] for bare, name in line.names.items()}) for line in lines]
            layout = _Layout.of([constant], ())
        return cls(
            lines,
            indices,
            np.array([float("step" in line.names) for line in lines]),
            varying,
            stepped,
            layout,
            [{bare: index[name] for bare, name in parameters.items()} for parameters in loss_parameters],
            (len(lines) * _TERMS[:, : 10 if stepped else 5, None] + np.arange(len(lines))).reshape(2, -1),
        )

    @property
    def names(self) -> Sequence[str]:
        """Parameters of all lines, amplitudes first, then those of losses that vary."""
        line_names = [line.names.get(bare, line.names["amplitude"]) for bare in _LINE for line in self.lines]
        return line_names + [self.lines[i].names[bare] for i, bare in self.varying]

    @property
    def size(self) -> int:
        """Curves in the basis."""
        return len(self.lines) * (7 if self.stepped else 4) + len(self.varying)

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
        curves = sums if layout.single else np.empty((count, kinds, layout.member.size, points))
        _, center, sigma, fraction, step = values[:, self.index].swapaxes(0, 1)
        width = 2.0 * np.maximum(sigma, _TINY)[:, layout.member]
        share = fraction[:, layout.member]
        _pseudo_voigts(x, center[:, layout.member] + layout.energies, width, share, curves)
        if not layout.single:
            np.matmul(layout.weights[:, None], curves, out=sums)
        if self.varying:
            stepping = (step * self.has_step)[:, layout.member, None]
            line_curves = curves[:, 0] + stepping * curves[:, 4] if self.stepped else curves[:, 0]
            np.matmul(layout.slopes, line_curves, out=basis[:, kinds * lines :])

    def factors(self, values: FloatArray, curve: FloatArray, slopes: FloatArray) -> None:
        """Write the factors."""
        n = len(self.lines)
        area, _, sigma, _, step = values[:, self.index].swapaxes(0, 1)
        curve[:, :n] = area
        terms = [np.ones_like(area), area, 2.0 * area, area / -np.maximum(sigma, _TINY), area]
        if self.stepped:
            step = step * self.has_step
            lifted = area * step
            curve[:, 4 * n : 5 * n] = lifted
            terms += [step, -lifted, -2.0 * lifted, lifted, area * self.has_step]
        slopes[:, self.terms[0], self.terms[1]] = np.concatenate(terms, axis=1)
        for row, (i, _) in enumerate(self.varying):
            slopes[:, 5 * n + row, (7 if self.stepped else 4) * n + row] = area[:, i]

    def curves(self, x: FloatArray, values: FloatArray) -> Iterator[ComponentCurves]:
        """Draw each line."""
        n = len(self.lines)
        basis = np.empty((len(x), self.size, x.shape[1]))
        self.evaluate(x, values, basis)
        area, _, _, _, step = values[:, self.index].swapaxes(0, 1)[..., None]
        for i, component in enumerate(self.lines):
            line = area[:, i] * basis[:, i]
            if self.stepped:
                yield ComponentCurves(
                    component, line, (self.has_step[i] * area[:, i] * step[:, i]) * basis[:, 4 * n + i]
                )
            else:
                yield ComponentCurves(component, line, np.zeros(x.shape))

    def _layout(self, values: FloatArray) -> _Layout:
        indices = [index for line in self.loss_indices for index in line.values()]
        if len(values) > 1 and (values[:, indices] == values[0, indices]).all():
            values = values[:1]
        losses = [
            [
                line.losses({bare: float(row[index]) for bare, index in indices.items()})
                for line, indices in zip(self.lines, self.loss_indices, strict=True)
            ]
            for row in values
        ]
        return _Layout.of(losses, self.varying)


def _pseudo_voigts(x: FloatArray, center: FloatArray, width: FloatArray, share: FloatArray, terms: FloatArray) -> None:
    """Write the first terms of the basis of `LineBlock`, shape (k, 4 or 7, s, m); `center`, `width`, `share` (k, s)."""
    width, share = width[:, :, None], share[:, :, None]
    distance = x[:, None, :] - center[:, :, None]
    distance /= width
    square = distance * distance
    gauss = np.exp(square * (-4.0 * _LN2))
    gauss *= 2.0 * math.sqrt(_LN2 / math.pi) / width
    square *= 4.0
    square += 1.0
    pole = np.reciprocal(square, out=square)
    curve, pull, stretch, excess = (terms[:, i] for i in range(4))
    np.multiply(pole, 2.0 / math.pi / width, out=excess)
    np.multiply(pole, excess, out=pull)
    pull *= share * (8.0 / width)
    excess -= gauss
    np.multiply(excess, share, out=curve)
    curve += gauss
    gauss *= (1.0 - share) * (8.0 * _LN2 / width)
    pull += gauss
    pull *= distance
    np.multiply(pull, distance, out=stretch)
    if terms.shape[1] > 4:
        from scipy.special import erf

        below, moment, integral_excess = (terms[:, i] for i in range(4, 7))
        np.multiply(distance, curve, out=moment)
        distance *= 2.0
        np.arctan(distance, out=integral_excess)
        integral_excess *= 1.0 / math.pi
        distance *= math.sqrt(_LN2)
        erf(distance, out=distance)
        distance *= 0.5
        integral_excess -= distance
        distance += 0.5
        np.multiply(integral_excess, share, out=below)
        below += distance
