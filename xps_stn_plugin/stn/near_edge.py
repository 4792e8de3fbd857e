"""Shifts near the end of the trained range, which are read again with the axis moved inwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .answers import Answers, combined
from .verdict import AT_EDGE

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
Rates = NDArray[np.float32]

#: Channels of the network's grid, and bins of its shift, by which the axis is moved: 2 eV.
STEPS: Final = 20

#: ``ask(rates, measured)``: answers about some spectra.
Ask = Callable[[Rates, BoolArray], Answers]


def read_inside(answers: Answers, rates: Rates, measured: BoolArray, step: float, ask: Ask) -> Answers:
    """Read spectra again whose shift lies near an end of the trained range, and take what lies within the range.

    The distribution over shifts is cut at the ends of the range. With the axis moved by 2 eV towards the middle it is
    whole, and shows whether the shift lies inside (then the second answer counts, moved back) or beyond (then the first
    one stays, and with it the rule that refuses it).

    Parameters
    ----------
    answers : Answers
        About n spectra.
    rates, measured : ndarray, shape (n, regions, points)
        Intensities on the network's grid, and where there are data.
    step : float
        Distance of channels in eV, which is that of the bins of the shift.
    ask : callable
        Asks the network.
    """
    rows = np.flatnonzero(answers.posterior.at_edge > AT_EDGE)
    if not rows.size:
        return answers
    high = answers.posterior.first[rows] > 0
    again = ask(_moved(rates[rows], high), _moved(measured[rows], high))
    move = np.where(high, STEPS, -STEPS) * step
    inside = (np.abs(again.shift + move) <= answers.posterior.limit + step) & (again.posterior.at_edge <= AT_EDGE)
    distribution = again.distribution
    if distribution is not None:
        distribution = np.stack(
            [np.roll(row, STEPS if is_high else -STEPS) for row, is_high in zip(distribution, high, strict=True)]
        )
    posterior = replace(
        again.posterior,
        at_edge=np.zeros(rows.size),
        first=again.posterior.first + move,
        second=again.posterior.second + move,
    )
    back = replace(again, shift=again.shift + move, posterior=posterior, distribution=distribution)

    def put(arrays: list[NDArray[Any]]) -> NDArray[Any]:
        whole = arrays[0].copy()
        whole[rows[inside]] = arrays[1][inside]
        return whole

    return combined([answers, back], put)


def _moved(values: NDArray[Any], high: BoolArray) -> NDArray[Any]:
    """Channels of spectra moved down in energy where `high`, else up; nothing was measured beyond the ends."""
    moved = np.zeros_like(values)
    moved[high, ..., :-STEPS] = values[high, ..., STEPS:]
    moved[~high, ..., STEPS:] = values[~high, ..., :-STEPS]
    return moved
