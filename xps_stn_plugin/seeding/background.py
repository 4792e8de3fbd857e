"""Choice of a region's background."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from xps_prefit_hooks import Background

from .region import RegionData


class Kind(NamedTuple):
    """A background, and whether it has a slope beside what the lines carry."""

    background: Background
    sloping: bool


#: Parameter of a line for the strength of the background that it carries, by kind; None where lines carry none.
CARRIED: Final[Mapping[str, str | None]] = MappingProxyType(
    {"offset": None, "linear": None, "shirley": "step", "tougaard-u2": "loss", "tougaard-u3": "loss"}
)


def kinds(wanted: Background, data: RegionData) -> tuple[Kind, ...]:
    """Backgrounds to try, the one with most freedom first.

    Parameters
    ----------
    wanted : str
        ``auto`` leaves the choice between a straight line and a Shirley step on a constant or sloping base.
    data : RegionData
        Where there are too few points before the line to show a slope, only a constant base carries a step.
    """
    if wanted in ("offset", "linear"):
        return (Kind(wanted, wanted == "linear"),)
    carried: Background = "shirley" if wanted == "auto" else wanted
    sloping = (Kind(carried, True),) if math.isfinite(data.slope_error) else ()
    straight = (Kind("linear", True),) if wanted == "auto" else ()
    return (*sloping, Kind(carried, False), *straight)


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
        return f"{name} background{base}, as requested."
    if kind.background == "linear":
        return "Linear background: the data show no step at the peaks."
    return f"{name} background{base}: the data show a step at the peaks."
