"""A compiled fit evaluated for many spectra at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
from lmfit.models import ConstantModel, LinearModel, PseudoVoigtModel
from numpy.typing import NDArray

from xps_stn_plugin.models.losses import Losses, no_losses
from xps_stn_plugin.models.parts import Part
from xps_stn_plugin.models.plan import LINEAR, FitPlan
from xps_stn_plugin.models.shapes import LineModel
from xps_stn_plugin.models.ties import Tie, Ties

FloatArray = NDArray[np.float64]

_LN2: Final = math.log(2.0)
_TINY: Final = 1e-15

#: Parameters of a line of `LineModel` that are no losses'.
_OWN: Final = ("amplitude", "center", "sigma", "fraction", "step")


class _Part(Protocol):
    """A component of the model for k spectra."""

    @property
    def rows(self) -> Sequence[tuple[Part, str]]:
        """Parameters with a derivative: component, and name without prefix."""
        ...

    def evaluate(self, x: FloatArray, values: Mapping[str, FloatArray]) -> tuple[FloatArray, Sequence[FloatArray]]:
        """Curve and its derivative by each of `rows`, each of shape (k, m)."""
        ...


@dataclass(frozen=True, eq=False)
class _Line:
    """A pseudo-Voigt with losses, on a Shirley step or none."""

    part: Part
    rows: Sequence[tuple[Part, str]]
    constant: Losses | None

    def evaluate(self, x: FloatArray, values: Mapping[str, FloatArray]) -> tuple[FloatArray, Sequence[FloatArray]]:
        own = {bare: values[name] for bare, name in self.part.names.items()}
        amplitude, center, sigma, fraction = (own[name][:, None] for name in _OWN[:4])
        energies, weights, slopes = self._losses(own)
        moving = [bare for _, bare in self.rows]
        step = own["step"][:, None] if "step" in own else np.zeros_like(center)
        stepped = "step" in moving or bool(step.any())
        width = 2.0 * np.maximum(sigma, _TINY)
        line = _Members.of(x, center, width, fraction, energies)
        unit, pull, stretch, excess = (
            line.sum(weights, one) for one in (line.curve, line.pull, line.stretch, line.excess)
        )
        found = {
            "amplitude": unit,
            "center": pull,
            "sigma": 2.0 * (stretch - unit / width),
            "fraction": excess,
        }
        members = line.curve
        if stepped:
            gauss, lorentz, moment = (line.sum(weights, one) for one in line.integrals())
            below = gauss + fraction * (lorentz - gauss)
            found["amplitude"] = unit + step * below
            found["center"] = pull - step * unit
            found["sigma"] = found["sigma"] - 2.0 * step * moment
            found["fraction"] = excess + step * (lorentz - gauss)
            found["step"] = below
        curve = amplitude * found["amplitude"]
        result = []
        for bare in moving:
            if bare in slopes:
                if stepped:
                    one, other, _ = line.integrals()
                    members = line.curve + step[..., None] * (one + fraction[..., None] * (other - one))
                result.append(amplitude * line.sum(slopes[bare], members))
            else:
                result.append(found[bare] if bare == "amplitude" else amplitude * found[bare])
        return curve, result

    def _losses(self, own: Mapping[str, FloatArray]) -> tuple[FloatArray, FloatArray, dict[str, FloatArray]]:
        """Energies (s,), weights (k, s) or (1, s), and the derivatives of the weights by what moves."""
        if self.constant is not None:
            return self.constant.energies, self.constant.weights[None], {}
        names = [bare for bare in self.part.names if bare not in _OWN]
        each = [
            self.part.model.losses({bare: float(own[bare][i]) for bare in names}) for i in range(own["center"].size)
        ]
        slopes = {bare: np.stack([one.slopes[bare] for one in each]) for _, bare in self.rows if bare in names}
        return each[0].energies, np.stack([one.weights for one in each]), slopes


@dataclass(frozen=True, eq=False)
class _Members:
    """Pseudo-Voigts of one width and share, each of shape (k, s, m): what `lineshapes.pseudo_voigt_partials` gives.

    `stretch` is the derivative by the width plus the curve over the width.
    """

    place: FloatArray
    curve: FloatArray
    pull: FloatArray
    stretch: FloatArray
    excess: FloatArray

    @classmethod
    def of(
        cls, x: FloatArray, center: FloatArray, width: FloatArray, fraction: FloatArray, energies: FloatArray
    ) -> _Members:
        width, fraction = width[..., None], fraction[..., None]
        place = (x / width[..., 0])[:, None, :] - (center[..., None] + energies[None, :, None]) / width
        square = place * place
        gauss = np.exp(square * (-4.0 * _LN2))
        gauss *= 2.0 * math.sqrt(_LN2 / math.pi) / width
        square *= 4.0
        square += 1.0
        pole = np.reciprocal(square, out=square)
        excess = pole * (2.0 / math.pi / width)
        pull = pole
        pull *= excess
        pull *= fraction * (8.0 / width)
        excess -= gauss
        curve = excess * fraction
        curve += gauss
        gauss *= (1.0 - fraction) * (8.0 * _LN2 / width)
        pull += gauss
        pull *= place
        return cls(place, curve, pull, np.multiply(pull, place, out=gauss), excess)

    def integrals(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Integrals of Gaussian and Lorentzian, and the first moment of the curve in widths."""
        from scipy.special import erf

        gauss = erf(self.place * (2.0 * math.sqrt(_LN2)))
        gauss *= 0.5
        gauss += 0.5
        lorentz = np.arctan(self.place * 2.0)
        lorentz /= math.pi
        lorentz += 0.5
        return gauss, lorentz, self.place * self.curve

    @staticmethod
    def sum(weights: FloatArray, members: FloatArray) -> FloatArray:
        """Weighted sum over the members, shape (k, m)."""
        if weights.shape == (1, 1):
            return np.asarray(members[:, 0] * weights[0, 0])
        return np.asarray((weights[:, None, :] @ members)[:, 0])


