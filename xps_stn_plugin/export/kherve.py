"""Peak libraries of KherveFitting, one file for each region.

The program loads the first core level of a file, so that each file starts with its own region; the others follow.
Peaks are named A to Z by their order, and a tie is a range about what the other peak has when the fit starts.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from xps_prefit_hooks import PrefitError

from .._util.marks import marked_json
from ..models.losses import VIBRATION_MEMBERS
from .peaks import FWHM_OF_SIGMA, Peak, Quantity, height_fraction, height_of, peaks_of
from .region_files import region_paths, regions_in_order, values_of, write_together

if TYPE_CHECKING:
    from ..core.result import PrefitData

SUFFIX: Final = ".kherve.json"

#: The program's names of a pseudo-Voigt and of a skewed Voigt whose first parameter is the area.
PSEUDO_VOIGT, SKEWED_VOIGT = "SGL (Area)", "Voigt (Area, L/G, \u03c3, S)"

#: The program's background for each of ours; its Tougaard takes our cross section with C' = -1.
_BACKGROUNDS: Final = {
    "offset": "Linear",
    "linear": "Linear",
    "shirley": "Shirley",
    "tougaard-u2": "U4-Tougaard",
    "tougaard-u3": "U4-Tougaard",
}

#: Peaks have letters.
_MOST_PEAKS: Final = 26

#: Widest range of a width in eV, and least upper end of an area's range, where the seed sets none.
_WIDTHS, _LARGE_AREA = (0.1, 10.0), 1e7


def library(result: PrefitData, first: str) -> dict[str, Any]:
    """Return the document of one file.

    Parameters
    ----------
    result : PrefitData
    first : str
        Region that the program is to load; the others follow.

    Raises
    ------
    PrefitError
        If a region has more peaks than there are letters, or a background that the program lacks.
    """
    regions = regions_in_order(result)
    shift = result.applied_shift
    return {
        "Core levels": {
            name: {"Fitting": {"Model": PSEUDO_VOIGT, "Peaks": _peaks(result, name)}}
            for name in (first, *(name for name in regions if name != first))
        },
        # The program adds its correction.
        "BEcorrection": round(-shift, 4) + 0.0,
        "BEcorrections": {"0": round(-shift, 4) + 0.0},
        # Read by people only.
        "Comment": f"xps-stn-plugin; {first}: {values_of(result, first)[1]}; {result.scale_text}",
    }


def write(result: PrefitData, path: Path) -> None:
    """Write one library for each region, C 1s (or the first) to `path` and the others beside it.

    Raises
    ------
    PrefitError
        If there is no seeded model, a region has more than 26 peaks, or a file cannot be written; then none is.
    """
    files = region_paths(path, regions_in_order(result), SUFFIX)
    texts = {
        file: marked_json(json.dumps(library(result, name), indent=2, allow_nan=False)) for name, file in files.items()
    }
    write_together(result, texts)


def constraint(quantity: Quantity, *, adds: bool, ends: tuple[float, float], digits: int) -> str:
    """Write a limit or a tie in the program's grammar.

    Parameters
    ----------
    quantity : Quantity
    adds : bool
        Whether it is tied by a difference (a position) and not by a ratio.
    ends : tuple of float
        Range where the quantity has no bounds.
    digits : int
        Decimals.

    Returns
    -------
    str
        ``Fixed``, ``low,high``, or ``A+1.6#0.2`` (``A-``, ``A*``): the value of peak A at the start of the fit plus
        (minus, times) 1.6, give or take 0.2.
    """
    if quantity.tie is not None:
        tie = quantity.tie
        low, high = (tie.low, tie.high) if tie.vary else (tie.by, tie.by)
        if not (math.isfinite(low) and math.isfinite(high)):
            low, high = (-ends[1], ends[1]) if adds else (0.0, 1e3)
        return chr(ord("A") + tie.peak) + _about(0.5 * (low + high), 0.5 * (high - low), adds, digits)
    if not quantity.vary:
        return "Fixed"
    low, high = max(quantity.low, ends[0]), min(quantity.high, ends[1])
    return f"{low:.{digits}f},{high:.{digits}f}"


#: Most units by which a range is widened; an end of 1e16 and more has an exponent however wide it is.
_MOST_UNITS = 20


def _about(middle: float, reach: float, adds: bool, digits: int) -> str:
    """``+1.6#0.2``; the program understands no exponents, not even in the ends that it computes from this."""
    sign = ("-" if middle < 0 else "+") if adds else "*"
    unit = 10.0**-digits
    value, least = round(abs(middle), digits), max(round(reach, digits), unit)
    for _ in range(_MOST_UNITS):
        if not any("e" in f"{end}" for end in (value - least, value + least)):
            break
        least = round(least + unit, digits)
    return f"{sign}{value:.{digits}f}#{least:.{digits}f}"


