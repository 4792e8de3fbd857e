"""VAMAS text to blocks: a reader of ISO 14976 (Dench et al., Surf. Interface Anal. 13 (1988) 63).

It reads regular and irregular scans, inclusion and exclusion lists, depth profiles, maps and future upgrade entries,
one block after the other.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from xps_prefit_hooks import PrefitError

from .formats import VAMAS_LINE
from .text import number
from .vamas_text import VamasText

T = TypeVar("T")

#: What stands for a number that is not known.
UNKNOWN: Final = 1e37

_REGIONS_COUNTED = {"MAP", "MAPDP", "NORM", "SDP"}
_POSITIONS = {"MAP", "MAPDP"}
_FIELD_OF_VIEW = {"MAP", "MAPDP", "MAPSV", "MAPSVDP", "SEM"}
_LINESCAN = {"MAPSV", "MAPSVDP", "SEM"}
_SPUTTERING = {"MAPDP", "MAPSVDP", "SDP", "SDPSV"}
_ION_TECHNIQUES = {"FABMS", "FABMS energy spec", "ISS", "SIMS", "SIMS energy spec", "SNMS", "SNMS energy spec"}
_SPUTTERED_TECHNIQUES = {"AES diff", "AES dir", "EDX", "ELS", "UPS", "XPS", "XRF"}


@dataclass(frozen=True)
class VamasHeader:
    """What stands before the first block, as far as it decides how blocks are laid out.

    `conditions` are labels and units of the experimental variables, of which each block has its values.
    """

    instrument: str
    experiment_mode: str
    scan_mode: str
    conditions: tuple[tuple[str, str], ...]
    listed: frozenset[int]
    listed_are_included: bool
    manual_entries: int
    future_block_entries: int
    future_experiment_entries: int
    blocks: int

    @property
    def profile(self) -> bool:
        """Whether the blocks of one region are the levels of a depth profile."""
        return self.experiment_mode in _SPUTTERING

    def present(self, prefix: int) -> bool:
        """Whether blocks after the first carry the parameter of this prefix number themselves."""
        return not self.listed or (prefix in self.listed) == self.listed_are_included


@dataclass(frozen=True)
class VamasVariable:
    """A corresponding variable: label, unit and its values along the abscissa."""

    label: str
    unit: str
    values: NDArray[np.float64]


@dataclass(frozen=True)
class VamasBlock:
    """A block, as far as a spectrum needs it. Energies in eV, times in s; 1e37 stands for unknown.

    `date` is year, month, day, hour, minute, second and the hours ahead of Greenwich; `position` the place in a map,
    where the file is one; `conditions` the values of the experimental variables that the header names.
    """

    identifier: str
    sample: str
    date: tuple[float, ...]
    comment: tuple[str, ...]
    technique: str
    source_label: str
    source_energy: float
    analyser_mode: str
    pass_energy: float
    work_function: float
    species: str
    transition: str
    abscissa_label: str
    abscissa_units: str
    abscissa: NDArray[np.float64]
    variables: tuple[VamasVariable, ...]
    signal_mode: str
    collection_time: float
    scans: int
    position: tuple[float, ...] = ()
    conditions: tuple[float, ...] = ()


def read_blocks(vamas: VamasText, header: VamasHeader) -> Iterator[VamasBlock]:
    """Yield the blocks behind the header.

    Parameters
    ----------
    vamas : VamasText
        From which `read_header` has read the header.
    header : VamasHeader

    Raises
    ------
    PrefitError
        If the text ends early, or has text where numbers belong.
    """
    shared: dict[int, object] = {}
    axis: dict[tuple[float, float, int], NDArray[np.float64]] = {}
    for index in range(1, header.blocks + 1):
        yield _block(vamas, header, index, shared, axis)


def read_header(cursor: VamasText) -> VamasHeader:
    """Read what stands before the first block.

    Raises
    ------
    PrefitError
        If the text does not begin with the identification line, ends early, or has text where numbers belong.
    """
    found = cursor.text("the identification line")
    if found != VAMAS_LINE:
        message = f"this is not a VAMAS file: it begins with '{found[:40]}' instead of '{VAMAS_LINE[:31]} ...'."
        raise PrefitError(cursor.source, message)
    _, instrument, _, _ = cursor.texts(4, "the institution, instrument, operator and experiment")
    cursor.texts(cursor.whole("the number of comment lines"), "a comment line")
    mode = cursor.text("the experiment mode")
    scan_mode = cursor.text("the scan mode")
    if scan_mode not in {"REGULAR", "IRREGULAR"}:
        raise PrefitError(cursor.source, f"the scan mode is '{scan_mode}'; only REGULAR and IRREGULAR hold spectra.")
    if mode in _REGIONS_COUNTED:
        cursor.whole("the number of spectral regions")
    if mode in _POSITIONS:
        for what in ("analysis positions", "x coordinates", "y coordinates"):
            cursor.whole(f"the number of {what}")
    count = cursor.whole("the number of experimental variables")
    told = [cursor.texts(2, "an experimental variable") for _ in range(count)]
    listing = cursor.whole("the number of entries in the inclusion or exclusion list")
    listed = frozenset(cursor.whole("a prefix number") for _ in range(abs(listing)))
    manual = cursor.whole("the number of manually entered items")
    cursor.texts(manual, "the prefix number of a manually entered item")
    future_experiment = cursor.whole("the number of future upgrade experiment entries")
    future_block = cursor.whole("the number of future upgrade block entries")
    cursor.texts(future_experiment, "a future upgrade experiment entry")
    return VamasHeader(
        instrument=instrument,
        experiment_mode=mode,
        scan_mode=scan_mode,
        conditions=tuple((label, unit) for label, unit in told),
        listed=listed,
        listed_are_included=listing > 0,
        manual_entries=manual,
        future_block_entries=future_block,
        future_experiment_entries=future_experiment,
        blocks=cursor.whole("the number of blocks"),
    )


def _block(
    cursor: VamasText,
    header: VamasHeader,
    index: int,
    shared: dict[int, object],
    axis: dict[tuple[float, float, int], NDArray[np.float64]],
) -> VamasBlock:
    """Read one block.

    `shared` holds the first block's parameters by prefix number, for blocks that leave them out; `axis` the last
    abscissa, for blocks that have the same.
    """

    def item(prefix: int, read: Callable[[], T]) -> T:
        if not header.listed:
            return read()
        if index > 1 and not header.present(prefix):
            return shared[prefix]  # type: ignore[return-value]
        value = read()
        shared.setdefault(prefix, value)
        return value

    def several(prefix: int, count: int, what: str) -> None:
        item(prefix, lambda: cursor.texts(count, what))

    mode = header.experiment_mode
    cursor.place = f"block {index} of {header.blocks}"
    identifier = sys.intern(cursor.text("the block identifier"))
    cursor.place += f" ({identifier})"
    sample = sys.intern(cursor.text("the sample"))
    times = ("year", "month", "day", "hour", "minute", "second", "hours ahead of GMT")
    date = tuple(
        item(prefix, lambda what=what: cursor.real(f"the {what}"))  # type: ignore[misc]
        for prefix, what in enumerate(times, start=1)
    )
    comment = item(8, lambda: cursor.texts(cursor.whole("the number of comment lines"), "a comment line"))
    technique = item(9, lambda: sys.intern(cursor.text("the technique")))
    position = item(10, lambda: cursor.texts(2, "a coordinate")) if mode in _POSITIONS else ()
    conditions = item(11, lambda: cursor.texts(len(header.conditions), "an experimental variable"))
    source_label = item(12, lambda: sys.intern(cursor.text("the analysis source")))
    if mode in _SPUTTERING or technique in _ION_TECHNIQUES:
        several(13, 3, "the sputtering ion")
    source_energy = item(14, lambda: cursor.real("the photon energy"))
    item(15, lambda: cursor.real("the source strength"))
    several(16, 2, "the beam width")
    if mode in _FIELD_OF_VIEW:
        several(17, 2, "the field of view")
    if mode in _LINESCAN:
        several(18, 6, "the line scan")
    item(19, lambda: cursor.real("the polar angle of incidence"))
    item(20, lambda: cursor.real("the source azimuth"))
    analyser_mode = item(21, lambda: cursor.text("the analyser mode"))
    pass_energy = item(22, lambda: cursor.real("the pass energy"))
    if technique == "AES diff":
        item(23, lambda: cursor.real("the differential width"))
    item(24, lambda: cursor.real("the magnification"))
    work_function = item(25, lambda: cursor.real("the work function"))
    item(26, lambda: cursor.real("the target bias"))
    several(27, 2, "the analysis width")
    several(28, 2, "the take-off angle")
    species = item(29, lambda: sys.intern(cursor.text("the species label")))
    transition, _ = item(30, lambda: (cursor.text("the transition label"), cursor.real("the particle's charge")))
    if header.scan_mode == "REGULAR":
        label, units, start, step = item(
            31,
            lambda: (
                cursor.text("the abscissa label"),
                cursor.text("the abscissa units"),
                cursor.real("the abscissa start"),
                cursor.real("the abscissa increment"),
            ),
        )
    kinds = item(32, lambda: _pairs(cursor, cursor.whole("the number of corresponding variables")))
    signal_mode = item(33, lambda: cursor.text("the signal mode"))
    collection_time = item(34, lambda: cursor.real("the collection time"))
    scans = item(35, lambda: cursor.whole("the number of scans"))
    item(36, lambda: cursor.real("the time correction"))
    if mode in _SPUTTERING and technique in _SPUTTERED_TECHNIQUES:
        several(37, 7, "the sputtering source")
    several(38, 2, "the sample tilt")
    item(39, lambda: cursor.real("the sample rotation"))
    item(40, lambda: cursor.texts(3 * cursor.whole("the number of additional parameters"), "an additional parameter"))
    cursor.texts(header.future_block_entries, "a future upgrade block entry")

    variables = _values(cursor, kinds)
    if header.scan_mode == "REGULAR":
        abscissa = _regular(axis, start, step, variables[0].values.size)
    else:
        # Irregular scans have no start and step: the abscissa is one of the corresponding variables.
        energies = next((v for v in variables if "energy" in v.label.lower()), variables[0])
        label, units, abscissa = energies.label, energies.unit, energies.values
        variables = tuple(v for v in variables if v is not energies)
    return VamasBlock(
        identifier=identifier,
        sample=sample,
        date=date,
        comment=comment,
        technique=technique,
        source_label=source_label,
        source_energy=source_energy,
        analyser_mode=analyser_mode,
        pass_energy=pass_energy,
        work_function=work_function,
        species=species,
        transition=transition,
        abscissa_label=label,
        abscissa_units=units,
        abscissa=abscissa,
        variables=variables,
        signal_mode=signal_mode,
        collection_time=collection_time,
        scans=scans,
        position=tuple(map(_number_or_unknown, position)),
        conditions=tuple(map(_number_or_unknown, conditions)),
    )


def _regular(
    axis: dict[tuple[float, float, int], NDArray[np.float64]], start: float, step: float, points: int
) -> NDArray[np.float64]:
    key = start, step, points
    if key not in axis:
        axis.clear()
        with np.errstate(all="ignore"):
            axis[key] = start + step * np.arange(points, dtype=np.float64)
    return axis[key]


def _number_or_unknown(text: str) -> float:
    value = number(text)
    return UNKNOWN if value is None else value


def _pairs(cursor: VamasText, count: int) -> tuple[tuple[str, str], ...]:
    if count < 1:
        raise PrefitError(cursor.source, f"{cursor.place} has no corresponding variable, so no intensities.")
    return tuple((cursor.text("a variable's label"), cursor.text("a variable's unit")) for _ in range(count))


def _values(cursor: VamasText, kinds: Sequence[tuple[str, str]]) -> tuple[VamasVariable, ...]:
    total = cursor.whole("the number of values")
    if total < 0 or total % len(kinds):
        message = f"{cursor.place} announces {total} values for {len(kinds)} variables, which does not divide."
        raise PrefitError(cursor.source, message)
    cursor.reals(2 * len(kinds), "the lowest or highest value")
    table = cursor.reals(total, "a value").reshape(-1, len(kinds))
    return tuple(VamasVariable(label, unit, table[:, i]) for i, (label, unit) in enumerate(kinds))
