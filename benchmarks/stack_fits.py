"""Spectra per second with a four-component fit: stacks, beside loops that fit one spectrum after the other.

``python -m benchmarks stack_fits [--sizes 100 --sizes 1000 ...] [--loops 40] [--json PATH]``

Spectra: C 1s of poly(methyl methacrylate) on 161 points, four lines on a Shirley step, 200 to 2000 counts high, charged
by -1 to 1 eV, Poisson noise; the same for all ways. Every row is a run in fresh processes with one thread each, whose
peak memory counts. The ways:

- ``fits``: shift and groups are given; sets of groups, seeds from mean spectra, fits, table of components.
- ``prefit_stack``: all of it, from the network on.
- ``loop``: ``prefit(spectrum).fit("C1s")`` one after the other.
- ``lmfit guess``: a pseudo-Voigt for each line, guessed from its part of the data, on a straight line, nothing tied,
  lmfit's default solver (see `benchmarks.fit_speed`); weights are given.
- ``xarray-lmfit``: its ``modelfit`` with the stack's own seed (model, start values, ties, weights); it fits over one
  axis, so that its spectra are not charged. It is left out where it is not installed (``pip install xarray-lmfit``).

The area of the carbonyl line tells what a fit is worth: its deviation from the truth as a share of it.
"""

from __future__ import annotations

import resource
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import import_module
from importlib.util import find_spec
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np
import xarray as xr
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from benchmarks.processes import in_processes
from benchmarks.record import conditions, write_record
from xps_prefit_hooks import ModelInfo, Settings

if TYPE_CHECKING:
    from xps_stn_plugin.stacks.clusters import Found

FloatArray = NDArray[np.float64]

ENERGY = np.linspace(279.0, 295.0, 161)
#: Binding energy in eV, relative area and quanta of C-H stretch (Beamson & Briggs 1992).
LINES = ((285.0, 2.0, 0.4), (285.72, 1.0, 0.2), (286.79, 1.0, 0.4), (289.03, 1.0, 0.0))
GROUPS = ("alkane", "ester (aliphatic)")
CHARGE, LOWEST_COUNTS, HIGHEST_COUNTS, BACKGROUND, STEP, SIGMA, FRACTION = 1.0, 200.0, 2000.0, 0.05, 0.01, 0.5, 0.2
#: Standard error in eV of the shifts that are given.
SHIFT_ERROR = 0.05
CARBONYL = "C1s O-C=O"
#: Longest time in s that a process may take.
LONGEST = 3600
#: Spectra that are drawn or fitted at a time.
CHUNK = 1024


@dataclass(frozen=True)
class Part:
    """Measurement of one process: spectra, seconds, MiB before and at the peak, fits that converged, area's errors."""

    spectra: int
    seconds: float
    memory_before: float
    memory_peak: float
    success: float
    area_bias: float
    area_error: float


@dataclass(frozen=True)
class Row:
    """One way with one number of spectra."""

    way: str
    spectra: int
    processes: int
    rate: float
    memory_peak: float
    memory_growth: float
    success: float
    area_bias: float
    area_error: float


def simulated(number: int, seed: int, charge: float = CHARGE) -> tuple[NDArray[np.uint16], FloatArray, FloatArray]:
    """Draw counts, shape (number, 161), shifts in eV and true areas of the carbonyl line."""
    from xps_stn_plugin.models.shapes import hydrocarbon, stepped_pseudo_voigt

    counts = np.empty((number, ENERGY.size), dtype=np.uint16)
    shifts, areas = np.empty((2, number))
    for i in range(number):
        random = np.random.default_rng([seed, i])
        shifts[i] = random.uniform(-charge, charge) if charge else 0.0
        height = LOWEST_COUNTS * (HIGHEST_COUNTS / LOWEST_COUNTS) ** random.random()
        curve = np.full(ENERGY.size, BACKGROUND * height)
        for center, area, quanta in LINES:
            size = 0.5 * height * area
            line_center = center + shifts[i]
            if quanta:
                curve += hydrocarbon(ENERGY, size, line_center, SIGMA, FRACTION, quanta, STEP)
            else:
                curve += stepped_pseudo_voigt(ENERGY, size, line_center, SIGMA, FRACTION, STEP)
                areas[i] = size
        counts[i] = random.poisson(curve)
    return counts, shifts, areas


#: Whether each fit converged, and the area of its carbonyl line.
Outcome = tuple[NDArray[np.bool_], FloatArray]