def _peaks(result: PrefitData, region: str) -> dict[str, dict[str, Any]]:
    seed = result.seeds[region]
    params, _ = values_of(result, region)
    for members in range(VIBRATION_MEMBERS, 0, -1):
        peaks = peaks_of(seed, params, members)
        if len(peaks) <= _MOST_PEAKS:
            break
    else:
        msg = f"region {region} has {len(peaks)} peaks; KherveFitting names them by letter, so 26 at most."
        raise PrefitError(result.source, msg)
    if seed.background not in _BACKGROUNDS:
        msg = f"region {region} has the background {seed.background!r}, which KherveFitting lacks; seed another."
        raise PrefitError(result.source, msg)
    energy = result.axis[region].to_dataset()["binding_energy"].values
    ends = float(energy[0]), float(energy[-1])
    background = {
        "Bkg Type": _BACKGROUNDS[seed.background],
        "Bkg Low": round(ends[0], 3),
        "Bkg High": round(ends[1], 3),
        "Bkg Offset Low": 0.0,
        "Bkg Offset High": 0.0,
    }
    most = max(_LARGE_AREA, 100.0 * sum(peak.area.value for peak in peaks))
    return {peak.name: {**_peak(peak, ends, most), **background} for peak in peaks}


def _peak(peak: Peak, ends: tuple[float, float], most: float) -> dict[str, Any]:
    """Cells and constraints of one peak."""
    constraints = {
        "Position": constraint(peak.center, adds=True, ends=ends, digits=3),
        "Height": "0,1e9",
        "Area": constraint(peak.area, adds=False, ends=(0.0, most), digits=4),
    }
    values: dict[str, Any] = {
        "Position": round(peak.center.value, 4),
        "Height": float(f"{height_of(peak):.6g}"),
        "FWHM": round(peak.fwhm.value, 4),
        "Area": float(f"{peak.area.value:.8g}"),
    }
    if peak.skew is None:
        # Its share is that of the height.
        share = _percent(peak.fraction, height_fraction)
        wide = {"Sigma": values["FWHM"], "Gamma": round(values["FWHM"] * share.value / 100.0, 4), "Skew": 0.0}
        return {
            **values,
            "L/G": round(share.value, 3),
            **wide,
            "Fitting Model": PSEUDO_VOIGT,
            "Constraints": {
                **constraints,
                "FWHM": constraint(peak.fwhm, adds=False, ends=_WIDTHS, digits=4),
                "L/G": constraint(share, adds=False, ends=(0.0, 100.0), digits=3),
                "Sigma": "0",
                "Gamma": "0",
                "Skew": "0",
            },
        }
    gaussian, lorentzian = FWHM_OF_SIGMA * peak.skew.sigma, 2.0 * peak.skew.gamma
    share_of_width = 100.0 * lorentzian / (gaussian + lorentzian)
    return {
        **values,
        "L/G": round(share_of_width, 3),
        "Sigma": round(gaussian, 4),
        "Gamma": round(lorentzian, 4),
        "Skew": round(peak.skew.skew, 4),
        "Fitting Model": SKEWED_VOIGT,
        "Constraints": {
            **constraints,
            "FWHM": "0.1,10",
            # Ties of a Voigt's widths go through cells in other units, so these are ranges.
            "L/G": f"{max(share_of_width - 10.0, 0.1):.3f},{min(share_of_width + 10.0, 99.9):.3f}",
            "Sigma": f"{0.7 * gaussian:.4f},{1.4 * gaussian:.4f}",
            "Gamma": "0,10",
            "Skew": "0.0,1.0" if peak.skew.skew >= 0 else "-1.0,0.0",
        },
    }


def _percent(quantity: Quantity, convert: Callable[[float], float]) -> Quantity:
    """Quantity between 0 and 1 in percent of something that rises with it; a tie to an equal one stays."""

    def percent(value: float) -> float:
        return 100.0 * convert(min(max(value, 0.0), 1.0))

    return Quantity(percent(quantity.value), percent(quantity.low), percent(quantity.high), quantity.vary, quantity.tie)
