"""Formats that hold one region per file: which region goes where, and writing all files or none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from xps_prefit_hooks import PrefitError

from .._util.files import write_whole

if TYPE_CHECKING:
    import lmfit

    from ..core.result import PrefitData


def regions_in_order(result: PrefitData) -> list[str]:
    """Regions that have a seeded model, the main one first: C 1s where there is one, else the first.

    Raises
    ------
    PrefitError
        If there is none.
    """
    regions = list(result.seeds)
    if not regions:
        raise PrefitError(result.source, " ".join(("there is no seeded model to export.", *result.reasons)))
    main = next((name for name in regions if result.spectrum[name].attrs["region"] == "C1s"), regions[0])
    return [main, *(name for name in regions if name != main)]


def region_paths(path: Path, regions: Iterable[str], suffix: str) -> dict[str, Path]:
    """Files of the regions: `path` for the first, ``<name>_<region><suffix>`` beside it for the others."""
    stem = path.name[: -len(suffix)] if path.name.lower().endswith(suffix) else path.name
    first, *others = regions
    return {first: path, **{name: path.with_name(f"{stem}_{name}{suffix}") for name in others}}


def values_of(result: PrefitData, region: str) -> tuple[lmfit.Parameters, str]:
    """Fitted parameters of a region where there are any, else start values; and which of the two."""
    if region in result.fits:
        return result.fits[region].params, "fitted values"
    return result.seeds[region].params, "start values"


def write_together(result: PrefitData, texts: Mapping[Path, str]) -> None:
    """Write text files; each is checked and written beside its place before the first is put there.

    Raises
    ------
    PrefitError
        If one of them is the measured file or cannot be written.
    """
    files = [(result.target(path), text) for path, text in texts.items()]

    def write(left: list[tuple[Path, str]]) -> None:
        if not left:
            return
        (path, text), *others = left

        def fill(temporary: Path) -> None:
            temporary.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")
            write(others)

        write_whole(path, fill)

    write(files)
