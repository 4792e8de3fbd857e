"""Files of a batch that hold a stack of spectra: one piece of work, a row for each spectrum, labelled arrays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from itertools import product
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xps_prefit_hooks import PrefitError, Settings, Status

from ..core.energy_scale import region_status
from ..core.survey import is_survey
from ..export.texts import with_error
from ..stacks import Share
from .picture import Component, Drawing
from .record import LEAST_PROBABILITY, StackRecord

if TYPE_CHECKING:
    import h5py

FloatArray = NDArray[np.float64]

#: What says how good a fit is, in the store and in the summary.
_QUALITY: Final = ("redchi", "durbin_watson", "runs_p")

#: What is known of every spectrum.
_OF_SPECTRUM: Final = ("shift", "shift_stderr", "applied_shift", "status", "reasons", "probability")


def stack_record(spectrum: xr.DataTree, settings: Settings, fit: bool, share: Share) -> StackRecord:
    """Prefit a stack.

    Parameters
    ----------
    spectrum : xarray.DataTree
        Regions with the same further dimensions.
    settings : Settings
    fit : bool
    share : {"none", "shift", "components"}

    Raises
    ------
    PrefitError
        If regions do not go together, nothing was measured, or an option makes no sense for it.
    """
    from ..api import PrefitResult
    from ..stacks.fields import NO_DATA, STACK_STATUSES
    from ..stacks.prefit import stack_bytes
    from ..stacks.stack import stack_of

    stack = stack_of(spectrum)
    data = stack_bytes(stack, settings, PrefitResult, fit=fit, share=share, curves=True)
    with opened(data) as file:
        statuses = file["status"][...].ravel()
    measured = statuses[statuses != NO_DATA]
    if not measured.size:
        raise PrefitError(stack.source, "none of the spectra of the stack contains a measurement.")
    status = STACK_STATUSES[int(np.bincount(measured).argmax())]
    labels = {dim: stack.labels(dim) for dim in stack.dims}
    return StackRecord(status, labels, tuple(stack.regions), data, _surveys(spectrum, stack.regions, settings))


def _surveys(spectrum: xr.DataTree, regions: Iterable[str], settings: Settings) -> dict[str, tuple[str, ...]]:
    """Elements of each spectrum of the regions that are surveys, for people."""
    surveys = {}
    for name in regions:
        dataset = spectrum[name].to_dataset() if name in spectrum.children else None
        if dataset is None or not is_survey(dataset, name):
            continue
        # It loads optimisation routines that other stacks do not need.
        from ..surveys import stack_survey

        found = stack_survey(dataset, photon_energy=settings.photon_energy, transmission=settings.transmission)
        symbols = found["element"].values
        rows = zip(
            found["atomic_percent"].values.reshape(-1, symbols.size),
            found["atomic_percent_stderr"].values.reshape(-1, symbols.size),
            strict=True,
        )
        surveys[name] = tuple(
            ", ".join(
                f"{symbols[n]} {with_error(percent[n], stderr[n], 1)}" for n in np.argsort(-percent) if percent[n] > 0.0
            )
            for percent, stderr in rows
        )
    return surveys


def spectrum_fields(record: StackRecord, fit: bool) -> Iterator[dict[str, Any]]:
    """Fields of the summary's rows, one for each spectrum and region of a stack."""
    from ..stacks.fields import NO_DATA, REASON_TEXTS, STACK_STATUSES

    with opened(record.data) as file:
        groups = list(file["group"].asstr())
        fields = {name: _flat(file, name) for name in _OF_SPECTRUM}
        regions = {name: _of_region(file[name]) for name in record.regions}
        elements = list(file["element"].asstr()) if "atomic_percent" in file else []
        percent = _flat(file, "atomic_percent", 1) if elements else None
    texts: dict[int, tuple[str, ...]] = {}
    for row, labels in enumerate(product(*record.labels.values())):
        coordinates = ", ".join(f"{dim}={label}" for dim, label in zip(record.labels, labels, strict=True))
        bits, number = int(fields["reasons"][row]), int(fields["status"][row])
        if bits not in texts:
            texts[bits] = tuple(text for bit, text in REASON_TEXTS.items() if bits & bit)
        common = {
            "place": coordinates,
            "shift": float(fields["shift"][row]),
            "shift_stderr": float(fields["shift_stderr"][row]),
            "applied_shift": float(fields["applied_shift"][row]),
            "groups": _groups(groups, fields["probability"][row]),
            "atomic_percent": () if percent is None else _percentages(elements, percent[row]),
            "reasons": ("Nothing was measured.",) if number == NO_DATA else texts[bits],
        }
        for name, values in regions.items():
            fitted = "" if number == NO_DATA else _fitted(values, row) if fit else "no"
            yield {
                **common,
                "region": name,
                "status": "failed" if fitted == "failed" else _status(STACK_STATUSES[number], "region_shift" in values),
                "region_shift": float(values["region_shift"][row]) if "region_shift" in values else np.nan,
                "disagreement": float(values["disagreement"][row]) if "disagreement" in values else np.nan,
                "fitted": fitted,
                "survey_elements": record.surveys[name][row] if name in record.surveys else "",
                **(_of_fit(values, row) if fitted in ("yes", "poor") else {}),
            }


