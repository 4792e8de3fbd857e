"""Telling formats apart by the first bytes of a file. Light: nothing heavy is imported here."""

from __future__ import annotations

import re
from pathlib import Path

VAMAS_LINE = "VAMAS Surface Chemical Analysis Standard Data Transfer Format 1988 May 4"
VAMAS_SUFFIXES = (".vms", ".npl", ".vamas")
HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"

_OLE_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ZIP_MAGIC = b"PK\x03\x04"

# First bytes of files that people pass by mistake or that are not read, with a name and what to do instead.
_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"II*\x00", "a TIFF image"),
    (b"MM\x00*", "a TIFF image"),
    (b"BM", "a BMP image"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive; unpack it and read its files"),
    (b"\x1f\x8b", "compressed with gzip; unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it first"),
    (
        b"SQLite format 3\x00",
        "an SQLite database (SPECS .sle), whose tables are not documented; export it as VAMAS or xy",
    ),
    (b"\x93NUMPY", "a NumPy array"),
    (b"<?xml", "an XML file of another program than SpecsLab2; export it as VAMAS or text"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
)


# Suffixes of binary files that are not read and begin with nothing that tells them, with a name and what to do instead.
_SUFFIXES = {".dset": "a data set of Kratos Vision, whose layout is not documented; export it as VAMAS"}


def named_by_suffix(path: Path) -> str | None:
    """Name what a binary file is by its suffix; None for all that are not known."""
    return _SUFFIXES.get(path.suffix.lower())


def named_by_magic(head: bytes) -> str | None:
    """Name what a file is by its first bytes ("a PNG image"); None for text and for the formats that are read."""
    for magic, name in _MAGIC:
        if head.startswith(magic) and (len(magic) > 2 or not is_text(head)):
            return name
    return None


def is_text(head: bytes) -> bool:
    """Whether the bytes look like text: a UTF-16 byte order mark, or no control characters but white space."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    return not re.search(rb"[\x00-\x08\x0e-\x1f\x7f]", head)


def is_vamas(path: Path, head: bytes) -> bool:
    """VAMAS by its first line, or by its suffix (so that the reader can say what is missing)."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n\x00")
    if start.startswith(VAMAS_LINE[:31].encode()):
        return True
    return path.suffix.lower() in VAMAS_SUFFIXES and is_text(head.replace(b"\x00", b""))


def is_nexus(path: Path, head: bytes) -> bool:
    """Any HDF5 file; the reader looks for NXmpes or NXxps inside."""
    return head.startswith(HDF5_MAGIC)


def is_specs_xy(path: Path, head: bytes) -> bool:
    """Text export of SPECS Prodigy with its settings at the top."""
    return b"XY-Serializer Export Settings" in head


def is_scienta_text(path: Path, head: bytes) -> bool:
    """Text export of Scienta SES: an INI-like file with regions."""
    return head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"[Info]") and b"Number of Regions" in head


def is_phi(path: Path, head: bytes) -> bool:
    """PHI MultiPak; the same header in text is that of other exports."""
    return head.startswith(b"SOFH") and path.suffix.lower() not in VAMAS_SUFFIXES


def is_multipak_text(path: Path, head: bytes) -> bool:
    """Text of PHI's MultiPak Exporter."""
    return head.lstrip(b"\xef\xbb\xbf \t\r\n/-").lower().startswith(b"multipak exporter")


def is_thermo_avg(path: Path, head: bytes) -> bool:
    """Text form of Thermo Avantage's data files; UTF-16 in some."""
    return head.replace(b"\x00", b"").lstrip(b"\xff\xfe\xef\xbb\xbf \t\r\n").startswith(b"$FORMAT=")


def is_igor_text(path: Path, head: bytes) -> bool:
    """Igor text: its first line is IGOR."""
    return re.match(rb"\s*IGOR\s*[\r\n]", head.lstrip(b"\xef\xbb\xbf")) is not None


def is_thermo_vgd(path: Path, head: bytes) -> bool:
    """OLE container that is called a file of Avantage; others are taken for workbooks."""
    return head.startswith(_OLE_MAGIC) and path.suffix.lower() in (".vgd", ".vgp")


def is_excel(path: Path, head: bytes) -> bool:
    """OLE container, or a ZIP archive that is called a workbook or begins with the parts of one."""
    if head.startswith(_OLE_MAGIC):
        return True
    is_office = path.suffix.lower() in (".xlsx", ".xlsm", ".xlsb") or b"[Content_Types].xml" in head or b"xl/" in head
    return head.startswith(_ZIP_MAGIC) and is_office


def is_igor_binary(path: Path, head: bytes) -> bool:
    """Igor binary wave of version 5 or, by its suffix, packed experiment."""
    is_wave = head.startswith(b"\x05\x00") and not is_text(head)
    return is_wave or (path.suffix.lower() == ".pxt" and not is_text(head))


def is_specs_xml(path: Path, head: bytes) -> bool:
    """XML of SpecsLab2: a CORBA document with the program's name in a comment."""
    return head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<?xml") and b"CORBA XML document" in head


def is_archive(path: Path, head: bytes) -> bool:
    """ZIP archive; workbooks are asked for before."""
    return head.startswith(_ZIP_MAGIC)


def is_table(path: Path, head: bytes) -> bool:
    """Text whose first line that is not a comment names region, binding or kinetic energy, and intensity."""
    if not is_text(head):
        return False
    for line in head.decode("utf-8-sig", errors="replace").splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            names = [name.strip(" \"'").lower() for name in re.split(r"[,;\t]", line)]
            return "region" in names and any("energy" in name for name in names)
    return False


def is_columns(path: Path, head: bytes) -> bool:
    """Any other text; the reader says what is wrong with it."""
    return is_text(head) and named_by_magic(head) is None
