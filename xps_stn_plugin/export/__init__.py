"""Output formats, each offered as an `Exporter`; a format's module is loaded when it writes."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xps_prefit_hooks import Exporter

if TYPE_CHECKING:
    from ..core.result import PrefitData


def exporters() -> list[Exporter]:
    """Return the formats of this package."""
    return [
        Exporter("json", "the complete result (schema xps-stn/prefit/1)", ".json", _write("json_export")),
        Exporter("seeds", "seeded lmfit models of all regions, to be loaded again", ".seeds.json", _write("seeds")),
        Exporter("csv", "table of components, one row for each region and component", ".csv", _write("csv_export")),
        Exporter("png", "plot of regions and groups", ".png", _write("plot")),
        Exporter("pdf", "plot of regions and groups", ".pdf", _write("plot")),
        Exporter("svg", "plot of regions and groups", ".svg", _write("plot")),
        Exporter(
            "lg4x",
            "presets for LG4X-V2, one for each region, with the data of the region",
            ".lg4x.dat",
            _write("lg4x"),
        ),
        Exporter("nexus", "NeXus (NXxps) with calibration, peak fits and predictions", ".nxs", _write("nexus")),
        Exporter("kherve", "peak libraries for KherveFitting, one for each region", ".kherve.json", _write("kherve")),
        Exporter("casaxps", "table of components in CasaXPS's terms (untested)", ".casaxps.txt", _write("casaxps")),
        Exporter("vamas", "spectrum on the corrected axis as VAMAS (ISO 14976)", ".vms", _write("calibrated_files")),
        Exporter("igor", "spectrum on the corrected axis as Igor text", ".itx", _write("calibrated_files")),
        Exporter("excel", "workbook with shift, groups, composition, components and fits", ".xlsx", _write("excel")),
        Exporter("html", "page with plot and tables, complete in one file", ".html", _write("html")),
    ]


def _write(module: str) -> Callable[[Any, Path], None]:
    def write(result: PrefitData, path: Path) -> None:
        import_module(f".{module}", __name__).write(result, path)

    return write