@dataclass(frozen=True, eq=False)
class _Straight:
    """lmfit's linear and constant models."""

    part: Part
    rows: Sequence[tuple[Part, str]]

    def evaluate(self, x: FloatArray, values: Mapping[str, FloatArray]) -> tuple[FloatArray, Sequence[FloatArray]]:
        own = {bare: values[name][:, None] for bare, name in self.part.names.items()}
        if "c" in own:
            return np.broadcast_to(own["c"], x.shape), [np.ones(x.shape) for _ in self.rows]
        slopes = {"slope": x, "intercept": np.ones(x.shape)}
        return own["slope"] * x + own["intercept"], [slopes[bare] for _, bare in self.rows]


@dataclass(frozen=True, eq=False)
class _Other:
    """Any other component, one spectrum after the other."""

    part: Part
    rows: Sequence[tuple[Part, str]]

    def evaluate(self, x: FloatArray, values: Mapping[str, FloatArray]) -> tuple[FloatArray, Sequence[FloatArray]]:
        moving = [bare for _, bare in self.rows]
        curves, slopes = [], []
        for i, axis in enumerate(x):
            at = {name: float(values[name][i]) for name in self.part.names.values()}
            curve, by = self.part.evaluate(axis, at, moving)
            curves.append(curve)
            slopes.append([by[bare] for bare in moving])
        return np.array(curves), list(np.array(slopes).reshape(len(x), len(moving), -1).swapaxes(0, 1))


