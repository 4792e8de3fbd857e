"""Whether a shift can be trusted, and why not, in plain sentences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from xps_prefit_hooks import RegionShift, Status

#: Standard error in eV above which a shift is called uncertain: a quarter of an eV is where handbook windows fail.
UNCERTAIN_STDERR = 0.25
#: Probability above which a second shift is called possible, and how far in eV it lies from the first at least.
SECOND_SHIFT = 0.10
AWAY = 0.6
#: Height over noise below which a region shows no line (Rose criterion: 5).
NO_LINE = 5.0
#: Channels in a row at a region's maximum from which on the detector is taken for saturated: noise lets two be alike
#: now and then, four hardly ever.
SATURATED = 4
#: Probability within `EDGE` eV of the end of the trained range above which the shift may lie outside.
AT_EDGE = 0.2
EDGE = 0.5
#: Disagreement of a region with C 1s in eV that is worth a word. It is an expectation, drawn towards none: on simulated
#: spectra it shows an eighth of what is there, on measured polymers a quarter, with a noise of 0.03 eV.
DISAGREE_EV = 0.1


@dataclass(frozen=True)
class Evidence:
    """What the verdict rests on.

    Parameters
    ----------
    posterior, bins : ndarray, shape (bins,)
        Distribution over shifts and their values in eV.
    shift, stderr : float
        Its mean around the highest mode, and its spread from there, in eV.
    signal_to_noise : mapping of str to float
        Line height over channel noise of each region.
    region_shifts : mapping of str to RegionShift
        Shift of each region, in view of all of them.
    foreign : bool
        Whether the network takes the sample for one that it was not made for.
    one_line : bool
        Whether all that was measured is one line without any feature.
    saturated : mapping of str to int
        Channels in a row that all hold the region's maximum.
    """

    posterior: NDArray[np.float64]
    bins: NDArray[np.float64]
    shift: float
    stderr: float
    signal_to_noise: Mapping[str, float]
    region_shifts: Mapping[str, RegionShift]
    foreign: bool = False
    one_line: bool = False
    saturated: Mapping[str, int] = field(default_factory=dict)


def judge(evidence: Evidence) -> tuple[Status, tuple[str, ...]]:
    """Status and reasons.

    Returns
    -------
    status : {"ok", "uncertain", "out_of_domain"}
        The worst that any rule says.
    reasons : tuple of str
        One sentence per rule that speaks.
    """
    outside: list[str] = []
    doubts: list[str] = []
    remarks: list[str] = []
    with_line = [name for name, ratio in evidence.signal_to_noise.items() if ratio >= NO_LINE]
    without = [name for name in evidence.signal_to_noise if name not in with_line]
    if without:
        remarks.append(f"No line stands above the noise in {', '.join(without)}.")
    edge = np.abs(evidence.bins) > np.abs(evidence.bins).max() - EDGE
    if evidence.posterior[edge].sum() > AT_EDGE:
        limit = np.abs(evidence.bins).max()
        outside.append(f"The shift lies at or beyond the {limit:.0f} eV that the network was trained for.")
    if evidence.foreign:
        outside.append(
            "The lines are not those of an organic sample that is charged alike everywhere: think of carbide, "
            "graphite, an oxide, or parts that are charged differently."
        )
    if "C1s" not in with_line:
        doubts.append("There is no C 1s line, so the scale rests on the other regions alone.")
    if evidence.one_line:
        doubts.append(
            f"There is one line without any feature ({with_line[0]}), which fits every shift: the scale rests on what "
            "such a line usually is."
        )
    for name in with_line:
        if (channels := evidence.saturated.get(name, 1)) >= SATURATED:
            doubts.append(f"The highest {channels} channels of {name} all hold the same: the detector was saturated.")
    if evidence.stderr > UNCERTAIN_STDERR:
        doubts.append(f"The standard error of the shift, {evidence.stderr:.2f} eV, is above {UNCERTAIN_STDERR:.2f} eV.")
    best = evidence.bins[int(evidence.posterior.argmax())]
    away = np.abs(evidence.bins - best) > AWAY
    if (second := float(evidence.posterior[away].sum())) > SECOND_SHIFT:
        other = evidence.bins[int(np.where(away, evidence.posterior, 0).argmax())]
        doubts.append(
            f"Several shifts fit: about {best:+.1f} eV, or with probability {second:.0%} about {other:+.1f} eV."
        )
    for name, region in evidence.region_shifts.items():
        if abs(region.disagreement) > DISAGREE_EV:
            by = f"{abs(region.disagreement):.2f} eV {'more' if region.disagreement > 0 else 'less'}"
            remarks.append(
                f"{name} seems to be charged by at least {by} than C1s, or has an environment that is not known here."
            )
    status: Status = "out_of_domain" if outside else "uncertain" if doubts else "ok"
    return status, (*outside, *doubts, *remarks)
