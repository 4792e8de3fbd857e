"""Components of one model that are evaluated together, for many spectra at once.

Every block writes curves that do not depend on areas (its basis), and says by which factors they make up the model and
its derivatives. All of them together cost one product of small matrices.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from .backgrounds import STRENGTHS
from .components import Component

FloatArray = NDArray[np.float64]
IndexArray = NDArray[np.intp]


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
    index: IndexArray
    on: FloatArray
    size: int = 2
    members: int = 1

    @classmethod
    def of(cls, components: Sequence[Component], index: Mapping[str, int]) -> StraightBlock:
        """Make it of components; `index` is the position of each parameter among all."""
        names = [(bare, name) for component in components for bare, name in component.names.items()]
        return cls(
            components,
            [name for _, name in names],
            np.array([index[name] for _, name in names], dtype=np.intp),
            np.array([[float(bare == "slope"), float(bare != "slope")] for bare, _ in names]),
        )

    def evaluate(self, x: FloatArray, values: FloatArray, basis: FloatArray) -> None:
        """Write the basis."""
        basis[:, 0] = x
        basis[:, 1] = 1.0

    def factors(self, values: FloatArray, curve: FloatArray, slopes: FloatArray) -> None:
        """Write the factors."""
        curve[:] = values[:, self.index] @ self.on
        slopes[:] = self.on

    def curves(self, x: FloatArray, values: FloatArray) -> Iterator[ComponentCurves]:
        """Draw each component."""
        index_of = dict(zip(self.names, self.index.tolist(), strict=True))
        for component in self.components:
            line = np.zeros(x.shape)
            for bare, name in component.names.items():
                line += values[:, index_of[name], None] * (x if bare == "slope" else 1.0)
            yield ComponentCurves(component, line, np.zeros(x.shape))


@dataclass(frozen=True, eq=False)
class SingleBlock:
    """Any other component, one spectrum after the other: basis its curve and derivatives."""

    component: Component
    varying: Sequence[str]
    index: Mapping[str, int]
    members: int = 1

    @property
    def names(self) -> Sequence[str]:
        """Moving parameters of the component."""
        return [self.component.names[bare] for bare in self.varying]

    @property
    def size(self) -> int:
        """The curve, and a derivative by each varying parameter."""
        return 1 + len(self.varying)

    def evaluate(self, x: FloatArray, values: FloatArray, basis: FloatArray) -> None:
        """Write the basis."""
        for i, axis in enumerate(x):
            arguments = {bare: float(values[i, self.index[name]]) for bare, name in self.component.names.items()}
            curve, slopes = self.component.evaluate(axis, arguments, self.varying)
            basis[i, 0] = curve
            for row, bare in enumerate(self.varying, start=1):
                basis[i, row] = slopes[bare]

    def factors(self, values: FloatArray, curve: FloatArray, slopes: FloatArray) -> None:
        """Write the factors."""
        curve[:, 0] = 1.0
        count = len(self.varying)
        slopes[:, range(count), range(1, count + 1)] = 1.0

    def curves(self, x: FloatArray, values: FloatArray) -> Iterator[ComponentCurves]:
        """Draw the component."""
        strengths = [bare for bare in STRENGTHS if bare in self.component.names]
        line, below = np.empty(x.shape), np.zeros(x.shape)
        for i, axis in enumerate(x):
            arguments = {bare: float(values[i, self.index[name]]) for bare, name in self.component.names.items()}
            total, slopes = self.component.evaluate(axis, arguments, strengths)
            # The background is proportional to its strength.
            for bare in strengths:
                below[i] += arguments[bare] * slopes[bare]
            line[i] = total - below[i]
        yield ComponentCurves(self.component, line, below)
