"""One HDF5 file with everything, in netCDF-4 form: ``xarray.open_datatree`` opens it (with h5netcdf or netCDF4).

``/summary`` is the table of the batch over ``row``. ``/spectra`` has one entry for each file over ``spectrum``: shift,
probabilities over ``group``, atomic percentages over ``element``. ``/regions/NAME`` has one for each spectrum with that
region: curves over ``channel``, components over ``component``, lmfit's parameters over ``parameter``.
``/stacks/NAME`` is a file with a stack of spectra, on its own dimensions. What a spectrum does not have is NaN. See
docs/batch.md.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from .._util.files import Overwrite, write_whole
from .._util.printable import printable
from ..export.report import Element, Report
from .entry import Entry, not_written
from .record import AXIS, BACKGROUND, COMPONENTS, COUNTS, ENVELOPE, MEASURED_AXIS
from .stacks import write_stack_group
from .summary import COLUMNS, Row
from .tables import Part, SpectraTable, Variable, put_coordinate

if TYPE_CHECKING:
    import h5py

SCHEMA: Final = "xps-stn/batch/1"

#: Columns of the summary that hold text.
_TEXTS: Final = frozenset(
    {
        "source",
        "region",
        "status",
        "groups",
        "fitted",
        "background",
        "reasons",
        "place",
        "reference_at",
        "calibrated_on",
        "survey_elements",
        "atomic_percent",
    }
)

_SPECTRUM: Final = (
    Variable("source", text=True, meaning="file"),
    Variable("status", text=True, meaning="ok, uncertain, out_of_domain or failed"),
    Variable("reasons", text=True),
    Variable("shift", units="eV", meaning="measured minus true binding energy"),
    Variable("shift_stderr", units="eV", meaning="standard error of the shift"),
    Variable("applied_shift", units="eV", meaning="subtracted from the measured energies; 0 if they are as measured"),
    Variable("probability", ("group",), meaning="probability of a functional group"),
    Variable("atomic_percent", ("element",), units="%"),
    Variable("atomic_percent_stderr", ("element",), units="%"),
)
_CURVES: Final = {
    "binding_energy": AXIS,
    "binding_energy_measured": MEASURED_AXIS,
    "counts": COUNTS,
    "background": BACKGROUND,
    "envelope": ENVELOPE,
}
_FIT_NUMBERS: Final = ("success", "redchi", "nfev", "bic", "chi_square_probability", "durbin_watson", "runs_p")
_FIT_TEXTS: Final = ("message", "weighting")
_COMPONENT_NUMBERS: Final = {"center": "eV", "fwhm": "eV", "area": "intensity eV"}
_PARAMETER_NUMBERS: Final = ("value", "stderr", "min", "max", "vary")
_REGION: Final = (
    Variable("label", text=True, meaning="region as the file names it"),
    Variable("intensity", text=True, meaning="kind of intensity: counts, counts per second or arbitrary"),
    Variable("attributes", text=True, meaning="all attributes of the region from the reader, as JSON"),
    Variable("photon_energy", units="eV"),
    Variable("region_shift", units="eV", meaning="shift of this region"),
    Variable("region_shift_stderr", units="eV"),
    Variable("region_shift_disagreement", units="eV", meaning="difference from that expected from the common shift"),
    Variable("background_kind", text=True),
    Variable("failure", text=True, meaning="why there is no model or no good fit"),
    Variable("notes", text=True, meaning="components that were merged, dropped or added, and doubtful results"),
    *(Variable(f"fit_{name}") for name in _FIT_NUMBERS),
    *(Variable(f"fit_{name}", text=True) for name in _FIT_TEXTS),
    Variable("binding_energy", ("channel",), "eV", "calibrated; as measured where no shift is applied"),
    Variable("binding_energy_measured", ("channel",), "eV"),
    Variable("counts", ("channel",), meaning="intensity as measured"),
    Variable("background", ("channel",)),
    Variable("envelope", ("channel",), meaning="model: components and background"),
    Variable("residual", ("channel",), meaning="counts minus envelope"),
    Variable("component_curve", ("component", "channel"), meaning="component without background"),
    Variable("component_groups", ("component",), text=True, meaning="functional groups that it belongs to"),
    Variable("at_bound", ("component",), text=True, meaning="quantities that ended at a bound"),
    Variable("center_measured", ("component",), "eV"),
    *(Variable(name, ("component",), unit) for name, unit in _COMPONENT_NUMBERS.items()),
    *(Variable(f"{name}_stderr", ("component",), unit) for name, unit in _COMPONENT_NUMBERS.items()),
    Variable("component_percent", ("component",), "at%"),
    Variable("component_percent_stderr", ("component",), "at%"),
    *(Variable(f"parameter_{name}", ("parameter",)) for name in _PARAMETER_NUMBERS),
    Variable("parameter_expr", ("parameter",), text=True, meaning="tie to other parameters"),
)


@dataclass
class _Layout:
    """Labels of the spectra of a table, in order of appearance."""

    spectra: list[str] = field(default_factory=list)
    channels: int = 0
    labels: dict[str, dict[str, int]] = field(default_factory=dict)

    def positions(self, dim: str, labels: Iterable[str]) -> list[int]:
        """List the positions of labels along a dimension; new ones are added."""
        index = self.labels.setdefault(dim, {})
        return [index.setdefault(label, len(index)) for label in labels]

    def table(self, group: h5py.Group, variables: Sequence[Variable]) -> SpectraTable:
        labels: dict[str, Any] = {dim: list(positions) for dim, positions in self.labels.items()}
        return SpectraTable(group, self.spectra, {**labels, "channel": range(self.channels)}, variables)


def write_store(
    path: Path,
    entries: Iterable[Entry],
    rows: Sequence[Row],
    provenance: Mapping[str, str],
    failed: Callable[[Entry, str, Exception], None] = not_written,
    *,
    overwrite: Overwrite = False,
    inputs: Iterable[Path] = (),
) -> None:
    """Write the store.

    Parameters
    ----------
    path : Path
    entries : iterable of Entry
        Gone through twice, one by one, so that they need not be in memory together.
    rows : sequence of Row
        The summary.
    provenance : mapping of str to str
        Attributes of the root: versions and settings.
    failed : callable
        ``failed(entry, output, error)`` is told of a spectrum that cannot be written; the store lacks parts of it then.
    overwrite, inputs
        As for `xps_stn_plugin._util.files.check_target`.

    Raises
    ------
    PrefitError
        If the file cannot be written.
    """
    from ..stacks.disk import new_file

    def write(temporary: Path) -> None:
        with new_file(temporary) as (file, disk):
            file.attrs.update({"schema": SCHEMA, **provenance})
            _write_rows(file.create_group("summary"), rows)

            def omit(entry: Entry, error: Exception) -> None:
                # Where the disk is to blame, it is so for all of them.
                disk.check()
                failed(entry, "part of the store", error)

            _write_entries(file, entries, disk.check, omit)

    write_whole(path, write, overwrite=overwrite, inputs=inputs)


def _write_rows(group: h5py.Group, rows: Sequence[Row]) -> None:
    """Write the summary's table, with the same digits."""
    import h5py

    put_coordinate(group, "row", range(1, len(rows) + 1))
    cells = [row.cells() for row in rows]
    for number, column in enumerate(COLUMNS):
        texts = [printable(row[number]) for row in cells]
        if column in _TEXTS:
            dataset = group.create_dataset(column, data=np.array(texts, dtype=object), dtype=h5py.string_dtype())
        else:
            dataset = group.create_dataset(column, data=np.array([float(text or "nan") for text in texts]))
        dataset.dims[0].attach_scale(group["row"])


