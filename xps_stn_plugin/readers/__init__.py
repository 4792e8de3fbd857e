"""File formats, each offered as a `Reader`, and the one function that finds the right one for a file."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from xps_prefit_hooks import PrefitError, Reader, Settings

from .._util.files import refuse_special
from . import formats

if TYPE_CHECKING:
    from collections.abc import Callable

    import xarray as xr

#: How many bytes of a file are shown to ``Reader.accepts``.
HEAD_BYTES = 4096


def builtin_readers() -> list[Reader]:
    """Readers of this package, the pickiest first. Their modules are loaded when they read, not before."""
    return [
        Reader(
            "vamas", "VAMAS (ISO 14976), regular and irregular scans", formats.VAMAS_SUFFIXES,
            formats.is_vamas, _read_with("vamas"),
        ),
        Reader(
            "nexus", "NeXus NXmpes and NXxps (HDF5)", (".nxs", ".h5", ".hdf5"),
            formats.is_nexus, _read_with("nexus"),
        ),
        Reader("specs-xy", "text export of SPECS Prodigy", (".xy",), formats.is_specs_xy, _read_with("specs_xy")),
        Reader("scienta", "text export of Scienta SES", (".txt",), formats.is_scienta_text, _read_with("scienta")),
        Reader("phi", "PHI MultiPak", (".spe", ".pro"), formats.is_phi, _read_with("phi")),
        Reader(
            "multipak-text", "text of PHI's MultiPak Exporter", (".txt",),
            formats.is_multipak_text, _read_with("multipak_text"),
        ),
        Reader(
            "thermo-avg", "text form of Thermo Avantage's files", (".avg",),
            formats.is_thermo_avg, _read_with("thermo_avg"),
        ),
        Reader("igor-text", "Igor text", (".itx",), formats.is_igor_text, _read_with("igor_text")),
        Reader("specs-xml", "SPECS SpecsLab2 XML", (".xml",), formats.is_specs_xml, _read_with("specs_xml")),
        Reader(
            "igor-binary", "Igor binary waves of Scienta SES", (".ibw", ".pxt"),
            formats.is_igor_binary, _read_with("igor_binary"),
        ),
        Reader("thermo-vgd", "Thermo Avantage", (".vgd",), formats.is_thermo_vgd, _read_with("thermo_vgd")),
        Reader("excel", "Excel workbooks", (".xlsx", ".xls"), formats.is_excel, _read_with("excel")),
        Reader("archive", "ZIP archives of such files", (".zip",), formats.is_archive, _read_with("archive")),
        Reader(
            "table", "long table region,binding_energy_eV,intensity", (".csv", ".txt"),
            formats.is_table, _read_with("table"),
        ),
        Reader(
            "columns", "two-column text: energy and intensity", (".csv", ".txt", ".dat", ".asc", ".xy"),
            formats.is_columns, _read_with("columns"),
        ),
    ]  # fmt: skip


def read_file(path: Path, readers: Sequence[Reader], settings: Settings) -> xr.DataTree:
    """Read a file with the first reader that accepts it.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    readers : sequence of Reader
        In the order in which they are asked.
    settings : Settings
        What the user asked for.

    Returns
    -------
    xarray.DataTree
        The spectrum, one child per region; the root's attribute ``reader`` names the reader.

    Raises
    ------
    PrefitError
        If the file cannot be read, with one sentence that says why.
    """
    path = Path(path)
    head = _head(path)
    for reader in readers:
        try:
            if not reader.accepts(path, head):
                continue
            tree = reader.read(path, settings)
            tree.attrs["reader"] = reader.name
        except PrefitError:
            raise
        except Exception as error:
            said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            raise PrefitError(str(path), f"the reader {reader.name} failed on this file ({said}).") from error
        return tree
    raise PrefitError(str(path), _refusal(path, head, readers))


def _head(path: Path) -> bytes:
    if not path.exists():
        raise PrefitError(str(path), "there is no such file.")
    if path.is_dir():
        raise PrefitError(str(path), "this is a folder; name a file in it.")
    refuse_special(path)
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError as error:
        raise PrefitError(str(path), f"the file cannot be opened ({error.strerror or error}).") from error
    if not head:
        raise PrefitError(str(path), "the file is empty.")
    if not head.strip():
        raise PrefitError(str(path), "the file holds nothing but blanks.")
    return head


def _refusal(path: Path, head: bytes, readers: Sequence[Reader]) -> str:
    found = formats.named_by_magic(head) or (None if formats.is_text(head) else formats.named_by_suffix(path))
    if found:
        return f"the file is {found}."
    known = ", ".join(reader.name for reader in readers) or "none are loaded"
    kind = "text in none" if formats.is_text(head) else "binary data in none"
    return f"the file is {kind} of the formats that can be read ({known})."


def _read_with(module: str) -> Callable[[Path, Settings], xr.DataTree]:
    def read(path: Path, settings: Settings) -> xr.DataTree:
        tree: xr.DataTree = import_module(f".{module}", __name__).read(path, settings)
        return tree

    return read
