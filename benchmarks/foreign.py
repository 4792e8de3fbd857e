"""The list of ``out_of_domain.toml`` as spectra: materials, empty windows, polymers gone wrong, real files.

Nothing in it comes from the network's own simulator.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from importlib.resources import files
from itertools import product
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import xarray as xr

from benchmarks.cases import FINE, Array, Conditions, ascending, columns, detected, drawn, extended, tree
from benchmarks.polymers import Polymer, Regions
from xps_prefit_hooks import PrefitError
from xps_stn_plugin.api import read

#: What the network should say; ``out_of_domain.toml`` explains the words.
Verdict = Literal["outside", "doubtful", "debatable", "inside"]
#: The spectrum in given conditions.
Build = Callable[[Conditions, np.random.Generator], xr.DataTree]


@dataclass(frozen=True)
class Case:
    """One kind of spectrum, to be drawn in any conditions.

    Parameters
    ----------
    kind, name, why : str
        Family, sample, and why the verdict is what it is.
    verdict : {"outside", "doubtful", "debatable", "inside"}
        What the network should say.
    build : callable
        Makes the spectrum. Raises `PrefitError` where no reader would let it pass.
    scaled : bool
        Whether the rigid shift on the 285.0 eV scale is known (``Conditions.charge``), so that an error can be given.
    charge : float or None
        Charge in eV that belongs to the case, instead of a random one.
    """

    kind: str
    name: str
    verdict: Verdict
    why: str
    build: Build
    scaled: bool = False
    charge: float | None = None


# --- what can go wrong with a good spectrum -------------------------------------------------------


def doubled(regions: Regions, distance: float) -> dict[str, Array]:
    """Two halves of the sample, the second charged by `distance` eV more."""
    summed = {}
    for name, rows in ascending(regions).items():
        extended_rows = extended(rows, rows[0, 0], rows[-1, 0] + distance, FINE)
        second = np.interp(extended_rows[:, 0] - distance, rows[:, 0], rows[:, 1], left=0.0, right=0.0)
        summed[name] = columns(extended_rows[:, 0], (extended_rows[:, 1] + second) / 2)
    return summed


def swapped(counts: Regions) -> dict[str, Array]:
    """Put the counts of the first two regions under each other's axis, as far as the shorter goes."""
    first, second = sorted(counts)[:2]
    size = min(len(counts[first]), len(counts[second]))
    a, b = counts[first][:size], counts[second][:size]
    return {**counts, first: columns(a[:, 0], b[:, 1]), second: columns(b[:, 0], a[:, 1])}


def mirrored(counts: Regions) -> dict[str, Array]:
    """Put the counts in the wrong order beside their energies."""
    return {name: columns(rows[:, 0], rows[::-1, 1]) for name, rows in counts.items()}


def clipped(counts: Regions, share: float) -> dict[str, Array]:
    """No channel above `share` of the highest line."""
    highest = max(counts.values(), key=lambda rows: float(rows[:, 1].max()))[:, 1]
    limit = np.floor(highest.min() + share * np.ptp(highest))
    return {name: columns(rows[:, 0], rows[:, 1].clip(max=limit)) for name, rows in counts.items()}


def with_dead_time(counts: Regions, share: float) -> dict[str, Array]:
    """Non-paralysable dead time that takes `share` of the highest channel: rate / (1 + rate * time)."""
    top = max(rows[:, 1].max() for rows in counts.values())
    time = share / (1 - share) / top
    return {name: columns(rows[:, 0], np.round(rows[:, 1] / (1 + time * rows[:, 1]))) for name, rows in counts.items()}


def altered(
    name: str, regions: Regions, change: str, amount: float, conditions: Conditions, rng: np.random.Generator
) -> xr.DataTree:
    """Measured polymer with one thing wrong.

    Raises
    ------
    PrefitError
        For a change that is not known.
    """
    counts = detected(doubled(regions, amount) if change == "doubled" else regions, conditions, rng)
    match change:
        case "charged" | "doubled":
            return tree(name, counts)
        case "swapped":
            return tree(name, swapped(counts))
        case "misnamed":
            return tree(name, {"C1s": counts["O1s"]})
        case "reversed":
            return tree(name, mirrored(counts))
        case "clipped":
            return tree(name, clipped(counts, amount))
        case "dead":
            return tree(name, with_dead_time(counts, amount))
    raise PrefitError("out_of_domain.toml", f"the change {change!r} is not known to benchmarks.foreign.")


# --- no line at all: expected counts over an axis from 0 to 1, in units of the background ---------

SHAPES: Mapping[str, Callable[[Array, np.random.Generator], Array]] = {
    "flat": lambda x, rng: np.ones_like(x),
    "slope": lambda x, rng: 1 + rng.uniform(0.3, 2.0) * x,
    "fall": lambda x, rng: 1 + rng.uniform(0.3, 2.0) * (1 - x),
    "step": lambda x, rng: 1 + rng.uniform(0.3, 2.0) / (1 + np.exp(-(x - rng.uniform(0.3, 0.7)) / 0.04)),
    "tail": lambda x, rng: 1 + rng.uniform(1.0, 20.0) * np.exp((x - 1) / rng.uniform(0.05, 0.2)),
    "hum": lambda x, rng: 1 + 0.2 * np.sin(2 * np.pi * (rng.uniform(1.5, 6.0) * x + rng.random())),
}
#: Binding energies in eV from which a window without a line is recorded, and how wide it is.
WINDOWS = {"C1s": 278.0, "O1s": 524.0, "N1s": 393.0}
WINDOW_WIDTH = 18.0


