"""ZIP archives of files that can be read: the regions of all of them, one after the other, and their samples."""

from __future__ import annotations

import lzma
import re
import tempfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from xps_prefit_hooks import PrefitError, Settings, shown

from ..core.samples import SAMPLE, SAMPLES, joined_samples
from ..core.spectrum import spectrum_tree, unique_name
from .text import refuse_large

if TYPE_CHECKING:
    import xarray as xr

#: Largest size of all files of an archive when they are unpacked, in bytes, and most files.
MOST_UNPACKED: Final = 200_000_000
MOST_FILES: Final = 1000
# What the standard library raises at damaged and protected archives.
_DAMAGED: Final = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError, NotImplementedError, RuntimeError, EOFError, ValueError,
)  # fmt: skip


def read(path: Path, settings: Settings) -> xr.DataTree:
    """Read every file of an archive with the reader that accepts it; archives in archives are left out.

    Each file is unpacked to a temporary folder of its own, under the letters and digits of its name.
    The attribute ``file`` of a region names its file; files that cannot be read are in the root attribute ``skipped``.
    Where a file holds several samples, the archive does, too: samples of the same name in several files are one, and a
    file of one sample without a name is called after the file.

    Raises
    ------
    PrefitError
        If the archive is damaged, protected or too large, or none of its files can be read.
    """
    refuse_large(path)
    trees: dict[str, xr.DataTree] = {}
    skipped: list[str] = []
    try:
        with zipfile.ZipFile(path) as archive, tempfile.TemporaryDirectory() as folder:
            parts = [part for part in archive.infolist() if _is_file(part)]
            if len(parts) > MOST_FILES or sum(part.file_size for part in parts) > MOST_UNPACKED:
                message = f"the archive holds more than {MOST_FILES} files or {MOST_UNPACKED // 10**6} MB when unpacked"
                raise PrefitError(str(path), f"{message}; unpack it and read its files.")
            for number, part in enumerate(parts):
                inside = Path(folder) / str(number)
                inside.mkdir()
                target = inside / _safe_name(part)
                # No more than the archive announces is unpacked, whatever the packed data hold.
                with archive.open(part) as source:
                    target.write_bytes(source.read(part.file_size))
                try:
                    tree = _read_inside(target, settings)
                except PrefitError as error:
                    skipped.append(_of_part(part, str(error)))
                else:
                    skipped += [_of_part(part, sentence) for sentence in tree.attrs.get("skipped", ())]
                    trees[f"{number}/{part.filename}"] = tree
    except _DAMAGED as error:
        raise PrefitError(str(path), f"the archive is damaged or protected ({str(error)[:80]}).") from None
    if not trees and any(PurePosixPath(part.filename).name == "viewer.ini" for part in parts):
        message = "the archive is a deflector map of a Scienta DA30 (viewer.ini), whose layout is not documented"
        raise PrefitError(str(path), f"{message}; export it as Igor binary or text.")
    if not trees:
        raise PrefitError(
            str(path), f"no file in the archive can be read ({skipped[0] if skipped else 'it is empty'})."
        )
    told = {"skipped": skipped} if skipped else {}
    spectra = {name: spectrum_tree(str(path), regions, **told) for name, regions in _by_sample(trees).items()}
    return next(iter(spectra.values())) if len(spectra) == 1 else joined_samples(str(path), spectra)


def _of_part(part: zipfile.ZipInfo, sentence: str) -> str:
    return f"{shown(part.filename)}: {sentence.partition(': ')[2] or sentence}"


def _by_sample(trees: Mapping[str, xr.DataTree]) -> dict[str, dict[str, xr.Dataset]]:
    """Regions of all files, by sample and by name; under one name where no file holds several samples."""
    several = any(SAMPLES in tree.attrs for tree in trees.values())
    regions: dict[str, dict[str, xr.Dataset]] = {}
    seen: dict[str, Counter[str]] = {}
    for numbered, tree in trees.items():
        file_name = numbered.partition("/")[2]
        if SAMPLES in tree.attrs:
            nodes = dict(zip(tree.attrs[SAMPLES], tree.children.values(), strict=True))
        else:
            nodes = {_only_sample(tree) or PurePosixPath(file_name).stem if several else "": tree}
        for sample, node in nodes.items():
            of_sample, counts = regions.setdefault(sample, {}), seen.setdefault(sample, Counter())
            for child in node.leaves:
                level = str(child.attrs.get("region", child.name))
                data = child.to_dataset().assign_attrs(file=file_name)
                of_sample[unique_name(level, of_sample, counts[level])] = data
                counts[level] += 1
    return regions


def _only_sample(tree: xr.DataTree) -> str:
    names = {str(child.attrs.get(SAMPLE) or "") for child in tree.leaves}
    return names.pop() if len(names) == 1 else ""


def _is_file(part: zipfile.ZipInfo) -> bool:
    # A name may be empty, at which `ZipInfo.is_dir` fails in Python 3.11.
    name = PurePosixPath(part.filename)
    is_folder = not name.name or part.filename.endswith("/")
    return not is_folder and name.parts[:1] != ("__MACOSX",) and not name.name.startswith(".")


def _safe_name(part: zipfile.ZipInfo) -> str:
    """Name that is a file's on every system; it may tell the level that was measured."""
    name = PurePosixPath(part.filename.replace("\\", "/"))
    suffix = name.suffix if name.suffix[1:].isalnum() and name.suffix.isascii() and len(name.suffix) < 8 else ""
    return "_" + re.sub(r"[^A-Za-z0-9_ +-]", "_", name.stem)[:60] + suffix


def _read_inside(path: Path, settings: Settings) -> xr.DataTree:
    from . import builtin_readers, read_file

    return read_file(path, [reader for reader in builtin_readers() if reader.name != "archive"], settings)
