"""A map of two polymers under a charging gradient: shift and groups of every pixel, against the highest channel.

python -m benchmarks charging_map --plot docs/images/charging_map.png

The map is simulated: poly(methyl methacrylate) with islands of polystyrene, lines at the positions of Beamson & Briggs
(1992), a Shirley step, counting noise; the charging rises by 2 eV from the left to the right. The baseline takes the
highest C 1s channel for 285.00 eV.
"""

from __future__ import annotations

import resource
import time
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from benchmarks.record import conditions, write_record
from xps_prefit_hooks import ALIPHATIC_C1S
from xps_stn_plugin.models.shapes import hydrocarbon, stepped_pseudo_voigt

FloatArray = NDArray[np.float64]

#: Charging in eV at the left and at the right edge.
LOWEST_SHIFT, HIGHEST_SHIFT = 0.5, 2.5

# Areas and positions in eV (Beamson & Briggs 1992); the first number of a line says whether it is vibrational.
_LINES = {
    "PMMA": {
        "C1s": ((True, 2.0, 285.00), (True, 1.0, 285.72), (True, 1.0, 286.79), (False, 1.0, 289.03)),
        "O1s": ((False, 2.9, 532.21), (False, 2.9, 533.77)),
    },
    "PS": {"C1s": ((False, 6.0, 284.76), (True, 2.0, 285.00), (False, 0.5, 291.56)), "O1s": ()},
}
_AXES = {"C1s": np.arange(279.0, 297.0, 0.1), "O1s": np.arange(527.0, 539.0, 0.1)}
_FWHM, _FRACTION, _STEP, _VIBRATION = 1.05, 0.2, 0.03, 0.4


@dataclass(frozen=True)
class ChargingMap:
    """A simulated map.

    Parameters
    ----------
    tree : xarray.DataTree
        Counts of each region over y, x and the measured binding energy.
    shift : ndarray, shape (y, x)
        Charging in eV.
    styrene : ndarray of bool, shape (y, x)
        Where polystyrene lies; the rest is poly(methyl methacrylate).
    """

    tree: xr.DataTree
    shift: FloatArray
    styrene: NDArray[np.bool_]


def charging_map(size: int, counts: float, seed: int) -> ChargingMap:
    """Simulate a square map.

    Parameters
    ----------
    size : int
        Pixels along one side.
    counts : float
        Counts of a hydrocarbon line of area 1 at its maximum.
    seed : int
        Of islands and noise.
    """
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size]
    shift = LOWEST_SHIFT + (HIGHEST_SHIFT - LOWEST_SHIFT) * x / (size - 1)
    styrene = np.zeros((size, size), dtype=bool)
    for row, column, radius in zip(*random.uniform(0, size, (2, 7)), random.uniform(0.06, 0.16, 7) * size, strict=True):
        styrene |= (y - row) ** 2 + (x - column) ** 2 < radius**2
    regions = {}
    for region, axis in _AXES.items():
        values = np.empty((size, size, axis.size))
        for column in range(size):
            # All pixels of a column are charged alike.
            for polymer, pixels in (("PMMA", ~styrene[:, column]), ("PS", styrene[:, column])):
                values[pixels, column] = _curve(polymer, region, axis - shift[0, column], counts)
        coordinates = {name: (name, 2.0 * np.arange(size), {"units": "µm"}) for name in ("y", "x")}
        regions[region] = xr.Dataset(
            {"counts": (("y", "x", "binding_energy"), random.poisson(values).astype(np.uint16))},
            {**coordinates, "binding_energy": axis},
            {"region": region, "intensity": "counts"},
        )
    tree = xr.DataTree.from_dict(regions)
    tree.attrs["source"] = "simulated map"
    return ChargingMap(tree, shift, styrene)


def _curve(polymer: str, region: str, energy: FloatArray, counts: float) -> FloatArray:
    scale = counts * _FWHM
    curve = np.full(energy.size, 0.15 * counts)
    for vibrational, area, center in _LINES[polymer][region]:
        if vibrational:
            curve += hydrocarbon(energy, scale * area, center, _FWHM / 2, _FRACTION, _VIBRATION, _STEP)
        else:
            curve += stepped_pseudo_voigt(energy, scale * area, center, _FWHM / 2, _FRACTION, _STEP)
    return curve


def highest_channel(tree: xr.DataTree) -> FloatArray:
    """Shift in eV by the old rule of thumb: the highest C 1s channel is hydrocarbon."""
    data = tree["C1s"]["counts"]
    return data["binding_energy"].values[data.argmax("binding_energy").values] - ALIPHATIC_C1S


