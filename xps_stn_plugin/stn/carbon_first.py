"""Carbon first: where the other regions leave the scale open and C 1s alone does not, C 1s decides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from xps_prefit_hooks import Prediction

from .stack_prediction import StackPrediction
from .verdict import CARBON, STATUSES, UNCERTAIN_STDERR, Reason, sentences

#: Said of a spectrum of which C 1s alone gives the shift.
CARBON_DECIDES: Final = (
    "C 1s alone gives the shift, because the other regions leave it open: the sample is not organic, or not only."
)

_OK: Final = STATUSES.index("ok")

#: ``ask(rows, carbon_alone, shift)``: prediction of some spectra, of C 1s alone, or of all regions at a shift in eV.
Ask = Callable[[NDArray[np.intp], bool, NDArray[np.float64] | None], StackPrediction]


def carbon_first(prediction: StackPrediction, ask: Ask) -> StackPrediction:
    """Let C 1s decide where the only doubt is the standard error of the shift, and C 1s alone is "ok" with a small one.

    Other doubts stay: lines that look doubled, or several shifts that fit, come from uneven charging as well, which
    C 1s alone cannot tell (2 of 30 samples with two domains 1 eV apart would be "ok" and off). Of 498 inorganic samples
    under adventitious carbon (``benchmarks.materials``, prefit-2.1) 2.6 % become "ok", all within 0.13 eV. That C 1s
    and the whole are both "ok" and 0.3 eV apart did not occur.

    Parameters
    ----------
    prediction : StackPrediction
        From all regions.
    ask : callable
        Asks the network again.
    """
    doubts = prediction.verdict.reasons & np.uint32(Reason.outside() | Reason.doubts())
    rows = np.flatnonzero(doubts == int(Reason.STANDARD_ERROR))
    if not rows.size or CARBON not in prediction.regions or len(prediction.regions) < 2:
        return prediction
    alone = ask(rows, True, None)
    sure = np.flatnonzero((alone.verdict.status == _OK) & (alone.shift_stderr <= UNCERTAIN_STDERR))
    if not sure.size:
        return prediction
    whole = ask(rows[sure], False, alone.shift[sure])
    reasons = prediction.verdict.reasons.copy()
    told: dict[int, Prediction] = {}
    for place, (row, number) in enumerate(zip(rows[sure].tolist(), sure.tolist(), strict=True)):
        bits = int(reasons[row]) & ~int(Reason.STANDARD_ERROR)
        reasons[row] = bits | int(Reason.CARBON_FIRST)
        told[row] = replace(
            whole.prediction(place),
            shift=float(alone.shift[number]),
            shift_stderr=float(alone.shift_stderr[number]),
            status="ok",
            reasons=(CARBON_DECIDES, *sentences(whole.evidence, bits, place), *prediction.notes),
        )
    return prediction.replaced(told, reasons)
