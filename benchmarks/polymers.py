"""Measured polymer spectra and their groups, as a folder of CSV files with ``groups.csv``."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xps_stn_plugin.core.spectrum import region_dataset, spectrum_tree

Regions = Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Polymer:
    """A measured polymer: energies (eV) and intensities by region, and its groups."""

    name: str
    regions: Regions
    groups: frozenset[str]

    def spectrum(self, shift: float = 0.0) -> xr.DataTree:
        """Spectrum whose axis is moved by `shift` eV."""
        regions = {
            name: region_dataset(self.name, rows[:, 0] + shift, rows[:, 1], region=name)
            for name, rows in self.regions.items()
        }
        return spectrum_tree(self.name, regions)


def load(folder: Path) -> tuple[Polymer, ...]:
    """Read the folder's CSV files that ``groups.csv`` lists."""
    with (folder / "groups.csv").open(newline="", encoding="utf-8") as handle:
        groups = {row["polymer"]: frozenset(filter(None, row["groups"].split("; "))) for row in csv.DictReader(handle)}
    polymers = []
    for path in sorted(folder.glob("*.csv")):
        if path.stem not in groups:
            continue
        regions: dict[str, list[tuple[float, float]]] = {}
        with path.open(newline="", encoding="utf-8") as handle:
            for row in csv.DictReader(handle):
                point = float(row["binding_energy_eV"]), float(row["intensity"])
                regions.setdefault(row["region"], []).append(point)
        polymers.append(Polymer(path.stem, {name: np.array(rows) for name, rows in regions.items()}, groups[path.stem]))
    return tuple(polymers)
