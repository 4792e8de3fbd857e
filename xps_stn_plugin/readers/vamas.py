"""VAMAS files (ISO 14976): their blocks as regions."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from xps_prefit_hooks import PrefitError, Settings

from ..core.metadata import TERM_OF, is_number
from .assembly import Condition, RawRegion, each_region, in_electronvolts, known_or_none, spectrum_of
from .formats import VAMAS_LINE
from .merge_blocks import in_series
from .samples import spectra_of
from .text import file_text
from .vamas_blocks import VamasBlock, VamasHeader, VamasVariable, read_blocks, read_header
from .vamas_text import VamasText

if TYPE_CHECKING:
    import xarray as xr

# CasaXPS keeps its energy calibration in the block comment: "Calib M = 284.5 A = 285 BE ADD".
_CALIBRATION = re.compile(r"^\s*calib\b", re.IGNORECASE)
# Analyser modes of ISO 14976 in the words of NeXus.
_SCAN_MODES = {"FAT": "fixed_analyzer_transmission", "FRR": "fixed_retardation_ratio"}
# What VAMAS writes for a number without units: dimensionless, not defined here.
_NO_UNITS = {"d", "n"}
# Characters within which the header of a PHI file ends.
_PHI_HEADER: Final = 200_000
_WRITTEN = re.compile(r"xps-stn (\w{1,60}) = (.{1,2000})")
_NOT_STATED = {"", "not specified"}
# SpecsLab Prodigy and Kratos's ESCApe write it into the comment.
_LENS = re.compile(r"\s*(?:Analyzer lens =|Lens :)(.{1,80})")
_PER_SECOND = re.compile(r"c/s|cps|counts?\s*+(/|per)\s*+s", re.IGNORECASE)


def read(path: Path, settings: Settings) -> xr.DataTree:
    """Read all blocks of a VAMAS file; those of a map or a depth profile as one region (see `series`).

    Kinetic energies become binding energies with the photon energy of the block; the work function is kept as an
    attribute and not subtracted (see `assembly.binding_energy`). All corresponding variables are kept: the intensity
    as ``counts``, others under their label in lower case. CasaXPS energy calibrations are kept as attribute
    ``casa_calibration`` and not applied.

    Raises
    ------
    PrefitError
        If the file is not VAMAS, damaged, or has no usable block.
    """
    header, blocks = _opened(path)
    numbered = ((f"{path}, block {index}", block, index, header) for index, block in enumerate(blocks, start=1))
    # The levels of a profile come again for each of them.
    raws = each_region(_region, numbered)
    if header.profile:
        return spectrum_of(path, in_series(raws, levels=True), settings)
    return spectra_of(path, raws, settings, in_series)


def _opened(path: Path) -> tuple[VamasHeader, Iterator[VamasBlock]]:
    """Header of a file, and its blocks, which alone hold the text until they are read."""
    text = file_text(path)
    _refuse_lone_phi_header(path, text)
    vamas = VamasText(str(path), text)
    header = read_header(vamas)
    return header, read_blocks(vamas, header)


def _region(where: str, block: VamasBlock, index: int, header: VamasHeader) -> RawRegion:
    kinetic = _is_kinetic(block.abscissa_label)
    if kinetic is None:
        message = (
            f"the abscissa is '{block.abscissa_label}', neither kinetic nor binding energy, so this is not a spectrum."
        )
        raise PrefitError(where, message)
    intensity = _intensity(where, block)
    calibrations = [line.strip() for line in block.comment if _CALIBRATION.match(line)]
    return RawRegion(
        where=where,
        energy=in_electronvolts(where, block.abscissa, block.abscissa_units),
        counts=intensity.values,
        kinetic=kinetic,
        labels=(f"{block.species} {block.transition}".strip(), block.identifier),
        photon_energy=_positive(block.source_energy),
        variables={_variable_name(v): v.values for v in block.variables if v is not intensity},
        attrs={
            "block": index,
            "block_identifier": block.identifier,
            "sample": block.sample or None,
            "start_time": _start_time(block),
            "technique": block.technique or None,
            "radiation": block.source_label or None,
            "instrument": None if header.instrument.lower() in _NOT_STATED else header.instrument,
            "lens_mode": next((match[1].strip() for line in block.comment if (match := _LENS.match(line))), None),
            "dwell_time": _positive(block.collection_time),
            "scans": block.scans if block.scans > 0 else None,
            # Where the retardation ratio is fixed, the file has the ratio in the place of the pass energy.
            "pass_energy": None if block.analyser_mode == "FRR" else _positive(block.pass_energy),
            "energy_scan_mode": _SCAN_MODES.get(block.analyser_mode),
            "work_function": known_or_none(block.work_function),
            "intensity": _kind(block, intensity),
            "casa_calibration": calibrations or None,
            **_written_attributes(block.comment),
        },
        conditions=_conditions(block, header),
    )


# A file says the same of most of its blocks.
@lru_cache(maxsize=32)
def _is_kinetic(label: str) -> bool | None:
    """Whether an axis is one of kinetic energies; None where it is not one of energies."""
    label = label.lower()
    if re.search(r"kinetic|\bk\.?\s*+e\b", label):
        return True
    return False if re.search(r"binding|\bb\.?\s*+e\b", label) else None


def _written_attributes(comment: Sequence[str]) -> dict[str, str | float]:
    """Attributes that `writers.vamas` put into the comment: metadata that VAMAS has no place for, the calibration."""
    written: dict[str, str | float] = {}
    for line in comment:
        match = _WRITTEN.fullmatch(line)
        if match and (match[1] in TERM_OF or match[1].startswith("energy_referencing_")):
            value = _plain_value(match[2])
            if value is not None and (isinstance(value, float) or not is_number(match[1])):
                written[match[1]] = value
    return written


def _plain_value(text: str) -> str | float | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return known_or_none(float(value))
    return value if isinstance(value, str) else None


def _conditions(block: VamasBlock, header: VamasHeader) -> dict[str, Condition]:
    """Experimental variables whose values are known; the place in a map is one, too."""
    told = [(label, unit, value) for (label, unit), value in zip(header.conditions, block.conditions, strict=True)]
    told += [(label, "", value) for label, value in zip("xy", block.position, strict=False)]
    return {
        label: Condition(value, "" if unit in _NO_UNITS else unit)
        for label, unit, value in told
        if known_or_none(value) is not None
    }


def _intensity(where: str, block: VamasBlock) -> VamasVariable:
    if not block.variables:
        raise PrefitError(where, "the block has energies but no intensities.")
    named = [v for v in block.variables if re.search(r"intensit|count|signal|c/s|cps", v.label, re.IGNORECASE)]
    return (named or list(block.variables))[0]


def _kind(block: VamasBlock, intensity: VamasVariable) -> str:
    return _kind_of(intensity.unit, intensity.label, block.identifier, block.signal_mode)


@lru_cache(maxsize=32)
def _kind_of(unit: str, label: str, identifier: str, signal_mode: str) -> str:
    # CasaXPS and others write unit "d" (a bare number) for everything; then the block identifier may tell.
    if any(_PER_SECOND.search(text) for text in (unit, label, identifier)):
        return "counts per second"
    if unit == "d" and (signal_mode == "pulse counting" or "count" in label.lower()):
        return "counts"
    return "arbitrary"


def _variable_name(variable: VamasVariable) -> str:
    name = re.sub(r"\W+", "_", variable.label.lower()).strip("_") or "variable"
    return f"{name}_2" if name in {"counts", "binding_energy"} else name


def _start_time(block: VamasBlock) -> str | None:
    """Date and time (ISO 8601) with the time zone where it is known; None where they are none."""
    *day, ahead = block.date
    if day[0] < 1900:
        return None
    try:
        zone = None if known_or_none(ahead) is None else timezone(timedelta(hours=ahead))
        return datetime(*(int(number) for number in day), tzinfo=zone).isoformat()  # type: ignore[arg-type, misc]
    except (ValueError, OverflowError):
        return None


def _positive(value: float) -> float | None:
    known = known_or_none(value)
    return known if known is not None and known > 0 else None


def _refuse_lone_phi_header(path: Path, text: str) -> None:
    """MultiPak puts the header of its own format into the comment of a VAMAS file; some files hold nothing else."""
    lines = [line.strip() for line in text.lstrip()[:_PHI_HEADER].split("\n")]
    if lines[0] != VAMAS_LINE and "SOFH" in lines[:2] and "EOFH" in lines:
        after = sum(bool(line) for line in lines[lines.index("EOFH") + 1 :])
        acquired = next((line.partition(":")[2].strip() for line in lines if line.startswith("AcqFilename:")), "")
        message = (
            "this is only the PHI header (SOFH to EOFH) that MultiPak writes into the comment of a VAMAS file; "
            f"the VAMAS identification line and all blocks are missing ({after} lines follow the header)"
        )
        raise PrefitError(str(path), f"{message}; export {acquired or 'the measurement'} again.")
