"""Choice of a region's background."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from xps_prefit_hooks import Background

from .region import RegionData


class Kind(NamedTuple):
    """A background, and whether it has a slope beside what the lines carry."""

    background: Background
    sloping: bool


#: Parameter of a line for the strength of the background that it carries, by kind.
CARRIED: Final[Mapping[str, str]] = MappingProxyType({"shirley": "step", "tougaard-u2": "loss", "tougaard-u3": "loss"})

_AUTO: Final = (Kind("shirley", True), Kind("shirley", False), Kind("linear", True))


def kinds(wanted: Background) -> tuple[Kind, ...]:
    """Backgrounds to try, the one with most freedom first.

    Parameters
    ----------
    wanted : str
        ``auto`` leaves the choice between a straight line and a Shirley step on a constant or sloping base.
    """
    if wanted == "auto":
        return _AUTO
    if wanted in ("offset", "linear"):
        return (Kind(wanted, wanted == "linear"),)
    return (Kind(wanted, True), Kind(wanted, False))


def shows_step(data: RegionData) -> bool:
    """Whether the high-binding-energy end is higher: by four standard errors and 1 % of the peak height."""
    return data.step > 4 * data.end_error and data.step > 0.01 * data.height


def reason(wanted: Background, kind: Kind) -> str:
    """Sentence that says why the region has its background.

    Parameters
    ----------
    wanted : str
        What was asked for.
    kind : Kind
        What was chosen.
    """
    name = kind.background.capitalize()
    base = " on a slope" if kind.sloping and kind.background not in ("offset", "linear") else ""
    if wanted != "auto":
        return f"{name} background{base}, as asked."
    if kind.background == "linear":
        return "Linear background: the data show no step at the peaks."
    return f"{name} background{base}: the data show a step at the peaks."
