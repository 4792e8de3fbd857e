"""Repeat units to simulate: the reference polymers and generated ones beside them."""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import accumulate
from types import MappingProxyType

from xps_prefit_hooks import PrefitError

from ..chemistry.structure import need_rdkit

#: Heavy atoms of a generated unit (its ends excluded), smallest and largest.
HEAVY_ATOMS = (2, 30)

# Draws of one kind of unit before the kind counts as used up, and kinds in a row before all do.
_DRAWS = 60
_KINDS = 200
# A bracket atom, a reference to a rule, or a ring digit outside brackets.
_TOKEN = re.compile(r"(\[[^]]*\])|\{(\w+)\}|(\d)")


@dataclass(frozen=True)
class Rule:
    """Options of one rule of the grammar with their cumulative weights."""

    options: tuple[str, ...]
    cumulative: tuple[float, ...]


@cache
def building_blocks() -> Mapping[str, Rule]:
    """Rules of the grammar by name; ``simulate/data/building_blocks.toml`` says how they are written."""
    text = files(__package__).joinpath("data", "building_blocks.toml").read_text(encoding="utf-8")
    rules = {
        name: Rule(tuple(options), tuple(accumulate(options.values()))) for name, options in tomllib.loads(text).items()
    }
    return MappingProxyType(rules)


def reference_structures() -> tuple[str, ...]:
    """SMILES of the reference polymers, in the order of their table."""
    from xps_stn_plugin.chemistry.polymers import polymers

    return tuple(polymer.smiles for polymer in polymers())


def generate_structures(number: int, seed: int) -> tuple[str, ...]:
    """Draw plausible repeat units that carry the functional groups in many surroundings.

    Parameters
    ----------
    number : int
        How many.
    seed : int
        Equal seeds give equal units (with the same version of RDKit, which writes the SMILES).

    Returns
    -------
    tuple of str
        Canonical SMILES, all different, sanitised by RDKit, each with two ``*`` where it is bonded to the next unit and
        with 2 to 30 heavy atoms. Counter ions follow after a dot.

    Raises
    ------
    PrefitError
        If RDKit is absent, or the building blocks do not give so many different units.
    """
    need_rdkit()
    rng = random.Random(seed)
    units: dict[str, None] = {}  # a set that keeps the order
    failures = 0
    while len(units) < number:
        kind = _choose("unit", rng)
        unit = _new_unit(kind, units, rng)
        failures = 0 if unit else failures + 1
        if unit:
            units[unit] = None
        elif failures == _KINDS:
            raise PrefitError(
                "structures",
                f"the building blocks gave only {len(units)} different units: ask for fewer than {number}.",
            )
    return tuple(units)


def _new_unit(kind: str, existing: Mapping[str, None], rng: random.Random) -> str | None:
    # Redrawn within its kind, so that the kinds with few members keep their share as long as they can.
    for _ in range(_DRAWS):
        unit = _sanitised(_expand(kind, rng, []))
        if unit and unit not in existing:
            return unit
    return None


def _choose(rule: str, rng: random.Random) -> str:
    blocks = building_blocks()[rule]
    return rng.choices(blocks.options, cum_weights=blocks.cumulative)[0]


def _expand(template: str, rng: random.Random, rings: list[int]) -> str:
    """SMILES of a template with its rules drawn; `rings` holds the ring labels given so far."""
    labels: dict[str, str] = {}

    def token(match: re.Match[str]) -> str:
        bracket, rule, digit = match.groups()
        if bracket:
            return str(bracket)
        if rule:
            return _expand(_choose(rule, rng), rng, rings)
        if digit not in labels:
            rings.append(len(rings) + 10)
            labels[digit] = f"%{rings[-1]}"
        return labels[digit]

    return _TOKEN.sub(token, template)


def _sanitised(smiles: str) -> str | None:
    """Canonical SMILES, or None for a unit of another size than wanted."""
    from rdkit import Chem

    if smiles.count("%") > 2 * 30:  # more rings than the largest unit has room for, and than two digits can label
        return None
    unit = Chem.MolFromSmiles(smiles)
    if unit is None:
        raise PrefitError(
            "building_blocks.toml", f"the blocks joined to {smiles!r}, which is not a molecule: correct them."
        )
    lowest, highest = HEAVY_ATOMS
    if not lowest <= unit.GetNumAtoms() - 2 <= highest:
        return None
    return str(Chem.MolToSmiles(unit))
