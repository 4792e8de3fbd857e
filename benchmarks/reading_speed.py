"""How fast large files are read, and with how much memory, beside pandas, the package vamas and h5py.

    python -m benchmarks reading_speed [--megabytes 20] [--repeats 3] [--out runs/reading_speed.json]

The files are simulated and written first: text of two columns in three dialects, many scans side by side, a long table,
a map as VAMAS and as NeXus. Each reader has a process of its own, which has read a small file of the same kind before.
Speed is the size of the file, in units of 10^6 bytes, by the shortest CPU time. Memory is the growth of the largest
size of the process, in units of the size of the numbers that are handed over. pandas and h5py give plain numbers:
they tell no regions, axes or labels. A package that is not installed is left out.
"""

from __future__ import annotations

import importlib.util
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import click
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from benchmarks.record import conditions, write_record
from xps_prefit_hooks import Settings
from xps_stn_plugin.readers import builtin_readers, read_file
from xps_stn_plugin.readers.formats import VAMAS_LINE

# Points of a spectrum of a map: 30 eV in steps of 0.05 eV.
_POINTS: Final = 601
_ENERGY: Final = np.round(280.0 + 0.05 * np.arange(_POINTS), 2)
_PHOTON_ENERGY: Final = 1486.6


@dataclass(frozen=True)
class Reading:
    """What a reader needs for a file.

    Parameters
    ----------
    file, reader : str
        Kind of the file, and what read it.
    megabytes : float
        Size of the file in 10^6 bytes.
    seconds : float
        The shortest CPU time.
    memory : float
        Growth of the process by the size of the numbers.
    """

    file: str
    reader: str
    megabytes: float
    seconds: float
    memory: float


def _counts(shape: tuple[int, ...]) -> NDArray[np.int64]:
    return np.random.default_rng(0).poisson(1000, shape)


def _two_columns(mark: str, head: str, decimal: str) -> Callable[[Path, float], None]:
    def write(path: Path, size: float) -> None:
        energies = np.linspace(280.0, 295.0, int(size / 15))
        rows = (f"{energy:.6f}{mark}{count}" for energy, count in zip(energies, _counts(energies.shape), strict=True))
        path.write_text("\n".join([head, *(row.replace(".", decimal) for row in rows), ""]))

    return write


def _scans(path: Path, size: float) -> None:
    counts = _counts((_POINTS, int(size / 5 / _POINTS) + 1))
    head = ",".join(["binding_energy_eV", *(f"Scan {number}" for number in range(counts.shape[1]))])
    rows = [f"{energy}," + ",".join(map(str, row)) for energy, row in zip(_ENERGY, counts.tolist(), strict=True)]
    path.write_text("\n".join([head, *rows, ""]))


def _long_table(path: Path, size: float) -> None:
    energies = np.linspace(0.0, 15.0, int(size / 38))
    rows = [
        f"{label},{start + energy:.6f},{count}"
        for label, start in (("C 1s", 280.0), ("O 1s", 525.0))
        for energy, count in zip(energies.tolist(), _counts(energies.shape).tolist(), strict=True)
    ]
    path.write_text("\n".join(["region,binding_energy_eV,intensity", *rows, ""]))


def _vamas(path: Path, size: float) -> None:
    blocks = int(size / 3200) + 1
    lines = [
        VAMAS_LINE, "laboratory", "instrument", "operator", "map", "0", "NORM", "REGULAR", "1", "1", "Etch Time", "s",
        "0", "0", "0", "0", str(blocks),
    ]  # fmt: skip
    for number, counts in enumerate(_counts((blocks, _POINTS)).tolist()):
        lines += [
            "C 1s", "sample", "2024", "5", "6", "7", "8", "9", "0", "0", "XPS", str(number), "Al", str(_PHOTON_ENERGY),
            "100", "1e37", "1e37", "54", "0", "FAT", "20", "1", "4.5", "0", "1e37", "1e37", "0", "0", "C", "1s", "-1",
            "Kinetic Energy", "eV", "1190", "0.05", "1", "Intensity", "d", "pulse counting", "0.1", "1", "0", "0", "0",
            "0", "0", str(_POINTS), str(min(counts)), str(max(counts)), *map(str, counts),
        ]  # fmt: skip
    path.write_text("\n".join([*lines, "end of experiment", ""]))


def _nexus(path: Path, size: float) -> None:
    import h5py

    counts = _counts((int(size / 4 / _POINTS) + 1, _POINTS)).astype("u4")
    with h5py.File(path, "w") as file:
        entry = file.create_group("C1s")
        entry.attrs["NX_class"] = "NXentry"
        entry["definition"] = "NXxps"
        data = entry.create_group("data")
        data.attrs.update({"NX_class": "NXdata", "signal": "data"})
        data["data"], data["energy"] = counts, _ENERGY
        data["energy"].attrs.update({"units": "eV", "type": "binding"})


def _by_us(path: Path) -> float:
    """Read a file as the package does, and load all numbers; their size in bytes."""
    tree = read_file(path, builtin_readers(), Settings())
    return float(sum(leaf[name].values.nbytes for leaf in tree.leaves for name in ("counts", "binding_energy")))


