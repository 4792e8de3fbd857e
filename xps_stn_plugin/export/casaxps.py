"""Table of components in CasaXPS's terms. Nothing here has been tried in CasaXPS.

Shapes are CasaXPS's names for formulas: ``SGL(p)`` is the sum of a Gaussian and a Lorentzian of one width, whose
*heights* are as 100 - p to p; ``LA(a,b,0)`` is a Lorentzian to the power of a on the side of higher binding energy and
of b on the other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from .._util.files import plain_cell, write_text
from .._util.marks import MARK
from ..core.charge_references import named_reference
from ..quantification.sensitivity import sensitivity_set
from .make_report import report_of
from .peaks import Peak, Quantity, height_fraction, peaks_of
from .region_files import regions_in_order, values_of
from .report import Value

if TYPE_CHECKING:
    from ..core.result import PrefitData

#: Columns of the table; energies in eV on the calibrated binding energy axis, areas in intensity times eV.
COLUMNS: Final = (
    "Region",
    "Component",
    "Name",
    "R.S.F.",
    "Line Shape",
    "Area",
    "Area Constr.",
    "FWHM",
    "FWHM Constr.",
    "Position",
    "Pos. Constr.",
    "% Conc.",
    "Values",
)

_NAMES: Final = frozenset({"Region", "Name"})


def table(result: PrefitData) -> list[dict[str, str]]:
    """Rows by column, one for each peak; components are lettered anew in each region.

    A tie that a fit may change, which CasaXPS does not have, becomes a range.
    """
    rows = []
    report = report_of(result)
    factors = sensitivity_set(result.settings.sensitivity).factors
    for region in regions_in_order(result):
        params, values = values_of(result, region)
        peaks = peaks_of(result.seeds[region], params)
        factor = factors.get(str(result.spectrum[region].attrs["region"]))
        amounts = {component.name: component.atomic_percent for component in report.regions[region].components}
        whole: dict[str, float] = {}
        for peak in peaks:
            whole[peak.component] = whole.get(peak.component, 0.0) + peak.area.value
        for number, peak in enumerate(peaks):
            shape, width, center = _shape(peak)
            cells = (
                region,
                _letter(number),
                peak.name,
                f"{factor.whole:g}" if factor else "",
                shape,
                f"{peak.area.value:.6g}",
                _constraint(peak.area, [other.area for other in peaks], "*"),
                f"{width:.4f}",
                _constraint(peak.fwhm, [other.fwhm for other in peaks], "*"),
                f"{center:.4f}",
                _constraint(peak.center, [other.center for other in peaks], "+"),
                _concentration(amounts.get(peak.component), peak, whole),
                values,
            )
            rows.append(dict(zip(COLUMNS, cells, strict=True)))
    return rows


def calibration(result: PrefitData) -> str:
    """Return CasaXPS's calibration: measured and assigned position of the reference line."""
    if result.moved is None:
        return f"Calib: none, {result.shift_text}; positions are as measured"
    named = named_reference(result.settings.calibrate_on)
    reference = result.settings.reference if named is None or named.energy is None else named.energy
    return f"Calib M = {reference + result.shift:.4f} A = {reference:.4f} BE ADD"


def write(result: PrefitData, path: Path) -> None:
    """Write the calibration and the table, separated by tabs.

    Raises
    ------
    PrefitError
        If there is no seeded model, or the file cannot be written.
    """
    head = (
        f"# Components in the terms of CasaXPS, untested in CasaXPS; {MARK}",
        f"# {_plain(result.source)}; binding energies in eV; {result.scale_text}",
        calibration(result),
    )
    # Names alone may be anything; the others are numbers and what CasaXPS understands.
    rows = [
        "\t".join(plain_cell(_plain(row[name])) if name in _NAMES else _plain(row[name]) for name in COLUMNS)
        for row in table(result)
    ]
    write_text(path, "\n".join((*head, "\t".join(COLUMNS), *rows, "")))


def _letter(number: int) -> str:
    """Letter of a component: A to Z, then AA, AB, and so on."""
    return (chr(ord("A") + number // 26 - 1) if number >= 26 else "") + chr(ord("A") + number % 26)


def _plain(text: str) -> str:
    return " ".join(text.split())


def _constraint(quantity: Quantity, others: Sequence[Quantity], sign: str) -> str:
    """``low , high``, ``A * 0.5``, ``A + 1.6``, ``Fixed``; empty for no limits."""
    tie = quantity.tie
    if tie is not None and not tie.vary:
        if sign == "+" and tie.by < 0:
            return f"{_letter(tie.peak)} - {-tie.by:.4g}"
        return f"{_letter(tie.peak)} {sign} {tie.by:.4g}"
    if tie is not None:
        other = others[tie.peak].value
        ends = [other + end if sign == "+" else other * end for end in (tie.low, tie.high)]
    elif quantity.vary:
        ends = [quantity.low, quantity.high]
    else:
        return "Fixed"
    if not any(math.isfinite(end) for end in ends):
        return ""
    return " , ".join(f"{end:.7g}" if math.isfinite(end) else "" for end in ends).strip()


def _shape(peak: Peak) -> tuple[str, float, float]:
    """Name of the shape, full width at half maximum and position in eV."""
    if peak.skew is None:
        return f"SGL({100.0 * height_fraction(peak.fraction.value):.0f})", peak.fwhm.value, peak.center.value
    high, low, width, center = _asymmetric_lorentzian(peak)
    return f"LA({high:.2f},{low:.2f},0)", width, center


def _asymmetric_lorentzian(peak: Peak) -> tuple[float, float, float, float]:
    """Exponents at higher and lower binding energy, full width and position of the nearest asymmetric Lorentzian."""
    from scipy.optimize import least_squares

    width = peak.fwhm.value
    x = peak.center.value + np.arange(-6.0, 14.0, 0.05)
    line = peak.curve(x) / peak.area.value if peak.area.value > 0 else np.zeros_like(x)

    def difference(free: Sequence[float]) -> np.ndarray:
        height, high, low, base, offset = free
        away = x - peak.center.value - offset
        square = 1.0 + 4.0 * (away / base) ** 2
        return np.asarray(height * square ** -np.where(away > 0, high, low) - line, dtype=float)

    bounds = ([0.0, 0.2, 0.2, 0.05, -2.0], [10.0, 50.0, 50.0, 20.0, 2.0])
    optimum = least_squares(difference, [0.8 / width, 1.4, 2.0, 1.3 * width, 0.0], bounds=bounds).x.tolist()
    _, high, low, base, offset = optimum
    whole = 0.5 * base * sum(math.sqrt(2.0 ** (1.0 / power) - 1.0) for power in (high, low))
    return high, low, whole, peak.center.value + offset


def _concentration(share: Value | None, peak: Peak, whole: dict[str, float]) -> str:
    """Atomic percent of the component, shared among its peaks by area."""
    area = whole[peak.component]
    if share is None or share.value is None or not area:
        return ""
    return f"{share.value * peak.area.value / area:.2f}"
