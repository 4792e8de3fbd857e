"""Many spectra over the same axes, a map or a depth profile: arrays in, arrays out, and the same for one spectrum."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xps_prefit_hooks import PrefitError

from ..core.core_levels import core_level
from ..core.grid import Grid, relative, to_bins
from ..core.single_channels import MOST_NAMED, energies_of, without_single_channels
from ..core.spectrum import MIN_POINTS, in_range
from .answers import ask
from .cut_lines import cut_edges
from .foreign_pair import without_foreign_pairs
from .group_overlap import without_overlap, without_ring
from .group_support import GROUP_FOUND, detection_limits, supported
from .near_edge import read_inside
from .potassium import without_potassium
from .signal import NO_LINE, channels_at_maximum, line_maximum, line_to_noise, plain_peak
from .stack_prediction import StackPrediction
from .uneven import PARTS_STDERR, likeness, parts_differ
from .verdict import CARBON, BoolArray, Evidence, FloatArray, judge
from .view import nothing_known, outside_window
from .weights import TrainedNetwork

#: Spectra that are worked on at a time: what is not kept is never larger than this many.
CHUNK = 256


class Rows(Protocol):
    """Spectra as rows: a numpy array, a memory map, a dataset in an HDF5 file."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of spectra and of points."""
        ...

    def __getitem__(self, rows: slice) -> ArrayLike:
        """Return some of the spectra."""
        ...


@dataclass(frozen=True)
class _Region:
    """One core level of a stack."""

    name: str
    energy: FloatArray
    counts: Rows
    duration: float


def predict_stack(
    trained: TrainedNetwork,
    regions: Mapping[str, tuple[ArrayLike, Rows]],
    *,
    durations: Mapping[str, float] | None = None,
    shift: ArrayLike | None = None,
    keep_posterior: bool = False,
    source: str = "stack",
) -> StackPrediction:
    """Ask a network about many spectra over the same axes.

    Parameters
    ----------
    trained : TrainedNetwork
        The network.
    regions : mapping of str to (array_like, rows)
        By core level (``C1s``): binding energies in eV, shape (m,), ascending, on the measured axis, and intensities,
        shape (n, m), of any type; they are read a chunk at a time. An intensity that is not a number, or the same one
        everywhere, says that the region was not measured at this place.
    durations : mapping of str to float, optional
        Time in s that each channel of a region took, by which counts are divided so that regions compare; see
        ``xps_stn_plugin.stn.view.durations``. By default they compare as they are.
    shift : array_like, shape (n,) or (), optional
        Shift in eV at which the groups are read, where it is known.
    keep_posterior : bool
        Whether the distributions over shifts are kept.
    source : str
        Where the stack comes from, for error messages.

    Returns
    -------
    StackPrediction
        The same as one spectrum after the other would give, to the rounding of the network's single precision.

    Raises
    ------
    PrefitError
        If there is no region, axes are not ascending, or shapes do not fit.
    """
    chunks = predicted_chunks(
        trained, regions, durations=durations, shift=shift, keep_posterior=keep_posterior, source=source
    )
    return StackPrediction.joined(list(chunks))


def predicted_chunks(
    trained: TrainedNetwork,
    regions: Mapping[str, tuple[ArrayLike, Rows]],
    *,
    durations: Mapping[str, float] | None = None,
    shift: ArrayLike | None = None,
    keep_posterior: bool = False,
    source: str = "stack",
) -> Iterator[StackPrediction]:
    """`predict_stack` in parts of at most `CHUNK` spectra, for stacks whose results are not to be held in memory."""
    checked = {name: _checked(source, name, *region, durations or {}) for name, region in regions.items()}
    sizes = {region.counts.shape[0] for region in checked.values()}
    if len(sizes) != 1:
        found = ", ".join(f"{name}: {region.counts.shape[0]}" for name, region in checked.items()) or "no region"
        raise PrefitError(source, f"all regions of a stack need the same number of spectra ({found}).")
    (size,) = sizes
    if shift is not None:
        shift = np.asarray(shift, dtype=np.float32)
        if shift.shape not in ((), (size,)) or not np.isfinite(shift).all():
            msg = f"the known shifts have shape {shift.shape} or are not numbers; give one, or one for each of {size}."
            raise PrefitError(source, msg)
        shift = np.broadcast_to(shift, size)
    seen, notes = _seen(trained, checked)
    # At least one chunk, be it an empty one.
    for start in range(0, max(size, 1), CHUNK):
        rows = range(start, min(start + CHUNK, size))
        known = None if shift is None else shift[rows.start : rows.stop]
        yield _chunk(trained, seen, rows, known, notes, keep_posterior)