def featureless(shape: str, windows: Sequence[str], conditions: Conditions, rng: np.random.Generator) -> xr.DataTree:
    """Record `shape` in every window: one of `SHAPES`, "spike", "spikes", "constant" or "constant but one"."""
    axis = np.arange(0.0, WINDOW_WIDTH, conditions.step)
    regions = {}
    for name in windows:
        expected = SHAPES.get(shape, SHAPES["flat"])(axis / WINDOW_WIDTH, rng)
        counts = rng.poisson(conditions.counts * expected).astype(float)
        if shape.startswith("spike"):
            number = 1 if shape == "spike" else int(rng.integers(2, 6))
            counts[rng.integers(4, axis.size - 4, number)] += conditions.counts * rng.uniform(0.5, 5.0, number)
        if shape.startswith("constant"):
            counts[:] = np.floor(conditions.counts)
        if shape == "constant but one":
            counts[rng.integers(axis.size)] += 1
        regions[name] = columns(WINDOWS[name] + axis + conditions.charge, np.round(counts))
    return tree(shape, regions)


# --- the list -------------------------------------------------------------------------------------


@cache
def table() -> Mapping[str, Any]:
    """Read ``out_of_domain.toml``."""
    return tomllib.loads(files("benchmarks").joinpath("out_of_domain.toml").read_text(encoding="utf-8"))


def simulated_cases(polymers: Sequence[Polymer]) -> tuple[Case, ...]:
    """Cases from lines, from nothing, and from measured polymers.

    Raises
    ------
    PrefitError
        If a verdict is unknown.
    """
    measured = {polymer.name: polymer.regions for polymer in polymers}
    return _checked([*_materials(), *_featureless(), *_altered(measured)])


def real_cases(folder: Path) -> tuple[Case, ...]:
    """Cases from files of real instruments.

    Raises
    ------
    PrefitError
        If a file cannot be read or a verdict is unknown.
    """
    return _checked(list(_real(folder)))


def _checked(cases: list[Case]) -> tuple[Case, ...]:
    for case in cases:
        if case.verdict not in get_args(Verdict):
            msg = f"{case.name} has the verdict {case.verdict!r}; it must be one of {', '.join(get_args(Verdict))}."
            raise PrefitError("out_of_domain.toml", msg)
    return tuple(cases)


def _materials() -> Iterator[Case]:
    for entry in table()["material"]:
        for name, lines in entry["samples"].items():
            build = partial(_recorded, name, {region: drawn(rows) for region, rows in lines.items()})
            yield Case(entry["kind"], name, entry["verdict"], entry["why"], build, scaled=True)


def _recorded(name: str, curves: Regions, conditions: Conditions, rng: np.random.Generator) -> xr.DataTree:
    return tree(name, detected(curves, conditions, rng))


def _featureless() -> Iterator[Case]:
    for entry in table()["featureless"]:
        for shape, windows in product(entry["shapes"], entry["windows"]):
            name = f"{shape} in {', '.join(windows)}"
            yield Case(entry["kind"], name, entry["verdict"], entry["why"], partial(featureless, shape, windows))


def _altered(polymers: Mapping[str, Regions]) -> Iterator[Case]:
    for entry in table()["altered"]:
        change = entry["change"]
        for name, amount in product(entry["polymers"], entry["amounts"]):
            label = f"{name}, {change} {amount:+g}" if amount else f"{name}, {change}"
            build = partial(altered, name, polymers[name], change, amount)
            scaled, charge = change in ("charged", "clipped", "dead"), amount if change == "charged" else None
            yield Case(entry["kind"], label, entry["verdict"], entry["why"], build, scaled, charge)


def _real(folder: Path) -> Iterator[Case]:
    for entry in table()["real"]:
        spectrum = read(folder / entry["file"])
        section = entry.get("cut")
        regions = {name: spectrum[name].to_dataset() for name in entry.get("regions", spectrum.children)}
        if section:
            name, region, low, high = section
            data = spectrum[name].to_dataset().sel(binding_energy=slice(low, high))
            regions = {region: data.assign_attrs(region=region)}
        part = f", {', '.join(regions)}" if "regions" in entry else ""
        if section:
            part = f", {section[0]} {section[2]:g}-{section[3]:g} eV as {section[1]}"
        label = entry["file"] + part
        yield Case("real file", label, entry["verdict"], entry["why"], partial(_charged, regions))


def _charged(regions: Mapping[str, xr.Dataset], conditions: Conditions, rng: np.random.Generator) -> xr.DataTree:
    shifted = {
        f"/{name}": data.assign_coords(binding_energy=data["binding_energy"] + conditions.charge)
        for name, data in regions.items()
    }
    return xr.DataTree.from_dict(shifted)
