"""VAMAS (ISO 14976; Dench et al., Surf. Interface Anal. 13 (1988) 63): a block for each spectrum."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from xps_prefit_hooks import PrefitError, shown

from .._util.marks import MARK
from ..core.metadata import TRANSMISSION
from .regions import (
    Region,
    coordinates,
    each_spectrum,
    further_attributes,
    level_words,
    number_text,
    regions_of,
    steps_of,
)

if TYPE_CHECKING:
    import xarray as xr

#: First word of comment lines with attributes that VAMAS has no place for; our reader takes them back.
PREFIX: Final = "xps-stn"
_IDENTIFICATION: Final = "VAMAS Surface Chemical Analysis Standard Data Transfer Format 1988 May 4"
_UNKNOWN: Final = "1E+37"
_NOT_STATED: Final = "Not Specified"
#: Units that the standard has for experimental variables; others stand in brackets behind the label.
_UNITS: Final = frozenset({"s", "eV", "K", "V", "degree", "u", "nA", "m/s"})
_MODES: Final = {"fixed_analyzer_transmission": "FAT", "fixed_retardation_ratio": "FRR"}
_TECHNIQUES: Final = frozenset({"XPS", "UPS"})
#: Label, unit and signal mode by the attribute ``intensity``; "n" is a unit that is not defined.
_INTENSITIES: Final = {
    "counts": ("counts", "d", "pulse counting"),
    "counts per second": ("counts per second", "c/s", "pulse counting"),
}
_ARBITRARY: Final = ("Intensity", "n", "analogue")
#: Attributes with a place of their own in a block.
_PLACED: Final = frozenset(
    {
        "sample", "technique", "photon_energy", "radiation", "pass_energy", "work_function", "dwell_time", "scans",
        "intensity", "etch_time", "etch_level", "x", "y", "z",
    }
)  # fmt: skip
#: Attributes of single spectra that become experimental variables, with their units.
_CONDITIONS: Final = {"etch_time": "s", "etch_level": "", "x": "mm", "y": "mm", "z": "mm"}


def fill(spectrum: xr.DataTree, path: Path) -> None:
    """Write all regions; a stack as blocks that experimental variables tell apart.

    Energies are binding energies, from high to low. Where those of a region are not in equal steps, all regions are
    written as irregular scans. Spectra of a stack that were not measured are left out.
    """
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="\r\n") as file:
        for line in _lines(regions_of(spectrum), str(spectrum.attrs.get("source", ""))):
            file.write(f"{line}\n")


def _lines(regions: Sequence[Region], source: str) -> Iterator[str]:
    conditions: dict[str, str] = {}
    for region in regions:
        for name, (units, values) in coordinates(region).items():
            if values.dtype.kind in "biuf" and name != "block":
                conditions.setdefault(name, units)
        conditions.update({name: units for name, units in _CONDITIONS.items() if name in region.attrs})
    steps = [steps_of(region.energy) for region in regions]
    regular = all(step is not None for step in steps)
    blocks = sum(1 for region in regions for _ in each_spectrum(region))
    if not blocks:
        raise PrefitError(source, "no spectrum of the file is complete, so there is nothing to write.")
    instruments = {str(region.attrs.get("instrument") or "") for region in regions}
    instrument = _text(instruments.pop()) if len(instruments) == 1 else ""
    comment = (f"written by xps-stn-plugin {version('xps-stn-plugin')}; {MARK}",)
    yield from (_IDENTIFICATION, _NOT_STATED, instrument or _NOT_STATED, _NOT_STATED)
    yield from (_text(Path(source).name) or _NOT_STATED, str(len(comment)), *comment)
    yield from ("NORM", "REGULAR" if regular else "IRREGULAR", str(len(regions)), str(len(conditions)))
    for name, units in conditions.items():
        yield from (name, units) if units in _UNITS else (f"{name} [{units}]" if units else name, "n" if units else "d")
    yield from ("0", "0", "0", "0", str(blocks))
    for region, step in zip(regions, steps, strict=True):
        placed = _PLACED | ({"instrument"} if instrument else set())
        labels = coordinates(region)
        for place, quantities in each_spectrum(region):
            of_spectrum = {name: values[place] for name, (_, values) in labels.items()}
            yield from _block(region, of_spectrum, quantities, conditions, step if regular else None, frozenset(placed))
    yield "end of experiment"


def _block(
    region: Region,
    labels: Mapping[str, Any],
    quantities: Mapping[str, NDArray[np.float64]],
    conditions: Mapping[str, str],
    steps: tuple[float, float] | None,
    placed: frozenset[str],
) -> Iterator[str]:
    attrs = region.attrs
    moment = str(labels.get("start_time", attrs.get("start_time") or ""))
    date, whole = _date(moment)
    species, transition = level_words(region)
    kind = str(attrs.get("intensity"))
    label, unit, mode = _INTENSITIES.get(kind, _ARBITRARY)
    more = further_attributes(region, placed | ({"start_time"} if whole else set()))
    # What varies along the stack is not the region's.
    if attrs.get("energy_scan_mode") in _MODES:
        more.pop("energy_scan_mode", None)
    comments = [f"{PREFIX} {name} = {json.dumps(value)}" for name, value in more.items() if name not in labels]
    comments += [_text(line) for line in np.atleast_1d(attrs.get("casa_calibration", [])).tolist()]
    yield from (_text(attrs.get("label") or region.name), _text(region.sample), *date, str(len(comments)), *comments)
    technique = str(attrs.get("technique") or "")
    yield technique if technique in _TECHNIQUES else "XPS"
    yield from (_number(labels.get(name, attrs.get(name))) for name in conditions)
    yield from (_text(attrs.get("radiation") or ""), _number(attrs.get("photon_energy")))
    yield from (_UNKNOWN,) * 5  # strength, width of the beam, angles of incidence
    yield from (_MODES.get(str(attrs.get("energy_scan_mode")), "FAT"), _number(attrs.get("pass_energy")))
    yield from (_UNKNOWN, _number(attrs.get("work_function")))
    yield from (_UNKNOWN,) * 5  # target bias, analysis width, take-off angles
    yield from (_text(species), _text(transition), "-1")
    if steps is not None:
        first, step = steps
        last = first + step * (region.energy.size - 1)
        yield from ("Binding Energy", "eV", number_text(round(last, 9)), number_text(-step))
    columns = {(label, unit): quantities["counts"]}
    for name, values in quantities.items():
        if name != "counts":
            columns["Transmission" if name == TRANSMISSION else _text(name), "d"] = values
    if steps is None:
        columns = {("Binding Energy", "eV"): region.energy, **columns}
    yield str(len(columns))
    for column in columns:
        yield from column
    scans = attrs.get("scans")
    yield from (mode, _number(attrs.get("dwell_time")), number_text(scans) if scans else "1")
    yield from (_UNKNOWN,) * 4  # time correction, tilt, rotation of the sample
    table = np.stack(list(columns.values()))[:, ::-1]
    yield from ("0", str(table.size))
    for values in table:
        yield from (number_text(values.min()), number_text(values.max()))
    yield from map(number_text, table.T.ravel().tolist())


def _date(text: str) -> tuple[tuple[str, ...], bool]:
    """Year to second and hours ahead of Greenwich; zeros where they are not known. And whether that says all."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return ("0",) * 6 + (_UNKNOWN,), not text
    offset = moment.utcoffset()
    ahead = _UNKNOWN if offset is None else number_text(offset.total_seconds() / 3600.0)
    numbers = (moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second)
    again = datetime(*numbers, tzinfo=moment.tzinfo).isoformat()
    return (*map(str, numbers), ahead), again == text


def _number(value: Any) -> str:
    if value is None or isinstance(value, str) or not np.isfinite(value):
        return _UNKNOWN
    return number_text(value)


def _text(text: Any) -> str:
    """Text as one line."""
    return shown(str(text)).strip()