def _checked(source: str, name: str, energy: ArrayLike, counts: Rows, durations: Mapping[str, float]) -> _Region:
    axis = np.asarray(energy, dtype=float)
    if axis.ndim != 1 or len(counts.shape) != 2 or counts.shape[1] != axis.size:
        msg = f"region {name} has energies of shape {axis.shape} and intensities of shape {tuple(counts.shape)}"
        raise PrefitError(source, f"{msg}; (m,) and (n, m) are needed.")
    if axis.size < MIN_POINTS:
        raise PrefitError(source, f"region {name} has {axis.size} points; at least {MIN_POINTS} are needed.")
    if not (np.isfinite(axis).all() and (np.diff(axis) > 0).all()):
        raise PrefitError(source, f"the energies of region {name} do not ascend; sort them and the intensities.")
    return _Region(name, axis, counts, durations.get(name, 1.0))


def _seen(trained: TrainedNetwork, regions: Mapping[str, _Region]) -> tuple[tuple[_Region, ...], tuple[str, ...]]:
    """Regions that the network knows, in its order, and what is to be said about the others."""
    seen, notes = [], []
    for name, window in zip(trained.grid.regions, trained.grid.energies, strict=True):
        if name in regions:
            if note := outside_window(name, regions[name].energy, window):
                notes.append(note)
            else:
                seen.append(regions[name])
    if not seen:
        notes.insert(0, nothing_known(regions, trained.grid))
    return tuple(seen), tuple(notes)


