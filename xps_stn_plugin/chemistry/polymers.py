"""The polymers of the Beamson & Briggs library as repeat units."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True)
class Polymer:
    """One polymer, or a small molecule or salt that the library lists among them.

    Parameters
    ----------
    abbreviation, name : str
        ``PMMA``, ``poly(methyl methacrylate)``.
    smiles : str
        Repeat unit with ``*`` at its two ends; no ``*`` for an oligomer.
    """

    abbreviation: str
    name: str
    smiles: str


@cache
def polymers() -> tuple[Polymer, ...]:
    """Repeat units of the 111 polymers of Beamson & Briggs 1992 that NIST SRD 20 holds, sorted by name.

    The names are those of NIST SRD 20, its misspellings included; the repeat units are this project's own. Where a
    material has no fixed composition (chlorinated polymers, cellulose ethers, Viton, Fomblin, copolymers) the unit
    stands for a typical one.
    """
    text = files(__package__).joinpath("data", "polymers.csv").read_text(encoding="utf-8")
    return tuple(Polymer(**row) for row in csv.DictReader(text.splitlines()))
