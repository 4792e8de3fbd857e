"""Core-level lines of a structure by primary and secondary chemical shifts."""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Literal

from xps_prefit_hooks import PrefitError

from .structure import read_structure

if TYPE_CHECKING:
    from rdkit import Chem

Kind = Literal["aliphatic", "aromatic", "other"]

# Atoms in the ring that a repeat unit is closed to: twice the reach of the longest pattern along a chain, so that no
# pattern meets its own atoms from the other side.
_RING = 10


# Read off measured poly(ethylene), see `xps_stn_plugin.models.losses`.
_QUANTA_PER_BOND = 0.2


@dataclass(frozen=True)
class CoreLine:
    """One line of a structure.

    Parameters
    ----------
    region : str
        Core level, ``C1s``.
    energy : float
        Binding energy in eV on the scale on which aliphatic C 1s is 285.00; the first vibrational member, and the
        higher-j line of a doublet.
    atoms : float
        Atoms per repeat unit.
    environment : str
        Chemical environment for people, ``C-O-C=O``; neighbours that shift it follow with ``+``.
    kind : {"aliphatic", "aromatic", "other"}
        ``aliphatic`` for sp3 carbon, ``aromatic`` for carbon of an aromatic ring, which shakes up.
    hydrogens : float
        C-H bonds per carbon atom, which drive the vibrational tail; 0 for other elements.
    """

    region: str
    energy: float
    atoms: float
    environment: str
    kind: Kind
    hydrogens: float

    @property
    def vibration(self) -> float:
        """Mean number of C-H stretch quanta of aliphatic carbon: 0.2 for each bond, as poly(ethylene)'s CH2 has 0.4."""
        return _QUANTA_PER_BOND * self.hydrogens if self.kind == "aliphatic" else 0.0


@dataclass(frozen=True)
class Rule:
    """One row of ``line_rules.toml``.

    Parameters
    ----------
    region, name : str
        Core level and environment.
    smarts : str
        Pattern. The rule is for the atoms mapped ``:1``, or for the first atom where none is mapped.
    energy : float
        Binding energy of the environment in eV; NaN for a secondary shift.
    shifts : tuple of float
        Shift in eV by one, two, three... matches, counted over the pattern's last atom; more matches shift no
        further. Empty for a primary rule.
    complete : bool
        Whether `energy` includes the neighbours, so that no secondary shift is added.
    source : str
        Where the number comes from.
    """

    region: str
    name: str
    smarts: str
    energy: float = float("nan")
    shifts: tuple[float, ...] = ()
    complete: bool = False
    source: str = ""


@dataclass(frozen=True)
class LineRules:
    """All rules: core level of each element, elements without a line, primary rules in order, secondary shifts."""

    regions: dict[str, str]
    silent: frozenset[str]
    primary: tuple[Rule, ...]
    secondary: tuple[Rule, ...]


