"""Functional groups of a repeat unit, under the names of the network's outputs."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from xps_prefit_hooks import PrefitError

from .structure import read_structure

# Backbone atoms that the chain goes on beyond the unit: the longest pattern reaches three bonds from its anchor across
# the end (two ring atoms, O, P of phenoxy), and one more for the neighbours that an exclusion looks at.
_REACH = 4


@dataclass(frozen=True)
class Group:
    """One functional group.

    Parameters
    ----------
    name : str
        Name in the vocabulary of arXiv 2603.05350, for instance ``ester (aliphatic)``.
    definition : str
        What counts, in one line.
    smarts : tuple of str
        Patterns, any of which suffices; the first atom is the anchor.
    without : tuple of str
        Patterns that drop a match when its anchor lies in them.
    """

    name: str
    definition: str
    smarts: tuple[str, ...]
    without: tuple[str, ...] = ()


@cache
def groups() -> tuple[Group, ...]:
    """Functional groups with their definitions, in the order of the network's outputs.

    Sources stand in ``chemistry/data/groups.toml``.
    """
    text = files(__package__).joinpath("data", "groups.toml").read_text(encoding="utf-8")
    return tuple(
        Group(name, row["definition"], tuple(row["smarts"]), tuple(row.get("without", ())))
        for name, row in tomllib.loads(text).items()
    )


@cache
def group_names() -> tuple[str, ...]:
    """Names of the 40 functional groups, in the order of the network's outputs."""
    return tuple(group.name for group in groups())


def functional_groups(smiles: str) -> frozenset[str]:
    """Functional groups of one repeat unit or molecule.

    Parameters
    ----------
    smiles : str
        Repeat unit with two ``*`` where it is bonded to the next unit, or a molecule with none.

    Returns
    -------
    frozenset of str
        Names from `group_names`. A group counts if the unit has it once, however large the unit is.

    Raises
    ------
    PrefitError
        If RDKit cannot read the SMILES or it has another number of ends.

    Notes
    -----
    The unit is continued on both sides, so that its end atoms see their true neighbours: ``*CCO*`` is an ether.

    The supports in the paper's printed test results imply how many of its 104 polymers carry each group. These
    rules agree for 25 of the 32 groups that occur. Its table of groups is not readable, so the reasons for the
    others are guesses: amide 9 (paper 8) and amine 5 (7), because urethane and urea count as amides here and not as
    amines; ether (aromatic) 6 (7) and ether (aliphatic) 14 (16), because carbonates, carbamates, epoxides and
    P-O-aryl are not ethers here; alcohol (aliphatic) 5 (4), because ethyl cellulose keeps a hydroxyl here; ketone
    (aliphatic) 4 (3), because poly(acetylacetoxyethyl methacrylate) is one here; alkane 85 (81), because the
    backbones of the two poly(diallyl phthalate)s and the CH2 of urethane and urea are alkane by the definition and
    not in the paper's hand-made table.
    """
    unit, middle_atoms = _continued(smiles)
    return frozenset(
        name
        for name, patterns, exclusions in _compiled()
        if (anchors := _anchors(unit, patterns) & middle_atoms) and anchors - _members(unit, exclusions)
    )


@cache
def _compiled() -> tuple[tuple[str, tuple[Any, ...], tuple[Any, ...]], ...]:
    from rdkit import Chem

    def compiled(patterns: tuple[str, ...]) -> tuple[Any, ...]:
        return tuple(Chem.MolFromSmarts(pattern) for pattern in patterns)

    return tuple((group.name, compiled(group.smarts), compiled(group.without)) for group in groups())


def _anchors(molecule: Any, patterns: tuple[Any, ...]) -> set[int]:
    # A huge limit, because RDKit stops at 1000 matches without a word.
    return {match[0] for p in patterns for match in molecule.GetSubstructMatches(p, maxMatches=1_000_000)}


def _members(molecule: Any, patterns: tuple[Any, ...]) -> set[int]:
    return {atom for p in patterns for match in molecule.GetSubstructMatches(p, maxMatches=1_000_000) for atom in match}


def _continued(smiles: str) -> tuple[Any, set[int]]:
    """Chain of several units, its ends left as dummy atoms, and the atoms of the middle unit."""
    unit = read_structure(smiles)
    from rdkit import Chem

    ends = [atom.GetIdx() for atom in unit.GetAtoms() if atom.GetAtomicNum() == 0]
    if not ends:
        return unit, set(range(unit.GetNumAtoms()))
    if len(ends) != 2 or any(unit.GetAtomWithIdx(end).GetDegree() != 1 for end in ends):
        raise PrefitError(
            "structure", f"{smiles!r} has {len(ends)} ends marked *: a repeat unit has two, each with one bond."
        )
    head, tail = ends
    backbone = len(Chem.GetShortestPath(unit, head, tail)) - 2
    copies = -(-_REACH // backbone)  # on each side
    size = unit.GetNumAtoms()
    chain = Chem.RWMol(unit)
    for _ in range(2 * copies):
        chain.InsertMol(unit)
    joint_of = {end: unit.GetAtomWithIdx(end).GetNeighbors()[0].GetIdx() for end in ends}
    for copy in range(2 * copies):
        chain.AddBond(copy * size + joint_of[tail], (copy + 1) * size + joint_of[head], Chem.BondType.SINGLE)
    middle_atoms = [
        chain.GetAtomWithIdx(i) for i in range(copies * size, (copies + 1) * size) if i - copies * size not in ends
    ]
    for atom in middle_atoms:
        atom.SetBoolProp("inner", True)
    chain.BeginBatchEdit()
    for copy in range(2 * copies):
        chain.RemoveAtom(copy * size + tail)
        chain.RemoveAtom((copy + 1) * size + head)
    chain.CommitBatchEdit()
    Chem.SanitizeMol(chain)
    return chain, {atom.GetIdx() for atom in chain.GetAtoms() if atom.HasProp("inner")}
