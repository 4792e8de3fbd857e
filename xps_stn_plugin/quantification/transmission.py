"""Corrections for escape depth and transmission, as powers of the kinetic energy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ..core.element_lines import AL_K_ALPHA
from .sensitivity import SensitivitySet

#: Exponent of the kinetic energy in the inelastic mean free path of organic materials between 200 and 1500 eV: 0.5 in
#: Seah & Dench (Surf. Interface Anal. 1 (1979) 2), 0.7-0.8 in the TPP-2M equation of Tanuma, Powell and Penn
#: (Surf. Interface Anal. 21 (1994) 165).
ESCAPE_DEPTH_EXPONENT: Final = 0.75

#: Kinetic energy in eV at which the correction is 1; it cancels in percentages.
_UNIT: Final = 1000.0

#: Photon energies in eV that differ by less belong to the same source.
_SAME_SOURCE: Final = 5.0


def photon_energy(attrs: Mapping[str, Any], user_energy: float | None = None) -> tuple[float, bool]:
    """Photon energy of a region in eV, and whether it is known rather than taken to be Al K-alpha.

    Parameters
    ----------
    attrs : mapping
        Attributes of the region, where readers put ``photon_energy``.
    user_energy : float, optional
        What the user said, in eV; overrides the file.
    """
    value = user_energy if user_energy is not None else attrs.get("photon_energy")
    return (AL_K_ALPHA, False) if value is None else (float(value), True)


def is_for(factors: SensitivitySet, energy: float) -> bool:
    """Whether a set of factors is for a photon energy in eV."""
    return any(abs(energy - source_energy) < _SAME_SOURCE for source_energy in factors.photon_energies)


def transmission_correction(
    kinetic_energy: float, transmission: float, escape_depth: float, factors: SensitivitySet
) -> float:
    """Divisor of an intensity beyond its sensitivity factor: ``(E / 1 keV) ** exponent``.

    Parameters
    ----------
    kinetic_energy : float
        Photon energy minus binding energy in eV; the work function is left out, it moves the ratio of two lines by
        less than a thousandth.
    transmission : float
        Exponent of the kinetic energy in the transmission of the analyser for these intensities.
    escape_depth : float
        Exponent of the kinetic energy in the inelastic mean free path; 0 for none.
    factors : SensitivitySet
        What the factors contain already is not corrected twice.
    """
    exponent = transmission - factors.transmission + (0.0 if factors.escape_depth else escape_depth)
    return float((kinetic_energy / _UNIT) ** exponent)
