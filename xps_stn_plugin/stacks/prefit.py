"""Prefit of a stack: what is found in every spectrum, as labelled arrays on the stack's own dimensions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from inspect import signature
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_args

import xarray as xr
from numpy.typing import NDArray

from xps_prefit_hooks import PrefitError, Settings

from .._util.files import check_target, write_whole
from .._util.progress import Progress, never, nothing
from ..core.charge_references import named_reference
from ..core.energy_scale import is_told, reference_text, shift_text
from ..core.result import PrefitData
from ..core.spectrum import calibrated
from ..stn.predict import shipped
from . import Share
from .disk import new_file
from .fields import Field, labelled
from .file import place_fields, write_counts, write_frame
from .pipeline import MakeResult, Place, Plan, do
from .predict import StackPredictor
from .stack import Stack, stack_of

if TYPE_CHECKING:
    import h5py

SCHEMA: Final = "xps-stn/stack/1"


def prefit_stack(
    stack: Stack,
    settings: Settings,
    make_result: MakeResult = PrefitData,
    *,
    fit: bool = False,
    share: Share = "none",
    progress: Progress = nothing,
    cancelled: Callable[[], bool] = never,
) -> xr.DataTree:
    """Find shift and functional groups of every spectrum of a stack, and fit seeded models.

    Parameters
    ----------
    stack : Stack
    settings : Settings
        From `xps_stn_plugin.settings.settings_of`.
    make_result : callable
        Makes the result of a spectrum for plugins that listen for finished fits.
    fit : bool
        Whether models are seeded and fitted. Spectra in which the same groups were found share the model's structure.
    share : {"none", "shift", "components"}
        What the spectra have in common. "shift": they are a series along one dimension with one shift, constant or
        slowly drifting; see `xps_stn_plugin.stacks.shared_shift`. "components", with `fit`: positions and widths; areas
        and backgrounds are those of each spectrum; see ``xps_stn_plugin.stacks.global_fit``.
    progress : callable
        ``progress(done, total, text)`` is told of every block that is finished.
    cancelled : callable
        Asked between blocks whether to stop.

    Returns
    -------
    xarray.DataTree
        On the dimensions and coordinates of the stack. Root: ``shift``, ``shift_stderr`` (eV, on the scale of
        ``settings.reference``), ``applied_shift`` (eV; what is taken off the measured energies), ``status`` and
        ``reasons`` (flags, see their attributes), ``probability`` over ``group``. For each region that the network
        looks at: ``region_shift``, ``region_shift_stderr``, ``disagreement`` (eV). With `fit`: ``center``, ``fwhm``,
        ``area`` and their ``_stderr`` over ``component``, lmfit's ``parameter_value`` and ``parameter_stderr`` over
        ``parameter``, ``redchi``, ``success`` and more. NaN where nothing was measured. Of Dask's counts nothing is
        computed yet, and the arrays are Dask's, too, where neither `fit` nor `share` needs to see all of them first.

    Raises
    ------
    PrefitError
        If an option makes no sense for this stack, or it is cancelled.
    """
    plan = replace(_plan(stack, settings, fit, share, progress, cancelled), make_result=make_result)
    if stack.lazy and not fit and share == "none":
        predictor = StackPredictor.of(stack, settings, shipped())
        fields = predictor.fields()
        return labelled(stack, fields, _lazily(stack, fields, predictor), _attrs(stack, settings, predictor.notes))
    found, arrays, notes = do(stack, plan, _in_memory(stack))
    return labelled(stack, found, arrays, _attrs(stack, settings, notes))


def write_stack(
    stack: Stack,
    path: str | Path,
    settings: Settings,
    *,
    fit: bool = False,
    share: Share = "none",
    counts: bool = False,
    curves: bool = False,
    overwrite: bool = False,
    progress: Progress = nothing,
    cancelled: Callable[[], bool] = never,
) -> None:
    """Prefit a stack into a file, block by block: neither spectra nor results need to be in memory together.

    The file is HDF5 in the form of netCDF-4, which ``xarray.open_datatree`` opens; it holds what `prefit_stack` gives.
    It takes its name when it is whole.

    Parameters
    ----------
    stack, settings, fit, share, progress, cancelled
        See `prefit_stack`.
    path : path
        ``.nc`` or ``.h5``; never the file that the stack comes from.
    counts : bool
        Whether the intensities are written, too, as ``counts`` of each region.
    curves : bool
        Whether the calibrated axis of every spectrum is, as ``binding_energy_calibrated``, and the curves of the fits:
        ``background``, ``envelope``, ``residual``, ``component_curve``. One that takes more than `LARGEST_CURVE`
        bytes is left out, and the attribute ``notes`` says so.
    overwrite : bool
        Whether a file or link is replaced that this package did not write, or that was changed since.

    Raises
    ------
    PrefitError
        If an option makes no sense for this stack, it is cancelled, or the file cannot be written; then there is none.
    """
    path = Path(path)
    measured = [Path(stack.source)]
    check_target(path, overwrite=overwrite, inputs=measured)
    plan = _plan(stack, settings, fit, share, progress, cancelled)

    def write(temporary: Path) -> None:
        with new_file(temporary) as (file, disk):

            def stopped() -> bool:
                disk.check()
                return cancelled()

            _write(file, stack, replace(plan, curves=curves, cancelled=stopped), counts, disk.check)

    write_whole(path, write, overwrite=overwrite, inputs=measured)


def stack_bytes(
    stack: Stack,
    settings: Settings,
    make_result: MakeResult = PrefitData,
    *,
    fit: bool = False,
    share: Share = "none",
    curves: bool = False,
) -> bytes:
    """Content of the file that `write_stack` writes with counts, for a stack that fits into memory."""
    import h5py

    buffer = BytesIO()
    plan = replace(_plan(stack, settings, fit, share), curves=curves, make_result=make_result)
    with h5py.File(buffer, "w") as file:
        _write(file, stack, plan, counts=True)
    return buffer.getvalue()


def _write(file: h5py.File, stack: Stack, plan: Plan, counts: bool, check: Callable[[], None] = lambda: None) -> None:
    write_frame(file, stack, labelled(stack, [], {}, _attrs(stack, plan.settings)))
    _, _, notes = do(stack, plan, partial(place_fields, file, stack))
    if counts:
        write_counts(file, stack, check)
    file.attrs["notes"] = "\n".join(notes)


def _in_memory(stack: Stack) -> Place:
    """Make arrays in memory, or the same ones with more labels along their last dimension."""
    arrays: dict[str, NDArray[Any]] = {}

    def place(fields: Sequence[Field]) -> Mapping[str, NDArray[Any]]:
        for field in fields:
            before, arrays[field.path] = arrays.get(field.path), field.empty(stack)
            if before is not None:
                arrays[field.path][..., : before.shape[-1]] = before
        return {field.path: arrays[field.path] for field in fields}

    return place


def stack_options() -> tuple[str, ...]:
    """Names of the options that `prefit_stack` has beside the settings."""
    return tuple(name for name, one in signature(prefit_stack).parameters.items() if one.kind is one.KEYWORD_ONLY)


def _plan(
    stack: Stack,
    settings: Settings,
    fit: bool,
    share: Share,
    progress: Progress = nothing,
    cancelled: Callable[[], bool] = never,
) -> Plan:
    if share not in get_args(Share):
        raise PrefitError("share", f"{share!r} is unknown; take one of {', '.join(get_args(Share))}.")
    if share == "components" and not fit:
        raise PrefitError("share", "components are shared by fits; ask for fits, too (fit=True).")
    if share == "shift" and is_told(settings):
        msg = (
            "a given shift, a calibration on a line, expected substances and known groups apply to each shift "
            "separately; leave them out, or share no shift."
        )
        raise PrefitError("share", msg)
    return Plan(settings, fit, share, progress, cancelled)


def _lazily(stack: Stack, fields: Sequence[Field], predictor: StackPredictor) -> dict[str, Any]:
    """Arrays of Dask's that are computed chunk by chunk when they are asked for."""
    cut = stack.rechunked()
    inputs = [region.counts.drop_vars(list(region.counts.coords)) for region in cut.regions.values()]
    axes = [f"binding_energy of {name}" for name in cut.regions]
    found = xr.apply_ufunc(
        partial(_answer_chunk, predictor),
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


def _answer_chunk(predictor: StackPredictor, *counts: NDArray[Any]) -> tuple[NDArray[Any], ...]:
    """Answers about a chunk, whatever its shape."""
    shape = counts[0].shape[:-1]
    by_name = {
        name: values.reshape(-1, values.shape[-1]) for name, values in zip(predictor.view.energies, counts, strict=True)
    }
    return tuple(values.reshape((*shape, *values.shape[1:])) for values in predictor.answer(by_name))


def _attrs(stack: Stack, settings: Settings, notes: Sequence[str] = ()) -> dict[str, Any]:
    model = shipped().info
    zero = reference_text(settings.reference, settings.reference_at, settings.calibrate_on)
    return {
        "schema": SCHEMA,
        "source": stack.source,
        "convention": f"shift is measured minus true; {zero}",
        "reference": settings.reference,
        "reference_at": settings.reference_at,
        **({} if named_reference(settings.calibrate_on) is None else {"calibrated_on": settings.calibrate_on}),
        "notes": "\n".join(notes),
        "model": f"{model.name} {model.version}",
        "model_sha256": model.sha256,
    }


def calibrated_pixel(
    spectra: Stack | xr.DataTree | xr.Dataset | xr.DataArray, found: xr.DataTree, **place: int
) -> xr.DataTree:
    """One spectrum of a stack on its corrected axis.

    Parameters
    ----------
    spectra : Stack, xarray.DataTree, xarray.Dataset or xarray.DataArray
        The stack, as measured.
    found : xarray.DataTree
        What `prefit_stack` found in it.
    **place : int
        Position along each dimension: ``x=3, y=40``.

    Returns
    -------
    xarray.DataTree
        As ``PrefitData.calibrated``: measured energies minus the spectrum's shift, counts as measured.

    Raises
    ------
    PrefitError
        If nothing was measured there, or no shift is applied.
    """
    stack = spectra if isinstance(spectra, Stack) else stack_of(spectra)
    spectrum = stack.spectrum(place)
    names = ("shift", "shift_stderr", "applied_shift")
    shift, stderr, applied = (float(found.dataset[name].isel(place).item()) for name in names)
    if shift != applied:
        msg = f"{shift_text(shift, stderr, False)}, so nothing is calibrated."
        raise PrefitError(str(spectrum.attrs["source"]), msg)
    reference, reference_at = float(found.attrs["reference"]), found.attrs["reference_at"]
    calibrated_on = found.attrs.get("calibrated_on")
    return calibrated(spectrum, shift, stderr, reference, reference_at, calibrated_on=calibrated_on)
