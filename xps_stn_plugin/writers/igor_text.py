"""Igor text (.itx): a wave for each region, scaled by its binding energies, with what is known of it as the note."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from xps_prefit_hooks import PrefitError, shown

from .._util.marks import MARK
from ..core.metadata import TRANSMISSION
from .regions import Region, coordinates, each_spectrum, further_attributes, number_text, regions_of, steps_of

if TYPE_CHECKING:
    import xarray as xr

#: Longest name of a wave in Igor before version 8, and of its ending.
_LONGEST: Final = 31
_ENERGIES, _TRANSMISSION = "_BE", "_transmission"
_UNITS: Final = {"counts": "counts", "counts per second": "counts/s"}


def fill(spectrum: xr.DataTree, path: Path) -> None:
    """Write all regions; the spectra of a stack are the columns of one wave, those not measured are left out.

    Waves are scaled where the energies are in equal steps; else a wave of energies stands beside them.
    """
    regions = regions_of(spectrum)
    names: set[str] = set()
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="\r\n") as file:
        file.write(f"IGOR\nX // written by {MARK}\n")
        for region in regions:
            for line in _lines(region, _wave_name(region, names), str(spectrum.attrs.get("source", ""))):
                file.write(f"{line}\n")


def _wave_name(region: Region, names: set[str]) -> str:
    """Name that no other wave has: letters, digits and underscores."""
    several = re.sub(r"\W+", "_", f"{region.name}_{region.sample}" if region.name in names else region.name)
    stem = several.strip("_")[: _LONGEST - len(_TRANSMISSION) - 4] or "wave"
    stem = stem if stem[0].isalpha() else f"w{stem}"
    name, number = stem, 1
    while name in names:
        number += 1
        name = f"{stem}_{number}"
    names.update({name, region.name})
    return name


def _lines(region: Region, name: str, source: str) -> Iterator[str]:
    spectra = list(each_spectrum(region))
    if not spectra:
        raise PrefitError(source, f"region {region.name} has no complete spectrum, so there is nothing to write.")
    counts = np.stack([quantities["counts"] for _, quantities in spectra])[:, ::-1]
    steps = steps_of(region.energy)
    transmission = spectra[0][1].get(TRANSMISSION)
    if steps is None:
        yield from _wave(f"{name}{_ENERGIES}", region.energy[::-1][None])
        yield f'X SetScale d, 0, 0, "eV", {name}{_ENERGIES}'
    waves = {name: counts}
    if transmission is not None:
        waves[f"{name}{_TRANSMISSION}"] = transmission[None, ::-1]
    for wave, values in waves.items():
        yield from _wave(wave, values)
        if steps is not None:
            first, step = steps
            highest = number_text(round(first + step * (region.energy.size - 1), 9))
            yield f'X SetScale/P x, {highest}, {number_text(-step)}, "Binding Energy [eV]", {wave}'
    if units := _UNITS.get(str(region.attrs.get("intensity"))):
        yield f'X SetScale d, 0, 0, "{units}", {name}'
    for key, value in _note(region, [place for place, _ in spectra]).items():
        yield f'X Note {name}, "{key}={_quoted(value)}"'


def _wave(name: str, values: NDArray[np.float64]) -> Iterator[str]:
    """Wave of k spectra with n points each: n rows of k columns."""
    yield f"WAVES/D {name}" if len(values) == 1 else f"WAVES/D/N=({values.shape[1]},{len(values)}) {name}"
    yield "BEGIN"
    for row in values.T.tolist():
        yield "\t" + "\t".join(map(number_text, row))
    yield "END"


def _note(region: Region, places: Sequence[tuple[int, ...]]) -> Mapping[str, Any]:
    note = {"region": region.attrs.get("label") or region.name, **further_attributes(region, frozenset())}
    if region.sample:
        note["sample"] = region.sample
    if region.dims:
        note["dimensions"] = ", ".join(f"{dim} {region.data.sizes[dim]}" for dim in region.dims)
        for name, (units, values) in coordinates(region).items():
            if values.dtype.kind in "biuf":
                note[f"{name} [{units}]" if units else name] = ", ".join(number_text(values[place]) for place in places)
    return note


def _quoted(value: Any) -> str:
    """Value as a part of a text in Igor's quotation marks."""
    return shown(value).replace("\\", "\\\\").replace('"', "'")
