"""Tables of energies and intensities in text: two columns or more, one region or several, in any dialect.

`grid` splits the text into blocks of numbers; `roles` tells by the columns' names and numbers what they are. This
module puts both together and finds the region that each spectrum shows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from xps_prefit_hooks import PrefitError, Settings

from ..core.element_lines import level_lines
from ..core.regions import SURVEY, SURVEY_WIDTH, VALENCE, region_from_energy, region_name
from .assembly import RawRegion, in_electronvolts, spectrum_of
from .grid import Block, blocks_of
from .headers import measurement_of
from .merge_blocks import in_series
from .roles import BINDING, ENERGY, KINETIC, Spectrum, intensity_kind, spectra_of
from .text import file_text
from .text_rows import text_rows

if TYPE_CHECKING:
    import xarray as xr

_UNITS = re.compile(r"(?<![A-Za-z])[km]?ev(?![A-Za-z])", re.IGNORECASE)
# A wide scan without header is one on the binding energy axis if it begins this low (eV): analysers do not count
# electrons of so little kinetic energy.
_LOWEST_KINETIC = 20.0
# Wider steps than this (eV) within one scan are suspicious: surveys are taken in steps of 1 eV or less.
_LARGEST_STEP = 5.0
# A photon energy in a file's name, where the axis may be kinetic: "Au4f_hv_180".
_PHOTON_IN_NAME = re.compile(r"(?<![A-Za-z])h(?:v|nu)(?![A-Za-z])", re.IGNORECASE)


def read(path: Path, settings: Settings) -> xr.DataTree:
    """Read a text file of columns.

    The header tells whether energies are binding or kinetic. Without it, energies are taken for binding energies only
    if their range is that of a known core level, of the level that a label or the file's name gives, or of a wide scan
    from the Fermi edge on; then the attribute ``axis_from`` tells so. Of more columns the header must tell which are
    energies and which are intensities.

    Raises
    ------
    PrefitError
        If there are no rows of two numbers, a row does not fit, or it is unclear what the columns are.
    """
    blocks = blocks_of(str(path), text_rows(str(path), file_text(path)), begins_block)
    return spectrum_of(path, in_series(regions_of(str(path), path.stem, blocks)), settings)


def begins_block(lines: Sequence[str]) -> bool:
    """Whether lines between rows of numbers tell of a further region: a level, or names of columns."""
    return any(
        region_name(line) or ENERGY.search(line) or BINDING.search(line) or KINETIC.search(line) for line in lines
    )


def regions_of(source: str, name: str, blocks: Sequence[Block]) -> Iterator[RawRegion | PrefitError]:
    """Yield the regions of blocks of numbers.

    Parameters
    ----------
    source : str
        File, and sheet, for messages.
    name : str
        What the file, or the sheet, is called; a hint for the region if it is the only one.
    blocks : sequence of Block
        In the order of the file. Lines above the first one count for all.

    Yields
    ------
    RawRegion or PrefitError
        One for each spectrum.
    """
    spectra = [(block, spectrum) for block in blocks for spectrum in spectra_of(source, block)]
    parts = [(block, part) for block, spectrum in spectra for part in _parts(source, spectrum)]
    for block, spectrum in parts:
        common = blocks[0].header if block is not blocks[0] else ()
        try:
            yield _region(source, spectrum, block.header, common, name if len(parts) == 1 else "")
        except PrefitError as error:
            if len(parts) == 1:
                raise
            yield error


def _region(source: str, spectrum: Spectrum, header: Sequence[str], common: Sequence[str], name: str) -> RawRegion:
    units = _UNITS.search(spectrum.energy_name)
    energy = in_electronvolts(source, spectrum.energy, units[0] if units else "eV")
    measurement = measurement_of(header).completed(replace(measurement_of(common), labels=()))
    labels = _labels(spectrum, measurement.labels)
    hint = _level_of_name(name, energy) if not any(map(region_name, labels)) else ""
    head = " | ".join(header)
    kinetic, axis_from = _axis(source, spectrum.energy_name or head, head, energy, (*labels, hint), name)
    attrs = {
        "axis_from": axis_from,
        "intensity": intensity_kind(spectrum.intensity_name or head),
        "sample": measurement.sample,
        "pass_energy": measurement.pass_energy,
        "dwell_time": measurement.dwell_time,
        "scans": spectrum.scans or measurement.scans,
    }
    if hint and not kinetic:
        labels = (hint, *labels)
        attrs["region_from"] = "file name"
    return RawRegion(
        where=source,
        energy=energy,
        counts=spectrum.counts,
        kinetic=kinetic,
        labels=labels,
        photon_energy=measurement.photon_energy,
        variables=spectrum.variables,
        attrs=attrs,
        axes=spectrum.axes,
        conditions=measurement.conditions,
    )


def _parts(source: str, spectrum: Spectrum) -> list[Spectrum]:
    """Cut a spectrum where its energies jump: regions that stand one under the other without a line between them."""
    if spectrum.counts.ndim > 1:
        return [spectrum]
    steps = np.diff(spectrum.energy)
    # Energies that go one way need no sorting.
    steps = np.abs(steps) if (steps > 0).all() or (steps < 0).all() else np.diff(np.sort(spectrum.energy))
    if not steps.size or steps.max() <= max(_LARGEST_STEP, 20 * np.median(steps)):
        return [spectrum]
    largest = max(_LARGEST_STEP, 20 * float(np.median(steps)))
    cuts = np.flatnonzero(np.abs(np.diff(spectrum.energy)) > largest) + 1
    places = np.split(np.arange(spectrum.energy.size), cuts)
    if any(_is_scrambled(spectrum.energy[place]) for place in places):
        low, high = _gap(spectrum.energy)
        message = f"the energies jump from {low:g} to {high:g} eV, so this seems to be more than one region"
        advice = "use one file for each, or a table with the columns region,binding_energy_eV,intensity"
        raise PrefitError(source, f"{message}; {advice}.")
    return [
        replace(
            spectrum,
            energy=spectrum.energy[place],
            counts=spectrum.counts[place],
            variables={name: values[place] for name, values in spectrum.variables.items()},
        )
        for place in places
    ]


def _gap(energy: NDArray[np.float64]) -> tuple[float, float]:
    ordered = np.sort(energy)
    place = int(np.argmax(np.diff(ordered)))
    return float(ordered[place]), float(ordered[place + 1])


def _is_scrambled(energy: NDArray[np.float64]) -> bool:
    """Whether energies neither ascend nor descend, or are too few for a region."""
    steps = np.diff(energy)
    return steps.size == 0 or not ((steps > 0).all() or (steps < 0).all())


def _labels(spectrum: Spectrum, told: Sequence[str]) -> tuple[str, ...]:
    """Labels of the header that name a region, then names of the columns that do, then whatever the header says."""
    names = (spectrum.label, spectrum.intensity_name, spectrum.energy_name)
    named = tuple(text for text in (*told, *names) if region_name(text))
    return named or tuple(told)


def _level_of_name(name: str, energy: NDArray[np.float64]) -> str:
    """Return the level that a file's name gives if all of its lines lie between the energies; else nothing."""
    level = region_name(name) or ""
    low, high = float(energy.min()), float(energy.max())
    if level == SURVEY:
        return level if high - low > SURVEY_WIDTH else ""
    if level == VALENCE:
        return level if low < 0.0 < high else ""
    lines = level_lines(level) if level else ()
    return level if lines and all(low <= line.energy <= high for line in lines) else ""


def _axis(
    source: str, name: str, head: str, energy: NDArray[np.float64], labels: Sequence[str], file_name: str
) -> tuple[bool, str]:
    """Whether the energies are kinetic, and what told."""
    for text in (name, head):
        binding, kinetic = bool(BINDING.search(text)), bool(KINETIC.search(text))
        if binding != kinetic:
            return kinetic, "header"
    low, high = float(energy.min()), float(energy.max())
    guess = region_from_energy(low, high)
    if guess is not None and (guess != SURVEY or low <= _LOWEST_KINETIC):
        return False, "energy range"
    if not _PHOTON_IN_NAME.search(file_name) and any(label and _level_of_name(label, energy) for label in labels):
        return False, "label and energy range"
    message = (
        f"nothing says whether the energies {low:g} to {high:g} eV are binding or kinetic, and the range is "
        "not that of a known core level; put a header line such as 'binding_energy_eV,counts' on top."
    )
    raise PrefitError(source, message)