def _write_entries(
    file: h5py.File,
    entries: Iterable[Entry],
    check: Callable[[], None],
    failed: Callable[[Entry, Exception], None],
) -> None:
    spectra, regions = _Layout(), dict[str, _Layout]()
    for entry in entries:
        try:
            _measure(entry, spectra, regions)
        except Exception as error:  # noqa: BLE001 (one spectrum must not cost the others their place)
            failed(entry, error)
    spectra_table = spectra.table(file.create_group("spectra"), _SPECTRUM)
    parts = {name: layout.table(file.create_group(f"regions/{name}"), _REGION) for name, layout in regions.items()}
    for entry in entries:
        check()
        try:
            spectra_table.add(_of_spectrum(entry, spectra))
            for name in entry.record.regions:
                parts[name].add(_of_region(entry, name, regions[name]))
            if entry.record.stack is not None:
                write_stack_group(file.create_group(f"stacks/{entry.name}"), entry.record.stack)
        except Exception as error:  # noqa: BLE001 (as above)
            failed(entry, error)
    for table in (spectra_table, *parts.values()):
        table.flush()


def _measure(entry: Entry, spectra: _Layout, regions: dict[str, _Layout]) -> None:
    spectra.spectra.append(entry.name)
    report = entry.record.report
    if report is None:
        return
    # The vocabulary's order is not in the report, which ranks them.
    spectra.positions("group", sorted(group.name for group in report.groups))
    spectra.positions("element", (element.symbol for element in _elements(report)))
    for name, region in entry.record.regions.items():
        layout = regions.setdefault(name, _Layout())
        layout.spectra.append(entry.name)
        layout.channels = max(layout.channels, region.curves.shape[1])
        layout.positions("component", (component.name for component in report.regions[name].components))
        layout.positions("parameter", (parameter.name for parameter in region.parameters))


