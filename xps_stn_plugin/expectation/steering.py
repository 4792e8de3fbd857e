"""From a prediction and what the user knows to the prediction that is reported."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

import xarray as xr

from xps_prefit_hooks import Prediction, PrefitError, RegionShift, Settings, Status
from xps_stn_plugin.chemistry.substances import Substance, find_substance
from xps_stn_plugin.core.energy_scale import scale_offset
from xps_stn_plugin.stn.signal import saturated_channels
from xps_stn_plugin.stn.verdict import SATURATED, SECOND_SHIFT

from .pattern import PatternShift, shift_by_pattern

#: Probability above which the network sees a group, and below which it hardly does.
SEEN: Final = 0.5
HARDLY: Final = 0.1

#: Share of a region's variance that lines may leave and still fit. Those of the right polymer leave 1 % of measured
#: ones in the median and 12 % at most, those of another 10 % (C 1s alone) to 18 % in the median
#: (`benchmarks.expectation`).
MISFIT: Final = 0.12

#: Standard errors by which network and lines may differ.
_APART: Final = 3.0

#: What follows from a contradiction.
CONTRADICTED: Final = "This contradicts what is known of the sample: shift and groups are those of the network alone."

#: Share of the area below which nothing of a substance is seen.
_TRACE: Final = 0.02


@dataclass(frozen=True)
class _Shift:
    """A shift with its standard error in eV, and what is to be said of it.

    It may be another than the network's (`moved`), and the lines may contradict the spectrum (`contradicts`).
    """

    value: float
    stderr: float
    status: Status
    reasons: tuple[str, ...]
    moved: bool = False
    contradicts: bool = False


def steered(
    said: Prediction, spectrum: xr.DataTree, settings: Settings, read_at: Callable[[float], Prediction]
) -> Prediction:
    """Put together what the network said and what the user knows.

    Groups of expected substances and present ones get probability 1, absent ones 0; the others keep what the network
    gives them. Where the lines of expected substances fit the spectrum, the shift is that of network and lines,
    weighted by their standard errors, or of the lines alone where the network is uncertain; the other groups are read
    anew at that shift. Where the spectrum contradicts what the user says, the network's answer stays as it is, but it
    is never "ok", and `reasons` say why.

    Parameters
    ----------
    said : Prediction
        What the network said.
    spectrum : xarray.DataTree
        On the measured axis.
    settings : Settings
        With ``expect``, ``present`` and ``absent``.
    read_at : callable
        ``read_at(shift)`` is the prediction whose groups are read at that shift, in eV on the 285.00 eV scale.
    """
    substances = [find_substance(text) for text in settings.expect]
    pattern = shift_by_pattern(spectrum, substances) if substances else None
    shift = _shift(said, pattern, substances, spectrum, settings)
    seen = read_at(shift.value) if shift.moved else said
    # Without a shift the network sees no groups: there is nothing to compare with.
    blind = not math.isfinite(shift.value)
    doubts = () if blind else (*_pattern_doubts(pattern, substances), *_group_doubts(seen, substances, settings))
    mistakable = _mistakable(substances, settings)
    if doubts or (shift.contradicts and not blind):
        refused = () if shift.moved else shift.reasons
        remarks = _remarks(said.groups, pattern, substances, settings)
        return replace(
            said,
            status="uncertain" if said.status == "ok" else said.status,
            reasons=(*mistakable, *refused, *doubts, CONTRADICTED, *remarks, *said.reasons),
        )
    remarks = () if blind else _remarks(seen.groups, pattern, substances, settings)
    own = tuple(f"The network alone: {reason}" for reason in said.reasons) if shift.moved else said.reasons
    return replace(
        said,
        shift=shift.value,
        shift_stderr=shift.stderr,
        groups=MappingProxyType({**seen.groups, **fixed_groups(settings)}),
        status=shift.status,
        reasons=(*mistakable, *shift.reasons, *remarks, *own),
        region_shifts=_region_shifts(said, seen, shift),
    )


def fixed_groups(settings: Settings) -> dict[str, float]:
    """Probabilities of the groups that the user is sure of: 1 for those of expected substances and present ones."""
    substances = [find_substance(text) for text in settings.expect]
    known = {*settings.present, *(group for one in substances for group in one.groups)}
    return {**dict.fromkeys(sorted(known), 1.0), **dict.fromkeys(settings.absent, 0.0)}


def shift_of_lines(spectrum: xr.DataTree, substances: Sequence[Substance]) -> PatternShift:
    """Shift of a spectrum by the lines of what it holds, without a network.

    Raises
    ------
    PrefitError
        If no substance is given, or the lines do not fit, or fit at several shifts.
    """
    if not substances:
        raise PrefitError("shift", "there are no lines to take it from; name the substances in expect, or give it.")
    labels = _labels(substances)
    pattern = shift_by_pattern(spectrum, substances)
    if pattern is None:
        raise PrefitError("shift", f"no measured region shows a line where {labels} has one.")
    if refused := _refused(pattern, labels, 0.0):
        raise PrefitError("shift", f"{refused[0].lower()}{refused[1:]}")
    return pattern


def _shift(
    said: Prediction,
    pattern: PatternShift | None,
    substances: Sequence[Substance],
    spectrum: xr.DataTree,
    settings: Settings,
) -> _Shift:
    """Weigh network and lines."""
    alone = _Shift(said.shift, said.shift_stderr, said.status, ())
    if not substances:
        return alone
    labels = _labels(substances)
    if pattern is None:
        unseen = f"No measured region shows a line where {labels} has one."
        return replace(alone, reasons=(unseen,), contradicts=True)
    offset = scale_offset(settings)

    def text(value: float, stderr: float) -> str:
        return f"{value + offset:+.2f} ± {stderr:.2f} eV"

    if refused := _refused(pattern, labels, offset):
        return replace(alone, reasons=(refused,), contradicts=pattern.misfit > MISFIT)
    # A sample that holds something else may hold it in C 1s, too: its lines are not a scale then.
    others = pattern.foreign and not _covering(substances)
    if said.status == "out_of_domain" or others or pattern.empty:
        return alone
    lines, network = text(pattern.shift, pattern.stderr), text(said.shift, said.shift_stderr)
    if said.status == "uncertain":
        msg = f"The shift was taken from the lines of {labels}, expected; the network alone said {network}, uncertain."
        flat = any(saturated_channels(child.to_dataset()) >= SATURATED for child in spectrum.children.values())
        return _Shift(pattern.shift, pattern.stderr, "uncertain" if flat else "ok", (msg,), moved=True)
    if abs(pattern.shift - said.shift) > _APART * math.hypot(pattern.stderr, said.shift_stderr):
        msg = f"The lines of {labels}, expected, fit best at a shift of {lines}, but the network is sure of {network}."
        return replace(alone, status="uncertain", reasons=(msg,), contradicts=True)
    weights = said.shift_stderr**-2, pattern.stderr**-2
    mean = (weights[0] * said.shift + weights[1] * pattern.shift) / sum(weights)
    msg = f"The shift is the weighted mean of the network's, {network}, and that of the lines of {labels}, {lines}."
    # Both rest on the same reference chemistry, so that two are hardly surer than the better one.
    return _Shift(mean, min(said.shift_stderr, pattern.stderr), "ok", (msg,), moved=True)


def _refused(pattern: PatternShift, labels: str, offset: float) -> str:
    """Why the lines give no shift; empty where they do."""
    if pattern.misfit > MISFIT:
        return (
            f"The lines of {labels}, expected, do not fit at any shift: they leave {pattern.misfit:.0%} of what varies "
            f"in {pattern.worst} unexplained."
        )
    if pattern.elsewhere > SECOND_SHIFT:
        best, other = pattern.shift + offset, pattern.other + offset
        return f"The lines of {labels}, expected, fit at several shifts: about {best:+.1f} and {other:+.1f} eV."
    return ""


def _pattern_doubts(pattern: PatternShift | None, substances: Sequence[Substance]) -> tuple[str, ...]:
    if pattern is None:
        return ()
    labels, doubts = _labels(substances), []
    if pattern.empty:
        doubts.append(f"{', '.join(pattern.empty)} shows no line, where {labels}, expected, has one.")
    doubts += [
        f"Nothing of {one.label}, expected, is seen beside the others."
        for one, share in zip(substances, pattern.shares, strict=True)
        if share < _TRACE
    ]
    return tuple(doubts)


def _group_doubts(prediction: Prediction, substances: Sequence[Substance], settings: Settings) -> tuple[str, ...]:
    """Name groups that ought to be there and that the network hardly sees, and the other way round."""
    # The groups of such a spectrum mean nothing, and below adventitious carbon the network names no hydrocarbon.
    if prediction.status == "out_of_domain":
        return ()
    seen = prediction.groups
    expected = {group for one in substances if not one.covers_others for group in one.groups}
    doubts = []
    for groups, word in ((expected, "Expected"), (set(settings.present) - expected, "Said to be present")):
        if unseen := _listed({g: seen[g] for g in sorted(groups & set(seen)) if seen[g] < HARDLY}):
            doubts.append(f"{word}, but the spectrum does not show it: {unseen}.")
    if there := _listed({g: seen[g] for g in settings.absent if seen.get(g, 0.0) > SEEN}):
        doubts.append(f"Said to be absent, but the spectrum shows it: {there}.")
    return tuple(doubts)


def _remarks(
    seen: Mapping[str, float], pattern: PatternShift | None, substances: Sequence[Substance], settings: Settings
) -> tuple[str, ...]:
    """Name what is seen beside the expected substances: it stays."""
    if not substances:
        return ()
    remarks = []
    if pattern and pattern.foreign and not _covering(substances):
        levels = ", ".join(pattern.foreign)
        remarks.append(f"{levels} shows a line, where {_labels(substances)}, expected, has none.")
    known = {*settings.present, *settings.absent, *(group for one in substances for group in one.groups)}
    if beside := _listed({group: p for group, p in seen.items() if p > SEEN and group not in known}):
        remarks.append(f"Not expected, but the spectrum shows it: {beside}.")
    return tuple(remarks)


def _covering(substances: Sequence[Substance]) -> bool:
    """Whether nothing is expected but adventitious carbon, whatever it lies on."""
    return all(one.covers_others for one in substances)


def _mistakable(substances: Sequence[Substance], settings: Settings) -> tuple[str, ...]:
    return tuple(
        f"{text} was taken for {one.name}; others mean {one.mistakable} by it."
        for one, text in zip(substances, settings.expect, strict=True)
        if one.mistakable and text.casefold() == one.abbreviation.casefold()
    )


def _region_shifts(said: Prediction, seen: Prediction, shift: _Shift) -> Mapping[str, RegionShift]:
    """Shifts of the regions about the steered common one."""
    if not shift.moved:
        return said.region_shifts

    def stderr(region: RegionShift) -> float:
        own = max(region.stderr**2 - said.shift_stderr**2, 0.0)
        return math.sqrt(own + shift.stderr**2)

    return MappingProxyType(
        {
            name: replace(region, value=shift.value + region.disagreement, stderr=stderr(said.region_shifts[name]))
            for name, region in seen.region_shifts.items()
            if name in said.region_shifts
        }
    )


def _labels(substances: Sequence[Substance]) -> str:
    return " and ".join(one.label for one in substances)


def _listed(groups: Mapping[str, float]) -> str:
    return ", ".join(f"{group} (probability {p:.2f})" for group, p in groups.items())