@cache
def line_rules() -> LineRules:
    """Rules of ``chemistry/data/line_rules.toml``, where their sources stand."""
    text = files(__package__).joinpath("data", "line_rules.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)
    return LineRules(
        regions=table["regions"],
        silent=frozenset(table["silent"]),
        primary=tuple(Rule(region, **row) for region, rows in table["primary"].items() for row in rows),
        secondary=tuple(
            Rule(region, **{**row, "shifts": tuple(row["shifts"])})
            for region, rows in table["secondary"].items()
            for row in rows
        ),
    )


def core_lines(smiles: str) -> tuple[CoreLine, ...]:
    """Lines of one repeat unit in the nine core levels of `core_levels`.

    Parameters
    ----------
    smiles : str
        Repeat unit with two ``*`` where it is bonded to the next unit, or a molecule with none; counter ions as
        further fragments.

    Returns
    -------
    tuple of CoreLine
        Ordered by core level and energy. Atoms of one environment, kind and energy (to 0.01 eV) are one line, their
        C-H bonds averaged.

    Raises
    ------
    PrefitError
        If RDKit is missing or cannot read the SMILES, its ends are not two, or no rule fits an atom.

    Notes
    -----
    The first primary rule that fits an atom gives its energy, secondary shifts by its neighbours add to it (Beamson &
    Briggs 1992). Chemical shifts of C 1s are nearly additive in the ligands, which is why this is enough.
    """
    molecule, unit = _closed(smiles)
    table, primary, secondary = _compiled()
    rule_of: dict[int, Rule] = {}
    for rule, pattern, targets in primary:
        for match in _matches(molecule, pattern):
            for target in targets:
                rule_of.setdefault(match[target], rule)
    shifts: dict[int, list[tuple[float, str]]] = defaultdict(list)
    for rule, pattern, targets in secondary:
        causes: dict[int, set[int]] = defaultdict(set)
        for match in _matches(molecule, pattern):
            for target in targets:
                causes[match[target]].add(match[-1])
        for atom, neighbours in causes.items():
            shifts[atom].append((rule.shifts[min(len(neighbours), len(rule.shifts)) - 1], rule.name))
    bonds_by_line: dict[tuple[str, float, str, Kind], list[int]] = defaultdict(list)
    for index in unit:
        atom = molecule.GetAtomWithIdx(index)
        symbol = atom.GetSymbol()
        if symbol in table.silent:
            continue
        atom_rule = rule_of.get(index)
        if atom_rule is None or atom_rule.region != table.regions.get(symbol):
            raise PrefitError(
                "structure", f"no line rule fits the atom {symbol} of {smiles!r}: add one to line_rules.toml."
            )
        atom_shifts = [] if atom_rule.complete else shifts[index]
        energy = round(atom_rule.energy + sum(shift for shift, _ in atom_shifts), 2)
        environment = " + ".join([atom_rule.name, *(name for shift, name in atom_shifts if shift)])
        bonds_by_line[atom_rule.region, energy, environment, _kind(atom)].append(
            atom.GetTotalNumHs() if symbol == "C" else 0
        )
    order = {name: number for number, name in enumerate(table.regions.values())}
    return tuple(
        CoreLine(region, energy, float(len(bonds)), environment, kind, sum(bonds) / len(bonds))
        for (region, energy, environment, kind), bonds in sorted(
            bonds_by_line.items(), key=lambda item: (order[item[0][0]], item[0][1:])
        )
    )


@cache
def _compiled() -> tuple[
    LineRules, tuple[tuple[Rule, Any, tuple[int, ...]], ...], tuple[tuple[Rule, Any, tuple[int, ...]], ...]
]:
    from rdkit import Chem

    def compiled(rules: Iterable[Rule]) -> tuple[tuple[Rule, Any, tuple[int, ...]], ...]:
        compiled_rules = []
        for rule in rules:
            pattern = Chem.MolFromSmarts(rule.smarts)
            if pattern is None:
                raise PrefitError("line_rules.toml", f"{rule.smarts!r} of {rule.name!r} is not a SMARTS: correct it.")
            mapped = tuple(atom.GetIdx() for atom in pattern.GetAtoms() if atom.GetAtomMapNum() == 1)
            compiled_rules.append((rule, pattern, mapped or (0,)))
        return tuple(compiled_rules)

    table = line_rules()
    return table, compiled(table.primary), compiled(table.secondary)


def _matches(molecule: Chem.Mol, pattern: Any) -> Any:
    # RDKit stops at 1000 matches without a word, hence the huge limit.
    return molecule.GetSubstructMatches(pattern, uniquify=False, maxMatches=1_000_000)


def _kind(atom: Any) -> Kind:
    if atom.GetSymbol() != "C":
        return "other"
    if atom.GetIsAromatic():
        return "aromatic"
    return "aliphatic" if atom.GetTotalDegree() == 4 else "other"


def _read(smiles: str) -> Chem.Mol:
    unit = read_structure(smiles)
    from rdkit import Chem

    # Ring by ring: RDKit's own model makes the imide rings of a pyromellitimide aromatic with the benzene between.
    Chem.Kekulize(unit, clearAromaticFlags=True)
    Chem.SetAromaticity(unit, Chem.AromaticityModel.AROMATICITY_SIMPLE)
    return unit


def _closed(smiles: str) -> tuple[Chem.Mol, range]:
    """Ring of enough repeat units that an atom at the end sees its true neighbours, and the atoms of one unit."""
    unit = _read(smiles)
    from rdkit import Chem

    ends = [atom.GetIdx() for atom in unit.GetAtoms() if atom.GetAtomicNum() == 0]
    if not ends:
        return unit, range(unit.GetNumAtoms())
    bonds = [[bond.GetBondType() for bond in unit.GetAtomWithIdx(end).GetBonds()] for end in ends]
    if bonds != [[Chem.BondType.SINGLE]] * 2:
        raise PrefitError(
            "structure", f"{smiles!r} has {len(ends)} ends marked *: a repeat unit has two, each with one single bond."
        )
    backbone = len(Chem.GetShortestPath(unit, *ends)) - 2
    if backbone < 1:
        raise PrefitError("structure", f"{smiles!r} has no chain of atoms between its ends: write the repeat unit.")
    # Ends last, so that the atoms of the first unit keep their numbers when the ends are removed.
    unit = Chem.RenumberAtoms(unit, [*(i for i in range(unit.GetNumAtoms()) if i not in ends), *ends])
    Chem.RemoveStereochemistry(unit)
    size = unit.GetNumAtoms()
    head, tail = (unit.GetAtomWithIdx(end).GetNeighbors()[0].GetIdx() for end in (size - 2, size - 1))
    count = -(-_RING // backbone)
    ring = Chem.RWMol(unit)
    for _ in range(count - 1):
        ring.InsertMol(unit)
    ring.BeginBatchEdit()
    for start in range(0, count * size, size):
        ring.AddBond(start + tail, (start + size) % (count * size) + head, Chem.BondType.SINGLE)
        ring.RemoveAtom(start + size - 2)
        ring.RemoveAtom(start + size - 1)
    ring.CommitBatchEdit()
    # Aromaticity is kept from the unit: the artificial ring must not become aromatic.
    ring.UpdatePropertyCache(strict=False)
    Chem.GetSymmSSSR(ring)
    return ring, range(size - 2)
