"""Compiled models: components, ties and bounds of an lmfit model as arrays, with derivatives, for k spectra."""

from __future__ import annotations

import operator
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Final

import lmfit
import numpy as np
from numpy.typing import ArrayLike, NDArray

from .blocks import Block, ComponentCurves, SingleBlock, StraightBlock
from .components import Component
from .line_block import LineBlock
from .ties import TiedRows, Ties

FloatArray = NDArray[np.float64]

#: Parameters (without prefix) that the curve is proportional to, or linear in, when all others stay.
_LINEAR: Final = ("amplitude", "slope", "intercept", "c")

#: Spectra that are evaluated together: enough that calls cost nothing, few enough that their curves stay in cache.
_MOST_ROWS: Final = 32
_MOST_VALUES: Final = 100_000


@dataclass(frozen=True, eq=False)
class CompiledModel:
    """Sum of components for k spectra; one spectrum is a stack of one.

    Arrays ``v``, shape (k, free), hold the free parameters in the order of `free`.

    Parameters
    ----------
    components : tuple of Component
    ties : Ties
        Of all parameters of the model.
    low, high : ndarray, shape (free,)
        Bounds.
    linear : ndarray of bool, shape (free,)
        Parameters that the curve is linear in while all others stay.
    """

    components: tuple[Component, ...]
    ties: Ties
    low: FloatArray
    high: FloatArray
    linear: NDArray[np.bool_]
    _block_slices: tuple[tuple[Block, slice, slice], ...]
    _component_ties: Ties
    _pick: NDArray[np.intp]
    _scaled: frozenset[str]

    @classmethod
    def compile(cls, model: lmfit.Model, params: lmfit.Parameters) -> CompiledModel | None:
        """Compile an lmfit model.

        Parameters
        ----------
        model : lmfit.Model
            Sum of components in ``x``. Those with a method ``partials(x, **values)``, and lmfit's linear, constant and
            pseudo-Voigt models, have analytic derivatives; others get numeric ones by their own free parameters.
        params : lmfit.Parameters
            Start values, bounds and ties; none is changed.

        Returns
        -------
        CompiledModel or None
            None for what is not such a sum: products, other independent variables, a `nan_policy` other than ``raise``,
            a model with a residual of its own; and where no parameter is free.

        Raises
        ------
        ValueError
            If ties depend on each other in a circle.
        """
        has_all = {name for part in model.components for name in part.param_names} <= set(params)
        compiled = cls.to_draw(model, params) if has_all and _is_sum(model) else None
        return compiled if compiled is not None and compiled.free else None

    @classmethod
    def to_draw(cls, model: lmfit.Model, params: lmfit.Parameters) -> CompiledModel:
        """Compile the components of any lmfit model, whether or not their sum can be fitted; see `compile`."""
        ties = Ties.compile(params)
        components = tuple(Component.of(component, params) for component in model.components)
        bounds = [(float(params[name].min), float(params[name].max)) for name in ties.free]
        low, high = np.array(bounds).reshape(-1, 2).T
        return cls.of(components, ties, low, high)

    @classmethod
    def of(cls, components: Sequence[Component], ties: Ties, low: FloatArray, high: FloatArray) -> CompiledModel:
        """Make it of components and compiled ties with the bounds of the free parameters."""
        blocks = _blocks(components, ties)
        index = {name: i for i, name in enumerate(ties.start)}
        pick = np.array([index[name] for block in blocks for name in block.names], dtype=np.intp)
        rows = accumulate((len(block.names) for block in blocks), initial=1)
        columns = accumulate((block.size for block in blocks), initial=0)
        block_slices = [
            (block, slice(*below), slice(*right))
            for block, below, right in zip(blocks, pairwise(rows), pairwise(columns), strict=True)
        ]
        linear = {part.names[bare] for part in components for bare in _LINEAR if bare in part.names}
        scaled = frozenset(linear) - {tie.name for tie in ties.ties} - set(ties.free)
        component_ties = ties.of({name for part in components for name in part.names.values()})
        mask = np.array([name in linear for name in ties.free], dtype=bool)
        return cls(tuple(components), ties, low, high, mask, tuple(block_slices), component_ties, pick, scaled)

    @property
    def names(self) -> tuple[str, ...]:
        """All parameters, tied and fixed ones too, in lmfit's order."""
        return tuple(self.ties.start)

    @property
    def free(self) -> tuple[str, ...]:
        """Free parameters, in lmfit's order."""
        return self.ties.free

    @property
    def start(self) -> FloatArray:
        """Start values, shape (free,)."""
        return self.vector(self.ties.start)

    def vector(self, values: Mapping[str, float]) -> FloatArray:
        """Free parameters out of a mapping with more, shape (free,)."""
        return np.array([float(values[name]) for name in self.free])

    def named(self, v: ArrayLike) -> dict[str, float]:
        """Values of all parameters of one spectrum by name, from its free ones, shape (free,)."""
        return self.ties.values(v)

    def values(self, v: FloatArray, scale: FloatArray | None = None) -> FloatArray:
        """Values of all parameters, shape (k, names); `scale` as for `evaluate`."""
        return self._rows(self.ties, v, scale).values

    def slopes(self, v: FloatArray, scale: FloatArray | None = None) -> FloatArray:
        """Differentiate all parameters by the free ones, shape (k, names, free)."""
        return self.ties.slopes(self._rows(self.ties, v, scale))

    def curves(self, x: FloatArray, v: FloatArray, scale: FloatArray | None = None) -> FloatArray:
        """Sum of the components, shape (k, m); parameters as for `evaluate`."""
        curves, block = np.empty(x.shape), self.block(x.shape[1])
        for start in range(0, len(x), block):
            rows = slice(start, start + block)
            values = self._rows(self._component_ties, v[rows], None if scale is None else scale[rows]).values
            basis, factors = self._drawn(x[rows], values)
            curves[rows] = (factors[:, :1] @ basis)[:, 0]
        return curves

    def curve(self, x: FloatArray, v: ArrayLike) -> FloatArray:
        """Sum of the components of one spectrum, shape (m,)."""
        curve: FloatArray = self.curves(np.asarray(x, dtype=float)[None], np.asarray(v, dtype=float)[None])[0]
        return curve

    def evaluate(self, x: FloatArray, v: FloatArray, scale: FloatArray | None = None) -> tuple[FloatArray, FloatArray]:
        """Curves, shape (k, m), and their derivatives by the free parameters, shape (k, free, m).

        Parameters
        ----------
        x : ndarray, shape (k, m)
            Energies in eV.
        v : ndarray, shape (k, free)
        scale : ndarray, shape (k,), optional
            By how much intensities differ from those that the model was made for: fixed slopes and areas follow.
        """
        tied_rows = self._rows(self._component_ties, v, scale)
        basis, factors = self._drawn(x, tied_rows.values)
        chain = self._component_ties.slopes(tied_rows)[:, self._pick]
        combined = np.concatenate([factors[:, :1], chain.swapaxes(1, 2) @ factors[:, 1:]], axis=1)
        curves = combined @ basis
        return curves[:, 0], curves[:, 1:]

    def component_curves(self, x: FloatArray, values: FloatArray) -> list[ComponentCurves]:
        """Draw the components, in their order.

        Parameters
        ----------
        x : ndarray, shape (k, m)
            Energies in eV.
        values : ndarray, shape (k, names)
            All parameters.
        """
        drawn = [curves for block, _, _ in self._block_slices for curves in block.curves(x, values)]
        order = {id(component): i for i, component in enumerate(self.components)}
        return sorted(drawn, key=lambda curves: order[id(curves.component)])

    def block(self, points: int) -> int:
        """Say how many spectra of so many points are best evaluated together."""
        members = sum(block.members for block, _, _ in self._block_slices)
        return max(1, min(_MOST_VALUES // (members * points), _MOST_ROWS))

    def without(self, prefixes: Collection[str]) -> CompiledModel:
        """Take these components' amplitudes as 0, and fix the parameters that move nothing else.

        A width that other components are tied to stays free. A component whose amplitude is tied to one that goes, goes
        with it.
        """
        removed = {name: 0.0 for prefix in prefixes if (name := f"{prefix}amplitude") in self.ties.start}
        ties = self.ties.fixed(removed)
        dependencies, values = ties.dependencies(), ties.values([ties.start[name] for name in ties.free])
        slopes = dict(zip(ties.start, ties.derivatives(values), strict=True))
        zeros = {name for name, value in values.items() if value == 0.0 and not slopes[name].any()}
        components = tuple(
            part for part in self.components if part.prefix not in prefixes and part.names.get("amplitude") not in zeros
        )
        influential = {free for part in components for name in part.names.values() for free in dependencies[name]}
        ties = ties.fixed({name: ties.start[name] for name in ties.free if name not in influential})
        is_free = np.array([name in ties.free for name in self.free])
        return CompiledModel.of(components, ties, self.low[is_free], self.high[is_free])

    def _drawn(self, x: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Basis of all blocks, shape (k, b, m), and its factors in curve and derivatives, shape (k, 1 + p, b)."""
        count, size = len(x), self._block_slices[-1][2].stop
        basis = np.empty((count, size, x.shape[1]))
        factors = np.zeros((count, 1 + self._pick.size, size))
        for block, rows, columns in self._block_slices:
            block.evaluate(x, values, basis[:, columns])
            block.factors(values, factors[:, 0, columns], factors[:, rows, columns])
        return basis, factors

    def _rows(self, ties: Ties, v: FloatArray, scale: FloatArray | None) -> TiedRows:
        if scale is None or not self._scaled:
            return ties.rows(v)
        return ties.rows(v, {name: ties.start[name] * scale for name in self._scaled})


def _blocks(components: Sequence[Component], ties: Ties) -> tuple[Block, ...]:
    dependencies, index = ties.dependencies(), {name: i for i, name in enumerate(ties.start)}
    start = ties.values([ties.start[name] for name in ties.free])
    lines = [component for component in components if component.is_line]
    straight = [component for component in components if component.is_straight]
    blocks: list[Block] = [LineBlock.of(lines, index, dependencies, start)] if lines else []
    if straight:
        blocks.append(StraightBlock.of(straight, index))
    for component in components:
        if not component.is_line and not component.is_straight:
            varying = [bare for bare, name in component.names.items() if dependencies[name]]
            blocks.append(SingleBlock(component, varying, index))
    return tuple(blocks)


def _is_sum(model: lmfit.Model) -> bool:
    if type(model)._residual is not lmfit.Model._residual or model.nan_policy != "raise":
        return False
    if isinstance(model, lmfit.model.CompositeModel):
        return model.op is operator.add and _is_sum(model.left) and _is_sum(model.right)
    return list(model.independent_vars) == ["x"]