def notes_of(record: StackRecord) -> str:
    """Read what is to be said of the stack as a whole, in sentences."""
    with opened(record.data) as file:
        return " ".join(file.attrs["notes"].split("\n"))


def shift_of(record: StackRecord) -> FloatArray:
    """Shift of every spectrum in eV, on the dimensions of the stack."""
    with opened(record.data) as file:
        values: FloatArray = file["shift"][...]
    return values


def not_applied(record: StackRecord) -> int:
    """Count the spectra that have a shift by which they are not moved."""
    with opened(record.data) as file:
        shift, applied = file["shift"][...], file["applied_shift"][...]
    return int((np.isfinite(shift) & (applied != shift)).sum())


def percentages_of(record: StackRecord) -> dict[str, FloatArray]:
    """Atomic percent of every element that any spectrum shows, on the dimensions of the stack, the largest first."""
    with opened(record.data) as file:
        if "atomic_percent" not in file:
            return {}
        values = file["atomic_percent"][...]
        names = list(file["element"].asstr())
    by_name = {name: values[..., number] for number, name in enumerate(names) if np.isfinite(values[..., number]).any()}
    return dict(sorted(by_name.items(), key=lambda item: -float(np.nanmax(item[1]))))


@dataclass(frozen=True, eq=False)
class Area:
    """Area of a component in every spectrum, on the dimensions of the stack, and its colour in pictures of fits."""

    values: FloatArray
    colour: int | None


def areas_of(record: StackRecord) -> dict[str, dict[str, Area]]:
    """Areas by region and component, where any spectrum has one."""
    areas_by_region: dict[str, dict[str, Area]] = {}
    with opened(record.data) as file:
        for region in record.regions:
            group = file[region]
            if "area" not in group:
                continue
            areas, assigned = group["area"][...], group["assigned"][...]
            areas_by_region[region] = {
                str(name): Area(areas[..., number], number if (assigned[..., number] == 1).any() else None)
                for number, name in enumerate(group["component"].asstr())
                if np.isfinite(areas[..., number]).any()
            }
    return areas_by_region


def drawings_of(record: StackRecord, spectra: Iterable[tuple[int, str]]) -> Iterator[Drawing]:
    """Read what is drawn of some of the spectra, each on its calibrated axis where its shift is applied.

    Parameters
    ----------
    record : StackRecord
    spectra : iterable of (int, str)
        Number of the spectrum, the last dimension fastest, and region.
    """
    shape = tuple(len(labels) for labels in record.labels.values())
    with opened(record.data) as file:
        for number, region in spectra:
            yield _drawing(file, file[region], np.unravel_index(number, shape))