def _chunk(
    trained: TrainedNetwork,
    regions: Sequence[_Region],
    rows: range,
    shift: NDArray[np.float32] | None,
    notes: tuple[str, ...],
    keep_posterior: bool,
) -> StackPrediction:
    """Prediction of some spectra of a stack."""
    shape = (len(rows), len(regions))
    signal_to_noise, saturated = np.full(shape, np.nan), np.ones(shape, dtype=np.int64)
    maximum, cut = np.full(shape, np.nan), np.zeros((*shape, 2), dtype=bool)
    replaced = np.full((*shape, MOST_NAMED), np.nan)
    counts = []
    for column, region in enumerate(regions):
        values, good = _read(region, rows)
        saturated[:, column] = channels_at_maximum(values)
        # As in training: the network sees no hot or dead channel, nor do they pass for lines.
        recorded, values = values, without_single_channels(values)
        replaced[:, column] = energies_of(region.energy, values != recorded)
        counts.append(values)
        signal_to_noise[good, column] = line_to_noise(values[good])
        cut[good, column] = cut_edges(region.energy, values[good], core_level(region.name).fwhm[0])
        with_line = signal_to_noise[:, column] >= NO_LINE
        maximum[with_line, column] = line_maximum(region.energy, values[with_line])
    lined = signal_to_noise >= NO_LINE
    # The network is asked where there is something to ask about.
    asked = np.flatnonzero(lined.any(axis=1))
    there = ~np.isnan(signal_to_noise)
    # C 1s carries the scale; without it, no region can be told from the common shift.
    carbon = np.array([region.name == CARBON for region in regions], dtype=bool)
    # Beside a whole C 1s line, the network does without regions whose line is cut.
    whole = (lined & carbon & ~cut.any(axis=-1)).any(axis=1, keepdims=True)
    left_out = cut.any(axis=-1) & ~carbon & whole
    read = there & ~left_out
    rates, measured = _binned(trained.grid, regions, [values[asked] for values in counts], read[asked])
    levels = tuple(region.name for region in regions)
    known = None if shift is None else shift[asked]
    answers = ask(trained, levels, rates, measured, known, keep_posterior=keep_posterior)
    if known is None:
        answers = read_inside(
            answers,
            rates,
            measured,
            trained.grid.step,
            lambda some, there: ask(trained, levels, some, there, keep_posterior=keep_posterior),
        )
    found = answers.placed(asked, len(rows))
    told = lined & ~left_out & (lined & carbon).any(axis=1, keepdims=True)
    disagreement = np.where(told, np.where(carbon, 0.0, found.region_shift), np.nan)
    axes = [region.energy for region in regions]
    alike = likeness(axes, counts, np.where(cut.any(axis=-1), 0.0, signal_to_noise))
    stderr = np.hypot(found.shift_stderr, np.where(parts_differ(alike, found.posterior.spread), PARTS_STDERR, 0.0))
    region_stderr = np.hypot(stderr[:, None], np.where(carbon, 0.0, found.region_sigma))
    limits = detection_limits(levels, axes, counts, [region.duration for region in regions])
    limits = np.where(there, limits, np.nan) if regions else np.zeros(shape)
    probabilities, support = supported(
        trained.groups, found.probabilities, levels, axes, found.shift, lined, there, limits
    )
    probabilities, potassium = without_potassium(
        trained.groups, probabilities, levels, axes, counts, found.shift, lined
    )
    probabilities, pairs = without_foreign_pairs(trained.groups, probabilities, levels, axes, counts, found.shift)
    probabilities, overlapped = without_overlap(trained.groups, probabilities)
    probabilities, ringless = without_ring(trained.groups, probabilities)
    evidence = Evidence(
        regions=levels,
        signal_to_noise=signal_to_noise,
        saturated=saturated,
        one_line=_one_line(regions, counts, lined & ~left_out),
        posterior=found.posterior,
        stderr=found.shift_stderr,
        foreign=trained.calibration.foreign(found.outside_logit),
        disagreement=disagreement,
        shift=found.shift,
        maximum=maximum,
        no_group=np.all(probabilities <= GROUP_FOUND, axis=1),
        support=support,
        cut=cut,
        left_out=left_out,
        replaced=replaced,
        alike=alike,
        potassium=potassium,
        overlapped=overlapped,
        ringless=ringless,
        foreign_pair=pairs,
    )
    return StackPrediction(
        groups=trained.groups,
        model=trained.info,
        notes=notes,
        shift=found.shift,
        shift_stderr=stderr,
        probabilities=probabilities,
        region_shift=found.shift[:, None] + disagreement,
        region_stderr=np.where(told, region_stderr, np.nan),
        evidence=evidence,
        verdict=judge(evidence),
        materials=found.materials,
        lines=found.lines,
        material_names=trained.materials,
        distribution=found.distribution,
    )


def _read(region: _Region, rows: range) -> tuple[FloatArray, BoolArray]:
    """Read counts, 0 where nothing was measured, and where something was."""
    values = np.asarray(region.counts[rows.start : rows.stop], dtype=float)
    finite = np.isfinite(values).all(axis=1) & in_range(values)
    values = np.where(finite[:, None], values, 0.0)
    return values, np.ptp(values, axis=1) > 0


def _one_line(regions: Sequence[_Region], counts: Sequence[FloatArray], lined: BoolArray) -> BoolArray:
    """Whether there is one region with a line, and that line is without a feature."""
    result = np.zeros(len(lined), dtype=bool)
    single = lined.sum(axis=1) == 1
    for region, values, own in zip(regions, counts, lined.T, strict=True):
        if (rows := np.flatnonzero(single & own)).size:
            result[rows] = plain_peak(region.energy, values[rows])
    return result


def _binned(
    grid: Grid, regions: Sequence[_Region], counts: Sequence[FloatArray], there: BoolArray
) -> tuple[NDArray[np.float32], BoolArray]:
    """Rates on the network's grid and where they were measured, both of shape (n, regions, points).

    Rates are relative to the spectrum's highest one, which single precision holds in whatever unit they were measured.
    """
    shape = (*there.shape, grid.points)
    rates, measured = np.zeros(shape), np.zeros(shape, dtype=bool)
    for column, (region, values) in enumerate(zip(regions, counts, strict=True)):
        binned, inside = to_bins(region.energy, values, grid.energies[grid.regions.index(region.name)])
        rates[:, column] = binned / region.duration
        measured[:, column] = inside & there[:, column, None]
    return relative(rates).astype(np.float32), measured
