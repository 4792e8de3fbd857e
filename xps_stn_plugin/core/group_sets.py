"""What probabilities of single groups say together: parents of groups that are hard to tell apart, and likely sets."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final

#: Number of sets that are named.
MOST_SETS: Final = 3


@dataclass(frozen=True)
class GroupSet:
    """A set of functional groups that a sample may have, and no others.

    Parameters
    ----------
    groups : tuple of str
        The most probable first.
    probability : float
        That these groups are present and all others absent.
    """

    groups: tuple[str, ...]
    probability: float


@cache
def parents() -> Mapping[str, tuple[str, ...]]:
    """Members of each parent; ``core/data/parent_groups.toml`` says why they belong together."""
    text = files(__package__).joinpath("data", "parent_groups.toml").read_text(encoding="utf-8")
    return MappingProxyType({name: tuple(members) for name, members in tomllib.loads(text).items()})


def parent_groups(probabilities: Mapping[str, float]) -> dict[str, float]:
    """Probability of each parent, that at least one of its members is present.

    Parameters
    ----------
    probabilities : mapping of str to float
        Of single groups; NaN where nothing is known.

    Returns
    -------
    dict of str to float
        Of the parents that have a member in `probabilities`; NaN where no member has a number.

    Notes
    -----
    Members count as independent. On 3072 simulated spectra of organic samples the log loss was 0.33 (alcohol, ether,
    epoxide) and 0.26 (acid, ester, anhydride) so; with the sum of the members, at most 1, it was 0.39 and 0.26, with
    the largest of them 0.39 and 0.29.
    """
    result = {}
    for parent, members in parents().items():
        if known := [probabilities[name] for name in members if name in probabilities]:
            finite = [value for value in known if math.isfinite(value)]
            result[parent] = 1.0 - math.prod(1.0 - value for value in finite) if finite else math.nan
    return result


def group_sets(probabilities: Mapping[str, float], most: int = MOST_SETS) -> tuple[GroupSet, ...]:
    """Rank sets of groups by their probability, the most probable first.

    Groups count as independent. The first set holds the groups above 0.5; the next ones differ from it in the groups
    whose probabilities are closest to 0.5.

    Parameters
    ----------
    probabilities : mapping of str to float
        Of single groups; those that are NaN are in no set.
    most : int
        At most so many sets, and no more than three.
    """
    known = {name: value for name, value in probabilities.items() if math.isfinite(value)}
    if not known:
        return ()
    present = {name for name, value in known.items() if value > 0.5}
    closest = sorted(known, key=lambda name: (abs(known[name] - 0.5), name))
    # Turning one of the two closest is always more probable than turning both.
    sets = [present, *(present ^ {name} for name in closest[: MOST_SETS - 1])]
    return tuple(_group_set(chosen, known) for chosen in sets[:most])


def _group_set(chosen: set[str], known: Mapping[str, float]) -> GroupSet:
    probability = math.prod(value if name in chosen else 1.0 - value for name, value in known.items())
    return GroupSet(tuple(sorted(chosen, key=lambda name: (-known[name], name))), probability)
