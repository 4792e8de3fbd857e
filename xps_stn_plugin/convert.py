"""Conversion of files of spectra: every region of every sample as it was measured, in another format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from xps_prefit_hooks import Settings

from ._util.files import Overwrite, check_target, make_folder
from ._util.names import output_names
from .api import read_with
from .core.samples import one_sample
from .writers import write_spectrum
from .writers.regions import regions_of


@dataclass(frozen=True)
class Conversion:
    """A file that was converted.

    Parameters
    ----------
    source, target : Path
        What was read and what was written.
    regions : int
        How many there are, those of all samples.
    skipped : tuple of str
        A sentence for each region that could not be read.
    """

    source: Path
    target: Path
    regions: int
    skipped: tuple[str, ...]


def targets(files: Sequence[Path], kind: str, out: Path | None) -> dict[Path, Path]:
    """File to make for each of those to read, in `out` or beside it; each has a name of its own."""
    folders = {file: file.parent if out is None else out for file in files}
    found: dict[Path, Path] = {}
    for folder in dict.fromkeys(folders.values()):
        names = output_names(file for file in files if folders[file] == folder)
        found.update({file: folder / f"{name}.{kind}" for file, name in names.items()})
    return found


def convert(
    source: Path,
    target: Path,
    kind: str,
    settings: Settings,
    *,
    overwrite: Overwrite = False,
    inputs: Sequence[Path] = (),
) -> Conversion:
    """Read a file and write it in another format; energies and counts are as they were read.

    Parameters
    ----------
    source, target : Path
    kind : str
        One of `xps_stn_plugin.writers.FORMATS`.
    settings : Settings
        Its photon energy and sample are used.
    overwrite, inputs
        As for `xps_stn_plugin._util.files.check_target`.

    Raises
    ------
    PrefitError
        If the file cannot be read, or the other cannot be written or must not be replaced.
    """
    inputs = [source, *inputs]
    # Before the folder is made and the file is read.
    check_target(target, overwrite=overwrite, inputs=inputs)
    spectrum = read_with(source, settings)
    if settings.sample is not None:
        spectrum = one_sample(spectrum, settings.sample)
    make_folder(target.parent)
    write_spectrum(spectrum, target, kind, overwrite=overwrite, inputs=inputs)
    return Conversion(source, target, len(regions_of(spectrum)), tuple(spectrum.attrs.get("skipped", ())))
