"""Functional groups that other groups explain or exclude: shared lines, and aromatic groups without a ring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .group_support import GROUP_FOUND

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

#: Groups that nothing but areas and the last tenths of an eV tell from another, for their lines lie within 0.5 eV of
#: its lines (acid and anhydride beside an ester, alkane beside a ring and the reverse). Other pairs with common lines
#: (alcohol and ether, alkene and alkane) are as often right as wrong where they are not sure.
SURER: Final[Mapping[str, str]] = MappingProxyType(
    {
        "carboxylic acid": "ester (aliphatic)",
        "anhydride": "ester (aliphatic)",
        "benzene ring": "alkane",
        "alkane": "benzene ring",
    }
)
#: Probability that such a group needs to be found: four to one. Drawn polymers and oxides (``benchmarks.traps``, seed
#: 101, 520 spectra) then have 0.8 % of answers that are "ok" and wrong instead of 4 %; of 1000 mixtures of measured
#: polymers 59 % are exact instead of 58 %.
NEEDED: Final = 0.8
#: Probability that it has at most where it is less sure.
OVERLAP_MOST: Final = 0.45

#: Groups that are an aromatic ring, or contain one by definition (``chemistry/data/groups.toml``), and how the names of
#: those end that are bonded to one.
RINGS: Final = frozenset({"benzene ring", "naphthalene", "chlorobenzene", "bromobenzene", "phenoxy", "pyridine"})
ON_RING: Final = "(aromatic)"


def without_overlap(groups: Sequence[str], probabilities: FloatArray) -> tuple[FloatArray, BoolArray]:
    """Take back groups that are not sure where a surer group explains their lines.

    Parameters
    ----------
    groups : sequence of str
        Columns of `probabilities`.
    probabilities : ndarray, shape (n, groups)

    Returns
    -------
    ndarray, shape (n, groups)
        The probabilities that remain.
    ndarray of bool, shape (n, groups)
        Which were taken back.
    """
    overlapped = np.zeros(probabilities.shape, dtype=bool)
    for name, surer in SURER.items():
        if name in groups and surer in groups:
            probability, other = probabilities[:, groups.index(name)], probabilities[:, groups.index(surer)]
            doubtful = (probability > GROUP_FOUND) & (probability < NEEDED)
            overlapped[:, groups.index(name)] = doubtful & (other > probability)
    return np.where(overlapped, np.minimum(probabilities, OVERLAP_MOST), probabilities), overlapped


def without_ring(groups: Sequence[str], probabilities: FloatArray) -> tuple[FloatArray, BoolArray]:
    """Take back groups that are bonded to an aromatic ring where no ring was found; arrays as in `without_overlap`."""
    rings = np.array([name in RINGS for name in groups], dtype=bool)
    on_ring = np.array([name.endswith(ON_RING) for name in groups], dtype=bool)
    surest = np.max(probabilities, axis=1, where=rings, initial=0.0)[:, None]
    ringless = on_ring & (probabilities > GROUP_FOUND) & (surest <= GROUP_FOUND)
    return np.where(ringless, np.minimum(probabilities, surest), probabilities), ringless


def overlap_sentence(groups: Sequence[str], overlapped: BoolArray) -> str:
    """Say which groups of one spectrum were taken back; `overlapped` has the shape (groups,)."""
    names = _chosen(groups, overlapped)
    surer = dict.fromkeys(SURER[name] for name in names)
    return (
        f"{', '.join(names)}: the lines coincide with those of a surer group ({', '.join(surer)}), and the probability "
        f"is below {NEEDED:.2f}, so it is not counted as found."
    )


def ring_sentence(groups: Sequence[str], ringless: BoolArray) -> str:
    """Say which groups of one spectrum lack their ring; `ringless` has the shape (groups,)."""
    return f"No aromatic ring was found, so {', '.join(_chosen(groups, ringless))} cannot be counted as found either."


def _chosen(groups: Sequence[str], chosen: BoolArray) -> list[str]:
    return [name for name, is_chosen in zip(groups, chosen.tolist(), strict=True) if is_chosen]
