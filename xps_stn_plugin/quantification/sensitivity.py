"""Named sets of sensitivity factors, from ``quantification/data/sensitivity.toml``."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from xps_prefit_hooks import PrefitError
from xps_stn_plugin.core.element_lines import level_lines, subshells


@dataclass(frozen=True)
class SensitivityFactor:
    """Sensitivity factor of one core level.

    Parameters
    ----------
    whole : float
        For the area of the level, both lines of a spin-orbit doublet.
    line : float or None
        For the higher-j line alone (2p3/2, 3d5/2, 4f7/2); None for s levels and where the set does not give it.
    """

    whole: float
    line: float | None = None


@dataclass(frozen=True)
class SensitivitySet:
    """Sensitivity factors that belong together.

    Parameters
    ----------
    name, citation : str
        Name of the set; where its numbers come from.
    photon_energies : tuple of float
        Photon energies in eV that it is for.
    transmission : float
        Exponent of the kinetic energy in the transmission that the factors contain; 0 for none.
    escape_depth : bool
        Whether the factors contain the escape depth of the electrons.
    factors : mapping of str to SensitivityFactor
        By core level (``C1s``).
    """

    name: str
    citation: str
    photon_energies: tuple[float, ...]
    transmission: float
    escape_depth: bool
    factors: Mapping[str, SensitivityFactor]


@cache
def sensitivity_sets() -> Mapping[str, SensitivitySet]:
    """Return the sets of sensitivity factors by name; their citations stand in them."""
    text = files(__package__).joinpath("data", "sensitivity.toml").read_text(encoding="utf-8")
    return MappingProxyType({name: _set(name, row) for name, row in tomllib.loads(text).items()})


def sensitivity_set(name: str) -> SensitivitySet:
    """Set of sensitivity factors of this name.

    Raises
    ------
    PrefitError
        If there is none.
    """
    sets = sensitivity_sets()
    if name not in sets:
        raise PrefitError("sensitivity", f"there is no set of factors named {name!r}; there are: {', '.join(sets)}.")
    return sets[name]


def _set(name: str, row: dict[str, Any]) -> SensitivitySet:
    return SensitivitySet(
        name=name,
        citation=row["citation"],
        photon_energies=tuple(row["photon_energy"]),
        transmission=row["transmission"],
        escape_depth=row["escape_depth"],
        factors=MappingProxyType(
            {core: SensitivityFactor(*values) for core, values in row["factors"].items()}
            if "factors" in row
            else _cross_sections(row["photon_energy"][0])
        ),
    )


def _cross_sections(photon_energy: float) -> dict[str, SensitivityFactor]:
    """Scofield's cross sections of all levels that the photon energy (eV) reaches, C 1s = 1."""
    factors = {}
    for element, of_element in subshells().items():
        for subshell in of_element:
            level = element + subshell
            lines = [line.scofield.get(photon_energy) for line in level_lines(level)]
            cross_sections = [value for value in lines if value is not None]
            if len(cross_sections) == len(lines):
                factors[level] = SensitivityFactor(
                    round(sum(cross_sections), 5), cross_sections[0] if len(cross_sections) == 2 else None
                )
    return factors