def draw(truth: ChargingMap, prefit: xr.DataTree, baseline: FloatArray, path: Path) -> None:
    """Draw charging as put in and as found, what is left of it, and the groups."""
    figure = Figure(figsize=(11.5, 6.6), layout="constrained")
    axes = figure.subplots(2, 3)
    side = float(truth.tree["C1s"]["x"].max())
    shift = prefit["shift"].values
    residual_shifts = {"found": shift - truth.shift, "highest channel": baseline - truth.shift}
    groups = prefit["probability"]
    panels = (
        ("charging put in / eV", truth.shift, (LOWEST_SHIFT, HIGHEST_SHIFT), "viridis"),
        ("charging found / eV", shift, (LOWEST_SHIFT, HIGHEST_SHIFT), "viridis"),
        ("found minus put in / eV", residual_shifts["found"], (-0.4, 0.4), "RdBu_r"),
        ("probability of an ester", groups.sel(group="ester (aliphatic)").values, (0.0, 1.0), "cividis"),
        ("probability of a benzene ring", groups.sel(group="benzene ring").values, (0.0, 1.0), "cividis"),
    )
    for panel, (title, values, (low, high), colours) in zip(axes.flat, panels, strict=False):
        image = panel.imshow(
            values, vmin=low, vmax=high, cmap=colours, extent=(0, side, side, 0), interpolation="nearest"
        )
        panel.set_title(title, fontsize=10)
        panel.set_xlabel("x / µm", fontsize=9)
        panel.set_ylabel("y / µm", fontsize=9)
        panel.tick_params(labelsize=8)
        figure.colorbar(image, ax=panel, shrink=0.85)
    panel = axes.flat[5]
    bins = np.linspace(-0.8, 0.8, 81)
    for (name, values), colour in zip(residual_shifts.items(), ("#0072B2", "#E69F00"), strict=True):
        label = f"{name}: RMS {np.sqrt(np.nanmean(values**2)):.2f} eV"
        panel.hist(values.ravel(), bins, histtype="stepfilled", alpha=0.55, color=colour, label=label)
    panel.set_title("what is left of the charging", fontsize=10)
    panel.set_xlabel("error of the shift / eV", fontsize=9)
    panel.set_ylabel("pixels", fontsize=9)
    panel.tick_params(labelsize=8)
    panel.set_ylim(top=1.35 * panel.get_ylim()[1])  # room for the legend
    panel.legend(fontsize=8, loc="upper center")
    figure.savefig(path, dpi=90)


@click.command()
@click.option("--size", default=128, show_default=True, help="Pixels along one side.")
@click.option("--counts", default=400.0, show_default=True, help="Counts of a hydrocarbon line at its maximum.")
@click.option("--seed", default=6, show_default=True)
@click.option("--plot", type=click.Path(path_type=Path), help="Picture to make.")
@click.option(
    "--json", "json_path", type=click.Path(path_type=Path), default=Path("runs/charging_map.json"), show_default=True
)
def main(size: int, counts: float, seed: int, plot: Path | None, json_path: Path) -> None:
    """Prefit a simulated map and compare its shifts with those put in."""
    import xps_stn_plugin as xps

    console = Console()
    truth = charging_map(size, counts, seed)
    xps.prefit_many(truth.tree.isel(y=slice(0, 2), x=slice(0, 2)))  # loads the network
    start = time.perf_counter()
    prefit = xps.prefit_many(truth.tree)
    seconds = time.perf_counter() - start
    baseline = highest_channel(truth.tree)
    ok = prefit["status"].values == 0
    table = Table("shift", "pixels", "bias / eV", "RMS / eV", "95 % / eV", "gradient found / eV")
    rows = {
        "network": (prefit["shift"].values, np.ones_like(ok)),
        "network, status ok": (prefit["shift"].values, ok),
        "network, PMMA": (prefit["shift"].values, ~truth.styrene),
        "network, PS": (prefit["shift"].values, truth.styrene),
        "highest channel = 285.00 eV (baseline)": (baseline, np.ones_like(ok)),
    }
    record: dict[str, object] = {}
    for name, (shift, pixels) in rows.items():
        error = (shift - truth.shift)[pixels]
        column = np.broadcast_to(np.arange(size), shift.shape)[pixels]
        slope = float(np.polyfit(column, shift[pixels], 1)[0]) * (size - 1)
        figures = (
            float(error.mean()),
            float(np.sqrt(np.mean(error**2))),
            float(np.quantile(np.abs(error), 0.95)),
            slope,
        )
        table.add_row(name, str(error.size), f"{figures[0]:+.3f}", *(f"{figure:.3f}" for figure in figures[1:]))
        record[name] = {
            "pixels": error.size,
            "bias": figures[0],
            "rms": figures[1],
            "p95": figures[2],
            "gradient": slope,
        }
    console.print(table)
    groups = prefit["probability"]
    is_styrene = groups.sel(group="benzene ring").values > groups.sel(group="ester (aliphatic)").values
    right = float((is_styrene == truth.styrene).mean())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    console.print(
        f"pixels whose polymer is told right: {right:.1%}; {size**2 / seconds:.0f} spectra/s; peak memory {peak:.0f} MB"
    )
    if plot is not None:
        draw(truth, prefit, baseline, plot)
        console.print(f"drawn: {plot}")
    record |= {"right": right, "per_second": size**2 / seconds, "peak_mb": peak}
    write_record(json_path, {**conditions(seed), "size": size, "counts": counts, **record})
    console.print(f"written: {json_path}")
