"""Prefit of a stack: shift, groups and status of every spectrum, as labelled arrays on the stack's own dimensions."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from inspect import signature
from pathlib import Path
from typing import Any, Final, Literal

import xarray as xr
from numpy.typing import NDArray

from xps_prefit_hooks import PrefitError, Settings

from ..files import refuse_measured, write_whole
from ..spectrum import calibrated
from ..stn.predict import shipped
from .fields import Field, labelled
from .file import place_fields, write_frame
from .question import Question
from .stack import Stack, stack_of

Share = Literal["none", "shift", "components"]
Progress = Callable[[int, int, str], None]

SCHEMA: Final = "xps-stn/stack/1"


def _nothing(done: int, total: int, text: str) -> None:
    """Tell nobody."""


def _never() -> bool:
    return False


def prefit_stack(
    stack: Stack,
    settings: Settings,
    *,
    progress: Progress = _nothing,
    cancelled: Callable[[], bool] = _never,
) -> xr.DataTree:
    """Find shift and functional groups of every spectrum of a stack.

    Parameters
    ----------
    stack : Stack
    settings : Settings
        From `xps_stn_plugin.settings.settings_of`.
    progress : callable
        ``progress(done, total, text)`` is told of every block that is finished.
    cancelled : callable
        Asked between blocks whether to stop.

    Returns
    -------
    xarray.DataTree
        On the dimensions and coordinates of the stack. Root: ``shift``, ``shift_stderr`` (eV, on the scale of
        ``settings.reference``), ``status`` and ``reasons`` (flags, see their attributes), ``probability`` over
        ``group``. For each region that the network looks at: ``region_shift``, ``region_shift_stderr``,
        ``disagreement`` (eV). NaN where nothing was measured. Of Dask's counts nothing is computed yet: the arrays are
        Dask's, too.

    Raises
    ------
    PrefitError
        If it is cancelled.
    """
    question = Question.about(stack, settings, shipped())
    fields = question.fields()
    if stack.lazy:
        arrays = _lazily(stack, fields, question)
    else:
        arrays = {field.path: field.empty(stack) for field in fields}
        fill(stack, fields, arrays, question.answer, progress, cancelled)
    return labelled(stack, fields, arrays, _attrs(stack, settings, question))


def write_stack(
    stack: Stack,
    path: str | Path,
    settings: Settings,
    *,
    progress: Progress = _nothing,
    cancelled: Callable[[], bool] = _never,
) -> None:
    """Prefit a stack into a file, block by block: neither spectra nor results need to be in memory together.

    The file is HDF5 in the form of netCDF-4, which ``xarray.open_datatree`` opens; it holds what `prefit_stack` gives.
    It takes its name when it is whole.

    Parameters
    ----------
    stack, settings, progress, cancelled
        See `prefit_stack`.
    path : path
        ``.nc`` or ``.h5``; never the file that the stack comes from.

    Raises
    ------
    PrefitError
        If it is cancelled, or the file cannot be written; then there is none.
    """
    import h5py

    path = Path(path)
    refuse_measured(path, [Path(stack.source)])
    question = Question.about(stack, settings, shipped())
    fields = question.fields()

    def write(temporary: Path) -> None:
        try:
            with h5py.File(temporary, "w") as file:
                write_frame(file, stack, labelled(stack, [], {}, _attrs(stack, settings, question)))
                arrays = place_fields(file, stack, fields)
                fill(stack, fields, arrays, question.answer, progress, cancelled)
        except RuntimeError as error:
            # What h5py says where HDF5 cannot close a file, because the disk is full.
            raise PrefitError(str(path), f"cannot be written: {error}.") from error

    write_whole(path, write)


def stack_options() -> tuple[str, ...]:
    """Names of the options that `prefit_stack` has beside the settings."""
    return tuple(name for name, one in signature(prefit_stack).parameters.items() if one.kind is one.KEYWORD_ONLY)


def fill(
    stack: Stack,
    fields: Sequence[Field],
    arrays: Mapping[str, Any],
    answer: Callable[[Mapping[str, NDArray[Any]]], Sequence[NDArray[Any]]],
    progress: Progress = _nothing,
    cancelled: Callable[[], bool] = _never,
) -> None:
    """Work on a stack block by block.

    Parameters
    ----------
    stack : Stack
    fields : sequence of Field
        What `answer` gives.
    arrays : mapping of str to array
        By path: numpy's, or datasets in a file; they are filled.
    answer : callable
        ``answer(counts)``, counts of k spectra by region, gives one array of shape (k, ...) for each field.
    progress, cancelled
        See `prefit_stack`.
    """
    done, total = 0, len(stack)
    for block in stack.blocks():
        if cancelled():
            raise PrefitError(stack.source, f"cancelled after {done} of {total} spectra.")
        counts = {name: stack.read(name, block) for name in stack.regions}
        shape = tuple(part.stop - part.start for part in block)
        for field, values in zip(fields, answer(counts), strict=True):
            arrays[field.path][block] = values.reshape((*shape, *values.shape[1:]))
        done += len(next(iter(counts.values())))
        progress(done, total, f"{done} of {total} spectra")


def _lazily(stack: Stack, fields: Sequence[Field], question: Question) -> dict[str, Any]:
    """Arrays of Dask's that are computed chunk by chunk when they are asked for."""
    cut = stack.rechunked()
    inputs = [region.counts.drop_vars(list(region.counts.coords)) for region in cut.regions.values()]
    axes = [f"binding_energy of {name}" for name in cut.regions]
    found = xr.apply_ufunc(
        partial(_answer_chunk, question),
        *(counts.rename(binding_energy=axis) for counts, axis in zip(inputs, axes, strict=True)),
        input_core_dims=[[axis] for axis in axes],
        output_core_dims=[list(field.labels) for field in fields],
        dask="parallelized",
        output_dtypes=[field.dtype for field in fields],
        dask_gufunc_kwargs={
            "output_sizes": {dim: len(names) for field in fields for dim, names in field.labels.items()}
        },
    )
    return {
        field.path: array.transpose(*stack.dims, *field.labels).data for field, array in zip(fields, found, strict=True)
    }


