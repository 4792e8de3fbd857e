"""Substances that a user can name: their functional groups and core-level lines.

Named substances need no RDKit: groups and lines of all of them are kept in ``data/substance_lines.csv`` and
``data/substance_groups.csv``, which ``python -m xps_stn_plugin.chemistry.substances`` makes from the rules of
`core_lines` and `functional_groups`.
"""

from __future__ import annotations

import csv
import io
import re
import tomllib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import astuple, dataclass, fields
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from xps_prefit_hooks import PrefitError

from .groups import functional_groups, group_names
from .lines import CoreLine, core_lines
from .polymers import Polymer, polymers

#: Abbreviation of the hydrocarbon that covers whatever was exposed to air.
ADVENTITIOUS: Final = "hydrocarbon"


@dataclass(frozen=True)
class Substance:
    """A substance that a sample may hold.

    Parameters
    ----------
    name : str
        ``poly(methyl methacrylate)``; the SMILES where it was given by one.
    abbreviation : str
        ``PMMA``; the SMILES where it was given by one.
    smiles : str
        Repeat unit with ``*`` at its two ends, or a molecule.
    groups : frozenset of str
        Its functional groups.
    lines : tuple of CoreLine
        Lines of one repeat unit, by core level and energy.
    mistakable : str
        What else the abbreviation is used for; empty where nothing.
    """

    name: str
    abbreviation: str
    smiles: str
    groups: frozenset[str]
    lines: tuple[CoreLine, ...]
    mistakable: str = ""

    @property
    def covers_others(self) -> bool:
        """Whether it is adventitious carbon, which tells nothing about lines of other elements below it."""
        return self.abbreviation == ADVENTITIOUS

    @property
    def label(self) -> str:
        """Name for sentences, such as ``poly(methyl methacrylate) (PMMA)``."""
        known = self.abbreviation.casefold() in (self.name.casefold(), self.smiles.casefold())
        return self.name if known else f"{self.name} ({self.abbreviation})"


def find_substance(text: str) -> Substance:
    """Substance by abbreviation, name or SMILES.

    Parameters
    ----------
    text : str
        In any case, with or without brackets, blanks and hyphens: ``PMMA``, ``poly(methyl methacrylate)``,
        ``polymethyl methacrylate``, ``Nylon 6``; otherwise a SMILES (which needs RDKit).

    Raises
    ------
    PrefitError
        If it is neither a known name nor a SMILES, or RDKit is missing for one, or no rule fits it.
    """
    known = _by_key().get(_key(text))
    if known is not None:
        return known
    if not _is_smiles(text):
        near = get_close_matches(_key(text), _by_key(), n=3, cutoff=0.6)
        labels = dict.fromkeys(_by_key()[key].label for key in near)
        hint = f"near are {', '.join(labels)}" if labels else "give an abbreviation such as PMMA, a name or a SMILES"
        raise PrefitError("expect", f"no substance {text!r} is known; {hint}.")
    # Lines first: they refuse repeat units without a chain.
    lines = core_lines(text)
    return Substance(text, text, text, functional_groups(text), lines)


@cache
def substances() -> tuple[Substance, ...]:
    """All substances that have a name here: the polymers of `polymers` and those of ``data/substances.toml``."""
    lines: dict[str, list[CoreLine]] = defaultdict(list)
    for row in csv.DictReader(_data("substance_lines.csv").splitlines()):
        owner = row.pop("substance")
        numbers = {name: float(row[name]) for name in ("energy", "atoms", "hydrogens")}
        lines[owner].append(CoreLine(**{**row, **numbers}))  # type: ignore[arg-type]
    groups = {
        row["substance"]: frozenset(filter(None, row["groups"].split("; ")))
        for row in csv.DictReader(_data("substance_groups.csv").splitlines())
    }
    mistakable = _table()["mistakable"]
    return tuple(
        Substance(
            one.name,
            one.abbreviation,
            one.smiles,
            groups[one.abbreviation],
            tuple(lines[one.abbreviation]),
            mistakable.get(one.abbreviation, ""),
        )
        for one in _named()
    )


def derived_tables() -> Mapping[str, str]:
    """Contents of the two derived data files by name, from the rules; needs RDKit."""
    lines, groups = io.StringIO(), io.StringIO()
    line_writer, group_writer = (csv.writer(text, lineterminator="\n") for text in (lines, groups))
    line_writer.writerow(["substance", *(field.name for field in fields(CoreLine))])
    group_writer.writerow(["substance", "groups"])
    order = group_names()
    for one in _named():
        for line in core_lines(one.smiles):
            cells = (f"{cell:g}" if isinstance(cell, float) else cell for cell in astuple(line))
            line_writer.writerow([one.abbreviation, *cells])
        group_writer.writerow([one.abbreviation, "; ".join(sorted(functional_groups(one.smiles), key=order.index))])
    return {"substance_lines.csv": lines.getvalue(), "substance_groups.csv": groups.getvalue()}


def _named() -> tuple[Polymer, ...]:
    return (*polymers(), *(Polymer(short, **row) for short, row in _table()["substances"].items()))


@cache
def _table() -> Mapping[str, Any]:
    return MappingProxyType(tomllib.loads(_data("substances.toml")))


def _data(name: str) -> str:
    return files(__package__).joinpath("data", name).read_text(encoding="utf-8")


@cache
def _by_key() -> Mapping[str, Substance]:
    """Substances by the keys of abbreviation, name and further names; abbreviations win."""
    names = _table()["names"]
    found: dict[str, Substance] = {}
    for one in substances():
        found.setdefault(_key(one.abbreviation), one)
    for one in substances():
        # "nylon 6 (N6)" is known as nylon 6, too.
        for text in (*names.get(one.abbreviation, ()), one.name, re.sub(r"\s*\([A-Z]+\d*\)$", "", one.name)):
            found.setdefault(_key(text), one)
    return MappingProxyType(found)


def _key(text: str) -> str:
    return re.sub(r"[\s()\[\]{},.'_-]", "", text.casefold())


def _is_smiles(text: str) -> bool:
    """Whether a text is meant as a SMILES: it has bonds or branches, or is a chain of atoms.

    Letters alone are mostly misspelt abbreviations, which RDKit would read as chains of odd atoms (``PSS``).
    """
    if " " in text.strip():
        return False
    if re.search(r"[*=#@\[\]/\\]", text):
        return True
    chain = re.fullmatch(r"[CNO](?:Cl|Br|[CNOFSPIcnos()\d])+", text) is not None
    return chain and len(re.findall(r"C(?!l)|c", text)) >= 2


def main(folder: Path = Path(__file__).parent / "data") -> None:
    """Write the derived data files."""
    from xps_stn_plugin._util.files import write_text

    for name, text in derived_tables().items():
        write_text(folder / name, text, overwrite=True)


if __name__ == "__main__":
    main()