def _of_spectrum(entry: Entry, layout: _Layout) -> dict[str, Part]:
    record, report = entry.record, entry.record.report
    values: dict[str, Part] = {
        "source": ((), printable(entry.source)),
        "status": ((), record.status),
        "reasons": ((), printable(record.reason if report is None else "\n".join(report.reasons))),
    }
    if report is None:
        return values
    groups, elements = report.groups, _elements(report)
    at_groups = (layout.positions("group", (group.name for group in groups)),)
    at_elements = (layout.positions("element", (element.symbol for element in elements)),)
    return {
        **values,
        "shift": ((), _number(report.shift.value)),
        "shift_stderr": ((), _number(report.shift.stderr)),
        "applied_shift": ((), _number(report.shift.applied)),
        "probability": (at_groups, [_number(group.probability) for group in groups]),
        "atomic_percent": (at_elements, [_number(element.atomic_percent) for element in elements]),
        "atomic_percent_stderr": (at_elements, [_number(element.stderr) for element in elements]),
    }


def _of_region(entry: Entry, name: str, layout: _Layout) -> dict[str, Part]:
    assert entry.record.report is not None
    region, reported = entry.record.regions[name], entry.record.report.regions[name]
    shift, fit, components = reported.shift, reported.fit, reported.components
    channels = slice(region.curves.shape[1])
    at_components = layout.positions("component", (component.name for component in components))
    at_parameters = (layout.positions("parameter", (parameter.name for parameter in region.parameters)),)
    numbers = {
        "photon_energy": region.attrs.get("photon_energy"),
        "region_shift": shift.value if shift else None,
        "region_shift_stderr": shift.stderr if shift else None,
        "region_shift_disagreement": shift.disagreement if shift else None,
        **{f"fit_{key}": getattr(fit, key) if fit else None for key in _FIT_NUMBERS},
    }
    texts = {
        "label": str(region.attrs.get("label", name)),
        "intensity": str(region.attrs.get("intensity", "arbitrary")),
        "attributes": json.dumps(dict(region.attrs), sort_keys=True),
        "background_kind": reported.background.kind if reported.background else "",
        "failure": entry.record.failures.get(name, ""),
        "notes": "\n".join((*reported.notes, *(fit.notes if fit else ()))),
        **{f"fit_{key}": getattr(fit, key) if fit else "" for key in _FIT_TEXTS},
    }
    shares = [component.atomic_percent for component in components]
    by_component: dict[str, list[Any]] = {
        "component_groups": ["; ".join(component.groups) for component in components],
        "at_bound": ["; ".join(component.at_bound) for component in components],
        "center_measured": [_number(component.center_measured) for component in components],
        **{key: [_number(getattr(component, key)) for component in components] for key in _COMPONENT_NUMBERS},
        **{f"{key}_stderr": [_number(component.stderr[key]) for component in components] for key in _COMPONENT_NUMBERS},
        "component_percent": [_number(share.value if share else None) for share in shares],
        "component_percent_stderr": [_number(share.stderr if share else None) for share in shares],
    }
    by_parameter: dict[str, list[Any]] = {
        **{
            f"parameter_{key}": [float(getattr(parameter, key)) for parameter in region.parameters]
            for key in _PARAMETER_NUMBERS
        },
        "parameter_expr": [parameter.expr for parameter in region.parameters],
    }
    values: dict[str, Part] = {
        **{key: ((), _number(value)) for key, value in numbers.items()},
        **{key: ((), printable(text)) for key, text in texts.items()},
        **{key: ((at_components,), column) for key, column in by_component.items()},
        **{key: (at_parameters, column) for key, column in by_parameter.items()},
    }
    curves = region.curves
    for key, row in _CURVES.items():
        if row < len(curves):
            values[key] = ((channels,), curves[row])
    if region.has_model:
        values["residual"] = ((channels,), curves[COUNTS] - curves[ENVELOPE])
        values["component_curve"] = ((at_components, channels), curves[COMPONENTS:])
    return values


def _elements(report: Report) -> tuple[Element, ...]:
    return report.quantification.elements if report.quantification else ()


def _number(value: float | None) -> float:
    return np.nan if value is None else float(value)