def _drawing(file: h5py.File, region: h5py.Group, index: tuple[Any, ...]) -> Drawing:
    energy = region["binding_energy"][...] - np.nan_to_num(file["applied_shift"][index])
    counts = np.asarray(region["counts"][index], dtype=float)
    if "envelope" not in region or not np.isfinite(region["envelope"][index]).any():
        return Drawing(energy, counts)
    background, envelope = (np.asarray(region[name][index], dtype=float) for name in ("background", "envelope"))
    names, centers = region["component"].asstr()[...], region["center"][index]
    components = [
        Component(
            str(names[number]),
            float(centers[number]),
            int(number) if region["assigned"][(*index, number)] == 1 else None,
            np.asarray(region["component_curve"][(*index, number)], dtype=float)
            if "component_curve" in region
            else None,
        )
        for number in np.flatnonzero(np.isfinite(centers))
    ]
    return Drawing(energy, counts, background, envelope, components)


def write_stack_group(group: h5py.Group, record: StackRecord) -> None:
    """Write a stack into a group of the store, as `xps_stn_plugin.stacks.prefit.write_stack` writes a file."""
    from ..stacks.file import copy_tree

    with opened(record.data) as file:
        copy_tree(file, group)


@contextmanager
def opened(data: bytes) -> Iterator[h5py.File]:
    """Open the HDF5 file of a record."""
    import h5py

    with h5py.File(BytesIO(data), "r") as file:
        yield file


def _status(word: str, read: bool) -> str:
    return word if word == "no_data" else region_status(cast("Status", word), read)


def _flat(group: h5py.Group, name: str, further: int = 0) -> np.ndarray[Any, Any]:
    """Array with the dimensions of the stack as one."""
    values: np.ndarray[Any, Any] = group[name][...]
    further = 1 if name == "probability" else further
    return values.reshape((-1, *values.shape[values.ndim - further :]))


def _of_region(group: h5py.Group) -> dict[str, np.ndarray[Any, Any]]:
    names = ("region_shift", "disagreement", "structure", "fit_status", "describes_data", "background_kind", *_QUALITY)
    flat = {name: _flat(group, name) for name in names if name in group}
    if "assigned" not in group:
        return flat
    kinds = group["background_kind"].attrs
    words = dict(zip(kinds["flag_values"].tolist(), kinds["flag_meanings"].split(), strict=True))
    flat["background_kind"] = np.array([words[number] for number in flat["background_kind"].tolist()])
    return {**flat, "assigned": _flat(group, "assigned", 1)}


def _of_fit(values: dict[str, np.ndarray[Any, Any]], row: int) -> dict[str, Any]:
    assigned = values["assigned"][row]
    return {
        "background": str(values["background_kind"][row]),
        "components": int((assigned >= 0).sum()),
        "unassigned": int((assigned == 0).sum()),
        **{name: float(values[name][row]) for name in _QUALITY},
    }


def _fitted(values: dict[str, np.ndarray[Any, Any]], row: int) -> str:
    """Say what became of the fit; nothing where the region was not measured."""
    if "structure" not in values or values["structure"][row] == -1:
        return "no model"
    if values["fit_status"][row] == 0 and not values["describes_data"][row]:
        return "poor"
    return ("yes", "failed", "")[int(values["fit_status"][row])]


def _percentages(names: list[str], values: np.ndarray[Any, Any]) -> tuple[tuple[str, float], ...]:
    """List the elements of a spectrum, the largest atomic percent first."""
    known = [(name, float(value)) for name, value in zip(names, values, strict=True) if np.isfinite(value)]
    return tuple(sorted(known, key=lambda item: -item[1]))


def _groups(names: list[str], probabilities: np.ndarray[Any, Any]) -> tuple[tuple[str, float], ...]:
    """List groups above one half, the most probable one first."""
    likely = np.flatnonzero(probabilities > LEAST_PROBABILITY)
    order = sorted(likely, key=lambda number: (-probabilities[number], number))
    return tuple((names[number], float(probabilities[number])) for number in order)