def _first_spectrum(path: Path) -> float:
    """Read a file, and load the first spectrum alone."""
    counts = read_file(path, builtin_readers(), Settings())["C1s"]["counts"]
    return float(counts[0].values.nbytes)


def _by_pandas(path: Path) -> float:
    import pandas as pd

    with path.open() as file:
        head = file.readline()
    german = ";" in head
    mark = ";" if german else "," if "," in head else "\t"
    table = pd.read_csv(path, sep=mark, decimal="," if german else ".")
    return float(table.select_dtypes("number").to_numpy(dtype=float).nbytes)


def _by_vamas(path: Path) -> float:
    from vamas import Vamas

    blocks = Vamas(str(path)).blocks
    values = np.array([block.corresponding_variables[0].y_values for block in blocks], dtype=float)
    return float(values.nbytes)


def _by_h5py(path: Path) -> float:
    import h5py

    with h5py.File(path) as file:
        return float(file["C1s/data/data"][()].nbytes)


_FILES: Final[dict[str, tuple[str, Callable[[Path, float], None]]]] = {
    "two columns, comma": (".csv", _two_columns(",", "binding_energy_eV,counts", ".")),
    "two columns, German": (".csv", _two_columns(";", "Bindungsenergie (eV);Counts", ",")),
    "two columns, tab": (".txt", _two_columns("\t", "Binding Energy (eV)\tCounts", ".")),
    "scans side by side": (".csv", _scans),
    "long table": (".csv", _long_table),
    "VAMAS map": (".vms", _vamas),
    "NeXus map": (".nxs", _nexus),
}
_OTHERS: Final[dict[str, tuple[str, Callable[[Path], float]]]] = {
    ".csv": ("pandas", _by_pandas),
    ".txt": ("pandas", _by_pandas),
    ".vms": ("vamas", _by_vamas),
    ".nxs": ("h5py", _by_h5py),
}


def _written(number: int, small: Path, large: Path, size: float) -> None:
    write = list(_FILES.values())[number][1]
    write(small, 30_000.0)
    write(large, size)


def _measured(read: Callable[[Path], float], small: Path, path: Path, repeats: int) -> tuple[float, float]:
    """Shortest CPU time, and growth of the process by the size of the numbers."""
    read(small)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    times, size = [], 0.0
    for _ in range(repeats):
        start = time.process_time()
        size = read(path)
        times.append(time.process_time() - start)
    growth = 1024.0 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    return min(times), growth / size


def readings(folder: Path, megabytes: float, repeats: int) -> list[Reading]:
    """Write all files into a folder and read them."""
    results: list[Reading] = []
    context = multiprocessing.get_context("spawn")
    for number, (kind, (suffix, _)) in enumerate(_FILES.items()):
        small, large = folder / f"small_{number}{suffix}", folder / f"large_{number}{suffix}"
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            # This process stays small, for a new one counts its largest size from that of this one on.
            pool.submit(_written, number, small, large, 1e6 * megabytes).result()
        readers: list[tuple[str, Callable[[Path], float]]] = [("this package", _by_us), _OTHERS[suffix]]
        if suffix == ".nxs":
            readers.insert(1, ("this package, one spectrum", _first_spectrum))
        for name, read in readers:
            if importlib.util.find_spec(name) is None and read is not _by_us and read is not _first_spectrum:
                continue
            with ProcessPoolExecutor(1, mp_context=context) as pool:
                seconds, memory = pool.submit(_measured, read, small, large, repeats).result()
            results.append(Reading(kind, name, large.stat().st_size / 1e6, seconds, memory))
        large.unlink()
    return results


def table_of(results: list[Reading]) -> Table:
    """One row for each file and reader."""
    table = Table("file", "reader", "MB", "s", "MB/s", "memory by numbers")
    for one in results:
        # Of a single spectrum, the memory of the file's structure is all that there is.
        memory = "" if "one spectrum" in one.reader else f"{one.memory:.1f}"
        table.add_row(
            one.file, one.reader, f"{one.megabytes:.0f}", f"{one.seconds:.2f}",
            f"{one.megabytes / one.seconds:.0f}", memory,
        )  # fmt: skip
    return table


@click.command()
@click.option("--megabytes", default=20.0, show_default=True, help="Size of each file, about.")
@click.option("--repeats", default=3, show_default=True, help="How often each file is read.")
@click.option("--out", default=Path("runs/reading_speed.json"), type=click.Path(path_type=Path), help="Record.")
def main(megabytes: float, repeats: int, out: Path) -> None:
    """Measure speed and memory of reading large files."""
    with tempfile.TemporaryDirectory() as folder:
        results = readings(Path(folder), megabytes, repeats)
    Console().print(table_of(results))
    figures: list[dict[str, Any]] = [asdict(one) for one in results]
    write_record(out, {"conditions": conditions(0), "readings": figures})


if __name__ == "__main__":
    main()
