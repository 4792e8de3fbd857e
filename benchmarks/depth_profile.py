"""A depth profile of an oxide film on silicon: atomic percentages and states over etch time, against the truth.

python -m benchmarks depth_profile --plot docs/images/depth_profile.png

The profile is simulated: SiO2 on Si under adventitious carbon, handbook positions, Scofield's cross sections, a step
below every line, counting noise. The oxide is charged, less as it is etched away.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from benchmarks.record import conditions, write_record
from xps_stn_plugin.core.spectrum import spectrum_tree
from xps_stn_plugin.models.lineshapes import pseudo_voigt
from xps_stn_plugin.quantification import sensitivity_set

FloatArray = NDArray[np.float64]

#: Seconds of etching between two spectra.
STEP = 30.0
_AXES = {"Si2p": np.arange(92.0, 112.0, 0.1), "O1s": np.arange(524.0, 542.0, 0.1), "C1s": np.arange(278.0, 296.0, 0.1)}
#: Splitting of Si 2p in eV; positions and FWHM in eV of the states of Si and of O 1s (Moulder et al., 1992).
_SPLITTING = 0.61
_SILICON, _OXIDE, _OXYGEN = (99.4, 0.7), (103.5, 1.3), (532.9, 1.3)
#: Share, position and FWHM in eV of the lines of adventitious carbon.
_CARBON = ((0.80, 284.8, 1.3), (0.14, 286.3, 1.3), (0.06, 288.7, 1.3))
_FRACTION, _BACKGROUND_STEP, _BACKGROUND = 0.3, 0.006, 2.0
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")


@dataclass(frozen=True)
class DepthProfile:
    """A simulated depth profile.

    Parameters
    ----------
    tree : xarray.DataTree
        Counts of each region over ``etch_time`` and the measured binding energy.
    shift : ndarray, shape (n,)
        Charging in eV.
    percent : mapping of str to ndarray, shape (n,)
        Atomic percent of elements, and of silicon in its states ``Si`` and ``SiO2``.
    """

    tree: xr.DataTree
    shift: FloatArray
    percent: dict[str, FloatArray]


def depth_profile(levels: int, counts: float, seed: int) -> DepthProfile:
    """Simulate a profile of so many levels; `counts` are those of one channel for 100 at% of carbon times eV."""
    random = np.random.default_rng(seed)
    time = STEP * np.arange(levels)
    oxide = 1.0 / (1.0 + np.exp((time - 0.55 * time[-1]) / (0.07 * time[-1])))
    carbon = 2.0 + 25.0 * np.exp(-time / STEP)
    # Amounts of Si, of Si in SiO2, and of O; one SiO2 has three atoms.
    amounts = np.stack([1.0 - oxide, oxide / 3.0, oxide * 2.0 / 3.0]) * (100.0 - carbon)
    percent = {
        "C": carbon,
        "O": amounts[2],
        "Si": amounts[0] + amounts[1],
        "Si2p element": amounts[0],
        "Si2p SiO2": amounts[1],
    }
    shift = 0.2 + 1.5 * oxide
    factors = sensitivity_set("scofield").factors
    regions = {}
    for name, axis in _AXES.items():
        true_axis = axis[None] - shift[:, None]
        if name == "Si2p":
            lines = amounts[0, :, None] * _pair(true_axis, *_SILICON) + amounts[1, :, None] * _pair(true_axis, *_OXIDE)
        elif name == "O1s":
            lines = amounts[2, :, None] * pseudo_voigt(true_axis, *_OXYGEN, _FRACTION)
        else:
            shape = sum(share * pseudo_voigt(true_axis, *place, _FRACTION) for share, *place in _CARBON)
            lines = carbon[:, None] * shape
        lines = factors[name].whole * lines
        expected = counts / 100.0 * (lines + _BACKGROUND_STEP * np.cumsum(lines, axis=1) + _BACKGROUND)
        regions[name] = xr.Dataset(
            {"counts": (("etch_time", "binding_energy"), random.poisson(expected).astype(float))},
            {"binding_energy": axis, "etch_time": ("etch_time", time, {"units": "s"})},
            {"region": name, "intensity": "counts", "dwell_time": 1.0, "scans": 1},
        )
    return DepthProfile(spectrum_tree("depth profile", regions), shift, percent)


def _pair(axis: FloatArray, position: float, fwhm: float) -> FloatArray:
    higher, lower = (pseudo_voigt(axis, position + move, fwhm, _FRACTION) for move in (0.0, _SPLITTING))
    return np.asarray((2.0 * higher + lower) / 3.0)


def figure(profile: DepthProfile, found: xr.DataTree) -> Figure:
    """Draw shift, elements and states over etch time: points are found, lines are true."""
    drawing = Figure(figsize=(11, 3.4), layout="constrained")
    axes = drawing.subplots(1, 3)
    time = profile.tree["Si2p"]["etch_time"].values
    axes[0].plot(time, profile.shift, color="0.5")
    axes[0].errorbar(time, found["shift"], found["shift_stderr"], fmt="o", ms=3, color=_COLOURS[0])
    axes[0].set_ylabel("shift / eV")
    elements = found["atomic_percent"], found["atomic_percent_stderr"]
    for colour, name in zip(_COLOURS, found["element"].values, strict=False):
        _points(axes[1], time, profile.percent[str(name)], *(part.sel(element=name) for part in elements), colour, name)
    silicon = found["Si2p"]
    for colour, name in zip(_COLOURS, ("Si2p element", "Si2p SiO2"), strict=False):
        parts = (silicon[each].sel(component=name) for each in ("atomic_percent", "atomic_percent_stderr"))
        _points(axes[2], time, profile.percent[name], *parts, colour, name)
    for axis in axes:
        axis.set_xlabel("etch time / s")
    for axis in axes[1:]:
        axis.set_ylabel("at%")
        axis.set_ylim(-4, 104)
        axis.legend(fontsize=8)
    return drawing


def _points(
    axis: Axes,
    time: FloatArray,
    truth: FloatArray,
    values: xr.DataArray,
    errors: xr.DataArray,
    colour: str,
    name: str,
) -> None:
    axis.plot(time, truth, color=colour, alpha=0.6)
    axis.errorbar(time, values, errors, fmt="o", ms=3, color=colour, label=str(name))


@click.command()
@click.option("--levels", default=24, show_default=True)
@click.option("--counts", default=20_000.0, show_default=True, help="Counts of a channel for 100 at% of carbon.")
@click.option("--seed", default=0, show_default=True)
@click.option("--plot", type=click.Path(path_type=Path), help="Draw a picture.")
@click.option(
    "--json", "json_path", type=click.Path(path_type=Path), default=Path("runs/depth_profile.json"), show_default=True
)
def main(levels: int, counts: float, seed: int, plot: Path | None, json_path: Path) -> None:
    """Measure shift, atomic percentages and states over a simulated depth profile."""
    import xps_stn_plugin as xps

    profile = depth_profile(levels, counts, seed)
    found = xps.prefit_many(profile.tree, fit=True, reference=284.8)
    errors = {"shift / eV": np.abs(found["shift"].values - profile.shift)}
    for name in ("Si", "O", "C"):
        errors[f"{name} / at%"] = np.abs(found["atomic_percent"].sel(element=name).values - profile.percent[name])
    for name in ("Si2p element", "Si2p SiO2"):
        values = found["Si2p/atomic_percent"].sel(component=name).values
        errors[f"{name} / at%"] = np.abs(values - profile.percent[name])
    table = Table("quantity", "median error", "largest error", "missing")
    record: dict[str, object] = {}
    for name, values in errors.items():
        row = (float(np.nanmedian(values)), float(np.nanmax(values)), int(np.isnan(values).sum()))
        record[name] = dict(zip(("median", "largest", "missing"), row, strict=True))
        table.add_row(name, f"{row[0]:.2f}", f"{row[1]:.2f}", str(row[2]))
    Console().print(table)
    record |= {"conditions": {**conditions(seed), "levels": levels, "counts": counts}}
    write_record(json_path, record)
    if plot is not None:
        figure(profile, found).savefig(plot, dpi=110)