def assumed_prediction(shifts: FloatArray) -> Found:
    """Say what a good network would."""
    from xps_stn_plugin.chemistry.group_lines import group_lines
    from xps_stn_plugin.stacks.clusters import Found

    groups = tuple(group_lines())
    count = shifts.size
    probabilities = np.tile([0.97 if name in GROUPS else 0.02 for name in groups], (count, 1))
    errors, status = np.full(count, SHIFT_ERROR), np.zeros(count, dtype=np.int8)
    return Found(groups, ModelInfo("given", "0", ""), shifts, errors, probabilities, status)


def fits(counts: NDArray[np.uint16], shifts: FloatArray) -> Outcome:
    from xps_stn_plugin.stacks.clusters import Gathering
    from xps_stn_plugin.stacks.model_selection import decide

    gathering = Gathering("C1s", "C1s", ENERGY, {"intensity": "counts", "region": "C1s"})
    rows = [slice(start, start + CHUNK) for start in range(0, len(counts), CHUNK)]
    for part in rows:
        gathering.add(counts[part], assumed_prediction(shifts[part]))
    structures = decide(gathering, Settings())
    column = structures.components.index(CARBONYL)
    success, areas = [], []
    for part in rows:
        fit_columns = structures.fit(counts[part], assumed_prediction(shifts[part]))
        success.append(fit_columns.status == 0)
        areas.append(fit_columns.components.area[:, column])
    return np.concatenate(success), np.concatenate(areas)


def prefit_stacks(counts: NDArray[np.uint16], shifts: FloatArray) -> Outcome:
    from xps_stn_plugin.settings import settings_of
    from xps_stn_plugin.stacks.prefit import prefit_stack
    from xps_stn_plugin.stacks.stack import stack_of

    result = prefit_stack(stack_of(_array(counts)), settings_of(), fit=True)
    region = result["C1s"].to_dataset()
    areas = np.asarray(region["area"].sel(component=CARBONYL).values)
    return np.isfinite(areas), areas


def loop(counts: NDArray[np.uint16], shifts: FloatArray) -> Outcome:
    import xps_stn_plugin as xps
    from xps_stn_plugin.fitting import component_table

    success, areas = [], []
    for row in counts:
        result = xps.prefit(_array(row))
        fit = result.fit("C1s")
        success.append(bool(fit.success))
        table = {component.name: component.area for component in component_table(result.seeds["C1s"], fit)}
        areas.append(table.get(CARBONYL, np.nan))
    return np.array(success), np.array(areas)


def lmfit_guess(counts: NDArray[np.uint16], shifts: FloatArray) -> Outcome:
    from lmfit.models import LinearModel, PseudoVoigtModel

    success, areas = [], []
    for row in counts.astype(float):
        above = np.clip(row - np.interp(ENERGY, ENERGY[[0, -1]], row[[0, -1]]), 0, None)
        part = np.minimum((np.cumsum(above) / above.sum() * len(LINES)).astype(int), len(LINES) - 1)
        model = LinearModel(prefix="bg_")
        slope = (row[-1] - row[0]) / (ENERGY[-1] - ENERGY[0])
        params = model.make_params(slope=slope, intercept=row[0] - slope * ENERGY[0])
        for i in range(len(LINES)):
            line = PseudoVoigtModel(prefix=f"l{i}_")
            params.update(line.guess(above[part == i], x=ENERGY[part == i]))
            model = line + model
        fit = model.fit(row, params, x=ENERGY, weights=1 / np.sqrt(np.maximum(row, 1)), max_nfev=10_000)
        success.append(bool(fit.success))
        area_of = {fit.params[f"l{i}_center"].value: fit.params[f"l{i}_amplitude"].value for i in range(len(LINES))}
        areas.append(area_of[max(area_of)])
    return np.array(success), np.array(areas)


def xarray_lmfit(counts: NDArray[np.uint16], shifts: FloatArray) -> Outcome:
    import_module("xarray_lmfit")  # Adds `xlm` to arrays.
    from xps_stn_plugin.stacks.clusters import Gathering
    from xps_stn_plugin.stacks.model_selection import decide

    gathering = Gathering("C1s", "C1s", ENERGY, {"intensity": "counts", "region": "C1s"})
    gathering.add(counts, assumed_prediction(shifts))
    seed = decide(gathering, Settings()).seeds[0]
    spectra = _array(counts).astype(float)
    weights = 1 / np.sqrt(np.maximum(spectra, 1))
    (prefix,) = (component.prefix for component in seed.components if component.name == CARBONYL)
    fit_results = spectra.xlm.modelfit(
        "binding_energy",
        model=seed.model,
        params=seed.params,
        weights=weights,
        output_result=False,
        max_nfev=10_000,
    )
    areas = np.asarray(fit_results["modelfit_coefficients"].sel(param=f"{prefix}amplitude").values)
    return np.isfinite(areas), areas


