"""Whether shifts can be trusted, and why not: rules over many spectra at once, sentences for one of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntFlag
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from xps_prefit_hooks import ALIPHATIC_C1S, Status

from ..chemistry.compounds import carbon_maximum
from .appearance import appearance, at_carbon
from .foreign_pair import foreign_pair_sentence
from .group_overlap import overlap_sentence, ring_sentence
from .group_support import Support, refuted_sentences, untested_sentences
from .posterior import Posterior
from .signal import NO_LINE
from .uneven import PARTS_STDERR, parts_differ

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

#: Standard error in eV above which a shift is called uncertain: a quarter of an eV is where handbook windows fail.
UNCERTAIN_STDERR = 0.25
#: Up to this standard error in eV it is not, if all but this probability lies within `AWAY` eV of the most probable
#: shift and the distribution there is narrow: a few percent far away make a large standard error. Of 30 such spectra
#: among 996 draws of inorganic samples none was more than 0.3 eV off; of 8 drawn polymers one, whose O 1s line was cut.
TAIL_STDERR, TAIL = 0.5, 0.05
#: Probability above which a second shift is called possible.
SECOND_SHIFT = 0.10
#: Spread in eV within `NEAR` eV of the most probable shift above which a sample counts as charged unevenly. Of drawn
#: samples with two parts 1 eV apart it doubts a fifth that no other rule doubts, of evenly charged ones 2 %; a limit of
#: 0.2 eV would doubt a quarter and 6 %.
UNEVEN_SPREAD = 0.225
#: Channels in a row at a region's maximum from which on the detector is taken for saturated: noise lets two be alike
#: now and then, four hardly ever.
SATURATED = 4
#: Probability within `EDGE` eV of the end of the trained range above which the shift may lie outside. Drawn samples
#: that are charged by 8 to 13 eV have it in the last bins; a wider margin refuses more that lie inside, none of these.
AT_EDGE = 0.2
#: Disagreement of a region with C 1s in eV that is worth a word. It is an expectation, drawn towards none: on simulated
#: spectra it shows an eighth of what is there, on measured polymers a quarter, with a noise of 0.03 eV.
DISAGREE_EV = 0.1

#: Detection limit in atomic percent from which on it says nothing.
LEAST_INFORMATIVE = 50.0

#: Core level that carries the scale.
CARBON = "C1s"

#: What the numbers of `Verdict.status` stand for.
STATUSES: tuple[Status, ...] = get_args(Status)


class Reason(IntFlag):
    """One bit for each rule; a sum of them says which rules spoke."""

    NO_SHIFT = 1
    AT_EDGE = 2
    FOREIGN = 4
    NO_CARBON = 8
    ONE_LINE = 16
    SATURATED = 32
    STANDARD_ERROR = 64
    SEVERAL_SHIFTS = 128
    NO_LINE = 256
    DISAGREEMENT = 512
    NOT_MEASURED = 1024
    NO_GROUP = 8192
    UNEVEN = 16384
    GROUP_REFUTED = 1 << 20
    GROUP_UNTESTED = 1 << 21
    CUT_LINE = 1 << 22
    LEFT_OUT = 1 << 23
    BAD_CHANNELS = 1 << 24
    ALIKE = 1 << 25
    POTASSIUM = 1 << 26
    GROUP_OVERLAP = 1 << 27
    NO_RING = 1 << 28
    FOREIGN_PAIR = 1 << 29
    CARBON_FIRST = 1 << 30

    @classmethod
    def outside(cls) -> Reason:
        """Rules that make a spectrum "out_of_domain"."""
        return cls.NO_SHIFT | cls.AT_EDGE | cls.FOREIGN

    @classmethod
    def doubts(cls) -> Reason:
        """Rules that make it "uncertain"."""
        return (
            cls.NO_CARBON
            | cls.ONE_LINE
            | cls.SATURATED
            | cls.STANDARD_ERROR
            | cls.SEVERAL_SHIFTS
            | cls.UNEVEN
            | cls.GROUP_REFUTED
            | cls.CUT_LINE
            | cls.ALIKE
        )


@dataclass(frozen=True)
class Evidence:
    """What the verdict on n spectra rests on.

    Parameters
    ----------
    regions : tuple of str
        Core levels.
    signal_to_noise : ndarray, shape (n, regions)
        Line height over channel noise; NaN where the region was not measured.
    saturated : ndarray of int, shape (n, regions)
        Channels in a row that all hold the region's maximum.
    one_line : ndarray of bool, shape (n,)
        Whether all that was measured is one line without any feature.
    posterior : Posterior
        Distributions over shifts.
    stderr : ndarray, shape (n,)
        Standard error of the shift in eV.
    foreign : ndarray of bool, shape (n,)
        Whether the network takes the sample for one that it was not made for.
    disagreement : ndarray, shape (n, regions)
        By how much a region is charged more than C 1s, in eV; NaN where that cannot be told.
    shift : ndarray, shape (n,)
        In eV.
    maximum : ndarray, shape (n, regions)
        Measured binding energy of a region's highest line in eV; NaN where it shows none.
    no_group : ndarray of bool, shape (n,)
        Whether no functional group is more probable than not.
    support : Support
        What the regions say about the groups.
    cut : ndarray of bool, shape (n, regions, 2)
        Whether the low and the high edge of a region cut a line.
    left_out : ndarray of bool, shape (n, regions)
        Regions that the network did not read because of that.
    replaced : ndarray, shape (n, regions, most named)
        Measured energies in eV of hot and dead channels; NaN where there are no more.
    alike : ndarray, shape (n,)
        How much the lines of all regions are broadened or doubled alike; see `xps_stn_plugin.stn.uneven.likeness`.
    potassium : ndarray of bool, shape (n,)
        Whether K 2p explains what the network takes for fluoride.
    overlapped : ndarray of bool, shape (n, groups)
        Groups that were taken back because all their lines coincide with those of surer ones.
    ringless : ndarray of bool, shape (n, groups)
        Groups that were taken back because they need an aromatic ring and none was found.
    foreign_pair : ndarray of str, shape (n, regions)
        Level of another element whose doublet takes the place of groups in a region; empty where there is none.
    """

    regions: tuple[str, ...]
    signal_to_noise: FloatArray
    saturated: NDArray[np.int64]
    one_line: BoolArray
    posterior: Posterior
    stderr: FloatArray
    foreign: BoolArray
    disagreement: FloatArray
    shift: FloatArray
    maximum: FloatArray
    no_group: BoolArray
    support: Support
    cut: BoolArray
    left_out: BoolArray
    replaced: FloatArray
    alike: FloatArray
    potassium: BoolArray
    overlapped: BoolArray
    ringless: BoolArray
    foreign_pair: NDArray[np.str_]

    @property
    def measured(self) -> BoolArray:
        """Whether a region was measured, shape (n, regions)."""
        return ~np.isnan(self.signal_to_noise)

    @property
    def lined(self) -> BoolArray:
        """Whether a region shows a line, shape (n, regions)."""
        return self.signal_to_noise >= NO_LINE


@dataclass(frozen=True)
class Verdict:
    """Status and reasons of n spectra.

    Parameters
    ----------
    status : ndarray of int8, shape (n,)
        Index into `STATUSES`: the worst that any rule says.
    reasons : ndarray of uint32, shape (n,)
        Sums of `Reason`.
    """

    status: NDArray[np.int8]
    reasons: NDArray[np.uint32]


def judge(evidence: Evidence) -> Verdict:
    """Apply all rules."""
    lined, measured, posterior = evidence.lined, evidence.measured, evidence.posterior
    carbon = np.array([name == CARBON for name in evidence.regions], dtype=bool)
    no_carbon = ~(lined & carbon).any(axis=1)
    at_edge = posterior.at_edge > AT_EDGE
    wide = (evidence.stderr > UNCERTAIN_STDERR) & ~_only_a_tail(evidence)
    several = posterior.second_probability > SECOND_SHIFT
    spoken = {
        Reason.AT_EDGE: at_edge,
        Reason.FOREIGN: evidence.foreign,
        Reason.NO_CARBON: no_carbon,
        Reason.ONE_LINE: evidence.one_line,
        Reason.SATURATED: (lined & (evidence.saturated >= SATURATED)).any(axis=1),
        Reason.CUT_LINE: (evidence.cut.any(axis=-1) & ~evidence.left_out).any(axis=1),
        Reason.LEFT_OUT: evidence.left_out.any(axis=1),
        Reason.BAD_CHANNELS: np.isfinite(evidence.replaced).any(axis=(1, 2)),
        Reason.STANDARD_ERROR: wide,
        Reason.SEVERAL_SHIFTS: several,
        # A scale that little fixes spreads as well.
        # Where the data can tell, they and the network decide together.
        Reason.UNEVEN: (posterior.spread > UNEVEN_SPREAD)
        & np.isnan(evidence.alike)
        & ~no_carbon
        & ~evidence.foreign
        & ~wide
        & ~several,
        Reason.ALIKE: parts_differ(evidence.alike, posterior.spread),
        Reason.NO_LINE: (measured & ~lined).any(axis=1),
        Reason.DISAGREEMENT: (np.abs(evidence.disagreement) > DISAGREE_EV).any(axis=1),
        Reason.NOT_MEASURED: ~measured.all(axis=1),
        # Where the network cannot place the lines, its sentence says what they look like.
        Reason.NO_GROUP: evidence.no_group & ~no_carbon & ~evidence.foreign & ~at_edge,
        Reason.POTASSIUM: evidence.potassium,
        Reason.GROUP_OVERLAP: evidence.overlapped.any(axis=1),
        Reason.NO_RING: evidence.ringless.any(axis=1),
        Reason.FOREIGN_PAIR: (evidence.foreign_pair != "").any(axis=1),
        Reason.GROUP_REFUTED: (evidence.support.refuted >= 0).any(axis=1),
        Reason.GROUP_UNTESTED: (evidence.support.untested > 0).any(axis=1) | evidence.support.unseen.any(axis=1),
    }
    reasons = np.zeros(len(lined), dtype=np.uint32)
    for reason, speaks in spoken.items():
        reasons[speaks] |= np.uint32(reason)
    # Without any line there is no shift to doubt.
    without = ~lined.any(axis=1)
    reasons[without] &= np.uint32(Reason.NO_LINE | Reason.NOT_MEASURED)
    reasons[without] |= np.uint32(Reason.NO_SHIFT)
    outside, doubtful = ((reasons & np.uint32(rules)) != 0 for rules in (Reason.outside(), Reason.doubts()))
    status = np.select(
        [outside, doubtful], [STATUSES.index("out_of_domain"), STATUSES.index("uncertain")], STATUSES.index("ok")
    )
    return Verdict(status.astype(np.int8), reasons)


def _only_a_tail(evidence: Evidence) -> BoolArray:
    """Whether a standard error comes from a few percent of the distribution far from its highest bin."""
    posterior = evidence.posterior
    narrow = (posterior.second_probability <= TAIL) & (posterior.spread <= UNEVEN_SPREAD)
    return np.asarray(narrow & (evidence.stderr <= TAIL_STDERR) & ~evidence.left_out.any(axis=1))


def sentences(evidence: Evidence, reasons: int, row: int) -> tuple[str, ...]:
    """One sentence for every rule that spoke about one spectrum, the worst first.

    Parameters
    ----------
    evidence : Evidence
        Of all spectra.
    reasons : int
        Of this spectrum, from `judge`.
    row : int
        Which spectrum.
    """
    said = Reason(int(reasons))
    names = np.array(evidence.regions, dtype=object)
    lined, measured = evidence.lined[row], evidence.measured[row]
    posterior = evidence.posterior
    told: list[str] = []
    if Reason.AT_EDGE in said:
        told.append(f"The shift lies at or beyond the {posterior.limit:.0f} eV that the network was trained for.")
    if Reason.FOREIGN in said:
        told.append(_unplaced(evidence, row))
    if Reason.NO_CARBON in said:
        told.append("There is no C 1s line, so the scale rests on the other regions alone.")
    if Reason.ONE_LINE in said:
        told.append(
            f"There is only one line, without features ({names[lined][0]}), which fits every shift: the scale rests on "
            "the usual assignment of such a line."
        )
    for column in np.flatnonzero(lined & (evidence.saturated[row] >= SATURATED)) if Reason.SATURATED in said else ():
        channels = evidence.saturated[row, column]
        told.append(
            f"The highest {channels} channels of {names[column]} have the same intensity: the detector was saturated."
        )
    if Reason.CUT_LINE in said or Reason.LEFT_OUT in said:
        told += _cut_lines(evidence, row)
    if Reason.STANDARD_ERROR in said:
        stderr = evidence.stderr[row]
        told.append(f"The standard error of the shift, {stderr:.2f} eV, is above {UNCERTAIN_STDERR:.2f} eV.")
    if Reason.SEVERAL_SHIFTS in said:
        first, second, share = posterior.first[row], posterior.second[row], posterior.second_probability[row]
        told.append(
            f"Several shifts fit: about {first:+.1f} eV, or with probability {share:.0%} about {second:+.1f} eV."
        )
    if Reason.UNEVEN in said:
        # Two equal parts lie one standard deviation on either side of their mean.
        apart_by = 2 * posterior.spread[row]
        told.append(
            f"All lines look broadened or doubled: the sample may be charged unevenly by about {apart_by:.1f} eV."
        )
    if Reason.ALIKE in said:
        told.append(
            "The lines of all regions are broadened or doubled alike: parts of the sample are charged differently, or "
            f"the resolution is low; the standard error includes {PARTS_STDERR:.1f} eV for it."
        )
    if Reason.BAD_CHANNELS in said:
        told += _bad_channels(evidence, row)
    if Reason.POTASSIUM in said:
        told.append(
            "C1s shows two lines like those of K 2p (2.8 eV apart, two to one), so that alkyl halide (F) is not found; "
            "F1s would tell."
        )
    for column in np.flatnonzero(evidence.foreign_pair[row] != "") if Reason.FOREIGN_PAIR in said else ():
        told.append(foreign_pair_sentence(names[column], str(evidence.foreign_pair[row, column])))
    if Reason.GROUP_REFUTED in said:
        told += refuted_sentences(evidence.support, evidence.regions, row)
    if Reason.NO_LINE in said:
        empty = np.flatnonzero(measured & ~lined)
        limits = [f"{names[column]}{_limit(evidence.support.limit[row, column])}" for column in empty]
        told.append(f"No line stands above the noise in {', '.join(limits)}.")
    apart = evidence.disagreement[row]
    for column in np.flatnonzero(np.abs(apart) > DISAGREE_EV) if Reason.DISAGREEMENT in said else ():
        by = f"{abs(apart[column]):.2f} eV {'more' if apart[column] > 0 else 'less'}"
        told.append(
            f"{names[column]} seems to be charged by at least {by} than C1s, or has a chemical environment that the "
            "network does not know."
        )
    if Reason.NO_GROUP in said:
        seen = appearance(evidence.regions, evidence.maximum[row] - evidence.shift[row])
        told.append(
            f"With hydrocarbon at {ALIPHATIC_C1S:.2f} eV the sample looks like {seen}; no functional group was found."
        )
    if Reason.GROUP_OVERLAP in said:
        told.append(overlap_sentence(evidence.support.groups, evidence.overlapped[row]))
    if Reason.NO_RING in said:
        told.append(ring_sentence(evidence.support.groups, evidence.ringless[row]))
    if Reason.GROUP_UNTESTED in said:
        told += untested_sentences(evidence.support, row)
    if Reason.NOT_MEASURED in said:
        told.append(f"Not measured, or without any signal: {', '.join(names[~measured])}.")
    return tuple(told)


def _cut_lines(evidence: Evidence, row: int) -> list[str]:
    """Say which edges cut a line, and whether the region was left out for it."""
    told = []
    for column, edge in np.argwhere(evidence.cut[row]).tolist():
        side = ("low", "high")[edge]
        what = "the shift rests on the others" if evidence.left_out[row, column] else "measure a wider window"
        told.append(f"The edge of {evidence.regions[column]} at {side} binding energy cuts a line; {what}.")
    return told


def _bad_channels(evidence: Evidence, row: int) -> list[str]:
    """Say where hot and dead channels were replaced."""
    told = []
    for name, energies in zip(evidence.regions, evidence.replaced[row], strict=True):
        if len(named := energies[np.isfinite(energies)]):
            listed = ", ".join(f"{energy:.2f}" for energy in named)
            told.append(f"Hot or dead channels of {name} were left out, at {listed} eV as measured.")
    return told


def _limit(percent: float) -> str:
    """Write a detection limit in atomic percent for people; nothing where there is no line to compare with."""
    return f" (detection limit {percent:.1g} at%)" if percent < LEAST_INFORMATIVE else ""


def _unplaced(evidence: Evidence, row: int) -> str:
    """Say that the network cannot place a sample, and what an analyst who refers to adventitious carbon would see."""
    maxima = evidence.maximum[row]
    sentence = "The network cannot place these lines, or parts of the sample are charged differently"
    moved = at_carbon(evidence.regions, maxima)
    if moved is maxima:
        return f"{sentence}."
    return (
        f"{sentence}; if the highest C 1s line is hydrocarbon ({carbon_maximum():.1f} eV), the sample looks like "
        f"{appearance(evidence.regions, moved)}."
    )
