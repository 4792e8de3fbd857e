"""The work on a stack: the network, a shared shift where it is asked for, and fits, in passes over its blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xps_prefit_hooks import PrefitError, Settings

from .._util.progress import Progress, never, nothing
from ..core.result import PrefitData
from ..stn.predict import shipped
from ..stn.stack_prediction import StackPrediction
from ..stn.verdict import STATUSES
from . import Share
from .fields import NO_DATA, Field, axis_fields
from .predict import SeriesRows, StackPredictor
from .stack import Block, Stack

if TYPE_CHECKING:
    from .clusters import Found, Gathering
    from .fitted import StackFits
    from .model_selection import Structures
    from .series_model import SeriesModel

#: Bytes of the largest variable with curves that is kept, before it is packed: 192 MiB hold the background of 300 000
#: spectra of 161 points, and the components of a map of 128 x 128 with room for 18 names.
LARGEST_CURVE: Final = 192 * 2**20

#: Makes arrays for fields, by path: in memory, or in a file; asked again, it gives the same ones, with more labels.
Place = Callable[[Sequence[Field]], Mapping[str, Any]]
Counts = Mapping[str, NDArray[Any]]
#: Makes the result of one spectrum; it takes the parameters of `PrefitData`.
MakeResult = Callable[..., PrefitData]


@dataclass(frozen=True)
class Plan:
    """What is to be done with a stack.

    Parameters
    ----------
    settings : Settings
    fit : bool
        Whether models are seeded and fitted.
    share : {"none", "shift", "components"}
        What the spectra of a series have in common: nothing, their shift, or positions and widths of the components.
    progress, cancelled : callable
        Told of every finished block; asked before each.
    curves : bool
        Whether calibrated axes and curves are kept.
    make_result : callable
        Makes the result of a spectrum for plugins that listen for fits.
    """

    settings: Settings
    fit: bool = False
    share: Share = "none"
    progress: Progress = nothing
    cancelled: Callable[[], bool] = never
    curves: bool = False
    make_result: MakeResult = PrefitData


@dataclass
class Walk:
    """Passes over the blocks of a stack, with progress and cancel."""

    stack: Stack
    plan: Plan
    done: int = field(default=0, init=False)

    def over(self, what: str) -> Iterator[tuple[Block, Counts]]:
        """Give each block with its counts by region, shape (k, m)."""
        plan, size = self.plan, len(self.stack)
        total = size * (1 + (plan.share == "shift") + plan.fit)
        for block in self.stack.blocks():
            if plan.cancelled():
                msg = f"cancelled after {what} of {self.done % size} of {size} spectra."
                raise PrefitError(self.stack.source, msg)
            counts = {name: self.stack.read(name, block) for name in self.stack.regions}
            yield block, counts
            self.done += len(next(iter(counts.values())))
            plan.progress(self.done, total, f"{what} of {(self.done - 1) % size + 1} of {size} spectra")


def do(stack: Stack, plan: Plan, place: Place) -> tuple[list[Field], dict[str, Any], tuple[str, ...]]:
    """Work on a stack.

    Parameters
    ----------
    stack : Stack
    plan : Plan
    place : callable
        ``place(fields)`` makes room for fields when it is known what they are.

    Returns
    -------
    fields : list of Field
    arrays : dict of str to array
        By path.
    notes : tuple of str
        About the stack, in sentences.
    """
    walk = Walk(stack, plan)
    predictor = StackPredictor.of(stack, plan.settings, shipped())
    notes = list(predictor.notes)
    series = None
    if plan.share == "shift":
        series, said = _series(predictor, walk)
        notes += said
    fields = list(predictor.fields())
    axes, said = _kept(stack, axis_fields(stack) if plan.curves else ())
    notes += said
    arrays = dict(place([*fields, *axes]))
    gatherings = _gatherings(stack) if plan.fit else {}
    for block, counts in walk.over("shifts and groups"):
        rows = None if series is None else _rows(series, block)
        put(fields, arrays, block, predictor.answer(counts, rows))
        shift = np.asarray(arrays["applied_shift"][block]).reshape(-1, 1)
        put(axes, arrays, block, [stack.regions[axis.region].energy - shift for axis in axes])
        for name, gathering in gatherings.items():
            gathering.add(counts[name], _found(predictor, arrays, block))
    if plan.fit:
        more, said = _fit(walk, predictor, gatherings, arrays, place)
        fields += more
        notes += said
    return [*fields, *axes], arrays, tuple(notes)


def _kept(stack: Stack, fields: Iterable[Field]) -> tuple[list[Field], list[str]]:
    """Fields that are not too large to be kept, and a sentence for each of the others."""
    kept, notes = [], []
    for each in fields:
        if (size := each.nbytes(stack)) <= LARGEST_CURVE:
            kept.append(each)
        else:
            size, most = size // 2**20, LARGEST_CURVE // 2**20
            notes.append(f"{each.name} of {each.region} is left out: it takes {size} MiB, more than {most}.")
    return kept, notes


def put(fields: Sequence[Field], arrays: Mapping[str, Any], block: Block, values: Sequence[NDArray[Any]]) -> None:
    """Put arrays of shape (k, ...), one for each field, where their block is."""
    shape = tuple(part.stop - part.start for part in block)
    for each, array in zip(fields, values, strict=True):
        arrays[each.path][block] = array.reshape((*shape, *array.shape[1:]))


def _series(predictor: StackPredictor, walk: Walk) -> tuple[SeriesRows | None, list[str]]:
    """Shared shift of a series along one dimension, and what is to be said of it."""
    from .shared_shift import share_shift

    stack = walk.stack
    if len(stack.dims) != 1:
        dimensions = ", ".join(stack.dims) or "none"
        msg = f"a shared shift is for a series along one dimension; this stack has {dimensions}: take a part of it."
        raise PrefitError(stack.source, msg)
    parts = [predictor.predict(counts, keep_posterior=True) for _, counts in walk.over("readings")]
    (dim,) = stack.dims
    labels = stack.coords[dim].values.tolist() if dim in stack.coords else None
    shared = share_shift(StackPrediction.joined(parts), predictor.trained, dimension=dim, labels=labels)
    notes = [*shared.notes, *(reason for row in shared.reasons for reason in row)]
    if not np.isfinite(shared.shift).all():
        return None, notes
    return SeriesRows(shared.shift, shared.stderr, shared.carried), notes


def _rows(series: SeriesRows, block: Block) -> SeriesRows:
    (rows,) = block
    return SeriesRows(series.shift[rows], series.stderr[rows], series.carried[rows])


def _gatherings(stack: Stack) -> dict[str, Gathering]:
    from .clusters import Gathering

    return {name: Gathering(name, region.level, region.energy, region.attrs) for name, region in stack.regions.items()}


def _found(predictor: StackPredictor, arrays: Mapping[str, Any], block: Block) -> Found:
    """Take from the results what the seeds of a block need: applied shifts alone."""
    from .clusters import Found

    names = ("shift", "shift_stderr", "applied_shift", "status", "probability")
    shift, stderr, applied, status, probability = (np.asarray(arrays[name][block]) for name in names)
    shift, stderr = (np.where(applied == shift, values, np.nan) for values in (shift, stderr))
    known = np.where(status == NO_DATA, STATUSES.index("out_of_domain"), status).astype(np.int8).ravel()
    groups = predictor.trained.groups
    table = probability.reshape(-1, len(groups)).astype(float)
    return Found(groups, predictor.trained.info, shift.ravel(), stderr.ravel(), table, known)


def _fit(
    walk: Walk, predictor: StackPredictor, gatherings: Mapping[str, Gathering], arrays: dict[str, Any], place: Place
) -> tuple[list[Field], list[str]]:
    """Seed and fit every region; what was placed is added to `arrays`."""
    from .fit_fields import curve_fields, fit_fields, fit_values
    from .listeners import tell_listeners
    from .model_selection import Structures, decide

    stack, drawn = walk.stack, walk.plan.curves
    models: dict[str, Structures | SeriesModel] = {}
    fields: dict[str, list[Field]] = {}
    notes: list[str] = []
    means = {name: gathering.mean_spectrum() for name, gathering in gatherings.items()}
    for name, gathering in gatherings.items():
        others = {other: mean for other, mean in means.items() if other != name and mean is not None}
        try:
            if walk.plan.share == "components":
                model: Structures | SeriesModel | None = _series_model(walk, predictor, gathering, arrays, others)
            else:
                model = decide(gathering, walk.plan.settings, others)
        except PrefitError as error:
            notes.append(f"{name} is not fitted: {error.message}")
            continue
        if model is None or not model.labels.components:
            notes.append(f"{name} has no model.")
            continue
        curves = curve_fields(name, model.labels, stack.regions[name].energy) if drawn else ()
        kept, said = _kept(stack, curves)
        models[name], fields[name] = model, [*fit_fields(name, model.labels), *kept]
        notes += said
    arrays.update(place([one for own in fields.values() for one in own]))
    for block, counts in walk.over("fits"):
        known = _found(predictor, arrays, block)
        for name, own in models.items():
            values = fit_values(own.fit(counts[name], known, curves=drawn))
            put(fields[name], arrays, block, [values[each.name] for each in fields[name]])
    for name, own in models.items():
        if isinstance(own, Structures):
            fields[name] = _refit(stack, own, fields[name], arrays, predictor, place, curves=drawn)
    more, assumed = _quantified(stack, walk.plan.settings, models, arrays, place)
    notes += assumed
    tell_listeners(
        stack, walk.plan.settings, models, fields, arrays, partial(_found, predictor, arrays), walk.plan.make_result
    )
    return [*(one for own in fields.values() for one in own), *more], notes


def _quantified(
    stack: Stack,
    settings: Settings,
    models: Mapping[str, Structures | SeriesModel],
    arrays: dict[str, Any],
    place: Place,
) -> tuple[list[Field], tuple[str, ...]]:
    """Atomic percentages from the fits, block by block; what was placed is added to `arrays`."""
    from .amounts import Amounts

    labels = {name: model.labels for name, model in models.items()}
    amounts = Amounts.of(stack, {name: model.all_seeds for name, model in models.items()}, labels, settings)

    def of_block(block: Block) -> dict[str, dict[str, NDArray[Any]]]:
        variables = ("area", "area_stderr", "counted")
        return {name: {each: _flat_rows(arrays[f"{name}/{each}"][block]) for each in variables} for name in models}

    faint = {each.symbol for each in amounts.divisors if not each.own}
    for block in stack.blocks() if faint else ():
        faint &= amounts.traces(of_block(block))
    amounts = amounts.without(faint)
    fields = list(amounts.fields())
    arrays.update(place(fields))
    for block in stack.blocks() if fields else ():
        put(fields, arrays, block, amounts.values(of_block(block)))
    return fields, amounts.notes


def _flat_rows(values: NDArray[Any]) -> NDArray[Any]:
    """Array with the dimensions of the stack as one."""
    array = np.asarray(values)
    return array.reshape(-1, array.shape[-1])


def _series_model(
    walk: Walk,
    predictor: StackPredictor,
    gathering: Gathering,
    arrays: Mapping[str, Any],
    others: Mapping[str, xr.Dataset],
) -> SeriesModel | None:
    """Find positions and widths that a series has in common; None where nobody seeds the region."""
    from .clusters import Found
    from .global_fit import series_seed, subsample
    from .series_model import SeriesModel

    seed = series_seed(gathering, walk.plan.settings, others)
    if seed is None:
        return None
    stack, name = walk.stack, gathering.region
    chosen = np.zeros(len(stack), dtype=bool)
    chosen[subsample(len(stack))] = True
    chosen = chosen.reshape(stack.shape)
    counts: list[NDArray[Any]] = []
    known: list[Found] = []
    for block in stack.blocks():
        rows = np.flatnonzero(chosen[block].ravel())
        if rows.size:
            counts.append(stack.read(name, block)[rows])
            known.append(_found(predictor, arrays, block).rows(rows))
    attrs = stack.regions[name].attrs
    return SeriesModel.of(name, gathering.energy, attrs, seed, np.concatenate(counts), Found.joined(known))


def _refit(
    stack: Stack,
    structures: Structures,
    fields: Sequence[Field],
    arrays: dict[str, Any],
    predictor: StackPredictor,
    place: Place,
    *,
    curves: bool,
) -> list[Field]:
    """Seed singly what the structures describe badly, block by block; fields with the labels that came with that."""
    from .fit_fields import fit_fields, fit_values

    name = structures.region
    worst = structures.poor(arrays[f"{name}/structure"][...], arrays[f"{name}/redchi"][...])
    poor = np.zeros(len(stack), dtype=bool)
    poor[worst] = True
    poor = poor.reshape(stack.shape)
    again: list[tuple[Block, NDArray[np.intp], StackFits]] = []
    for block in stack.blocks():
        rows = np.flatnonzero(poor[block].ravel())
        if rows.size:
            counts, known = stack.read(name, block)[rows], _found(predictor, arrays, block).rows(rows)
            again.append((block, rows, structures.refit(counts, known, curves=curves)))
    labels = structures.labels.joined(fits.labels for _, _, fits in again)
    grown = {each.path: each for each in fit_fields(name, labels)}
    fields = [grown.get(each.path, each) for each in fields]
    arrays.update(place([each for each in fields if each.grows]))
    for block, rows, fits in again:
        values = fit_values(fits.over(labels))
        shape = tuple(part.stop - part.start for part in block)
        for number, row in enumerate(rows.tolist()):
            at = tuple(part.start + int(i) for part, i in zip(block, np.unravel_index(row, shape), strict=True))
            for each in fields:
                arrays[each.path][at] = values[each.name][number]
    return fields
