"""The library of structures and their lines on disk: building it takes a minute, at every start of a training."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import asdict, fields
from importlib.resources import files
from pathlib import Path

import numpy as np

from .._util.files import write_whole
from .config import SimulationConfig
from .library import LineLibrary

#: Data that structures, lines and groups depend on, by package.
_SOURCES = {
    "xps_stn_plugin.simulate": ("building_blocks.toml",),
    "xps_stn_plugin.chemistry": ("groups.toml", "line_rules.toml", "polymers.csv"),
}


def cached_library(folder: Path, config: SimulationConfig, build: Callable[[], LineLibrary]) -> LineLibrary:
    """Read the library from a folder, or build it and keep it there.

    Parameters
    ----------
    folder : Path
        An existing folder.
    config : SimulationConfig
        Number and seed of the structures.
    build : callable
        Makes the library where there is none, or one of other rules.
    """
    path = folder / f"library-{_key(config)}.npz"
    names = [field.name for field in fields(LineLibrary)]
    if path.is_file():
        with np.load(path, allow_pickle=False) as stored:
            values = {name: stored[name] for name in names}
        structures, references = tuple(map(str, values.pop("structures"))), int(values.pop("references"))
        return LineLibrary(structures=structures, references=references, **values)
    library = build()
    arrays = {**asdict(library), "structures": np.array(library.structures)}

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.savez(file, **arrays)

    write_whole(path, write, overwrite=True)
    return library


def _key(config: SimulationConfig) -> str:
    digest = hashlib.sha256(f"{config.generated_structures} {config.structure_seed}".encode())
    for package, names in _SOURCES.items():
        for name in names:
            digest.update(files(package).joinpath("data", name).read_bytes())
    return digest.hexdigest()[:12]