def _answer_chunk(question: Question, *counts: NDArray[Any]) -> tuple[NDArray[Any], ...]:
    """Answers about a chunk, whatever its shape."""
    shape = counts[0].shape[:-1]
    by_name = {
        name: values.reshape(-1, values.shape[-1]) for name, values in zip(question.energies, counts, strict=True)
    }
    return tuple(values.reshape((*shape, *values.shape[1:])) for values in question.answer(by_name))


def _attrs(stack: Stack, settings: Settings, question: Question) -> dict[str, Any]:
    model = question.trained.info
    return {
        "schema": SCHEMA,
        "source": stack.source,
        "convention": f"shift is measured minus true; aliphatic C 1s = {settings.reference:.2f} eV",
        "reference": settings.reference,
        "notes": "\n".join(question.notes),
        "model": f"{model.name} {model.version}",
        "model_sha256": model.sha256,
    }


def calibrated_pixel(spectra: Stack | xr.DataTree, found: xr.DataTree, **place: int) -> xr.DataTree:
    """One spectrum of a stack on its corrected axis.

    Parameters
    ----------
    spectra : Stack or xarray.DataTree
        The stack, as measured.
    found : xarray.DataTree
        What `prefit_stack` found in it.
    **place : int
        Position along each dimension: ``x=3, y=40``.

    Returns
    -------
    xarray.DataTree
        As ``PrefitResult.calibrated``: measured energies minus the spectrum's shift, counts as measured.

    Raises
    ------
    PrefitError
        If nothing was measured there, or no shift was found.
    """
    stack = spectra if isinstance(spectra, Stack) else stack_of(spectra)
    spectrum = stack.spectrum(place)
    shift, stderr = (float(found.dataset[name].isel(place).item()) for name in ("shift", "shift_stderr"))
    if math.isnan(shift):
        raise PrefitError(str(spectrum.attrs["source"]), "no shift was found, so nothing is calibrated.")
    return calibrated(spectrum, shift, stderr, float(found.attrs["reference"]))
