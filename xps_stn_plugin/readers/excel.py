"""Excel workbooks (.xlsx, .xls): every sheet is a table as a text file holds it, one region or several."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from xps_prefit_hooks import PrefitError, Settings

from ..core.regions import region_name
from .assembly import RawRegion, spectrum_of
from .columns import begins_block, regions_of
from .grid import Block, Row, blocks_of
from .kherve_notes import noted
from .merge_blocks import in_series
from .sheet_limits import refuse_hostile
from .text import number

if TYPE_CHECKING:
    import xarray as xr

# Rows of a block that could be a spectrum; tables of results are shorter, or have no energies.
_FEWEST: Final = 8


def read(path: Path, settings: Settings) -> xr.DataTree:
    """Read the spectra of all sheets; sheets without a spectrum, such as tables of results, are left out.

    Raises
    ------
    PrefitError
        If no sheet holds a spectrum, or the workbook is damaged, protected, or claims to be larger than it can be.
    """
    from python_calamine import CalamineError, CalamineWorkbook

    refuse_hostile(path)
    try:
        workbook = CalamineWorkbook.from_path(str(path))
        names = list(workbook.sheet_names)
    except (CalamineError, OSError, ValueError) as error:
        raise PrefitError(str(path), f"the workbook cannot be opened ({str(error)[:80]}); save it again.") from None
    return spectrum_of(path, in_series(_regions(path, workbook, names)), settings)


def _regions(path: Path, workbook: Any, names: Sequence[str]) -> Iterator[RawRegion | PrefitError]:
    refused: list[PrefitError] = []
    some = False
    for name in names:
        where = f"{path}, sheet {name.strip()}"
        try:
            rows = workbook.get_sheet_by_name(name).to_python()
        except BaseException as error:
            # A panic of calamine is not an Exception; what ends the process goes on.
            if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
                raise
            yield PrefitError(where, f"the sheet cannot be read ({str(error)[:80]}).")
            continue
        try:
            blocks = blocks_of(where, list(_rows(rows)), begins_block)
            if all(len(block.lines) < _FEWEST for block in blocks):
                continue
            hint = name if region_name(name) else path.stem if len(names) == 1 else ""
            regions = regions_of(where, hint, [block for block in blocks if _is_long(block)])
            yield from (noted(item, rows) if isinstance(item, RawRegion) else item for item in regions)
            some = True
        except PrefitError as error:
            if region_name(name):
                yield error
            refused.append(error)
    if not some:
        yield from refused[:1] or [PrefitError(str(path), "no sheet holds rows of an energy and an intensity.")]


def _is_long(block: Block) -> bool:
    return len(block.lines) >= _FEWEST


def _rows(rows: Sequence[Sequence[Any]]) -> Iterator[Row]:
    for i, row in enumerate(rows, start=1):
        cells = [_text(cell) for cell in row]
        values = [
            float(cell) if isinstance(cell, int | float) and not isinstance(cell, bool) else number(text)
            for cell, text in zip(row, cells, strict=True)
        ]
        _without_notes(cells, values)
        while cells and not cells[-1]:
            cells.pop()
        if cells:
            yield Row(i, tuple(cells), tuple(values[: len(cells)]), "\t".join(cells))


def _without_notes(cells: list[str], values: list[float | None]) -> None:
    """Empty what stands beside the data of a row: cells side by side behind a gap, with a text among them."""
    first = next((place for place, cell in enumerate(cells) if cell), None)
    if first is None or values[first] is None:
        return
    place = next((place for place in range(first, len(cells)) if not cells[place]), len(cells))
    while place < len(cells):
        end = next((end for end in range(place, len(cells)) if not cells[end]), len(cells))
        if any(values[cell] is None for cell in range(place, end)):
            cells[place:end] = [""] * (end - place)
            values[place:end] = [None] * (end - place)
        place = end + 1


def _text(cell: Any) -> str:
    return str(cell).replace("\ufeff", "").replace("\t", " ").replace("\n", " ").strip()
