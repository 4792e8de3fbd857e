"""Regions at different pass energies, and the transmission that a file gives.

At the same retarding ratio an analyser passes an energy window in proportion to its pass energy, so that a transmission
E_kin ** n at one pass energy is E_pass ** (1 - n) * E_kin ** n at another.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import xarray as xr

#: Pass energies that differ by less than this share are the same.
_SAME: Final = 0.01
#: Part of the name of a variable along the energies that holds the transmission: the label in the file.
_TRANSMISSION: Final = "transmission"


def given_transmission(dataset: xr.Dataset, energy: float) -> float | None:
    """Transmission that the file gives for a region, at a binding energy in eV; None where it gives none.

    Parameters
    ----------
    dataset : xarray.Dataset
        The region; a transmission is a variable over ``binding_energy`` with that word in its name.
    energy : float
        On the axis of the region.
    """
    for name, values in dataset.data_vars.items():
        if _TRANSMISSION in str(name).lower() and values.dims == ("binding_energy",):
            numbers = np.asarray(values.values, dtype=float)
            if np.isfinite(numbers).all() and (numbers > 0).all():
                return float(np.interp(energy, dataset["binding_energy"].values, numbers))
    return None


def differing(datasets: Sequence[xr.Dataset]) -> tuple[float, ...]:
    """Pass energies in eV of regions if they differ; empty where they are alike, or one of them is not known."""
    energies = tuple(float(dataset.attrs.get("pass_energy") or 0.0) for dataset in datasets)
    if not energies or min(energies) <= 0 or max(energies) <= (1 + _SAME) * min(energies):
        return ()
    return energies


def window_correction(pass_energy: float, transmission: float) -> float:
    """Divisor of an intensity for its pass energy in eV; `transmission` is the exponent of the kinetic energy."""
    return float(pass_energy ** (1.0 - transmission))
