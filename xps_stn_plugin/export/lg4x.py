"""Presets of LG4X-V2 (2.4), one file for each region, with the measured data that they belong to beside them.

A preset is the text of a list: general settings, table of backgrounds, table of peaks, table of limits, names. The
tables are those on LG4X-V2's screen, row by row; in them 2 stands for a ticked box. LG4X-V2 shows and uses three
decimals of everything but the background.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from .._util.marks import MARK
from ..core.element_lines import AL_K_ALPHA
from ..fitting import curves
from ..models.backgrounds import TOUGAARD, cross_section
from .peaks import Peak, Quantity, peaks_of
from .region_files import region_paths, regions_in_order, values_of, write_together

if TYPE_CHECKING:
    import lmfit

    from xps_prefit_hooks import Seed

    from ..core.result import PrefitData

FloatArray = NDArray[np.float64]

SUFFIX: Final = ".lg4x.dat"

#: Numbers of LG4X-V2's models and backgrounds.
PSEUDO_VOIGT, SKEWED_VOIGT = 3, 6
POLYNOMIAL, ACTIVE_SHIRLEY, ACTIVE_TOUGAARD = 2, 100, 101

#: The program's default for each row of a peak: what a model does not use has to be filled, too.
_ROWS: Final[tuple[tuple[Any, float], ...]] = (
    ("", 0),  # model
    (2, 285.0),  # center
    (2, 0.0),  # amplitude
    (2, 0.2),  # lorentzian (sigma or gamma)
    (2, 0.2),  # gaussian (sigma)
    (2, 0.02),  # asymmetry (gamma)
    (2, 0.0),  # fraction
    (2, 0.0),  # skew
    (2, 0.0),  # q
    (2, 0.026),  # kt
    (2, 1.0),  # soc
    (2, 0.7),  # height ratio
    (2, 1.0),  # Coster-Kronig factor
    *((("", 0), (2, 0.1)) + (("", 0), (2, 0.5)) + (("", 0), (2, 1.0)) * 5),  # other peak, difference or ratio: 7 times
)
_LIMITS: Final = 19

#: Row of a quantity, of the peak that it is tied to, of its limits, and of the limits of difference or ratio.
_CENTER, _AMPLITUDE, _LORENTZIAN, _GAUSSIAN = (1, 13, 0, 12), (2, 15, 1, 13), (3, 17, 2, 14), (4, 19, 3, 15)
_FRACTION, _SKEW = (6, 0, 5, 0), (7, 0, 6, 0)

#: Work function in eV where the file does not tell; with the photon energy it only places LG4X-V2's element markers.
_WORK_FUNCTION = 4.0


def preset(result: PrefitData, region: str) -> list[Any]:
    """Return the preset of one region as plain values.

    Parameters
    ----------
    result : PrefitData
    region : str
        One of ``result.seeds``; fitted values where ``result.fits`` has it.
    """
    seed = result.seeds[region]
    params, _ = values_of(result, region)
    data = result.axis[region].to_dataset()
    x, y = (np.asarray(data[name].values, dtype=float)[::-1] for name in ("binding_energy", "counts"))
    kinds, backgrounds = _backgrounds(seed, params, x, y)
    settings = [
        kinds,
        float(x[0]),
        float(x[-1]),
        float(data.attrs.get("photon_energy") or AL_K_ALPHA),
        float(data.attrs.get("work_function") or _WORK_FUNCTION),
        float(result.applied_shift),
    ]
    peaks = peaks_of(seed, params)
    columns = [_column(peak, peaks) for peak in peaks]
    table = [[cell for rows, _ in columns for cell in rows[row]] for row in range(len(_ROWS))]
    limits = [[cell for _, rows in columns for cell in rows[row]] for row in range(_LIMITS)]
    # The program takes what follows "C_" in a name for a number.
    return [settings, backgrounds, table, limits, ["", *(peak.name.replace("_", "-") for peak in peaks)]]


def write(result: PrefitData, path: Path) -> None:
    """Write one preset for each region, C 1s (or the first) to `path` and the others beside it.

    ``pet.lg4x.dat`` comes with ``pet_O1s.lg4x.dat`` and so on, each with a ``.csv`` of the measured region on the
    measured axis, from high to low binding energy: LG4X-V2's Shirley background needs this order.

    Raises
    ------
    PrefitError
        If there is no seeded model, or a file cannot be written; then none is.
    """
    texts: dict[Path, str] = {}
    for region, file in region_paths(path, regions_in_order(result), SUFFIX).items():
        # The program reads the text in the encoding of its machine, and allows for comments.
        _, values = values_of(result, region)
        data = _data(result, region)
        # The data are for the program alone and have no room for a mark: the preset has their digest.
        digest = hashlib.sha256(data.encode()).hexdigest()
        texts[file] = f"{preset(result, region)!a}\n# {values}; {result.scale_text}; data sha256:{digest}; {MARK}\n"
        texts[file.with_suffix(".csv")] = data
    write_together(result, texts)


def _data(result: PrefitData, region: str) -> str:
    data = result.spectrum[region].to_dataset()
    pairs = zip(data["binding_energy"].values[::-1].tolist(), data["counts"].values[::-1].tolist(), strict=True)
    return "".join(("binding_energy_eV,intensity\n", *(f"{energy:.8g},{counts:.10g}\n" for energy, counts in pairs)))


def _column(peak: Peak, peaks: list[Peak]) -> tuple[list[list[Any]], list[list[Any]]]:
    """Two cells of each row for one peak, and three of each row of limits."""
    rows: list[list[Any]] = [list(row) for row in _ROWS]
    limits: list[list[Any]] = [[0, "", ""] for _ in range(_LIMITS)]

    def put(places: tuple[int, int, int, int], quantity: Quantity, value: float | None = None) -> None:
        number, other, limit, tied_limit = places
        rows[number] = [0 if quantity.vary else 2, float(quantity.value if value is None else value)]
        tie = quantity.tie
        if tie is None:
            if quantity.vary:
                limits[limit] = _limits(quantity.low, quantity.high)
        elif other:
            rows[other] = ["", tie.peak + 1]
            rows[other + 1] = [0 if tie.vary else 2, float(tie.by)]
            # A tied value must not be fixed: the program would still tie it.
            rows[number][0] = 0
            if tie.vary:
                limits[tied_limit] = _limits(tie.low, tie.high)

    put(_CENTER, peak.center)
    put(_AMPLITUDE, peak.area)
    if peak.skew is None:
        rows[0][1] = PSEUDO_VOIGT
        put(_LORENTZIAN, peak.fwhm.scaled(0.5))
        # Shares cannot be tied. Where lines have one in common, all are fixed: the fit would pull the free one away.
        number = peaks.index(peak)
        shared = any(other.fraction.tie is not None and other.fraction.tie.peak == number for other in peaks)
        put(_FRACTION, replace(peak.fraction, vary=peak.fraction.vary and not shared))
    else:
        rows[0][1] = SKEWED_VOIGT
        for places, value in ((_GAUSSIAN, peak.skew.sigma), (_LORENTZIAN, peak.skew.gamma)):
            put(places, peak.fwhm.scaled(value / peak.fwhm.value) if peak.fwhm.value else peak.fwhm, value)
        put(_SKEW, Quantity(peak.skew.skew, -1.0, 1.0, vary=peak.fwhm.vary))
    return rows, limits


def _limits(low: float, high: float) -> list[Any]:
    """Cells of one row of limits; none for a bound of 0 alone, which the program sets itself."""
    if not math.isfinite(high) and not (math.isfinite(low) and low):
        return [0, "", ""]
    return [2, *(float(end) if math.isfinite(end) else "" for end in (low, high))]


def _backgrounds(seed: Seed, params: lmfit.Parameters, x: FloatArray, y: FloatArray) -> tuple[list[int], list[Any]]:
    """Which of the program's backgrounds to add up, and their table.

    Its active Shirley background is ``const + k * sum of the measured intensities at lower energies``, and its active
    Tougaard background scatters the measured intensities; ours scatter the lines. So k (or B) and the parabola under it
    are those that come nearest to our background: the parabola undoes what the measured background adds to the sum. It
    is fixed, but for its slope where ours is free.
    """
    wanted = curves(seed, params, x)["background"]
    slope = params.get(f"{seed.background_prefix}slope")
    scattering = TOUGAARD.get(seed.background)
    middle = float(x.mean())
    away = x - middle
    columns = [np.ones_like(x)]
    if scattering is not None:
        columns += [away, away**2, _scattered(x, y, scattering["loss_c"], scattering["loss_d"])]
    elif seed.background == "shirley":
        columns += [away, away**2, np.cumsum(y[::-1])[::-1]]
    elif slope is not None and (slope.vary or slope.value):
        columns.append(away)
    parts = np.stack(columns, axis=1)
    scales = np.maximum(np.abs(parts).max(axis=0), np.finfo(float).tiny)
    coefficients = (np.linalg.lstsq(parts / scales, wanted, rcond=None)[0] / scales).tolist()
    level, tilt, bend, strength = coefficients + [0.0] * (4 - len(coefficients))
    constant = level - tilt * middle + bend * middle**2
    tilt -= 2.0 * bend * middle

    carried = [name for name, p in params.items() if name.endswith(("_step", "_loss")) and p.vary and not p.expr]
    fixed = 0 if carried else 2
    shirley = seed.background == "shirley"
    kinds = [
        *([POLYNOMIAL] if len(columns) > 1 else []),
        # With k fixed at 0 it is a constant; the polynomial's own is not let above the last points.
        ACTIVE_SHIRLEY,
        *([ACTIVE_TOUGAARD] if scattering else []),
    ]
    # Our cross section is theirs with C* = -1.
    tougaard = (
        [fixed, float(strength), "", scattering["loss_c"], "", -1.0, "", scattering["loss_d"], "", 0.0]
        if scattering
        else [2, 2866.0, "", 1643.0, "", 1.0, "", 1.0, "", 50.0]
    )
    table = [
        ["", 1e-06, "", 10.0, fixed if shirley else 2, strength if shirley else 0.0, 0, constant, "", ""],
        tougaard,
        [2, 0.0, 0 if slope is not None and slope.vary else 2, tilt, 2, bend, 2, 0.0, 2, 0.0],
        [2, 0.0, *[""] * 8],
        *([0, ""] * 5 for _ in range(3)),
    ]
    return kinds, table


def _scattered(x: FloatArray, y: FloatArray, loss_c: float, loss_d: float) -> FloatArray:
    """Measured intensities, scattered as lmfitxps does for B = 1; `x` descending."""
    step = abs(float(x[-1] - x[0])) / x.size
    losses = np.maximum(x[:, None] - x[None, :], 0.0)
    return np.asarray(cross_section(losses, 1.0, loss_c, loss_d) @ y * step, dtype=float)
