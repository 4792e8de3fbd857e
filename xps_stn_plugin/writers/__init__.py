"""Spectra as files of other programs, without results: each format is one function of a spectrum and a path."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .._util.files import Overwrite

if TYPE_CHECKING:
    import xarray as xr

#: Modules by the word for their format, which is also the suffix.
FORMATS: Final = {"nxs": "nexus", "vms": "vamas", "csv": "table", "itx": "igor_text"}


def write_spectrum(
    spectrum: xr.DataTree, path: Path, kind: str, *, overwrite: Overwrite = False, inputs: Iterable[Path] = ()
) -> None:
    """Write all regions of a spectrum, or of all samples of a file.

    Parameters
    ----------
    spectrum : xarray.DataTree
        As `xps_stn_plugin.read` returns it.
    path : Path
        File to make.
    kind : str
        One of `FORMATS`.
    overwrite, inputs
        As for `xps_stn_plugin._util.files.check_target`.

    Raises
    ------
    PrefitError
        If the format cannot hold the spectrum, or the file cannot be written or must not be replaced.
    """
    from .._util.files import write_whole

    fill: Callable[[xr.DataTree, Path], None] = import_module(f".{FORMATS[kind]}", __name__).fill
    write_whole(path, lambda temporary: fill(spectrum, temporary), overwrite=overwrite, inputs=inputs)
