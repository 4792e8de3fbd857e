"""A reproducible set of simulated spectra as one HDF5 file."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import h5py
import numpy as np
from rich.progress import Progress, TaskID

from xps_prefit_hooks import PrefitError

from .._util.files import check_target, write_whole
from ..chemistry.groups import group_names
from .config import SimulationConfig
from .domains import PARTS
from .drawing import ahead, build_simulator
from .spectra import SpectrumBatch, SpectrumSimulator

FORMAT = "xps-stn/simulated/1"
#: Spectra drawn at a time; chunk k is drawn from (seed, k), so this number is part of what makes a set reproducible.
CHUNK = 1000


def write_dataset(
    path: Path, number: int, seed: int, config_path: Path | None = None, *, overwrite: bool = False
) -> None:
    """Draw spectra and write them.

    Parameters
    ----------
    path : Path
        HDF5 file; written whole or not at all. Its contents are described in ``docs/simulator.md``.
    number : int
        Number of spectra, at least 1.
    seed : int
        The same seed, configuration and version give the same numbers.
    config_path : Path or None
        TOML with a table ``simulation``; the default configuration without it.
    overwrite : bool
        Whether a file or link is replaced that this package did not write, or that was changed since.

    Raises
    ------
    PrefitError
        For a wrong configuration, number or path.
    """
    if number < 1:
        raise PrefitError(str(path), f"{number} spectra cannot be simulated; ask for at least 1.")
    if not path.parent.is_dir():
        # Said now rather than after the minutes that the structures take.
        raise PrefitError(str(path), f"the folder {path.parent} does not exist; make it first.")
    inputs = [] if config_path is None else [config_path]
    check_target(path, overwrite=overwrite, inputs=inputs)
    config = SimulationConfig.load(config_path)
    with Progress() as progress:
        structures = progress.add_task("structures and their lines", total=None)
        simulator = build_simulator(
            config, lambda done, total: progress.update(structures, completed=done, total=total)
        )
        task = progress.add_task("spectra", total=number)

        def write(temporary: Path) -> None:
            _write(temporary, simulator, number, seed, progress, task)

        write_whole(path, write, overwrite=overwrite, inputs=inputs)


def _chunks(simulator: SpectrumSimulator, number: int, seed: int) -> Iterator[SpectrumBatch]:
    """Chunks in order; chunk k depends on (seed, k) alone."""

    def draw(chunk: int) -> SpectrumBatch:
        size = min(CHUNK, number - chunk * CHUNK)
        return simulator.draw(size, np.random.default_rng([seed, chunk]))

    yield from ahead(draw, range(math.ceil(number / CHUNK)), os.cpu_count() or 1)


def _write(path: Path, simulator: SpectrumSimulator, number: int, seed: int, progress: Progress, task: TaskID) -> None:
    grid, library = simulator.grid, simulator.library
    regions, names = len(grid.regions), group_names()
    components = simulator.config.mixture_size
    with h5py.File(path, "w") as file:
        file.attrs.update(
            {
                "format": FORMAT,
                "version": version("xps-stn-plugin"),
                "seed": seed,
                "config": json.dumps(simulator.config.as_dict(), sort_keys=True),
                "shift_convention": "measured minus true binding energy; aliphatic C 1s = 285.00 eV",
            }
        )
        energies = file.create_dataset("energy", data=grid.energies)
        energies.attrs["units"] = "eV"
        file["region"] = np.array(grid.regions, dtype="S")
        file["group"] = np.array(names, dtype="S")
        file.create_dataset("structure", data=np.array(library.structures, dtype="S"), compression="gzip")
        shape = (number, regions, grid.points)
        layout = {
            "chunks": (min(64, number), 1, grid.points),
            "compression": "gzip",
            "compression_opts": 1,
            "shuffle": True,
        }
        counts = file.create_dataset("counts", shape, "f4", **layout)
        window = file.create_dataset("window", (number, regions, 2), "i2", compression="gzip")
        window.attrs["description"] = "first measured point and one past the last; equal where nothing was measured"
        shift = file.create_dataset("shift", (number,), "f8")
        shift.attrs["units"] = "eV"
        domain_shape = (number, PARTS)
        domain_shift = file.create_dataset("domain_shift", domain_shape, "f8", compression="gzip")
        domain_shift.attrs["units"] = "eV"
        domain_share = file.create_dataset("domain_share", domain_shape, "f8", compression="gzip")
        domain_share.attrs["description"] = "area shares of the parts that domain_shift charges; 0 where there is none"
        region_shift = file.create_dataset("region_shift", (number, regions), "f8")
        region_shift.attrs["units"] = "eV"
        outside = file.create_dataset("outside", (number,), "?")
        outside.attrs["description"] = "a sample that the network must say no to; shift and labels mean nothing"
        labels = file.create_dataset("label", (number, len(names)), "?")
        mixture = file.create_dataset("mixture", (number, components), "i4")
        mixture.attrs["description"] = "rows of `structure`; -1 where there is no further component"
        shares = file.create_dataset("share", (number, components), "f8")
        start = 0
        for batch in _chunks(simulator, number, seed):
            rows = slice(start, start + batch.shift.size)
            counts[rows] = batch.counts
            window[rows] = _window(batch.measured)
            shift[rows] = batch.shift
            domain_shift[rows] = batch.domain_shift
            domain_share[rows] = batch.domain_share
            region_shift[rows] = batch.region_shift
            labels[rows] = batch.labels
            outside[rows] = batch.outside
            mixture[rows] = batch.structures
            shares[rows] = batch.shares
            start = rows.stop
            progress.update(task, completed=start)


def _window(measured: np.ndarray) -> np.ndarray:
    first = measured.argmax(-1)
    return np.stack([first, first + measured.sum(-1)], axis=-1)
