"""Structures and their lines as flat arrays, ready for drawing spectra."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..chemistry.groups import functional_groups, group_names
from ..chemistry.lines import core_lines
from ..core.core_levels import core_levels

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class LineLibrary:
    """Lines of many structures, one after the other.

    Parameters
    ----------
    structures : tuple of str
        Repeat units (SMILES); the first `references` of them are reference polymers.
    references : int
        Number of reference polymers.
    starts : ndarray of int, shape (structures + 1,)
        Where each structure's lines begin.
    region : ndarray of int, shape (lines,)
        Channel of each line.
    energy, atoms, hydrogens : ndarray of float, shape (lines,)
        Binding energy in eV, atoms per repeat unit, C-H bonds per carbon.
    aromatic, aliphatic : ndarray of bool, shape (lines,)
        Kind of the line.
    labels : ndarray of bool, shape (structures, groups)
        Functional groups.
    """

    structures: tuple[str, ...]
    references: int
    starts: NDArray[np.int64]
    region: NDArray[np.int64]
    energy: NDArray[np.float64]
    atoms: NDArray[np.float64]
    hydrogens: NDArray[np.float64]
    aromatic: NDArray[np.bool_]
    aliphatic: NDArray[np.bool_]
    labels: NDArray[np.bool_]

    @classmethod
    def build(
        cls, references: Sequence[str], generated: Sequence[str], progress: Callable[[int, int], None] | None = None
    ) -> LineLibrary:
        """Apply the rules to every structure.

        Parameters
        ----------
        references, generated : sequence of str
            Repeat units.
        progress : callable or None
            Told ``(done, all)`` now and then, and at the end.
        """
        structures = (*references, *generated)
        channels = {name: number for number, name in enumerate(core_levels())}
        groups = {name: number for number, name in enumerate(group_names())}
        rows: list[tuple[int, float, float, float, bool, bool]] = []
        starts = [0]
        labels = np.zeros((len(structures), len(groups)), dtype=bool)
        for number, smiles in enumerate(structures):
            for line in core_lines(smiles):
                kind = line.kind
                rows.append(
                    (
                        channels[line.region],
                        line.energy,
                        line.atoms,
                        line.hydrogens,
                        kind == "aromatic",
                        kind == "aliphatic",
                    )
                )
            starts.append(len(rows))
            for name in functional_groups(smiles):
                labels[number, groups[name]] = True
            if progress is not None and ((number + 1) % 500 == 0 or number + 1 == len(structures)):
                progress(number + 1, len(structures))
        region, energy, atoms, hydrogens, aromatic, aliphatic = (np.array(column) for column in zip(*rows, strict=True))
        return cls(
            structures=structures,
            references=len(references),
            starts=np.array(starts),
            region=region,
            energy=energy,
            atoms=atoms,
            hydrogens=hydrogens,
            aromatic=aromatic,
            aliphatic=aliphatic,
            labels=labels,
        )
