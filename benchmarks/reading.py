"""Which real files are read, with which regions, and what the others are told.

    python -m benchmarks reading --data ../shared/corpus [--out runs/reading.json] [--format phi]

Every file of the folder's `manifest.csv` is read. The manifest says of each whether it holds what a spectrum needs:
files that version 0.4.0 refused rightly, and NEXAFS spectra, are to be refused, and so are four more, of which each was
looked at; all others are to be read. The table counts both by format; below it stand the files that came out otherwise,
with the sentence that they were refused with.
`--regions` prints the regions of all files, since a file that is read wrongly is worse than one that is refused.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import click
import xarray as xr
from rich.console import Console
from rich.table import Table

from benchmarks.record import conditions, write_record
from xps_prefit_hooks import PrefitError, Settings
from xps_stn_plugin.readers import builtin_readers, read_file

# Words of the manifest for files that hold no photoelectron spectrum that could be placed on a binding energy axis.
_TO_BE_REFUSED = ("refused rightly", "NEXAFS")

# Files of which the manifest does not tell that they hold none, and why they do not.
_WITHOUT: Final = {
    "matkrin__testdata_test_matrix.ibw": "an Igor matrix whose first dimension is rows",
    "FAIRmat-NFDI__data_analysis_vms_data_analysis.nxs": "an axis of photon energy minus binding energy",
    "Center-for-Atmospheric-Research-ATMOS__scienta_C1s_Au4f.txt": "kinetic energies above the file's photon energy",
    "CINF__test_specs_specs_iss_sample.xml": "ion scattering",
}


@dataclass(frozen=True)
class FileRead:
    """What became of one file.

    Parameters
    ----------
    name : str
        Path below the folder of the manifest.
    file_format : str
        The manifest's word.
    readable : bool
        Whether the manifest says that the file holds a spectrum.
    regions : tuple of str
        Names, lowest and highest binding energy in eV and shape of all regions; empty where the file is refused.
    message : str
        The sentence of a refusal, or of the regions that were left out.
    seconds : float
        Time of reading.
    """

    name: str
    file_format: str
    readable: bool
    regions: tuple[str, ...]
    message: str
    seconds: float

    @property
    def as_expected(self) -> bool:
        """Whether a file with a spectrum was read and one without was refused."""
        return bool(self.regions) == self.readable


def _summary(region: xr.DataTree) -> str:
    energy = region["binding_energy"].values
    return f"{region.path[1:]} {energy[0]:.2f}..{energy[-1]:.2f} {region['counts'].shape}"


def file_read(folder: Path, row: dict[str, str]) -> FileRead:
    """Read one file of the manifest."""
    path = folder.parent / row["file"]
    regions: tuple[str, ...] = ()
    start = time.perf_counter()
    try:
        tree = read_file(path, builtin_readers(), Settings())
        regions = tuple(map(_summary, tree.leaves))
        message = " | ".join(tree.attrs.get("skipped", ()))
    except PrefitError as error:
        message = str(error)
    seconds = time.perf_counter() - start
    readable = path.name not in _WITHOUT and not any(words in row["verdict_0_4_0"] for words in _TO_BE_REFUSED)
    message = message.replace(f"{path.parent}/", "")
    return FileRead(row["file"].partition("/")[2], row["format"], readable, regions, message, seconds)


def table_of(files: Iterable[FileRead]) -> Table:
    """Count by format the files with a spectrum and those read, the files without and those refused."""
    table = Table("format", "with a spectrum", "read", "without", "refused", "seconds")
    files = list(files)
    for name in [*sorted({file.file_format for file in files}), "all"]:
        group = [file for file in files if name in (file.file_format, "all")]
        readable = [file for file in group if file.readable]
        unreadable = [file for file in group if not file.readable]
        counts = (len(readable), sum(map(bool, (f.regions for f in readable))))
        refused = (len(unreadable), sum(not file.regions for file in unreadable))
        table.add_row(name, *map(str, counts), *map(str, refused), f"{sum(file.seconds for file in group):.1f}")
    return table


@click.command()
@click.option("--data", required=True, type=click.Path(path_type=Path, exists=True), help="Folder with manifest.csv.")
@click.option("--out", default=Path("runs/reading.json"), type=click.Path(path_type=Path), help="Record of all files.")
@click.option("--format", "formats", multiple=True, help="Formats of the manifest to read; all if none is named.")
@click.option("--regions", is_flag=True, help="Also print the regions of files that are read.")
def main(data: Path, out: Path, formats: tuple[str, ...], regions: bool) -> None:
    """Read every file of a folder with a manifest and count what is read and what is refused."""
    with (data / "manifest.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if not formats or row["format"] in formats]
    files = [file_read(data, row) for row in rows]
    console = Console()
    console.print(table_of(files))
    for read in files:
        if regions and read.regions:
            console.print(f"{read.name}: {'; '.join(read.regions)}", highlight=False, markup=False)
        if not read.as_expected or (regions and read.message):
            console.print(f"{read.name}: {read.message or read.regions}", highlight=False, markup=False)
    write_record(out, {"conditions": conditions(0), "files": [asdict(file) for file in files]})


if __name__ == "__main__":
    main()
