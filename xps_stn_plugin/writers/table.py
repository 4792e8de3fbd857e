"""Long table of spectra as CSV: one row for each point, which `readers.table` reads again."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .._util.files import plain_cell
from .._util.marks import CHECKSUM, MARK
from ..core.metadata import TRANSMISSION
from .regions import Region, coordinates, each_spectrum, number_text, regions_of

if TYPE_CHECKING:
    import xarray as xr

#: Name of the intensities' column where all regions have the same kind.
_INTENSITY: Final = {"counts": "intensity_counts", "counts per second": "intensity_cps"}


def fill(spectrum: xr.DataTree, path: Path) -> None:
    """Write region, sample (where it has a name), dimensions of stacks, binding energy in eV, and intensity.

    A transmission is a further column. Metadata are not written. Rows of spectra that were not measured are left out.
    """
    regions = regions_of(spectrum)
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        for number, row in enumerate(_rows(regions)):
            # The mark stands in the first row below the header.
            table.writerow((*row, {0: CHECKSUM, 1: MARK}.get(number, "")))


def _rows(regions: Sequence[Region]) -> Iterator[list[str]]:
    named = any(region.sample for region in regions)
    dims: dict[str, str] = {}
    for region in regions:
        labels = coordinates(region)
        dims.update({dim: labels[dim][0] for dim in region.dims})
    kinds = {str(region.attrs.get("intensity")) for region in regions}
    intensity = _INTENSITY.get(kinds.pop(), "intensity") if len(kinds) == 1 else "intensity"
    transmission = any(TRANSMISSION in region.data for region in regions)
    names = [f"{dim} [{units}]" if units else dim for dim, units in dims.items()]
    yield [
        "region", *(["sample"] if named else []), *names, "binding_energy_eV", intensity,
        *([TRANSMISSION] if transmission else []),
    ]  # fmt: skip
    for region in regions:
        labels = coordinates(region)
        energies = list(map(number_text, region.energy.tolist()))
        beginning = [plain_cell(region.name)] + [plain_cell(region.sample)] * named
        for place, quantities in each_spectrum(region):
            values = [_label(labels[dim][1][place]) if dim in region.dims else "" for dim in dims]
            columns = [energies, list(map(number_text, quantities["counts"].tolist()))]
            if transmission:
                kept = quantities.get(TRANSMISSION)
                columns.append([""] * len(energies) if kept is None else list(map(number_text, kept.tolist())))
            for point in zip(*columns, strict=True):
                yield [*beginning, *values, *point]


def _label(value: object) -> str:
    try:
        return number_text(float(value))  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return plain_cell(str(value))