def _array(counts: NDArray[np.uint16]) -> xr.DataArray:
    dims = ["pixel", "binding_energy"][-counts.ndim :]
    return xr.DataArray(counts, dims=dims, coords={"binding_energy": ENERGY}, name="C1s", attrs={"region": "C1s"})


METHODS: dict[str, Callable[[NDArray[np.uint16], FloatArray], Outcome]] = {
    "fits": fits,
    "prefit_stack": prefit_stacks,
    "loop": loop,
    "lmfit guess": lmfit_guess,
    "xarray-lmfit": xarray_lmfit,
}


def measure(method: str, number: int, seed: int, barrier: Barrier, results: Queue[Part]) -> None:
    """Work of one process."""
    import torch

    torch.set_num_threads(1)
    charge = 0.0 if method == "xarray-lmfit" else CHARGE
    counts, shifts, areas = simulated(number, seed, charge)
    warm, warm_shifts, _ = simulated(20, seed + 1000, charge)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        METHODS[method](warm, warm_shifts)
        memory_before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        barrier.wait(LONGEST)
        start = time.perf_counter()
        success, fitted_areas = METHODS[method](counts, shifts)
        seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    relative_errors = (fitted_areas / areas - 1)[np.isfinite(fitted_areas)]
    results.put(
        Part(
            number,
            seconds,
            memory_before,
            peak,
            float(success.mean()),
            float(np.median(relative_errors)),
            float(np.median(np.abs(relative_errors))),
        )
    )


def run(method: str, number: int, processes: int, seed: int) -> Row:
    """Measure one way in processes of its own."""
    parts: list[Part] = in_processes(measure, number, processes, lambda size, i: (method, size, seed + i), LONGEST)
    return Row(
        way=method,
        spectra=number,
        processes=processes,
        rate=number / max(part.seconds for part in parts),
        memory_peak=max(part.memory_peak for part in parts),
        memory_growth=max(part.memory_peak - part.memory_before for part in parts),
        success=float(np.mean([part.success for part in parts])),
        area_bias=float(np.mean([part.area_bias for part in parts])),
        area_error=float(np.mean([part.area_error for part in parts])),
    )


@click.command()
@click.option("--sizes", multiple=True, type=int, default=(100, 1000, 10_000), show_default=True)
@click.option("--loops", default=40, show_default=True, help="Spectra of the ways that fit one after the other.")
@click.option("--processes", multiple=True, type=int, default=(1, 2), show_default=True, help="For the stacks.")
@click.option("--seed", default=1, show_default=True)
@click.option(
    "--json", "json_path", type=click.Path(path_type=Path), default=Path("runs/stack_fits.json"), show_default=True
)
def main(sizes: tuple[int, ...], loops: int, processes: tuple[int, ...], seed: int, json_path: Path) -> None:
    """Measure spectra per second with fits."""
    console = Console(width=110)
    missing = "" if find_spec("xarray_lmfit") else "xarray-lmfit is not installed; its row is missing."
    loop_methods = [
        method for method in ("loop", "lmfit guess", "xarray-lmfit") if not (missing and method == "xarray-lmfit")
    ]
    rows = [run(method, loops, 1, seed) for method in loop_methods]
    for size in sizes:
        rows += [run(method, size, count, seed) for method in ("fits", "prefit_stack") for count in processes]
    rates = {row.way: row.rate for row in rows if row.way in loop_methods}
    names = ("way", "spectra", "processes", "spectra/s", "times loop", "peak MiB", "growth MiB", "converged", "area")
    table = Table(*names)
    for row in rows:
        table.add_row(
            row.way,
            f"{row.spectra}",
            f"{row.processes}",
            f"{row.rate:.1f}" if row.rate < 100 else f"{row.rate:.0f}",
            f"{row.rate / rates['loop']:.1f}",
            f"{row.memory_peak:.0f}",
            f"{row.memory_growth:.0f}",
            f"{100 * row.success:.1f} %",
            f"{100 * row.area_bias:+.1f} ± {100 * row.area_error:.1f} %",
        )
    console.print(table)
    if missing:
        console.print(missing)
    record = {**conditions(seed), "loops": loops, "rows": [asdict(row) for row in rows], "left out": missing}
    write_record(json_path, record)
    console.print(f"written: {json_path}")