@dataclass(frozen=True, eq=False)
class RowsModel:
    """Model of k spectra: `FitPlan` with a first dimension.

    Parameters
    ----------
    names : tuple of str
        All parameters, in lmfit's order.
    free : tuple of str
        Those that vary; vectors hold them in this order.
    linear : ndarray of bool, shape (free,)
        Those that the curve is linear in while all others stay.
    """

    # `scale`, shape (k,), is by how much intensities differ from those that the fit was made for: fixed slopes and
    # areas follow.

    names: tuple[str, ...]
    free: tuple[str, ...]
    linear: NDArray[np.bool_]
    _ties: Ties
    _needed: tuple[Tie, ...]
    _parts: tuple[_Part, ...]
    _pick: NDArray[np.intp]
    _fixed: frozenset[str]

    @classmethod
    def of(cls, plan: FitPlan) -> RowsModel:
        """Make it of a compiled fit, whose own data do not matter."""
        names = tuple(plan.ties.start)
        place = {name: i for i, name in enumerate(names)}
        reach = plan.ties.reach()
        start = plan.values(plan.start)
        parts = tuple(
            _part(part, [(part, bare) for bare, name in part.names.items() if reach[name]], start)
            for part in plan.parts
        )
        pick = np.array([place[part.names[bare]] for one in parts for part, bare in one.rows], dtype=np.intp)
        linear = {part.names[bare] for part in plan.parts for bare in LINEAR if bare in part.names}
        needed = plan.ties.of({name for part in plan.parts for name in part.names.values()}).ties
        fixed = frozenset(linear) - {tie.name for tie in plan.ties.ties} - set(plan.names)
        is_linear = np.array([name in linear for name in plan.names])
        return cls(names, plan.names, is_linear, plan.ties, needed, parts, pick, fixed)

    def values(self, v: FloatArray, scale: FloatArray) -> FloatArray:
        """Values of all parameters, shape (k, names), from those of the free ones, shape (k, free)."""
        found, _ = self._tied(v, scale, self._ties.ties)
        return np.stack([found[name] for name in self.names], axis=1)

    def slopes(self, v: FloatArray, scale: FloatArray) -> FloatArray:
        """Differentiate all parameters by the free ones, shape (k, names, free)."""
        return _chain(self._ties, *self._tied(v, scale, self._ties.ties), self._ties.ties)

    def evaluate(self, x: FloatArray, v: FloatArray, scale: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Curves, shape (k, m), and their derivatives by the free parameters, shape (k, free, m).

        Parameters
        ----------
        x : ndarray, shape (k, m)
            Energies in eV.
        v : ndarray, shape (k, free)
        scale : ndarray, shape (k,)
        """
        values, clipped = self._tied(v, scale, self._needed)
        curve = np.zeros(x.shape)
        rows: list[FloatArray] = []
        for part in self._parts:
            one, slopes = part.evaluate(x, values)
            curve += one
            rows += slopes
        chain = _chain(self._ties, values, clipped, self._needed)[:, self._pick]
        return curve, chain.swapaxes(1, 2) @ np.stack(rows, axis=1)

    def _tied(
        self, v: FloatArray, scale: FloatArray, ties: Sequence[Tie]
    ) -> tuple[dict[str, FloatArray], dict[str, NDArray[np.bool_]]]:
        """Values by name, shape (k,), and where a tie leads beyond its bounds."""
        count = len(v)
        values = {
            name: start * scale if name in self._fixed else np.full(count, start)
            for name, start in self._ties.start.items()
        }
        values.update(zip(self.free, v.T, strict=True))
        clipped = {}
        for tie in ties:
            value = _by_rows(tie.value, values, count)
            values[tie.name] = np.clip(value, tie.low, tie.high)
            clipped[tie.name] = (value < tie.low) | (value > tie.high)
        return values, clipped


def derivatives(ties: Ties, values: FloatArray) -> FloatArray:
    """Differentiate all parameters by the free ones, shape (k, names, free), at values of shape (k, names)."""
    return _chain(ties, dict(zip(ties.start, values.T, strict=True)), {}, ties.ties)


def _chain(
    whole: Ties,
    values: Mapping[str, FloatArray],
    clipped: Mapping[str, NDArray[np.bool_]],
    ties: Sequence[Tie],
) -> FloatArray:
    place = {name: i for i, name in enumerate(whole.start)}
    count = next(iter(values.values())).size
    matrix = np.zeros((count, len(place), len(whole.free)))
    matrix[:, [place[name] for name in whole.free], range(len(whole.free))] = 1.0
    for tie in ties:
        row = matrix[:, place[tie.name]]
        for name, slope in tie.slopes.items():
            factor = _by_rows(slope, values, count)[:, None] if callable(slope) else slope
            row += factor * matrix[:, place[name]]
        beyond = clipped.get(tie.name)
        if beyond is not None and beyond.any():
            row[beyond] = 0.0
    return matrix


def _part(part: Part, rows: Sequence[tuple[Part, str]], start: Mapping[str, float]) -> _Part:
    model = part.model
    if type(model) is PseudoVoigtModel:
        return _Line(part, rows, no_losses())
    if isinstance(model, LineModel) and type(model).partials is LineModel.partials and "step" in part.names:
        still = {bare for _, bare in rows} <= set(_OWN)
        return _Line(part, rows, model.losses({b: start[name] for b, name in part.names.items()}) if still else None)
    if type(model) in (LinearModel, ConstantModel):
        return _Straight(part, rows)
    return _Other(part, rows)


def _by_rows(function: Callable[[Any], Any], values: Mapping[str, FloatArray], count: int) -> FloatArray:
    """Value of a tie for all rows; one after the other where it does not take arrays (max, min, a user's function)."""
    try:
        found = np.asarray(function(values), dtype=float)
        if found.shape in ((), (count,)):
            return np.broadcast_to(found, count)
    except (TypeError, ValueError):
        pass
    return np.array([float(function({name: float(one[i]) for name, one in values.items()})) for i in range(count)])
